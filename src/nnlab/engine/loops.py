"""The training loops: compiled passes over rows in memory, as many as it holds, or Keras's own `fit`.

All of them see the same batches, seeds and callbacks, and leave each step to Keras's own `train_step` and `test_step`.
They differ in what goes round the steps: Keras's `fit` calls a function for each, the compiled loop one for thousands,
with XLA (`fast`) or without it (`exact`).
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import keras
import tensorflow as tf

from nnlab.data.splits import Rows, Split
from nnlab.engine.batches import (
    Batches,
    EpochBatches,
    evaluation_batches,
    evaluation_parts,
    for_evaluation,
    for_training,
    own_errors,
)
from nnlab.engine.stretches import Stretch, capacity, read_ahead

SECONDS_OF_A_STRETCH = 0.4
"""How long the compiled loop runs before it looks up: for Ctrl-C, the progress line, a loss that is not finite."""


class StepHook(Protocol):
    """Takes part in each step of a loop, inside its program."""

    def begin(self, model: keras.Model) -> None:
        """Prepare the model for the step."""

    def end(self, model: keras.Model, logs: Mapping[str, tf.Tensor]) -> None:
        """Look at what the step gives."""

    def goes_on(self) -> tf.Tensor:
        """Return whether there is to be another step."""


class Loop(ABC):
    """Goes over rows with one compiled model."""

    @abstractmethod
    def fit(self, validation: Rows | None, *, epochs: range, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Train some epochs, counted from 0; evaluate on the validation rows, if there are any, after each."""

    @abstractmethod
    def evaluate(self, split: Rows, callbacks: Sequence[keras.callbacks.Callback] = ()) -> dict[str, float]:
        """Return loss and metrics on a split, dropout off, the loss first; callbacks are told of it."""

    def finish(self) -> None:  # noqa: B027  (most loops have nothing to do)
        """Leave what was learnt in the model that the loop was made for."""


