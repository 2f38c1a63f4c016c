"""A first config for a table: what its columns are, sizes that suit its rows, and why."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from nnlab.config.components import plain
from nnlab.config.data import DataConfig, SplitConfig
from nnlab.config.load import inline
from nnlab.errors import DataError, Problem
from nnlab.wording import counted, cut, joined, named

if TYPE_CHECKING:
    from nnlab.data.description import ColumnSummary, DataDescription
    from nnlab.data.targets import Target

_MOST_LISTED = 100
"""Features that are written out; those of wider tables are found again whenever they are read."""

_MOST_ONE_HOT = 100
"""Different values of a category that get a column each; more get vectors that are learned."""

_FEW_CODES = 10
"""So many different whole numbers may be names of classes."""

_UNEVEN = 3
_PENALTY = 30
"""Divided by the training rows it is the L2 penalty. With less of it some splits of a few hundred rows, on which all is
linear, were worse than ridge regression by more than 0.02 of R²; where much is not linear, less of it is better."""

_LARGEST_PENALTY = 0.1
_LATEST_COMMENT = 52


class _Size(NamedTuple):
    """What suits so many training rows: small networks held back for few, since these beat linear models seldom.

    Args:
        hidden: units of the hidden layers.
        batch_size: rows of a step.
        epochs: at most.
        patience: epochs without improvement.
    """

    hidden: tuple[int, ...]
    batch_size: int
    epochs: int
    patience: int


_SIZES: Final = {
    500: _Size((16,), 32, 300, 20),
    5_000: _Size((32,), 32, 200, 20),
    50_000: _Size((64, 32), 64, 100, 10),
}
_LARGE: Final = _Size((128, 64), 256, 60, 6)


class _End(NamedTuple):
    """How a network for a task ends.

    Args:
        output: its last layer.
        loss: what is trained for.
        metrics: what is watched besides.
    """

    output: str
    loss: str
    metrics: tuple[str, ...]


_ENDS: Final = {
    "binary": _End("1 unit, sigmoid", "binary_crossentropy", ("accuracy", "auc")),
    "multiclass": _End("a unit a class, softmax", "sparse_categorical_crossentropy", ("accuracy",)),
    "multilabel": _End("a unit a label, sigmoid", "binary_crossentropy", ("binary_accuracy", "auc")),
    "regression": _End(
        "a unit a target", "mean_squared_error", ("root_mean_squared_error", "mean_absolute_error", "r2_score")
    ),
}


class Starter(NamedTuple):
    """A first config.

    Args:
        text: of its file.
        described: the rows that it was made for.
    """

    text: str
    described: DataDescription


class _Line(NamedTuple):
    text: str
    comment: str = ""


def starter_config(path: str, targets: Sequence[str], *, folder: Path, ignore: Sequence[str] = ()) -> Starter:
    """Look at a table and write a config for it, with comments.

    Args:
        path: of the table, relative to the current folder; a pattern for several files.
        targets: the columns to predict.
        folder: where the config is to lie.
        ignore: columns to leave out.

    Raises:
        DataError: the table cannot be read, or a column is not there.
    """
    from nnlab.data.description import describe_data
    from nnlab.data.files import source_of_table

    data = DataConfig.read(
        {"source": source_of_table(path), "path": path, "target": list(targets)}
        | ({"ignore": list(ignore)} if ignore else {})
    )
    described = describe_data(data, seed=0)
    if any(target.y is None for target in described.source.targets.values()):
        message = "`inputs` means that what comes in shall come out, and is no column"
        raise DataError(Problem(message, "name a column", path=("data", "target")))
    says_split = next(_split_columns(described), None)
    if says_split is not None:
        data = replace(data, split=SplitConfig(by="column", column=says_split))
        described = describe_data(data, seed=0)
    where = Path(os.path.relpath(path, folder)).as_posix()
    blocks = [
        _head(described, Path(path).name),
        [_Line("seed: 0"), _Line("data:")],
        _source(described, data, where),
        _features(described, ignore),
        _splits(described, data),
        _network(described),
        _training(described),
    ]
    return Starter("\n".join(line for block in blocks for line in _laid_out(block)) + "\n", described)


def _laid_out(lines: Iterable[_Line]) -> Iterator[str]:
    """Yield the lines of a block with their comments below one another, as far as there is room."""
    every = list(lines)
    start = max((len(text) for text, comment in every if comment and len(text) < _LATEST_COMMENT), default=0)
    for text, comment in every:
        yield f"{text:<{start}}  # {comment}" if comment else text


def _head(described: DataDescription, name: str) -> Iterator[_Line]:
    rows = sum(len(own) for own in described.rows.values())
    features = len(_used(described))
    yield _Line(f"# {name}: {counted(rows, 'row')}, {counted(features, 'feature')}.")
    yield _Line("# What stands here was chosen by what the rows are; change what you know better.")
    yield _Line("")


def _source(described: DataDescription, data: DataConfig, path: str) -> Iterator[_Line]:
    (target,) = described.source.targets.values()
    assert isinstance(data.target, tuple)
    names = inline(data.target[0] if len(data.target) == 1 else list(data.target))
    yield _Line(f"  source: {data.source.name}")
    yield _Line(f"  path: {inline(path)}", "relative to this file")
    yield _Line(f"  target: {names}", _answers(described, target))
    task = "classification" if target.task == "multiclass" else target.task
    yield _Line(f"  task: {task}", "as the values of the target suggest")


def _answers(described: DataDescription, target: Target) -> str:
    if not target.class_names:
        summaries = [column for column in described.columns if column.role == "target"]
        return ", ".join(_range(column) for column in summaries[:3])
    import numpy as np

    counts = target.class_counts(np.concatenate(list(described.rows.values())))
    if len(counts) > 5:
        what = "label" if target.task == "multilabel" else "class"
        return f"{counted(len(counts), what)} of {min(counts.values()):,} to {max(counts.values()):,} rows"
    return ", ".join(f"{cut(name, longest=20)} {count:,}" for name, count in counts.items()) + " rows"


def _range(column: ColumnSummary) -> str:
    return f"{column.low:,.6g} to {column.high:,.6g}"


def _features(described: DataDescription, ignore: Sequence[str]) -> Iterator[_Line]:
    """Yield the kind of each column and why, then those that are left out."""
    used = _used(described)
    names = {column.name for column in used}
    unused = [column for column in described.columns if column.role == "feature" and column.name not in names]
    if len(used) > _MOST_LISTED:
        kinds = sorted({_kind_name(column) for column in used})
        counts = [f"{sum(_kind_name(column) == kind for column in used):,} {kind}" for kind in kinds]
        yield _Line(f"  # features: {joined(counts)}; their kinds are read off their values, `nnlab data` lists them")
    else:
        yield _Line("  features:", "`nnlab list columns` shows the kinds and their parameters")
        for column in used:
            yield _Line(f"    {inline(column.name)}: {_kind(described, column)}", _about(described, column))
    if ignore or (unused and len(unused) <= _MOST_LISTED):
        yield _Line("  ignore:")
        for name in ignore:
            yield _Line(f"    - {inline(name)}", "as `nnlab init` was told")
        for column in unused:
            why = column.why if column.is_left_out else "the same in all training rows"
            yield _Line(f"    - {inline(column.name)}", why or "")


def _used(described: DataDescription) -> list[ColumnSummary]:
    """Return the features from which something can be learned."""
    return [
        column
        for column in described.columns
        if column.role == "feature" and not column.is_left_out and (column.missing or column.distinct != 1)
    ]


def _kind_name(column: ColumnSummary) -> str:
    return "numeric" if column.kind in ("number", "whole number", "constant") else column.kind


def _kind(described: DataDescription, column: ColumnSummary) -> str:
    """Write the kind of a column as `features` has it."""
    if _is_embedded(column):
        return "{category: {encoding: embedding}}"
    kinds = described.source.raw.kinds
    return inline(plain(kinds[column.name])) if column.name in kinds else "numeric"


def _is_embedded(column: ColumnSummary) -> bool:
    return column.kind == "category" and (column.distinct or 0) > _MOST_ONE_HOT


def _about(described: DataDescription, column: ColumnSummary) -> str:
    kind, missing = _kind_name(column), ""
    what = column.why or "numbers"
    if kind == "numeric" and column.low is not None:
        what += f", {_range(column)}"
        if _may_be_codes(described, column):
            what += f", {column.distinct} different; `category` if they are codes"
    if kind == "category":
        what += ": a learned vector each" if _is_embedded(column) else ": a column of 0 and 1 each"
    if column.missing:
        filled = {"numeric": ", filled with the median", "boolean": ", filled with the more frequent"}.get(kind, "")
        missing = f"; {column.missing:,} of {len(described.rows['train']):,} missing{filled}"
    return what + missing


def _may_be_codes(described: DataDescription, column: ColumnSummary) -> bool:
    if not 2 < (column.distinct or 0) <= _FEW_CODES:
        return False
    import numpy as np

    from nnlab.data.classes import is_whole

    values = described.source.raw.x.get(column.name) if described.source.raw.kinds else None
    return column.kind == "whole number" if values is None else is_whole(values[~np.isnan(values)])


def _split_columns(described: DataDescription) -> Iterator[str]:
    """Yield columns that say the split of each row."""
    import pandas as pd

    from nnlab.data.split_column import split_numbers

    for name, kind in described.source.raw.kinds.items():
        values = described.source.raw.x[name]
        different = pd.unique(values) if kind.name == "category" else ()
        if len(different) in (2, 3) and all(isinstance(value, str) for value in different):
            numbers = split_numbers(different)
            if not isinstance(numbers, int) and 0 in numbers:
                yield name


def _splits(described: DataDescription, data: DataConfig) -> Iterator[_Line]:
    (target,) = described.source.targets.values()
    counts = {split: len(rows) for split, rows in described.rows.items()}
    if data.split is not None:
        said = f"{{by: {data.split.by}, column: {inline(str(data.split.column))}}}"
        rows = ", ".join(f"{count:,} {split}" for split, count in counts.items())
        yield _Line(f"  split: {said}", f"its values say the split: {rows} rows")
    else:
        by = described.chosen.by
        yield _Line(f"  split: {by}", {"stratified": "the same shares of the classes in each"}.get(by, "drawn"))
        yield from _other_splits(described)
        for split, what in {"test": "judge the result", "validation": "say when to stop"}.items():
            share = "0.2" if split in counts else "0"
            yield _Line(f"  {split}: {share}", f"{counted(counts.get(split, 0), 'row')} to {what}")
    yield _Line("  scale: standardize", "numbers get mean 0 and standard deviation 1, by the training rows")
    if target.task == "regression":
        yield _Line("  target_scaling: standardize", "learned so; metrics and predictions are in the target's units")
    found = [count for count in target.class_counts(described.rows["train"]).values() if count]
    if target.has_classes and max(found) >= _UNEVEN * min(found):
        yield _Line("  # class_weight: balanced", "rare classes weigh as much as frequent ones")


def _other_splits(described: DataDescription) -> Iterator[_Line]:
    """Yield ways to split that only somebody who knows the rows can choose."""
    columns = _used(described)
    date = next((column.name for column in columns if column.kind == "date"), None)
    if date is not None:
        said = f"{{by: time, column: {inline(date)}}}"
        yield _Line(f"  # split: {said}", "in place of it, to tell later rows from earlier ones")
    rows = len(described.rows["train"])
    group = next((column.name for column in columns if _may_be_group(column, rows)), None)
    if group is not None:
        said = f"{{by: group, column: {inline(group)}}}"
        yield _Line(f"  # split: {said}", f"in place of it, and no {named(group)} above, for values that are new")


def _may_be_group(column: ColumnSummary, rows: int) -> bool:
    """Whether the values come again a few times each, as those of patients or customers do."""
    return column.kind == "category" and max(_FEW_CODES, rows / 10) < (column.distinct or 0) < rows / 2


def _network(described: DataDescription) -> Iterator[_Line]:
    (target,) = described.source.targets.values()
    rows = len(described.rows["train"])
    yield _Line("model:")
    hidden, penalty = list(_size(rows).hidden), min(_LARGEST_PENALTY, _PENALTY / rows)
    yield _Line("  activation: relu")
    yield _Line("  initializer: he_normal")
    end = _ENDS[target.task].output
    yield _Line(f"  hidden: {hidden}", f"units, for {counted(rows, 'training row')}; then {end}, by the task")
    said = f"{{L2: {inline(float(f'{penalty:.1g}'))}}}"
    yield _Line(
        f"  regularizer: {said}", "keeps weights small, the more the fewer rows; with less the network bends more"
    )
    yield _Line("optimizer: {adam: {learning_rate: 0.003}}")


def _training(described: DataDescription) -> Iterator[_Line]:
    (target,) = described.source.targets.values()
    end, size = _ENDS[target.task], _size(len(described.rows["train"]))
    validates = "validation" in described.rows
    yield _Line("training:")
    yield _Line(f"  epochs: {size.epochs}", "at most; early stopping ends it" if validates else "")
    yield _Line(f"  batch_size: {size.batch_size}", "rows a step")
    yield _Line(f"  loss: {end.loss}", f"for {target.task if target.task != 'multiclass' else 'classes'}")
    yield _Line(f"  metrics: {inline(list(end.metrics))}")
    if validates:
        said = f"{{patience: {size.patience}, restore_best_weights: true}}"
        yield _Line(f"  early_stopping: {said}", "by the validation rows; keeps the best epoch")


def _size(rows: int) -> _Size:
    return next((size for most, size in _SIZES.items() if rows < most), _LARGE)
