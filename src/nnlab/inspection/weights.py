"""The weights of a model by layer, with their gradients and what the optimizer keeps of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.inspection.looks import Array, Weight

Gradients = Mapping[int, Array | None]
"""By the `id` of the variable; those that are not trained are not in it."""


@dataclass(frozen=True, slots=True)
class ShownLayer:
    """A layer that is shown as one, whatever is inside of it.

    Args:
        name: with the names of the models that it is in, within the whole one.
        layer: the layer.
    """

    name: str
    layer: keras.Layer


def shown_layers(model: keras.Model) -> list[ShownLayer]:
    """Return the layers of a model and of the models within, each once, in order; wrappers and cells stay whole."""
    found = list(_layers_of(model, ""))
    return list({id(shown.layer): shown for shown in reversed(found)}.values())[::-1]


def _layers_of(model: keras.Model, prefix: str) -> Iterator[ShownLayer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers_of(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            yield ShownLayer(f"{prefix}{layer.name}", layer)


@dataclass(frozen=True, slots=True)
class WeightsByLayer:
    """The weights of a model as they are now.

    Args:
        model: the model.
        shown: its layers.
        gradients: of the loss.
        penalty_gradients: of the penalties.
    """

    model: keras.Model
    shown: Sequence[ShownLayer]
    gradients: Gradients = field(default_factory=dict)
    penalty_gradients: Gradients = field(default_factory=dict)

    def read(self) -> dict[str, list[Weight]]:
        """Return them by layer; what belongs to none, by the name of the model."""
        known = {id(weight) for each in self.shown for weight in each.layer.weights}
        own = [weight for weight in self.model.weights if id(weight) not in known]
        slots, _ = optimizer_variables(self.model)
        trained = {id(weight) for weight in self.model.trainable_weights}
        by_layer = {each.name: (each.layer.name, each.layer.weights) for each in self.shown}
        if own:
            by_layer[self.model.name] = (self.model.name, own)
        return {
            name: [
                Weight(
                    name=called,
                    is_trained=id(variable) in trained,
                    value=array_of(variable.value),
                    gradient=self.gradients.get(id(variable)),
                    penalty_gradient=self.penalty_gradients.get(id(variable)),
                    optimizer={slot: array_of(each.value) for slot, each in slots.get(id(variable), {}).items()},
                )
                for called, variable in zip(_names(layer, variables), variables, strict=True)
            ]
            for name, (layer, variables) in by_layer.items()
        }


def _names(layer: str, variables: Sequence[Any]) -> list[str]:
    """Return the names of variables within their layer, all of them different."""
    names: list[str] = []
    for variable in variables:
        _, is_inside, name = f"/{variable.path}".rpartition(f"/{layer}/")
        name = name if is_inside else variable.name
        same = sum(other == name or other.startswith(f"{name}#") for other in names)
        names.append(f"{name}#{same + 1}" if same else name)
    return names


def optimizer_variables(model: keras.Model) -> tuple[dict[int, dict[str, Any]], dict[str, Any]]:
    """Return the variables of a model's optimizer: Keras calls those of a weight by its path, in the order of weights.

    Returns:
        Those of each weight, by the weight's `id` and by their own name, such as `momentum`; and those of none, such as
        `iterations`, by name.
    """
    waiting: dict[str, list[Any]] = defaultdict(list)
    for variable in model.optimizer.variables:
        waiting[variable.name].append(variable)
    prefixes: dict[str, list[Any]] = defaultdict(list)
    for weight in model.trainable_variables:
        prefixes[f"{weight.path.replace('/', '_')}_"].append(weight)
    attributes = {id(value): name.lstrip("_") for name, value in vars(model.optimizer).items()}
    of_weights = _listed_by_weight(model)
    slots: dict[int, dict[str, Any]] = defaultdict(dict)
    others: dict[str, Any] = {}
    for name, variables in waiting.items():
        prefix = max((prefix for prefix in prefixes if name.startswith(prefix)), key=len, default=None)
        if prefix is None:
            for variable in variables:
                if id(variable) in of_weights:
                    weight, slot = of_weights[id(variable)]
                    slots[id(weight)][slot] = variable
                else:
                    others[attributes.get(id(variable), name)] = variable
            continue
        for weight, variable in zip(prefixes[prefix], variables, strict=False):
            slots[id(weight)][name.removeprefix(prefix)] = variable
    return dict(slots), others


def _listed_by_weight(model: keras.Model) -> dict[int, tuple[Any, str]]:
    """Return what an optimizer lists in the order of the weights without calling it by them, such as Adafactor's sums.

    Returns:
        By the `id` of the variable its weight, and the name of the list.
    """
    weights = model.trainable_variables
    return {
        id(variable): (weight, name.lstrip("_"))
        for name, values in vars(model.optimizer).items()
        if isinstance(values, list) and len(values) == len(weights) and name != "_trainable_variables"
        for weight, variable in zip(weights, values, strict=True)
    }


def array_of(value: Any) -> Array:
    """Return a tensor or a variable as NumPy's; half precision as float32, which holds all of it."""
    tensor = tf.convert_to_tensor(value)
    return np.array(tf.cast(tensor, tf.float32) if tensor.dtype.is_floating and tensor.dtype.size < 4 else tensor)
