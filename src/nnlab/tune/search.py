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

from nnlab.config.tune import MedianConfig
from nnlab.executor import Outcome
from nnlab.objective import Objective
from nnlab.stats import mean, median

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
class Trial:
    """One set of values to try.

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


@dataclass(frozen=True, slots=True)
class Rules:
    """How trials are judged, and when the search ends.

    Args:
        objective: what decides, on validation rows.
        seeds: of the trainings of each trial.
        fresh_seeds: of the trainings of the best, at the end.
        epochs: of a whole training.
        max_trials: `None` for as many as the algorithm proposes.
        max_seconds: of the search, after which no trial begins.
        median_stopping: when hopeless trials are stopped.
    """

    objective: Objective
    seeds: tuple[int, ...]
    fresh_seeds: tuple[int, ...]
    epochs: int
    max_trials: int | None = None
    max_seconds: float | None = None
    median_stopping: MedianConfig | None = None

    @property
    def metric(self) -> str:
        """The objective without `val_`."""
        return self.objective.metric

    @property
    def sign(self) -> int:
        """What makes the higher value of the metric the better one."""
        return self.objective.sign


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
        rules: how trials are judged.
        ahead: how many trials are proposed before the outcome of the first of them is known; `None` where outcomes
            decide nothing.
        width: how many trials are on the way at most where outcomes decide nothing.
        trials: what was proposed so far.
        outcomes: how the trainings ended, by trial and seed.
        told: how many outcomes, in the order of the trials, were looked at, and the oracle told of if they decide.
        learnt: what it was told since the last proposal.
        finals: how the trainings of the best with fresh seeds ended, by trial and seed.
    """

    rules: Rules
    ahead: int | None = 1
    width: int = 2
    trials: list[Trial] = field(default_factory=list)
    outcomes: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    told: int = 0
    learnt: list[float | None] = field(default_factory=list)
    finals: dict[tuple[int, int], Outcome] = field(default_factory=dict)
    _ended: dict[int, tuple[TrialStatus, float | None]] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Whether no more trials may be proposed."""
        most = self.rules.max_trials
        return (most is not None and len(self.trials) >= most) or self.has_failed

    def tell_next(self, oracle: Oracle) -> bool:
        """Tell the oracle one more outcome, that of the first trial it does not know; return whether there is one."""
        if self.told == len(self.trials) or not self.is_over(self.trials[self.told]):
            return False
        self.tell(oracle, self.score(self.trials[self.told]))
        return True

    def tell(self, oracle: Oracle, score: float | None) -> None:
        """Tell the oracle the score of the first trial it does not know."""
        oracle.tell(self.told, score)
        self.learnt.append(score)
        self.told += 1

    def tell_due(self, oracle: Oracle) -> bool:
        """Tell what must be known before the next proposal, and no more; return whether it can be made."""
        if self.ahead is None:
            while self.told < len(self.trials) and self.is_over(self.trials[self.told]):
                self.told += 1
            return sum(not self.is_over(trial) for trial in self.trials[self.told :]) < self.width
        while self.told < len(self.trials) - self.ahead + 1:
            if not self.tell_next(oracle):
                return False
        return True

    def is_over(self, trial: Trial) -> bool:
        """Whether all trainings of a trial have ended."""
        return all((trial.number, seed) in self.outcomes for seed in self.rules.seeds)

    def done(self, trial: Trial) -> list[Outcome]:
        """Return how the trainings of a trial ended, as far as they did."""
        return [self.outcomes[trial.number, seed] for seed in self.rules.seeds if (trial.number, seed) in self.outcomes]

    def scores(self, trial: Trial) -> dict[int, float | None]:
        """Return the objective by seed, `None` where the training failed."""
        return {
            seed: self.metric(self.outcomes[trial.number, seed])
            for seed in self.rules.seeds
            if (trial.number, seed) in self.outcomes
        }

    def metric(self, outcome: Outcome, split: str = "validation") -> float | None:
        """Return the objective of a trained model, `None` if the training failed."""
        value = (outcome.metrics.get(split) or {}).get(self.rules.metric)
        return value if value is not None and math.isfinite(value) else None

    def score(self, trial: Trial) -> float | None:
        """Return the mean of the objective over the seeds, `None` if a training failed or is not over."""
        return self._end_of(trial)[1]

    def status(self, trial: Trial) -> TrialStatus:
        """Return how a trial ended."""
        return self._end_of(trial)[0]

    def _end_of(self, trial: Trial) -> tuple[TrialStatus, float | None]:
        if trial.number not in self._ended:
            if not self.is_over(trial):
                return "running", None
            self._ended[trial.number] = self._judged(trial)
        return self._ended[trial.number]

    def _judged(self, trial: Trial) -> tuple[TrialStatus, float | None]:
        outcomes = self.done(trial)
        values = [value for outcome in outcomes if (value := self.metric(outcome)) is not None]
        if any(outcome.status == "failed" and not outcome.diverged for outcome in outcomes):
            return "failed", None
        if len(values) < len(outcomes):
            return "diverged", None
        is_stopped = any(self._was_stopped(trial, outcome) for outcome in outcomes)
        return "stopped" if is_stopped else "completed", mean(values)

    def _was_stopped(self, trial: Trial, outcome: Outcome) -> bool:
        values = [float(row.get(self.rules.objective.column, math.nan)) for row in outcome.history]
        return is_hopeless(values, trial.stop_below, self.rules.sign)

    @property
    def failed(self) -> list[Trial]:
        """The trials of which a training crashed."""
        return [trial for trial in self.trials if self.status(trial) == "failed"]

    @property
    def has_failed(self) -> bool:
        """Whether as many trials crashed one after the other as may."""
        row = 0
        for trial in self.trials[: self.told]:
            row = row + 1 if self.status(trial) == "failed" else 0
            if row == MOST_FAILURES:
                return True
        return False

    @property
    def ranked(self) -> list[Trial]:
        """The trials that were trained to their end, best first; if there are none, those trained longest."""
        scored = [trial for trial in self.trials if self.status(trial) == "completed"]
        longest = max((trial.epochs or self.rules.epochs for trial in scored), default=0)
        whole = [trial for trial in scored if (trial.epochs or self.rules.epochs) == longest]

        def worth(trial: Trial) -> tuple[float, float]:  # of equal scores the one with the lower loss
            losses = [(outcome.metrics.get("validation") or {}).get("loss", math.inf) for outcome in self.done(trial)]
            return -self.rules.sign * (self.score(trial) or 0.0), mean(losses) or 0.0

        return sorted(whole, key=worth)

    @property
    def best(self) -> Trial | None:
        """The best trial so far."""
        return next(iter(self.ranked), None)

    def best_so_far(self) -> list[float | None]:
        """Return the best score after each trial, in the order of the proposals; those that do not count have none."""
        found: list[float | None] = []
        best: float | None = None
        counted = {trial.number for trial in self.ranked}
        for trial in self.trials:
            score = self.score(trial) if trial.number in counted else None
            if score is not None and (best is None or self.rules.objective.is_better(score, best)):
                best = score
            found.append(best)
        return found

    def stop_below(self) -> tuple[float | None, ...]:
        """Return what a trial that begins now must reach at each epoch: the median of those whose outcome is known.

        Of each of them the mean of the objective up to that epoch counts (Golovin et al. 2017, Google Vizier).
        """
        config = self.rules.median_stopping
        if config is None:
            return ()
        histories = [
            [float(row.get(self.rules.objective.column, math.nan)) for row in outcome.history]
            for trial in self.trials[: self.told]
            if self.status(trial) == "completed"
            for outcome in self.done(trial)[:1]
        ]
        if len(histories) < config.after_trials:
            return ()
        limits: list[float | None] = []
        for epoch in range(1, self.rules.epochs):
            means = [mean(values[:epoch]) or 0.0 for values in histories if len(values) >= epoch]
            limits.append(median(means) if epoch >= config.after_epochs else None)
        return tuple(limits)


def is_hopeless(values: Sequence[float], stop_below: Sequence[float | None], sign: int) -> bool:
    """Whether the best of these values, one an epoch, is worse than the limit of some epoch that it came to."""
    for epoch, limit in enumerate(stop_below[: len(values)], start=1):
        best = max((sign * value for value in values[:epoch] if math.isfinite(value)), default=-math.inf)
        if limit is not None and best < sign * limit:
            return True
    return False
