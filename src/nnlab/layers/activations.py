"""Activation functions that Keras has, with parameters that Keras only takes when called."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="nnlab")
class ActivationFunction:
    """One of Keras's activation functions with fixed parameters, as any layer's `activation`.

    Keras's functions take parameters (`leaky_relu(x, negative_slope=0.2)`), but a layer's `activation` is called with
    the tensor alone, and a closure could not be saved. This object can.

    Args:
        name: the function's name in `keras.activations`.
        **parameters: what it is called with besides the tensor.

    Example:
        >>> keras.layers.Dense(10, activation=ActivationFunction("leaky_relu", negative_slope=0.1))
    """

    def __init__(self, name: str, **parameters: Any) -> None:
        self.name = name
        self.parameters = parameters

    def __call__(self, x: Any) -> Any:
        """Apply the function to a tensor of any shape."""
        return getattr(keras.activations, self.name)(x, **self.parameters)

    @property
    def __name__(self) -> str:
        return self.name

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {"name": self.name, **self.parameters}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ActivationFunction:
        """Make it again from `get_config`."""
        return cls(**config)
