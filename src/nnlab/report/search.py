"""What is said of the results of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.report.page import Column, Page, Table
from nnlab.wording import counted, figure, interval_text, value_text


def page(results: Mapping[str, Any]) -> Page:
    """Return what is to be said of the content of a search's `results.json`."""
    fresh = fresh_text(results)
    findings = [text for text in (fresh and f"the best, {fresh}", gain_text(results)) if text]
    tables = [Table(_columns(results), "results.csv", rows=results["trials"])] if results["rows"] else []
    return Page(_caption(results), findings, tables, tuple(results["notes"]))


def _caption(results: Mapping[str, Any]) -> str:
    """Say what was done."""
    order = "less is better" if results["less_is_better"] else "more is better"
    bad = [f"{results[name]} {name}" for name in ("failed", "diverged", "stopped") if results[name]]
    count = len(results["seeds"])
    seeds = f", {count} seeds each" if count > 1 else ""
    if results.get("folds"):
        seeds = f", each over {results['folds']} folds" + (f" with each of {count} seeds" if count > 1 else "")
    return f"{results['algorithm']} search for {results['objective']}, {order}; {results['trials']} trials{seeds}" + (
        f" ({', '.join(bad)})" if bad else ""
    )


def _columns(results: Mapping[str, Any]) -> list[Column]:
    """Return the table of the best trials."""
    paths, rows = results["parameters"], results["rows"]
    return [
        Column("trial", [row["trial"] for row in rows]),
        Column(results["objective"], [figure(row["score"]) for row in rows]),
        *(
            Column(head, [value_text(row["values"][path]) if path in row["values"] else "" for row in rows], rank=4)
            for path, head in zip(paths, heads(paths), strict=True)
        ),
        Column("epochs", [str(row["epochs"]) for row in rows], rank=8),
        Column("seconds", [f"{row['seconds']:.1f}" for row in rows], rank=9),
    ]


def heads(paths: Sequence[str]) -> list[str]:
    """Shorten paths to as many of their last parts as tell them from one another, and begin with a name.

    >>> heads(["optimizer.learning_rate", "model.hidden.0", "model.layers.1.units", "model.layers.2.units"])
    ['learning_rate', 'hidden.0', 'layers.1.units', 'layers.2.units']
    """
    split = [path.split(".") for path in paths]
    found = []
    for parts in split:
        length = 1
        while length < len(parts) and (
            parts[-length].isdigit() or sum(other[-length:] == parts[-length:] for other in split) > 1
        ):
            length += 1
        found.append(".".join(parts[-length:]))
    return found


def fresh_text(results: Mapping[str, Any]) -> str | None:
    """Say in one line what the best gives with fresh seeds."""
    fresh = results["fresh"]
    if fresh is None or fresh["score_mean"] is None:
        return None
    count = len(fresh["scores"])
    spread = "" if fresh["score_std"] is None else f" ± {figure(fresh['score_std'])}"
    low, high = fresh["ci_low"], fresh["ci_high"]
    interval = "" if low is None else f", 95 % interval {interval_text(low, high)}"
    test = "" if fresh["test_mean"] is None else f"; test {figure(fresh['test_mean'])}"
    failed = f"; {fresh['failed']} failed" if fresh["failed"] else ""
    seeds = f"{counted(count, 'fresh seed')}" + (", each with a fold dealt anew" if results.get("folds") else "")
    mean = f"{results['objective']} {figure(fresh['score_mean'])}{spread}"
    return f"trained again with {seeds}: {mean}{interval}{test}{failed}"


def gain_text(results: Mapping[str, Any]) -> str | None:
    """Say in one line what the search gained over the config's own values."""
    own, best = results.get("own"), results["best"]  # older runs do not say
    if own is None or best is None:
        return None
    if own["trial"] == best["trial"]:
        return f"the config's own values are the best: {results['objective']} {figure(best['score'])}"
    text = f"the best, as it was chosen: {results['objective']} {figure(best['score'])}, the config's own values "
    if own["gain"] is not None:
        return f"{text}{figure(own['score'])} ({_signed(own['gain'])})"
    return text + ("were not trained as long" if own["status"] == "completed" else str(own["status"]))


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{figure(abs(value))}"
