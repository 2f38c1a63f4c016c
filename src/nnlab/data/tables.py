"""Tables (CSV, Parquet, or written into the config) as arrays, every unfit column reported."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.data import DataConfig
from nnlab.config.names import canonical
from nnlab.data.cells import NUMBER, Role, looks_like_a_figure, unfit
from nnlab.data.classes import LARGEST_EXACT, is_whole
from nnlab.data.columns import choose_columns
from nnlab.data.csv_files import Separator, column_as_text, lines_of_rows, may_have_zeros_in_front, read_csv, unnamed
from nnlab.data.files import require_file
from nnlab.data.precision import lost_in_float64
from nnlab.data.registry import RawData
from nnlab.data.targets import infer_task
from nnlab.errors import DataError, Problem, first_line, listed, show
from nnlab.memory import BYTES_OF_A_NUMBER, require_memory

_POINT_BEFORE_THREE = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_DIGITS = re.compile(r"[+-]?\d{1,300}")
_MANY_ROWS = 20
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


def read_csv_table(config: DataConfig) -> RawData:
    """Read the CSV file at `path`."""
    file = require_file(config.path, source="csv")
    table = csv_table(file)
    if config.features is None:
        _check_all_are_named(table, file)
    return _as_arrays(table, config)


def _check_all_are_named(table: Table, file: Path) -> None:
    """Refuse columns without a name where every column is a feature.

    Raises:
        DataError: with all of them.
    """
    nameless = [name for number, name in enumerate(table.frame.columns, 1) if name == unnamed(number)]
    if not nameless:
        return
    if nameless == [unnamed(1)]:
        hint = "name it, or list `features`; pandas leaves its row numbers out with `to_csv(..., index=False)`"
        raise DataError(Problem(f"`{nameless[0]}` has no name", hint, file=str(file), line=1))
    hint = "the first line has to name the columns: name them, remove what is above that line, or list `features`"
    what = (
        f"`{nameless[0]}` has no name"
        if len(nameless) == 1
        else f"{len(nameless)} columns have no name: {listed(nameless)}"
    )
    raise DataError(Problem(what, hint, file=str(file), line=1))


def csv_table(file: Path, *, header: bool = True, for_training: bool = True) -> Table:
    """Read a CSV file as a table whose problems have its lines."""
    frame, separator = read_csv(file, header=header)

    @cache
    def lines() -> list[int]:
        return lines_of_rows(file, separator, header=header)

    def place(_: str, row: int) -> dict[str, Any]:
        return {"file": str(file), "line": lines()[row]}

    def written(position: int) -> list[str]:
        return column_as_text(file, separator, position, rows=len(frame), header=header)

    @cache
    def has_zeros() -> bool:
        return may_have_zeros_in_front(file)

    return Table(frame, place, for_training=for_training, written=written, has_zeros=has_zeros, separator=separator)


def read_parquet_table(config: DataConfig) -> RawData:
    """Read the Parquet file at `path`."""
    return _as_arrays(parquet_table(require_file(config.path, source="parquet")), config)


def parquet_table(file: Path, *, for_training: bool = True) -> Table:
    """Read a Parquet file as a table whose problems count its rows."""
    import pandas as pd

    try:
        from pyarrow import parquet

        about = parquet.read_metadata(file)
        require_memory(about.num_rows * about.num_columns * BYTES_OF_A_NUMBER, file)
        frame = pd.read_parquet(file, engine="pyarrow")
    except (DataError, MemoryError):
        raise
    except ImportError as error:
        hint = "install it: `pip install nnlab[parquet]`"
        problem = Problem("reading Parquet needs the package `pyarrow`", hint, path=("data", "source"))
        raise DataError(problem) from error
    except Exception as error:  # whatever a damaged file makes of the reader
        message = f"cannot be read as Parquet: {first_line(error)}"
        raise DataError(Problem(message, "write the file again", file=str(file))) from error
    frame.columns = [canonical(str(name)) for name in frame.columns]
    if not frame.columns.is_unique:
        twice = listed(frame.columns[frame.columns.duplicated()])
        message = f"several columns are called {twice}, or look the same"
        raise DataError(Problem(message, "give every column its own name", file=str(file)))
    if frame.empty:
        raise DataError(Problem("the file has no rows", file=str(file)))
    return Table(frame, lambda *_: {"file": str(file)}, counts_rows=True, for_training=for_training)


def read_inline_table(config: DataConfig) -> RawData:
    """Read the columns that the config holds."""
    import pandas as pd

    assert config.columns is not None, "the schema requires `columns` here"
    lengths = {name: len(values) for name, values in config.columns.items()}
    if 0 in lengths.values() or len(set(lengths.values())) > 1:
        counted = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
        message = f"columns need one value a row: {counted}"
        raise DataError(Problem(message, "write as many values in each", path=("data", "columns")))
    frame = pd.DataFrame({name: list(values) for name, values in config.columns.items()})
    return _as_arrays(Table(frame, lambda column, row: {"path": ("data", "columns", column, row)}), config)


def _as_arrays(table: Table, config: DataConfig) -> RawData:
    """Return the chosen columns as arrays.

    Raises:
        DataError: with the first bad value of every kind.
    """
    names = [str(name) for name in table.frame.columns]
    features, targets = choose_columns(config, names)
    x = [numbers(table, column) for column in features]
    notes: list[str] = []
    y = {output: target_columns(table, columns, config.sections[output], notes) for output, columns in targets.items()}
    chosen = [*x, *(column for columns in y.values() for column in columns)]
    problems = table.problems(column for column in chosen if isinstance(column, Fault))
    DataError.raise_any(problems)
    integers = _integers(table, features)
    notes += [*_lost_zeros(table, integers), *lost_in_float64(integers)]
    notes += _perhaps_thousands(
        table, dict.fromkeys([*features, *(column for some in targets.values() for column in some)])
    )
    if config.features is None and len(features) > 1:
        notes += _row_numbers(integers, len(table.frame))
    return RawData(
        x={UNNAMED: _stack(x)},
        y={output: _stack(columns) if len(columns) > 1 else next(_arrays(columns)) for output, columns in y.items()},
        feature_names=tuple(names[column] for column in features),
        target_names={output: tuple(names[column] for column in columns) for output, columns in targets.items()},
        names_columns=True,
        notes=tuple(dict.fromkeys(notes)),
    )


def _integers(table: Table, positions: Iterable[int]) -> dict[str, np.ndarray]:
    """Return the columns of integers by name; those with integers of any size as Python's."""
    import pandas as pd

    found: dict[str, np.ndarray] = {}
    for position in positions:
        column = table.frame.iloc[:, position]
        if pd.api.types.is_integer_dtype(column.dtype):
            found[str(column.name)] = column.to_numpy()
        elif column.dtype == object and all(_DIGITS.fullmatch(str(value)) for value in column):
            found[str(column.name)] = np.array([int(value) for value in column], dtype=object)
    return found


