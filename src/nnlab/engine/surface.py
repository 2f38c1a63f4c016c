"""The loss of the training rows as a function of a network's only weights, one or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.data.splits import Rows
from nnlab.engine.batches import for_training
from nnlab.engine.loops import reset_metrics, unchanged
from nnlab.snapshots import Descent, grid

MOST_WEIGHTS = 2
POINTS = {1: 129, 2: 25}
"""Points along each weight, by the number of weights."""

MOST_ROWS = 10_000
BEYOND = {1: 1.1, 2: 0.4}
"""How far the surface goes beyond the weights that were visited."""


def has_few_weights(model: keras.Model) -> bool:
    """Return whether the loss can be drawn over all that training changes."""
    sizes = [int(np.prod(variable.shape)) for variable in model.trainable_variables]
    return 0 < sum(sizes) <= MOST_WEIGHTS


def descent_of(model: keras.Model, rows: Rows, visited: Mapping[int, np.ndarray]) -> Descent | None:
    """Compute the loss around the weights that a training has visited; `None` where there are too many rows for it.

    Args:
        model: compiled; nothing in it changes.
        rows: the training rows.
        visited: the weights after each epoch, `[weights]`.
    """
    if not visited or rows.count > MOST_ROWS:
        return None
    epochs, weights = np.array(list(visited), np.int32), np.stack(list(visited.values()))
    weights_finite = np.isfinite(weights).all(axis=1)
    epochs, weights = epochs[weights_finite], weights[weights_finite]
    count = weights.shape[1]
    axes = _ends(weights.astype(np.float64))
    losses = _losses(model, rows, grid(axes, POINTS[count]).astype(np.float32))
    return Descent(_names(model), epochs, weights, axes, losses.reshape([POINTS[count]] * count))


def _ends(weights: np.ndarray) -> np.ndarray:
    """Choose the part of the surface to show, `[weights, 2]`: of one weight as much on both sides of the last."""
    low, high, last = weights.min(axis=0), weights.max(axis=0), weights[-1]
    width = np.maximum(high - low, 1e-3 * np.maximum(np.abs(last), 1.0))
    if weights.shape[1] == 1:
        return np.stack([last - BEYOND[1] * width, last + BEYOND[1] * width], axis=1)
    return np.stack([low - BEYOND[2] * width, high + BEYOND[2] * width], axis=1)


def _losses(model: keras.Model, rows: Rows, points: np.ndarray) -> np.ndarray:
    """Return the loss of all rows, dropout off, with each of several values of the weights: float32 `[points]`."""
    variables = model.trainable_variables
    sizes = [int(np.prod(variable.shape)) for variable in variables]
    batch = keras.tree.map_structure(tf.convert_to_tensor, for_training(rows.take(slice(None)), model))

    def loss(point: tf.Tensor) -> tf.Tensor:
        for variable, part in zip(variables, tf.split(point, sizes), strict=True):
            variable.assign(tf.reshape(part, variable.shape))
        reset_metrics(model, tf.constant(True))
        return model.test_step(batch)["loss"]

    def losses(all_points: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(loss, all_points, fn_output_signature=tf.float32, parallel_iterations=1)

    with unchanged([*model.variables, *model.metrics_variables]):
        return np.asarray(tf.function(losses, autograph=False)(tf.constant(points)).numpy())


def _names(model: keras.Model) -> tuple[str, ...]:
    """Name each weight: by its variable, with its place in it where that holds several."""
    names: list[Any] = []
    for variable in model.trainable_variables:
        size = int(np.prod(variable.shape))
        names += [variable.name] if size == 1 else [f"{variable.name} {i + 1}" for i in range(size)]
    return tuple(names)
