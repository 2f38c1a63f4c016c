"""The results of a search: as a document, as the cells of a table, and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab import stats
from nnlab.errors import visible
from nnlab.report.comparison import interval_text, number
from nnlab.results import value_text
from nnlab.tune.search import Search, Trial
from nnlab.tune.study import Study

SHOWN = 10
"""Trials in the table of results."""


def document(study: Study, *, run: str, status: str) -> dict[str, Any]:
    """Return what `--json` prints and `results.json` holds: the best trial, its fresh scores, the others."""
    search = study.search
    best = search.best
    counts = {name: sum(search.status(trial) == name for trial in search.trials) for name in ("diverged", "stopped")}
    return {
        "run": run,
        "status": status,
        "best": None if best is None else {"values": best.values, "score": search.score(best), "trial": best.id},
        "trials": len(search.trials),
        "failed": len(search.failed),
        **counts,
        "objective": search.rules.objective.column,
        "direction": search.rules.objective.direction,
        "less_is_better": search.rules.objective.direction == "min",
        "algorithm": study.section.algorithm,
        "seeds": list(search.rules.seeds),
        "own": own_values(search),
        "fresh": None if best is None else fresh_scores(search, best),
        "thinking_seconds": round(sum(trial.thinking_seconds for trial in search.trials), 3),
        "parameters": [parameter.path for parameter in study.space.parameters],
        "rows": [_row(search, trial) for trial in search.ranked[:SHOWN]],
        "notes": _notes(study),
    }


def own_values(search: Search) -> dict[str, Any] | None:
    """Return what the config's own values gave, and what the best gained over them; `None` if they were not tried.

    Only where both were trained equally long there is a gain.
    """
    own = [trial for trial in search.trials if trial.is_base and search.is_over(trial)]
    if not own or search.best is None:
        return None
    trial = next((each for each in search.ranked if each.is_base), own[-1])
    score, best = search.score(trial), search.score(search.best)
    gain = None if trial not in search.ranked or score is None or best is None else best - score
    return {"trial": trial.id, "status": search.status(trial), "score": score, "gain": gain}


def fresh_scores(search: Search, best: Trial) -> dict[str, Any] | None:
    """Return what the best gives with fresh seeds; `None` if it was not trained with any."""
    outcomes = {seed: outcome for (number_, seed), outcome in search.finals.items() if number_ == best.number}
    if not outcomes:
        return None
    scores = {seed: search.metric(outcome) for seed, outcome in sorted(outcomes.items())}
    finished = [score for score in scores.values() if score is not None]
    tests = [value for outcome in outcomes.values() if (value := search.metric(outcome, "test")) is not None]
    interval = stats.t_interval(finished, search.rules.objective.scale) or (None, None)
    return {
        "scores": scores,
        "score_mean": stats.mean(finished),
        "score_std": stats.deviation(finished),
        "ci_low": interval[0],
        "ci_high": interval[1],
        "test_mean": stats.mean(tests),
        "test_std": stats.deviation(tests),
        "failed": len(scores) - len(finished),
    }


def _row(search: Search, trial: Trial) -> dict[str, Any]:
    seconds = sum(float(row["seconds"]) for outcome in search.done(trial) for row in outcome.history)
    return {
        "trial": trial.id,
        "score": search.score(trial),
        "values": trial.values,
        "scores": search.scores(trial),
        "epochs": max(len(outcome.history) for outcome in search.done(trial)),
        "seconds": round(seconds, 3),
    }


def _notes(study: Study) -> list[str]:
    """Say what the numbers do not: ends of ranges, trials that failed."""
    search, best = study.search, study.search.best
    notes = []
    if search.has_failed:
        notes.append("three trials failed one after the other, and the search stopped")
    if best is not None and best.epochs not in (None, search.rules.epochs):
        epochs = f"{best.epochs} epoch{'s' * (best.epochs != 1)}"
        notes.append(f"no trial was trained to the end: the best is one of those with {epochs}")
    edges = [] if best is None or best.is_base else [
        f"{each.path} ({value_text(best.values[each.path])})"
        for each in study.space.parameters
        if not each.config.choices and _is_on_edge(each.config.ends, best.codes.get(each.path))
    ]  # fmt: skip
    if edges:
        notes.append(f"at the end of its range, so that a better value may lie beyond: {stats.joined(edges)}")
    return notes


def _is_on_edge(ends: tuple[float, float], code: float | None) -> bool:
    return code is not None and ends[0] < ends[1] and code in ends


def caption(results: Mapping[str, Any]) -> str:
    """Say what was done."""
    order = "less is better" if results["less_is_better"] else "more is better"
    bad = [f"{results[name]} {name}" for name in ("failed", "diverged", "stopped") if results[name]]
    count = len(results["seeds"])
    seeds = f", {count} seeds each" if count > 1 else ""
    return f"{results['algorithm']} search for {results['objective']}, {order}; {results['trials']} trials{seeds}" + (
        f" ({', '.join(bad)})" if bad else ""
    )


def cells(results: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return heads and cells of the table of the best trials."""
    paths, rows = results["parameters"], results["rows"]
    columns: dict[str, list[str]] = {
        "trial": [row["trial"] for row in rows],
        results["objective"]: [number(row["score"]) for row in rows],
        **{
            head: [value_text(row["values"][path]) if path in row["values"] else "" for row in rows]
            for path, head in zip(paths, heads(paths), strict=True)
        },
        "epochs": [str(row["epochs"]) for row in rows],
        "seconds": [f"{row['seconds']:.1f}" for row in rows],
    }
    return list(columns), [list(line) for line in zip(*columns.values(), strict=True)]


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
    spread = "" if fresh["score_std"] is None else f" ± {number(fresh['score_std'])}"
    low, high = fresh["ci_low"], fresh["ci_high"]
    interval = "" if low is None else f", 95 % interval {interval_text(low, high)}"
    test = "" if fresh["test_mean"] is None else f"; test {number(fresh['test_mean'])}"
    failed = f"; {fresh['failed']} failed" if fresh["failed"] else ""
    seeds = f"{count} fresh seed{'s' * (count > 1)}"
    mean = f"{results['objective']} {number(fresh['score_mean'])}{spread}"
    return f"trained again with {seeds}: {mean}{interval}{test}{failed}"


