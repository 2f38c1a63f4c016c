"""Tables (CSV, Parquet, or written into the config) as arrays, every unfit column reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.names import canonical
from nnlab.config.schema import DataConfig
from nnlab.data.cells import NUMBER, Role, looks_like_a_figure, unfit
from nnlab.data.classes import LARGEST_EXACT, is_whole
from nnlab.data.columns import choose_columns
from nnlab.data.csv_files import column_as_text, lines_of_rows, read_csv, unnamed
from nnlab.data.files import require_file
from nnlab.data.precision import lost_in_float64
from nnlab.data.registry import RawData
from nnlab.data.targets import infer_task
from nnlab.errors import DataError, Problem, first_line, listed, show
from nnlab.memory import BYTES_OF_A_NUMBER, require_memory

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
    """

    frame: Any
    place: Callable[[str, int], dict[str, Any]]
    counts_rows: bool = False
    for_training: bool = True
    written: Callable[[int], list[str]] | None = None

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

    def written(position: int) -> list[str]:
        return column_as_text(file, separator, position, width=len(frame.columns), header=header)

    return Table(frame, place, for_training=for_training, written=written)


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
    if problems:
        raise DataError(problems)
    notes += lost_in_float64(_integers(table, features))
    return RawData(
        x=_stack(x),
        y={output: _stack(columns) if len(columns) > 1 else next(_arrays(columns)) for output, columns in y.items()},
        feature_names=tuple(names[column] for column in features),
        target_names={output: tuple(names[column] for column in columns) for output, columns in targets.items()},
        names_columns=True,
        notes=tuple(dict.fromkeys(notes)),
    )


def _integers(table: Table, positions: Iterable[int]) -> dict[str, np.ndarray]:
    """Return the columns of integers by name."""
    import pandas as pd

    columns = (table.frame.iloc[:, position] for position in positions)
    return {str(column.name): column.to_numpy() for column in columns if pd.api.types.is_integer_dtype(column.dtype)}


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
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        values = np.asarray(column.to_numpy(np.float64))
    else:
        numbers_of = {value: _number(value) for value in _different(column)}
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


def _different(column: Any) -> list[Any]:
    """Return the different values of a column; those that cannot be compared, such as lists, all of them."""
    try:
        return list(dict.fromkeys(column))
    except TypeError:
        return list(dict.fromkeys(str(value) for value in column))


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _missing(table: Table, name: str, column: Any, *, is_target: bool) -> Fault | None:
    missing = column.isna().to_numpy()
    count = int(missing.sum())
    if count == 0:
        return None
    leave_out = "" if is_target or not table.for_training else ", or leave the column out with `features`"
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
    missing = _missing(table, name, column, is_target=True)
    if missing is not None:
        return missing
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.asarray(column.to_numpy(np.bool_))
    if pd.api.types.is_integer_dtype(column.dtype):
        unsigned = pd.api.types.is_unsigned_integer_dtype(column.dtype)
        return np.asarray(column.to_numpy(np.uint64 if unsigned else np.int64))
    if pd.api.types.is_numeric_dtype(column.dtype) or (infer and _mostly_numbers(column)):
        return numbers(table, position, is_target=True)
    texts = (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in column)
    return np.array(list(texts), dtype=object)


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
