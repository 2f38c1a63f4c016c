"""The phases that a model is trained in: several if layers that were taken over are frozen at first, else one."""

from __future__ import annotations

from itertools import pairwise

import keras

from nnlab.engine.built import Built, Phase, make_loop
from nnlab.engine.callbacks import schedule_callbacks
from nnlab.engine.checkpoint import Checkpoint, Checkpointer
from nnlab.engine.early_stopping import EarlyStopping
from nnlab.engine.event_files import tensorboard_callback
from nnlab.engine.loops import Loop
from nnlab.engine.reuse import Programs
from nnlab.engine.user_callbacks import made_callbacks
from nnlab.recording import Recording
from nnlab.training_options import TrainingOptions


class Phases:
    """A training between its first epoch and its last: the model, where it begins, and all that watches it.

    Args:
        built: what is trained.
        recording: is told how it goes on, and may find that it is over.
        options: which part of the training to do.
        start: where the part before has ended.
        programs: compiled programs of earlier trainings, for this one to use and to add to.

    Attributes:
        own: the callbacks that the config names; they come first, so that the history has what they put into logs.
    """

    def __init__(
        self,
        built: Built,
        recording: Recording,
        options: TrainingOptions,
        *,
        start: Checkpoint | None = None,
        programs: Programs | None = None,
    ) -> None:
        self._built, self._recording, self._options = built, recording, options
        self._start, self._programs = start, programs
        epochs = built.experiment.training.epochs
        self._last_epoch = last = epochs if options.last_epoch is None else min(options.last_epoch, epochs)
        self._first_epoch = 0 if start is None else last if start.is_stopped else min(start.epoch, last)
        self.own = made_callbacks(built.experiment)
        self._callbacks: list[keras.callbacks.Callback] = [*self.own]
        tensorboard = built.experiment.training.tensorboard
        if tensorboard:
            shown = options.hyperparameters
            writer = tensorboard_callback(tensorboard, built, recording.run, hyperparameters=shown, programs=programs)
            self._callbacks.append(writer)
        if recording.hopeless is not None:
            self._callbacks.append(recording.hopeless)

    def fit(self) -> Loop:
        """Train phase after phase; return the loop that trained last."""
        start, phases = self._start, self._built.phases
        if start is not None and start.is_stopped and self._options.keep_checkpoint:
            start.save(self._recording.run)
        for phase, following in pairwise(phases):
            if self._first_epoch >= following.first_epoch:
                if start is not None and start.epoch == following.first_epoch:
                    # the part before has not ended its phase, but for the steps
                    self._built.enter(phase)
                    start.restore(self._built.model)
                    self._built.model.optimizer.finalize_variable_values(self._built.model.trainable_weights)
                continue
            self._begin(phase)
            loop = self._fit(self._epochs(phase, following.first_epoch))
            if following.first_epoch >= self._last_epoch or self._recording.is_over:
                return loop
        self._begin(phases[-1])
        return self._fit(self._epochs(phases[-1], self._last_epoch), self._early_stopping())

    def _begin(self, phase: Phase) -> None:
        """Train what a phase trains, from where the part before has stopped in it."""
        self._built.enter(phase)
        if self._start is not None and (self._start.epoch > phase.first_epoch or not phase.first_epoch):
            self._start.restore(self._built.model)

    def _epochs(self, phase: Phase, stop: int) -> range:
        return range(max(self._first_epoch, phase.first_epoch), min(stop, self._last_epoch))

    def _early_stopping(self) -> EarlyStopping | None:
        """Return what may stop the last phase early, and let the history know of it."""
        self._recording.recorder.stopping = self._built.early_stopping()
        return self._recording.recorder.stopping

    def _fit(self, epochs: range, stopping: EarlyStopping | None = None) -> Loop:
        """Train a phase, compiled as it is."""
        loop, used = make_loop(self._built, self._programs)
        self._recording.engine_chosen(used)
        recorder, experiment = self._recording.recorder, self._built.experiment
        # the rate is lowered last: what is recorded is what the epoch was trained with
        snapshots = self._recording.snapshots
        watching = [*self._callbacks, stopping, recorder, snapshots, *schedule_callbacks(experiment.schedule)]
        callbacks = [callback for callback in watching if callback is not None]
        kept = self._last_epoch if self._options.keep_checkpoint else None
        if self._start is not None or kept is not None:
            checkpointer = Checkpointer(
                self._recording.run, callbacks, recorder.rows, last_epoch=kept, start=self._start
            )
            callbacks = [*callbacks, checkpointer]
        try:
            loop.fit(self._built.splits.validation, epochs=epochs, callbacks=callbacks)
        finally:
            if self._options.save_model is not False:
                loop.finish()
        return loop
