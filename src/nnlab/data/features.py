"""Rows to predict: features from a file, put into the form that a run was trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.load import load_config
from nnlab.data.arrays import load_rows
from nnlab.data.csv_files import has_header
from nnlab.data.files import kind_of_input
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec, Shape, each, one_or_all
from nnlab.data.tables import Table, csv_table, numbers
from nnlab.errors import DataError, NnlabError, Problem, did_you_mean, listed
from nnlab.run import Run


def data_spec(run: Run) -> DataSpec:
    """Return what a run's model knows about its data: names of features and classes, and the scaling.

    The run keeps it, so that the training data need not be there any more; they are loaded only for a run without it.

    Raises:
        NnlabError: what the run keeps cannot be read.
        DataError: it keeps nothing, and the training data are not there either.
    """
    path = run.data_path
    if not path.exists():
        config = load_config(run.config_path).experiment
        return load_data(config.data, seed=config.seed).spec
    try:
        return DataSpec.from_json(run.read_data())
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "train the run's `config.yaml` again"
        raise NnlabError(f"`{path}` cannot be read: {error}", hint=hint) from error


def read_features(file: Path, spec: DataSpec) -> Any:
    """Read the rows of a CSV, NPY or NPZ file, scaled as the run's training rows were.

    In a CSV file the columns are found by the names that they had in training, in any order, and others are left
    alone; where the training data had no names, by position. Arrays are `[rows, *input_shape]`, or flat rows; several
    are found in an NPZ file by the names that they had in training.

    Returns:
        float32 `[rows, *input_shape]` (several arrays: by name), in the order of the file.

    Raises:
        DataError: with every column that is missing or holds something else than finite numbers.

    Example:
        >>> read_features(Path("flowers.csv"), spec).shape
        (12, 4)
    """
    kind = kind_of_input(file)
    shape = spec.input_shape
    if isinstance(shape, Mapping) and kind != "npz":
        example = ", ".join(f"{name}={name}" for name in shape)
        message = f"the run was trained on the arrays {listed(shape)}, which an NPZ file has to hold"
        raise DataError(Problem(message, f"save it with `np.savez(path, {example})`", file=str(file)))
    if isinstance(shape, Mapping) or kind != "csv":
        arrays = load_rows(file, spec.array_names or ("x",))
        return spec.scaled(_shaped(one_or_all(arrays), spec, file))
    x = _columns_by_name(file, spec) if spec.feature_names else _columns_by_position(file, math.prod(shape))
    return spec.scaled(x.reshape(len(x), *shape))


def _columns_by_name(file: Path, spec: DataSpec) -> np.ndarray:
    table = csv_table(file, for_training=False)
    names = [str(name) for name in table.frame.columns]
    missing = [_missing(name, names, spec, file) for name in spec.feature_names if name not in names]
    there = [names.index(name) for name in spec.feature_names if name in names]
    return _stacked(table, there, missing)


def _missing(name: str, names: list[str], spec: DataSpec, file: Path) -> Problem:
    others = [other for other in names if other not in spec.feature_names]
    hint = did_you_mean(name, others)
    if hint is None:
        rest = f"besides, the file has {listed(others)}" if others else "the file has no other columns"
        hint = f"the run was trained with it; {rest}"
    return Problem(f"there is no column `{name}`", hint, file=str(file), line=1)


def _columns_by_position(file: Path, wanted: int) -> np.ndarray:
    table = csv_table(file, header=has_header(file), for_training=False)
    width = len(table.frame.columns)
    if width != wanted:
        message = f"the file has {_count(width, 'column')}, the model takes {_count(wanted, 'value')} a row"
        hint = "keep the features alone, in the order of the training data, which had no names for them"
        raise DataError(Problem(message, hint, file=str(file), line=1))
    return _stacked(table, range(width), [])


def _stacked(table: Table, positions: range | list[int], problems: list[Problem]) -> np.ndarray:
    columns = [numbers(table, position) for position in positions]
    problems = problems + [column for column in columns if isinstance(column, Problem)]
    if problems:
        raise DataError(problems)
    return np.stack([column for column in columns if not isinstance(column, Problem)], axis=1)


def _shaped(x: Any, spec: DataSpec, file: Path) -> Any:
    """Check the shape of the rows; a flat row, or one axis of size 1 more or less, cannot be misunderstood."""
    problems: list[Problem] = []

    def checked(rows: np.ndarray, shape: Shape, name: str) -> np.ndarray:
        if any(rows.shape[1:] == fitting for fitting in _same_rows(rows.shape[1:], shape)):
            return rows.reshape(len(rows), *shape)
        message = f"rows{name} have the shape {rows.shape[1:]}, the model takes {shape}"
        hint = "give the features alone, as the training data had them, one row of them for each prediction"
        if rows.shape == shape:
            hint = "for a single row write `x[None]`: the first axis counts the rows"
        problems.append(Problem(message, hint, file=str(file)))
        return rows

    names = {name: f" of `{name}`" for name in x} if isinstance(x, Mapping) else ""
    shaped = each(checked, x, spec.input_shape, names)
    if problems:
        raise DataError(problems)
    return shaped


def _same_rows(shape: Shape, wanted: Shape) -> Iterator[Shape]:
    yield wanted
    yield (math.prod(wanted),)
    if [size for size in shape if size != 1] == [size for size in wanted if size != 1]:
        yield shape


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
