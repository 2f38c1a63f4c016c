"""Plots of a comparison: learning curves with bands, sensitivity to the learning rate, time to a target."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from nnlab.objective import Objective
from nnlab.report.comparison import repeats
from nnlab.report.plot import COLORS, Panel, Series, panels_figure
from nnlab.run import Run
from nnlab.stats import expected_best, first_at_least, mean, median, share_within, steps_after

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TARGETS = 60
"""Values of the metric for which the time to reach them is drawn."""

SHOWN_SPREAD = 2.5
"""How far below the best the scores of tuning are shown, in distances from the best to the worst quarter."""

MOST_TIMES = 100.0
"""How many times the fastest one's steps a performance profile shows."""


@dataclass(frozen=True, slots=True)
class _Variant:
    """What plots show of a variant.

    Args:
        style: the name, color and dashes of its lines.
        steps_per_epoch: optimizer steps, of every epoch or of each.
        histories: of its trainings in the main table.
        curves: of those that came to their end: what decides after each epoch, times the sign of the objective.
        schedule: the one that was chosen with the learning rate; empty for its own.
        tuning: schedule, learning rate and score of what chose the rate; no score of a training that failed.
    """

    style: Mapping[str, Any]
    steps_per_epoch: int | Sequence[int]
    histories: Sequence[Sequence[Mapping[str, float]]]
    curves: Sequence[Sequence[float]]
    schedule: str
    tuning: Sequence[tuple[str, float, float | None]]


def pictures(run: Run, results: Mapping[str, Any]) -> dict[str, Callable[[], Figure]]:
    """Return what makes the plots of a comparison, by their names; panels without lines are no plot."""
    drawn = {name: each for name, each in panels(run, results).items() if any(panel.series for panel in each)}
    return {name: partial(panels_figure, each, legend="right") for name, each in drawn.items()}


def panels(run: Run, results: Mapping[str, Any]) -> dict[str, list[Panel]]:
    """Return what the plots of a comparison show, by name; of several problems the performance profile."""
    unit = repeats(results)
    if "problems" in results:
        note = f"all {unit} of {len(results['problems'])} problems, to the target of each"
        return {"profile": [_profile(results["ratios"], note)]}
    objective = Objective(results["metric"], results["direction"])
    note = f"mean and range over the {unit}"
    variants, metric = list(_variants(run, results, objective)), objective.metric
    curves = _pair(variants, metric, objective.column, note)
    if metric != "loss":  # what is trained for, beside what is judged by
        curves += [panel for panel in _pair(variants, "loss", "val_loss", note) if panel.series]
    found = {
        "curves": curves,
        "time_to_target": [_time_to_target(variants, objective, unit)],
    }
    return {**found, "sensitivity": _tuning(variants, objective)} if results["tuning_budget"] > 1 else found


def _variants(run: Run, results: Mapping[str, Any], objective: Objective) -> Iterator[_Variant]:
    """Yield what was trained of each variant."""
    column, trainings = objective.column, run.read_results()
    schedules = {row["variant"]: row["schedule"] for row in results["rows"]}
    for number, (name, steps_per_epoch) in enumerate(results["steps_per_epoch"].items()):
        own = [row for row in trainings if row["variant"] == name]
        main = [row for row in own if results["arm"] in row["purpose"].split(" and ")]
        histories = [Run(run.trials_path / row["trial"]).read_history() for row in main]
        ended = [each for row, each in zip(main, histories, strict=True) if row["status"] == "completed"]
        chosen_by = [row for row in own if row["purpose"] == "tuning"]
        yield _Variant(
            style=_style(number, name),
            steps_per_epoch=steps_per_epoch,
            histories=histories,
            curves=[[objective.sign * row[column] for row in history] for history in ended],
            schedule=schedules[name] or "",
            tuning=[(row.get("schedule", ""), float(row["learning_rate"]), _score(row[column])) for row in chosen_by],
        )


