"""How a training is computed: by which loop, with or without XLA, with how many threads, as which program.

What decides is the config and its rows, never the time that something took: the same config goes the same way each
time. The threads are decided before TensorFlow starts; the rest once the model is there, whose layers have a say.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from nnlab.config.durations import steps_of_run
from nnlab.config.schema import Experiment
from nnlab.config.training import EngineName
from nnlab.data.splits import ByName
from nnlab.engine.user_callbacks import why_step_by_step
from nnlab.environment import hardware
from nnlab.model.hidden import PlannedLayer, has_weights
from nnlab.model.plan import Plan
from nnlab.private.keras import WINDOWED_LAYERS, layers_inside, seed_generators

STEPS_THAT_EARN_XLA = 2_000
"""A shorter training is over before XLA has compiled its program."""

STEPS_THAT_EARN_XLA_TOGETHER = 10_000
"""The same of short trainings that share a program: the smaller a network is, the less XLA wins in a step."""

WORK_FOR_A_SECOND_THREAD = 7_000_000
"""Multiplications in a step's forward pass from which two threads are faster than one if XLA compiles the step."""

MOST_WORK_FOR_FEW_THREADS = 100_000_000
"""Multiplications in a step's forward pass beyond which every core helps."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which loop trains a model.

    Args:
        asked: the config's engine.
        used: the engine that trains.
        xla: whether XLA compiles its program.
        reason: why `used` is not `asked`, or why `fast` does without XLA.
        is_light: whether its steps are few, and of layers that are not any faster for a program that was rewritten.
    """

    asked: EngineName
    used: EngineName
    xla: bool = False
    reason: str | None = None
    is_light: bool = False

    def facts(self) -> dict[str, Any]:
        """Return what `run.json` says of it."""
        return {"asked": self.asked, "used": self.used, "xla": self.xla, "reason": self.reason}

    def settle(self, experiment: Experiment) -> Experiment:
        """Write out what `auto` has come to, so that training the config again gives the same bits anywhere."""
        settled: dict[str, Any] = {"threads": threads_used()}
        if self.asked == "fast":
            settled["jit_compile"] = self.xla
        return replace(experiment, training=replace(experiment.training, **settled))

    def set_rewriting(self) -> None:
        """Let TensorFlow rewrite programs before they run (Grappler), or run them as they are.

        Rewriting takes a fifth of the time of a short training whose program is new, and the steps of a dense network
        are not any faster for it. It decides some last bits, so that `exact`, which is to have Keras's, always goes
        through it.
        """
        as_they_are = self.used == "fast" and not self.xla and self.is_light
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": as_they_are})


@dataclass(frozen=True, slots=True)
class Decision:
    """Decides how an experiment is computed.

    Args:
        experiment: gives engine, threads, epochs and batch size.
        num_train: training rows.
        trainings: how many, this one included, can share a compiled program.
    """

    experiment: Experiment
    num_train: int
    trainings: int = 1

    @property
    def steps(self) -> int:
        """Those of the whole run."""
        return steps_of_run(self.experiment, self.num_train)[1]

    @property
    def earns_xla(self) -> bool:
        """Whether the trainings take longer than XLA takes to compile their program, or the config insists."""
        asked = self.experiment.training.jit_compile
        if asked != "auto":
            return asked
        return self.steps >= STEPS_THAT_EARN_XLA or self.steps * self.trainings >= STEPS_THAT_EARN_XLA_TOGETHER

    def set_threads(self, plan: Plan, x: ByName) -> None:
        """Compute with as many threads as the config says, or with few if the network is small and dense.

        The number of threads decides in which order sums are added up. What `auto` means follows from the config, not
        from the machine, so that a small network's numbers are the same on any number of cores. A process in which
        TensorFlow has already computed something keeps its number.

        Args:
            plan: the layers.
            x: rows by input, as the model takes them.
        """
        training = self.experiment.training
        if training.threads != "auto":
            use_threads(training.threads)
            return
        work = _multiplications(plan, x)
        if work is None:
            return
        work *= max(training.batch_sizes(self.num_train).values())
        if work > MOST_WORK_FOR_FEW_THREADS:
            return
        is_random = any("seed" in layer.component.entry.parameters for layer in plan.layers)  # too slow with XLA
        is_compiled = training.engine == "fast" and self.earns_xla and not is_random
        use_threads(2 if is_compiled and work >= WORK_FOR_A_SECOND_THREAD else 1)

    def choose_engine(self, model: keras.Model) -> EngineChoice:
        """Choose the loop that the config asks for, or the fastest that the model, compiled, can go through."""
        asked = self.experiment.training.engine
        reason = self._why_keras(model)
        if asked == "keras" or reason is not None:
            return EngineChoice(asked, "keras", reason=None if asked == "keras" else reason)
        is_light = self.steps < STEPS_THAT_EARN_XLA and not any(map(_is_slow_with_xla, layers_inside(model)))
        if asked == "exact":
            return EngineChoice(asked, asked)
        reason = self._why_without_xla(model)
        return EngineChoice(asked, asked, xla=reason is None, reason=reason, is_light=is_light)

    def _why_keras(self, model: keras.Model) -> str | None:
        for method in ("train_step", "test_step"):
            if getattr(type(model), method) is not getattr(keras.Model, method):
                return f"`{type(model).__name__}` has a `{method}` of its own"
        tensorboard = self.experiment.training.tensorboard
        if tensorboard and tensorboard.profile_batch:
            return "`profile_batch` looks at single steps of Keras's own loop"
        return why_step_by_step(self.experiment)

    def _why_without_xla(self, model: keras.Model) -> str | None:
        asked = self.experiment.training.jit_compile
        if not self.earns_xla:
            return f"{self.steps} steps are over before XLA has compiled them" if asked else "`jit_compile: false`"
        if asked is True or tf.config.list_physical_devices("GPU"):
            return None
        for layer in layers_inside(model):
            if seed_generators(layer):
                return f"`{type(layer).__name__}` draws its random numbers faster without XLA on a CPU"
            if _is_slow_with_xla(layer):
                return f"`{type(layer).__name__}` is faster without XLA on a CPU"
        return None


def _is_slow_with_xla(layer: keras.layers.Layer) -> bool:
    """Whether it runs slower with XLA on a CPU, or takes too long to compile: it moves a window, or has a loop."""
    return isinstance(layer, (*WINDOWED_LAYERS, keras.layers.RNN))


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


def _multiplications(plan: Plan, x: ByName) -> int | None:
    """Return about how many a row's forward pass takes; `None` for layers that are not dense or not known."""
    widths = {name: math.prod(array.shape[1:]) for name, array in x.items()}
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
