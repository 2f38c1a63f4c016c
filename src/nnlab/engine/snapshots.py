"""Looks at what a network gives over its inputs, while it is trained; see `nnlab.snapshots`."""
# ruff: noqa: ARG002, D102  (the methods are those of Keras's Callback)

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.by_name import one_or_all, only
from nnlab.config.model import FunctionalConfig
from nnlab.config.training import TrainingConfig
from nnlab.data.splits import Split
from nnlab.engine.built import Built
from nnlab.engine.callbacks import Observer
from nnlab.engine.early_stopping import BestEpoch
from nnlab.engine.loops import unchanged
from nnlab.engine.surface import descent_of, has_few_weights
from nnlab.errors import first_line
from nnlab.model.answers import answers
from nnlab.model.inputs import model_inputs
from nnlab.model.objects import role_of
from nnlab.model.plan import output_meanings
from nnlab.model.wiring import input_sources
from nnlab.private.keras import feeding
from nnlab.run import Run
from nnlab.snapshots import POINTS, SPLITS, Snapshots, around, grid, read_snapshots

LOOKS = 24
"""As many epochs are kept besides the first, the best and the last: a look takes some milliseconds."""

MOST_ROWS = 300
"""Of each split."""

MOST_UNITS = 32
"""Of each hidden layer."""

SECONDS_BETWEEN_WRITES = 10.0


class SnapshotRecorder(keras.callbacks.Callback):
    """Writes `snapshots.npz`. It has to see the ends of epochs, and of the training, after what finds the best epoch.

    It looks at epochs that are equally distant, and leaves out every second one whenever there are too many: numbers
    of epochs decide, never the time. The first, the best and the last are always there. No bit of the training changes.

    Args:
        run: whose network it is.
        built: what is trained.
        best: returns the best epoch so far.
        last_epoch: after which the training ends, unless something ends it before; default: as the config says.
        before: the run of the part before.
        observer: is told how to look at the network.

    Attributes:
        failure: what the model said where it could not be asked; nothing is looked at any more.
    """

    def __init__(
        self,
        run: Run,
        built: Built,
        best: Callable[[], BestEpoch | None],
        *,
        last_epoch: int | None = None,
        before: Run | None = None,
        observer: Observer | None = None,
    ) -> None:
        super().__init__()
        self.failure: str | None = None
        self._run, self._built, self._find_best, self._observer = run, built, best, observer
        self._last_epoch = last_epoch or built.experiment.training.epochs
        self._looks: dict[int, np.ndarray] = {}
        self._visited: dict[int, np.ndarray] = {}
        self._best: tuple[int, list[np.ndarray]] | None = None
        self._epoch, self._written = 0, time.monotonic()
        spec, shown = built.splits.spec, _some_rows(built)
        x = {name: _own_units(built, rows) for name, rows in shown.items()}
        self._axes = around(np.concatenate(list(x.values())))
        self._rows: dict[str, Any] = {
            "are_probabilities": only(spec.targets).num_classes is not None,
            "x": x,
            "y": {name: _class_or_number(built, rows) for name, rows in shown.items()},
        }
        self._meanings = output_meanings(built.experiment, spec)
        points = grid(self._axes, POINTS[len(self._axes)])
        rows = spec.scaled({next(iter(spec.input_shapes)): points})
        self._points = keras.tree.map_structure(
            tf.convert_to_tensor, one_or_all(model_inputs(built.experiment, spec, rows))
        )
        known = read_snapshots(before) if before is not None else None
        if known is not None:
            self._looks = dict(zip(known.epochs, known.values, strict=True))
            if known.descent is not None:
                self._visited = dict(zip(known.descent.epochs.tolist(), known.descent.weights, strict=True))

    def on_train_begin(self, logs: Any = None) -> None:
        if self._observer is not None:
            self._observer.may_look(self.now)
        if not self._looks:
            self._look(0)
            self._visit(0)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1
        self._visit(self._epoch)
        best = self._find_best()
        every = distance(self._epoch, self._built.experiment.training)
        if self._epoch % every == 0 or self._epoch == self._last_epoch or self.model.stop_training:
            self._look(self._epoch)
            self._thin()
        elif best is not None and best.epoch == self._epoch:
            # looked at in the end, if nothing better comes
            self._best = self._epoch, [variable.numpy() for variable in self.model.variables]
        if time.monotonic() - self._written > SECONDS_BETWEEN_WRITES:
            self.write()

    def finish(self, epoch: int | None) -> None:
        """Look at the best network and at the final one, with its hidden units, and write.

        Args:
            epoch: whose weights the network has; `None` for those of no epoch's end.
        """
        best = self._find_best()
        if best is not None and self._best is not None and self._best[0] == best.epoch != epoch:
            with unchanged(self.model.variables):
                for variable, value in zip(self.model.variables, self._best[1], strict=True):
                    variable.assign(value)
                self._look(best.epoch)
        if epoch is not None:
            self._look(epoch)
        self._thin()
        descent = descent_of(self.model, self._built.splits.train, self._visited)
        self.write(units=self._units(), descent=descent)

    def write(self, **last: Any) -> None:
        """Write what was seen so far."""
        self._written = time.monotonic()
        if self._looks:
            epochs = tuple(sorted(self._looks))
            values = np.stack([self._looks[epoch] for epoch in epochs])
            Snapshots(axes=self._axes, epochs=epochs, values=values, **self._rows, **last).save(self._run)

    def now(self) -> Snapshots | None:
        """Return what the network gives as it is; `None` if it gives no numbers."""
        values = self._called(self.model)
        if values is None or not np.isfinite(found := self._answers(values)).all():
            return None
        return Snapshots(axes=self._axes, epochs=(self._epoch,), values=found[None], **self._rows)

    def _look(self, epoch: int) -> None:
        """Keep what the network gives after an epoch, if it gives numbers."""
        found = self.now()
        if found is not None:
            self._looks[epoch] = found.values[0]

    def _called(self, model: keras.Model) -> Any:
        """Return what a model gives on the grid; `None` if it cannot be asked."""
        if self.failure is None:
            try:
                with unchanged(model.non_trainable_variables):
                    return keras.tree.map_structure(keras.ops.convert_to_numpy, model(self._points, training=False))
            except Exception as error:  # it may not take every number; what is drawn of it ends no training
                self.failure = f"the model cannot be asked about points between its rows: {first_line(error)}"
        return None

    def _answers(self, values: Any) -> np.ndarray:
        """Return `[columns, ...points]` of the first output."""
        outputs = list(values.values()) if isinstance(values, dict) else values
        first = outputs[0] if isinstance(outputs, (list, tuple)) else outputs
        spec = self._built.splits.spec
        name = next(iter(self._meanings))
        found = answers(first, spec.target_of(name), self._meanings[name].link)
        return self._shaped(found[:, 1:] if found.shape[-1] == 2 else found)

    def _shaped(self, columns: np.ndarray) -> np.ndarray:
        inputs = len(self._axes)
        return columns.T.reshape(-1, *[POINTS[inputs]] * inputs).astype(np.float32)

    def _visit(self, epoch: int) -> None:
        if has_few_weights(self.model):
            weights = [variable.numpy().reshape(-1) for variable in self.model.trainable_variables]
            self._visited[epoch] = np.concatenate(weights)

    def _thin(self) -> None:
        """Leave out what is neither the first of so many epochs nor the best or the last."""
        best, every = self._find_best(), distance(self._epoch, self._built.experiment.training)
        kept = {self._epoch, max(self._looks, default=0), 0 if best is None else best.epoch}
        self._looks = {epoch: look for epoch, look in self._looks.items() if epoch % every == 0 or epoch in kept}

    def _units(self) -> dict[str, np.ndarray]:
        """Return what hidden units give, `[units, ...points]` by layer, as far as it is numbers."""
        ends = _hidden(self.model)
        found = self._called(keras.Model(self.model.inputs, ends, name="units")) if ends else None
        shown = {name: values[:, :MOST_UNITS] for name, values in (found or {}).items()}
        return {name: self._shaped(values) for name, values in shown.items() if np.isfinite(values).all()}


