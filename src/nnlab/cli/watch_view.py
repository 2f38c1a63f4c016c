"""How a training that is watched shows itself: a picture that is drawn anew after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.text import Text

from nnlab.cli import console
from nnlab.cli.progress import TrainingProgress
from nnlab.cli.saves import SavedError, Saves
from nnlab.cli.screen import as_text
from nnlab.data.splits import DataSpec
from nnlab.report.chart import Row
from nnlab.report.training_chart import Room, training_chart
from nnlab.wording import counted, duration, metric_text

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.engine.early_stopping import BestEpoch
    from nnlab.report.surface_chart import Surface
    from nnlab.snapshots import Snapshots

SECONDS_BETWEEN_PICTURES = 0.1
SHARE_OF_PICTURES = 0.1
"""Of the time of a training, at most."""

LINES_BELOW = 6
"""Lines of a terminal that are left for what is said below the picture."""


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

    def may_look(self, look: Callable[[], Snapshots | None]) -> None:
        """See `Observer`."""

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
        classes: names of the classes; none of a regression.
    """

    def __init__(self, saves: Saves, name: str, classes: Sequence[str]) -> None:
        super().__init__(saves)
        self._screen, self._name, self._classes = console.messages(), name, classes
        self._rows: list[Mapping[str, Any]] = []
        self._best: BestEpoch | None = None
        self._look: Callable[[], Snapshots | None] | None = None
        self._seen: Surface | None = None
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

    def may_look(self, look: Callable[[], Snapshots | None]) -> None:
        """Let each picture show what the network gives then."""
        self._look = look

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

    def _charts(self) -> list[Row]:
        screen = self._screen
        room = Room(
            screen.width,
            screen.height - LINES_BELOW,
            is_plain=screen.is_plain,
            has_colors=screen.color_system is not None,
        )
        best = None if self._best is None else self._best.epoch
        return training_chart(self._rows, self._surface(), room, epochs=self._epochs, best=best)

    def _surface(self) -> Surface | None:
        """Return what the network gives, or gave when it last gave numbers."""
        from nnlab.report.surface_chart import surface_of

        look = None if self._look is None else self._look()
        if look is not None:
            self._seen = surface_of(look, self._classes)
        return self._seen


def view_of(config: LoadedConfig, spec: DataSpec, saves: Saves, *, quiet: bool) -> View:
    """Return what shows a training: a picture on a terminal, lines elsewhere, or nothing."""
    experiment = config.experiment
    if quiet:
        return View(saves)
    if console.messages().is_terminal:
        return Picture(saves, experiment.name, next(iter(spec.targets.values())).class_names)
    return Lines(saves, TrainingProgress.of(experiment, spec))
