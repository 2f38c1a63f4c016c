"""Tables (CSV, Parquet, or written into the config) as arrays, every unfit column reported."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.data import DataConfig
from nnlab.config.names import canonical
from nnlab.data.cells import are_decimal_commas
from nnlab.data.column_kinds import COLUMN_KINDS
from nnlab.data.columns import choose_columns
from nnlab.data.conversion import beyond_memory
from nnlab.data.csv_files import (
    CsvForm,
    Separator,
    columns_as_text,
    lines_of_rows,
    may_have_zeros_in_front,
    read_csv,
    unnamed,
)
from nnlab.data.encoding.inference import choose_kinds
from nnlab.data.files import require_files
from nnlab.data.parquet_files import parquet_table
from nnlab.data.precision import lost_in_float64
from nnlab.data.registry import RawData
from nnlab.data.row_weights import read_weights
from nnlab.data.series import read_series
from nnlab.data.several_files import in_one
from nnlab.data.split_column import read_split_column, said_kinds
from nnlab.data.stored_tables import read_stored_table
from nnlab.data.table import Fault, Table, answered, are_plain, padded, target_columns
from nnlab.data.table_parts import CSV_GROWS, csv_table_parts, parquet_parts
from nnlab.data.text_files import TextFile
from nnlab.errors import DataError, Problem, did_you_mean
from nnlab.wording import counted, listed, show

if TYPE_CHECKING:
    import pandas as pd

_AUTO = "auto"
_POINT_BEFORE_THREE = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_DIGITS = re.compile(r"[+-]?\d{1,300}")
_MANY_ROWS = 20
_SMALL = 1 << 26
_LARGEST = float(np.finfo(np.float32).max)


def read_csv_table(config: DataConfig, encoding: str, delimiter: str, decimal: str) -> RawData:
    """Read the CSV files at `path`; each of the others is `auto` if the config does not say it."""
    files = require_files(config.paths, source="csv")
    given, form = given_form(encoding, delimiter, decimal)
    texts = [TextFile.of(file, given) for file in files]
    if (why := beyond_memory(config, CSV_GROWS * sum(text.size for text in texts))) is not None:
        parts = csv_table_parts(texts, form, missing=config.missing)
        if config.features is None:
            _check_all_are_named(parts.table, files[0])
        return read_stored_table(parts, config, why)
    tables = [csv_table(text, form=form, missing=config.missing) for text in texts]
    if config.features is None:
        _check_all_are_named(tables[0], files[0])
    return replace(_as_arrays(in_one(tables, files), config), storage="memory")


def given_form(encoding: str, delimiter: str, decimal: str) -> tuple[str | None, CsvForm]:
    """Return what a config says of its files of text, where `auto` says nothing: their encoding, and their form.

    Raises:
        DataError: with each of them that is none.
    """
    separators, points = [*get_args(Separator)], [".", ","]
    problems = []
    if encoding != _AUTO and not _is_encoding(encoding):
        hint = did_you_mean(encoding, ["utf-8", "utf-16", "latin-1", "cp1250", "cp1251", "cp1252"])
        problems.append(("encoding", f"unknown encoding {show(encoding)}", hint or "write such as `cp1252`"))
    if delimiter not in (_AUTO, *separators):
        hint = 'write `,`, `;`, `|` or a tab: `"\\t"`'
        problems.append(("delimiter", f"unknown delimiter {show(delimiter)}", hint))
    if decimal not in (_AUTO, *points):
        problems.append(("decimal", f"unknown decimal sign {show(decimal)}", "write `.` or `,`"))
    DataError.raise_any(Problem(what, hint, path=("data", "source", "csv", key)) for key, what, hint in problems)
    separator = next((each for each in separators if each == delimiter), None)
    point: Any = next((each for each in points if each == decimal), None)
    return None if encoding == _AUTO else encoding, CsvForm(separator, point)


def _is_encoding(name: str) -> bool:
    """Whether Python knows an encoding of text by this name."""
    try:
        return "".encode(name) is not None and codecs.getincrementaldecoder(name) is not None
    except LookupError:
        return False


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
    file: Path | TextFile,
    *,
    form: CsvForm | None = None,
    for_training: bool = True,
    missing: tuple[str, ...] | None = None,
) -> Table:
    """Read a CSV file as a table whose problems have its lines; `missing` is as in `Table`."""
    text = file if isinstance(file, TextFile) else TextFile.of(file)
    frame, found = read_csv(text, form or CsvForm(), missing=missing or ())

    @cache
    def lines() -> list[int]:
        return lines_of_rows(text, found)

    def place(_: str, row: int) -> dict[str, Any]:
        return {"file": str(text.file), "line": lines()[row]}

    @cache
    def all_written() -> Any:
        return columns_as_text(text, found)

    def written(position: int) -> list[str]:
        is_small = text.size <= _SMALL
        column = all_written().iloc[:, position] if is_small else columns_as_text(text, found, [position]).iloc[:, 0]
        return [str(value) for value in column.iloc[: len(frame)]]

    @cache
    def has_zeros() -> bool:
        return may_have_zeros_in_front(text)

    return Table(
        frame, place, for_training=for_training, written=written, has_zeros=has_zeros, separator=found.separator,
        decimal=found.decimal, missing=missing, notes=(*text.notes, *found.notes), found=text.found | found.found,
    )  # fmt: skip


def read_parquet_table(config: DataConfig) -> RawData:
    """Read the Parquet files at `path`."""
    files = require_files(config.paths, source="parquet")
    if config.storage != "memory":
        parts = parquet_parts(files, missing=config.missing)
        if (why := beyond_memory(config, parts.size)) is not None:
            return read_stored_table(parts, config, why)
    table = in_one([parquet_table(file, missing=config.missing) for file in files], files)
    return replace(_as_arrays(table, config), storage="memory")


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


def made_table(frame: pd.DataFrame, config: DataConfig, *, target: str) -> RawData:
    """Take a table that was made up, whose own target is `target`."""
    config = config if config.target is not None else replace(config, target=(target,))
    return _as_arrays(Table(frame, lambda *_: {"path": ("data", "source")}, missing=config.missing), config)


def frame_table(frame: pd.DataFrame, config: DataConfig, file: str) -> RawData:
    """Take a data frame that code in a file has made."""
    frame = frame.reset_index(drop=True)
    frame.columns = [canonical(str(name)) for name in frame.columns]
    words = [name for name in frame.columns if str(frame[name].dtype) in ("category", "string", "str")]
    frame = frame.astype(dict.fromkeys(words, object))
    if config.missing:
        frame = frame.mask(frame.isin(config.missing))
    return _as_arrays(Table(frame, lambda *_: {"file": file}, counts_rows=True, missing=config.missing), config)


def _as_arrays(table: Table, config: DataConfig) -> RawData:
    """Return the chosen columns: as one array of numbers, or one by one where anything else is among them.

    Raises:
        DataError: with the first bad value of every kind.
    """
    names = [str(name) for name in table.frame.columns]
    position_of = {name: position for position, name in enumerate(names)}
    features, targets, split, ordering, weight = choose_columns(config, names)
    answers = list(dict.fromkeys(column for some in targets.values() for column in some))
    all_rows, rows = len(table.frame), answered(table, answers)
    notes = list(table.notes)
    series = None if config.window is None else read_series(table, ordering, said_kinds(config))
    if isinstance(series, list):
        raise DataError(table.problems(series))
    if 0 < len(rows) < all_rows:
        without = counted(all_rows - len(rows), "row")
        notes.append(f"{without} without a value of {listed(names[column] for column in answers)} left out")
        table, series = table.taken(rows), None if series is None else series.taken(rows)
    y = {output: target_columns(table, columns, config.sections[output], notes) for output, columns in targets.items()}
    found = choose_kinds(table, features, config)
    kinds = found.components
    x = {name: COLUMN_KINDS[kind.name].load().read(table, position_of[name], kind) for name, kind in kinds.items()}
    said = None if split is None else read_split_column(table, split, config)
    weights = None if weight is None else read_weights(table, weight)
    chosen = [*found.faults, *x.values(), *(column for columns in y.values() for column in columns), said, weights]
    DataError.raise_any(table.problems(column for column in chosen if isinstance(column, Fault)))
    columns = {name: column for name, column in x.items() if not isinstance(column, Fault)}
    numeric = [position_of[name] for name, kind in kinds.items() if kind.name == "numeric"]
    integers = _integers(table, numeric)
    notes += [*_lost_zeros(table, integers), *lost_in_float64(integers)]
    notes += [
        *_perhaps_thousands(table, dict.fromkeys([*numeric, *answers])),
        *_read_otherwise(table, numeric, answers),
    ]
    if config.features is None and len(kinds) > 1:
        notes += _row_numbers(integers, len(table.frame))
    notes += [f"`{name}` is left out: {guess.why}" for name, guess in found.left_out.items()]
    is_plain = are_plain(kinds, config) and not any(np.isnan(column).any() for column in columns.values())
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
        weights=None if isinstance(weights, Fault) else weights,
        weight_name=None if weight is None else names[weight],
        read_with=table.found,
        series=series,
    )


def _read_otherwise(table: Table, features: Iterable[int], answers: Iterable[int]) -> Iterator[str]:
    """Yield a sentence where text of features was read as a number or as a missing one, or of targets as a number."""
    marks: dict[str, int] = {}
    commas: list[str] = []
    for position in features:
        column = table.column(position)
        if column.dtype.kind in "iufb":
            continue
        texts = column.dropna().map(lambda value: str(value).strip())
        for text, count in texts.value_counts().items():
            if text and table.is_missing(text):
                marks[str(text)] = marks.get(str(text), 0) + int(count)
        if texts.str.contains(",", regex=False).any():
            commas.append(str(column.name))
    commas += [
        str(table.column(position).name)
        for position in answers
        if are_decimal_commas(table.column(position).dropna().unique())
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
        column = table.column(position)
        if pd.api.types.is_integer_dtype(column.dtype):
            type_ = np.uint64 if pd.api.types.is_unsigned_integer_dtype(column.dtype) else np.int64
            found[str(column.name)] = column.dropna().to_numpy(type_)
        elif column.dtype == object and all(_DIGITS.fullmatch(str(value)) for value in column):
            found[str(column.name)] = np.array([int(value) for value in column], dtype=object)
    return found


def _lost_zeros(table: Table, columns: Collection[str]) -> Iterator[str]:
    """Yield a sentence where whole numbers are written with zeros in front, as codes are."""
    if not columns or table.has_zeros is None or table.written is None or not table.has_zeros():
        return
    positions = {str(name): position for position, name in enumerate(table.frame.columns)}
    found = {name: text for name in columns if (text := padded(table.written(positions[name]))) is not None}
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
        column = table.column(position)
        if pd.api.types.is_float_dtype(column.dtype):
            texts = [text.strip() for text in table.written(position) if "." in text]
            if texts and all(_POINT_BEFORE_THREE.fullmatch(text) for text in texts):
                found[str(column.name)] = texts[0]
    if found:
        first = next(iter(found.values()))
        yield (
            f"every point in {listed(found)} stands before three digits, and is read as a decimal point (`{first}` is "
            f"{float(first):g}): remove the points if they separate thousands, or write "
            "`source: {csv: {decimal: ','}}`"
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
