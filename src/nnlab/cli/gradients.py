"""`nnlab check-gradients`: back-propagation against central differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli import console, options

if TYPE_CHECKING:
    from nnlab.gradients import GradientCheck, WeightCheck
    from nnlab.report.page import Column


@options.shared("changes seed ... trust_code json quiet verbose")
def check_gradients(
    config: options.Config,
    rows: Annotated[int, typer.Option(min=1, help="Training rows to take.")] = 8,
    samples: Annotated[int, typer.Option(min=1, help="Entries to check in each weight tensor.")] = 20,
    values: Annotated[bool, typer.Option("--values", help="Show both gradients of each entry, side by side.")] = False,
    *,
    given: options.Given,
) -> None:
    """Compare the gradients of back-propagation with central differences, in float64 and without dropout.

    Exits with 1 if a gradient is off. Activations whose gradient is made up, such as `heaviside`, always are.
    """
    loaded = console.load(config, given)
    with loaded.located():
        splits = console.load_data(loaded, given)
        with console.tensorflow(given):
            from nnlab.gradients import check_gradients as check

            result = check(loaded.experiment, splits, rows=rows, samples=samples, trust_code=given.trust_code)
    if given.json:
        console.print_json(result.as_json(values=values))
    else:
        if not given.quiet:
            console.results().show_table(_columns(result))
            for each in result.weights if values else ():
                _show_values(each)
        console.results().say(_verdict(result))
        if not given.quiet and any(check.kinks for check in result.weights):
            console.results().say(
                "kinks are left out: where a ReLU is at 0 or max-pooling has a tie, the slopes to the left and to the "
                "right differ, and a difference over both is off whatever the gradient"
            )
    if not result.ok:
        if not given.silent:
            console.say(
                "  hint: the fault is at or behind the last layer that is off; activations whose gradient is made up "
                "(`heaviside`) are off by design"
            )
        raise typer.Exit(1)


def _columns(result: GradientCheck) -> list[Column]:
    from nnlab.report.page import Column
    from nnlab.wording import shape_text

    checks = result.weights
    verdicts = ["only kinks" if check.verdict == "kinks" else check.verdict for check in checks]
    return [
        Column("layer", [check.layer for check in checks], left=True),
        Column("weight", [check.weight for check in checks], left=True),
        Column("shape", [shape_text(check.shape) for check in checks], rank=3, left=True),
        Column("checked", [str(check.checked) for check in checks], rank=2),
        Column("kinks", [str(check.kinks) if check.kinks else "" for check in checks], rank=1),
        Column("worst error", ["" if check.worst is None else f"{check.worst:.1e}" for check in checks]),
        Column("", verdicts, left=True),
    ]


def _show_values(check: WeightCheck) -> None:
    """Print both gradients of a weight as matrices side by side, or entry by entry where one has none."""
    from math import prod

    import numpy as np

    from nnlab.report.matrix import MOST_ENTRIES, matrix_lines, number
    from nnlab.report.page import Column

    out, name = console.results(), f"{check.layer}/{check.weight}"
    entries = check.entries
    numerical = [entry.numerical for entry in entries if entry.numerical is not None]
    if len(numerical) == prod(check.shape) <= MOST_ENTRIES and 0 < len(check.shape) <= 2:
        of = {"back-propagated": [entry.back_propagated for entry in entries], "numerical": numerical}
        blocks = [
            [title, *matrix_lines(np.array(numbers).reshape(check.shape), width=out.width)]
            for title, numbers in of.items()
        ]
        widths = [max(map(len, block)) for block in blocks]
        if len(blocks[0]) == len(blocks[1]) and sum(widths) + 7 <= out.width:
            out.print(name, style="bold")
            for left, right in zip(*blocks, strict=True):
                out.print(f"  {left:<{widths[0]}}     {right}".rstrip())
            out.print()
            return
    columns = [
        Column("entry", [",".join(map(str, entry.index)) for entry in entries], left=True),
        Column("back-propagated", [number(entry.back_propagated) for entry in entries]),
        Column("numerical", ["kink" if entry.numerical is None else number(entry.numerical) for entry in entries]),
        Column("error", ["" if entry.error is None else f"{entry.error:.1e}" for entry in entries]),
    ]
    out.show_table(columns, title=name)


def _verdict(result: GradientCheck) -> str:
    from nnlab.gradients import TOLERANCE

    off = [f"{check.layer}/{check.weight}" for check in result.weights if check.verdict == "off"]
    checked = sum(check.checked for check in result.weights)
    if off:
        return f"off: the gradients of {', '.join(off)} differ from central differences by more than {TOLERANCE:g}"
    if not checked:
        return "undecided: the loss has kinks in all entries; try other rows or another `--seed`"
    worst = max(check.worst for check in result.weights if check.worst is not None)
    return f"ok: {checked} gradients agree with central differences, the worst relative error is {worst:.1e}"
