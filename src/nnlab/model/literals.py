"""True and predicted values that a person has written down: the rows that they are, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nnlab.config.components import Component
from nnlab.errors import NnlabError
from nnlab.model.ending import takes_of
from nnlab.model.metrics import targets_of
from nnlab.model.values import target_remark
from nnlab.wording import counted, number_text, shape_text, show

ROUNDED = 1e-3
"""By how much the sum of probabilities, as people write them down, may differ from 1."""


def literal_rows(
    component: Component, true: npt.ArrayLike, predicted: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Return targets and predictions as rows.

    A flat list is one row where a loss looks at a row's columns together (classes, a cosine), else a row a number. One
    number stands for as many as there are on the other side.

    Args:
        component: a loss or a metric.
        true: targets.
        predicted: predictions.

    Returns:
        Targets, class numbers `[rows]` or values `[rows, ...]`, and predictions `[rows, ...]`.

    Raises:
        NnlabError: they are no finite numbers, do not fit one another, or have values that the loss does not know.
    """
    y, outputs = _numbers(true, "true"), _numbers(predicted, "predicted")
    if takes_of(component).targets == "sequences":
        if (y.ndim, outputs.ndim) != (2, 3) or len(y) != len(outputs):
            hint = "true are rows of class numbers, predicted rows of steps with a value for each class"
            raise NnlabError(_unequal(component, y, outputs), hint=hint)
    elif _has_class_numbers(component, y, outputs):
        y, outputs = _with_classes(component, y, outputs)
    else:
        y, outputs = _with_values(component, y, outputs)
        remark = None if component.name == "accuracy" else target_remark(component, y)
        if remark is not None:
            raise NnlabError(remark.message, hint=remark.hint)
    return y, outputs.astype(np.float32)


