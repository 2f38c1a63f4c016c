"""The rows of the data as a model takes and gives them: arrays by the names of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nnlab.config.by_name import UNNAMED, by_output, only
from nnlab.config.model import FunctionalConfig, SequentialConfig
from nnlab.config.schema import Experiment
from nnlab.data.splits import ByName, DataSpec, Split, Splits
from nnlab.model.plan import OutputPlan
from nnlab.model.wiring import input_names, input_sources


def model_inputs(experiment: Experiment, spec: DataSpec, x: ByName) -> ByName:
    """Return rows as the model takes them.

    Args:
        experiment: names the inputs and their features.
        spec: knows the names of the features and arrays.
        x: `[rows, *input_shape]` by array.

    Returns:
        Arrays by input; the only one of a sequential model is `UNNAMED`, several are called as `input_names` has them,
        those of a class of the user's own as in the data.
    """
    model = experiment.model
    if isinstance(model, FunctionalConfig):
        return {name: source.take(x) for name, source in input_sources(model, spec).items()}
    if not isinstance(model, SequentialConfig):
        return x
    names = input_names(spec)
    return {UNNAMED: only(x)} if len(names) == 1 else {names[array]: x[array] for array in names}


def model_splits(experiment: Experiment, splits: Splits, outputs: Sequence[OutputPlan]) -> Splits:
    """Return the splits with rows as the model takes and gives them, and weights of training rows for each output.

    A training row weighs what it weighs by itself times what its class weighs.

    Args:
        experiment: names the inputs.
        splits: the data as loaded; outputs have targets of their own, or all the same.
        outputs: the outputs, whose losses decide whether classes are numbers or rows of 0 and 1.
    """
    spec = splits.spec

    weights = {output.name: spec.class_weight_of(output.name) for output in outputs}
    weights = weights if any(weights.values()) else {}
    found = splits.each(lambda split: model_rows(experiment, spec, split, outputs))

    def weighed(rows: Split) -> Split:
        own, of_rows = rows.row_weights, dict(rows.row_weights)
        for output, of_classes in weights.items():
            of_class = _weight_of_rows(rows.y[output], of_classes)
            of_rows[output] = of_class * own[output] if own else of_class
        return replace(rows, weights=of_rows)

    return replace(found, train=found.train.changed(weighed), spec=replace(spec, class_weights=weights))


def model_rows(experiment: Experiment, spec: DataSpec, rows: Split, outputs: Sequence[OutputPlan]) -> Split:
    """Return rows as the model takes and gives them; see `model_splits`."""

    def answers(output: OutputPlan) -> np.ndarray:
        target = spec.target_of(output.name)
        y = by_output(rows.y, output.name)
        if target.task == "multiclass" and output.one_hot:
            return one_hot(y, target.num_outputs)
        return target.as_learned(y)

    weights = {output.name: weight for output in outputs for weight in rows.row_weights.values()}
    y = {output.name: answers(output) for output in outputs}
    return Split(model_inputs(experiment, spec, rows.x), y, weights=weights, row_weights=weights)


def _weight_of_rows(y: np.ndarray, class_weight: Mapping[int, float] | None) -> np.ndarray:
    if class_weight is None:
        return np.ones(len(y), np.float32)
    weights = np.array([class_weight[code] for code in range(len(class_weight))], dtype=np.float32)
    is_one_hot = y.ndim == 2 and y.shape[1] > 1
    return np.asarray(weights[y.argmax(axis=1) if is_one_hot else y.reshape(-1).astype(np.int64)])


def one_hot(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Return class numbers `[rows]` as rows of 0 and 1, float32 `[rows, num_classes]`."""
    rows: np.ndarray = np.eye(num_classes, dtype=np.float32)[classes]
    return rows
