"""Loops whose batches become larger from one epoch to another: a loop for each size, which take turns."""
# ruff: noqa: ARG002  (the methods are those of Keras's Callback)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from nnlab.data.splits import Rows
from nnlab.engine.batches import Batches
from nnlab.engine.early_stopping import averages_weights
from nnlab.engine.loops import CompiledLoop, KerasLoop, Loop


class GrowingLoop(CompiledLoop):
    """A compiled loop with a program for each size.

    Args:
        model: compiled.
        batches: the training rows, by the first epoch that takes them so.
        xla: whether XLA compiles the programs.
    """

    def __init__(self, model: keras.Model, batches: Mapping[int, Batches], *, xla: bool) -> None:
        super().__init__(model, batches[0], xla=xla)
        self._larger = {
            epoch: CompiledLoop(model, each, xla=xla, rows=self._rows) for epoch, each in batches.items() if epoch
        }
        self.is_exact = self.is_exact and all(loop.is_exact for loop in self._larger.values())

    def run_epoch(self, epoch: int, calls: keras.callbacks.CallbackList) -> dict[str, float]:
        """Train an epoch in batches of its size; see `CompiledLoop`."""
        first = max((first for first in self._larger if first <= epoch), default=None)
        return super().run_epoch(epoch, calls) if first is None else self._larger[first].run_epoch(epoch, calls)


class GrowingKerasLoop(Loop):
    """Keras's own `fit` for the epochs of each size; callbacks see one training.

    Args:
        model: compiled.
        batches: the training rows, by the first epoch that takes them so.
    """

    def __init__(self, model: keras.Model, batches: Mapping[int, Batches]) -> None:
        self.model = model
        self._loops = {epoch: KerasLoop(model, each) for epoch, each in batches.items()}
        whole, rest = batches[0].steps
        self._steps = whole + bool(rest)

    def fit(self, validation: Rows | None, *, epochs: range, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """See `Loop`."""
        calls = keras.callbacks.CallbackList(list(callbacks), model=self.model, epochs=epochs.stop, steps=self._steps)
        throughout = _Throughout(calls)
        calls.on_train_begin()
        stops = [*list(self._loops)[1:], epochs.stop]
        for (first, loop), stop in zip(self._loops.items(), stops, strict=True):
            part = range(max(first, epochs.start), min(stop, epochs.stop))
            if part:
                loop.fit(validation, epochs=part, callbacks=[throughout])
                if self.model.stop_training:
                    break
        calls.on_train_end(throughout.logs)

    def evaluate(self, split: Rows, callbacks: Sequence[keras.callbacks.Callback] = ()) -> dict[str, float]:
        """See `Loop`."""
        return self._loops[0].evaluate(split, callbacks)


class _Throughout(keras.callbacks.Callback):
    """Hands on what happens in one part of a training after the other, but not where they begin and end.

    Where a part ends, Keras puts averages of the weights into the model, if the optimizer keeps them: the next part
    goes on with the weights themselves.

    Args:
        calls: the callbacks of the whole training.
    """

    def __init__(self, calls: keras.callbacks.CallbackList) -> None:
        super().__init__()
        self._calls = calls
        self._weights: list[Any] | None = None
        self.logs: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        if self._weights is not None:
            for variable, value in zip(self.model.trainable_variables, self._weights, strict=True):
                variable.assign(value)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._calls.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._calls.on_epoch_end(epoch, logs)
        self.logs = logs
        if averages_weights(self.model):
            self._weights = [keras.ops.convert_to_numpy(variable) for variable in self.model.trainable_variables]

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._calls.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._calls.on_train_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._calls.on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._calls.on_test_batch_end(batch, logs)

    def on_test_begin(self, logs: Any = None) -> None:
        self._calls.on_test_begin(logs)

    def on_test_end(self, logs: Any = None) -> None:
        self._calls.on_test_end(logs)
