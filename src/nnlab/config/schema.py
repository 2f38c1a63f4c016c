"""The typed config: what may be written, and what holds when it is not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NoReturn, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    model_validator,
)

from nnlab import catalog
from nnlab.catalog import Parameter
from nnlab.config.components import Component, Fault, OneOf, named_object, raise_faults
from nnlab.config.remedies import type_remedy
from nnlab.errors import did_you_mean, show

MAX_NAME = 100
DEFAULT_OPTIMIZER = Component("optimizers", "Adam")


class Section(BaseModel):
    """A frozen part of the config that refuses unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Report what is wrong between the keys together with what is wrong with each."""
        raw = cls.opened(raw)
        if not isinstance(raw, dict):
            return handler(raw)
        # `null` switches off what an extended file gives
        given = {key: value for key, value in raw.items() if value is not None or key not in cls.model_fields}
        faults = list(cls.faults_between(given))
        try:
            section = handler(given)
        except ValidationError as error:
            raise_faults(faults, besides=error)
        if faults:
            raise_faults(faults)
        return section

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """Return the long form of what may be written in short."""
        return raw

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:  # noqa: ARG003
        """Yield what is wrong with the keys taken together, whatever is wrong with their values."""
        yield from ()


def _fail(message: str, hint: str | None = None, *, value: Any = None) -> NoReturn:
    raise_faults([Fault((), message, hint, value)])


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _name(value: Any) -> Any:
    if value is not None and not _is_name(value):
        _fail(f"expected a name or a number, received {show(value)}", value=value)
    return value


def _names(value: Any) -> Any:
    if value is None:
        return None
    names = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if not isinstance(value, (list, tuple)) and not _is_name(value):
        _fail(f"expected a name or a list of names, received {show(value)}", value=value)
    faults = [
        Fault((i,), f"expected a name or a number, received {show(name)}")
        for i, name in enumerate(names)
        if not _is_name(name)
    ]
    if faults:
        raise_faults(faults)
    return names


def _is_name(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _whole(value: Any) -> Any:
    """Accept `1e4` where a whole number is due."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _rows(value: Any) -> Any:
    value = _whole(value) if isinstance(value, float) and value > 1 else value
    hint = type_remedy(value, ["float"]) or "write rows as a whole number (`5000`) or a fraction (`0.2`), `0` for none"
    if not _is_finite_number(value):
        _fail(f"expected a number of rows or a fraction, received {show(value)}", hint, value=value)
    if value < 0:
        _fail(f"must be at least 0, received {show(value)}", value=value)
    if isinstance(value, float) and value >= 1:
        _fail(f"a fraction must be below 1, received {show(value)}", hint, value=value)
    return value


def _scale(value: Any) -> Any:
    words = ("standardize", "minmax")
    if value is None or value in words or (_is_finite_number(value) and value > 0):
        return value
    hint = "divide by a number (`255`), or write `standardize` or `minmax`"
    if isinstance(value, str):
        hint = type_remedy(value, ["float", "null"]) or did_you_mean(value, words) or hint
    _fail(f"unknown scaling {show(value)}", hint, value=value)


def _not_built_yet(value: Any) -> Any:
    return (
        None if value is None else _fail("this is not built yet", "remove it for now; CHANGELOG.md says what is there")
    )


def _class_weight(value: Any) -> Any:
    if value is None or value == "balanced":
        return value
    if not isinstance(value, dict) or not value:
        near = did_you_mean(value, ["balanced"]) if isinstance(value, str) else None
        hint = near or "write `balanced`, or a weight for each class: `{0: 1, 1: 5}`"
        _fail(f"unknown class weight {show(value)}", hint, value=value)
    faults = [
        Fault((str(name),), f"expected a weight of at least 0, received {show(weight)}", type_remedy(weight, ["float"]))
        for name, weight in value.items()
        if not _is_finite_number(weight) or weight < 0
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
        Fault((str(name),), f"expected a list of values, received {show(column)}", type_remedy(column, ["list"]))
        for name, column in value.items()
        if not isinstance(column, (list, tuple))
    ]
    if faults:
        raise_faults(faults)
    return {str(name): tuple(column) for name, column in value.items()}


Rows: TypeAlias = Annotated[int | float, PlainValidator(_rows)]
Whole: TypeAlias = Annotated[int, BeforeValidator(_whole)]
Name: TypeAlias = Annotated[str | int | None, PlainValidator(_name)]
Names: TypeAlias = Annotated[tuple[str | int, ...] | None, PlainValidator(_names)]
NotBuiltYet: TypeAlias = Annotated[None, PlainValidator(_not_built_yet)]


