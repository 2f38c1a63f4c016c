"""What a model consists of, as plain rows."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of a model.

    Args:
        class_name: its Keras class.
        output_shape: without the batch axis; `None` for a size that is not fixed.
        params: number of weights, trainable or not.
        trainable: whether training changes it.
        inputs: names of the layers that feed it; empty for the first.
    """

    name: str
    class_name: str
    output_shape: tuple[int | None, ...]
    params: int
    trainable: bool
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSummary:
    """All layers of a model, and its counts of weights."""

    name: str
    input_shape: tuple[int | None, ...]
    layers: tuple[LayerRow, ...]
    trainable_params: int
    non_trainable_params: int

    @property
    def total_params(self) -> int:
        """All weights."""
        return self.trainable_params + self.non_trainable_params

    def as_json(self) -> dict[str, Any]:
        """Return the document that `nnlab summary --json` prints."""
        layers = []
        for row in self.layers:
            fields = asdict(row)
            fields["class"] = fields.pop("class_name")
            order = ("name", "class", "output_shape", "params", "trainable")
            layers.append({key: fields[key] for key in order})
        return {
            "layers": layers,
            "total_params": self.total_params,
            "trainable_params": self.trainable_params,
            "non_trainable_params": self.non_trainable_params,
        }


def summarize(model: Any) -> ModelSummary:
    """Describe a built sequential Keras model."""
    rows: list[LayerRow] = []
    for layer in model.layers:
        rows.append(
            LayerRow(
                name=layer.name,
                class_name=type(layer).__name__,
                output_shape=tuple(layer.output.shape[1:]),
                params=layer.count_params(),
                trainable=bool(layer.trainable),
                inputs=(rows[-1].name,) if rows else (),
            )
        )
    return ModelSummary(
        name=model.name,
        input_shape=tuple(model.input_shape[1:]),
        layers=tuple(rows),
        trainable_params=_count(model.trainable_weights),
        non_trainable_params=_count(model.non_trainable_weights),
    )


def _count(weights: Any) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def shape_text(shape: tuple[int | None, ...]) -> str:
    """Write a shape for people: `28 x 28`, `scalar` for none."""
    return " x ".join("?" if size is None else str(size) for size in shape) or "scalar"