def gain_text(results: Mapping[str, Any]) -> str | None:
    """Say in one line what the search gained over the config's own values."""
    own, best = results.get("own"), results["best"]  # older runs do not say
    if own is None or best is None:
        return None
    if own["trial"] == best["trial"]:
        return f"the config's own values are the best: {results['objective']} {number(best['score'])}"
    text = f"the best, as it was chosen: {results['objective']} {number(best['score'])}, the config's own values "
    if own["gain"] is not None:
        return f"{text}{number(own['score'])} ({_signed(own['gain'])})"
    return text + ("were not trained as long" if own["status"] == "completed" else str(own["status"]))


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{number(abs(value))}"


def markdown(results: Mapping[str, Any], *, name: str, plots: Sequence[str] = ()) -> str:
    """Write the results as Markdown, to paste."""
    lines = [f"## {name}", "", f"{caption(results)}.", ""]
    found = findings(results)
    lines += [*(f"- {_sentence(text)}" for text in found), ""] if found else []
    if results["rows"]:
        top, body = cells(results)
        lines += [_line(line) for line in (top, ["--:"] * len(top), *body)] + [""]
    lines += [f"- {_sentence(note)}" for note in results["notes"]]
    lines += ["", *(f"![{plot}]({plot}.svg)" for plot in plots)]
    return "\n".join(lines).rstrip() + "\n"


def findings(results: Mapping[str, Any]) -> list[str]:
    """Say what was found, what holds beyond the seed that chose it first."""
    fresh = fresh_text(results)
    return [text for text in (fresh and f"the best, {fresh}", gain_text(results)) if text]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _line(cells_: Sequence[str]) -> str:
    return f"| {' | '.join(visible(text).replace('|', chr(92) + '|') for text in cells_)} |"
