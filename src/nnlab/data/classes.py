"""Classes: their numbers, which of them take part, and what each weighs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nnlab.config.names import canonical
from nnlab.data.cells import number_in
from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean
from nnlab.wording import listed, one_of, plural, show

_LEFT_OUT = -1
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_MOST_DIGITS = 300  # of whole numbers that are compared as such
LARGEST_EXACT = 2**53
"""Up to here float64 holds every whole number."""


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The class of every row.

    Args:
        codes: number of the row's class, `[rows]`, from 0; -1 for a row that is left out.
        names: names of the classes 0, 1, ...
        numbers: what a config may write for a class besides its name.
        notes: what was taken as one class though it is written differently.
    """

    codes: np.ndarray
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> np.ndarray:
        """Which rows take part, `[rows]`."""
        return np.asarray(self.codes != _LEFT_OUT)

    def find(self, wanted: str | int) -> int | None:
        """Return the class that the config calls so, or `None`."""
        name = _class_called(wanted, self.names)
        if name is not None:
            return self.names.index(name)
        written = [str(number) for number in self.numbers]
        return written.index(str(wanted)) if str(wanted) in written else None


def number_classes(y: np.ndarray, names: Sequence[str] = ()) -> Classes:
    """Number the classes of labels `[rows]`: numbers in their order, text alphabetically.

    Texts that look the same are one class: blanks at their ends and the Unicode form of their letters do not count.

    Args:
        y: text, booleans, or whole numbers.
        names: names of the labels 0, 1, ...; without them, labels are their own names.

    Raises:
        DataError: for labels that are no whole numbers, or are empty.
    """
    values, codes = _different(_whole(y))
    if values.dtype.kind in "UO":
        return _text_classes([str(value) for value in values], codes)
    numbers = tuple(int(value) for value in values)
    return Classes(codes, tuple(names[n] for n in numbers) if names else tuple(str(v) for v in values), numbers)


