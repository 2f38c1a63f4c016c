"""`nnlab loss`: a loss or a metric of values that are written down."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.objects import parse_activations, parse_judge, read_value, trust_named
from nnlab.errors import NnlabError
from nnlab.wording import counted, cut

if TYPE_CHECKING:
    import numpy as np

    from nnlab.config.components import Component
    from nnlab.model.row_losses import RowLosses
    from nnlab.report.page import Column

MOST_ROWS = 40
"""Rows of the table; `--json` has all of them."""


@options.shared("trust_code json quiet verbose")
def loss(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A loss or a metric, as a config names it: `mse`, `'huber: {delta: 2}'`."),
    ],
    true: Annotated[
        str, typer.Option(metavar="VALUES", help="Targets: `'[2, 1]'`, `'[[0, 1], [1, 0]]'`, a number, or a file.")
    ],
    predicted: Annotated[
        str, typer.Option(metavar="VALUES", help="Predictions, likewise: CSV, Parquet and NPY files are read.")
    ],
    from_logits: Annotated[
        bool, typer.Option("--from-logits", help="The predictions are logits: scores before softmax or sigmoid.")
    ] = False,
    parameters: Annotated[
        list[str] | None, typer.Option("-P", metavar="NAME=VALUE", help="A parameter: `-P delta=2`. Repeatable.")
    ] = None,
    activation: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Apply it to the predictions first: `--activation softmax`. Repeatable."),
    ] = None,
    *,
    given: options.Given,
) -> None:
    """Compute a loss or a metric of values that are given: of each row, their sum and their mean.

    A flat list is a number a row, or one row where the columns of a row belong together (a column a class). One number
    stands for as many as there are on the other side.
    """
    component = parse_judge(name, parameters or ())
    if from_logits:
        component = _told_of_logits(component)
    activations = parse_activations(activation or ())
    trust_named([component, *activations], trusted=given.trust_code)
    from nnlab.model.literals import literal_rows, odd_predictions

    y, outputs = literal_rows(component, _values("--true", true), _values("--predicted", predicted))
    with console.tensorflow(given):
        from nnlab.model.curves import activated
        from nnlab.model.row_losses import row_losses

        for each in activations:
            outputs = activated(each, outputs)
        found = row_losses(component, y, outputs)
    notes = [*odd_predictions(component, outputs), *_notes(component, found)]
    if given.json:
        rows = None if found.rows is None else found.rows.tolist()
        document = {"name": component.name, "rows": rows, "sum": found.sum, "mean": found.mean, "value": found.value}
        console.print_json({**document, "predicted": outputs.tolist(), "notes": notes})
        return
    _show(component, found, y, outputs)
    console.say_notes(notes, quiet=given.quiet)


def _told_of_logits(component: Component) -> Component:
    if "from_logits" not in component.entry.parameters:
        hint = "apply the function that makes them what it wants: `--activation softmax`, `--activation sigmoid`"
        raise NnlabError(f"`{component.name}` takes no logits", hint=hint)
    return component.with_parameters(from_logits=True)


def _values(option: str, text: str) -> Any:
    """Read numbers that are written in the command line, or else those of a file."""
    value = read_value(text, f"{option} {cut(text)}")
    if not isinstance(value, str):
        return value
    from nnlab.data.number_files import read_numbers

    return read_numbers(Path(value))


def _notes(component: Component, found: RowLosses) -> list[str]:
    if not math.isfinite(found.value):
        return [f"`{component.name}` has no value for these numbers: it comes to {found.value:g}"]
    if found.rows is None:
        return [f"`{component.name}` has one value for all rows together, and none for a row"]
    return []


def _show(component: Component, found: RowLosses, y: np.ndarray, outputs: np.ndarray) -> None:
    from nnlab.report.page import Column

    out = console.results()
    if found.rows is not None:
        shown = slice(0, MOST_ROWS)
        columns: list[Column] = [
            Column("row", [str(i) for i in range(len(found.rows[shown]))]),
            Column("true", [_row_text(row) for row in y[shown]], rank=2),
            Column("predicted", [_row_text(row) for row in outputs[shown]], rank=1),
            Column(component.name, [f"{value:.8g}" for value in found.rows[shown]]),
        ]
        out.show_table(columns, whole="`--json`")
        if len(found.rows) > MOST_ROWS:
            out.say(f"the first {MOST_ROWS} of {counted(len(found.rows), 'row')}; `--json` has all")
        out.print(f"sum   {found.sum:.8g}")
        out.print(f"mean  {found.mean:.8g}")
        if found.mean is None or math.isclose(found.mean, found.value, rel_tol=1e-5, abs_tol=1e-7):
            return
    out.print(f"all   {found.value:.8g}, as Keras reports all rows together")


def _row_text(row: Any) -> str:
    """Write the numbers of a row, but not more than a line holds."""
    import numpy as np

    flat = np.asarray(row).reshape(-1)
    return cut(" ".join(f"{value:.6g}" for value in flat), longest=40)
