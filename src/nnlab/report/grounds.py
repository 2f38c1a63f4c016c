"""What depends on two numbers, as ground: colours over a plane, with the lines where it has some values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnlab.report.png import Color, shades_png
from nnlab.report.svg import CLASS_COLORS, Frame

SHADES = 25
"""Of each class; all of ten classes fit into the 256 colours that a PNG file lists."""

PALEST, DEEPEST = 0.12, 0.62
"""How opaque ground is that barely is of a class, and ground that surely is."""

_CELL = 40
"""Steps between two points of a grid in which lines are drawn."""

Point = tuple[float, float]


def of_classes(probabilities: np.ndarray, frame: Frame) -> list[str]:
    """Draw which class is the most probable, the paler the less sure, and lines where two are equally probable.

    Args:
        probabilities: `[classes, points of y, points of x]`.
        frame: its ends are the first and the last point.
    """
    smooth, count = _smooth(probabilities), len(probabilities)
    sure = np.clip((smooth.max(axis=0) - 1 / count) / (1 - 1 / count), 0.0, 1.0)
    shades = smooth.argmax(axis=0) * SHADES + np.rint(sure * (SHADES - 1)).astype(int)
    steps = np.linspace(PALEST, DEEPEST, SHADES)
    colors = [color(CLASS_COLORS[i % len(CLASS_COLORS)], step) for i in range(count) for step in steps]
    lines = []
    for i in range(count - 1):
        others = np.delete(smooth, i, axis=0)
        behind = others.argmax(axis=0) >= i  # the lines of a class and one before it are there
        lines.append(contours(smooth[i] - others.max(axis=0), [0.0], where=behind))
    return [ground(shades, colors, frame, "".join(lines))]


def of_numbers(shares: np.ndarray, frame: Frame) -> list[str]:
    """Draw numbers from orange over nothing to blue.

    Args:
        shares: where they stand between the ends of the colours, 0 to 1, `[points of y, points of x]`.
        frame: its ends are the first and the last point.
    """
    shades = np.rint(np.clip(shares, 0.0, 1.0) * 2 * SHADES).astype(int)
    steps = np.linspace(-1.0, 1.0, 2 * SHADES + 1)
    colors = [color(CLASS_COLORS[int(step > 0)], DEEPEST * abs(step)) for step in steps]
    return [ground(shades, colors, frame)]


def _smooth(values: np.ndarray) -> np.ndarray:
    """Return values `[..., rows, columns]` as means with their neighbours: the steps they are kept in show less."""
    for axis in (-2, -1):
        padded = np.concatenate([values.take([0], axis), values, values.take([-1], axis)], axis)
        before, behind = (padded.take(range(i, i + values.shape[axis]), axis) for i in (0, 2))
        values = (before + 2 * values + behind) / 4
    return values


def contours(values: np.ndarray, levels: Sequence[float], *, where: np.ndarray | None = None) -> str:
    """Return the lines at some levels as the `d` of a path in a `ground`; `where` as in `segments`."""
    last, found = len(values) - 1, []
    for level in levels:
        for (x1, y1), (x2, y2) in segments(values, level, where):
            left, top = round(_CELL * x1), round(_CELL * (last - y1))
            right, down = round(_CELL * x2) - left, round(_CELL * (last - y2)) - top
            found.append(f"M{left} {top}l{right} {down}" if right or down else "")
    return "".join(found)


def segments(values: np.ndarray, level: float, where: np.ndarray | None = None) -> Iterator[tuple[Point, Point]]:
    """Yield pieces of the lines on which values of a grid pass a level, found by marching squares.

    Args:
        values: `[rows, columns]`, at least two of each.
        level: what they are compared with.
        where: points in whose squares lines are looked for, `[rows, columns]`; default: all.

    Yields:
        Two points, each as column and row, in numbers of points from the first.
    """
    above = values > level
    corners = above[:-1, :-1].astype(int) + above[:-1, 1:] + above[1:, 1:] + above[1:, :-1]
    passed = (corners > 0) & (corners < 4) & (True if where is None else where[:-1, :-1])
    for row, column in np.argwhere(passed).tolist():
        square = ((column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1))
        crossed = []
        for (x1, y1), (x2, y2) in zip(square, (*square[1:], square[0]), strict=True):
            first, second = float(values[y1, x1]), float(values[y2, x2])
            if (first > level) != (second > level):
                share = (level - first) / (second - first)
                crossed.append((x1 + share * (x2 - x1), y1 + share * (y2 - y1)))
        yield from zip(crossed[::2], crossed[1::2], strict=True)


def ground(shades: np.ndarray, colors: Sequence[Color], frame: Frame, lines: str = "") -> str:
    """Draw a grid of colours with lines, clipped to a frame whose ends are its first and last points."""
    high, wide = (_CELL * (size - 1) for size in shades.shape)
    place = f'x="{frame.left:.1f}" y="{frame.top:.1f}" width="{frame.width:.1f}" height="{frame.height:.1f}"'
    half = _CELL / 2  # a point is the middle of its pixel
    size = f'x="{-half}" y="{-half}" width="{wide + _CELL}" height="{high + _CELL}" preserveAspectRatio="none"'
    line = f'<path class="ink" vector-effect="non-scaling-stroke" d="{lines}"/>' if lines else ""
    return (
        f'<svg {place} viewBox="0 0 {wide} {high}" preserveAspectRatio="none">'
        f'<image {size} href="{shades_png(shades[::-1].astype(np.uint8), colors)}"/>{line}</svg>'
    )


def color(written: str, opacity: float) -> Color:
    """Return red, green, blue and opacity, 0 to 255."""
    red, green, blue = (int(written[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue, round(255 * opacity)
