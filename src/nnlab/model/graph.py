"""The graph of a model with its defaults, and how its outputs end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple

from nnlab.config.model import FunctionalConfig, SequentialConfig
from nnlab.model.ending import Ending, common_ending, ending_of
from nnlab.model.hidden import PlannedLayer, activation_apart, has_weights, with_defaults
from nnlab.model.unroll import GraphNode, written_nodes


class Graph(NamedTuple):
    """The layers of a model as they are built.

    Args:
        nodes: each behind those that feed it; none if only the code of a class knows the layers.
        endings: how each output ends.
        lasts: the last layer with weights before each output, if it is known.
    """

    nodes: tuple[GraphNode, ...]
    endings: Mapping[str, Ending]
    lasts: Mapping[str, PlannedLayer | None]


def plan_graph(
    model: SequentialConfig | FunctionalConfig,
    layers: Iterable[PlannedLayer] | None = None,
    front: tuple[GraphNode, ...] = (),
) -> Graph:
    """Return the graph of a model with its defaults; arguments are those of `written_nodes`."""
    nodes, outputs = written_nodes(model, layers, front)
    written = {node.name: node for node in nodes}
    lasts = {name: _last_with_weights(written, node) for name, node in outputs.items()}
    spared = {id(layer) for layer in lasts.values() if layer is not None}
    names = {node: name for name, node in outputs.items()}
    planned = []
    for node in nodes:
        own: list[PlannedLayer] = []
        for layer in node.layers:
            hidden = id(layer) not in spared and has_weights(layer.component)
            own += with_defaults(layer, model) if hidden else activation_apart(layer)
        name, inputs = names.get(node.name, node.name), _renamed(node.inputs, names)
        planned.append(GraphNode(name, tuple(own), inputs, node.shared, node.path))
    return Graph(tuple(planned), {name: _ending_at(planned, name) for name in outputs}, lasts)


def _renamed(names: tuple[str, ...], new: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(new.get(name, name) for name in names)


def _last_with_weights(nodes: Mapping[str, GraphNode], name: str) -> PlannedLayer | None:
    """Walk back from an output, as long as one node feeds one, to the layer that gives the answer."""
    while name in nodes:
        node = nodes[name]
        layers = nodes[node.shared].layers if node.shared is not None else node.layers
        if layers and has_weights(layers[-1].component):
            return layers[-1]
        if len(node.inputs) != 1:
            return None
        name = node.inputs[0]
    return None


def _ending_at(nodes: Sequence[GraphNode], output: str) -> Ending:
    """Return how an output of a graph ends."""
    by_name = {node.name: node for node in nodes}

    @cache
    def at(name: str) -> Ending:
        layers: list[PlannedLayer] = []
        while name in by_name:
            node = by_name[name]
            layers[:0] = by_name[node.shared].layers if node.shared is not None else node.layers
            if len(node.inputs) != 1:
                return ending_of(layers, partial(common, node.inputs))
            name = node.inputs[0]
        return ending_of(layers)

    def common(names: Sequence[str]) -> Ending:
        return common_ending([at(name) for name in names])

    return at(output)
