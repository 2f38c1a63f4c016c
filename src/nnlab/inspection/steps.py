"""Walk through the first steps of a training, and look at the network before and behind each.

The steps are those of Keras's own `fit` on the engine's batches, to which `engine: exact` is equal to the last bit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import keras

from nnlab.engine.built import Built, make_loop
from nnlab.engine.callbacks import schedule_callbacks
from nnlab.inspection.look import look
from nnlab.inspection.looks import Look
from nnlab.inspection.subject import built_subject
from nnlab.inspection.weights import WeightsByLayer, array_of, optimizer_variables, shown_layers


def walk(built: Built, steps: int) -> list[Look]:
    """Train for some steps from the first weights on; return a look at the batch of each.

    Dropout draws in the look what it draws in the step, and batch normalization takes the statistics of the batch.

    Args:
        built: what is trained, with `engine: keras` in its config; it is trained so far afterwards.
        steps: how many; the training may be over before.
    """
    walker = _Walker(built, steps)
    experiment, phases = built.experiment, built.phases
    ends = [*(following.first_epoch for following in phases[1:]), experiment.training.epochs]
    for phase, end in zip(phases, ends, strict=True):
        if len(walker.looks) == steps or phase.first_epoch >= end:
            break
        built.enter(phase)
        watching: list[keras.callbacks.Callback] = []
        validation = None
        if steps > math.ceil(built.batches.num_rows / built.batches.batch_size):
            # what happens between epochs decides on what comes behind: rates, the end, random numbers that are drawn
            validation = built.splits.validation
            watching = schedule_callbacks(experiment.schedule)
            stopping = built.early_stopping() if phase is phases[-1] else None
            if stopping is not None:
                watching = [stopping, *watching]
        callbacks = [*watching, walker]
        make_loop(built)[0].fit(validation, epochs=range(phase.first_epoch, end), callbacks=callbacks)
    return walker.looks


class _Walker(keras.callbacks.Callback):
    """Looks at the batch of each step, and at what the step has changed.

    Args:
        built: what is trained.
        most: the steps to take.

    Attributes:
        looks: one a step.
    """

    def __init__(self, built: Built, most: int) -> None:
        super().__init__()
        self._built, self._most = built, most
        self._epoch, self._batches = 0, built.batches
        self.looks: list[Look] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Learn which rows come."""
        self._epoch = epoch
        by_epoch = self._built.batches_by_epoch
        self._batches = by_epoch[max(first for first in by_epoch if first <= epoch)]

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look at the batch."""
        built, size = self._built, self._batches.batch_size
        numbers = self._batches.order(self._epoch)[batch * size : (batch + 1) * size]
        seen = look(built_subject(built), built.splits.train.take(numbers), numbers, training=True)
        _, variables = optimizer_variables(built.model)
        self.looks.append(
            replace(
                seen,
                step=len(self.looks) + 1,
                epoch=self._epoch + 1,
                learning_rate=float(array_of(built.model.optimizer.learning_rate)),
                optimizer={name: array_of(variable.value) for name, variable in variables.items()},
            )
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Look at what has changed."""
        model = self._built.model
        after = WeightsByLayer(model, shown_layers(model)).read()
        seen = self.looks[-1]
        layers = [
            replace(
                layer,
                weights=[
                    replace(weight, after=behind.value, optimizer_after=behind.optimizer)
                    for weight, behind in zip(layer.weights, after[layer.name], strict=False)
                ],
            )
            for layer in seen.layers
        ]
        self.looks[-1] = replace(seen, layers=layers)
        if len(self.looks) == self._most:
            model.stop_training = True
