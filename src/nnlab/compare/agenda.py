"""A comparison as a study: what its trials train, and what its run directory says of them."""
# ruff: noqa: D102  (`Agenda` says what its methods do)

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from nnlab.compare.comparison import Comparison, Setting
from nnlab.compare.results import document
from nnlab.compare.tuning import rate_path
from nnlab.compare.variants import Variant
from nnlab.config.compare import CompareConfig
from nnlab.config.load import LoadedConfig, change_config, dump_config
from nnlab.config.overrides import override
from nnlab.config.programs import program_kind
from nnlab.executor import Outcome
from nnlab.run import Status
from nnlab.studies.agenda import Agenda, Setup
from nnlab.studies.trial import Trial


@dataclass
class ComparisonAgenda(Agenda[Setting]):
    """Wants the trainings of a comparison.

    Args:
        config: the experiment that is varied.
        variants: what is compared.
        comparison: what is to be trained, and what was.
        schedules: those that learning rates are tuned with, as a config holds them, by their names.
    """

    config: LoadedConfig
    variants: Sequence[Variant]
    comparison: Comparison
    schedules: Mapping[str, Any]

    kind = "comparison"
    command = "nnlab compare"

    def __post_init__(self) -> None:
        self.configs = [variant.config for variant in self.variants]
        self.objective, self.outcomes = self.comparison.rules.objective, self.comparison.outcomes

    def wanted(self, after: Trial[Setting] | None = None) -> Iterable[Trial[Setting]]:
        contenders = self.comparison.contenders
        for contender in contenders if after is None else [contenders[after.of.contender]]:
            yield from self.comparison.wanted(contender)

    def setup(self, trial: Trial[Setting], folder: Path) -> Setup:  # noqa: ARG002
        variant = self.variants[trial.of.contender].config
        place = self.comparison.contenders[trial.of.contender].rate_path
        changes: dict[str, Any] = {"compare": None}
        if trial.of.schedule is not None:
            changes["schedule"] = schedule = self.schedules[trial.of.schedule]
            place = rate_path(change_config(variant, [override("schedule", schedule, origin="")]).experiment)
        if trial.of.learning_rate is not None and place is not None:
            changes[place] = trial.of.learning_rate
        return Setup(variant, changes=changes)

    def of_kind(self, kind: str) -> int:
        """See `Agenda`; the first outcomes decide nothing about these."""
        return self._trainings.get(kind, 1)

    @cached_property
    def _trainings(self) -> Mapping[str, int]:
        rules, counted = self.comparison.rules, Counter[str]()
        for variant in self.variants:
            counted[program_kind(variant.config.experiment)] += rules.tuning_budget + len(rules.arms) * len(rules.draws)
        return counted

    @property
    def resolved(self) -> str:
        rules, section = self.comparison.rules, self.config.experiment.compare
        complete = CompareConfig(
            variants={variant.name: variant.written() for variant in self.variants},
            folds=rules.folds,
            seeds=len(rules.seeds),
            tuning_budget=rules.tuning_budget,
            tune_schedules=tuple(self.schedules.values()) or None,
            tuned_only=rules.tuned_only,
            metric=rules.objective.metric,
            target=None if section is None else section.target,
        )
        return dump_config(replace(self.config.experiment, compare=complete))

    def rows(self) -> list[dict[str, Any]]:
        """See `Agenda`: a row for each training that ended."""
        comparison, metric = self.comparison, self.objective.metric
        rows = []
        for trial, purpose in sorted(comparison.purposes().items(), key=lambda item: item[0].name):
            outcome = comparison.outcomes[trial.name]
            validation, test = outcome.metrics.get("validation") or {}, outcome.metrics.get("test") or {}
            rows.append({
                "trial": trial.name,
                "variant": comparison.contenders[trial.of.contender].name,
                "purpose": purpose,
                **({"schedule": trial.of.schedule} if comparison.rules.schedules else {}),
                "learning_rate": trial.of.learning_rate,
                "seed": trial.draw.seed,
                **({} if trial.draw.fold is None else {"fold": trial.draw.fold.fold}),
                "status": "diverged" if outcome.diverged else outcome.status,
                "epochs": len(outcome.history),
                "seconds": round(outcome.seconds(), 4),
                "val_loss": validation.get("loss"),
                f"val_{metric}": validation.get(metric),
                f"test_{metric}": test.get(metric) if trial.is_final else None,
                "error": " ".join(outcome.errors),
            })  # fmt: skip
        return rows

    @property
    def status(self) -> Status:
        return "failed" if self.comparison.has_failed else "completed"

    def ending(self) -> dict[str, Any]:
        comparison = self.comparison
        rows = comparison.table(comparison.rules.arms[0]).rows
        facts = {"trials": len(comparison.outcomes), "failed": len(comparison.crashed)}
        if not rows or not rows[0].finished:
            return facts
        score = rows[0].figures["score_mean"]
        return {**facts, "best": {"variant": rows[0].variant, "metric": self.objective.column, "score": score}}

    def crashed(self) -> Iterable[tuple[str, Outcome]]:
        return ((outcome.name, outcome) for outcome in self.comparison.crashed)

    def document(self, *, run: str, status: str) -> dict[str, Any]:
        return document(self.comparison, run=run, status=status)
