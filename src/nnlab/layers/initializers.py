"""Initializers of nnlab's own."""

from __future__ import annotations

from typing import Any, Literal

import keras


@keras.saving.register_keras_serializable(package="nnlab")
class InverseSqrtUniform(keras.initializers.VarianceScaling):
    """Uniform on `[-1 / sqrt(n), 1 / sqrt(n)]`, `n` the number of units: the rule of thumb from before Glorot.

    The variance is `1 / (3 * n)`, a third of LeCun's. It stands here for comparisons, in which signals are seen to die
    out in deep networks; `glorot_uniform`, `he_normal` and `lecun_normal` are better in earnest.

    Args:
        mode: `n`: the layer's units (`fan_out`) or its inputs (`fan_in`).
        seed: seed of the values; default: drawn.

    Example:
        >>> keras.layers.Dense(100, kernel_initializer=InverseSqrtUniform())  # within 0.1 of 0

    References:
        - [Glorot & Bengio, 2010](https://proceedings.mlr.press/v9/glorot10a.html)
    """

    def __init__(self, mode: Literal["fan_out", "fan_in"] = "fan_out", seed: int | None = None) -> None:
        if mode not in ("fan_out", "fan_in"):
            raise ValueError(f"`mode` must be `fan_out` or `fan_in`. Received: mode={mode}")
        # Keras draws within sqrt(3 * scale / n)
        super().__init__(scale=1 / 3, mode=mode, distribution="uniform", seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        config = super().get_config()
        return {"mode": config["mode"], "seed": config["seed"]}
