"""SVG files of our own, without Matplotlib: small, and light or dark as the reader's screen is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from nnlab.errors import NnlabError
from nnlab.outputs import check_output, is_stream

COLORS = (
    "#3b7dd8", "#e8590c", "#2f9e44", "#ae3ec9", "#e8a200", "#0b9aa8", "#d6336c", "#8d6e52", "#7a8290", "#7048e8",
)  # fmt: skip
"""Colours that can be told apart on white and on black."""

CLASS_COLORS = (COLORS[1], COLORS[0], *COLORS[2:])
"""Those of classes: the first orange, the second blue, as in TensorFlow Playground."""

MARGIN = 16

_STYLE = (
    "svg{--paper:#fff;--ink:#212529;--soft:#5c636a;--line:#ced4da;--wrong:#d6336c;--best:#2b8a3e}"
    "@media(prefers-color-scheme:dark){svg{--paper:#16191d;--ink:#e9ecef;--soft:#adb5bd;--line:#495057;--wrong:#ff6b9d;"
    "--best:#51cf66}}"
    ".paper{fill:var(--paper)}text{font-family:system-ui,sans-serif;font-size:11px;fill:var(--ink)}"
    ".soft{fill:var(--soft)}.title{font-size:16px;font-weight:600}.head{font-size:13px;font-weight:600}.wrong{fill:var(--wrong);font-weight:600}"
    ".line{stroke:var(--line);fill:none}.mark{stroke:var(--wrong);fill:none;stroke-width:2}"
    ".over{stroke:var(--paper);stroke-width:3;paint-order:stroke}"
    ".ink{stroke:var(--ink);fill:none}.rate{stroke:var(--soft);fill:none;stroke-width:1.5;stroke-dasharray:2 3}"
    ".best{stroke:var(--best);fill:none;stroke-width:1.5;stroke-dasharray:6 3}"
)


def check_svg_path(path: Path) -> None:
    """Tell whether a drawing can be written there, before the work of making it.

    Raises:
        NnlabError: the file's name does not end in `.svg`, or it cannot be written.
    """
    if path.suffix.lower() != ".svg" and not is_stream(path):
        raise NnlabError(f"the plot `{path}` is no SVG file", hint=f"write `--plot {path.with_suffix('.svg')}`")
    check_output(path)


def document(width: float, height: float, parts: Iterable[str]) -> str:
    """Return a whole SVG file."""
    w, h = math.ceil(width), math.ceil(height)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">'
    paper = f'<rect class="paper" width="{w}" height="{h}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", paper, *parts, "</svg>", ""])


def text(x: float, y: float, content: str, kind: str = "", anchor: str = "start") -> str:
    """Return a line of text; `kind` is a class of the style, `anchor` where on the line x is."""
    about = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor != "start" else "")
    return f'<text x="{x:.1f}" y="{y:.1f}"{about}>{escape(content)}</text>'


def fitting(content: str, width: float) -> str:
    """Cut a text to what fits into a width in pixels, as nearly as can be told without a font."""
    most = max(2, int(width / 5.8))
    return content if len(content) <= most else f"{content[: most - 1]}…"


@dataclass(frozen=True, slots=True)
class Drawing:
    """What stands in a rectangle, whose upper left corner is at 0, 0.

    Args:
        width: in pixels.
        height: in pixels.
        parts: elements of SVG.
    """

    width: float
    height: float
    parts: Sequence[str]

    def at(self, x: float, y: float) -> str:
        """Return it as one element, with its corner elsewhere."""
        return "\n".join([f'<g transform="translate({x:.1f} {y:.1f})">', *self.parts, "</g>"])


@dataclass(frozen=True, slots=True)
class Frame:
    """A pair of axes.

    Args:
        left: pixels from the left.
        top: pixels from above.
        width: pixels between the axes' ends.
        height: likewise.
        x: the numbers at the left and the right end.
        y: the numbers at the lower and the upper end.
        log_y: whether y grows by factors.
    """

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    log_y: bool = False

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point in pixels."""
        right = (x - self.x[0]) / (self.x[1] - self.x[0])
        y, low, high = (math.log(each) if self.log_y else each for each in (y, *self.y))
        up = (y - low) / (high - low)
        return self.left + right * self.width, self.top + (1 - up) * self.height

    @property
    def box(self) -> str:
        """The rectangle of both axes."""
        place = f'x="{self.left:.1f}" y="{self.top:.1f}" width="{self.width:.1f}" height="{self.height:.1f}"'
        return f'<rect class="line" {place}/>'

    def axes(self, *, title: str = "", x_label: str = "", y_label: str = "", y_ticks: bool = True) -> list[str]:
        """Return the box with its numbers and names."""
        bottom = self.top + self.height
        parts = [self.box]
        for value in ticks(*self.x, most=max(3, int(self.width / 70))):
            x, _ = self.at(value, self.y[0])
            parts.append(text(x, bottom + 14, f"{value:.6g}", "soft", "middle"))
        for y, number in self.y_ticks() if y_ticks else ():
            parts.append(text(self.left - 5, y + 4, number, "soft", "end"))
        if title:
            parts.append(text(self.left, self.top - 7, fitting(title, self.width), "head"))
        if x_label:
            parts.append(text(self.left + self.width / 2, bottom + 29, fitting(x_label, self.width), "", "middle"))
        if y_label:
            x, y = self.left - 44, self.top + self.height / 2
            turned = text(x, y, fitting(y_label, self.height), "", "middle")
            parts.append(turned.replace("<text", f'<text transform="rotate(-90 {x:.1f} {y:.1f})"', 1))
        return parts

    def y_ticks(self) -> list[tuple[float, str]]:
        """Return the heights in pixels at which the axis of y has a number, and the number."""
        find = log_ticks if self.log_y else ticks
        values = find(*self.y, most=max(2, int(self.height / 45)))
        return [(self.at(self.x[0], value)[1], f"{value:.6g}") for value in values]

    def line(self, x: Sequence[float], y: Sequence[float]) -> str:
        """Return the path through points, for an attribute `d`, with gaps where y is not finite or has no logarithm."""
        found, command = [], "M"
        for place, height in zip(x, y, strict=True):
            if math.isfinite(height) and not (self.log_y and height <= 0):
                left, top = self.at(place, height)
                found.append(f"{command}{left:.1f},{top:.1f}")
                command = "L"
            else:
                command = "M"
        return " ".join(found)


