"""Rows that stay on disk: arrays in files, of which the rows that are asked for are read."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from nnlab.data.splits import Answers, ByName, Split
from nnlab.errors import DataError, Problem
from nnlab.wording import size_text

_LARGEST_GAP = 1 << 14
"""Bytes between two rows that are read along, as a call of its own for the second row would take longer."""

_AT_ONCE_BYTES = 1 << 25
_MOST_ROWS_AT_ONCE = 1 << 17
_FEWEST_ROWS_AT_ONCE = 64
_MOST_AT_ONCE = 1 << 22
"""Bytes that one call reads, of which perhaps not all are wanted."""


def rows_at_once(row_bytes: int) -> int:
    """Return how many rows of a size memory holds at a time: as many on every machine, as their order depends on it."""
    fitting = 1 << max(0, (_AT_ONCE_BYTES // max(1, row_bytes)).bit_length() - 1)
    return min(max(fitting, _FEWEST_ROWS_AT_ONCE), _MOST_ROWS_AT_ONCE)


def npy_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the beginning of an NPY file: the array's shape, whether its columns stand one behind the other, its type.

    Raises:
        ValueError: it is no such file.
    """
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)


class StoredArray:
    """An array `[rows, ...]` in an NPY file: rows are read from the file, so that memory holds none of the others.

    Args:
        path: of the file, in C order.
        dtype: of values as they are read; that of the file if it is left out.
        texts: what numbers in the file stand for; -1 is no text.

    Attributes:
        path: of the file.
        shape: of the array.
        dtype: of its values as they are read.
        chosen: the columns that are read; `None` for all.

    Raises:
        OSError, ValueError: it is no such file.
    """

    def __init__(self, path: Path, *, dtype: np.dtype[Any] | None = None, texts: Sequence[str] | None = None) -> None:
        self.path = path
        self._texts = None if texts is None else np.array([*texts, None], object)
        with path.open("rb") as stream:
            shape, in_columns, self._kept = npy_header(stream)
            self._begin = stream.tell()
            state = os.fstat(stream.fileno())
        if in_columns and len(shape) > 1:
            raise ValueError("its columns stand one behind the other")
        self.shape: tuple[int, ...] = shape
        self._row_shape: tuple[int, ...] = shape[1:]
        self.chosen: list[int] | None = None
        self.dtype = np.dtype(object) if texts is not None else self._kept if dtype is None else dtype
        self._state, self._descriptor = (state.st_size, state.st_mtime_ns), -1
        self._row_bytes = self._kept.itemsize * int(np.prod(shape[1:], dtype=np.int64))
        if state.st_size < self._begin + len(self) * self._row_bytes:
            raise ValueError(f"it holds {size_text(state.st_size)}, which is less than its rows take")

    def __len__(self) -> int:
        return int(self.shape[0])

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows, `[len(rows), ...]`, quickly if their numbers rise.

        Args:
            rows: their numbers.

        Raises:
            DataError: the file is not what it was.
        """
        if len(rows) > 1 and (rows[1:] <= rows[:-1]).any():
            rising, place = np.unique(rows, return_inverse=True)
            return self.read(rising)[place]
        found = self._read(rows)
        found = found if self.chosen is None else found[:, self.chosen]
        return found.astype(self.dtype, copy=False) if self._texts is None else self._texts[found]

    def as_rows(self) -> Self:
        """Take single values for rows of one number, and booleans for 0 and 1."""
        if len(self.shape) == 1:
            self.shape, self._row_shape = (len(self), 1), (1,)
        if self.dtype.kind == "b":
            self.dtype = np.dtype(np.uint8)
        return self

    def columns(self, chosen: Sequence[int]) -> Self:
        """Return some columns of it."""
        found = copy.copy(self)
        found.chosen = [number if self.chosen is None else self.chosen[number] for number in chosen]
        found.shape = (len(self), len(chosen))
        return found

    def parts(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the rows in their order, as many as memory is to hold at a time, with the number of the first."""
        step = rows_at_once(self._row_bytes)
        for start in range(0, len(self), step):
            yield start, self.read(np.arange(start, min(start + step, len(self))))

    def like(self) -> np.ndarray:
        """Return an array of its shape and type, which takes no memory and holds nothing."""
        return np.broadcast_to(np.empty((), self.dtype), self.shape)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        found = np.empty((len(rows), *self._row_shape), self._kept)
        if not found.size:
            return found
        descriptor = self._opened()
        steps = np.diff(rows.astype(np.int64)) * self._row_bytes
        ends = [*(np.flatnonzero(steps > _LARGEST_GAP) + 1).tolist(), len(rows)]
        scratch = np.empty((max(1, _MOST_AT_ONCE // self._row_bytes), *self._row_shape), self._kept)
        start = 0
        for end in ends:
            while start < end:
                first = int(rows[start])
                stop = start + int(np.searchsorted(rows[start:end], first + len(scratch)))
                span = int(rows[stop - 1]) - first + 1
                if span == stop - start:
                    self._fill(descriptor, found[start:stop], first)
                else:
                    self._fill(descriptor, scratch[:span], first)
                    np.take(scratch, rows[start:stop] - first, axis=0, out=found[start:stop], mode="clip")
                start = stop
        return found

    def _opened(self) -> int:
        if self._descriptor < 0:
            try:
                self._descriptor = os.open(self.path, os.O_RDONLY)
            except OSError as error:
                raise self._fault(f"the file of its rows cannot be read: {error.strerror}") from error
        state = os.fstat(self._descriptor)
        if (state.st_size, state.st_mtime_ns) != self._state:
            raise self._fault("the file was changed while its rows were in use")
        return self._descriptor

    def _fill(self, descriptor: int, rows: np.ndarray, first: int) -> None:
        view = memoryview(rows.reshape(-1).view(np.uint8).data)
        offset = self._begin + first * self._row_bytes
        while view:
            count = os.preadv(descriptor, [view], offset)
            if not count:
                raise self._fault("the file was cut off while its rows were in use")
            view, offset = view[count:], offset + count

    def _fault(self, message: str) -> DataError:
        return DataError(Problem(message, "begin again: it is made anew from the source", file=str(self.path)))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_descriptor": -1}

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """Rows of a split that stay on disk: `Rows`.

    Args:
        arrays: the features, by array or by column of a table.
        places: which rows of the arrays belong to the split, `[rows]`.
        scaled: makes the features that a model takes of those in the arrays.
        at_once: see `Rows`.
        answers: what else belongs to the rows of the split.
    """

    arrays: Mapping[str, StoredArray]
    places: np.ndarray
    scaled: Callable[[ByName], ByName]
    at_once: int
    answers: Answers

    @property
    def count(self) -> int:
        """See `Rows`."""
        return len(self.places)

    @property
    def in_memory(self) -> None:
        """See `Rows`."""
        return

    def take(self, numbers: np.ndarray | slice) -> Split:
        """See `Rows`; what is read is a copy that nobody else has."""
        if isinstance(numbers, slice):
            numbers = np.arange(*numbers.indices(self.count))
        places = self.places[numbers]
        x = self.scaled({name: array.read(places) for name, array in self.arrays.items()})
        return self.answers.beside(x, numbers)

    def changed(self, change: Callable[[Split], Split]) -> Self:
        """See `Rows`."""
        return replace(self, answers=self.answers.changed(change))


class ColumnsOnDisk(Mapping[str, np.ndarray]):
    """The features of rows on disk as the source has them, each read when it is asked for, and not kept."""

    def __init__(self, rows: StoredRows) -> None:
        self._rows = rows

    def __getitem__(self, name: str) -> np.ndarray:
        return self._rows.arrays[name].read(self._rows.places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows.arrays)

    def __len__(self) -> int:
        return len(self._rows.arrays)
