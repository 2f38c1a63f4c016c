"""Points and histograms as SVG: what a person looks at first in a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.report.svg import CLASS_COLORS, COLORS, MARGIN, Frame, around, class_marks, document, fitting, key, text

if TYPE_CHECKING:
    import numpy as np

MOST_POINTS = 2000
"""Points of one drawing; more hide one another."""

BINS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of one colour.

    Args:
        name: what the legend calls them.
        x: `[points]`.
        y: `[points]`.
        wrong: which of them are marked as mistakes, `[points]`; `None` for none.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    wrong: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram, or the counts of classes.

    Args:
        title: stands above it.
        heights: of the bars, from left to right.
        ends: the numbers at the left and the right end; `None` where bars have names.
        names: of the bars.
    """

    title: str
    heights: Sequence[int]
    ends: tuple[float, float] | None = None
    names: Sequence[str] = ()


def histogram(title: str, values: np.ndarray) -> Bars:
    """Count finite values `[rows]` in bins of equal width; as many as there are different ones, if these are few."""
    import numpy as np

    different = np.unique(values)
    if len(different) <= BINS:
        counts = [int((values == value).sum()) for value in different]
        return Bars(title, counts, names=[f"{value:.4g}" for value in different])
    heights, edges = np.histogram(values, BINS)
    return Bars(title, heights.tolist(), (float(edges[0]), float(edges[-1])))


def points_plot(
    groups: Sequence[Points], *, title: str = "", x_label: str = "", y_label: str = "", diagonal: bool = False
) -> str:
    """Draw points; a group has a colour, and mistakes have a ring.

    Args:
        groups: at least one point in all.
        title: stands above.
        x_label: what x is.
        y_label: what y is.
        diagonal: whether to draw the line on which x and y are equal.
    """
    import numpy as np

    x, y = (np.concatenate([getattr(group, axis) for group in groups]) for axis in "xy")
    if diagonal:
        x = y = np.concatenate([x, y])
    frame = Frame(MARGIN + 56, MARGIN + 26, 520, 400, around(x.tolist()), around(y.tolist()))
    parts = frame.axes(title=title, x_label=x_label, y_label=y_label)
    if diagonal:
        (x1, y1), (x2, y2) = frame.at(frame.x[0], frame.x[0]), frame.at(frame.x[1], frame.x[1])
        parts.append(f'<path class="line" d="M{x1:.1f},{y1:.1f} L{x2:.1f},{y2:.1f}"/>')
    for i, group in enumerate(groups):
        parts += _dots(frame, group, CLASS_COLORS[i % len(COLORS)] if len(groups) > 1 else COLORS[0])
    marks = class_marks([group.name for group in groups]) if len(groups) > 1 else []
    if any(group.wrong is not None and group.wrong.any() for group in groups):
        marks.append(('<circle class="mark" cx="5" cy="0" r="5"/>', "wrong"))
    below = key(marks, width=frame.width, mark_width=10)
    bottom = frame.top + frame.height + 36
    parts.append(below.at(frame.left, bottom))
    return document(frame.left + frame.width + MARGIN, bottom + (below.height if marks else 0) + MARGIN, parts)


def _dots(frame: Frame, group: Points, color: str) -> list[str]:
    places = [frame.at(float(x), float(y)) for x, y in zip(group.x, group.y, strict=True)]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places)
    parts = [f'<g fill="{color}" fill-opacity="0.75">{dots}</g>']
    if group.wrong is not None and group.wrong.any():
        marked = [place for place, wrong in zip(places, group.wrong, strict=True) if wrong]
        parts.append("".join(f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>' for x, y in marked))
    return parts


def bars_plot(panels: Sequence[Bars], *, title: str = "", note: str = "") -> str:
    """Draw histograms, at most four in a row."""
    columns = min(4, len(panels))
    width, height = 200, 110
    top = MARGIN + (30 if title else 6)
    parts = [text(MARGIN, MARGIN + 10, title, "head")] if title else []
    for i, panel in enumerate(panels):
        left, above = MARGIN + i % columns * (width + 24), top + 18 + i // columns * (height + 58)
        parts += _bars(panel, left, above, width=width, height=height)
    bottom = top + -(-len(panels) // columns) * (height + 58) + 6
    if note:
        parts.append(text(MARGIN, bottom + 8, note, "soft"))
    return document(2 * MARGIN + columns * (width + 24) - 24, bottom + (MARGIN if note else 0), parts)


def _bars(panel: Bars, left: float, top: float, *, width: float, height: float) -> list[str]:
    highest = max(panel.heights)
    frame = Frame(left, top, width, height, panel.ends or (0.0, float(len(panel.heights))), (0.0, highest * 1.08))
    step = width / len(panel.heights)
    bars = [
        f'<rect x="{left + i * step + 0.5:.1f}" y="{frame.at(0, count)[1]:.1f}" width="{max(step - 1, 0.5):.1f}" '
        f'height="{frame.top + height - frame.at(0, count)[1]:.1f}"/>'
        for i, count in enumerate(panel.heights)
    ]
    parts = [f'<g fill="{COLORS[0]}">{"".join(bars)}</g>']
    if panel.ends is not None:
        parts += frame.axes(title=panel.title, y_ticks=False)
    else:
        box = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
        parts += [f'<rect class="line" {box}/>', text(left, top - 7, fitting(panel.title, width - 60), "head")]
        every = max(1, math.ceil(len(panel.names) * (max(map(len, panel.names)) + 0.5) * 6.6 / width))
        parts += [
            text(left + (i + 0.5) * step, top + height + 14, fitting(name, max(step * every, 20)), "soft", "middle")
            for i, name in enumerate(panel.names)
            if i % every == 0
        ]
    parts.append(text(left + width, top - 7, f"up to {highest:,}", "soft", "end"))
    return parts
