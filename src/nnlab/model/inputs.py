"""The rows of the data as a model takes and gives them: one array, or arrays by the names of inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nnlab.config.model import FunctionalConfig
from nnlab.config.schema import Experiment
from nnlab.data.splits import DataSpec, Split, Splits, one_or_all
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean, one_of
from nnlab.model.plan import OutputPlan

Arrays = np.ndarray | Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class InputSource:
    """What an input of a functional model takes.

    Args:
        array: the array by its name, `None` if the rows are one array.
        columns: the columns by their numbers, `None` for all.
    """

    array: str | None = None
    columns: tuple[int, ...] | None = None

    def take(self, x: Any) -> np.ndarray:
        """Return `[rows, ...]`."""
        array: np.ndarray = x if self.array is None else x[self.array]
        return array if self.columns is None else array[:, list(self.columns)]


def input_sources(model: FunctionalConfig, spec: DataSpec) -> dict[str, InputSource]:
    """Return what each input of a functional model takes of the rows.

    Raises:
        ConfigError: with every feature and every array that is not there.
    """
    problems: list[Problem] = []
    sources = {}
    for name, config in model.inputs.items():
        path = ("model", "inputs", name, "features")
        several = isinstance(spec.input_shape, Mapping)
        if several:
            sources[name] = _array(name, config.features, spec, path, problems)
        elif config.features is None or config.features == spec.array_names:
            sources[name] = InputSource()
        else:
            found = [_column(feature, spec, (*path, i), problems) for i, feature in enumerate(config.features)]
            sources[name] = InputSource(columns=tuple(found))
    if problems:
        raise ConfigError(problems)
    return sources


def _array(
    name: str, features: tuple[str | int, ...] | None, spec: DataSpec, path: ConfigPath, problems: list[Problem]
) -> InputSource:
    """Find the one array that an input takes: it names it, or has its name."""
    names = (name,) if features is None else features
    for i, wanted in enumerate(names):
        if wanted not in spec.array_names:
            hint = did_you_mean(str(wanted), spec.array_names) or one_of(spec.array_names)
            at = path[:-1] if features is None else (*path, i)
            problems.append(Problem(f"there is no array `{wanted}`", hint, at))
    if len(names) != 1:
        problems.append(Problem(f"an input takes one array, received {len(names)}", "make an input of each", path))
    return InputSource(array=str(names[0]) if names else None)


def _column(feature: str | int, spec: DataSpec, path: ConfigPath, problems: list[Problem]) -> int:
    if isinstance(feature, str) and spec.array_names:
        hint = f"the data have the array `{spec.array_names[0]}`; `data.features` names those that are read"
        problems.append(Problem(f"there is no array `{feature}`", hint, path))
        return 0
    assert not isinstance(spec.input_shape, Mapping)
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


def model_inputs(experiment: Experiment, spec: DataSpec, x: Any) -> Arrays:
    """Return rows as the model takes them.

    Args:
        experiment: names the inputs and their features.
        spec: knows the names of the features and arrays.
        x: `[rows, *spec.input_shape]`, by array name if there are several.

    Returns:
        The array itself; for a functional model with several inputs, arrays by input name; for a class of the user's
        own, the arrays by their names if there are several.
    """
    if not isinstance(experiment.model, FunctionalConfig):
        return x  # type: ignore[no-any-return]
    sources = input_sources(experiment.model, spec)
    return one_or_all({name: source.take(x) for name, source in sources.items()})  # type: ignore[no-any-return]


def model_splits(experiment: Experiment, splits: Splits, outputs: Sequence[OutputPlan]) -> Splits:
    """Return the splits with rows as the model takes and gives them, and weights of classes for each output.

    Args:
        experiment: names the inputs.
        splits: the data as loaded; outputs have targets of their own, or all the same.
        outputs: the outputs, whose losses decide whether classes are numbers or rows of 0 and 1.
    """
    spec = splits.spec

    def converted(split: Split | None) -> Any:
        return None if split is None else model_rows(experiment, spec, split, outputs)

    weights = {output.name: spec.class_weight_of(output.name) for output in outputs}
    class_weight = one_or_all(weights) if any(weights.values()) else None
    spec = replace(spec, class_weight=class_weight)
    return replace(
        splits,
        train=converted(splits.train),
        validation=converted(splits.validation),
        test=converted(splits.test),
        spec=spec,
    )


def model_rows(experiment: Experiment, spec: DataSpec, rows: Split, outputs: Sequence[OutputPlan]) -> Split:
    """Return rows as the model takes and gives them; see `model_splits`."""

    def answers(output: OutputPlan) -> np.ndarray:
        target = spec.target_of(output.name)
        y: np.ndarray = rows.y[output.name] if isinstance(spec.target, Mapping) else rows.y
        return one_hot(y, target.num_outputs) if target.task == "multiclass" and output.one_hot else y

    return Split(
        model_inputs(experiment, spec, rows.x), one_or_all({output.name: answers(output) for output in outputs})
    )


def one_hot(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Return class numbers `[rows]` as rows of 0 and 1, float32 `[rows, num_classes]`."""
    rows: np.ndarray = np.eye(num_classes, dtype=np.float32)[classes]
    return rows
