"""`nnlab schedule`: the learning rate at every step, without training."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli import console, options
from nnlab.errors import NnlabError, Problem
from nnlab.wording import counted, visible

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig

POINTS = 2_000
"""How many points of a line a plot has at most."""


@dataclass(frozen=True, slots=True)
class _Preview:
    """The rates of one config, and what its steps are."""

    name: str
    rates: Sequence[float]
    steps: str


@options.shared("changes ... trust_code quiet verbose")
def schedule(
    configs: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="YAML files.")],
    steps: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10_000_000, help="So many steps. Default: the whole run.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write `step,learning_rate` for every step.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw them into one `.svg` or `.png`.")] = None,
    *,
    given: options.Given,
) -> None:
    """Show the learning rate at every step, as the optimizer will use it, without training.

    Data are read only to count their rows, where the schedule needs it: for durations in epochs, and the whole run.
    """
    if plot is not None:
        from nnlab.report.plot import check_plot_path

        check_plot_path(plot)
    if csv is not None:
        from nnlab.config.load import config_files
        from nnlab.outputs import check_outputs

        check_outputs(csv, read=[file for config in configs for file in config_files(config)])
    rows: dict[str, int] = {}

    def preview(path: Path) -> _Preview:
        loaded = console.load(path, given)
        found = _preview(loaded, steps, rows)
        _say_what_is_left_out(loaded, quiet=given.quiet)
        return found

    previews = _with_unique_names(NnlabError.of_each(preview, configs), configs)
    if csv is not None:
        _write_csv(csv, previews)
    if plot is not None:
        _draw(plot, previews)
    if csv is None and plot is None:
        sys.stdout.write("\n\n".join(_chart(preview) for preview in previews) + "\n")
    elif not given.quiet:
        console.say_written(csv, plot)


def _preview(loaded: LoadedConfig, steps: int | None, rows: dict[str, int]) -> _Preview:
    """Compute the rates of a config.

    Args:
        loaded: the config.
        steps: how many; `None` for the whole run.
        rows: training rows by data, where they have been counted; learns new ones.

    Raises:
        NnlabError: the data are needed and cannot be read, or the rate becomes infinite.
    """
    from nnlab.config.durations import depends_on_data, schedule_in_steps, steps_of_run

    experiment = loaded.experiment
    num_train = None
    with loaded.located():
        if steps is None or depends_on_data(experiment):
            data = f"{experiment.data!r} {experiment.seed}"
            if data not in rows:
                from nnlab.data.loading import load_data

                rows[data] = load_data(experiment.data, seed=experiment.seed).spec.num_train
            num_train = rows[data]
        planned = schedule_in_steps(experiment, num_train)
    per_epoch, run = (None, None) if num_train is None else steps_of_run(experiment, num_train)
    count = steps or run
    assert count is not None
    text = counted(count, "step")
    if per_epoch is not None:
        grows = len(experiment.training.batch_sizes(num_train or 1)) > 1
        text += f", {per_epoch:,} {'in the first' if grows else 'an'} epoch"
    rates = [planned.rate(step) for step in range(count)]
    if not math.isfinite(max(rates)):
        message = f"the learning rate is infinite from step {rates.index(math.inf)} on"
        problem = Problem(message, "lower what it grows by", ("schedule",))
        raise NnlabError(loaded.locate(problem))
    return _Preview(experiment.name, rates, text)


def _say_what_is_left_out(loaded: LoadedConfig, *, quiet: bool) -> None:
    from nnlab.schedules import kind_of

    component = loaded.experiment.schedule
    if not quiet and component is not None and kind_of(component.name).watches:
        console.say(
            f"{loaded.experiment.name}: `{component.name}` lowers the rate when `{component.get('monitor')}` no longer "
            "improves, which only a training shows; here it stays"
        )


def _with_unique_names(previews: Sequence[_Preview], paths: Sequence[Path]) -> list[_Preview]:
    if len({preview.name for preview in previews}) == len(previews):
        return list(previews)
    return [_Preview(str(path), each.rates, each.steps) for each, path in zip(previews, paths, strict=True)]


def _write_csv(path: Path, previews: Sequence[_Preview]) -> None:
    """Write a row a step; the column `config` is there only if there are several."""
    from nnlab.outputs import write_output
    from nnlab.writing import csv_text

    several = len(previews) > 1
    rows = (
        [step, repr(rate), *([preview.name] if several else [])]
        for preview in previews
        for step, rate in enumerate(preview.rates)
    )
    write_output(path, csv_text(["step", "learning_rate", *(["config"] if several else [])], rows))


def _draw(path: Path, previews: Sequence[_Preview]) -> None:
    from nnlab.report.plot import COLORS, Panel, Series, write_plot

    lines = []
    for i, preview in enumerate(previews):
        last = len(preview.rates) - 1
        every = math.ceil(len(preview.rates) / POINTS)
        x = [*range(0, last, every), last]
        rates = [preview.rates[step] for step in x]
        name = preview.name if len(previews) > 1 else ""
        lines.append(Series(x, rates, name, color=i, dash=i // len(COLORS)))
    title = previews[0].name if len(previews) == 1 else ""
    write_plot(path, [Panel(lines, title=title, x_label="step", y_label="learning rate")], legend="right")


def _chart(preview: _Preview) -> str:
    from nnlab.report.chart import line_chart

    rates = preview.rates
    facts = f"first {rates[0]:.4g}, highest {max(rates):.4g}, last {rates[-1]:.4g}"
    lines = line_chart(rates, is_plain=console.results().is_plain)
    return "\n".join([f"{visible(preview.name)}: {preview.steps}", f"learning rate {facts}", *lines])
