"""Adapt preprocessing layers (Normalization, Discretization) to the training rows, in any kind of model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from nnlab.config.by_name import one_or_all
from nnlab.data.scaling import is_constant
from nnlab.data.splits import Rows
from nnlab.private.keras import layers_inside

ROWS_AT_ONCE = 4096


class _Reached(BaseException):
    """What feeds a layer is known, and the rest need not run. Not an `Exception`, so that Keras lets it pass."""

    def __init__(self, inputs: Any) -> None:
        self.inputs = inputs


def adapt_layers(model: keras.Model, rows: Rows) -> None:
    """Adapt every layer that learns from data to what reaches it of the training rows, front to back.

    A layer that was given its statistics (`mean`, `bin_boundaries`) keeps them.
    """
    waiting = [layer for layer in layers_inside(model, itself=False) if _learns_from_data(layer)]
    while waiting:
        layer, inputs = _first_reached(model, waiting, rows)
        layer.adapt(inputs)
        if isinstance(layer, keras.layers.Normalization):
            _spare_constants(layer, inputs)
        waiting.remove(layer)


def _spare_constants(layer: keras.layers.Normalization, inputs: np.ndarray) -> None:
    """Let columns that were constant be divided by 1, as `scale: standardize` does.

    Keras divides them by its epsilon of 1e-7, so that a network is given ten million when such a column changes by 1.
    The variance is a weight of the layer: a saved model gives the same numbers wherever it is loaded.
    """
    axes = [axis % inputs.ndim for axis in layer.axis]
    others = tuple(axis for axis in range(inputs.ndim) if axis not in axes)
    lowest, highest = inputs.min(axis=others).astype(np.float64), inputs.max(axis=others).astype(np.float64)
    constant = is_constant(lowest, highest, np.float32)  # in which the model computes
    if constant.any():
        variance = keras.ops.convert_to_numpy(layer.adapt_variance)
        layer.adapt_variance.assign(np.where(constant, 1.0, variance))
        mean = keras.ops.convert_to_numpy(layer.adapt_mean)
        layer.adapt_mean.assign(np.where(constant, lowest, mean))
        layer.finalize_state()


def _learns_from_data(layer: Any) -> bool:
    given = ("input_mean", "input_variance", "input_bin_boundaries", "input_vocabulary")
    return hasattr(layer, "adapt") and all(getattr(layer, name, None) is None for name in given)


def _first_reached(model: keras.Model, waiting: list[Any], rows: Rows) -> tuple[Any, np.ndarray]:
    """Run the training rows up to the first of the waiting layers; return it with what feeds it."""
    found: Any = None
    chunks = []
    for start in range(0, rows.count, ROWS_AT_ONCE):
        part = one_or_all(rows.take(slice(start, start + ROWS_AT_ONCE)).x)
        targets = waiting if found is None else [found]
        with _stopping_at(targets) as reached:
            try:
                model(part)
            except _Reached as stop:
                chunks.append(np.asarray(keras.ops.convert_to_numpy(stop.inputs)))
            found = reached[0] if reached else None
        if found is None:
            return waiting[0], np.zeros((1, 1))
    return found, np.concatenate(chunks)


@contextmanager
def _stopping_at(layers: list[Any]) -> Iterator[list[Any]]:
    """Let the first of the layers that is called raise `_Reached` instead; yields a list that then holds it."""
    reached: list[Any] = []

    def stop(layer: Any) -> Any:
        def call(inputs: Any, *_: Any, **__: Any) -> Any:
            reached.append(layer)
            raise _Reached(inputs)

        return call

    for layer in layers:
        layer.call = stop(layer)
    try:
        yield reached
    finally:
        for layer in layers:
            del layer.call
