"""What of a training to do, and what to keep of it, where its config does not say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nnlab.objective import Objective
from nnlab.run import Run


@dataclass(frozen=True, slots=True)
class Limits:
    """What a training must reach, epoch by epoch, not to be stopped as hopeless.

    Args:
        objective: what is watched.
        values: by epoch; `None` for an epoch without one.
    """

    objective: Objective
    values: tuple[float | None, ...]

    def missed(self, values: Iterable[float]) -> tuple[float, float] | None:
        """Return the best and the limit at the first epoch at which the best so far is worse; `None` if none is.

        Args:
            values: of the column that is watched, one an epoch.
        """
        best = self.objective.worst
        for value, limit in zip(values, self.values, strict=False):
            if math.isfinite(value) and self.objective.is_better(value, best):
                best = value
            if limit is not None and self.objective.is_better(limit, best):
                return best, limit
        return None


@dataclass(frozen=True, slots=True)
class KeepIf:
    """Keep the trained model only if it is as good as another one.

    Args:
        objective: what is compared, on validation rows.
        at_least: the other's value; `None` to keep it whatever it gives.
    """

    objective: Objective
    at_least: float | None

    def __call__(self, metrics: Mapping[str, Mapping[str, float] | None]) -> bool:
        """Whether to keep a model with these metrics."""
        value = (metrics.get("validation") or {}).get(self.objective.metric)
        if value is None or self.at_least is None:
            return value is not None
        return value == self.at_least or self.objective.is_better(value, self.at_least)


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How a training goes beside its config; as they are, the whole of it, and all of it is kept.

    A part of a training is as the whole in everything but its end: schedule, batches, random numbers.

    Args:
        command: the command line, for `run.json`.
        trust_code: whether the user's own Python code may run.
        save_model: whether to leave the trained model, not only its history and metrics.
        evaluate_test: whether to look at the test rows.
        last_epoch: where it ends; default: where the config says.
        continues: the run of the part before, which kept a checkpoint.
        keep_checkpoint: whether to leave a checkpoint for the part behind it.
        limits: when to stop it as hopeless.
        hyperparameters: values by path, of a trial of a search, for TensorBoard.
        trainings: how many, this one included, can share a compiled program, as far as can be told from the start.
    """

    command: Sequence[str] = ()
    trust_code: bool = False
    save_model: bool | KeepIf = True
    evaluate_test: bool = True
    last_epoch: int | None = None
    continues: Run | None = None
    keep_checkpoint: bool = False
    limits: Limits | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    trainings: int = 1
