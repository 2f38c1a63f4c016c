"""The model's defaults for hidden layers: what they make of one layer, and what they put behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from nnlab import catalog
from nnlab.config.components import Component
from nnlab.config.model import HiddenDefaults
from nnlab.errors import ConfigPath

KERNELS = ("kernel", "depthwise", "pointwise")
"""The weights of a layer that initializers, regularizers and constraints of the model's defaults are meant for."""


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """A layer to build, with the place of the config that asks for it."""

    component: Component
    path: ConfigPath


def has_weights(component: Component) -> bool:
    """Whether the model's defaults are meant for this layer when it is hidden."""
    return any(f"{kernel}_initializer" in component.entry.parameters for kernel in KERNELS)


def with_defaults(layer: PlannedLayer, model: HiddenDefaults) -> Iterator[PlannedLayer]:
    """Yield a hidden layer with the model's defaults, and the layers that they put behind it."""
    component = _with_weight_defaults(layer.component, model)
    activation = component.parameters.get("activation")
    takes_activation = "activation" in component.entry.parameters
    if takes_activation and "activation" not in component.parameters:
        # a recurrent layer's own tanh stays: the default is for layers that have no activation of their own
        activation = model.activation if component.entry.parameters["activation"].default is None else None
    normalization = model.normalization
    before = normalization is not None and normalization.parameters.get("position") == "before_activation"
    if before and takes_activation:
        component = _without_bias(component, normalization)
        yield replace(layer, component=component.with_parameters(activation=None))
        yield PlannedLayer(_normalization_layer(normalization), ("model", "normalization"))
        if activation is not None:
            yield replace(layer, component=_activation_layer(activation))
    else:
        if activation is not None:
            component = component.with_parameters(activation=activation)
        yield from activation_apart(replace(layer, component=component))
        if normalization is not None:
            yield PlannedLayer(_normalization_layer(normalization), ("model", "normalization"))
    if model.dropout is not None:
        yield PlannedLayer(model.dropout, ("model", "dropout"))


def _with_weight_defaults(component: Component, model: HiddenDefaults) -> Component:
    defaults = {
        "initializer": model.initializer,
        "regularizer": model.regularizer,
        "constraint": model.constraint,
    }
    wanted = {
        f"{kernel}_{role}": default for kernel in KERNELS for role, default in defaults.items() if default is not None
    }
    fits = {
        name: value
        for name, value in wanted.items()
        if name in component.entry.parameters and name not in component.parameters
    }
    return component.with_parameters(**fits)


def _without_bias(component: Component, normalization: Component | None) -> Component:
    """Leave the bias out where the normalization's own offset takes its place."""
    assert normalization is not None
    has_offset = "beta_initializer" in normalization.entry.parameters and normalization.get("center") is not False
    if has_offset and "use_bias" in component.entry.parameters and "use_bias" not in component.parameters:
        return component.with_parameters(use_bias=False)
    return component


def _normalization_layer(normalization: Component | None) -> Component:
    assert normalization is not None
    parameters = {name: value for name, value in normalization.parameters.items() if name != "position"}
    return Component("layers", normalization.name, parameters)


def is_layer_activation(activation: Component) -> bool:
    """Whether the activation is a Keras layer (PReLU has weights) rather than a function."""
    return activation.name in catalog.ACTIVATION_LAYERS


def _activation_layer(activation: Component) -> Component:
    if is_layer_activation(activation):
        return Component("layers", activation.name, activation.parameters)
    return Component("layers", "Activation", {"activation": activation})


def activation_apart(layer: PlannedLayer) -> Iterator[PlannedLayer]:
    """Yield the layer, and an activation that is a layer behind it."""
    activation = layer.component.parameters.get("activation")
    if isinstance(activation, Component) and is_layer_activation(activation):
        yield replace(layer, component=layer.component.with_parameters(activation=None))
        yield replace(layer, component=_activation_layer(activation))
    else:
        yield layer