class KerasLoop(Loop):
    """Keras's own `fit` and `evaluate` on the engine's batches.

    Args:
        model: compiled.
        batches: the training rows.
        hook: takes part in each step.
    """

    def __init__(self, model: keras.Model, batches: Batches, *, hook: StepHook | None = None) -> None:
        self.model = model
        self._batches = EpochBatches(batches, model)
        self._hooks = [] if hook is None else [_Hooked(hook)]

    def fit(self, validation: Rows | None, *, epochs: range, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """See `Loop`."""
        with own_errors():
            self.model.fit(
                self._batches.dataset,
                initial_epoch=epochs.start,
                epochs=epochs.stop,
                validation_data=evaluation_batches(validation, self.model) if validation is not None else None,
                callbacks=[self._batches, *self._hooks, *callbacks],
                shuffle=False,  # the batches come shuffled
                verbose=0,
            )

    def evaluate(self, split: Rows, callbacks: Sequence[keras.callbacks.Callback] = ()) -> dict[str, float]:
        """See `Loop`."""
        return evaluate_step_by_step(self.model, split, callbacks)


def evaluate_step_by_step(
    model: keras.Model, split: Rows, callbacks: Sequence[keras.callbacks.Callback] = ()
) -> dict[str, float]:
    """Return loss and metrics on a split by Keras's own loop, the loss first; callbacks are told of every batch."""
    batches = evaluation_batches(split, model)
    with own_errors():
        return _floats(model.evaluate(batches, callbacks=list(callbacks), verbose=0, return_dict=True))


class _Hooked(keras.callbacks.Callback):
    """Calls a hook round the steps of Keras's own loop."""

    def __init__(self, hook: StepHook) -> None:
        super().__init__()
        self._hook = hook

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._hook.begin(self.model)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self._hook.end(self.model, logs or {})
        self.model.stop_training = not self._hook.goes_on()


class Evaluation:
    """Goes over the rows of a split with one compiled function and no data pipeline.

    Args:
        model: compiled.

    Attributes:
        program: the function, once it is made.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.program: Any = None

    def build(self, split: Rows) -> None:
        """Make the function, for any number of rows, and the variables of losses and metrics, without changing any."""
        row = self._block(split.take(slice(1)))
        self._make_variables(row)
        rows = keras.tree.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), row)
        test = tf.function(self._test_step, autograph=False)
        self.program = test.get_concrete_function(rows, tf.TensorSpec([], tf.bool))

    def _make_variables(self, row: Any) -> None:
        """Let Keras make the variables of losses and metrics: a function that makes some is traced a second time."""
        with unchanged(self.model.non_trainable_variables):
            self.model.test_step(row)
            self.model.reset_metrics()

    def _block(self, rows: Split) -> Any:
        return keras.tree.map_structure(tf.convert_to_tensor, for_evaluation(rows, self.model))

    def _test_step(self, rows: Any, is_first: tf.Tensor) -> dict[str, tf.Tensor]:
        reset_metrics(self.model, is_first)
        logs: dict[str, tf.Tensor] = self.model.test_step(rows)
        return logs

    def evaluate(self, split: Rows, callbacks: Sequence[keras.callbacks.Callback] = ()) -> dict[str, float]:
        """Return loss and metrics on a split, dropout off, the loss first; callbacks are told of it."""
        if self.program is None:
            self.build(split)
        calls = keras.callbacks.CallbackList(list(callbacks), model=self.model)
        calls.on_test_begin()
        figures = self._pass_over(split)
        calls.on_test_end(figures)
        return figures

    def _pass_over(self, split: Rows) -> dict[str, float]:
        logs: Any = {}
        for i, part in enumerate(evaluation_parts(split)):
            logs = self.program(self._block(part), tf.constant(i == 0))
        return _floats(logs)


@contextlib.contextmanager
def unchanged(variables: Iterable[Any]) -> Iterator[None]:
    """Give variables back what they hold, to the bit: a random layer that is never off has drawn from its own."""
    state = [(variable, variable.numpy()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in state:
            variable.assign(value)


def reset_metrics(model: keras.Model, is_first: tf.Tensor) -> None:
    """Let loss and metrics start afresh where a pass over the rows begins; a call of its own would take longer."""
    tf.cond(is_first, lambda: _nothing(model.reset_metrics()), lambda: _nothing(None))


def _nothing(_: None) -> tf.Tensor:
    return tf.constant(0)


class CompiledLoop(Loop):
    """Steps over rows as one compiled program, without Python in between.

    Of rows that are not in memory it holds one stretch, while the next one is read.

    Args:
        model: compiled.
        batches: the training rows.
        xla: whether XLA compiles the program.
        hook: takes part in each step, whose numbers then need not be those of Keras's own loop to the last bit.
        rows: the training rows as tensors, if another loop has them already.

    Attributes:
        model: the one that is trained.
        batches: the training rows.
        is_exact: whether it gives every bit of Keras's own loop if XLA does not compile it.

    Raises:
        Exception: whatever TensorFlow says of a model that cannot be compiled this way; the model is as it was.
    """

    def __init__(
        self, model: keras.Model, batches: Batches, *, xla: bool, hook: StepHook | None = None, rows: Any = None
    ) -> None:
        self.model = model
        self._evaluation = Evaluation(model)
        self._hook = hook
        # XLA needs to know the size of a batch: an odd last one gets a program of its own, without XLA
        self._xla = xla
        whole, rest = batches.steps
        has_all = batches.train.in_memory is not None
        self._steps, self._rest = (whole + bool(rest), 0) if has_all and not xla else (whole, rest)
        self._size = batches.num_rows if has_all else capacity(batches.train, batches.batch_size)
        self._seconds_a_step = 0.0
        self.is_exact = True
        # a function of its own, as in Keras's loop: TensorFlow rewrites a step that is spread in a larger one otherwise
        self._one_step = tf.function(self._keras_step, autograph=False, reduce_retracing=True)
        self.batches = batches
        self._rows = batches.arrays(model) if rows is None and has_all else rows
        # the programs are made before the first step; the variables of metrics before that, as no loop may make them
        self._evaluation.build(batches.train)
        rows = (self._rows if has_all else self._zeros(), tf.zeros([self._size], tf.int64))
        train_steps = tf.function(self._train_steps, autograph=False, jit_compile=xla)
        # called straight, without the search for the trace that fits, which takes as long as some steps
        self._train = train_steps.get_concrete_function(*rows, _count(0), _count(0), tf.constant(False))
        self._train(*rows, _count(0), _count(0), tf.constant(False))
        if self._rest:
            last = tf.function(self._train_rest, autograph=False)
            self._train_last = last.get_concrete_function(rows[0], tf.zeros([self._rest], tf.int64))

    def _zeros(self) -> Any:
        """Return rows like those of a stretch."""
        row = for_training(self.batches.train.take(slice(1)), self.model)
        return tf.nest.map_structure(lambda array: tf.zeros([self._size, *array.shape[1:]], array.dtype), row)

    def set_batches(self, batches: Batches) -> None:
        """Go over these rows from now on; their number and shapes are those of the rows before."""
        self.batches = batches
        self._rows = None if batches.train.in_memory is None else batches.arrays(self.model)

    def fit(self, validation: Rows | None, *, epochs: range, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """See `Loop`; the methods for batches are called once a stretch of steps, at its last."""
        model = self.model
        calls = keras.callbacks.CallbackList(
            list(callbacks), model=model, epochs=epochs.stop, steps=self._steps + bool(self._rest)
        )
        model.stop_training = False
        calls.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in epochs:
            calls.on_epoch_begin(epoch)
            logs = self.run_epoch(epoch, calls)
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

    def run_epoch(self, epoch: int, calls: keras.callbacks.CallbackList) -> dict[str, float]:
        """Train an epoch, counted from 0, and return what Keras would log of it."""
        logs: dict[str, float] = {}
        with contextlib.closing(self._loaded(epoch)) as parts:
            for part in parts:
                step = 0
                while step < part.steps and not (part.first_step + step and self.model.stop_training):
                    stop = min(step + self._stretch(), part.steps)
                    calls.on_train_batch_begin(part.first_step + step)
                    began = time.perf_counter()
                    logs = self._take(part, step, stop)
                    self._seconds_a_step = (time.perf_counter() - began) / (stop - step)
                    calls.on_train_batch_end(part.first_step + stop - 1, logs)
                    step = stop
                    if self._hook is not None and not self._hook.goes_on():
                        self.model.stop_training = True
                if self.model.stop_training and part.first_step + step:
                    break
                if part.rest:
                    calls.on_train_batch_begin(self._steps)
                    start = part.steps * self.batches.batch_size
                    logs = _floats(self._train_last(part.rows, part.order[start : start + part.rest]))
                    calls.on_train_batch_end(self._steps, logs)
        return logs

    def _loaded(self, epoch: int) -> Generator[_Loaded]:
        """Yield the rows of an epoch as tensors: at once those in memory, others stretch by stretch."""
        if self._rows is not None:
            yield _Loaded(self._rows, tf.constant(self.batches.order(epoch)), 0, self._steps, self._rest)
            return

        def loaded(stretch: Stretch) -> _Loaded:
            # tensors have copies of the rows
            rows = tf.nest.map_structure(tf.constant, for_training(stretch.rows, self.model))
            rest = 0 if self.batches.drops_rest else stretch.rest
            return _Loaded(rows, tf.constant(stretch.order), stretch.first_step, stretch.steps, rest)

        with contextlib.closing(read_ahead(self.batches.stretches(epoch, size=self._size), loaded)) as parts:
            yield from parts

    def take_steps(self, order: tf.Tensor, first: int, stop: int) -> dict[str, float]:
        """Take some steps of an epoch over rows in memory, all of whole batches; return what Keras would log so far.

        Args:
            order: of the rows.
            first: the first step, from 0.
            stop: the one behind the last.
        """
        return self._take(_Loaded(self._rows, order, 0, self._steps, self._rest), first, stop)

    def _take(self, part: _Loaded, first: int, stop: int) -> dict[str, float]:
        begins = tf.constant(part.first_step + first == 0)
        return _floats(self._train(part.rows, part.order, _count(first), _count(stop), begins))

    def operations(self) -> Counter[str]:
        """Return of which operations the programs of training and evaluation consist, and of how many of each."""
        graphs = [program.graph.as_graph_def() for program in (self._train, self._evaluation.program)]
        bodies = [each.node for each in graphs] + [each.node_def for graph in graphs for each in graph.library.function]
        return Counter(node.op for body in bodies for node in body)

    def _stretch(self) -> int:
        """Return how many steps to take at once; where the stretches end changes no number."""
        return max(1, int(SECONDS_OF_A_STRETCH / self._seconds_a_step)) if self._seconds_a_step else 1

    def evaluate(self, split: Rows, callbacks: Sequence[keras.callbacks.Callback] = ()) -> dict[str, float]:
        """See `Loop`."""
        return self._evaluation.evaluate(split, callbacks)

    def _train_steps(
        self, rows: Any, order: tf.Tensor, first: tf.Tensor, stop: tf.Tensor, begins: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        reset_metrics(self.model, begins)
        num_rows, batch_size = self.batches.num_rows, self.batches.batch_size
        is_even = self._xla or self.batches.drops_rest or self.batches.train.in_memory is None

        def step(number: tf.Tensor) -> tuple[tf.Tensor]:
            start = number * batch_size
            size = batch_size if is_even else tf.minimum(num_rows - start, batch_size)
            self._step(rows, tf.slice(order, [start], [size]))
            return (number + 1,)

        def goes_on(number: tf.Tensor) -> tf.Tensor:
            return number < stop if self._hook is None else (number < stop) & self._hook.goes_on()

        tf.while_loop(goes_on, step, [first])
        results: dict[str, tf.Tensor] = self.model.get_metrics_result()
        return results

    def _train_rest(self, rows: Any, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        reset_metrics(self.model, tf.constant(self._steps == 0))
        self._step(rows, numbers)
        results: dict[str, tf.Tensor] = self.model.get_metrics_result()
        return results

    def _keras_step(self, data: Any) -> None:
        if self._hook is not None:
            self._hook.begin(self.model)
        logs = self.model.train_step(data)
        if self._hook is not None:
            self._hook.end(self.model, logs)
        self.is_exact = not _is_computed_otherwise(tf.compat.v1.get_default_graph())

    def _step(self, rows: Any, numbers: tf.Tensor) -> None:
        batch = keras.tree.map_structure(lambda array: tf.gather(array, numbers), rows)
        self._one_step(batch if self._hook is not None else keras.tree.map_structure(_of_any_size, batch))


class _Loaded(NamedTuple):
    """A `Stretch` as tensors."""

    rows: Any
    order: tf.Tensor
    first_step: int
    steps: int
    rest: int


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


def _floats(logs: Any) -> dict[str, float]:
    names = sorted(logs, key=lambda name: name != "loss")
    return {name: float(logs[name]) for name in names}


def in_order(figures: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    """Sort figures by their names: loss, metrics, then the same of validation.

    Args:
        figures: as Keras gives them, which sorts them by the alphabet.
        columns: the order to put them in; what is not among them comes behind.
    """
    place = {name: i for i, name in enumerate(("loss", *columns))}

    def rank(name: str) -> tuple[bool, int]:
        is_validation = name.startswith("val_") and name not in place
        return is_validation, place.get(name.removeprefix("val_") if is_validation else name, len(place))

    return {name: figures[name] for name in sorted(figures, key=rank)}
