"""A search: proposals -> trainings -> what is proposed next, and which trial is the best.

Trials are numbered in the order in which they are proposed, and the oracle is told their outcomes in this order, too,
whatever the order in which they end: the proposal of a trial rests on the outcomes of all trials but the last few
before it (`ahead`). So the same config gives the same trials, however many are trained at once, and an interrupted
search goes on as if nothing had happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from nnlab.config.tune import MedianConfig, TuneConfig
from nnlab.executor import Outcome
from nnlab.objective import Objective
from nnlab.stats import mean, median
from nnlab.studies.trial import APART, Draw, Trial, a_fold_each, every_fold, seeds_from
from nnlab.training_options import Limits
from nnlab.tune.outlook import most_trials

MOST_FAILURES = 3
"""Trials that may fail one after the other before the search stops."""

TrialStatus = Literal["running", "completed", "stopped", "diverged", "failed"]

Codes = dict[str, int | float]
"""Values by path as oracles see them: a choice is its number."""


class Proposal(NamedTuple):
    """What is to be tried next.

    Args:
        codes: values by path, choices as numbers.
        epochs: the epoch to train to; `None` for all.
        continues: the number of the trial whose training goes on.
    """

    codes: Codes
    epochs: int | None = None
    continues: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One set of values to try, which a search's tables call a trial: its trainings are judged by their mean.

    Args:
        number: from 0, in the order of the proposals.
        codes: the values by path as the oracle sees them.
        values: the values by path; of a base trial those of the config itself.
        is_base: whether it is the config as it stands.
        epochs: the epoch to train to; `None` for all of the config's.
        continues: the number of the trial whose trainings go on.
        told: how many outcomes the oracle knew when it was proposed.
        learnt: which scores it was told since the trial before, `None` for one that failed.
        stop_below: by epoch, the value of the objective that its best so far must reach; empty for none.
        thinking_seconds: what the oracle took.
    """

    number: int
    codes: Mapping[str, int | float]
    values: Mapping[str, Any]
    is_base: bool = False
    epochs: int | None = None
    continues: int | None = None
    told: int = 0
    learnt: tuple[float | None, ...] | None = None
    stop_below: tuple[float | None, ...] = ()
    thinking_seconds: float = 0.0

    @property
    def id(self) -> str:
        """What tables call it; also the directory of its first training."""
        return f"{self.number:04}"


class Oracle(Protocol):
    """Proposes trials, as `Proposer` does.

    Attributes:
        seconds: how long it has thought so far.
    """

    seconds: float

    def ask(self, number: int, *, recorded: Codes | None = None) -> Proposal | None:
        """Return what to try as the trial of this number, `None` if there is nothing."""

    def tell(self, number: int, score: float | None) -> None:
        """Say how a trial ended."""


