"""Predictions drawn: pictures with what is said of them, points by class, or predicted against true values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nnlab.config.by_name import only
from nnlab.data.description import picture_shape
from nnlab.data.splits import ByName, DataSpec
from nnlab.data.target_spec import TargetSpec
from nnlab.report.pictures import MOST, Caption, picture_grid
from nnlab.report.points import MOST_POINTS, Points, points_plot
from nnlab.wording import counted, joined


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What one output says of rows.

    Args:
        target: what it predicts.
        columns: as `nnlab.predict.predict` names them, without the name of the output.
        y: true values, as a model is trained on them; `None` if they are not known.
    """

    target: TargetSpec
    columns: Mapping[str, np.ndarray]
    y: np.ndarray | None

    @property
    def p(self) -> np.ndarray:
        """The probability of each class or label, `[rows, classes]`."""
        return np.stack([self.columns[f"p({name})"] for name in self.target.class_names], axis=1)

    @property
    def numbers(self) -> np.ndarray:
        """What is predicted of numbers, `[rows, targets]`."""
        return np.stack(list(self.columns.values())[: self.target.num_outputs], axis=1)

    @property
    def said(self) -> list[str]:
        """What is predicted of each row, in words."""
        return self._words(self.p.argmax(axis=1) if self._has_classes else self.p if self._has_labels else self.numbers)

    @property
    def true(self) -> list[str] | None:
        """What is true of each row, in words."""
        return None if self.y is None else self._words(self.y.reshape(-1) if self._has_classes else self.y)

    @property
    def wrong(self) -> np.ndarray | None:
        """Which rows have another class or other labels than is said, `[rows]`; `None` for numbers."""
        if self.true is None or not self.target.num_classes:
            return None
        return np.array([said != true for said, true in zip(self.said, self.true, strict=True)])

    @property
    def _has_classes(self) -> bool:
        return self.target.task in ("binary", "multiclass")

    @property
    def _has_labels(self) -> bool:
        return self.target.task == "multilabel"

    def _words(self, values: np.ndarray) -> list[str]:
        names = np.array(self.target.class_names, dtype=object)
        if self._has_classes:
            return [str(names[int(number)]) for number in values]
        if self._has_labels:
            return [joined([*names[row > 0.5]]) if (row > 0.5).any() else "none" for row in values]
        return [", ".join(f"{value:.4g}" for value in row[:2]) for row in values.reshape(len(values), -1)]


def draw_predictions(spec: DataSpec, x: ByName, predicted: Predicted) -> str:
    """Draw what is predicted of rows.

    Args:
        spec: what the run's model knows about its data.
        x: the rows as the source has them, `[rows, *input_shape]` by array; scaled where they are to be given back.
        predicted: what is said of them.

    Returns:
        A whole SVG document: pictures; points of two numbers by the class that is predicted; predicted against true
        numbers; else the probability of what is predicted, row by row.
    """
    target, rows = predicted.target, len(only(x))
    for array in x.values():
        shape = picture_shape(array.shape[1:], spec.picture_shape)
        if shape is not None and spec.window is None:
            return _pictures(array[:MOST].reshape(-1, *shape), predicted)
    shown = slice(0, MOST_POINTS)
    title = f"{counted(rows, 'row')}{f', the first {MOST_POINTS:,}' if rows > MOST_POINTS else ''}"
    if not target.num_classes:
        return _numbers(predicted, shown, title)
    array = only(x)
    wrong = None if predicted.wrong is None else predicted.wrong[shown]
    if predicted.wrong is not None:
        title = f"{title}: {int(predicted.wrong.sum()):,} wrong"
    said = np.array(predicted.said[shown], dtype=object)
    if len(x) == 1 and array.shape[1:] == (2,) and target.task != "multilabel":
        places, names = array[shown].astype(np.float64), spec.feature_names or ("x[0]", "x[1]")
    else:
        chances = np.abs(predicted.p[shown] - 0.5) + 0.5 if target.task == "multilabel" else predicted.p[shown]
        sure = chances.min(axis=1) if target.task == "multilabel" else chances.max(axis=1)
        places = np.stack([np.arange(len(said)), sure], axis=1)
        names = ("row", "probability of what is predicted")
    groups = [
        Points(name, places[said == name, 0], places[said == name, 1], None if wrong is None else wrong[said == name])
        for name in (target.class_names if target.task != "multilabel" else dict.fromkeys(said))
    ]
    return points_plot(groups, title=f"predicted, {title}", x_label=names[0], y_label=names[1])


def _numbers(predicted: Predicted, shown: slice, title: str) -> str:
    """Draw predicted against true numbers, or against the row where nothing is known to be true."""
    numbers, target = predicted.numbers[shown], predicted.target
    names = target.names if len(target.names) == numbers.shape[1] else [f"y{i}" for i in range(numbers.shape[1])]
    names, label = list(names)[:10], names[0] if len(names) == 1 else "value"
    if predicted.y is None:
        x, about = [np.arange(len(numbers))] * len(names), ("row", f"predicted {label}")
    else:
        y = predicted.y[shown].reshape(len(numbers), -1)
        x, about = [y[:, i] for i in range(len(names))], (f"true {label}", f"predicted {label}")
    groups = [Points(name, x[i], numbers[:, i]) for i, name in enumerate(names)]
    return points_plot(groups, title=title, x_label=about[0], y_label=about[1], diagonal=predicted.y is not None)


def _pictures(pictures: np.ndarray, predicted: Predicted) -> str:
    """Draw pictures with what is said of them; what gives pictures back stands below what came in."""
    count = len(pictures)
    if predicted.target.predicts_inputs:
        low, high = float(pictures.min()), float(pictures.max())
        given_back = np.clip(predicted.numbers[:count].reshape(pictures.shape), low, high)
        between = np.full_like(pictures[:, :1], high)
        both = np.concatenate([pictures, between, given_back], axis=1)
        return picture_grid(both, [Caption([])] * count, title="what came in, above what was given back")
    said, true = predicted.said[:count], predicted.true
    wrong = np.zeros(count, bool) if predicted.wrong is None else predicted.wrong[:count]
    if predicted.target.task in ("binary", "multiclass"):
        said = [f"{name} {p:.0%}" for name, p in zip(said, predicted.p.max(axis=1), strict=False)]
    captions = [
        Caption([said[i], *([f"true: {true[i]}"] if true is not None else [])], bool(wrong[i])) for i in range(count)
    ]
    title = counted(count, "prediction")
    if predicted.wrong is not None:
        title += f", {int(wrong.sum())} wrong"
    return picture_grid(pictures, captions, title=title)
