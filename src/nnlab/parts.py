"""What of a training to do, and what to keep of it: for searches, which train some models further than others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.objective import Objective
from nnlab.run import Run


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a training, in which everything but its end is as in the whole: schedule, batches, random numbers.

    Args:
        last_epoch: where it ends; default: where the training does.
        continues: the run of the part before, which kept a checkpoint.
        keep_checkpoint: whether to leave a checkpoint for the part behind it.
    """

    last_epoch: int | None = None
    continues: Run | None = None
    keep_checkpoint: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a training must reach, epoch by epoch, not to be stopped as hopeless.

    Args:
        objective: what is watched.
        values: by epoch; `None` for an epoch without one.
    """

    objective: Objective
    values: tuple[float | None, ...]


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
