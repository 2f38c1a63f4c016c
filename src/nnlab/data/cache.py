"""Data sets kept as plain arrays on disk, so that they are decoded once and not in every process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.checksums import is_sound, seal
from nnlab.config.by_name import only
from nnlab.data.registry import RawData
from nnlab.data.splits import with_tuples
from nnlab.environment import cache_folder
from nnlab.writing import whole_folder

ARRAYS = ("x", "y", "x_test", "y_test")


def cached(name: str, load: Callable[[], RawData], *, version: str, files: Iterable[Path] = ()) -> RawData:
    """Return what `load` does, from the disk if it was loaded before; the arrays are then memory-mapped, read-only.

    Args:
        name: the data set.
        load: loads it; only what `RawData.of_one` makes.
        version: of what holds or decodes the data; another version is loaded again.
        files: what it is read from; a file of another time or size is read again.
    """
    folder = cache_folder()
    if folder is None:
        return load()
    states = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(files)]
    key = hashlib.sha256(json.dumps([name, version, states]).encode()).hexdigest()[:16]
    place = folder / "data" / f"{name}-{key}"
    raw = _read(place)
    if raw is None:
        raw = load()
        _write(raw, place)
    return raw


def _read(place: Path) -> RawData | None:
    try:
        about: dict[str, Any] = json.loads((place / "about.json").read_text())
        files = {name: place / f"{name}.npy" for name in about.pop("arrays")}
        for file in (place / "about.json", *files.values()):
            if not is_sound_once(file):
                return None
        arrays = {name: np.load(file, mmap_mode="r") for name, file in files.items()}
        (target,) = about.pop("target_names")
        return RawData.of_one(target=target, **arrays, **with_tuples(about))
    except Exception:  # not there, or damaged in whatever way: it is made again
        return None


def is_sound_once(file: Path) -> bool:
    """Tell whether a file is as it was sealed; one that has not changed since is not looked at again.

    Raises:
        OSError: it is not there.
    """
    state = file.stat()
    return _is_sound(file, state.st_mtime_ns, state.st_size)


@cache
def _is_sound(file: Path, time_ns: int, size: int) -> bool:  # noqa: ARG001 (a file that changes is looked at again)
    """Tell whether a file is as it was written, once a process: that takes a tenth of a second for 60,000 images."""
    return is_sound(file)


def _write(raw: RawData, place: Path) -> None:
    """Write all files, if that can be."""
    about = {field.name: getattr(raw, field.name) for field in fields(raw) if field.name not in ARRAYS}
    about["target_names"] = only(raw.target_names)
    arrays = {name: only(values) for name in ARRAYS if (values := getattr(raw, name)) is not None}
    try:
        with whole_folder(place) as made:
            for name, array in arrays.items():
                np.save(made / f"{name}.npy", array)
            (made / "about.json").write_text(json.dumps({**about, "arrays": list(arrays)}))
            for file in list(made.iterdir()):
                seal(file)
    except OSError:  # no room, no permission, or another process was faster: the data are loaded all the same
        return
