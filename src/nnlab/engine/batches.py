"""Batches of rows in memory, the order of each epoch a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.by_name import one_or_all
from nnlab.data.splits import DataSpec, Split

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
        spec: gives the class weights.
        batch_size: rows a step; the last step of an epoch takes what is left.
        seed: the experiment's seed, which orders the rows.
        drops_rest: whether what is left is left out instead.
    """

    train: Split
    spec: DataSpec
    batch_size: int
    seed: int
    drops_rest: bool = False

    @property
    def num_rows(self) -> int:
        """The training rows."""
        return self.train.num_rows

    @property
    def steps(self) -> tuple[int, int]:
        """The whole batches of an epoch, and the rows of a smaller last one."""
        whole, rest = divmod(self.num_rows, self.batch_size)
        return whole, 0 if self.drops_rest else rest

    def order(self, epoch: int) -> np.ndarray:
        """Return the order of the rows in an epoch, from 0: int64 `[num_rows]`."""
        return epoch_permutation(self.seed, epoch, self.num_rows)

    def arrays(self, model: keras.Model) -> Any:
        """Return the rows as tensors, as a step of the model takes them: `(x, y)`, or `(x, y, sample_weight)`."""
        rows = weighted_rows(self.train, self.spec, getattr(model, "output_names", None))
        return tf.nest.map_structure(tf.constant, rows)


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
        arrays = batches.arrays(model)

        def batch(step: tf.Tensor) -> Any:
            rows = self._order[step * size : (step + 1) * size]
            return tf.nest.map_structure(lambda array: tf.gather(array, rows), arrays)

        whole, rest = batches.steps
        steps = tf.data.Dataset.range(whole + bool(rest))
        self.dataset = steps.map(batch, num_parallel_calls=2, deterministic=True).prefetch(2)

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Reorder the rows."""
        self._order.assign(self._batches.order(epoch))


def evaluation_batches(split: Split) -> tf.data.Dataset:
    """Return the rows of a split in their own order, in batches of `EVALUATION_BATCH_SIZE`."""
    rows = one_or_all(split.x), one_or_all(split.y)
    return tf.data.Dataset.from_tensor_slices(rows).batch(EVALUATION_BATCH_SIZE).cache().prefetch(1)


def weighted_rows(split: Split, spec: DataSpec, outputs: Sequence[str] | None = None) -> tuple[Any, ...]:
    """Return what a training step takes: `(x, y)`, or `(x, y, sample_weight)` with class weights.

    Args:
        split: the rows.
        spec: gives the class weights.
        outputs: the names of the model's outputs if it gives a list; Keras takes weights by name for a mapping alone.
    """
    weight = sample_weight(split, spec)
    if isinstance(weight, Mapping) and outputs is not None:
        weight = tuple(weight[name] for name in outputs)  # a dataset would make one tensor of a list
    rows = one_or_all(split.x), one_or_all(split.y)
    return rows if weight is None else (*rows, weight)


def sample_weight(split: Split, spec: DataSpec) -> Any:
    """Return the weight of each row by its class, float32 `[rows]`, by output if there are several.

    `None` without class weights.
    """
    if not spec.class_weights:
        return None
    return one_or_all({name: _weight_of_rows(y, spec.class_weights[name]) for name, y in split.y.items()})


def _weight_of_rows(y: np.ndarray, class_weight: Mapping[int, float] | None) -> Any:
    if class_weight is None:
        return np.ones(len(y), np.float32)
    weights = np.array([class_weight[code] for code in range(len(class_weight))], dtype=np.float32)
    is_one_hot = y.ndim == 2 and y.shape[1] > 1
    return weights[y.argmax(axis=1) if is_one_hot else y.reshape(-1).astype(np.int64)]
