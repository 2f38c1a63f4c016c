"""The learning-rate range test: train with ever larger rates, and read a good one off the losses.

Sources: Smith, "Cyclical learning rates for training neural networks" (2017), section 3.3; the finders of fastai and
Lightning.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from nnlab.config.schema import Experiment
from nnlab.data.splits import Splits
from nnlab.engine.batches import Batches
from nnlab.engine.built import build_seeded
from nnlab.engine.loops import CompiledLoop, KerasLoop, Loop
from nnlab.errors import NnlabError, first_line
from nnlab.wording import counted

FEWEST_STEPS, MOST_STEPS = 300, 1_000
"""A sweep is one epoch, but not shorter or longer than this; over seven decades fewer steps hardly train."""

WINDOW = 1 / 20
"""The part of the sweep over which losses are smoothed."""

CLEAR_ERRORS, CLEAR_PART = 5.0, 0.02
"""A fall is one if it is so many standard errors of the smoothed loss, and such a part of the loss at the start."""

LOST = 0.5
"""The turning point is where the loss has lost this part of its fall again."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RangeTest:
    """What a range test has shown.

    Args:
        rates: the learning rate of each step, rising exponentially.
        losses: the loss of each step's batch, penalties included, before the step changed the weights.
        smoothed: their running mean, those that have run away cut off.
        diverged: whether the sweep ended early, because the loss ran away or was not finite any more.
        steepest: the rate at which the smoothed loss fell most steeply over the logarithm of the rate.
        turning_point: the largest rate before the smoothed loss had lost half of its fall again.
        suggestion: half-way between the two on a logarithmic scale, in two digits; `None` if the curve says nothing.
        reason: why there is no suggestion.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    smoothed: Sequence[float]
    diverged: bool
    steepest: float | None = None
    turning_point: float | None = None
    suggestion: float | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the document that `nnlab find-lr --json` prints."""
        document = asdict(self)
        return {"suggestion": document.pop("suggestion"), **document}


def range_test(
    experiment: Experiment,
    splits: Splits,
    *,
    between: tuple[float, float],
    steps: int | None = None,
    runs_dir: Path | None = None,
    trust_code: bool = False,
) -> RangeTest:
    """Build an experiment's model, train it with rates that rise exponentially, and throw it away.

    The batches are those of the experiment's training. A schedule is left out: the test takes its place.

    Args:
        experiment: what to train; its optimizer keeps all parameters but the learning rate.
        splits: its data.
        between: the rate of the first step, more than 0, and that of the last, more than the first.
        steps: how many; default: one epoch, but at least 300 and at most 1,000.
        runs_dir: where a run that layers are taken over from is looked for by its name.
        trust_code: whether the user's own Python code may run.

    Raises:
        ConfigError: the model cannot be built.
        NnlabError: its own code fails in training.

    Example:
        >>> range_test(experiment, splits, between=(1e-4, 1.0)).suggestion
        0.082
    """
    experiment = replace(experiment, schedule=None)
    built = build_seeded(experiment, splits, runs_dir=runs_dir, trust_code=trust_code)
    if len(built.phases) > 1:
        built.enter(built.phases[0])  # the optimizer's rate is that of this phase
    num_rows, batch_size = built.batches.num_rows, built.batches.batch_size
    if steps is None:
        steps = min(max(math.ceil(num_rows / batch_size), FEWEST_STEPS), MOST_STEPS)
    rates = np.geomspace(*between, steps)
    sweep = _Sweep(rates)
    batches = replace(built.batches, batch_size=min(batch_size, num_rows), drops_rest=True)
    try:
        _loop(built.model, batches, sweep).fit(None, epochs=range(math.ceil(steps / batches.steps[0])), callbacks=[])
    except NnlabError:
        raise
    except Exception as error:  # whatever a layer or the user's own code raises is the user's to see
        raise NnlabError(f"the range test stopped with {type(error).__name__}: {first_line(error)}") from error
    return read_curve(rates, sweep.losses)


def _loop(model: keras.Model, batches: Batches, sweep: _Sweep) -> Loop:
    """Return the loop of the sweep; a model that TensorFlow cannot compile goes step by step."""
    if batches.train.in_memory is None:
        return KerasLoop(model, batches, hook=sweep)
    try:
        return CompiledLoop(model, batches, xla=False, hook=sweep)
    except NnlabError:
        raise
    except Exception:  # whatever it is: what is wrong with the model itself shows without compiling too
        model.run_eagerly = True
        return KerasLoop(model, batches, hook=sweep)


