"""Batches of rows, the order of each epoch a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.by_name import one_or_all
from nnlab.data.splits import ByName, Rows, Split, parts_of
from nnlab.engine.stretches import Group, Stretch, groups, read_ahead, stretches
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
        if self.num_rows > self.train.at_once:
            return np.concatenate([numbers[inside] for numbers, inside in self._groups(epoch)])
        return epoch_permutation(self.seed, epoch, self.num_rows) if self.fixed_order is None else self.fixed_order

    def _groups(self, epoch: int) -> Iterator[Group]:
        if self.num_rows <= self.train.at_once:
            return iter([(np.arange(self.num_rows), self.order(epoch))])
        return groups(self.num_rows, self.train.at_once, self.seed, epoch, shuffle=self.fixed_order is None)

    def stretches(self, epoch: int, *, size: int | None = None) -> Iterator[Stretch]:
        """Yield the rows of an epoch, from 0, that are not in memory, each stretch filled up to a size."""
        return stretches(self.train, self._groups(epoch), self.batch_size, size=size)

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
        dataset: yields `(x, y)`, or `(x, y, sample_weight)` if rows have weights.
    """

    def __init__(self, batches: Batches, model: keras.Model) -> None:
        super().__init__()
        self._batches, size = batches, batches.batch_size
        # a variable, because the dataset is made once for all epochs
        self._order: Any = None
        whole, rest = batches.steps
        if batches.train.in_memory is None:
            self._epoch, self._model = 0, model
            row = for_training(batches.train.take(slice(1)), model)
            self.dataset = _generated(self._read, row, whole + bool(rest))
            return
        self._order = tf.Variable(tf.range(batches.num_rows, dtype=tf.int64), trainable=False)
        arrays = batches.arrays(model)

        def batch(step: tf.Tensor) -> Any:
            rows = self._order[step * size : (step + 1) * size]
            return tf.nest.map_structure(lambda array: tf.gather(array, rows), arrays)

        steps = tf.data.Dataset.range(whole + bool(rest))
        self.dataset = steps.map(batch, num_parallel_calls=2, deterministic=True).prefetch(2)

    def _read(self) -> Iterator[Any]:
        """Yield the batches of an epoch whose rows are not in memory."""
        size = self._batches.batch_size
        for stretch in read_ahead(self._batches.stretches(self._epoch), lambda stretch: stretch):
            stop = stretch.steps * size + (0 if self._batches.drops_rest else stretch.rest)
            for start in range(0, stop, size):
                numbers = stretch.order[start : min(start + size, stop)]
                yield for_training(stretch.rows.take(numbers), self._model)

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        """Reorder the rows."""
        if self._order is None:
            self._epoch = epoch
        else:
            self._order.assign(self._batches.order(epoch))


def evaluation_batches(rows: Rows, model: keras.Model) -> tf.data.Dataset:
    """Return rows in their own order, in batches of `EVALUATION_BATCH_SIZE`, as a model is judged by them."""
    if rows.in_memory is None:
        batches = lambda: (for_evaluation(part, model) for part in evaluation_parts(rows))  # noqa: E731
        row = for_evaluation(rows.take(slice(1)), model)
        return _generated(batches, row, -(-rows.count // EVALUATION_BATCH_SIZE))
    arrays = tf.data.Dataset.from_tensor_slices(for_evaluation(rows.in_memory, model))
    return arrays.batch(EVALUATION_BATCH_SIZE).cache().prefetch(1)


def evaluation_parts(rows: Rows) -> Iterator[Split]:
    """Yield rows in their own order, `EVALUATION_BATCH_SIZE` at a time."""
    for part in parts_of(rows):
        for start in range(0, part.count, EVALUATION_BATCH_SIZE):
            yield part.take(slice(start, start + EVALUATION_BATCH_SIZE))


_told: list[NnlabError] = []
"""What went wrong in batches that a dataset asks for: TensorFlow makes an error of its own of it, without its words."""


@contextmanager
def own_errors() -> Iterator[None]:
    """Raise what went wrong in batches of rows that are not in memory as it was.

    Raises:
        NnlabError: it.
    """
    _told.clear()
    try:
        yield
    except Exception as error:
        if _told:
            raise _told.pop() from error
        raise


def _generated(batches: Callable[[], Iterator[Any]], row: Any, steps: int) -> tf.data.Dataset:
    """Return the batches of an epoch, each made when its step comes near, of which `row` is like a row."""
    kinds = tf.nest.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), row)

    def told() -> Iterator[Any]:
        try:
            yield from batches()
        except NnlabError as error:
            _told.append(error)
            raise

    taken = tf.data.Dataset.from_generator(told, output_signature=kinds)
    return taken.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2)


def for_keras(rows: Split) -> tuple[Any, Any]:
    """Return rows as Keras takes them: what there is one of goes without its name."""
    return one_or_all(rows.x), one_or_all(rows.y)


def for_training(rows: Split, model: keras.Model) -> tuple[Any, ...]:
    """Return what a training step of a model takes: `(x, y)`, or `(x, y, sample_weight)` if rows have weights."""
    return _weighted(rows, rows.weights, model)


def for_evaluation(rows: Split, model: keras.Model) -> tuple[Any, ...]:
    """Return what a model is judged by, likewise: classes have no weights there."""
    return _weighted(rows, rows.row_weights, model)


def _weighted(rows: Split, weights: ByName, model: keras.Model) -> tuple[Any, ...]:
    if not weights:
        return for_keras(rows)
    outputs = getattr(model, "output_names", None)
    if len(weights) == 1 or outputs is None:
        return (*for_keras(rows), one_or_all(weights))
    # a model that gives a list takes no weights by name, and a dataset would make one tensor of a list
    return (*for_keras(rows), tuple(weights[name] for name in outputs))
