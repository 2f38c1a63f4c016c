"""What a network of one or two inputs gives, as SVG: by epoch side by side or as a film, and by hidden unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nnlab.report import grounds
from nnlab.report.history_chart import TRAINING, VALIDATION
from nnlab.report.svg import CLASS_COLORS, COLORS, Drawing, Frame, around, beside, class_marks, key, text
from nnlab.snapshots import SPLITS, Snapshots
from nnlab.wording import figure

MOST_LOOKS = 8
"""Epochs side by side, four in a row."""

SECONDS_PER_LOOK, SECONDS_AT_THE_END = 0.25, 2.0
"""Of a film."""

ROW_COLORS = {"train": TRAINING, "validation": VALIDATION}
"""Of rows without a class beside a curve."""

_TITLE, _TICKS, _NUMBERS, _GAP = 22.0, 20.0, 44.0, 20.0
"""Pixels above a panel, below it, at its left, and between two."""

_FLAT = 0.62
"""How high panels of one input are beside their width."""

MOST_BESIDE, _LARGEST = 20, 88.0
"""Units in a row, and pixels of the map of one at most."""

_MIDDLE = (173, 181, 189)
"""The grey of a row whose number is halfway between orange and blue."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What a network gave, and what is to be known of it.

    Args:
        look: what was seen.
        classes: names of the classes; none of a regression.
        best: the best epoch, if there is one.
    """

    look: Snapshots
    classes: Sequence[str] = ()
    best: int | None = None

    @property
    def is_line(self) -> bool:
        """Whether one input makes curves of it, rather than ground."""
        return len(self.look.axes) == 1

    @property
    def number_range(self) -> tuple[float, float]:
        """The smallest and the largest target of the training rows, which orange and blue stand for."""
        low, high = float(self.look.y["train"].min()), float(self.look.y["train"].max())
        return (low, high) if high > low else (low - 0.5, high + 0.5)

    @property
    def splits(self) -> list[str]:
        """Whose rows there are, in the order in which they are drawn."""
        return [split for split in SPLITS if split in self.look.x]

    def title(self, number: int) -> str:
        """Return what stands above one of the looks."""
        epoch = self.look.epochs[number]
        return f"epoch {epoch}" + (" (best)" if epoch == self.best else "")


def by_epoch(shown: Shown, *, width: float) -> Drawing:
    """Draw what the network gives after some epochs, side by side, with some rows as points."""
    each = (width - _NUMBERS - 3 * _GAP) / 4
    frame = _frame(shown, each)
    panels = []
    for place, number in enumerate(_chosen(shown.look.epochs, shown.best)):
        is_first = place % 4 == 0
        points = ['<g id="rows">', *_rows(shown, frame), "</g>"] if place == 0 else ['<use href="#rows"/>']
        parts = _stacked(shown, _given(shown, number, frame), points)
        parts += frame.axes(title=shown.title(number), y_ticks=is_first)
        panel = Drawing(each, frame.top + frame.height + _TICKS, parts)
        left = _NUMBERS if is_first else 0.0
        panels.append(Drawing(left + each, panel.height, [panel.at(left, 0)]))
    return beside(panels, columns=4, gap=_GAP)


def film(shown: Shown, *, width: float) -> Drawing:
    """Draw what the network gives after each epoch that was looked at, one after the other, again and again.

    Where nothing moves, as in print or where a reader does not want it, the last one is seen.
    """
    wide = width - _NUMBERS
    frame = _frame(shown, wide)
    high, last = frame.top + frame.height, len(shown.look.epochs) - 1
    strip = [
        f'<svg width="{wide:.1f}" height="{high:.1f}">',
        f'<g class="film" transform="translate(0 {-last * high:.1f})">',
    ]
    for number in range(last + 1):
        strip += [f'<g transform="translate(0 {number * high:.1f})">', text(0, _TITLE - 7, shown.title(number), "head")]
        strip += [*_given(shown, number, frame), "</g>"]
    strip += ["</g></svg>", f"<style>{_motion(last, high)}</style>"]
    panel = Drawing(wide, high + _TICKS, [*_stacked(shown, strip, _rows(shown, frame)), *frame.axes()])
    return Drawing(_NUMBERS + wide, panel.height, [panel.at(_NUMBERS, 0)])


def _motion(last: int, high: float) -> str:
    """Return the style that moves a strip of pictures up, one after the other, and waits at the last."""
    moving = SECONDS_PER_LOOK * last
    seconds = moving + SECONDS_AT_THE_END
    return (
        f"@keyframes film{{from{{transform:none;animation-timing-function:steps({max(last, 1)},end)}}"
        f"{100 * moving / seconds:.2f}%,to{{transform:translateY({-last * high:.1f}px)}}}}"
        f"@media(prefers-reduced-motion:no-preference){{.film{{animation:film {seconds:.2f}s infinite}}}}"
    )


def marks(shown: Shown, *, width: float) -> Drawing:
    """Say what colours, points and lines stand for."""
    look, inks = shown.look, dict.fromkeys(SPLITS, "var(--ink)")
    if look.are_probabilities:
        entries = class_marks(shown.classes)
    elif shown.is_line:
        entries, inks = [('<path class="ink" stroke-width="2" d="M0,0h10"/>', "the network")], ROW_COLORS
    else:
        low, high = map(figure, shown.number_range)
        entries = class_marks([f"{low} or less", f"{high} or more"])
    for split in shown.splits:
        dot = "".join(_dots([(5.0, 0.0)], inks[split], is_ring=split != "train"))
        entries.append((dot, f"{'training' if split == 'train' else split} rows"))
    return key(entries, width=width, mark_width=10)


def _chosen(epochs: tuple[int, ...], best: int | None) -> list[int]:
    """Return the places of the looks that stand side by side: evenly taken, and that of the best epoch.

    >>> _chosen(tuple(range(0, 100, 5)), 35)
    [0, 3, 7, 8, 11, 14, 16, 19]
    """
    last = len(epochs) - 1
    found = {round(i * last / (MOST_LOOKS - 1)) for i in range(MOST_LOOKS)}
    wanted = epochs.index(best) if best in epochs else 0
    if wanted not in found:
        found.remove(min(found - {0, last}, key=lambda place: abs(place - wanted)))
        found.add(wanted)
    return sorted(found)


def _frame(shown: Shown, width: float) -> Frame:
    (left, right), look = shown.look.axes[0].tolist(), shown.look
    if not shown.is_line:
        low, high = look.axes[1].tolist()
    elif look.are_probabilities:
        low, high = -0.14 if look.values.shape[1] > 1 else -0.06, 1.06
    else:
        low, high = _height(look)
    return Frame(0, _TITLE, width, width * (_FLAT if shown.is_line else 1), (left, right), (low, high))


def _height(look: Snapshots) -> tuple[float, float]:
    """Return which numbers are shown: all of the rows and the final curve, of the others what is not far away."""
    final = [*look.y["train"].tolist(), *look.values[-1].ravel().tolist()]
    low, high = around(final)
    far = 3 * (high - low)
    return around([*final, max(float(look.values.min()), low - far), min(float(look.values.max()), high + far)])


def _stacked(shown: Shown, network: Sequence[str], points: Sequence[str]) -> list[str]:
    """Put points above ground, but below curves, which they would hide."""
    return [*points, *network] if shown.is_line else [*network, *points]


def _given(shown: Shown, number: int, frame: Frame) -> list[str]:
    """Draw one look: a curve for each column over one input, ground over two."""
    look = shown.look
    if not shown.is_line:
        if look.are_probabilities:
            return grounds.of_classes(look.probabilities[number], frame)
        low, high = shown.number_range
        return grounds.of_numbers((look.values[number, 0] - low) / (high - low), frame)
    x, columns = np.linspace(*frame.x, look.values.shape[-1]).tolist(), look.values[number]
    inks = ["var(--ink)"] if len(columns) == 1 else [CLASS_COLORS[i % len(COLORS)] for i in range(len(columns))]
    paths = [
        f'<path d="{frame.line(x, column.tolist())}" fill="none" stroke="{ink}" stroke-width="2"/>'
        for ink, column in zip(inks, columns, strict=True)
    ]
    return _clipped(paths, frame)


def _clipped(parts: Sequence[str], frame: Frame) -> list[str]:
    size = f'width="{frame.width:.1f}" height="{frame.height:.1f}"'
    box = f"{frame.left:.1f} {frame.top:.1f} {frame.width:.1f} {frame.height:.1f}"
    return [f'<svg x="{frame.left:.1f}" y="{frame.top:.1f}" {size} viewBox="{box}">', *parts, "</svg>"]


def _rows(shown: Shown, frame: Frame) -> list[str]:
    """Draw some rows as points: those of training as dots, those of validation as rings."""
    parts = []
    for split in shown.splits:
        for color, x, y in _groups(shown, split):
            places = [frame.at(*place) for place in zip(x.tolist(), y.tolist(), strict=True)]
            parts += _dots(places, color, is_ring=split != "train")
    return _clipped(parts, frame)


def _groups(shown: Shown, split: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield a colour, and the places of the rows that have it."""
    look, x, y = shown.look, shown.look.x[split], shown.look.y[split]
    if look.are_probabilities:
        colors = np.array([CLASS_COLORS[int(number) % len(COLORS)] for number in y])
    elif shown.is_line:
        colors = np.array([ROW_COLORS[split]] * len(y))
    else:
        low, high = shown.number_range
        colors = np.array([_between(share) for share in np.clip((y - low) / (high - low), 0, 1).tolist()])
    # on a line of several classes there is no height for a row but below all probabilities
    on_line = y if look.values.shape[1] == 1 else np.full(len(y), -0.08)
    heights = on_line if shown.is_line else x[:, 1]
    for color in dict.fromkeys(colors.tolist()):
        yield color, x[colors == color, 0], heights[colors == color]


