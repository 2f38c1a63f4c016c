"""The training loops: compiled passes over rows in memory, or Keras's own `fit`.

All of them see the same batches, seeds and callbacks, and leave each step to Keras's own `train_step` and `test_step`.
They differ in what goes round the steps: Keras's `fit` calls a function for each, the compiled loop one for thousands,
with XLA (`fast`) or without it (`exact`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from nnlab.config.by_name import one_or_all
from nnlab.data.batches import (
    EVALUATION_BATCH_SIZE,
    EpochBatches,
    epoch_permutation,
    evaluation_batches,
    weighted_rows,
)
from nnlab.data.splits import DataSpec, Split

SECONDS_OF_A_STRETCH = 0.4
"""How long the compiled loop runs before it looks up: for Ctrl-C, the progress line, a loss that is not finite."""


class Loop(Protocol):
    """Goes over rows with one compiled model."""

    def fit(
        self,
        validation: Split | None,
        *,
        first_epoch: int,
        last_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        """Train from an epoch (from 0) up to another; evaluate on the validation rows, if there are any, after each."""

    def evaluate(self, split: Split) -> dict[str, float]:
        """Return loss and metrics on a split, dropout off, the loss first."""

    def finish(self) -> None:
        """Leave what was learnt in the model that the loop was made for."""


class KerasLoop:
    """Keras's own `fit` and `evaluate` on the engine's batches.

    Args:
        model: compiled.
        train: the training rows.
        spec: gives the class weights.
        batch_size: rows a step; the last step of an epoch takes what is left.
        seed: the experiment's seed, which orders the rows.
    """

    def __init__(self, model: keras.Model, train: Split, spec: DataSpec, *, batch_size: int, seed: int) -> None:
        self.model = model
        self._batches = EpochBatches(train, spec, batch_size=batch_size, seed=seed, outputs=output_names(model))

    def fit(
        self,
        validation: Split | None,
        *,
        first_epoch: int,
        last_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        """See `Loop`."""
        self.model.fit(
            self._batches.dataset,
            initial_epoch=first_epoch,
            epochs=last_epoch,
            validation_data=evaluation_batches(validation) if validation is not None else None,
            callbacks=[self._batches, *callbacks],
            shuffle=False,  # the batches come shuffled
            verbose=0,
        )

    def evaluate(self, split: Split) -> dict[str, float]:
        """See `Loop`."""
        return _floats(self.model.evaluate(evaluation_batches(split), verbose=0, return_dict=True))

    def finish(self) -> None:
        """See `Loop`."""


class Evaluation:
    """Goes over the rows of a split with one compiled function and no data pipeline.

    Args:
        model: compiled.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._test: Any = None

    def build(self, split: Split) -> None:
        """Make the function, for any number of rows, and the variables of losses and metrics, without changing any."""
        row = _block(split, 0, 1)
        self._make_variables(row)
        rows = keras.tree.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), row)
        test = tf.function(self._test_step, autograph=False)
        self._test = test.get_concrete_function(rows, tf.TensorSpec([], tf.bool))

    def _make_variables(self, row: Any) -> None:
        """Let Keras make the variables of losses and metrics: a function that makes some is traced a second time."""
        state = [(variable, variable.numpy()) for variable in self.model.non_trainable_variables]
        self.model.test_step(row)
        self.model.reset_metrics()
        for variable, value in state:  # a random layer that is never off has drawn from its own
            variable.assign(value)

    def _test_step(self, rows: Any, is_first: tf.Tensor) -> dict[str, tf.Tensor]:
        reset_metrics(self.model, is_first)
        logs: dict[str, tf.Tensor] = self.model.test_step(rows)
        return logs

    def evaluate(self, split: Split) -> dict[str, float]:
        """Return loss and metrics on a split, dropout off, the loss first."""
        if self._test is None:
            self.build(split)
        logs: Any = {}
        for start in range(0, split.num_rows, EVALUATION_BATCH_SIZE):
            logs = self._test(_block(split, start, start + EVALUATION_BATCH_SIZE), tf.constant(start == 0))
        return _floats(logs)


