"""Metrics: which fit what an output answers, what is set for them, and what of the output they see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nnlab.config.columns import metric_name
from nnlab.config.components import Component
from nnlab.model.ending import Ending, Link, Meaning, meaning_of, takes_of
from nnlab.model.losses import Asked, Remark, counterpart, wants_class_numbers
from nnlab.wording import counted

if TYPE_CHECKING:
    from nnlab.data.target_spec import Task

_PER_CLASS = {"average": "macro", "class_aggregation": "uniform_average"}
"""Parameters whose `null` means a value a class or target, and what makes one value of them."""


@dataclass(frozen=True, slots=True)
class View:
    """What a metric sees of an output, where that is not the output as it is (see `nnlab.layers.OfPredictions`)."""

    link: Link | None = None
    column: int | None = None
    ignored: int | None = None


def targets_of(metric: Component) -> str:
    """Return what a metric wants of the targets, its parameters considered."""
    if "sparse_y_true" in metric.entry.parameters:
        return "classes" if metric.get("sparse_y_true") else "rows"
    return takes_of(metric).targets


def compares_rows(metric: Component) -> bool:
    """Whether a metric of several classes compares rows of 0 and 1 rather than class numbers."""
    return targets_of(metric) not in ("classes", "any")


def is_entropy(metric: Component) -> bool:
    """Whether a metric is a cross-entropy: it knows logits, and has no threshold."""
    return "from_logits" in metric.entry.parameters and "thresholds" not in metric.entry.parameters


def settled_metric(metric: Component, asked: Asked, meaning: Meaning) -> Component:
    """Return a metric with what follows from the task and the end of the model, where the config does not say it.

    A threshold for labels, without which Keras takes a row's largest value for the only label; the rows as the axis of
    a correlation, where Keras correlates the targets of a row with one another; `from_logits` where the metric knows
    what to make of logits.
    """
    given, known = metric.parameters, metric.entry.parameters
    more: dict[str, Any] = {}
    if "threshold" in known and metric.get("threshold") is None and asked.task not in (None, "multiclass"):
        more["threshold"] = 0.5
    if _is_correlation(metric) and "axis" not in given:
        more["axis"] = 0
    if "from_logits" in known and "from_logits" not in given and meaning.link is not None and _knows(metric, meaning):
        more["from_logits"] = True
    return metric.with_parameters(**more) if more else metric


def view_of(metric: Component, meaning: Meaning, ending: Ending) -> View | None:
    """Return what a metric sees of an output; `None` for the output as it is.

    Behind logits and scores, metrics see probabilities, but those that want scores, or only an order. A threshold
    outside of 0 and 1 is one of the logits themselves, as Keras's documentation has it.
    """
    predictions = takes_of(metric).predictions
    if predictions == "scores" or (predictions == "ranking" and metric.name != "accuracy"):
        return None
    if metric.name == "accuracy" and (meaning.column is not None or meaning.link != "sigmoid"):
        return None
    column = None if targets_of(metric) == "classes" else meaning.column
    link = None if _takes_logits(metric, meaning) or _has_logit_threshold(metric) else meaning.link
    ignored = metric.get("ignore_class") if is_entropy(metric) and "ignore_class" in metric.parameters else None
    looks_through = meaning.link is None and _looks_through(metric, ending)
    if link is None and column is None and ignored is None and not looks_through:
        return None
    return View(link, column, ignored)


def made_of(metric: Component, asked: Asked, *, rows: bool, meaning: Meaning) -> Component:
    """Return the metric to make: `accuracy` is one of three, and what sees probabilities is not told of logits.

    Args:
        metric: the metric, settled.
        asked: what the output shall answer.
        rows: whether several classes are compared as rows of 0 and 1.
        meaning: what the output's values stand for.
    """
    if metric.parameters.get("from_logits") and not _takes_logits(metric, meaning):
        return metric.with_parameters(from_logits=False)
    if metric.name != "accuracy":
        return metric
    if asked.task == "multilabel" or (asked.task == "binary" and meaning.column is None):
        name = "binary_accuracy"
    else:
        name = "categorical_accuracy" if rows and asked.task == "multiclass" else "sparse_categorical_accuracy"
    return Component("metrics", name, {"name": metric_name(metric)})


def own_metric(metric: Component, asked: Asked) -> str | None:
    """Return nnlab's own metric that takes the place of Keras's.

    Keras's would average over batches, or could not be loaded again with the model.
    """
    own = metric.entry.stand_in
    if own is None:
        return None
    if own.given is not None:
        return own.object if metric.parameters.get(own.given) is not None else None
    is_asked = "axis" not in metric.entry.parameters or _is_over_rows(metric.get("axis"), asked)
    return own.object if is_asked else None


def metric_remarks(metric: Component, loss: Component | None, asked: Asked, ending: Ending) -> Iterator[Remark]:
    """Yield why a metric gives no value, or none that means anything; the weightiest reason first."""
    yield from several_values(metric)
    if asked.task is None or loss is None:
        yield from _class_numbers_predicted(metric, asked)
        return
    output = _Output(loss, asked, meaning_of(asked.task, loss, ending), ending)
    if asked.has_classes and targets_of(metric) == "nonzero":
        message = f"`{metric.name}` divides by the target, which is 0 for a class"
        yield Remark(message, "write `mean_absolute_error`")
    if asked.scaling is not None:
        yield from _wrong_in_own_units(metric)
    yield from _WRONG_FOR_TASK[asked.task](metric, output)
    yield from _class_numbers_predicted(metric, asked)
    yield from _wrong_axis(metric, asked)
    yield from _wrong_end(metric, output)
    yield from _too_many(metric, asked, output.meaning)


class _Output(NamedTuple):
    """All that decides whether a metric fits an output."""

    loss: Component
    asked: Asked
    meaning: Meaning
    ending: Ending


def _knows(metric: Component, meaning: Meaning) -> bool:
    """Whether a metric that can be told of logits makes the right probabilities of these."""
    own = "softmax" if takes_of(metric).predictions == "distribution" else "sigmoid"
    return own == meaning.link and (meaning.column is None or targets_of(metric) == "classes")


def _takes_logits(metric: Component, meaning: Meaning) -> bool:
    """Whether a metric is told of logits, and makes the right probabilities of them."""
    is_told = "from_logits" in metric.entry.parameters and bool(metric.get("from_logits"))
    return is_told and _knows(metric, meaning)


def _looks_through(metric: Component, ending: Ending) -> bool:
    """Whether Keras would take what made the model's last values for logits, and of the wrong kind."""
    return is_entropy(metric) and (
        not ending.known or ending.adds_up_to_1 != (takes_of(metric).predictions == "distribution")
    )


