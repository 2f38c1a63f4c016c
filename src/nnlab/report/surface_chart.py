"""What a network gives over one or two inputs, drawn with characters for terminals, with some rows as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnlab.report.chart import Curve, Frame, Row, draw, number
from nnlab.report.history_chart import TRAINING, VALIDATION, Look
from nnlab.report.svg import CLASS_COLORS as COLORS
from nnlab.snapshots import Snapshots
from nnlab.wording import cut

HALF_BLOCK = "▀"
WHITE = (255, 255, 255)
PALEST, DEEPEST = 0.12, 0.6
"""How much of its colour ground has that barely is of a class, and ground that surely is."""

ROW_LIGHT = 0.7
"""How light the colour of a row is beside that of its class, so that it is seen on any ground."""

SHADES = (" ░▒▓", " .:#")
"""From low to high, without colours; the second without anything but ASCII."""

POINTS = "ox+*#%@&=~"
"""The marks of rows of two classes, without colours; of more their letters stand in the ground, too."""

MARGIN = 9
"""Columns of the numbers of a ground's left axis."""

ROWS_PER_CELL = 0.15
"""How many rows are drawn at most: more would hide the ground."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What a network gives on a grid over its inputs; all in the units of the data.

    Args:
        axes: the first and the last point of the grid along each input, `[inputs, 2]`.
        values: `[columns, points]`, or `[columns, points of the second input, of the first]`; the columns are the
            probabilities of the classes, of two that of the second alone, or the target.
        are_probabilities: whether it tells classes apart, rather than predicts a number.
        x: some rows, `[rows, inputs]`.
        y: their class numbers or targets, `[rows]`.
        classes: their names.
    """

    axes: np.ndarray
    values: np.ndarray
    are_probabilities: bool
    x: np.ndarray
    y: np.ndarray
    classes: Sequence[str] = ()


def surface_of(look: Snapshots, classes: Sequence[str]) -> Surface:
    """Return the last look at a network with its training rows, for `surface_chart`.

    Args:
        look: what was seen.
        classes: names of the classes; none of a regression.
    """
    return Surface(look.axes, look.values[-1], look.are_probabilities, look.x["train"], look.y["train"], tuple(classes))


def surface_chart(surface: Surface, look: Look, *, has_colors: bool) -> list[Row]:
    """Draw a curve over one input, or the ground of two: by classes or by the number that is predicted.

    Args:
        surface: what to draw.
        look: how; of two inputs `look.width` is the most there is.
        has_colors: whether the terminal shows colours; letters and shades do without.
    """
    return _line(surface, look) if len(surface.axes) == 1 else _ground(surface, look, has_colors=has_colors)


def ground_width(height: int) -> int:
    """Return the columns of a ground that is as wide as it is high, its axes included."""
    return 2 * (height - 2) + MARGIN


def _line(surface: Surface, look: Look) -> list[Row]:
    """Draw what is given over one input as lines, with rows as points."""
    low, high = surface.axes[0]
    x = np.linspace(low, high, surface.values.shape[-1])
    many = len(surface.values) > 1
    shown = _some(len(surface.x), 4 * look.width)
    style = VALIDATION
    rows = [Curve(surface.x[shown, 0].tolist(), surface.y[shown].tolist(), TRAINING, mark="o", is_joined=False)]
    if many:  # of several classes the rows stand at the height of no probability
        rows = []
    lines = [
        Curve(
            x.tolist(),
            column.tolist(),
            COLORS[i % len(COLORS)] if many else style,
            is_dashed=i % 2 == 1,
            mark="*.+x="[i % 5],
        )
        for i, column in enumerate(surface.values)
    ]
    title: Row = [("fitted curve", "bold"), ("  ", ""), ("o rows", TRAINING)]
    limits = None
    if surface.are_probabilities:
        names = surface.classes or [str(i) for i in range(len(surface.values) + 1)]
        what = "probability of each class" if many else f"probability of {cut(names[-1], longest=20)}"
        title = [(what, "bold"), *([] if many else title[1:])]
        limits = (0.0, 1.0)
    frame = Frame(
        width=look.width,
        height=look.height - 1,
        is_plain=look.is_plain,
        x_limits=(float(low), float(high)),
        y_limits=limits,
    )
    return [title, *draw([*lines, *rows], frame)]


def _ground(surface: Surface, look: Look, *, has_colors: bool) -> list[Row]:
    """Draw two inputs as ground, the first one to the right, the second one upwards."""
    height = look.height - 2
    columns = max(min(2 * height, look.width - MARGIN), 4)
    colors = has_colors and not look.is_plain
    down = 2 * height if colors else height
    picture = _sampled(surface.values, down, columns)
    points = _points(surface, down, columns)
    cells = (
        _colored(surface, picture, points) if colors else _lettered(surface, picture, points, is_plain=look.is_plain)
    )
    (left, right), (low, high) = surface.axes
    labels = {0: number(high), height - 1: number(low)}
    wall, corner, dash = ("|", "+", "-") if look.is_plain else ("│", "└", "─")
    rows: list[Row] = [[(f"{labels.get(i, ''):>{MARGIN - 2}} {wall}", "dim"), *cells[i]] for i in range(height)]
    ends = f"{left:.3g}", f"{right:.3g}"
    axis = f"{corner}{ends[0]}{dash * (columns - len(ends[0]) - len(ends[1]))}{ends[1]}"
    legend: Row = [(" " * MARGIN, ""), *_legend(surface, columns, colors=colors)]
    return [legend, *rows, [(" " * (MARGIN - 1) + axis, "dim")]]


