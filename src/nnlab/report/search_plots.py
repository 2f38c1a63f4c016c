"""Plots of a search: scores by trial, each parameter against the score, parallel coordinates, importance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nnlab.objective import Objective
from nnlab.report.plot import COLORS, Panel, Series, blank_figure, panels_figure
from nnlab.report.search import heads
from nnlab.run import Run
from nnlab.wording import counted, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEWEST_FOR_IMPORTANCE = 10
"""Trials from which on the importance of parameters says something."""

MOST_CURVES = 50
"""Trials whose curves are drawn."""

COLOR_MAP = "viridis"

Trial = Mapping[str, Any]
"""What the file of a trial holds."""


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """A parameter of the space, as `results.json` describes it.

    Args:
        head: its name.
        path: where it stands in the config.
        choices: its values, if they are listed: a code of a trial is the number of one.
        ends: the smallest and the largest code.
        is_log: whether the axis is logarithmic.
        is_whole: whether its values are whole numbers.
        own: the code of the config's own value.
    """

    head: str
    path: str
    choices: Sequence[Any]
    ends: Sequence[float]
    is_log: bool
    is_whole: bool
    own: float

    @property
    def marks(self) -> Sequence[float]:
        """The codes that are written on it: of all choices, or of both ends."""
        return range(len(self.choices)) or self.ends

    def place(self, code: float | None) -> float:
        """Return where a value stands on it, 0 to 1; of one that does not take part where the config's own does."""
        low, high, at = (*self.ends, self.own if code is None else code)
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(max(at, 1e-300))
        return (at - low) / (high - low) if high > low else 0.5

    def text(self, code: float) -> str:
        """Write a value, cut where it is long."""
        value = self.choices[int(code)] if self.choices else int(code) if self.is_whole else float(f"{code:.12g}")
        text = value_text(value)
        return text if len(text) <= 14 else f"{text[:13]}…"


def pictures(run: Run, results: Mapping[str, Any]) -> dict[str, Callable[[], Figure]]:
    """Return what makes the plots of a search, by their names."""
    every = run.read_trials()
    trials = [trial for trial in every if trial["score"] is not None]
    if not trials:
        return {}
    axes, objective = value_axes(results["space"]), Objective(results["objective"], results["direction"])
    best = [trial for trial in trials if trial["trial"] == (results["best"] or {}).get("trial")]
    by_epoch = curves(run, trials, best, objective)
    found: dict[str, Callable[[], Figure]] = {
        "progress": partial(panels_figure, [progress(every, objective)]),
        **({"curves": partial(panels_figure, by_epoch)} if by_epoch else {}),
        "parameters": partial(_parameters, axes, trials, best, objective.column),
    }
    if len(axes) > 1:
        found["parallel"] = partial(_parallel, axes, trials, objective)
    shares = importance(axes, trials)
    return {**found, "importance": partial(_importance, shares)} if shares else found


def value_axes(space: Sequence[Mapping[str, Any]]) -> list[ValueAxis]:
    """Return the parameters of a space as axes."""
    names = heads([entry["path"] for entry in space])
    return [ValueAxis(head=head, **entry) for head, entry in zip(names, space, strict=True)]


def importance(axes: Sequence[ValueAxis], trials: Sequence[Trial]) -> dict[str, float]:
    """Return how much of the score each parameter decides: its share of the permutation importance in a random forest.

    What a parameter does not take part in counts as the config's own value. Empty if there are too few trials, or all
    scores are equal. Sources: Breiman 2001; `sklearn.inspection.permutation_importance`.
    """
    scores = [trial["score"] for trial in trials]
    if len(trials) < FEWEST_FOR_IMPORTANCE or min(scores) == max(scores):
        return {}
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    x = [[axis.place(trial["codes"].get(axis.path)) for axis in axes] for trial in trials]
    forest = RandomForestRegressor(100, random_state=0).fit(x, scores)
    found = [max(value, 0.0) for value in permutation_importance(forest, x, scores, random_state=0).importances_mean]
    total = math.fsum(found)
    shares = {axis.path: float(value / total) for axis, value in zip(axes, found, strict=True)} if total else {}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def progress(trials: Sequence[Trial], objective: Objective) -> Panel:
    """Draw the score of each trial, and the best so far of those that were trained to their end."""
    numbers = [int(trial["trial"]) for trial in trials]
    scores = [math.nan if trial["score"] is None else trial["score"] for trial in trials]
    lengths = [(trial["epochs"] or math.inf) if trial["status"] == "completed" else 0 for trial in trials]
    best, so_far, sign = -math.inf, [], objective.sign
    for score, length in zip(scores, lengths, strict=True):
        best = max(best, sign * score) if length and length == max(lengths) else best
        so_far.append(sign * best if best > -math.inf else math.nan)
    lines = [Series(numbers, scores, "trial", 8, points=True, joined=False), Series(numbers, so_far, "best so far")]
    return Panel(lines, "search", "", "trial", objective.column)


