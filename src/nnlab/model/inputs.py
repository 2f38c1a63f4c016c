"""The rows of the data as a model takes and gives them: one array, or arrays by the names of inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnlab.config.model import FunctionalConfig
from nnlab.config.schema import Experiment
from nnlab.data.splits import DataSpec, Split, Splits
from nnlab.errors import ConfigError, Problem, did_you_mean, one_of

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


def model_splits(experiment: Experiment, splits: Splits, outputs: tuple[str, ...]) -> Splits:
    """Return the splits with rows as the model takes and gives them; several outputs have the same target."""

    def converted(split: Split | None) -> Any:
        if split is None:
            return None
        y = split.y if len(outputs) == 1 else dict.fromkeys(outputs, split.y)
        return Split(model_inputs(experiment, splits.spec, split.x), y)

    return Splits(converted(splits.train), converted(splits.validation), converted(splits.test), splits.spec)
