"""What data take of the machine's memory, told before they are read."""

from __future__ import annotations

from pathlib import Path

from nnlab.errors import DataError, Problem
from nnlab.memory import free_memory

BYTES_OF_A_NUMBER = 4
"""Of float32, in which every number is kept beside what was read."""


def require_memory(size: int, file: Path) -> None:
    """Refuse data that do not fit into memory.

    Args:
        size: bytes that reading them takes at least.
        file: where they come from.

    Raises:
        DataError: there is not so much left.
    """
    free = free_memory()
    if free is not None and size > free:
        message = f"its data take at least {size_text(size)} of memory, and {size_text(free)} are free"
        raise DataError(Problem(message, "use fewer rows or columns, or a machine with more memory", file=str(file)))


def size_text(size: int) -> str:
    """Write a number of bytes as a person would.

    >>> size_text(74_500_000_000)
    '74.5 GB'
    """
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
    power = min(max((len(str(size)) - 1) // 3, 0), len(units) - 1)
    return f"{size} bytes" if power == 0 else f"{size / 1000**power:,.1f} {units[power]}"
