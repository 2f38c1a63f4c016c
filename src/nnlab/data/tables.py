"""Tables (CSV, Parquet, or written into the config) as arrays, every unfit column reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.schema import DataConfig
from nnlab.data.columns import choose_columns
from nnlab.data.csv_files import lines_of_rows, read_csv, unnamed
from nnlab.data.files import require_file
from nnlab.data.registry import RawData
from nnlab.errors import DataError, Problem, show

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with names, and where a row stands.

    Args:
        frame: a pandas data frame.
        place: the fields of a `Problem` that say where a value is: `place(column, row)`.
        counts_rows: whether messages have to give the row, because the place does not.
        for_training: whether the config may choose other features, rather than a trained model needing these.
    """

    frame: Any
    place: Callable[[str, int], dict[str, Any]]
    counts_rows: bool = False
    for_training: bool = True

    def problem(self, column: str, row: int, message: str, hint: str, *, first: bool = False) -> Problem:
        """Return a problem with a value; `first` when it is the first of several."""
        where = f"row {row} (counted from 0)" if self.counts_rows else "here"
        if first or self.counts_rows:
            message += f", {'the first ' if first else ''}{'in ' if self.counts_rows else ''}{where}"
        return Problem(f"column `{column}` {message}", hint, **self.place(column, row))


def read_csv_table(config: DataConfig) -> RawData:
    """Read the CSV file at `path`."""
    file = require_file(config.path, source="csv")
    table = csv_table(file)
    unnamed_columns = [name for number, name in enumerate(table.frame.columns, 1) if name == unnamed(number)]
    if unnamed_columns and config.features is None:
        hint = "name it, or list `features`; pandas leaves its row numbers out with `to_csv(..., index=False)`"
        problems = [Problem(f"`{name}` has no name", hint, file=str(file), line=1) for name in unnamed_columns]
        raise DataError(problems)
    return _as_arrays(table, config)


def csv_table(file: Path, *, header: bool = True, for_training: bool = True) -> Table:
    """Read a CSV file as a table whose problems have its lines."""
    frame, separator = read_csv(file, header=header)

    @cache
    def lines() -> list[int]:
        return lines_of_rows(file, separator, header=header)

    def place(_: str, row: int) -> dict[str, Any]:
        return {"file": str(file), "line": lines()[row]}

    return Table(frame, place, for_training=for_training)


def read_parquet_table(config: DataConfig) -> RawData:
    """Read the Parquet file at `path`."""
    return _as_arrays(parquet_table(require_file(config.path, source="parquet")), config)


