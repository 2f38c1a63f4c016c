"""The layers of a config as the nodes of a graph, which layers in a row are too: blocks repeated, without any data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import islice

from nnlab.config.by_name import UNNAMED
from nnlab.config.components import Component
from nnlab.config.graph import BLOCK_INPUT, GraphBlock, GraphLayer
from nnlab.config.model import FunctionalConfig, HiddenConfig, LayerItem, RepeatBlock, SequentialConfig
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.model.hidden import PlannedLayer

OUTPUT = "output"
"""The name of the output of a model that names none."""

MAX_LAYERS = 5000
"""More is a mistake in nested `repeat`, and Keras would be building for hours."""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A named place in a graph: layers in a row.

    Args:
        layers: the layers; empty if the node uses another's.
        inputs: names of the nodes and inputs that feed the first layer.
        shared: the node whose layers it uses.
        path: the place of the config.
    """

    name: str
    layers: tuple[PlannedLayer, ...]
    inputs: tuple[str, ...]
    shared: str | None
    path: ConfigPath


def written_nodes(
    model: SequentialConfig | FunctionalConfig,
    layers: Iterable[PlannedLayer] | None = None,
    front: tuple[GraphNode, ...] = (),
) -> tuple[tuple[GraphNode, ...], dict[str, str]]:
    """Return the nodes of a model, each behind those that feed it, and which of them give its outputs.

    Args:
        model: what the config says of it.
        layers: those of a sequential model, if not as they are written.
        front: what stands before them.

    Raises:
        ConfigError: they are too many.
    """
    values: dict[str, str] = {}
    if isinstance(model, FunctionalConfig):
        values = {name: name for name in model.inputs}
        nodes = _limited(_graph(model.layers, values, "", ("model", "layers")))
        return nodes, {name: values[name] for name in model.outputs}
    source = front[-1].name if front else UNNAMED
    nodes = (*front, *_limited(_in_a_row(written_layers(model) if layers is None else layers, source)))
    return nodes, {OUTPUT: nodes[-1].name if nodes else UNNAMED}


def _limited(nodes: Iterator[GraphNode]) -> tuple[GraphNode, ...]:
    found = tuple(islice(nodes, MAX_LAYERS + 1))
    if len(found) > MAX_LAYERS:
        hint = "lower `repeat` or the number of layers"
        raise ConfigError(Problem(f"the model has more than {MAX_LAYERS} layers", hint, ("model",)))
    return found


def written_layers(model: SequentialConfig) -> Iterator[PlannedLayer]:
    """Yield the layers that a sequential model lists, blocks repeated, or `Dense` for what `hidden` stands for."""
    if model.layers is not None:
        yield from _unrolled(model.layers, ("model", "layers"))
        return
    hidden = model.hidden or ()
    places = [("units", hidden.units)] * hidden.layers if isinstance(hidden, HiddenConfig) else enumerate(hidden)
    for place, units in places:
        yield PlannedLayer(Component("layers", "Dense", {"units": units}), ("model", "hidden", place))


def _unrolled(items: tuple[LayerItem, ...], path: ConfigPath) -> Iterator[PlannedLayer]:
    for i, item in enumerate(items):
        if isinstance(item, RepeatBlock):
            for _ in range(item.repeat):
                yield from _unrolled(item.layers, (*path, i, "layers"))
        else:
            yield PlannedLayer(item, (*path, i))


def _in_a_row(layers: Iterable[PlannedLayer], source: str) -> Iterator[GraphNode]:
    """Yield a node for each layer, fed by the one before, the first one by `source`."""
    for i, layer in enumerate(layers):
        yield GraphNode(f"layer {i}", (layer,), (source,), None, layer.path)
        source = f"layer {i}"


def _graph(
    items: Mapping[str, GraphLayer | GraphBlock], values: dict[str, str], prefix: str, path: ConfigPath
) -> Iterator[GraphNode]:
    """Yield nodes, each behind those that feed it; `values` learns which node stands for a name of the config."""
    feeding = {name: [source for source in _sources(item) if source in items] for name, item in items.items()}
    for name in TopologicalSorter(feeding).static_order():
        item = items[name]
        if isinstance(item, GraphLayer):
            layers = () if item.component is None else (PlannedLayer(item.component, (*path, name)),)
            values[name] = prefix + name
            shared = None if item.shared is None else prefix + item.shared
            yield GraphNode(
                prefix + name, layers, tuple(values[source] for source in item.inputs), shared, (*path, name)
            )
            continue
        value = values[item.from_]
        for i in range(1, item.repeat + 1):
            inside = {BLOCK_INPUT: value}
            yield from _graph(item.layers, inside, f"{prefix}{name}_{i}_", (*path, name, "layers"))
            value = inside[item.output_name]
        values[name] = value


def _sources(item: GraphLayer | GraphBlock) -> tuple[str, ...]:
    return item.inputs if isinstance(item, GraphLayer) else (item.from_,)
