"""What a model adds to its loss: the penalties of regularizers, by their places in the config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnlab.config.components import Component
from nnlab.config.graph import GraphLayer
from nnlab.config.section import Section
from nnlab.errors import ConfigPath

PENALTY_LAYER = "ActivityRegularization"
"""The layer that is a penalty and nothing else."""


def penalties(value: Any, path: ConfigPath = ("model",)) -> dict[ConfigPath, Component]:
    """Return the regularizers of a model section, those of wrapped layers too, and penalty layers, by path."""
    return dict(_penalties(value, path))


def _penalties(value: Any, path: ConfigPath) -> Iterator[tuple[ConfigPath, Component]]:
    if isinstance(value, GraphLayer):
        value = value.component
    if isinstance(value, Component):
        if value.kind == "regularizers" or value.name == PENALTY_LAYER:
            yield path, value
            return
        value = value.parameters
    if isinstance(value, Section):
        value = dict(value.written())
    inside = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, tuple) else ()
    for key, item in inside:
        yield from _penalties(item, (*path, key))
