"""Large tables kept on disk as they were read, encoded and split, so that the next run begins at once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import threading
from collections.abc import Callable, Sequence
from importlib.metadata import version
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

import nnlab
from nnlab.checksums import is_sound, seal
from nnlab.config.data import DataConfig
from nnlab.data.files import matching
from nnlab.data.record import file_record
from nnlab.data.sources import SOURCES
from nnlab.data.splits import Splits
from nnlab.environment import cache_folder
from nnlab.writing import whole_folder

LEAST = 1 << 25
"""Bytes of files that are read again rather than kept."""

MOST = 1 << 32
"""Bytes that are kept of all tables; the one that was used longest ago goes first."""

_FILES = _OBJECTS, _SIZES, _NUMBERS = "splits.pickle", "sizes.json", "numbers.bin"
_ALIGNED = 64
_PLAIN = {"range", "slice", "set", "frozenset", "complex"}
_OF_NUMPY = {"_frombuffer", "_reconstruct", "dtype", "ndarray", "scalar"}
_writers: list[threading.Thread] = []


def kept(config: DataConfig, seed: int, load: Callable[[], Splits]) -> Splits:
    """Return what `load` does, from the disk if it was loaded before from the same files; arrays are then read-only.

    What lies on the disk is believed if its sums are right, and if the files hold byte for byte what they held then.

    Args:
        config: the `data` section.
        seed: the experiment's.
        load: loads it.
    """
    folder = cache_folder()
    if folder is None or "files" not in SOURCES[config.source.name].takes:
        return load()
    files = [file for path in config.paths for file in matching(path)]
    if not all(file.is_file() for file in files) or sum(file.stat().st_size for file in files) < LEAST:
        return load()
    place = folder / "tables" / _key(config, seed, files)
    splits = _read(place, config)
    if splits is None:
        splits = load()
        if splits.train.in_memory is None:  # its columns stay on the disk anyway
            return splits
        writer = threading.Thread(target=_write, args=(splits, place))  # while the training begins
        writer.start()
        _writers[:] = [writer]
    return splits


def wait() -> None:
    """Wait until what was loaded is kept."""
    for writer in _writers:
        writer.join()


def _key(config: DataConfig, seed: int, files: Sequence[Path]) -> str:
    """Return a name for what was asked of which files, and for the code that reads them."""
    code = sorted(Path(nnlab.__file__).parent.glob("data/**/*.py"))
    states = [(str(file), state.st_size, state.st_mtime_ns) for file in (*files, *code) for state in (file.stat(),)]
    versions = [version(name) for name in ("nnlab", "numpy", "pandas")]
    return hashlib.sha256(repr((config, seed, states, versions)).encode()).hexdigest()[:24]


class _Reader(pickle.Unpickler):
    """Makes nothing but nnlab's own objects, arrays and plain values."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.split(".")[0] in ("nnlab", "numpy", "builtins") else None
        of_nnlab = module.startswith("nnlab.") and isinstance(found, type)
        of_numpy = module.startswith("numpy") and name in _OF_NUMPY
        if not (of_nnlab or of_numpy or (module == "builtins" and name in _PLAIN)):
            raise pickle.UnpicklingError(f"{module}.{name} has no place in kept data")
        return found


def _read(place: Path, config: DataConfig) -> Splits | None:
    try:
        if not all(is_sound(place / name) for name in _FILES):
            return None
        numbers = np.memmap(place / _NUMBERS, np.uint8, "r")
        ends = [0, *accumulate(json.loads((place / _SIZES).read_text()))]
        buffers = [numbers[start:end] for start, end in [*pairwise(ends)][::2]]  # between them is padding
        splits = _Reader(io.BytesIO((place / _OBJECTS).read_bytes()), buffers=buffers).load()
        if not isinstance(splits, Splits) or splits.record is None or splits.record.file != file_record(config):
            return None
        os.utime(place)
    except Exception:  # not there, or damaged in whatever way: it is made again
        return None
    return splits


def _write(splits: Splits, place: Path) -> None:
    """Write all files, if that can be."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        objects = pickle.dumps(splits, protocol=5, buffer_callback=buffers.append)
        with whole_folder(place) as made:
            sizes = []
            with (made / _NUMBERS).open("wb") as stream:
                for buffer in buffers:
                    padding = -buffer.raw().nbytes % _ALIGNED
                    sizes += [buffer.raw().nbytes, padding]
                    stream.write(buffer.raw())
                    stream.write(bytes(padding))
            (made / _OBJECTS).write_bytes(objects)
            (made / _SIZES).write_text(json.dumps(sizes))
            for name in _FILES:
                seal(made / name)
        _make_room(place)
    except (OSError, pickle.PicklingError, TypeError, AttributeError):
        return  # no room, no permission, or another process was faster: the data are loaded all the same


def _make_room(newest: Path) -> None:
    """Delete what was used longest ago, if all together is too much."""
    others = [place for place in newest.parent.iterdir() if place.name != newest.name and (place / _NUMBERS).exists()]
    room = MOST - _size(newest)
    for place in sorted(others, key=lambda place: place.stat().st_mtime, reverse=True):
        room -= _size(place)
        if room < 0:
            shutil.rmtree(place, ignore_errors=True)


def _size(place: Path) -> int:
    return sum(file.stat().st_size for file in place.iterdir())
