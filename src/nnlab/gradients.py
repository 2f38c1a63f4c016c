"""Check back-propagation against central differences, weight by weight, in float64."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.schema import Experiment
from nnlab.data.splits import Splits
from nnlab.engine.batches import for_training
from nnlab.engine.built import build_seeded
from nnlab.errors import NnlabError
from nnlab.private.keras import holds_layers, layers_inside, seed_generators
from nnlab.wording import listed

TOLERANCE = 1e-5
"""The largest relative error that counts as agreement."""

STEPS = (1e-4, 1e-5, 1e-6)
"""Differences are taken with the first of these steps at which the loss is smooth."""

_SMALLEST = 1e-8
_ROUNDING = 16 * float(np.finfo(np.float64).eps)

Verdict = Literal["ok", "off", "kinks"]


@dataclass(frozen=True, slots=True)
class EntryCheck:
    """The gradient of one entry of a weight tensor, in two ways.

    Args:
        index: its place in the tensor.
        back_propagated: by back-propagation.
        numerical: by a central difference; `None` if the loss has a kink there.
        error: the relative error, `|a - n| / max(1e-8, |a| + |n|)`; `None` at a kink.
    """

    index: tuple[int, ...]
    back_propagated: float
    numerical: float | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True)
class WeightCheck:
    """How well the gradient of one weight tensor agrees with central differences.

    Args:
        layer: the layer's name.
        weight: the weight's name in its layer.
        shape: of the weight.
        entries: those that were looked at.
    """

    layer: str
    weight: str
    shape: tuple[int, ...]
    entries: tuple[EntryCheck, ...]

    @property
    def checked(self) -> int:
        """Entries that were compared."""
        return len(self.entries) - self.kinks

    @property
    def kinks(self) -> int:
        """Entries left out because the loss has a kink there."""
        return sum(entry.error is None for entry in self.entries)

    @property
    def worst(self) -> float | None:
        """The largest relative error; `None` if every entry was left out."""
        return max((entry.error for entry in self.entries if entry.error is not None), default=None)

    @property
    def verdict(self) -> Verdict:
        """`off` above the tolerance; `kinks` if nothing could be compared."""
        if self.worst is None:
            return "kinks"
        return "ok" if self.worst <= TOLERANCE else "off"

    def as_json(self, *, values: bool) -> dict[str, Any]:
        """Return what `nnlab check-gradients --json` says of it, with `values` the entries, too."""
        names = ("layer", "weight", "shape", "checked", "kinks", "worst", "verdict")
        document = {name: getattr(self, name) for name in names}
        return document | ({"entries": [asdict(entry) for entry in self.entries]} if values else {})


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """The checks of all weights that are trained.

    Args:
        loss: where the gradients were taken.
        rows: training rows in that loss.
    """

    loss: float
    rows: int
    weights: tuple[WeightCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether no gradient is off."""
        return all(check.verdict != "off" for check in self.weights)

    def as_json(self, *, values: bool = False) -> dict[str, Any]:
        """Return the document that `nnlab check-gradients --json` prints, with `values` the entries, too."""
        worst = [check.worst for check in self.weights if check.worst is not None]
        return {
            "ok": self.ok,
            "tolerance": TOLERANCE,
            "worst": max(worst, default=None),
            "loss": self.loss,
            "rows": self.rows,
            "weights": [check.as_json(values=values) for check in self.weights],
        }


def check_gradients(
    experiment: Experiment, splits: Splits, *, rows: int = 8, samples: int = 20, trust_code: bool = False
) -> GradientCheck:
    """Build an experiment's model in float64, and check the gradients that its first training steps would use.

    The weights are those that a training begins with, as float64; the loss (penalties and weights of rows included) is
    that of its first training rows. The model is in inference mode: dropout is off and batch normalization uses its
    moving statistics. So the gradients are those of `nnlab inspect` at the same rows, with more digits.

    Args:
        experiment: what to build.
        splits: its data.
        rows: training rows to take.
        samples: entries to check in each weight tensor, chosen by the seed; smaller tensors are checked whole.
        trust_code: whether the user's own Python code may run.

    Raises:
        ConfigError: the model cannot be built.
        NnlabError: a layer does not compute in float64, or nothing is trained.

    Example:
        >>> check_gradients(experiment, splits).ok
        True
    """
    # an initializer draws other numbers in float64
    first = [variable.numpy() for variable in build_seeded(experiment, splits, trust_code=trust_code).model.variables]
    with float64():
        built = build_seeded(experiment, splits, trust_code=trust_code)
        for variable, value in zip(built.model.variables, first, strict=True):
            variable.assign(value)
        judged = for_training(built.splits.train.take(slice(rows)), built.model)
        return check_model(built.model, *judged, samples=samples, seed=experiment.seed)


