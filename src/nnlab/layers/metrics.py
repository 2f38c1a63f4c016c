"""Metrics of nnlab's own that stand in for Keras's: of what the model's end means, and over all rows at once.

A config names Keras's metrics; one of these takes the place of that which its `in_place_of` names, where
`nnlab.model.metrics` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import keras
import numpy as np
from keras import ops

from nnlab.private import keras as private_keras

Link = Literal["sigmoid", "softmax"]


class OfAnother(keras.metrics.Metric):
    """Base of metrics that let another one see something else than targets and outputs as they are.

    Args:
        metric: the other metric.
        name: name of this one; default: the other's.
    """

    stands_in = True

    def __init__(self, metric: keras.metrics.Metric, name: str | None = None) -> None:
        super().__init__(name=name or metric.name)
        self.metric = metric
        self._direction = private_keras.direction(metric)

    def result(self) -> Any:
        """Return the metric's value."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Forget all rows."""
        self.metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {"metric": keras.saving.serialize_keras_object(self.metric), "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make it again."""
        return cls(**{**config, "metric": keras.saving.deserialize_keras_object(config["metric"])})


@keras.saving.register_keras_serializable(package="nnlab")
class InOwnUnits(OfAnother):
    """A metric of targets and outputs in the units of the data, of a model that learns them scaled.

    Both are computed in float64 as `value * divisor + offset`, and `exp(...) - 1` of it where logarithms are learned.

    Args:
        metric: the metric, which gets them in its own type.
        logs: whether logarithms are learned, by column.
        offsets: what was subtracted, by column.
        divisors: what was divided by, by column.
        name: name of the metric; default: the other's.
        dtype: not used: the other metric has its own.

    Example:
        >>> metric = keras.metrics.MeanAbsoluteError(dtype="float64")
        >>> InOwnUnits(metric, [False], [100.0], [10.0])([[1.0], [2.0]], [[1.0], [4.0]])
        10.0
    """

    def __init__(
        self,
        metric: keras.metrics.Metric,
        logs: Sequence[bool],
        offsets: Sequence[float],
        divisors: Sequence[float],
        name: str | None = None,
        dtype: Any = None,  # noqa: ARG002
    ) -> None:
        super().__init__(metric, name)
        self.logs = np.array(logs, bool)
        self.offsets = np.array(offsets, np.float64)
        self.divisors = np.array(divisors, np.float64)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add rows."""
        self.metric.update_state(self._own(y_true), self._own(y_pred), sample_weight=sample_weight)

    def _own(self, values: Any) -> Any:
        values = ops.cast(ops.stop_gradient(ops.convert_to_tensor(values)), "float64")
        values = values * ops.convert_to_tensor(self.divisors) + ops.convert_to_tensor(self.offsets)
        values = ops.where(self.logs, ops.expm1(values), values) if self.logs.any() else values
        return ops.cast(values, self.metric.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        numbers = {name: np.asarray(getattr(self, name)).tolist() for name in ("logs", "offsets", "divisors")}
        return {**super().get_config(), **numbers}


@keras.saving.register_keras_serializable(package="nnlab")
class OfPredictions(OfAnother):
    """A metric of what the outputs of a model stand for, rather than of its outputs as they are.

    Args:
        metric: the metric.
        link: what makes probabilities of the outputs; `None` if they are some. Either way Keras's cross-entropies do
            not look through to the layer that made them, which they otherwise do, whatever its activation was.
        column: the only column to compare, of outputs `[rows, columns]`.
        ignored: a class whose rows do not count; Keras's own cross-entropy counts them as rows without an error.
        name: name of the metric; default: the other's.
        dtype: not used: the other metric has its own.

    Example:
        >>> OfPredictions(keras.metrics.Precision(), link="sigmoid")([[1.0], [0.0]], [[0.2], [-0.2]])
        1.0
    """

    def __init__(
        self,
        metric: keras.metrics.Metric,
        link: Link | None = None,
        column: int | None = None,
        ignored: int | None = None,
        name: str | None = None,
        dtype: Any = None,  # noqa: ARG002
    ) -> None:
        super().__init__(metric, name)
        self.link = link
        self.column = column
        self.ignored = ignored

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add rows."""
        y_pred = ops.stop_gradient(ops.convert_to_tensor(y_pred))
        if self.link is not None:
            y_pred = ops.stop_gradient(getattr(ops, self.link)(y_pred))
        if self.column is not None:
            y_pred = y_pred[..., self.column : self.column + 1]
        if self.ignored is not None:
            counts = ops.cast(ops.reshape(y_true, (-1,)) != self.ignored, "float32")
            sample_weight = counts if sample_weight is None else counts * ops.reshape(sample_weight, (-1,))
        self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "link": self.link, "column": self.column, "ignored": self.ignored}


@keras.saving.register_keras_serializable(package="nnlab")
class LabelWeightedAUC(keras.metrics.AUC):
    """Keras's AUC with `label_weights`, which Keras itself saves in a form that it does not read again."""

    stands_in = True
    in_place_of = "auc"
    stands_in_where: ClassVar = {"given": "label_weights"}

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "label_weights": ops.convert_to_numpy(self.label_weights).tolist()}


