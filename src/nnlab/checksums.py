"""Sums of files: of those that can be made again, so that none is believed once damaged, and of those of others."""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from pathlib import Path

_CHUNK = 1 << 22

_LARGE = 1 << 24
"""Bytes of files that are not read again while their size and time are the same."""


def checksum(path: Path) -> str:
    """Return the CRC-32 of a file: any one damaged place changes it, and a gigabyte takes half a second.

    Raises:
        OSError: it cannot be read.
    """
    found = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found = zlib.crc32(chunk, found)
    return f"{found:08x}"


def content_hash(path: Path) -> str:
    """Return the BLAKE2b hash of a file's bytes, 16 bytes in hexadecimal: no two files of people share one.

    Raises:
        OSError: it cannot be read.
    """
    state = path.stat()
    return (_hash_once if state.st_size > _LARGE else _hash)(path.absolute(), state.st_mtime_ns, state.st_size)


def _hash(path: Path, time_ns: int, size: int) -> str:  # noqa: ARG001 (a large file that changes is read again)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


_hash_once = lru_cache(maxsize=16)(_hash)


def seal(path: Path) -> None:
    """Write the sum of a file beside it.

    Raises:
        OSError: it cannot be read, or there is no room.
    """
    _sum(path).write_text(checksum(path))


def is_sealed(path: Path) -> bool:
    """Tell whether there is a sum of a file, right or wrong."""
    return _sum(path).exists()


def is_sound(path: Path) -> bool:
    """Tell whether a file is as it was sealed."""
    try:
        return _sum(path).read_text() == checksum(path)
    except (OSError, ValueError):  # it was never sealed, or the sum is damaged itself
        return False


def remove(path: Path) -> None:
    """Delete a file and its sum.

    Raises:
        OSError: it cannot be deleted.
    """
    path.unlink(missing_ok=True)
    _sum(path).unlink(missing_ok=True)


def _sum(path: Path) -> Path:
    return path.with_name(f"{path.name}.crc32")
