"""Which rows train, validate and test: drawn by chance, class or group, in order, by time, or as a column says."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from nnlab.config.columns import SplitName
from nnlab.data.folds import Fold
from nnlab.errors import DataError, Problem
from nnlab.wording import counted, listed, plural, rows_word

SPLITS: Final[tuple[SplitName, ...]] = ("train", "validation", "test")

Taken: TypeAlias = tuple[np.ndarray, np.ndarray | None]
"""Rows that stay, and those that are taken; `None` if none is wanted."""


class Wanted(NamedTuple):
    """How many rows a split takes.

    Args:
        size: how many, or which share, of what is counted; 0 for none.
        setting: the key of the config that says so.
    """

    size: int | float
    setting: SplitName

    def count(self, there: int, what: str = "row") -> int:
        """Return how many of so many are taken.

        Raises:
            DataError: none would be left.
        """
        count = math.ceil(self.size * there) if isinstance(self.size, float) else self.size
        if count >= there:
            taken = f"`{self.setting}: {self.size}` takes {count} of {there} {what}s"
            hint = f"lower it, or write `{self.setting}: 0`"
            raise DataError(Problem(f"{taken} and leaves none for training", hint, path=("data", self.setting)))
        return count


@dataclass(slots=True, eq=False)
class ByChance:
    """Rows are drawn: those of scikit-learn's `ShuffleSplit`, and of `train_test_split`.

    Args:
        seed: 0 to 2**32 - 1.
        notes: what came out, and had better be known.
    """

    seed: int
    notes: list[str] = field(default_factory=list)
    keeps_order = False

    def rows(self, count: int) -> np.ndarray:
        """Return the rows in the order in which they are taken."""
        return np.arange(count)

    def take(self, rows: np.ndarray, wanted: Wanted) -> Taken:
        """Return the rows that stay and those that are taken.

        Raises:
            DataError: there are not so many.
        """
        count = wanted.count(len(rows))
        order = np.random.RandomState(self.seed).permutation(len(rows))
        return rows[order[count:]], rows[order[:count]]


class InOrder(ByChance):
    """The last rows are test rows, those before them validate: as Keras's `validation_split` has it."""

    keeps_order = True

    def take(self, rows: np.ndarray, wanted: Wanted) -> Taken:
        """See `ByChance`."""
        count = wanted.count(len(rows))
        return rows[:-count], rows[-count:]


@dataclass(slots=True, eq=False)
class ByTime(ByChance):
    """The latest rows are test rows, those before them validate; rows of one time stay together.

    Args:
        times: of all rows, `[rows]`.
        column: that says them.
    """

    times: np.ndarray = field(kw_only=True)
    column: str = field(kw_only=True)
    keeps_order = True

    def rows(self, count: int) -> np.ndarray:
        """See `ByChance`."""
        return np.argsort(self.times[:count], kind="stable")

    def take(self, rows: np.ndarray, wanted: Wanted) -> Taken:
        """See `ByChance`; rows of one time make the split a little larger or smaller."""
        count = wanted.count(len(rows))
        times = self.times[rows]
        borders = np.flatnonzero(times[1:] != times[:-1]) + 1
        if not len(borders):
            message = f"all {counted(len(rows), 'row')} have the same `{self.column}`: none is later than another"
            raise DataError(Problem(message, f"write `{wanted.setting}: 0`", path=("data", "split")))
        border = int(borders[np.argmin(np.abs(borders - (len(rows) - count)))])
        if len(rows) - border != count:
            self.notes.append(
                f"{wanted.setting} takes {counted(len(rows) - border, 'row')} rather than {count}: rows of one "
                f"`{self.column}` stay together"
            )
        return rows[:border], rows[border:]