def check_model(model: keras.Model, x: Any, y: Any, weights: Any = None, *, samples: int, seed: int) -> GradientCheck:
    """Check the gradients of a model that was built and compiled within `float64()`.

    The gradient a of an entry is compared with the central difference n = (L(w + h) - L(w - h)) / 2h. Where the loss
    has a kink nearby (a ReLU at 0, a tie in max-pooling) that difference means nothing. A smooth loss is told from a
    kink by halving the step: central differences stay as they are, and the difference between the slopes on the two
    sides is halved too. Entries that fail this at every step are counted as kinks and left out.

    Differences that the rounding of the loss explains, `16 eps |L| / h`, are never held against a gradient.

    Args:
        model: its weights are as before afterwards.
        x: rows `[rows, ...]`, or arrays by input name.
        y: targets `[rows, ...]`, or arrays by output name.
        weights: of the rows `[rows]`, or of each output's.
        samples: entries to check in each weight tensor.
        seed: chooses them.

    Raises:
        NnlabError: a layer does not compute in float64, or nothing is trained.
    """
    trained = _trained_weights(model)
    loss = _loss_function(model, x, y, weights)
    if loss().dtype != tf.float64:
        raise NnlabError(f"gradients can only be checked in float64; the loss is {loss().dtype.name}")
    gradients = _gradients(loss, trained)
    random = np.random.default_rng(seed)
    start = float(loss())
    checks = []
    for weight, gradient in zip(trained, gradients, strict=True):
        size = int(np.prod(weight.shape, dtype=np.int64))
        entries = np.sort(random.choice(size, min(samples, size), replace=False))
        places = [tuple(int(i) for i in np.unravel_index(entry, weight.shape)) for entry in entries]
        layer, _, name = weight.path.removeprefix(f"{model.name}/").rpartition("/")
        checks.append(
            WeightCheck(
                layer=layer or model.name,
                weight=name,
                shape=tuple(weight.shape),
                entries=tuple(_checked(loss, weight, place, float(gradient[place]), start) for place in places),
            )
        )
    return GradientCheck(start, len(tf.nest.flatten(y)[0]), tuple(checks))


@contextlib.contextmanager
def float64() -> Iterator[None]:
    """Let models that are built and compiled here compute in float64."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def _trained_weights(model: keras.Model) -> list[Any]:
    weights = list(model.trainable_weights)
    if not weights:
        raise NnlabError("the model trains no weights: there is no gradient to check")
    leaves = [layer for layer in layers_inside(model) if layer.weights and not holds_layers(layer)]
    others = [layer.name for layer in leaves if layer.compute_dtype != "float64"]
    if others:
        message = f"gradients can only be checked in float64; these layers compute otherwise: {listed(others)}"
        raise NnlabError(message, hint="leave their `dtype` out")
    return weights


def _loss_function(model: keras.Model, x: Any, y: Any, weights: Any) -> Callable[[], tf.Tensor]:
    """Return the loss as a function of the weights alone: what is random in inference mode too, is held fixed."""
    inputs, targets, row_weights = tf.nest.map_structure(_as_tensor, (x, y, weights))
    generators = [generator for layer in layers_inside(model) for generator in seed_generators(layer)]
    states = [generator.state.numpy() for generator in generators]

    def loss() -> tf.Tensor:
        for generator, state in zip(generators, states, strict=True):
            generator.state.assign(state)
        predictions = model(inputs, training=False)
        return tf.convert_to_tensor(model.compute_loss(inputs, targets, predictions, row_weights, training=False))

    compiled: Callable[[], tf.Tensor] = tf.function(loss)
    return compiled


def _as_tensor(array: np.ndarray | None) -> tf.Tensor | None:
    if array is None:
        return None
    return tf.convert_to_tensor(array if array.dtype.kind in "iu" else array.astype(np.float64))


def _gradients(loss: Callable[[], tf.Tensor], weights: list[Any]) -> list[np.ndarray]:
    variables = [weight.value for weight in weights]
    with tf.GradientTape() as tape:
        value = loss()
    found = tape.gradient(value, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(gradient).numpy() for gradient in found]


def _checked(
    loss: Callable[[], tf.Tensor], weight: Any, index: tuple[int, ...], gradient: float, start: float
) -> EntryCheck:
    """Compare one entry, which the loss may have a kink at, at every step."""
    variable = weight.value
    before = variable.numpy()[index]

    def loss_at(value: float) -> float:
        variable.scatter_nd_update([list(index)], [value]) if index else variable.assign(value)
        return float(loss())

    try:
        for step in STEPS:
            (slope, bend), (half_slope, half_bend) = (
                _slope_and_bend(loss_at, before, size, start) for size in (step, step / 2)
            )
            rounding = _ROUNDING * abs(start) / step
            scale = max(_SMALLEST, abs(gradient) + abs(half_slope), rounding / TOLERANCE)
            if max(abs(slope - half_slope), abs(bend - 2 * half_bend)) <= TOLERANCE * scale:
                return EntryCheck(index, gradient, half_slope, abs(gradient - half_slope) / scale)
    finally:
        loss_at(before)
    return EntryCheck(index, gradient)


def _slope_and_bend(loss_at: Callable[[float], float], value: float, step: float, start: float) -> tuple[float, float]:
    """Return the central difference, and how much the slope to the right exceeds that to the left."""
    right, left = loss_at(value + step), loss_at(value - step)
    return (right - left) / (2 * step), (right - 2 * start + left) / step
