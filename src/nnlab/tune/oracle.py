"""KerasTuner's oracles, made to run without its tuners: seeded, without files of their own, carried on exactly.

What differs from KerasTuner's own use of them stands in `nnlab.private.keras_tuner`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras_tuner import HyperParameters, Objective

from nnlab.catalog import Direction
from nnlab.config.tune import TuneConfig
from nnlab.private.keras_tuner import Bayesian, Grid, Hyperband, Random
from nnlab.tune.outlook import initial_points, most_trials
from nnlab.tune.points import grid_points
from nnlab.tune.search import Codes, Proposal
from nnlab.tune.space import Hyperparameter, Space


class Proposer:
    """Proposes one trial after the other, and is told how each ended.

    Args:
        space: what is searched.
        section: the algorithm and its options.
        direction: whether the objective is to be small or large.
        seed: the experiment's.
        max_epochs: of Hyperband, the epochs of a whole training.
    """

    def __init__(self, space: Space, section: TuneConfig, *, direction: Direction, seed: int, max_epochs: int) -> None:
        self._space = space
        self._seed = seed
        self._is_grid = section.algorithm == "grid"
        self._worst = math.inf if direction == "min" else -math.inf
        self._oracle: Any = self._make(section, Objective("score", direction), max_epochs)
        self._oracle.base = space.base if section.default_trial else None
        self._tried: list[Codes] = []
        self._numbers: dict[int, str] = {}

    def _make(self, section: TuneConfig, objective: Any, max_epochs: int) -> Any:
        options: dict[str, Any] = {
            "objective": objective,
            "hyperparameters": hyperparameters(self._space, grid=self._is_grid),
            "allow_new_entries": False,
            "tune_new_entries": True,
            "seed": self._seed % (2**32 - 1) + 1,  # 0 means to KerasTuner that any will do
            "max_consecutive_failed_trials": math.inf,
        }
        if section.algorithm == "hyperband":
            iterations = section.hyperband_iterations or 1
            factor = section.factor or 3
            return Hyperband(max_epochs=max_epochs, factor=factor, hyperband_iterations=iterations, **options)
        if section.algorithm == "bayesian":
            options["num_initial_points"] = initial_points(
                section, len(self._space.parameters), most_trials(section) or 0
            )
            given = {key: getattr(section, key) for key in ("alpha", "beta")}
            return Bayesian(
                max_trials=None, **{key: value for key, value in given.items() if value is not None}, **options
            )
        return (Grid if self._is_grid else Random)(max_trials=None, **options)

    def ask(self, number: int, *, recorded: Codes | None = None) -> Proposal | None:
        """Return what to try as the trial of this number, `None` if there is nothing (until more outcomes are known).

        Args:
            number: of the trial; they are asked for in order.
            recorded: what was tried as this trial, when a search is carried on.
        """
        oracle = self._oracle
        oracle.seed_with(self._seed, number)
        if self._is_grid and number == 0 and oracle.base is not None:
            return self._propose(Proposal(dict(oracle.base)))
        oracle.recorded = recorded
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the Gaussian process comments on its fit
            while True:
                trial = oracle.create_trial(f"{number}")
                if trial.status != "RUNNING":
                    return None
                values = trial.hyperparameters.values
                past = values.get("tuner/trial_id")
                if self._is_grid:
                    self._end(trial, "COMPLETED", 0.0)  # the next values do not depend on it
                    if self._codes(values) in self._tried:
                        continue
                elif past is not None and abs(oracle.trials[past].score) == math.inf:
                    self._end(trial, "COMPLETED", self._worst)  # there is nothing to go on from
                    continue
                self._numbers[number] = trial.trial_id
                return self._propose(self._proposal(values, past))

    def _proposal(self, values: Mapping[str, Any], past: str | None) -> Proposal:
        epochs = values.get("tuner/epochs")
        continues = next((number for number, name in self._numbers.items() if name == past), None)
        return Proposal(self._codes(values), epochs, continues)

    def _propose(self, proposal: Proposal) -> Proposal:
        self._tried.append(proposal.codes)
        return proposal

    def _codes(self, values: Mapping[str, Any]) -> Codes:
        """Return codes of the space: in a grid, numbers stand for their places among the values."""
        codes = {}
        for parameter in self._space.parameters:
            if parameter.path in values:
                code = values[parameter.path]
                is_place = self._is_grid and not parameter.config.choices
                codes[parameter.path] = grid_points(parameter)[code] if is_place else _number(code)
        return codes

    def tell(self, number: int, score: float | None) -> None:
        """Say how a trial ended: its score, `None` if it failed."""
        if number not in self._numbers:
            return
        trial = self._oracle.trials[self._numbers[number]]
        if score is None and isinstance(self._oracle, (Hyperband, Bayesian)):
            score = self._worst
        self._end(trial, "FAILED" if score is None else "COMPLETED", score)

    def _end(self, trial: Any, status: str, score: float | None) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial.status = status
            if score is not None:
                self._oracle.update_trial(trial.trial_id, {"score": score})
            self._oracle.end_trial(trial)


def hyperparameters(space: Space, *, grid: bool = False) -> Any:
    """Return the space as KerasTuner describes it.

    Args:
        space: what is searched.
        grid: whether numbers are choices among their places in a grid, too.
    """
    found = HyperParameters()
    by_path = {parameter.path: parameter for parameter in space.parameters}
    for parameter in space.parameters:
        conditions = [(path, _codes_of(by_path[path], values, grid)) for path, values in parameter.parents.items()]
        _add(found, parameter, conditions, grid)
    found.values = {}
    return found


def _add(found: Any, parameter: Hyperparameter, conditions: Sequence[tuple[str, list[Any]]], grid: bool) -> None:
    if conditions:
        (path, values), *others = conditions
        with found.conditional_scope(path, values):
            _add(found, parameter, others, grid)
        return
    config = parameter.config
    count = len(config.choices) or (len(grid_points(parameter)) if grid else 0)
    if count:
        default = int(parameter.first) if config.choices else 0
        found.Choice(parameter.path, list(range(count)), default=default)
        return
    low, high = config.ends
    step = config.step if config.step is None or config.float_ else int(config.step)
    make = found.Int if config.int_ else found.Float
    make(parameter.path, low, high, step=step, sampling=config.sampling or "linear", default=parameter.first)


def _codes_of(parent: Hyperparameter, values: Sequence[Any], grid: bool) -> list[Any]:
    config = parent.config
    if config.choices:
        return [i for i, choice in enumerate(config.choices) for value in values if choice == value]
    if grid:
        return [i for i, point in enumerate(grid_points(parent)) if point in values] or [-1]
    return [int(value) for value in values]


def _number(value: Any) -> int | float:
    plain: int | float = value.item() if isinstance(value, np.generic) else value
    return plain
