"""Whether the files that data are read from are still what they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nnlab.checksums import content_hash
from nnlab.config.data import DataConfig
from nnlab.data.files import matching
from nnlab.data.pictures.store import folder_record
from nnlab.errors import DataError, Problem

AFRESH = "put it back as it was and go on with `nnlab resume`, or begin afresh"
"""What to do about a search or comparison whose data have changed."""


def paths_of(config: DataConfig) -> list[Path]:
    """Return where rows are read from: the files or the folder at `path`, and those that the source names beside it."""
    places = [place for path in config.paths for place in matching(path)]
    known = config.source.entry.parameters.values()
    beside = [name for each in known if each.file_in == "path" and (name := config.source.get(each.name)) is not None]
    return [*places, *(place / name for place in places for name in beside)]


def path_record(path: Path) -> dict[str, Any] | None:
    """Return the path, the size in bytes and a hash of a file, or of the pictures in a folder; `None` for others."""
    if path.is_dir():
        return folder_record(path)
    if not path.is_file():
        return None
    return {"path": str(path), "bytes": path.stat().st_size, "blake2b": content_hash(path)}


def file_digests(configs: Iterable[DataConfig]) -> dict[str, str]:
    """Return the hash of each file, or folder of pictures, that data are read from, by its path."""
    paths = dict.fromkeys(path for config in configs for path in paths_of(config))
    return {str(path): record["blake2b"] for path in paths if (record := path_record(path)) is not None}


def check_files(digests: Mapping[str, str], *, hint: str) -> None:
    """Raise if files are not what they were when `file_digests` gave this; `hint` says what to do.

    Raises:
        DataError: with each file that has changed or is gone.
    """
    problems = []
    for path, digest in digests.items():
        if not Path(path).exists():
            problems.append(Problem("the file is gone that trials were trained on", hint, file=path))
        elif (path_record(Path(path)) or {}).get("blake2b") != digest:
            problems.append(Problem("the file has changed since trials were trained on it", hint, file=path))
    DataError.raise_any(problems)
