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
from typing import Any, Final

from nnlab.catalog import own
from nnlab.catalog.entry import REQUIRED, STEP_FACTOR, Direction, Entry, Package, Parameter, Role, StandIn, Takes
from nnlab.catalog.own import USER_CODE, user_entry
from nnlab.user_code import is_reference

__all__ = [
    "REQUIRED",
    "STEP_FACTOR",
    "USER_CODE",
    "Direction",
    "Entry",
    "Package",
    "Parameter",
    "Role",
    "StandIn",
    "Takes",
]

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
    "callbacks": "callback",
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
    """Look a name or one of its aliases up, or `my_code.py:name`; `None` if there is none."""
    if is_reference(name):
        return user_entry(kind, name, _base_parameters)
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


@cache
def _base_parameters(kind: str, name: str | None) -> Mapping[str, Parameter]:
    """Return the parameters of Keras's class of a name; of any other name, those that most of the kind have."""
    if name in _written(kind):
        return _made(kind, name).parameters
    raw = [_made(kind, each).parameters for each in _written(kind)]
    known = {each: parameter for parameters in raw for each, parameter in parameters.items()}
    return {each: known[each] for each in known if sum(each in one for one in raw) > len(raw) * 3 / 4}


def user_code_problem(kind: str, reference: str) -> tuple[str, str | None] | None:
    """Return message and hint if what a config names in a file of the user's cannot be an object of a kind."""
    return own.user_code_problem(kind, reference, _base_parameters)
