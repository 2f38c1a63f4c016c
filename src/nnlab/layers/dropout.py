"""Dropout that stays on after training, for Monte-Carlo estimates of how sure a network is."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="nnlab")
class MCDropout(keras.layers.Dropout):
    """Dropout that is on outside of training too (Monte-Carlo dropout).

    Every prediction is then another sample: the mean of many is a better prediction, their spread tells how sure the
    network is. It is meant for a network that always samples; one with plain `Dropout` can be sampled as well, without
    giving its ordinary predictions up. Metrics, those of validation too, are noisier and worse than with the mean.

    Args:
        rate: share of the inputs that are set to 0; the others are multiplied by `1 / (1 - rate)`.

    Input and output have the same shape.

    Example:
        >>> MCDropout(0.5)([[1.0, 1.0, 1.0, 1.0]], training=False)
        [[2.0, 0.0, 0.0, 2.0]]

    References:
        - [Gal & Ghahramani, 2016](https://arxiv.org/abs/1506.02142)
    """

    def call(self, inputs: Any, training: bool = True) -> Any:  # noqa: ARG002
        """Drop some of the inputs, whether training or not."""
        return super().call(inputs, training=True)


@keras.saving.register_keras_serializable(package="nnlab")
class MCAlphaDropout(keras.layers.AlphaDropout):
    """Alpha dropout that is on outside of training too: Monte-Carlo dropout for SELU networks.

    Like `AlphaDropout` it keeps the mean and the variance of its inputs, which self-normalizing networks rely on.

    Args:
        rate: share of the inputs that are set to the value that SELU comes down to, about -1.758.

    Input and output have the same shape.

    Example:
        >>> MCAlphaDropout(0.1)(rows, training=False)

    References:
        - [Gal & Ghahramani, 2016](https://arxiv.org/abs/1506.02142)
        - [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515)
    """

    def call(self, inputs: Any, training: bool = True) -> Any:  # noqa: ARG002
        """Drop some of the inputs, whether training or not."""
        return super().call(inputs, training=True)
