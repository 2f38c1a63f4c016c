"""Keras callbacks that watch a training."""
# ruff: noqa: ARG002, D102  (the methods are those of Keras's Callback)

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import keras

from nnlab.config.components import Component
from nnlab.engine.decision import EngineChoice
from nnlab.engine.early_stopping import BestEpoch, BestSoFar, EarlyStopping
from nnlab.engine.loops import in_order
from nnlab.errors import Problem
from nnlab.private.keras import ReduceLearningRate
from nnlab.run import Run
from nnlab.schedules import WARMUP, kind_of
from nnlab.snapshots import Snapshots
from nnlab.training_options import Limits


class Observer(Protocol):
    """Somebody who wants to see a training go on, such as a terminal."""

    def engine_chosen(self, choice: EngineChoice) -> None:
        """Tell which loop is going to train the model (again before a second phase)."""

    def training_began(self, model: keras.Model, *, epochs: int, steps: int) -> None:
        """Tell that training begins; `steps` an epoch."""

    def step_done(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        """Tell that a step is done (at most about ten times a second); epoch and step from 1, running means."""

    def epoch_done(self, row: Mapping[str, Any], *, best: BestEpoch | None) -> None:
        """Tell that an epoch is done, with its row of the history, and which is the best so far."""

    def may_look(self, look: Callable[[], Snapshots | None]) -> None:
        """Tell how to look, at any time from now on, at what a network of one or two inputs gives over them."""


class Recorder(keras.callbacks.Callback):
    """Writes `history.csv` as epochs end, tells the observer, and stops a training that diverges.

    Args:
        run: whose history it is.
        observer: is told how the training goes on.
        epochs: of the whole training.
        best: finds the best epoch.
        columns: those of the history but for times, of training rows, in their order.
        rows: the history of the part before.

    Attributes:
        rows: the history so far.
        stopping: what stops the training early, and then knows the best epoch; it has to see an epoch's end before.
        divergence: what went wrong, if the loss became NaN or infinite.
    """

    SECONDS_BETWEEN_LOOKS = 0.1  # reading a loss waits for the step; doing so at every step would slow training down
    SECONDS_BETWEEN_WRITES = 0.2  # an epoch of a small network takes as long as writing a file

    def __init__(
        self,
        run: Run,
        observer: Observer | None,
        *,
        epochs: int,
        best: BestSoFar,
        columns: Sequence[str] = (),
        rows: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__()
        self.run = run
        self.observer = observer
        self.epochs = epochs
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]
        self.stopping: EarlyStopping | None = None
        self.divergence: Problem | None = None
        self._epoch_began = self._validation_began = self._last_look = self._last_write = 0.0
        self._validation_seconds: float | None = None
        self._epoch = 0
        self._best = best
        self._columns = columns
        for row in self.rows:
            best.look(row)

    @property
    def best(self) -> BestEpoch | None:
        """The best epoch so far."""
        return self._best.found if self.stopping is None else self.stopping.found

    def on_train_begin(self, logs: Any = None) -> None:
        if self.rows:
            self.write()
        elif self.observer is not None:  # a second phase goes on
            self.observer.training_began(self.model, epochs=self.epochs, steps=self.params["steps"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1
        self._epoch_began = time.perf_counter()
        self._validation_seconds = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        if now - self._last_look < self.SECONDS_BETWEEN_LOOKS:
            return
        self._last_look = now
        values = {name: float(value) for name, value in (logs or {}).items()}
        self._check_loss(values.get("loss"))
        if self.observer is not None:
            self.observer.step_done(self._epoch, batch + 1, values)

    def on_test_begin(self, logs: Any = None) -> None:
        self._validation_began = time.perf_counter()

    def on_test_end(self, logs: Any = None) -> None:
        self._validation_seconds = time.perf_counter() - self._validation_began

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.perf_counter() - self._epoch_began - (self._validation_seconds or 0.0)
        logs = dict(logs or {})
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            **{name: float(value) for name, value in in_order(logs, self._columns).items()},
            "seconds": round(seconds, 4),
        }
        if self._validation_seconds is not None:
            row["val_seconds"] = round(self._validation_seconds, 4)
        self.rows.append(row)
        self._best.look(row)
        if time.perf_counter() - self._last_write >= self.SECONDS_BETWEEN_WRITES:
            self.write()
        for name in ("loss", "val_loss"):
            self._check_loss(row.get(name), name)
        if self.observer is not None:
            self.observer.epoch_done(row, best=self.best)

    def write(self) -> None:
        """Write the history so far; at the end of the training somebody has to call this."""
        if self.rows:
            self.run.write_history(self.rows)
        self._last_write = time.perf_counter()

    def _check_loss(self, loss: float | None, name: str = "loss") -> None:
        """Stop where a loss is not finite; which step is looked at, and how far it has come there, depends on time."""
        if loss is None or math.isfinite(loss) or self.divergence is not None:
            return
        self.divergence = Problem(
            f"the training diverged: `{name}` became infinite or nan in epoch {self._epoch}",
            hint="lower `optimizer.learning_rate` (a tenth of it first), clip gradients (`optimizer.clipnorm: 1.0`), "
            "or scale the data (`data.scale: standardize`)",
        )
        self.model.stop_training = True


class MedianStopping(keras.callbacks.Callback):
    """Stops a training that is hopeless: its best so far is worse than the limit of an epoch.

    Args:
        limits: what is watched, and by epoch what it must reach.

    Attributes:
        stopped: what was found, once it has stopped the training.
    """

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits
        self.stopped: str | None = None
        self._values: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        column = self.limits.objective.column
        self._values.append(float((logs or {}).get(column, math.nan)))
        missed = self.limits.missed(self._values)
        if missed is not None:
            self.model.stop_training = True
            best, limit = missed
            self.stopped = f"hopeless after epoch {epoch + 1}: {column} {best:.4g}, the median is {limit:.4g}"


def schedule_callbacks(schedule: Component | None) -> list[keras.callbacks.Callback]:
    """Return what a training with this schedule needs besides the schedule itself."""
    if schedule is None or not kind_of(schedule.name).watches:
        return []
    names = [name for name in schedule.entry.parameters if name not in WARMUP.keys]
    return [ReduceLearningRate(**{name: schedule.get(name) for name in names})]
