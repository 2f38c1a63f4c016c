"""Whether the files that data are read from are still what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from nnlab.config.data import DataConfig
from nnlab.errors import DataError, Problem

AFRESH = "put it back as it was and go on with `nnlab resume`, or begin afresh"
"""What to do about a search or comparison whose data have changed."""


def file_digest(file: Path) -> str:
    """Return the BLAKE2b hash of a file's bytes, 16 bytes in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def file_digests(configs: Iterable[DataConfig]) -> dict[str, str]:
    """Return the hash of each file that data are read from, by its path."""
    paths = dict.fromkeys(config.path for config in configs if config.path is not None)
    return {path: file_digest(Path(path)) for path in paths if Path(path).is_file()}


def check_files(digests: Mapping[str, str], *, hint: str) -> None:
    """Raise if files are not what they were when `file_digests` gave this; `hint` says what to do.

    Raises:
        DataError: with each file that has changed or is gone.
    """
    problems = []
    for path, digest in digests.items():
        if not Path(path).is_file():
            problems.append(Problem("the file is gone that trials were trained on", hint, file=path))
        elif file_digest(Path(path)) != digest:
            problems.append(Problem("the file has changed since trials were trained on it", hint, file=path))
    DataError.raise_any(problems)
