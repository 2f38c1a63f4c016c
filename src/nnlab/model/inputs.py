"""The rows of the data as a model takes and gives them: one array, or arrays by the names of inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlab.config.model import FunctionalConfig
from nnlab.config.schema import Experiment
from nnlab.data.splits import DataSpec, Split, Splits
from nnlab.errors import ConfigError, Problem, did_you_mean, one_of
from nnlab.model.plan import OutputPlan

Arrays = np.ndarray | Mapping[str, np.ndarray]


def input_columns(experiment: Experiment, spec: DataSpec) -> dict[str, list[int] | None]:
    """Return which columns each input of a functional model takes; `None` for all, empty for other models.

    Raises:
        ConfigError: with every feature that is not there.
    """
    model = experiment.model
    if not isinstance(model, FunctionalConfig):
        return {}
    problems: list[Problem] = []
    columns: dict[str, list[int] | None] = {}
    for name, config in model.inputs.items():
        if config.features is None:
            columns[name] = None
            continue
        found = [_column(feature, spec, ("model", "inputs", name, "features", i), problems)
                 for i, feature in enumerate(config.features)]  # fmt: skip
        columns[name] = found
    if problems:
        raise ConfigError(problems)
    return columns


def _column(feature: str | int, spec: DataSpec, path: tuple[str | int, ...], problems: list[Problem]) -> int:
    if len(spec.input_shape) != 1:
        hint = "leave `features` out: the input then takes the whole rows"
        problems.append(Problem("rows that are no table have no features to choose", hint, path))
        return 0
    count = spec.input_shape[0]
    if isinstance(feature, int):
        if not -count <= feature < count:
            problems.append(Problem(f"there is no feature {feature}", f"they are numbered 0 to {count - 1}", path))
        return feature % count
    if feature not in spec.feature_names:
        hint = did_you_mean(feature, spec.feature_names) or (
            one_of(spec.feature_names) if spec.feature_names else f"name them by number, 0 to {count - 1}"
        )
        problems.append(Problem(f"there is no feature `{feature}`", hint, path))
        return 0
    return spec.feature_names.index(feature)


def model_inputs(experiment: Experiment, spec: DataSpec, x: np.ndarray) -> Arrays:
    """Return rows as the model takes them.

    Args:
        experiment: names the inputs and their features.
        spec: knows the names of the features.
        x: `[rows, *spec.input_shape]`.

    Returns:
        The array itself, or for a functional model with several inputs, arrays by input name.
    """
    columns = input_columns(experiment, spec)
    arrays = {name: x if chosen is None else x[:, chosen] for name, chosen in columns.items()}
    if len(arrays) > 1:
        return arrays
    return next(iter(arrays.values()), x)


def model_splits(experiment: Experiment, splits: Splits, outputs: Sequence[OutputPlan]) -> Splits:
    """Return the splits with rows as the model takes and gives them; several outputs have the same target.

    Args:
        experiment: names the inputs.
        splits: the data as loaded.
        outputs: the outputs, whose losses decide whether classes are numbers or rows of 0 and 1.
    """
    spec = splits.spec

    def target(y: np.ndarray, output: OutputPlan) -> np.ndarray:
        return one_hot(y, spec.num_outputs) if spec.task == "multiclass" and output.one_hot else y

    def converted(split: Split | None) -> Any:
        if split is None:
            return None
        answers = {output.name: target(split.y, output) for output in outputs}
        y = answers if len(answers) > 1 else next(iter(answers.values()))
        return Split(model_inputs(experiment, spec, split.x), y)

    return Splits(converted(splits.train), converted(splits.validation), converted(splits.test), spec)


def one_hot(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Return class numbers `[rows]` as rows of 0 and 1, float32 `[rows, num_classes]`."""
    rows: np.ndarray = np.eye(num_classes, dtype=np.float32)[classes]
    return rows
