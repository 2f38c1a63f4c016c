"""The `model` section: a stack of layers, a graph of layers, or a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from nnlab import catalog
from nnlab.catalog import Parameter
from nnlab.config.components import Component, Fault, OneOf, parse_component, raise_faults
from nnlab.config.graph import GraphInputs, GraphItems, graph_faults
from nnlab.config.remedies import type_remedy
from nnlab.config.section import Parsed, Section, Whole, as_tuple, fail, whole
from nnlab.config.user_code import class_problem
from nnlab.errors import did_you_mean, nearest, one_of, show


def _layer_item(raw: Any) -> Component | RepeatBlock:
    if isinstance(raw, RepeatBlock):
        return raw
    if isinstance(raw, dict) and "repeat" in raw:
        return RepeatBlock.model_validate(raw)
    return OneOf("layers").parse(raw)


LayerItem: TypeAlias = Annotated["Component | RepeatBlock", Parsed(_layer_item)]


class RepeatBlock(Section):
    """A block of layers that stands several times in a row."""

    repeat: Annotated[Whole, Field(ge=1, le=1000)]
    layers: Annotated[tuple[LayerItem, ...], BeforeValidator(as_tuple), Field(min_length=1)]


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
        fail(f"expected hidden layers, received {show(raw)}", hint, value=raw)
    units = [whole(value) for value in raw]
    faults = [
        Fault((i,), f"expected a number of units of at least 1, received {show(value)}", type_remedy(value, ["int"]))
        for i, value in enumerate(units)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1
    ]
    if faults:
        raise_faults(faults)
    return tuple(units)


def normalizes(name: str) -> bool:
    """Whether a layer may normalize what every hidden layer gives: it wraps none itself."""
    layer = catalog.find("layers", name)
    wraps = layer is not None and any(parameter.kind == "layers" for parameter in layer.parameters.values())
    return layer is not None and layer.role == "normalization" and not wraps


def _drops_out(name: str) -> bool:
    layer = catalog.find("layers", name)
    return layer is not None and layer.role == "dropout" and "rate" in layer.parameters


POSITION = Parameter(
    "position",
    default="after_activation",
    types=("str",),
    choices=("after_activation", "before_activation"),
    description="Where it stands in each hidden layer.",
)


def _outputs(raw: Any) -> tuple[str, ...]:
    names = (raw,) if isinstance(raw, str) else raw
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        fail(f"expected names of layers, received {show(raw)}", "write `outputs: [main]`", value=raw)
    return tuple(names)


def _transfer_layers(raw: Any) -> Any:
    if raw == "all_but_output" or (isinstance(raw, int) and not isinstance(raw, bool) and raw >= 1):
        return raw
    if isinstance(raw, (list, tuple)) and raw and all(isinstance(name, str) for name in raw):
        return tuple(raw)
    hint = "write `all_but_output`, a number of layers from the first on, or a list of names"
    return fail(f"expected layers of the run, received {show(raw)}", hint, value=raw)


class TransferConfig(Section):
    """Layers of a trained run, with their weights, in front of the model's own."""

    from_: Annotated[str, Field(alias="from", min_length=1)]
    layers: Annotated[str | int | tuple[str, ...], Parsed(_transfer_layers)] = "all_but_output"
    freeze_epochs: Annotated[Whole, Field(ge=0)] = 0
    learning_rate_after: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """`transfer: RUN` is short for the run alone."""
        return {"from": raw} if isinstance(raw, str) else raw


class HiddenDefaults(Section):
    """Defaults for every hidden layer that has weights."""

    type: str = "sequential"
    activation: Annotated[Component, OneOf("activations")] | None = None
    initializer: Annotated[Component, OneOf("initializers")] | None = None
    normalization: Annotated[Component, OneOf("layers", only=normalizes, extra=(POSITION,))] | None = None
    regularizer: Annotated[Component, OneOf("regularizers")] | None = None
    constraint: Annotated[Component, OneOf("constraints")] | None = None
    dropout: Annotated[Component, OneOf("layers", only=_drops_out, number="Dropout")] | None = None
    transfer: TransferConfig | None = None


