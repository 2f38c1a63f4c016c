"""What a comparison writes into `results.json`, and `--json` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnlab.compare.comparison import Arm, ArmTable, Comparison
from nnlab.stats import OF_FOLDS
from nnlab.wording import figure, joined


def document(comparison: Comparison, *, run: str, status: str) -> dict[str, Any]:
    """Return the rows of the main table, best first, and the rest."""
    rules = comparison.rules
    tables = {arm: comparison.table(arm) for arm in rules.arms}
    main, *others = rules.arms
    return {
        "kind": "comparison",
        "run": run,
        "status": status,
        **_table(tables[main]),
        **{arm: _table(tables[arm]) for arm in others},
        "notes": [*_notes(tables), *([OF_FOLDS] if rules.folds else [])],
        "metric": rules.objective.column,
        "direction": rules.objective.direction,
        "less_is_better": rules.objective.direction == "min",
        "arm": main,
        "seeds": list(rules.seeds),
        "folds": rules.folds,
        "tuning_budget": rules.tuning_budget,
        "tune_schedules": list(rules.schedules),
        "target": comparison.target,
        "steps_per_epoch": {contender.name: contender.steps_per_epoch for contender in comparison.contenders},
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
        yield f"from the best to the worst: {figure(gaps['defaults'])} as configured, {figure(gaps['tuned'])} tuned"
    edges = [row for table in tables.values() for row in table.rows if row.on_edge]
    if edges:
        names = joined([f"{row.variant} ({row.learning_rate:g})" for row in edges])
        yield f"on the edge of the learning rates tried, so that a better one may lie beyond: {names}"


def _gap(table: ArmTable) -> float | None:
    means = [sum(row.finished) / len(row.finished) for row in table.rows if row.finished]
    return max(means) - min(means) if len(means) > 1 else None