@dataclass(slots=True, eq=False)
class ByClass(ByChance):
    """Every split has the same shares of the classes: the rows are those of scikit-learn's `StratifiedShuffleSplit`.

    Where that gives a split no row of a class that has enough of them, one is exchanged. Classes with less rows than
    there are splits are trained on.

    Args:
        classes: of all rows, `[rows]`.
        names: of the classes.
        parts: how many splits there are to be, training included.
    """

    classes: np.ndarray = field(kw_only=True)
    names: Sequence[str] = field(kw_only=True)
    parts: int = field(kw_only=True)
    rare: frozenset[str] = field(init=False)
    _is_rare: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        counts = np.bincount(self.classes, minlength=len(self.names))
        self._is_rare = (counts > 0) & (counts < self.parts)
        names = [name for name, is_rare in zip(self.names, self._is_rare, strict=True) if is_rare]
        self.rare = frozenset(names)
        if names:
            have = "has" if len(names) == 1 else "have each"
            self.notes.append(
                f"the {plural(len(names), 'class')} {listed(names)} {have} less than {self.parts} rows, too few for "
                f"{self.parts} splits: all of them are trained on"
            )

    def take(self, rows: np.ndarray, wanted: Wanted) -> Taken:
        """See `ByChance`."""
        asked = wanted.count(len(rows))
        is_rare = self._is_rare[self.classes[rows]]
        kept, drawn = rows[is_rare], rows[~is_rare]
        left = 1 if wanted.setting == "validation" else self.parts - 1
        codes, counts = np.unique(self.classes[drawn], return_inverse=True, return_counts=True)[1:]
        count = min(asked, int((counts - left).sum()))
        if count < asked:
            what = f"no row is taken for {wanted.setting}" if not count else f"{wanted.setting} takes {count} rows"
            self.notes.append(f"{what} rather than {asked}: the other rows are of classes with few of them")
        if not count:
            return rows, None
        random = np.random.RandomState(self.seed)
        stay = _shares(counts, len(drawn) - count, random)
        take = _within(_shares(counts - stay, count, random), counts - left)
        orders = [np.flatnonzero(codes == code)[random.permutation(own)] for code, own in enumerate(counts)]
        first = np.concatenate([order[: own - n] for order, own, n in zip(orders, counts, take, strict=True)])
        last = np.concatenate([order[own - n :] for order, own, n in zip(orders, counts, take, strict=True)])
        rest = np.concatenate([drawn[first], kept])
        return random.permutation(rest), drawn[random.permutation(last)]


def _shares(counts: np.ndarray, draws: int, random: np.random.RandomState) -> np.ndarray:
    """Say how many of each class are drawn, as scikit-learn's `_approximate_mode` does, which this is."""
    exact = counts / counts.sum() * draws
    shares = np.floor(exact)
    more = int(draws - shares.sum())
    rest = exact - shares
    for value in np.unique(rest)[::-1] if more > 0 else ():
        alike = np.flatnonzero(rest == value)
        now = min(len(alike), more)
        shares[random.choice(alike, size=now, replace=False)] += 1
        more -= now
        if more == 0:
            break
    return np.asarray(shares, np.int64)


