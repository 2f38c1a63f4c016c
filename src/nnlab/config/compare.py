"""The `compare` section: what is compared with what, and how carefully."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from nnlab.config.components import Fault, raise_faults
from nnlab.config.section import Parsed, Section, Whole, fail
from nnlab.errors import show


def _vary(value: Any) -> Any:
    """Read values by path: `{model.activation: [relu, tanh]}`."""
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        hint = "write `vary: {model.activation: [relu, tanh]}`"
        fail(f"expected lists of values by path, received {show(value)}", hint, value=value)
    faults = [
        Fault((str(path),), f"expected a list of values, received {show(values)}", "write a list: `[a, b]`")
        for path, values in value.items()
        if not isinstance(values, (list, tuple)) or not values
    ]
    if faults:
        raise_faults(faults)
    return {str(path): tuple(values) for path, values in value.items()}


def _variants(value: Any) -> Any:
    """Read changes by name: `{wide: {model.hidden: [500]}, plain: null}`."""
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        hint = "write `variants: {wide: {model.hidden: [500]}, as-it-is: {}}`"
        fail(f"expected variants by name, received {show(value)}", hint, value=value)
    faults = [
        Fault((str(name),), f"expected values by path, received {show(changes)}", "write `{model.hidden: [500]}`")
        for name, changes in value.items()
        if changes is not None and not isinstance(changes, dict)
    ]
    if faults:
        raise_faults(faults)
    return {str(name): {str(path): inside for path, inside in (given or {}).items()} for name, given in value.items()}


def _schedules(value: Any) -> Any:
    """Read a list of schedules, each as the config's own `schedule` is written."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not value:
        hint = "write `tune_schedules: [constant, cosine]`"
        fail(f"expected a list of schedules, received {show(value)}", hint, value=value)
    return tuple(value)


class CompareConfig(Section):
    """Variants of the experiment, and how they are compared.

    `tuning_budget` is the number of learning rates that are tried for each variant, with each of the schedules of
    `tune_schedules` if there are any; `tuned_only` leaves out the
    trainings with the learning rates that the variants have of themselves.
    """

    vary: Annotated[Mapping[str, tuple[Any, ...]] | None, Parsed(_vary)] = None
    variants: Annotated[Mapping[str, Mapping[str, Any]] | None, Parsed(_variants)] = None
    seeds: Annotated[Whole, Field(ge=1, le=1000)] = 5
    tuning_budget: Annotated[Whole, Field(ge=0, le=1000)] | None = None
    tune_schedules: Annotated[tuple[Any, ...] | None, Parsed(_schedules)] = None
    tuned_only: bool = False
    metric: str | None = None
    target: Annotated[float, Field(allow_inf_nan=False)] | None = None

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """Only tuned trainings need a budget to tune with."""
        if given.get("tuned_only") is True and given.get("tuning_budget") == 0:
            message = "with a tuning budget of 0 nothing is tuned"
            yield Fault(("tuned_only",), message, "raise `tuning_budget`, or remove `tuned_only`", at_key=True)
