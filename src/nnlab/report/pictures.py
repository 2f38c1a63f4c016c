"""Pictures in a grid, each with lines of text below: rows of a data set, or what a network says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.report.png import png
from nnlab.report.svg import MARGIN, document, fitting, text

if TYPE_CHECKING:
    import numpy as np

MOST = 100
"""Pictures in one drawing."""

_CELL = 104
_PICTURE = 84


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands below a picture.

    Args:
        lines: from top to bottom.
        wrong: whether it is marked as a mistake.
    """

    lines: Sequence[str]
    wrong: bool = False


def picture_grid(pictures: np.ndarray, captions: Sequence[Caption], *, title: str = "", columns: int = 10) -> str:
    """Draw pictures, as many in a row as there are columns.

    The smallest number of all of them is black and the largest white.

    Args:
        pictures: `[pictures, height, width]`, or with 1, 3 or 4 channels behind.
        captions: one a picture.
        title: stands above them.
        columns: pictures in a row.

    Returns:
        A whole SVG document; the pictures are inside, as PNG.
    """
    lines = max((len(caption.lines) for caption in captions), default=0)
    size = _size(pictures.shape[1], pictures.shape[2])
    height, top = size[0] + 15 * lines + 12, MARGIN + (24 if title else 0)
    columns = min(columns, len(captions))
    parts = [text(MARGIN, MARGIN + 10, title, "head")] if title else []
    for i, (picture, caption) in enumerate(zip(_bytes(pictures), captions, strict=True)):
        x, y = MARGIN + i % columns * _CELL, top + i // columns * height
        parts += _cell(x, y, png(picture), caption, size)
    rows = -(-len(captions) // columns)
    width = 2 * MARGIN + columns * _CELL - (_CELL - _PICTURE)
    return document(max(width, 2 * MARGIN + 8 * len(title)), top + rows * height + MARGIN - 12, parts)


def _size(height: int, width: int) -> tuple[float, float]:
    """Return how high and wide pictures are drawn; high ones take more room downwards, up to twice as much."""
    scale = min(_PICTURE / width, 2 * _PICTURE / height)
    return height * scale, width * scale


def _cell(x: float, y: float, source: str, caption: Caption, size: tuple[float, float]) -> list[str]:
    height, width = size
    place = f'x="{x + (_PICTURE - width) / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    parts = [f'<image {place} style="image-rendering:pixelated" href="{source}"/>']
    if caption.wrong:
        parts.append(f'<rect class="mark" {place}/>')
    for i, line in enumerate(caption.lines):
        kind = ("wrong" if caption.wrong else "") if i == 0 else "soft"
        parts.append(text(x + _PICTURE / 2, y + height + 14 + 15 * i, fitting(line, _CELL - 4), kind, "middle"))
    return parts


def _bytes(pictures: np.ndarray) -> np.ndarray:
    """Return pictures as `[pictures, height, width, channels]` of 0 to 255."""
    import numpy as np

    values = pictures if pictures.ndim == 4 else pictures[..., None]
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint8:  # as they are: a dark picture is dark
        return np.asarray(values)
    return np.round((values - low) * (255 / (high - low or 1.0))).astype(np.uint8)
