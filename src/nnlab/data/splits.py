"""Training, validation and test rows: what they look like, which rows they are, and how they are scaled."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from nnlab.config.data import TaskName
from nnlab.data.folds import Fold
from nnlab.errors import DataError, Problem

if TYPE_CHECKING:
    from nnlab.data.record import DataRecord

Task = Literal["binary", "multiclass", "multilabel", "regression"]
Shape = tuple[int, ...]

DEFAULT_TEST = 0.2
_CHUNK_ROWS = 4096
_ROUNDINGS = 4
"""So many roundings of its largest value a column may span and still be constant."""
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


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """What is predicted, by all outputs of a model or by one of them.

    Args:
        task: decides the output layer, the loss and the metrics.
        shape: shape of one row of what the output gives: `(classes,)` (multiclass), `(1,)` (binary), `(labels,)` or
            `(targets,)`; that of the inputs where these shall come out again.
        class_names: labels as the source writes them, in the order of their numbers; `()` for regression.
        names: names of what is predicted.
        inferred_task: whether the task came from the target rather than from the config.
        predicts_inputs: whether what comes in shall come out (an autoencoder).
    """

    task: Task
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    inferred_task: bool
    predicts_inputs: bool = False

    @property
    def task_setting(self) -> TaskName:
        """What a config's `task` says to have this one, whatever the values look like."""
        return "classification" if self.task in ("binary", "multiclass") else self.task  # type: ignore[return-value]

    @property
    def num_outputs(self) -> int:
        """Units of the output layer."""
        return math.prod(self.shape)

    @property
    def num_classes(self) -> int | None:
        """2 for binary, the number of labels for multilabel, `None` for regression."""
        return None if self.task == "regression" else 2 if self.task == "binary" else self.num_outputs