@dataclass
class Search:
    """Knows what was tried, and what follows from it.

    Args:
        section: the config's, which says how.
        objective: what decides, on validation rows.
        seed: the experiment's: the first of each candidate's trainings.
        epochs: of a whole training.
        width: how many candidates are on the way at most where outcomes decide nothing.
        data_seed: splits the rows, and deals the first folds.
        candidates: what was proposed so far.
        outcomes: how the trainings ended, by their names.
        told: how many outcomes, in the order of the candidates, were looked at, and the oracle told of if they decide.
        learnt: what it was told since the last proposal.
    """

    section: TuneConfig
    objective: Objective
    seed: int
    epochs: int
    width: int = 2
    data_seed: int = 0
    candidates: list[Candidate] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    told: int = 0
    learnt: list[float | None] = field(default_factory=list)
    _ended: dict[int, tuple[TrialStatus, float | None]] = field(default_factory=dict)

    @property
    def ahead(self) -> int | None:
        """How many are proposed before the outcome of the first is known; `None` where outcomes decide nothing."""
        return self.section.ahead if self.section.is_led else None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that each candidate is trained with."""
        return seeds_from(self.seed, self.section.executions_per_trial)

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What chance decides of each candidate's trainings."""
        return every_fold(self.seeds, self.section.folds, self.data_seed)

    def trials(self, candidate: Candidate) -> list[Trial[Candidate]]:
        """Return the trainings of a candidate, which choose the best."""
        first, *others = self.draws
        names = {first: candidate.id, **{draw: f"{candidate.id}_{draw.words}" for draw in others}}
        return [Trial(name, candidate, draw) for draw, name in names.items()]

    def finals(self, candidate: Candidate) -> list[Trial[Candidate]]:
        """Return the trainings with fresh seeds: what the best gives there is not lucky with those that chose it."""
        seeds = seeds_from(self.seed + APART, self.section.seeds)
        return [
            Trial(f"best_{candidate.id}_{draw.words}", candidate, draw, is_final=True)
            for draw in a_fold_each(seeds, self.section.folds, self.data_seed + APART)
        ]

    @property
    def max_trials(self) -> int | None:
        """How many candidates there are at most; `None` for as many as the algorithm proposes."""
        return most_trials(self.section)

    @property
    def is_full(self) -> bool:
        """Whether no more candidates may be proposed."""
        return (self.max_trials is not None and len(self.candidates) >= self.max_trials) or self.has_failed

    def tell_next(self, oracle: Oracle) -> bool:
        """Tell the oracle one more outcome, that of the first trial it does not know; return whether there is one."""
        if self.told == len(self.candidates) or not self.is_over(self.candidates[self.told]):
            return False
        self.tell(oracle, self.score(self.candidates[self.told]))
        return True

    def tell(self, oracle: Oracle, score: float | None) -> None:
        """Tell the oracle the score of the first trial it does not know."""
        oracle.tell(self.told, score)
        self.learnt.append(score)
        self.told += 1

    def tell_due(self, oracle: Oracle) -> bool:
        """Tell what must be known before the next proposal, and no more; return whether it can be made."""
        if self.ahead is None:
            while self.told < len(self.candidates) and self.is_over(self.candidates[self.told]):
                self.told += 1
            return sum(not self.is_over(candidate) for candidate in self.candidates[self.told :]) < self.width
        while self.told < len(self.candidates) - self.ahead + 1:
            if not self.tell_next(oracle):
                return False
        return True

    def is_over(self, candidate: Candidate) -> bool:
        """Whether all trainings of a candidate have ended."""
        return all(trial.name in self.outcomes for trial in self.trials(candidate))

    def done(self, candidate: Candidate) -> dict[int | str, Outcome]:
        """Return how the trainings of a candidate ended, as far as they did, by seed (and fold)."""
        return self._done(self.trials(candidate))

    def fresh(self, candidate: Candidate) -> dict[int | str, Outcome]:
        """Return how the trainings with fresh seeds ended, likewise."""
        return self._done(self.finals(candidate))

    def _done(self, trials: Sequence[Trial[Candidate]]) -> dict[int | str, Outcome]:
        return {trial.draw.key: self.outcomes[trial.name] for trial in trials if trial.name in self.outcomes}

    def scores(self, candidate: Candidate) -> dict[int | str, float | None]:
        """Return the objective by seed (and fold), `None` where the training failed."""
        return {key: outcome.score(self.objective.metric) for key, outcome in self.done(candidate).items()}

    def score(self, candidate: Candidate) -> float | None:
        """Return the mean of the objective over the seeds, `None` if a training failed or is not over."""
        return self._end_of(candidate)[1]

    def status(self, candidate: Candidate) -> TrialStatus:
        """Return how a trial ended."""
        return self._end_of(candidate)[0]

    def _end_of(self, candidate: Candidate) -> tuple[TrialStatus, float | None]:
        if candidate.number not in self._ended:
            if not self.is_over(candidate):
                return "running", None
            self._ended[candidate.number] = self._judged(candidate)
        return self._ended[candidate.number]

    def _judged(self, candidate: Candidate) -> tuple[TrialStatus, float | None]:
        outcomes = self.done(candidate).values()
        values = [value for outcome in outcomes if (value := outcome.score(self.objective.metric)) is not None]
        if any(outcome.status == "failed" and not outcome.diverged for outcome in outcomes):
            return "failed", None
        if len(values) < len(outcomes):
            return "diverged", None
        limits = Limits(self.objective, candidate.stop_below)
        is_stopped = any(limits.missed(self._values(outcome)) is not None for outcome in outcomes)
        return "stopped" if is_stopped else "completed", mean(values)

    def _values(self, outcome: Outcome) -> list[float]:
        """Return the objective after each epoch."""
        return [float(row.get(self.objective.column, math.nan)) for row in outcome.history]

    @property
    def failed(self) -> list[Candidate]:
        """The trials of which a training crashed."""
        return [candidate for candidate in self.candidates if self.status(candidate) == "failed"]

    @property
    def has_failed(self) -> bool:
        """Whether as many trials crashed one after the other as may."""
        row = 0
        for candidate in self.candidates[: self.told]:
            row = row + 1 if self.status(candidate) == "failed" else 0
            if row == MOST_FAILURES:
                return True
        return False

    @property
    def ranked(self) -> list[Candidate]:
        """The trials that were trained to their end, best first; if there are none, those trained longest."""
        scored = [candidate for candidate in self.candidates if self.status(candidate) == "completed"]
        longest = max((candidate.epochs or self.epochs for candidate in scored), default=0)
        whole = [candidate for candidate in scored if (candidate.epochs or self.epochs) == longest]

        def worth(candidate: Candidate) -> tuple[float, float]:  # of equal scores the one with the lower loss
            losses = [
                (outcome.metrics.get("validation") or {}).get("loss", math.inf)
                for outcome in self.done(candidate).values()
            ]
            return -self.objective.sign * (self.score(candidate) or 0.0), mean(losses) or 0.0

        return sorted(whole, key=worth)

    @property
    def best(self) -> Candidate | None:
        """The best trial so far."""
        return next(iter(self.ranked), None)

    def stop_below(self) -> tuple[float | None, ...]:
        """Return what a trial that begins now must reach at each epoch: the median of those whose outcome is known.

        Of each of them the mean of the objective up to that epoch counts (Golovin et al. 2017, Google Vizier).
        """
        config = self.section.median_stopping
        if not isinstance(config, MedianConfig):
            return ()
        histories = [
            self._values(outcome)
            for candidate in self.candidates[: self.told]
            if self.status(candidate) == "completed"
            for outcome in list(self.done(candidate).values())[:1]
        ]
        if len(histories) < config.after_trials:
            return ()
        limits: list[float | None] = []
        for epoch in range(1, self.epochs):
            means = [mean(values[:epoch]) or 0.0 for values in histories if len(values) >= epoch]
            limits.append(median(means) if epoch >= config.after_epochs else None)
        return tuple(limits)
