"""Files that are packed, opened as if they were not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from nnlab.errors import DataError, Problem, first_line
from nnlab.wording import counted

_BEGINNINGS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"PK\x03\x04": "zip"}


def packing_of(file: Path) -> str | None:
    """Return how a file is packed, as its first bytes tell: `gzip`, `bzip2`, `xz` or `zip`; `None` if it is not."""
    with file.open("rb") as stream:
        beginning = stream.read(max(map(len, _BEGINNINGS)))
    return next((packing for start, packing in _BEGINNINGS.items() if beginning.startswith(start)), None)


@contextmanager
def unpacked(file: Path, packing: str | None) -> Iterator[IO[bytes]]:
    """Open a file as if it were not packed.

    Raises:
        DataError: the archive is damaged, or does not hold one file.
    """
    if packing is None:
        with file.open("rb") as stream:
            yield stream
        return
    try:
        with _opened(file, packing) as stream:
            yield stream
    except (DataError, MemoryError, UnicodeError):
        raise
    except Exception as error:  # whatever damage makes of a reader
        if not _is_of_archives(error):
            raise
        message = f"the {packing} archive is damaged: {first_line(error)}"
        raise DataError(Problem(message, "fetch or pack it again", file=str(file))) from error


def _is_of_archives(error: Exception) -> bool:
    """Whether a reader of archives raises such an error, rather than who reads what is in them."""
    import lzma
    import zipfile
    import zlib

    if isinstance(error, OSError):
        return error.errno is None
    return isinstance(error, (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError))


def _opened(file: Path, packing: str) -> Any:
    if packing == "gzip":
        import gzip

        return gzip.open(file)
    if packing == "bzip2":
        import bz2

        return bz2.open(file)
    if packing == "xz":
        import lzma

        return lzma.open(file)
    import zipfile

    archive = zipfile.ZipFile(file)
    (member,) = members(archive) if len(members(archive)) == 1 else (None,)
    if member is None:
        message = f"the zip archive holds {counted(len(members(archive)), 'file')}, and one table is to be read"
        raise DataError(Problem(message, "unpack it, and name its files in `path`", file=str(file)))
    if archive.getinfo(member).flag_bits & 1:
        raise DataError(Problem("the zip archive needs a password", "unpack it", file=str(file)))
    return archive.open(member)


def members(archive: Any) -> list[str]:
    """Return the names of the files in a zip archive, without what Macs add."""
    return [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
