from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import pytest

from nnlab import catalog

ROOT = Path(__file__).parent.parent


@pytest.mark.tf
def test_the_catalog_is_what_the_installed_keras_says(generator):
    assert generator.KERAS_FILE.read_text(encoding="utf-8") == generator.render(generator.generate())


@pytest.mark.tf
def test_the_catalog_and_the_exports_are_what_nnlabs_layers_say(generator):
    assert generator.NNLAB_FILE.read_text(encoding="utf-8") == generator.render(generator.generate_own())
    assert generator.EXPORTS_FILE.read_text() == generator.exports()


@pytest.mark.tf
def test_annotations_tell_types_limits_and_choices(generator):
    from annotated_types import Ge, Gt, Le

    read = generator.annotated_values
    assert read(int | None) == {"types": ["int", "null"]}
    assert read(Annotated[int, Ge(1)]) == {"types": ["int"], "minimum": 1}
    assert read(Annotated[float, Gt(0), Le(1)]) == {"types": ["float"], "exclusive_minimum": 0, "maximum": 1}
    assert read(Literal["a", "b"] | None) == {"types": ["str", "null"], "choices": ["a", "b"]}


@pytest.mark.tf
def test_every_name_leads_to_an_object():
    from nnlab.model.objects import python_object

    for kind in set(catalog.KINDS) - set(catalog.PROVIDERS):
        for entry in catalog.entries(kind).values():
            if entry.name not in (*catalog.activation_layers(), "accuracy"):
                assert callable(python_object(entry)), (kind, entry.name)


def test_nnlabs_own_objects_stand_beside_keras_and_do_not_hide_any():
    keras, own = (
        json.loads((ROOT / f"src/nnlab/catalog/{name}.json").read_text())["kinds"] for name in ("keras", "nnlab")
    )
    assert catalog.find("layers", "Maxout").package == "nnlab"
    assert catalog.find("layers", "Dense").package == "keras"
    for kind in keras:
        known = set(keras[kind]) | {alias for entry in keras[kind].values() for alias in entry["aliases"]}
        assert not set(own.get(kind, {})) & known


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
            assert entry.url or entry.package == "nnlab", entry.name


def test_activation_layers_can_be_named_as_activations():
    assert catalog.find("activations", "PReLU").object == "PReLU"
    assert catalog.find("activations", "LeakyReLU").parameters["negative_slope"].default == 0.3
    assert catalog.find("activations", "NoisyReLU").package == "nnlab"
