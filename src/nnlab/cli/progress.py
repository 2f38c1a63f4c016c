"""How a training shows itself on a terminal: a line an epoch, and a live line below while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from nnlab.cli import console
from nnlab.config.by_name import only
from nnlab.data.splits import DataSpec
from nnlab.data.target_spec import TargetSpec
from nnlab.results import best_and_kept
from nnlab.wording import counted, cut, duration, joined, metric_text, named

if TYPE_CHECKING:
    from nnlab.config.schema import Experiment
    from nnlab.engine.early_stopping import BestEpoch

MOST_LINES = 100
"""Epochs that get a line of their own; of longer trainings every so many-th does."""

MOST_CLASSES = 5
"""Of so many each is counted in a line; of more the least and the most."""

WIDEST_NUMBER = len("-1.234e+10")
BAR_WIDTH = 16
TIME_WIDTH = len("123.45 s") + 1
MARGIN = 2 + TIME_WIDTH + len("  best")
"""What stands beside the numbers of an epoch's line: its time, and whether it is the best."""


class TrainingProgress:
    """Shows data, model, epochs, step rate, running loss, best epoch and time left, on stderr.

    On a terminal the current epoch is a live line; elsewhere each epoch is one plain line. Columns that a terminal has
    no room for are left out, the least important first.
    """

    def __init__(self, spec: DataSpec, *, monitor: str | None, has_schedule: bool, batches_grow: bool = False) -> None:
        self.batches_grow = batches_grow
        self.console = console.messages()
        self.spec = spec
        self.monitor = monitor
        self.has_schedule = has_schedule
        self.last = 0
        self.best: BestEpoch | None = None
        self.epochs = self.steps = 0
        self._columns: dict[str, int] = {}
        self._began = 0.0
        self._live: Progress | None = None
        self._task: Any = None

    @classmethod
    def of(cls, experiment: Experiment, spec: DataSpec) -> Self:
        """Return what shows the training of an experiment on its data."""
        early = experiment.training.early_stopping
        return cls(
            spec,
            monitor=None if early is None else early.monitor,
            has_schedule=experiment.schedule is not None,
            batches_grow=len(experiment.training.batch_sizes(spec.num_train)) > 1,
        )

    def engine_chosen(self, choice: Any) -> None:
        """Say once why the model is not trained the way that was asked for."""
        if choice.used != choice.asked and not self.epochs:  # a second phase goes on
            self.console.say(f"engine: {choice.used}, as {choice.reason}")

    def training_began(self, model: Any, *, epochs: int, steps: int) -> None:
        """Say what is trained on what."""
        self.epochs, self.steps = epochs, steps
        self._began = time.monotonic()
        self.console.say(f"data: {_data_line(self.spec)}")
        if self.spec.class_rows:
            self.console.say(_classes_line(self.spec))
        for note in self.spec.notes:
            self.console.say(f"note: {note}")
        layers = len(model.layers)
        self.console.say(
            f"model: {model.count_params():,} parameters in {counted(layers, 'layer')}; "
            f"{counted(epochs, 'epoch')} of {counted(steps, 'step')}{' at first' * self.batches_grow}",
        )
        if self.console.is_terminal:
            columns = (TextColumn("[bold]{task.description}"), BarColumn(bar_width=BAR_WIDTH), _Facts(self._facts))
            self._live = Progress(*columns, console=self.console, transient=True, refresh_per_second=8)
            self._live.start()
            self._task = self._live.add_task(self._label(1), total=steps, values={}, done=0.0)

    def step_done(self, epoch: int, step: int, logs: Mapping[str, float]) -> None:
        """Move the live line."""
        if self._live is not None:
            done = (epoch - 1 + step / self.steps) / self.epochs
            self._live.update(self._task, description=self._label(epoch), completed=step, values=logs, done=done)

    def may_look(self, look: Any) -> None:
        """See `Observer`: what a network gives is no line of a table."""

    def epoch_done(self, row: Mapping[str, Any], *, best: BestEpoch | None) -> None:
        """Print the epoch's line."""
        self.last = epoch = int(row["epoch"])
        self.best = best
        every = -(-self.epochs // MOST_LINES)
        if not self._columns:
            self._begin_table(row, every)
        if epoch == 1 or epoch == self.epochs or epoch % every == 0:
            self.console.print(self._line(row, is_best=best is not None and best.epoch == epoch))
        if self._live is not None:
            label = self._label(epoch + 1)
            self._live.reset(self._task, description=label, total=self.steps, values={}, done=epoch / self.epochs)

    def stop(self, *, completed: bool = False, epochs: Mapping[str, Any] = {}) -> None:
        """Take the live line away, and say which epoch was the best and whose weights the model has.

        Args:
            completed: whether the training came to its end.
            epochs: what `run.json` says of these epochs.
        """
        if self._live is not None:
            self._live.stop()
            self._live = None
        if not self.last:
            return
        facts = best_and_kept(epochs)
        if completed and self.last < self.epochs:
            facts.insert(1, f"stopped early after epoch {self.last}")
        self.console.say("; ".join([*facts, f"{duration(time.monotonic() - self._began)} in all"]))

    def _label(self, epoch: int) -> str:
        return f"epoch {min(epoch, self.epochs):>{len(str(self.epochs))}}/{self.epochs}"

    def _begin_table(self, row: Mapping[str, Any], every: int) -> None:
        """Choose the columns, and print their names."""
        names = [name for name in row if name not in ("epoch", "seconds", "val_seconds", "learning_rate")]
        names += ["learning_rate"] if self.has_schedule else []
        self._columns = _that_fit(names, self._by_importance(names), self.console.width - len(self._label(1)) - MARGIN)
        hidden = [name for name in names if name not in self._columns]
        if hidden:
            self.console.say(f"not shown for lack of room: {', '.join(hidden)} (history.csv holds all)")
        if every > 1:
            self.console.say(f"one line for every {every} epochs")
        head = Text(" " * len(self._label(1)) + f"  {'time':>{TIME_WIDTH}}")
        for name, width in self._columns.items():
            head.append(f"  {name:>{width}}")
        head.stylize("dim")
        self.console.print(head)

    def _by_importance(self, names: Sequence[str]) -> list[str]:
        """Sort columns: losses, what early stopping monitors, then validation before training, as in the history."""
        first = [name for name in names if name in ("loss", "val_loss", self.monitor)]
        return list(dict.fromkeys([*first, *(name for name in names if name.startswith("val_")), *names]))

    def _line(self, row: Mapping[str, Any], *, is_best: bool) -> Text:
        seconds = row["seconds"] + row.get("val_seconds", 0.0)
        time_taken = f"{seconds:.2f} s" if seconds < 1000 else duration(seconds)
        line = Text(f"{self._label(int(row['epoch']))}  {time_taken:>{TIME_WIDTH}}")
        for name, width in self._columns.items():
            line.append(f"  {metric_text(row[name]):>{width}}")
        if is_best:
            line.append("  best", style="green")
        return line

    def _facts(self, task: Task) -> str:
        """Say of the running epoch what the terminal has room for."""
        values, done = task.fields["values"], task.fields["done"]
        facts = [f"{name} {metric_text(values[name])}" for name in values if name == "loss"]
        if done > 0:
            facts.append(f"{duration((time.monotonic() - self._began) * (1 - done) / done)} left")
        if self.best is not None:
            best = self.best
            facts.append(f"best {best.monitor} {metric_text(best.value)} in epoch {best.epoch}")
        if task.speed:
            facts.append(f"{task.speed:,.0f} steps/s")
        facts += [f"{name} {metric_text(values[name])}" for name in values if name != "loss"]
        room = self.console.width - len(task.description) - BAR_WIDTH - 3
        text = ""
        for fact in facts:
            if len(text) + 2 + len(fact) <= room:
                text += f"  {fact}" if text else fact
        return text


class _Facts(ProgressColumn):
    """What is said behind the bar."""

    def __init__(self, write: Callable[[Task], str]) -> None:
        super().__init__()
        self._write = write

    def render(self, task: Task) -> Text:
        return Text(self._write(task), no_wrap=True)


def _that_fit(names: Sequence[str], by_importance: Sequence[str], room: int) -> dict[str, int]:
    """Return the columns that a line has room for, in their order, with their widths.

    Args:
        names: of the columns, in their order.
        by_importance: the same, the most important first; the first one always stays.
        room: characters, with two before each column.
    """
    widths = {name: max(len(name), WIDEST_NUMBER) for name in names}
    chosen: list[str] = []
    for name in by_importance:
        if not chosen or sum(2 + widths[each] for each in [*chosen, name]) <= room:
            chosen.append(name)
    return {name: widths[name] for name in names if name in chosen}


_MOST_INPUTS = 4
"""So many are named in the line about the data."""


def _data_line(spec: DataSpec) -> str:
    parts = [f"{spec.num_train:,} training"]
    if spec.num_validation:
        parts.append(f"{spec.num_validation:,} validation")
    if spec.num_test:
        parts.append(f"{spec.num_test:,} test")
    shapes = {name: " x ".join(map(str, shape)) for name, shape in spec.input_shapes.items()}
    rows = only(shapes)
    if len(shapes) > 1:
        inputs = [f"{shape} ({named(name)})" for name, shape in shapes.items()]
        more = len(inputs) - _MOST_INPUTS
        rows = joined([*inputs[:_MOST_INPUTS], *([f"{more} more inputs"] if more > 0 else [])])
    what = [f"{f'{output}: ' if output else ''}{_task_words(target)}" for output, target in spec.targets.items()]
    kind = "rows" if spec.window is None else "windows"
    return f"{' + '.join(parts)} {kind} of {rows}; {'; '.join(what)}"


def _classes_line(spec: DataSpec) -> str:
    """Say what the rows are split by, and how many of each split have each class."""
    is_split = bool(spec.num_validation or spec.num_test)
    lines: list[str] = []
    for output, of_splits in spec.class_rows.items():
        names = spec.target_of(output).class_names
        counts = list(zip(*of_splits.values(), strict=True))
        words = [f"{cut(name)} {' + '.join(f'{n:,}' for n in own)}" for name, own in zip(names, counts, strict=True)]
        if len(names) > MOST_CLASSES:
            spans = [f"{min(own):,} to {max(own):,}" for own in of_splits.values()]
            words = [f"each class {' + '.join(spans)}"]
        lines.append(f"{f'{output}: ' if output else ''}{', '.join(words)}")
    return f"{f'split: {spec.split};' if is_split else 'classes:'} {'; '.join(lines)}"


def _task_words(target: TargetSpec) -> str:
    what = {
        "binary": "binary classification",
        "multiclass": f"classification, {target.num_classes} classes",
        "multilabel": f"multilabel classification, {target.num_outputs} labels",
        "regression": f"regression, {counted(target.num_outputs, 'target')}",
    }[target.task]
    return f"{what} (inferred)" if target.inferred_task else what
