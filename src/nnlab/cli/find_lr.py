"""`nnlab find-lr`: the learning-rate range test."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli import console, options
from nnlab.errors import NnlabError

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.find_lr import RangeTest

LOWEST_RATE, HIGHEST_RATE = 1e-6, 10.0
"""Good rates of Adam lie inside as well as those of plain SGD, with room on both sides for the loss to lie still and to
run away."""


@options.shared("changes seed ... runs_dir trust_code json quiet verbose")
def find_lr(
    config: options.Config,
    lowest: Annotated[float, typer.Option("--min", metavar="RATE", help="The rate of the first step.")] = LOWEST_RATE,
    highest: Annotated[float, typer.Option("--max", metavar="RATE", help="The rate of the last step.")] = HIGHEST_RATE,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=50, max=100_000, help="So many steps. Default: one epoch, at least 300 and at most 1,000."
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the losses, as `.svg` or `.png`.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the suggestion into CONFIG.")] = False,
    *,
    given: options.Given,
) -> None:
    """Find a learning rate: train a copy of the model with ever larger ones and watch the loss.

    Nothing is kept of the training. If the losses say nothing there is no suggestion, and the reason is given.
    """
    loaded = console.load(config, given)
    if not 0 < lowest < highest < math.inf:
        message = f"the rates from {lowest:g} to {highest:g} are no range"
        raise NnlabError(message, hint="give two positive numbers, the smaller one first: `--min 1e-6 --max 10`")
    if plot is not None:
        from nnlab.report.plot import check_plot_path

        check_plot_path(plot)
    if write:
        _check_writable(config, loaded)
    if loaded.experiment.schedule is not None and not given.silent:
        console.say("the schedule is left out: the test sets the rate of each step")
    with loaded.located():
        splits = console.load_data(loaded, given)
        with console.tensorflow(given):
            from nnlab.find_lr import range_test

            result = range_test(
                loaded.experiment,
                splits,
                between=(lowest, highest),
                steps=steps,
                runs_dir=given.runs_dir,
                trust_code=given.trust_code,
            )
    if plot is not None:
        _draw(plot, loaded.experiment.name, result)
    if given.json:
        console.print_json(result.as_json())
    else:
        sys.stdout.write(_answer(result) if given.quiet else f"{_chart(result)}\n{_report(result)}")
    if write:
        _write(config, loaded, result, quiet=given.silent)


def _check_writable(path: Path, loaded: LoadedConfig) -> None:
    """Raise if the file is read-only, or what is tested is another optimizer than its own."""
    from nnlab.config.load import load_config
    from nnlab.outputs import check_output

    check_output(path)
    tested, there = (
        each.optimizer.with_parameters(learning_rate=1.0) for each in (loaded.experiment, load_config(path).experiment)
    )
    if tested != there:
        message = f"`--write` would give `{path}` a rate that was tested with another optimizer than its own"
        raise NnlabError(message, hint="leave `--write` out, or write the optimizer into the file first")


def _write(path: Path, loaded: LoadedConfig, result: RangeTest, *, quiet: bool) -> None:
    if result.suggestion is None:
        console.say(f"{path}: nothing was written, since there is no suggestion: {result.reason}")
        raise typer.Exit(1)
    from nnlab.config.edit import write_learning_rate

    write_learning_rate(path, result.suggestion)
    if not quiet:
        name, before = loaded.experiment.optimizer.name, loaded.experiment.optimizer.get("learning_rate")
        console.say(f"{path}: the learning rate of `{name}` is now {result.suggestion:g} (before: {before:g})")


def _answer(result: RangeTest) -> str:
    return f"no suggestion: {result.reason}\n" if result.suggestion is None else f"{result.suggestion:g}\n"


def _report(result: RangeTest) -> str:
    lines = [f"{len(result.losses)} steps from {result.rates[0]:.2g} to {result.rates[-1]:.2g}"]
    if result.diverged:
        lines[0] += ", where the loss ran away"
    if result.suggestion is not None and result.steepest is not None and result.turning_point is not None:
        tenth = result.turning_point / 10
        lines += [
            f"steepest descent  {result.steepest:.2g}",
            f"turning point     {result.turning_point:.2g} (a tenth of it: {tenth:.2g})",
            f"suggestion        {result.suggestion:g}, half-way between the two on a logarithmic scale",
        ]
    else:
        lines.append(_answer(result).strip())
    return "\n".join(lines) + "\n"


def _chart(result: RangeTest) -> str:
    """Draw the smoothed loss over the rate, whose logarithm grows by the same amount each step."""
    from nnlab.report.chart import line_chart

    ends = f"{result.rates[0]:.2g}", f"{result.rates[-1]:.2g}"
    lines = line_chart(result.smoothed, is_plain=console.results().is_plain, ends=ends)
    return "\n".join(["smoothed loss over the learning rate", *lines])


def _draw(path: Path, name: str, result: RangeTest) -> None:
    from nnlab.report.plot import Panel, Series, write_plot

    low, high = min(result.losses), max(result.smoothed)  # losses that have run away would flatten the rest
    limits = (low, high + 0.05 * (high - low)) if high > low else None
    series = [
        Series(result.rates, result.losses, "loss of the batch", color=8),
        Series(result.rates, result.smoothed, "smoothed"),
    ]
    marks = {
        "steepest descent": (result.steepest, 2),
        "suggestion": (result.suggestion, 1),
        "turning point": (result.turning_point, 3),
    }
    for label, (rate, color) in marks.items():
        if rate is not None:
            series.append(Series([rate, rate], limits or (low, high), f"{label} {rate:.2g}", color=color, dash=1))
    panel = Panel(series, title=name, x_label="learning rate", y_label="loss", log_x=True, y_limits=limits)
    write_plot(path, [panel], legend="right")
