"""Plots of a search: scores by trial, each parameter against the score, parallel coordinates, importance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlab.report.plot import COLORS, Panel, Series, write_figure, write_plot
from nnlab.report.search import heads
from nnlab.results import value_text
from nnlab.run import Run
from nnlab.tune.search import Search, Trial
from nnlab.tune.space import Hyperparameter
from nnlab.tune.study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST_FOR_IMPORTANCE = 10
"""Trials from which on the importance of parameters says something."""

COLOR_MAP = "viridis"


def write_plots(study: Study, run: Run) -> list[str]:
    """Draw what there is to draw into a search's directory; return the names of the plots."""
    trials = [trial for trial in study.search.trials if study.search.score(trial) is not None]
    if not trials:
        return []
    write_plot(run.plot_path("progress"), [_progress(study.search)])
    write_figure(run.plot_path("parameters"), lambda: _parameters(study, trials))
    drawn = ["progress", "parameters"]
    if len(study.space.parameters) > 1:
        write_figure(run.plot_path("parallel"), lambda: _parallel(study, trials))
        drawn.append("parallel")
    shares = importance(study)
    if shares:
        write_figure(run.plot_path("importance"), lambda: _importance(shares))
        drawn.append("importance")
    return drawn


def importance(study: Study) -> dict[str, float]:
    """Return how much of the score each parameter decides: its share of the permutation importance in a random forest.

    What a parameter does not take part in counts as the config's own value. Empty if there are too few trials, or all
    scores are equal. Sources: Breiman 2001; `sklearn.inspection.permutation_importance`.
    """
    search, parameters = study.search, study.space.parameters
    trials = [trial for trial in search.trials if search.score(trial) is not None]
    scores = [search.score(trial) or 0.0 for trial in trials]
    if len(trials) < FEWEST_FOR_IMPORTANCE or min(scores) == max(scores):
        return {}
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    x = [[_place(parameter, trial.codes.get(parameter.path)) for parameter in parameters] for trial in trials]
    forest = RandomForestRegressor(100, random_state=0).fit(x, scores)
    found = [max(value, 0.0) for value in permutation_importance(forest, x, scores, random_state=0).importances_mean]
    total = math.fsum(found)
    shares = (
        {parameter.path: float(value / total) for parameter, value in zip(parameters, found, strict=True)}
        if total
        else {}
    )
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _progress(search: Search) -> Panel:
    metric = f"val_{search.rules.metric}"
    scores = [math.nan if (score := search.score(trial)) is None else score for trial in search.trials]
    best = [math.nan if value is None else value for value in search.best_so_far()]
    numbers = [trial.number for trial in search.trials]
    lines = [Series(numbers, scores, "trial", 8, points=True, joined=False), Series(numbers, best, "best so far")]
    return Panel(lines, "search", "", "trial", metric)


def _place(parameter: Hyperparameter, code: float | None) -> float:
    """Return where a value stands on its axis, 0 to 1; of one that does not take part where the config's own does."""
    code = parameter.first if code is None else code
    config = parameter.config
    low, high = (0, max(len(config.choices) - 1, 1)) if config.choices else config.ends
    if config.sampling in ("log", "reverse_log"):
        low, high, code = math.log(low), math.log(high), math.log(max(code, 1e-300))
    return (code - low) / (high - low) if high > low else 0.5


def _parameters(study: Study, trials: Sequence[Trial]) -> Figure:
    """Draw the score against each parameter."""
    from matplotlib.figure import Figure

    search, parameters = study.search, study.space.parameters
    columns = min(len(parameters), 4)
    rows = math.ceil(len(parameters) / columns)
    figure = Figure((max(2.9 * columns, 4.0), 2.7 * rows), layout="constrained", facecolor="white")
    best = search.best
    for i, (parameter, head) in enumerate(zip(parameters, heads([p.path for p in parameters]), strict=True)):
        axes = figure.add_subplot(rows, columns, i + 1)
        shown = [trial for trial in trials if parameter.path in trial.codes]
        places = [trial.codes[parameter.path] for trial in shown]
        axes.plot(
            places, [search.score(trial) or 0.0 for trial in shown], "o", color=COLORS[0], markersize=4, alpha=0.7
        )
        if best is not None and best in shown:
            axes.plot([best.codes[parameter.path]], [search.score(best) or 0.0], "o", color=COLORS[1], markersize=6)
        axes.set_title(head, loc="left")
        _scale(axes, parameter)
        if i % columns == 0:
            axes.set_ylabel(f"val_{search.rules.metric}")
    return figure


