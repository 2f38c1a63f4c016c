"""Compiled programs kept from one training to the next that differs from it only in numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.load import resolved
from nnlab.config.programs import STRENGTHS, program_kind
from nnlab.config.schema import Experiment
from nnlab.data.splits import Splits
from nnlab.engine.batches import Batches
from nnlab.engine.loops import CompiledLoop
from nnlab.layers.graph_schedules import PerformanceSchedule
from nnlab.layers.metrics import InOwnUnits
from nnlab.private.keras import compiled_metrics, forget, layers_inside, learning_rate
from nnlab.user_code import references_in


class Programs:
    """Keeps compiled loops, each with a model of its own in which trainings of the same shape take turns.

    Compiling takes longer than many a training. What a training starts from (weights, random state, optimizer, rows)
    is copied into the loop's model, and what it ends with is copied back; nothing is left over from the one before.

    Args:
        most: loops, and graphs, to keep; the one that was used longest ago makes room.
    """

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self._loops: dict[str, LentLoop] = {}
        self._graphs: dict[str, Any] = {}
        self.firsts: dict[str, str | None] = {}
        """By the kind of trainings that differ in widths the key of the first; `None` where they share nothing."""

    def __len__(self) -> int:
        return len(self._loops)

    def look_up(self, key: str | None) -> LentLoop | None:
        """Return the loop that is kept for a key, without lending it."""
        return None if key is None else self._loops.get(key)

    def keep(self, key: str, loop: LentLoop) -> None:
        """Keep a loop in place of another one for the key."""
        self._loops.pop(key, None)
        self._kept(self._loops, key, lambda: loop)

    def borrow(self, key: str, model: keras.Model, batches: Batches, make: Callable[[], LentLoop]) -> LentLoop:
        """Return a loop for a model, from those kept if there is one for the key.

        Args:
            key: what `program_key` says of the training.
            model: the model to train, compiled; it holds the numbers.
            batches: the training rows.
            make: makes the loop, on this model or on another one of the same kind.
        """
        if key in self._loops:
            self._loops[key].set_batches(batches)
        loop: LentLoop = self._kept(self._loops, key, make)
        loop.lend(model)
        return loop

    def graph(self, key: str | None, make: Callable[[], Any]) -> Any:
        """Return what TensorBoard shows of a model, from what is kept if there is one for the key."""
        return make() if key is None else self._kept(self._graphs, key, make)

    def _kept(self, kept: dict[str, Any], key: str, make: Callable[[], Any]) -> Any:
        found = kept.pop(key) if key in kept else make()
        kept[key] = found
        while len(kept) > self.most:
            del kept[next(iter(kept))]
        return found


class LentLoop(CompiledLoop):
    """A kept loop, which trains one model after the other in its own; callbacks see its own.

    Its own may be the first one that it trains.

    Args:
        model: its own, compiled.
        batches: the training rows.
        xla: whether XLA compiles the program.
        another: makes one more model of the first training, with its first weights.
    """

    def __init__(self, model: keras.Model, batches: Batches, *, xla: bool, another: Callable[[], keras.Model]) -> None:
        self.another = another
        super().__init__(model, batches, xla=xla)

    def lend(self, model: keras.Model) -> None:
        """Start from what a model holds."""
        self._borrower = model
        if model is self.model:
            return
        _copy(state(model), state(self.model))
        for (source, name), (target, _) in zip(plain_numbers(model), plain_numbers(self.model), strict=True):
            getattr(target, name).assign(getattr(source, name))

    def finish(self) -> None:
        """See `Loop`."""
        if self._borrower is not self.model:
            _copy(state(self.model), state(self._borrower))


def start_afresh(seed: int, *, keep_programs: bool) -> None:
    """Seed everything random, and let the names of layers count from the start, whatever was built before.

    Args:
        seed: the experiment's seed.
        keep_programs: do without Keras's own functions for it, which make TensorFlow load every program anew.
    """
    if keep_programs:
        forget(seed)
        return
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)


def has_plain_numbers(model: keras.Model) -> bool:
    """Return whether the model holds numbers that a program would take for constants."""
    return bool(plain_numbers(model))


def with_variables(model: keras.Model) -> keras.Model:
    """Let the model read variables where it has plain numbers, which a program would take for constants."""
    for holder, name in plain_numbers(model):
        value = getattr(holder, name)
        dtype = value.dtype if isinstance(value, np.ndarray) else model.variable_dtype
        setattr(holder, name, tf.Variable(value, trainable=False, dtype=dtype))
    return model


def program_key(experiment: Experiment, splits: Splits, *, of_any_width: bool = False) -> str | None:
    """Return a text that is the same for trainings that one program can do; `None` if that cannot be told.

    Args:
        experiment: what is trained.
        splits: on which rows.
        of_any_width: whether the program takes layers of any width.
    """
    if any(references_in(resolved(experiment))) or experiment.transfer is not None:
        return None
    if len(experiment.training.batch_sizes(splits.train.count)) > 1:  # a program for each size
        return None
    row = splits.train.take(slice(1))
    encoding = splits.spec.encoding
    own = {} if encoding is None else {name: lookup.size for name, lookup in encoding.own.items()}
    kinds = keras.tree.map_structure(lambda array: (array.shape, str(array.dtype)), (row.x, row.y))
    kind = program_kind(experiment, of_any_width=of_any_width)
    logs = {name: target.scaling and target.scaling.logs for name, target in splits.spec.targets.items()}
    weights, where = (bool(row.weights), bool(row.row_weights)), splits.train.in_memory is None
    return f"{kind} {splits.train.count} {kinds} {own} {weights} {logs} {where}"


def state(model: keras.Model) -> list[Any]:
    """Return all variables of a training but those of the metrics, which every pass sets to zero."""
    return [*model.variables, *model.optimizer.variables, *scheduled_variables(model)]


def scheduled_variables(model: keras.Model) -> list[Any]:
    """Return the variables of the model's schedule."""
    rate = learning_rate(model.optimizer)
    return [rate.variable] if isinstance(rate, PerformanceSchedule) else []


def _copy(sources: list[Any], targets: list[Any]) -> None:
    for source, target in zip(sources, targets, strict=True):
        target.assign(source)


def plain_numbers(model: keras.Model) -> list[tuple[Any, str]]:
    """Return the objects and attributes of a model that hold numbers which are no variables of Keras."""
    metrics = [getattr(metric, "metric", metric) for metric in compiled_metrics(model)]
    scaled = [metric for metric in [*compiled_metrics(model), *metrics] if isinstance(metric, InOwnUnits)]
    found: list[tuple[Any, str]] = [(metric, name) for metric in scaled for name in ("offsets", "divisors")]
    for layer in layers_inside(model):
        if isinstance(layer, keras.layers.Normalization):
            found += [(layer, "mean"), (layer, "variance")]
        for value in vars(layer).values():
            if isinstance(value, keras.regularizers.Regularizer) and type(value).__name__ in STRENGTHS:
                found.append((value, STRENGTHS[type(value).__name__]))
    return found
