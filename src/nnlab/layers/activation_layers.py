"""Activations that are layers: they learn something, or draw random numbers while training."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from annotated_types import Ge
from keras import ops


class ActivationLayer(keras.layers.Layer):
    """Base of the layers that may stand wherever a config names an activation.

    Such a layer keeps the shape of what it is given, and needs no parameters.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the input."""
        return input_shape


@keras.saving.register_keras_serializable(package="nnlab")
class Swish(ActivationLayer):
    """Swish with a slope: `x * sigmoid(beta * x)`, `beta` fixed or learned.

    `beta = 1` is `silu`, `beta = 0` is `x / 2`, and the larger `beta`, the nearer it comes to `relu`. For a fixed
    `beta` of 1, name the function `silu` instead: it is the same.

    Args:
        beta: the slope; where it is learned, what it starts from.
        learn_beta: whether `beta` is a weight, one for the whole layer.

    Input and output have the same shape.

    Example:
        >>> Swish(beta=2.0)([-1.0, 0.0, 1.0])
        [-0.1192, 0.0, 0.8808]

    References:
        - [Ramachandran et al., 2017](https://arxiv.org/abs/1710.05941)
    """

    def __init__(self, beta: float = 1.0, learn_beta: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beta = beta
        self.learn_beta = learn_beta

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        """Make the weight, if there is one."""
        if self.learn_beta:
            start = keras.initializers.Constant(self.beta)
            self.learned_beta = self.add_weight(name="beta", shape=(), initializer=start)

    def call(self, inputs: Any) -> Any:
        """Apply the function."""
        beta = self.learned_beta if self.learn_beta else self.beta
        return inputs * ops.sigmoid(beta * inputs)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "beta": self.beta, "learn_beta": self.learn_beta}


@keras.saving.register_keras_serializable(package="nnlab")
class NoisyReLU(ActivationLayer):
    """ReLU with noise while training: `max(0, x + noise)`, the noise normal with mean 0 and variance `sigmoid(x)`.

    Units that are clearly off (`x` far below 0) are hardly disturbed, units that are on get noise of variance 1 at
    most. Outside of training it is `relu`.

    Args:
        seed: seed of the noise; default: drawn.

    Input and output have the same shape.

    Example:
        >>> NoisyReLU()([-1.0, 2.0], training=False)
        [0.0, 2.0]

    References:
        - [Nair & Hinton, 2010](https://icml.cc/Conferences/2010/papers/432.pdf)
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply the function, with fresh noise for every element if training."""
        if training:
            noise = keras.random.normal(ops.shape(inputs), dtype=inputs.dtype, seed=self.seed_generator)
            # the square root of the sigmoid, whose own gradient would be NaN where the sigmoid underflows
            deviation = ops.exp(0.5 * ops.log_sigmoid(inputs))
            inputs = inputs + deviation * noise
        return ops.relu(inputs)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="nnlab")
class RandomizedLeakyReLU(ActivationLayer):
    """Leaky ReLU (RReLU) whose slope below 0 is drawn for every element while training, against overfitting.

    `x` where `x >= 0`, else `slope * x`; the slope is uniform on [`lower`, `upper`] while training, and their mean
    otherwise.

    Args:
        lower: the smallest slope.
        upper: the largest slope.
        seed: seed of the slopes; default: drawn.

    Input and output have the same shape.

    Example:
        >>> RandomizedLeakyReLU(lower=0.1, upper=0.3)([-1.0, 2.0], training=False)
        [-0.2, 2.0]

    References:
        - [Xu et al., 2015](https://arxiv.org/abs/1505.00853)
    """

    def __init__(
        self,
        lower: Annotated[float, Ge(0)] = 0.125,
        upper: Annotated[float, Ge(0)] = 1 / 3,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= lower <= upper:
            raise ValueError(f"`lower` must be at least 0 and at most `upper`. Received: lower={lower}, upper={upper}")
        self.lower = lower
        self.upper = upper
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Apply the function, with a fresh slope for every element if training."""
        slope: Any = (self.lower + self.upper) / 2
        if training:
            slope = keras.random.uniform(
                ops.shape(inputs), self.lower, self.upper, dtype=inputs.dtype, seed=self.seed_generator
            )
        return ops.where(inputs >= 0, inputs, slope * inputs)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "lower": self.lower, "upper": self.upper, "seed": self.seed}
