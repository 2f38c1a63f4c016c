"""Activation functions and their derivatives as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


def curve(activation: Component, x: npt.ArrayLike, *, times: int = 1) -> Curve:
    """Evaluate an activation, as outside of training, and differentiate it automatically.

    One that takes vectors is evaluated on `[x, 0]`, and the first of what it gives is looked at.

    Args:
        activation: a function, or a layer that stands for one; a learned parameter has the value that it starts with.
        x: values of shape `(n,)`.
        times: how often it is applied, one upon the other.

    Raises:
        NnlabError: Keras refuses the parameters.
    """
    column = np.asarray(x, np.float32).reshape(-1, 1)
    rows = tf.constant(np.hstack([column, np.zeros_like(column)]) if takes_vectors(activation) else column)
    with _refusals(activation), tf.GradientTape() as tape:
        tape.watch(rows)
        values = _applied(activation, rows, times)[:, 0]
    derivatives = tape.gradient(values, rows, unconnected_gradients=tf.UnconnectedGradients.ZERO)[:, 0]
    return Curve(np.asarray(values), np.asarray(derivatives))


def activated(activation: Component, rows: npt.ArrayLike) -> Floats:
    """Apply an activation to rows `(rows, columns)`, as outside of training.

    Raises:
        NnlabError: Keras refuses the parameters.
    """
    with _refusals(activation):
        return np.asarray(_applied(activation, tf.constant(np.asarray(rows, np.float32)), 1))


def jacobians(activation: Component, rows: npt.ArrayLike, *, times: int = 1) -> tuple[Floats, Floats]:
    """Evaluate an activation on rows, and differentiate each value that it gives by each that it gets.

    Args:
        activation: as for `curve`.
        rows: values of shape `(rows, columns)`.
        times: how often it is applied, one upon the other.

    Returns:
        The values `(rows, columns)`, and matrices `(rows, columns, columns)`: a row for each value that it gives.

    Raises:
        NnlabError: Keras refuses the parameters.
    """
    x = tf.constant(np.asarray(rows, np.float32))
    with _refusals(activation), tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        values = _applied(activation, x, times)
    return np.asarray(values), np.asarray(tape.batch_jacobian(values, x, experimental_use_pfor=False))


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


def _applied(activation: Component, rows: tf.Tensor, times: int) -> tf.Tensor:
    function = make(activation_layer(activation))
    for _ in range(times):
        rows = tf.convert_to_tensor(function(rows))
    return rows


@contextmanager
def _refusals(activation: Component) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        hint = f"`nnlab list activations {activation.name}` shows what it takes"
        raise NnlabError(f"Keras refuses `{activation.name}`: {first_line(error)}", hint=hint) from error
