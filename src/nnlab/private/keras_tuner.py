"""Names of KerasTuner that its documentation does not promise: its oracles, made to run without its tuners.

Besides the algorithms nothing of KerasTuner's is used. What differs from its own use of them:

- Everything that is drawn for a trial follows from the seed (0 included) and the trial's number.
- A choice is a whole number to them, whatever its values are.
- Bayesian optimization guesses the outcomes of running trials from those that are known, not from nothing, and draws
  at random instead of trying the same values again. A trial that failed counts as the worst that did not, instead of
  being left out: the search keeps away from where trainings diverge. It draws fewer trials before it learns.
- In Hyperband a failed trial loses against any other, instead of keeping its whole round from ending.
"""

from __future__ import annotations

import copy
import math
from typing import Any, TypeAlias

import numpy as np
from keras_tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)

READ_FROM = {"keras-tuner": "1.4.8"}

MOST_COLLISIONS = 1000
"""Draws that may give values which were tried before, until the space counts as exhausted."""

Codes: TypeAlias = dict[str, "int | float"]
"""A point of the space: of each parameter by its path a number, or the number of a choice."""


class Own:
    """What all oracles of nnlab's share; stands before KerasTuner's class.

    Attributes:
        base: the codes of the config's own values, which are tried first; `None` to leave them out.
        recorded: the codes that were drawn the first time, when a search is carried on.
    """

    trials: dict[str, Any]
    base: Codes | None = None
    recorded: Codes | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.verbose = 0
        self._max_collisions = MOST_COLLISIONS

    def seed_with(self, seed: int, number: int) -> None:
        """Let everything that is drawn for a trial follow from the seed and the trial's number."""
        self._seed_state = (seed << 64) + (number << 32)
        self._random_state = np.random.RandomState([seed, number])

    def save(self) -> None:
        """Write no file."""

    def _save_trial(self, trial: Any) -> None: ...

    def _random_values(self) -> Codes | None:
        if self.recorded is not None:
            return dict(self.recorded)
        if self.base is not None and not self.trials:
            return dict(self.base)
        values: Codes | None = super()._random_values()  # type: ignore[misc]
        return values


class Random(Own, RandomSearchOracle):
    """Random search."""


class Grid(Own, GridSearchOracle):
    """Grid search."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """See KerasTuner."""
        response: dict[str, Any] = super().populate_space(trial_id)
        if not self.start_order:  # KerasTuner leaves out what depends on others, and then draws it without a seed
            space = self.get_space()
            space.values = {}
            for parameter in space.space:
                if space.is_active(parameter):
                    space.values[parameter.name] = parameter.default
            response["values"] = space.values
        return response


class Hyperband(Own, HyperbandOracle):
    """Hyperband."""

    _brackets: list[Any]
    _current_bracket: int
    _current_iteration: int

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """See KerasTuner."""
        before = copy.deepcopy((self._brackets, self._current_bracket, self._current_iteration))
        response: dict[str, Any] = super().populate_space(trial_id)
        if response["status"] == "IDLE":  # asking in vain changes nothing
            self._brackets, self._current_bracket, self._current_iteration = before
        return response


class Bayesian(Own, BayesianOptimizationOracle):
    """Bayesian optimization."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """See KerasTuner."""
        if self.recorded is not None:
            return {"status": "RUNNING", "values": dict(self.recorded)}
        response: dict[str, Any] = super().populate_space(trial_id)
        if response["status"] == "RUNNING" and self._duplicate(self._rounded(response["values"])):
            response = self._random_populate_space()
        return response

    def _rounded(self, values: Codes) -> Codes:
        """Return plain numbers: those of NumPy look otherwise as text, by which KerasTuner compares."""
        return {path: value.item() if isinstance(value, np.generic) else value for path, value in values.items()}

    def _vectorize_trials(self) -> Any:
        everything = self.trials
        self.trials = {number: trial for number, trial in everything.items() if trial.status == "COMPLETED"}
        x, losses = super()._vectorize_trials()
        worst = max((loss for loss in losses if math.isfinite(loss)), default=0.0)
        if len(self.trials) < len(everything):  # running ones are guessed by what was learnt from the others
            self.gpr.fit(x, _no_worse(losses, worst))
        self.trials = everything
        x, losses = super()._vectorize_trials()
        return x, _no_worse(losses, worst)


def _no_worse(losses: Any, worst: float) -> Any:
    """Let those that failed, whose losses are infinite, have the worst of the others."""
    return np.where(np.isfinite(losses), losses, worst)