def _has_logit_threshold(metric: Component) -> bool:
    """Whether a threshold is given that no probability can pass, or every one: it is one of logits."""
    names = [name for name in ("threshold", "thresholds") if name in metric.parameters]
    values = [metric.parameters[name] for name in names]
    values = [value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value for value in values]
    return any(isinstance(value, (int, float)) and not 0 < value < 1 for value in values)


def _is_correlation(metric: Component) -> bool:
    return metric.entry.stand_in is not None and metric.entry.stand_in.correlates


def _is_over_rows(axis: Any, asked: Asked) -> bool:
    """Whether an axis, of an array with a first one of rows, is that of the rows."""
    axes = 1 + len(asked.shape or (1,))
    return isinstance(axis, int) and axis in (0, -axes)


def several_values(metric: Component) -> Iterator[Remark]:
    """A history has one number a metric."""
    for parameter, one in _PER_CLASS.items():
        if parameter in metric.entry.parameters and not metric.get(parameter):
            what = "class" if parameter == "average" else "target"
            message = f"`{metric.name}` gives one value a {what}, and a history has one value a metric"
            yield Remark(message, f"write `{metric.name}: {{{parameter}: {one}}}`")
    thresholds = metric.parameters.get("thresholds")
    if not isinstance(thresholds, (list, tuple)) or "float" not in metric.entry.parameters["thresholds"].types:
        return  # those of `auc` make one area
    if len(thresholds) != 1:
        message = f"`{metric.name}` gives one value a threshold, and a history has one value a metric"
        yield Remark(message, f"write one metric each: `{metric.name}: {{thresholds: 0.5, name: ...}}`")