def _scale(axes: Axes, parameter: Hyperparameter) -> None:
    config = parameter.config
    if config.choices:
        axes.set_xticks(range(len(config.choices)), [_cut(value_text(choice)) for choice in config.choices])
        axes.set_xlim(-0.5, len(config.choices) - 0.5)
        if sum(len(_cut(value_text(choice))) for choice in config.choices) > 24:
            axes.tick_params(axis="x", labelrotation=30)
    elif config.sampling in ("log", "reverse_log"):
        low, high = config.ends
        powers = [10.0**i for i in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        ticks = powers if len(powers) > 1 else [low, high]
        axes.set_xscale("log")
        axes.set_xticks(ticks, [value_text(parameter.value(tick)) for tick in ticks])
        axes.set_xticks([], minor=True)


def _cut(text: str) -> str:
    return text if len(text) <= 14 else f"{text[:13]}…"


def _parallel(study: Study, trials: Sequence[Trial]) -> Figure:
    """Draw each trial as a line through its values, coloured by its score; where it has none the line has a gap."""
    import matplotlib as mpl
    import numpy as np
    from matplotlib.figure import Figure

    search, parameters = study.search, study.space.parameters
    scores = [search.score(trial) or 0.0 for trial in trials]
    figure = Figure((max(1.6 * len(parameters) + 1.5, 5.0), 4.0), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    low, high = _color_range(scores, search.rules.sign)
    colors = mpl.cm.ScalarMappable(
        mpl.colors.Normalize(low, high), COLOR_MAP if search.rules.sign > 0 else f"{COLOR_MAP}_r"
    )
    for trial, score in sorted(zip(trials, scores, strict=True), key=lambda item: search.rules.sign * item[1]):
        places = [
            _place(parameter, trial.codes[parameter.path]) if parameter.path in trial.codes else math.nan
            for parameter in parameters
        ]
        axes.plot(
            range(len(parameters)), places, "o-", color=colors.to_rgba(np.array(score)), markersize=3, linewidth=1.3
        )
    axes.set_xticks(range(len(parameters)), heads([parameter.path for parameter in parameters]))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x", color="#adb5bd")
    for i, parameter in enumerate(parameters):
        _label_ends(axes, i, parameter)
    axes.margins(x=0.08)
    figure.colorbar(colors, ax=axes, label=f"val_{search.rules.metric}")
    return figure


def _color_range(scores: Sequence[float], sign: int) -> tuple[float, float]:
    """Return the range of the better half and as much below it, so that a few bad trials do not take all colours."""
    ordered = sorted(sign * score for score in scores)
    low, middle, top = ordered[0], ordered[len(ordered) // 2], ordered[-1]
    ends = sign * max(low, middle - 2 * (top - middle)), sign * top
    return (min(ends), max(ends)) if ends[0] != ends[1] else (ends[0] - 0.5, ends[0] + 0.5)


def _label_ends(axes: Axes, i: int, parameter: Hyperparameter) -> None:
    for code in parameter.ends:
        text = _cut(value_text(parameter.value(code)))
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
        style = {"fontsize": 7.5, "color": "#495057", "xytext": (4, 3), "textcoords": "offset points", "bbox": box}
        axes.annotate(text, (i, _place(parameter, code)), **style)  # type: ignore[arg-type]


def _importance(shares: Mapping[str, float]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure((5.5, 0.34 * len(shares) + 1.1), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    names: list[Any] = list(shares)[::-1]
    axes.barh(names, [shares[name] for name in names], color=COLORS[0], height=0.6)
    axes.set_title("importance", loc="left")
    axes.set_xlabel("share of the permutation importance, random forest")
    axes.grid(visible=False, axis="y")
    return figure
