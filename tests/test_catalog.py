from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from nnlab import catalog

ROOT = Path(__file__).parent.parent


@pytest.mark.tf
def test_the_catalog_is_what_the_installed_keras_says():
    location = ROOT / "scripts" / "generate_catalog.py"
    spec = importlib.util.spec_from_file_location("generate_catalog", location)
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    written = json.loads((ROOT / "src" / "nnlab" / "catalog" / "keras.json").read_text())
    assert json.loads(json.dumps(generator.generate())) == written


@pytest.mark.tf
def test_every_name_leads_to_an_object_of_keras():
    from nnlab.model import objects

    for kind, module in objects._MODULES.items():
        for entry in catalog.entries(kind).values():
            assert hasattr(module, entry.object), (kind, entry.name)


def test_aliases_lead_to_the_same_entry():
    assert catalog.find("losses", "mse") is catalog.find("losses", "mean_squared_error")
    assert catalog.find("optimizers", "sgd").name == "SGD"
    assert catalog.find("activations", "swish").name == "silu"
    assert catalog.find("layers", "dense") is None


def test_required_parameters_have_no_default():
    units = catalog.find("layers", "Dense").parameters["units"]
    assert units.required
    assert units.types == ("int",)
    assert units.minimum == 1


def test_every_entry_says_what_it_is_and_where_to_read_more():
    for kind in catalog.KINDS:
        for entry in catalog.entries(kind).values():
            assert entry.summary, entry.name
            assert entry.url is None or entry.url.startswith("https://"), entry.name
            assert entry.url or kind == "datasets", entry.name


def test_activation_layers_can_be_named_as_activations():
    assert catalog.find("activations", "PReLU").object == "PReLU"
    assert catalog.find("activations", "LeakyReLU").parameters["negative_slope"].default == 0.3
