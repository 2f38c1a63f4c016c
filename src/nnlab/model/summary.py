"""What a model consists of, as plain rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nnlab import catalog
from nnlab.model.objects import role_of
from nnlab.private.keras import feeding, layers_inside
from nnlab.wording import value_text


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of a model.

    Args:
        class_name: its Keras class.
        output_shape: without the batch axis; `None` for a size that is not fixed, or for all of it if it is unknown.
        params: number of weights, trainable or not.
        trainable: whether training changes it.
        inputs: names of the layers and of the model's inputs that feed it.
        activation: what it ends with, as a config would name it; `None` for a layer that takes none.
        initializer: what the first of its weights with two axes or more starts from, likewise.
        role: what it is for (see `nnlab.catalog.Entry`), or `input` for the model's input.
    """

    name: str
    class_name: str
    output_shape: tuple[int | None, ...] | None
    params: int
    trainable: bool
    inputs: tuple[str, ...] = ()
    activation: str | None = None
    initializer: str | None = None
    role: catalog.Role | Literal["input"] | None = None


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """All layers of a model, and its counts of weights."""

    name: str
    inputs: Mapping[str, tuple[int | None, ...]]
    layers: tuple[LayerRow, ...]
    trainable_params: int
    non_trainable_params: int

    @property
    def total_params(self) -> int:
        """All weights."""
        return self.trainable_params + self.non_trainable_params

    @property
    def rows(self) -> list[LayerRow]:
        """The inputs as rows, too, in front of the layers."""
        inputs = [LayerRow(name, "Input", shape, 0, True, role="input") for name, shape in self.inputs.items()]
        return [*inputs, *self.layers]

    def as_json(self) -> dict[str, Any]:
        """Return the document that `nnlab summary --json` prints."""
        keys = {"name": "name", "class": "class_name", **dict.fromkeys(("output_shape", "params", "trainable"))}
        return {
            "layers": [{key: getattr(row, name or key) for key, name in keys.items()} for row in self.layers],
            "total_params": self.total_params,
            "trainable_params": self.trainable_params,
            "non_trainable_params": self.non_trainable_params,
        }


def summarize(model: Any) -> ModelSummary:
    """Describe a built Keras model of any kind; the layers of a subclassed one have no known order or shapes."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    inputs = {
        layer.name: tuple(layer.batch_shape[1:]) for layer in model.layers if type(layer).__name__ == "InputLayer"
    }
    rows: list[LayerRow] = []
    for layer in layers:
        rows.append(
            LayerRow(
                name=layer.name,
                class_name=type(layer).__name__,
                output_shape=_output_shape(layer),
                params=layer.count_params(),
                trainable=bool(layer.trainable),
                inputs=_feeding(layer, rows, model),
                activation=_activation(layer),
                initializer=_initializer(layer),
                role=role_of(layer),
            )
        )
    return ModelSummary(
        name=model.name,
        inputs=inputs or _single_input(model),
        layers=tuple(rows),
        trainable_params=_count(model.trainable_weights),
        non_trainable_params=_count(model.non_trainable_weights),
    )


def _activation(layer: Any) -> str | None:
    """Describe the activation of a layer, or of the first layer inside that has one."""
    found = (getattr(inner, "activation", None) for inner in layers_inside(layer))
    return next((_described(activation, "activations") for activation in found if activation is not None), None)


def _initializer(layer: Any) -> str | None:
    """Describe what the weights of a layer start from; biases, and what scales and shifts, always start alike."""
    for inner in layers_inside(layer):
        for weight in inner.weights:
            initializer = getattr(inner, f"{weight.name}_initializer", None)
            if len(weight.shape) > 1 and initializer is not None:
                return _described(initializer, "initializers")
    return None


def _described(thing: Any, kind: str) -> str:
    """Name a Keras object or function as a config does, with the parameters that are not the default."""
    written = getattr(thing, "__name__", type(thing).__name__)
    entry = catalog.find(kind, written)
    name = written if entry is None else entry.name
    if not hasattr(thing, "get_config"):
        return name
    known = {} if entry is None else entry.parameters
    given = {
        key: value
        for key, value in thing.get_config().items()
        if key in known and key not in ("seed", "name") and value != known[key].default
    }
    return value_text({name: given}) if given else name


def _single_input(model: Any) -> dict[str, tuple[int | None, ...]]:
    shape = getattr(model, "input_shape", None)
    return {"input": tuple(shape[1:])} if isinstance(shape, tuple) else {}


def _output_shape(layer: Any) -> tuple[int | None, ...] | None:
    try:
        return tuple(layer.output.shape[1:])
    except (AttributeError, ValueError):  # a layer that was never called on a symbolic tensor
        return None


def _feeding(layer: Any, rows: list[LayerRow], model: Any) -> tuple[str, ...]:
    """Return the names of the layers and inputs that feed a layer, wherever the model uses it."""
    if type(model).__name__ == "Sequential":
        return (rows[-1].name,) if rows else ("input",)
    return feeding(layer, model)


def _count(weights: Any) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
