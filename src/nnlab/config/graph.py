"""The layers of a functional model: a mapping of names to layers, each with the names of what feeds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from nnlab.config.components import Component, Fill, OneOf, Typed
from nnlab.config.faults import Fault, Report
from nnlab.config.section import Nested, OrSection, Section, key, required
from nnlab.config.shapes import MapOf
from nnlab.config.values import NAMES, TEXT, whole
from nnlab.errors import ConfigPath, did_you_mean
from nnlab.wording import listed, one_of, show

BLOCK_INPUT = "input"
"""What the layers of a repeated block call the value that reaches it."""

REPEAT = whole(minimum=1, maximum=1000)


@dataclass(frozen=True, kw_only=True)
class InputConfig(Section):
    """One input of a functional model; all features unless some are named."""

    also = ({"type": "null"},)

    features: tuple[str | int, ...] | None = key(NAMES, "its columns, by name or number; all by default")

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """Nothing behind the name takes all."""
        return {} if raw is None else raw


@dataclass(frozen=True, slots=True)
class GraphLayer(Typed):
    """A layer of the graph, or another layer's weights once more.

    Args:
        component: the layer; `None` if it is `shared`.
        inputs: names of the layers and inputs that feed it.
        shared: the layer whose weights it uses.
    """

    component: Component | None
    inputs: tuple[str, ...]
    shared: str | None = None

    def inside(self) -> Mapping[Any, Any]:
        """Return the layer's parameters."""
        return {} if self.component is None else self.component.inside()

    def plain(self, fill: Fill | None = None) -> Any:
        """Return the layer with `from` beside its name."""
        layer = {"shared": self.shared} if self.component is None else self.component.plain(fill)
        sources = self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)
        return {**({layer: {}} if isinstance(layer, str) else layer), "from": sources}


@dataclass(frozen=True, slots=True)
class FedLayer(OneOf):
    """A layer with the names of what feeds it, or another one's weights."""

    kind: str = "layers"
    besides: tuple[str, ...] = ("from", "shared")

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the `GraphLayer`."""
        if not isinstance(raw, Mapping) or "from" not in raw:
            return report.fault("the layer does not say what feeds it", "write `{Dense: 30, from: NAME}`")
        sources = raw["from"] if isinstance(raw["from"], (list, tuple)) else [raw["from"]]
        are_names = bool(sources) and all(isinstance(name, str) for name in sources)
        if not are_names:
            hint = "write `from: NAME`, or `from: [NAME, NAME]`"
            report.at("from").fault(f"expected names, received {show(raw['from'])}", hint)
        rest = {name: value for name, value in raw.items() if name != "from"}
        if set(rest) == {"shared"} and isinstance(rest["shared"], str) and are_names:
            return GraphLayer(None, tuple(sources), rest["shared"])
        return GraphLayer(OneOf("layers").parse(rest, report), tuple(sources))


GRAPH_ITEMS = MapOf(
    OrSection(FedLayer(), lambda: GraphBlock, "repeat"),
    "layers by name",
    "write `layers: {hidden: {Dense: 30, from: INPUT}, ...}`",
    is_identifier=True,
)


@dataclass(frozen=True, kw_only=True)
class GraphBlock(Section):
    """A block of layers that stands several times in a row; the block's last layer feeds its next copy."""

    repeat: int = required(REPEAT, "how often")
    from_: str = required(TEXT, "what feeds its first copy")
    layers: Mapping[str, GraphLayer | GraphBlock] = required(
        GRAPH_ITEMS, "its layers by name; `input` is what reaches the block"
    )
    output: str | None = key(TEXT, "the layer whose value is the block's; the last one if it is left out")

    @property
    def output_name(self) -> str:
        """The layer whose value is the block's."""
        return self.output or list(self.layers)[-1]


@dataclass(frozen=True, slots=True)
class Inputs(MapOf):
    """The inputs by name, or a list of names."""

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the sections by name."""
        is_list = isinstance(raw, (list, tuple)) and all(isinstance(name, str) for name in raw)
        return MapOf.parse(self, dict.fromkeys(raw) if is_list else raw, report)


INPUTS = Inputs(
    Nested(InputConfig), "inputs by name", "write `inputs: {wide: {features: [0, 1]}, deep: {}}`", is_identifier=True
)


def graph_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with the names of a functional model, as far as it is written.

    Args:
        given: the plain keys of the model section.
    """
    inputs, layers, outputs = given.get("inputs"), given.get("layers"), given.get("outputs")
    if isinstance(inputs, (list, tuple)):
        inputs = dict.fromkeys(map(str, inputs))
    if not isinstance(layers, Mapping) or not isinstance(inputs, Mapping):
        return
    for name in inputs:
        if name in layers:
            yield Fault(("layers", name), f"`{name}` is the name of an input too", "rename one of them", at_key=True)
    names = [outputs] if isinstance(outputs, str) else outputs if isinstance(outputs, (list, tuple)) else []
    for i, name in enumerate(names):
        if isinstance(name, str) and name not in layers:
            path: ConfigPath = ("outputs", i) if isinstance(outputs, (list, tuple)) else ("outputs",)
            hint = did_you_mean(name, layers) or one_of(layers)
            yield Fault(path, f"the output `{name}` is no layer", hint)
        elif name in names[:i]:
            yield Fault(("outputs", i), f"the output `{name}` stands twice", "remove one of them")
    wanted = {name for name in names if isinstance(name, str)}
    yield from _faults_of(layers, set(map(str, inputs)), wanted, ("layers",), input_path=("inputs",))


