"""A made-up object of every kind, described by nothing but what it is; `test_made_up_objects.py` adds them to nnlab."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from annotated_types import Ge
from keras import ops

register = keras.saving.register_keras_serializable(package="nnlab")


@register
class Doubled(keras.layers.Layer):
    """A dense layer that gives twice as much."""

    def __init__(
        self,
        units: Annotated[int, Ge(1)],
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        kernel_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )

    def call(self, inputs: Any) -> Any:
        return self.activation(2 * ops.matmul(inputs, self.kernel))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        given = {
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }
        return {**super().get_config(), "units": self.units, **given}


@register
def bent(x: Any) -> Any:
    """Bends the line a little."""
    return x - 0.1 * ops.sin(x)


@register
class Halves(keras.initializers.Initializer):
    """All weights are a half."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return 0.5 * ops.ones(shape, dtype)


@register
class Softly(keras.regularizers.Regularizer):
    """A little of the fourth power."""

    def __init__(self, strength: Annotated[float, Ge(0)] = 1e-3) -> None:
        self.strength = strength

    def __call__(self, x: Any) -> Any:
        return self.strength * ops.sum(x**4)

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength}


@register
class Within(keras.constraints.Constraint):
    """No weight leaves the limits."""

    def __init__(self, limit: Annotated[float, Ge(0)] = 1.0) -> None:
        self.limit = limit

    def __call__(self, w: Any) -> Any:
        return ops.clip(w, -self.limit, self.limit)

    def get_config(self) -> dict[str, Any]:
        return {"limit": self.limit}


@register
class Sloth(keras.optimizers.Optimizer):
    """Gradient descent that takes its time."""

    def __init__(self, learning_rate: Annotated[float, Ge(0)] = 0.02, patience: float = 2.0, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.patience = patience

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * gradient / self.patience)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "patience": self.patience}


@register
class Quartic(keras.losses.Loss):
    """The fourth power of the error."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.mean((y_true - y_pred) ** 4, axis=-1)


@register
class WorstError(keras.metrics.Metric):
    """The largest error of all rows."""

    _direction = "down"

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.worst = self.add_variable((), "zeros", name="worst")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        error = ops.max(ops.abs(ops.cast(ops.reshape(y_true, ops.shape(y_pred)), "float32") - y_pred))
        self.worst.assign(ops.maximum(self.worst, error))

    def result(self) -> Any:
        return ops.convert_to_tensor(self.worst)


@register
class Tiny(keras.Model):
    """One layer."""

    def __init__(self, units: Annotated[int, Ge(1)] = 1, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units
        self.only = Doubled(units)

    def call(self, inputs: Any) -> Any:
        return self.only(inputs)

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units, "name": self.name}


@register
class Quits(keras.callbacks.Callback):
    """Stops after some epochs."""

    def __init__(self, epochs: Annotated[int, Ge(1)] = 1) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = epoch + 1 >= self.epochs

    def get_config(self) -> dict[str, Any]:
        return {"epochs": self.epochs}