def _class_numbers_predicted(metric: Component, asked: Asked) -> Iterator[Remark]:
    """A model gives a value for each class, never the number of one."""
    if metric.entry.parameters.get("sparse_y_pred") and metric.get("sparse_y_pred"):
        message = f"`{metric.name}` compares class numbers, and a model gives a value for each class"
        hint = "write `sparse_y_pred: false`"
        if asked.task in (None, "binary", "multilabel"):
            other = f"`{counterpart(metric)}`"
            hint = f"write {other}" if asked.task is not None else f"{hint}, or {other} for an output of one column"
        yield Remark(message, hint)
    if metric.entry.parameters.get("from_sorted_ids") and metric.get("from_sorted_ids"):
        message = f"`{metric.name}` would take what the model gives for numbers of classes, best first"
        yield Remark(message, "remove `from_sorted_ids`")


def _other(metric: Component) -> str:
    """Say what to write in place of a metric that wants a column a class."""
    other = counterpart(metric)
    if metric.name.endswith("accuracy") and "top_k" not in metric.name:
        other = "accuracy"
    return "remove it" if other is None or "top_k" in metric.name else f"write `{other}`"


def _wrong_for_two_classes(metric: Component, output: _Output) -> Iterator[Remark]:
    loss, _, meaning, _ = output
    targets, name = targets_of(metric), f"`{metric.name}`"
    if targets == "rows" and meaning.column is not None:
        hint = f"write `sparse_{metric.name}`" if metric.name == "categorical_accuracy" else "remove it"
        yield Remark(f"{name} compares rows of 0 and 1, and `{loss.name}` wants class numbers", hint)
    elif targets in ("rows", "classes") and meaning.column is None:
        message = f"{name} wants a column for each class, and two classes have one here"
        yield Remark(message, _other(metric))
    elif meaning.column is not None and takes_of(metric).predictions == "scores":
        yield Remark(f"{name} wants one score a row, and the model gives one a class", "remove it")


def _wrong_for_labels(metric: Component, _: _Output) -> Iterator[Remark]:
    if targets_of(metric) in ("rows", "classes"):
        message = f"`{metric.name}` wants one class a row, and the rows here may have several labels"
        yield Remark(message, _other(metric))


def _wrong_for_classes(metric: Component, output: _Output) -> Iterator[Remark]:
    name, targets, loss = metric.name, targets_of(metric), output.loss
    if wants_class_numbers(loss) and compares_rows(metric):
        other = "categorical_crossentropy"
        other = f"{{{other}: {{from_logits: true}}}}" if output.meaning.kind == "logits" else other
        hint = f"write `loss: {other}`"
        if "sparse_y_true" in metric.entry.parameters:
            hint = "write `sparse_y_true: true`"
        yield Remark(f"`{name}` compares rows of 0 and 1, and `{loss.name}` wants class numbers", hint)
    elif not wants_class_numbers(loss) and targets == "classes":
        hint = f"write `{name.removeprefix('sparse_')}`"
        if "sparse_y_true" in metric.entry.parameters:
            hint = "write `sparse_y_true: false`"
        yield Remark(f"`{name}` compares class numbers, and `{loss.name}` wants rows of 0 and 1", hint)


def _wrong_for_numbers(metric: Component, output: _Output) -> Iterator[Remark]:
    """Numbers may be probabilities, or rows of some, where the model ends so: an autoencoder of black and white."""
    loss, asked, meaning, ending = output
    targets, predictions = targets_of(metric), takes_of(metric).predictions
    fits = {
        "values": True,
        "any": predictions == "numbers",
        "nonzero": True,
        "nonnegative": True,
        "labels": takes_of(loss).predictions == "scores"
        if predictions == "scores"
        else meaning.kind == "logits" or ending.within_0_and_1,
        "rows": predictions != "scores" and not asked.is_single and (meaning.link == "softmax" or ending.adds_up_to_1),
    }
    if not fits.get(targets, False):
        yield Remark(
            f"`{metric.name}` counts classes, and the task is regression",
            "write `root_mean_squared_error`, or `task: classification` under `data`",
        )


def _wrong_in_own_units(metric: Component) -> Iterator[Remark]:
    """What is scaled may be any number in its own units, however the model ends."""
    if targets_of(metric) in ("labels", "rows", "classes") or takes_of(metric).predictions == "positive":
        message = f"`{metric.name}` is not for predictions that may be any number, as those of a scaled target may"
        yield Remark(message, "write `root_mean_squared_error`, or remove `target_scaling` under `data`")


