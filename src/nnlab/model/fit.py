"""Whether the loss and the metrics of an output fit what it shall answer and how the model ends there."""

from __future__ import annotations

from collections.abc import Sequence

from nnlab.config.components import Component
from nnlab.config.training import TrainingConfig
from nnlab.errors import ConfigError, Problem
from nnlab.model.ending import Ending
from nnlab.model.losses import Asked, loss_remarks
from nnlab.model.metrics import metric_remarks


def raise_unfit(
    training: TrainingConfig,
    output: str,
    *,
    loss: Component | None,
    metrics: Sequence[Component],
    asked: Asked,
    ending: Ending,
) -> None:
    """Raise what is wrong with the loss and the metrics of an output.

    Args:
        training: says where loss and metrics stand in the config.
        output: the output's name.
        loss: its loss, `None` as long as it is not known.
        metrics: its metrics.
        asked: what it shall answer.
        ending: how the model ends there.

    Raises:
        ConfigError: with one problem for the loss, or one for each metric that does not fit.
    """
    remark = None if loss is None else next(loss_remarks(loss, asked, ending), None)
    if remark is not None:
        raise ConfigError(Problem(*remark, ("model",) if training.loss is None else training.place("loss", output)))
    found = [next(metric_remarks(metric, loss, asked, ending), None) for metric in metrics]
    place = training.place("metrics", output)
    problems = [Problem(*remark, (*place, i)) for i, remark in enumerate(found) if remark is not None]
    ConfigError.raise_any(problems)
