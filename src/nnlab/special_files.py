"""What stands at a path where a file was expected: a pipe or a device never ends, or blocks whoever opens it."""

from __future__ import annotations

import stat
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def special_file(path: Path) -> str | None:
    """Return what is at a path in words, without opening it; `None` for a file or a folder.

    Raises:
        OSError: nothing is there, or it cannot be looked at.
    """
    return _KINDS.get(stat.S_IFMT(path.stat().st_mode))
