"""How many threads a training computes with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from nnlab.data.splits import Split
from nnlab.model.hidden import PlannedLayer, has_weights
from nnlab.model.plan import Plan

MOST_WORK_FOR_ONE_THREAD = 100_000_000
"""Multiplications in a step's forward pass up to which a second thread hardly pays."""


def set_threads(plan: Plan, train: Split, *, batch_size: int) -> None:
    """Compute a small dense network with one thread, anything else with as many as TensorFlow likes.

    The number of threads decides in which order XLA adds numbers up. With one, a small network's numbers are the same
    alone, beside others in worker processes, and on any number of cores. A process in which TensorFlow has already
    computed something keeps its number.

    Args:
        plan: the layers.
        train: the training rows, as the model takes them.
        batch_size: rows a step.
    """
    work = _multiplications(plan, train)
    if work is None or work * batch_size > MOST_WORK_FOR_ONE_THREAD:
        return
    one_thread()


def one_thread() -> None:
    """Let TensorFlow compute with one thread, if it has not begun yet."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)  # else small operations wait for one another's threads
    except RuntimeError:
        return


def _multiplications(plan: Plan, train: Split) -> int | None:
    """Return about how many a row's forward pass takes; `None` for layers that are not dense or not known."""
    arrays: Mapping[str, Any] = train.x if isinstance(train.x, Mapping) else {"": train.x}
    widths = {name: math.prod(array.shape[1:]) for name, array in arrays.items()}
    if plan.layers:
        return _through(plan.layers, sum(widths.values()))[1]
    if not plan.nodes:
        return None
    total = 0
    for node in plan.nodes:
        before = sum(widths.get(name, next(iter(widths.values()))) for name in node.inputs)
        widths[node.name], work = _through(node.layers, before)
        if work is None:
            return None
        total += work
    return total


def _through(layers: Iterable[PlannedLayer], width: int) -> tuple[int, int | None]:
    """Return the values a row has behind the layers, and the multiplications to there."""
    work = 0
    for layer in layers:
        component = layer.component
        if "units" in component.entry.parameters and component.name in ("Dense", "Maxout"):
            units = component.parameters["units"]
            work, width = work + width * units, units
        elif has_weights(component):
            return width, None
    return width, work
