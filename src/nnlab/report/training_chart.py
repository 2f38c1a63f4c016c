"""A training as one picture for a terminal: its curves, and what the network gives over one or two inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab.report.chart import Row, beside
from nnlab.report.history_chart import BESIDE_FROM, Look, history_chart, history_charts, metrics_of

if TYPE_CHECKING:
    from nnlab.report.surface_chart import Surface

LEAST_HEIGHT, MOST_HEIGHT = 6, 13
"""Lines of a chart."""

MOST_GROUND = 20
"""Lines of the ground of two inputs."""

LEAST_WIDTH = 30
"""Columns of a chart that stands beside something."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a terminal has room for.

    Args:
        width: columns.
        height: lines.
        is_plain: whether to do with ASCII's characters.
        has_colors: whether it shows colours.
    """

    width: int
    height: int
    is_plain: bool = False
    has_colors: bool = True

    def look(self, width: int, height: int) -> Look:
        """Return how a chart of this size is drawn here."""
        return Look(width, height, self.is_plain)


def training_chart(
    rows: Sequence[Mapping[str, float]],
    surface: Surface | None,
    room: Room,
    *,
    epochs: int = 0,
    best: int | None = None,
) -> list[Row]:
    """Draw loss and first metric by epoch, and beside them or below what the network gives.

    Args:
        rows: of the history.
        surface: what the network gives, where that can be drawn.
        room: what there is room for.
        epochs: up to which the axis goes; default: the last one.
        best: the best epoch, which is marked.
    """
    names = metrics_of(rows)[:2]
    if surface is None:
        return _curves(rows, names, room, epochs=epochs, best=best)
    from nnlab.report.surface_chart import ground_width, surface_chart

    is_wide = room.width >= BESIDE_FROM
    if len(surface.axes) == 1:
        width = (room.width - 2) // 2 if is_wide else room.width
        look = room.look(width, _height(room.height // (1 if is_wide else 2)))
        loss = history_chart(rows, names[0], look, epochs=epochs, best=best)
        curve = surface_chart(surface, look, has_colors=room.has_colors)
        return beside(loss, curve, width=width) if is_wide else [*loss, *curve]
    height = max(min(room.height, MOST_GROUND), LEAST_HEIGHT)
    left = room.width - ground_width(height) - 2
    if left >= LEAST_WIDTH:
        ground = surface_chart(surface, room.look(ground_width(height), height), has_colors=room.has_colors)
        shown = names if height >= len(names) * LEAST_HEIGHT else names[:1]
        charts = [
            row
            for name in shown
            for row in history_chart(rows, name, room.look(left, height // len(shown)), epochs=epochs, best=best)
        ]
        return beside(charts, ground, width=left)
    below = max(min(room.height * 3 // 5, MOST_GROUND), LEAST_HEIGHT)
    look = room.look(room.width, _height(room.height - below))
    return [
        *history_chart(rows, names[0], look, epochs=epochs, best=best),
        *surface_chart(surface, room.look(room.width, below), has_colors=room.has_colors),
    ]


def _curves(
    rows: Sequence[Mapping[str, float]], names: Sequence[str], room: Room, *, epochs: int, best: int | None
) -> list[Row]:
    stacked = 1 if room.width >= BESIDE_FROM else len(names)
    if room.height < stacked * LEAST_HEIGHT:
        names, stacked = names[:1], 1
    look = room.look(room.width, _height(room.height // stacked))
    return history_charts(rows, names, look, epochs=epochs, best=best)


def _height(lines: int) -> int:
    return min(max(lines, LEAST_HEIGHT), MOST_HEIGHT)
