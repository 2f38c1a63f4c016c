"""A comparison: variants x learning rates x seeds -> trainings -> statistics.

Each variant gets the same number of trainings to tune its learning rate, judged on validation rows. The best rate is
then trained again with fresh seeds, the same ones for every variant: from these come scores, intervals and tests. What
is trained next follows from the outcomes so far alone (`Comparison.wanted`), so that an interrupted comparison goes on
where it stopped, and the results are the same however many trainings run at once.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, NamedTuple

from nnlab import stats
from nnlab.compare.tuning import beyond, rate_grid
from nnlab.executor import Outcome
from nnlab.names import name_from
from nnlab.objective import Objective
from nnlab.stats import Pair, Sample
from nnlab.studies.trial import APART, Draw, Trial, a_fold_each, every_fold

Arm = Literal["tuned", "defaults"]


class Setting(NamedTuple):
    """What is trained: which variant, with which learning rate (`None` if it has no single one).

    `schedule` names the one that it is tuned with; `None` for the variant's own.
    """

    contender: int
    learning_rate: float | None
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """A variant as the comparison sees it.

    Args:
        number: from 0.
        name: what tables call it.
        steps_per_epoch: optimizer steps an epoch; of each one where they differ.
        learning_rate: its own, as configured; `None` if a schedule gives the rates alone.
        rate_path: where its learning rate stands in the config.
        rate_center: the middle of the rates that are tried.
    """

    number: int
    name: str
    steps_per_epoch: int | Sequence[int]
    learning_rate: float | None = None
    rate_path: str | None = "optimizer.learning_rate"
    rate_center: float = 0.001


@dataclass(frozen=True, slots=True)
class Rules:
    """How variants are compared.

    Args:
        objective: what decides, on validation rows.
        seeds: the seeds of what is reported.
        tuning_seed: the seed of the trainings that choose the learning rate.
        tuning_budget: learning rates to try, 0 for none.
        tuned_only: leave out the trainings with the variants' own learning rates.
        target: the value of the metric to which time is measured; default: the worst variant's best.
        schedules: names of the schedules that each learning rate is tried with; default: the variant's own.
        folds: of a cross-validation with each seed; default: the config's own validation rows.
        data_seed: splits the rows, and deals the first folds.
    """

    objective: Objective
    seeds: tuple[int, ...]
    tuning_seed: int
    tuning_budget: int = 0
    tuned_only: bool = False
    target: float | None = None
    schedules: tuple[str, ...] = ()
    folds: int | None = None
    data_seed: int = 0

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What chance decides of the trainings that are reported."""
        return every_fold(self.seeds, self.folds, self.data_seed)

    @property
    def tuning_draw(self) -> Draw:
        """The same of those that choose the learning rate; their fold is of a deal that is used for nothing else."""
        (draw,) = a_fold_each([self.tuning_seed], self.folds, self.data_seed + APART)
        return draw

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The tables of the comparison, the main one first."""
        if not self.tuning_budget:
            return ("defaults",)
        return ("tuned",) if self.tuned_only else ("tuned", "defaults")


class Tuned(NamedTuple):
    """The outcome of tuning: the best rate and schedule, and whether the rate still lies on the edge of those tried."""

    learning_rate: float
    on_edge: bool
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the final table.

    Args:
        variant: its name.
        learning_rate: of these trainings.
        on_edge: whether a better rate may lie beyond those tried.
        scores: the metric on validation rows by seed (and fold), `None` for a training that diverged.
        figures: what tables say of them, and of the scores on test rows.
        crashed: trainings that failed for another reason.
        trainings: how many were done for this row, tuning included.
        epochs_to_target: the median over the seeds; `None` if most do not get there.
        steps_to_target: the same in optimizer steps.
        seconds_to_target: the same in seconds of training.
        seconds: of training, mean over the seeds.
        rank: from 1, by divergence, then by the mean score.
        schedule: the one that tuning chose, `None` if it was not tuned.
    """

    variant: str
    learning_rate: float | None
    on_edge: bool
    scores: Mapping[int | str, float | None]
    figures: Mapping[str, float | None]
    crashed: int
    trainings: int
    epochs_to_target: float | None
    steps_to_target: float | None
    seconds_to_target: float | None
    seconds: float | None
    rank: int = 0
    schedule: str | None = None

    @property
    def finished(self) -> list[float]:
        """The scores that there are."""
        return [score for score in self.scores.values() if score is not None]

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("scores", "figures")}
        failed = len(self.scores) - len(self.finished)
        return {"variant": self.variant, **self.figures, **own, "seeds": len(self.scores), "diverged": failed}


