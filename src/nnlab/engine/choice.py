"""Which loop trains a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from nnlab.config.durations import steps_of_run
from nnlab.config.schema import Experiment
from nnlab.config.training import EngineName, TrainingConfig
from nnlab.data.splits import Splits
from nnlab.engine.loops import CompiledLoop, KerasLoop, Loop
from nnlab.engine.reuse import LentLoop, Programs, has_plain_numbers, program_key, with_variables
from nnlab.environment import remove_compiled, seal_compiled
from nnlab.errors import first_line

STEPS_THAT_EARN_XLA = 2_000
"""A shorter training is over before XLA has compiled its program."""

STEPS_THAT_EARN_XLA_TOGETHER = 10_000
"""The same of short trainings that share a program: the smaller a network is, the less XLA wins in a step."""

BETTER_WITHOUT_XLA = ("BaseConv", "BaseConvTranspose", "BaseDepthwiseConv", "BaseSeparableConv", "BasePooling", "RNN")
"""Families of layers that on a CPU run faster without XLA, or that it takes too long to compile."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Which loop trains a model.

    Args:
        asked: the config's engine.
        used: the engine that trains.
        xla: whether XLA compiles its program.
        reason: why `used` is not `asked`, or why `fast` does without XLA.
    """

    asked: EngineName
    used: EngineName
    xla: bool = False
    reason: str | None = None


def choose_engine(model: keras.Model, experiment: Experiment, num_train: int, *, trainings: int = 1) -> EngineChoice:
    """Choose the loop that the config asks for, or the fastest that the model can go through.

    What decides is the config, never the time that something took: the same config goes the same way each time.

    Args:
        model: compiled.
        experiment: gives engine, epochs and batch size.
        num_train: training rows.
        trainings: how many, this one included, can share a compiled program.
    """
    training = experiment.training
    asked = training.engine
    if asked == "keras" or (why := _why_keras(model, training)) is not None:
        return EngineChoice(asked, "keras", reason=None if asked == "keras" else why)
    reason = _why_without_xla(model, experiment, num_train, trainings) if asked == "fast" else None
    return EngineChoice(asked, asked, xla=asked == "fast" and reason is None, reason=reason)


def make_loop(
    model: keras.Model,
    experiment: Experiment,
    splits: Splits,
    choice: EngineChoice,
    *,
    programs: Programs | None = None,
    rebuild: Callable[[], keras.Model] | None = None,
) -> tuple[Loop, EngineChoice]:
    """Return the loop that was chosen, or another one if the model turns out not to go through it, and say which.

    Args:
        model: compiled.
        experiment: gives batch size and seed.
        splits: rows as the model takes them.
        choice: what `choose_engine` says.
        programs: loops of earlier trainings, one of which may do.
        rebuild: makes another model of the same kind, for a loop that is going to be kept.
    """
    set_rewriting(model, experiment, splits.train.num_rows, choice)
    options: dict[str, Any] = {"batch_size": experiment.training.batch_size, "seed": experiment.seed}
    key = program_key(experiment, splits) if programs is not None else None

    def compiled(*, xla: bool) -> CompiledLoop:
        if programs is None or rebuild is None or key is None:
            return CompiledLoop(model, splits.train, splits.spec, **options, xla=xla)

        def make() -> LentLoop:
            # a model whose numbers turn into variables is not the one to be saved
            own = with_variables(rebuild()) if has_plain_numbers(model) else model
            return LentLoop(own, splits.train, splits.spec, **options, xla=xla)

        return programs.borrow(f"{xla} {key}", model, splits.train, splits.spec, seed=experiment.seed, make=make)

    if choice.xla:
        try:
            return _with_sound_cache(partial(compiled, xla=True)), choice
        except Exception as error:  # whatever it is, TensorFlow alone may do without it
            choice = replace(choice, xla=False, reason=f"XLA cannot compile the model: {first_line(error)}")
    if choice.used != "keras":
        try:
            loop = compiled(xla=False)
            if choice.used == "fast" or loop.is_exact:
                return loop, choice
            reason = "TensorFlow computes silu, swish and gelu otherwise in Keras's own loop"
        except Exception as error:  # whatever it is, Keras's own loop may do without it, or says it to the user
            reason = f"TensorFlow cannot make one program of the model: {first_line(error)}"
        choice = replace(choice, used="keras", reason=reason)
    return KerasLoop(model, splits.train, splits.spec, **options), choice


def set_rewriting(model: keras.Model, experiment: Experiment, num_train: int, choice: EngineChoice) -> None:
    """Let TensorFlow rewrite programs before they run (Grappler), or run them as they are.

    Rewriting takes a fifth of the time of a short training whose program is new, and the steps of a dense network are
    not any faster for it. It decides some last bits, so that `exact`, which is to have Keras's, always goes through it.
    """
    _, steps = steps_of_run(experiment, num_train)
    is_short = choice.used == "fast" and not choice.xla and steps < STEPS_THAT_EARN_XLA
    as_they_are = is_short and not any(_is_better_without_xla(layer) for layer in model._flatten_layers())
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": as_they_are})


def _with_sound_cache(compile_loop: Callable[[], Loop]) -> Loop:
    """Compile again without the programs kept on disk if one of them is damaged; keep the sums of new ones."""
    try:
        loop = compile_loop()
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError, tf.errors.NotFoundError):
        remove_compiled()
        loop = compile_loop()
    seal_compiled()
    return loop


def _why_keras(model: keras.Model, training: TrainingConfig) -> str | None:
    for method in ("train_step", "test_step"):
        if getattr(type(model), method) is not getattr(keras.Model, method):
            return f"`{type(model).__name__}` has a `{method}` of its own"
    if training.tensorboard and training.tensorboard.profile_batch:
        return "`profile_batch` looks at single steps of Keras's own loop"
    return None


def earns_xla(training: TrainingConfig, steps: int, *, trainings: int = 1) -> bool:
    """Return whether so many trainings of so many steps take longer than XLA takes to compile their program."""
    if training.jit_compile != "auto":
        return training.jit_compile
    return steps >= STEPS_THAT_EARN_XLA or steps * trainings >= STEPS_THAT_EARN_XLA_TOGETHER


def _why_without_xla(model: keras.Model, experiment: Experiment, num_train: int, trainings: int) -> str | None:
    _, steps = steps_of_run(experiment, num_train)
    training = experiment.training
    if not earns_xla(training, steps, trainings=trainings):
        return (
            f"{steps} steps are over before XLA has compiled them" if training.jit_compile else "`jit_compile: false`"
        )
    if training.jit_compile is True or tf.config.list_physical_devices("GPU"):
        return None
    for layer in model._flatten_layers():
        if _is_random(layer):
            return f"`{type(layer).__name__}` draws its random numbers faster without XLA on a CPU"
        if _is_better_without_xla(layer):
            return f"`{type(layer).__name__}` is faster without XLA on a CPU"
    return None


def _is_better_without_xla(layer: keras.layers.Layer) -> bool:
    return any(base.__name__ in BETTER_WITHOUT_XLA for base in type(layer).__mro__)


def _is_random(layer: keras.layers.Layer) -> bool:
    return bool(layer._seed_generators)
