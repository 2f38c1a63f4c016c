"""Tables that are read part by part, of which memory holds one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import repeat
from pathlib import Path
from typing import Any, TypeAlias

from nnlab.data.csv_files import CsvForm, csv_parts, lines_of_rows, may_have_zeros_in_front, read_names
from nnlab.data.parquet_files import frames_of, parquet_about
from nnlab.data.several_files import check_columns, found_in_all, notes_of
from nnlab.data.stored import rows_at_once
from nnlab.data.table import Fault, Table
from nnlab.data.text_files import TextFile
from nnlab.errors import Problem
from nnlab.memory import BYTES_OF_A_NUMBER

Read: TypeAlias = Callable[[Sequence[str] | None], Iterator[Any]]
"""Yields data frames, of all columns or of some."""

CSV_GROWS = 3
"""Bytes in memory for each of a file while it is read and encoded at once: a number takes about as much as its text."""

_PARQUET_GROWS = 8 + 8 + BYTES_OF_A_NUMBER + BYTES_OF_A_NUMBER
"""Bytes for each number: of float64 twice, and of float32 in the splits and in what trains."""

_BEGINNING = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a table.

    Args:
        table: the rows, whose places count from its first row.
        first: the number of its first row in its file.
    """

    table: Table
    first: int

    def place(self, column: str, row: int) -> dict[str, Any]:
        """See `Table`; `row` counts from the first of the part."""
        return self.table.place(column, self.first + row)

    def problems(self, faults: Sequence[Fault], rows: Sequence[int] | None = None) -> list[Problem]:
        """Return what is wrong with columns; `rows` are the numbers in the part of the rows that were looked at."""
        found = [self.first + (fault.row if rows is None else rows[fault.row]) for fault in faults]
        return self.table.problems(replace(fault, row=row) for fault, row in zip(faults, found, strict=True))


@dataclass(frozen=True, slots=True)
class FileParts:
    """A table in a file, read part by part.

    Args:
        file: where it stands.
        table: without rows; those of the parts are like it.
        rows: how many there are, or about so many.
        read: reads the columns.
        read_text: reads columns as they are written, where that may be something else than what they hold.
    """

    file: Path
    table: Table
    rows: int
    read: Read
    read_text: Read | None = None

    def parts(self, columns: Sequence[str] | None, written: Sequence[str]) -> Iterator[Part]:
        """See `TableParts`."""
        texts: Iterator[Any] = repeat(None)
        if written and self.read_text is not None:
            texts = self.read_text(written)
        first = 0
        for frame, text in zip(self.read(columns), texts, strict=False):
            if len(frame):
                yield Part(self._like(frame, text), first)
            first += len(frame)

    def _like(self, frame: Any, text: Any) -> Table:
        if text is None:
            return replace(self.table, frame=frame)
        written = lambda position: [str(value) for value in text[frame.columns[position]]]  # noqa: E731
        return replace(self.table, frame=frame, written=written)


@dataclass(frozen=True, slots=True)
class TableParts:
    """A table in files below one another, read part by part.

    Args:
        files: they.
        size: about how many bytes they take in memory while they are read and encoded at once.
    """

    files: tuple[FileParts, ...]
    size: int

    @property
    def table(self) -> Table:
        """A table without rows, like the parts."""
        tables = [each.table for each in self.files]
        return replace(tables[0], notes=tuple(notes_of(tables)), found=found_in_all(tables))

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the columns."""
        return tuple(map(str, self.files[0].table.frame.columns))

    @property
    def rows(self) -> int:
        """How many there are, or about so many."""
        return sum(each.rows for each in self.files)

    def parts(self, columns: Sequence[str] | None = None, *, written: Sequence[str] = ()) -> Iterator[Part]:
        """Yield the rows in their order.

        Args:
            columns: of these columns; `None` for all.
            written: columns which the tables have as they are written, too.
        """
        wanted = [name for name in self.names if columns is None or name in columns]
        for each in self.files:
            for part in each.parts(columns, written):
                is_like = list(part.table.frame.columns) == wanted
                yield part if is_like else replace(part, table=_in_order(part.table, wanted))


def _in_order(table: Table, names: list[str]) -> Table:
    """Return a table with its columns in another order."""
    own, written = list(table.frame.columns), table.written
    moved = None if written is None else lambda position: written(own.index(names[position]))
    return replace(table, frame=table.frame[names], written=moved)


def parquet_parts(files: Sequence[Path], *, missing: tuple[str, ...] | None = None) -> TableParts:
    """Open Parquet files.

    Raises:
        DataError: one cannot be read, or has other columns than the first.
    """
    found = [_parquet_parts(file, missing) for file in files]
    size = sum(each.rows * len(each.table.frame.columns) for each in found) * _PARQUET_GROWS
    return _together(found, size)


def _parquet_parts(file: Path, missing: tuple[str, ...] | None) -> FileParts:
    table, rows = parquet_about(file, missing=missing)
    at_once = _rows_of_a_part(table)
    return FileParts(file, table, rows, lambda columns: frames_of(file, at_once, columns=columns, missing=missing))


def csv_table_parts(texts: Sequence[TextFile], form: CsvForm, *, missing: tuple[str, ...] | None = None) -> TableParts:
    """Open CSV files; `form` is what the config says of theirs.

    Raises:
        DataError: the first line of one names no columns, or others than that of the first file.
    """
    return _together([_csv_parts(text, form, missing) for text in texts], CSV_GROWS * sum(text.size for text in texts))


def _csv_parts(text: TextFile, form: CsvForm, missing: tuple[str, ...] | None) -> FileParts:
    import pandas as pd

    names, found = read_names(text, form)

    @cache
    def lines() -> list[int]:
        return lines_of_rows(text, found)

    table = Table(
        pd.DataFrame(columns=names),
        lambda _, row: {"file": str(text.file), "line": lines()[row]},
        has_zeros=cache(partial(may_have_zeros_in_front, text)),
        separator=found.separator,
        decimal=found.decimal,
        missing=missing,
        notes=(*text.notes, *found.notes),
        found=text.found | found.found,
    )
    with text.bytes() as stream:
        some = stream.read(_BEGINNING)
    rows = max(1, round(some.count(b"\n") * text.size / max(1, len(some))))
    read = partial(csv_parts, text, found, _rows_of_a_part(table))
    return FileParts(
        text.file,
        table,
        rows,
        lambda columns: read(columns=columns, missing=missing or ()),
        lambda columns: read(columns=columns, missing=None),
    )


def _together(files: Sequence[FileParts], size: int) -> TableParts:
    check_columns([each.table for each in files], [each.file for each in files])
    return TableParts(tuple(files), size)


def _rows_of_a_part(table: Table) -> int:
    return rows_at_once(len(table.frame.columns) * BYTES_OF_A_NUMBER)
