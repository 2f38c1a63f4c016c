"""The history of a training as SVG: loss and metrics by epoch, the best epoch, the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from nnlab.report.history_chart import TRAINING, VALIDATION, metrics_of, spans_factors
from nnlab.report.svg import Drawing, Frame, around, beside, key, text
from nnlab.wording import figure

MOST_POINTS = 1000
"""Of a line; more cannot be told apart."""

LEAST_FOR_LOG_RATE = 10.0
"""How many times its smallest value the largest learning rate is from which on its axis grows by factors."""

_HEIGHT, _LEFT, _TOP, _BOTTOM = 190.0, 50.0, 24.0, 36.0
"""Pixels of a panel between its axes, and beside them."""

_MARGIN, _RATE_MARGIN = 10.0, 52.0
"""Pixels at the right, without an axis of the learning rate and with one."""

History = Sequence[Mapping[str, float]]


def curves(history: History, best: int | None, *, width: float) -> Drawing:
    """Draw loss and metrics by epoch, a panel each, and in that of the loss the learning rate, if it changes.

    Figures of training rows are means over an epoch while it ran: they stand half an epoch before those of validation
    rows, which are computed at its end.

    Args:
        history: at least one epoch.
        best: the best epoch, which is marked; `None` if there is none.
        width: in pixels.
    """
    names = metrics_of(history)
    columns = min(2, len(names))
    each = (width - 14 * (columns - 1)) / columns
    right = _RATE_MARGIN if _changes(_rates(history)) else _MARGIN
    panels = []
    for i, name in enumerate(names):
        frame, parts = _panel(history, name, best, width=each - _LEFT - right)
        rate = _rate(frame, [row["epoch"] for row in history], _rates(history)) if i == 0 else []
        panels.append(Drawing(each, _TOP + _HEIGHT + _BOTTOM, [*rate, *parts]))
    return beside([_key(history, names, best, width=width), beside(panels, columns=columns)], columns=1, gap=6)


def _key(history: History, names: Sequence[str], best: int | None, *, width: float) -> Drawing:
    """Say what the lines are, and what cannot be seen: a rate that does not change."""

    def line(look: str) -> str:
        return f'<path d="M0,0 h22" fill="none" {look}/>'

    entries = [(line(f'stroke="{TRAINING}" stroke-width="2"'), "training: mean over each epoch, at its middle")]
    if any(f"val_{name}" in history[0] for name in names):
        entries.append((line(f'stroke="{VALIDATION}" stroke-width="2"'), "validation: at the end of each epoch"))
    if best is not None:
        entries.append((line('class="best"'), f"best epoch: {best}"))
    rates = _rates(history)
    if _changes(rates):
        entries.append((line('class="rate"'), "learning rate"))
    elif rates:
        entries.append(("", f"learning rate {figure(rates[0])}"))
    return key(entries, width=width)


def _panel(history: History, name: str, best: int | None, *, width: float) -> tuple[Frame, list[str]]:
    ends = [row["epoch"] for row in history]
    lines = {TRAINING: ([epoch - 0.5 for epoch in ends], [row.get(name, math.nan) for row in history])}
    if f"val_{name}" in history[0]:
        lines[VALIDATION] = ends, [row.get(f"val_{name}", math.nan) for row in history]
    values = [value for _, y in lines.values() for value in y if math.isfinite(value)]
    is_log = spans_factors(values)
    frame = Frame(_LEFT, _TOP, width, _HEIGHT, (0.0, ends[-1]), _limits(values, is_log=is_log), log_y=is_log)
    parts = frame.axes(title=f"{name} (log)" if is_log else name, x_label="epoch")
    if best is not None:
        x, _ = frame.at(best, frame.y[1])
        parts.append(f'<path class="best" d="M{x:.1f},{frame.top:.1f} v{frame.height:.1f}"/>')
    for color, (x_values, y_values) in lines.items():
        parts += _line(frame, x_values, y_values, color)
    return frame, parts


def _limits(values: Sequence[float], *, is_log: bool) -> tuple[float, float]:
    if not is_log:
        return around(values) if values else (0.0, 1.0)
    low, high = around([math.log(value) for value in values])
    return math.exp(low), math.exp(high)


def _line(frame: Frame, x: Sequence[float], y: Sequence[float], color: str) -> list[str]:
    shown = telling(y, most=MOST_POINTS)
    path = frame.line([x[i] for i in shown], [y[i] for i in shown])
    parts = [f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.8" stroke-linejoin="round"/>']
    if "L" not in path:  # a line through one point would not be seen
        dots = [frame.at(place, height) for place, height in zip(x, y, strict=True) if math.isfinite(height)]
        parts += [f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{color}"/>' for left, top in dots]
    return parts


def telling(values: Sequence[float], *, most: int) -> list[int]:
    """Return which of many values a line needs: of each part of it the least, the greatest and where there is none.

    >>> telling([0, 1, 0, 1, 0, 9, 0, 1], most=4)
    [0, 1, 4, 5, 7]
    """
    if len(values) <= most:
        return list(range(len(values)))
    size = math.ceil(2 * len(values) / most)
    found = {0, len(values) - 1}
    for first in range(0, len(values), size):
        part = range(first, min(first + size, len(values)))
        finite = [i for i in part if math.isfinite(values[i])]
        found |= {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)} if finite else set()
        found |= {next(i for i in part if not math.isfinite(values[i]))} if len(finite) < len(part) else set()
    return sorted(found)


def _rates(history: History) -> list[float]:
    rates = [row.get("learning_rate", math.nan) for row in history]
    return rates if all(map(math.isfinite, rates)) else []


def _changes(rates: Sequence[float]) -> bool:
    return bool(rates) and max(rates) > min(rates) * (1 + 1e-6)


def _rate(frame: Frame, epochs: Sequence[float], rates: Sequence[float]) -> list[str]:
    """Draw the rates that the epochs ended with, on an axis of their own at the right."""
    if not _changes(rates):
        return []
    is_log = spans_factors(rates, LEAST_FOR_LOG_RATE)
    y = _limits(rates, is_log=True) if is_log else (0.0, 1.05 * max(rates))
    own = Frame(frame.left, frame.top, frame.width, frame.height, frame.x, y, log_y=is_log)
    right = frame.left + frame.width
    numbers = [text(right + 5, top + 4, number, "soft") for top, number in own.y_ticks()]
    shown = telling(rates, most=MOST_POINTS)
    path = own.line([epochs[i] for i in shown], [rates[i] for i in shown])
    name = "learning rate (log)" if is_log else "learning rate"
    return [*numbers, f'<path class="rate" d="{path}"/>', text(right, frame.top - 7, name, "soft", "end")]
