"""Losses and metrics as Keras objects, which judge what a model gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from nnlab import layers as own_layers
from nnlab.config.components import Component
from nnlab.config.schema import Experiment
from nnlab.data.splits import ByName
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.model.metrics import made_of, own_metric, view_of
from nnlab.model.objects import made, reason_of
from nnlab.model.plan import OutputPlan, Plan


def made_judges(experiment: Experiment, output: OutputPlan) -> Iterator[tuple[Any, Component, ConfigPath]]:
    """Yield the loss and the metrics of an output, as Keras and as the config have them, with their places there.

    Raises:
        ConfigError: Keras refuses one.
    """
    for judge, path in output.judges(experiment.training):
        is_loss = judge.kind == "losses"
        yield made(judge, path) if is_loss else _made_metric(judge, output, path), judge, path


def try_out(experiment: Experiment, plan: Plan, y: ByName, answers: Mapping[str, Any]) -> None:
    """Let losses and metrics judge some made-up answers: many look at their parameters only when they are used.

    Args:
        experiment: says where losses and metrics stand in the config.
        plan: gives them.
        y: targets of a few rows, by output.
        answers: tensors of the shape of what the model gives, by output.

    Raises:
        ConfigError: with every loss and metric that cannot be used, or gives more than one value.
    """
    problems = []
    for output in plan.outputs:
        shape, wanted = tuple(answers[output.name].shape[1:]), y[output.name]
        if None in shape or not len(wanted):
            continue
        made_up = np.full((len(wanted), *shape), 1 / max(2, shape[-1] if shape else 2), np.float32)
        for judge, component, path in made_judges(experiment, output):
            if not isinstance(judge, str) and (found := _fault_of(judge, wanted, made_up)) is not None:
                hint = f"`nnlab list {component.kind} {component.name}` shows what it takes"
                problems.append(Problem(f"`{component.name}` cannot judge this model: {found}", hint, path))
    ConfigError.raise_any(problems)


def _fault_of(judge: Any, y: np.ndarray, answers: np.ndarray) -> str | None:
    """Return why a loss or a metric cannot judge answers `[rows, ...]`, `None` if it can."""
    try:
        value = judge(y, answers)
    except Exception as error:
        return reason_of(error)
    one_is_needed = isinstance(judge, keras.Metric)  # losses of rows are added up
    return f"it gives {np.size(value)} values, and one is needed" if one_is_needed and np.size(value) != 1 else None


def _made_metric(metric: Component, output: OutputPlan, path: ConfigPath) -> Any:
    """Make a metric that sees what the output's values stand for, and takes all rows together."""
    asked, meaning = output.asked, output.meaning
    component = made_of(metric, asked, rows=output.one_hot, meaning=meaning)
    scaling = asked.scaling
    if scaling is not None and component.entry.package != "user":  # numbers may need more digits than float32 has
        component = component.with_parameters(dtype="float64")
    own = own_metric(component, asked)
    if own is None:
        judge = made(component, path)
    else:
        kept = {name: value for name, value in component.parameters.items() if name != "axis"}
        judge = getattr(own_layers, own)(**{"name": component.name, **kept})
    if scaling is not None:
        judge = own_layers.InOwnUnits(judge, scaling.logs, scaling.offsets, scaling.divisors)
    view = view_of(metric, meaning, output.ending)
    if view is None:
        return judge
    return own_layers.OfPredictions(judge, link=view.link, column=view.column, ignored=view.ignored)
