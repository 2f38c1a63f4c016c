"""The graph of a functional model with its defaults, and how its outputs end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial

from nnlab.config.model import FunctionalConfig
from nnlab.model.ending import Ending, common_ending, ending_of
from nnlab.model.hidden import PlannedLayer, activation_apart, has_weights, with_defaults
from nnlab.model.unroll import GraphNode, limited, unrolled_graph


def plan_graph(model: FunctionalConfig) -> tuple[tuple[GraphNode, ...], dict[str, PlannedLayer | None]]:
    """Return the nodes of a functional model with their defaults, and the output layer of each output."""
    values = {name: name for name in model.inputs}
    written = {node.name: node for node in limited(unrolled_graph(model.layers, values, "", ("model", "layers")))}
    outputs = {name: values[name] for name in model.outputs}
    lasts = {name: _last_with_weights(written, node) for name, node in outputs.items()}
    spared = {id(layer) for layer in lasts.values() if layer is not None}
    names = {node: name for name, node in outputs.items()}
    nodes = []
    for node in written.values():
        layers: list[PlannedLayer] = []
        for layer in node.layers:
            hidden = id(layer) not in spared and has_weights(layer.component)
            layers += with_defaults(layer, model) if hidden else activation_apart(layer)
        nodes.append(
            GraphNode(
                names.get(node.name, node.name), tuple(layers), _renamed(node.inputs, names), node.shared, node.path
            )
        )
    return tuple(nodes), lasts


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


def ending_at(nodes: Sequence[GraphNode], output: str) -> Ending:
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
