"""Which arrays of an NPZ file are features and targets, and whether they can be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.data.archives import fault_of, opened, read_array, unpacked_arrays
from nnlab.data.columns import AUTOENCODER, sees_the_past, select_features
from nnlab.data.conversion import beyond_memory
from nnlab.data.files import require_file
from nnlab.data.registry import RawData
from nnlab.data.row_weights import PATH, array_of_weights
from nnlab.data.series import Series, array_series
from nnlab.data.split_column import fault_of_array, split_numbers
from nnlab.data.stored import StoredArray
from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean
from nnlab.wording import listed

_GROWS = 3
"""Bytes in memory for each of the arrays: read, in the splits, and in what trains."""

_SAVE = "save it with `np.savez(path, x=x, y=y)`, or with `x_train`, `y_train`, `x_test`, `y_test`"


def read_npz(config: DataConfig) -> RawData:
    """Read the arrays of the file at `path` that `features` and `target` name.

    Without `target` it is `y`; without `features` it is `x`, or where there is no `x`, all arrays but the targets. What
    is called NAME may be stored as `NAME_train`; if there are arrays `NAME_test`, they are the test set. Features are
    numbers `[rows, ...]`, or `[rows]` for a single column; `features` that are numbers choose columns of the array.
    Targets are numbers, booleans or text, `[rows]` or `[rows, targets]`.

    Raises:
        DataError: with every mistake in the arrays.
    """
    file = require_file(config.one_path, source="npz")
    with opened(file, _SAVE) as archive:
        return arrays_of(archive, file, config)


class Held(dict[str, np.ndarray]):
    """Arrays in memory, as an archive gives them."""

    what = "what it returns"

    @property
    def files(self) -> list[str]:
        """Their names."""
        return list(self)

    def require(self, names: Iterable[str]) -> None:
        """Do nothing: they are in memory."""


def arrays_of(archive: Any, file: Path, config: DataConfig) -> RawData:
    """Take the arrays of an archive, or of `Held`, that `features` and `target` name.

    Raises:
        DataError: with every mistake in the arrays.
    """
    what = getattr(archive, "what", "the file")
    targets, features = _chosen_names(config, archive.files, file, what)
    said = [] if config.split is None or config.split.column is None else [str(config.split.column)]
    weight = [] if config.weight is None else [str(config.weight)]
    ordering = _ordering(config)
    aside = [*said, *weight, *(name for name in ordering if name is not None)]
    stored, why = _on_disk(archive, file, config, features)
    arrays = _read_all(file, archive, [*features, *targets.values(), *aside], stored)
    problems = list(array_problems(arrays, file, targets=[*targets.values(), *aside]))
    for name, array in stored.items():
        found = _not_finite(name, (part for _, part in array.parts())) if array.dtype.kind == "f" else ()
        problems += [Problem(message, hint, file=str(file)) for message, hint in found]
    problems += [] if problems else _split_problems(arrays, said, config, file)
    if problems:
        hint = (
            "list the arrays that are read in `features` and `target`"
            if config.named_features is None and len(features) > 1
            else None
        )
        raise DataError([replace(problem, hint=problem.hint or hint) for problem in problems])
    has_test = any(_test(name) in arrays for name in features)
    raw = RawData(
        x={name: _as_rows(arrays[name]) for name in features},
        y={output: arrays[name] for output, name in targets.items()},
        x_test={name: _as_rows(arrays[_test(name)]) for name in features} if has_test else None,
        y_test={output: arrays[_test(name)] for output, name in targets.items()} if has_test else None,
        target_names={output: _column_names(name, arrays[name]) for output, name in targets.items()},
        split_values=_split_values(arrays, said, config),
        split_values_test=_split_values(arrays, [_test(name) for name in said], config) if has_test else None,
        series=series_of_arrays(arrays, ordering, len(arrays[features[0]])) if config.window is not None else None,
        weight_name=weight[0] if weight else None,
        weights=array_of_weights(weight[0], arrays[weight[0]], file) if weight else None,
        weights_test=array_of_weights(_test(weight[0]), arrays[_test(weight[0])], file)
        if weight and has_test
        else None,
        notes=() if why is None else (why,),
        storage=None if isinstance(archive, Held) else "memory" if why is None else "disk",
        stored=stored,
    )
    named = config.named_features
    return select_features(raw, named) if named and _are_numbers(named) else raw


def _split_problems(
    arrays: Mapping[str, np.ndarray], said: Sequence[str], config: DataConfig, file: Path
) -> list[Problem]:
    assert not said or config.split is not None
    names = [each for name in said for each in (name, _test(name)) if each in arrays]
    faults = {name: fault_of_array(arrays[name], config.split) for name in names if config.split is not None}
    return [Problem(f"`{name}` {fault[0]}", fault[1], file=str(file)) for name, fault in faults.items() if fault]


def _split_values(arrays: Mapping[str, np.ndarray], names: Sequence[str], config: DataConfig) -> np.ndarray | None:
    for name in names:
        numbers = split_numbers(arrays[name]) if config.split is not None and config.split.by == "column" else None
        return arrays[name] if numbers is None else np.asarray(numbers)
    return None


def _ordering(config: DataConfig) -> tuple[str | None, str | None]:
    """Return the arrays that say the times of rows, and their series."""
    window = config.window
    if window is None:
        return None, None
    return None if window.order is None else str(window.order), None if window.by is None else str(window.by)


def series_of_arrays(arrays: Mapping[str, np.ndarray], names: Sequence[str | None], count: int) -> Series:
    """Return the series of so many rows, from the arrays of these names.

    Raises:
        DataError: they say no such thing.
    """
    order, by = names
    times, labels = (None if name is None else arrays[name] for name in names)
    return array_series(count, times, labels, order=order, by=by)


def _chosen_names(config: DataConfig, stored: Sequence[str], file: Path, what: str) -> tuple[dict[str, str], list[str]]:
    """Return the names of the target arrays by output, and those of the feature arrays.

    Raises:
        DataError: with every name that is not there.
    """
    if config.target is None and _stored("y", stored) not in stored:
        hint = "name the array to predict: `target: NAME`"
        raise fault_of(file, f"{what} has no `y`; it holds {_there(stored)}", hint)
    problems: list[Problem] = []
    targets = _target_names(config, stored, problems)
    if config.split is not None and config.split.column is not None:
        problems += _unknown(str(config.split.column), stored, ("data", "split", "column"))
    for name, key in zip(_ordering(config), ("order", "by"), strict=True):
        problems += [] if name is None else _unknown(name, stored, ("data", "window", key))
    if config.weight is not None:
        problems += _unknown(str(config.weight), stored, PATH)
        if str(config.weight) in targets.values():
            message = f"`{config.weight}` is the target and the weight of rows too"
            problems.append(Problem(message, "keep one", path=PATH))
    features = _feature_names(config, stored, targets.values(), problems)
    DataError.raise_any(problems)
    return targets, features


def _target_names(config: DataConfig, stored: Sequence[str], problems: list[Problem]) -> dict[str, str]:
    """Return the target array of each of `config.sections`, but for those that give back the inputs."""
    targets: dict[str, str] = {}
    for output, section in config.sections.items():
        path: ConfigPath = ("data", "target", output) if output else ("data", "target")
        names: Any = section.target or ("y",)
        if names == AUTOENCODER and "inputs" not in stored:
            continue
        if len(names) != 1:
            message = f"the target is one array of an NPZ file, received {len(names)} names"
            problems.append(Problem(message, "store its columns as one array", path=path))
            continue
        targets[output] = str(names[0])
        problems += _unknown(targets[output], stored, path)
    return targets


def _feature_names(
    config: DataConfig, stored: Sequence[str], targets: Collection[str], problems: list[Problem]
) -> list[str]:
    if config.named_features is None or _are_numbers(config.named_features):
        all_names = dict.fromkeys(name.removesuffix("_train") for name in stored if not _is_test(name, stored))
        if config.split is not None:
            all_names.pop(str(config.split.column), None)
        for name in (*_ordering(config), config.weight):
            all_names.pop(str(name), None)
        names = (
            ["x"] if "x" in all_names and "x" not in targets else [name for name in all_names if name not in targets]
        )
        if not names:
            problems.append(Problem("no array is left as a feature: all are targets", path=("data", "target")))
        if config.named_features is not None and len(names) > 1:
            message = f"columns are chosen of one array, and the file has several: {listed(names)}"
            problems.append(Problem(message, "name arrays in `features`", path=("data", "features")))
        return names
    names = [str(name) for name in config.named_features]
    for i, name in enumerate(names):
        path = ("data", "features", i)
        problems += _unknown(name, stored, path)
        if name in targets and not sees_the_past(config):
            problems.append(Problem(f"`{name}` is a target and a feature too", "remove one of them", path=path))
        if name == str(config.weight):
            problems.append(Problem(f"`{name}` is a feature and the weight of rows too", "keep one", path=path))
        if name in names[:i]:
            problems.append(Problem(f"`{name}` stands twice in `features`", "remove one of them", path=path))
    return names


def _are_numbers(features: Sequence[str | int] | None) -> bool:
    return features is not None and all(isinstance(feature, int) for feature in features)


def _column_names(name: str, y: np.ndarray) -> tuple[str, ...]:
    return (name,) if _width(y) == 1 else tuple(f"{name}{number}" for number in range(_width(y)))


def _unknown(name: str, stored: Sequence[str], path: ConfigPath) -> Iterator[Problem]:
    if _stored(name, stored) not in stored:
        hint = did_you_mean(name, stored) or f"it holds {_there(stored)}"
        yield Problem(f"the file has no array `{name}`", hint, path=path)


def _stored(name: str, stored: Collection[str]) -> str:
    """Return the name under which the file may have the training rows of an array."""
    return f"{name}_train" if f"{name}_train" in stored else name


def _test(name: str) -> str:
    return f"{name}_test"


def _is_test(name: str, stored: Collection[str]) -> bool:
    base = name.removesuffix("_test")
    return base != name and _stored(base, stored) in stored


def _there(stored: Iterable[str]) -> str:
    return listed(stored) or "nothing"


def load_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays under the names `x`, `y`, and if there is a test set `x_test`, `y_test`.

    Raises:
        DataError: when arrays are missing or cannot be read.
    """
    with opened(file, _SAVE) as archive:
        return _read_all(file, archive, ["x", "y"])


