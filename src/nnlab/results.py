"""Runs -> rows of plain values, for tables and JSON; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.errors import NnlabError
from nnlab.run import Run


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
        **(_of_several(info) if info.get("kind") in ("comparison", "search") else {}),
    }


def _of_several(info: dict[str, Any]) -> dict[str, Any]:
    best = info.get("best")
    facts = {"kind": info["kind"], "trials": info.get("trials"), "best": best}
    return (
        facts
        if best is None
        else {**facts, "metrics": {"validation": {best["metric"].removeprefix("val_"): best["score"]}}}
    )


LOW_IS_GOOD = (
    "loss", "error", "entropy", "divergence", "poisson", "hinge", "huber", "cosh", "smooth_l1", "false_",
)  # fmt: skip
"""Parts of the names of losses and metrics of which less is better."""


def less_is_better(metric: str) -> bool:
    """Whether the lower value of a loss or metric is the better one: `val_loss`, `mean_absolute_error`."""
    return any(part in metric for part in LOW_IS_GOOD)


def metric_value(row: dict[str, Any], name: str) -> float | None:
    """Return a metric of a run by its history name: `val_accuracy`, `loss`, `test_loss`."""
    split, metric = "train", name
    for prefix, chosen in (("val_", "validation"), ("test_", "test"), ("train_", "train")):
        if name.startswith(prefix):
            split, metric = chosen, name.removeprefix(prefix)
    values = (row.get("metrics") or {}).get(split) or {}
    value = values.get(metric)
    return float(value) if value is not None else None


def default_metric(columns: Sequence[str]) -> str:
    """Return the metric that decides where none is named: the first of the config's, or the loss.

    Args:
        columns: of the history, without `val_`; the loss first, then the losses by output if there are several.
    """
    return columns[1] if len(columns) > 1 and not columns[1].endswith("_loss") else "loss"


def value_text(value: Any) -> str:
    """Write a value of a config for a table.

    >>> value_text({"SGD": {"momentum": 0.9}}), value_text(0.00012345), value_text(None)
    ('SGD(momentum=0.9)', '0.0001234', 'none')
    """
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(_object(str(name), inside) for name, inside in value.items())
    return f"[{', '.join(map(value_text, value))}]" if isinstance(value, (list, tuple)) else str(value)


def _object(name: str, inside: Any) -> str:
    if not isinstance(inside, Mapping):
        return f"{name}={value_text(inside)}"
    return f"{name}({', '.join(f'{key}={value_text(value)}' for key, value in inside.items())})"
