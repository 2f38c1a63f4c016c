"""How a study shows itself on a terminal while it goes on; what its table says is its `View`."""
# ruff: noqa: D102  (`Observer` says what its methods do)

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from nnlab.cli import console
from nnlab.cli.study_kinds import KINDS
from nnlab.executor import Outcome
from nnlab.report.page import Column
from nnlab.studies.trial import Trial
from nnlab.wording import duration


class View(Protocol):
    """What is to be seen of a kind of study."""

    @property
    def title(self) -> str:
        """What begins."""

    @property
    def done(self) -> int:
        """How much of it is done."""

    @property
    def planned(self) -> int | None:
        """Out of how much; `None` if that cannot be told."""

    def line(self, trial: Trial[Any], outcome: Outcome) -> str | None:
        """Return what is said of a trial that ended, where there is no table; `None` for nothing."""

    def columns(self, epochs: Mapping[str, int]) -> tuple[Sequence[Column], Sequence[str]]:
        """Return the table, and how its lines look, given the epochs of the trials that run, by their names."""

    def foot(self, left: str) -> str:
        """Return the line below the table, with the time left or nothing."""


def view_of(study: Any) -> View:
    """Return what is to be seen of a study."""
    return KINDS[study.agenda.kind].view_of(study.agenda)


class Progress:
    """Shows on stderr how a study goes on: on a terminal a table that moves, elsewhere lines. An `Observer`.

    Args:
        quiet: say nothing.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._console = console.messages()
        self._quiet = quiet
        self._live: Live | None = None
        self._began = 0.0
        self._before = 0  # what was done when it began
        self._epochs: dict[str, int] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def began(self, study: Any) -> None:
        """See `Observer`; of several problems one begins after the other."""
        self.__exit__()
        self._view = view_of(study)
        self._began, self._before = time.monotonic(), self._view.done
        if self._quiet:
            return
        self._console.say(self._view.title + (f", {self._before} of them done" if self._before else ""))
        for note in study.notes:
            self._console.say(f"note: {note}")
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._table, console=self._console, transient=True, refresh_per_second=4)
            self._live.start()

    def epoch_done(self, name: str, row: Mapping[str, Any]) -> None:
        self._epochs[name] = int(row["epoch"])

    def trial_done(self, trial: Trial[Any], outcome: Outcome) -> None:
        self._epochs.pop(trial.name, None)
        line = self._view.line(trial, outcome)
        if line is not None:
            self.phase_began(line + self._left())

    def phase_began(self, text: str) -> None:
        if not self._quiet and self._live is None:
            self._console.say(text)

    def _table(self) -> Group:
        columns, styles = self._view.columns(self._epochs)
        table = self._console.table(columns, styles=styles)
        return Group(table, Text(self._view.foot(self._left()), style="dim"))

    def _left(self) -> str:
        """Say what the rest takes at the pace so far, if that can be told."""
        done, planned = self._view.done, self._view.planned
        if planned is None or done == self._before or done >= planned:
            return ""
        return f"  {duration((time.monotonic() - self._began) * (planned - done) / (done - self._before))} left"
