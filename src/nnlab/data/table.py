"""A table, and its columns as arrays: numbers or labels, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.config.names import canonical
from nnlab.data.cells import NUMBER, Role, looks_like_a_figure, number_in, unfit
from nnlab.data.classes import LARGEST_EXACT, is_whole
from nnlab.data.csv_files import Separator
from nnlab.data.targets import infer_task
from nnlab.errors import Problem
from nnlab.wording import counted, listed, show

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with names, and where a row stands.

    Args:
        frame: a pandas data frame.
        place: the fields of a `Problem` that say where a value is: `place(column, row)`.
        counts_rows: whether messages have to give the row, because the place does not.
        for_training: whether the config may choose other features, rather than a trained model needing these.
        written: gives a column as text, as it is written, where the data frame was read from text.
        has_zeros: tells whether any of that text may be digits with zeros in front.
        separator: what stands between the values of that text.
    """

    frame: Any
    place: Callable[[str, int], dict[str, Any]]
    counts_rows: bool = False
    for_training: bool = True
    written: Callable[[int], list[str]] | None = None
    has_zeros: Callable[[], bool] | None = None
    separator: Separator | None = None

    def problems(self, faults: Iterable[Fault]) -> list[Problem]:
        """Return what is wrong with columns; several of one kind are one problem."""
        alike: dict[tuple[str, str | None], list[Fault]] = {}
        for fault in dict.fromkeys(faults):  # a column may be the target of several outputs
            alike.setdefault((fault.several, fault.hint), []).append(fault)
        return [self._problem(group) for group in alike.values()]

    def _problem(self, group: Sequence[Fault]) -> Problem:
        first, *others = group
        where = f", in row {first.row} (counted from 0)" if self.counts_rows else ""
        if others:
            columns = listed((fault.column for fault in group), most=6)
            message = f"{len(group)} columns {first.several}: {columns}; the first has {first.value}{where}"
        else:
            message = f"column `{first.column}` {first.message}{where}"
        return Problem(message, first.hint, **self.place(first.column, first.row))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a column.

    Args:
        column: its name.
        row: the first row where it is.
        value: what stands there, as messages show it.
        message: what is wrong, `column NAME ...`.
        several: what is wrong with many columns of this kind, `3 columns ...`.
        hint: what to do.
    """

    column: str
    row: int
    value: str
    message: str
    several: str
    hint: str | None

    @classmethod
    def at(cls, column: Any, row: int, what: str, several: str, hint: str | None) -> Fault:
        """Return what is wrong with a value of a column, a pandas series: that it holds it, `what`."""
        shown = show(column.iloc[row])
        return cls(str(column.name), row, shown, f"holds {shown}, {what}", f"hold {several}", hint)


def target_columns(
    table: Table, columns: Sequence[int], config: DataConfig, notes: list[str] | None = None
) -> list[np.ndarray | Fault]:
    """Return the columns of a target, each `[rows]` or what is wrong with it; the task decides how they are read.

    `notes` are told what was understood that may have been meant otherwise.
    """
    if len(columns) > 1 or config.task in ("regression", "multilabel"):
        return [numbers(table, column, is_target=True) for column in columns]
    infer = config.task is None and config.classes is None and config.positive_class is None
    return [labels(table, columns[0], infer=infer, notes=notes if notes is not None else [])]


def numbers(table: Table, position: int, *, is_target: bool = False) -> np.ndarray | Fault:
    """Return a column as float64 `[rows]`, or what is wrong with it."""
    import pandas as pd

    name, column = str(table.frame.columns[position]), table.frame.iloc[:, position]
    missing = _missing(table, name, column, is_target=is_target)
    if missing is not None:
        return missing
    nested = _nested(column, can_leave_out=not is_target and table.for_training)
    if nested is not None:
        return nested
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        values = np.asarray(column.to_numpy(np.float64))
    else:
        numbers_of = {value: number_in(value) for value in dict.fromkeys(column)}
        bad = [value for value, number in numbers_of.items() if number is None]
        if bad:
            role: Role = "target" if is_target else "feature" if table.for_training else "input"
            kind = unfit(numbers_of, bad, rows=len(column), role=role)
            row = next(row for row, value in enumerate(column) if number_in(value) is None)
            return Fault.at(column, row, kind.what, kind.several, kind.hint)
        values = np.array([number_in(value) for value in column], np.float64)
    outside = ~(np.abs(values) <= _LARGEST)
    if not outside.any():
        return values
    row = int(np.argmax(outside))
    what = "too large for float32" if np.isfinite(values[row]) else "not finite"
    hint = "remove this row, or correct the value"
    shown = show(float(values[row]))
    return Fault(name, row, shown, f"holds {shown}, which is {what}", f"hold values that are {what}", hint)


def _nested(column: Any, *, can_leave_out: bool) -> Fault | None:
    """Refuse lists and mappings in a column."""
    if column.dtype != object:
        return None
    row = next(
        (row for row, value in enumerate(column) if isinstance(value, (list, tuple, dict, set, np.ndarray))), None
    )
    if row is None:
        return None
    hint = "give each of its values a column of its own" + ", or leave the column out with `features`" * can_leave_out
    return Fault.at(column, row, "which is not one value", "several values in a row", hint)


def _missing(table: Table, name: str, column: Any, *, is_target: bool) -> Fault | None:
    missing = column.isna().to_numpy()
    count = int(missing.sum())
    if count == 0:
        return None
    leave_out = "" if is_target or not table.for_training else ", or leave the column out with `features`"
    if count == len(column):
        hint = "fill the column" if not leave_out else "remove the column, or leave it out with `features`"
        return Fault(name, 0, "nothing", "has no value in any row", "have no value in any row", hint)
    message = f"has {counted(count, 'missing value')}{', the first here' * (count > 1 and not table.counts_rows)}"
    hint = f"fill what is missing, or remove such rows{leave_out}"
    row = int(np.argmax(missing))
    return Fault(name, row, f"{count}", message, "have missing values", hint)


def labels(table: Table, position: int, *, infer: bool, notes: list[str]) -> np.ndarray | Fault:
    """Return a target column `[rows]` of integers, booleans, floats or text (as Python strings).

    `infer` says whether the values decide if they are classes; `notes` is as for `target_columns`.
    """
    import pandas as pd

    name, column = str(table.frame.columns[position]), table.frame.iloc[:, position]
    if table.written is not None:
        column = _with_written_labels(table, position, infer=infer, notes=notes)
    fault = _missing(table, name, column, is_target=True) or _nested(column, can_leave_out=False)
    if fault is not None:
        return fault
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.asarray(column.to_numpy(np.bool_))
    if pd.api.types.is_integer_dtype(column.dtype):
        unsigned = pd.api.types.is_unsigned_integer_dtype(column.dtype)
        return np.asarray(column.to_numpy(np.uint64 if unsigned else np.int64))
    if pd.api.types.is_numeric_dtype(column.dtype) or (infer and _mostly_numbers(column)) or _are_decimals(column):
        return numbers(table, position, is_target=True)
    return _texts(name, column)


def _are_decimals(column: Any) -> bool:
    """Tell exact decimal numbers, as databases give them, which floats hold as well."""
    return all(isinstance(value, Decimal) and (value % 1 != 0 or abs(value) <= LARGEST_EXACT) for value in column)


def _texts(name: str, column: Any) -> np.ndarray | Fault:
    texts = []
    for row, value in enumerate(column):
        try:
            texts.append(value.decode("utf-8") if isinstance(value, bytes) else str(value))
        except UnicodeDecodeError:
            what = "bytes that are not UTF-8 text"
            return Fault(name, row, show(value), f"holds {what}", f"hold {what}", "store text")
    return np.array(texts, dtype=object)


def _with_written_labels(table: Table, position: int, *, infer: bool, notes: list[str]) -> Any:
    """Return a column with its labels as they are written, where pandas loses some of what is written.

    That is what pandas takes for a missing value among labels of text (`NA`, `None`, `null`), and the digits of codes:
    zeros in front, and more digits than a float has.
    """
    import pandas as pd

    name, column = str(table.frame.columns[position]), table.frame.iloc[:, position]
    assert table.written is not None
    if pd.api.types.is_bool_dtype(column.dtype):
        return column
    if pd.api.types.is_numeric_dtype(column.dtype) and column.notna().any():
        values = column.to_numpy()
        if column.hasnans or not is_whole(values):
            return column
        too_long = values.dtype.kind == "f" and np.abs(values).max() > LARGEST_EXACT
        if infer and not too_long and infer_task(values) != "classification":
            code = padded(table.written(position)) if table.has_zeros is not None and table.has_zeros() else None
            if code is not None:
                lost = f"zeros in front of numbers are lost, such as `{code}` is {int(code)}, in `{name}`"
                notes.append(f"{lost}; write `task: classification` if these are codes")
            return column
        texts = [text.strip() for text in table.written(position)]
        in_front = [text for text in dict.fromkeys(texts) if text.lstrip("+-").startswith("0") and text.isdigit()]
        if not [text for text in in_front if text != "0"] and not (too_long and all(map(str.isdigit, texts))):
            forms = dict.fromkeys(texts)
            if len(forms) > column.nunique():
                notes.append(f"labels of `{name}` that are one number are one class, however written: {listed(forms)}")
            return column
        notes.append(f"the labels of `{name}` are kept as they are written, such as {listed((in_front or texts)[:1])}")
        return pd.Series(texts, dtype=object)
    if infer and _mostly_numbers(column.dropna()):
        return column
    written = pd.Series(table.written(position), dtype=object)
    taken = written[column.isna().to_numpy() & (written.map(canonical) != "").to_numpy()]
    if len(taken):
        notes.append(f"{listed(dict.fromkeys(taken))} in `{name}` is a class here; remove these rows if it is none")
    return written.where(written.map(canonical) != "", None)


def _mostly_numbers(column: Any) -> bool:
    """Tell numbers with a few mistakes or in another notation from class labels."""
    values = [str(value) for value in column.unique()]
    numbers = sum(NUMBER.fullmatch(value.strip()) is not None for value in values)
    figures = sum(looks_like_a_figure(value) for value in values)
    return numbers < len(values) and numbers + figures > len(values) / 2


def padded(texts: Iterable[str]) -> str | None:
    """Return the first text that is digits with a zero in front."""
    stripped = (text.strip() for text in texts)
    return next(
        (text for text in stripped if text.lstrip("+-").startswith("0") and len(text) > 1 and text.isdigit()), None
    )
