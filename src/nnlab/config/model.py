"""The `model` section: a stack of layers, a graph of layers, or a class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nnlab import catalog
from nnlab.catalog import Parameter
from nnlab.config.checks import check
from nnlab.config.components import Component, OneOf
from nnlab.config.faults import Fault, Report
from nnlab.config.graph import (
    GRAPH_ITEMS,
    INPUTS,
    REPEAT,
    GraphBlock,
    GraphLayer,
    InputConfig,
    graph_faults,
)
from nnlab.config.nodes import Node, resolve_scalar
from nnlab.config.remedies import in_one_line, type_remedy
from nnlab.config.section import Nested, OrSection, Section, key, required
from nnlab.config.shapes import ANYTHING, Checked, Choice, Either, ListOf, Shape
from nnlab.config.values import TEXT, is_whole, number, whole, whole_number
from nnlab.errors import did_you_mean, nearest
from nnlab.user_code import is_reference, reading_problem, split_reference
from nnlab.wording import one_of, show

LAYER_ITEM = OrSection(OneOf("layers"), lambda: RepeatBlock, "repeat")


@dataclass(frozen=True, kw_only=True)
class RepeatBlock(Section):
    """A block of layers that stands several times in a row."""

    called = "a repeated block"

    repeat: int = required(REPEAT, "how often", missing="write both: `repeat: 2` and `layers: [...]`")
    layers: tuple[LayerItem, ...] = required(
        ListOf(LAYER_ITEM, least=1), "the layers of the block", missing="write both: `repeat: 2` and `layers: [...]`"
    )

    @classmethod
    def belongs_inside(cls, name: str, value: Any) -> tuple[str, str] | None:
        """A layer beside `repeat` belongs into the block."""
        if catalog.find("layers", name) is None:
            return None
        return "layers", f"put it into the block: `layers: [{{{in_one_line({name: value})}}}]`"


LayerItem: TypeAlias = Component | RepeatBlock


@dataclass(frozen=True, kw_only=True)
class HiddenConfig(Section):
    """Hidden `Dense` layers of one width."""

    layers: int = required(whole(minimum=0, maximum=1000), "how many", missing="write both: `{layers: 2, units: 100}`")
    units: int = required(whole(minimum=1), "units of each", missing="write both: `{layers: 2, units: 100}`")


def _units(value: Any, report: Report) -> Any:
    count = whole_number(value)
    if is_whole(count) and count >= 1:
        return count
    message = f"expected a number of units of at least 1, received {show(count)}"
    return report.fault(message, type_remedy(count, ["int"]))


def _hidden_hint(raw: Any) -> str:
    given = raw if is_whole(raw) and raw > 0 else "300, 100"
    return f"write the units of each layer, `[{given}]`, or `{{layers: 2, units: 100}}`"


HIDDEN_LAYERS = OrSection(
    ListOf(Checked(_units, {"type": "integer", "minimum": 1}), "hidden layers", _hidden_hint), lambda: HiddenConfig
)


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


TRANSFER_LAYERS = Either(
    "layers of the run",
    (Choice(("all_but_output",)), whole(minimum=1), ListOf(TEXT, least=1)),
    "write `all_but_output`, a number of layers from the first on, or a list of names",
)


def _thawing(raw: Any, report: Report) -> Any:
    hint = "write `thaw: {4: 1, 8: 2, 12: all}`: layers by the number of epochs before they are trained"
    if not isinstance(raw, Mapping) or not raw:
        return report.fault(f"expected numbers of layers by epoch, received {show(raw)}", hint)
    steps: dict[int, int | str] = {}
    for written, layers in raw.items():
        epoch, below = whole_number(resolve_scalar(str(written))), report.at(written)
        before = list(steps.items())[-1] if steps else (0, 0)
        if not is_whole(epoch) or epoch <= before[0]:
            wanted = f"more than {before[0]}" if steps else "at least 1"
            below.fault(f"expected a number of epochs, {wanted}, received {show(written)}", hint, at_key=True)
        elif layers != "all" and not (is_whole(layers) and layers >= 1):
            below.fault(f"expected a number of layers, or `all`, received {show(layers)}", hint)
        elif before[1] == "all" or (layers != "all" and layers <= before[1]):
            message = f"layers that are trained stay so: expected more than {before[1]}, received {show(layers)}"
            below.fault(message.replace("more than all", "nothing behind `all`"), hint)
        else:
            steps[epoch] = layers
    return steps


THAW = Checked(
    _thawing,
    {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": "^[0-9]+$"},
        "additionalProperties": {"anyOf": [{"const": "all"}, {"type": "integer", "minimum": 1}]},
    },
)


def _run(raw: Any, report: Report) -> Any:
    if raw == "":
        return report.fault("expected a run, received an empty text", "write its directory, id or name")
    return TEXT.parse(raw, report)


@dataclass(frozen=True, kw_only=True)
class TransferConfig(Section):
    """Layers of a trained run, with their weights, in front of the model's own."""

    short = "from"

    from_: str = required(Checked(_run, {"type": "string", "minLength": 1}), "a run: its directory, id or name")
    layers: str | int | tuple[str, ...] = key(
        TRANSFER_LAYERS,
        "which of its layers: `all_but_output`, a number of layers from the first on, or a list of names",
        default="all_but_output",
    )
    freeze_epochs: int = key(
        whole(minimum=0), "epochs in which these layers keep their weights; then all are trained", default=0
    )
    thaw: Mapping[int, int | Literal["all"]] | None = key(
        THAW,
        "frozen layers that are trained after so many epochs, the upper ones first: `{4: 1, 8: 2, 12: all}`; in "
        "place of `freeze_epochs`",
    )
    learning_rate_factor: float = key(
        number(minimum=0, maximum=1000), "what the optimizer's steps with these layers are multiplied by", default=1.0
    )
    learning_rate_after: float | None = key(number(exclusive_minimum=0), "the optimizer's rate from then on")


