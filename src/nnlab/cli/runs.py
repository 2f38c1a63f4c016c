"""`nnlab runs ...` and `nnlab tensorboard`: what past runs left behind."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.study_kinds import KINDS
from nnlab.errors import NnlabError
from nnlab.wording import counted, duration, visible

if TYPE_CHECKING:
    from nnlab.cli.screen import Screen
    from nnlab.run import Run

app = typer.Typer(name="runs", help="List past runs, show one.", no_args_is_help=True)


@app.command("ls")
@options.shared("runs_dir ... json")
def list_runs(
    sort: Annotated[
        str | None, typer.Option(help="Best first by a metric: `val_accuracy`, `test_loss`, `loss` ...")
    ] = None,
    *,
    given: options.Given,
) -> None:
    """List the runs, oldest first."""
    from nnlab.results import metric_value, run_row
    from nnlab.run import list_runs as find_runs

    rows = [run_row(run) for run in find_runs(given.runs_dir)]
    if sort is not None:
        rows = _sorted(rows, sort, metric_value)
    if given.json:
        console.print_json(rows)
        return
    if not rows:
        console.say(f"no runs in {given.runs_dir}", hint="`nnlab train CONFIG` makes one")
        return
    _show_runs(rows, metric_value, sort=sort)
    for row in rows:
        if row.get("error"):
            console.say(row["error"])


def _sorted(rows: list[dict[str, Any]], name: str, metric_value: Any) -> list[dict[str, Any]]:
    if rows and all(metric_value(row, name) is None for row in rows):
        known = sorted({
            f"{prefix}{metric}"
            for row in rows
            for split, prefix in (("train", ""), ("validation", "val_"), ("test", "test_"))
            for metric in (row["metrics"].get(split) or {})
        })  # fmt: skip
        from nnlab.errors import did_you_mean
        from nnlab.wording import one_of

        hint = did_you_mean(name, known) or (one_of(known) if known else "no run has metrics yet")
        raise NnlabError(f"no run has a metric `{name}`", hint=hint)
    sign = -1 if _direction(rows, name, metric_value) == "max" else 1

    def key(row: dict[str, Any]) -> tuple[bool, float]:
        value = metric_value(row, name)
        return (value is None, sign * value if value is not None else 0.0)

    return sorted(rows, key=key)


def _direction(rows: list[dict[str, Any]], name: str, metric_value: Any) -> str | None:
    """Return which values of a metric are better, by what the runs say that have it."""
    from nnlab.results import metric_direction
    from nnlab.run import Run

    found: dict[str, str] = {}
    for row in rows:
        if metric_value(row, name) is not None and (direction := metric_direction(Run(Path(row["run"])), name)):
            found.setdefault(direction, Path(row["run"]).name)
    if len(found) > 1:
        message = f"more of `{name}` is better in `{found['max']}`, and less in `{found['min']}`"
        raise NnlabError(message, hint="sort by another metric, or keep them in different folders: `--runs-dir`")
    if not found:
        console.say(f"no run says which values of {name} are better: the smallest come first")
    return next(iter(found), None)


STATUS_STYLES = {"completed": "green", "failed": "red", "unreadable": "red", "interrupted": "yellow"}


def _show_runs(rows: list[dict[str, Any]], metric_value: Any, *, sort: str | None) -> None:
    from nnlab.report.page import Column
    from nnlab.wording import metric_text

    def numbers(name: str) -> list[str]:
        values = [metric_value(row, name) for row in rows]
        return ["" if value is None else metric_text(value) for value in values]

    counts = Counter(f"val_{name}" for row in rows for name in row["metrics"].get("validation") or {})
    metrics = [name for name, _ in counts.most_common()]  # those of most runs first
    loss = "val_loss" if "val_loss" in counts or not any(row["metrics"].get("train") for row in rows) else "loss"
    # what the runs are sorted by is always there, then the loss
    shown = dict.fromkeys([*([sort] if sort else []), loss, *metrics])
    columns = [
        Column("run", [Path(row["run"]).name for row in rows], left=True),
        Column("status", [str(row["status"]) for row in rows], rank=1, left=True),
        Column("epochs", [_extent(row) for row in rows], rank=8),
        Column("seconds", ["" if row.get("seconds") is None else f"{row['seconds']:.1f}" for row in rows], rank=9),
        *(Column(name, numbers(name), rank=min(2 * i, 7)) for i, name in enumerate(shown)),
    ]
    styles = [STATUS_STYLES.get(str(row["status"]), "") if row["status"] != "completed" else "" for row in rows]
    console.results().show_table(columns, styles=styles, whole="`nnlab runs ls --json`")


def _extent(row: dict[str, Any]) -> str:
    if row.get("kind") and row.get("trials") is not None:
        return counted(row["trials"], "trial")
    return "" if row.get("epochs") is None else str(row["epochs"])


@app.command("show")
@options.shared("runs_dir json")
def show_run(
    run: options.RunName,
    chart: Annotated[
        bool | None,
        typer.Option(
            "--chart/--no-chart", help="Draw loss and metrics by epoch with characters. Default: on a terminal."
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg",
            help="Draw loss and metrics by epoch; of one or two inputs also what network and units give.",
        ),
    ] = None,
    animate: Annotated[
        bool, typer.Option("--animate", help="Let the picture of `--plot` show epoch after epoch in one place.")
    ] = False,
    *,
    given: options.Given,
) -> None:
    """Show one run: status, metrics, best epoch, versions, loss and metrics by epoch."""
    from nnlab.cli.metrics import show_metrics
    from nnlab.results import best_epoch
    from nnlab.run import open_run

    found = open_run(run, given.runs_dir)
    if animate and plot is None:
        raise NnlabError("`--animate` is for the picture of `--plot`", hint="write `--plot FILE.svg` too")
    if plot is not None:
        _draw(found, plot, animate=animate)
    info, metrics, history = found.read_info(), found.read_metrics(), found.read_history()
    is_several = "kind" in info  # else it is a single training
    if given.json:
        if chart:
            raise NnlabError("`--json` prints one document, and `--chart` a picture", hint="give one of them")
        results = {"results": found.read_summary()} if is_several else {}
        console.print_json({"run": str(found.path), **info, "metrics": metrics, "history": history, **results})
        return
    out = console.results()
    out.print(str(found.path), style="bold")
    if is_several:
        # written at the end: of one at work, or whose process was killed, nothing is claimed
        count, noun = info.get("trials"), KINDS[info["kind"]].training
    else:
        count, noun = len(history), "epoch"
    extent = [] if count is None else [counted(count, noun)]
    for name, text in _facts(found, info, extent).items():
        out.say(f"{name:<10} {text}", style=STATUS_STYLES.get(info.get("status", ""), "") if name == "status" else "")
    if is_several:
        _show_results(found)
        return
    with found.reading("run.json"), found.reading(found.history_path.name):
        best, words = best_epoch(info, history)
    if words:
        head, _, rest = "; ".join(words).removeprefix("the ").partition(" ")
        out.say(f"{head:<10} {rest}")
    if history and (out.is_terminal if chart is None else chart):
        with found.reading(found.history_path.name):
            _show_charts(out, history, best)
        _show_surface(out, found)
    if metrics:
        show_metrics(out, metrics)
    if plot is not None:
        console.say_written(plot)


def _draw(run: Run, path: Path, *, animate: bool) -> None:
    from nnlab.outputs import write_output
    from nnlab.report.run_plots import draw_run
    from nnlab.report.svg import check_svg_path

    check_svg_path(path)
    write_output(path, draw_run(run, animate=animate))


MOST_CHARTS = 4
SURFACE_HEIGHT = 18
"""Lines of what the network gives over its inputs."""


def _show_charts(out: Screen, history: Sequence[Mapping[str, float]], best: int | None) -> None:
    """Draw loss and metrics by epoch; of many the first ones."""
    from nnlab.report.history_chart import Look, history_charts, metrics_of

    names = metrics_of(history)
    look = Look(width=out.chart_width, is_plain=out.is_plain)
    out.show_rows([[], *history_charts(history, names[:MOST_CHARTS], look, best=best), []])
    if names[MOST_CHARTS:]:
        out.say(f"not drawn: {', '.join(names[MOST_CHARTS:])} (history.csv holds all)")


def _show_surface(out: Screen, run: Run) -> None:
    """Draw what the network gives over one or two inputs, if the run keeps it."""
    if not run.snapshots_path.exists():
        return
    from nnlab.data.splits import DataSpec
    from nnlab.report.history_chart import Look
    from nnlab.report.surface_chart import surface_chart, surface_of
    from nnlab.snapshots import read_snapshots

    look = read_snapshots(run)
    if look is None:
        return
    with run.reading(run.data_path.name):
        classes = next(iter(DataSpec.from_json(run.read_data()).targets.values())).class_names
    how = Look(out.chart_width, SURFACE_HEIGHT, is_plain=out.is_plain)
    out.show_rows([*surface_chart(surface_of(look, classes), how, has_colors=out.color_system is not None), []])


def _facts(run: Run, info: dict[str, Any], extent: list[str]) -> dict[str, str]:
    """Return the lines of a run by their heads; those of which `run.json` says nothing are left out."""
    facts = {"status": info.get("status", "unknown")}
    owner = run.owner
    if facts["status"] == "running" and owner is not None:
        facts["at work"] = str(owner)
    elif facts["status"] == "interrupted" and "finished" not in info:
        facts["status"] += ": its process is gone"
    error = info.get("error")
    if error:
        facts |= {"error": error["message"], **({"hint": error["hint"]} if error.get("hint") else {})}
    seconds = duration(info["seconds"]) if info.get("seconds") is not None else "not finished"
    facts["started"] = ", ".join([*([info["started"]] if "started" in info else []), seconds, *extent])
    if info.get("command"):
        facts["command"] = " ".join(info["command"])
    seed, params = info.get("seed"), info.get("params")
    if seed is not None:
        facts["seed"] = f"{seed}; {params:,} parameters" if params is not None else str(seed)
    versions = info.get("versions") or {}
    named = [f"{name} {versions[name]}" for name in ("keras", "tensorflow", "python") if versions.get(name)]
    if named:
        facts["versions"] = ", ".join(named)
    return facts


def _show_results(run: Run) -> None:
    """Show the results of a comparison or a search, if it came to its end once."""
    from nnlab.report import page_of

    results = run.read_summary()
    if not results or results.get("status") == "interrupted":
        console.results().print(f"hint       `nnlab resume {run.path}` carries it on")
        return
    with run.reading("results.json"):
        page = page_of(results)
    console.results().show_page(page)


@options.shared("")
def tensorboard(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]",
            help="Runs to show, by directory, name or id; searches and comparisons with all of their trainings.",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Show all runs and all of their trainings.")] = False,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="The port to begin with; the next free one is taken.")
    ] = 6006,
    *,
    given: options.Given,  # noqa: ARG001
) -> None:
    """Show runs in TensorBoard, on this machine only (127.0.0.1), until Ctrl-C; default: the latest 20 trainings."""
    from nnlab import tensorboard as board

    choose, text = _chosen(runs or [], runs_dir, every=every)
    linked = board.LinkedRuns(choose)
    server = None
    try:
        server = board.serve(linked.path, port)
        sys.stdout.write(visible(f"TensorBoard shows {text} at {server.url} (Ctrl-C stops it)") + "\n")
        sys.stdout.flush()
        if linked.lines > board.MOST_TICKED:
            hint = "tick some in its list on the left, or name fewer runs, such as `nnlab tensorboard SEARCH/0003`"
            console.say(
                f"TensorBoard ticks none of more than {board.MOST_TICKED} lines, here {linked.lines}", hint=hint
            )
        server.wait(linked.update)
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        if server is not None:
            server.stop()
        linked.close()


def _chosen(names: list[str], runs_dir: Path, *, every: bool) -> tuple[Callable[[], list[Run]], str]:
    """Return what chooses the runs to show, again and again, and what they are."""
    from nnlab import tensorboard as board
    from nnlab.run import list_runs, open_run

    if names and every:
        raise NnlabError("`--all` shows all runs, and some are named", hint="leave out the one or the other")
    named = [open_run(name, runs_dir) for name in names]
    for run in named:
        if not board.trainings([run]) and run.read_info().get("status") != "running":
            hint = "`training.tensorboard: true` (the default) writes them"
            raise NnlabError(f"`{run.path}` has no event files", hint=hint)
    if named:
        return lambda: board.trainings(named), ", ".join(run.path.name for run in named)
    there = list_runs(runs_dir)
    count = len(board.trainings(there))
    if not count:
        raise NnlabError(f"no run in `{runs_dir}` has event files", hint="`nnlab train CONFIG` makes runs")
    if every:
        return lambda: board.trainings(list_runs(runs_dir)), f"all runs of {runs_dir}"
    shown = board.latest(runs_dir)
    if not shown:
        newest = next(run for run in reversed(there) if board.trainings([run]))
        return lambda: board.trainings([newest]), newest.path.name
    more = f" of {count}, without those of searches and comparisons (`--all` shows all)" if count > len(shown) else ""
    return lambda: board.latest(runs_dir), f"the latest {counted(len(shown), 'training')}{more}"
