"""Learning-rate schedules inside the graph of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from nnlab.schedules import rate_at


class _GraphOps:
    """The functions of `nnlab.schedules.Ops` on tensors of float64."""

    minimum = staticmethod(ops.minimum)
    maximum = staticmethod(ops.maximum)
    cos = staticmethod(ops.cos)
    log = staticmethod(ops.log)

    @staticmethod
    def at(values: Sequence[float], place: Any) -> Any:
        """Return one of several numbers, by its place from 0."""
        return ops.take(_float64(values), ops.cast(place, "int32"))

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> Any:
        """Return `a` where the condition holds, else `b`; two plain numbers would become float32."""
        return ops.where(condition, _float64(a), _float64(b))


def _float64(value: Any) -> Any:
    return ops.convert_to_tensor(value, "float64")  # `cast` takes plain numbers through float32


@keras.saving.register_keras_serializable(package="nnlab", name="Schedule")  # so it is called in saved models
class GraphSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of `nnlab.schedules` as a function of the optimizer's step.

    It computes in float64 and rounds once, so that the rate is right also at step 10^9, where float32 cannot count
    steps any more.

    Args:
        name: the schedule's name, such as `exponential`.
        learning_rate: the optimizer's.
        parameters: what the formula takes, durations in steps.
        warmup_steps: steps in which the rate rises linearly from 0.
        first_step: steps of the run before the optimizer's first one.
    """

    def __init__(
        self,
        name: str,
        learning_rate: float,
        parameters: Mapping[str, Any] | None = None,
        warmup_steps: float = 0.0,
        first_step: int = 0,
    ) -> None:
        super().__init__()
        self.name = name
        self.learning_rate = learning_rate
        self.parameters = dict(parameters or {})
        self.warmup_steps = warmup_steps
        self.first_step = first_step

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, a scalar of Keras's float type."""
        t = ops.cast(step, "float64") + float(self.first_step)
        rate = rate_at(
            _GraphOps,
            t,
            name=self.name,
            learning_rate=_float64(self.learning_rate),
            parameters=self.parameters,
            warmup_steps=self.warmup_steps,
        )
        return ops.cast(rate, keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {
            "name": self.name,
            "learning_rate": float(self.learning_rate),
            "parameters": self.parameters,
            "warmup_steps": self.warmup_steps,
            "first_step": self.first_step,
        }


@keras.saving.register_keras_serializable(package="nnlab")
class PerformanceSchedule(GraphSchedule):
    """A rate that a callback lowers, with warm-up. A saved model has the rate to which it has come."""

    def __init__(self, **config: Any) -> None:
        self.variable = keras.Variable(config["learning_rate"], trainable=False, name="learning_rate")
        super().__init__(**config)

    @property
    def learning_rate(self) -> Any:
        """The rate after warm-up: a variable, so that graphs see it change."""
        return self.variable

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.variable.assign(value)
