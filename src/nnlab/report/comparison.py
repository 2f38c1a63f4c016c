"""What is said of the results of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nnlab.report.page import Column, Page, Table
from nnlab.wording import counted, figure, interval_text

TITLES: Mapping[str, str] = {"tuned": "learning rates tuned", "defaults": "learning rates as configured"}


def repeats(results: Mapping[str, Any]) -> str:
    """Return what each variant is trained over: `folds` where every problem is cross-validated, else `seeds`."""
    parts = results.get("problems", {"": results}).values()
    return "folds" if all(part.get("folds") for part in parts) else "seeds"


def page(results: Mapping[str, Any]) -> Page:
    """Return what is to be said of the content of a comparison's `results.json`."""
    return Page(_caption(results), (), tuple(_tables(results)), tuple(results["notes"]))


def _caption(results: Mapping[str, Any]) -> str:
    """Say what the numbers are."""
    if "problems" in results:
        return (
            f"{len(results['problems'])} problems; fastest, within 2x, reached: the share of all their "
            f"{repeats(results)} in which a variant takes the fewest steps to the problem's target, at most twice as "
            "many, or gets there at all"
        )
    order = "less is better" if results["less_is_better"] else "more is better"
    budget, count = results["tuning_budget"], len(results["seeds"])
    schedules = len(results["tune_schedules"])
    tuned = f"; {budget} learning rates tried for each variant" if budget else ""
    tuned += f" with each of {schedules} schedules" if schedules else ""
    drawn = counted(count, "seed")
    if results.get("folds"):
        drawn = f"{results['folds']} folds" + (f", dealt anew with each of {drawn}" if count > 1 else "")
    return f"{results['metric']} after training, {order}; {drawn}{tuned}"


def _tables(results: Mapping[str, Any]) -> Iterator[Table]:
    if "problems" in results:
        yield _standings(results)
        for name, each in results["problems"].items():
            for table in _tables(each):
                title = f"{name}, {each['metric']}{', ' * bool(table.title)}{table.title}"
                yield Table(table.columns, "results.json", title, table.verdict)
        return
    for arm, words in TITLES.items():
        part = results if results["arm"] == arm else results.get(arm)
        if part is not None:
            title = words if results["tuning_budget"] else ""
            yield Table(_columns(part["rows"], results["target"]), "results.csv", title, part["verdict"])


def _columns(rows: Iterable[Mapping[str, Any]], target: float | None) -> list[Column]:
    """Return the columns of a table; those that say nothing are left out."""
    columns = [
        _names(rows),
        Column("schedule", [row["schedule"] or "" for row in rows], rank=4),
        Column("rate", [_rate(row) for row in rows], rank=3),
        Column("mean ± std", [_mean(row) for row in rows]),
        Column("95 % interval", [_interval(row) for row in rows], rank=2),
        Column("median", [figure(row["score_median"]) for row in rows], rank=9),
        Column("test", [figure(row["test_mean"]) for row in rows], rank=5),
        Column(f"steps to {figure(target)}", [figure(row["steps_to_target"]) for row in rows], rank=6),
        Column("seconds", ["" if row["seconds"] is None else f"{row['seconds']:.1f}" for row in rows], rank=8),
        *(Column(name, [_share(row, name) for row in rows], rank=1) for name in ("diverged", "crashed")),
    ]
    return [column for column in columns if any(column.cells)]


def _standings(results: Mapping[str, Any]) -> Table:
    """Return how the variants stand over all problems."""
    rows = results["rows"]
    shares = {"fastest": "fastest", "within 2x": "within_2", "reached": "reached"}
    columns = [
        _names(rows),
        Column("mean rank", [figure(row["mean_rank"]) for row in rows]),
        *(Column(name, [figure(row["scores"][name]) for row in rows], rank=6) for name in results["problems"]),
        *(Column(head, [f"{100 * row[key]:.0f} %" for row in rows], rank=6) for head, key in shares.items()),
    ]
    return Table(columns, "results.json", "all problems", ())


def _names(rows: Iterable[Mapping[str, Any]]) -> Column:
    return Column("variant", [row["variant"] for row in rows], left=True)


def _rate(row: Mapping[str, Any]) -> str:
    rate = row["learning_rate"]
    return "" if rate is None else f"{rate:g}{' (edge)' if row['on_edge'] else ''}"


def _mean(row: Mapping[str, Any]) -> str:
    mean, deviation = row["score_mean"], row["score_std"]
    if deviation is None:
        return figure(mean)
    return f"{figure(mean)} ± {deviation:.4f}" if 1e-3 <= abs(mean) < 1e5 else f"{figure(mean)} ± {figure(deviation)}"


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["ci_low"] is None else interval_text(row["ci_low"], row["ci_high"])


def _share(row: Mapping[str, Any], name: str) -> str:
    return f"{row[name]} of {row['seeds'] + row['crashed']}" if row[name] else ""
