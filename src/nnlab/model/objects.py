"""Components of a config as Keras objects."""

from __future__ import annotations

from typing import Any

import keras

from nnlab import layers as own
from nnlab.catalog import Entry
from nnlab.config.components import Component
from nnlab.layers.activations import ActivationFunction

_KERAS_MODULES = {
    "activations": keras.activations,
    "layers": keras.layers,
    "initializers": keras.initializers,
    "regularizers": keras.regularizers,
    "constraints": keras.constraints,
    "optimizers": keras.optimizers,
    "losses": keras.losses,
    "metrics": keras.metrics,
}


def make(component: Component) -> Any:
    """Make the Keras object that a component describes.

    Raises:
        ValueError, TypeError: Keras refuses the parameters.
    """
    parameters = {name: _value(value) for name, value in component.parameters.items()}
    if component.kind == "activations":
        if parameters:
            return ActivationFunction(component.name, **parameters)
        return component.name if component.entry.package == "keras" else python_object(component.entry)
    if component.kind == "metrics" and component.name == "accuracy":
        return component.name  # Keras chooses which accuracy by the loss and the shapes
    if component.kind == "metrics":  # Keras counts those of one class: `precision_1` in the second output
        parameters.setdefault("name", component.name)
    return python_object(component.entry)(**{**component.entry.preset, **parameters})


def python_object(entry: Entry) -> Any:
    """Return the class or the function that an entry of the catalog stands for."""
    return getattr(own if entry.package == "nnlab" else _KERAS_MODULES[entry.kind], entry.object)


def _value(value: Any) -> Any:
    if isinstance(value, Component):
        return make(value)
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    return value
