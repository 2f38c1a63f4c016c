"""Activation functions and their derivatives as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nnlab.config.components import Component
from nnlab.errors import NnlabError, first_line
from nnlab.model.hidden import activation_layer
from nnlab.model.objects import make

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Curve:
    """An activation at some values of x: what it gives, and the gradient that training would use there."""

    values: Floats
    derivatives: Floats


def takes_vectors(activation: Component) -> bool:
    """Whether the activation looks at several values at once, as softmax does."""
    return "axis" in activation.entry.parameters


def curve(activation: Component, x: npt.ArrayLike) -> Curve:
    """Evaluate an activation, as outside of training, and differentiate it automatically.

    One that takes vectors is evaluated on `[x, 0]`, and the first of what it gives is looked at.

    Args:
        activation: a function, or a layer that stands for one; a learned parameter has the value that it starts with.
        x: values of shape `(n,)`.

    Raises:
        NnlabError: Keras refuses the parameters.
    """
    column = np.asarray(x, np.float32).reshape(-1, 1)
    rows = tf.constant(np.hstack([column, np.zeros_like(column)]) if takes_vectors(activation) else column)
    try:
        function = make(activation_layer(activation))
        with tf.GradientTape() as tape:
            tape.watch(rows)
            values = tf.convert_to_tensor(function(rows))[:, 0]
        derivatives = tape.gradient(values, rows, unconnected_gradients=tf.UnconnectedGradients.ZERO)[:, 0]
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        hint = f"`nnlab list activations {activation.name}` shows what it takes"
        raise NnlabError(f"Keras refuses `{activation.name}`: {first_line(error)}", hint=hint) from error
    return Curve(np.asarray(values), np.asarray(derivatives))


def has_surrogate_gradient(activation: Component) -> bool:
    """Return whether training uses another gradient than the slope of the function, as straight-through ones do.

    Both are held against one another at many points; where the function has kinks they differ at a few.
    """
    step = 0.005
    x = np.linspace(-4, 4, 401) + 0.3 * step
    gradients = curve(activation, x).derivatives
    slopes = (curve(activation, x + step).values - curve(activation, x - step).values) / (2 * step)
    with np.errstate(invalid="ignore"):
        differ = np.abs(gradients - slopes) > 0.05 + 0.05 * np.abs(slopes)
    return bool(np.mean(differ) > 0.02)
