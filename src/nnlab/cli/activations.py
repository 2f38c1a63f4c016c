"""`nnlab activations`: what activation functions and their derivatives look like."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.objects import label_of, parse_activations, read_value, trust_named
from nnlab.errors import NnlabError
from nnlab.wording import aligned

if TYPE_CHECKING:
    from nnlab.config.components import Component
    from nnlab.model.curves import Curve
    from nnlab.report.plot import Panel

USUAL = (
    "heaviside", "sigmoid", "tanh", "softplus", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish",
    "hard_sigmoid",
)  # fmt: skip
"""What is shown if nothing is named."""

SURROGATE = "surrogate gradient, which training uses instead of the function's own slope"

MOST_ROWS = 100_000
POINTS = 1_600
"""How finely curves are drawn; an even number, so that no point falls on the kink that many functions have at 0."""


@options.shared("trust_code json quiet verbose")
def activations(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME...]",
            help="Activations as a config names them: `relu`, `'leaky_relu: {negative_slope: 0.2}'`. Default: the "
            "usual dozen.",
        ),
    ] = None,
    range_: Annotated[tuple[float, float], typer.Option("--range", metavar="LOW HIGH", help="The values of x.")] = (
        -4.0,
        4.0,
    ),
    step: Annotated[float, typer.Option(help="From one x of the table to the next.")] = 0.5,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="POINTS",
            help="At these points alone: `'[2, 0.5, 6]'`. With `softmax` they are one row, and each value has a "
            "derivative by each. A name given twice is applied twice.",
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw them instead, as `.svg` or `.png`.")] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Draw all functions into one panel, all derivatives into another.")
    ] = False,
    *,
    given: options.Given,
) -> None:
    """Show activation functions and their derivatives: a table, or a plot.

    The derivative is the gradient that training uses; where it is a surrogate for the function's own slope, that is
    said: `heaviside` passes gradients straight through. A function of several
    values, such as `softmax`, is shown for the pair x and 0.
    """
    wanted = parse_activations(names or USUAL)
    trust_named(wanted, trusted=given.trust_code)
    if at is not None:
        if plot is not None:
            raise NnlabError("`--at` gives numbers and no plot", hint="leave `--plot` or `--at` out")
        from nnlab.cli.activation_points import show_points

        show_points(wanted, read_value(at, f"--at {at}"), given)
        return
    x = _steps(*range_, step)
    if plot is not None:
        from nnlab.report.plot import check_plot_path

        check_plot_path(plot)
    from nnlab.model.explanations import explanation_of

    with console.tensorflow(given):
        from nnlab.model.curves import curve, has_surrogate_gradient

        surrogates = [has_surrogate_gradient(activation) for activation in wanted]
        curves = [curve(activation, x) for activation in wanted]
        if plot is not None:
            fine = [range_[0] + i * (range_[1] - range_[0]) / (POINTS - 1) for i in range(POINTS)]
            _draw(plot, wanted, fine, [curve(activation, fine) for activation in wanted], together=together)
    if given.json:
        functions = [
            {"name": activation.name, "activation": activation.plain(), "values": c.values.tolist(),
             "derivatives": c.derivatives.tolist(), "surrogate_gradient": surrogate,
             "explanation": list(explanation_of(activation))}
            for activation, c, surrogate in zip(wanted, curves, surrogates, strict=True)
        ]  # fmt: skip
        console.print_json({"x": x, "functions": functions})
    elif plot is None:
        width = console.results().width
        sys.stdout.write("\n".join(_tables([label_of(each) for each in wanted], x, curves, width)) + "\n")
        for activation, surrogate in zip(wanted, surrogates, strict=True):
            if surrogate:
                console.results().say(f"{label_of(activation)}: f'(x) is a {SURROGATE}")
        for activation in wanted if names and not given.quiet else ():
            for sentence in explanation_of(activation):
                console.results().say(sentence)
    elif not given.quiet:
        console.say_written(plot)


def _steps(low: float, high: float, step: float) -> list[float]:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        hint = "give the smaller number first: `--range -4 4`"
        raise NnlabError(f"the range from {low:g} to {high:g} holds nothing", hint=hint)
    if not (math.isfinite(step) and step > 0 and (high - low) / step <= MOST_ROWS):
        hint = f"give a number above 0, and at most {MOST_ROWS} steps: `--step {(high - low) / 16:g}`"
        raise NnlabError(f"the step {step:g} cannot be used", hint=hint)
    decimals = max(0, 12 - math.floor(math.log10(max(abs(low), abs(high)))))  # no 0.30000000000000004
    count = math.floor((high - low) / step + 1e-9)
    return [round(low + i * step, decimals) + 0.0 for i in range(count + 1)]


def _tables(labels: Sequence[str], x: Sequence[float], curves: Sequence[Curve], width: int) -> Iterator[str]:
    """Yield the lines of tables with x downwards, as many functions side by side as fit."""
    decimals = max(len(f"{value:.6g}".partition(".")[2]) for value in x)
    places = [f"{value:.{decimals}f}" for value in x]
    margin = max(len("x"), *map(len, places))
    blocks = [_columns(label, each) for label, each in zip(labels, curves, strict=True)]
    while blocks:
        row = [blocks.pop(0)]
        used = margin + 3 + len(row[0][0])
        while blocks and used + 3 + len(blocks[0][0]) <= width:
            used += 3 + len(blocks[0][0])
            row.append(blocks.pop(0))
        first_column = ["", "x", *places]
        for place, *cells in zip(first_column, *row, strict=True):
            yield f"{place:>{margin}}   {'   '.join(cells)}".rstrip()
        if blocks:
            yield ""


def _columns(label: str, curve: Curve) -> list[str]:
    """Return the lines of one function: its name, what the columns are, and its numbers."""
    columns = [
        [head, *(aligned(float(value)) for value in numbers)]
        for head, numbers in (("f(x)", curve.values), ("f'(x)", curve.derivatives))
    ]
    widths = [max(8, *map(len, column)) for column in columns]
    lines = [
        "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        for cells in zip(*columns, strict=True)
    ]
    width = max(len(label), len(lines[0]))
    return [f"{label:^{width}}", *(f"{line:>{width}}" for line in lines)]


def _draw(
    path: Path, wanted: Sequence[Component], x: Sequence[float], curves: Sequence[Curve], *, together: bool
) -> None:
    from nnlab.report.plot import write_plot

    limits = _limits(x, curves)
    if together:
        write_plot(path, _together(wanted, x, curves, limits), legend="right")
    else:
        write_plot(path, _apart(wanted, x, curves, limits))


def _limits(x: Sequence[float], curves: Sequence[Curve]) -> tuple[float, float]:
    """Choose what part of y to show in all panels: everything, but no more of it than of x."""
    import numpy as np

    numbers = np.concatenate([np.concatenate([curve.values, curve.derivatives]) for curve in curves])
    numbers = numbers[np.isfinite(numbers)]
    low, high = max(float(numbers.min()), x[0], -x[-1]), min(float(numbers.max()), max(x[-1], 2.0))
    low, high = min(low, 0.0), max(high, 1.0)
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def _apart(
    wanted: Sequence[Component], x: Sequence[float], curves: Sequence[Curve], limits: tuple[float, float]
) -> list[Panel]:
    from nnlab.report.plot import Panel, Series

    return [
        Panel(
            [
                Series(x, curve.values, "function", color=0),
                Series(x, curve.derivatives, "derivative", color=1, dash=1),
            ],
            title=activation.name,
            note=_note(activation),
            y_limits=limits,
            origin=True,
        )
        for activation, curve in zip(wanted, curves, strict=True)
    ]


def _note(activation: Component) -> str:
    from nnlab.model.curves import has_surrogate_gradient, takes_vectors

    _, _, parameters = label_of(activation).partition(" ")
    vectors = "of [x, 0]" if takes_vectors(activation) else ""
    surrogate = "surrogate gradient" if has_surrogate_gradient(activation) else ""
    return ", ".join(part for part in (parameters[1:-1], vectors, surrogate) if part)


def _together(
    wanted: Sequence[Component], x: Sequence[float], curves: Sequence[Curve], limits: tuple[float, float]
) -> list[Panel]:
    from nnlab.model.curves import has_surrogate_gradient
    from nnlab.report.plot import COLORS, Panel, Series

    surrogate = [activation for activation in wanted if has_surrogate_gradient(activation)]
    labels: list[Any] = [label_of(activation) for activation in wanted]
    panels = {"function": [curve.values for curve in curves], "derivative": [curve.derivatives for curve in curves]}
    return [
        Panel(
            [
                Series(x, numbers, label, color=i, dash=i // len(COLORS))
                for i, (label, numbers) in enumerate(zip(labels, lines, strict=True))
            ],
            title=title,
            note=f"surrogate: {', '.join(map(label_of, surrogate))}" if surrogate and title == "derivative" else "",
            y_limits=limits,
            origin=True,
        )
        for title, lines in panels.items()
    ]
