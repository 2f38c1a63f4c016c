"""Whether scores of several experiments are of one kind: what a column of their histories means in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab import catalog
from nnlab.catalog import Direction
from nnlab.config.by_name import said_of
from nnlab.config.columns import metric_name
from nnlab.config.components import Component
from nnlab.config.model import FunctionalConfig
from nnlab.config.penalties import penalties
from nnlab.config.schema import Experiment
from nnlab.errors import ConfigPath, Problem, format_path
from nnlab.model.plan import OutputPlan, measured_columns

Contents = Mapping[ConfigPath, Any]
"""What decides what a column holds, by its place in the config."""


LOSS = ("training", "loss")
WEIGHTS = ("training", "loss_weights")
METRICS = ("training", "metrics")
WEIGHTED = ("training", "weighted_metrics")
OF_DATA = (("data", "target_scaling"), ("data", "weight"))
"""What of the data changes what losses are."""


def column_contents(column: str, experiment: Experiment, outputs: Sequence[OutputPlan]) -> Contents:
    """Return what a column of the history is made of.

    The loss holds the weighted losses of all outputs and the penalties of regularizers; that of one output, and a
    metric, nothing else. Whether it is computed from logits or from probabilities does not change what it says.
    """
    if column == "loss":
        found: dict[ConfigPath, Any] = {**penalties(experiment.model), **_of_data(experiment)}
        for output in outputs:
            found[*LOSS, output.name] = _without_logits(output.loss)
            found[*WEIGHTS, output.name] = output.loss_weight
        return found
    output, made = measured_columns(outputs)[column]
    if made.kind == "losses":
        return {(*LOSS, output.name): _without_logits(made), **_of_data(experiment)}
    if made in output.weighted_metrics:
        weight = OF_DATA[1]
        return {(*WEIGHTED, output.name): made, weight: getattr(experiment.data, weight[-1])}
    return {(*METRICS, output.name): _as_written(metric_name(made), experiment, output.name)}


def unlike(
    column: str, contents: Sequence[Contents], *, others: Mapping[str, Direction | None], key: str
) -> Problem | None:
    """Return why the values of a column cannot be compared, `None` if they mean the same everywhere.

    Args:
        column: without `val_`.
        contents: what it is in each experiment.
        others: columns that could decide instead, with their directions.
        key: of the config, which names what decides.
    """
    places = dict.fromkeys(path for each in contents for path in each)
    differing = [path for path in places if any(each.get(path) != contents[0].get(path) for each in contents)]
    if not differing:
        return None
    metrics = [f"val_{name}" for name, better in others.items() if name not in (column, "loss") and better]
    hint = f"name a metric instead: `{key}: {metrics[0]}`" if metrics else _metric_hint(contents[0], key)
    path = differing[0]
    if path[:2] == LOSS:
        return Problem("the values of different losses cannot be compared", hint)
    if path[:2] == WEIGHTS:
        return Problem("with different `training.loss_weights`, values of `val_loss` cannot be compared", hint)
    if path[:2] in (METRICS, WEIGHTED):
        message = f"the metric `{column}` has different parameters, so that its values cannot be compared"
        return Problem(message, hint)
    place = format_path(path)
    if path in OF_DATA:
        return Problem(f"with another `{place}`, values of `val_{column}` cannot be compared", hint)
    return Problem(f"`val_loss` holds the penalty of `{place}`, which differs: its values cannot be compared", hint)


def penalized(experiment: Experiment, metric: str | None, *, key: str) -> Problem | None:
    """Return advice on a loss that decides between different models, and holds the penalty of each.

    Even one regularizer for all has another sum in a wider layer, or with another activation.
    """
    held = [*penalties(experiment.model)]
    if not held or not _loss_decides(metric, experiment):
        return None
    message = f"`val_loss` holds the penalty of `{format_path(held[0])}`, which is another sum in each model"
    path = tuple(key.split("."))
    return Problem(message, _instead(experiment, key), path, severity="advice", rule="penalized-score")


def _loss_decides(metric: str | None, experiment: Experiment) -> bool:
    if metric is not None:
        return metric.removeprefix("val_") == "loss"
    training, model = experiment.training, experiment.model
    return training.metrics == () or (isinstance(model, FunctionalConfig) and len(model.outputs) > 1)


def _instead(experiment: Experiment, key: str) -> str:
    """Say by which metric of the config to judge, or how to get one."""
    training = experiment.training
    by_output = training.metrics if isinstance(training.metrics, Mapping) else {"": training.metrics or ()}
    named = [
        f"val_{f'{output}_' if output else ''}{metric_name(metric)}"
        for output, metrics in by_output.items()
        for metric in metrics
        if metric.entry.direction is not None
    ]
    if named:
        return f"name a metric, which holds no penalty: `{key}: {named[0]}`"
    if isinstance(training.loss, Component) and catalog.find("metrics", training.loss.name) is not None:
        return _loss_as_metric(training.loss.name, key)
    return f"name a metric as the `{key}`: it holds no penalty"


def _loss_as_metric(name: str, key: str) -> str:
    return f"judge by the loss alone: `metrics: [{name}]` and `{key}: val_{name}`"


def _of_data(experiment: Experiment) -> Contents:
    return {path: getattr(experiment.data, path[-1]) for path in OF_DATA}


def _without_logits(loss: Component) -> Component:
    parameters = {name: value for name, value in loss.parameters.items() if name not in ("from_logits", "name")}
    return Component(loss.kind, loss.name, parameters)


def _as_written(name: str, experiment: Experiment, output: str) -> Component:
    """Return the config's own metric of this name: what the model's end makes of its threshold is no difference."""
    own = said_of(output, experiment.training.metrics, ()) or ()
    default = Component("metrics", name)
    return next((metric for metric in own if metric_name(metric) == name), default)


def _metric_hint(contents: Contents, key: str) -> str:
    """Say which metric is the loss without penalties, or that one is needed."""
    losses = [loss.name for path, loss in contents.items() if path[:2] == LOSS]
    same = [name for name in losses if catalog.find("metrics", name) is not None]
    if len(losses) == 1 and same:
        return _loss_as_metric(same[0], key)
    return f"give `training.metrics` one that all share, and name it as `{key}`"
