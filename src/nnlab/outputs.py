"""Files that the user names: what stands there keeps what it is, a device, a pipe, a link, its mode."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from nnlab.errors import NnlabError, first_line, system_problem
from nnlab.writing import write_bytes


def check_output(path: Path) -> None:
    """Tell whether a file can be written, before the work whose result it shall hold.

    Args:
        path: of the file; it need not be there.

    Raises:
        NnlabError: it is a folder, read-only, or its own folder is not there.
    """
    try:
        there = path.stat()
    except FileNotFoundError:
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            hint = "make it, or give a file in a folder that exists"
            raise NnlabError(f"cannot write `{path}`: there is no folder `{folder_text(path)}`", hint=hint) from None
        return
    except OSError as error:
        raise _refusal(path, error) from None
    if stat.S_ISDIR(there.st_mode):
        raise NnlabError(f"cannot write `{path}`: it is a folder", hint="give a file")
    # root may write it nevertheless; that somebody has made it read-only was meant
    if not os.access(path, os.W_OK) or (stat.S_ISREG(there.st_mode) and not there.st_mode & stat.S_IWUSR):
        raise NnlabError(f"cannot write `{path}`: it is read-only", hint="give another file, or `chmod u+w` this one")


def check_outputs(*paths: Path | None, read: Iterable[Path] = ()) -> None:
    """Tell whether the files of a command can be written, and that none would be lost by it.

    Args:
        paths: of the files; `None` for one that is not wanted.
        read: what the command reads.

    Raises:
        NnlabError: one cannot be written, is written twice, or is one that is read.
    """
    taken = {os.path.realpath(file): "the command reads it" for file in read}
    for path in paths:
        if path is None or is_stream(path):
            continue
        check_output(path)
        place = os.path.realpath(path)
        if place in taken:
            raise NnlabError(f"cannot write `{path}`: {taken[place]}", hint="give another file")
        taken[place] = "the command writes it already"


def folder_text(path: Path) -> str:
    """Name the folder of a file as its reader wrote it; that of what a link points to in full."""
    return str(Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent)


def is_stream(path: Path) -> bool:
    """Return whether a path names a device, a pipe, or this process's own stdout or stderr, which a file may hold."""
    try:
        there = path.stat()
    except OSError:
        return False
    return not (stat.S_ISREG(there.st_mode) or stat.S_ISDIR(there.st_mode)) or _own_stream(there) is not None


def write_output(path: Path, content: bytes | str) -> None:
    """Write a file that the user named.

    A file is replaced whole, so that no reader ever sees half of it, and keeps its mode and owner. A link is followed.
    Devices, pipes and files with several names (hard links) are written into.

    Args:
        path: of the file.
        content: what it shall hold; text becomes UTF-8.

    Raises:
        NnlabError: it cannot be written.
    """
    check_output(path)
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    try:
        _write(path, data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _refusal(path, error) from None


def _refusal(path: Path, error: OSError) -> NnlabError:
    reason = (error.strerror or first_line(error)).lower()
    known = system_problem(error)
    hint = known.hint if known is not None and known.hint else "give another file"
    return NnlabError(f"cannot write `{path}`: {reason}", hint=hint)


def _write(path: Path, data: bytes) -> None:
    try:
        there = path.stat()
    except FileNotFoundError:
        write_bytes(Path(os.path.realpath(path)), data)
        return
    stream = _own_stream(there)
    if stream is not None:  # opened again, it would lose what stands in it or comes after
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(os.dup(stream), "wb") as file:
            file.write(data)
    elif not stat.S_ISREG(there.st_mode) or there.st_nlink > 1:
        _write_into(path, data)
    else:
        try:
            write_bytes(Path(os.path.realpath(path)), data, like=there)
        except OSError:  # its folder takes no new files, or it is mounted by itself
            _write_into(path, data)


def _write_into(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)


def _own_stream(there: os.stat_result) -> int | None:
    """Return the number of this process's stdout or stderr if it is what stands there."""
    for number in (1, 2):
        with contextlib.suppress(OSError):  # it may be closed
            if os.path.samestat(there, os.fstat(number)):
                return number
    return None
