"""Rows to predict: features from a file, put into the form that a run was trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nnlab.config.load import load_config
from nnlab.data.arrays import load_rows
from nnlab.data.csv_files import has_header
from nnlab.data.files import kind_of_input
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec
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


def read_features(file: Path, spec: DataSpec) -> np.ndarray:
    """Read the rows of a CSV, NPY or NPZ file, scaled as the run's training rows were.

    In a CSV file the columns are found by the names that they had in training, in any order, and others are left
    alone; where the training data had no names, by position. Arrays are `[rows, *input_shape]`, or flat rows.

    Returns:
        float32 `[rows, *input_shape]`, in the order of the file.

    Raises:
        DataError: with every column that is missing or holds something else than finite numbers.

    Example:
        >>> read_features(Path("flowers.csv"), spec).shape
        (12, 4)
    """
    if kind_of_input(file) != "csv":
        x = _shaped(load_rows(file), spec, file)
    elif spec.feature_names:
        x = _columns_by_name(file, spec)
    else:
        x = _columns_by_position(file, spec)
    return spec.scaled(x.reshape(len(x), *spec.input_shape))


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


def _columns_by_position(file: Path, spec: DataSpec) -> np.ndarray:
    table = csv_table(file, header=has_header(file), for_training=False)
    width, wanted = len(table.frame.columns), math.prod(spec.input_shape)
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


def _shaped(x: np.ndarray, spec: DataSpec, file: Path) -> np.ndarray:
    """Check the shape of the rows; a flat row, or one axis of size 1 more or less, cannot be misunderstood."""
    if any(x.shape[1:] == shape for shape in _same_rows(x.shape[1:], spec)):
        return x
    message = f"rows have the shape {x.shape[1:]}, the model takes {spec.input_shape}"
    hint = "give the features alone, as the training data had them, one row of them for each prediction"
    if x.shape == spec.input_shape:
        hint = "for a single row write `x[None]`: the first axis counts the rows"
    raise DataError(Problem(message, hint, file=str(file)))


def _same_rows(shape: tuple[int, ...], spec: DataSpec) -> Iterator[tuple[int, ...]]:
    yield spec.input_shape
    yield (math.prod(spec.input_shape),)
    if [size for size in shape if size != 1] == [size for size in spec.input_shape if size != 1]:
        yield shape


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
