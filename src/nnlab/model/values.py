"""Whether the numbers of the data are such that losses and metrics of them have a value, and layers know them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from nnlab.config.by_name import by_output
from nnlab.config.components import Component
from nnlab.config.training import TrainingConfig
from nnlab.data.splits import Split, Splits, parts_of
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.model.ending import takes_of
from nnlab.model.hidden import PlannedLayer
from nnlab.model.lookups import fed_by_the_data, limit_of, looking_up
from nnlab.model.losses import Remark
from nnlab.model.metrics import is_entropy, targets_of
from nnlab.model.plan import OutputPlan, Plan
from nnlab.wording import number_text


def check_targets(training: TrainingConfig, outputs: Sequence[OutputPlan], splits: Splits) -> None:
    """Refuse losses and metrics of numbers that they have no value for; classes and labels are 0 and 1 anyway.

    Raises:
        ConfigError: with every loss and metric.
    """
    problems = []
    for output in outputs:
        if output.asked.task == "regression":
            target = splits.spec.target_of(output.name)
            judges = [each for each in output.judges(training) if targets_of(each[0]) not in ("any", "classes")]
            for component, path in judges:
                own = (by_output(part.y, output.name) for part in _all_parts(splits))
                arrays = map(target.as_learned, own) if component.kind == "losses" else own
                remark = next((found for y in arrays if (found := target_remark(component, y)) is not None), None)
                if remark is not None:
                    problems.append(Problem(*remark, path))
    ConfigError.raise_any(problems)


def _all_parts(splits: Splits) -> Iterator[Split]:
    for rows in splits.present.values():
        yield from parts_of(rows)


def target_remark(component: Component, y: np.ndarray) -> Remark | None:
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


def check_indices(plan: Plan, splits: Splits) -> None:
    """Refuse data with numbers that a layer which they reach as they are does not know.

    TensorFlow stops at the first of them on a CPU; on a GPU it goes on with zeros.

    Raises:
        ConfigError: with every such layer, and the number that it would need.
    """
    problems = []
    for layer, source in fed_by_the_data(plan.nodes):
        for component, path in looking_up(layer.component, _place(layer)):
            limit = limit_of(component)
            if limit is None or component.parameters.get(limit) is None:
                continue
            found = (part.x[source] for part in _all_parts(splits))
            remark = _unknown(component, limit, found)
            if remark is not None:
                problems.append(Problem(*remark, (*path, limit)))
    ConfigError.raise_any(problems)


def _place(layer: PlannedLayer) -> ConfigPath:
    return (*layer.path, layer.component.name)


def _unknown(component: Component, limit: str, rows: Iterable[np.ndarray]) -> Remark | None:
    """Say so if the rows hold what the layer does not know."""
    name, known = component.name, component.parameters[limit]
    lowest, highest, fraction = 0.0, 0.0, None
    for array in rows:
        if array.size:
            lowest, highest = min(lowest, float(array.min())), max(highest, float(array.max()))
            fraction = _fraction(array) if fraction is None else fraction
    if fraction is not None:
        message = f"`{name}` takes whole numbers, and the data hold {fraction:g}"
        return Remark(message, "leave `data.scale` out, and number the values from 0")
    if lowest < 0:
        message = f"`{name}` takes numbers from 0 on, and the data hold {number_text(lowest)}"
        return Remark(message, "number the values from 0")
    if highest >= known:
        message = f"the data hold the number {number_text(highest)}, and `{name}` knows those below {known}"
        return Remark(message, f"write `{limit}: {int(highest) + 1}`")
    return None


def _fraction(array: np.ndarray) -> float | None:
    """Return a number that is not whole, `None` if all are."""
    broken = array[array != np.floor(array)]
    return float(broken.flat[0]) if broken.size else None
