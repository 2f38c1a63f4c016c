"""Maxout: a layer that learns its activation function."""

from __future__ import annotations

from functools import reduce
from typing import Annotated, Any

import keras
from annotated_types import Ge
from keras import ops


@keras.saving.register_keras_serializable(package="nnlab")
class Maxout(keras.layers.Layer):
    """Dense layer whose units give the largest of several linear pieces: `max_j(x @ W_j + b_j)`.

    Each unit learns its own convex, piecewise linear activation, at the price of `pieces` times the weights. It needs
    no other activation behind it; it was made for networks with dropout.

    Args:
        units: size of the output.
        pieces: linear functions a unit, the paper's k; 2 can already become relu or the absolute value.
        use_bias: whether the pieces have a bias.
        kernel_initializer: initializer of the kernel of shape `(inputs, pieces * units)`, all pieces side by side; as
            fan-out it counts the outputs of all pieces.
        bias_initializer: initializer of the bias of shape `(pieces * units,)`.
        kernel_regularizer: regularizer of the kernel.
        bias_regularizer: regularizer of the bias.
        kernel_constraint: constraint of the kernel; with its `axis: 0` it holds for each piece of each unit.
        bias_constraint: constraint of the bias.

    Input: a tensor of shape `(batch, ..., inputs)`. Output: `(batch, ..., units)`.

    Example:
        >>> keras.Sequential([keras.Input((784,)), Maxout(240, pieces=5), keras.layers.Dense(10, "softmax")])

    References:
        - [Goodfellow et al., 2013](https://arxiv.org/abs/1302.4389)
    """

    def __init__(
        self,
        units: Annotated[int, Ge(1)],
        pieces: Annotated[int, Ge(1)] = 2,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, number in (("units", units), ("pieces", pieces)):
            if number < 1:
                raise ValueError(f"`{name}` must be a whole number of at least 1. Received: {name}={number}")
        self.units = units
        self.pieces = pieces
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of shape `(batch, ..., inputs)`."""
        # one draw for all pieces: an initializer called once a piece would draw the same values each time
        self.kernel = self.add_weight(
            name="kernel",
            shape=(input_shape[-1], self.pieces * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.pieces * self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Any) -> Any:
        """Return the largest piece of each unit."""
        values = ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            values = values + self.bias
        return reduce(ops.maximum, ops.split(values, self.pieces, axis=-1))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Return the input's shape with the units as last axis."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {
            **super().get_config(),
            "units": self.units,
            "pieces": self.pieces,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }
