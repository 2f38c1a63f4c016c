"""The model's defaults for hidden layers: what they make of one layer, and what they put behind it.

A layer that takes another one (`TimeDistributed`, `Bidirectional`, `RNN` with its cell ...) hands the defaults on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from nnlab import catalog
from nnlab.config.components import KERNEL_ROLES, KERNELS, Component
from nnlab.config.model import HiddenDefaults
from nnlab.errors import ConfigPath


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """A layer to build, with the place of the config that asks for it."""

    component: Component
    path: ConfigPath


def wrapped(component: Component) -> tuple[Component, ...]:
    """Return the layers that a layer takes as parameters, such as `layer` of `TimeDistributed`."""
    return tuple(
        layer
        for name, parameter in component.entry.parameters.items()
        if parameter.kind == "layers"
        for layer in _as_tuple(component.parameters.get(name))
    )


def innermost(component: Component) -> Component:
    """Return the layer whose values a wrapper passes on; a layer that wraps none, or several, itself."""
    inside = wrapped(component)
    return innermost(inside[0]) if len(inside) == 1 else component


def has_weights(component: Component) -> bool:
    """Whether the model's defaults are meant for this layer, or one that it wraps, when it is hidden."""
    return any(f"{kernel}_initializer" in component.entry.parameters for kernel in KERNELS) or any(
        has_weights(layer) for layer in wrapped(component)
    )


def ends_with_activation(component: Component) -> bool:
    """Whether an activation is the last thing that the layer computes, and none unless the config gives one.

    That of a recurrent layer stands inside its loop, and is its own (tanh).
    """
    parameter = component.entry.parameters.get("activation")
    return parameter is not None and parameter.default is None


def with_defaults(layer: PlannedLayer, model: HiddenDefaults) -> Iterator[PlannedLayer]:
    """Yield a hidden layer with the model's defaults, and the layers that they put behind it."""
    component = _with_weight_defaults(layer.component, model)
    inner = innermost(component)
    takes_activation = ends_with_activation(inner)
    activation = inner.parameters.get("activation") if takes_activation else None
    if takes_activation and "activation" not in inner.parameters:
        activation = model.activation
    normalization = model.normalization
    before = normalization is not None and normalization.parameters.get("position") == "before_activation"
    if before and takes_activation:
        component = _innermost_changed(component, lambda inside: _without_bias(inside, normalization))
        yield replace(layer, component=_with_activation(component, None))
        yield PlannedLayer(_normalization_layer(normalization), ("model", "normalization"))
        if activation is not None:
            yield replace(layer, component=activation_layer(activation))
    else:
        if activation is not None:
            component = _with_activation(component, activation)
        yield from activation_apart(replace(layer, component=component))
        if normalization is not None:
            yield PlannedLayer(_normalization_layer(normalization), ("model", "normalization"))
    if model.dropout is not None:
        yield PlannedLayer(model.dropout, ("model", "dropout"))


def _as_tuple(value: Component | tuple[Component, ...] | None) -> tuple[Component, ...]:
    return (value,) if isinstance(value, Component) else value or ()


def _wrapped_changed(component: Component, change: Callable[[Component], Component]) -> Component:
    """Return the component with every layer that it takes as a parameter changed."""
    changed = {
        name: change(value) if isinstance(value, Component) else tuple(change(item) for item in value)
        for name, value in component.parameters.items()
        if value is not None and component.entry.parameters[name].kind == "layers"
    }
    return component.with_parameters(**changed) if changed else component


def _innermost_changed(component: Component, change: Callable[[Component], Component]) -> Component:
    if len(wrapped(component)) == 1:
        return _wrapped_changed(component, lambda inside: _innermost_changed(inside, change))
    return change(component)


def _with_activation(component: Component, activation: Component | None) -> Component:
    return _innermost_changed(component, lambda inside: inside.with_parameters(activation=activation))


def _with_weight_defaults(component: Component, model: HiddenDefaults) -> Component:
    wanted = {f"{kernel}_{role}": getattr(model, role) for kernel in KERNELS for role in KERNEL_ROLES}
    known, given = component.entry.parameters, component.parameters
    fits = {name: value for name, value in wanted.items() if value and name in known and name not in given}
    component = component.with_parameters(**fits) if fits else component
    return _wrapped_changed(component, lambda inside: _with_weight_defaults(inside, model))


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


def activation_layer(activation: Component) -> Component:
    """Return the layer that an activation is, or that applies it."""
    if activation.name in catalog.activation_layers():  # PReLU has weights
        return Component("layers", activation.name, activation.parameters)
    return Component("layers", "Activation", {"activation": activation})


def activation_apart(layer: PlannedLayer) -> Iterator[PlannedLayer]:
    """Yield the layer, and an activation that is a layer behind it."""
    inner = innermost(layer.component)
    activation = inner.parameters.get("activation")
    if isinstance(activation, Component) and activation.name in catalog.activation_layers():
        yield replace(layer, component=_with_activation(layer.component, None))
        yield replace(layer, component=activation_layer(activation))
    else:
        yield layer
