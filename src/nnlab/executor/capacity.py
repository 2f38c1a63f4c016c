"""How many trainings this machine can do at once: its cores and its free memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nnlab.environment import hardware

MEMORY_OF_A_WORKER = 1_500_000_000
"""Bytes that a worker may need: TensorFlow, a data set and compiled programs of some size."""

GPUS = Path("/proc/driver/nvidia/gpus")
CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def most_workers() -> int:
    """Return how many workers may train at once: one a core, for each of which there is memory; one where a GPU is.

    The first worker's TensorFlow takes all memory of a GPU.
    """
    if GPUS.is_dir() and any(GPUS.iterdir()) and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1"):
        return 1
    memory = free_memory()
    cores = int(hardware()["cores"] or 1)
    return max(1, cores if memory is None else min(cores, memory // MEMORY_OF_A_WORKER))


def free_memory() -> int | None:
    """Return how many bytes this process and its children may still take; `None` where nothing says so."""
    found = [*_of_machine(), *_of_groups()]
    return min(found) if found else None


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
