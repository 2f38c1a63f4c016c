"""What was seen of a network: arrays by layer and by weight, NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

Arrays: TypeAlias = Mapping[str, Array | None]
"""Arrays that a layer gets or gives, by number or name, an only one as `""`; `None` for no gradient."""


Part = Literal["weights", "gradients", "activations"]
"""What may be chosen of a look."""


def are_equal(one: Arrays, other: Arrays) -> bool:
    """Whether arrays of the same names hold the same."""
    return one.keys() == other.keys() and all(_is_equal(one[name], other[name]) for name in one)


def _is_equal(one: Array | None, other: Array | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other, equal_nan=True))


@dataclass(frozen=True, slots=True, eq=False)
class Weight:
    """A variable of a layer.

    Args:
        name: in its layer.
        is_trained: whether training changes it by its gradient.
        value: before the step, if there is one.
        gradient: of the loss, penalties included; `None` if it has none.
        penalty_gradient: the part of the gradient that comes from penalties; `None` if the model has none.
        after: the value behind the step.
        optimizer: what the optimizer keeps of it, by name, before the step.
        optimizer_after: the same, behind the step.
    """

    name: str
    is_trained: bool
    value: Array | None
    gradient: Array | None = None
    penalty_gradient: Array | None = None
    after: Array | None = None
    optimizer: Mapping[str, Array] = field(default_factory=dict)
    optimizer_after: Mapping[str, Array] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        known = self.value if self.value is not None else self.gradient
        return () if known is None else known.shape

    @property
    def size(self) -> int:
        """How many entries it has."""
        return math.prod(self.shape)

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Yield all that is known of it, and what it is called."""
        own = {name: getattr(self, name) for name in ("value", "gradient", "penalty_gradient", "after")}
        slots = {f"optimizer/{name}": value for name, value in self.optimizer.items()}
        behind = {f"optimizer/{name}/after": value for name, value in self.optimizer_after.items()}
        yield from ((name, value) for name, value in (own | slots | behind).items() if value is not None)


@dataclass(frozen=True, slots=True, eq=False)
class LayerCall:
    """A layer at work: one of its calls, and with the first one its weights.

    Args:
        name: of the layer; of one in a model within the model, with that model's name before it.
        class_name: its class.
        call: from 1; a shared layer has several.
        activation: the name of its activation, if it applies one.
        values: `inputs`, `pre_activations`, `outputs`, `training_outputs`, `inference_outputs`, `batch_mean` ...
        gradients: of the loss with respect to `inputs`, `pre_activations` and `outputs`.
        weights: its variables.
        settings: numbers that its values follow from, such as the rate of a dropout.
        notes: what cannot be shown of it, and why.
    """

    name: str
    class_name: str
    call: int = 1
    activation: str | None = None
    values: Mapping[str, Arrays] = field(default_factory=dict)
    gradients: Mapping[str, Arrays] = field(default_factory=dict)
    weights: Sequence[Weight] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def arrays(self) -> Iterator[tuple[str, str, Array]]:
        """Yield the name of a weight or `""`, what an array is, and the array."""
        for kinds, ending in ((self.values, ""), (self.gradients, "_gradients")):
            for kind, arrays in kinds.items():
                shown = kind if not ending else f"{kind.removesuffix('s')}{ending}"
                yield from (
                    ("", f"{shown}/{name}" if name else shown, value)
                    for name, value in arrays.items()
                    if value is not None
                )
        for weight in self.weights:
            yield from ((weight.name, kind, value) for kind, value in weight.arrays())


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A network at some rows: as it is, or before and behind a training step.

    Args:
        rows: their numbers in their split or file.
        training: whether layers worked as in training (dropout on, statistics of the batch).
        layers: in the order in which they were called.
        loss: of the rows together, penalties included; `None` without targets.
        penalties: the part of it that comes from regularizers and layers.
        row_losses: of each row `[rows]`, weights of rows and outputs included; `None` if the loss has none.
        output_losses: of each row by output, without the weights of outputs; empty if there is one output.
        notes: what has to be said of the numbers.
        step: from 1; `None` if no step was taken.
        epoch: of the step, from 1.
        learning_rate: of the step.
        optimizer: the optimizer's variables that belong to no weight, before the step, by name.
    """

    rows: Array
    training: bool
    layers: Sequence[LayerCall]
    loss: float | None = None
    penalties: float = 0.0
    row_losses: Array | None = None
    output_losses: Mapping[str, Array | None] = field(default_factory=dict)
    notes: Sequence[str] = ()
    step: int | None = None
    epoch: int | None = None
    learning_rate: float | None = None
    optimizer: Mapping[str, Array] = field(default_factory=dict)

    def chosen(self, parts: Sequence[Part], layer: str | None) -> Look:
        """Return some parts of it, or those of some layers: of one name, wherever it is."""
        names = {each.name for each in self.layers if layer in (None, each.name, each.name.rpartition("/")[2])}
        return replace(self, layers=[_with_parts(each, parts) for each in self.layers if each.name in names])


def _with_parts(layer: LayerCall, parts: Sequence[Part]) -> LayerCall:
    changes: dict[str, Any] = {}
    if "activations" not in parts:
        changes["values"] = {}
    if "gradients" not in parts:
        changes["gradients"] = {}
    if not {"activations", "gradients"} & set(parts):
        changes["notes"] = ()  # they are about these
    hidden: dict[str, Any] = {}
    if "weights" not in parts:
        hidden |= {"value": None, "after": None, "optimizer": {}, "optimizer_after": {}}
    if "gradients" not in parts:
        hidden |= {"gradient": None, "penalty_gradient": None}
    return replace(layer, **changes, weights=[replace(weight, **hidden) for weight in layer.weights])