@check("one-way-to-thaw", TransferConfig)
def one_way_to_thaw(given: Mapping[str, Any]) -> Iterator[Fault]:
    """How long layers are frozen is said once."""
    if "thaw" in given and given.get("freeze_epochs"):
        hint = "remove it: layers are frozen until `thaw` says otherwise"
        yield Fault(("freeze_epochs",), "`freeze_epochs` and `thaw` do not go together", hint, at_key=True)


@dataclass(frozen=True, kw_only=True)
class HiddenDefaults(Section):
    """Defaults for every hidden layer that has weights."""

    type: str = key(Choice(("sequential",)), "the kind of model", default="sequential")
    activation: Component | None = key(OneOf("activations"), "the activation of every hidden layer")
    initializer: Component | None = key(OneOf("initializers"), "of the kernel of every hidden layer")
    normalization: Component | None = key(
        OneOf("layers", only=normalizes, extra=(POSITION,)),
        "a normalization layer behind each hidden layer, or in front of its activation",
    )
    regularizer: Component | None = key(OneOf("regularizers"), "of the kernel of every hidden layer")
    constraint: Component | None = key(OneOf("constraints"), "of the kernel of every hidden layer")
    dropout: Component | None = key(
        OneOf("layers", only=_drops_out, number="Dropout"), "a rate, or a dropout layer, behind each hidden layer"
    )
    transfer: TransferConfig | None = key(TransferConfig, "layers of a trained run in front of the model's own")


@dataclass(frozen=True, kw_only=True)
class SequentialConfig(HiddenDefaults):
    """A stack of layers."""

    type: Literal["sequential"] = key(Choice(("sequential",)), "the kind of model", default="sequential")
    layers: tuple[LayerItem, ...] | None = key(
        ListOf(LAYER_ITEM, least=1), "a list of layers; `{repeat: N, layers: [...]}` stands for a block N times"
    )
    hidden: tuple[int, ...] | HiddenConfig | None = key(
        HIDDEN_LAYERS, "units of each hidden `Dense` layer; the output layer follows from the task"
    )


@check("layers-or-hidden", SequentialConfig)
def layers_or_hidden(given: Mapping[str, Any]) -> Iterator[Fault]:
    """The layers are given in one way."""
    ways, known = ("layers", "hidden", "transfer"), SequentialConfig.keys()
    misspelt = (name for key_ in given if key_ not in known for name in nearest(key_, known))
    if not any(way in given for way in ways) and not any(name in ways for name in misspelt):
        hint = "write `hidden: [300, 100]`, or a list under `layers:`"
        yield Fault((), "the model has neither `layers` nor `hidden`", hint, at_key=True)
    if "layers" in given and "hidden" in given:
        hint = "keep one of them (`null` switches off what an extended file gives)"
        yield Fault(("hidden",), "`layers` and `hidden` do not go together", hint, at_key=True)


OUTPUTS = Either("names of layers", (ListOf(TEXT, least=1, or_one=True),), "write `outputs: [main]`")


