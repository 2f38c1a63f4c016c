"""A table, and its columns as arrays: numbers or labels, or what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from nnlab.config.components import Component
from nnlab.config.data import DataConfig
from nnlab.config.names import canonical
from nnlab.data.cells import NUMBER, Role, are_decimal_commas, looks_like_a_figure, number_in, unfit
from nnlab.data.classes import LARGEST_EXACT, is_whole
from nnlab.data.column_kinds import MISSING_MARKS
from nnlab.data.csv_files import Separator
from nnlab.data.targets import infer_task
from nnlab.errors import Problem
from nnlab.wording import counted, listed, show

_LARGEST = float(np.finfo(np.float32).max)
_WITH_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d*)?([eE][+-]?\d+)?")
_MISSING = frozenset(["", *(mark.casefold() for mark in MISSING_MARKS)])


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
        decimal: what stands before decimals there, if the config says it.
        missing: what stands for a missing value besides nothing, if the config says it.
        nested: the types of columns that hold several values in a row, by name.
        notes: what was found of the files that may have been meant otherwise.
        found: parameters of the source by which the files are read again.
    """

    frame: Any
    place: Callable[[str, int], dict[str, Any]]
    counts_rows: bool = False
    for_training: bool = True
    written: Callable[[int], list[str]] | None = None
    has_zeros: Callable[[], bool] | None = None
    separator: Separator | None = None
    decimal: str | None = None
    missing: tuple[str, ...] | None = None
    nested: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    _columns: list[Any] = field(default_factory=list, init=False)

    def column(self, position: int) -> Any:
        """Return a column as a pandas series."""
        if not self._columns:
            self._columns.extend(column for _, column in self.frame.items())
        return self._columns[position]

    def is_missing(self, value: Any) -> bool:
        """Whether a value of a column of numbers stands for a missing one."""
        if value is None or value != value:
            return True
        text = str(value).strip()
        if self.missing is not None:
            return text in ("", *self.missing)
        return text.casefold() in _MISSING

    def number_in(self, value: Any) -> float | None:
        """Return the number that a value is or that stands in its text; `None` if it is none."""
        if self.decimal != "," or not isinstance(value, str):
            return number_in(value)
        text = value.strip()
        return number_in(text.replace(".", "").replace(",", ".")) if _WITH_COMMA.fullmatch(text) else None

    def taken(self, rows: np.ndarray) -> Table:
        """Return some rows, by their numbers."""
        place, written = self.place, self.written
        return replace(
            self,
            frame=self.frame.iloc[rows],
            place=lambda column, row: place(column, int(rows[row])),
            written=None if written is None else lambda position: np.array(written(position), object)[rows].tolist(),
        )

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


def fault_of_missing(table: Table, position: int, missing: np.ndarray, what: str) -> Fault | None:
    """Return what is wrong with a column that has to say `what` of every row, if rows `[rows]` are missing."""
    count = int(missing.sum())
    if not count:
        return None
    first = ", the first here" * (count > 1 and not table.counts_rows)
    message = f"has {counted(count, 'missing value')}{first}, and has to say {what}"
    hint = "fill what is missing, or remove such rows"
    column = str(table.frame.columns[position])
    return Fault(column, int(np.argmax(missing)), str(count), message, "have missing values", hint)


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


def numbers(table: Table, position: int, *, is_target: bool = False, may_miss: bool = False) -> np.ndarray | Fault:
    """Return a column as float64 `[rows]`, or what is wrong with it; with `may_miss` a missing value is NaN."""
    import pandas as pd

    column = table.column(position)
    name = str(column.name)
    fault = nested(table, column, can_leave_out=not is_target and table.for_training)
    if fault is None and not may_miss:
        fault = _missing(table, name, column, is_target=is_target)
    if fault is not None:
        return fault
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        values: np.ndarray = column.to_numpy().astype(np.float64)
    elif pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        values = np.asarray(column.to_numpy(np.float64, na_value=np.nan))
    else:
        codes, different = pd.factorize(column)
        found = _numbers_in(table, list(different), may_miss=may_miss)
        bad = [value for value, number in zip(different, found, strict=True) if number is None]
        if bad:
            role: Role = "target" if is_target else "feature" if table.for_training else "input"
            kind = unfit(list(different), bad, role=role)
            row = int((codes == next(i for i, number in enumerate(found) if number is None)).argmax())
            return Fault.at(column, row, kind.what, kind.several, kind.hint)
        values = np.array([*found, np.nan], np.float64)[codes]
    low, high = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
    if low >= -_LARGEST and high <= _LARGEST and (may_miss or not np.isnan(values).any()):
        return values
    outside = ~(np.abs(values) <= _LARGEST) & ~(np.isnan(values) & may_miss)
    if not outside.any():
        return values
    row = int(np.argmax(outside))
    what = "too large for float32" if np.isfinite(values[row]) else "not finite"
    hint = "remove this row, or correct the value"
    shown = show(float(values[row]))
    return Fault(name, row, shown, f"holds {shown}, which is {what}", f"hold values that are {what}", hint)


def _numbers_in(table: Table, values: list[Any], *, may_miss: bool) -> list[float | None]:
    """Return the number that each value is or is written as, NaN for missing ones, `None` for what is none."""
    is_missing = [may_miss and table.is_missing(value) for value in values]
    there = [value for value, missing in zip(values, is_missing, strict=True) if not missing]
    if table.decimal is None and are_decimal_commas(there):
        values = [str(value).replace(",", ".") for value in values]
    return [np.nan if missing else table.number_in(value) for value, missing in zip(values, is_missing, strict=True)]


