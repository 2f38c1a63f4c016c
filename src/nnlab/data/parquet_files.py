"""Parquet files, with whatever types their columns have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnlab.config.names import canonical
from nnlab.data.table import Table
from nnlab.errors import DataError, Problem, first_line
from nnlab.memory import BYTES_OF_A_NUMBER, require_memory
from nnlab.wording import listed


def parquet_table(file: Path, *, for_training: bool = True, missing: tuple[str, ...] | None = None) -> Table:
    """Read a Parquet file as a table whose problems count its rows; `missing` is as in `Table`."""
    with _damaged(file):
        from pyarrow import parquet

        about = parquet.read_metadata(file)
        require_memory(about.num_rows * about.num_columns * BYTES_OF_A_NUMBER, file)
        _check_names(about.schema.to_arrow_schema().names, file)
        frame, nested = frame_of(parquet.read_table(file))
    if frame.empty:
        raise DataError(Problem("the file has no rows", file=str(file)))
    if missing:
        frame = frame.mask(frame.isin(missing))
    place = lambda *_: {"file": str(file)}  # noqa: E731
    return Table(frame, place, counts_rows=True, for_training=for_training, missing=missing, nested=nested)


def parquet_about(file: Path, *, missing: tuple[str, ...] | None) -> tuple[Table, int]:
    """Return a table without rows that is like a file's, and how many rows that has.

    Raises:
        DataError: it cannot be read.
    """
    with _damaged(file):
        from pyarrow import parquet

        about = parquet.read_metadata(file)
        schema = about.schema.to_arrow_schema()
        _check_names(schema.names, file)
        frame, nested = frame_of(schema.empty_table())
    place = lambda *_: {"file": str(file)}  # noqa: E731
    return Table(frame, place, counts_rows=True, missing=missing, nested=nested), int(about.num_rows)


def frames_of(
    file: Path, rows: int, *, columns: Collection[str] | None = None, missing: tuple[str, ...] | None = None
) -> Iterator[Any]:
    """Yield data frames of so many rows, of all columns or of some.

    Raises:
        DataError: the file is damaged.
    """
    with _damaged(file):
        import pyarrow as pa
        from pyarrow import parquet

        with parquet.ParquetFile(file, pre_buffer=False) as opened:
            written = opened.schema_arrow.names
            wanted = [name for name in written if columns is None or canonical(name) in columns]
            for batch in opened.iter_batches(rows, columns=wanted):
                frame, _ = frame_of(pa.Table.from_batches([batch]))
                yield frame.mask(frame.isin(missing)) if missing else frame
        pa.default_memory_pool().release_unused()


@contextmanager
def _damaged(file: Path) -> Iterator[None]:
    """Say of whatever a damaged file makes of its reader that the file is damaged."""
    try:
        yield
    except (DataError, MemoryError):
        raise
    except ImportError as error:
        hint = "install it: `pip install nnlab[parquet]`"
        problem = Problem("reading Parquet needs the package `pyarrow`", hint, path=("data", "source"))
        raise DataError(problem) from error
    except Exception as error:
        message = f"cannot be read as Parquet: {first_line(error)}"
        raise DataError(Problem(message, "write the file again", file=str(file))) from error


def _check_names(written: list[str], file: Path) -> None:
    names = [canonical(name) for name in written]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        message = f"several columns are called {listed(twice)}, or look the same"
        raise DataError(Problem(message, "give every column its own name", file=str(file)))


def frame_of(table: Any) -> tuple[Any, dict[str, str]]:
    """Return a table of Arrow as pandas's, and the types of columns of several values in a row, which stay empty.

    Whole numbers of which some are missing stay whole, and days are dates as moments are.

    Args:
        table: of pyarrow, or a part of one.
    """
    import pandas as pd
    import pyarrow as pa

    fields = list(zip(table.schema.names, table.schema.types, strict=True))
    nested = {name: str(type_) for name, type_ in fields if pa.types.is_nested(type_)}
    for position, (name, _) in enumerate(fields):
        if name in nested:
            table = table.set_column(position, name, pa.nulls(table.num_rows))
    frame = table.to_pandas(date_as_object=False)
    for position, (name, type_) in enumerate(fields):
        column = table.column(position)
        if pa.types.is_integer(type_) and column.null_count and name in frame.columns:
            whole = pd.UInt64Dtype() if pa.types.is_unsigned_integer(type_) else pd.Int64Dtype()
            frame[name] = pd.array(column.to_pylist(), dtype=whole)
    frame.columns = [canonical(str(name)) for name in frame.columns]
    return frame, {canonical(name): type_ for name, type_ in nested.items()}
