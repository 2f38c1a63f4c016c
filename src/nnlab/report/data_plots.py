"""The picture of a data set: pictures with their classes, points, or histograms of its columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from nnlab.config.by_name import only
from nnlab.data.description import LEFT_OUT, DataDescription, picture_shape
from nnlab.report.pictures import Caption, picture_grid
from nnlab.report.points import BINS, MOST_POINTS, Bars, Points, bars_plot, histogram, points_plot
from nnlab.wording import counted, cut

if TYPE_CHECKING:
    from nnlab.data.targets import Target

PICTURES = 40
PANELS = 24
TARGETS = 4

_WORDS_OF_TEXT = 3
"""So many words a row, on average, are sentences, of which the words are counted."""

_YEAR = 365.2425 * 24 * 3600
"""Seconds of a year: dates are seconds since 1970."""


def draw_data(described: DataDescription, *, name: str) -> str:
    """Draw the training rows as the source has them: what is drawn follows from what they are.

    Args:
        described: the data.
        name: of the data set, for the title.

    Returns:
        A whole SVG document: a grid of the first pictures; points of one number and its target, or of two numbers
        and their class; else histograms.
    """
    train = described.rows["train"]
    x, target = described.features("train"), only(described.source.targets)
    for array, rows in x.items():
        shape = picture_shape(rows.shape[1:], described.source.raw.picture_shape)
        if shape is not None:
            shown = rows[:PICTURES].reshape(-1, *shape)
            captions = [Caption([label]) for label in labels_of(target, train[: len(shown)])]
            of = f" `{array}`" if array else ""
            title = f"{name}{of}: the first {len(shown)} of {counted(len(train), 'training row')}"
            return picture_grid(shown, captions, title=title)
    if len(x) == 1 and target.y is not None and (drawn := _points(described, only(x), target, name)) is not None:
        return drawn
    return _histograms(described, x, name)


def labels_of(target: Target, positions: np.ndarray) -> list[str]:
    """Write what is to be learned of some rows."""
    if target.y is None:
        return [""] * len(positions)
    y = target.y[positions]
    if target.task == "multilabel":
        names = np.array(target.class_names, dtype=object)
        return [", ".join(names[row > 0.5]) or "none" for row in y]
    if target.has_classes:
        return [target.class_names[int(number)] for number in y.reshape(-1)]
    return [", ".join(f"{value:.4g}" for value in row) for row in y.reshape(len(y), -1)[:, :3]]


def _points(described: DataDescription, x: np.ndarray, target: Target, name: str) -> str | None:
    """Draw one number against its target, or two by their class; `None` for other rows."""
    names, train = [column.name for column in described.columns], described.rows["train"][:MOST_POINTS]
    x = x[:MOST_POINTS]
    assert target.y is not None
    y = target.y[train]
    title = f"{name}: {counted(len(x), 'training row')}"
    if len(x) < len(described.rows["train"]):
        title = f"{name}: the first {len(x):,} of {counted(len(described.rows['train']), 'training row')}"
    if x.ndim == 2 and x.shape[1] == 1 and target.task == "regression" and y.size == len(x):
        return points_plot([Points("", x[:, 0], y.reshape(-1))], title=title, x_label=names[0], y_label=names[1])
    if x.ndim == 2 and x.shape[1] == 2 and target.has_classes:
        groups = [
            Points(label, x[y.reshape(-1) == number, 0], x[y.reshape(-1) == number, 1])
            for number, label in enumerate(target.class_names)
        ]
        return points_plot(groups, title=title, x_label=names[0], y_label=names[1])
    return None


def _histograms(described: DataDescription, x: dict[str, np.ndarray], name: str) -> str:
    """Draw a histogram of each column; the targets come last, and are never left out."""
    train = described.rows["train"]
    names = iter(each.name for each in described.columns if each.role == "feature" and each.kind != LEFT_OUT)
    panels = []
    for array, rows in x.items():
        if described.source.raw.kinds:
            is_date = described.source.raw.kinds[array].name == "date"
            panels.append((f"{array}: year", rows / _YEAR + 1970) if is_date else (array, rows))
        elif rows.ndim == 2:
            panels += [(next(names), rows[:, i]) for i in range(rows.shape[1])]
        else:
            panels.append((next(names), rows.reshape(-1)))
    targets = [panel for output in described.source.targets for panel in _target_panels(described, output)]
    room = max(1, PANELS - len(targets))
    drawn = [_panel(title, values) for title, values in panels[:room]]
    rest = len(panels) - len(drawn)
    note = f"{counted(rest, 'more column')} not drawn" if rest else ""
    return bars_plot([*drawn, *targets], title=f"{name}: {counted(len(train), 'training row')}", note=note)


def _panel(title: str, values: np.ndarray) -> Bars:
    """Count numbers, the most frequent values of text, or the words of sentences."""
    if values.dtype != object:
        return histogram(title, values[~np.isnan(values)])
    there = [str(value) for value in values if value is not None]
    counts = Counter(there)
    words = np.array([len(text.split()) for text in there])
    if words.size and words.mean() >= _WORDS_OF_TEXT:
        return histogram(f"{title}: words", words)
    most = dict(counts.most_common(BINS))
    return Bars(title, list(most.values()), names=[cut(name, longest=12) for name in most])


def _target_panels(described: DataDescription, output: str) -> list[Bars]:
    target, names = described.source.targets[output], described.source.raw.target_names.get(output, ())
    train = described.rows["train"]
    if target.y is None:
        return []
    if target.class_names:
        counts = target.class_counts(train)
        return [Bars(names[0] if target.has_classes else "labels", list(counts.values()), names=list(counts))]
    flat = target.y[train].reshape(len(train), -1)
    titles = names if len(names) == flat.shape[1] else [f"{names[0]}[{i}]" for i in range(flat.shape[1])]
    return [histogram(title, flat[:, i]) for i, title in enumerate(titles[:TARGETS])]
