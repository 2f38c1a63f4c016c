"""What is tuned: learning rates, where they stand in a config, and the schedules that they are tried with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nnlab.config.load import LoadedConfig, change_config
from nnlab.config.overrides import override
from nnlab.config.schema import Experiment
from nnlab.errors import ConfigError, Problem
from nnlab.schedules import OPTIMIZERS_RATE, kind_of
from nnlab.wording import exact_text


def rate_parameter(experiment: Experiment) -> tuple[str, str | None]:
    """Return the part of the config that the learning rate belongs to, and its parameter, `None` if it has none."""
    tuned = OPTIMIZERS_RATE if experiment.schedule is None else kind_of(experiment.schedule.name).tuned
    return "optimizer" if tuned == OPTIMIZERS_RATE else "schedule", tuned


def rate_path(experiment: Experiment) -> str | None:
    """Return where the learning rate stands in the config, `None` if a schedule gives all of them."""
    part, parameter = rate_parameter(experiment)
    return None if parameter is None else f"{part}.{parameter}"


def rate_grid(center: float, count: int) -> list[float]:
    """Return learning rates about a center, two a decade, each 1 or 3 times a power of ten where the center is.

    >>> rate_grid(0.001, 5)
    [0.0001, 0.0003, 0.001, 0.003, 0.01]
    """
    middle = round(2 * math.log10(center))
    return [_half_decade(middle + i - (count - 1) // 2) for i in range(count)]


def beyond(rate: float, count: int, *, upwards: bool) -> list[float]:
    """Return the next rates of a grid beyond its edge."""
    edge = round(2 * math.log10(rate))
    return [_half_decade(edge + (i if upwards else -i)) for i in range(1, count + 1)]


def _half_decade(number: int) -> float:
    return float(f"{1 if number % 2 == 0 else 3}e{number // 2}")


def rate_center(experiment: Experiment) -> float:
    """Return where to look for an optimizer's learning rate first.

    Momentum makes steps 1 / (1 - momentum) times as long, so that the rate is lower by as much.
    """
    optimizer, entry = experiment.optimizer, experiment.optimizer.entry
    rate = entry.first_rate
    if rate is None:
        default = entry.parameters["learning_rate"].default
        rate = default if isinstance(default, float) else 0.001
    return rate * (1 - float(optimizer.get("momentum") or 0.0)) if entry.lengthened_by_momentum else rate


def tuned_schedules(config: LoadedConfig, variants: Sequence[LoadedConfig]) -> dict[str, Any]:
    """Return the schedules of `compare.tune_schedules` by their names; every variant can have each of them.

    Raises:
        ConfigError: with everything that cannot be tuned.
    """
    section = config.experiment.compare
    found: dict[str, Any] = {}
    problems: dict[Problem, None] = {}
    for number, value in enumerate((section.tune_schedules if section is not None else None) or ()):
        name, path = exact_text(value), ("compare", "tune_schedules", number)
        found_here = [Problem(f"the schedule `{name}` is given twice", "leave one out")] if name in found else []
        for variant in variants:
            found_here += _why_not(name, value, variant)
        for problem in found_here:
            unplaced = replace(problem, path=(*path, *problem.path[1:]), file=None, line=None, column=None)
            problems[config.locate(unplaced)] = None
        found[name] = value
    ConfigError.raise_any(problems)
    return found


def _why_not(name: str, schedule: Any, variant: LoadedConfig) -> list[Problem]:
    """Return why a variant cannot be tuned with a schedule."""
    try:
        experiment = change_config(
            variant, [override("schedule", schedule, origin="compare.tune_schedules")]
        ).experiment
    except ConfigError as error:
        return list(error.problems)
    if rate_path(experiment) is not None:
        return []
    message = f"the schedule `{name}` gives all rates itself, so that none can be tuned with it"
    return [Problem(message, "take one that starts from the learning rate")]
