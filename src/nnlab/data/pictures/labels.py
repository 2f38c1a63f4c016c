"""What a table of file names and labels says of pictures."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.data.columns import AUTOENCODER
from nnlab.data.pictures.listing import list_pictures
from nnlab.data.split_column import read_split_column
from nnlab.data.table import Fault, Table, answered, target_columns, texts
from nnlab.data.tables import csv_table
from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean
from nnlab.wording import counted, listed, named, one_of, plural

SEPARATOR = "|"
"""What stands between several labels of a picture in one cell."""

_LABELS: ConfigPath = ("data", "source", "images", "labels")


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Pictures and what is said of them.

    Args:
        names: of the files, relative to the folder.
        y: `[rows]` or `[rows, targets]` by output, as in `RawData`.
        target_names: of the columns of each `y`.
        notes: what was understood.
        parts: whether each trains, validates or tests, by the numbers of `folders`; `None` if nothing says it.
        split_values: as in `RawData`.
    """

    names: tuple[str, ...]
    y: dict[str, np.ndarray]
    target_names: dict[str, tuple[str, ...]]
    notes: tuple[str, ...]
    parts: np.ndarray | None = None
    split_values: np.ndarray | None = None


def read_labels(root: Path, labels: str, files: str | None, config: DataConfig) -> Labelled:
    """Read a CSV file of names and labels.

    Args:
        root: the folder that names are relative to, and `labels` is.
        labels: the CSV file.
        files: the column of names; `None` for the first.
        config: the `data` section; `target` names the columns of labels.

    Raises:
        DataError: columns or files are not there, or labels cannot be used.
    """
    file = root / labels
    if not file.is_file():
        near = [path.name for path in file.parent.glob("*.csv")] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, near) or f"name a CSV file, relative to {named(root)}"
        raise DataError(Problem(f"there is no file {named(file)}", hint, path=_LABELS))
    table = csv_table(file, missing=config.missing)
    columns = [str(name) for name in table.frame.columns]
    position = _position(files, columns, (*_LABELS[:-1], "files")) if files is not None else 0
    by = None if config.split is None else config.split.column
    split = None if by is None else _position(str(by), columns, ("data", "split", "column"))
    targets = _targets(config, columns, {position, split})
    rows = answered(table, [position, *(column for some in targets.values() for column in some)])
    if not len(rows):
        raise DataError(Problem("no row has a name and a label", "fill both columns", file=str(file)))
    notes = [f"{counted(len(table.frame) - len(rows), 'row')} of {named(file.name)} without a name or a label left out"]
    taken, notes = (table, []) if len(rows) == len(table.frame) else (table.taken(rows), notes)
    names = named_files(root, taken, position, file)
    y: dict[str, np.ndarray] = {}
    target_names: dict[str, tuple[str, ...]] = {}
    for output, chosen in targets.items():
        section = config.sections[output]
        y[output], target_names[output] = _answers(taken, chosen, section, notes)
    values = None if split is None else read_split_column(taken, split, config)
    if isinstance(values, Fault):
        raise DataError(taken.problems([values]))
    return Labelled(names, y, target_names, tuple(notes), split_values=values)


def named_files(root: Path, table: Table, position: int, file: Path) -> tuple[str, ...]:
    """Return the files that a column names, relative to a folder; their endings may be left out.

    Raises:
        DataError: some are not there.
    """
    found = texts(table, position)
    if isinstance(found, Fault):
        raise DataError(table.problems([found]))
    names = [str(name) for name in found]
    gone = [name for name in names if not (root / name).exists()]
    if gone:
        without_ending: dict[str, str] = {}
        for picture in list_pictures(root).pictures:
            without_ending.setdefault(str(Path(picture).with_suffix("")), picture)
        names = [without_ending.get(name, name) if name in gone else name for name in names]
        gone = [name for name in gone if name not in without_ending]
    if gone:
        message = f"{len(gone)} of {counted(len(names), 'file')} that it names are not there: {listed(gone, most=3)}"
        column = table.frame.columns[position]
        hint = f"names in {named(column)} are relative to {named(root)}; `files` of the source names another column"
        raise DataError(Problem(message, hint, file=str(file)))
    return tuple(names)


