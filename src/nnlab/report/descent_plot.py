"""The way of a network's only weights, one or two, over the loss of the training rows, as SVG."""

from __future__ import annotations

import numpy as np

from nnlab.report import grounds
from nnlab.report.svg import COLORS, Drawing, Frame, around, text
from nnlab.snapshots import Descent

WAY = COLORS[1]
MOST_DOTS = 60
"""Epochs that are marked on the way; of more some are."""

LEVELS = 12
"""Lines of equal loss, the closer the smaller the loss: as on a parabola they are equally distant."""

_LEFT, _TOP, _BOTTOM = 56.0, 10.0, 36.0


def draw_descent(descent: Descent, *, width: float) -> Drawing:
    """Draw the loss as a curve over one weight or as ground over two, and the weights after each epoch."""
    finite = descent.losses[np.isfinite(descent.losses)]
    losses = np.where(
        np.isfinite(descent.losses), descent.losses, finite.max(initial=0.0)
    )  # else too large for float32
    left, right = descent.axes[0].tolist()
    width -= _LEFT + 10
    if len(descent.names) == 1:
        x = np.linspace(left, right, len(losses))
        frame = Frame(_LEFT, _TOP, width, 260, (left, right), around(losses.tolist()))
        below = f'<path class="ink" stroke-width="1.6" d="{frame.line(x.tolist(), losses.tolist())}"/>'
        way = np.stack([descent.weights[:, 0], np.interp(descent.weights[:, 0], x, losses)], axis=1)
        labels: tuple[str, ...] = (*descent.names, "loss of the training rows")
    else:
        low, high = descent.axes[1].tolist()
        frame = Frame(_LEFT, _TOP, width, 340, (left, right), (low, high))
        below, way, labels = _ground(losses, frame), descent.weights, descent.names
    parts = [below, *frame.axes(x_label=labels[0], y_label=labels[1]), *_way(way, descent.epochs, frame)]
    return Drawing(frame.left + frame.width, frame.top + frame.height + _BOTTOM, parts)


def _ground(losses: np.ndarray, frame: Frame) -> str:
    """Draw the loss as ground, the darker the greater, with lines of equal loss."""
    low, high = float(losses.min()), float(losses.max())
    shares = np.sqrt((losses - low) / (high - low or 1.0))
    levels = [low + (high - low) * (i / LEVELS) ** 2 for i in range(1, LEVELS)]
    colors = [grounds.color(COLORS[0], grounds.DEEPEST * i / 63) for i in range(64)]
    return grounds.ground(np.rint(shares * 63), colors, frame, grounds.contours(losses, levels))


def _way(way: np.ndarray, epochs: np.ndarray, frame: Frame) -> list[str]:
    places = [frame.at(*each) for each in way.tolist()]
    line = " ".join(f"{'L' if i else 'M'}{x:.1f},{y:.1f}" for i, (x, y) in enumerate(places))
    marked = [places[i] for i in np.unique(np.linspace(0, len(places) - 1, MOST_DOTS).astype(int)).tolist()]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in marked)
    parts = [
        f'<path d="{line}" fill="none" stroke="{WAY}" stroke-width="1.6"/>',
        f'<g fill="{WAY}" stroke="var(--paper)" stroke-width="0.8">{dots}</g>',
    ]
    (x1, y1), (x2, y2) = places[0], places[-1]
    side = "end" if x2 < x1 else "start"
    parts.append(text(x1 + (-8 if x2 < x1 else 8), y1 - 9, f"epoch {epochs[0]}", "over", side))
    parts.append(text(x2, y2 - 11, f"epoch {epochs[-1]}", "over", "middle"))
    return parts