def _lost_zeros(table: Table, columns: Collection[str]) -> Iterator[str]:
    """Yield a sentence where whole numbers are written with zeros in front, as codes are."""
    if not columns or table.has_zeros is None or table.written is None or not table.has_zeros():
        return
    names = [str(name) for name in table.frame.columns]
    padded = {name: text for name in columns if (text := _padded(table.written(names.index(name)))) is not None}
    if padded:
        first = next(iter(padded.values()))
        yield (
            f"zeros in front of numbers are lost, such as `{first}` is {int(first)}, in {listed(padded)}; "
            "one-hot encode codes, or leave them out with `features`"
        )


def _perhaps_thousands(table: Table, positions: Iterable[int]) -> Iterator[str]:
    """Yield a sentence where every point may separate thousands, in a file of countries that write it so."""
    import pandas as pd

    if table.separator != ";" or table.written is None:
        return
    found: dict[str, str] = {}
    for position in positions:
        column = table.frame.iloc[:, position]
        if pd.api.types.is_float_dtype(column.dtype):
            texts = [text.strip() for text in table.written(position) if "." in text]
            if texts and all(_POINT_BEFORE_THREE.fullmatch(text) for text in texts):
                found[str(column.name)] = texts[0]
    if found:
        first = next(iter(found.values()))
        yield (
            f"every point in {listed(found)} stands before three digits, and is read as a decimal point (`{first}` is "
            f"{float(first):g}): remove the points if they separate thousands"
        )


def _padded(texts: Iterable[str]) -> str | None:
    """Return the first text that is digits with a zero in front."""
    stripped = (text.strip() for text in texts)
    return next(
        (text for text in stripped if text.lstrip("+-").startswith("0") and len(text) > 1 and text.isdigit()), None
    )


def _row_numbers(columns: Mapping[str, np.ndarray], count: int) -> Iterator[str]:
    """Yield a sentence where a column counts the rows: of rows that stand in some order, it tells the target."""
    numbers = np.arange(count)
    counting = [
        name
        for name, values in columns.items()
        if count >= _MANY_ROWS and (np.array_equal(values, numbers) or np.array_equal(values, numbers + 1))
    ]
    if counting:
        yield f"{listed(counting)} counts the rows: leave it out with `features` if it is no measurement"


def target_columns(
    table: Table, columns: Sequence[int], config: DataConfig, notes: list[str] | None = None
) -> list[np.ndarray | Fault]:
    """Return the columns of a target, each `[rows]` or what is wrong with it; the task decides how they are read.

    Args:
        table: the table.
        columns: their numbers.
        config: what the config says of this target.
        notes: is told what was understood that may have been meant otherwise.
    """
    if len(columns) > 1 or config.task in ("regression", "multilabel"):
        return [numbers(table, column, is_target=True) for column in columns]
    return [labels(table, columns[0], infer=_is_inferred(config), notes=notes if notes is not None else [])]


def _is_inferred(config: DataConfig) -> bool:
    return config.task is None and config.classes is None and config.positive_class is None