def _numbers(values: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    hint = "write `[0, 1]` for a number a row, `[[0.1, 0.9], [0.8, 0.2]]` for rows of numbers"
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        raise NnlabError(f"the {name} values are rows of different lengths", hint=hint) from None
    if array.dtype.kind not in "iufb" or not array.size:
        raise NnlabError(f"the {name} values are no numbers: {show(values)}", hint=hint)
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        where = f" in row {place[0]} (counted from 0)" if place else ""
        raise NnlabError(f"the {name} values hold {array[place]:g}{where}", hint="give finite numbers")
    largest = float(abs(array.astype(np.float64)).max())
    if largest > float(np.finfo(np.float32).max):
        message = f"the {name} values hold a number of the size {largest:g}, and float32 ends at 3.4e+38"
        raise NnlabError(message, hint="give smaller numbers")
    return array.astype(np.float64) if array.dtype.kind == "b" else array


def _has_class_numbers(component: Component, y: npt.NDArray[Any], outputs: npt.NDArray[Any]) -> bool:
    """Whether the targets are numbers of classes; `accuracy` takes them where predictions have a column a class."""
    if component.name == "accuracy":
        columns = outputs.shape[-1] if outputs.ndim > 1 or y.size == 1 < outputs.size else 1
        return columns > 1 and y.size * columns == outputs.size
    return targets_of(component) == "classes"


def _with_classes(
    component: Component, y: npt.NDArray[Any], outputs: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    known = component.entry.parameters
    if "sparse_y_pred" in known and component.get("sparse_y_pred"):  # numbers of classes on both sides
        y, outputs = y.reshape(-1), outputs.reshape(-1)
        classes = component.get("num_classes")
    else:
        outputs = outputs.reshape(1, -1) if outputs.ndim < 2 and y.size == 1 else outputs
        if outputs.ndim < 2 or outputs.shape[-1] == 1:
            message = f"`{component.name}` wants a column of predictions for each class, and here is one number a row"
            raise NnlabError(message, hint="write rows of numbers: `[[0.1, 0.9], [0.8, 0.2]]`")
        y = y.reshape(outputs.shape[:-1]) if y.size == outputs[..., 0].size else y
        classes = None if takes_of(component).predictions == "embeddings" else outputs.shape[-1]
    if y.shape != outputs.shape[: y.ndim] or y.ndim != max(1, outputs.ndim - 1):
        hint = f"give the number of a class for each row: {counted(len(outputs), 'number')}"
        raise NnlabError(_unequal(component, y, outputs), hint=hint)
    _check_classes(component, y, classes)
    return y.astype(np.int32), outputs


def _check_classes(component: Component, y: npt.NDArray[Any], classes: int | None) -> None:
    ignored = component.get("ignore_class") if "ignore_class" in component.entry.parameters else None
    unknown = (y != np.floor(y)) | (y < 0) | (y >= (np.inf if classes is None else classes))
    wrong = y[unknown & (y != (np.nan if ignored is None else ignored))]
    if wrong.size:
        range_ = "from 0 on" if classes is None else f"0 to {classes - 1}"
        value = number_text(float(wrong.flat[0]))
        message = f"`{component.name}` wants the number of a class, {range_}, and the true values hold {value}"
        hint = "classes are counted from 0" if wrong.flat[0] == classes else "give whole numbers, counted from 0"
        raise NnlabError(message, hint=hint)


def _with_values(
    component: Component, y: npt.NDArray[Any], outputs: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if y.size == 1 or outputs.size == 1:
        shape = outputs.shape if y.size == 1 else y.shape
        y, outputs = (np.full(shape, array.item()) if array.size == 1 else array for array in (y, outputs))
    if y.ndim < 2 and outputs.ndim < 2:
        shape = (1, -1) if _looks_at_columns(component) else (-1, 1)
        y, outputs = y.reshape(shape), outputs.reshape(shape)
    elif y.size == outputs.size and 1 in (y.shape[-1], outputs.shape[-1]) and len(y) == len(outputs):
        y, outputs = y.reshape(len(y), -1), outputs.reshape(len(outputs), -1)
    if y.shape != outputs.shape:
        raise NnlabError(_unequal(component, y, outputs), hint="give as many true values as predicted ones")
    if outputs.shape[-1] == 1 and targets_of(component) == "rows":
        message = f"`{component.name}` wants a column for each class, and here is one number a row"
        raise NnlabError(message, hint="write rows of numbers: `[[0, 1], [1, 0]]`")
    return y.astype(np.float32), outputs


def _looks_at_columns(component: Component) -> bool:
    """Whether a row is more than numbers each of which could stand for itself."""
    takes, entry = takes_of(component), component.entry
    if targets_of(component) == "rows":
        return True
    over_rows = entry.stand_in is not None and entry.stand_in.correlates
    return takes.predictions == "numbers" and "axis" in entry.parameters and not over_rows


def _unequal(component: Component, y: npt.NDArray[Any], outputs: npt.NDArray[Any]) -> str:
    shapes = [shape_text(array.shape) for array in (y, outputs)]
    return f"`{component.name}` cannot compare true values of the shape {shapes[0]} with predicted ones of {shapes[1]}"


def odd_predictions(component: Component, outputs: npt.NDArray[np.float32]) -> Iterator[str]:
    """Say where predictions are not what a loss or a metric takes them for: probabilities or logits.

    Args:
        component: a loss or a metric.
        outputs: predictions `[rows, ...]`.
    """
    takes, known = takes_of(component), component.entry.parameters
    if takes.predictions == "positive" and outputs.min() < 0:
        yield f"`{component.name}` expects predictions above 0, and the least is {outputs.min():g}"
    if takes.predictions not in ("probabilities", "distribution"):
        return
    name = f"`{component.name}`"
    within = bool(((outputs >= 0) & (outputs <= 1)).all())
    sums = outputs.sum(axis=-1)
    together = takes.predictions == "distribution"
    adds_up = bool((abs(sums - 1) < ROUNDED).all())
    if "from_logits" in known and component.get("from_logits"):
        if within and (adds_up or not together):
            function = "softmax" if together else "sigmoid"
            what = f"add up to 1, as behind a {function}" if together else "lie between 0 and 1, as probabilities do"
            yield (
                f"{name} expects logits (`from_logits: true`), and the predictions {what}: {function} is applied once "
                "more, and a network would learn from flattened probabilities"
            )
    elif not within:
        asked = any(component.parameters.get(name) is not None for name in ("threshold", "thresholds"))
        hint = ": if they are logits, say `--from-logits`" if "from_logits" in known else ""
        if not asked:
            range_ = f"{outputs.min():g} to {outputs.max():g}"
            yield f"{name} expects probabilities, and the predictions go from {range_}{hint}"
    elif together and not adds_up:
        furthest = sums.flat[np.argmax(abs(sums - 1))]
        yield f"{name} expects probabilities that add up to 1, and those of a row add up to {furthest:g}"
