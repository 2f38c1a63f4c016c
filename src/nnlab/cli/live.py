"""What the live tables of comparisons and searches share."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Group
from rich.live import Live

from nnlab.cli import console


class LiveTable:
    """Shows on stderr how many trainings go on: on a terminal a table that moves, elsewhere lines.

    Args:
        quiet: say nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._console = console.messages()
        self._quiet = quiet
        self._study: Any = None
        self._live: Live | None = None
        self._began = 0.0
        self._before = 0  # what was done when it began

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def _start(self, text: str) -> None:
        """Say what begins, and show the table."""
        if self._quiet:
            return
        self._console.say(text)
        for note in self._study.notes:
            self._console.say(f"note: {note}")
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._table, console=self._console, transient=True, refresh_per_second=4)
            self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def phase_began(self, text: str) -> None:
        """See `Observer`."""
        if self._writes_lines:
            self._console.say(text)

    @property
    def _writes_lines(self) -> bool:
        return not self._quiet and self._live is None

    def _table(self) -> Group:
        raise NotImplementedError

    def _seconds_left(self, done: int, planned: int) -> float | None:
        """Return what the rest takes at the pace so far, `None` if that cannot be told."""
        if done == self._before or done >= planned:
            return None
        return (time.monotonic() - self._began) * (planned - done) / (done - self._before)
