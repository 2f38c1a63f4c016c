"""What is known of an object that a config may name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from nnlab.user_code import split_reference

Package = Literal["keras", "nnlab", "user"]
Direction = Literal["min", "max"]
Role = Literal["activation", "normalization", "dropout", "scaling"]

REQUIRED: Final = object()
"""The default of a parameter that must be given."""


class Parameter(NamedTuple):
    """A parameter of an object: its default (`REQUIRED` if it has none) and what it accepts.

    Args:
        kind: the kind of object that it names, if it names one.
        types: names among `int`, `float`, `bool`, `str`, `list`, `dict`, `null`; empty when unknown.
        items: the types of what a list holds, empty when unknown; limits hold for numbers in it, too.
        file_in: where a file is that it names, if it does: `path`, the folder at `path` of the data; `config`, that of
            the config. What `choices` has is no file.
        only_with: another parameter and the value of it with which alone this one means something.
    """

    name: str
    default: Any = REQUIRED
    kind: str | None = None
    types: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    description: str = ""
    only_with: tuple[str, Any] | None = None
    file_in: Literal["path", "config"] | None = None

    def names_file(self, value: str) -> bool:
        """Whether a value is the name of a file beside the config."""
        return self.file_in == "config" and value not in self.choices

    @property
    def required(self) -> bool:
        """Whether the config must give it."""
        return self.default is REQUIRED


STEP_FACTOR: Final = Parameter(
    "learning_rate_factor",
    default=1.0,
    types=("float",),
    minimum=0,
    maximum=1000,
    description="what the optimizer's steps with this layer's weights are multiplied by; nnlab's own",
)
"""The parameter that a layer with weights has besides Keras's."""


TARGETS = ("values", "nonnegative", "nonzero", "labels", "rows", "classes", "any", "sequences")
PREDICTIONS = (
    "numbers", "positive", "probabilities", "distribution", "scores", "ranking", "embeddings", "sequences",
)  # fmt: skip


class Takes(NamedTuple):
    """What a loss or a metric compares; `scripts/generate_catalog.py` explains the words.

    Args:
        targets: one of `TARGETS`.
        predictions: one of `PREDICTIONS`.
    """

    targets: str
    predictions: str


class StandIn(NamedTuple):
    """A metric of nnlab's own that takes the place of Keras's.

    Args:
        object: its attribute in `nnlab.layers`.
        given: the parameter with which it does; `None` if it does where all rows are to be taken together.
        correlates: whether the metric is a correlation, which of a single pair of numbers says nothing.
    """

    object: str
    given: str | None = None
    correlates: bool = False


class Entry(NamedTuple):
    """An object that a config may name.

    Args:
        object: its attribute in Keras's module of the kind, or in `nnlab.layers`; `file.py:name` of the user's own.
        package: whose it is.
        takes_more: whether it may take parameters that are not known.
        is_function: of the user's own, whether it is no class.
        instead: what to do in place of it, where nnlab has a way of its own; it may not stand in a config then.
        preset: parameters that the object gets under this name, where they are not its own defaults.
        direction: of a loss or metric, which values are better; `None` for counts, of which nobody says.
        value_range: of a loss or metric, the least and the largest value; `None` for no end.
        takes: what a loss or a metric compares.
        range: the smallest and the largest value of an activation with its defaults, `None` where there is no bound;
            `None` in place of both if they are not known.
        adds_up_to_1: whether the values of a row add up to 1, as those of a softmax do.
        keeps: of a layer without weights: `values` if what it gives lies within what it gets, `rows` if rows that add
            up to 1 still do so, too.
        moves: of such a layer with its defaults, whether it gives the very numbers that it gets.
        role: what a layer is for: `activation`, `normalization`, `dropout` (noise, too) or `scaling`.
        weights: the sizes of a layer's weights as products of numbers and parameters, such as `4*width*units`.
        shape: of what a layer gives: `same`, `flat`, `sum` (of the last axes of several inputs), or which axis of it is
            a parameter: `last units`, `added output_dim`, `only units`.
        stand_in: what takes the place of a metric.
        slots: numbers that an optimizer keeps for each weight.
        first_rate: where to look for an optimizer's learning rate first, if not at its default.
        lengthened_by_momentum: whether momentum makes its steps 1 / (1 - momentum) times as long.
        settings: of a data set, the keys of the `data` section that it understands besides those of all.
        needs: those of them that it cannot do without.
        split: how its rows are dealt if the config does not say: a word of `data.split.by`.
    """

    kind: str
    name: str
    object: str
    summary: str
    url: str | None = None
    aliases: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = {}
    package: Package = "nnlab"
    preset: Mapping[str, Any] = {}
    direction: Direction | None = None
    value_range: tuple[float | None, float | None] = (None, None)
    takes: Takes | None = None
    range: tuple[float | None, float | None] | None = None
    adds_up_to_1: bool = False
    keeps: Literal["values", "rows"] | None = None
    moves: bool = False
    role: Role | None = None
    weights: tuple[str, ...] = ()
    shape: str | None = None
    stand_in: StandIn | None = None
    slots: int = 0
    first_rate: float | None = None
    lengthened_by_momentum: bool = False
    settings: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    split: str = "random"
    takes_more: bool = False
    is_function: bool = False
    instead: str | None = None

    @property
    def key(self) -> str:
        """What a config calls it."""
        return self.object if self.package == "user" else self.name

    @property
    def written(self) -> str:
        """What a config may call it, of the user's own code with the file but not its folder."""
        return f"{Path(split_reference(self.object)[0]).name}:{self.name}" if self.package == "user" else self.name

    @property
    def first_parameter(self) -> str | None:
        """The parameter that a bare value stands for, as in `Dense: 300`."""
        return next(iter(self.parameters), None)
