"""Training, validation and test rows: what they look like, which rows they are, and how they are scaled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import numpy as np

from nnlab.errors import DataError, Problem

Task = Literal["binary", "multiclass", "multilabel", "regression"]

DEFAULT_TEST = 0.2
_CHUNK_ROWS = 4096
_SMALLEST_FLOAT32 = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What is subtracted from a row and what it is then divided by.

    Args:
        offset: float64, broadcasts to a row.
        divisor: float64, broadcasts to a row.
    """

    offset: np.ndarray
    divisor: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return `(x - offset) / divisor` as float32, computed in float64; `x` is `[rows, ...]`."""
        scaled = np.empty(x.shape, np.float32)
        for start in range(0, len(x), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            scaled[rows] = (x[rows] - self.offset) / self.divisor
        return scaled


@dataclass(frozen=True)
class DataSpec:
    """What a model has to know about the data.

    Args:
        input_shape: shape of one row of `x`.
        task: decides the output layer, the loss and the metrics.
        num_outputs: units of the output layer: classes (multiclass), 1 (binary), labels or targets.
        num_classes: 2 for binary, the number of labels for multilabel, `None` for regression.
        class_names: labels as the source writes them, in the order of their numbers; `()` for regression.
        feature_names: names of the columns of `x`; `()` where they have none.
        target_names: names of what is predicted.
        num_train: training rows.
        num_validation: validation rows.
        num_test: test rows.
        class_weight: weight of each encoded class in the training loss.
        scaling: what was fitted on the training rows and applied to every split.
        inferred_task: whether the task came from the target rather than from the config.
        own_test_set: whether the test rows are the source's own rather than split off.
        predicts_inputs: whether what comes in shall come out (an autoencoder).
    """

    input_shape: tuple[int, ...]
    task: Task
    num_outputs: int
    num_classes: int | None
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    num_train: int
    num_validation: int
    num_test: int
    class_weight: Mapping[int, float] | None
    scaling: Scaling | None
    inferred_task: bool
    own_test_set: bool
    predicts_inputs: bool = False

    @property
    def target_shape(self) -> tuple[int, ...]:
        """The shape of one row of what the model gives."""
        return self.input_shape if self.predicts_inputs else (self.num_outputs,)

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Return rows `[rows, *input_shape]` of the source's numbers as the model takes them, float32."""
        return scaled(x, self.scaling)

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values, which a run keeps; `from_json` reads it back without any loss."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        record = {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}
        if self.class_weight is not None:
            record["class_weight"] = {str(code): weight for code, weight in self.class_weight.items()}
        if self.scaling is not None:
            record["scaling"] = {"offset": self.scaling.offset.tolist(), "divisor": self.scaling.divisor.tolist()}
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, also after JSON text in between.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is no such record.
        """
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        if record["class_weight"] is not None:
            values["class_weight"] = {int(code): weight for code, weight in record["class_weight"].items()}
        if record["scaling"] is not None:
            parts = {name: np.asarray(record["scaling"][name], np.float64) for name in ("offset", "divisor")}
            values["scaling"] = Scaling(**parts)
        return cls(**values)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows of one split.

    Args:
        x: float32 `[rows, *input_shape]`; for a model with several inputs, arrays by input name.
        y: int32 `[rows]` (multiclass), or float32 `[rows, num_outputs]`; for several outputs, by output name.
    """

    x: Any
    y: Any

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.x.values())) if isinstance(self.x, Mapping) else self.x)


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """The data of an experiment."""

    train: Split
    validation: Split | None
    test: Split | None
    spec: DataSpec


@dataclass(frozen=True, slots=True, eq=False)
class RowNumbers:
    """Which rows of the source a split takes, in order; `None` for no split."""

    train: np.ndarray
    validation: np.ndarray | None
    test: np.ndarray | None


def choose_rows(
    num_rows: int,
    *,
    validation: int | float,
    test: int | float,
    limit: int | None,
    last_rows: bool,
    seed: int,
) -> RowNumbers:
    """Choose the rows of each split: test rows first, then validation rows, then the limit.

    Shuffled splits take the same rows as scikit-learn's `train_test_split(..., random_state=seed)`.

    Args:
        num_rows: rows of the source, its own test set left out.
        validation: rows, or fraction of the rows that the test set leaves; 0 for none.
        test: rows, or fraction; 0 for none.
        limit: training rows to use.
        last_rows: whether validation takes the last rows instead of random ones.
        seed: 0 to 2**32 - 1.

    Raises:
        DataError: when a split would take every row, or the limit is above the rows left.
    """
    train, test_rows = _split_off(np.arange(num_rows), test, setting="test", last_rows=False, seed=seed)
    train, validation_rows = _split_off(train, validation, setting="validation", last_rows=last_rows, seed=seed)
    if limit is not None and limit > len(train):
        taken = num_rows - len(train)
        message = f"`limit` is {limit} rows, but only {len(train)} training rows are there"
        hint = f"validation and test take {taken} of {num_rows} rows" if taken else "lower or remove `limit`"
        raise DataError(Problem(message, hint, path=("data", "limit")))
    return RowNumbers(train[:limit], validation_rows, test_rows)


def _split_off(
    rows: np.ndarray, size: int | float, *, setting: str, last_rows: bool, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the rows that stay and the rows that are taken."""
    if size == 0:
        return rows, None
    count = math.ceil(size * len(rows)) if isinstance(size, float) else size
    if count >= len(rows):
        message = f"`{setting}: {size}` takes {count} of {len(rows)} rows and leaves none for training"
        raise DataError(Problem(message, f"lower it, or write `{setting}: 0`", path=("data", setting)))
    if last_rows:
        return rows[:-count], rows[-count:]
    order = np.random.RandomState(seed).permutation(len(rows))
    return rows[order[count:]], rows[order[:count]]


def fit_scaling(x: np.ndarray, scale: float | Literal["standardize", "minmax"] | None) -> Scaling | None:
    """Fit the scaling on training rows `[rows, ...]`: by column for tables, by pixel for images.

    Constant columns are moved to 0 and not divided. Statistics are float64; the deviation is that of
    scikit-learn's `StandardScaler` (divided by the number of rows).
    """
    if scale is None:
        return None
    if not isinstance(scale, str):
        return Scaling(np.asarray(0.0), np.asarray(float(scale)))
    lowest, highest = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    constant = lowest == highest
    if scale == "minmax":
        return Scaling(lowest, np.where(constant, 1.0, highest - lowest))
    mean = np.where(constant, lowest, x.mean(axis=0, dtype=np.float64))
    return Scaling(mean, np.where(constant, 1.0, _deviation(x, mean)))


def scaled(x: np.ndarray, scaling: Scaling | None) -> np.ndarray:
    """Return rows `[rows, ...]` as float32, scaled if there is a scaling."""
    return x.astype(np.float32) if scaling is None else scaling.apply(x)


def _deviation(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the standard deviation, without a float64 copy of all rows."""
    squares = np.zeros(x.shape[1:])
    for start in range(0, len(x), _CHUNK_ROWS):
        squares += np.square(x[start : start + _CHUNK_ROWS] - mean).sum(axis=0)
    return np.sqrt(np.maximum(squares / len(x), _SMALLEST_FLOAT32))
