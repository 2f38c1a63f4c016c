"""The rows of the data as a model takes and gives them: arrays by the names of its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nnlab.config.by_name import UNNAMED, by_output, only
from nnlab.config.model import FunctionalConfig, SequentialConfig
from nnlab.config.schema import Experiment
from nnlab.data.splits import ByName, DataSpec, Split, Splits
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean
from nnlab.model.plan import OutputPlan
from nnlab.wording import one_of


@dataclass(frozen=True, slots=True)
class InputSource:
    """What an input of a functional model takes.

    Args:
        array: the array by its name.
        columns: the columns by their numbers, `None` for all.
    """

    array: str
    columns: tuple[int, ...] | None = None

    def take(self, x: ByName) -> np.ndarray:
        """Return `[rows, ...]`."""
        array = x[self.array]
        return array if self.columns is None else array[:, list(self.columns)]


def input_sources(model: FunctionalConfig, spec: DataSpec) -> dict[str, InputSource]:
    """Return what each input of a functional model takes of the rows.

    Raises:
        ConfigError: with every feature and every array that is not there.
    """
    problems: list[Problem] = []
    sources = {}
    first, *others = spec.input_shapes
    for name, config in model.inputs.items():
        path = ("model", "inputs", name, "features")
        if others:
            sources[name] = InputSource(_array(name, config.features, spec, path, problems))
        elif config.features is None or config.features == spec.array_names:
            sources[name] = InputSource(first)
        else:
            found = [_columns(feature, spec, (*path, i), problems) for i, feature in enumerate(config.features)]
            sources[name] = InputSource(first, columns=tuple(column for some in found for column in some))
    ConfigError.raise_any(problems)
    return sources


def _array(
    name: str, features: tuple[str | int, ...] | None, spec: DataSpec, path: ConfigPath, problems: list[Problem]
) -> str:
    """Find the one array that an input takes: it names it, or has its name."""
    names = (name,) if features is None else features
    for i, wanted in enumerate(names):
        if wanted not in spec.array_names:
            hint = did_you_mean(str(wanted), spec.array_names) or one_of(spec.array_names)
            at = path[:-1] if features is None else (*path, i)
            problems.append(Problem(f"there is no array `{wanted}`", hint, at))
    if len(names) != 1:
        problems.append(Problem(f"an input takes one array, received {len(names)}", "make an input of each", path))
    return str(names[0]) if names else ""


def _columns(feature: str | int, spec: DataSpec, path: ConfigPath, problems: list[Problem]) -> tuple[int, ...]:
    """Return the numbers of a row that are meant: one, or all that are made of a column of a table."""
    if isinstance(feature, str) and spec.array_names:
        hint = f"the data have the array `{spec.array_names[0]}`; `data.features` names those that are read"
        problems.append(Problem(f"there is no array `{feature}`", hint, path))
        return ()
    shape = only(spec.input_shapes)
    if len(shape) != 1:
        hint = "leave `features` out: the input then takes the whole rows"
        problems.append(Problem("rows that are no table have no features to choose", hint, path))
        return ()
    (count,) = shape
    if isinstance(feature, int):
        if not -count <= feature < count:
            problems.append(Problem(f"there is no feature {feature}", f"they are numbered 0 to {count - 1}", path))
        return (feature % count,)
    found = spec.features_of(feature)
    if not found:
        names = tuple(dict.fromkeys((*spec.column_names, *spec.feature_names)))
        hint = did_you_mean(feature, names) or (
            one_of(spec.column_names) if names else f"name them by number, 0 to {count - 1}"
        )
        problems.append(Problem(f"there is no feature `{feature}`", hint, path))
    return found


def model_inputs(experiment: Experiment, spec: DataSpec, x: ByName) -> ByName:
    """Return rows as the model takes them.

    Args:
        experiment: names the inputs and their features.
        spec: knows the names of the features and arrays.
        x: `[rows, *input_shape]` by array.

    Returns:
        Arrays by input; the only one of a sequential model is `UNNAMED`, those of a class of the user's own are called
        as in the data.
    """
    model = experiment.model
    if isinstance(model, FunctionalConfig):
        return {name: source.take(x) for name, source in input_sources(model, spec).items()}
    return {UNNAMED: only(x)} if isinstance(model, SequentialConfig) else x


def model_splits(experiment: Experiment, splits: Splits, outputs: Sequence[OutputPlan]) -> Splits:
    """Return the splits with rows as the model takes and gives them, and weights of classes for each output.

    Args:
        experiment: names the inputs.
        splits: the data as loaded; outputs have targets of their own, or all the same.
        outputs: the outputs, whose losses decide whether classes are numbers or rows of 0 and 1.
    """
    spec = splits.spec

    weights = {output.name: spec.class_weight_of(output.name) for output in outputs}
    weights = weights if any(weights.values()) else {}
    found = splits.each(lambda split: model_rows(experiment, spec, split, outputs))
    of_rows = {output: _weight_of_rows(found.train.y[output], of_classes) for output, of_classes in weights.items()}
    return replace(found, train=replace(found.train, weights=of_rows), spec=replace(spec, class_weights=weights))


def model_rows(experiment: Experiment, spec: DataSpec, rows: Split, outputs: Sequence[OutputPlan]) -> Split:
    """Return rows as the model takes and gives them; see `model_splits`."""

    def answers(output: OutputPlan) -> np.ndarray:
        target = spec.target_of(output.name)
        y = by_output(rows.y, output.name)
        return one_hot(y, target.num_outputs) if target.task == "multiclass" and output.one_hot else y

    return Split(model_inputs(experiment, spec, rows.x), {output.name: answers(output) for output in outputs})


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