def _faults_of(
    layers: Mapping[Any, Any], inputs: set[str], outputs: set[str], path: ConfigPath, *, input_path: ConfigPath | None
) -> Iterator[Fault]:
    """Check the layers of the model, or of a repeated block."""
    feeding = {str(name): _fed_by(item) for name, item in layers.items()}
    known = [*inputs, *feeding]
    wrong = [fault for name, item in layers.items() for fault in _unknown_sources(name, item, known, path)]
    wrong += _cycle(feeding, path)
    yield from wrong
    blocks = {name: item for name, item in layers.items() if isinstance(item, Mapping) and "repeat" in item}
    for name, item in layers.items():
        if isinstance(item, Mapping):
            yield from _inner_faults(name, item, layers, (*path, name))
        if any(_is_copy(str(name), block, inside) for block, inside in blocks.items()):
            message = f"`{name}` is the name of a copy that a repeated block makes"
            yield Fault((*path, name), message, "rename one of them", at_key=True)
    if wrong or not outputs & set(feeding):
        return  # a misspelt name leaves others unused: one mistake, one message
    used = _used(feeding, outputs)
    for name in feeding:
        if name not in used:
            hint = "name it in the `from` of a layer or in `outputs`, or remove it"
            yield Fault((*path, name), f"nothing uses the layer `{name}`", hint, at_key=True)
    for name in sorted(inputs - used):
        hint = f"name it in the `from` of a layer{', or remove it' if input_path else ''}"
        yield Fault((*(input_path or path[:-1]), name), f"nothing uses the input `{name}`", hint, at_key=True)


def _is_copy(name: str, block: Any, item: Any) -> bool:
    """Whether what a repeated block makes has this name: `block_2_hidden` is the second copy of its layer `hidden`."""
    found = re.fullmatch(rf"{re.escape(str(block))}_[0-9]+_(\w+)", name)
    inside = item.get("layers") if isinstance(item, Mapping) and "repeat" in item else None
    if found is None or not isinstance(inside, Mapping):
        return False
    return found[1] in inside or any(_is_copy(found[1], inner, layer) for inner, layer in inside.items())


def _unknown_sources(name: Any, item: Any, known: list[str], path: ConfigPath) -> Iterator[Fault]:
    for source in _fed_by(item):
        if source not in known:
            hint = did_you_mean(source, known) or one_of(known)
            yield Fault((*path, name, "from"), f"`{source}` is no layer and no input", hint)


def _inner_faults(name: Any, item: Mapping[Any, Any], layers: Mapping[Any, Any], path: ConfigPath) -> Iterator[Fault]:
    """Check what a shared layer names, and the inside of a repeated block."""
    shared = item.get("shared")
    if isinstance(shared, str):
        kinds = {other: set(inside) if isinstance(inside, Mapping) else set() for other, inside in layers.items()}
        others = [other for other, keys in kinds.items() if other != name and not keys & {"shared", "repeat"}]
        if shared not in others:
            hint = did_you_mean(shared, others) or one_of(others)
            yield Fault((*path, "shared"), f"`{shared}` is no layer that can be shared", hint)
    inside = item.get("layers") if "repeat" in item else None
    if isinstance(inside, Mapping) and inside:
        output = item.get("output") or list(inside)[-1]
        if not isinstance(output, str):  # its type is told by the section
            return
        if output not in inside:
            hint = did_you_mean(output, inside) or one_of(inside)
            yield Fault((*path, "output"), f"`{output}` is no layer of the block", hint)
        yield from _faults_of(inside, {BLOCK_INPUT}, {output}, (*path, "layers"), input_path=None)


def _fed_by(item: Any) -> list[str]:
    sources = item.get("from") if isinstance(item, Mapping) else None
    listed_ = sources if isinstance(sources, (list, tuple)) else [sources]
    return [source for source in listed_ if isinstance(source, str)]


def _cycle(feeding: Mapping[str, list[str]], path: ConfigPath) -> Iterator[Fault]:
    try:
        list(TopologicalSorter(feeding).static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1][:-1]))
        first = min(circle, key=list(feeding).index)
        message = "the layer feeds itself" if len(circle) == 1 else f"these layers feed one another: {listed(circle)}"
        yield Fault((*path, first, "from"), message, "data must flow one way: change one `from`")


def _used(feeding: Mapping[str, list[str]], outputs: set[str]) -> set[str]:
    """Return every name that an output depends on."""
    used: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in used:
            used.add(name)
            waiting += feeding.get(name, [])
    return used
