"""What losses and metrics ought to be, by scikit-learn, NumPy and the formulas of their papers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlab.config.components import Component

EPSILON = 1e-7
"""What Keras keeps probabilities away from 0 and 1 by."""

GRID = np.arange(200) / 199
"""The thresholds of Keras's metrics that look for the best one."""


@dataclass(frozen=True)
class Answers:
    """What is so, and what a run predicts.

    Args:
        task: the task, `several` for regression of several targets.
        y: numbers, or 0 and 1 in a column for each class or label, `[rows, columns]`; in one column for two classes.
        p: predicted numbers or probabilities, of the same shape.
        classes: the number of each row's class.
        every: the probability of each class.
        raw: what the model gives.
        values: what is compared with `y` as numbers: the predictions, before they are clipped to probabilities.
    """

    task: str
    y: np.ndarray
    p: np.ndarray
    classes: np.ndarray
    every: np.ndarray
    raw: np.ndarray
    values: np.ndarray

    @classmethod
    def of(
        cls, task: str, y: np.ndarray, columns: Mapping[str, np.ndarray], raw: np.ndarray, *, are_values: bool = False
    ) -> Answers:
        """Take them from the columns of a run's predictions, or from the outputs if these `are_values`."""
        named = [values for name, values in columns.items() if name.startswith("p(")] or list(columns.values())
        every = np.stack(named, axis=-1).astype(np.float64)
        classes = y.reshape(-1).astype(int) if task in ("binary", "multiclass") else np.zeros(len(y), int)
        rows = np.eye(3)[classes] if task == "multiclass" else y.reshape(len(y), -1).astype(np.float64)
        p, raw = every[:, 1:] if task == "binary" else every, raw.astype(np.float64)
        return cls(task, rows, p, classes, every, raw, values=raw[:, -p.shape[1] :] if are_values else p)

    @property
    def hits(self) -> np.ndarray:
        """0 and 1 as predicted: the likeliest class of several, each label by itself."""
        if self.task == "multiclass":
            return np.eye(3)[self.p.argmax(axis=-1)]
        return (self.p > 0.5) * 1.0


def metric_value(metric: Component, a: Answers) -> tuple[float, float]:
    """Return the value of a metric, and how far Keras's may be from it."""
    tolerance = 0.02 if metric.name == "auc" else 2e-4
    return float(_METRICS[metric.name](a)), tolerance


def _at(wanted: Callable[..., np.ndarray], limit: Callable[..., np.ndarray]) -> Callable[[Answers], float]:
    """Return the largest `wanted` where `limit` is at least 0.5, over Keras's thresholds."""

    def value(a: Answers) -> float:
        predicted, y = a.p.ravel()[None] > GRID[:, None], a.y.ravel()[None] > 0.5
        counts = [(predicted == p) & (y == t) for p, t in ((True, True), (True, False), (False, True), (False, False))]
        table = [count.sum(axis=1) for count in counts]
        enough = limit(*table) >= 0.5
        return float(wanted(*table)[enough].max()) if enough.any() else 0.0

    return value


def _share(part: Any, rest: Any) -> np.ndarray:
    return np.divide(part, part + rest, out=np.zeros(np.shape(part)), where=np.asarray(part + rest) > 0)


def _precision(tp, fp, fn, tn):  # noqa: ARG001
    return _share(tp, fp)


def _recall(tp, fp, fn, tn):  # noqa: ARG001
    return _share(tp, fn)


def _specificity(tp, fp, fn, tn):  # noqa: ARG001
    return _share(tn, fp)


def _sk(name: str, **more: Any) -> Callable[[Answers], float]:
    """Return a metric of scikit-learn of all 0 and 1, split at 0.5."""
    import sklearn.metrics

    return lambda a: getattr(sklearn.metrics, name)(a.y.ravel(), a.p.ravel() > 0.5, **more)


def _numbers(name: str, **more: Any) -> Callable[[Answers], float]:
    import sklearn.metrics

    return lambda a: getattr(sklearn.metrics, name)(a.y, a.values, **more)


def _f_score(beta: float, average: str) -> Callable[[Answers], float]:
    import sklearn.metrics

    def value(a: Answers) -> float:
        more = {"average": "binary"} if a.task == "binary" else {"average": average}
        return sklearn.metrics.fbeta_score(a.y, a.hits, beta=beta, zero_division=0, **more)

    return value


def _iou(average: str | None) -> Callable[[Answers], Any]:
    import sklearn.metrics

    return lambda a: sklearn.metrics.jaccard_score(a.classes, a.every.argmax(axis=-1), average=average)


