"""Training, validation and test rows: what they look like, which rows they are, and how they are scaled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

import numpy as np

from nnlab.config.by_name import UNNAMED, by_output, one_or_all, only
from nnlab.config.data import Storage
from nnlab.config.window import WindowConfig
from nnlab.data.pictures.form import PictureInput
from nnlab.data.scaling import Scaling, scaled
from nnlab.data.target_spec import Shape, TargetSpec

if TYPE_CHECKING:
    from nnlab.data.encoding.encoding import TableEncoding
    from nnlab.data.record import DataRecord

ByName: TypeAlias = Mapping[str, np.ndarray]
"""Arrays `[rows, ...]` that belong together, by the names of arrays, inputs or outputs."""

DEFAULT_SHARE = 0.2
"""Of the rows that there are, for test and validation each, where the config does not say."""

FEWEST_TO_SPLIT = 10
"""Fewer rows are not split unless the config says so: a table of a few rows is there to be learned as it is."""


@dataclass(frozen=True)
class DataSpec:
    """What a model has to know about the data.

    Args:
        input_shapes: shape of one row of each array of `x`; an only one may be `UNNAMED`, as those of tables and
            built-in sets are.
        feature_names: names of the columns of `x`; `()` where they have none.
        targets: what each output predicts; `UNNAMED` is what all outputs predict.
        num_train: training rows.
        num_validation: validation rows.
        num_test: test rows.
        class_weights: weight of each encoded class in the training loss, by output or `UNNAMED`; empty for equal ones.
        scalings: what was fitted on the training rows of each array and applied to every split.
        own_test_set: whether the test rows are the source's own rather than split off.
        own_validation: whether the source says which rows validate.
        picture_shape: of flat rows that stand for pictures, `None` for others.
        notes: what was understood of the values that the user may have meant otherwise, one sentence each.
        encoding: what makes numbers of the columns of a table that are not all plain numbers.
        missing: what stands for a missing value in them, if the config says it.
        left_out: columns that nobody named and that are no features, and why.
        weight: the column or array of what rows weigh.
        split: what the rows were split by, a word of `data.split.by`; `None` if it is not known.
        class_rows: how many rows of each split have each class or label, in the order of the classes, by output.
        pictures: how files of pictures become rows, where the rows are such.
        read_with: parameters of the source that were found out, and by which it is read so again.
        storage: where rows of a file are kept while they are used; `None` for other sources.
        window: how many rows that follow one another are an input; `None` for one.
    """

    input_shapes: Mapping[str, Shape]
    feature_names: tuple[str, ...]
    targets: Mapping[str, TargetSpec]
    num_train: int
    num_validation: int
    num_test: int
    class_weights: Mapping[str, Mapping[int, float] | None] = field(default_factory=dict)
    scalings: Mapping[str, Scaling | None] = field(default_factory=dict)
    own_test_set: bool = False
    own_validation: bool = False
    picture_shape: Shape | None = None
    notes: tuple[str, ...] = ()
    encoding: TableEncoding | None = None
    missing: tuple[str, ...] | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    weight: str | None = None
    split: str | None = None
    class_rows: Mapping[str, Mapping[str, Sequence[int]]] = field(default_factory=dict)
    pictures: PictureInput | None = None
    read_with: Mapping[str, Any] = field(default_factory=dict)
    storage: Storage | None = None
    window: WindowConfig | None = None

    @property
    def row_shapes(self) -> Mapping[str, Shape]:
        """Shape of one row of the source of each array, of which a window has several."""
        if self.window is None:
            return self.input_shapes
        return {name: shape[1:] for name, shape in self.input_shapes.items()}

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns of the source that are features; `()` where they have none."""
        return self.feature_names if self.encoding is None else tuple(self.encoding.columns)

    def features_of(self, column: str) -> tuple[int, ...]:
        """Return which of the numbers of a row are made of a column; none if there is no such column."""
        if self.encoding is not None and (found := self.encoding.features_of(column)):
            return found
        return (self.feature_names.index(column),) if column in self.feature_names else ()

    @property
    def array_names(self) -> tuple[str, ...]:
        """Names of the arrays that the rows come from; `()` for tables and built-in sets."""
        return tuple(name for name in self.input_shapes if name != UNNAMED)

    def target_of(self, output: str) -> TargetSpec:
        """What an output predicts."""
        return by_output(self.targets, output)

    def class_weight_of(self, output: str) -> Mapping[int, float] | None:
        """The weight of each encoded class in an output's loss; `None` for equal ones."""
        return self.class_weights.get(output, self.class_weights.get(UNNAMED))

    def scaled(self, x: ByName) -> dict[str, np.ndarray]:
        """Return rows as the model takes them, float32, scaled and encoded; `x` is as the source has them, by array.

        An only array may come under another name than it had in training.
        """
        if self.encoding is not None:
            return self.encoding.encode(x)
        arrays = x if len(x) > 1 else {next(iter(self.input_shapes)): only(x)}
        return {name: scaled(array, self.scalings.get(name)) for name, array in arrays.items()}

    def unscaled(self, x: ByName) -> dict[str, np.ndarray]:
        """Return rows that are scaled as the source has them, but for what rounding has lost, float64."""
        found = {name: self.scalings.get(name) for name in x}
        return {
            name: array if (scaling := found[name]) is None else array * scaling.divisor + scaling.offset
            for name, array in x.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values, which a run keeps; `from_json` reads it back without any loss.

        What there is one of stands there without its name, as in a config.
        """
        weights = {
            output: None if of_classes is None else {str(code): weight for code, weight in of_classes.items()}
            for output, of_classes in self.class_weights.items()
        }
        return {
            "input_shape": one_or_all({name: list(shape) for name, shape in self.input_shapes.items()}),
            "feature_names": list(self.feature_names),
            "target": one_or_all({output: asdict(target) for output, target in self.targets.items()}),
            "num_train": self.num_train,
            "num_validation": self.num_validation,
            "num_test": self.num_test,
            "class_weight": one_or_all(weights) if any(weights.values()) else None,
            "scaling": one_or_all({name: _scaling_record(scaling) for name, scaling in self.scalings.items()}) or None,
            "own_test_set": self.own_test_set,
            "own_validation": self.own_validation,
            "array_names": list(self.array_names),
            "picture_shape": None if self.picture_shape is None else list(self.picture_shape),
            "notes": list(self.notes),
            "encoding": None if self.encoding is None else self.encoding.to_json(),
            "missing": None if self.missing is None else list(self.missing),
            "left_out": dict(self.left_out),
            "weight": self.weight,
            "split": self.split,
            "class_rows": {output: dict(of_splits) for output, of_splits in self.class_rows.items()},
            "pictures": None if self.pictures is None else self.pictures.to_json(),
            "storage": self.storage,
            "window": None if self.window is None else dict(self.window.written()),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, also after JSON text in between.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is no such record.
        """
        targets, scalings, weights, shapes = (
            record[key] for key in ("target", "scaling", "class_weight", "input_shape")
        )
        if not isinstance(shapes, Mapping):
            name = next(iter(record.get("array_names", ())), UNNAMED)
            shapes, scalings = {name: shapes}, {name: scalings}
        if isinstance(targets.get("task"), str):  # even if an output is called `task`
            targets = {UNNAMED: targets}
        if not any(isinstance(of_classes, Mapping) for of_classes in (weights or {}).values()):
            weights = {UNNAMED: weights} if weights else {}
        own = {field.name for field in fields(cls)}
        rest = with_tuples({name: value for name, value in record.items() if name in own and name != "encoding"})
        if record.get("encoding") is not None:
            from nnlab.data.encoding.encoding import TableEncoding

            rest["encoding"] = TableEncoding.from_json(record["encoding"])
        if record.get("pictures") is not None:
            rest["pictures"] = PictureInput.from_json(record["pictures"])
        if record.get("window") is not None:
            rest["window"] = WindowConfig.read(record["window"])
        return cls(
            input_shapes={name: tuple(shape) for name, shape in shapes.items()},
            targets={output: TargetSpec.from_json(target) for output, target in targets.items()},
            class_weights={
                output: None if of_classes is None else {int(code): weight for code, weight in of_classes.items()}
                for output, of_classes in weights.items()
            },
            scalings={name: _scaling(scaling) for name, scaling in (scalings or {}).items()},
            **rest,
        )


def row_count(x: ByName) -> int:
    """Return how many rows arrays have."""
    return len(only(x))


def rows_at(x: ByName, numbers: np.ndarray | slice) -> dict[str, np.ndarray]:
    """Return some rows of arrays."""
    return {name: array[numbers] for name, array in x.items()}


def _scaling_record(scaling: Scaling | None) -> dict[str, Any] | None:
    return None if scaling is None else {"offset": scaling.offset.tolist(), "divisor": scaling.divisor.tolist()}


def _scaling(record: Mapping[str, Any] | None) -> Scaling | None:
    if record is None:
        return None
    return Scaling(**{name: np.asarray(record[name], np.float64) for name in ("offset", "divisor")})


def with_tuples(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was written as JSON, its lists as the tuples that they were."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}


class Rows(Protocol):
    """Rows as the engine goes over them, wherever they are kept."""

    @property
    def count(self) -> int:
        """How many rows there are."""

    @property
    def in_memory(self) -> Split | None:
        """All of them, where they are arrays in memory, over which a compiled program can go by itself."""

    @property
    def at_once(self) -> int:
        """How many of them memory is to hold at a time; all, where it has them anyway."""

    @property
    def places(self) -> np.ndarray | None:
        """Where each stands in the source, `[rows]`; `None` if only `DataRecord` may know it."""

    def take(self, numbers: np.ndarray | slice) -> Split:
        """Return some rows, by their numbers from 0 or from one number to another, in that order."""

    def changed(self, change: Callable[[Split], Split]) -> Rows:
        """Return the rows with something done to all of them, or to those that are taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Rows in memory, of one split or of a part of it: `Rows`.

    Args:
        x: float32 `[rows, *input_shape]` by the name of the array, or of the model's input.
        y: int32 `[rows]` (multiclass), or float32 `[rows, num_outputs]`, by output or `UNNAMED`; in their own units
            as loaded, float64 where a model learns them scaled.
        weights: what rows weigh in a step's loss, float32 `[rows]` by output: the weights of training rows hold those
            of their classes, too; empty for equal ones, and as loaded.
        row_weights: what rows weigh by themselves wherever they are judged, float32 `[rows]` by output or `UNNAMED`;
            empty for equal ones.
    """

    x: ByName
    y: ByName
    weights: ByName = field(default_factory=dict)
    row_weights: ByName = field(default_factory=dict)

    @property
    def count(self) -> int:
        """See `Rows`."""
        return row_count(self.x)

    @property
    def in_memory(self) -> Split:
        """See `Rows`."""
        return self

    @property
    def at_once(self) -> int:
        """See `Rows`."""
        return self.count

    @property
    def places(self) -> None:
        """See `Rows`."""
        return

    def take(self, numbers: np.ndarray | slice) -> Split:
        """See `Rows`; of a slice no array is copied."""
        return Split(*(rows_at(arrays, numbers) for arrays in (self.x, self.y, self.weights, self.row_weights)))

    def changed(self, change: Callable[[Split], Split]) -> Split:
        """See `Rows`."""
        return change(self)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What belongs to rows besides their features, where these are gathered when they are asked for.

    Args:
        y: the targets as a model takes them, `[rows]` or `[rows, outputs]` by output; those of an output that gives
            back its inputs are not there.
        outputs: the names of all outputs, in order.
        row_weights: as in `Split`.
        changes: what is then done to rows, one after the other.
    """

    y: ByName
    outputs: tuple[str, ...]
    row_weights: ByName = field(default_factory=dict)
    changes: tuple[Callable[[Split], Split], ...] = ()

    def beside(self, x: ByName, numbers: np.ndarray | slice) -> Split:
        """Return rows, given their features and which of them these are."""
        y = {output: self.y[output][numbers] if output in self.y else only(x) for output in self.outputs}
        rows = Split(x, y, row_weights=rows_at(self.row_weights, numbers))
        return reduce(lambda split, change: change(split), self.changes, rows)

    def changed(self, change: Callable[[Split], Split]) -> Self:
        """See `Rows`."""
        return replace(self, changes=(*self.changes, change))


def parts_of(rows: Rows) -> Iterator[Split]:
    """Yield rows in their order: at once those in memory, others in parts."""
    if rows.in_memory is not None:
        yield rows.in_memory
        return
    for start in range(0, rows.count, rows.at_once):
        yield rows.take(slice(start, start + rows.at_once))


def in_whole(rows: Rows) -> Split:
    """Return all rows in memory."""
    return rows.take(slice(rows.count)) if rows.in_memory is None else rows.in_memory


def answers_of(rows: Rows) -> ByName:
    """Return the targets of all rows."""
    parts = [part.y for part in parts_of(rows)]
    return parts[0] if len(parts) == 1 else {name: np.concatenate([y[name] for y in parts]) for name in parts[0]}


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """The data of an experiment.

    Args:
        train: what is learned from.
        validation: what decides when and which; `None` for none.
        test: what judges; `None` for none.
        spec: what a model has to know.
        record: by which a run knows the rows again.
    """

    train: Rows
    validation: Rows | None
    test: Rows | None
    spec: DataSpec
    record: DataRecord | None = None

    @property
    def named(self) -> dict[str, Rows | None]:
        """The splits by what they are called; `None` for one without rows."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def present(self) -> dict[str, Rows]:
        """The splits that have rows, by what they are called."""
        return {name: split for name, split in self.named.items() if split is not None}

    def order_in_source(self) -> np.ndarray:
        """Return the training rows in the order in which they stand in their source: int64 `[rows]`."""
        if self.train.places is not None:
            return np.argsort(self.train.places, kind="stable")
        if self.record is None:
            return np.arange(self.train.count)
        return np.argsort(self.record.rows["train"]["row"], kind="stable")

    def each(self, change: Callable[[Split], Split]) -> Self:
        """Return the data with something done to the rows of every split."""
        validation, test = (split and split.changed(change) for split in (self.validation, self.test))
        return replace(self, train=self.train.changed(change), validation=validation, test=test)

    def to_json(self) -> dict[str, Any]:
        """Return what a run keeps of its data: all that the model has to know, and which rows were in which split."""
        return self.spec.to_json() | ({} if self.record is None else {"record": self.record.to_json()})