def texts(table: Table, position: int) -> np.ndarray | Fault:
    """Return a column as text, objects `[rows]` with `None` for missing values, or what is wrong with it."""
    found = coded_texts(table, position)
    if isinstance(found, Fault):
        return found
    codes, different = found
    return np.asarray(np.array([*different, None], dtype=object)[codes])


def coded_texts(table: Table, position: int) -> tuple[np.ndarray, list[str]] | Fault:
    """Return the number of the text of each row, -1 for missing ones `[rows]`, and the different texts."""
    import pandas as pd

    column = table.column(position)
    fault = nested(table, column, can_leave_out=table.for_training)
    if fault is not None:
        return fault
    if table.written is not None and pd.api.types.is_numeric_dtype(column.dtype):  # with the zeros of codes
        column = pd.Series(table.written(position), dtype=object, name=column.name)
    codes, different = pd.factorize(column)
    names = _texts(str(column.name), [_whole(value) for value in different])
    if isinstance(names, Fault):
        return replace(names, row=int((codes == names.row).argmax()))
    missing = ("", *(table.missing or ()))
    kept = [None if (text := canonical(name)) in missing else text for name in names]
    number_of = {text: number for number, text in enumerate(dict.fromkeys(text for text in kept if text is not None))}
    numbers = np.array([*(-1 if text is None else number_of[text] for text in kept), -1])
    return numbers[codes], list(number_of)


def _whole(value: Any) -> Any:
    """Return a whole number that is stored as a float, as a column with missing values is, as the integer it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def nested(table: Table, column: Any, *, can_leave_out: bool) -> Fault | None:
    """Refuse lists and mappings in a column."""
    if column.dtype != object:
        return None
    hint = "give each of its values a column of its own" + ", or leave the column out with `ignore`" * can_leave_out
    type_ = table.nested.get(str(column.name))
    if type_ is not None:
        what = f"holds {show(type_)}, which is not one value"
        return Fault(str(column.name), 0, show(type_), what, "hold several values in a row", hint)
    row = next(
        (row for row, value in enumerate(column) if isinstance(value, (list, tuple, dict, set, np.ndarray))), None
    )
    if row is None:
        return None
    return Fault.at(column, row, "which is not one value", "several values in a row", hint)


def _missing(table: Table, name: str, column: Any, *, is_target: bool) -> Fault | None:
    missing = column.isna().to_numpy()
    count = int(missing.sum())
    if count == 0:
        return None
    leave_out = "" if is_target or not table.for_training else ", or leave the column out with `ignore`"
    if count == len(column):
        hint = "fill the column" if not leave_out else "remove the column, or leave it out with `ignore`"
        return Fault(name, 0, "nothing", "has no value in any row", "have no value in any row", hint)
    message = f"has {counted(count, 'missing value')}{', the first here' * (count > 1 and not table.counts_rows)}"
    hint = f"fill what is missing, or remove such rows{leave_out}"
    row = int(np.argmax(missing))
    return Fault(name, row, f"{count}", message, "have missing values", hint)


def answered(table: Table, positions: Iterable[int]) -> np.ndarray:
    """Return the numbers of the rows that have a value in each of some columns."""
    rows = np.ones(len(table.frame), bool)
    for position in positions:
        rows &= table.column(position).notna().to_numpy()
    return np.flatnonzero(rows)


def are_plain(kinds: Mapping[str, Component], config: DataConfig) -> bool:
    """Whether columns of some kinds are numbers of which nothing is said."""
    if isinstance(config.features, Mapping) or config.missing is not None:
        return False
    return all(kind.name in ("numeric", "boolean") and not kind.parameters for kind in kinds.values())


def labels(table: Table, position: int, *, infer: bool, notes: list[str]) -> np.ndarray | Fault:
    """Return a target column `[rows]` of integers, booleans, floats or text (as Python strings).

    `infer` says whether the values decide if they are classes; `notes` is as for `target_columns`.
    """
    import pandas as pd

    column = table.column(position)
    name = str(column.name)
    if table.written is not None:
        column = _with_written_labels(table, position, infer=infer, notes=notes)
    fault = nested(table, column, can_leave_out=False) or _missing(table, name, column, is_target=True)
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
    codes, different = pd.factorize(column)
    texts = _texts(name, different)
    if isinstance(texts, Fault):
        return replace(texts, row=int((codes == texts.row).argmax()))
    return np.array(texts, dtype=object)[codes]


def _are_decimals(column: Any) -> bool:
    """Tell exact decimal numbers, as databases give them, which floats hold as well."""
    return all(isinstance(value, Decimal) and (value % 1 != 0 or abs(value) <= LARGEST_EXACT) for value in column)


def _texts(name: str, values: Iterable[Any]) -> list[str] | Fault:
    """Return values as text, or at the number of the first that is none what is wrong with it."""
    texts = []
    for row, value in enumerate(values):
        try:
            texts.append(value.decode("utf-8") if isinstance(value, bytes) else str(value))
        except UnicodeDecodeError:
            what = "bytes that are not UTF-8 text"
            return Fault(name, row, show(value), f"holds {what}", f"hold {what}", "store text")
    return texts


def _with_written_labels(table: Table, position: int, *, infer: bool, notes: list[str]) -> Any:
    """Return a column with its labels as they are written, where pandas loses some of what is written.

    That is the digits of codes: zeros in front, and more digits than a float has.
    """
    import pandas as pd

    column = table.column(position)
    name = str(column.name)
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
    words = [str(value) for value in column.dropna().unique() if str(value).strip() and table.is_missing(value)]
    if words:
        notes.append(
            f"{listed(words)} in `{name}` is a class here; write `missing: [{', '.join(words)}]` if it is none"
        )
    return column


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
