"""Names of Keras that its documentation does not promise."""

from __future__ import annotations

import contextlib
import inspect
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.backend.config import keras_home
from keras.src.backend.tensorflow import numpy as backend_numpy
from keras.src.layers.convolutional.base_conv import BaseConv
from keras.src.layers.convolutional.base_conv_transpose import BaseConvTranspose
from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv
from keras.src.layers.pooling.base_pooling import BasePooling
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from keras.src.utils import file_utils
from keras.src.utils.naming import reset_uids
from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED

READ_FROM = {"keras": "3.15.1"}

WINDOWED_LAYERS = (BaseConv, BaseConvTranspose, BaseDepthwiseConv, BaseSeparableConv, BasePooling)
"""The bases of all convolutions, and of pooling with windows."""


def layers_inside(layer: keras.Layer, *, itself: bool = True) -> list[keras.Layer]:
    """Return all layers inside a layer or a model, at any depth, the outermost first; itself, too, if that is asked."""
    return list(layer._flatten_layers(include_self=itself))


def holds_layers(layer: keras.Layer) -> bool:
    """Return whether there are layers inside."""
    return bool(layer._layers)


def seed_generators(layer: keras.Layer) -> Sequence[Any]:
    """Return what a layer draws its random numbers from, without the layers inside."""
    found: Sequence[Any] = layer._seed_generators
    return found


def feeding(layer: keras.Layer, model: keras.Model) -> tuple[str, ...]:
    """Return the names of the layers and inputs that feed a layer, wherever the model uses it, each once.

    What tells which steps are masked is no layer, and left out.
    """
    nodes = set(getattr(model, "operations", ()))
    inbound = getattr(layer, "_inbound_nodes", ())
    parents = [node.operation for use in inbound for node in use.parent_nodes if node.operation in nodes]
    return tuple(dict.fromkeys(parent.name for parent in parents if isinstance(parent, keras.Layer)))


def compiled_metrics(model: keras.Model) -> list[keras.Metric]:
    """Return the metrics that a model was compiled with, before it has seen a row, too."""
    compiled = model._compile_metrics
    given = () if compiled is None else (compiled._user_metrics, compiled._user_weighted_metrics)
    return [metric for metric in keras.tree.flatten(given) if isinstance(metric, keras.Metric)]


def direction(metric: keras.Metric) -> str | None:
    """Return whether more (`up`) or less (`down`) of a metric is better, as it says itself."""
    found: str | None = getattr(metric, "_direction", None)
    return found


def row_values(metric: keras.metrics.MeanMetricWrapper, y: Any, predicted: Any) -> Any:
    """Return what a metric takes the mean of: a tensor `[rows, ...]`."""
    return metric._fn(y, predicted, **metric._fn_kwargs)


def has_logits(values: Any) -> bool:
    """Return whether Keras computes losses of these values, a softmax or a sigmoid, from what stands before it."""
    return hasattr(values, "_keras_logits")


def learning_rate(optimizer: keras.optimizers.Optimizer) -> Any:
    """Return an optimizer's schedule, or the variable that holds its rate."""
    return optimizer._learning_rate


class ReduceLearningRate(keras.callbacks.ReduceLROnPlateau):
    """Keras's `ReduceLROnPlateau` for a schedule with a `learning_rate`; Keras sets none where there is a schedule."""

    def _reduce_optimizer_lr(self, optimizer: Any, epoch: int, name: str = "") -> bool:
        lowered: bool = super()._reduce_optimizer_lr(learning_rate(optimizer), epoch, name)
        return lowered


def forget(seed: int) -> None:
    """Seed everything random, and count the names of layers from the start, but keep compiled programs.

    What Keras's own functions for it reset besides is the state of TensorFlow's own random operations, of which neither
    Keras nor nnlab has any.
    """
    reset_uids()
    random.seed(seed)
    np.random.seed(seed)
    global_state.set_global_attribute(GLOBAL_RANDOM_SEED, seed)
    global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, None)


def storage(variable: keras.Variable) -> tf.Variable:
    """Return TensorFlow's variable that holds the value of Keras's."""
    return variable._value


def set_storage(variable: keras.Variable, holder: tf.Variable) -> None:
    """Let another variable of TensorFlow hold the value from now on."""
    variable._value = holder


