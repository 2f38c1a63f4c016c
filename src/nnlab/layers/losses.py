"""Losses of nnlab's own, all for regression."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import keras
from annotated_types import Ge, Gt
from keras import ops

Reduction: TypeAlias = Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none"] | None


class RegressionLoss(keras.losses.Loss):
    """Base of losses that are the mean over a row's targets of a function of target and prediction.

    As with Keras's own, targets of shape `(batch,)` go with predictions of shape `(batch, 1)` and the other way round.

    Attributes:
        value_range: the least and the largest value; `None` for no end.
    """

    value_range: tuple[float | None, float | None] = (0, None)
    takes = ("values", "numbers")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each row: `(batch, targets)` becomes `(batch,)`."""
        if len(y_true.shape) == len(y_pred.shape) - 1 and y_pred.shape[-1] == 1:
            y_true = ops.expand_dims(y_true, axis=-1)
        elif len(y_pred.shape) == len(y_true.shape) - 1 and y_true.shape[-1] == 1:
            y_pred = ops.expand_dims(y_pred, axis=-1)
        return ops.mean(self.elementwise(y_true, y_pred), axis=-1)

    def elementwise(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each value."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="nnlab")
class AsymmetricError(RegressionLoss):
    """Absolute error in money: predicting too little loses profit, predicting too much costs.

    `profit * (y - p)` where the target `y` is above the prediction `p`, else `cost * (p - y)`, as for a shop that
    orders goods which spoil. The best prediction is then the quantile `profit / (cost + profit)` of the target; with
    both 1 the loss is the mean absolute error.

    Args:
        cost: what each unit costs that is predicted above the target.
        profit: what each unit would have earned that is predicted below the target.
        reduction: how the rows' losses become one number.
        name: name of the loss.
        dtype: dtype of the computations; default: Keras's float type.

    Example:
        >>> AsymmetricError(cost=1.0, profit=9.0)([[7.0], [7.0]], [[6.0], [8.0]])  # the mean of 9 and 1
        5.0

    References:
        - [Koenker & Bassett, 1978](https://doi.org/10.2307/1913643)
    """

    def __init__(
        self,
        cost: Annotated[float, Ge(0)] = 1.0,
        profit: Annotated[float, Ge(0)] = 1.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "asymmetric_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if cost < 0 or profit < 0:
            raise ValueError(f"`cost` and `profit` must be at least 0. Received: cost={cost}, profit={profit}")
        self.cost = cost
        self.profit = profit

    def elementwise(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each value."""
        return ops.where(y_true > y_pred, self.profit * (y_true - y_pred), self.cost * (y_pred - y_true))

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "cost": self.cost, "profit": self.profit}


@keras.saving.register_keras_serializable(package="nnlab")
class SmoothL1(RegressionLoss):
    """Absolute error with a rounded tip: squared near 0, linear beyond `beta`, so that outliers pull less.

    With `d = |y - p|` it is `d ** 2 / (2 * beta)` where `d < beta`, else `d - beta / 2`: Keras's `huber` with
    `delta = beta`, divided by `beta`, so that its slope far out is always 1.

    Args:
        beta: the error at which it becomes linear.
        reduction: how the rows' losses become one number.
        name: name of the loss.
        dtype: dtype of the computations; default: Keras's float type.

    Example:
        >>> SmoothL1()([[0.0], [0.0]], [[0.5], [3.0]])  # the mean of 0.125 and 2.5
        1.3125

    References:
        - [Girshick, 2015](https://arxiv.org/abs/1504.08083)
    """

    def __init__(
        self,
        beta: Annotated[float, Gt(0)] = 1.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str | None = "smooth_l1",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if beta <= 0:
            raise ValueError(f"`beta` must be more than 0. Received: beta={beta}")
        self.beta = beta

    def elementwise(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each value."""
        distance = ops.abs(y_true - y_pred)
        return ops.where(distance < self.beta, 0.5 * ops.square(distance) / self.beta, distance - 0.5 * self.beta)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "beta": self.beta}
