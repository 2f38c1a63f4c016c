"""How a search shows itself on a terminal: a live table while it goes on, and the results."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.text import Text

from nnlab.cli.live import LiveTable
from nnlab.cli.progress import duration
from nnlab.executor import Outcome
from nnlab.report.page import Column
from nnlab.report.search import heads
from nnlab.results import number, value_text
from nnlab.studies.trial import Trial
from nnlab.tune.search import Candidate

VALUE_RANK = 4
"""How much the columns of searched values are needed; see `Column`."""

LATEST = 8
"""Trials that ended which the live table shows, besides the best and those that run."""


class Progress(LiveTable):
    """Shows the trials with their values and scores, the best so far and the time left of a search."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._epochs: dict[str, int] = {}
        self._ended: list[Candidate] = []

    def began(self, study: Any) -> None:
        """See `Observer`."""
        self._study = study
        self._began = time.monotonic()
        search = study.agenda.search
        self._ended = [trial for trial in search.candidates if search.is_over(trial)]
        self._before = len(self._ended)
        most = search.max_trials
        count = "trials until the space is exhausted" if most is None else f"{most} trials"
        done = f", {self._before} of them done" if self._before else ""
        dimensions = len(study.agenda.space.parameters)
        what = f"{dimensions} value{'s' * (dimensions > 1)}"
        self._start(f"{study.agenda.search.section.algorithm} search over {what}: {count}{done}")

    def epoch_done(self, name: str, row: Mapping[str, Any]) -> None:
        """See `Observer`."""
        self._epochs[name.partition("_")[0]] = int(row["epoch"])

    def trial_done(self, trial: Trial[Candidate], outcome: Outcome) -> None:  # noqa: ARG002
        """See `Observer`."""
        if not trial.is_final and self._study.agenda.search.is_over(trial.of):
            self._tell(trial.of)

    def _tell(self, trial: Candidate) -> None:
        self._ended.append(trial)
        if not self._writes_lines:
            return
        search = self._study.agenda.search
        values = [f"{head}={text}" for head, text in self._cells(trial).items() if text]
        most = f"/{search.max_trials}" if search.max_trials else ""
        line = f"{len(self._ended)}{most}  {trial.id}  {self._result(trial)}  {' '.join(values)}"
        self._console.say(line + self._best() + self._left())

    def _result(self, trial: Candidate) -> str:
        search = self._study.agenda.search
        score, status = search.score(trial), search.status(trial)
        if score is None:
            return str(status)
        return f"{number(score)}{' stopped' if status == 'stopped' else ''}"

    def _cells(self, trial: Candidate) -> dict[str, str]:
        paths = [parameter.path for parameter in self._study.agenda.space.parameters]
        found = {
            head: value_text(trial.values[path]) if path in trial.values else ""
            for path, head in zip(paths, heads(paths), strict=True)
        }
        return {**found, "epochs": str(trial.epochs)} if trial.epochs is not None else found

    def _best(self) -> str:
        search = self._study.agenda.search
        best = search.best
        return f"  best {number(search.score(best))}" if best is not None else ""

    def _left(self) -> str:
        most = self._study.agenda.search.max_trials
        seconds = None if most is None else self._seconds_left(len(self._ended), most)
        return "" if seconds is None else f"  {duration(seconds)} left"

    def _table(self) -> Group:
        search = self._study.agenda.search
        running = [trial for trial in search.candidates if not search.is_over(trial)]
        best = search.best
        shown = dict.fromkeys([*([] if best is None else [best.number]), *(t.number for t in self._ended[-LATEST:])])
        names = list(dict.fromkeys(name for trial in search.candidates for name in self._cells(trial)))
        states: dict[int, tuple[str, str]] = {}  # what stands in the last column, and how the line looks
        for number_ in shown:
            is_best = best is not None and number_ == best.number
            states[number_] = self._result(search.candidates[number_]), "bold" if is_best else ""
        for trial in running:
            epoch = self._epochs.get(trial.id)
            states[trial.number] = f"epoch {epoch}" if epoch else "...", "dim"
        rows = [(search.candidates[number_], self._cells(search.candidates[number_])) for number_ in states]
        columns = [
            Column("trial", [trial.id for trial, _ in rows]),
            *(Column(name, [cells_.get(name, "") for _, cells_ in rows], rank=VALUE_RANK) for name in names),
            Column(f"val_{search.objective.metric}", [state for state, _ in states.values()]),
        ]
        table = self._console.table(columns, styles=[style for _, style in states.values()])
        most = f" of {search.max_trials}" if search.max_trials else ""
        hidden = len(self._ended) - len(shown)
        earlier = f", {hidden} of them not shown" if hidden > 0 else ""
        line = self._study.agenda.phase or f"{len(self._ended)}{most} trials{earlier}{self._best()}{self._left()}"
        return Group(table, Text(line, style="dim"))
