"""The `compare` section: what is compared with what, and how carefully."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.config.checks import check
from nnlab.config.components import OneOf
from nnlab.config.data import FOLDS
from nnlab.config.faults import Fault, Report
from nnlab.config.section import Section, key
from nnlab.config.shapes import ANYTHING, Checked, Later, ListOf, MapOf
from nnlab.config.values import SWITCH, TEXT, number, whole
from nnlab.wording import show

VALUES = ListOf(ANYTHING, "a list of values", "write a list: `[a, b]`", least=1)
VARY = MapOf(VALUES, "lists of values by path", "write `vary: {model.activation: [relu, tanh]}`")


def _changes(value: Any, report: Report) -> Any:
    if value is not None and not isinstance(value, dict):
        hint = "write `{model.hidden: [500]}`"
        return report.fault(f"expected values by path, received {show(value)}", hint)
    return {str(path): inside for path, inside in (value or {}).items()}


VARIANTS = MapOf(
    Checked(_changes, {"type": ["object", "null"]}),
    "variants by name",
    "write `variants: {wide: {model.hidden: [500]}, as-it-is: {}}`",
)


SCHEDULES = ListOf(
    Later(OneOf("schedules")), "a list of schedules", "write `tune_schedules: [constant, cosine]`", least=1
)


@dataclass(frozen=True, kw_only=True)
class CompareConfig(Section):
    """Variants of the experiment, and how they are compared."""

    vary: Mapping[str, tuple[Any, ...]] | None = key(VARY, "lists of values by path; every combination is a variant")
    variants: Mapping[str, Mapping[str, Any]] | None = key(VARIANTS, "variants by name, each with values by path")
    folds: int | None = key(FOLDS, "folds of a cross-validation, in place of the config's validation rows")
    seeds: int | None = key(
        whole(minimum=1, maximum=1000),
        "trainings of each variant, with the seeds `seed`, `seed` + 1, ...; `5`; with `folds` of each fold, and `1`",
    )
    tuning_budget: int | None = key(whole(minimum=0, maximum=1000), "learning rates to try for each variant")
    tune_schedules: tuple[Any, ...] | None = key(
        SCHEDULES, "schedules to try each learning rate with, and to tune thereby"
    )
    tuned_only: bool = key(
        SWITCH, "leave out the trainings with the learning rates that the variants have of themselves", default=False
    )
    metric: str | None = key(
        TEXT, "what decides, on validation rows; the first metric, else the loss, if it is left out"
    )
    target: float | None = key(number(), "the value of the metric to which time is measured")

    @property
    def repeats(self) -> int:
        """How many seeds there are."""
        return self.seeds or (1 if self.folds else 5)


@check("tuned-with-a-budget", CompareConfig)
def tuned_with_a_budget(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Only tuned trainings need a budget to tune with."""
    if given.get("tuned_only") is True and given.get("tuning_budget") == 0:
        message = "with a tuning budget of 0 nothing is tuned"
        yield Fault(("tuned_only",), message, "raise `tuning_budget`, or remove `tuned_only`", at_key=True)
