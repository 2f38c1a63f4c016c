"""The results of a comparison: as a document, as the cells of tables, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlab.compare.problems import standings
from nnlab.compare.protocol import Arm, ArmTable, Comparison
from nnlab.errors import visible
from nnlab.run import Run
from nnlab.stats import joined

MOST_DIGITS = 17
"""As many as tell any two floats apart."""

TITLES: Mapping[str, str] = {"tuned": "learning rates tuned", "defaults": "learning rates as configured"}


def document(comparison: Comparison, *, run: str, status: str) -> dict[str, Any]:
    """Return what `--json` prints and `results.json` holds: the rows of the main table, best first, and the rest."""
    rules = comparison.rules
    tables = {arm: comparison.table(arm) for arm in rules.arms}
    main, *others = rules.arms
    return {
        "run": run,
        "status": status,
        **_table(tables[main]),
        **{arm: _table(tables[arm]) for arm in others},
        "notes": list(_notes(tables)),
        "metric": rules.objective.column,
        "direction": rules.objective.direction,
        "less_is_better": rules.objective.direction == "min",
        "arm": main,
        "seeds": list(rules.seeds),
        "tuning_budget": rules.tuning_budget,
        "tune_schedules": list(rules.schedules),
        "target": comparison.target,
    }


def document_of_problems(comparisons: Mapping[str, Comparison], *, run: str, status: str) -> dict[str, Any]:
    """Return the same for several problems: how the variants stand over all of them, and each problem's own."""
    problems = {
        name: document(comparison, run=str(Run(Path(run)).problems_path / name), status=status)
        for name, comparison in comparisons.items()
    }
    return {
        "run": run,
        "status": status,
        "rows": [standing.as_json() for standing in standings(comparisons)],
        "problems": problems,
        "notes": [f"{name}: {note}" for name, results in problems.items() for note in results["notes"]],
    }


def _table(table: ArmTable) -> dict[str, Any]:
    pairs = [
        {"better": pair.better, "worse": pair.worse, "p_value": pair.p_value, "partial": pair.is_partial}
        for pair in table.pairs
    ]
    return {"rows": [row.as_json() for row in table.rows], "verdict": list(table.verdict), "pairs": pairs}


def _notes(tables: Mapping[Arm, ArmTable]) -> Iterator[str]:
    """Say what tuning changed, and which rates lie on the edge of those tried."""
    gaps = {arm: gap for arm, table in tables.items() if (gap := _gap(table)) is not None}
    if len(gaps) == 2:
        yield f"from the best to the worst: {number(gaps['defaults'])} as configured, {number(gaps['tuned'])} tuned"
    edges = [row for table in tables.values() for row in table.rows if row.on_edge]
    if edges:
        names = joined([f"{row.variant} ({row.learning_rate:g})" for row in edges])
        yield f"on the edge of the learning rates tried, so that a better one may lie beyond: {names}"


def _gap(table: ArmTable) -> float | None:
    means = [sum(row.finished) / len(row.finished) for row in table.rows if row.finished]
    return max(means) - min(means) if len(means) > 1 else None


def tables(results: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str], list[list[str]], Sequence[str]]]:
    """Yield the tables of a document: title, heads, cells, verdict."""
    if "problems" in results:
        yield ("all problems", *_standings(results), [])
        for name, each in results["problems"].items():
            for title, heads, body, verdict in tables(each):
                yield f"{name}, {each['metric']}{', ' * bool(title)}{title}", heads, body, verdict
        return
    for arm in ("tuned", "defaults"):
        part = results if results["arm"] == arm else results.get(arm)
        if part is not None:
            title = TITLES[arm] if results["tuning_budget"] else ""
            yield (title, *cells(part["rows"], results), part["verdict"])


