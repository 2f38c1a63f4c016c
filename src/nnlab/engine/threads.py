"""How many threads a training computes with."""

from __future__ import annotations

import math
from collections.abc import Iterable

import tensorflow as tf

from nnlab.config.durations import steps_of_run
from nnlab.config.schema import Experiment
from nnlab.data.splits import Split
from nnlab.engine.choice import earns_xla
from nnlab.environment import hardware
from nnlab.model.hidden import PlannedLayer, has_weights
from nnlab.model.plan import Plan

WORK_FOR_A_SECOND_THREAD = 7_000_000
"""Multiplications in a step's forward pass from which two threads are faster than one if XLA compiles the step."""

MOST_WORK_FOR_FEW_THREADS = 100_000_000
"""Multiplications in a step's forward pass beyond which every core helps."""


def set_threads(experiment: Experiment, plan: Plan, train: Split) -> None:
    """Compute with as many threads as the config says, or with few if the network is small and dense.

    The number of threads decides in which order sums are added up. What `auto` means follows from the config, not from
    the machine, so that a small network's numbers are the same on any number of cores. A process in which TensorFlow
    has already computed something keeps its number.

    Args:
        experiment: gives `training.threads`, the engine and the batch size.
        plan: the layers.
        train: the training rows, as the model takes them.
    """
    training = experiment.training
    if training.threads != "auto":
        use_threads(training.threads)
        return
    work = _multiplications(plan, train)
    if work is None or work * training.batch_size > MOST_WORK_FOR_FEW_THREADS:
        return
    _, steps = steps_of_run(experiment, train.num_rows)
    is_compiled = training.engine == "fast" and earns_xla(training, steps) and not _is_random(plan)
    use_threads(2 if is_compiled and work * training.batch_size >= WORK_FOR_A_SECOND_THREAD else 1)


def use_threads(count: int) -> None:
    """Let TensorFlow compute with so many threads, if it has not begun yet."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(1)  # else small operations wait for one another's threads
    except RuntimeError:
        return


def threads_used() -> int:
    """Return how many threads TensorFlow computes with."""
    return int(tf.config.threading.get_intra_op_parallelism_threads() or hardware()["cores"])


def threads_for_good(count: int) -> None:
    """Let TensorFlow compute with so many threads from now on, whatever a config says, in a worker."""
    use_threads(count)
    tf.config.list_logical_devices()  # it begins here


def _is_random(plan: Plan) -> bool:
    """Return whether a layer draws random numbers, for which XLA is too slow."""
    return any("seed" in layer.component.entry.parameters for layer in plan.layers)


def _multiplications(plan: Plan, train: Split) -> int | None:
    """Return about how many a row's forward pass takes; `None` for layers that are not dense or not known."""
    widths = {name: math.prod(array.shape[1:]) for name, array in train.x.items()}
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
        if component.entry.shape == "last units":
            units = component.parameters["units"]
            work, width = work + width * units, units
        elif has_weights(component):
            return width, None
    return width, work
