"""The typed config: what may be written, and what holds when it is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    model_validator,
)

from nnlab.catalog import Parameter
from nnlab.config.components import Component, Fault, OneOf, raise_faults
from nnlab.errors import show

DEFAULT_OPTIMIZER = Component("optimizers", "Adam")


class Section(BaseModel):
    """A frozen part of the config that refuses unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_default(cls, raw: Any) -> Any:
        """Let `null` switch off what an extended file gives."""
        if not isinstance(raw, dict):
            return raw
        return {key: value for key, value in raw.items() if value is not None or key not in cls.model_fields}


def _fail(message: str, hint: str | None = None, *, value: Any = None) -> NoReturn:
    raise_faults([Fault((), message, hint, value)])


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, (str, int)) and not isinstance(value, bool) else _as_tuple(value)


def _whole(value: Any) -> Any:
    """Accept `1e4` where a whole number is due."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _rows(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        hint = "write rows as a whole number (`5000`) or a fraction (`0.2`); `0` for none"
        _fail(f"expected a number of rows or a fraction, received {show(value)}", hint, value=value)
    if value < 0:
        _fail(f"must be at least 0, received {show(value)}", value=value)
    if isinstance(value, float) and not 0 <= value < 1:
        hint = "write rows as a whole number (`5000`) or a fraction (`0.2`); `0` for none"
        _fail(f"a fraction must be below 1, received {show(value)}", hint, value=value)
    return value


def _scale(value: Any) -> Any:
    if value is None or value in ("standardize", "minmax"):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 and value != float("inf"):
        return value
    hint = "divide by a number (`255`), or write `standardize` or `minmax`"
    _fail(f"unknown scaling {show(value)}", hint, value=value)


def _not_built_yet(value: Any) -> Any:
    return (
        None if value is None else _fail("this is not built yet", "remove it for now; CHANGELOG.md says what is there")
    )


def _class_weight(value: Any) -> Any:
    if value is None or value == "balanced":
        return value
    if not isinstance(value, dict) or not value:
        hint = "write `balanced`, or a weight for each class: `{0: 1, 1: 5}`"
        _fail(f"unknown class weight {show(value)}", hint, value=value)
    faults = [
        Fault((str(name),), f"expected a weight of at least 0, received {show(weight)}")
        for name, weight in value.items()
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < float("inf")
    ]
    if faults:
        raise_faults(faults)
    return {str(name): weight for name, weight in value.items()}


def _columns(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        hint = "write `columns: {x: [1.0, 2.0], y: [0.0, 1.0]}`"
        _fail(f"expected columns by name, received {show(value)}", hint, value=value)
    faults = [
        Fault((str(name),), f"expected a list of values, received {show(column)}")
        for name, column in value.items()
        if not isinstance(column, (list, tuple))
    ]
    if faults:
        raise_faults(faults)
    return {str(name): tuple(column) for name, column in value.items()}


Rows: TypeAlias = Annotated[int | float, PlainValidator(_rows)]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole)]
Names: TypeAlias = Annotated[tuple[str | int, ...], BeforeValidator(_one_or_many)]
NotBuiltYet: TypeAlias = Annotated[None, PlainValidator(_not_built_yet)]


class DataConfig(Section):
    """Where the rows come from, what is predicted, and how they are split and scaled."""

    source: Annotated[Component, OneOf("datasets")]
    path: str | None = None
    columns: Annotated[Mapping[str, tuple[Any, ...]] | None, PlainValidator(_columns)] = None
    target: Names | None = None
    features: Names | None = None
    task: Literal["classification", "binary", "multilabel", "regression"] | None = None
    validation: Rows = 0.2
    test: Rows | None = None
    scale: Annotated[int | float | Literal["standardize", "minmax"] | None, PlainValidator(_scale)] = None
    limit: Annotated[Whole | None, Field(ge=1)] = None
    classes: Names | None = None
    positive_class: str | int | None = None
    object: NotBuiltYet = None
    class_weight: Annotated[Mapping[str, float] | Literal["balanced"] | None, PlainValidator(_class_weight)] = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, raw: Any) -> Any:
        return {"source": raw} if isinstance(raw, str) else raw

    @model_validator(mode="after")
    def _fits_together(self) -> DataConfig:
        faults: list[Fault] = []
        source = self.source.name
        needs_path = source in ("csv", "npz", "parquet")
        if needs_path and self.path is None:
            faults.append(Fault((), f"the source `{source}` needs `path`", f"write `path: data.{source}`"))
        if source == "inline" and self.columns is None:
            hint = "write `columns: {x: [1.0, 2.0], y: [0.0, 1.0]}`"
            faults.append(Fault((), "the source `inline` needs `columns`", hint))
        if source != "inline" and self.columns is not None:
            hint = "write `source: inline`, or remove `columns`"
            faults.append(Fault(("columns",), f"`columns` goes with `inline`, not with `{source}`", hint, at_key=True))
        if source in ("csv", "parquet", "inline") and self.target is None:
            faults.append(Fault((), f"the source `{source}` needs `target`", "name the column to predict"))
        if self.classes is not None and self.positive_class is not None:
            hint = "keep one of them"
            message = "`positive_class` and `classes` do not go together"
            faults.append(Fault(("positive_class",), message, hint, at_key=True))
        if faults:
            raise_faults(faults)
        return self


class RepeatBlock(Section):
    """A block of layers that stands several times in a row."""

    repeat: Annotated[Whole, Field(ge=1, le=1000)]
    layers: Annotated[tuple[LayerItem, ...], BeforeValidator(_as_tuple), Field(min_length=1)]


def _layer_item(raw: Any) -> Component | RepeatBlock:
    if isinstance(raw, RepeatBlock):
        return raw
    if isinstance(raw, dict) and "repeat" in raw:
        return RepeatBlock.model_validate(raw)
    return OneOf("layers").parse(raw)


def _plain_layer_item(item: Component | RepeatBlock) -> Any:
    return item.plain() if isinstance(item, Component) else item.model_dump()


LayerItem: TypeAlias = Annotated[
    Component | RepeatBlock, PlainValidator(_layer_item), PlainSerializer(_plain_layer_item)
]
RepeatBlock.model_rebuild()


class HiddenConfig(Section):
    """Hidden `Dense` layers of one width."""

    layers: Annotated[Whole, Field(ge=0, le=1000)]
    units: Annotated[Whole, Field(ge=1)]


def _hidden(raw: Any) -> Any:
    if raw is None or isinstance(raw, HiddenConfig):
        return raw
    if isinstance(raw, dict):
        return HiddenConfig.model_validate(raw)
    if not isinstance(raw, (list, tuple)):
        hint = "write the units of each layer, `[300, 100]`, or `{layers: 2, units: 100}`"
        _fail(f"expected hidden layers, received {show(raw)}", hint, value=raw)
    units = [_whole(value) for value in raw]
    faults = [
        Fault((i,), f"expected a number of units of at least 1, received {show(value)}")
        for i, value in enumerate(units)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1
    ]
    if faults:
        raise_faults(faults)
    return tuple(units)


POSITION = Parameter(
    "position",
    default="after_activation",
    types=("str",),
    choices=("after_activation", "before_activation"),
    description="Where it stands in each hidden layer.",
)


class ModelConfig(Section):
    """The network: its layers, and defaults for every hidden layer that has weights."""

    type: Literal["sequential", "functional", "subclassed"] = "sequential"
    activation: Annotated[Component, OneOf("activations")] | None = None
    initializer: Annotated[Component, OneOf("initializers")] | None = None
    normalization: (
        Annotated[Component, OneOf("layers", only=lambda name: "Normalization" in name, extra=(POSITION,))] | None
    ) = None
    regularizer: Annotated[Component, OneOf("regularizers")] | None = None
    constraint: Annotated[Component, OneOf("constraints")] | None = None
    dropout: Annotated[Component, OneOf("layers", only=lambda name: "Dropout" in name, number="Dropout")] | None = None
    layers: Annotated[tuple[LayerItem, ...] | None, BeforeValidator(_as_tuple), Field(min_length=1)] = None
    hidden: Annotated[
        tuple[int, ...] | HiddenConfig | None, PlainValidator(_hidden), PlainSerializer(lambda value: value)
    ] = None
    transfer: NotBuiltYet = None

    @model_validator(mode="before")
    @classmethod
    def _built_types(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("type") in ("functional", "subclassed"):
            hint = "use `type: sequential` for now"
            raise_faults([Fault(("type",), f"the model type `{raw['type']}` is not built yet", hint)])
        return raw

    @model_validator(mode="after")
    def _layers_or_hidden(self) -> ModelConfig:
        if self.layers is None and self.hidden is None:
            hint = "write `hidden: [300, 100]`, or a list under `layers:`"
            raise_faults([Fault((), "the model has neither `layers` nor `hidden`", hint)])
        if self.layers is not None and self.hidden is not None:
            hint = "keep one of them (`null` switches off what an extended file gives)"
            raise_faults([Fault(("hidden",), "`layers` and `hidden` do not go together", hint, at_key=True)])
        return self


class EarlyStopping(Section):
    """Stop when the monitored value no longer improves (Keras's EarlyStopping)."""

    monitor: str = "val_loss"
    min_delta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    patience: Annotated[Whole, Field(ge=0)] = 10
    mode: Literal["auto", "min", "max"] = "auto"
    baseline: float | None = None
    restore_best_weights: bool = True
    start_from_epoch: Annotated[Whole, Field(ge=0)] = 0


class TensorBoardConfig(Section):
    """What goes to TensorBoard besides the scalars."""

    histogram_freq: Annotated[Whole, Field(ge=0)] = 0
    profile_batch: Annotated[tuple[int, int] | None, PlainValidator(lambda value: _profile_batch(value))] = None
    write_graph: bool = True


def _profile_batch(value: Any) -> Any:
    if value is None or value == 0:
        return None
    steps = (value, value) if isinstance(value, int) and not isinstance(value, bool) else value
    if (
        not isinstance(steps, (list, tuple))
        or len(steps) != 2
        or any(isinstance(step, bool) or not isinstance(step, int) or step < 1 for step in steps)
        or steps[0] > steps[1]
    ):
        hint = "write the first and the last step to profile, such as `[100, 200]`"
        _fail(f"expected a step or a range of steps, received {show(value)}", hint, value=value)
    return tuple(steps)


def _tensorboard(raw: Any) -> Any:
    if raw is None or raw is True:
        return TensorBoardConfig()
    if raw is False or isinstance(raw, TensorBoardConfig):
        return raw
    return TensorBoardConfig.model_validate(raw)


def _engine(value: Any) -> Any:
    if value in ("fast", "exact"):
        _fail(f"the engine `{value}` is not built yet", "write `engine: keras`, or leave it out")
    return value


class TrainingConfig(Section):
    """How long and on what batches, by which loss, watched by which metrics."""

    epochs: Annotated[Whole, Field(ge=1)] = 10
    batch_size: Annotated[Whole, Field(ge=1)] = 32
    loss: Annotated[Component, OneOf("losses")] | None = None
    metrics: Annotated[tuple[Annotated[Component, OneOf("metrics")], ...], BeforeValidator(_as_tuple)] | None = None
    loss_weights: NotBuiltYet = None
    early_stopping: EarlyStopping | None = None
    tensorboard: Annotated[
        TensorBoardConfig | Literal[False], PlainValidator(_tensorboard), PlainSerializer(lambda value: value)
    ] = TensorBoardConfig()
    engine: Annotated[Literal["keras"], BeforeValidator(_engine)] = "keras"


class Experiment(Section):
    """One experiment: all that a config says, defaults included."""

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    seed: Annotated[Whole, Field(ge=0, le=2**32 - 1)] = 0
    data: DataConfig
    model: ModelConfig
    optimizer: Annotated[Component, OneOf("optimizers")] = DEFAULT_OPTIMIZER
    schedule: NotBuiltYet = None
    training: TrainingConfig = TrainingConfig()
    tune: NotBuiltYet = None
    compare: NotBuiltYet = None
