"""Several files with the same columns as one table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.data.table import Table
from nnlab.errors import DataError, Problem, did_you_mean
from nnlab.wording import listed, named

_MOST_COLUMNS = 6


def in_one(tables: Sequence[Table], files: Sequence[Path]) -> Table:
    """Put the rows of tables below one another; columns are found by their names.

    Args:
        tables: at least one.
        files: from which each was read.

    Raises:
        DataError: with each file that has other columns than the first one.
    """
    first = tables[0]
    if len(tables) == 1:
        return first
    check_columns(tables, files)
    import pandas as pd

    names = list(first.frame.columns)
    positions = [{name: position for position, name in enumerate(table.frame.columns)} for table in tables]
    frames = [table.frame[names] for table in tables]
    for name in _of_several_types(frames):
        DataError.raise_any(_clash(name, tables, files, frames))
        for table, frame, at in zip(tables, frames, positions, strict=True):
            frame[name] = _as_text(table, frame[name], at[name])
    ends = list(accumulate(len(frame) for frame in frames))

    def place(column: str, row: int) -> dict[str, Any]:
        number = bisect_right(ends, row)
        return tables[number].place(column, row - (ends[number] - len(frames[number])))

    def written(position: int) -> list[str]:
        name = names[position]
        readers = [(table.written, at[name]) for table, at in zip(tables, positions, strict=True)]
        return [text for read, at in readers if read is not None for text in read(at)]

    def has_zeros() -> bool:
        return any(table.has_zeros() for table in tables if table.has_zeros is not None)

    return Table(
        pd.concat(frames, ignore_index=True),
        place,
        counts_rows=first.counts_rows,
        for_training=first.for_training,
        written=None if first.written is None else written,
        has_zeros=None if first.has_zeros is None else has_zeros,
        separator=first.separator,
        decimal=first.decimal,
        missing=first.missing,
        nested={name: type_ for table in tables for name, type_ in table.nested.items()},
        notes=tuple(notes_of(tables)),
        found=found_in_all(tables),
    )


def check_columns(tables: Sequence[Table], files: Sequence[Path]) -> None:
    """Refuse files with other columns than the first one.

    Raises:
        DataError: with each of them.
    """
    others = zip(tables[1:], files[1:], strict=True)
    DataError.raise_any([problem for other in others for problem in _other_columns(tables[0], files[0], *other)])


def found_in_all(tables: Sequence[Table]) -> dict[str, Any]:
    """Return the parameters of the source by which all of the files are read again."""
    first = tables[0].found
    return {key: value for key, value in first.items() if all(each.found.get(key) == value for each in tables)}


def notes_of(tables: Sequence[Table]) -> Iterator[str]:
    """Yield what was found of files; of many only that of the first ones."""
    yield from dict.fromkeys(note for table in tables[:_MOST_COLUMNS] for note in table.notes)
    others = sum(bool(table.notes) for table in tables[_MOST_COLUMNS:])
    if others:
        yield f"and so on in {others:,} more files"


def _other_columns(first: Table, first_file: Path, table: Table, file: Path) -> Iterator[Problem]:
    names, wanted = [list(map(str, each.frame.columns)) for each in (table, first)]
    there, are_wanted = set(names), set(wanted)
    gone = [name for name in wanted if name not in there]
    more = [name for name in names if name not in are_wanted]
    line = None if table.counts_rows else 1
    if gone:
        hint = (len(gone) == 1 and did_you_mean(gone[0], more)) or "files that are read together have the same columns"
        yield Problem(
            f"has no {listed(gone, most=_MOST_COLUMNS)}, which {named(first_file.name)} has",
            hint,
            file=str(file),
            line=line,
        )
    elif more:
        message = f"has {listed(more, most=_MOST_COLUMNS)}, which {named(first_file.name)} has not"
        yield Problem(message, "files that are read together have the same columns", file=str(file), line=line)


def _of_several_types(frames: Sequence[Any]) -> Iterator[str]:
    """Yield the columns that are numbers in some files and something else in others."""
    kinds = [np.array([_kind(dtype) for dtype in frame.dtypes]) for frame in frames]
    for position in np.flatnonzero(np.logical_or.reduce([kind != kinds[0] for kind in kinds])):
        yield str(frames[0].columns[position])


def _kind(dtype: Any) -> str:
    import pandas as pd

    if pd.api.types.is_bool_dtype(dtype):
        return "true and false"
    if pd.api.types.is_numeric_dtype(dtype):
        return "numbers"
    return "dates" if pd.api.types.is_datetime64_any_dtype(dtype) else "text"


def _clash(name: str, tables: Sequence[Table], files: Sequence[Path], frames: Sequence[Any]) -> Iterator[Problem]:
    """Yield the first file that declares another type than the first one; nothing of text, which declares none."""
    filled = [number for number, frame in enumerate(frames) if frame[name].notna().any()]
    kinds = {number: _kind(frames[number][name].dtype) for number in filled if tables[number].written is None}
    other = next((number for number in kinds if kinds[number] != kinds[filled[0]]), None)
    if other is not None:
        message = f"column `{name}` holds {kinds[other]}, and in {named(files[filled[0]].name)} {kinds[filled[0]]}"
        yield Problem(message, "write it alike in all files", file=str(files[other]))


def _as_text(table: Table, column: Any, position: int) -> Any:
    """Return a column as it is written in its file, with nothing where a value is missing."""
    import pandas as pd

    if table.written is None or _kind(column.dtype) == "text":
        return column.astype(object)
    return pd.Series(table.written(position), index=column.index, dtype=object).where(column.notna())
