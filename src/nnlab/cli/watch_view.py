"""How a training that is watched shows itself: a picture that is drawn anew after each epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from nnlab.cli import console
from nnlab.cli.progress import TrainingProgress
from nnlab.cli.saves import SavedError, Saves
from nnlab.cli.screen import as_text
from nnlab.data.splits import DataSpec
from nnlab.report.history_chart import BESIDE_FROM, Look, history_charts, metrics_of
from nnlab.wording import counted, duration, metric_text

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.engine.early_stopping import BestEpoch

SECONDS_BETWEEN_PICTURES = 0.1
SHARE_OF_PICTURES = 0.1
"""Of the time of a training, at most."""

LINES_BELOW = 6
"""Lines of a terminal that are left for what is said below the picture."""

LEAST_HEIGHT, MOST_HEIGHT = 6, 13
"""Lines of a chart."""


class View:
    """An observer that ends a training whose file has been saved, and shows nothing.

    Args:
        saves: knows of it.
    """

    def __init__(self, saves: Saves) -> None:
        self._saves = saves
        self.last = 0
        """Epochs that are done."""

    def engine_chosen(self, choice: Any) -> None:  # noqa: ARG002
        """See `Observer`."""
        self._check()

    def training_began(self, model: Any, *, epochs: int, steps: int) -> None:
        """See `Observer`."""

    def step_done(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:  # noqa: ARG002
        """See `Observer`."""
        self._check()

    def epoch_done(self, row: Mapping[str, Any], *, best: BestEpoch | None) -> None:  # noqa: ARG002
        """See `Observer`."""
        self.last = int(row["epoch"])
        self._check()

    def stop(self, *, completed: bool = False, epochs: Mapping[str, Any] = {}) -> None:
        """See `TrainingProgress`."""

    def _check(self) -> None:
        if self._saves.changed():
            raise SavedError


class Lines(View):
    """Shows each epoch as a line, for what is no terminal."""

    def __init__(self, saves: Saves, progress: TrainingProgress) -> None:
        super().__init__(saves)
        self._progress = progress

    def engine_chosen(self, choice: Any) -> None:
        """See `Observer`."""
        self._progress.engine_chosen(choice)
        super().engine_chosen(choice)

    def training_began(self, model: Any, *, epochs: int, steps: int) -> None:
        """See `Observer`."""
        self._progress.training_began(model, epochs=epochs, steps=steps)

    def epoch_done(self, row: Mapping[str, Any], *, best: BestEpoch | None) -> None:
        """See `Observer`."""
        self._progress.epoch_done(row, best=best)
        super().epoch_done(row, best=best)

    def stop(self, *, completed: bool = False, epochs: Mapping[str, Any] = {}) -> None:
        """See `TrainingProgress`."""
        self._progress.stop(completed=completed, epochs=epochs)


class Picture(View):
    """Draws loss and metric by epoch, for a terminal.

    Args:
        saves: knows what was saved.
        name: of the experiment.
    """

    def __init__(self, saves: Saves, name: str) -> None:
        super().__init__(saves)
        self._screen, self._name = console.messages(), name
        self._rows: list[Mapping[str, Any]] = []
        self._best: BestEpoch | None = None
        self._epochs = self._steps = 0
        self._began = self._next = 0.0
        self._live: Live | None = None

    def training_began(self, model: Any, *, epochs: int, steps: int) -> None:
        """Begin the picture."""
        self._epochs, self._steps, self._began = epochs, steps, time.monotonic()
        self._live = Live(console=self._screen, auto_refresh=False, vertical_overflow="crop")
        self._live.start()
        size = f"{model.count_params():,} parameters"
        self._draw(f"{size}; {counted(epochs, 'epoch')} of {counted(steps, 'step')}")

    def step_done(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        """Move the line above the picture, within an epoch that takes its time."""
        if self._is_time():
            loss = f", loss {metric_text(logs['loss'])}" if "loss" in logs else ""
            self._draw(f"epoch {epoch}/{self._epochs}, step {step:,}/{self._steps:,}{loss}")
        super().step_done(epoch, step, logs)

    def epoch_done(self, row: Mapping[str, Any], *, best: BestEpoch | None) -> None:
        """Draw the epoch, unless the one before has only just been drawn."""
        self._rows.append(row)
        self._best = best
        if self._is_time() or len(self._rows) == 1:
            self._draw(f"epoch {row['epoch']}/{self._epochs}")
        super().epoch_done(row, best=best)

    def stop(self, *, completed: bool = False, epochs: Mapping[str, Any] = {}) -> None:  # noqa: ARG002
        """Draw what is there, and leave it."""
        if self._live is None:
            return
        early = ", stopped early" if completed and self.last < self._epochs else ""
        self._draw(f"{counted(self.last, 'epoch')} in {duration(time.monotonic() - self._began)}{early}")
        self._live.stop()
        self._live = None

    def _is_time(self) -> bool:
        return time.monotonic() >= self._next

    def _draw(self, state: str) -> None:
        assert self._live is not None
        began = time.monotonic()
        lines = [Text(f"{self._name}: {state}", style="bold", no_wrap=True, overflow="ellipsis")]
        if self._rows:
            lines += map(as_text, self._charts())
        self._live.update(Group(*lines), refresh=True)
        now = time.monotonic()
        self._next = now + max(SECONDS_BETWEEN_PICTURES, (now - began) / SHARE_OF_PICTURES)

    def _charts(self) -> list[Any]:
        names = metrics_of(self._rows)[:2]
        width = self._screen.width
        room = self._screen.height - LINES_BELOW
        stacked = 1 if width >= BESIDE_FROM else len(names)
        if room < stacked * LEAST_HEIGHT:
            names, stacked = names[:1], 1
        height = min(max(room // stacked, LEAST_HEIGHT), MOST_HEIGHT)
        look = Look(width, height, is_plain=self._screen.is_plain)
        best = None if self._best is None else self._best.epoch
        return history_charts(self._rows, names, look, epochs=self._epochs, best=best)


def view_of(config: LoadedConfig, spec: DataSpec, saves: Saves, *, quiet: bool) -> View:
    """Return what shows a training: a picture on a terminal, lines elsewhere, or nothing."""
    experiment = config.experiment
    if quiet:
        return View(saves)
    if console.messages().is_terminal:
        return Picture(saves, experiment.name)
    return Lines(saves, TrainingProgress.of(experiment, spec))
