"""Activation functions of nnlab's own, and Keras's with parameters that Keras only takes when called."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="nnlab")
class ActivationFunction:
    """An activation function with fixed parameters, as any layer's `activation`.

    The functions take parameters (`leaky_relu(x, negative_slope=0.2)`), but a layer's `activation` is called with the
    tensor alone, and a closure could not be saved. This object can.

    Args:
        name: the function's name in `keras.activations`, or of one of nnlab's own.
        **parameters: what it is called with besides the tensor.

    Example:
        >>> keras.layers.Dense(10, activation=ActivationFunction("leaky_relu", negative_slope=0.1))
    """

    def __init__(self, name: str, **parameters: Any) -> None:
        self.name = name
        self.parameters = parameters

    def __call__(self, x: Any) -> Any:
        """Apply the function to a tensor of any shape."""
        own = keras.saving.get_registered_object(f"nnlab>{self.name}")
        function = getattr(keras.activations, self.name) if own is None else own
        return function(x, **self.parameters)

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


@keras.saving.register_keras_serializable(package="nnlab")  # type: ignore[untyped-decorator]
def heaviside(x: Any) -> Any:
    """Step function: 1 where `x >= 0`, else 0, with a straight-through gradient.

    The step's own gradient is zero wherever it exists, so nothing could be learned through it. Here the gradient passes
    as through the identity. One unit with this activation, mean squared error and plain SGD on single rows is then
    Rosenblatt's perceptron: the weights change by `2 * learning_rate * (y - prediction) * x`, so not at all where the
    prediction is right.

    Args:
        x: tensor of any shape.

    Returns:
        A tensor of zeros and ones of the same shape and dtype.

    Example:
        >>> heaviside([-0.5, 0.0, 2.0])
        [0.0, 1.0, 1.0]

    References:
        - [Rosenblatt, 1958](https://doi.org/10.1037/h0042519)
        - [Bengio et al., 2013](https://arxiv.org/abs/1308.3432)
    """
    x = _as_tensor(x)
    # `x - stop_gradient(x)` is exactly 0, where `x + stop_gradient(step - x)` would round
    return ops.cast(x >= 0, x.dtype) + (x - ops.stop_gradient(x))


@keras.saving.register_keras_serializable(package="nnlab")  # type: ignore[untyped-decorator]
def sign(x: Any) -> Any:
    """Sign: -1 where `x < 0`, 0 where it is 0, 1 where `x > 0`, with a straight-through gradient.

    The gradient passes as through the identity, as that of `heaviside` does, for the same reason.

    Args:
        x: tensor of any shape.

    Returns:
        A tensor of -1, 0 and 1 of the same shape and dtype.

    Example:
        >>> sign([-0.5, 0.0, 2.0])
        [-1.0, 0.0, 1.0]

    References:
        - [Bengio et al., 2013](https://arxiv.org/abs/1308.3432)
    """
    x = _as_tensor(x)
    return ops.sign(x) + (x - ops.stop_gradient(x))


@keras.saving.register_keras_serializable(package="nnlab")  # type: ignore[untyped-decorator]
def approximate_gelu(x: Any) -> Any:
    """GELU approximated by `x * sigmoid(1.702 * x)`.

    The faster of the paper's two approximations, within 0.021 of `gelu`; `{gelu: {approximate: true}}` is the other,
    which uses tanh.

    Args:
        x: tensor of any shape.

    Returns:
        A tensor of the same shape and dtype.

    Example:
        >>> approximate_gelu([-1.0, 0.0, 1.0])
        [-0.1542, 0.0, 0.8458]

    References:
        - [Hendrycks & Gimpel, 2016](https://arxiv.org/abs/1606.08415)
    """
    x = _as_tensor(x)
    return x * ops.sigmoid(1.702 * x)


def _as_tensor(x: Any) -> Any:
    return x if keras.utils.is_keras_tensor(x) else ops.convert_to_tensor(x)