def _wrong_axis(metric: Component, asked: Asked) -> Iterator[Remark]:
    if "axis" not in metric.entry.parameters:
        return
    axis = metric.get("axis")
    if _is_correlation(metric) and asked.is_single and "axis" in metric.parameters and not _is_over_rows(axis, asked):
        yield Remark(f"`{metric.name}` of single numbers has no value", "write `axis: 0`: over the rows")
    elif isinstance(axis, (list, tuple)) or (_is_over_rows(axis, asked) and metric.entry.stand_in is None):
        message = f"`axis: {axis}` compares the rows of a batch with one another".replace("(", "[").replace(")", "]")
        yield Remark(message, "remove `axis`")


def _wrong_end(metric: Component, output: _Output) -> Iterator[Remark]:
    """A cross-entropy wants probabilities, a hinge scores."""
    loss, _, meaning, ending = output
    name, predictions, learned = metric.name, takes_of(metric).predictions, takes_of(loss).predictions
    if metric.parameters.get("from_logits") and meaning.link is None:
        message = f"`{name}` expects logits (`from_logits: true`), and the loss takes the answers for probabilities"
        yield Remark(message, "remove `from_logits`")
    elif predictions == "scores" and meaning.kind not in ("logits", "scores") and learned != "scores":
        message = f"`{name}` wants scores with 0 between the classes, and `{loss.name}` learns probabilities"
        yield Remark(message, f"remove it, or write `loss: {name}` and end with `tanh` or no activation")
    elif meaning.link is None and ending.known:
        searches = "num_thresholds" in metric.entry.parameters  # thresholds between 0 and 1
        if (predictions == "distribution" or is_entropy(metric) or searches) and not ending.within_0_and_1:
            message = f"`{name}` expects probabilities, and the model ends with {ending.in_words()}"
            yield Remark(message, "remove it, or choose a loss and an activation of the output layer that give some")
        elif predictions == "positive" and not ending.is_positive:
            message = f"`{name}` expects predictions above 0, and the model ends with {ending.in_words()}"
            yield Remark(message, "write `activation: exponential` (or `softplus`) in the output layer, or remove it")


def _too_many(metric: Component, asked: Asked, meaning: Meaning) -> Iterator[Remark]:
    """What names a class or a number of them fits how many there are."""
    if asked.shape is None:
        return
    if len(asked.shape) != 1 and any(name in metric.entry.parameters for name in _PER_CLASS):
        yield Remark(f"`{metric.name}` wants rows of one axis, and an answer has the shape {list(asked.shape)}", None)
    count = 2 if meaning.column is not None and targets_of(metric) == "classes" else asked.shape[-1]
    yield from _labels_miscounted(metric, asked.shape[-1])
    limits: dict[str, tuple[Literal["at least", "at most"], int]] = {
        "num_classes": ("at least", count),
        "class_id": ("at most", count - 1),
        "top_k": ("at most", count),
    }
    for parameter, (word, limit) in limits.items():
        value = metric.parameters.get(parameter)
        if isinstance(value, int) and (value < limit if word == "at least" else value > limit):
            message = f"`{parameter}` is {value}, and an answer has {counted(count, 'value')}"
            yield Remark(message, f"write {word} {limit}: `{parameter}: {limit}`")


def _labels_miscounted(metric: Component, count: int) -> Iterator[Remark]:
    """A value a label needs as many as there are columns."""
    weights, labels = metric.parameters.get("label_weights"), metric.parameters.get("num_labels")
    for parameter, given in (("num_labels", labels), ("label_weights", None if weights is None else len(weights))):
        if given is not None and given != count:
            message = f"`{parameter}` is for {counted(given, 'column')}, and an answer has {counted(count, 'value')}"
            hint = f"write `num_labels: {count}`" if parameter == "num_labels" else f"write {counted(count, 'weight')}"
            yield Remark(message, hint)


_WRONG_FOR_TASK: Mapping[Task, Callable[[Component, _Output], Iterator[Remark]]] = {
    "binary": _wrong_for_two_classes,
    "multiclass": _wrong_for_classes,
    "multilabel": _wrong_for_labels,
    "regression": _wrong_for_numbers,
}
