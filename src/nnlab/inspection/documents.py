"""Looks as files: JSON with large arrays in short, CSV with a row an entry, NPZ with the arrays themselves."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnlab.inspection.looks import Array, Arrays, LayerCall, Look, Weight

MOST_ENTRIES = 10_000
"""A larger array is a summary in JSON."""

BINS = 20


def summary(array: Array) -> dict[str, Any]:
    """Return what an array looks like in short.

    Returns:
        Its shape; mean, standard deviation, least and largest entry; the share of zeros; a histogram of its finite
        entries. Figures are `None` if there are no entries.
    """
    values = np.asarray(array, np.float64).ravel()
    finite = values[np.isfinite(values)]
    counts, edges = np.histogram(finite, bins=BINS) if finite.size else (np.zeros(0, int), np.zeros(0))
    figures = {name: getattr(values, name) for name in ("mean", "std", "min", "max")}
    with np.errstate(invalid="ignore", over="ignore"):
        return {
            "shape": list(array.shape),
            **{name: float(figure()) if values.size else None for name, figure in figures.items()},
            "zeros": float(np.mean(values == 0)) if values.size else None,
            "histogram": {"counts": counts.tolist(), "edges": edges.tolist()},
        }


def plain(array: Array) -> Any:
    """Return an array for JSON: nested lists with the digits that its type has, a large one as its summary."""
    if array.size > MOST_ENTRIES:
        return summary(array)
    if array.dtype.kind != "f":
        return array.tolist()
    short = np.array([float(str(value)) for value in array.ravel()], object).reshape(array.shape)
    return short.tolist()


def as_json(looks: Sequence[Look], head: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document that `nnlab inspect --json` prints.

    Args:
        looks: one, or one a step.
        head: what was looked at.
    """
    return {**head, "steps": [_look_json(look) for look in looks]}


def _look_json(look: Look) -> dict[str, Any]:
    head: dict[str, Any] = {
        "step": look.step,
        "rows": look.rows.tolist(),
        "training": look.training,
        "loss": _figure(look.loss),
        "penalties": _figure(look.penalties),
        "row_losses": None if look.row_losses is None else plain(look.row_losses),
    }
    if look.output_losses:
        head["output_losses"] = {
            name: None if found is None else plain(found) for name, found in look.output_losses.items()
        }
    if look.step is not None:
        head |= {"epoch": look.epoch, "learning_rate": _figure(look.learning_rate)}
        head["optimizer"] = {name: plain(value) for name, value in look.optimizer.items()}
    return {**head, "layers": [_layer_json(layer) for layer in look.layers], "notes": list(look.notes)}


def _figure(value: float | None) -> float | None:
    """Return a number that was computed in float32 with the digits of that."""
    return None if value is None else float(str(np.float32(value)))


def _layer_json(layer: LayerCall) -> dict[str, Any]:
    return {
        "name": layer.name,
        "class": layer.class_name,
        "call": layer.call,
        "activation": layer.activation,
        **layer.settings,
        **{kind: _arrays_json(arrays) for kind, arrays in layer.values.items()},
        **{f"{kind.removesuffix('s')}_gradients": _arrays_json(arrays) for kind, arrays in layer.gradients.items()},
        "weights": {weight.name: _weight_json(weight) for weight in layer.weights},
        "notes": list(layer.notes),
    }


def _arrays_json(arrays: Arrays) -> Any:
    found = {name: None if value is None else plain(value) for name, value in arrays.items()}
    return found[""] if list(found) == [""] else found


def _weight_json(weight: Weight) -> dict[str, Any]:
    numbers = {name: plain(value) for name, value in weight.arrays() if not name.startswith("optimizer/")}
    slots = {
        name: {"value": plain(value)}
        | ({"after": plain(weight.optimizer_after[name])} if name in weight.optimizer_after else {})
        for name, value in weight.optimizer.items()
    }
    return {"trainable": weight.is_trained, **numbers, "optimizer": slots}


def named_arrays(looks: Sequence[Look]) -> Iterator[tuple[tuple[str, ...], Array]]:
    """Yield every array with its step (empty if there is none), layer, weight (or empty) and kind."""
    for look in looks:
        step = "" if look.step is None else str(look.step)
        yield (step, "", "", "rows"), look.rows
        figures = {"loss": look.loss, "penalties": look.penalties, "learning_rate": look.learning_rate}
        yield from (((step, "", "", name), np.asarray(value)) for name, value in figures.items() if value is not None)
        if look.row_losses is not None:
            yield (step, "", "", "row_losses"), look.row_losses
        losses = ((name, found) for name, found in look.output_losses.items() if found is not None)
        yield from (((step, "", "", f"row_losses/{name}"), found) for name, found in losses)
        yield from (((step, "", "", f"optimizer/{name}"), value) for name, value in look.optimizer.items())
        for layer in look.layers:
            called = layer.name if layer.call == 1 else f"{layer.name}#{layer.call}"
            yield from (((step, called, weight, kind), value) for weight, kind, value in layer.arrays())


def npz_bytes(looks: Sequence[Look]) -> bytes:
    """Return the arrays as an NPZ file, by names such as `dense/outputs`, `dense/kernel/gradient`, `step1/loss`."""
    arrays = {
        "/".join(part for part in (f"step{step}" if step else "", layer, weight, kind) if part): value
        for (step, layer, weight, kind), value in named_arrays(looks)
    }
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


CSV_COLUMNS = ("step", "layer", "weight", "kind", "index", "value")


def csv_rows(looks: Sequence[Look]) -> Iterator[tuple[str, ...]]:
    """Yield a row an entry; its place in the array is written as `0,2`."""
    for names, array in named_arrays(looks):
        for index, value in np.ndenumerate(array):
            yield (*names, ",".join(map(str, index)), str(value))
