"""Layers that look vectors up by whole numbers: which of them the data reach as they are, and how many they know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from nnlab.config.components import Component
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.model.hidden import PlannedLayer, has_weights
from nnlab.model.unroll import GraphNode
from nnlab.wording import named

LIMITS = ("input_dim", "num_tokens")
"""Parameters of a layer that say how many numbers it knows: 0 and those below the limit."""

_HARMLESS = frozenset(("name", "trainable", "data_format"))
"""Parameters with which a layer that moves values still does, besides those that it cannot do without."""


def limit_of(component: Component) -> str | None:
    """Return the parameter that says how many numbers a layer knows; `None` for one that looks none up."""
    return next((name for name in LIMITS if name in component.entry.parameters), None)


def fed_by_the_data(nodes: Sequence[GraphNode]) -> Iterator[tuple[PlannedLayer, str]]:
    """Yield each layer that rows reach unchanged, with the name of their input."""
    sources: dict[str, str] = {}
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        if len(node.inputs) != 1:
            continue
        source = node.inputs[0] if node.inputs[0] not in by_name else sources.get(node.inputs[0])
        if source is None:
            continue
        layers = node.layers if node.shared is None else by_name[node.shared].layers
        yield from ((layer, source) for layer in _front(layers))
        if all(_moves(layer.component) for layer in layers):
            sources[node.name] = source


def _front(layers: Sequence[PlannedLayer]) -> Iterator[PlannedLayer]:
    """Yield the first layers, up to the one that changes the values."""
    for layer in layers:
        yield layer
        if not _moves(layer.component):
            return


def _moves(component: Component) -> bool:
    """Whether a layer gives the very numbers that it gets, at other places."""
    known = component.entry.parameters
    return component.entry.moves and all(known[name].required or name in _HARMLESS for name in component.parameters)


def looking_up(component: Component, path: ConfigPath) -> Iterator[tuple[Component, ConfigPath]]:
    """Yield the layer, or those that it wraps, if they look numbers up, with their places."""
    if limit_of(component) is not None:
        yield component, path
    for name, parameter in component.entry.parameters.items():
        inside = component.parameters.get(name)
        if parameter.kind == "layers" and isinstance(inside, Component):
            yield from looking_up(inside, (*path, name, inside.name))


def looks_up(component: Component) -> bool:
    """Whether a layer, or one that it wraps, looks numbers up."""
    return any(True for _ in looking_up(component, ()))


def told_by_data(nodes: Sequence[GraphNode], columns: Mapping[str, tuple[str, int]]) -> tuple[GraphNode, ...]:
    """Return nodes whose layers know as many numbers as the column that feeds them has, unless the config says it.

    Args:
        nodes: of a model.
        columns: the column of words or classes that an input takes, and how many numbers it has.

    Raises:
        ConfigError: a layer needs to be told, or takes such numbers for measures.
    """
    problems: list[Problem] = []
    told: dict[int, PlannedLayer] = {}
    for layer, source in fed_by_the_data(nodes):
        component = layer.component
        if source not in columns:
            continue
        column, size = columns[source]
        if _is_untold(component):
            told[id(layer)] = replace(layer, component=component.with_parameters(input_dim=size))
        elif has_weights(component) and not looks_up(component):
            message = f"`{component.name}` takes the numbers of words or classes in {named(column)} for measures"
            hint = "put `Embedding: {output_dim: 16}` before it"
            problems.append(Problem(message, hint, _place(layer)))
        for inner, path in looking_up(component, _place(layer)):
            limit = limit_of(inner)
            if limit is not None and (inner.get(limit) or size) < size:
                known = f"`{inner.name}` knows those below {inner.get(limit):,}"
                message = f"{named(column)} has the numbers from 0 to {size - 1:,}, and {known}"
                problems.append(Problem(message, f"leave `{limit}` out", (*path, limit)))
    nodes = tuple(replace(node, layers=tuple(told.get(id(layer), layer) for layer in node.layers)) for node in nodes)
    for layer in _all_layers(nodes):
        for component, path in looking_up(layer.component, _place(layer)):
            if _is_untold(component):
                message = f"`{component.name}` needs `input_dim`, as no column of text or classes feeds it"
                problems.append(Problem(message, "write the largest number that reaches it, and 1 more", path))
    ConfigError.raise_any(dict.fromkeys(problems))
    return nodes


def _all_layers(nodes: Iterable[GraphNode]) -> Iterator[PlannedLayer]:
    return (layer for node in nodes for layer in node.layers)


def _is_untold(component: Component) -> bool:
    return "input_dim" in component.entry.parameters and component.get("input_dim") is None


def _place(layer: PlannedLayer) -> ConfigPath:
    return (*layer.path, layer.component.name)
