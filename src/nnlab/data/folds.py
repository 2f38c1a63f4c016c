"""Cross-validation: which rows validate where all rows but the test rows take turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlab.errors import DataError, Problem
from nnlab.wording import counted, listed, plural


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One of several disjoint parts of the rows, that validates what is trained on the others.

    Args:
        number: from 1.
        of: how many parts there are.
        seed: deals the rows, 0 to 2**32 - 1.
        classes: the class of each row of the source, `[rows]`, for parts that have as many of each class; else `None`.
        names: of the classes.
        groups: the number of the group of each row of the source, for parts that have whole groups; else `None`.
    """

    number: int
    of: int
    seed: int
    classes: np.ndarray | None = None
    names: Sequence[str] = ()
    groups: np.ndarray | None = None

    def split_off(self, rows: np.ndarray, *, shuffle: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that are trained on, and those of this part.

        Args:
            rows: numbers of the rows that take turns.
            shuffle: whether what is trained on is shuffled, for sources that may be in an order.

        Raises:
            DataError: there are fewer rows or groups than parts, or a class has a single row.
        """
        if self.groups is not None:
            there, codes = np.unique(self.groups[rows], return_inverse=True)
            if self.of > len(there):
                message = f"the {counted(len(there), 'group')} that the test rows leave make no {self.of} folds"
                raise DataError(Problem(message, "make fewer folds", path=("data", "validation")))
            return self._parted(rows, fold_numbers(len(there), self.of, self.seed)[codes], shuffle=shuffle)
        if self.of > len(rows):
            message = f"the {len(rows)} rows that the test rows leave make no {self.of} folds"
            raise DataError(Problem(message, "make fewer folds", path=("data", "validation")))
        single = self._rarer_than(2, rows)
        if single:
            message = f"only one row has the class {listed(single)}: either it validates, or it is trained on"
            hint = "leave the class out with `classes`"
            raise DataError(Problem(message, hint, path=("data", "validation")))
        numbers = fold_numbers(len(rows), self.of, self.seed, None if self.classes is None else self.classes[rows])
        return self._parted(rows, numbers, shuffle=shuffle)

    def _parted(self, rows: np.ndarray, numbers: np.ndarray, *, shuffle: bool) -> tuple[np.ndarray, np.ndarray]:
        rest, own = rows[numbers != self.number - 1], rows[numbers == self.number - 1]
        return (np.random.RandomState(self.seed).permutation(rest) if shuffle else rest), own

    def note(self, rows: np.ndarray) -> str | None:
        """Say of which classes some parts have no row; `rows` are those that take turns."""
        rare = self._rarer_than(self.of, rows)
        classes = f"{plural(len(rare), 'class')} {listed(rare)}"
        return f"some of the {self.of} folds have no row of the {classes}" if rare else None

    def _rarer_than(self, count: int, rows: np.ndarray) -> list[str]:
        if self.classes is None:
            return []
        counts = np.bincount(self.classes[rows], minlength=len(self.names))
        return [name for name, own in zip(self.names, counts, strict=True) if 0 < own < count]


def fold_numbers(num_rows: int, of: int, seed: int, classes: np.ndarray | None = None) -> np.ndarray:
    """Return the number of each row's fold, from 0, `[rows]`.

    The folds are those of scikit-learn's `KFold` or `StratifiedKFold` with `shuffle=True, random_state=seed`: their
    sizes differ by at most one row, and so do the rows that they have of each class.

    Args:
        num_rows: how many rows there are.
        of: how many folds.
        seed: 0 to 2**32 - 1.
        classes: class numbers `[rows]`; `None` for rows without classes.
    """
    random = np.random.RandomState(seed)
    numbers = np.empty(num_rows, np.int64)
    if classes is None:
        numbers[random.permutation(num_rows)] = np.sort(np.arange(num_rows) % of)
        return numbers
    _, first, codes = np.unique(classes, return_index=True, return_inverse=True)
    codes = np.argsort(np.argsort(first))[codes]  # classes in the order in which they appear
    ordered = np.sort(codes)  # each fold has every `of`-th of them: the sizes of folds come out even, too
    counts = np.array([np.bincount(ordered[i::of], minlength=len(first)) for i in range(of)])
    for code in range(len(first)):
        own = np.repeat(np.arange(of), counts[:, code])
        random.shuffle(own)
        numbers[codes == code] = own
    return numbers
