"""Batches of rows in memory, the order of each epoch a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.by_name import one_or_all
from nnlab.data.splits import Rows, Split
from nnlab.errors import NnlabError

EVALUATION_BATCH_SIZE = 512
"""Rows a step where no gradient is taken: the batch size cannot change the result there, only the time it takes."""


def epoch_permutation(seed: int, epoch: int, num_rows: int) -> np.ndarray:
    """Return the order of the rows in an epoch.

    Args:
        seed: the experiment's seed.
        epoch: from 0.
        num_rows: rows of the training split.

    Returns:
        int64 `[num_rows]`, the same for the same arguments, on any machine.
    """
    return np.random.default_rng([seed, epoch]).permutation(num_rows)


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """The training rows as the steps of each epoch take them.

    Args:
        train: the training rows.
        batch_size: rows a step; the last step of an epoch takes what is left.
        seed: the experiment's seed, which orders the rows.
        drops_rest: whether what is left is left out instead.
        fixed_order: the order of the rows in every epoch, int64 `[num_rows]`; `None` for one drawn anew for each.
    """

    train: Rows
    batch_size: int
    seed: int
    drops_rest: bool = False
    fixed_order: np.ndarray | None = None

    @property
    def num_rows(self) -> int:
        """The training rows."""
        return self.train.count

    @property
    def steps(self) -> tuple[int, int]:
        """The whole batches of an epoch, and the rows of a smaller last one."""
        whole, rest = divmod(self.num_rows, self.batch_size)
        return whole, 0 if self.drops_rest else rest

    def order(self, epoch: int) -> np.ndarray:
        """Return the order of the rows in an epoch, from 0: int64 `[num_rows]`."""
        return epoch_permutation(self.seed, epoch, self.num_rows) if self.fixed_order is None else self.fixed_order

    def arrays(self, model: keras.Model) -> Any:
        """Return the rows as tensors, as a step of the model takes them (see `for_training`).

        Raises:
            NnlabError: they are not in memory.
        """
        if self.train.in_memory is None:
            raise NnlabError("the rows are not in memory")
        return tf.nest.map_structure(tf.constant, for_training(self.train.in_memory, model))


class EpochBatches(keras.callbacks.Callback):
    """Gives Keras's `fit` its batches; as a callback of it it reorders the rows before each epoch.

    Args:
        batches: the rows, their order and how many a step takes.
        model: takes them.

    Attributes:
        dataset: yields `(x, y)`, or `(x, y, sample_weight)` with class weights.
    """

    def __init__(self, batches: Batches, model: keras.Model) -> None:
        super().__init__()
        self._batches, size = batches, batches.batch_size
        # a variable, because the dataset is made once for all epochs
        self._order = tf.Variable(tf.range(batches.num_rows, dtype=tf.int64), trainable=False)
        whole, rest = batches.steps
        if batches.train.in_memory is None:
            self.dataset = _taken(lambda step: for_training(self._take(step), model), whole + bool(rest))
            return
        arrays = batches.arrays(model)

        def batch(step: tf.Tensor) -> Any:
            rows = self._order[step * size : (step + 1) * size]
            return tf.nest.map_structure(lambda array: tf.gather(array, rows), arrays)

        steps = tf.data.Dataset.range(whole + bool(rest))
        self.dataset = steps.map(batch, num_parallel_calls=2, deterministic=True).prefetch(2)

    def _take(self, step: int) -> Split:
        size = self._batches.batch_size
        return self._batches.train.take(self._order.numpy()[step * size : (step + 1) * size])

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Reorder the rows."""
        self._order.assign(self._batches.order(epoch))


def evaluation_batches(rows: Rows) -> tf.data.Dataset:
    """Return rows in their own order, in batches of `EVALUATION_BATCH_SIZE`."""
    if rows.in_memory is None:
        starts = range(0, rows.count, EVALUATION_BATCH_SIZE)
        return _taken(lambda i: for_keras(rows.take(slice(starts[i], starts[i] + EVALUATION_BATCH_SIZE))), len(starts))
    arrays = tf.data.Dataset.from_tensor_slices(for_keras(rows.in_memory))
    return arrays.batch(EVALUATION_BATCH_SIZE).cache().prefetch(1)


def _taken(batch: Callable[[int], tuple[Any, ...]], steps: int) -> tf.data.Dataset:
    """Return the batches of an epoch, each taken when its step comes near."""
    kinds = tf.nest.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), batch(0))
    taken = tf.data.Dataset.from_generator(lambda: map(batch, range(steps)), output_signature=kinds)
    return taken.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)


def for_keras(rows: Split) -> tuple[Any, Any]:
    """Return rows as Keras takes them: what there is one of goes without its name."""
    return one_or_all(rows.x), one_or_all(rows.y)


def for_training(rows: Split, model: keras.Model) -> tuple[Any, ...]:
    """Return what a training step of a model takes: `(x, y)`, or `(x, y, sample_weight)` if rows have weights."""
    if not rows.weights:
        return for_keras(rows)
    outputs = getattr(model, "output_names", None)
    if len(rows.weights) == 1 or outputs is None:
        return (*for_keras(rows), one_or_all(rows.weights))
    # a model that gives a list takes no weights by name, and a dataset would make one tensor of a list
    return (*for_keras(rows), tuple(rows.weights[name] for name in outputs))
