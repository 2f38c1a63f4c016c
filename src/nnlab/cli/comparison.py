"""How a comparison shows itself on a terminal: a live table while it trains, and the results."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.text import Text

from nnlab.cli.live import LiveTable
from nnlab.cli.progress import duration
from nnlab.compare.protocol import Contender, Setting
from nnlab.errors import counted
from nnlab.executor import Outcome
from nnlab.report.page import Column
from nnlab.results import number
from nnlab.studies.trial import Trial

MOST_LINES = 30
"""Variants that get a line of their own in the live table."""


class Progress(LiveTable):
    """Shows what is done, what runs, the best so far and the time left of a comparison."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet)
        self._running: dict[str, int] = {}

    def began(self, study: Any) -> None:
        """See `Observer`; on several problems, one begins after the other."""
        self._stop()
        self._study = study
        self._began = time.monotonic()
        self._before = len(study.agenda.comparison.outcomes)
        rules = study.agenda.comparison.rules
        tuning = f", {rules.tuning_budget} learning rates each" if rules.tuning_budget else ""
        seeds = counted(len(rules.seeds), "seed")
        self._start(
            f"{study.config.experiment.name}: {len(study.agenda.variants)} variants, {seeds}{tuning}: "
            + f"{self._planned} trainings"
            + (f", {self._before} of them done" if self._before else "")
        )

    def epoch_done(self, name: str, row: Mapping[str, Any]) -> None:
        """See `Observer`."""
        self._running[name] = int(row["epoch"])

    def trial_done(self, trial: Trial[Setting], outcome: Outcome) -> None:
        """See `Observer`."""
        self._running.pop(outcome.name, None)
        if not self._writes_lines:
            return
        comparison = self._study.agenda.comparison
        score = comparison.score(trial)
        how = "diverged" if outcome.diverged else outcome.status
        value = f"val_{comparison.rules.metric} {number(score)}" if score is not None else how
        text = f"{len(comparison.outcomes)}/{self._planned}  {outcome.name}  {value}  {self._left()}"
        self._console.say(text.rstrip())

    @property
    def _planned(self) -> int:
        comparison = self._study.agenda.comparison
        return sum(comparison.expected(contender) for contender in comparison.contenders)

    def _left(self) -> str:
        seconds = self._seconds_left(len(self._study.agenda.comparison.outcomes), self._planned)
        return "" if seconds is None else f"{duration(seconds)} left"

    def _table(self) -> Group:
        comparison = self._study.agenda.comparison
        shown = comparison.contenders[:MOST_LINES]
        hidden = len(comparison.contenders) - len(shown)
        more = f"and {hidden} more variants; " if hidden else ""
        done = f"{more}{len(comparison.outcomes)} of {self._planned} trainings"
        lines = zip(*map(self._line, shown), strict=True)
        heads = {"variant": 0, "done": 0, "running": 2, "best": 0, "rate": 1}
        columns = [
            Column(head, cells, rank=rank, left=head == "variant")
            for (head, rank), cells in zip(heads.items(), lines, strict=True)
        ]
        return Group(self._console.table(columns), Text(f"{done}  {self._left()}", style="dim"))

    def _line(self, contender: Contender) -> list[str]:
        comparison = self._study.agenda.comparison
        wanted = comparison.wanted(contender)
        scores = {trial: score for trial in wanted if (score := comparison.score(trial)) is not None}
        sign = comparison.rules.sign
        best = max(scores, key=lambda trial: sign * scores[trial], default=None)
        names = [trial.name for trial in wanted]
        running = [self._running[name] for name in names if name in self._running]
        return [
            contender.name,
            f"{sum(trial.name in comparison.outcomes for trial in wanted)}/{comparison.expected(contender)}",
            ", ".join(f"epoch {epoch}" for epoch in running),
            number(scores[best]) if best is not None else "",
            f"{best.of.learning_rate:g}" if best is not None and best.of.learning_rate is not None else "",
        ]