def _on_disk(
    archive: Any, file: Path, config: DataConfig, features: Sequence[str]
) -> tuple[dict[str, StoredArray], str | None]:
    """Return the features that stay on disk, and why they do; `None` if they do not."""
    if isinstance(archive, Held):
        return {}, None
    names = {name: _stored(name, archive.files) for name in features}
    why = beyond_memory(config, _GROWS * sum(map(archive.size, names.values())))
    if why is not None and config.storage is None:
        archive.refuse_bomb(names.values())
    return ({}, None) if why is None else (unpacked_arrays(file, archive, names), why)


def _read_all(
    file: Path, archive: Any, names: Sequence[str], stored: Mapping[str, StoredArray] | None = None
) -> dict[str, np.ndarray]:
    """Read arrays, and `NAME_test` of each if any of them has it; those that stay on disk are only like themselves."""
    stored = stored or {}
    wanted = {name: _stored(name, archive.files) for name in names}
    if any(_test(name) in archive.files for name in names):
        wanted |= {_test(name): _test(name) for name in names}
    missing = [f"`{name}`" for name in wanted.values() if name not in archive.files]
    if missing:
        raise fault_of(file, f"the file has no {' and '.join(missing)}; it holds {_there(archive.files)}", _SAVE)
    archive.require(there for name, there in wanted.items() if name not in stored)
    return {
        name: stored[name].like() if name in stored else read_array(file, archive, there)
        for name, there in wanted.items()
    }


