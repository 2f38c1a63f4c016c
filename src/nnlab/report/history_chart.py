"""The history of a training as charts for a terminal: loss and metrics by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.config.columns import OWN_COLUMNS
from nnlab.report.chart import Curve, Frame, Row, beside, draw
from nnlab.report.svg import COLORS
from nnlab.wording import cut, metric_text

TRAINING, VALIDATION = COLORS[:2]

LEAST_FOR_LOG = 100.0
"""How many times its smallest value the largest of a column is from which on its axis grows by factors."""

BESIDE_FROM = 72
"""Columns of a terminal from which two charts stand beside one another."""


@dataclass(frozen=True, slots=True)
class Look:
    """How charts are drawn.

    Args:
        width: columns of the terminal.
        height: lines of a chart, its title and axis among them.
        is_plain: whether to do with ASCII's characters.
    """

    width: int = 80
    height: int = 12
    is_plain: bool = False

    def in_width(self, width: int) -> Look:
        """Return the same for another width."""
        return Look(width, self.height, self.is_plain)


def metrics_of(rows: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the names of loss and metrics, in the order of the history, without those of validation rows."""
    names = [name for name in rows[0] if name not in OWN_COLUMNS] if rows else []
    return [name for name in names if not (name.startswith("val_") and name.removeprefix("val_") in names)]


def history_charts(
    rows: Sequence[Mapping[str, float]], names: Sequence[str], look: Look, *, epochs: int = 0, best: int | None = None
) -> list[Row]:
    """Draw some columns of a history, two beside one another where there is room.

    Args:
        rows: of the history, one an epoch.
        names: the columns to draw, of training rows.
        look: how.
        epochs: up to which the axis goes; default: the last one.
        best: the best epoch, which is marked.
    """
    together = 2 if look.width >= BESIDE_FROM and len(names) > 1 else 1
    each = look.in_width((look.width - 2 * (together - 1)) // together)
    charts = [history_chart(rows, name, each, epochs=epochs, best=best) for name in names]
    if together == 1:
        return [row for chart in charts for row in chart]
    pairs = [charts[i : i + 2] for i in range(0, len(charts), 2)]
    return [row for pair in pairs for row in (beside(*pair, width=each.width) if len(pair) == 2 else pair[0])]


def history_chart(
    rows: Sequence[Mapping[str, float]], name: str, look: Look, *, epochs: int = 0, best: int | None = None
) -> list[Row]:
    """Draw one column of a history, with that of validation rows.

    Figures of training rows are means over the epoch while it ran: they stand half an epoch before those of validation
    rows, which are computed at its end.
    """
    last = max(epochs, *(int(row["epoch"]) for row in rows))
    training = [float(row.get(name, math.nan)) for row in rows]
    validation = [float(row[f"val_{name}"]) for row in rows] if f"val_{name}" in rows[-1] else None
    ends = [row["epoch"] for row in rows]
    # where they run together, the gaps of the dashed line on top show the other one
    curves = [] if validation is None else [Curve(ends, validation, VALIDATION, mark="o")]
    halves = [epoch - 0.5 for epoch in ends]
    curves.append(Curve(halves, training, TRAINING, is_dashed=validation is not None, mark="."))
    is_log = spans_factors([*training, *(validation or [])])
    title: list[Row] = [_title(name, look, is_log=is_log), *_legend(training, validation, look)]
    frame = Frame(
        width=look.width,
        height=look.height - len(title),
        is_plain=look.is_plain,
        ends=("0", str(last)),
        x_limits=(0.0, float(last)),
        is_log=is_log,
        mark=None if best is None else (float(best), f"best {best}"),
    )
    return [*title, *draw(curves, frame)]


def _title(name: str, look: Look, *, is_log: bool) -> Row:
    note = " (log)" if is_log else ""
    return [(cut(name, longest=max(look.width - len(note), 8)) + note, "bold")]


def _legend(training: Sequence[float], validation: Sequence[float] | None, look: Look) -> list[Row]:
    """Return what the lines are, with the last figure of each, where they fit into a line."""
    if validation is None:
        return [[(f"train {metric_text(training[-1])}", TRAINING)]]
    dashed, solid = (".", "o") if look.is_plain else ("╌╌", "──")
    figures = [f" {metric_text(values[-1])}" for values in (training, validation)]
    for train, val in (figures, ("", "")):
        parts = [(f"{dashed} train{train}", TRAINING), ("  ", ""), (f"{solid} val{val}", VALIDATION)]
        if sum(len(text) for text, _ in parts) <= look.width:
            break
    return [parts]


def spans_factors(values: Sequence[float], least: float = LEAST_FOR_LOG) -> bool:
    """Return whether the largest of some numbers above 0 is so many times the smallest: their axis grows by factors."""
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) >= least * min(finite)
