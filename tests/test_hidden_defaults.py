"""The defaults of `model:` reach every hidden layer that has a kernel, also those that another layer wraps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnlab import catalog
from nnlab.config.components import Component
from nnlab.config.model import HiddenDefaults
from nnlab.data.splits import DataSpec, Split, Splits
from nnlab.data.target_spec import TargetSpec
from nnlab.errors import ConfigError
from nnlab.model.ending import ending_of
from nnlab.model.hidden import PlannedLayer, has_weights, with_defaults, wrapped
from nnlab.model.plan import plan_model

ALL = "activation: relu, initializer: he_normal, regularizer: {L2: 0.5}, constraint: {MaxNorm: 0.1}"
NO_KERNEL = {
    "BatchNormalization", "Embedding", "GroupNormalization", "LayerNormalization", "PReLU", "ReversibleEmbedding",
}  # fmt: skip
"""Layers that have weights and no kernel: the defaults are not meant for them, as docs/config.md says."""


def spec_of(shape, task="binary", outputs=1):
    target = TargetSpec(task, (outputs,), (), (), inferred_task=False)
    return DataSpec({"": shape}, (), {"": target}, num_train=8, num_validation=0, num_test=0)


def planned(config, layers, shape=(5, 2), defaults=ALL):
    experiment = config(f"{{data: iris, model: {{{defaults}, layers: {layers}}}}}").experiment
    return plan_model(experiment, spec_of(shape)).layers


def test_every_layer_of_the_catalog_with_a_kernel_gets_the_defaults_and_the_docs_name_the_others():
    model = HiddenDefaults(
        activation=Component("activations", "relu"),
        initializer=Component("initializers", "he_normal"),
        regularizer=Component("regularizers", "L2"),
        constraint=Component("constraints", "MaxNorm"),
    )
    missed = set()
    for name, entry in catalog.entries("layers").items():
        component = Component("layers", name, inside(entry))
        own = [key for key in entry.parameters if key.endswith("_initializer")]
        if not own and not wrapped(component):
            continue
        if not has_weights(component):
            missed.add(name)
            continue
        first, *_ = with_defaults(PlannedLayer(component, ("model", "layers", 0)), model)
        for layer in every(first.component):
            for kernel in {key.removesuffix("_initializer") for key in layer.entry.parameters} & {
                "kernel", "depthwise", "pointwise",
            }:  # fmt: skip
                given = {role: layer.parameters.get(f"{kernel}_{role}") for role in roles(layer.entry, kernel)}
                assert given == {role: getattr(model, role) for role in given}, (name, layer.name)
            if "activation" in layer.entry.parameters and layer.entry.parameters["activation"].default is None:
                assert layer.parameters["activation"] == model.activation
    assert missed == NO_KERNEL
    docs = Path(__file__).parents[1].joinpath("docs", "config.md").read_text()
    assert all(f"`{name}`" in docs for name in missed)


def roles(entry, kernel):
    return [role for role in ("initializer", "regularizer", "constraint") if f"{kernel}_{role}" in entry.parameters]


def every(component):
    """Yield a layer and all that it wraps."""
    yield component
    for layer in wrapped(component):
        yield from every(layer)


def inside(entry):
    """Return something to wrap for each parameter that is a layer."""
    found = {}
    for name, parameter in entry.parameters.items():
        if parameter.kind == "layers":
            layer = Component("layers", "LSTMCell" if "cell" in name else "LSTM", {"units": 3})
            found[name] = (layer, layer) if "list" in parameter.types else layer
    return found


def test_a_wrapped_output_layer_is_spared_and_the_layer_before_it_is_not(config):
    hidden, last = planned(config, "[{Dense: 3}, {TimeDistributed: {layer: {Dense: 1}}}]")
    assert hidden.component.parameters["activation"].name == "relu"
    assert last.component.plain() == {"TimeDistributed": {"layer": {"Dense": {"units": 1}}}}


def test_the_activation_of_a_wrapped_output_layer_is_that_of_the_model(config):
    layers = planned(config, "[{TimeDistributed: {layer: {Dense: {units: 1, activation: sigmoid}}}}, Flatten]")
    assert ending_of(layers).activation == "sigmoid"


def test_what_a_wrapped_layer_says_itself_is_left_alone(config):
    wrapper = "{TimeDistributed: {layer: {Dense: {units: 3, activation: tanh, kernel_initializer: zeros}}}}"
    first, *_ = planned(config, f"[{wrapper}, Flatten, {{Dense: 1}}]")
    inner = first.component.parameters["layer"].parameters
    assert (inner["activation"].name, inner["kernel_initializer"].name) == ("tanh", "zeros")
    assert inner["kernel_regularizer"].plain() == {"L2": {"l2": 0.5}}


def test_an_activation_that_is_a_layer_stands_behind_the_wrapper(config):
    layers = planned(
        config, "[{TimeDistributed: {layer: {Dense: 3}}}, Flatten, {Dense: 1}]", defaults="activation: PReLU"
    )
    assert [layer.component.plain() for layer in layers[:2]] == [
        {"TimeDistributed": {"layer": {"Dense": {"units": 3, "activation": None}}}},
        "PReLU",
    ]


def test_normalization_before_the_activation_stands_behind_the_wrapper_whose_bias_goes(config):
    layers = planned(
        config,
        "[{TimeDistributed: {layer: {Dense: 3}}}, Flatten, {Dense: 1}]",
        defaults="activation: relu, normalization: {BatchNormalization: {position: before_activation}}",
    )
    assert [layer.component.plain() for layer in layers[:3]] == [
        {"TimeDistributed": {"layer": {"Dense": {"units": 3, "activation": None, "use_bias": False}}}},
        "BatchNormalization",
        {"Activation": {"activation": "relu"}},
    ]


@pytest.mark.parametrize("layer", ["{LSTM: 3}", "{Bidirectional: {layer: {GRU: 3}}}", "{RNN: {cell: {LSTMCell: 3}}}"])
def test_normalization_before_the_activation_leaves_a_recurrent_layer_its_own(config, layer):
    layers = planned(
        config,
        f"[{layer}, {{Dense: 1}}]",
        defaults="normalization: {BatchNormalization: {position: before_activation}}",
    )
    assert all("activation" not in inner.parameters for inner in every(layers[0].component))
    assert layers[1].component.name == "BatchNormalization"


def test_an_activation_that_is_a_layer_is_refused_inside_a_recurrent_layer(config):
    with pytest.raises(ConfigError, match="`LeakyReLU` is a layer, and cannot stand inside") as caught:
        config("{data: iris, model: {layers: [{LSTM: {units: 3, activation: LeakyReLU}}, {Dense: 1}]}}")
    assert "`leaky_relu`" in caught.value.problems[0].hint


@pytest.mark.tf
def test_the_built_layers_have_the_defaults_wherever_they_are_wrapped(config):
    from nnlab.engine.built import build_seeded

    layers = (
        "[{TimeDistributed: {layer: {SpectralNormalization: {layer: {Dense: 3}}}}},"
        " {Bidirectional: {layer: {LSTM: {units: 2, return_sequences: true}},"
        " backward_layer: {LSTM: {units: 2, return_sequences: true, go_backwards: true}}}},"
        " {RNN: {cell: {StackedRNNCells: {cells: [{GRUCell: 2}, {SimpleRNNCell: 2}]}}, return_sequences: true}},"
        " {TimeDistributed: {layer: {Dense: {units: 1, activation: sigmoid}}}}, Flatten,"
        " {Dense: {units: 1, activation: sigmoid}}]"
    )
    rows = Split({"": np.zeros((8, 5, 2), np.float32)}, {"": np.zeros((8, 1), np.float32)})
    experiment = config(f"{{data: iris, model: {{{ALL}, layers: {layers}}}}}").experiment
    model = build_seeded(experiment, Splits(rows, None, None, spec_of((5, 2)))).model
    time, both, stacked, hidden, _, last = model.layers
    dense = time.layer.layer
    cells = [both.forward_layer.cell, both.backward_layer.cell, *stacked.cell.cells]
    assert dense.activation.__name__ == "relu"
    assert hidden.layer.activation.__name__ == "sigmoid"
    for layer in (dense, *cells, hidden.layer):
        assert type(layer.kernel_initializer).__name__ == "HeNormal"
        assert float(layer.kernel_regularizer.l2) == 0.5
        assert layer.kernel_constraint.max_value == pytest.approx(0.1)
    assert {cell.activation.__name__ for cell in cells} == {"tanh"}
    assert last.kernel_regularizer is None
