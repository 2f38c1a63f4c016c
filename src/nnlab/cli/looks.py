"""What was seen of a network, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from nnlab.cli.screen import Screen
from nnlab.inspection.documents import summary
from nnlab.inspection.looks import Array, Arrays, LayerCall, Look, Weight, are_equal
from nnlab.report.matrix import MOST_ENTRIES, matrix_lines, number, point_aligned, summary_lines
from nnlab.report.page import Column
from nnlab.wording import joined, shape_text

MOST_ROWS = 20
"""Rows whose losses are listed."""

MOST_OF_A_STEP = 16
"""Entries of a weight that are listed step by step."""

WIDEST = 120
"""Cells of a line of a matrix, also where there is no end to the lines."""

_LABEL = 26
"""Cells of what stands before a vector."""

_INDENT = "  "


def show_look(out: Screen, look: Look) -> None:
    """Print a network at some rows, layer by layer."""
    if look.step is not None:
        out.print()
        out.say(f"step {look.step}", style="bold")
    _show_losses(out, look)
    previous: Arrays = {}
    for layer in look.layers:
        out.print()
        out.say(_title(layer), style="bold")
        for label, array, labels in _arrays(layer, previous, [f"row {row}" for row in look.rows]):
            _show_array(out, label, array, labels)
        for note in layer.notes:
            out.say(f"({note})", indent=_INDENT)
        previous = layer.values.get("outputs", previous)
    for note in look.notes:
        out.say(f"note: {note}")


def _title(layer: LayerCall) -> str:
    called = f", call {layer.call}" if layer.call > 1 else ""
    settings = "".join(f", {name} {value:g}" for name, value in layer.settings.items())
    return f"{layer.name}  {layer.class_name}{called}{settings}"


def _show_losses(out: Screen, look: Look) -> None:
    if look.loss is None:
        return
    penalties = f", of which penalties {number(look.penalties)}" if look.penalties else ""
    out.say(f"loss {number(look.loss)}{penalties}")
    losses = {"loss of row": look.row_losses} | {f"{name}, row": each for name, each in look.output_losses.items()}
    for label, each in losses.items():
        if each is None or len(look.rows) == 1:
            continue
        if len(look.rows) > MOST_ROWS:
            _show_array(out, f"{label}s", each, ())
            continue
        for row, value in zip(look.rows, point_aligned([number(value) for value in each]), strict=True):
            out.print(f"{_INDENT}{f'{label} {row}':<{_LABEL}}{value}")


def _arrays(
    layer: LayerCall, previous: Arrays, rows: Sequence[str]
) -> Iterator[tuple[str, Array | None, Sequence[str]]]:
    """Yield the label of each array that is shown, the array, and the names of its rows."""
    is_new = not are_equal(layer.values.get("inputs", {}), previous)
    before = f"before {layer.activation or 'activation'}"
    labels = {
        "inputs": "inputs" if is_new else "",
        "pre_activations": "" if layer.activation == "linear" else before,
        "outputs": "outputs",
        "training_outputs": "outputs in training",
        "inference_outputs": "outputs not in training",
        "batch_mean": "mean of these rows",
        "batch_variance": "variance of them",
    }
    for kind, arrays in layer.values.items():
        if labels[kind]:
            named = rows if not kind.startswith("batch_") else ()
            yield from ((f"{labels[kind]} {name}".rstrip(), array, named) for name, array in arrays.items())
    wheres = {
        "outputs": "at outputs",
        "pre_activations": labels["pre_activations"],
        "inputs": "at inputs" if is_new else "",
    }
    for kind, where in wheres.items():
        if where:
            gradients = layer.gradients.get(kind, {})
            yield from ((f"gradient {where} {name}".rstrip(), array, rows) for name, array in gradients.items())
    for weight in layer.weights:
        yield from ((label, array, ()) for label, array in _of_weight(weight))


def _of_weight(weight: Weight) -> Iterator[tuple[str, Array | None]]:
    fixed = "" if weight.is_trained else " (not trained)"
    labels = {
        "value": f"{weight.name}{fixed}",
        "gradient": f"gradient of {weight.name}",
        "penalty_gradient": f"from penalties, of {weight.name}",
        "after": f"{weight.name} behind the step",
    }
    for kind, array in weight.arrays():
        if kind in labels:
            yield labels[kind], array


def _show_array(out: Screen, label: str, array: Array | None, rows: Sequence[str]) -> None:
    """Print an array below its label, or beside it if it is a line."""
    width = min(out.width, WIDEST)
    if array is None:
        lines = ["none"]
    elif array.size > MOST_ENTRIES:
        lines = summary_lines(summary(array), is_plain=out.is_plain)
    else:
        names = rows if array.ndim > 1 and len(rows) == len(array) else ()
        lines = matrix_lines(array, width=width - 2 * len(_INDENT), labels=names if len(names) > 1 else ())
    beside = f"{_INDENT}{label:<{_LABEL}}{lines[0]}"
    if len(lines) == 1 and len(label) < _LABEL - 1 and len(beside) <= width:
        out.print(beside)
        return
    out.print(f"{_INDENT}{label}")
    for line in lines:
        out.print(f"{_INDENT * 2}{line}")


def show_steps(out: Screen, looks: Sequence[Look]) -> None:
    """Print the steps, and below them what they do to each weight: small ones entry by entry."""
    out.show_table(
        [
            Column("step", [str(look.step) for look in looks]),
            Column("epoch", [str(look.epoch) for look in looks], rank=2),
            Column("rows", [_few(look.rows) for look in looks], rank=1, left=True),
            Column("learning rate", [number(look.learning_rate) for look in looks]),
            Column("loss", [number(look.loss) if look.loss is not None else "" for look in looks]),
            *_penalties(looks),
            *_of_the_optimizer(looks),
        ]
    )
    kept = _kept(weight for look in looks for layer in look.layers for weight in layer.weights)
    if kept:
        out.say(f"{joined(list(kept))}: what the optimizer keeps of each weight, behind the step")
    large: list[list[str]] = []
    for title, weights in _histories(looks):
        if max(weight.size for weight in weights) <= MOST_OF_A_STEP:
            _show_entries(out, f"{title}{_when_trained(looks, weights)}", looks, weights)
        else:
            large += _in_short(title, looks, weights)
    if large:
        step, weight, shape, *norms = (list(cells) for cells in zip(*large, strict=True))
        names = ("norm", "of the gradient", "of the step")
        columns = [Column("step", step), Column("weight", weight, left=True), Column("shape", shape, rank=1, left=True)]
        columns += [Column(name, cells) for name, cells in zip(names, norms, strict=True)]
        out.show_table(columns, title="larger weights: the Euclidean norm of each, of its gradient and of the step")
    for note in dict.fromkeys(note for look in looks for note in look.notes):
        out.say(f"note: {note}")


def _histories(looks: Sequence[Look]) -> Iterator[tuple[str, list[Weight]]]:
    """Yield the weights of which something is to be shown, each at all steps, with their names."""
    for i, layer in enumerate(looks[0].layers):
        for j, weight in enumerate(layer.weights):
            history = [look.layers[i].weights[j] for look in looks]
            if any(each.value is not None or each.gradient is not None for each in history):
                yield f"{layer.name}/{weight.name}", history


def _kept(weights: Iterable[Weight]) -> dict[str, Array]:
    """Return what the optimizer keeps of weights by name, each as it is at first."""
    found: dict[str, Array] = {}
    for weight in weights:
        for name, value in weight.optimizer_after.items():
            found.setdefault(name, value)
    return found


def _shape(weights: Sequence[Weight]) -> tuple[int, ...]:
    """Return the shape of a weight, of which nothing may be known at first."""
    return max((weight.shape for weight in weights), key=len)


def _when_trained(looks: Sequence[Look], weights: Sequence[Weight]) -> str:
    """Say of a weight that it is not trained, or in later steps alone, as one that was taken over and is frozen."""
    first = next((look.step for look, weight in zip(looks, weights, strict=True) if weight.is_trained), None)
    if first is None:
        return ", not trained"
    return "" if weights[0].is_trained else f", trained from step {first} on"


def _penalties(looks: Sequence[Look]) -> list[Column]:
    if not any(look.penalties for look in looks):
        return []
    return [Column("penalties in it", [number(look.penalties) for look in looks], rank=1)]


def _of_the_optimizer(looks: Sequence[Look]) -> Iterator[Column]:
    """Yield what an optimizer keeps besides the variables of weights, such as Nadam's product of momenta."""
    for name, first in looks[0].optimizer.items():
        if first.size == 1 and name not in ("iterations", "learning_rate"):
            yield Column(f"{name} before", [number(look.optimizer[name].item()) for look in looks], rank=1)


