"""Rows to predict: features from a file, put into the form that a run was trained on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.data import DataConfig
from nnlab.config.load import load_config
from nnlab.config.names import canonical
from nnlab.data.arrays import load_aside, load_rows, load_target, load_weights, series_of_arrays
from nnlab.data.csv_files import CsvForm, has_header
from nnlab.data.encoding.encoding import TableEncoding
from nnlab.data.files import kind_of_input, reading
from nnlab.data.loading import load_data, split_as_before
from nnlab.data.parquet_files import parquet_table
from nnlab.data.pictures.inputs import PictureFile
from nnlab.data.pictures.listing import is_picture
from nnlab.data.row_weights import read_weights
from nnlab.data.series import Series, read_series
from nnlab.data.splits import ByName, DataSpec, row_count
from nnlab.data.table import Fault, Table, numbers, target_columns
from nnlab.data.tables import csv_table
from nnlab.data.target_spec import Shape, TargetSpec
from nnlab.data.text_files import TextFile
from nnlab.data.windows import Windows
from nnlab.errors import DataError, NnlabError, Problem, did_you_mean
from nnlab.memory import require_memory
from nnlab.run import Run
from nnlab.wording import counted, listed

_MOST_GUESSES = 3


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
        return load_data(split_as_before(config.data), seed=config.seed).spec
    try:
        return DataSpec.from_json(run.read_data())
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "train the run's `config.yaml` again"
        raise NnlabError(f"`{path}` cannot be read: {error}", hint=hint) from error


@reading()
def read_features(file: Path, spec: DataSpec) -> dict[str, np.ndarray]:
    """Read the rows of a CSV, Parquet, NPY or NPZ file, scaled as the run's training rows were.

    In a table the columns are found by the names that they had in training, in any order, and others are left
    alone; where the training data had no names, by position. Arrays are `[rows, *input_shape]`, or flat rows; several
    are found in an NPZ file by the names that they had in training.

    Returns:
        float32 `[rows, *input_shape]` by array, in the order of the file.

    Raises:
        DataError: with every column that is missing or holds something else than finite numbers.

    Example:
        >>> {name: x.shape for name, x in read_features(Path("flowers.csv"), spec).items()}
        {'': (12, 4)}
    """
    rows = open_rows(file, spec)
    return inputs_of(rows, rows.features()).x


@reading()
def open_rows(file: Path, spec: DataSpec) -> RowsFile | PictureFile:
    """Find out what holds rows for a run's model: a file, or pictures where it was trained on these.

    Raises:
        DataError: it holds nothing that a model could take.
    """
    if spec.pictures is not None and (file.is_dir() or is_picture(file) or kind_of_input(file) == "csv"):
        return PictureFile.open(file, spec, spec.pictures)
    return RowsFile.open(file, spec)


class Inputs(NamedTuple):
    """Rows as a model takes them.

    Args:
        x: `[rows, *input_shape]` by array.
        of: of windows, which row each predicts: columns `[rows]` by name.
    """

    x: dict[str, np.ndarray]
    of: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class RowsFile:
    """A file with rows for a run's model: their features, and perhaps their targets.

    Args:
        file: its path.
        spec: what the run knows about its data.
        table: what a CSV or Parquet file holds; `None` for an NPY or NPZ file.
        names: of the rows, if they have any.
        notes: what has to be said of them.
    """

    file: Path
    spec: DataSpec
    table: Table | None
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, file: Path, spec: DataSpec) -> RowsFile:
        """Find out what the file holds, and read a table.

        Raises:
            DataError: it holds nothing that a model could take.
        """
        kind, names = kind_of_input(file), spec.array_names
        if len(names) > 1 and kind != "npz" and spec.encoding is None:
            example = ", ".join(f"{name}={name}" for name in names)
            message = f"the model takes the arrays {listed(names)}, which an NPZ file has to hold"
            raise DataError(Problem(message, f"save it with `np.savez(path, {example})`", file=str(file)))
        if kind == "parquet":
            return cls(file, spec, parquet_table(file, for_training=False, missing=spec.missing))
        if kind == "csv":
            header = bool(spec.column_names) or has_header(TextFile.of(file))
            form = CsvForm(header=header, decimal=spec.read_with.get("decimal"))
            return cls(file, spec, csv_table(file, form=form, for_training=False, missing=spec.missing))
        if spec.encoding is not None:
            message = f"the model takes a table with the columns {listed(spec.column_names)}"
            raise DataError(Problem(message, "give a CSV or Parquet file", file=str(file)))
        return cls(file, spec, None)

    @reading()
    def features(self) -> dict[str, np.ndarray]:
        """Return the features as the source has them, by array or by column of a table; see `read_features`.

        Raises:
            DataError: with every column that is missing or holds something else than finite numbers.
        """
        spec = self.spec
        if spec.encoding is not None:
            assert self.table is not None
            return _columns_of(spec.encoding, self.table, self.file)
        if self.table is None:
            return _shaped(load_rows(self.file, spec.array_names or ("x",)), spec, self.file)
        ((name, shape),) = spec.row_shapes.items()  # several arrays come from NPZ files
        if spec.feature_names:
            x = _columns_by_name(self.table, self.file, spec)
        else:
            x = _columns_by_position(self.table, self.file, spec, math.prod(shape))
        return {name: x.reshape(len(x), *shape)}

    def series(self, count: int) -> Series | None:
        """Return which of so many rows follows which, if the model takes windows.

        Raises:
            DataError: columns that say it are not there, or do not.
        """
        window = self.spec.window
        if window is None:
            return None
        names = tuple(None if name is None else str(name) for name in (window.order, window.by))
        wanted = [name for name in names if name is not None]
        if self.table is None:
            return series_of_arrays(load_aside(self.file, wanted), names, count)
        there, problems = _places(self.table, wanted, self.file)
        DataError.raise_any(problems)
        encoded = {} if self.spec.encoding is None else self.spec.encoding.columns
        kinds = {name: column.kind for name, column in encoded.items()}
        columns = [None if name is None else there[name] for name in names]
        found = read_series(self.table, columns, kinds)
        if isinstance(found, Series):
            return found
        raise DataError([replace(problem, file=str(self.file)) for problem in self.table.problems(found)])

    def targets(self, config: DataConfig) -> dict[str, np.ndarray] | None:
        """Return the targets of each output that does not give back its inputs, as the file has them.

        Returns:
            Numbers or text `[rows]`, or `[rows, targets]`, by output; `None` if a target is not there.

        Raises:
            DataError: a target cannot be used.
        """
        read: dict[str, np.ndarray] = {}
        for output, section in config.sections.items():
            target = self.spec.target_of(output).of_row
            if target.predicts_inputs:
                continue
            y = self._target(target, section)
            if y is None:
                return None
            read[output] = y
        return read

    def missing_targets(self, config: DataConfig) -> list[str]:
        """Return the names of the targets that `targets` does not find."""
        names: list[str] = []
        for output, section in config.sections.items():
            target = self.spec.target_of(output).of_row
            if not target.predicts_inputs and self._target(target, section) is None:
                there = () if self.table is None else map(str, self.table.frame.columns)
                names += [name for name in target.names if name not in there]
        return list(dict.fromkeys(names))

    def weights(self) -> np.ndarray | None:
        """Return what the rows weigh, float64 `[rows]`; `None` if those that the run was trained on weigh the same.

        Raises:
            DataError: they are not there, or cannot be used.
        """
        name = self.spec.weight
        if name is None:
            return None
        found: np.ndarray | Fault | None = None
        if self.table is not None:
            there = [str(column) for column in self.table.frame.columns]
            found = read_weights(self.table, there.index(name)) if name in there else None
        elif kind_of_input(self.file) == "npz":
            found = load_weights(self.file, name)
        if isinstance(found, Fault) and self.table is not None:
            raise DataError(self.table.problems([found]))
        if not isinstance(found, np.ndarray):
            message = f"the file has no `{name}`, which the rows of the run have as their weights"
            raise DataError(Problem(message, "add it: 1 in each row weighs all alike", file=str(self.file)))
        return found

    def _target(self, target: TargetSpec, section: DataConfig) -> np.ndarray | None:
        return self._target_array(target, section) if self.table is None else self._target_columns(target, section)

    def _target_columns(self, target: TargetSpec, section: DataConfig) -> np.ndarray | None:
        assert self.table is not None
        names = [str(name) for name in self.table.frame.columns]
        if not set(target.names) <= set(names):
            return None
        as_trained = replace(section, task=target.task_setting)
        columns = target_columns(self.table, [names.index(name) for name in target.names], as_trained)
        y = _stacked(self.table, columns)
        return y if len(target.names) > 1 else y[:, 0]

    def _target_array(self, target: TargetSpec, section: DataConfig) -> np.ndarray | None:
        if kind_of_input(self.file) == "npy":
            return None
        by_config = [str(name) for name in section.target or ()]
        if len(target.names) > 1 and len(by_config) > 1:  # columns of a table
            columns = [load_target(self.file, [name]) for name in target.names]
            there = [column for column in columns if column is not None and column.ndim == 1]
            return np.stack(there, axis=1) if len(there) == len(columns) else None
        of_all = ["y"] if UNNAMED in self.spec.targets else []
        return load_target(self.file, [*by_config[:1], *target.names[:1], *of_all])


@reading()
def inputs_of(file: RowsFile | PictureFile, x: ByName) -> Inputs:
    """Return the rows of a file as the model takes them, of windows all that there are; `x` are their features.

    Raises:
        DataError: the rows are too few for a window.
    """
    rows, window = file.spec.scaled(x), file.spec.window
    series = series_of(file, row_count(x))
    if series is None or window is None:
        return Inputs(rows, {})
    windows = Windows.of(series, window, predicted=False)
    if not windows.count:
        longest = int(windows.runs[:, 1].max(initial=0))
        message = f"a window takes {window.reach} rows, and {longest} follow one another here"
        raise DataError(Problem(message, "give all rows that a prediction looks at", file=str(file.file)))
    require_memory(windows.count * sum(row[:1].nbytes for row in rows.values()) * window.length, file.file)
    own = windows.inputs(slice(None))
    of = windows.predicted(series, np.arange(row_count(rows)))
    return Inputs({name: array[own] for name, array in rows.items()}, of)


def series_of(file: RowsFile | PictureFile, count: int) -> Series | None:
    """Return which of so many rows of a file follows which, if the model takes windows."""
    return file.series(count) if isinstance(file, RowsFile) else None


def _columns_of(encoding: TableEncoding, table: Table, file: Path) -> dict[str, np.ndarray]:
    """Read columns of any kind, found by their names."""
    there, problems = _places(table, list(encoding.columns), file)
    read = encoding.read(table, there)
    faults = [column for column in read.values() if isinstance(column, Fault)]
    DataError.raise_any([*problems, *(replace(each, file=str(file)) for each in table.problems(faults))])
    return {name: column for name, column in read.items() if not isinstance(column, Fault)}


def _columns_by_name(table: Table, file: Path, spec: DataSpec) -> np.ndarray:
    there, problems = _places(table, list(spec.feature_names), file)
    return _numbers(table, there.values(), problems)


def _places(table: Table, wanted: list[str], file: Path) -> tuple[dict[str, int], list[Problem]]:
    """Return where columns stand by their names, and which are not there."""
    names = [str(name) for name in table.frame.columns]
    forms = {canonical(name): name for name in wanted}  # runs of other versions may have another form
    positions = {name: position for position, name in enumerate(names)}
    missing = [name for name in forms if name not in positions]
    others = [name for name in names if name not in forms]
    there = {name: positions[form] for form, name in forms.items() if form in positions}
    return there, list(_missing(missing, others, file))


def _missing(missing: list[str], others: list[str], file: Path) -> Iterator[Problem]:
    """Yield which columns are not there: those of which another has nearly the name, and the rest together."""
    near = {name: hint for name in missing if (hint := did_you_mean(name, others)) is not None}
    for name, hint in near.items() if len(near) <= _MOST_GUESSES else ():
        yield Problem(f"there is no column `{name}`", hint, file=str(file), line=1)
    rest = [name for name in missing if name not in near or len(near) > _MOST_GUESSES]
    if rest:
        what = f"there is no column `{rest[0]}`"
        if len(rest) > 1:
            what = f"{len(rest)} columns are missing: {listed(rest, most=6)}"
        besides = f"besides, the file has {listed(others)}" if others else "the file has no other columns"
        hint = f"the run was trained with {'it' if len(rest) == 1 else 'them'}; {besides}"
        yield Problem(what, hint, file=str(file), line=1)


def _columns_by_position(table: Table, file: Path, spec: DataSpec, wanted: int) -> np.ndarray:
    targets = {name for target in spec.targets.values() for name in target.of_row.names}
    features = [number for number, name in enumerate(table.frame.columns) if str(name) not in targets]
    width = len(features)
    if width != wanted:
        message = f"the file has {counted(width, 'column')}, the model takes {counted(wanted, 'value')} a row"
        hint = "keep the features alone, in the order of the training data, which had no names for them"
        raise DataError(Problem(message, hint, file=str(file), line=1))
    return _numbers(table, features, [])


def _numbers(table: Table, positions: Iterable[int], problems: Iterable[Problem]) -> np.ndarray:
    return _stacked(table, [numbers(table, position) for position in positions], problems)


def _stacked(table: Table, columns: Sequence[np.ndarray | Fault], problems: Iterable[Problem] = ()) -> np.ndarray:
    problems = [*problems, *table.problems(column for column in columns if isinstance(column, Fault))]
    DataError.raise_any(problems)
    return np.stack([column for column in columns if not isinstance(column, Fault)], axis=1)


def _shaped(x: ByName, spec: DataSpec, file: Path) -> dict[str, np.ndarray]:
    """Check the shape of the rows; a flat row, or one axis of size 1 more or less, cannot be misunderstood."""
    problems: list[Problem] = []
    shaped: dict[str, np.ndarray] = {}
    for (name, shape), rows in zip(spec.row_shapes.items(), x.values(), strict=True):
        if any(rows.shape[1:] == fitting for fitting in _same_rows(rows.shape[1:], shape)):
            shaped[name] = rows.reshape(len(rows), *shape)
            continue
        of = f" of `{name}`" if len(x) > 1 else ""
        hint = "give the features alone, as the training data had them, one row of them for each prediction"
        if rows.shape == shape:
            hint = "for a single row write `x[None]`: the first axis counts the rows"
        message = f"rows{of} have the shape {rows.shape[1:]}, the model takes {shape}"
        problems.append(Problem(message, hint, file=str(file)))
    DataError.raise_any(problems)
    return shaped


def _same_rows(shape: Shape, wanted: Shape) -> Iterator[Shape]:
    yield wanted
    yield (math.prod(wanted),)
    if [size for size in shape if size != 1] == [size for size in wanted if size != 1]:
        yield shape
