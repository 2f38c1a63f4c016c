"""Which arrays of the rows, or columns of them, the inputs of a model take."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab import catalog
from nnlab.config.by_name import UNNAMED, only
from nnlab.config.model import FunctionalConfig, SequentialConfig, SubclassedConfig
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean
from nnlab.wording import one_of

if TYPE_CHECKING:
    import numpy as np

    from nnlab.data.splits import ByName, DataSpec

JOINED = "joined"
"""What is called so that stands between inputs of their own and layers in a row."""


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
        return array if self.columns is None else array[..., list(self.columns)]


def input_sources(model: FunctionalConfig, spec: DataSpec) -> dict[str, InputSource]:
    """Return what each input of a functional model takes of the rows.

    Raises:
        ConfigError: with every feature and every array that is not there.
    """
    problems: list[Problem] = []
    sources = {}
    first, *others = spec.input_shapes
    own = {} if spec.encoding is None else spec.encoding.own
    for name, config in model.inputs.items():
        path = ("model", "inputs", name, "features")
        names_arrays = config.features is None or {*map(str, config.features)} & {*spec.input_shapes}
        if own and others and not names_arrays:  # columns of the table that stand in the array of numbers
            assert config.features is not None, "an input without any has the name of an array"
            columns = _all_columns(config.features, spec, path, problems)
            sources[name] = InputSource(spec.encoding.numbers if spec.encoding else first, columns)
        elif others:
            sources[name] = InputSource(_array(name, config.features, spec, path, problems))
        elif config.features is None or config.features == spec.array_names:
            sources[name] = InputSource(first)
        else:
            sources[name] = InputSource(first, _all_columns(config.features, spec, path, problems))
    taken = {source.array for source in sources.values()}
    for column in () if problems else (column for column in own if column not in taken):
        hint = f"write `inputs: {{{identifier(column)}: {{features: {column}}}}}`, or `ignore` it in `data`"
        problems.append(Problem(f"no input takes the column `{column}`", hint, ("model", "inputs")))
    ConfigError.raise_any(problems)
    return sources


def _all_columns(
    features: Sequence[str | int], spec: DataSpec, path: ConfigPath, problems: list[Problem]
) -> tuple[int, ...]:
    found = [_columns(feature, spec, (*path, i), problems) for i, feature in enumerate(features)]
    return tuple(column for some in found for column in some)


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
    if isinstance(feature, str) and spec.array_names and spec.encoding is None:
        hint = f"the data have the array `{spec.array_names[0]}`; `data.features` names those that are read"
        problems.append(Problem(f"there is no array `{feature}`", hint, path))
        return ()
    numbers = None if spec.encoding is None else spec.encoding.numbers
    shape = spec.row_shapes.get(numbers, ()) if numbers is not None else only(spec.row_shapes)
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


def arrays_of_inputs(model: SequentialConfig | FunctionalConfig | SubclassedConfig, spec: DataSpec) -> dict[str, str]:
    """Return the array that each input of a model takes, as a whole or in part.

    Raises:
        ConfigError: see `input_sources`.
    """
    if isinstance(model, FunctionalConfig):
        return {name: source.array for name, source in input_sources(model, spec).items()}
    if isinstance(model, SequentialConfig):
        return {name: array for array, name in input_names(spec).items()}
    return {name: name for name in spec.input_shapes}


def input_names(spec: DataSpec) -> dict[str, str]:
    """Return what a model with layers in a row calls the input of each array; the only one is `UNNAMED`."""
    if len(spec.input_shapes) == 1:
        return dict.fromkeys(spec.input_shapes, UNNAMED)
    names: dict[str, str] = {}
    for array in spec.input_shapes:
        name = identifier(array)
        while name in names.values():
            name += "_"
        names[array] = name
    return names


def identifier(array: str) -> str:
    """Return a name that Keras and TensorFlow take, and that no layer gives itself."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", array)
    kind = name.rstrip("_0123456789").replace("_", "").lower()
    is_taken = kind in {JOINED, *(each.lower() for each in catalog.names("layers"))}
    return f"column_{name}" if is_taken or not name[:1].isalpha() else name
