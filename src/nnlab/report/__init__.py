"""Tables, pages and plots. Those of comparisons and searches are made from what lies in the run's directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from nnlab.errors import NnlabError
from nnlab.report.page import Page, markdown
from nnlab.run import Run


class _Modules(NamedTuple):
    page: str
    plots: str


KINDS = {"comparison": _Modules("comparison", "comparison_plots"), "search": _Modules("search", "search_plots")}
"""For each kind of study (`Agenda.kind`) the modules whose `page` and `pictures` show its results."""


def page_of(results: Mapping[str, Any]) -> Page:
    """Return what is to be said of the content of a `results.json`."""
    page: Page = import_module(f"nnlab.report.{KINDS[results['kind']].page}").page(results)
    return page


def summarize(run: Run, results: Mapping[str, Any], *, plots: Sequence[str] = ()) -> None:
    """Write `results.json` and `summary.md` into the directory of a comparison or search, and of its problems."""
    run.write_summary(results, markdown(page_of(results), name=run.read_info()["name"], plots=plots))
    for problem, own in results.get("problems", {}).items():
        summarize(Run(run.problems_path / problem), own)


def draw(run: Run) -> list[str]:
    """Draw the plots of a comparison or search, and of its problems, from what stands in its directory.

    Returns:
        The names of the plots; `summary.md` shows them.

    Raises:
        NnlabError: it is a single training, has no results, or an earlier nnlab left out what plots need.

    Example:
        >>> draw(open_run("digits", Path("runs")))
        ['curves', 'time_to_target']
    """
    from nnlab.report.plot import write_figure

    if "kind" not in run.read_info():
        hint = "name a comparison or a search; `nnlab tensorboard` draws the curves of trainings"
        raise NnlabError(f"`{run.path}` is a single training, and has no plots", hint=hint)
    results = run.read_summary()
    if not results:
        raise NnlabError(f"`{run.path}` has no results yet", hint=f"`nnlab resume {run.path}` carries it on")
    try:
        drawn = import_module(f"nnlab.report.{KINDS[results['kind']].plots}").pictures(run, results)
    except KeyError as missing:
        hint = f"`nnlab resume {run.path}` writes it anew, and trains nothing again that is there"
        raise NnlabError(f"`{run.path}` does not hold `{missing.args[0]}`, which plots need", hint=hint) from None
    for name, make in drawn.items():
        write_figure(run.plot_path(name), make)
    summarize(run, results, plots=list(drawn))
    for problem in results.get("problems", {}):
        draw(Run(run.problems_path / problem))
    return list(drawn)