def _between(share: float) -> str:
    """Return the colour of a number between the smallest and the largest: orange, grey, blue; one of 17."""
    part = round(16 * abs(2 * share - 1)) / 16
    ends = zip(_MIDDLE, grounds.color(CLASS_COLORS[int(share > 0.5)], 1), strict=False)
    return "#" + "".join(f"{round((1 - part) * middle + part * end):02x}" for middle, end in ends)


def _dots(places: Sequence[tuple[float, float]], color: str, *, is_ring: bool) -> list[str]:
    """Draw dots or rings that stand out on any ground."""
    path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)
    layers = [("var(--paper)", 6.2), (color, 4.8), *([("var(--paper)", 2.2)] if is_ring else [])]
    return [
        f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="{size}" stroke-linecap="round"/>'
        for ink, size in layers
    ]


def unit_maps(look: Snapshots, *, width: float) -> Drawing:
    """Draw what each hidden unit of the final network gives: a map over two inputs, a curve over one.

    Each has its number, from 1, and its greatest distance from 0, which is also the scale of its colours or heights.
    """
    layers = []
    for name, units in look.units.items():
        columns = math.ceil(len(units) / math.ceil(len(units) / MOST_BESIDE))
        size = min(_LARGEST, (width + 6) / columns - 6)
        maps = beside([_unit(i, unit, look, size) for i, unit in enumerate(units, 1)], columns=columns, gap=6)
        layers.append(Drawing(width, 24 + maps.height, [text(0, 16, name), maps.at(0, 24)]))
    return beside(layers, columns=1, gap=10)


def _unit(number: int, values: np.ndarray, look: Snapshots, size: float) -> Drawing:
    most = float(np.abs(values).max())
    scale = most or 1.0
    left, right = look.axes[0].tolist()
    if len(look.axes) == 2:
        frame = Frame(0, 0, size, size, (left, right), (0.0, 1.0))
        every = np.rint(np.linspace(0, len(values) - 1, 32)).astype(int) if size < _LARGEST / 2 else slice(None)
        parts = grounds.of_numbers(0.5 + values[every][:, every] / (2 * scale), frame)
    else:
        frame = Frame(0, 0, size, size, (left, right), (-1.1 * scale, 1.1 * scale))
        curve = frame.line(np.linspace(left, right, len(values)).tolist(), values.tolist())
        parts = [
            f'<path class="line" stroke-dasharray="3 3" d="M0,{size / 2:.1f}h{size:.1f}"/>',
            f'<path d="{curve}" fill="none" stroke="{COLORS[0]}" stroke-width="1.8"/>',
        ]
    parts.append(frame.box)
    parts += [
        text(size / 2, size + 12 * i, each, "soft", "middle") for i, each in ((1, str(number)), (2, f"{most:.2g}"))
    ]
    return Drawing(size, size + 28, parts)
