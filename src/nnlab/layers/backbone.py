"""Networks of `keras.applications` for pictures, as one layer."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import keras
import numpy as np
from annotated_types import Ge, Gt
from keras import ops

from nnlab.errors import ConfigError, NnlabError, Problem, first_line
from nnlab.private.keras import NotDownloadedError, downloads_explained, networks

IMAGENET = "imagenet"
_BYTES = (0.0, 255.0)
_PALE = 100
"""Values that span so small a part of what they may are scaled otherwise than was said."""


NETWORKS = networks()
NAMES = tuple(sorted(NETWORKS))


@keras.saving.register_keras_serializable(package="nnlab")
class Backbone(keras.layers.Layer):
    """Network of `keras.applications` without its head, with the preprocessing that it was trained with.

    What it gives of a picture are features that a small head learns from, with few pictures, too. Grey pictures are
    taken for colour ones. With given weights, its batch normalizations keep their statistics, also while it is trained.

    Args:
        name: which network.
        weights: `imagenet`, those that Keras offers; or a file, relative to the config, as `save_weights` of that
            network without its head writes it; nothing for random ones.
        trainable: whether it is trained from the first epoch on.
        pooling: what is made of the features of all places of a picture: their mean, or the largest; nothing for a map.
        value_range: the least and the largest value of pixels that come in; `[0, 1]` behind `scale: 255`.
        freeze_epochs: epochs after which it is trained; 0 if `trainable` says it.
        thaw_layers: how many of its upper layers with weights are trained then; all if it is left out.
        learning_rate_after: the optimizer's rate from then on; as before if it is left out.

    Input: pictures `(batch, height, width, channels)`. Output: `(batch, features)`, or a map of them.

    Example:
        >>> keras.Sequential([keras.Input((96, 96, 3)), Backbone("MobileNetV3Small"), keras.layers.Dense(2)])

    References:
        - [Keras Applications](https://keras.io/api/applications/)
    """

    aliases = ("backbone",)

    def __init__(
        self,
        name: Annotated[str, NAMES],
        weights: Annotated[str, (IMAGENET,), "file"] | None = IMAGENET,
        trainable: bool = False,
        pooling: Literal["avg", "max"] | None = "avg",
        value_range: list[float] = [0.0, 255.0],  # noqa: B006 (never changed)
        freeze_epochs: Annotated[int, Ge(0)] = 0,
        thaw_layers: Annotated[int, Ge(1)] | None = None,
        learning_rate_after: Annotated[float, Gt(0)] | None = None,
        **kwargs: Any,
    ) -> None:
        self.application = kwargs.pop("application", name)
        super().__init__(name=name, trainable=trainable or freeze_epochs > 0, **kwargs)
        if self.application not in NETWORKS:
            raise ValueError(f"unknown network. Received: name={name}")
        if len(value_range) != 2 or not value_range[0] < value_range[1]:
            raise ValueError(f"`value_range` must be the least and the largest value. Received: {value_range}")
        self.initial_weights = weights
        self.pooling = pooling
        self.value_range = tuple(value_range)
        self.freeze_epochs = freeze_epochs
        self.thaw_layers = thaw_layers
        self.learning_rate_after = learning_rate_after
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.is_restored = False
        self.trained: Sequence[bool] | None = None

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the network for pictures of this size, with its weights unless a saved model is about to give them."""
        height, width, channels = input_shape[1:]
        if channels not in (1, 3):
            raise ValueError(f"pictures have 1 or 3 channels, these have {channels}")
        shape = (height, width, 3)
        make = NETWORKS[self.application].make
        given = None if self.is_restored else self.initial_weights
        try:
            with downloads_explained(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that pictures of this size were not those of ImageNet
                built = IMAGENET if given == IMAGENET else None
                self.network = make(include_top=False, weights=built, input_shape=shape, pooling=self.pooling)
        except NotDownloadedError as error:
            message = f"the weights of `{self.application}` are not on this machine, nor to be had: {error.reason}"
            hint = f"put {error.origin} into {error.folder}, or name a file: `weights: FILE`"
            raise NnlabError(message, hint=hint) from error
        if given not in (None, IMAGENET):
            _load(self.network, Path(str(given)), self.application)
        self.network.trainable = self.trainable
        for layer, trained in zip(self.network.layers, self.trained or (), strict=False):
            layer.trainable = trained
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the features of pictures."""
        low, high = self.value_range
        pixels = inputs if (low, high) == _BYTES else (inputs - low) * (255.0 / (high - low))
        if inputs.shape[-1] == 1:
            pixels = ops.repeat(pixels, 3, axis=-1)
        prepared = NETWORKS[self.application].preprocess(pixels)
        return self.network(prepared, training=training if self.initial_weights is None else False)

    def adapt(self, data: np.ndarray) -> None:
        """Refuse pictures whose pixels have other values than was said: the network would see black.

        Raises:
            ConfigError: with what they have.
        """
        low, high = self.value_range
        least, largest = float(data.min()), float(data.max())
        room = (high - low) / 1000
        if low - room <= least and largest <= high + room and largest - least > (high - low) / _PALE:
            return
        message = f"values from {least:g} to {largest:g} reach `{self.name}`, which takes {low:g} to {high:g}"
        hint = "say what they may be, such as `value_range: [0, 1]` behind `scale: 255`, or leave `scale` out"
        raise ConfigError(Problem(message, hint, ("model",)))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, and which layers are trained where not all are or none is."""
        trained = [layer.trainable for layer in self.network.layers] if self.built else []
        return {
            **({"trained": trained} if len(set(trained)) > 1 else {}),
            **super().get_config(),
            "application": self.application,
            "weights": self.initial_weights,
            "pooling": self.pooling,
            "value_range": list(self.value_range),
            "freeze_epochs": self.freeze_epochs,
            "thaw_layers": self.thaw_layers,
            "learning_rate_after": self.learning_rate_after,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the layer of a saved model, which holds its weights."""
        trained = config.get("trained")
        made = cls(**{name: value for name, value in config.items() if name != "trained"})
        made.is_restored, made.trained = True, trained
        return made


def _load(network: keras.Model, file: Path, name: str) -> None:
    if not file.is_file():
        raise NnlabError(f"there is no file `{file}` of weights", hint="check its name; it is relative to the config")
    try:
        network.load_weights(file)
    except Exception as error:
        message = f"`{file}` does not hold the weights of `{name}`: {first_line(error)}"
        hint = f"write them with `keras.applications.{name}(include_top=False, ...).save_weights(FILE)`"
        raise NnlabError(message, hint=hint) from error
