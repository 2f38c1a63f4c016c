"""Whether the loss and the metrics of an output fit what it shall answer and how the model ends there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from nnlab.config.components import Component
from nnlab.config.training import TrainingConfig
from nnlab.errors import Problem
from nnlab.model.ending import Ending
from nnlab.model.losses import Asked, loss_remarks
from nnlab.model.metrics import metric_remarks

MetricKey: TypeAlias = Literal["metrics", "weighted_metrics"]


def unfit(
    training: TrainingConfig,
    output: str,
    *,
    loss: Component | None,
    metrics: Mapping[MetricKey, Sequence[Component]],
    asked: Asked,
    ending: Ending,
) -> Iterator[Problem]:
    """Yield what is wrong with the loss of an output, or else with each metric that does not fit."""
    wrong = None if loss is None else next(loss_remarks(loss, asked, ending), None)
    if wrong is not None:
        yield Problem(*wrong, ("model",) if training.loss is None else training.place("loss", output))
        return
    for key, some in metrics.items():
        place = training.place(key, output)
        for i, metric in enumerate(some):
            if (remark := next(metric_remarks(metric, loss, asked, ending), None)) is not None:
                yield Problem(*remark, (*place, i))
