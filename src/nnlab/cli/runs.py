"""`nnlab runs ...` and `nnlab tensorboard`: what past runs left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.errors import NnlabError

app = typer.Typer(name="runs", help="List past runs, show one.", no_args_is_help=True)


@app.command("ls")
def list_runs(
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    sort: Annotated[
        str | None,
        typer.Option(help="Best first by a metric: `val_accuracy`, `test_loss`, `loss` ...", show_default=False),
    ] = None,
    json: options.Json = False,
    no_color: options.NoColor = False,  # noqa: ARG001
) -> None:
    """List the runs, oldest first."""
    from nnlab.results import metric_value, run_row
    from nnlab.run import list_runs as find_runs

    rows = [run_row(run) for run in find_runs(runs_dir)]
    if sort is not None:
        rows = _sorted(rows, sort, metric_value)
    if json:
        console.print_json(rows)
        return
    if not rows:
        sys.stderr.write(f"no runs in {runs_dir}\n  hint: `nnlab train CONFIG` makes one\n")
        return
    console.results().print(_runs_table(rows, metric_value))


def _sorted(rows: list[dict[str, Any]], name: str, metric_value: Any) -> list[dict[str, Any]]:
    if rows and all(metric_value(row, name) is None for row in rows):
        known = sorted({
            f"{prefix}{metric}"
            for row in rows
            for split, prefix in (("train", ""), ("validation", "val_"), ("test", "test_"))
            for metric in (row["metrics"].get(split) or {})
        })  # fmt: skip
        from nnlab.errors import did_you_mean, one_of

        hint = did_you_mean(name, known) or (one_of(known) if known else "no run has metrics yet")
        raise NnlabError(f"no run has a metric `{name}`", hint=hint)
    from nnlab.results import less_is_better

    is_low_good = less_is_better(name)

    def key(row: dict[str, Any]) -> tuple[bool, float]:
        value = metric_value(row, name)
        return (value is None, (value if is_low_good else -value) if value is not None else 0.0)

    return sorted(rows, key=key)


def _runs_table(rows: list[dict[str, Any]], metric_value: Any) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    metrics = dict.fromkeys(
        f"val_{name}" for row in rows for name in (row["metrics"].get("validation") or {}) if name != "loss"
    )
    shown = ["val_loss", *list(metrics)[:3]] if metrics else ["loss"]
    table = Table("run", "status", "epochs", "seconds", *shown, box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].overflow = "fold"
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        values = [metric_value(row, name) for name in shown]
        table.add_row(
            Path(row["run"]).name,
            _status(row["status"]),
            f"{row['trials']} trials" if row.get("kind") else "" if row.get("epochs") is None else str(row["epochs"]),
            f"{row['seconds']:.1f}" if row.get("seconds") is not None else "",
            *("" if value is None else f"{value:.4f}" for value in values),
        )
    return table


def _status(status: str | None) -> str:
    style = {"completed": "green", "failed": "red", "unreadable": "red", "interrupted": "yellow"}.get(status or "")
    return f"[{style}]{status}[/{style}]" if style else str(status)


@app.command("show")
def show_run(
    run: options.RunName,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    json: options.Json = False,
    no_color: options.NoColor = False,  # noqa: ARG001
) -> None:
    """Show one run: status, metrics, best epoch, versions."""
    from nnlab.cli.training import metrics_table
    from nnlab.run import open_run

    found = open_run(run, runs_dir)
    info, metrics, history = found.read_info(), found.read_metrics(), found.read_history()
    if json:
        results = {"results": found.read_summary()} if info.get("kind") else {}
        console.print_json({"run": str(found.path), **info, "metrics": metrics, "history": history, **results})
        return
    if info.get("kind"):
        _show_several(found, info)
        return
    out = console.results()
    out.print(f"[bold]{found.path}[/bold]")
    out.print(f"status     {_status(info['status'])}")
    if info.get("error"):
        out.print(f"           {info['error']['message']}", markup=False)
        out.print(f"           hint: {info['error']['hint']}", markup=False)
    seconds = f"{info['seconds']:.1f} s" if info.get("seconds") is not None else "not finished"
    out.print(f"started    {info['started']}, {seconds}, {len(history)} epochs")
    out.print(f"command    {' '.join(info['command'])}", markup=False)
    out.print(f"seed       {info['seed']}; {info['params']:,} parameters")
    versions = info["versions"]
    out.print(f"versions   keras {versions['keras']}, tensorflow {versions['tensorflow']}, python {versions['python']}")
    if history:
        name = "val_loss" if "val_loss" in history[0] else "loss"
        best = min(history, key=lambda row: row[name])
        out.print(f"best       {name} {best[name]:.4f} in epoch {int(best['epoch'])}")
    if metrics:
        out.print(metrics_table(metrics))


def _show_several(run: Any, info: dict[str, Any]) -> None:
    """Show a comparison or a search."""
    is_search = info["kind"] == "search"
    if is_search:
        from nnlab.cli.search import show_results
    else:
        from nnlab.cli.comparison import show_results

    out = console.results()
    out.print(f"[bold]{run.path}[/bold]")
    seconds = f"{info['seconds']:.1f} s" if info.get("seconds") is not None else "not finished"
    out.print(f"status     {_status(info['status'])}")
    out.print(
        f"started    {info['started']}, {seconds}, {info.get('trials', 0)} {'trials' if is_search else 'trainings'}"
    )
    out.print(f"command    {' '.join(info['command'])}", markup=False)
    results = run.read_summary()
    if results:
        show_results(results)
    else:
        out.print(f"hint       `nnlab resume {run.path}` carries it on", markup=False)


def tensorboard(
    logdir: Annotated[
        Path | None,
        typer.Argument(metavar="[RUNS_DIR]", help="Runs to show; default: all.", show_default=False),
    ] = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    port: Annotated[int, typer.Option(help="The port to begin with; the next free one is taken.")] = 6006,
    no_color: options.NoColor = False,  # noqa: ARG001
) -> None:
    """Show the runs in TensorBoard, on this machine only (127.0.0.1), until Ctrl-C."""
    folder = logdir or runs_dir
    if not folder.is_dir():
        raise NnlabError(f"there is no folder `{folder}`", hint="`nnlab train CONFIG` makes runs")
    from nnlab.tensorboard import serve

    server = serve(folder, port)
    sys.stdout.write(f"TensorBoard shows {folder} at {server.url} (Ctrl-C stops it)\n")
    sys.stdout.flush()
    try:
        server.wait()
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        server.stop()
