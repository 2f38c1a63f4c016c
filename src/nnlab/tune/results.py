"""What a search writes into `results.json`, and `--json` prints."""

from __future__ import annotations

from typing import Any

from nnlab import stats
from nnlab.tune.search import Candidate, Search
from nnlab.tune.space import Hyperparameter, Space
from nnlab.wording import counted, joined, value_text

SHOWN = 10
"""Trials in the table of results."""


def document(search: Search, space: Space, *, run: str, status: str) -> dict[str, Any]:
    """Return the best trial, its fresh scores, and the others."""
    best = search.best
    counts = {
        name: sum(search.status(trial) == name for trial in search.candidates) for name in ("diverged", "stopped")
    }
    return {
        "kind": "search",
        "run": run,
        "status": status,
        "best": None if best is None else {"values": best.values, "score": search.score(best), "trial": best.id},
        "trials": len(search.candidates),
        "failed": len(search.failed),
        **counts,
        "objective": search.objective.column,
        "direction": search.objective.direction,
        "less_is_better": search.objective.direction == "min",
        "algorithm": search.section.algorithm,
        "seeds": list(search.seeds),
        "folds": search.section.folds,
        "own": own_values(search),
        "fresh": None if best is None else fresh_scores(search, best),
        "thinking_seconds": round(sum(trial.thinking_seconds for trial in search.candidates), 3),
        "parameters": [parameter.path for parameter in space.parameters],
        "space": [_parameter(parameter) for parameter in space.parameters],
        "rows": [_row(search, trial) for trial in search.ranked[:SHOWN]],
        "notes": _notes(search, space),
    }


def own_values(search: Search) -> dict[str, Any] | None:
    """Return what the config's own values gave, and what the best gained over them; `None` if they were not tried.

    Only where both were trained equally long there is a gain.
    """
    own = [trial for trial in search.candidates if trial.is_base and search.is_over(trial)]
    if not own or search.best is None:
        return None
    trial = next((each for each in search.ranked if each.is_base), own[-1])
    score, best = search.score(trial), search.score(search.best)
    gain = None if trial not in search.ranked or score is None or best is None else best - score
    return {"trial": trial.id, "status": search.status(trial), "score": score, "gain": gain}


def fresh_scores(search: Search, best: Candidate) -> dict[str, Any] | None:
    """Return what the best gives with fresh seeds; `None` if it was not trained with any."""
    outcomes, metric = search.fresh(best), search.objective.metric
    if not outcomes:
        return None
    scores = {key: outcome.score(metric) for key, outcome in outcomes.items()}
    finished = [score for score in scores.values() if score is not None]
    tests = [value for outcome in outcomes.values() if (value := outcome.score(metric, "test")) is not None]
    described = stats.described(finished, tests, search.objective.scale)
    return {"scores": scores, **described, "failed": len(scores) - len(finished)}


def _parameter(parameter: Hyperparameter) -> dict[str, Any]:
    """Return what the values of a parameter can be; its `codes` in the files of trials are their numbers if listed."""
    config = parameter.config
    return {
        "path": parameter.path,
        "choices": config.choices,
        "ends": [0, max(len(config.choices) - 1, 1)] if config.choices else config.ends,
        "is_log": config.sampling in ("log", "reverse_log"),
        "is_whole": config.int_ is not None,
        "own": parameter.first,
    }


def _row(search: Search, trial: Candidate) -> dict[str, Any]:
    outcomes = search.done(trial).values()
    return {
        "trial": trial.id,
        "score": search.score(trial),
        "values": trial.values,
        "scores": search.scores(trial),
        "epochs": max(len(outcome.history) for outcome in outcomes),
        "seconds": round(sum(outcome.seconds() for outcome in outcomes), 3),
    }


def _notes(search: Search, space: Space) -> list[str]:
    """Say what the numbers do not: ends of ranges, trials that failed."""
    best = search.best
    notes = []
    if search.has_failed:
        notes.append("three trials failed one after the other, and the search stopped")
    if best is not None and best.epochs not in (None, search.epochs):
        epochs = counted(best.epochs, "epoch")
        notes.append(f"no trial was trained to the end: the best is one of those with {epochs}")
    if search.section.folds and best is not None and len(search.fresh(best)) > 1:
        notes.append(stats.OF_FOLDS)
    edges = [] if best is None or best.is_base else [
        f"{each.path} ({value_text(best.values[each.path])})"
        for each in space.parameters
        if not each.config.choices and _is_on_edge(each.config.ends, best.codes.get(each.path))
    ]  # fmt: skip
    if edges:
        notes.append(f"at the end of its range, so that a better value may lie beyond: {joined(edges)}")
    return notes


def _is_on_edge(ends: tuple[float, float], code: float | None) -> bool:
    return code is not None and ends[0] < ends[1] and code in ends