def load_rows(file: Path, names: Sequence[str] = ("x",)) -> dict[str, np.ndarray]:
    """Return the rows to predict of an NPY or NPZ file.

    Args:
        file: an NPY file holds the only array.
        names: the arrays. In an NPZ file each is stored under its name, else with `_test` behind it; an only array may
            have any name, if it is alone in the file.

    Returns:
        Finite numbers `[rows, ...]` by name.

    Raises:
        DataError: when there are none.
    """
    with opened(file, "save it with `np.save(path, x)`") as loaded:
        if isinstance(loaded, np.ndarray):
            arrays = {names[0]: loaded}
        else:
            stored = [_rows_name(name, loaded.files, alone=len(names) == 1) for name in names]
            missing = [f"`{name}`" for name, found in zip(names, stored, strict=True) if found is None]
            if missing:
                message = f"the file has no {' and '.join(missing)}; it holds {_there(loaded.files)}"
                hint = f"save the rows with `np.savez(path, {', '.join(f'{name}={name}' for name in names)})`"
                raise fault_of(file, message, hint)
            loaded.require(str(found) for found in stored)
            arrays = {name: read_array(file, loaded, str(found)) for name, found in zip(names, stored, strict=True)}
    if len(names) == 1 and arrays[names[0]].ndim == 1:
        hint = f"for one row write `{names[0]}[None]`, for one column `{names[0]}.reshape(-1, 1)`"
        message = f"`{names[0]}` has the shape {arrays[names[0]].shape}, expected rows of features"
        raise fault_of(file, message, hint)
    DataError.raise_any(array_problems(arrays, file, targets=()))
    return {name: _as_rows(array) for name, array in arrays.items()}


