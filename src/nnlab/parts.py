"""What of a training to do, and what to keep of it: for searches, which train some models further than others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
        monitor: a column of the history.
        values: by epoch; `None` for an epoch without one.
        sign: 1 if more is better, -1 if less is.
    """

    monitor: str
    values: tuple[float | None, ...]
    sign: int


@dataclass(frozen=True, slots=True)
class KeepIf:
    """Keep the trained model only if it is as good as another one.

    Args:
        metric: on validation rows.
        sign: 1 if more is better, -1 if less is.
        at_least: the other's value; `None` to keep it whatever it gives.
    """

    metric: str
    sign: int
    at_least: float | None

    def __call__(self, metrics: Mapping[str, Mapping[str, float] | None]) -> bool:
        """Whether to keep a model with these metrics."""
        value = (metrics.get("validation") or {}).get(self.metric)
        return value is not None and (self.at_least is None or self.sign * value >= self.sign * self.at_least)