def _position(name: str, columns: Sequence[str], path: ConfigPath) -> int:
    if name not in columns:
        raise DataError(
            Problem(f"unknown column {named(name)}", did_you_mean(name, columns) or one_of(columns), path=path)
        )
    return columns.index(name)


def _targets(config: DataConfig, columns: Sequence[str], taken: Collection[int | None]) -> dict[str, list[int]]:
    """Return the label columns of each output."""
    rest = [column for column in range(len(columns)) if column not in taken]
    targets: dict[str, list[int]] = {}
    for output, section in config.sections.items():
        path: ConfigPath = ("data", "target", output) if output else ("data", "target")
        if section.target == AUTOENCODER:
            continue
        if section.target is None:
            if len(rest) != 1:
                names = listed(columns[column] for column in rest) or "of names alone"
                message = f"the table has the columns {names}: which one is the label?"
                raise DataError(Problem(message, "write `target: COLUMN`, or a list of columns", path=path))
            targets[output] = rest
        else:
            targets[output] = [_position(str(name), columns, path) for name in section.target]
    return targets


def _answers(
    table: Table, columns: Sequence[int], config: DataConfig, notes: list[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return labels as arrays, with the names of their columns; `a|b` in a cell are several labels."""
    cells = _cells_of_several(table, columns, config)
    if cells is None:
        return label_columns(table, columns, config), tuple(str(table.frame.columns[column]) for column in columns)
    name = named(table.frame.columns[columns[0]])
    notes.append(f"`{SEPARATOR}` in {name} stands between several labels of a picture")
    labels = sorted(set().union(*map(_labels_in, cells)))
    return _several(cells, labels), tuple(labels)


def label_columns(
    table: Table, columns: Sequence[int], config: DataConfig, names: Sequence[str] | None = None
) -> np.ndarray:
    """Return labels `[rows]`, or `[rows, columns]`.

    Args:
        table: of them.
        columns: their positions.
        config: the `data` section as their output sees it.
        names: of the labels that may stand in one column, several in a cell; `None` if they do not.

    Raises:
        DataError: they cannot be used.
    """
    cells = None if names is None else _cells_of_several(table, columns, config)
    if cells is not None and names is not None:
        unknown = sorted(set().union(*map(_labels_in, cells)) - set(names))
        if unknown:
            message = f"the run does not know the {plural(len(unknown), 'label')} {listed(unknown)}"
            raise DataError(Problem(message, f"it was trained on {listed(names)}"))
        return _several(cells, names)
    read = target_columns(table, columns, config)
    DataError.raise_any(table.problems(column for column in read if isinstance(column, Fault)))
    arrays = [column for column in read if not isinstance(column, Fault)]
    return np.stack(arrays, axis=1) if len(arrays) > 1 else arrays[0]


def _cells_of_several(table: Table, columns: Sequence[int], config: DataConfig) -> np.ndarray | None:
    """Return the text of an only column where a cell may hold several labels."""
    if len(columns) > 1 or config.task not in (None, "multilabel") or config.classes is not None:
        return None
    cells = texts(table, columns[0])
    if isinstance(cells, Fault) or not (config.task or any(SEPARATOR in str(cell) for cell in cells)):
        return None
    return cells if not set(cells) <= {"0", "1"} else None  # one label, there or not


def _labels_in(cell: object) -> set[str]:
    return {label.strip() for label in str(cell).split(SEPARATOR) if label.strip()}


def _several(cells: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return `[rows, labels]` of 0 and 1."""
    own = [_labels_in(cell) for cell in cells]
    return np.array([[name in labels for name in names] for labels in own], np.uint8)
