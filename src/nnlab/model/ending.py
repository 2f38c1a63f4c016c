"""How an output of a model ends, and what the loss takes its values for: what metrics and predictions go by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from nnlab.catalog import Takes
from nnlab.config.components import Component
from nnlab.model.hidden import PlannedLayer, innermost

if TYPE_CHECKING:
    from nnlab.data.target_spec import Task

Link = Literal["sigmoid", "softmax"]

_HARMLESS = frozenset(("name", "dtype", "trainable", "axis"))
"""Parameters that do not change between which numbers an activation's values lie."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Between which numbers an output's values lie.

    Args:
        activation: the activation that decides it, `None` for none.
        low: the smallest value, `None` if there is none.
        high: the largest value, likewise.
        adds_up_to_1: whether the values of a row add up to 1.
        known: whether the layers are; those of a subclassed model are not.
    """

    activation: str | None = None
    low: float | None = None
    high: float | None = None
    adds_up_to_1: bool = False
    known: bool = True

    @property
    def within_0_and_1(self) -> bool:
        """Whether its values can be probabilities."""
        return self.low is not None and self.low >= 0 and self.high is not None and self.high <= 1

    @property
    def is_positive(self) -> bool:
        """Whether no value is below 0."""
        return self.low is not None and self.low >= 0

    def in_words(self) -> str:
        """Say how the model ends, behind "the model ends with"."""
        return "no activation" if self.activation is None else f"`{self.activation}`"


UNKNOWN = Ending(known=False)


def ending_of(layers: Iterable[PlannedLayer], before: Callable[[], Ending] = lambda: Ending()) -> Ending:
    """Return how layers in a row end.

    Layers that only move, drop or average values (`Flatten`, `Dropout`, pooling, `Activation: linear`) leave it to the
    layer before them.

    Args:
        layers: the layers, the last one last.
        before: gives the ending of what feeds the first one.
    """
    rows_kept = True
    for layer in reversed(list(layers)):
        component = innermost(layer.component)
        keeps = "rows" if _is_linear(component) else component.entry.keeps
        if component.entry.package == "user" and component.entry.range is None:
            return UNKNOWN  # what own code gives only running it would tell
        if keeps is None:
            return _as_far_as_kept(_of_layer(component), rows_kept)
        rows_kept = rows_kept and keeps == "rows"
    return _as_far_as_kept(before(), rows_kept)


def common_ending(endings: Sequence[Ending]) -> Ending:
    """Return the ending of what is put together of several: theirs, if they are the same."""
    return endings[0] if endings and all(ending == endings[0] for ending in endings) else Ending()


def _as_far_as_kept(ending: Ending, rows_kept: bool) -> Ending:
    return ending if rows_kept else replace(ending, adds_up_to_1=False)


def _is_linear(component: Component) -> bool:
    return component.name == "Activation" and component.parameters["activation"].name == "linear"


def _of_layer(component: Component) -> Ending:
    if component.entry.range is not None:
        return _of_activation(component)
    if "activation" not in component.entry.parameters:
        return Ending()
    activation = component.get("activation")
    if isinstance(activation, str):  # the layer's own default
        activation = Component("activations", activation)
    if activation is not None and activation.entry.package == "user" and activation.entry.range is None:
        return UNKNOWN
    return Ending() if activation is None or activation.name == "linear" else _of_activation(activation)


def _of_activation(activation: Component) -> Ending:
    name, entry = activation.called, activation.entry
    name = "softmax" if name == "Softmax" else name
    if entry.range is None or not set(activation.parameters) <= _HARMLESS:
        return Ending(name)
    low, high = entry.range
    return Ending(name, low, high, entry.adds_up_to_1)


def takes_of(component: Component) -> Takes:
    """Return what a loss or a metric compares."""
    takes = component.entry.takes
    assert takes is not None, "the generator gives every loss and metric its own"
    return takes


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the loss takes an output's values for.

    Args:
        kind: `probabilities` of classes or labels; `logits` of such; `scores` with the boundary at 0, as hinge losses
            want them; `numbers`, which are the answer itself.
        link: what makes probabilities of logits or scores.
        column: the column of the positive class, where two classes have a column each in a binary task.
    """

    kind: Literal["probabilities", "logits", "scores", "numbers"]
    link: Link | None = None
    column: int | None = None


def meaning_of(task: Task | None, loss: Component, ending: Ending) -> Meaning:
    """Return what a loss takes the values of an output for.

    Losses that know no logits and expect no probabilities (the hinge losses) take scores, unless the model has made
    probabilities of them. Losses that compare values make classes' values tend to their probabilities.
    """
    takes = takes_of(loss)
    column = 1 if task == "binary" and takes.targets == "classes" else None
    has_rows = task == "multiclass" or column is not None
    if "from_logits" in loss.entry.parameters and loss.get("from_logits"):
        return Meaning("logits", "softmax" if takes.predictions == "distribution" else "sigmoid", column)
    if task == "regression":
        return Meaning("numbers")
    if takes.predictions == "scores" and not ending.within_0_and_1:
        return Meaning("scores", "softmax" if has_rows else "sigmoid", column)
    return Meaning("probabilities", None, column)