class SequentialConfig(HiddenDefaults):
    """A stack of layers."""

    type: Literal["sequential"] = "sequential"
    layers: Annotated[tuple[LayerItem, ...] | None, BeforeValidator(as_tuple), Field(min_length=1)] = None
    hidden: Annotated[tuple[int, ...] | HiddenConfig | None, Parsed(_hidden)] = None

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """The layers are given in one way."""
        ways = ("layers", "hidden", "transfer")
        misspelt = (name for key in given if key not in cls.model_fields for name in nearest(key, cls.model_fields))
        if not any(way in given for way in ways) and not any(name in ways for name in misspelt):
            hint = "write `hidden: [300, 100]`, or a list under `layers:`"
            yield Fault((), "the model has neither `layers` nor `hidden`", hint, at_key=True)
        if "layers" in given and "hidden" in given:
            hint = "keep one of them (`null` switches off what an extended file gives)"
            yield Fault(("hidden",), "`layers` and `hidden` do not go together", hint, at_key=True)


class FunctionalConfig(HiddenDefaults):
    """A graph of named layers, each with the names of what feeds it."""

    type: Literal["functional"]
    inputs: GraphInputs
    layers: GraphItems
    outputs: Annotated[tuple[str, ...], Parsed(_outputs)]

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """The names fit together."""
        yield from graph_faults(given)


class SubclassedConfig(Section):
    """A class of nnlab's, or the user's own as `file.py:Class`; the other keys are its constructor's."""

    type: Literal["subclassed"]
    class_: Annotated[str, Field(alias="class")]
    parameters: Mapping[str, Any] = {}

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """Gather the constructor's keys."""
        if not isinstance(raw, dict):
            return raw
        own = {key: raw[key] for key in ("type", "class") if key in raw}
        return {**own, "parameters": {key: value for key, value in raw.items() if key not in own}}

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """The class is known, and takes these parameters; the user's own is not looked into."""
        name = given.get("class")
        if not isinstance(name, str):
            return
        if ":" in name:
            problem = class_problem(name)
            if problem is not None:
                yield Fault(("class",), *problem)
            return
        if catalog.find("models", name) is None:
            known = catalog.entries("models")
            hint = did_you_mean(name, known) or f"{one_of(known)}, or a class of your own: `my_models.py:MyModel`"
            yield Fault(("class",), f"unknown model class `{name}`", hint)
            return
        faults: list[Fault] = []
        parse_component("models", {name: dict(given["parameters"])}, faults)
        yield from (fault._replace(path=fault.path[1:]) for fault in faults)

    @property
    def is_user_code(self) -> bool:
        """Whether the class is the user's own."""
        return ":" in self.class_

    @property
    def component(self) -> Component:
        """Nnlab's own class with its parameters."""
        return OneOf("models").parse({self.class_: dict(self.parameters)})

    def written(self) -> Iterator[tuple[str, Any]]:
        """The constructor's keys stand beside the others."""
        yield from (("type", self.type), ("class", self.class_), *self.parameters.items())


MODEL_TYPES: Mapping[Any, type[Section]] = {
    "sequential": SequentialConfig,
    "functional": FunctionalConfig,
    "subclassed": SubclassedConfig,
}


def model_section(type_: Any) -> type[Section]:
    """Return the section of a model type; that of sequential models for anything unknown."""
    return MODEL_TYPES.get(type_, SequentialConfig) if isinstance(type_, str) else SequentialConfig


def _model(raw: Any) -> Any:
    if isinstance(raw, Section):
        return raw
    type_ = raw.get("type") if isinstance(raw, dict) else None
    if type_ is None and isinstance(raw, dict) and ("inputs" in raw or "outputs" in raw):
        raise_faults([Fault((), "a model with `inputs` and `outputs` is functional", "write `type: functional` too")])
    if type_ is not None and not (isinstance(type_, str) and type_ in MODEL_TYPES):
        hint = did_you_mean(str(type_), MODEL_TYPES) or one_of(MODEL_TYPES)
        raise_faults([Fault(("type",), f"unknown value {show(type_)}", hint)])
    return model_section(type_).model_validate(raw)


ModelConfig: TypeAlias = Annotated[SequentialConfig | FunctionalConfig | SubclassedConfig, Parsed(_model)]