@dataclass(frozen=True, slots=True)
class ArmTable:
    """The results of one arm.

    Args:
        rows: best first.
        pairs: the tests of all pairs of variants.
        verdict: what follows, in words.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    verdict: tuple[str, ...]


@dataclass
class Comparison:
    """Knows what is to be trained, and what follows from what was trained.

    Args:
        contenders: the variants.
        rules: how they are compared.
        outcomes: what was trained so far, by the names of trials.
    """

    contenders: Sequence[Contender]
    rules: Rules
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def trial(
        self, contender: Contender, learning_rate: float | None, draw: Draw, schedule: str | None = None
    ) -> Trial[Setting]:
        """Return the training of a variant with a learning rate, what chance decides, and a tuned schedule."""
        setting = Setting(contender.number, learning_rate, schedule)
        name = trial_name(setting, contender.name, draw)
        return Trial(name, setting, draw, is_final=draw.seed != self.rules.tuning_seed)

    def wanted(self, contender: Contender) -> list[Trial[Setting]]:
        """Return the trials of a variant that are needed, as far as the outcomes tell."""
        trials = [*self._own(contender), *self.tuning_trials(contender)]
        if self.rules.tuning_budget:
            trials += self.trials(contender, "tuned")
        return list(dict.fromkeys(trials))

    def expected(self, contender: Contender) -> int:
        """Return how many trials the variant is going to need, as far as can be told."""
        wanted = len(self.wanted(contender))
        is_tuned = not self.rules.tuning_budget or self._is_done(self.tuning_trials(contender))
        return wanted if is_tuned else wanted + len(self.rules.draws)

    def _own(self, contender: Contender) -> list[Trial[Setting]]:
        if "defaults" not in self.rules.arms:
            return []
        return [self.trial(contender, contender.learning_rate, draw) for draw in self.rules.draws]

    def tuning_trials(self, contender: Contender) -> list[Trial[Setting]]:
        """Return the trials that choose the learning rate; more of them once the best is seen to lie on the edge."""
        schedules: Sequence[str | None] = self.rules.schedules or (None,)
        return [trial for schedule in schedules for trial in self._tuning_trials(contender, schedule)]

    def _tuning_trials(self, contender: Contender, schedule: str | None) -> list[Trial[Setting]]:
        def of(rates: Sequence[float]) -> list[Trial[Setting]]:
            return [self.trial(contender, rate, self.rules.tuning_draw, schedule) for rate in rates]

        rates = rate_grid(contender.rate_center, self.rules.tuning_budget)
        best = self._best(of(rates))
        if best is not None and len(rates) > 2 and best.of.learning_rate in (rates[0], rates[-1]):
            upwards = best.of.learning_rate == rates[-1]
            rates = [*rates, *beyond(best.of.learning_rate, max(1, len(rates) // 2), upwards=upwards)]
        return of(rates)

    def tuned(self, contender: Contender) -> Tuned | None:
        """Return the best learning rate and schedule, once they are known."""
        best = self._best(self.tuning_trials(contender))
        if best is None or best.of.learning_rate is None:
            return None
        tried = [trial.of.learning_rate or 0.0 for trial in self._tuning_trials(contender, best.of.schedule)]
        on_edge = len(tried) > 2 and best.of.learning_rate in (min(tried), max(tried))
        return Tuned(best.of.learning_rate, on_edge, best.of.schedule)

    def _is_done(self, trials: Sequence[Trial[Setting]]) -> bool:
        return all(trial.name in self.outcomes for trial in trials)

    def _best(self, trials: Sequence[Trial[Setting]]) -> Trial[Setting] | None:
        """Return the best of these once all are done; if all failed that with the lowest rate, to look below it."""
        if not trials or not self._is_done(trials):
            return None
        finished = [trial for trial in trials if self.score(trial) is not None]
        if not finished:
            return min(trials, key=lambda trial: trial.of.learning_rate or 0.0)

        def worth(trial: Trial[Setting]) -> tuple[float, float]:  # of equal accuracies, the one with the lower loss
            loss = (self.outcomes[trial.name].metrics.get("validation") or {})["loss"]
            return self.rules.objective.sign * (self.score(trial) or 0.0), -loss

        return max(finished, key=worth)

    def score(self, trial: Trial[Setting], split: str = "validation") -> float | None:
        """Return the metric of a trial's final model, `None` if it failed or is not done."""
        outcome = self.outcomes.get(trial.name)
        return None if outcome is None else outcome.score(self.rules.objective.metric, split)

    def trials(self, contender: Contender, arm: Arm) -> list[Trial[Setting]]:
        """Return the trials of a line of the table."""
        if arm == "defaults":
            return self._own(contender)
        tuned = self.tuned(contender)
        if tuned is None:
            return []
        return [self.trial(contender, tuned.learning_rate, draw, tuned.schedule) for draw in self.rules.draws]

    def purposes(self) -> dict[Trial[Setting], str]:
        """Return what each trial that ended was for: tuning, or the lines of which tables."""
        found: dict[Trial[Setting], list[str]] = {}
        for contender in self.contenders:
            lines = {"tuning": self.tuning_trials(contender)}
            lines |= {arm: self.trials(contender, arm) for arm in self.rules.arms}
            for purpose, trials in lines.items():
                for trial in trials:
                    if trial.name in self.outcomes:
                        found.setdefault(trial, []).append(purpose)
        return {trial: " and ".join(purposes) for trial, purposes in found.items()}

    @property
    def target(self) -> float | None:
        """The given target, or what most trainings of the worst variant of the main arm reach at their best."""
        if self.rules.target is not None:
            return self.rules.target
        bests = []
        for contender in self.contenders:
            trials = self.trials(contender, self.rules.arms[0])
            values = sorted(max(curve) for trial in trials if (curve := self.curve(trial)))
            if values:
                bests.append(values[(len(values) - 1) // 2])
        return self.rules.objective.sign * min(bests) if bests else None

    def curve(self, trial: Trial[Setting]) -> list[float]:
        """Return the metric on validation rows after each epoch, higher is better; not of a failed trial."""
        outcome = self.outcomes.get(trial.name)
        if outcome is None or outcome.status != "completed":
            return []
        return [self.rules.objective.sign * float(row[self.rules.objective.column]) for row in outcome.history]

    def table(self, arm: Arm) -> ArmTable:
        """Return the results of an arm, as far as it was trained."""
        target = self.target
        rows = [self._row(contender, arm, target) for contender in self.contenders]
        sign = self.rules.objective.sign

        def worth(row: Row) -> tuple[Any, ...]:
            average = stats.mean(row.finished)
            return (average is None, len(row.scores) - len(row.finished), -sign * (average or 0.0))

        ranked = sorted(rows, key=worth)
        samples = [
            Sample(row.variant, {s: None if v is None else sign * v for s, v in row.scores.items()}) for row in ranked
        ]
        scale = self.rules.objective.scale
        pairs = stats.compare_pairs(samples, scale)
        rows = [replace(row, rank=i) for i, row in enumerate(ranked, start=1)]
        return ArmTable(tuple(rows), tuple(pairs), tuple(stats.verdict(samples, pairs, scale.unit)))

    def _row(self, contender: Contender, arm: Arm, target: float | None) -> Row:
        trials = [trial for trial in self.trials(contender, arm) if trial.name in self.outcomes]
        done = [trial for trial in trials if self.outcomes[trial.name].status == "completed"]
        diverged = [trial for trial in trials if self.outcomes[trial.name].diverged]
        epochs = [self.epochs_to(trial, target) for trial in (*done, *diverged)]
        tuned = self.tuned(contender) if arm == "tuned" else None
        middle = _finite(stats.median(epochs))
        scores = {trial.draw.key: self.score(trial) for trial in trials if trial in (*done, *diverged)}
        finished = [score for score in scores.values() if score is not None]
        tests = [score for trial in done if (score := self.score(trial, "test")) is not None]
        return Row(
            variant=contender.name,
            learning_rate=tuned.learning_rate if tuned is not None else contender.learning_rate,
            on_edge=tuned is not None and tuned.on_edge,
            scores=scores,
            figures=stats.described(finished, tests, self.rules.objective.scale),
            crashed=len(trials) - len(done) - len(diverged),
            trainings=len(trials) + (len(self.tuning_trials(contender)) if arm == "tuned" else 0),
            epochs_to_target=middle,
            steps_to_target=None if middle is None else stats.steps_after(middle, contender.steps_per_epoch),
            seconds_to_target=_finite(stats.median([self._seconds_to(trial, target) for trial in (*done, *diverged)])),
            seconds=stats.mean([self.outcomes[trial.name].seconds() for trial in done]),
            schedule=tuned.schedule if tuned is not None else None,
        )

    def epochs_to(self, trial: Trial[Setting], target: float | None) -> float:
        """Return after how many epochs a trial has reached the target, infinity if it does not."""
        least = math.inf if target is None else self.rules.objective.sign * target
        return stats.first_at_least(self.curve(trial), least)

    def _seconds_to(self, trial: Trial[Setting], target: float | None) -> float:
        epochs = self.epochs_to(trial, target)
        return math.inf if epochs == math.inf else self.outcomes[trial.name].seconds(int(epochs))

    @property
    def has_failed(self) -> bool:
        """Whether a trial crashed, or nothing is left to compare because all trials of an arm diverged."""
        arms = [[trial for each in self.contenders for trial in self.trials(each, arm)] for arm in self.rules.arms]
        return bool(self.crashed) or any(all(self.score(trial) is None for trial in trials) for trials in arms)

    @property
    def crashed(self) -> list[Outcome]:
        """The trials that failed without having diverged."""
        return [outcome for outcome in self.outcomes.values() if outcome.status == "failed" and not outcome.diverged]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


@cache
def trial_name(setting: Setting, variant: str, draw: Draw) -> str:
    """Name a trial: the name of its run directory."""
    words = name_from(variant, default="variant", longest=40)
    schedule = "" if setting.schedule is None else f"_{_short(name_from(setting.schedule, default='schedule'))}"
    rate = "" if setting.learning_rate is None else f"_lr{setting.learning_rate:.12g}".replace("+", "")
    return f"{setting.contender + 1:02}_{words}{schedule}{rate}_{draw.words}"


def _short(words: str) -> str:
    """Shorten what names a schedule so that it still names no other one."""
    return words if len(words) <= 18 else f"{words[:13]}-{hashlib.sha256(words.encode()).hexdigest()[:4]}"
