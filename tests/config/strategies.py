"""Random configs that hold, built from the catalog."""

from __future__ import annotations

import string
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from nnlab import catalog
from nnlab.catalog import Parameter
from nnlab.config.model import normalizes
from nnlab.config.names import canonical
from nnlab.config.values import value_faults

Draw = Callable[[st.SearchStrategy[Any]], Any]

TEXT = st.text(string.printable.strip() + " äλ模☃", min_size=1, max_size=8) | st.sampled_from(
    ["null", "true", "yes", "1e3", "0x10", "~", "- a", "a: b", "#", "*a", "2026-01-31", " a ", "a\nb\n", "\x1b", "="]
)
NUMBERS = st.floats(0, 1) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12)
VALUES = {
    "int": st.integers(1, 9) | st.integers(-(10**12), 10**12),
    "float": NUMBERS,
    "bool": st.booleans(),
    "str": TEXT,
    "list": st.lists(st.integers(1, 9) | st.floats(0.1, 9), max_size=3),
    "dict": st.dictionaries(TEXT, NUMBERS, max_size=2),
    "null": st.none(),
}
SCHEDULES = [
    "cosine",
    {"power": {"decay_epochs": 0.5, "power": 2}},
    {"exponential": {"decay_steps": 10_000, "decay_rate": 0.1, "staircase": True}},
    {"piecewise": {"boundaries_epochs": [1, 2.5], "values": [0.1, 1, 0], "warmup_steps": 3}},
    {"multi_step": {"milestones_steps": [7, 9]}},
    {"one_cycle": 0.1},
    {"performance": {"monitor": "loss", "factor": 0}},
]
"""A sample: parameters that exclude one another cannot be drawn one by one."""
NAMES = st.lists(TEXT | st.integers(-3, 3), min_size=2, max_size=3)


@st.composite
def experiments(draw: Draw) -> dict[str, Any]:
    """Plain values of a whole config."""
    training = {
        "epochs": lambda: draw(st.integers(1, 10**6)),
        "loss": lambda: component(draw, "losses"),
        "metrics": lambda: _metrics(draw),
        "early_stopping": lambda: {"monitor": draw(TEXT), "min_delta": draw(st.floats(0, 1))},
        "tensorboard": lambda: draw(st.booleans() | st.just({"profile_batch": [1, 2]})),
    }
    return {
        "name": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True)),
        "seed": draw(st.integers(0, 2**32 - 1)),
        "data": draw(st.sampled_from([_table, _inline, _data_set]))(draw),
        "model": _model(draw),
        "optimizer": component(draw, "optimizers"),
        **some(draw, {"schedule": lambda: deepcopy(draw(st.sampled_from(SCHEDULES)))}),
        "training": some(draw, training),
    }


def some(draw: Draw, values: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Draw some of the values."""
    return {name: value() for name, value in values.items() if draw(st.booleans())}


def several(draw: Draw, item: Callable[[], Any]) -> list[Any]:
    """Draw one to three items."""
    return [item() for _ in range(draw(st.integers(1, 3)))]


def component(draw: Draw, kind: str, names: list[str] | None = None) -> Any:
    """Draw an object of a kind as a config says it, with some of its parameters."""
    entry = catalog.entries(kind)[draw(st.sampled_from(names or list(catalog.entries(kind))))]
    required = [parameter for parameter in entry.parameters.values() if parameter.required]
    optional = [parameter for parameter in entry.parameters.values() if not parameter.required]
    chosen = draw(st.lists(st.sampled_from(optional), max_size=3, unique_by=lambda p: p.name)) if optional else []
    given = {parameter.name: _value(draw, parameter) for parameter in (*required, *chosen)}
    return {entry.name: given} if given else draw(st.sampled_from([entry.name, {entry.name: None}]))


def _metrics(draw: Draw) -> list[Any]:
    """Draw metrics whose columns have names of their own."""
    names = draw(st.lists(st.sampled_from(list(catalog.entries("metrics"))), min_size=1, max_size=3, unique=True))
    metrics = [component(draw, "metrics", [name]) for name in names]
    for metric in metrics:
        for parameters in metric.values() if isinstance(metric, dict) else ():
            (parameters or {}).pop("name", None)
    return metrics


def _value(draw: Draw, parameter: Parameter) -> Any:
    if parameter.default is None and draw(st.booleans()):
        return None
    if parameter.kind is not None:
        plain = ["Dense", "Flatten"] if parameter.kind == "layers" else None
        if parameter.kind == "activations" and parameter.default is not None and not parameter.required:
            plain = [name for name in catalog.entries("activations") if name not in catalog.activation_layers()]
        one = component(draw, parameter.kind, plain)
        for given in one.values() if isinstance(one, dict) and parameter.kind == "layers" else ():
            (given or {}).pop(catalog.STEP_FACTOR.name, None)  # it is given to the outer layer
        return [one] if "list" in parameter.types else one
    if parameter.choices:
        return draw(st.sampled_from(parameter.choices))
    values = st.one_of([VALUES[name] for name in parameter.types or ["str"]])
    return draw(values.filter(lambda value: not any(value_faults(parameter, value, received=value))))


def _table(draw: Draw) -> dict[str, Any]:
    settings = {
        "features": lambda: draw(NAMES),
        "classes": lambda: draw(NAMES),
        "class_weight": lambda: draw(
            # two names of one class are refused
            st.just("balanced") | st.dictionaries(TEXT.map(canonical).filter(bool), st.floats(0, 9), min_size=1)
        ),
        "validation": lambda: draw(st.floats(0, 1, exclude_max=True) | st.integers(0, 10**6)),
        "scale": lambda: draw(st.sampled_from(["standardize", "minmax", 255, 0.5])),
        "limit": lambda: draw(st.integers(1)),
    }
    target = draw(TEXT | st.integers(-3, 3) | NAMES)
    return {"source": "csv", "path": f"/data/{draw(TEXT.map(_file_name))}", "target": target, **some(draw, settings)}


def _file_name(text: str) -> str:
    return f"{text.replace('/', '')}.csv"


def _inline(draw: Draw) -> dict[str, Any]:
    cells = st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.none()
    columns = st.dictionaries(TEXT, st.lists(cells, max_size=3), min_size=1, max_size=3)
    return {"source": "inline", "columns": draw(columns), "target": draw(TEXT)}


def _data_set(draw: Draw) -> Any:
    return {"source": component(draw, "datasets", ["digits", "iris", "moons", "circle"])}


def _model(draw: Draw) -> dict[str, Any]:
    defaults = {
        "activation": lambda: component(draw, "activations"),
        "initializer": lambda: component(draw, "initializers"),
        "normalization": lambda: component(draw, "layers", sorted(filter(normalizes, catalog.entries("layers")))),
        "regularizer": lambda: component(draw, "regularizers"),
        "constraint": lambda: component(draw, "constraints"),
        "dropout": lambda: draw(st.floats(0, 1) | st.just({"AlphaDropout": 0.1})),
    }
    hidden = st.lists(st.integers(1, 100), max_size=3) | st.just({"layers": 2, "units": 5})
    layers = draw(st.just("hidden") | st.just("layers"))
    given = draw(hidden) if layers == "hidden" else several(draw, lambda: _layer(draw))
    return {layers: given, **some(draw, defaults)}


def _layer(draw: Draw) -> Any:
    if draw(st.integers(0, 4)) == 0:
        return {"repeat": draw(st.integers(1, 5)), "layers": several(draw, lambda: component(draw, "layers"))}
    return component(draw, "layers")