class OverRows(keras.metrics.Metric):
    """Base of metrics that follow from means, squares and products over all rows, each target by itself.

    Batches are merged by their centred moments in float64: the value does not depend on the batches, and targets far
    from 0 lose no digits.

    Args:
        shape: shape of one row, from the first update on.

    References:
        - [Chan, Golub & LeVeque, 1983](https://doi.org/10.1080/00031305.1983.10483115)
    """

    stands_in = True
    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._made = False

    def _make(self, shape: tuple[int, ...]) -> None:
        def zeros(name: str, shape: tuple[int, ...]) -> Any:
            return self.add_variable(shape, "zeros", dtype="float64", name=name)

        self.count = zeros("count", ())
        self.means = [zeros(f"mean_{name}", shape) for name in ("true", "predicted")]
        self.squares = [zeros(f"squares_{name}", shape) for name in ("true", "predicted")]
        self.products = zeros("products", shape)
        self.residual = zeros("residual", shape)
        self._made = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add rows `[rows, ...]`, the predictions of the same shape; rows count by their weights, if they have some."""
        y_pred = ops.cast(y_pred, "float64")
        y_true = ops.reshape(ops.cast(y_true, "float64"), ops.shape(y_pred))
        if not self._made:
            self._make(tuple(y_pred.shape[1:]))
        weight = ops.ones(ops.shape(y_pred)[:1]) if sample_weight is None else sample_weight
        weight = ops.reshape(ops.cast(weight, "float64"), (-1, *(1,) * (len(y_pred.shape) - 1)))
        added = ops.sum(weight)
        total = self.count + added
        share = ops.divide_no_nan(added, total)
        means = [ops.divide_no_nan(ops.sum(weight * values, axis=0), added) for values in (y_true, y_pred)]
        centred = [values - mean for values, mean in zip((y_true, y_pred), means, strict=True)]
        steps = [mean - old for mean, old in zip(means, self.means, strict=True)]
        for square, values, step in zip(self.squares, centred, steps, strict=True):
            square.assign(square + ops.sum(weight * values**2, axis=0) + step**2 * self.count * share)
        between = steps[0] * steps[1] * self.count * share
        self.products.assign(self.products + ops.sum(weight * centred[0] * centred[1], axis=0) + between)
        self.residual.assign(self.residual + ops.sum(weight * (y_true - y_pred) ** 2, axis=0))
        for old, step in zip(self.means, steps, strict=True):
            old.assign(old + step * share)
        self.count.assign(total)

    def result(self) -> Any:
        """Return the mean over the targets."""
        return ops.cast(ops.mean(self.of_each_target()), self.dtype)

    def of_each_target(self) -> Any:
        """Return the value of each target."""
        raise NotImplementedError


@keras.saving.register_keras_serializable(package="nnlab")
class PearsonOverRows(OverRows):
    """Pearson's correlation of targets and predictions over all rows; of several targets the mean.

    Keras's own correlates within a row, or with `axis: 0` within a batch, and then averages over batches. NaN where the
    target or the prediction is constant.
    """

    in_place_of = "pearson_correlation"
    stands_in_where: ClassVar = {"correlates": True}

    def of_each_target(self) -> Any:
        """Return the correlation of each target."""
        return self.products / ops.sqrt(self.squares[0] * self.squares[1])


@keras.saving.register_keras_serializable(package="nnlab")
class ConcordanceOverRows(OverRows):
    """Lin's concordance correlation over all rows; of several targets the mean.

    References:
        - [Lin, 1989](https://doi.org/10.2307/2532051)
    """

    in_place_of = "concordance_correlation"
    stands_in_where: ClassVar = {"correlates": True}

    def of_each_target(self) -> Any:
        """Return the concordance of each target."""
        apart = self.count * (self.means[0] - self.means[1]) ** 2
        return 2 * self.products / (self.squares[0] + self.squares[1] + apart)


@keras.saving.register_keras_serializable(package="nnlab")
class CosineOverRows(OverRows):
    """The cosine of the angle between a target's column and its predictions, over all rows; of several the mean."""

    in_place_of = "cosine_similarity"

    def of_each_target(self) -> Any:
        """Return the cosine of each target."""
        true, predicted = self.means
        lengths = [square + self.count * mean**2 for square, mean in zip(self.squares, self.means, strict=True)]
        return (self.products + self.count * true * predicted) / ops.sqrt(lengths[0] * lengths[1])


@keras.saving.register_keras_serializable(package="nnlab")
class R2OverRows(OverRows):
    """The share of the targets' variance that the predictions explain, as scikit-learn's `r2_score` has it.

    Keras's own subtracts sums of float32 squares, which leaves noise of targets far from 0.

    Args:
        class_aggregation: `uniform_average` or `variance_weighted_average` over the targets.
        num_regressors: features to adjust for, 0 for the plain score.
        name: name of the metric.
        dtype: dtype of the result.
    """

    in_place_of = "r2_score"

    def __init__(
        self,
        class_aggregation: str = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors

    def of_each_target(self) -> Any:
        """Return the score of each target: 1 for a constant that is met exactly, 0 for one that is not."""
        constant = self.squares[0] == 0
        score = 1 - self.residual / ops.where(constant, 1.0, self.squares[0])
        return ops.where(constant, ops.cast(self.residual == 0, score.dtype), score)

    def result(self) -> Any:
        """Return the score, adjusted if there are regressors and enough rows."""
        scores = self.of_each_target()
        if self.class_aggregation == "variance_weighted_average":
            weights = self.squares[0]
            score = ops.where(
                ops.sum(weights) > 0, ops.divide_no_nan(ops.sum(weights * scores), ops.sum(weights)), ops.mean(scores)
            )
        else:
            score = ops.mean(scores)
        if self.num_regressors:
            freedom = self.count - self.num_regressors - 1
            adjusted = 1 - (1 - score) * ops.divide_no_nan(self.count - 1, freedom)
            score = ops.where(freedom > 0, adjusted, score)
        return ops.cast(score, self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
