"""Which experiments one compiled program can train: those that differ in nothing but numbers."""

from __future__ import annotations

import json
from typing import Any

from nnlab.config.load import resolved
from nnlab.config.schema import Experiment

STRENGTHS = {"L1": "l1", "L2": "l2"}
"""Regularizers whose strength a program can take as a variable, and the attribute of Keras that holds it."""


def program_kind(experiment: Experiment) -> str:
    """Return a text that is the same for experiments that a program can do one after the other, on rows of one shape.

    It leaves out what only numbers decide: seed, learning rate, strength of regularization, the rows themselves.
    """
    plain = resolved(experiment)
    training = {name: plain["training"].get(name) for name in ("batch_size", "loss", "metrics", "loss_weights")}
    optimizer, schedule = plain["optimizer"], plain.get("schedule")
    if schedule is None and isinstance(optimizer, dict):
        optimizer = {name: {**parameters, "learning_rate": None} for name, parameters in optimizer.items()}
    elif schedule is not None:
        training["epochs"] = plain["training"]["epochs"]  # some schedules last as long as the run
    return json.dumps([_without_strengths(plain["model"]), optimizer, schedule, training], default=str)


def _without_strengths(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {key: None if key in STRENGTHS else _without_strengths(value) for key, value in plain.items()}
    return [_without_strengths(item) for item in plain] if isinstance(plain, list) else plain