class _Sweep:
    """Gives each step its learning rate, and keeps its loss, until that runs away.

    Args:
        rates: of the steps.
    """

    def __init__(self, rates: Floats) -> None:
        self._rates, self._window = tf.constant(rates, tf.float32), _window(len(rates))
        self._count, self._losses = len(rates), tf.Variable(tf.zeros([len(rates)]), trainable=False)
        self._step = tf.Variable(0, trainable=False)
        # the running average of the losses, what it was after the first window, and its lowest value since
        self._trend = tf.Variable(tf.zeros([3]), trainable=False)

    @property
    def losses(self) -> Floats:
        """Those of the steps that were taken, at most as many as there are rates."""
        return np.asarray(self._losses.numpy()[: int(self._step)], dtype=np.float64)

    def begin(self, model: keras.Model) -> None:
        """See `StepHook`."""
        model.reset_metrics()  # so that the loss is this batch's
        model.optimizer.learning_rate = self._rates[self._step]

    def end(self, model: keras.Model, logs: Mapping[str, tf.Tensor]) -> None:
        """See `StepHook`."""
        if "loss" not in logs:
            raise NnlabError(f"the `train_step` of `{type(model).__name__}` gives no `loss`")
        step, loss = self._step.read_value(), tf.cast(logs["loss"], tf.float32)
        self._losses.scatter_nd_update([[step]], [loss])
        average, start, best = tf.unstack(self._trend)
        average = tf.where(step == 0, loss, average + (loss - average) / self._window)
        settles = step < self._window
        best = tf.where(settles, average, tf.minimum(best, average))
        self._trend.assign(tf.stack([average, tf.where(settles, average, start), best]))
        self._step.assign_add(1)

    def goes_on(self) -> tf.Tensor:
        """Until it has run away: as far above its start as it fell below it, and four times its best, or not finite."""
        average, start, best = tf.unstack(self._trend)
        has_run_away = average - best > tf.maximum(2 * (start - best), 3 * tf.abs(best))
        return (self._step < self._count) & tf.math.is_finite(average) & ~has_run_away


def read_curve(rates: npt.ArrayLike, losses: npt.ArrayLike) -> RangeTest:
    """Read the learning rates off the losses of a sweep.

    Args:
        rates: of the whole sweep as it was planned, rising exponentially; shape `(steps,)`.
        losses: of the steps that were taken: fewer, or not all finite, if the loss ran away.
    """
    planned, taken = np.asarray(rates, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    finite = int(np.argmin(np.isfinite(taken))) if not np.isfinite(taken).all() else len(taken)
    diverged = finite < len(planned)
    x, y = planned[:finite], taken[:finite]
    window = _window(len(planned))
    shown = RangeTest(x.tolist(), y.tolist(), y.tolist(), diverged)
    if finite < 2 * window:
        count = counted(finite, "step")
        return replace(shown, reason=f"the loss runs away within {count}: lower `--min`, or take more `--steps`")
    start = float(np.median(y[:window]))
    highest = 2 * start - _running(y, window, np.median).min()  # beyond it, how far a loss has run away says nothing
    smoothed = _running(np.minimum(y, highest), window, np.mean)
    shown = RangeTest(x.tolist(), y.tolist(), smoothed.tolist(), diverged)
    best = int(np.argmin(smoothed))
    fall = start - smoothed[best]
    noise = 1.48 * np.median(np.abs(y - smoothed)[: best + 1]) / math.sqrt(window)  # 1.48: from median to standard
    if fall <= max(CLEAR_ERRORS * noise, CLEAR_PART * abs(start)):
        reason = f"the loss never falls clearly below where it starts ({start:.4g}; lowest {smoothed[best]:.4g})"
        return replace(shown, reason=reason)
    steepest = int(np.argmin(_slopes(np.minimum.accumulate(smoothed[: best + 1]), window)))
    if steepest < window:
        return replace(shown, reason=f"the loss falls from the first rate on, {planned[0]:.4g}: lower `--min`")
    lost = np.flatnonzero(smoothed[best:] > smoothed[best] + LOST * fall)
    if not len(lost) and not diverged:
        return replace(shown, reason=f"the loss has not risen again by {planned[-1]:.4g}: raise `--max`")
    turning = best + int(lost[0]) - 1 if len(lost) else finite - 1
    suggestion = float(f"{math.sqrt(x[steepest] * x[turning]):.2g}")
    return replace(shown, steepest=float(x[steepest]), turning_point=float(x[turning]), suggestion=suggestion)


def _window(steps: int) -> int:
    """Return how many steps are smoothed over: an odd number."""
    return max(5, round(WINDOW * steps)) | 1


def _running(values: Floats, window: int, summary: Callable[[Floats], Any]) -> Floats:
    """Summarize a window around each value, cut off at the ends: it is centred, so that nothing lags behind."""
    half = window // 2
    return np.array([summary(values[max(0, i - half) : i + half + 1]) for i in range(len(values))])


def _slopes(values: Floats, window: int) -> Floats:
    """Return the slope of the straight line through a window around each value, up to a common factor."""
    half = window // 2
    spans = [np.arange(max(0, i - half), min(len(values), i + half + 1)) for i in range(len(values))]
    return np.array([np.polyfit(span, values[span], 1)[0] if len(span) > 1 else 0.0 for span in spans])
