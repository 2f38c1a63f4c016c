"""Which loop trains a model."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from nnlab.config.schema import EngineName, TrainingConfig
from nnlab.data.splits import DataSpec, Split
from nnlab.engine.loops import CompiledLoop, KerasLoop, Loop

STEPS_THAT_EARN_XLA = 2_000
"""A shorter training is over before XLA has compiled its program."""

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


def make_loop(
    model: keras.Model, train: Split, spec: DataSpec, training: TrainingConfig, *, seed: int
) -> tuple[Loop, EngineChoice]:
    """Return the loop that the config asks for, or the fastest that the model can go through.

    What decides is the config, never the time that something took: the same config goes the same way each time.

    Args:
        model: compiled.
        train: the training rows.
        spec: gives the class weights.
        training: gives engine, epochs and batch size.
        seed: the experiment's seed, which orders the rows.
    """
    asked, batch_size = training.engine, training.batch_size
    reason = None if asked == "keras" else _why_keras(model, training)
    if asked != "keras" and reason is None:
        steps = training.epochs * -(-train.num_rows // batch_size)
        without_xla = "" if asked == "exact" else _why_without_xla(model, steps)
        for xla in (True, False) if without_xla is None else (False,):
            try:
                loop = CompiledLoop(model, train, spec, batch_size=batch_size, seed=seed, xla=xla)
            except Exception as error:  # whatever it is: the next loop can do without, or says it to the user
                without_xla = f"XLA cannot compile the model: {_first_line(error)}"
                reason = f"TensorFlow cannot make one program of the model: {_first_line(error)}"
            else:
                return loop, EngineChoice(asked, asked, xla, None if xla else without_xla or None)
    return KerasLoop(model, train, spec, batch_size=batch_size, seed=seed), EngineChoice(asked, "keras", reason=reason)


def _why_keras(model: keras.Model, training: TrainingConfig) -> str | None:
    for method in ("train_step", "test_step"):
        if getattr(type(model), method) is not getattr(keras.Model, method):
            return f"`{type(model).__name__}` has a `{method}` of its own"
    if training.tensorboard and training.tensorboard.profile_batch:
        return "`profile_batch` looks at single steps of Keras's own loop"
    return None


def _why_without_xla(model: keras.Model, steps: int) -> str | None:
    if steps < STEPS_THAT_EARN_XLA:
        return f"{steps} steps are over before XLA has compiled them"
    if tf.config.list_physical_devices("GPU"):
        return None
    for layer in model._flatten_layers():
        if any(base.__name__ in BETTER_WITHOUT_XLA for base in type(layer).__mro__):
            return f"`{type(layer).__name__}` is faster without XLA on a CPU"
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
