"""How a training shows itself on a terminal: a line an epoch, and a live line below while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from nnlab.cli import console
from nnlab.data.splits import DataSpec, TargetSpec

MOST_LINES = 100
"""Epochs that get a line of their own; of longer trainings every so many-th does."""


class TrainingProgress:
    """Shows data, model, epochs, step rate, running loss, best epoch and time left, on stderr.

    On a terminal the current epoch is a live line; elsewhere each epoch is one plain line.
    """

    def __init__(self, spec: DataSpec, *, keeps_best: bool | None, has_schedule: bool) -> None:
        self.console = console.messages()
        self.spec = spec
        self.keeps_best = keeps_best
        self.has_schedule = has_schedule
        self.last = 0
        self.best: tuple[float, int] | None = None
        self.epochs = self.steps = 0
        self._began = 0.0
        self._live: Progress | None = None
        self._task: Any = None

    def engine_chosen(self, choice: Any) -> None:
        """Say once why the model is not trained the way that was asked for."""
        if choice.used != choice.asked and not self.epochs:  # a second phase goes on
            self.console.print(f"engine: {choice.used}, as {choice.reason}", markup=False, soft_wrap=True)

    def training_began(self, model: Any, *, epochs: int, steps: int) -> None:
        """Say what is trained on what."""
        self.epochs, self.steps = epochs, steps
        self._began = time.monotonic()
        self.console.print(f"data: {_data_line(self.spec)}", markup=False, soft_wrap=True)
        self.console.print(
            f"model: {model.count_params():,} parameters in {len(model.layers)} layers; "
            f"{epochs} epoch{'s' * (epochs > 1)} of {steps} step{'s' * (steps > 1)}",
            markup=False,
            soft_wrap=True,
        )
        if self.console.is_terminal:
            self._live = Progress(
                TextColumn("[bold]{task.description}"),
                BarColumn(bar_width=24),
                _StepRate(),
                TextColumn("{task.fields[values]}"),
                TextColumn("[dim]{task.fields[left]}"),
                console=self.console,
                transient=True,
                refresh_per_second=8,
            )
            self._live.start()
            self._task = self._live.add_task(self._label(1), total=steps, values="", left="")

    def step_done(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        """Move the live line."""
        if self._live is None:
            return
        values = "  ".join(f"{name} {_number(logs[name])}" for name in sorted(logs, key=lambda name: name != "loss"))
        done = (epoch - 1 + step / self.steps) / self.epochs
        self._live.update(
            self._task, description=self._label(epoch), completed=step, values=values, left=self._left(done)
        )

    def epoch_done(self, row: Mapping[str, Any]) -> None:
        """Print the epoch's line."""
        self.last = epoch = int(row["epoch"])
        watched = row[self._watched]
        is_best = self.best is None or watched < self.best[0]
        if is_best:
            self.best = (watched, epoch)
        every = -(-self.epochs // MOST_LINES)
        if epoch == 1 or epoch == self.epochs or epoch % every == 0:
            self.console.print(self._line(row, best=is_best), soft_wrap=True)
        if self._live is not None:
            self._live.reset(
                self._task,
                description=self._label(epoch + 1),
                total=self.steps,
                values="",
                left=self._left(epoch / self.epochs),
            )

    def stop(self, *, completed: bool) -> None:
        """Take the live line away, and name the best epoch; of a completed run also say whose weights the model has."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self.best is None:
            return
        facts = [f"best {self._watched} {_number(self.best[0])} in epoch {self.best[1]}"]
        if completed and self.last < self.epochs:
            facts.append(f"stopped early after epoch {self.last}")
        if completed and self.keeps_best is not None:
            facts.append(f"the model is that of epoch {self.best[1] if self.keeps_best else self.last}")
        facts.append(f"{duration(time.monotonic() - self._began)} in all")
        self.console.print("; ".join(facts), markup=False, soft_wrap=True)

    def _label(self, epoch: int) -> str:
        return f"epoch {min(epoch, self.epochs):>{len(str(self.epochs))}}/{self.epochs}"

    def _line(self, row: Mapping[str, Any], *, best: bool) -> Text:
        seconds = row["seconds"] + row.get("val_seconds", 0.0)
        line = Text(f"{self._label(int(row['epoch']))}  {seconds:6.2f} s")
        for name, value in row.items():
            if name not in ("epoch", "seconds", "val_seconds") and (name != "learning_rate" or self.has_schedule):
                line.append(f"  {name} ", style="dim")
                line.append(_number(value))
        if best:
            line.append("  best", style="green")
        return line

    def _left(self, done: float) -> str:
        if done <= 0:
            return ""
        best = f"best {self._watched} {_number(self.best[0])} in epoch {self.best[1]}, " if self.best else ""
        return f"{best}{duration((time.monotonic() - self._began) * (1 - done) / done)} left"

    @property
    def _watched(self) -> str:
        return "val_loss" if self.spec.num_validation else "loss"


class _StepRate(ProgressColumn):
    """Steps a second of the current epoch."""

    def render(self, task: Task) -> Text:
        rate = task.speed
        return Text(f"{rate:,.0f} steps/s" if rate else "", style="cyan")


def _data_line(spec: DataSpec) -> str:
    parts = [f"{spec.num_train:,} training"]
    if spec.num_validation:
        parts.append(f"{spec.num_validation:,} validation")
    if spec.num_test:
        parts.append(f"{spec.num_test:,} test")
    shapes = spec.input_shape if isinstance(spec.input_shape, Mapping) else {"": spec.input_shape}
    rows = " and ".join(" x ".join(map(str, shape)) for shape in shapes.values())
    what = [f"{f'{output}: ' if output else ''}{_task_words(target)}" for output, target in spec.targets.items()]
    notes = "".join(f"\nnote: {note}" for note in spec.notes)
    return f"{' + '.join(parts)} rows of {rows}; {'; '.join(what)}{notes}"


def _task_words(target: TargetSpec) -> str:
    what = {
        "binary": "binary classification",
        "multiclass": f"classification, {target.num_classes} classes",
        "multilabel": f"multilabel classification, {target.num_outputs} labels",
        "regression": f"regression, {target.num_outputs} target{'s' * (target.num_outputs > 1)}",
    }[target.task]
    return f"{what} (inferred)" if target.inferred_task else what


def _number(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.3e}"


def duration(seconds: float) -> str:
    """Write a time as a person would: `3.2 s`, `2:05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
