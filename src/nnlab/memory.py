"""How much memory is left to this process, and what needs more."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

from nnlab.errors import DataError, Problem
from nnlab.wording import size_text

BYTES_OF_A_NUMBER = 4
"""Of float32, in which networks compute, and every number of the data is kept beside what was read."""

_MMAP_THRESHOLD = -3
_LARGE_BLOCK = 1 << 20

CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
ADDRESSES = Path("/proc/self/statm")


def free_memory() -> int | None:
    """Return how many bytes this process and its children may still take; `None` where nothing says so."""
    found = [*_of_machine(), *_of_groups(), *_of_process()]
    return min(found) if found else None


def give_back_large_blocks() -> None:
    """Let large blocks of memory go back to the system as soon as they are free.

    The allocator of glibc keeps blocks up to the size of the largest that was ever freed, 32 MB at most, for later ones
    (`M_MMAP_THRESHOLD` in mallopt(3)); where rows are read again and again it holds several times as much as is in use.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):  # another allocator
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE_BLOCK)


def require_memory(size: int, file: Path, *, less: str = "use fewer rows or columns") -> None:
    """Refuse data that do not fit into memory.

    Args:
        size: bytes that reading them takes at least.
        file: where they come from.
        less: how they would take less.

    Raises:
        DataError: there is not so much left.
    """
    free = free_memory()
    if free is not None and size > free:
        message = f"its data take at least {size_text(size)} of memory, and {size_text(free)} are free"
        raise DataError(Problem(message, f"{less}, or a machine with more memory", file=str(file)))


def _of_machine() -> Iterator[int]:
    """Yield what the kernel has left without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _of_groups() -> Iterator[int]:
    """Yield what the control groups of this process, of both versions, have left: the limit less what is in use."""
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            root, limit, used, cached = CONTROL_GROUPS, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit, used, cached = (
                CONTROL_GROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file",
            )  # fmt: skip
        else:
            continue
        own = root / path.lstrip("/")
        for folder in (own, *own.parents):
            if not folder.is_relative_to(root):
                break
            left = _left(folder, limit, used, cached)
            if left is not None:
                yield left


def _left(folder: Path, limit: str, used: str, cached: str) -> int | None:
    """Return what one group has left; files that it has read can be dropped. `None` if it has no limit."""
    try:
        most = int((folder / limit).read_text())
        taken = int((folder / used).read_text())
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group, or the limit is `max`
        return None
    return max(0, most - taken + int(stat.get(cached, 0)))


def _of_process() -> Iterator[int]:
    """Yield what a limit of this process's addresses (`ulimit -v`) leaves."""
    import resource  # not on Windows

    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY:
        return
    try:
        pages = int(ADDRESSES.read_text().split()[0])
    except (OSError, ValueError):
        return
    yield max(0, most - pages * resource.getpagesize())
