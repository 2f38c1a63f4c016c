"""Runs -> rows of plain values, for tables and JSON; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

from nnlab import catalog
from nnlab.catalog import Direction
from nnlab.errors import NnlabError
from nnlab.run import Run
from nnlab.wording import metric_text


def run_row(run: Run) -> dict[str, Any]:
    """Describe one run: directory, name, status, start, seconds, epochs and final metrics.

    Of a comparison or search the metrics are the best's, which `best` names, and `trials` counts the trainings. A run
    whose `run.json` cannot be read has the status `unreadable`.
    """
    try:
        info, metrics = run.read_info(), run.read_metrics()
    except NnlabError as error:
        problem = error.problems[0].message
        return {
            "run": str(run.path),
            "name": run.path.name,
            "status": "unreadable",
            "metrics": {},
            "error": problem,
        }
    return {
        "run": str(run.path),
        "name": info.get("name", run.path.name),
        "status": info.get("status"),
        "started": info.get("started"),
        "seconds": info.get("seconds"),
        "epochs": info.get("epochs"),
        "params": info.get("params"),
        "seed": info.get("seed"),
        "metrics": metrics,
        **(_of_several(info) if "kind" in info else {}),
    }


def _of_several(info: dict[str, Any]) -> dict[str, Any]:
    best = info.get("best")
    facts = {"kind": info["kind"], "trials": info.get("trials"), "best": best}
    return (
        facts
        if best is None
        else {**facts, "metrics": {"validation": {best["metric"].removeprefix("val_"): best["score"]}}}
    )


def metric_value(row: dict[str, Any], name: str) -> float | None:
    """Return a metric of a run by its history name: `val_accuracy`, `loss`, `test_loss`."""
    from nnlab.config.columns import split_and_metric

    split, metric = split_and_metric(name)
    values = (row.get("metrics") or {}).get(split) or {}
    value = values.get(metric)
    return float(value) if value is not None else None


def metric_direction(run: Run, name: str) -> Direction | None:
    """Return which values of a metric of a run are better, by what the run keeps; `None` if nothing says.

    A run of an earlier version keeps no directions: the metrics of its config have them, and a column that none of
    these fills is that of a metric which stood there by default, under its own name.

    Args:
        run: a training, search or comparison.
        name: as for `metric_value`.
    """
    from nnlab.config.columns import split_and_metric

    metric = split_and_metric(name)[1]
    try:
        info = run.read_info()
    except NnlabError:
        info = {}
    objective, directions = info.get("objective"), info.get("directions")
    if isinstance(objective, Mapping) and objective.get("metric") == f"val_{metric}":
        found = objective.get("direction")
    elif isinstance(directions, Mapping):
        found = directions.get(metric)
    else:
        found = _directions_of_config(run).get(metric)
    return cast("Direction", found) if found in get_args(Direction) else None


def _directions_of_config(run: Run) -> dict[str, Direction | None]:
    """Return the directions of the columns that a run's config names, and of every metric under its own name."""
    from nnlab.config.columns import metric_name
    from nnlab.config.load import load_config

    known: dict[str, Direction | None] = {"loss": "min"}
    known |= {name: entry.direction for name, entry in catalog.entries("metrics").items()}
    try:
        training = load_config(run.config_path).experiment.training
    except NnlabError:
        return known
    losses = [f"{output}_loss" for output in training.loss] if isinstance(training.loss, Mapping) else []
    by_output = training.metrics if isinstance(training.metrics, Mapping) else {"": training.metrics or ()}
    named = {
        f"{output}_{metric_name(metric)}".removeprefix("_"): metric.entry.direction
        for output, metrics in by_output.items()
        for metric in metrics
    }
    return {**known, **dict.fromkeys(losses, "min"), **named}


def best_epoch(info: Mapping[str, Any], history: Sequence[Mapping[str, float]]) -> tuple[int | None, list[str]]:
    """Return the best epoch and what is said of it; of a run that was interrupted the one with the smallest loss."""
    words = best_and_kept(info)
    if words or not history:
        return info.get("best_epoch"), words
    name = "val_loss" if "val_loss" in history[0] else "loss"
    best = min(history, key=lambda row: row[name])
    return int(best["epoch"]), [f"best {name} {metric_text(best[name])} in epoch {int(best['epoch'])}"]


def best_and_kept(info: Mapping[str, Any]) -> list[str]:
    """Say in words what `run.json` says of the best epoch, and of that whose weights the model has.

    >>> best_and_kept({"best_epoch": 2, "monitor": "val_loss", "best_value": 0.5, "model_epoch": 3})
    ['best val_loss 0.5000 in epoch 2', 'the model is that of epoch 3']
    """
    facts = []
    is_averaged = bool(info.get("averaged_weights"))
    if info.get("best_epoch") is not None:
        monitor, first = info["monitor"], info.get("judged_from_epoch")
        # training goes on with the weights as they are, so that its own figures are never those of averages
        is_judged_averaged = info.get("averages_validated") and str(monitor).startswith("val_")
        judged = " (before averaging)" if is_averaged and not is_judged_averaged else ""
        since = f" (judged from epoch {first} on)" if first is not None else ""
        facts.append(f"best {monitor} {metric_text(info['best_value'])}{judged} in epoch {info['best_epoch']}{since}")
    if info.get("model_epoch") is not None:
        has = "has the averaged weights" if is_averaged else "is that"
        facts.append(f"the model {has} of epoch {info['model_epoch']}")
    return facts
