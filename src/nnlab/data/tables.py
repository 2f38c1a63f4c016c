"""Tables (CSV, Parquet, or written into the config) as arrays, every unfit column reported."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.components import Component
from nnlab.config.data import DataConfig
from nnlab.config.names import canonical
from nnlab.data.cells import are_decimal_commas
from nnlab.data.column_kinds import COLUMN_KINDS
from nnlab.data.columns import choose_columns
from nnlab.data.csv_files import column_as_text, lines_of_rows, may_have_zeros_in_front, read_csv, unnamed
from nnlab.data.encoding.inference import choose_kinds
from nnlab.data.files import require_file
from nnlab.data.precision import lost_in_float64
from nnlab.data.registry import RawData
from nnlab.data.split_column import read_split_column
from nnlab.data.table import Fault, Table, answered, padded, target_columns
from nnlab.errors import DataError, Problem, first_line
from nnlab.memory import BYTES_OF_A_NUMBER, require_memory
from nnlab.wording import counted, listed

_POINT_BEFORE_THREE = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_DIGITS = re.compile(r"[+-]?\d{1,300}")
_MANY_ROWS = 20
_LARGEST = float(np.finfo(np.float32).max)


def read_csv_table(config: DataConfig) -> RawData:
    """Read the CSV file at `path`."""
    file = require_file(config.path, source="csv")
    table = csv_table(file, missing=config.missing)
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


def csv_table(
    file: Path, *, header: bool = True, for_training: bool = True, missing: tuple[str, ...] | None = None
) -> Table:
    """Read a CSV file as a table whose problems have its lines; `missing` is as in `Table`."""
    frame, separator = read_csv(file, header=header, missing=missing or ())

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

    return Table(
        frame, place, for_training=for_training, written=written, has_zeros=has_zeros, separator=separator,
        missing=missing,
    )  # fmt: skip


def read_parquet_table(config: DataConfig) -> RawData:
    """Read the Parquet file at `path`."""
    return _as_arrays(parquet_table(require_file(config.path, source="parquet"), missing=config.missing), config)


def parquet_table(file: Path, *, for_training: bool = True, missing: tuple[str, ...] | None = None) -> Table:
    """Read a Parquet file as a table whose problems count its rows; `missing` is as in `Table`."""
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
    if missing:
        frame = frame.mask(frame.isin(missing))
    place = lambda *_: {"file": str(file)}  # noqa: E731
    return Table(frame, place, counts_rows=True, for_training=for_training, missing=missing)


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
    place = lambda column, row: {"path": ("data", "columns", column, row)}  # noqa: E731
    return _as_arrays(Table(frame, place, missing=config.missing), config)


def _as_arrays(table: Table, config: DataConfig) -> RawData:
    """Return the chosen columns: as one array of numbers, or one by one where anything else is among them.

    Raises:
        DataError: with the first bad value of every kind.
    """
    names = [str(name) for name in table.frame.columns]
    features, targets, split = choose_columns(config, names)
    answers = list(dict.fromkeys(column for some in targets.values() for column in some))
    all_rows, rows = len(table.frame), answered(table, answers)
    notes: list[str] = []
    if 0 < len(rows) < all_rows:
        without = counted(all_rows - len(rows), "row")
        notes.append(f"{without} without a value of {listed(names[column] for column in answers)} left out")
        table = table.taken(rows)
    y = {output: target_columns(table, columns, config.sections[output], notes) for output, columns in targets.items()}
    found = choose_kinds(table, features, config)
    kinds = found.components
    x = {name: COLUMN_KINDS[kind.name].load().read(table, names.index(name), kind) for name, kind in kinds.items()}
    said = None if split is None else read_split_column(table, split, config)
    chosen = [*found.faults, *x.values(), *(column for columns in y.values() for column in columns), said]
    DataError.raise_any(table.problems(column for column in chosen if isinstance(column, Fault)))
    columns = {name: column for name, column in x.items() if not isinstance(column, Fault)}
    numeric = [names.index(name) for name, kind in kinds.items() if kind.name == "numeric"]
    integers = _integers(table, numeric)
    notes += [*_lost_zeros(table, integers), *lost_in_float64(integers)]
    notes += [
        *_perhaps_thousands(table, dict.fromkeys([*numeric, *answers])),
        *_read_otherwise(table, numeric, answers),
    ]
    if config.features is None and len(kinds) > 1:
        notes += _row_numbers(integers, len(table.frame))
    notes += [f"`{name}` is left out: {guess.why}" for name, guess in found.left_out.items()]
    is_plain = _are_plain(columns, kinds, config)
    return RawData(
        x={UNNAMED: np.stack(list(columns.values()), axis=1)} if is_plain else columns,
        y={output: _stack(columns) if len(columns) > 1 else next(_arrays(columns)) for output, columns in y.items()},
        feature_names=tuple(kinds),
        target_names={output: tuple(names[column] for column in columns) for output, columns in targets.items()},
        names_columns=True,
        notes=tuple(dict.fromkeys(notes)),
        kinds={} if is_plain else kinds,
        missing=config.missing,
        why={name: guess.why for name, guess in found.features.items()},
        left_out={name: guess.why for name, guess in found.left_out.items()},
        rows=rows if len(rows) < all_rows else None,
        split_values=None if isinstance(said, Fault) else said,
    )


def _are_plain(columns: Mapping[str, np.ndarray], kinds: Mapping[str, Component], config: DataConfig) -> bool:
    """Whether the columns are numbers about which nothing is said, and none of them is missing."""
    if isinstance(config.features, Mapping) or config.missing is not None:
        return False
    are_numbers = all(kind.name in ("numeric", "boolean") and not kind.parameters for kind in kinds.values())
    return are_numbers and not any(np.isnan(column).any() for column in columns.values())


def _read_otherwise(table: Table, features: Iterable[int], answers: Iterable[int]) -> Iterator[str]:
    """Yield a sentence where text of features was read as a number or as a missing one, or of targets as a number."""
    marks: dict[str, int] = {}
    commas: list[str] = []
    for position in features:
        column = table.frame.iloc[:, position]
        if column.dtype.kind in "iufb":
            continue
        texts = column.dropna().map(lambda value: str(value).strip())
        for text, count in texts.value_counts().items():
            if text and table.is_missing(text):
                marks[str(text)] = marks.get(str(text), 0) + int(count)
        if texts.str.contains(",", regex=False).any():
            commas.append(str(column.name))
    commas += [
        str(table.frame.columns[position])
        for position in answers
        if are_decimal_commas(table.frame.iloc[:, position].dropna().unique())
    ]
    for mark, count in marks.items():
        yield f"`{mark}` is taken for a missing value ({counted(count, 'cell')}); `missing` says what else may be one"
    if commas:
        yield f"decimal commas are read as points in {listed(commas)}"


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
    found = {name: text for name in columns if (text := padded(table.written(names.index(name)))) is not None}
    if found:
        first = next(iter(found.values()))
        yield (
            f"zeros in front of numbers are lost, such as `{first}` is {int(first)}, in {listed(found)}; "
            f"write `features: {{{next(iter(found))}: category}}` for codes, or leave them out with `ignore`"
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


def _row_numbers(columns: Mapping[str, np.ndarray], count: int) -> Iterator[str]:
    """Yield a sentence where a column counts the rows: of rows that stand in some order, it tells the target."""
    numbers = np.arange(count)
    counting = [
        name
        for name, values in columns.items()
        if count >= _MANY_ROWS and (np.array_equal(values, numbers) or np.array_equal(values, numbers + 1))
    ]
    if counting:
        yield f"{listed(counting)} counts the rows: leave it out with `ignore` if it is no measurement"


def _arrays(columns: Iterable[np.ndarray | Fault]) -> Iterator[np.ndarray]:
    return (column for column in columns if not isinstance(column, Fault))


def _stack(columns: Iterable[np.ndarray | Fault]) -> np.ndarray:
    return np.stack(list(_arrays(columns)), axis=1)
