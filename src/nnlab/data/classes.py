"""Classes: their numbers, which of them take part, and what each weighs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean, one_of, show

_MOST_NAMED = 5
_LEFT_OUT = -1


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The class of every row.

    Args:
        codes: number of the row's class, `[rows]`, from 0; -1 for a row that is left out.
        names: names of the classes 0, 1, ...
        numbers: what a config may write for a class besides its name.
    """

    codes: np.ndarray
    names: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def kept(self) -> np.ndarray:
        """Which rows take part, `[rows]`."""
        return np.asarray(self.codes != _LEFT_OUT)

    def find(self, wanted: str | int) -> int | None:
        """Return the class that the config calls so, or `None`."""
        if str(wanted) in self.names:
            return self.names.index(str(wanted))
        written = [str(number) for number in self.numbers]
        return written.index(str(wanted)) if str(wanted) in written else None


def number_classes(y: np.ndarray, names: Sequence[str] = ()) -> Classes:
    """Number the classes of labels `[rows]`: numbers in their order, text alphabetically.

    Args:
        y: text, booleans, or whole numbers.
        names: names of the labels 0, 1, ...; without them, labels are their own names.

    Raises:
        DataError: for labels that are no whole numbers.
    """
    values, codes = np.unique(_whole(y), return_inverse=True)
    if values.dtype.kind in "UO":
        return Classes(codes, tuple(str(value) for value in values), tuple(range(len(values))))
    numbers = tuple(int(value) for value in values)
    return Classes(codes, tuple(names[n] for n in numbers) if names else tuple(str(v) for v in values), numbers)


def _whole(y: np.ndarray) -> np.ndarray:
    if y.dtype.kind != "f":
        return y
    fractions = y[y != np.round(y)]
    if len(fractions):
        message = f"classes are text or whole numbers, the target holds {show(float(fractions[0]))}"
        raise DataError(Problem(message, "write `task: regression`", path=("data", "task")))
    return y.astype(np.int64)


def choose_classes(classes: Classes, wanted: Sequence[str | int]) -> Classes:
    """Keep the rows of some classes, and number these classes in the order given.

    Raises:
        DataError: with every name that is no class or stands twice.
    """
    chosen: list[int] = []
    problems: list[Problem] = []
    for place, name in enumerate(wanted):
        path = ("data", "classes", place)
        found = classes.find(name)
        if found is None:
            problems.append(_unknown(name, classes.names, path))
        elif found in chosen:
            message = f"class `{classes.names[found]}` stands twice in `classes`"
            problems.append(Problem(message, "remove one of them", path=path))
        else:
            chosen.append(found)
    if not problems and len(chosen) < 2:
        message = f"`classes` needs at least two classes, received {len(chosen)}"
        problems.append(Problem(message, one_of(classes.names), path=("data", "classes")))
    if problems:
        raise DataError(problems)
    new_code = np.full(len(classes.names), _LEFT_OUT)
    new_code[chosen] = np.arange(len(chosen))
    names = tuple(classes.names[old] for old in chosen)
    return Classes(new_code[classes.codes], names, tuple(range(len(chosen))))


def one_against_rest(classes: Classes, positive: str | int) -> Classes:
    """Make two classes: 1 for the positive one, 0 for all others.

    Raises:
        DataError: when there is no such class.
    """
    found = classes.find(positive)
    if found is None:
        raise DataError(_unknown(positive, classes.names, ("data", "positive_class")))
    name = classes.names[found]
    return Classes((classes.codes == found).astype(np.int64), (f"not {name}", name), (0, 1))


def check_every_class_is_trained(names: Sequence[str], y_train: np.ndarray, *, y: np.ndarray, path: ConfigPath) -> None:
    """Refuse training rows without a single row of some class.

    Args:
        names: names of the classes.
        y_train: class numbers of the training rows, `[rows]`.
        y: class numbers of all rows but those of the source's own test set, `[rows]`.
        path: the setting to point at.

    Raises:
        DataError: naming the classes.
    """
    absent = [code for code, count in enumerate(_counts(y_train, names)) if count == 0]
    if not absent:
        return
    listed = ", ".join(f"`{names[code]}`" for code in absent[:_MOST_NAMED])
    more = f" and {len(absent) - _MOST_NAMED} more" if len(absent) > _MOST_NAMED else ""
    message = f"none of the {len(y_train)} training rows has the class{'es' * (len(absent) > 1)} {listed}{more}"
    if not np.isin(absent, y).all():
        hint = "only the test set has it: leave it out with `classes`"
    else:
        remedy = "raise `limit`" if path[-1] == "limit" else "give `test` and `validation` fewer rows"
        hint = f"{remedy}, try another `seed`, or leave it out with `classes`"
    raise DataError(Problem(message, hint, path=path))


def class_weights(
    wanted: Mapping[str, float] | Literal["balanced"], names: tuple[str, ...], y_train: np.ndarray
) -> dict[int, float]:
    """Return the weight of each class in the training loss.

    `balanced` is scikit-learn's: rows / (classes x rows of the class), over the training rows. A mapping goes by class
    names, else by class numbers; classes that it leaves out weigh 1.

    Raises:
        DataError: with every key that is no class.
    """
    if isinstance(wanted, str):
        return {code: len(y_train) / (len(names) * n) for code, n in enumerate(_counts(y_train, names))}
    numbers = tuple(str(code) for code in range(len(names)))
    by_number = not set(wanted) <= set(names) and set(wanted) <= set(numbers)
    keys = numbers if by_number else names
    problems = [_unknown(key, names, ("data", "class_weight", key)) for key in wanted if key not in keys]
    if problems:
        raise DataError(problems)
    return dict.fromkeys(range(len(names)), 1.0) | {keys.index(key): float(w) for key, w in wanted.items()}


def _counts(y: np.ndarray, names: Sequence[str]) -> list[int]:
    return [int(count) for count in np.bincount(y, minlength=len(names))]


def _unknown(wanted: str | int, names: Sequence[str], path: ConfigPath) -> Problem:
    return Problem(f"unknown class `{wanted}`", did_you_mean(str(wanted), names) or one_of(names), path=path)
