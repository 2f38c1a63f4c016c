"""All that a training needs to go on after an epoch: weights, random state, optimizer, schedule, callbacks, history.

What the batches of an epoch are follows from seed and epoch alone, so that they need no state.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from nnlab.engine.reuse import scheduled_variables
from nnlab.errors import NnlabError, first_line
from nnlab.run import Run
from nnlab.writing import write_bytes

CALLBACK_STATE: Mapping[str, Sequence[str]] = {
    "EarlyStopping": ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    "ReduceLearningRate": ("wait", "best", "cooldown_counter"),
}
"""What callbacks remember from one epoch to the next."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a training after an epoch.

    Args:
        epoch: how many are done.
        is_stopped: whether early stopping has ended the training.
        weights: the model's variables, the random states of its layers among them.
        optimizer: the optimizer's variables and those of the schedule.
        callbacks: what callbacks remember, by the name of their class.
        rows: the history.
    """

    epoch: int
    is_stopped: bool
    weights: Sequence[np.ndarray]
    optimizer: Sequence[np.ndarray]
    callbacks: Mapping[str, Mapping[str, Any]]
    rows: Sequence[Mapping[str, Any]]

    def restore(self, model: keras.Model) -> None:
        """Put weights, and with them the optimizer's state, into a model of the same kind, compiled."""
        for variables, values in (model.variables, self.weights), (_optimizer_variables(model), self.optimizer):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def save(self, run: Run) -> None:
        """Write it into a run's directory, whole."""
        arrays = {f"weight_{i}": value for i, value in enumerate(self.weights)}
        arrays |= {f"optimizer_{i}": value for i, value in enumerate(self.optimizer)}
        callbacks: dict[str, dict[str, Any]] = {}
        for name, state in self.callbacks.items():
            callbacks[name] = {key: value for key, value in state.items() if key != "best_weights"}
            arrays |= {f"best_{i}": value for i, value in enumerate(state.get("best_weights") or ())}
        facts = {"epoch": self.epoch, "is_stopped": self.is_stopped, "callbacks": callbacks, "rows": self.rows}
        content = io.BytesIO()
        np.savez(content, facts=np.array(json.dumps(facts, default=float)), **arrays)  # type: ignore[arg-type]
        run.checkpoint_path.parent.mkdir(exist_ok=True)
        write_bytes(run.checkpoint_path, content.getvalue())


def load_checkpoint(run: Run) -> Checkpoint:
    """Read what a run's training has left to go on from.

    Raises:
        NnlabError: there is nothing, or it cannot be read.
    """
    try:
        with np.load(run.checkpoint_path, allow_pickle=False) as file:
            facts = json.loads(str(file["facts"]))
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # whatever a damaged ZIP file makes of its readers
        hint = "`nnlab train` of its `config.yaml` trains it again from the start"
        raise NnlabError(f"`{run.checkpoint_path}` cannot be read: {first_line(error)}", hint=hint) from None
    weights, optimizer, best = ([*_numbered(arrays, prefix)] for prefix in ("weight", "optimizer", "best"))
    callbacks = facts["callbacks"]
    if best:
        callbacks["EarlyStopping"]["best_weights"] = best
    return Checkpoint(facts["epoch"], facts["is_stopped"], weights, optimizer, callbacks, facts["rows"])


def _numbered(arrays: Mapping[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    return [arrays[f"{prefix}_{i}"] for i in range(sum(name.startswith(f"{prefix}_") for name in arrays))]


def _optimizer_variables(model: keras.Model) -> list[Any]:
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.optimizer.variables, *scheduled_variables(model)]


class Checkpointer(keras.callbacks.Callback):
    """Lets the other callbacks go on where they were, and writes a checkpoint at the end. The last one of all.

    Args:
        run: where to write it.
        others: the other callbacks.
        rows: the history, which another callback adds to.
        last_epoch: after which it is written, as after one that stops the training; `None` to write none.
        start: where the training goes on.
    """

    def __init__(
        self,
        run: Run,
        others: Sequence[keras.callbacks.Callback],
        rows: Sequence[Mapping[str, Any]],
        *,
        last_epoch: int | None,
        start: Checkpoint | None,
    ) -> None:
        super().__init__()
        self._run = run
        self._others = {type(other).__name__: other for other in others if type(other).__name__ in CALLBACK_STATE}
        self._rows = rows
        self._last_epoch = last_epoch
        self._start = start

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        """Give the other callbacks what they knew; they have just forgotten it."""
        for name, state in (self._start.callbacks if self._start is not None else {}).items():
            for attribute, value in state.items():
                if name in self._others:
                    setattr(self._others[name], attribute, value)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Write the checkpoint after the last epoch, before best or averaged weights are put into the model."""
        if self._last_epoch is None or (epoch + 1 < self._last_epoch and not self.model.stop_training):
            return
        to_numpy = keras.ops.convert_to_numpy
        Checkpoint(
            epoch + 1,
            bool(self.model.stop_training),
            [to_numpy(variable) for variable in self.model.variables],
            [to_numpy(variable) for variable in _optimizer_variables(self.model)],
            {
                name: {attribute: getattr(other, attribute, None) for attribute in CALLBACK_STATE[name]}
                for name, other in self._others.items()
            },
            self._rows,
        ).save(self._run)