@dataclass(frozen=True)
class DataSpec:
    """What a model has to know about the data.

    Args:
        input_shape: shape of one row of `x`; by array name if the rows come from several arrays.
        array_names: names of the arrays that the rows come from; `()` for tables and built-in sets.
        feature_names: names of the columns of `x`; `()` where they have none.
        target: what is predicted; by output name if the outputs have targets of their own.
        num_train: training rows.
        num_validation: validation rows.
        num_test: test rows.
        class_weight: weight of each encoded class in the training loss; by output name if they differ.
        scaling: what was fitted on the training rows and applied to every split; by array name if there are several.
        own_test_set: whether the test rows are the source's own rather than split off.
        notes: what was understood of the values that the user may have meant otherwise, one sentence each.
    """

    input_shape: Shape | Mapping[str, Shape]
    feature_names: tuple[str, ...]
    target: TargetSpec | Mapping[str, TargetSpec]
    num_train: int
    num_validation: int
    num_test: int
    class_weight: Mapping[int, float] | Mapping[str, Mapping[int, float] | None] | None = None
    scaling: Scaling | Mapping[str, Scaling | None] | None = None
    own_test_set: bool = False
    array_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> Mapping[str, TargetSpec]:
        """What each output predicts; one that all share has no name."""
        return self.target if isinstance(self.target, Mapping) else {"": self.target}

    def target_of(self, output: str) -> TargetSpec:
        """What an output predicts."""
        return self.target[output] if isinstance(self.target, Mapping) else self.target

    def class_weight_of(self, output: str) -> Mapping[int, float] | None:
        """The weight of each encoded class in an output's loss; `None` for equal ones."""
        weights: Any = self.class_weight
        is_by_output = weights is not None and any(isinstance(name, str) for name in weights)
        return weights.get(output) if is_by_output else weights  # type: ignore[no-any-return]

    def scaled(self, x: Any) -> Any:
        """Return rows `[rows, *input_shape]` of the source's numbers as the model takes them, float32."""
        return each(scaled, x, self.scaling)

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values, which a run keeps; `from_json` reads it back without any loss."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        record = {name: list(value) if isinstance(value, tuple) else value for name, value in record.items()}
        return record | {
            "input_shape": each(list, self.input_shape),
            "target": each(asdict, self.target),
            "class_weight": _with_keys(str, self.class_weight),
            "scaling": each(_scaling_record, self.scaling),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, also after JSON text in between.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is no such record.
        """
        target, scaling, shape = record["target"], record["scaling"], record["input_shape"]
        is_one = isinstance(target.get("task"), str)  # even if an output is called `task`
        read = {
            "input_shape": each(tuple, shape),
            "target": _target_spec(target) if is_one else each(_target_spec, target),
            "class_weight": _with_keys(int, record["class_weight"]),
            "scaling": each(_scaling, scaling) if isinstance(shape, Mapping) else _scaling(scaling),
        }
        own = {field.name for field in fields(cls)}
        rest = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items() if name in own
        }
        return cls(**{**rest, **read})


def each(function: Callable[..., Any], values: Any, *more: Any) -> Any:
    """Call a function with a value; with values by name, call it with each of them.

    Args:
        function: is called with a value, and with the values of the same name of `more`.
        values: a value, or a mapping of names to values.
        more: the same; what is no mapping goes with every name.

    Returns:
        What the function returns, or that by name.

    Example:
        >>> each(len, {"image": [1, 2], "meta": [3]})
        {'image': 2, 'meta': 1}
    """
    if not isinstance(values, Mapping):
        return function(values, *more)
    return {
        name: function(value, *(other.get(name) if isinstance(other, Mapping) else other for other in more))
        for name, value in values.items()
    }


def one_or_all(values: Any) -> Any:
    """Return values by name, or the value itself if there is only one."""
    return next(iter(values.values())) if isinstance(values, Mapping) and len(values) == 1 else values


def row_count(x: Any) -> int:
    """Return how many rows an array has, or each of the arrays by name."""
    return len(next(iter(x.values())) if isinstance(x, Mapping) else x)


def _with_keys(kind: type[int] | type[str], weights: Any) -> Any:
    """Give class weights keys of another type; names of outputs stay as they are."""
    if weights is None:
        return None
    if any(isinstance(inside, Mapping) for inside in weights.values()):
        return each(lambda inside: _with_keys(kind, inside), weights)
    return {kind(code): weight for code, weight in weights.items()}


def _scaling_record(scaling: Scaling | None) -> dict[str, Any] | None:
    return None if scaling is None else {"offset": scaling.offset.tolist(), "divisor": scaling.divisor.tolist()}


def _scaling(record: Mapping[str, Any] | None) -> Scaling | None:
    if record is None:
        return None
    return Scaling(**{name: np.asarray(record[name], np.float64) for name in ("offset", "divisor")})


def _target_spec(record: Mapping[str, Any]) -> TargetSpec:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return TargetSpec(**values)


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
        return row_count(self.x)


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """The data of an experiment.

    Args:
        train: what is learned from.
        validation: what decides when and which; `None` for none.
        test: what judges; `None` for none.
        spec: what a model has to know.
        record: by which a run knows the rows again.
    """

    train: Split
    validation: Split | None
    test: Split | None
    spec: DataSpec
    record: DataRecord | None = None

    @property
    def present(self) -> tuple[Split, ...]:
        """The splits that have rows."""
        return tuple(split for split in (self.train, self.validation, self.test) if split is not None)

    def to_json(self) -> dict[str, Any]:
        """Return what a run keeps of its data: all that the model has to know, and which rows were in which split."""
        return self.spec.to_json() | ({} if self.record is None else {"record": self.record.to_json()})


@dataclass(frozen=True, slots=True, eq=False)
class RowNumbers:
    """Which rows of the source a split takes, in order; `None` for no split."""

    train: np.ndarray
    validation: np.ndarray | None
    test: np.ndarray | None


def choose_rows(
    num_rows: int,
    *,
    validation: int | float | Fold,
    test: int | float,
    limit: int | None,
    last_rows: bool,
    seed: int,
) -> RowNumbers:
    """Choose the rows of each split: test rows first, then validation rows, then the limit.

    Shuffled splits take the same rows as scikit-learn's `train_test_split(..., random_state=seed)`.

    Args:
        num_rows: rows of the source, its own test set left out.
        validation: rows, or fraction of the rows that the test set leaves; 0 for none; or one of several parts of them.
        test: rows, or fraction; 0 for none.
        limit: training rows to use.
        last_rows: whether validation takes the last rows instead of random ones, and rows keep their order.
        seed: 0 to 2**32 - 1.

    Raises:
        DataError: when a split would take every row, or the limit is above the rows left.
    """
    train, test_rows = _split_off(np.arange(num_rows), test, setting="test", last_rows=False, seed=seed)
    train, validation_rows = (
        validation.split_off(train, shuffle=not last_rows)
        if isinstance(validation, Fold)
        else _split_off(train, validation, setting="validation", last_rows=last_rows, seed=seed)
    )
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

    Constant columns (see `is_constant`) are moved to 0 and not divided. Statistics are float64; the deviation is that
    of scikit-learn's `StandardScaler` (divided by the number of rows).
    """
    if scale is None:
        return None
    if not isinstance(scale, str):
        return Scaling(np.asarray(0.0), np.asarray(float(scale)))
    lowest, highest = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    constant = is_constant(lowest, highest, x.dtype)
    if scale == "minmax":
        return Scaling(lowest, np.where(constant, 1.0, highest - lowest))
    mean = np.where(constant, lowest, x.mean(axis=0, dtype=np.float64))
    return Scaling(mean, np.where(constant, 1.0, _deviation(x, mean)))


def is_constant(lowest: np.ndarray, highest: np.ndarray, dtype: Any) -> np.ndarray:
    """Tell which columns hold one value, but for how numbers of their type are rounded.

    Dividing by the deviation of such a column would make noise of its rounding, and millions of its next change by 1.

    Args:
        lowest: least value of each column.
        highest: largest value of each column.
        dtype: the type in which the values are kept.
    """
    rounding = np.finfo(dtype).eps if np.dtype(dtype).kind == "f" else 0.0
    largest = np.maximum(np.abs(lowest), np.abs(highest))
    return np.asarray(highest - lowest <= _ROUNDINGS * rounding * largest)


def scaled(x: np.ndarray, scaling: Scaling | None) -> np.ndarray:
    """Return rows `[rows, ...]` as float32, scaled if there is a scaling; no copy where there is nothing to do."""
    return x.astype(np.float32, copy=False) if scaling is None else scaling.apply(x)


def _deviation(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the standard deviation, without a float64 copy of all rows."""
    squares = np.zeros(x.shape[1:])
    for start in range(0, len(x), _CHUNK_ROWS):
        squares += np.square(x[start : start + _CHUNK_ROWS] - mean).sum(axis=0)
    return np.sqrt(np.maximum(squares / len(x), _SMALLEST_FLOAT32))