@dataclass(frozen=True, kw_only=True)
class FunctionalConfig(HiddenDefaults):
    """A graph of named layers, each with the names of what feeds it."""

    type: Literal["functional"] = required(Choice(("functional",)), "the kind of model")
    inputs: Mapping[str, InputConfig] = required(
        INPUTS,
        "the inputs by name, each with its columns; `{}` takes all",
        missing="name the inputs: `inputs: [x]`, or `inputs: {wide: {features: [0, 1]}, deep: {}}`",
    )
    layers: Mapping[str, GraphLayer | GraphBlock] = required(
        GRAPH_ITEMS,
        "the layers by name, each with what feeds it",
        missing="name the layers and what feeds them: `layers: {main: {Dense: 1, from: x}}`",
    )
    outputs: tuple[str, ...] = required(
        OUTPUTS, "the layers that give the answers", missing="name the layers that give the answers: `outputs: [main]`"
    )


@check("names-of-the-graph", FunctionalConfig)
def names_of_the_graph(given: Mapping[str, Any]) -> Iterator[Fault]:
    """The names fit together."""
    yield from graph_faults(given)


@dataclass(frozen=True, kw_only=True)
class SubclassedConfig(Section):
    """A class of nnlab's, or the user's own as `file.py:Class`; the other keys are its constructor's."""

    type: Literal["subclassed"] = required(Choice(("subclassed",)), "the kind of model")
    class_: str = required(
        TEXT,
        "a class of nnlab's, or your own as `file.py:Class`",
        missing="write `class: WideAndDeep`, or a class of your own: `class: my_models.py:MyModel`",
    )
    parameters: Mapping[str, Any] = required(ANYTHING)

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """Gather the constructor's keys."""
        if not isinstance(raw, dict):
            return raw
        own = {name: raw[name] for name in ("type", "class") if name in raw}
        return {**own, "parameters": {name: value for name, value in raw.items() if name not in own}}

    @property
    def is_user_code(self) -> bool:
        """Whether the class is the user's own."""
        return ":" in self.class_

    @property
    def component(self) -> Component:
        """Nnlab's own class with its parameters."""
        component: Component = OneOf("models").read({self.class_: dict(self.parameters)})
        return component

    def written(self) -> Iterator[tuple[str, Any]]:
        """The constructor's keys stand beside the others."""
        yield from (("type", self.type), ("class", self.class_), *self.parameters.items())


@check("class-of-the-model", SubclassedConfig)
def class_of_the_model(given: Mapping[str, Any]) -> Iterator[Fault]:
    """The class is known, and takes these parameters; the user's own is not looked into."""
    name = given.get("class")
    if not isinstance(name, str):
        return
    if ":" in name:
        place, word = split_reference(name)
        problem = reading_problem(name, classes_only=True) if is_reference(name) else None
        if not place or not word.isidentifier():
            problem = f"`{name}` names no class", "write `class: my_models.py:MyModel`"
        if problem is not None:
            yield Fault(("class",), *problem)
        return
    if catalog.find("models", name) is None:
        known = catalog.entries("models")
        hint = did_you_mean(name, known) or f"{one_of(known)}, or a class of your own: `my_models.py:MyModel`"
        yield Fault(("class",), f"unknown model class `{name}`", hint)
        return
    report = Report()
    OneOf("models").parse({name: dict(given["parameters"])}, report)
    yield from (fault._replace(path=fault.path[1:]) for fault in report.faults)


MODEL_TYPES: Mapping[Any, type[Section]] = {
    "sequential": SequentialConfig,
    "functional": FunctionalConfig,
    "subclassed": SubclassedConfig,
}


def model_section(type_: Any) -> type[Section]:
    """Return the section of a model type; that of sequential models for anything unknown."""
    return MODEL_TYPES.get(type_, SequentialConfig) if isinstance(type_, str) else SequentialConfig


@dataclass(frozen=True, slots=True)
class Model(Shape):
    """The section of the model's type."""

    section: type[Section] = SequentialConfig

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the section."""
        type_ = raw.get("type") if isinstance(raw, dict) else None
        if type_ is None and isinstance(raw, dict) and ("inputs" in raw or "outputs" in raw):
            return report.fault("a model with `inputs` and `outputs` is functional", "write `type: functional` too")
        if type_ is not None and not (isinstance(type_, str) and type_ in MODEL_TYPES):
            hint = did_you_mean(str(type_), MODEL_TYPES) or one_of(MODEL_TYPES)
            return report.at("type").fault(f"unknown value {show(type_)}", hint)
        return model_section(type_).parse(raw, report)

    def among(self, node: Node) -> Shape:
        """Return the section of the type that is written."""
        type_ = node.value.get("type") if isinstance(node.value, dict) else None
        return Nested(model_section(type_.value if type_ is not None else None))


MODEL = Model()