def _style(number: int, name: str) -> dict[str, Any]:
    return {"name": name, "color": number % len(COLORS), "dash": number // len(COLORS)}


def _score(text: str) -> float | None:
    value = float(text or math.nan)
    return value if math.isfinite(value) else None


def _profile(ratios: Mapping[str, Sequence[float | None]], note: str) -> Panel:
    """Draw the performance profile; trainings that do not reach the target have no ratio."""
    found = {name: [math.inf if ratio is None else ratio for ratio in own] for name, own in ratios.items()}
    finite = [ratio for own in found.values() for ratio in own if ratio < math.inf]
    if not finite:
        return Panel([])
    end = min(MOST_TIMES, 1.1 * max(2.0, *finite))
    lines = []
    for number, (name, own) in enumerate(found.items()):
        corners = [1.0, *sorted({ratio for ratio in own if 1 < ratio < end}), end]
        x = [value for value in corners for _ in (0, 1)][1:]
        y = [share_within(own, value) for value in corners[:-1] for _ in (0, 1)]
        lines.append(Series(x, [*y, share_within(own, end)], **_style(number, name)))
    labels = "times the steps of the fastest", "share that got there"
    return Panel(lines, "performance profile", note, *labels, log_x=True)


def _pair(variants: Sequence[_Variant], name: str, validated: str, note: str) -> list[Panel]:
    """Draw a loss or metric by epoch, of training rows and of validation rows."""
    training, validation = (list(_curves(variants, *each)) for each in ((name, 0.5), (validated, 0.0)))
    return [  # what is measured while an epoch trains belongs to its middle
        Panel(training, f"training {name}", f"{note}; at the middle of each epoch", "epochs", name),
        Panel(validation, f"validation {name}", note, "epochs", name),
    ]


def _curves(variants: Sequence[_Variant], column: str, shift: float) -> Iterator[Series]:
    """Yield mean and range of a column after the first epoch, the second ..., as long as any training goes on."""
    for variant in variants:
        by_epoch = zip_longest(*variant.histories, fillvalue=dict[str, float]())
        found = ([row.get(column, math.nan) for row in rows] for rows in by_epoch)
        epochs = [finite for values in found if (finite := [value for value in values if math.isfinite(value)])]
        if epochs:
            x = [i - shift for i in range(1, len(epochs) + 1)]
            low, high = ([end(values) for values in epochs] for end in (min, max))
            yield Series(x, [mean(values) or 0.0 for values in epochs], low=low, high=high, **variant.style)


def _tuning(variants: Sequence[_Variant], objective: Objective) -> list[Panel]:
    """Draw the score by learning rate, and the best to expect after so many, tried in an order drawn at random."""
    sign, column = objective.sign, objective.column
    scores = [score for variant in variants for _, _, score in variant.tuning if score is not None]
    limits = _limits([sign * score for score in scores], sign) if scores else None
    by_rate, best_after = [], []
    for variant in variants:
        if all(score is None for _, _, score in variant.tuning):
            continue
        points = sorted((rate, score) for schedule, rate, score in variant.tuning if schedule == variant.schedule)
        if any(score is not None for _, score in points):
            y = [math.nan if score is None else score for _, score in points]
            by_rate.append(Series([rate for rate, _ in points], y, points=True, **variant.style))
        worst = min(sign * score for _, _, score in variant.tuning if score is not None)
        # what failed is worth no more than the worst that did not
        best = expected_best([worst if score is None else sign * score for _, _, score in variant.tuning])
        best_after.append(Series(range(1, len(best) + 1), [sign * value for value in best], **variant.style))
    note = "one seed; gaps are trainings that failed, far lower scores are cut off"
    return [
        Panel(by_rate, "sensitivity", note, "learning rate", column, log_x=True, y_limits=limits),
        Panel(best_after, "cost of tuning", "expected best", "learning rates tried", column, y_limits=limits),
    ]


def _limits(scores: Sequence[float], sign: int) -> tuple[float, float]:
    """Return the scores to show: a few rates that are far too high must not make all others look the same."""
    ordered = sorted(scores)
    best = ordered[-1]
    low = max(ordered[0], best - SHOWN_SPREAD * (best - ordered[len(ordered) // 4]))
    margin = 0.04 * (best - low) or abs(best) or 1.0
    ends = sorted((sign * (low - margin), sign * (best + margin)))
    return ends[0], ends[1]


def _time_to_target(variants: Sequence[_Variant], objective: Objective, unit: str) -> Panel:
    """How long most seeds take to each value of the metric; a line ends where most do not get there."""
    values = [value for variant in variants for curve in variant.curves for value in curve]
    if not values:
        return Panel([])
    low, high = min(values), max(values)
    targets = [low + (high - low) * i / TARGETS for i in range(TARGETS + 1)]
    lines = []
    for variant in variants:
        failed = [math.inf] * (len(variant.histories) - len(variant.curves))
        middles = [
            median([*(first_at_least(curve, target) for curve in variant.curves), *failed]) for target in targets
        ]
        reached = [middle for middle in middles if middle is not None and middle < math.inf]
        steps = [steps_after(middle, variant.steps_per_epoch) for middle in reached]
        if steps:
            lines.append(Series([objective.sign * target for target in targets[: len(steps)]], steps, **variant.style))
    return Panel(lines, "time to target", f"median over the {unit}", objective.column, "steps")