def _log_loss(a: Answers) -> float:
    p = np.clip(a.every / a.every.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
    return -np.log(p[np.arange(len(p)), a.classes]).mean()


def _over_rows(function: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[Answers], float]:
    return lambda a: np.mean([function(y, p) for y, p in zip(a.y.T, a.values.T, strict=True)])


def _pearson(y: np.ndarray, p: np.ndarray) -> float:
    return np.corrcoef(y, p)[0, 1]


def _concordance(y: np.ndarray, p: np.ndarray) -> float:
    return 2 * np.cov(y, p, bias=True)[0, 1] / (y.var() + p.var() + (y.mean() - p.mean()) ** 2)


def _accuracy(a: Answers) -> float:
    if a.task == "multilabel":
        return np.mean((a.p > 0.5) == a.y)
    return np.mean(a.every.argmax(axis=-1) == a.classes)


def _top_2(a: Answers) -> float:
    return np.mean([c in row for c, row in zip(a.classes, np.argsort(-a.every, axis=-1)[:, :2], strict=True)])


def _entropy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    p = np.clip(p, EPSILON, 1 - EPSILON)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def _signs(y: np.ndarray) -> np.ndarray:
    return 2 * y - 1


def _hinge(y: np.ndarray, raw: np.ndarray) -> np.ndarray:
    return np.maximum(1 - _signs(y) * raw, 0)


def _categorical_hinge(y: np.ndarray, raw: np.ndarray) -> np.ndarray:
    return np.maximum(((1 - y) * raw).max(axis=-1) - (y * raw).sum(axis=-1) + 1, 0)


def _cosine(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(y, axis=-1) * np.linalg.norm(p, axis=-1)
    return np.divide((y * p).sum(axis=-1), lengths, out=np.zeros(len(y)), where=lengths > 0)


def _divergence(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    y, p = np.clip(y, EPSILON, 1), np.clip(p, EPSILON, 1)
    return (y * np.log(y / p)).sum(axis=-1)


def _log_error(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return (np.log(np.maximum(p, EPSILON) + 1) - np.log(np.maximum(y, EPSILON) + 1)) ** 2


def _log_cosh(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.logaddexp(p - y, y - p) - np.log(2)


def _count(predicted: bool, true: bool) -> Callable[[Answers], float]:
    return lambda a: (((a.p > 0.5) == predicted) & ((a.y > 0.5) == true)).sum()


_METRICS: dict[str, Callable[[Answers], Any]] = {
    "accuracy": _accuracy,
    "auc": lambda a: __import__("sklearn.metrics").metrics.roc_auc_score(a.y.ravel(), a.p.ravel()),
    "binary_accuracy": _sk("accuracy_score"),
    "binary_crossentropy": lambda a: _entropy(a.y, a.p).mean(),
    "binary_io_u": _sk("jaccard_score", average="macro"),
    "categorical_accuracy": _accuracy,
    "categorical_crossentropy": _log_loss,
    "categorical_hinge": lambda a: _categorical_hinge(a.y, a.raw).mean(),
    "concordance_correlation": _over_rows(_concordance),
    "cosine_similarity": lambda a: _cosine(a.y, a.values).mean(),
    "f1_score": _f_score(1.0, "macro"),
    "f_beta_score": _f_score(2.0, "weighted"),
    "false_negatives": _count(predicted=False, true=True),
    "false_positives": _count(predicted=True, true=False),
    "hinge": lambda a: _hinge(a.y, a.raw).mean(),
    "io_u": lambda a: _iou(None)(a)[[0, 1]].mean(),
    "kl_divergence": lambda a: _divergence(a.y, a.p).mean(),
    "log_cosh_error": lambda a: _log_cosh(a.y, a.values).mean(),
    "mean_absolute_error": _numbers("mean_absolute_error"),
    "mean_absolute_percentage_error": lambda a: 100 * _numbers("mean_absolute_percentage_error")(a),
    "mean_io_u": _iou("macro"),
    "mean_squared_error": _numbers("mean_squared_error"),
    "mean_squared_logarithmic_error": lambda a: _log_error(a.y, a.values).mean(),
    "one_hot_io_u": lambda a: _iou(None)(a)[1],
    "one_hot_mean_io_u": _iou("macro"),
    "pearson_correlation": _over_rows(_pearson),
    "poisson": lambda a: (a.values - a.y * np.log(a.values + EPSILON)).mean(),
    "precision": _sk("precision_score", zero_division=0),
    "precision_at_recall": _at(_precision, _recall),
    "r2_score": _numbers("r2_score"),
    "recall": _sk("recall_score"),
    "recall_at_precision": _at(_recall, _precision),
    "root_mean_squared_error": lambda a: np.sqrt(((a.y - a.values) ** 2).mean()),
    "sensitivity_at_specificity": _at(_recall, _specificity),
    "sparse_categorical_accuracy": _accuracy,
    "sparse_categorical_crossentropy": _log_loss,
    "sparse_top_k_categorical_accuracy": _top_2,
    "specificity_at_sensitivity": _at(_specificity, _recall),
    "squared_hinge": lambda a: (_hinge(a.y, a.raw) ** 2).mean(),
    "top_k_categorical_accuracy": _top_2,
    "true_negatives": _count(predicted=False, true=False),
    "true_positives": _count(predicted=True, true=True),
}


def loss_targets(task: str, loss: Component, rng: np.random.Generator) -> np.ndarray:
    """Draw 40 targets as a loss of a task gets them."""
    if task == "multiclass":
        classes = rng.integers(0, 3, 40)
        return classes if loss.entry.takes.targets == "classes" else np.eye(3, dtype=np.float32)[classes]
    columns = {"binary": 1, "multilabel": 3, "regression": 1, "several": 2}[task]
    if task in ("binary", "multilabel"):
        return rng.integers(0, 2, (40, columns)).astype(np.float32)
    y = rng.uniform(0.1, 0.9, (40, columns)).astype(np.float32)
    y = y / y.sum(axis=-1, keepdims=True) if loss.entry.takes.targets == "rows" else y
    return np.sign(y - 0.5).astype(np.float32) if loss.entry.takes.predictions == "scores" else y


def loss_value(loss: Component, y: np.ndarray, p: np.ndarray) -> float:
    """Return the mean of a loss over rows of targets and predictions, with its default parameters."""
    y, function = y.astype(np.float64), loss.entry.takes.predictions
    if loss.parameters.get("from_logits"):
        p = np.exp(p) / np.exp(p).sum(axis=-1, keepdims=True) if function == "distribution" else 1 / (1 + np.exp(-p))
    if loss.entry.takes.targets == "classes":
        y = np.eye(p.shape[-1])[y.reshape(-1).astype(int)]
    if loss.entry.takes.predictions == "scores" and (y < 0).any():
        y = (y + 1) / 2
    return float(np.mean(_LOSSES[loss.name](y, p)))


def _cross_entropy(y: np.ndarray, p: np.ndarray, power: float = 0.0) -> np.ndarray:
    p = np.clip(p / p.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
    return -(y * np.log(p) * (1 - p) ** power).sum(axis=-1)


def _huber(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    far = np.abs(y - p)
    return np.where(far <= 1, 0.5 * far**2, far - 0.5)


def _overlap(y: np.ndarray, p: np.ndarray) -> float:
    return 1 - 2 * (y * p).sum() / (y.sum() + p.sum() + EPSILON)


_LOSSES: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "asymmetric_error": lambda y, p: np.abs(y - p),
    "binary_crossentropy": _entropy,
    "binary_focal_crossentropy": lambda y, p: _entropy(y, p) * (y * (1 - p) + (1 - y) * p) ** 2,
    "categorical_crossentropy": _cross_entropy,
    "categorical_focal_crossentropy": lambda y, p: 0.25 * _cross_entropy(y, p, 2.0),
    "categorical_generalized_cross_entropy": lambda y, p: (1 - np.sqrt((y * p).sum(axis=-1))) / 0.5,
    "categorical_hinge": _categorical_hinge,
    "cosine_similarity": lambda y, p: -_cosine(y, p),
    "dice": _overlap,
    "hinge": _hinge,
    "huber": _huber,
    "kl_divergence": _divergence,
    "log_cosh": _log_cosh,
    "mean_absolute_error": lambda y, p: np.abs(y - p),
    "mean_absolute_percentage_error": lambda y, p: 100 * np.abs((y - p) / y),
    "mean_squared_error": lambda y, p: (y - p) ** 2,
    "mean_squared_logarithmic_error": _log_error,
    "poisson": lambda y, p: p - y * np.log(p + EPSILON),
    "smooth_l1": _huber,
    "sparse_categorical_crossentropy": _cross_entropy,
    "squared_hinge": lambda y, p: _hinge(y, p) ** 2,
    "tversky": _overlap,
}
