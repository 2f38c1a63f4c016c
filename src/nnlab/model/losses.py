"""Losses and metrics: which are the defaults, and which fit the targets and the way a model ends."""

from __future__ import annotations

from collections.abc import Sequence

from nnlab.config.components import Component
from nnlab.data.splits import TargetSpec
from nnlab.errors import ConfigError, ConfigPath, Problem

CLASS_NUMBER_LOSSES = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy", "circle", "ctc")
"""Losses that want the number of the class; all others compare values with values, and get rows of 0 and 1."""


def default_loss(target: TargetSpec, activation: str | None, metrics: Sequence[Component]) -> Component:
    """Choose the loss that fits the task, the way the model ends, and what the metrics want to compare."""
    logits = {"from_logits": True} if activation is None else {}
    if target.task == "regression":
        return Component("losses", "mean_squared_error")
    if target.task == "multiclass":
        rows = any(compares_rows(metric) for metric in metrics)
        return Component("losses", "categorical_crossentropy" if rows else "sparse_categorical_crossentropy", logits)
    return Component("losses", "binary_crossentropy", logits)


def default_metrics(target: TargetSpec) -> tuple[Component, ...]:
    """Choose the metric that fits the task."""
    name = {"regression": "root_mean_squared_error", "multilabel": "binary_accuracy"}.get(target.task, "accuracy")
    return (Component("metrics", name),)


def metric_name(component: Component) -> str:
    """Return the name of the metric's column in the history of a model with one output."""
    return str(component.parameters.get("name") or component.name)


def compares_rows(metric: Component) -> bool:
    """Whether a metric of several classes compares rows of 0 and 1 rather than class numbers."""
    if "sparse_y_true" in metric.entry.parameters:
        return not metric.get("sparse_y_true")
    return metric.name != "accuracy" and not metric.name.startswith("sparse_")


def check_metrics(target: TargetSpec, loss: Component, metrics: Sequence[Component], path: ConfigPath) -> None:
    """Refuse metrics that would compare rows of 0 and 1 with class numbers, or give a number a class.

    Raises:
        ConfigError: with every such metric.
    """
    problems = []
    for i, metric in enumerate(metrics):
        name = metric.name
        if (
            target.task in ("multiclass", "multilabel")
            and "average" in metric.entry.parameters
            and not metric.get("average")
        ):
            message = f"`{name}` gives one value a class, and a history has one value a metric"
            problems.append(Problem(message, f"write `{name}: {{average: macro}}`", (*path, i)))
        if target.task != "multiclass":
            continue
        if compares_rows(metric) and loss.name in CLASS_NUMBER_LOSSES:
            message = f"`{name}` compares rows of 0 and 1, and `{loss.name}` wants class numbers"
            problems.append(Problem(message, "write `loss: categorical_crossentropy`", (*path, i)))
        if name.startswith("sparse_") and loss.name not in CLASS_NUMBER_LOSSES:
            message = f"`{name}` compares class numbers, and `{loss.name}` wants rows of 0 and 1"
            problems.append(Problem(message, f"write `{name.removeprefix('sparse_')}`", (*path, i)))
    if problems:
        raise ConfigError(problems)


def of_logits(metric: Component) -> Component:
    """Let accuracy split logits at 0; Keras's own splits whatever comes at 0.5."""
    if metric.name not in ("accuracy", "binary_accuracy") or "threshold" in metric.parameters:
        return metric
    return Component("metrics", "binary_accuracy", {"threshold": 0.0, "name": metric_name(metric)})


def check_logits(loss: Component, activation: str | None, path: ConfigPath) -> None:
    """Refuse a loss that expects logits of a softmax, or probabilities of a layer without activation."""
    if "from_logits" not in loss.entry.parameters:
        return
    if loss.get("from_logits") and activation in ("softmax", "sigmoid"):
        message = f"the loss expects logits (`from_logits: true`), and the model ends with `{activation}`"
        hint = "remove `from_logits`: the loss would apply it once more, and learn from flattened probabilities"
        raise ConfigError(Problem(message, hint, path))
    if not loss.get("from_logits") and activation is None:
        message = f"`{loss.name}` expects probabilities, and the output layer has no activation"
        function = "sigmoid" if loss.name.startswith("binary") else "softmax"
        hint = f"write `activation: {function}` in the output layer, or `{loss.name}: {{from_logits: true}}`"
        raise ConfigError(Problem(message, hint, path))
