"""What the rows of an experiment are, as the source has them: a summary of each column, and classes by split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from nnlab.config.by_name import UNNAMED, one_or_all
from nnlab.config.data import DataConfig
from nnlab.data.classes import is_whole
from nnlab.data.encoding.encoder import shares
from nnlab.data.loading import load_source_rows, scaled_targets
from nnlab.data.registry import RawData
from nnlab.data.row_weights import check_some_weigh, note_of_weights
from nnlab.data.scaling import is_constant
from nnlab.data.source_rows import SourceRows
from nnlab.data.splitting import Chosen
from nnlab.data.target_spec import Shape
from nnlab.data.targets import Target
from nnlab.wording import counted, named

UNEVEN = 3
"""So many times as many rows of one class as of another are said to be uneven."""

LEFT_OUT = "left out"
"""The kind of a column that is no feature."""

_MOST_ON_DISK = 500_000
"""Rows that stay on disk of which features are described."""

_SMALLEST_PICTURE = 4
"""Pixels of a side; less are columns of a little table."""


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """What stands in a column of the training rows, or in an array whose rows are no lists of columns.

    Args:
        name: of the column or the array.
        role: whether it is learned from, learned, or says how rows are split or what they weigh.
        kind: what its values are: a kind of `nnlab list columns`, or in plain words `number`, `class`, `picture`, ....
        dtype: the type in which the source holds them.
        shape: of a row; `()` for a column.
        missing: values that are not there.
        low: the least value; `None` for classes, as are the others.
        high: the largest.
        mean: of all values.
        std: their standard deviation (divided by their number).
        distinct: how many different values there are, classes included.
        why: what it was taken for its kind for, or left out.
    """

    name: str
    role: Literal["feature", "target", "split", "weight"]
    kind: str
    dtype: str
    shape: Shape = ()
    missing: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    distinct: int | None = None
    why: str | None = None

    @property
    def is_left_out(self) -> bool:
        """Whether it is no feature though nobody said so."""
        return self.kind == LEFT_OUT

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name, "role": self.role, "kind": self.kind, "dtype": self.dtype, "shape": list(self.shape),
            "missing": self.missing, "min": self.low, "max": self.high, "mean": self.mean, "std": self.std,
            "distinct": self.distinct, "why": self.why,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class DataDescription:
    """The data of an experiment, before anything is scaled.

    Args:
        source: the rows.
        chosen: positions of the rows of each split among them.
        columns: what says the splits, features, then targets.
        notes: what had better be known of them.
    """

    source: SourceRows
    chosen: Chosen
    columns: tuple[ColumnSummary, ...]
    notes: tuple[str, ...]

    @property
    def rows(self) -> Mapping[str, np.ndarray]:
        """Positions of the rows of each split."""
        return self.chosen.rows

    def classes(self, split: str) -> dict[str, dict[str, int]]:
        """Return how many rows each class or label has in a split, by output; nothing for numbers."""
        return {
            output: target.class_counts(self.rows[split])
            for output, target in self.source.targets.items()
            if target.class_names
        }

    def windows(self, split: str) -> dict[str, int]:
        """Return how many windows each series has in a split; nothing where rows stand by themselves."""
        series = self.source.raw.series
        if self.source.window is None or series is None:
            return {}
        counts = self.source.windows(self.rows[split]).counts(len(series.names))
        return dict(zip(series.names, counts.tolist(), strict=True))

    def features(self, split: str, most: int | None = None) -> dict[str, np.ndarray]:
        """Return the first rows of a split as the source has them, `[rows, ...]` by array."""
        return self.source.features(self.rows[split][:most])

    def as_json(self) -> dict[str, Any]:
        """Return what `nnlab data --json` prints."""
        splits = {
            split: {"rows": len(positions), "classes": one_or_all(self.classes(split)) if self.classes(split) else {}}
            for split, positions in self.rows.items()
        }
        for split, values in splits.items():
            if of_series := self.windows(split):
                values |= {"windows": sum(of_series.values()), "windows_by_series": of_series}
        columns = [column.as_json() for column in self.columns]
        return {"split_by": self.chosen.by, "splits": splits, "columns": columns, "notes": list(self.notes)}


def describe_data(config: DataConfig, *, seed: int) -> DataDescription:
    """Read the data of an experiment and describe them; what is said of columns holds for the training rows.

    Args:
        config: the `data` section.
        seed: the experiment's.

    Raises:
        DataError: they cannot be read.
    """
    source, chosen = load_source_rows(config, seed=seed)
    source = replace(source, targets=scaled_targets(source, chosen.rows["train"], config))
    rows = chosen.rows
    if source.weights is not None:
        check_some_weigh(source.weights, rows)
    split = _split_column(source, config, rows["train"])
    some, sampled = rows["train"], []
    if source.raw.stored and len(some) > _MOST_ON_DISK:
        some = np.sort(some)[np.linspace(0, len(some) - 1, _MOST_ON_DISK).astype(np.int64)]
        sampled = [f"features are described by {_MOST_ON_DISK:,} of {len(rows['train']):,} training rows, evenly taken"]
    columns = [
        *split,
        *_weights(source, rows["train"]),
        *_features(source, some),
        *_targets(source, rows["train"]),
    ]
    notes = dict.fromkeys([*_notes(source, rows, columns), *chosen.notes, *sampled])
    return DataDescription(source, chosen, tuple(columns), tuple(notes))


def _split_column(source: SourceRows, config: DataConfig, train: np.ndarray) -> Iterator[ColumnSummary]:
    values = source.raw.split_values
    if values is not None and config.split is not None:
        dtype = str(values.dtype).replace("object", "text") if config.split.by == "group" else ""
        distinct = len(np.unique(values[train]))
        yield ColumnSummary(
            str(config.split.column), "split", config.split.by, dtype, distinct=distinct, why="as the config says"
        )


def _weights(source: SourceRows, train: np.ndarray) -> Iterator[ColumnSummary]:
    if source.raw.weights is not None and source.raw.weight_name is not None:
        summary = _summary(source.raw.weight_name, source.raw.weights[train], role="weight")
        yield replace(summary, why="as the config says")


def picture_shape(shape: Shape, told: Shape | None = None) -> Shape | None:
    """Return the shape of a row as a picture, `(height, width)` or with channels; `None` for no picture.

    Args:
        shape: of a row.
        told: what the source says of rows that are flat.
    """
    if told is not None and math.prod(told) == math.prod(shape):
        return told
    is_flat = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    return shape if is_flat and min(shape[:2]) >= _SMALLEST_PICTURE else None


def _features(source: SourceRows, train: np.ndarray) -> Iterator[ColumnSummary]:
    raw = source.raw
    for name, why in raw.left_out.items():
        yield ColumnSummary(name, "feature", LEFT_OUT, "", why=why)
    for array, x in source.features(train).items():
        if raw.kinds:
            yield _of_kind(array, x, raw)
            continue
        name, shape = array or "x", x.shape[1:]
        picture = picture_shape(shape, raw.picture_shape)
        if picture is not None or len(shape) != 1:
            kind = "array" if picture is None else "picture"
            yield _summary(name, x, role="feature", kind=kind, shape=picture or shape)
            continue
        names = raw.feature_names if len(raw.feature_names) == x.shape[1] else ()
        for i in range(x.shape[1]):
            yield _summary(names[i] if names else f"{name}[{i}]", x[:, i], role="feature")


def _of_kind(name: str, values: np.ndarray, raw: RawData) -> ColumnSummary:
    kind: Any = raw.kinds[name].name
    why = raw.why.get(name)
    if values.dtype != object:
        there = values[~np.isnan(values)]
        if kind == "numeric" and len(there):
            return replace(_summary(name, values, role="feature"), kind=kind, why=why)
        missing = len(values) - len(there)
        return ColumnSummary(name, "feature", kind, "", missing=missing, distinct=len(np.unique(there)), why=why)
    codes, texts = shares(values)
    return ColumnSummary(name, "feature", kind, "text", missing=int((codes < 0).sum()), distinct=len(texts), why=why)


def _targets(source: SourceRows, train: np.ndarray) -> Iterator[ColumnSummary]:
    for output, target in source.targets.items():
        if target.y is None:
            continue
        y, names = target.y[train], source.raw.target_names[output]
        dtype = str(source.raw.y[output].dtype).replace("object", "text")
        if target.task == "multilabel":
            for i, name in enumerate(target.class_names):
                yield ColumnSummary(name, "target", "label", dtype, distinct=len(np.unique(y[:, i])))
        elif target.has_classes:
            found = sum(count > 0 for count in target.class_counts(train).values())
            yield ColumnSummary(names[0], "target", "class", dtype, distinct=found)
        else:
            flat = y.reshape(len(y), -1)
            for i in range(flat.shape[1]):
                name = names[i] if len(names) == flat.shape[1] else f"{names[0]}[{i}]"
                yield _summary(name, flat[:, i], role="target")


def _summary(
    name: str,
    values: np.ndarray,
    *,
    role: Literal["feature", "target", "weight"],
    kind: str | None = None,
    shape: Shape = (),
) -> ColumnSummary:
    missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    there = values[~np.isnan(values)] if missing else values
    low, high = float(there.min()), float(there.max())
    if kind is None:
        is_same = bool(is_constant(np.asarray(low), np.asarray(high), values.dtype))
        kind = "constant" if is_same else "whole number" if is_whole(there) else "number"
    mean = float(there.mean(dtype=np.float64))
    return ColumnSummary(
        name, role, kind, str(values.dtype), shape, missing, low, high, mean, _deviation(there, mean),
        len(np.unique(there)) if not shape else None,
    )  # fmt: skip


def _deviation(values: np.ndarray, mean: float) -> float:
    """Return the standard deviation, without a float64 copy of all pictures."""
    chunks = np.array_split(values.reshape(-1), max(1, values.size // 1_000_000))
    return math.sqrt(sum(float(np.square(chunk - mean, dtype=np.float64).sum()) for chunk in chunks) / values.size)


def _notes(source: SourceRows, rows: Mapping[str, np.ndarray], columns: list[ColumnSummary]) -> Iterator[str]:
    yield from source.raw.notes
    if source.raw.weights is not None and source.raw.weight_name is not None:
        yield from note_of_weights(source.raw.weight_name, source.raw.weights[rows["train"]])
    yield from dict.fromkeys(note for target in source.targets.values() for note in target.notes)
    for output, target in source.targets.items():
        if target.scaling is not None:
            yield target.scaling.note(source.raw.target_names[output])
    for column in columns:
        if column.kind == "constant":
            yield f"{named(column.name)} is the same in all training rows, {column.low:g}: nothing is learned from it"
        elif column.shape and (constant := _constant_entries(source, column, rows["train"])):
            yield f"{constant:,} of {counted(math.prod(column.shape), 'value')} of {named(column.name)} never change"
    for output, target in source.targets.items():
        if target.class_names:
            of = f" of `{output}`" if output != UNNAMED and len(source.targets) > 1 else ""
            yield from _uneven_classes(target, rows["train"], of)


def _constant_entries(source: SourceRows, column: ColumnSummary, train: np.ndarray) -> int:
    arrays = source.features(train)
    x = arrays.get(column.name, next(iter(arrays.values())))
    return int(is_constant(x.min(axis=0).astype(float), x.max(axis=0).astype(float), x.dtype).sum())


def _uneven_classes(target: Target, rows: np.ndarray, of: str) -> Iterator[str]:
    train = {name: count for name, count in target.class_counts(rows).items() if count}
    if target.has_classes and train:
        most, least = max(train, key=train.__getitem__), min(train, key=train.__getitem__)
        if train[most] >= UNEVEN * train[least]:
            yield (
                f"uneven classes{of}: {counted(train[most], 'training row')} of {named(most)}, {train[least]:,} of "
                f"{named(least)}; `class_weight: balanced` under `data` weighs them alike"
            )
