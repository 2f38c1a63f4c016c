"""Models of nnlab's own, for `type: subclassed`."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from annotated_types import Ge


@keras.saving.register_keras_serializable(package="nnlab")
class WideAndDeep(keras.Model):
    """A network with a short and a long path from the numbers to the answer (Cheng et al. 2016).

    The wide path takes the normalized features as they are, the deep path sends them through two hidden layers; one
    output layer sees both. Rows of a table only.

    Args:
        units: units of each of the two hidden layers.
        activation: activation of the hidden layers.
        outputs: values of each answer.
        wide_features: columns of the wide path, all if left out.
        deep_features: columns of the deep path, all if left out.
        auxiliary: whether the deep path also gives an answer of its own; the model then returns `main` and `aux`.
        name: name of the model.

    Call with:
        inputs: `[rows, features]`. Returns `[rows, outputs]`, or a dict of two such tensors.

    References:
        - Cheng et al. 2016, Wide & Deep Learning for Recommender Systems, https://arxiv.org/abs/1606.07792
    """

    def __init__(
        self,
        units: Annotated[int, Ge(1)] = 30,
        activation: Any = "relu",
        outputs: Annotated[int, Ge(1)] = 1,
        wide_features: list[int] | None = None,
        deep_features: list[int] | None = None,
        auxiliary: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.units = units
        self.activation = activation
        self.outputs_per_answer = outputs
        self.wide_features = None if wide_features is None else list(wide_features)
        self.deep_features = None if deep_features is None else list(deep_features)
        self.auxiliary = auxiliary
        self.norm_wide = keras.layers.Normalization(name="norm_wide")
        self.norm_deep = keras.layers.Normalization(name="norm_deep")
        self.hidden1 = keras.layers.Dense(units, activation=activation, name="hidden1")
        self.hidden2 = keras.layers.Dense(units, activation=activation, name="hidden2")
        self.concat = keras.layers.Concatenate(name="concat")
        self.main = keras.layers.Dense(outputs, name="main")
        self.aux = keras.layers.Dense(outputs, name="aux") if auxiliary else None

    def call(self, inputs: Any) -> Any:
        """Compute the answer."""
        wide = self.norm_wide(_columns(inputs, self.wide_features))
        hidden = self.hidden2(self.hidden1(self.norm_deep(_columns(inputs, self.deep_features))))
        main = self.main(self.concat([wide, hidden]))
        return main if self.aux is None else {"main": main, "aux": self.aux(hidden)}

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {
            "units": self.units,
            "activation": keras.activations.serialize(keras.activations.get(self.activation)),
            "outputs": self.outputs_per_answer,
            "wide_features": self.wide_features,
            "deep_features": self.deep_features,
            "auxiliary": self.auxiliary,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> WideAndDeep:  # noqa: ARG003
        """Make it again from `get_config`."""
        return cls(**{**config, "activation": keras.activations.deserialize(config["activation"])})


def _columns(inputs: Any, features: list[int] | None) -> Any:
    return inputs if features is None else keras.ops.take(inputs, features, axis=-1)
