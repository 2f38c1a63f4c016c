"""Whether the numbers to be predicted are such that a loss or a metric of them has a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnlab.config.by_name import by_output
from nnlab.config.components import Component
from nnlab.config.training import TrainingConfig
from nnlab.data.splits import Splits
from nnlab.errors import ConfigError, ConfigPath, Problem, number_text
from nnlab.model.ending import takes_of
from nnlab.model.losses import Remark
from nnlab.model.metrics import is_entropy, targets_of
from nnlab.model.plan import OutputPlan


def check_targets(training: TrainingConfig, outputs: Sequence[OutputPlan], splits: Splits) -> None:
    """Refuse losses and metrics of numbers that they have no value for; classes and labels are 0 and 1 anyway.

    Args:
        training: says where losses and metrics stand in the config.
        outputs: the outputs with their losses and metrics.
        splits: the data as loaded.

    Raises:
        ConfigError: with every loss and metric.
    """
    problems = []
    for output in outputs:
        if output.asked.task == "regression":
            arrays = [by_output(split.y, output.name) for split in splits.present]
            for component, path in _components(training, output):
                remark = next((found for y in arrays if (found := _unfit(component, y)) is not None), None)
                if remark is not None:
                    problems.append(Problem(remark.message, remark.hint, path))
    ConfigError.raise_any(problems)


def _components(training: TrainingConfig, output: OutputPlan) -> Iterator[tuple[Component, ConfigPath]]:
    yield output.loss, training.place("loss", output.name)
    place = training.place("metrics", output.name)
    yield from ((metric, (*place, i)) for i, metric in enumerate(output.metrics))


def _unfit(component: Component, y: np.ndarray) -> Remark | None:
    """Return why a loss or a metric has no value for some of the targets."""
    name, kind = component.name, targets_of(component)
    low, high = (number_text(float(str(end))) for end in (y.min(), y.max()))  # as many digits as a float32 has
    if kind == "nonzero" and not y.all():
        count = f"{np.count_nonzero(y == 0)} of {y.size} values"
        return Remark(f"`{name}` divides by the target, which is 0 in {count}", "write `mean_absolute_error`")
    if kind == "nonnegative" and y.min() < 0:
        return Remark(f"`{name}` wants no target below 0, and the least is {low}", "write `mean_squared_error`")
    if kind == "labels" and takes_of(component).predictions == "scores":
        if not (np.isin(y, (-1, 1)).all() or np.isin(y, (0, 1)).all()):
            message = f"`{name}` wants targets of -1 and 1, and they go from {low} to {high}"
            return Remark(message, "write `mean_squared_error`")
    elif kind == "labels" and (component.kind == "losses" or is_entropy(component)):
        if y.min() < 0 or y.max() > 1:
            message = f"`{name}` wants targets between 0 and 1, and they go from {low} to {high}"
            return Remark(message, "write `mean_squared_error`, or scale the target")
    elif kind == "labels" and not np.isin(y, (0, 1)).all():
        return Remark(f"`{name}` wants targets of 0 and 1, and there are others", "write `mean_absolute_error`")
    elif kind == "rows" and (y.min() < 0 or not np.allclose(y.sum(axis=-1), 1.0, atol=1e-3)):
        return Remark(f"`{name}` wants rows of targets that add up to 1", "write `mean_squared_error`")
    return None
