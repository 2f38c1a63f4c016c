"""NPY and NPZ files, opened and read, whatever is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.names import canonical
from nnlab.data.conversion import conversion_place, opened_array, read_about, require_room, write_about, writing_into
from nnlab.data.stored import StoredArray, npy_header
from nnlab.errors import DataError, Problem, first_line
from nnlab.memory import require_memory
from nnlab.progress import tell
from nnlab.wording import size_text

_LONGEST_REASON = 200
_CHUNK = 1 << 22

_MOST_TIMES = 100
"""How many times its packed size an array that memory does not hold may have: pictures and measures have 1 to 20."""


@contextmanager
def opened(file: Path, hint: str) -> Iterator[Any]:
    """Open an NPZ file as an `Archive`, or an NPY file, which is an array.

    Args:
        file: of NumPy's.
        hint: what to do if it is damaged.

    Raises:
        DataError: it is damaged, or does not fit into memory.
    """
    with _damaged(file, hint):
        stream = file.open("rb")
    with stream:
        with _damaged(file, hint):
            if stream.read(6) == np.lib.format.MAGIC_PREFIX:
                stream.seek(0)
                size, fits = _declared(stream, file.stat().st_size)
                if not fits:
                    raise fault_of(file, f"the file is damaged: it declares {size_text(size)}", hint)
                require_memory(size, file)
            stream.seek(0)
            loaded = np.load(stream, allow_pickle=False)
        yield loaded if isinstance(loaded, np.ndarray) else Archive(file, loaded, hint)


@contextmanager
def _damaged(file: Path, hint: str, name: str = "x") -> Iterator[None]:
    """Say of whatever a damaged file makes of its reader that the file is damaged."""
    try:
        yield
    except (DataError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise fault_of(file, f"the file cannot be read: {error.strerror}", "check the file") from error
        raise fault_of(file, f"the file is damaged: {first_line(error)[:_LONGEST_REASON]}", hint) from error
    except Exception as error:
        if "allow_pickle" in str(error):
            raise _python_objects(file, name) from error
        raise fault_of(file, f"the file is damaged: {first_line(error)[:_LONGEST_REASON]}", hint) from error


def _declared(stream: Any, stored: int) -> tuple[int, bool]:
    """Return how many bytes an array has according to its header, and whether the file can hold them."""
    shape, _, dtype = npy_header(stream)
    size = math.prod(shape) * dtype.itemsize
    return size, dtype.hasobject or (size <= stored and min(shape, default=0) >= 0)


class Archive:
    """The arrays of an NPZ file by their names, in the form in which names are compared."""

    def __init__(self, file: Path, loaded: Any, hint: str) -> None:
        self._file, self._loaded, self._hint = file, loaded, hint
        self._names = {canonical(name): name for name in loaded.files}
        if len(self._names) < len(loaded.files):
            raise fault_of(file, "several arrays have names that look the same", "give every array its own name")
        self.files = [*self._names]

    def __getitem__(self, name: str) -> np.ndarray:
        with _damaged(self._file, self._hint, name):
            array = self._loaded[self._names[name]]
            if not isinstance(array, np.ndarray):
                raise fault_of(self._file, f"`{name}` is not a NumPy array", self._hint)
            return array

    def require(self, names: Iterable[str]) -> None:
        """Refuse arrays that the file cannot hold, or that do not fit into memory beside what becomes of them."""
        require_memory(sum(map(self.size, names)), self._file)

    def size(self, name: str) -> int:
        """Return how many bytes an array takes.

        Raises:
            DataError: the file cannot hold it.
        """
        with _damaged(self._file, self._hint, name):
            archive, member = self._loaded.zip, f"{self._names[name]}.npy"
            if member not in archive.namelist():
                return 0
            stored = archive.getinfo(member).file_size
            with archive.open(member) as stream:
                size, fits = _declared(stream, stored)
        if not fits:
            message = f"the file is damaged: `{name}` declares {size_text(size)}, and holds {size_text(stored)}"
            raise fault_of(self._file, message, self._hint)
        return size

    def refuse_bomb(self, names: Iterable[str]) -> None:
        """Refuse arrays, more than memory holds, that take so much less room in the file than rows of data do.

        Raises:
            DataError: with both sizes.
        """
        names = [*names]
        packed = sum(self._loaded.zip.getinfo(f"{self._names[name]}.npy").compress_size for name in names)
        size = sum(map(self.size, names))
        if size > _MOST_TIMES * packed:
            what = f"{size_text(packed)} unpack to {size_text(size)}, as hardly any data do"
            raise fault_of(self._file, what, "write `storage: disk` if it is no mistake: so much goes to disk then")

    def unpack(self, name: str, path: Path, told: Callable[[int], None]) -> None:
        """Write an array into a file of its own, part by part.

        Args:
            name: of the array.
            path: of the new file.
            told: is told of each part how many bytes it has.

        Raises:
            DataError: it is damaged.
        """
        with (
            path.open("wb") as out,
            _damaged(self._file, self._hint, name),
            self._loaded.zip.open(f"{self._names[name]}.npy") as stream,
        ):
            while part := stream.read(_CHUNK):
                out.write(part)
                told(len(part))


def unpacked_arrays(file: Path, archive: Archive, names: Mapping[str, str]) -> dict[str, StoredArray]:
    """Return arrays of an archive that stay on disk, where they were unpacked when they were first read.

    Args:
        file: the archive's.
        archive: it.
        names: of the arrays in it.

    Raises:
        DataError: there is no room for them, or one is not kept row by row.
    """
    place = conversion_place([file], ["arrays", *names.values()])
    files = {name: f"x{number}.npy" for number, name in enumerate(names)}
    if read_about(place) is None:
        with writing_into(place) as folder:
            size, done = sum(map(archive.size, names.values())), 0

            def told(written: int) -> None:
                nonlocal done
                done += written
                tell(f"unpacking {file.name}, MB", done // 10**6, size // 10**6 + 1)

            require_room(folder, size)
            for name, there in names.items():
                archive.unpack(there, folder / files[name], told)
                _check_order(file, there, folder / files[name])
            tell(f"unpacking {file.name}, MB", 1, 1)
            write_about(folder, {})
    return {name: opened_array(place, files[name]).as_rows() for name in names}


def _check_order(file: Path, name: str, path: Path) -> None:
    try:
        StoredArray(path)
    except ValueError as error:
        hint = "save it with `np.ascontiguousarray`, or write `storage: memory`"
        raise fault_of(file, f"`{name}` cannot be read row by row: {error}", hint) from error


def read_array(file: Path, archive: Archive, name: str) -> np.ndarray:
    """Return an array of an archive, bytes as text.

    Raises:
        DataError: it is damaged, or bytes are no UTF-8.
    """
    array = archive[name]
    if array.dtype.kind != "S":
        return array
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        hint = f"store text: `{name}.astype(str)` after decoding it"
        raise fault_of(file, f"`{name}` holds bytes that are not UTF-8 text", hint) from error


def _python_objects(file: Path, name: str) -> DataError:
    hint = "store numbers or text: `np.asarray(values, dtype=float)` shows what stands in the way"
    return fault_of(file, f"`{name}` holds Python objects, which are not loaded", hint)


def fault_of(file: Path, message: str, hint: str | None) -> DataError:
    """Return the error of a file."""
    return DataError(Problem(message, hint, file=str(file)))
