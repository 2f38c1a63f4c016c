"""Which epoch of a training is the best, and whose weights its model ends with."""
# ruff: noqa: ARG002, D102  (the methods are those of Keras's Callback)

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, slots=True)
class BestEpoch:
    """The best epoch so far.

    Args:
        epoch: from 1.
        monitor: the column of the history that says so.
        value: what it is there.
    """

    epoch: int
    monitor: str
    value: float


class BestSoFar:
    """Finds the best epoch of a training that nothing stops early.

    Args:
        monitor: a column of the history.
        mode: whether less (`min`) or more (`max`) of it is better.
    """

    def __init__(self, monitor: str, mode: str) -> None:
        self._monitor, self._sign = monitor, 1 if mode == "max" else -1
        self.found: BestEpoch | None = None

    def look(self, row: Mapping[str, Any]) -> None:
        """Judge an epoch by its row of the history; what is not finite is never the best."""
        value = float(row.get(self._monitor, math.nan))
        if math.isfinite(value) and (self.found is None or self._sign * value > self._sign * self.found.value):
            self.found = BestEpoch(int(row["epoch"]), self._monitor, value)


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras's, which judges and gives back averaged weights where the optimizer averages them.

    Keras's own judges the weights as they are in training, and gives those of the best epoch back: the averages of an
    optimizer with `use_ema`, which are put into the model at the end of a training, are then lost. Where it gives
    weights back, this one lets validation see the averages (as Keras's `SwapEMAWeights` does, but to the bit), so that
    what was judged is what is kept. A value that is not a number is no improvement, not even on none.

    Args:
        frozen_epochs: how many epochs went before, with layers frozen, that it does not judge.
        options: those of Keras's.

    Attributes:
        judged_from: the first epoch that it judges, from 1.
        restored_epoch: whose weights it has given back, from 1; `None` if none.
    """

    def __init__(self, *, frozen_epochs: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.judged_from = max(frozen_epochs, self.start_from_epoch) + 1
        self.restored_epoch: int | None = None
        self._of_training: list[Any] | None = None

    @property
    def judges_averages(self) -> bool:
        """Whether it is averaged weights that are judged, and given back."""
        return bool(self.restore_best_weights) and averages_weights(self.model)

    @property
    def found(self) -> BestEpoch | None:
        """The best epoch so far; `None` as long as no epoch counts."""
        return None if self.best is None else BestEpoch(self.best_epoch + 1, self.monitor, float(self.best))

    def on_test_begin(self, logs: Any = None) -> None:
        if self.judges_averages:
            self._of_training = _put_averages(self.model)

    def on_test_end(self, logs: Any = None) -> None:
        if self._of_training is not None:
            _put_back(self.model, self._of_training)
            self._of_training = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        of_training = _put_averages(self.model) if self.judges_averages else None
        super().on_epoch_end(epoch, logs)
        if of_training is not None:
            _put_back(self.model, of_training)

    def on_train_end(self, logs: Any = None) -> None:
        super().on_train_end(logs)
        if self.restore_best_weights and self.best_weights is not None:
            self.restored_epoch = self.best_epoch + 1

    def _is_improvement(self, monitor_value: Any, reference_value: Any) -> bool:
        return not math.isnan(monitor_value) and bool(super()._is_improvement(monitor_value, reference_value))


def averages_weights(model: keras.Model) -> bool:
    """Return whether the optimizer keeps averages of the weights, which the model ends with."""
    return bool(getattr(model.optimizer, "use_ema", False))


def _put_averages(model: keras.Model) -> list[Any]:
    """Put the averages into the model, as the end of a training does; return what was there."""
    weights = model.trainable_variables
    of_training = [keras.ops.convert_to_numpy(weight) for weight in weights]
    model.optimizer.finalize_variable_values(weights)
    return of_training


def _put_back(model: keras.Model, of_training: list[Any]) -> None:
    for weight, value in zip(model.trainable_variables, of_training, strict=True):
        weight.assign(value)