class DataConfig(Section):
    """Where the rows come from, what is predicted, and how they are split and scaled."""

    source: Annotated[Component, OneOf("datasets")]
    path: str | None = None
    columns: Annotated[Mapping[str, tuple[Any, ...]] | None, PlainValidator(_columns)] = None
    target: Names = None
    features: Names = None
    task: Literal["classification", "binary", "multilabel", "regression"] | None = None
    validation: Rows = 0.2
    test: Rows | None = None
    scale: Annotated[int | float | Literal["standardize", "minmax"] | None, PlainValidator(_scale)] = None
    limit: Annotated[Whole | None, Field(ge=1)] = None
    classes: Names = None
    positive_class: Name = None
    object: NotBuiltYet = None
    class_weight: Annotated[Mapping[str, float] | Literal["balanced"] | None, PlainValidator(_class_weight)] = None

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """`data: digits` is short for the source alone."""
        return {"source": raw} if isinstance(raw, str) else raw

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """What a source needs, and what excludes one another."""
        source = named_object(given.get("source"))
        if source in ("csv", "npz", "parquet") and "path" not in given:
            yield Fault((), f"the source `{source}` needs `path`", f"write `path: data.{source}`", at_key=True)
        if source == "inline" and "columns" not in given:
            hint = "write `columns: {x: [1.0, 2.0], y: [0.0, 1.0]}`"
            yield Fault((), "the source `inline` needs `columns`", hint, at_key=True)
        is_other = source is not None and source != "inline" and catalog.find("datasets", source) is not None
        if is_other and "columns" in given:
            hint = "write `source: inline`, or remove `columns`"
            yield Fault(("columns",), f"`columns` goes with `inline`, not with `{source}`", hint, at_key=True)
        if source in ("csv", "parquet", "inline") and "target" not in given:
            yield Fault((), f"the source `{source}` needs `target`", "name the column to predict", at_key=True)
        if "classes" in given and "positive_class" in given:
            message = "`positive_class` and `classes` do not go together"
            yield Fault(("positive_class",), message, "keep one of them", at_key=True)


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
        given = raw if isinstance(raw, int) and not isinstance(raw, bool) and raw > 0 else "300, 100"
        hint = f"write the units of each layer, `[{given}]`, or `{{layers: 2, units: 100}}`"
        _fail(f"expected hidden layers, received {show(raw)}", hint, value=raw)
    units = [_whole(value) for value in raw]
    faults = [
        Fault((i,), f"expected a number of units of at least 1, received {show(value)}", type_remedy(value, ["int"]))
        for i, value in enumerate(units)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1
    ]
    if faults:
        raise_faults(faults)
    return tuple(units)


NORMALIZATIONS = frozenset(f"{name}Normalization" for name in ("Batch", "Group", "Layer", "RMS", "Unit"))
"""The layers that may normalize what every hidden layer gives."""

POSITION = Parameter(
    "position",
    default="after_activation",
    types=("str",),
    choices=("after_activation", "before_activation"),
    description="Where it stands in each hidden layer.",
)


class ModelConfig(Section):
    """The network: its layers, and defaults for every hidden layer that has weights."""

    type: Literal["sequential"] = "sequential"
    activation: Annotated[Component, OneOf("activations")] | None = None
    initializer: Annotated[Component, OneOf("initializers")] | None = None
    normalization: Annotated[Component, OneOf("layers", only=NORMALIZATIONS.__contains__, extra=(POSITION,))] | None = (
        None
    )
    regularizer: Annotated[Component, OneOf("regularizers")] | None = None
    constraint: Annotated[Component, OneOf("constraints")] | None = None
    dropout: Annotated[Component, OneOf("layers", only=lambda name: "Dropout" in name, number="Dropout")] | None = None
    layers: Annotated[tuple[LayerItem, ...] | None, BeforeValidator(_as_tuple), Field(min_length=1)] = None
    hidden: Annotated[
        tuple[int, ...] | HiddenConfig | None, PlainValidator(_hidden), PlainSerializer(lambda value: value)
    ] = None
    transfer: NotBuiltYet = None

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """Report a type that is not built yet alone: its other keys are no mistakes."""
        if isinstance(raw, dict) and raw.get("type") in ("functional", "subclassed"):
            hint = "use `type: sequential` for now"
            raise_faults([Fault(("type",), f"the model type `{raw['type']}` is not built yet", hint)])
        return raw

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """The layers are given in one way."""
        if "layers" not in given and "hidden" not in given:
            hint = "write `hidden: [300, 100]`, or a list under `layers:`"
            yield Fault((), "the model has neither `layers` nor `hidden`", hint, at_key=True)
        if "layers" in given and "hidden" in given:
            hint = "keep one of them (`null` switches off what an extended file gives)"
            yield Fault(("hidden",), "`layers` and `hidden` do not go together", hint, at_key=True)


class EarlyStopping(Section):
    """Stop when the monitored value no longer improves (Keras's EarlyStopping)."""

    monitor: str = "val_loss"
    min_delta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    patience: Annotated[Whole, Field(ge=0)] = 10
    mode: Literal["auto", "min", "max"] = "auto"
    baseline: Annotated[float | None, Field(allow_inf_nan=False)] = None
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
        hint = "write the first and the last step to profile, counted from 1, such as `[100, 200]`"
        received = ", ".join(show(step) for step in steps) if isinstance(steps, (list, tuple)) else show(value)
        _fail(f"expected a step or a range of steps, received {received or 'an empty list'}", hint, value=value)
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

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    seed: Annotated[Whole, Field(ge=0, le=2**32 - 1)] = 0
    data: DataConfig
    model: ModelConfig
    optimizer: Annotated[Component, OneOf("optimizers")] = DEFAULT_OPTIMIZER
    schedule: NotBuiltYet = None
    training: TrainingConfig = TrainingConfig()
    tune: NotBuiltYet = None
    compare: NotBuiltYet = None
