"""Components of a config as Keras objects."""

from __future__ import annotations

from typing import Any

import keras

from nnlab.config.components import Component
from nnlab.layers.activations import ActivationFunction

_MODULES = {
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
        return ActivationFunction(component.name, **parameters) if parameters else component.name
    if component.kind == "metrics" and component.name == "accuracy":
        return component.name  # Keras chooses which accuracy by the loss and the shapes
    return getattr(_MODULES[component.kind], component.entry.object)(**parameters)


def _value(value: Any) -> Any:
    if isinstance(value, Component):
        return make(value)
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    return value