def _within(shares: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Give each class at least one place, if there are as many places as classes, and at most so many."""
    found = np.clip(shares, min(1, shares.sum() // len(shares)), most)
    for _ in range(abs(int(found.sum() - shares.sum()))):
        if found.sum() > shares.sum():
            found[np.argmax(found)] -= 1
        else:
            found[np.argmax(most - found)] += 1
    return np.asarray(found)


@dataclass(slots=True, eq=False)
class ByGroup(ByChance):
    """No group is in two splits; groups are drawn and counted as scikit-learn's `GroupShuffleSplit` does.

    Args:
        groups: the number of the group of each row, in the order of their names, `[rows]`.
    """

    groups: np.ndarray = field(kw_only=True)

    def take(self, rows: np.ndarray, wanted: Wanted) -> Taken:
        """See `ByChance`; `wanted` counts groups."""
        there = np.unique(self.groups[rows])
        count = wanted.count(len(there), "group")
        order = np.random.RandomState(self.seed).permutation(len(there))
        taken = np.isin(self.groups[rows], there[order[:count]])
        return rows[~taken], rows[taken]


class Chosen(NamedTuple):
    """The rows of each split.

    Args:
        rows: in order, by `train`, and `validation` and `test` if they are there.
        by: what they were split by, a word of `data.split.by`.
        notes: what had better be known of the choice.
    """

    rows: dict[str, np.ndarray]
    by: str = "random"
    notes: tuple[str, ...] = ()


def choose_rows(
    num_rows: int,
    way: ByChance,
    *,
    validation: int | float | Fold | np.ndarray,
    test: int | float,
    limit: int | None = None,
) -> dict[str, np.ndarray]:
    """Choose the rows of each split: test rows first, then validation rows, then the limit.

    Args:
        num_rows: rows of the source, its own test set left out.
        way: how rows are taken.
        validation: rows, or fraction of the rows that the test set leaves; 0 for none; or one of several parts of them;
            or the numbers of the rows that validate, which no other split takes.
        test: rows, or fraction; 0 for none.
        limit: training rows to use.

    Returns:
        Which rows a split takes, in order, by `train`, and `validation` and `test` if they are there.

    Raises:
        DataError: when a split would take every row, or the limit is above the rows left.
    """
    rows = way.rows(num_rows)
    if isinstance(validation, np.ndarray):
        rows = rows[~np.isin(rows, validation)]
    train, test_rows = way.take(rows, Wanted(test, "test")) if test else (rows, None)
    validation_rows: np.ndarray | None = None
    if isinstance(validation, np.ndarray):
        validation_rows = validation
    elif isinstance(validation, Fold):
        train, validation_rows = validation.split_off(train, shuffle=not way.keeps_order)
    elif validation:
        train, validation_rows = way.take(train, Wanted(validation, "validation"))
    return _limited({"train": train, "validation": validation_rows, "test": test_rows}, num_rows, limit)


def told_rows(names: np.ndarray, limit: int | None, column: str) -> dict[str, np.ndarray]:
    """Return the rows of each split where a column says them, as numbers of `SPLITS`; see `choose_rows`.

    Raises:
        DataError: none is trained on, or the limit is above the rows that are.
    """
    rows = {split: np.flatnonzero(names == number) for number, split in enumerate(SPLITS)}
    if not len(rows["train"]):
        message = f"no row has `train` in the column `{column}`"
        raise DataError(Problem(message, "write it into the rows to train on", path=("data", "split", "column")))
    return _limited({name: own if len(own) else None for name, own in rows.items()}, len(names), limit)


def _limited(chosen: dict[str, np.ndarray | None], num_rows: int, limit: int | None) -> dict[str, np.ndarray]:
    train = chosen["train"]
    assert train is not None
    if limit is not None and limit > len(train):
        taken = num_rows - len(train)
        message = f"`limit` is {limit} rows, but only {len(train)} training rows are there"
        hint = f"validation and test take {taken} of {num_rows} rows" if taken else "lower or remove `limit`"
        raise DataError(Problem(message, hint, path=("data", "limit")))
    return {name: rows for name, rows in (chosen | {"train": train[:limit]}).items() if rows is not None}


def absent_classes(
    counts: Mapping[str, Mapping[str, int]], *, of: str = "", but: Collection[str] = ()
) -> Iterator[str]:
    """Yield which classes or labels that have rows have none in a split, a sentence a split.

    Args:
        counts: rows of each class, by split.
        of: whose classes they are, ` of OUTPUT`, where there are several.
        but: classes of which this is known.
    """
    names = [name for name in counts["train"] if name not in but and any(own[name] for own in counts.values())]
    for split, own in counts.items():
        absent = [name for name in names if not own[name]]
        if absent:
            yield f"no {rows_word(split)} row{of} has the {plural(len(absent), 'class')} {listed(absent)}"
