"""How far work is that takes long besides trainings: one line on stderr, which goes away."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nnlab.progress import watched_by

_SHORT = 1.0
"""Seconds of work of which nothing is said."""

_BETWEEN_LINES = 10.0
"""Seconds between two lines where none can be written over."""

_BETWEEN_SIGHTS = 0.1
"""Seconds between two states of a line that is written over."""


@contextmanager
def shown_waiting() -> Iterator[None]:
    """Show meanwhile what is told of work that takes longer than a moment."""
    line = _Line()
    try:
        with watched_by(line.tell):
            yield
    finally:
        line.clear()


class _Line:
    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._said: float | None = None

    def tell(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        began = self._began.setdefault(what, now)
        on_terminal = sys.stderr.isatty()
        if done >= of:
            del self._began[what]
            self.clear()
            return
        pause = _BETWEEN_SIGHTS if on_terminal else _BETWEEN_LINES
        if now - began < _SHORT or (self._said is not None and now - self._said < pause):
            return
        self._said = now
        line = f"{what}: {done:,} of {of:,}"
        sys.stderr.write(f"\r\x1b[K{line}" if on_terminal else f"{line}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take away what stands there."""
        if self._said is not None and sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._said = None
