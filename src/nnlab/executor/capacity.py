"""How many trainings this machine can do at once: its cores and its free memory."""

from __future__ import annotations

import os
from pathlib import Path

from nnlab.environment import hardware
from nnlab.memory import free_memory

MEMORY_OF_A_WORKER = 1_500_000_000
"""Bytes that a worker may need: TensorFlow, a data set and compiled programs of some size."""

GPUS = Path("/proc/driver/nvidia/gpus")


def most_workers() -> int:
    """Return how many workers may train at once: one a core, for each of which there is memory; one where a GPU is.

    The first worker's TensorFlow takes all memory of a GPU.
    """
    if GPUS.is_dir() and any(GPUS.iterdir()) and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1"):
        return 1
    memory = free_memory()
    cores = int(hardware()["cores"] or 1)
    return max(1, cores if memory is None else min(cores, memory // MEMORY_OF_A_WORKER))
