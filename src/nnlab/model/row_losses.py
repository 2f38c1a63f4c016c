"""What a loss or a metric makes of values that are there, row by row, without a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nnlab import layers as own_layers
from nnlab.config.components import Component
from nnlab.errors import NnlabError
from nnlab.model.ending import Meaning
from nnlab.model.losses import Asked
from nnlab.model.metrics import own_metric, settled_metric, several_values
from nnlab.model.objects import make, reason_of
from nnlab.private.keras import row_values

Floats = npt.NDArray[np.float64]
Predicted: TypeAlias = "npt.NDArray[Any] | tf.Tensor"


@dataclass(frozen=True, slots=True, eq=False)
class RowLosses:
    """A loss or a metric of rows.

    Args:
        rows: the value of each row, float64 `[rows]`; `None` if it has one for all of them together alone, as an AUC.
        value: for all rows together, as Keras reports it: for most the mean of the rows.
    """

    rows: Floats | None
    value: float

    @property
    def sum(self) -> float | None:
        """The sum over the rows."""
        return None if self.rows is None else float(self.rows.sum())

    @property
    def mean(self) -> float | None:
        """The mean over the rows."""
        return None if self.rows is None else float(self.rows.mean())


def row_losses(component: Component, y: npt.NDArray[Any], predicted: Predicted) -> RowLosses:
    """Judge each row by itself, in float32 as a training does, and all of them together.

    Args:
        component: a loss or a metric.
        y: targets `[rows, ...]`, as a model is trained on them: class numbers `[rows]` where the loss wants them.
        predicted: what a model gives, or gave, `[rows, ...]`. Of a model's own tensor a loss is made from the logits
            behind its softmax or sigmoid where Keras does so in a training; an array knows no logits.

    Raises:
        NnlabError: Keras refuses the parameters or the values, or a metric gives several values.

    Example:
        >>> row_losses(Component("losses", "mean_squared_error"), np.zeros((2, 1)), np.array([[1.0], [2.0]])).rows
        array([1., 4.])
    """
    try:
        return (_loss if component.kind == "losses" else _metric)(component, y, predicted)
    except (ValueError, TypeError, AttributeError, tf.errors.InvalidArgumentError) as error:
        hint = f"`nnlab list {component.kind} {component.name}` shows what it takes"
        raise NnlabError(f"Keras refuses `{component.name}` of these values: {reason_of(error)}", hint=hint) from error


def _loss(component: Component, y: npt.NDArray[Any], predicted: Predicted) -> RowLosses:
    together = np.asarray(make(component)(y, predicted), np.float64)
    each = np.asarray(_row_by_row(component)(y, predicted), np.float64)
    return RowLosses(_of_rows(each, len(y)), float(together.mean()))  # `reduction: none` leaves several


def _row_by_row(component: Component) -> Any:
    """Make a loss that gives a value a row; a function of the user's does so, and a class of theirs when it is told."""
    if "reduction" in component.entry.parameters:
        return make(component.with_parameters(reduction="none"))
    judge = make(component)
    if isinstance(judge, keras.losses.Loss):
        judge.reduction = "none"
    return judge


def _metric(component: Component, y: npt.NDArray[Any], predicted: Predicted) -> RowLosses:
    remark = next(several_values(component), None)
    if remark is not None:
        raise NnlabError(remark.message, hint=remark.hint)
    metric = _made_metric(component, y, predicted)
    metric.update_state(y, predicted)
    value = float(metric.result())
    # the others are no means over rows
    each = row_values(metric, y, predicted) if isinstance(metric, keras.metrics.MeanMetricWrapper) else None
    return RowLosses(None if each is None else _of_rows(np.asarray(each, np.float64), len(y)), value)


def _made_metric(component: Component, y: npt.NDArray[Any], predicted: Predicted) -> keras.Metric:
    """Make a metric that takes all rows together, as in a training."""
    if component.name == "accuracy":
        return make(Component("metrics", _accuracy(y, predicted)))
    asked = Asked(shape=predicted.shape[1:] or (1,))
    settled = settled_metric(component, asked, Meaning("numbers"))
    own = own_metric(settled, asked)
    if own is None:
        return make(settled)
    return getattr(own_layers, own)(**{name: value for name, value in settled.parameters.items() if name != "axis"})


def _accuracy(y: npt.NDArray[Any], predicted: Predicted) -> str:
    """Choose the accuracy that Keras would choose by the shapes."""
    if predicted.ndim == 1 or predicted.shape[-1] == 1:
        return "binary_accuracy"
    return "categorical_accuracy" if y.shape == predicted.shape else "sparse_categorical_accuracy"


def _of_rows(values: Floats, count: int) -> Floats | None:
    """Return the mean of each row's values; `None` if they are not those of rows."""
    return values.reshape(count, -1).mean(axis=1) if values.ndim and len(values) == count else None
