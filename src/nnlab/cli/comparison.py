"""What is to be seen of a comparison while it goes on."""
# ruff: noqa: D102  (`View` says what its methods do)

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnlab.compare.agenda import ComparisonAgenda
from nnlab.compare.comparison import Contender, Setting
from nnlab.executor import Outcome
from nnlab.report.page import Column
from nnlab.studies.trial import Trial
from nnlab.wording import counted, figure

MOST_LINES = 30
"""Variants that get a line of their own in the live table."""


class ComparisonView:
    """A line a variant: what is done, what runs, the best so far. See `View`."""

    def __init__(self, agenda: ComparisonAgenda) -> None:
        self._comparison = comparison = agenda.comparison
        rules = comparison.rules
        tuning = f", {rules.tuning_budget} learning rates each" if rules.tuning_budget else ""
        extent = [counted(len(comparison.contenders), "variant")]
        extent += [counted(rules.folds, "fold")] if rules.folds else []
        extent += [counted(len(rules.seeds), "seed")] if len(rules.seeds) > 1 or not rules.folds else []
        self.title = f"{agenda.config.experiment.name}: {', '.join(extent)}{tuning}: {self.planned} trainings"

    @property
    def done(self) -> int:
        return len(self._comparison.outcomes)

    @property
    def planned(self) -> int:
        return sum(map(self._comparison.expected, self._comparison.contenders))

    def line(self, trial: Trial[Setting], outcome: Outcome) -> str:
        score = self._comparison.score(trial)
        how = "diverged" if outcome.diverged else outcome.status
        value = f"{self._comparison.rules.objective.column} {figure(score)}" if score is not None else how
        return f"{self.done}/{self.planned}  {outcome.name}  {value}"

    def columns(self, epochs: Mapping[str, int]) -> tuple[Sequence[Column], Sequence[str]]:
        lines = (self._line(contender, epochs) for contender in self._comparison.contenders[:MOST_LINES])
        heads = {"variant": 0, "done": 0, "running": 2, "best": 0, "rate": 1}
        return [
            Column(head, cells, rank=rank, left=head == "variant")
            for (head, rank), cells in zip(heads.items(), zip(*lines, strict=True), strict=True)
        ], ()

    def _line(self, contender: Contender, epochs: Mapping[str, int]) -> list[str]:
        comparison = self._comparison
        wanted = comparison.wanted(contender)
        scores = {trial: score for trial in wanted if (score := comparison.score(trial)) is not None}
        best = max(scores, key=lambda trial: comparison.rules.objective.sign * scores[trial], default=None)
        rate = None if best is None else best.of.learning_rate
        return [
            contender.name,
            f"{sum(trial.name in comparison.outcomes for trial in wanted)}/{comparison.expected(contender)}",
            ", ".join(f"epoch {epochs[trial.name]}" for trial in wanted if trial.name in epochs),
            figure(scores[best]) if best is not None else "",
            f"{rate:g}" if rate is not None else "",
        ]

    def foot(self, left: str) -> str:
        hidden = len(self._comparison.contenders) - MOST_LINES
        more = f"and {hidden} more variants; " if hidden > 0 else ""
        return f"{more}{self.done} of {self.planned} trainings{left}"
