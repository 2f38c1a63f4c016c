"""Functions of the user's own with fixed parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="nnlab")
class FunctionWith:
    """A function with fixed parameters, wherever Keras takes a function that it calls without any.

    A closure could not be saved. This object can, if Keras knows the function: it is registered, or it is given as a
    custom object.

    Args:
        function: what is called.
        **parameters: what it is called with besides what Keras gives.

    Example:
        >>> keras.layers.Dense(10, activation=FunctionWith(keras.activations.leaky_relu, negative_slope=0.1))
    """

    def __init__(self, function: Callable[..., Any], **parameters: Any) -> None:
        self.function = function
        self.parameters = parameters

    def __call__(self, *given: Any, **more: Any) -> Any:
        """Call the function."""
        return self.function(*given, **more, **self.parameters)

    @property
    def __name__(self) -> str:
        return str(self.function.__name__)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {"function": keras.saving.serialize_keras_object(self.function), "parameters": self.parameters}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FunctionWith:
        """Make it again from `get_config`."""
        return cls(keras.saving.deserialize_keras_object(config["function"]), **config["parameters"])
