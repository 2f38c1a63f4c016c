"""Line charts made of characters, for terminals."""

from __future__ import annotations

from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a Braille character: four rows of two dots."""


def line_chart(y: Sequence[float], *, width: int = 78, height: int = 12) -> list[str]:
    """Draw a line through equally distant points, with the smallest and the largest y on the left and x below.

    Args:
        y: finite numbers, at least one; x counts them from 0.
        width: characters of a line, at least 30.
        height: lines, without the one of x.
    """
    low, high = min(*y, 0.0), max(*y, 0.0)
    labels = {0: f"{high:.4g}", height - 1: f"{low:.4g}"}
    margin = max(map(len, labels.values()))
    columns = width - margin - 2
    cells = [[0] * columns for _ in range(height)]
    for x, (bottom, top) in enumerate(_spans(y, 2 * columns)):
        first, last = (_row(value, low, high, 4 * height) for value in (top, bottom))
        for row in range(first, last + 1):
            cells[row // 4][x // 2] |= _DOTS[row % 4][x % 2]
    lines = [
        f"{labels.get(i, ''):>{margin}} │{''.join(chr(0x2800 + cell) if cell else ' ' for cell in line)}".rstrip()
        for i, line in enumerate(cells)
    ]
    end = str(len(y) - 1)
    return [*lines, f"{'':>{margin}} └0{'─' * (columns - 1 - len(end))}{end}"]


def _spans(y: Sequence[float], columns: int) -> list[tuple[float, float]]:
    """Return the smallest and largest y of each column; a line goes from the end of one column to the next."""
    spans = []
    before = y[0]
    for x in range(columns):
        first = x * len(y) // columns
        inside = y[first : max((x + 1) * len(y) // columns, first + 1)]
        spans.append((min(*inside, before), max(*inside, before)))
        before = inside[-1]
    return spans


def _row(value: float, low: float, high: float, rows: int) -> int:
    """Return the row of dots, from the top, at which a value stands."""
    return 0 if high == low else round((high - value) / (high - low) * (rows - 1))
