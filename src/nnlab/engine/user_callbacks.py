"""The callbacks that a config names: Keras's, or the user's own."""

from __future__ import annotations

import keras

from nnlab.config.schema import Experiment
from nnlab.errors import ConfigError, Problem
from nnlab.model.objects import made, python_object

_PLACE = ("training", "callbacks")
_OF_BATCHES = tuple(f"on_{of}batch_{moment}" for of in ("", "train_", "test_") for moment in ("begin", "end"))


def made_callbacks(experiment: Experiment) -> list[keras.callbacks.Callback]:
    """Make the callbacks of a config, for one training, evaluation or prediction.

    Raises:
        ConfigError: one cannot be made, or is none.
    """
    callbacks = []
    for i, component in enumerate(experiment.training.callbacks):
        callback = made(component, (*_PLACE, i))
        if not isinstance(callback, keras.callbacks.Callback):
            hint = "write `class MyCallback(keras.callbacks.Callback): ...`"
            raise ConfigError(Problem(f"`{component.called}` is no callback of Keras", hint, (*_PLACE, i)))
        callbacks.append(callback)
    return callbacks


def why_step_by_step(experiment: Experiment) -> str | None:
    """Say which callback wants to see every batch, for which only Keras's own loops stop; `None` if none does."""
    for component in experiment.training.callbacks:
        class_ = python_object(component.entry)
        for name in _OF_BATCHES:
            if getattr(class_, name, None) is not getattr(keras.callbacks.Callback, name):
                return f"the callback `{component.called}` has `{name}`"
    return None