def curves(run: Run, trials: Sequence[Trial], best: Sequence[Trial], objective: Objective) -> list[Panel]:
    """Draw what decides and the loss by epoch, of many trials those with the best scores; the best one on top."""
    ranked = sorted(trials, key=lambda trial: (trial in best, objective.sign * trial["score"]))[-MOST_CURVES:]
    histories = {trial["trial"]: Run(run.trials_path / trial["trial"]).read_history() for trial in ranked}
    note = f"the best {len(ranked)} of {counted(len(trials), 'trial')}" if len(ranked) < len(trials) else ""
    panels = []
    for column in dict.fromkeys([objective.column, "loss" if objective.column == objective.metric else "val_loss"]):
        lines = []
        for trial in ranked:
            rows = [row for row in histories[trial["trial"]] if column in row]
            style = {"name": f"best: {trial['trial']}"} if trial in best else {"name": "trial", "color": 8}
            if rows:
                lines.append(Series([row["epoch"] for row in rows], [row[column] for row in rows], **style))
        panels.append(Panel(lines, column, note, "epochs", column))
    return [panel for panel in panels if panel.series]


def _parameters(values: Sequence[ValueAxis], trials: Sequence[Trial], best: Sequence[Trial], column: str) -> Figure:
    """Draw the score against each parameter, and the best trial's in another color."""
    columns = min(len(values), 4)
    rows = math.ceil(len(values) / columns)
    figure = blank_figure(max(2.9 * columns, 4.0), 2.7 * rows)
    for i, value in enumerate(values):
        axes = figure.add_subplot(rows, columns, i + 1)
        for which, style in (
            (trials, {"color": COLORS[0], "markersize": 4, "alpha": 0.7}),
            (best, {"color": COLORS[1]}),
        ):
            points = [(trial["codes"][value.path], trial["score"]) for trial in which if value.path in trial["codes"]]
            if points:
                axes.plot(*zip(*points, strict=True), "o", **style)
        axes.set_title(value.head, loc="left")
        _scale(axes, value)
        if i % columns == 0:
            axes.set_ylabel(column)
    return figure


def _scale(axes: Axes, value: ValueAxis) -> None:
    if value.choices:
        texts = [value.text(code) for code in value.marks]
        axes.set_xticks(value.marks, texts)
        axes.set_xlim(-0.5, len(texts) - 0.5)
        if sum(map(len, texts)) > 24:
            axes.tick_params(axis="x", labelrotation=30)
    elif value.is_log:
        low, high = value.ends
        powers = [10.0**i for i in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
        ticks = powers if len(powers) > 1 else [low, high]
        axes.set_xscale("log")
        axes.set_xticks(ticks, [value.text(tick) for tick in ticks])
        axes.set_xticks([], minor=True)


def _parallel(values: Sequence[ValueAxis], trials: Sequence[Trial], objective: Objective) -> Figure:
    """Draw each trial as a line through its values, coloured by its score; where it has none the line has a gap."""
    import matplotlib as mpl
    import numpy as np

    sign = objective.sign
    figure = blank_figure(max(1.6 * len(values) + 1.5, 5.0), 4.0)
    axes = figure.add_subplot()
    low, high = _color_range([trial["score"] for trial in trials], sign)
    colors = mpl.cm.ScalarMappable(mpl.colors.Normalize(low, high), COLOR_MAP if sign > 0 else f"{COLOR_MAP}_r")
    for trial in sorted(trials, key=lambda trial: sign * trial["score"]):
        codes = trial["codes"]
        places = [value.place(codes[value.path]) if value.path in codes else math.nan for value in values]
        color = colors.to_rgba(np.array(trial["score"]))
        axes.plot(range(len(values)), places, "o-", color=color, markersize=3, linewidth=1.3)
    axes.set_xticks(range(len(values)), [value.head for value in values])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x", color="#adb5bd")
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
    style = {"fontsize": 7.5, "color": "#495057", "xytext": (4, 3), "textcoords": "offset points", "bbox": box}
    for i, value in enumerate(values):
        for code in value.marks:
            axes.annotate(value.text(code), (i, value.place(code)), **style)  # type: ignore[arg-type]
    axes.margins(x=0.08)
    figure.colorbar(colors, ax=axes, label=objective.column)
    return figure


def _color_range(scores: Sequence[float], sign: int) -> tuple[float, float]:
    """Return the range of the better half and as much below it, so that a few bad trials do not take all colours."""
    ordered = sorted(sign * score for score in scores)
    low, middle, top = ordered[0], ordered[len(ordered) // 2], ordered[-1]
    ends = sign * max(low, middle - 2 * (top - middle)), sign * top
    return (min(ends), max(ends)) if ends[0] != ends[1] else (ends[0] - 0.5, ends[0] + 0.5)


def _importance(shares: Mapping[str, float]) -> Figure:
    figure = blank_figure(5.5, 0.34 * len(shares) + 1.1)
    axes = figure.add_subplot()
    names: list[Any] = list(shares)[::-1]
    axes.barh(names, [shares[name] for name in names], color=COLORS[0], height=0.6)
    axes.set_title("importance", loc="left")
    axes.set_xlabel("share of the permutation importance, random forest")
    axes.grid(visible=False, axis="y")
    return figure
