"""Files of rows that were converted for reading by block: arrays in a folder of the cache, made once."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nnlab.checksums import content_hash
from nnlab.config.data import DataConfig
from nnlab.data.stored import StoredArray
from nnlab.environment import cache_folder
from nnlab.errors import DataError, Problem
from nnlab.memory import free_memory, give_back_large_blocks
from nnlab.wording import size_text
from nnlab.writing import whole_folder

_VERSION = 1
_ABOUT = "about.json"


def beyond_memory(config: DataConfig, size: int) -> str | None:
    """Return why rows are to stay on disk, as notes say it; `None` if they are not.

    Args:
        config: the `data` section.
        size: bytes that they take in memory.
    """
    if config.storage == "disk":
        give_back_large_blocks()
        return "the rows stay on disk (`storage`)"
    free = None if config.storage == "memory" else free_memory()
    if free is None or size <= free:
        return None
    give_back_large_blocks()
    return f"the rows stay on disk: they take about {size_text(size)} of memory, and {size_text(free)} are free"


def conversion_place(files: Sequence[Path], said: object) -> Path:
    """Return the folder for what files are converted to.

    Args:
        files: the source.
        said: what else decides what comes out, as something with a `repr` that says it all.

    Raises:
        DataError: there is no cache.
    """
    folder = cache_folder()
    if folder is None:
        message = "rows on disk are kept in the cache, which `NNLAB_CACHE_DIR` switches off"
        raise DataError(Problem(message, "let it name a folder with room, or write `storage: memory`"))
    key = hashlib.sha256(repr((_VERSION, [content_hash(file) for file in files], said)).encode()).hexdigest()[:24]
    return folder / "rows" / key


def read_about(place: Path) -> dict[str, Any] | None:
    """Return what was said of converted rows; `None` if they are not there, or not what was written."""
    try:
        about: dict[str, Any] = json.loads((place / _ABOUT).read_text())
        for name, (size, time_ns) in about["files"].items():
            state = (place / name).stat()
            if (state.st_size, state.st_mtime_ns) != (size, time_ns):
                return None
        return about
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@contextmanager
def writing_into(place: Path) -> Iterator[Path]:
    """Yield a folder that becomes the place once all is written, so that no process ever sees half of it.

    Raises:
        DataError: it cannot be written.
    """
    try:
        with whole_folder(place) as made:
            yield made
    except OSError as error:
        if read_about(place) is not None:  # another process was faster
            return
        message = f"the rows cannot be kept on disk: {error.strerror or error}"
        hint = "let `NNLAB_CACHE_DIR` name a folder with room"
        raise DataError(Problem(message, hint, file=str(place.parent))) from error


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Say what was written to a folder, after all else."""
    states = {file.name: file.stat() for file in folder.iterdir()}
    files = {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}
    (folder / _ABOUT).write_text(json.dumps({**about, "files": files}))


def require_room(folder: Path, size: int) -> None:
    """Refuse what the disk has no room for.

    Raises:
        DataError: with what there is.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        message = f"the rows take about {size_text(size)} on disk, and {size_text(free)} are free"
        hint = "make room, or let `NNLAB_CACHE_DIR` name a folder on another disk"
        raise DataError(Problem(message, hint, file=str(folder.parent.parent)))


class ArrayWriter:
    """Writes an array `[rows, ...]` whose rows come part by part.

    Args:
        path: of the file.
        shape: of a row.
        dtype: of numbers; whole ones are kept as int32.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: type[np.floating[Any]]) -> None:
        self._stream: BinaryIO = path.open("wb")
        self._shape, self._dtype, self.count = shape, np.dtype(dtype), 0
        self._write_header()

    def add(self, rows: np.ndarray) -> None:
        """Write rows behind the others."""
        if rows.dtype == np.int32 and not self.count:
            self._dtype = rows.dtype
        if len(rows):
            self._stream.write(np.ascontiguousarray(rows, self._dtype).data.cast("B"))
        self.count += len(rows)

    def close(self) -> None:
        """Write how many rows there are: NumPy leaves room for that in the header."""
        self._stream.seek(0)
        self._write_header()
        self._stream.close()

    def _write_header(self) -> None:
        about = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._stream, about)


def opened_array(
    place: Path, name: str, *, dtype: np.dtype[Any] | None = None, texts: list[str] | None = None
) -> StoredArray:
    """Return a converted array; `dtype` and `texts` are as for `StoredArray`.

    Raises:
        DataError: it is damaged.
    """
    try:
        return StoredArray(place / name, dtype=dtype, texts=texts)
    except (OSError, ValueError) as error:
        message = f"what was kept of the rows is damaged: {error}"
        raise DataError(Problem(message, "delete it: it is made again", file=str(place))) from error