def load_target(file: Path, names: Sequence[str]) -> np.ndarray | None:
    """Return a target array of an NPZ file: the first that is there, stored under its name or with `_test` behind it.

    Returns:
        Numbers or text, `[rows]` or `[rows, targets]`; `None` if there is none of these names.

    Raises:
        DataError: it cannot be used.
    """
    with opened(file, _SAVE) as archive:
        found = next((there for name in names if (there := _rows_name(name, archive.files)) is not None), None)
        if found is None:
            return None
        array = read_array(file, archive, found)
    DataError.raise_any(array_problems({found: array}, file, targets=(found,)))
    return array


def load_aside(file: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return arrays of an NPZ file that say something about its rows, by name.

    Raises:
        DataError: one is not there, or the file is no NPZ file.
    """
    if not names:
        return {}
    with opened(file, _SAVE) as archive:
        stored = [] if isinstance(archive, np.ndarray) else archive.files
        found = {name: _rows_name(name, stored) for name in names}
        missing = [f"`{name}`" for name, there in found.items() if there is None]
        if missing:
            hint = "save it with `np.savez`, beside the rows"
            raise fault_of(file, f"the file has no {' and '.join(missing)}; it holds {_there(stored)}", hint)
        archive.require(map(str, found.values()))
        return {name: read_array(file, archive, str(there)) for name, there in found.items()}


def load_weights(file: Path, name: str) -> np.ndarray | None:
    """Return the weights of the rows of an NPZ file, stored as `load_target` has it; `None` if they are not there.

    Raises:
        DataError: they cannot be used.
    """
    values = load_target(file, [name])
    return None if values is None else array_of_weights(name, values, file)


def _rows_name(name: str, stored: Sequence[str], *, alone: bool = False) -> str | None:
    if alone and len(stored) == 1:
        return stored[0]
    return next((there for there in (name, _test(name)) if there in stored), None)


def array_problems(
    arrays: Mapping[str, np.ndarray], file: Path, *, targets: Collection[str] = ("y",)
) -> Iterator[Problem]:
    """Yield what is wrong with arrays: of each, and between them.

    Args:
        arrays: features and targets by name, and perhaps the same with `_test` behind the name.
        file: where they come from.
        targets: which of them are targets.
    """
    tests = {name: _test(name) for name in arrays if _test(name) in arrays}
    is_target = {name: name in targets for name in arrays} | {test: name in targets for name, test in tests.items()}
    faults = [fault for name, array in arrays.items() for fault in _faults(name, array, is_target=is_target[name])]
    if not faults:
        faults = [*_unequal_rows({name: arrays[name] for name in arrays if name not in tests.values()}, targets)]
        faults += _unequal_rows(
            {test: arrays[test] for test in tests.values()}, [tests[name] for name in targets if name in tests]
        )
        faults += [fault for name in tests for fault in _unlike(name, arrays, is_target=is_target[name])]
    for message, hint in faults:
        yield Problem(message, hint, file=str(file))


def _unequal_rows(arrays: Mapping[str, np.ndarray], targets: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Compare with the first target, or with the first array if there is no target."""
    first = next(iter(targets), next(iter(arrays), ""))
    for name, array in arrays.items():
        if len(array) != len(arrays[first]):
            yield f"`{name}` has {len(array)} rows, `{first}` has {len(arrays[first])}", None


def _unlike(name: str, arrays: Mapping[str, np.ndarray], *, is_target: bool) -> Iterator[tuple[str, str | None]]:
    """Compare the rows of the test set with the others."""
    train, test = arrays[name], arrays[_test(name)]
    if is_target and _width(train) != _width(test):
        yield f"`{name}_test` has {_width(test)} columns, `{name}_train` has {_width(train)}", None
    if not is_target and train.shape[1:] != test.shape[1:]:
        yield f"rows of `{name}_test` have the shape {test.shape[1:]}, rows of `{name}_train` {train.shape[1:]}", None


def _width(y: np.ndarray) -> int:
    return int(y.shape[1]) if y.ndim == 2 else 1


def _faults(name: str, array: np.ndarray, *, is_target: bool) -> Iterator[tuple[str, str | None]]:
    kinds, wanted = ("biufU", "numbers or text") if is_target else ("biuf", "numbers")
    shape = f"the shape {array.shape}"
    if array.dtype.kind not in kinds:
        yield f"`{name}` has the type {array.dtype}, expected {wanted}", None
    elif array.ndim == 0:
        yield f"`{name}` has {shape}, expected rows of {'targets' if is_target else 'features'}", None
    elif is_target and array.ndim > 2:
        yield f"`{name}` has {shape}, expected (rows,) or (rows, targets)", None
    elif len(array) == 0:
        yield f"`{name}` has no rows", None
    elif array.size == 0:
        yield f"`{name}` has {shape}: its rows are empty", None
    elif array.dtype.kind == "f":
        yield from _not_finite(name, [array])


def _not_finite(name: str, parts: Iterable[np.ndarray]) -> Iterator[tuple[str, str | None]]:
    first, value, count, before = 0, None, 0, 0
    for part in parts:
        with np.errstate(over="ignore"):
            if not np.isfinite(np.asarray([part.min(), part.max()], np.float32)).all():  # NaN would be both
                fits = np.isfinite(part.astype(np.float32)).reshape(len(part), -1)
                rows = ~fits.all(axis=1)
                if value is None:
                    row = int(np.argmax(rows))
                    first, value = before + row, part.reshape(len(part), -1)[row][~fits[row]][0]
                count += int(rows.sum())
        before += len(part)
    if value is not None:
        message = f"`{name}` holds `{value}` in row {first} (counted from 0); {count} rows have such values"
        yield message, "every value has to be a finite float32: fill missing values or leave these rows out"


def _as_rows(x: np.ndarray) -> np.ndarray:
    """Make numbers of booleans, and a column of single values."""
    x = x.astype(np.uint8) if x.dtype.kind == "b" else x
    return x.reshape(-1, 1) if x.ndim == 1 else x