def distance(epoch: int, training: TrainingConfig) -> int:
    """Return how far apart epochs are that are looked at, once so many are done.

    A training that may stop early begins with four times as many.

    >>> [distance(epoch, TrainingConfig.read({"epochs": 100})) for epoch in (1, 100)]
    [5, 5]
    >>> stopping = TrainingConfig.read({"epochs": 100, "early_stopping": {"patience": 5}})
    >>> [distance(epoch, stopping) for epoch in (1, 48, 96)]
    [2, 4, 8]
    """
    if training.early_stopping is None:
        return math.ceil(training.epochs / LOOKS)
    found = math.ceil(training.epochs / (4 * LOOKS))
    while epoch // found >= LOOKS:
        found *= 2
    return found


def _hidden(model: keras.Model) -> dict[str, Any]:
    """Return what leaves each hidden layer of units, behind its activation and normalization; none of other models."""
    if not getattr(model, "inputs", None):
        return {}
    behind = _behind(model)
    found = {}
    for layer in model.layers:
        end = layer
        while len(after := behind.get(end.name, [])) == 1 and role_of(after[0]) is not None:
            end = after[0]
        is_hidden = bool(behind.get(end.name)) and role_of(layer) is None and bool(layer.weights)
        if is_hidden and len(end.output.shape) == 2:
            found[layer.name] = end.output
    return found


def _behind(model: keras.Model) -> Mapping[str, list[Any]]:
    """Return the layers that each layer feeds, by its name."""
    if isinstance(model, keras.Sequential):
        return {before.name: [layer] for before, layer in pairwise(model.layers)}
    found: dict[str, list[Any]] = {}
    for layer in model.layers:
        for name in feeding(layer, model):
            found.setdefault(name, []).append(layer)
    return found


def _some_rows(built: Built) -> dict[str, Split]:
    """Return some rows of the splits that are drawn, evenly taken."""
    return {
        name: rows.take(np.unique(np.linspace(0, rows.count - 1, MOST_ROWS).astype(np.int64)))
        for name, rows in built.splits.present.items()
        if name in SPLITS
    }


def _own_units(built: Built, rows: Split) -> np.ndarray:
    """Return the inputs of rows in the units of the data, `[rows, inputs]`."""
    spec, model = built.splits.spec, built.experiment.model
    x = only(rows.x)
    if isinstance(model, FunctionalConfig):
        x = np.empty((rows.count, *only(spec.input_shapes)), np.float32)
        for name, source in input_sources(model, spec).items():
            x[:, slice(None) if source.columns is None else list(source.columns)] = rows.x[name]
    scaling = spec.scalings.get(next(iter(spec.input_shapes)))
    return x if scaling is None else np.asarray(x * scaling.divisor + scaling.offset, np.float32)


def _class_or_number(built: Built, rows: Split) -> np.ndarray:
    """Return the number of each row's class, or its target, float32 `[rows]`."""
    y, target = only(rows.y), only(built.splits.spec.targets)
    if target.num_classes is None:
        y = target.in_own_units(y)
    is_class = target.num_classes is not None
    return np.asarray(y.argmax(axis=1) if is_class and y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1), np.float32)