def cells(rows: Sequence[Mapping[str, Any]], results: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the cells of a table; columns that say nothing are left out."""
    target = results["target"]
    columns: dict[str, list[str]] = {
        "variant": [row["variant"] for row in rows],
        "schedule": [row["schedule"] or "" for row in rows],
        "rate": [_rate(row) for row in rows],
        "mean ± std": [_mean(row) for row in rows],
        "95 % interval": [_interval(row) for row in rows],
        "median": [number(row["score_median"]) for row in rows],
        "test": [number(row["test_mean"]) for row in rows],
        f"steps to {number(target)}": [number(row["steps_to_target"]) for row in rows],
        "seconds": ["" if row["seconds"] is None else f"{row['seconds']:.1f}" for row in rows],
        **{
            name: [f"{row[name]} of {row['seeds'] + row['crashed']}" if row[name] else "" for row in rows]
            for name in ("diverged", "crashed")
        },
    }
    shown = {head: column for head, column in columns.items() if any(column)}
    return list(shown), [list(line) for line in zip(*shown.values(), strict=True)]


def _standings(results: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    heads = ["variant", "mean rank", *results["problems"], "fastest", "within 2x", "reached"]
    body = [
        [row["variant"], number(row["mean_rank"]), *map(number, row["scores"].values())]
        + [f"{100 * row[name]:.0f} %" for name in ("fastest", "within_2", "reached")]
        for row in results["rows"]
    ]
    return heads, body


def caption(results: Mapping[str, Any]) -> str:
    """Say what the numbers are."""
    if "problems" in results:
        return (
            f"{len(results['problems'])} problems; fastest, within 2x, reached: the share of all their seeds in which "
            "a variant takes the fewest steps to the problem's target, at most twice as many, or gets there at all"
        )
    order = "less is better" if results["less_is_better"] else "more is better"
    budget, count = results["tuning_budget"], len(results["seeds"])
    schedules = len(results["tune_schedules"])
    tuned = f"; {budget} learning rates tried for each variant" if budget else ""
    tuned += f" with each of {schedules} schedules" if schedules else ""
    return f"{results['metric']} after training, {order}; {count} seed{'s' * (count > 1)}{tuned}"


def markdown(results: Mapping[str, Any], *, name: str, plots: Sequence[str] = ()) -> str:
    """Write the results as Markdown, to paste."""
    lines = [f"## {name}", "", f"{caption(results)}.", ""]
    for title, heads, body, verdict in tables(results):
        right = [":--" if head == "variant" else "--:" for head in heads]
        lines += [f"**{title.capitalize()}**", ""] if title else []
        lines += [*(_markdown_row(line) for line in (heads, right, *body)), ""]
        lines += [f"- {_sentence(line)}" for line in verdict] + [""]
    lines += [f"- {_sentence(note)}" for note in results["notes"]]
    lines += ["", *(f"![{plot}]({plot}.svg)" for plot in plots)]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_row(line: Sequence[str]) -> str:
    escaped = [visible(text).replace("|", "\\|") for text in line]
    return f"| {' | '.join(escaped)} |"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _rate(row: Mapping[str, Any]) -> str:
    rate = row["learning_rate"]
    return "" if rate is None else f"{rate:g}{' (edge)' if row['on_edge'] else ''}"


def _mean(row: Mapping[str, Any]) -> str:
    mean, deviation = row["score_mean"], row["score_std"]
    if deviation is None:
        return number(mean)
    return f"{number(mean)} ± {deviation:.4f}" if 1e-3 <= abs(mean) < 1e5 else f"{number(mean)} ± {number(deviation)}"


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["ci_low"] is None else interval_text(row["ci_low"], row["ci_high"])


def interval_text(low: float, high: float) -> str:
    """Write an interval, with as many digits as tell its ends apart.

    >>> interval_text(0.25, 0.5), interval_text(0.4312345, 0.4312355)
    ('0.2500 to 0.5000', '0.4312345 to 0.4312355')
    """
    ends = number(low), number(high)
    digits = 5
    while ends[0] == ends[1] and digits < MOST_DIGITS:
        ends = f"{low:.{digits}g}", f"{high:.{digits}g}"
        digits += 1
    return f"{ends[0]} to {ends[1]}"


def number(value: float | None) -> str:
    """Write a figure: four decimals, whole numbers without any, very large and very small ones with an exponent.

    >>> number(0.97222), number(180.0), number(1.5e-7), number(None)
    ('0.9722', '180', '1.5e-07', '')
    """
    if value is None:
        return ""
    if value == int(value) and abs(value) < 1e9:
        return str(int(value))
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"
