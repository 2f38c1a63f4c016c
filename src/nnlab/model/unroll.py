"""The layers of a config in a row, or as the nodes of a graph: blocks repeated, without any data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import islice
from typing import Any

from nnlab.config.components import Component
from nnlab.config.graph import BLOCK_INPUT, GraphBlock, GraphLayer
from nnlab.config.model import HiddenConfig, LayerItem, RepeatBlock
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.model.hidden import PlannedLayer

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


def limited(layers: Iterator[Any]) -> tuple[Any, ...]:
    """Return all layers.

    Raises:
        ConfigError: they are too many.
    """
    found = tuple(islice(layers, MAX_LAYERS + 1))
    if len(found) > MAX_LAYERS:
        hint = "lower `repeat` or the number of layers"
        raise ConfigError(Problem(f"the model has more than {MAX_LAYERS} layers", hint, ("model",)))
    return found


def unrolled(items: tuple[LayerItem, ...], path: ConfigPath) -> Iterator[PlannedLayer]:
    """Yield the layers of a sequential model, blocks repeated."""
    for i, item in enumerate(items):
        if isinstance(item, RepeatBlock):
            for _ in range(item.repeat):
                yield from unrolled(item.layers, (*path, i, "layers"))
        else:
            yield PlannedLayer(item, (*path, i))


def hidden_layers(hidden: HiddenConfig | tuple[int, ...] | None) -> Iterator[PlannedLayer]:
    """Yield the layers that `hidden` stands for: `Dense` of so many units each."""
    if isinstance(hidden, HiddenConfig):
        for _ in range(hidden.layers):
            yield PlannedLayer(Component("layers", "Dense", {"units": hidden.units}), ("model", "hidden", "units"))
        return
    for i, units in enumerate(hidden or ()):
        yield PlannedLayer(Component("layers", "Dense", {"units": units}), ("model", "hidden", i))


def unrolled_graph(
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
            yield from unrolled_graph(item.layers, inside, f"{prefix}{name}_{i}_", (*path, name, "layers"))
            value = inside[item.output_name]
        values[name] = value


def _sources(item: GraphLayer | GraphBlock) -> tuple[str, ...]:
    return item.inputs if isinstance(item, GraphLayer) else (item.from_,)