def parquet_table(file: Path, *, for_training: bool = True) -> Table:
    """Read a Parquet file as a table whose problems count its rows."""
    import pandas as pd

    try:
        frame = pd.read_parquet(file, engine="pyarrow")
    except ImportError as error:
        hint = "install it: `pip install nnlab[parquet]`"
        problem = Problem("reading Parquet needs the package `pyarrow`", hint, path=("data", "source"))
        raise DataError(problem) from error
    except (OSError, ValueError) as error:
        raise DataError(Problem(f"cannot be read as Parquet: {error}", file=str(file))) from error
    frame.columns = [str(name) for name in frame.columns]
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
        DataError: with the first bad value of every chosen column.
    """
    names = [str(name) for name in table.frame.columns]
    features, targets = choose_columns(config, names)
    x = [numbers(table, column) for column in features]
    y = {output: target_columns(table, columns, config.sections[output]) for output, columns in targets.items()}
    chosen = [*x, *(column for columns in y.values() for column in columns)]
    problems = [column for column in chosen if isinstance(column, Problem)]
    if problems:
        raise DataError(list(dict.fromkeys(problems)))  # a column may be the target of several outputs
    return RawData(
        x=_stack(x),
        y={output: _stack(columns) if len(columns) > 1 else next(_arrays(columns)) for output, columns in y.items()},
        feature_names=tuple(names[column] for column in features),
        target_names={output: tuple(names[column] for column in columns) for output, columns in targets.items()},
    )


def target_columns(table: Table, columns: Sequence[int], config: DataConfig) -> list[np.ndarray | Problem]:
    """Return the columns of a target, each `[rows]` or what is wrong with it; the task decides how they are read."""
    if len(columns) > 1 or config.task in ("regression", "multilabel"):
        return [numbers(table, column, is_target=True) for column in columns]
    return [_labels(table, columns[0], infer=_is_inferred(config))]


def _is_inferred(config: DataConfig) -> bool:
    return config.task is None and config.classes is None and config.positive_class is None


def _arrays(columns: Iterable[np.ndarray | Problem]) -> Iterator[np.ndarray]:
    return (column for column in columns if not isinstance(column, Problem))


def _stack(columns: Iterable[np.ndarray | Problem]) -> np.ndarray:
    return np.stack(list(_arrays(columns)), axis=1)


def numbers(table: Table, position: int, *, is_target: bool = False) -> np.ndarray | Problem:
    """Return a column as float64 `[rows]`, or what is wrong with it."""
    import pandas as pd

    name, column = str(table.frame.columns[position]), table.frame.iloc[:, position]
    missing = _missing(table, name, column, is_target=is_target)
    if missing is not None:
        return missing
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        values = np.asarray(column.to_numpy(np.float64))
    else:
        values = np.empty(len(column))
        for row, value in enumerate(column):
            try:
                values[row] = float(value)
            except (TypeError, ValueError):
                return _not_a_number(table, name, row, value, is_target=is_target)
    outside = ~(np.abs(values) <= _LARGEST)
    if not outside.any():
        return values
    row = int(np.argmax(outside))
    what = "too large for float32" if np.isfinite(values[row]) else "not finite"
    hint = "remove this row, or correct the value"
    return table.problem(name, row, f"holds {show(float(values[row]))}, which is {what}", hint)


def _missing(table: Table, name: str, column: Any, *, is_target: bool) -> Problem | None:
    missing = column.isna().to_numpy()
    count = int(missing.sum())
    if count == 0:
        return None
    leave_out = "" if is_target or not table.for_training else ", or leave the column out with `features`"
    message = f"has {count} missing value{'s' * (count > 1)}"
    hint = f"fill {'it' if count == 1 else 'them'} or remove the row{'s' * (count > 1)}{leave_out}"
    return table.problem(name, int(np.argmax(missing)), message, hint, first=count > 1)


def _not_a_number(table: Table, name: str, row: int, value: Any, *, is_target: bool) -> Problem:
    if isinstance(value, str) and _DECIMAL_COMMA.fullmatch(value.strip()):
        hint = "write decimals with a point"
    elif is_target:
        hint = "correct it, or write `task: classification` if the target has classes"
    elif not table.for_training:
        hint = "correct it: the model was trained on numbers here"
    else:
        hint = "one-hot encode the column, or leave it out with `features`"
    return table.problem(name, row, f"holds {show(value)}, which is not a number", hint)


def _labels(table: Table, position: int, *, infer: bool) -> np.ndarray | Problem:
    """Return a target column `[rows]` of integers, booleans, floats or text (as Python strings)."""
    import pandas as pd

    name, column = str(table.frame.columns[position]), table.frame.iloc[:, position]
    missing = _missing(table, name, column, is_target=True)
    if missing is not None:
        return missing
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.asarray(column.to_numpy(np.bool_))
    if pd.api.types.is_integer_dtype(column.dtype):
        return np.asarray(column.to_numpy(np.int64))
    if pd.api.types.is_numeric_dtype(column.dtype) or (infer and _mostly_numbers(column)):
        return numbers(table, position, is_target=True)
    return np.array([str(value) for value in column], dtype=object)


def _mostly_numbers(column: Any) -> bool:
    """Tell numbers with a few mistakes or with decimal commas from class labels."""
    values = [str(value) for value in column.unique()]
    with_comma = sum(_DECIMAL_COMMA.fullmatch(value) is not None for value in values)
    with_point = sum(_NUMBER.fullmatch(value) is not None for value in values)
    return with_point < len(values) and with_point + with_comma > len(values) / 2
