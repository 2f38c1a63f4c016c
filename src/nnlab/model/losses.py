"""Losses: which are the defaults, and which fit the targets and the way a model ends. Metrics: the defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from nnlab import catalog
from nnlab.config.components import Component
from nnlab.model.ending import Ending, takes_of

if TYPE_CHECKING:
    from nnlab.data.target_scaling import TargetScaling
    from nnlab.data.target_spec import TargetSpec, Task


class Remark(NamedTuple):
    """Why something does not fit, and the remedy."""

    message: str
    hint: str | None


class Asked(NamedTuple):
    """What an output shall answer, as far as it is known.

    Args:
        task: what is learned; `None` before the data are read.
        shape: the shape of one answer, likewise.
        columns: values that the model gives, if its last layer says so.
        scaling: how a model learns the targets; metrics see them, and what it gives, in their own units.
    """

    task: Task | None = None
    shape: tuple[int, ...] | None = None
    columns: int | None = None
    scaling: TargetScaling | None = None

    @property
    def has_classes(self) -> bool:
        """Whether the targets are known to be classes or labels, which are 0 or 1."""
        return self.task in ("binary", "multiclass", "multilabel")

    @property
    def is_single(self) -> bool:
        """Whether the answer is known to be one number."""
        return self.shape is not None and self.shape[-1] == 1


def default_loss(task: Task, ending: Ending, *, rows: bool) -> Component:
    """Choose the loss that fits the task and the way the model ends.

    Args:
        task: what is learned.
        ending: how the model ends.
        rows: whether metrics of several classes want rows of 0 and 1.
    """
    logits = {"from_logits": True} if ending.activation is None else {}
    if task == "regression":
        return Component("losses", "mean_squared_error")
    if task == "multiclass":
        return Component("losses", "categorical_crossentropy" if rows else "sparse_categorical_crossentropy", logits)
    return Component("losses", "binary_crossentropy", logits)


def default_metrics(target: TargetSpec) -> tuple[Component, ...]:
    """Choose the metric that fits the task."""
    name = {"regression": "root_mean_squared_error", "multilabel": "binary_accuracy"}.get(target.task, "accuracy")
    return (Component("metrics", name),)


def wants_class_numbers(loss: Component) -> bool:
    """Whether a loss wants the number of the class; all others compare values with values: rows of 0 and 1."""
    return takes_of(loss).targets == "classes"


def counterpart(component: Component) -> str | None:
    """Return what compares 0 and 1 in one column where this compares a column a class, as `binary_io_u` for `io_u`."""
    stem = re.sub(r"^(sparse_|one_hot_)?(mean_|categorical_)?", "", component.name)
    names = (f"binary_{stem}", stem)
    return next((name for name in names if name != component.name and catalog.find(component.kind, name)), None)


def loss_remarks(loss: Component, asked: Asked, ending: Ending) -> Iterator[Remark]:
    """Yield why a loss does not fit what is asked, or the way the model ends; the weightiest reason first."""
    yield from _wrong_task(loss, asked)
    yield from _wrong_axis(loss, asked)
    if ending.known:
        yield from _wrong_ending(loss, asked, ending)


def _wrong_task(loss: Component, asked: Asked) -> Iterator[Remark]:
    name = f"`{loss.name}`"
    targets, predictions = takes_of(loss)
    other = counterpart(loss) or "binary_crossentropy"
    if predictions in ("sequences", "embeddings"):
        hint = "leave `loss` out: the one that fits the data is then taken"
        yield Remark(f"{name} compares {predictions}, and a model here gives every row one answer", hint)
    elif asked.has_classes and targets == "nonzero":
        yield Remark(f"{name} divides by the target, which is 0 for a class", "write `mean_absolute_error`")
    elif asked.task in (None, "binary") and asked.columns == 1 and targets in ("rows", "classes"):
        yield Remark(f"{name} wants a column for each class, and the model gives one", f"write `{other}`")
    elif asked.task == "binary" and targets == "rows":
        message = f"{name} wants a column for each class, and two classes have one here"
        yield Remark(message, f"write `{other}`, or `task: classification` under `data` for two columns")
    elif asked.task == "binary" and targets == "classes" and "from_logits" not in loss.entry.parameters:
        # Keras would compare every row with the class of every other one
        yield Remark(f"{name} wants class numbers, and two classes are a column of 0 and 1 here", f"write `{other}`")
    elif asked.task == "multilabel" and targets in ("rows", "classes"):
        yield Remark(f"{name} wants one class a row, and the rows here may have several labels", f"write `{other}`")
    elif asked.task == "regression" and targets == "rows" and asked.is_single:
        yield Remark(
            f"{name} wants a column for each class, and here is one number a row", "write `mean_squared_error`"
        )
    elif asked.task == "regression" and (targets == "classes" or (targets, predictions) == ("rows", "scores")):
        hint = "write `mean_squared_error`, or `task: classification` under `data`"
        yield Remark(f"{name} wants classes, and the task is regression", hint)


def _wrong_axis(loss: Component, asked: Asked) -> Iterator[Remark]:
    axis = loss.entry.parameters.get("axis")
    if axis is None or axis.default is None:
        return
    given = loss.get("axis")
    if given == 0 or (isinstance(given, list) and 0 in given):
        yield Remark("`axis: 0` compares the rows of a batch with one another", "remove `axis`")
    elif takes_of(loss).predictions == "numbers" and asked.is_single:
        hint = "write `mean_squared_error`"
        yield Remark(f"`{loss.name}` of single numbers knows only their signs, and teaches nothing", hint)


def _wrong_ending(loss: Component, asked: Asked, ending: Ending) -> Iterator[Remark]:
    name, (targets, predictions) = loss.name, takes_of(loss)
    has_logits = "from_logits" in loss.entry.parameters
    function = "softmax" if predictions == "distribution" else "sigmoid"
    if has_logits and loss.get("from_logits"):
        if ending.within_0_and_1:
            message = f"the loss expects logits (`from_logits: true`), and the model ends with {ending.in_words()}"
            hint = "remove `from_logits`: the loss would apply it once more, and learn from flattened probabilities"
            yield Remark(message, hint)
    elif ending.adds_up_to_1 and (asked.is_single or asked.columns == 1) and targets != "classes":
        hint = "remove it" if asked.task == "regression" else "write `activation: sigmoid` in the output layer"
        yield Remark(f"the model ends with {ending.in_words()}, and of one value that is always 1", hint)
    elif predictions == "positive" and not ending.is_positive:
        units = asked.shape[-1] if asked.shape else 1
        hint = f"end with `Dense: {{units: {units}, activation: exponential}}` (or `softplus`)"
        yield Remark(f"`{name}` expects predictions above 0, and the model ends with {ending.in_words()}", hint)
    elif predictions in ("probabilities", "distribution") and not ending.within_0_and_1:
        end = "the output layer has no activation"
        hint = f"write `activation: {function}` in the output layer"
        if ending.activation is not None:
            end = f"the model ends with {ending.in_words()}"
        elif has_logits:
            hint += f", or `{name}: {{from_logits: true}}`"
        yield Remark(f"`{name}` expects probabilities, and {end}", hint)
    elif predictions == "distribution" and not ending.adds_up_to_1:
        message = f"`{name}` expects probabilities that add up to 1, and the model ends with {ending.in_words()}"
        yield Remark(message, "write `activation: softmax` in the output layer, or `loss: binary_crossentropy`")
    elif predictions == "probabilities" and has_logits and ending.adds_up_to_1:
        message = f"`{name}` takes each value by itself, and the model ends with {ending.in_words()}"
        hint = "write `activation: sigmoid` in the output layer"
        yield Remark(message, hint + ", or `loss: categorical_crossentropy`" * (asked.task == "multiclass"))
