"""Line charts made of characters, for terminals: dots of Braille, or plain characters where these cannot be shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a Braille character: four rows of two dots."""

_BLANK = 0x2800
_ALONE = ("•", "◦")
"""A point that no line leads to, of a solid and of a dashed curve."""

_DASH = 2
"""Dots of a dash, and of the gap behind it."""

LEAST_FOR_MIDDLE = 6
"""Lines beyond which the middle of an axis has a number, too."""

Row = list[tuple[str, str]]
"""A line of a terminal: texts, and how each looks, as rich names it; an empty style for as it is."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, or the points alone.

    Args:
        x: where, ascending.
        y: how high; the line has a gap where it is not finite.
        style: its colour, as rich names it.
        is_dashed: whether it is dashed, so that it can be told from another one without colours.
        mark: its character where there are no dots, or where it is not joined.
        is_joined: whether a line joins the points.
    """

    x: Sequence[float]
    y: Sequence[float]
    style: str = ""
    is_dashed: bool = False
    mark: str = "*"
    is_joined: bool = True


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands round the lines of a chart.

    Args:
        width: characters of a line.
        height: lines, the axis of x among them; at least 4.
        is_plain: whether to do with ASCII's characters.
        ends: what is written at both ends of the axis.
        x_limits: which x stand there; default: the smallest and the largest.
        y_limits: of the axis on the left; default: those of the values.
        is_log: whether y grows by factors.
        mark: an x to mark on the axis, and what to write beside it.
    """

    width: int = 78
    height: int = 13
    is_plain: bool = False
    ends: tuple[str, str] | None = None
    x_limits: tuple[float, float] | None = None
    y_limits: tuple[float, float] | None = None
    is_log: bool = False
    mark: tuple[float, str] | None = None


def draw(curves: Sequence[Curve], frame: Frame) -> list[Row]:
    """Draw lines, the last one on top, with numbers on both axes.

    Args:
        curves: at least one; where nothing is finite the chart is empty.
        frame: what stands round them.

    Returns:
        `frame.height` rows of at most `frame.width` characters.
    """
    xs = [x for curve in curves for x in curve.x]
    left, right = frame.x_limits or (min(xs), max(xs))
    low, high = frame.y_limits or _limits(curves, is_log=frame.is_log)
    height = frame.height - (1 if frame.mark is None else 2)
    labels = {0: number(high), height - 1: number(low)}
    if height > LEAST_FOR_MIDDLE:
        middle = math.sqrt(low * high) if frame.is_log else (low + high) / 2
        labels[(height - 1) // 2] = number(middle if abs(middle) > (high - low) / 1e4 else 0.0)
    margin = max(map(len, labels.values()))
    canvas = _Canvas(frame.width - margin - 2, height, is_plain=frame.is_plain)
    for curve in curves:
        points = [
            (canvas.column(x, left, right), canvas.row(y, low, high, is_log=frame.is_log))
            for x, y in zip(curve.x, curve.y, strict=True)
        ]
        canvas.put(curve, points)
    wall = "|" if frame.is_plain else "│"
    rows: list[Row] = [[(f"{labels.get(i, ''):>{margin}} {wall}", "dim"), *canvas.line(i)] for i in range(height)]
    ends = frame.ends or (number(left), number(right))
    place = None if frame.mark is None else canvas.column(frame.mark[0], left, right) // canvas.across
    return [*rows, *([(" " * (margin + 1), ""), *row] for row in _axis(canvas.width, ends, frame, place))]


def line_chart(
    y: Sequence[float],
    *,
    width: int = 78,
    height: int = 13,
    is_plain: bool = False,
    ends: tuple[str, str] | None = None,
) -> list[str]:
    """Draw a line through many equally distant points, and the line y = 0 with it.

    Args:
        y: finite numbers, at least one.
        width: characters of a line, at least 30.
        height: lines, the axis of x among them.
        is_plain: whether to do with ASCII's characters.
        ends: what is written at both ends of the axis; default: the numbers of the points, from 0.
    """
    limits = min(*y, 0.0), max(*y, 0.0)
    # a column has room for the smallest and the largest of its points; the margin is narrower than in any chart
    spans = list(_spans(y, 2 * width))
    x = [i for i in range(len(spans)) for _ in (0, 1)]
    curve = Curve(x, [value for span in spans for value in span])
    texts = ends or ("0", str(len(y) - 1))
    frame = Frame(width=width, height=height, is_plain=is_plain, ends=texts, y_limits=limits)
    return [text_of(row) for row in draw([curve], frame)]


def _spans(y: Sequence[float], columns: int) -> Iterator[tuple[float, float]]:
    """Yield the first and the farthest y of each column, or each y twice where there are fewer of them."""
    columns = min(columns, len(y))
    for i in range(columns):
        inside = y[i * len(y) // columns : (i + 1) * len(y) // columns]
        low, high = min(inside), max(inside)
        yield (low, high) if inside[0] - low < high - inside[0] else (high, low)


def text_of(row: Row) -> str:
    """Return a row without its colours."""
    return "".join(text for text, _ in row).rstrip()


def number(value: float) -> str:
    """Write a number of an axis."""
    return f"{value:.4g}"


def beside(left: Sequence[Row], right: Sequence[Row], *, width: int, gap: int = 2) -> list[Row]:
    """Put rows beside others.

    Args:
        left: rows of at most `width` characters.
        right: any rows.
        width: characters up to the gap.
        gap: blanks between them.
    """
    count = max(len(left), len(right))
    padded = [*left, *[[] for _ in range(count - len(left))]]
    others = [*right, *[[] for _ in range(count - len(right))]]
    return [
        [*row, (" " * (width - sum(len(text) for text, _ in row) + gap), ""), *other]
        for row, other in zip(padded, others, strict=True)
    ]


def _limits(curves: Sequence[Curve], *, is_log: bool) -> tuple[float, float]:
    values = [y for curve in curves for y in curve.y if math.isfinite(y)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low == high:
        if is_log:
            return low / 2, high * 2
        pad = abs(low) / 2 or 1.0
        return low - pad, high + pad
    return low, high


def _axis(width: int, ends: tuple[str, str], frame: Frame, place: int | None) -> list[Row]:
    """Return the axis of x, with its ends in it, or below it together with what is marked."""
    corner, dash, arrow = ("+", "-", "^") if frame.is_plain else ("└", "─", "▲")
    first, last = ends
    room = width - len(first) - len(last)
    if place is None or frame.mark is None:
        return [[(f"{corner}{first}{dash * room}{last}", "dim")]]
    line = [(corner + dash * place, "dim"), (arrow, "bold"), (dash * (width - place - 1), "dim")]
    text = frame.mark[1]
    if len(text) + 2 > room:  # the mark tells more than the ends
        return [line, [(f" {text}", "bold")]]
    start = min(max(place - len(text) // 2, len(first) + 1), width - len(last) - 1 - len(text))
    blanks = " " * (start - len(first)), " " * (width - len(last) - start - len(text))
    return [line, [(f" {first}{blanks[0]}", "dim"), (text, "bold"), (f"{blanks[1]}{last}", "dim")]]


Points = Sequence[tuple[int, int | None]]
"""Columns and rows of dots, no row for a gap."""


@dataclass(slots=True)
class _Canvas:
    """Cells of dots; without Braille a cell is one dot."""

    width: int
    height: int
    is_plain: bool
    cells: dict[tuple[int, int], tuple[int | str, str]] = field(default_factory=dict)

    @property
    def across(self) -> int:
        """Dots of a cell in a row."""
        return 1 if self.is_plain else 2

    @property
    def down(self) -> int:
        """Rows of dots of a cell."""
        return 1 if self.is_plain else 4

    def column(self, x: float, left: float, right: float) -> int:
        """Return the column of dots of an x; one alone stands in the middle."""
        last = self.width * self.across - 1
        return last // 2 if left == right else round((x - left) / (right - left) * last)

    def row(self, y: float, low: float, high: float, *, is_log: bool) -> int | None:
        """Return the row of dots of a y, from the top; `None` if it is not finite, or has no place on the axis."""
        if not math.isfinite(y) or (is_log and y <= 0):
            return None
        if is_log:
            y, low, high = math.log(y), math.log(low), math.log(high)
        last = self.height * self.down - 1
        return min(max(round((high - y) / (high - low) * last), 0), last) if high > low else 0

    def put(self, curve: Curve, points: Points) -> None:
        """Put a line, or points."""
        mark = curve.mark if self.is_plain or not curve.is_joined else _ALONE[curve.is_dashed]
        for column, row in _alone(points) if curve.is_joined else _seen(points):
            self.cells[row // self.down, column // self.across] = mark, curve.style
        for i, (column, row) in enumerate(_path(points) if curve.is_joined else ()):
            place = row // self.down, column // self.across
            if self.is_plain:
                if not (curve.is_dashed and place in self.cells and column % 2):  # both are seen
                    self.cells[place] = curve.mark, curve.style
            elif not curve.is_dashed or i // _DASH % 2 == 0:
                before = self.cells.get(place, (0, ""))[0]
                bit = _DOTS[row % 4][column % 2]
                self.cells[place] = (before if isinstance(before, int) else 0) | bit, curve.style

    def line(self, i: int) -> Row:
        """Return the cells of a line, those of one look together."""
        found: Row = []
        for column in range(self.width):
            cell, style = self.cells.get((i, column), (" ", ""))
            text = chr(_BLANK + cell) if isinstance(cell, int) else cell
            if found and (found[-1][1] == style or text == " "):
                found[-1] = found[-1][0] + text, found[-1][1]
            else:
                found.append((text, style))
        return found


def _seen(points: Points) -> Iterator[tuple[int, int]]:
    return ((column, row) for column, row in points if row is not None)


def _alone(points: Points) -> Iterator[tuple[int, int]]:
    """Yield the points between two gaps."""
    for (_, before), (column, row), (_, behind) in zip(
        [(0, None), *points], points, [*points[1:], (0, None)], strict=False
    ):
        if row is not None and before is None and behind is None:
            yield column, row


def _path(points: Points) -> Iterator[tuple[int, int]]:
    """Yield the dots of a line through points, with gaps where there is none."""
    for (column, row), (next_column, next_row) in pairwise(points):
        if row is None or next_row is None:
            continue
        steps = max(abs(next_column - column), abs(next_row - row))
        for step in range(steps):
            along = step / steps
            yield round(column + along * (next_column - column)), round(row + along * (next_row - row))
    if len(points) > 1 and points[-1][1] is not None:
        yield points[-1][0], points[-1][1]