def _sampled(values: np.ndarray, down: int, across: int) -> np.ndarray:
    """Return the values at the middles of the cells of a picture, `[columns, down, across]`, from the top."""
    rows = ((np.arange(down)[::-1] + 0.5) / down * values.shape[1]).astype(int)
    columns = ((np.arange(across) + 0.5) / across * values.shape[2]).astype(int)
    return values[:, rows[:, None], columns[None, :]]


def _some(count: int, cells: int) -> np.ndarray:
    """Return the numbers of some rows, evenly taken, so that they do not hide the ground."""
    most = max(int(cells * ROWS_PER_CELL), 10)
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))


def _points(surface: Surface, down: int, across: int) -> dict[tuple[int, int], float]:
    """Return the class or target of some rows, by the cells of a picture where they stand."""
    shown = _some(len(surface.x), down * across)
    (left, right), (low, high) = surface.axes
    x = (surface.x[shown, 0] - left) / (right - left) * across
    y = (high - surface.x[shown, 1]) / (high - low) * down
    found = {}
    for column, row, value in zip(x.astype(int), y.astype(int), surface.y[shown], strict=True):
        if 0 <= row < down and 0 <= column < across:
            found[int(row), int(column)] = float(value)
    return found


def _range(surface: Surface) -> tuple[float, float]:
    """Return what the ends of the shades stand for: 0 and 1, or the smallest and the largest target."""
    if surface.are_probabilities:
        return 0.0, 1.0
    low, high = float(surface.y.min()), float(surface.y.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _share(surface: Surface, values: np.ndarray | float) -> np.ndarray:
    """Return where values stand between the ends of the shades, 0 to 1."""
    low, high = _range(surface)
    return np.clip((np.asarray(values) - low) / (high - low), 0.0, 1.0)


def _colored(surface: Surface, picture: np.ndarray, points: dict[tuple[int, int], float]) -> list[Row]:
    """Return cells of two pixels each, one above the other."""
    if len(picture) > 1:
        best = picture.argmax(axis=0)
        sure = (picture.max(axis=0) - 1 / len(picture)) / (1 - 1 / len(picture))
        deep = np.array([_rgb(COLORS[i % len(COLORS)]) for i in range(len(picture))])[best]
    else:
        share = 2 * _share(surface, picture[0]) - 1
        sure = np.abs(share)
        deep = np.where(share[..., None] < 0, _rgb(COLORS[0]), _rgb(COLORS[1]))
    strength = (PALEST + (DEEPEST - PALEST) * sure)[..., None]
    pixels = np.rint(WHITE + strength * (deep - np.array(WHITE))).astype(int)
    for (row, column), value in points.items():
        pixels[row, column] = np.rint(_color_of(surface, value))
    texts = [[f"#{pixel[0]:02x}{pixel[1]:02x}{pixel[2]:02x}" for pixel in line] for line in pixels]
    return [
        [(HALF_BLOCK, f"{upper} on {lower}") for upper, lower in zip(*texts[i : i + 2], strict=True)]
        for i in range(0, len(texts), 2)
    ]


def _color_of(surface: Surface, value: float) -> np.ndarray:
    """Return the colour of a row: darker than any ground."""
    if surface.are_probabilities:
        return _rgb(COLORS[int(value) % len(COLORS)]) * ROW_LIGHT
    share = float(_share(surface, value))
    return ((1 - share) * _rgb(COLORS[0]) + share * _rgb(COLORS[1])) * ROW_LIGHT


def _rgb(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], float)


def _lettered(
    surface: Surface, picture: np.ndarray, points: dict[tuple[int, int], float], *, is_plain: bool
) -> list[Row]:
    """Return cells of letters or shades, for terminals without colours."""
    if len(picture) > 1:
        texts = np.array([chr(ord("a") + i) for i in range(len(picture))])[picture.argmax(axis=0)]
    else:
        shades = SHADES[is_plain]
        steps = np.minimum((_share(surface, picture[0]) * len(shades)).astype(int), len(shades) - 1)
        texts = np.array(list(shades))[steps]
    for (row, column), value in points.items():
        texts[row, column] = _mark(surface, value)
    return [[("".join(line), "")] for line in texts]


def _mark(surface: Surface, value: float) -> str:
    if len(surface.values) > 1:
        return chr(ord("A") + int(value))
    if surface.are_probabilities:
        return POINTS[int(value)]
    return str(min(int(float(_share(surface, value)) * 10), 9))


def _legend(surface: Surface, columns: int, *, colors: bool) -> Row:
    """Say what colours or marks stand for, as far as there is room."""
    if not surface.are_probabilities:
        low, high = _range(surface)
        if colors:
            return [("■ ", COLORS[0]), (number(low), ""), (" to ", ""), ("■ ", COLORS[1]), (number(high), "")]
        return [(f"{number(low)} blank, {number(high)} dark", "")]
    names = surface.classes or [str(i) for i in range(max(len(surface.values), 2))]
    longest = max(columns // len(names) - 4, 3)
    parts: Row = []
    for i, name in enumerate(names):
        sign = "■" if colors else _mark(surface, float(i))
        text = f"{sign} {str(name)[:longest]}"
        if sum(len(each) for each, _ in parts) + len(text) > columns:
            break
        parts += [(text, COLORS[i % len(COLORS)] if colors else ""), ("  ", "")]
    return parts[:-1]
