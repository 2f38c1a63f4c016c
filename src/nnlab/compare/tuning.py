"""What is tuned: where a learning rate stands in a config, and the schedules that it is tried with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nnlab.compare.variants import short
from nnlab.config.load import LoadedConfig, change_config
from nnlab.config.overrides import override
from nnlab.config.schema import Experiment
from nnlab.errors import ConfigError, Problem

RATES_OF_A_SCHEDULE = {"one_cycle": "max_learning_rate", "piecewise": None}
"""Schedules that do not start from the optimizer's learning rate, and the parameter that is tuned instead."""


def rate_parameter(experiment: Experiment) -> tuple[str, str | None]:
    """Return the part of the config that the learning rate belongs to, and its parameter, `None` if it has none."""
    schedule = experiment.schedule
    if schedule is not None and schedule.name in RATES_OF_A_SCHEDULE:
        return "schedule", RATES_OF_A_SCHEDULE[schedule.name]
    return "optimizer", "learning_rate"


def rate_path(experiment: Experiment) -> str | None:
    """Return where the learning rate stands in the config, `None` if a schedule gives all of them."""
    part, parameter = rate_parameter(experiment)
    return None if parameter is None else f"{part}.{parameter}"


def tuned_schedules(config: LoadedConfig, variants: Sequence[LoadedConfig]) -> dict[str, Any]:
    """Return the schedules of `compare.tune_schedules` by their names; every variant can have each of them.

    Raises:
        ConfigError: with everything that cannot be tuned.
    """
    section = config.experiment.compare
    found: dict[str, Any] = {}
    problems: dict[Problem, None] = {}
    for number, value in enumerate((section.tune_schedules if section is not None else None) or ()):
        name, path = short(value), ("compare", "tune_schedules", number)
        found_here = [Problem(f"the schedule `{name}` is given twice", "leave one out")] if name in found else []
        for variant in variants:
            found_here += _why_not(name, value, variant)
        for problem in found_here:
            unplaced = replace(problem, path=(*path, *problem.path[1:]), file=None, line=None, column=None)
            problems[config.locate(unplaced)] = None
        found[name] = value
    if problems:
        raise ConfigError(list(problems))
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
