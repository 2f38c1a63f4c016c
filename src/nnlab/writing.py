"""How nnlab writes: files whole or not at all, CSV, and JSON that any parser reads."""

from __future__ import annotations

import contextlib
import csv
import errno
import io
import json
import math
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def csv_text(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Write rows as CSV, with the names of the columns above them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def records_text(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Write records as CSV; of a column that one does not have it says nothing."""
    return csv_text(names, ([record.get(name) for name in names] for record in records))


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes, *, at_once: bool = True, like: os.stat_result | None = None) -> None:
    """Write a file whole: under another name first, then renamed, so that no reader ever sees half of it.

    Args:
        path: of the file.
        content: what it shall hold.
        at_once: wait until the disk has it; else a power cut may cost the last seconds, a killed process nothing.
        like: a file whose mode and owner it shall have.
    """
    with whole(path) as temporary:
        with temporary.open("wb") as file:
            if like is not None:
                os.fchmod(file.fileno(), 0o600)  # nobody else's until it is the file
                with contextlib.suppress(PermissionError):  # only root may give files away
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
            file.write(content)
            if at_once:
                file.flush()
                os.fsync(file.fileno())
        if like is not None:
            temporary.chmod(stat.S_IMODE(like.st_mode))


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield another name, with the same ending, to write a file under; it gets its own name once that has gone well."""
    temporary = path.with_name(f".nnlab-{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename2 is None:
            error.filename = str(path)  # the name that a user knows; a full disk names none
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(place: Path) -> Iterator[Path]:
    """Yield an empty folder to write into, which takes the name, and the place of what is there, once that went well.

    Raises:
        OSError: it cannot be written, or another process was faster.
    """
    import shutil
    import tempfile

    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        yield made
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
        made.rename(place)


def is_full(error: OSError) -> bool:
    """Whether there is no room for what was to be written."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def overwrite(path: Path, content: bytes) -> bool:
    """Write over a file in the room that it has on the disk already; `False`, and nothing done, if that is too little.

    For a disk that is full: a reader may see half of it.
    """
    if not path.exists() or len(content) > path.stat().st_blocks * 512:
        return False
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()
    return True


def to_json(value: Any) -> str:
    """Write JSON that any parser reads: NaN and infinities as `null`, and what cannot be seen escaped."""
    lines = json.dumps(_finite(value), indent=2, ensure_ascii=False).split("\n")
    return "\n".join([*(line if line.isprintable() else _escaped(line) for line in lines), ""])


def _escaped(line: str) -> str:
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