def _arrays(columns: Iterable[np.ndarray | Fault]) -> Iterator[np.ndarray]:
    return (column for column in columns if not isinstance(column, Fault))


def _stack(columns: Iterable[np.ndarray | Fault]) -> np.ndarray:
    return np.stack(list(_arrays(columns)), axis=1)


def numbers(table: Table, position: int, *, is_target: bool = False) -> np.ndarray | Fault:
    """Return a column as float64 `[rows]`, or what is wrong with it."""
    import pandas as pd

    name, column = str(table.frame.columns[position]), table.frame.iloc[:, position]
    missing = _missing(table, name, column, is_target=is_target)
    if missing is not None:
        return missing
    nested = _nested(name, column, can_leave_out=not is_target and table.for_training)
    if nested is not None:
        return nested
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        values = np.asarray(column.to_numpy(np.float64))
    else:
        numbers_of = {value: _number(value) for value in dict.fromkeys(column)}
        bad = [value for value, number in numbers_of.items() if number is None]
        if bad:
            role: Role = "target" if is_target else "feature" if table.for_training else "input"
            kind = unfit(numbers_of, bad, rows=len(column), role=role)
            row = next(row for row, value in enumerate(column) if _number(value) is None)
            shown = show(column.iloc[row])
            return Fault(name, row, shown, f"holds {shown}, {kind.what}", f"hold {kind.several}", kind.hint)
        values = np.array([_number(value) for value in column], np.float64)
    outside = ~(np.abs(values) <= _LARGEST)
    if not outside.any():
        return values
    row = int(np.argmax(outside))
    what = "too large for float32" if np.isfinite(values[row]) else "not finite"
    hint = "remove this row, or correct the value"
    shown = show(float(values[row]))
    return Fault(name, row, shown, f"holds {shown}, which is {what}", f"hold values that are {what}", hint)


def _nested(name: str, column: Any, *, can_leave_out: bool) -> Fault | None:
    """Refuse lists and mappings in a column."""
    if column.dtype != object:
        return None
    row = next(
        (row for row, value in enumerate(column) if isinstance(value, (list, tuple, dict, set, np.ndarray))), None
    )
    if row is None:
        return None
    hint = "give each of its values a column of its own" + ", or leave the column out with `features`" * can_leave_out
    shown = show(column.iloc[row])
    return Fault(name, row, shown, f"holds {shown}, which is not one value", "hold several values in a row", hint)


def _number(value: Any) -> float | None:
    if isinstance(value, str) and "_" in value:  # Python reads `1_2` as 12; in a table it is a name
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf
    except (TypeError, ValueError):
        return None


def _missing(table: Table, name: str, column: Any, *, is_target: bool) -> Fault | None:
    missing = column.isna().to_numpy()
    count = int(missing.sum())
    if count == 0:
        return None
    leave_out = "" if is_target or not table.for_training else ", or leave the column out with `features`"
    if count == len(column):
        hint = "fill the column" if not leave_out else "remove the column, or leave it out with `features`"
        return Fault(name, 0, "nothing", "has no value in any row", "have no value in any row", hint)
    message = (
        f"has {count} missing value{'s' * (count > 1)}{', the first here' * (count > 1 and not table.counts_rows)}"
    )
    hint = f"fill what is missing, or remove such rows{leave_out}"
    row = int(np.argmax(missing))
    return Fault(name, row, f"{count}", message, "have missing values", hint)


def labels(table: Table, position: int, *, infer: bool, notes: list[str]) -> np.ndarray | Fault:
    """Return a target column `[rows]` of integers, booleans, floats or text (as Python strings).

    Args:
        table: the table.
        position: the column's number.
        infer: whether the values decide if they are classes.
        notes: is told what was understood that may have been meant otherwise.
    """
    import pandas as pd

    name, column = str(table.frame.columns[position]), table.frame.iloc[:, position]
    if table.written is not None:
        column = _with_written_labels(table, position, infer=infer, notes=notes)
    fault = _missing(table, name, column, is_target=True) or _nested(name, column, can_leave_out=False)
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
            code = _padded(table.written(position)) if table.has_zeros is not None and table.has_zeros() else None
            if code is not None:
                lost = f"zeros in front of numbers are lost, such as `{code}` is {int(code)}, in `{name}`"
                notes.append(f"{lost}; write `task: classification` if these are codes")
            return column
        texts = [text.strip() for text in table.written(position)]
        padded = [text for text in dict.fromkeys(texts) if text.lstrip("+-").startswith("0") and text.isdigit()]
        if not [text for text in padded if text != "0"] and not (too_long and all(map(str.isdigit, texts))):
            forms = dict.fromkeys(texts)
            if len(forms) > column.nunique():
                notes.append(f"labels of `{name}` that are one number are one class, however written: {listed(forms)}")
            return column
        notes.append(f"the labels of `{name}` are kept as they are written, such as {listed((padded or texts)[:1])}")
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
