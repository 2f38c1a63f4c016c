"""Windows over rows that follow one another: which rows are inputs, and which are predicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.config.window import WindowConfig
from nnlab.data.encoding.encoding import TableEncoding
from nnlab.data.registry import RawData
from nnlab.data.series import Series
from nnlab.data.splits import Answers, ByName, Rows, Split
from nnlab.data.stored import rows_at_once
from nnlab.data.target_spec import TargetSpec
from nnlab.data.targets import Target
from nnlab.errors import DataError, Problem
from nnlab.wording import listed, rows_word

PATH = ("data", "window")

_SMALL: Final = 1 << 26
"""Bytes of windows that are all in memory, each with its own copy of the rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of some rows. None reaches over two series, or over rows that are not among them.

    Args:
        config: how long they are, and what is predicted.
        rows: the rows, one series behind the other, each in its order: numbers among those that were given.
        firsts: where in `rows` each window begins, int64 `[windows]`.
        runs: rows that follow one another without a break, as `[runs, 2]` of the number of the series and their count.
    """

    config: WindowConfig
    rows: np.ndarray
    firsts: np.ndarray
    runs: np.ndarray

    @classmethod
    def of(cls, series: Series, config: WindowConfig, *, predicted: bool = True) -> Self:
        """Find all windows, those of a series one behind the other, as `timeseries_dataset_from_array` does.

        Args:
            series: the order of the rows.
            config: how long windows are.
            predicted: whether the rows that are predicted have to be there.
        """
        rows = series.in_order
        codes, places = series.codes[rows], series.places[rows]
        breaks = np.flatnonzero((np.diff(codes) != 0) | (np.diff(places) != 1)) + 1
        starts = np.concatenate([[0], breaks]).astype(np.int64) if len(rows) else np.empty(0, np.int64)
        sizes = np.diff(np.concatenate([starts, [len(rows)]]))
        lead, span = (config.lead, config.span) if predicted else (0, config.reach)
        counts = np.maximum(0, (sizes - span) // config.stride + 1)
        before = np.cumsum(counts) - counts
        inside = np.arange(counts.sum()) - np.repeat(before, counts)
        firsts = np.repeat(starts, counts) + lead + config.stride * inside
        return cls(config, rows, firsts, np.stack([codes[starts], sizes], axis=1))

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.firsts)

    def inputs(self, numbers: np.ndarray | slice) -> np.ndarray:
        """Return the rows of some windows, `[windows, length]`."""
        offsets = np.arange(self.config.length) * self.config.sampling_rate
        return np.asarray(self.rows[self.firsts[numbers][:, None] + offsets])

    def last_inputs(self) -> np.ndarray:
        """Return the last row of each window, `[windows]`."""
        return np.asarray(self.rows[self.firsts + (self.config.length - 1) * self.config.sampling_rate])

    def targets(self) -> np.ndarray:
        """Return the rows that are predicted from each window, `[windows, steps]`."""
        first = self.firsts + self.config.first_target
        return np.asarray(self.rows[first[:, None] + np.arange(self.config.steps)])

    def predicted(self, series: Series, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """Return which row each window predicts, the first of several, in columns by name, `[windows]`.

        Those are its number in the source, its time, and its series. A row that is not there has no number, and the
        time that it would have, if the times of its series have one distance.

        Args:
            series: the order of the rows.
            numbers: of the rows in the source.
        """
        last, wanted = self.last_inputs(), self.firsts + self.config.first_target
        target = self.rows[np.minimum(wanted, len(self.rows) - 1)]
        there = series.codes[target] == series.codes[last]
        there &= series.places[target] == series.places[last] + self.config.horizon
        columns: dict[str, np.ndarray] = {"row": np.array([None] * self.count, object)}
        columns["row"][there] = numbers[target[there]]
        if series.order is not None and series.times is not None:
            steps = series.steps()
            distances = np.array([steps.get(code, np.nan) for code in range(len(series.names))])
            ahead = series.times[last] + self.config.horizon * distances[series.codes[last]]
            columns[series.order] = series.time_texts(np.where(there, series.times[target], ahead))
        if series.by is not None:
            columns[series.by] = np.array(series.names, object)[series.codes[last]]
        return columns

    def counts(self, num_series: int) -> np.ndarray:
        """Return how many windows each series has, `[num_series]`."""
        counts = np.maximum(0, (self.runs[:, 1] - self.config.span) // self.config.stride + 1)
        found = np.zeros(num_series, np.int64)
        np.add.at(found, self.runs[:, 0], counts)
        return found

    def check(self, what: str, series: Series, *, hint: str | None = None) -> None:
        """Refuse rows that have no window.

        Args:
            what: these rows are, such as `test rows`.
            series: the order of the rows.
            hint: what to do.

        Raises:
            DataError: with the figures.
        """
        if self.count:
            return
        longest = int(self.runs[:, 1].max(initial=0))
        of_one = "" if series.by is None else f" of one `{series.by}`"
        message = f"{self.config.words}, and the longest stretch of {what}{of_one} has {longest}"
        raise DataError(Problem(message, hint, path=PATH))


def check_windows(raw: RawData, targets: Mapping[str, Target], config: WindowConfig) -> None:
    """Refuse what windows cannot be made of.

    Raises:
        DataError: with all of it.
    """
    problems: list[Problem] = []
    if raw.stored:
        problems.append(Problem("rows on disk are not made windows of", "write `storage: memory`", path=PATH))
    if raw.x_test is not None:
        hint = "put all rows into one file, in order, with a column for `split: {by: column, column: NAME}`"
        problems.append(Problem("rows with a test set of their own have no windows", hint, path=PATH))
    for name, target in targets.items():
        if config.steps > 1 and target.task != "regression":
            of = f" of `{name}`" if name else ""
            message = f"several rows are predicted where they are numbers, and the task{of} is {target.task}"
            problems.append(Problem(message, "write `steps: 1`", path=(*PATH, "steps")))
    DataError.raise_any(problems)


def check_encoding(encoding: TableEncoding | None, config: DataConfig) -> None:
    """Refuse columns of a window that are inputs of their own.

    Raises:
        DataError: with their names.
    """
    if config.window is not None and encoding is not None and encoding.own:
        message = f"windows hold numbers, and words or embedded classes are inputs of their own: {listed(encoding.own)}"
        hint = "give classes another `encoding` (`one_hot`), and leave texts out with `ignore`"
        raise DataError(Problem(message, hint, path=("data", "features")))


def short_notes(series: Series, windows: dict[str, Windows]) -> Iterator[str]:
    """Yield which series have no window in a split, though they have rows there."""
    for split, own in windows.items():
        there, counts = np.unique(own.runs[:, 0]), own.counts(len(series.names))
        without = [series.names[code] for code in there if not counts[code]]
        if without and len(without) < len(there):
            have, are = ("has", "is") if len(without) == 1 else ("have", "are")
            yield (
                f"{len(without)} of {len(there)} series of `{series.by}` {have} too few {rows_word(split)} rows for "
                f"a window of {own.config.span} and {are} left out there: {listed(without, most=5)}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class WindowRows:
    """Windows as the rows of a model: `Rows`. Each is gathered from the rows of the table when it is asked for.

    Args:
        x: the features of the rows, float32 `[rows, ...]` by array.
        windows: which of them belong together.
        answers: what else belongs to the windows.
    """

    x: ByName
    windows: Windows
    answers: Answers

    @property
    def count(self) -> int:
        """See `Rows`."""
        return self.windows.count

    @property
    def in_memory(self) -> None:
        """See `Rows`."""
        return

    @property
    def at_once(self) -> int:
        """See `Rows`."""
        return rows_at_once(self._bytes_of_one)

    @property
    def _bytes_of_one(self) -> int:
        return sum(array[:1].nbytes for array in self.x.values()) * self.windows.config.length

    @property
    def places(self) -> np.ndarray:
        """See `Rows`."""
        return np.arange(self.count)

    def take(self, numbers: np.ndarray | slice) -> Split:
        """See `Rows`."""
        rows = self.windows.inputs(numbers)
        return self.answers.beside({name: array[rows] for name, array in self.x.items()}, numbers)

    def changed(self, change: Callable[[Split], Split]) -> Self:
        """See `Rows`."""
        return replace(self, answers=self.answers.changed(change))

    def in_whole_if_small(self) -> Rows:
        """Return all windows in memory, if they are few."""
        small = self.count * self._bytes_of_one <= _SMALL
        return self.take(slice(self.count)) if small else self


def of_steps(target: TargetSpec, config: WindowConfig) -> TargetSpec:
    """Return what is predicted of as many rows as the config says, each number named by how many rows later it is."""
    if config.steps == 1 or target.predicts_inputs:
        return target
    names = tuple(f"{name}+{config.horizon + step}" for step in range(config.steps) for name in target.names)
    scaling = None if target.scaling is None else target.scaling.repeated(config.steps)
    return replace(target, shape=(len(names),), names=names, columns=target.names, scaling=scaling)
