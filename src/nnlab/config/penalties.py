"""What a model adds to its loss: the penalties of regularizers, by their places in the config."""

from __future__ import annotations

from typing import Any

from nnlab.config.components import Component, inside
from nnlab.errors import ConfigPath

PENALTY_LAYER = "ActivityRegularization"
"""The layer that is a penalty and nothing else."""


def penalties(value: Any, path: ConfigPath = ("model",)) -> dict[ConfigPath, Component]:
    """Return the regularizers of a model section, those of wrapped layers too, and penalty layers, by path."""
    if isinstance(value, Component) and (value.kind == "regularizers" or value.name == PENALTY_LAYER):
        return {path: value}
    return {
        place: penalty
        for key, each in inside(value).items()
        for place, penalty in penalties(each, (*path, key)).items()
    }
