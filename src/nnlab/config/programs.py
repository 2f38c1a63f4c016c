"""Which experiments one compiled program can train: those that differ in nothing but numbers."""

from __future__ import annotations

import json
from typing import Any

from nnlab.config.load import resolved
from nnlab.config.schema import Experiment

STRENGTHS = {"L1": "l1", "L2": "l2"}
"""Regularizers whose strength a program can take as a variable, and the attribute of Keras that holds it."""


_COMPILED = ("batch_size", "loss", "metrics", "weighted_metrics", "loss_weights")
"""Keys of `training` that a program depends on."""

WIDTHS = ("units", "hidden")
"""Where a model says how wide its layers are, in numbers."""


def program_kind(experiment: Experiment, *, of_any_width: bool = False) -> str:
    """Return a text that is the same for experiments that a program can do one after the other, on rows of one shape.

    It leaves out what only numbers decide: seed, learning rate, strength of regularization, the rows themselves.

    Args:
        experiment: what is trained.
        of_any_width: leave out how wide layers are, too.
    """
    plain = resolved(experiment)
    training = {name: plain["training"].get(name) for name in _COMPILED}
    optimizer, schedule = plain["optimizer"], plain.get("schedule")
    if schedule is None and isinstance(optimizer, dict):
        optimizer = {name: {**parameters, "learning_rate": None} for name, parameters in optimizer.items()}
    elif schedule is not None:
        training["epochs"] = plain["training"]["epochs"]  # some schedules last as long as the run
    model = _without_strengths(plain["model"])
    return json.dumps([_without_widths(model) if of_any_width else model, optimizer, schedule, training], default=str)


def _without_strengths(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: None if key in STRENGTHS else _without_strengths(value) for key, value in plain.items()}
    return [_without_strengths(item) for item in plain] if isinstance(plain, list) else plain


def _without_widths(plain: Any, key: str | None = None) -> Any:
    if isinstance(plain, dict):
        return {name: _without_widths(value, name) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_without_widths(item, key) for item in plain]
    return None if key in WIDTHS and isinstance(plain, int) else plain