def _few(rows: Array) -> str:
    shown = " ".join(map(str, rows[:6]))
    return shown if len(rows) <= 6 else f"{shown} ... ({len(rows)})"


def _show_entries(
    out: Screen, title: str, looks: Sequence[Look], weights: Sequence[Weight], *, value: str = "before"
) -> None:
    """Print a row for each entry at each step, in two tables if one is too wide."""
    shape = _shape(weights)
    places = list(np.ndindex(shape))
    names = [Column("step", [str(look.step) for look in looks for _ in places])]
    if len(places) > 1:
        names.append(Column("entry", [",".join(map(str, place)) for _ in looks for place in places], left=True))

    def column(head: str, arrays: Sequence[Array | None]) -> list[Column]:
        cells = ["" if array is None else number(array[place]) for array in arrays for place in places]
        return [Column(head, point_aligned(cells))] if any(cells) else []

    before = column(value, [weight.value for weight in weights])
    before += column("gradient", [weight.gradient for weight in weights])
    kept = _kept(weights)
    of_entries = [name for name, first in kept.items() if first.shape == shape]
    slots = [each for name in of_entries for each in column(name, [w.optimizer_after.get(name) for w in weights])]
    after = column("after", [weight.after for weight in weights])
    together = [*names, *before, *slots, *after]
    if out.fits(together) or not slots:
        out.show_table(together, title=title)
    else:
        out.show_table([*names, *before, *after], title=title)
        out.show_table([*names, *slots], title=f"{title}: the optimizer's")
    for name in kept:
        if name not in of_entries and kept[name].ndim > 0 and kept[name].size <= MOST_OF_A_STEP:
            of_steps = [Weight(name, weight.is_trained, weight.optimizer_after.get(name)) for weight in weights]
            _show_entries(out, f"{title}: {name}", looks, of_steps, value="behind the step")


def _in_short(name: str, looks: Sequence[Look], weights: Sequence[Weight]) -> Iterator[list[str]]:
    for look, weight in zip(looks, weights, strict=True):
        step = None if weight.after is None or weight.value is None else weight.after - weight.value
        norms = [
            "" if array is None else number(np.linalg.norm(np.asarray(array, np.float64)), digits=5)
            for array in (weight.value, weight.gradient, step)
        ]
        yield [str(look.step), name, shape_text(_shape(weights)), *norms]
