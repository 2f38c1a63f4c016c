"""What a config may name, by kind: names, parameters and defaults, without importing TensorFlow.

Keras's objects come from `keras.json`, which `scripts/generate_catalog.py` reads off the installed Keras, and nnlab's
own from `nnlab.json`, which it reads off `nnlab.layers`. Data sets and schedules register themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

Package = Literal["keras", "nnlab"]
Direction = Literal["min", "max"]
Role = Literal["activation", "normalization", "dropout", "scaling"]

REQUIRED: Final = object()
"""The default of a parameter that must be given."""

KINDS: Final[dict[str, str]] = {
    "layers": "layer",
    "activations": "activation",
    "initializers": "initializer",
    "regularizers": "regularizer",
    "constraints": "constraint",
    "optimizers": "optimizer",
    "schedules": "schedule",
    "losses": "loss",
    "metrics": "metric",
    "models": "model class",
    "datasets": "data set",
    "columns": "kind of column",
}
"""Every kind of object, with the word for one of it."""

PROVIDERS: Final = {
    "datasets": "nnlab.data.sources",
    "schedules": "nnlab.schedules",
    "columns": "nnlab.data.column_kinds",
}
"""The kinds whose objects call `register`, and the module that is imported, by its name alone, for them to do so."""


@cache
def _file(package: Package) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(Path(__file__).with_name(f"{package}.json").read_bytes())
    return content


class Parameter(NamedTuple):
    """A parameter of an object: its default (`REQUIRED` if it has none) and what it accepts.

    Args:
        kind: the kind of object that it names, if it names one.
        types: names among `int`, `float`, `bool`, `str`, `list`, `dict`, `null`; empty when unknown.
        items: the types of what a list holds, empty when unknown; limits hold for numbers in it, too.
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


class Takes(NamedTuple):
    """What a loss or a metric compares; `scripts/generate_catalog.py` explains the words.

    Args:
        targets: `values`, `nonnegative`, `nonzero`, `labels`, `rows`, `classes`, `any` or `sequences`.
        predictions: `numbers`, `positive`, `probabilities`, `distribution`, `scores`, `ranking`, `embeddings` or
            `sequences`.
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
        object: its attribute in Keras's module of the kind, or in `nnlab.layers`.
        package: whose it is.
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

    @property
    def first_parameter(self) -> str | None:
        """The parameter that a bare value stands for, as in `Dense: 300`."""
        return next(iter(self.parameters), None)


_registered: dict[str, dict[str, Callable[[], Entry]]] = {kind: {} for kind in PROVIDERS}


def register(kind: str, name: str, describe: Callable[[], Entry]) -> None:
    """Make an object known that describes itself when it is asked for."""
    _registered[kind][name] = cache(describe)


def entries(kind: str) -> Mapping[str, Entry]:
    """Return all entries of a kind by canonical name."""
    if kind in PROVIDERS:
        return {name: describe() for name, describe in _described(kind).items()}
    return _all_written(kind)


def _described(kind: str) -> Mapping[str, Callable[[], Entry]]:
    import_module(PROVIDERS[kind])
    return _registered[kind]


@cache
def _all_written(kind: str) -> Mapping[str, Entry]:
    return {name: _made(kind, name) for name in _written(kind)}


@cache
def _written(kind: str) -> Mapping[str, tuple[Package, Mapping[str, Any]]]:
    """Return what the files hold of a kind; making an `Entry` of all of it takes longer than a config needs."""
    packages: tuple[Package, ...] = ("keras", "nnlab")
    found = {
        name: (package, raw) for package in packages for name, raw in _file(package)["kinds"].get(kind, {}).items()
    }
    found = dict(sorted(found.items()))
    if kind == "activations":
        found |= {name: _written("layers")[name] for name in activation_layers()}
    return found


@cache
def activation_layers() -> tuple[str, ...]:
    """Return the layers that may stand where an activation is named; they then get a place of their own behind it."""
    layers = [(package != "keras", name, raw) for name, (package, raw) in _written("layers").items()]
    # `Activation` takes the function that it is as a parameter
    return tuple(
        name
        for _, name, raw in sorted(layers, key=lambda layer: layer[:2])
        if raw.get("role") == "activation" and "activation" not in raw["parameters"]
    )


@cache
def _made(kind: str, name: str) -> Entry:
    package, raw = _written(kind)[name]
    return _entry(package, kind, name, raw)


@cache
def _names(kind: str) -> Mapping[str, str]:
    """Return the canonical name of every name and alias."""
    written = _written(kind)
    names = {alias: name for name, (_, raw) in written.items() for alias in raw["aliases"]}
    return names | {name: name for name in written}


def find(kind: str, name: str) -> Entry | None:
    """Look a name or one of its aliases up; `None` if there is none."""
    if kind in PROVIDERS:
        describe = _described(kind).get(name)
        return None if describe is None else describe()
    canonical = _names(kind).get(name)
    return None if canonical is None else _made(kind, canonical)


def names(kind: str) -> Iterable[str]:
    """Return every name that is understood, canonical ones first."""
    known = entries(kind)
    return [*known, *(name for name in ({} if kind in PROVIDERS else _names(kind)) if name not in known)]


def keras_version() -> str:
    """Return the version of Keras that the catalog was read off."""
    return str(_file("keras")["keras_version"])


def _entry(package: Package, kind: str, name: str, raw: Mapping[str, Any]) -> Entry:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    values["parameters"] = {key: _parameter(key, value) for key, value in raw["parameters"].items()}
    if kind == "layers" and any(_holds_weights(parameter) for parameter in values["parameters"].values()):
        values["parameters"][STEP_FACTOR.name] = STEP_FACTOR
    if "takes" in raw:
        values["takes"] = Takes(*raw["takes"])
    if kind == "metrics" and (stand_in := _file("nnlab")["stand_ins"].get(name)):
        values["stand_in"] = StandIn(**stand_in)
    return Entry(kind=kind, name=name, package=package, **values)


def _holds_weights(parameter: Parameter) -> bool:
    """Whether a layer with such a parameter has weights, or takes a layer that may have some."""
    return parameter.kind in ("initializers", "layers")


def _parameter(name: str, raw: Mapping[str, Any]) -> Parameter:
    values: dict[str, Any] = {key: tuple(raw[key]) for key in ("types", "items", "choices") if key in raw}
    return Parameter(name=name, **{**raw, **values})