def log_ticks(low: float, high: float, *, most: int) -> list[float]:
    """Return powers of ten between two numbers, about as many as asked for; of a narrow range other round numbers."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 1:
        return [10.0**power for power in range(first, last + 1, math.ceil((last - first + 1) / most))]
    return [value for value in ticks(low, high, most=most) if value > 0]


def ticks(low: float, high: float, *, most: int) -> list[float]:
    """Return round numbers between two, at least two and about as many as asked for."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    steps = [power * factor for factor in (0.2, 0.25, 0.5, 1, 2, 2.5, 5, 10)]
    place = next(i for i, step in enumerate(steps) if step >= rough * (1 - 1e-9))
    for step in steps[place::-1]:
        first = math.ceil(low / step - 1e-9)
        count = math.floor(high / step + 1e-9) - first + 1
        if count > 1:
            break
    return [round((first + i) * step, 12) + 0.0 for i in range(count)]


def around(values: Sequence[float], *, share: float = 0.05) -> tuple[float, float]:
    """Return the ends of an axis that shows all of some numbers, with a margin."""
    low, high = float(min(values)), float(max(values))
    margin = share * (high - low) or max(1.0, abs(high)) * share
    return low - margin, high + margin


def beside(drawings: Sequence[Drawing], *, columns: int, gap: float = 14) -> Drawing:
    """Put drawings beside one another, so many in a row; each row is as high as the highest in it."""
    parts, top, widest = [], 0.0, 0.0
    for first in range(0, len(drawings), columns):
        row, left = drawings[first : first + columns], 0.0
        for each in row:
            parts.append(each.at(left, top))
            left += each.width + gap
        top += max(each.height for each in row) + gap
        widest = max(widest, left - gap)
    return Drawing(widest, max(top - gap, 0.0), parts)


def key(entries: Sequence[tuple[str, str]], *, width: float, mark_width: float = 22) -> Drawing:
    """Say what marks stand for, in lines that fit a width.

    Args:
        entries: each mark, drawn from 0 to its width with its middle at the height 0, and what it is.
        width: in pixels.
        mark_width: of every mark.
    """
    parts, left, top = [], 0.0, 14.0
    for mark, name in entries:
        size = mark_width + 22 + 5.9 * len(name)
        if left and left + size > width:
            left, top = 0.0, top + 18
        if mark:
            parts.append(f'<g transform="translate({left:.1f} {top - 4:.1f})">{mark}</g>')
        parts.append(text(left + (mark_width + 5 if mark else 0), top, name))
        left += size - (0 if mark else mark_width + 5)
    return Drawing(width, top + 4, parts)


def class_marks(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return a dot in the colour of each class with its name, for a `key` whose marks are 10 pixels wide."""
    dots = (f'<circle cx="5" cy="0" r="5" fill="{CLASS_COLORS[i % len(COLORS)]}"/>' for i in range(len(names)))
    return [(dot, fitting(name, 180)) for dot, name in zip(dots, names, strict=True)]