def let_sizes_vary(
    variables: Sequence[keras.Variable], sizes: Sequence[tuple[int | None, ...]], optimizer: Any
) -> None:
    """Let variables take values of other sizes, so that programs are traced for all of them.

    Args:
        variables: all of a model and its optimizer.
        sizes: of each, `None` where it varies.
        optimizer: which finds its own variables by those of the model.
    """
    for variable, size in zip(variables, sizes, strict=True):
        if None in size:
            variable._shape = size
            variable._value = tf.Variable(variable._value.numpy(), shape=size, trainable=variable.trainable)
    keys = [optimizer._var_key(variable) for variable in optimizer._trainable_variables]
    optimizer._trainable_variables_indices = {key: i for i, key in enumerate(keys)}


@contextmanager
def biases_of_any_size() -> Iterator[None]:
    """Add biases of unknown size as Keras adds those of known size: by `bias_add`, whose gradient sums in its way."""
    keras_add = backend_numpy.add

    def add(x1: Any, x2: Any) -> Any:
        sizes = [tuple(getattr(value, "shape", ())) for value in (x1, x2)]
        if len(sizes[0]) > 1 and sizes[0][-1] is None and sizes[1] == (None,):
            return tf.nn.bias_add(x1, x2)
        return keras_add(x1, x2)

    backend_numpy.add = add
    try:
        yield
    finally:
        backend_numpy.add = keras_add


class ScaledSteps:
    """Multiplies an optimizer's step with each variable by a factor; stands in front of the optimizer's class.

    What is multiplied is the step, not the gradient, of which Adam and its kin hardly take notice. It is made small
    before moving averages and constraints see the weights.

    Args:
        factors: one for each variable that the optimizer is built with.
        options: those of the optimizer.
    """

    scales_rate = False
    """Whether the learning rate is multiplied instead, of optimizers that compute weights anew at each step."""

    def __init__(self, *, factors: Sequence[float], **options: Any) -> None:
        super().__init__(**options)
        self.factors = list(factors)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take a step with a variable."""
        optimizer: Any = super()
        factor = self.factors[self._get_variable_index(variable)]  # type: ignore[attr-defined]
        if self.scales_rate:
            optimizer.update_step(gradient, variable, learning_rate * factor)
        else:
            self._scaled([variable], lambda: optimizer.update_step(gradient, variable, learning_rate))

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        optimizer: Any = super()
        self._scaled(variables, lambda: optimizer._apply_weight_decay(variables))

    def _scaled(self, variables: Sequence[Any], change: Callable[[], None]) -> None:
        """Let variables change by so much of what a step makes of them."""
        scaled = [
            (variable, factor, keras.ops.copy(variable))
            for variable in variables
            if (factor := self.factors[self._get_variable_index(variable)]) != 1  # type: ignore[attr-defined]
        ]
        change()
        for variable, factor, before in scaled:
            variable.assign(before + keras.ops.cast(factor, variable.dtype) * (variable - before))

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        config: dict[str, Any] = super().get_config()  # type: ignore[misc]
        return {**config, "factors": list(self.factors)}


class Network(NamedTuple):
    """A network of `keras.applications`.

    Args:
        make: makes it.
        preprocess: what is done to pixels from 0 to 255 before.
    """

    make: Callable[..., keras.Model]
    preprocess: Callable[[Any], Any]


def networks() -> dict[str, Network]:
    """Return all networks of `keras.applications` by name."""
    found = inspect.getmembers(keras.applications, inspect.isfunction)
    return {name: Network(make, sys.modules[make.__module__].preprocess_input) for name, make in found}


class NotDownloadedError(Exception):
    """A file that Keras wants cannot be downloaded: its name, from where, the folder that it goes into, and why not."""

    def __init__(self, file: str, origin: str, folder: Path, reason: str) -> None:
        super().__init__(reason)
        self.file, self.origin, self.folder, self.reason = file, origin, folder, reason


@contextmanager
def downloads_explained() -> Iterator[None]:
    """Say where files go that Keras cannot download; what it prints meanwhile goes to stderr.

    Raises:
        NotDownloadedError: instead of Keras's error.
    """
    get_file = file_utils.get_file

    def explained(fname: str, origin: str, **options: Any) -> Any:
        folder = Path(keras_home()) / options.get("cache_subdir", "datasets")
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return get_file(fname, origin, **options)
        except Exception as error:
            reason = str(error).strip().splitlines()[0].replace(f" on {origin}", "")
            raise NotDownloadedError(fname, origin, folder, reason) from error

    file_utils.get_file = explained
    try:
        yield
    finally:
        file_utils.get_file = get_file
