"""The rows of a source that take part, encoded: what they are split, scaled and known again from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nnlab.config.by_name import UNNAMED, only, shared
from nnlab.config.data import DataConfig, FoldConfig
from nnlab.config.window import WindowConfig
from nnlab.data.fingerprint import hash_classes, hash_rows, mix_all
from nnlab.data.folds import Fold
from nnlab.data.record import ROW
from nnlab.data.registry import SOURCES, RawData
from nnlab.data.series import Series
from nnlab.data.splits import DEFAULT_SHARE, FEWEST_TO_SPLIT, Answers, ByName, DataSpec, Rows, row_count, rows_at
from nnlab.data.splitting import (
    SPLITS,
    ByChance,
    ByClass,
    ByGroup,
    ByTime,
    Chosen,
    InOrder,
    absent_classes,
    choose_rows,
    told_rows,
)
from nnlab.data.stored import StoredRows, rows_at_once
from nnlab.data.targets import Target
from nnlab.data.windows import WindowRows, Windows, check_windows, short_notes
from nnlab.errors import DataError, Problem
from nnlab.wording import counted, figure, listed, rows_word

PATH = ("data", "target_scaling")


@dataclass(frozen=True, slots=True, eq=False)
class SourceRows:
    """Rows that take part, neither split nor scaled; those of the source's own test set are behind the others.

    Args:
        raw: the features of these rows, and what the source says of them.
        targets: encoded, by output; one that all share is `UNNAMED`.
        numbers: of the rows in the source, and in its own test set.
        window: how many rows that follow one another a model takes at a time; `None` for each by itself.
    """

    raw: RawData
    targets: Mapping[str, Target]
    numbers: np.ndarray
    window: WindowConfig | None = None

    @classmethod
    def of(cls, raw: RawData, targets: Mapping[str, Target], window: WindowConfig | None = None) -> SourceRows:
        """Leave out the rows of classes that take no part.

        Args:
            raw: all that the source holds.
            targets: encoded, of the rows that take part; several have no `classes` to choose rows by.
            window: as above.

        Raises:
            DataError: there are no such windows.
        """
        if window is not None:
            check_windows(raw, targets, window)
            if all(target.y is None for target in targets.values()):  # a window is its own answer
                window = replace(window, horizon=0, steps=1)
            raw = raw if raw.series is not None else replace(raw, series=Series.of(row_count(raw.x)))
        main = row_count(raw.x)
        test = 0 if raw.x_test is None else row_count(raw.x_test)
        kept = only(targets).kept
        numbers = np.arange(main) if raw.rows is None else raw.rows
        if kept is None:
            return cls(raw, targets, np.concatenate([numbers, np.arange(test)]), window)
        x_test = None if raw.x_test is None else rows_at(raw.x_test, kept[main:])
        numbers = np.concatenate([numbers[kept[:main]], np.flatnonzero(kept[main:])])
        raw = replace(
            raw,
            x=raw.x if raw.stored else rows_at(raw.x, kept[:main]),  # `numbers` says which of them these are
            x_test=x_test,
            validates=None if raw.validates is None else raw.validates[kept[:main]],
            split_values=_taken(raw.split_values, kept[:main]),
            split_values_test=_taken(raw.split_values_test, kept[main:]),
            weights=_taken(raw.weights, kept[:main]),
            weights_test=_taken(raw.weights_test, kept[main:]),
            series=None if raw.series is None else raw.series.taken(kept[:main]),
        )
        return cls(raw, targets, numbers, window)

    @property
    def num_main(self) -> int:
        """How many rows there are without the own test set."""
        return len(self.numbers) - (0 if self.raw.x_test is None else row_count(self.raw.x_test))

    def split(self, config: DataConfig, *, seed: int) -> Chosen:
        """Choose the rows of each split, which are given by their positions here.

        Raises:
            DataError: a split would take every row, the limit is above the rows left, or rows cannot be split so.
        """
        by, own_test = self.split_by(config), self.raw.x_test is not None
        seed = seed if config.seed is None else config.seed
        own = self._own_validation
        validation = self.validation(config, seed=seed) if own is None else own
        test = 0 if own_test else self._default_test if config.test is None else config.test
        parts = 1 + bool(test) + (not isinstance(validation, np.ndarray) and bool(validation))
        way = self._way(by, config, seed, parts=parts)
        if by == "column":
            rows = told_rows(self._split_values, config.limit, _split_column(config))
        else:
            rows = choose_rows(self.num_main, way, validation=validation, test=test, limit=config.limit)
        notes = [*way.notes, *self._split_notes(config, by, rows), *self._window_notes(rows)]
        if own_test:
            _check_own_test(self.raw, config, rows)
            rows["test"] = np.arange(self.num_main, len(self.numbers))
        rare = way.rare if isinstance(way, ByClass) else ()
        return Chosen(rows, by, (*notes, *self._absent_classes(rows, but=rare)))

    def _absent_classes(self, rows: Mapping[str, np.ndarray], *, but: Collection[str]) -> Iterator[str]:
        for output, target in self.targets.items():
            of = f" of `{output}`" if len(self.targets) > 1 else ""
            if target.class_names:
                counts = {split: target.class_counts(own) for split, own in rows.items()}
                yield from absent_classes(counts, of=of, but=but)

    def split_by(self, config: DataConfig) -> str:
        """Return what the rows are split by.

        Raises:
            DataError: by classes, and there is not one target with classes.
        """
        default: str = SOURCES[config.source.name].split
        if config.window is not None:
            default = "order" if config.window.order is None else "time"
        by = default if config.split is None else config.split.by
        if by != "stratified" or self._classes is not None:
            return by
        if config.split is None:
            return "random"
        what = f"the task is {only(self.targets).task}" if len(self.targets) == 1 else "there are several targets"
        message = f"`stratified` needs one target with classes, and {what}"
        raise DataError(Problem(message, "write `split: random`", path=("data", "split")))

    @property
    def _classes(self) -> np.ndarray | None:
        """The classes `[rows]` of the only target, without those of the own test set."""
        target = only(self.targets)
        has_classes = len(self.targets) == 1 and target.y is not None and target.has_classes
        return target.y[: self.num_main] if has_classes and target.y is not None else None

    @property
    def _split_values(self) -> np.ndarray:
        """What the column says that rows are split by."""
        if self.raw.split_values is None and self.raw.series is not None and self.raw.series.times is not None:
            return self.raw.series.times
        assert self.raw.split_values is not None, "the source has read the column that the config names"
        return self.raw.split_values

    def _way(self, by: str, config: DataConfig, seed: int, *, parts: int) -> ByChance:
        if by == "stratified" and self._classes is not None:
            return ByClass(seed, classes=self._classes, names=only(self.targets).class_names, parts=parts)
        if by == "group":
            return ByGroup(seed, groups=np.unique(self._split_values, return_inverse=True)[1])
        if by == "time":
            return ByTime(seed, times=self._split_values, column=_split_column(config))
        return InOrder(seed) if by == "order" else ByChance(seed)

    def _split_notes(self, config: DataConfig, by: str, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
        """Yield what came out that had better be known."""
        if by == "group":
            counts = [f"{len(np.unique(self._split_values[own]))} {split}" for split, own in rows.items()]
            yield f"groups of `{_split_column(config)}`: {', '.join(counts)}"
        if by == "column":
            there = {*rows, *(["test"] if self.raw.x_test is not None else [])}
            without = [split for split in SPLITS if split not in there]
            if without:
                yield f"`{_split_column(config)}` names no row for {' or '.join(without)}"

    def _window_notes(self, rows: Mapping[str, np.ndarray]) -> Iterator[str]:
        """Yield what had better be known of windows.

        Raises:
            DataError: a split has none.
        """
        if self.window is None or self.raw.series is None:
            return
        windows = {split: self.windows(own) for split, own in rows.items()}
        for split, own in windows.items():
            what = rows_word(split)
            hint = f"make windows shorter (`length`), or leave more {what} rows (`validation`, `test`)"
            own.check(f"{what} rows", self.raw.series, hint=hint)
        yield from self.raw.series.notes()
        yield from short_notes(self.raw.series, windows)
        for output, target in self.targets.items():
            if target.y is not None and self.window.horizon:
                yield from self._persistence(output, target.y, windows, rows)

    def _persistence(
        self, output: str, y: np.ndarray, windows: Mapping[str, Windows], rows: Mapping[str, np.ndarray]
    ) -> Iterator[str]:
        """Say how good it is to predict that nothing changes: what a model has to beat."""
        target, figures = self.targets[output], []
        if target.task != "regression" and not target.has_classes:
            return
        for split in [split for split in windows if split != "train"]:
            own = windows[split]
            last, later = y[rows[split][own.last_inputs()]][:, None], y[rows[split][own.targets()]]
            if target.has_classes:
                figures.append(f"{figure(float(np.mean(later == last)))} ({split})")
            else:
                error = np.sqrt(np.mean(np.square(later - last, dtype=np.float64)))
                figures.append(f"{figure(float(error))} ({split})")
        if figures:
            what = "accuracy" if target.has_classes else "root mean squared error"
            names = listed(self.raw.target_names.get(output, (output,)))
            yield f"to beat: who predicts the last {names} of each window has the {what} {', '.join(figures)}"

    def validation(self, config: DataConfig, *, seed: int) -> int | float | Fold:
        """Return how many rows validate, or which fold; folds of one target have equal shares of its classes."""
        given = config.validation
        given = self._default_share if given is None else given
        if not isinstance(given, FoldConfig):
            return given
        seeds = (each for each in (given.seed, config.seed, seed) if each is not None)
        if self.split_by(config) == "group":
            groups = np.unique(self._split_values, return_inverse=True)[1]
            return Fold(given.fold, given.of, next(seeds), groups=groups)
        return Fold(given.fold, given.of, next(seeds), self._classes, only(self.targets).class_names)

    @property
    def _own_validation(self) -> np.ndarray | None:
        """The positions of the rows of which the source says that they validate, if it says it."""
        return None if self.raw.validates is None else np.flatnonzero(self.raw.validates)

    @property
    def _default_test(self) -> float:
        """What share of the rows are test rows: none where the source says which validate, and names no test rows."""
        return self._default_share if self.raw.validates is None else 0

    @property
    def _default_share(self) -> float:
        return 0 if self.num_main < FEWEST_TO_SPLIT else DEFAULT_SHARE

    def unsplit(self, config: DataConfig) -> str | None:
        """Say which splits have no rows because there are few, and the config does not ask for them."""
        if config.split is not None and config.split.by == "column":
            return None
        if self.raw.validates is not None:
            none = self.raw.x_test is None and config.test is None
            return "no rows are test rows unless `test` says how many of the training rows" if none else None
        said = {"validation": config.validation, "test": 0 if self.raw.x_test is not None else config.test}
        without = [name for name, share in said.items() if share is None]
        if self.num_main >= FEWEST_TO_SPLIT or not without:
            return None
        keys = " or ".join(f"`{name}`" for name in without)
        return (
            f"{counted(self.num_main, 'row')}, of which none is taken for {' or '.join(without)} unless {keys} says so"
        )

    @property
    def weights(self) -> np.ndarray | None:
        """What all rows weigh in losses, float64 `[rows]`; `None` for equal weights."""
        raw = self.raw
        if raw.weights is None or raw.weights_test is None:
            return raw.weights
        return np.concatenate([raw.weights, raw.weights_test])

    def features(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Return the source's numbers `[rows, ...]` of some rows, by array."""
        own = self.raw.x_test
        if own is not None and np.array_equal(positions, np.arange(self.num_main, len(self.numbers))):
            return dict(own)
        if own is not None and self._are_own_test(positions):
            return rows_at(own, positions - self.num_main)
        if self.raw.stored:
            return {name: array.read(self.numbers[positions]) for name, array in self.raw.stored.items()}
        if own is None or not len(positions) or positions.max() < self.num_main:
            return rows_at(self.raw.x, positions)
        every = {name: np.concatenate([x, own[name]]) for name, x in self.raw.x.items()}
        return rows_at(every, positions)

    def _are_own_test(self, positions: np.ndarray) -> bool:
        return self.raw.x_test is not None and len(positions) > 0 and bool(positions.min() >= self.num_main)

    def finished(self, x: ByName, positions: np.ndarray) -> Rows:
        """Return rows as a model takes them, or the windows over them.

        Args:
            x: their features, scaled; an output may give back an only array.
            positions: of the rows.
        """
        if self.window is not None:
            return self._windows_of(x, positions)
        return self._answers(positions).beside(x, slice(None))

    def _answers(self, positions: np.ndarray, *, together: int = 1) -> Answers:
        """Return the targets of rows as a model takes them, and what the rows weigh.

        Args:
            positions: of the rows.
            together: so many rows that follow one another are one answer, which weighs what its first row does.
        """
        found = {}
        for output, target in self.targets.items():
            if target.y is not None:
                found[output] = y = target.finished(target.y[positions])
                self._check_logs(output, target, y, positions)
        if together > 1:
            found = {output: y.reshape(len(positions) // together, -1) for output, y in found.items()}
        weights, firsts = self.weights, positions[::together]
        row_weights = {} if weights is None else {UNNAMED: weights[firsts].astype(np.float32)}
        answers = shared(found) if len(found) == len(self.targets) else found
        return Answers(answers, tuple(shared(dict.fromkeys(self.targets))), row_weights)

    def _check_logs(self, output: str, target: Target, y: np.ndarray, positions: np.ndarray) -> None:
        """Refuse numbers of which there is no logarithm, if it is to be learned.

        Raises:
            DataError: with the first of them.
        """
        found = None if target.scaling is None else target.scaling.first_below_0(y)
        if found is None:
            return
        row, column = found
        names = self.raw.target_names.get(output, ())
        name = f" `{names[column]}`" if column < len(names) else ""
        message = (
            f"`log` takes log(1 + y) of numbers from 0 on, and the target{name} is {figure(float(y[found]))} in row "
            f"{self.numbers[positions[row]]} (counted from 0)"
        )
        raise DataError(Problem(message, "write `standardize`, or leave such rows out", path=PATH))

    def windows(self, positions: np.ndarray) -> Windows:
        """Return the windows over some rows, whose numbers are those among them."""
        assert self.window is not None
        assert self.raw.series is not None
        return Windows.of(self.raw.series.taken(positions), self.window)

    @property
    def named_window(self) -> WindowConfig | None:
        """The windows, with the names of the columns that order the rows."""
        if self.window is None or self.raw.series is None:
            return None
        return replace(self.window, order=self.raw.series.order, by=self.raw.series.by)

    def answered(self, positions: np.ndarray) -> np.ndarray:
        """Return the positions of those that are predicted of some rows: of windows one or several each."""
        return positions if self.window is None else positions[self.windows(positions).targets().reshape(-1)]

    def predicted(self, positions: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return which row each window over some rows predicts; see `Windows.predicted`."""
        if self.window is None or self.raw.series is None:
            return {}
        return self.windows(positions).predicted(self.raw.series.taken(positions), self.numbers[positions])

    def _windows_of(self, x: ByName, positions: np.ndarray) -> Rows:
        assert self.raw.series is not None
        windows = self.windows(positions)
        windows.check("rows", self.raw.series)
        rows = positions[windows.targets()]
        answers = self._answers(rows.reshape(-1), together=rows.shape[1])
        return WindowRows(x, windows, answers).in_whole_if_small()

    def take(self, spec: DataSpec, positions: np.ndarray) -> Rows:
        """Return some rows, scaled as those that `spec` describes."""
        if self.raw.stored:
            return self.on_disk(positions, spec.scaled)
        return self.finished(spec.scaled(self.features(positions)), positions)

    def on_disk(self, positions: np.ndarray, scaled: Callable[[ByName], ByName]) -> Rows:
        """Return rows that stay on disk, in the order of the source where they are more than memory holds at a time.

        Those of an own test set are in memory.

        Args:
            positions: theirs.
            scaled: makes the features that a model takes of those of the source.
        """
        if self._are_own_test(positions):
            return self.finished(scaled(self.features(positions)), positions)
        row = scaled(self.features(positions[:1]))
        at_once = rows_at_once(sum(array.nbytes for array in row.values()))
        positions = positions if len(positions) <= at_once else np.sort(positions.astype(np.uint32))
        places = self.numbers[positions].astype(np.uint32)
        return StoredRows(self.raw.stored, places, scaled, at_once, self._answers(positions))

    def hashed(self) -> np.ndarray:
        """Return `[rows]` of `ROW`."""
        rows = np.empty(len(self.numbers), ROW)
        rows["row"] = self.numbers
        parts = [self.raw.x] if self.raw.x_test is None else [self.raw.x, self.raw.x_test]
        rows["features"] = np.concatenate([hash_rows(x.values()) for x in parts])
        answers = [_hash_target(self.targets[output], len(rows)) for output in sorted(self.targets)]
        if self.window is not None and self.raw.series is not None:  # rows in another order make other windows
            answers.append(hash_rows([self.raw.series.codes, self.raw.series.places]))
        rows["target"] = mix_all(answers) & np.uint64(0xFFFFFFFF)
        return rows


def _taken(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]


def _hash_target(target: Target, count: int) -> np.ndarray:
    if target.y is None:  # what comes in comes out
        return np.zeros(count, np.uint64)
    return hash_classes(target.y, target.class_names) if target.has_classes else hash_rows([target.y])


def _split_column(config: DataConfig) -> str:
    return "" if config.split_column is None else str(config.split_column)


def _check_own_test(raw: RawData, config: DataConfig, rows: Mapping[str, np.ndarray]) -> None:
    """Refuse groups that are in the source's own test set and elsewhere, and a column that names test rows besides it.

    Raises:
        DataError: with the first of them.
    """
    if config.split is None or raw.split_values is None or raw.split_values_test is None:
        return
    column, hint = config.split.column, "take its rows out of one of them, or split otherwise"
    path = ("data", "split")
    if config.split.by == "group":
        both = np.intersect1d(raw.split_values, raw.split_values_test)
        if len(both):
            which = f"{counted(len(both), 'group')} of `{column}`" if len(both) > 1 else f"the group of `{column}`"
            message = f"{which} {listed(map(str, both.tolist()), most=5)} stands in the test set and in the other rows"
            raise DataError(Problem(message, hint, path=path))
    if config.split.by == "column" and "test" in rows:
        message = f"`{column}` names test rows, and `{config.source.name}` has a test set of its own"
        raise DataError(Problem(message, hint, path=path))
    if config.split.by == "time" and raw.split_values_test.min() < raw.split_values.max():
        message = f"rows of the test set are earlier by `{column}` than others that are trained or validated on"
        raise DataError(Problem(message, hint, path=path))
