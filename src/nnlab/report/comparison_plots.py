"""Plots of a comparison: learning curves with bands, sensitivity to the learning rate, time to a target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from nnlab.compare.problems import standings
from nnlab.compare.protocol import Comparison, Contender
from nnlab.report.plot import COLORS, Panel, Series, write_plot
from nnlab.run import Run
from nnlab.stats import expected_best, mean, median, share_within

TARGETS = 60
"""Values of the metric for which the time to reach them is drawn."""

SHOWN_SPREAD = 2.5
"""How far below the best the scores of tuning are shown, in distances from the best to the worst quarter."""

MOST_TIMES = 100.0
"""How many times the fastest one's steps a performance profile shows."""


def write_plots(comparison: Comparison, run: Run) -> list[str]:
    """Draw what there is to draw into a comparison's directory; return the names of the plots."""
    plots = {"curves": _curves(comparison), "time_to_target": [_time_to_target(comparison)]}
    if comparison.rules.tuning_budget > 1:
        plots["sensitivity"] = [_sensitivity(comparison), _best_after(comparison)]
    drawn = {name: panels for name, panels in plots.items() if any(panel.series for panel in panels)}
    for name, panels in drawn.items():
        write_plot(run.plot_path(name), panels, legend="right")
    return list(drawn)


def write_profile(comparisons: Mapping[str, Comparison], run: Run) -> list[str]:
    """Draw the performance profile over several problems; return the names of the plots."""
    names = [contender.name for contender in next(iter(comparisons.values())).contenders]
    found = sorted(standings(comparisons), key=lambda standing: names.index(standing.variant))
    finite = [ratio for standing in found for ratio in standing.ratios if ratio < math.inf]
    if not finite:
        return []
    end = min(MOST_TIMES, 1.1 * max(2.0, *finite))
    lines = []
    for number, standing in enumerate(found):
        corners = [1.0, *sorted({ratio for ratio in standing.ratios if 1 < ratio < end}), end]
        x = [value for value in corners for _ in (0, 1)][1:]
        y = [share_within(standing.ratios, value) for value in corners[:-1] for _ in (0, 1)]
        lines.append(_series(number, standing.variant, x, [*y, share_within(standing.ratios, end)]))
    note = f"all seeds of {len(comparisons)} problems, to the target of each"
    panel = Panel(
        lines, "performance profile", note, "times the steps of the fastest", "share that got there", log_x=True
    )
    write_plot(run.plot_path("profile"), [panel], legend="right")
    return ["profile"]


def _curves(comparison: Comparison) -> list[Panel]:
    """Mean and range over the seeds. What is measured while an epoch trains belongs to its middle."""
    metric = comparison.rules.metric
    training, validation = _lines(comparison, metric, 0.5), _lines(comparison, f"val_{metric}", 0.0)
    note = "mean and range over the seeds"
    return [
        Panel(list(training), f"training {metric}", f"{note}; at the middle of each epoch", "epochs", metric),
        Panel(list(validation), f"validation {metric}", note, "epochs", metric),
    ]


def _lines(comparison: Comparison, column: str, shift: float) -> Iterator[Series]:
    for contender in comparison.contenders:
        epochs = [values for values in _by_epoch(comparison, contender, column) if values]
        if epochs:
            x = [i - shift for i in range(1, len(epochs) + 1)]
            y = [mean(values) or 0.0 for values in epochs]
            yield _series(
                contender.number,
                contender.name,
                x,
                y,
                low=[min(values) for values in epochs],
                high=[max(v) for v in epochs],
            )


def _by_epoch(comparison: Comparison, contender: Contender, column: str) -> Iterator[list[float]]:
    """Yield the finite values of all seeds after the first epoch, the second ..., as long as any training goes on."""
    trials = comparison.trials(contender, comparison.rules.arms[0])
    histories = [comparison.outcomes[trial].history for trial in trials if trial in comparison.outcomes]
    for epoch in range(max(map(len, histories), default=0)):
        values = [float(history[epoch].get(column, math.nan)) for history in histories if epoch < len(history)]
        yield [value for value in values if math.isfinite(value)]


def _sensitivity(comparison: Comparison) -> Panel:
    lines = []
    for contender in comparison.contenders:
        tuned = comparison.tuned(contender)
        scores = comparison.tuning_scores(contender, tuned.schedule if tuned is not None else None)
        y = [math.nan if score is None else score for score in scores.values()]
        if any(math.isfinite(value) for value in y):
            lines.append(_series(contender.number, contender.name, list(scores), y, points=True))
    note = "one seed; gaps are trainings that failed, far lower scores are cut off"
    label = f"val_{comparison.rules.metric}"
    return Panel(lines, "sensitivity", note, "learning rate", label, log_x=True, y_limits=_tuning_limits(comparison))


def _best_after(comparison: Comparison) -> Panel:
    """The best score to expect after so many learning rates, tried in an order drawn at random."""
    sign, lines = comparison.rules.sign, []
    for contender in comparison.contenders:
        scores = [comparison.score(trial) for trial in comparison.tuning_trials(contender)]
        finished = [sign * score for score in scores if score is not None]
        if finished:
            worst = min(finished)  # what failed is worth no more than the worst that did not
            best = expected_best([worst if score is None else sign * score for score in scores])
            lines.append(
                _series(
                    contender.number, contender.name, list(range(1, len(best) + 1)), [sign * value for value in best]
                )
            )
    label, limits = f"val_{comparison.rules.metric}", _tuning_limits(comparison)
    return Panel(lines, "cost of tuning", "expected best", "learning rates tried", label, y_limits=limits)


def _tuning_limits(comparison: Comparison) -> tuple[float, float] | None:
    """Return the scores to show: a few rates that are far too high must not make all others look the same."""
    sign = comparison.rules.sign
    trials = [trial for contender in comparison.contenders for trial in comparison.tuning_trials(contender)]
    scores = sorted(sign * score for trial in trials if (score := comparison.score(trial)) is not None)
    if not scores:
        return None
    best = scores[-1]
    low = max(scores[0], best - SHOWN_SPREAD * (best - scores[len(scores) // 4]))
    margin = 0.04 * (best - low) or abs(best) or 1.0
    ends = sorted((sign * (low - margin), sign * (best + margin)))
    return ends[0], ends[1]


def _time_to_target(comparison: Comparison) -> Panel:
    """How long most seeds take to each value of the metric; a line ends where most do not get there."""
    metric, sign, arm = comparison.rules.metric, comparison.rules.sign, comparison.rules.arms[0]
    trials = [trial for contender in comparison.contenders for trial in comparison.trials(contender, arm)]
    values = [value for trial in trials for value in comparison.curve(trial)]
    if not values:
        return Panel([])
    low, high = min(values), max(values)
    targets = [sign * (low + (high - low) * i / TARGETS) for i in range(TARGETS + 1)]
    lines = []
    for contender in comparison.contenders:
        own = comparison.trials(contender, arm)
        middles = [median([comparison.epochs_to(trial, target) for trial in own]) for target in targets]
        steps = [middle * contender.steps_per_epoch for middle in middles if middle is not None and middle < math.inf]
        if steps:
            lines.append(_series(contender.number, contender.name, targets[: len(steps)], steps))
    return Panel(lines, "time to target", "median over the seeds", f"val_{metric}", "steps")


def _series(
    number: int,
    name: str,
    x: Sequence[float],
    y: Sequence[float],
    *,
    low: Sequence[float] | None = None,
    high: Sequence[float] | None = None,
    points: bool = False,
) -> Series:
    color, dash = number % len(COLORS), number // len(COLORS)
    return Series(x, y, name, color, dash, low, high, points)
