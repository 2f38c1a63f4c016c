"""Which files have been saved: by looking at them, as editors write in many ways and nobody tells of it everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.03
SECONDS_TO_BE_WRITTEN = 0.5
"""How long a file that is gone or empty may be about to be written: an editor renames, or empties it first."""

Stamp = tuple[int, int, int] | None
"""Time of the last change, size and inode; `None` for no file."""


class SavedError(KeyboardInterrupt):
    """A file was saved while its training was under way, which ends as if it were interrupted."""


class Saves:
    """Knows how some files were when they were last read."""

    def __init__(self) -> None:
        self._stamps: dict[Path, Stamp] = {}

    def begin(self, files: Iterable[Path]) -> None:
        """Look at these files from now on, and at no others; call it before they are read."""
        self._stamps = {}
        self.add(files)

    def add(self, files: Iterable[Path]) -> None:
        """Look at these, too."""
        self._stamps |= {file: stamp(file) for file in files if file not in self._stamps}

    def changed(self) -> list[Path]:
        """Return the files that are not as they were when they were read."""
        return [file for file, before in self._stamps.items() if stamp(file) != before]

    def wait(self) -> list[Path]:
        """Wait until a file is saved and whole; return what was saved."""
        while not self.changed():
            time.sleep(SECONDS_BETWEEN_LOOKS)
        return self.settled()

    def settled(self) -> list[Path]:
        """Wait until the files that were saved are whole; return them, also those that came to it meanwhile."""
        deadline = time.monotonic() + SECONDS_TO_BE_WRITTEN
        saved: dict[Path, Stamp] = {}
        while True:
            now = {file: stamp(file) for file in (*saved, *self.changed())}
            is_whole = all(found is not None and found[1] > 0 for found in now.values())
            if (now == saved and is_whole) or time.monotonic() > deadline:
                return list(saved)
            saved = now
            time.sleep(SECONDS_BETWEEN_LOOKS / 2)


def stamp(file: Path) -> Stamp:
    """Return what changes when a file is saved."""
    try:
        found = file.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