def output_names(model: keras.Model) -> Sequence[str] | None:
    """Return the names of the outputs of a model that gives a list of them."""
    return getattr(model, "output_names", None)


def reset_metrics(model: keras.Model, is_first: tf.Tensor) -> None:
    """Let loss and metrics start afresh where a pass over the rows begins; a call of its own would take longer."""
    tf.cond(is_first, lambda: _nothing(model.reset_metrics()), lambda: _nothing(None))


def _nothing(_: None) -> tf.Tensor:
    return tf.constant(0)


class CompiledLoop:
    """Steps over rows in memory as one compiled program, without Python in between.

    Args:
        model: compiled.
        train: the training rows.
        spec: gives the class weights.
        batch_size: rows a step; the last step of an epoch takes what is left.
        seed: the experiment's seed, which orders the rows.
        xla: whether XLA compiles the program.

    Attributes:
        is_exact: whether it gives every bit of Keras's own loop if XLA does not compile it.

    Raises:
        Exception: whatever TensorFlow says of a model that cannot be compiled this way; the model is as it was.
    """

    def __init__(
        self, model: keras.Model, train: Split, spec: DataSpec, *, batch_size: int, seed: int, xla: bool
    ) -> None:
        self.model = model
        self._batch_size = batch_size
        # XLA needs to know the size of a batch: an odd last one gets a program of its own, without XLA
        self._xla = xla
        self._steps = train.num_rows // batch_size if xla else -(-train.num_rows // batch_size)
        self._rest = train.num_rows % batch_size if xla else 0
        self._seconds_a_step = 0.0
        self._evaluation = Evaluation(model)
        self.is_exact = True
        # a function of its own, as in Keras's loop: TensorFlow rewrites a step that is spread in a larger one otherwise
        self._one_step = tf.function(self._keras_step, autograph=False, reduce_retracing=True)
        self.set_rows(train, spec, seed)
        # the programs are made before the first step; the variables of metrics before that, as no loop may make them
        self._evaluation.build(train)
        rows = (self._rows, tf.zeros([train.num_rows], tf.int64))
        train_steps = tf.function(self._train_steps, autograph=False, jit_compile=xla)
        # called straight, without the search for the trace that fits, which takes as long as some steps
        self._train = train_steps.get_concrete_function(*rows, _count(0), _count(0))
        self._train(*rows, _count(0), _count(0))
        if self._rest:
            self._train_last = tf.function(self._train_rest, autograph=False).get_concrete_function(*rows)

    def set_rows(self, train: Split, spec: DataSpec, seed: int) -> None:
        """Go over these rows from now on; their number and shapes are those of the rows before."""
        self._seed = seed
        self._num_rows = train.num_rows
        self._rows = keras.tree.map_structure(tf.constant, weighted_rows(train, spec, output_names(self.model)))

    def finish(self) -> None:
        """See `Loop`."""

    def fit(
        self,
        validation: Split | None,
        *,
        first_epoch: int,
        last_epoch: int,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        """See `Loop`; the methods for batches are called once a stretch of steps, at its last."""
        model = self.model
        calls = keras.callbacks.CallbackList(
            list(callbacks), model=model, epochs=last_epoch, steps=self._steps + bool(self._rest)
        )
        model.stop_training = False
        calls.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(first_epoch, last_epoch):
            calls.on_epoch_begin(epoch)
            logs = self._epoch(epoch, calls)
            if validation is not None:
                calls.on_test_begin()
                values = self.evaluate(validation)
                calls.on_test_end(values)
                logs |= {f"val_{name}": value for name, value in values.items()}
            calls.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        model.optimizer.finalize_variable_values(model.trainable_weights)
        calls.on_train_end(logs)

    def _epoch(self, epoch: int, calls: keras.callbacks.CallbackList) -> dict[str, float]:
        order = tf.constant(epoch_permutation(self._seed, epoch, self._num_rows))
        step, logs = 0, {}
        while step < self._steps and not (step and self.model.stop_training):
            stop = min(step + self._stretch(), self._steps)
            calls.on_train_batch_begin(step)
            began = time.perf_counter()
            logs = _floats(self._train(self._rows, order, _count(step), _count(stop)))
            self._seconds_a_step = (time.perf_counter() - began) / (stop - step)
            calls.on_train_batch_end(stop - 1, logs)
            step = stop
        if self._rest and not (step and self.model.stop_training):
            calls.on_train_batch_begin(step)
            logs = _floats(self._train_last(self._rows, order))
            calls.on_train_batch_end(step, logs)
        return logs

    def _stretch(self) -> int:
        """Return how many steps to take at once; where the stretches end changes no number."""
        return max(1, int(SECONDS_OF_A_STRETCH / self._seconds_a_step)) if self._seconds_a_step else 1

    def evaluate(self, split: Split) -> dict[str, float]:
        """See `Loop`."""
        return self._evaluation.evaluate(split)

    def _train_steps(self, rows: Any, order: tf.Tensor, first: tf.Tensor, stop: tf.Tensor) -> dict[str, tf.Tensor]:
        reset_metrics(self.model, tf.equal(first, 0))

        def step(number: tf.Tensor) -> tuple[tf.Tensor]:
            start = number * self._batch_size
            size = self._batch_size if self._xla else tf.minimum(self._num_rows - start, self._batch_size)
            self._step(rows, tf.slice(order, [start], [size]))
            return (number + 1,)

        tf.while_loop(lambda number: number < stop, step, [first])
        results: dict[str, tf.Tensor] = self.model.get_metrics_result()
        return results

    def _train_rest(self, rows: Any, order: tf.Tensor) -> dict[str, tf.Tensor]:
        reset_metrics(self.model, tf.constant(self._steps == 0))
        self._step(rows, order[-self._rest :])
        results: dict[str, tf.Tensor] = self.model.get_metrics_result()
        return results

    def _keras_step(self, data: Any) -> None:
        self.model.train_step(data)
        self.is_exact = not _is_computed_otherwise(tf.compat.v1.get_default_graph())

    def _step(self, rows: Any, numbers: tf.Tensor) -> None:
        self._one_step(keras.tree.map_structure(lambda array: _of_any_size(tf.gather(array, numbers)), rows))


def _of_any_size(batch: tf.Tensor) -> tf.Tensor:
    """Hide the number of rows from Keras, which weighs the losses of several outputs by it where it knows it."""
    return tf.compat.v1.placeholder_with_default(batch, [None, *batch.shape[1:]])


def _is_computed_otherwise(graph: tf.Graph) -> bool:
    """Return whether there is an activation that TensorFlow computes in one go, but not in a loop: silu or gelu."""
    return any(_is_silu(operation) or _is_gelu(operation) for operation in graph.get_operations())


def _is_silu(operation: tf.Operation) -> bool:
    """Return whether something is multiplied by its own sigmoid, or by that of its multiple."""
    if operation.type != "Mul":
        return False
    factors = {factor.name for factor in operation.inputs}
    for sigmoid in (factor.op for factor in operation.inputs if factor.op.type == "Sigmoid"):
        scaled = sigmoid.inputs[0].op
        if factors & {sigmoid.inputs[0].name, *(value.name for value in scaled.inputs if scaled.type == "Mul")}:
            return True
    return False


def _is_gelu(operation: tf.Operation) -> bool:
    """Return whether this is the error function, or the hyperbolic tangent of a polynomial that stands for it."""
    reached = [operation] if operation.type == "Tanh" else []
    for found in reached:
        reached += [value.op for value in found.inputs if value.op.type in ("Mul", "AddV2", "Pow")]
    return operation.type in ("Erf", "Erfc") or any(found.type == "Pow" for found in reached)


def _count(number: int) -> tf.Tensor:
    return tf.constant(number, tf.int64)


def _block(split: Split, start: int, stop: int) -> tuple[Any, Any]:
    rows = one_or_all(split.x), one_or_all(split.y)
    x, y = keras.tree.map_structure(lambda array: tf.convert_to_tensor(array[start:stop]), rows)
    return x, y


def _floats(logs: Any) -> dict[str, float]:
    names = sorted(logs, key=lambda name: name != "loss")
    return {name: float(logs[name]) for name in names}
