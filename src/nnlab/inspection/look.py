"""Look at a model at some rows: one eager pass forwards and backwards that leaves the model as it was."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.by_name import one_or_all
from nnlab.data.splits import Split
from nnlab.engine.batches import for_training
from nnlab.engine.loops import unchanged
from nnlab.inspection.looks import Array, Arrays, LayerCall, Look, Weight, are_equal
from nnlab.inspection.watch import Call, Watch
from nnlab.inspection.weights import ShownLayer, WeightsByLayer, array_of, shown_layers
from nnlab.model.plan import OutputPlan
from nnlab.model.row_losses import row_losses
from nnlab.private.keras import has_logits

_DIFFERENT = ("inputs", "pre_activations", "outputs")
"""What gradients are taken with respect to, besides weights."""

_ROWS_IN_WORDS = 10
"""Of so many rows words and classes are written out."""

_AGREES = 1e-4
"""By how much the mean of the rows' losses may differ from the loss of all, relative to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What is looked at.

    Args:
        model: compiled.
        outputs: its outputs, with their losses.
        notes: what has to be said before.
        words: what the numbers stand for that an input takes, from 0 on, if they are of words or classes.
    """

    model: keras.Model
    outputs: Sequence[OutputPlan]
    notes: tuple[str, ...] = ()
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(eq=False)
class _Pass:
    """What one pass has given, as tensors."""

    calls: Sequence[Call]
    tape: tf.GradientTape
    predicted: Any
    loss: tf.Tensor | None = None
    penalties: tf.Tensor | None = None


def look(subject: Subject, rows: Split, numbers: Array, *, training: bool = False) -> Look:
    """Return every value and every gradient of a model at some rows.

    Args:
        subject: the model; it is as before afterwards, its random state and its moving averages too.
        rows: as the model takes and gives them; without targets (`y` is empty) there are no loss and no gradients.
        numbers: of the rows, where they come from.
        training: whether layers shall work as in training.
    """
    model = subject.model
    shown = shown_layers(model)
    with _kept(model):
        done = _pass(model, shown, rows, training=training)
    losses = _row_losses(subject, rows, done.predicted) if done.loss is not None else {}
    layers = _layers(model, shown, done)
    loss = None if done.loss is None else float(done.loss)
    penalties = 0.0 if done.penalties is None else float(done.penalties)
    weighted = _added(subject, losses)
    notes = [*subject.notes, *_in_words(subject, rows, numbers)]
    if loss is not None and weighted is not None and not _is_mean(weighted, loss - penalties):
        notes.append("the loss of the rows together is not the mean of their losses: it is made otherwise")
    if loss is not None and weighted is None:
        notes.append("the loss is one of all rows together: single rows have none")
    return Look(
        rows=numbers,
        training=training,
        layers=layers,
        loss=loss,
        penalties=penalties,
        row_losses=weighted,
        output_losses=losses if len(losses) > 1 else {},
        notes=notes,
    )


def _in_words(subject: Subject, rows: Split, numbers: np.ndarray) -> Iterator[str]:
    """Yield what few rows have in inputs of words or classes."""
    for place, number in enumerate(numbers.tolist() if len(numbers) <= _ROWS_IN_WORDS else ()):
        for name, words in subject.words.items():
            text = " ".join(words[each] for each in rows.x[name][place].tolist()).rstrip()
            yield f"row {number}, `{name}`: {text}"


@contextlib.contextmanager
def _kept(model: keras.Model) -> Iterator[None]:
    """Put back what a pass changes: random states, moving averages, sums of metrics, weights that are normalized."""
    python_state, numpy_state = random.getstate(), np.random.get_state()  # some layers of Keras draw from these
    try:
        with unchanged([*model.variables, *model.metrics_variables]):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def _pass(model: keras.Model, shown: Sequence[ShownLayer], rows: Split, *, training: bool) -> _Pass:
    inputs = for_training(rows, model) if rows.y else (one_or_all(rows.x),)
    x, *judged = keras.tree.map_structure(tf.convert_to_tensor, inputs)
    with tf.GradientTape(persistent=True) as tape:
        watch = Watch(shown, tape, training=training)
        with watch.on():
            predicted = model(x, training=training)
        done = _Pass(watch.calls, tape, predicted)
        if judged:
            y, *weights = judged
            done.loss = model.compute_loss(x, y, predicted, *weights, training=training)
            if model.losses:
                done.penalties = tf.add_n([tf.reduce_sum(tf.cast(each, tf.float32)) for each in model.losses])
    return done


def _layers(model: keras.Model, shown: Sequence[ShownLayer], done: _Pass) -> list[LayerCall]:
    """Return the calls with their gradients and weights, and behind them what has weights and was not called."""
    places = [(call, kind, name) for call in done.calls for kind in _DIFFERENT for name in call.values.get(kind, ())]
    trained = model.trainable_weights
    variables = [weight.value for weight in trained]
    tensors = [call.values[kind][name] for call, kind, name in places]
    found = _gradients(done.tape, done.loss, [*tensors, *variables])
    gradients: dict[int, dict[str, dict[str, Array | None]]] = {id(call): {} for call in done.calls}
    for (call, kind, name), gradient in zip(places, found, strict=False):
        gradients[id(call)].setdefault(kind, {})[name] = gradient
    ids = [id(weight) for weight in trained]
    weights = WeightsByLayer(
        model,
        shown,
        dict(zip(ids, found[len(places) :], strict=True)),
        dict(zip(ids, _gradients(done.tape, done.penalties, variables), strict=True)),
    ).read()
    layers = [
        _layer_call(call, gradients[id(call)] if done.loss is not None else {}, weights.pop(call.name, ()))
        for call in done.calls
    ]
    classes = {each.name: type(each.layer).__name__ for each in shown}
    notes = ("it is not called as a layer: its values are not shown",)
    return layers + [
        LayerCall(name, classes.get(name, type(model).__name__), weights=found, notes=notes if name in classes else ())
        for name, found in weights.items()
        if found
    ]


def _gradients(tape: tf.GradientTape, value: tf.Tensor | None, sources: Sequence[Any]) -> list[Array | None]:
    """Return the gradients of a value, `None` where it does not depend on a source."""
    if value is None:
        return [None] * len(sources)
    return [None if found is None else array_of(found) for found in tape.gradient(value, list(sources))]


def _layer_call(call: Call, gradients: Mapping[str, Arrays], weights: Sequence[Weight]) -> LayerCall:
    values: dict[str, Arrays] = {
        kind: {name: array_of(tensor) for name, tensor in tensors.items()} for kind, tensors in call.values.items()
    }
    for kind in ("training_outputs", "inference_outputs"):
        if kind in values and are_equal(values[kind], values["outputs"]):
            del values[kind]
    notes = list(call.notes)
    missing = [name for name, gradient in gradients.get("outputs", {}).items() if gradient is None]
    if any(has_logits(call.values["outputs"][name]) for name in missing):
        before = call.activation or "this layer"
        notes.append(f"Keras computes the loss from what stands before {before}: no gradient at its outputs")
    layer, settings = call.layer, {}
    if isinstance(layer, keras.layers.BatchNormalization) and "" in call.values["inputs"]:
        inputs = tf.cast(call.values["inputs"][""], tf.float32)
        axes = [axis for axis in range(inputs.shape.rank) if axis != layer.axis % inputs.shape.rank]
        mean, variance = keras.ops.moments(inputs, axes)
        values |= {"batch_mean": {"": array_of(mean)}, "batch_variance": {"": array_of(variance)}}
        settings["momentum"] = float(layer.momentum)
    if isinstance(rate := getattr(layer, "rate", None), (int, float)):
        settings["rate"] = float(rate)
    return LayerCall(
        name=call.name,
        class_name=type(layer).__name__,
        call=call.number,
        activation=call.activation,
        values=values,
        gradients=gradients,
        weights=weights,
        settings=settings,
        notes=notes,
    )


def _row_losses(subject: Subject, rows: Split, predicted: Any) -> dict[str, Array | None]:
    """Return the loss of each row by output, with the weights of the rows; `None` for one that rows do not have."""
    if isinstance(predicted, Mapping):
        by_output = dict(predicted)
    else:
        by_output = dict(zip((each.name for each in subject.outputs), keras.tree.flatten(predicted), strict=True))
    losses: dict[str, Array | None] = {}
    for output in subject.outputs:
        found = row_losses(output.loss, rows.y[output.name], by_output[output.name]).rows
        losses[output.name] = found * rows.weights[output.name] if rows.weights and found is not None else found
    return losses


def _added(subject: Subject, losses: Mapping[str, Array | None]) -> Array | None:
    """Return the loss of each row, those of the outputs together by their weights."""
    weights = {output.name: output.loss_weight for output in subject.outputs}
    parts = [
        None if found is None else found * (1.0 if weights[name] is None else weights[name])
        for name, found in losses.items()
    ]
    if not parts or any(part is None for part in parts):
        return None
    return np.asarray(sum(part for part in parts if part is not None), np.float32)


def _is_mean(row_losses: Array, loss: float) -> bool:
    mean = float(np.mean(row_losses, dtype=np.float64))
    return not np.isfinite(mean) or abs(mean - loss) <= _AGREES * max(abs(mean), abs(loss), 1e-6)