def _different(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what `np.unique` gives, the values and the number of each row's; of text without sorting all rows."""
    if labels.dtype != object:
        return np.unique(labels, return_inverse=True)
    import pandas as pd

    codes, values = pd.factorize(labels)
    order = np.argsort(values, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return values[order], rank[codes]


def count_classes(y: np.ndarray, count: int, names: Sequence[str] = ()) -> Classes:
    """Take labels `[rows]` as the numbers of so many classes, some of which no row may have.

    Args:
        y: whole numbers from 0, or booleans.
        count: how many classes there are.
        names: of the classes 0, 1, ..., as far as they have any.

    Raises:
        DataError: for labels that are no such numbers.
    """
    labels, path = _whole(y), ("data", "classes")
    if labels.dtype.kind in "UO":
        message = f"`classes: {count}` counts classes that are numbers, the target holds {show(str(labels[0]))}"
        raise DataError(Problem(message, "list the classes instead, each of which has rows", path=path))
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most >= count:
        message = f"{count} classes are the numbers 0 to {count - 1}, the target holds {most if least >= 0 else least}"
        hint = f"write `classes: {most + 1}`" if least >= 0 else "list the classes instead"
        raise DataError(Problem(message, hint, path=path))
    called = tuple(names[number] if number < len(names) else str(number) for number in range(count))
    codes = labels.astype(np.int64)
    absent = [called[number] for number, rows in enumerate(_counts(codes, called)) if not rows]
    note = f"no row has the {plural(len(absent), 'class')} {listed(absent, most=5)}, for which there is an output"
    return Classes(codes, called, tuple(range(count)), (note,) if absent else ())


def _text_classes(written: Sequence[str], codes: np.ndarray) -> Classes:
    """Number classes that are written as text; `codes` are the numbers in `written` of each row."""
    labels, number = np.unique([canonical(text) for text in written], return_inverse=True)
    codes = number[codes]
    if not labels[0]:
        count = int((codes == 0).sum())
        message = f"{count} row{'s have' if count > 1 else ' has'} an empty label"
        raise DataError(Problem(message, "fill in the class, or remove the rows", path=("data", "target")))
    alike = _groups(zip(number.tolist(), written, strict=True))
    notes = [
        f"labels that differ only in blanks or in their Unicode form are one class: {listed(texts)}" for texts in alike
    ]
    equal = _groups((value, label) for label in labels if (value := _number(label)) is not None)
    notes += [f"labels of one number, written differently, are different classes: {listed(texts)}" for texts in equal]
    similar = _groups((_bare(label), label) for label in labels)
    notes += [
        f"labels that differ only in case, blanks or a final point are different classes: {listed(texts)}"
        for texts in similar
    ]
    return Classes(codes, tuple(str(label) for label in labels), tuple(range(len(labels))), tuple(notes))


def _class_called(wanted: str | int, names: Sequence[str]) -> str | None:
    """Return the class that the config calls so: `1.0` and `1`, `true` and `True` are one where that class is there."""
    text = str(wanted)
    if text not in names and text.casefold() in ("true", "false"):
        text = text.capitalize()
    if text not in names and (value := number_in(text)) is not None and value.is_integer():
        text = str(int(value))
    return text if text in names else None


def _groups(named: Iterable[tuple[Any, str]]) -> list[list[str]]:
    """Return the texts that have the same key, where there are several."""
    groups: dict[Any, list[str]] = {}
    for key, text in named:
        groups.setdefault(key, []).append(str(text))
    return [texts for texts in groups.values() if len(texts) > 1]


def _bare(label: str) -> str:
    """Return a label without what is easily written differently by mistake."""
    return " ".join(unicodedata.normalize("NFKC", label).casefold().split()).rstrip(".")


def _number(label: str) -> int | float | None:
    """Return the number that a label is, exactly where it is a whole one."""
    digits = label.lstrip("+-")
    return int(label) if digits.isdecimal() and len(digits) < _MOST_DIGITS else number_in(label)


def _whole(y: np.ndarray) -> np.ndarray:
    if y.dtype.kind != "f":
        return y
    if float(np.abs(y).max(initial=0)) > LARGEST_EXACT:
        message = f"the target holds {show(float(np.abs(y).max()))}: floats beyond 2^53 do not tell whole numbers apart"
        hint = "store such labels as text or as integers"
        raise DataError(Problem(message, hint, path=("data", "target")))
    if not is_whole(y):
        message = f"classes are text or whole numbers, the target holds {show(float(y[y != np.round(y)][0]))}"
        raise DataError(Problem(message, "write `task: regression`", path=("data", "task")))
    return y.astype(np.int64)


def is_whole(values: np.ndarray) -> bool:
    """Tell whether all of these numbers are whole ones, however they are stored."""
    return values.dtype.kind in "biu" or bool((values == np.round(values)).all())


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
    DataError.raise_any(problems)
    new_code = np.full(len(classes.names), _LEFT_OUT)
    new_code[chosen] = np.arange(len(chosen))
    names = tuple(classes.names[old] for old in chosen)
    return Classes(new_code[classes.codes], names, tuple(range(len(chosen))), classes.notes)


def one_against_rest(classes: Classes, positive: str | int) -> Classes:
    """Make two classes: 1 for the positive one, 0 for all others.

    Raises:
        DataError: when there is no such class.
    """
    found = classes.find(positive)
    if found is None:
        raise DataError(_unknown(positive, classes.names, ("data", "positive_class")))
    name = classes.names[found]
    codes = (classes.codes == found).astype(np.int64)
    return Classes(codes, (f"not {name}", name), (0, 1), classes.notes)


def check_every_class_is_trained(
    names: Sequence[str], y_train: np.ndarray, *, y: np.ndarray, may_be_absent: bool, path: ConfigPath
) -> None:
    """Refuse training rows without a single row of some class.

    Args:
        names: names of the classes.
        y_train: class numbers of the training rows, `[rows]`.
        y: class numbers of all rows but those of the source's own test set, `[rows]`.
        may_be_absent: whether there may be classes without any row.
        path: the setting to point at.

    Raises:
        DataError: naming the classes.
    """
    absent = [code for code, count in enumerate(_counts(y_train, names)) if count == 0]
    absent = [code for code in absent if code in y] if may_be_absent else absent
    if not absent:
        return
    which = listed((names[code] for code in absent), most=5)
    message = f"none of the {len(y_train)} training rows has the {plural(len(absent), 'class')} {which}"
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

    `balanced` is scikit-learn's: rows / (classes x rows of the class), over the training rows and their classes. A
    mapping goes by class names, else by class numbers; classes that it leaves out weigh 1.

    Raises:
        DataError: with every key that is no class, or when all that is trained weighs 0.
    """
    if isinstance(wanted, str):
        counts = _counts(y_train, names)
        present = len(counts) - counts.count(0)
        return {code: len(y_train) / (present * n) if n else 1.0 for code, n in enumerate(counts)}
    numbers = tuple(str(code) for code in range(len(names)))
    called = {key: _class_called(key, names) or key for key in wanted}
    if len(set(called.values())) < len(called):
        message = f"a class stands twice in `class_weight`: {listed(called)}"
        raise DataError(Problem(message, "keep one of its weights", path=("data", "class_weight")))
    wanted = {called[key]: weight for key, weight in wanted.items()}
    by_number = not set(wanted) <= set(names) and set(wanted) <= set(numbers)
    keys = numbers if by_number else names
    problems = [_unknown(key, names, ("data", "class_weight", key)) for key in wanted if key not in keys]
    DataError.raise_any(problems)
    weights = dict.fromkeys(range(len(names)), 1.0) | {keys.index(key): float(w) for key, w in wanted.items()}
    too_large = [code for code, weight in weights.items() if weight > _LARGEST_FLOAT32]
    if too_large:
        message = (
            f"the weight {show(weights[too_large[0]])} of the class `{names[too_large[0]]}` is too large for float32"
        )
        raise DataError(
            Problem(message, "only how weights compare counts: divide all of them", path=("data", "class_weight"))
        )
    if not any(np.float32(weights[code]) for code in np.unique(y_train)):
        message = f"every class weighs 0, so that nothing would be learned: {listed(names)}"
        raise DataError(Problem(message, "give at least one class a weight above 0", path=("data", "class_weight")))
    return weights


def _counts(y: np.ndarray, names: Sequence[str]) -> list[int]:
    return [int(count) for count in np.bincount(y, minlength=len(names))]


def _unknown(wanted: str | int, names: Sequence[str], path: ConfigPath) -> Problem:
    return Problem(f"unknown class `{wanted}`", did_you_mean(str(wanted), names) or one_of(names), path=path)
