"""What is predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

from nnlab.config.data import TaskName
from nnlab.data.target_scaling import TargetScaling

Task = Literal["binary", "multiclass", "multilabel", "regression"]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """What is predicted, by all outputs of a model or by one of them.

    Args:
        task: decides the output layer, the loss and the metrics.
        shape: shape of one row of what the output gives: `(classes,)` (multiclass), `(1,)` (binary), `(labels,)` or
            `(targets,)`; that of the inputs where these shall come out again.
        class_names: labels as the source writes them, in the order of their numbers; `()` for regression.
        names: names of what is predicted.
        inferred_task: whether the task came from the target rather than from the config.
        predicts_inputs: whether what comes in shall come out (an autoencoder).
        scaling: what is done to the numbers before a model learns them; `None` for numbers as they are.
        columns: what is predicted of each of several rows, whose names say which row; `()` for a single row.
    """

    task: Task
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    inferred_task: bool
    predicts_inputs: bool = False
    scaling: TargetScaling | None = None
    columns: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` made of one, also after JSON text in between."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in record.items()}
        if values.get("scaling") is not None:
            values["scaling"] = TargetScaling.from_json(values["scaling"])
        return cls(**values)

    @property
    def note(self) -> str | None:
        """Say that the target is learned scaled, if it is."""
        return None if self.scaling is None else self.scaling.note(self.names)

    def as_learned(self, y: np.ndarray) -> np.ndarray:
        """Return targets as a model learns them: scaled, if they are to be."""
        return y if self.scaling is None else self.scaling.apply(y)

    def in_own_units(self, values: np.ndarray) -> np.ndarray:
        """Return what a model gives, or learns, `[..., columns]`, in the units of the data."""
        return values if self.scaling is None else self.scaling.undo(values)

    @property
    def of_row(self) -> TargetSpec:
        """What is predicted of a single row."""
        if not self.columns:
            return self
        scaling = None if self.scaling is None else self.scaling.of_first(len(self.columns))
        return replace(self, shape=(len(self.columns),), names=self.columns, columns=(), scaling=scaling)

    @property
    def task_setting(self) -> TaskName:
        """What a config's `task` says to have this one, whatever the values look like."""
        return "classification" if self.task in ("binary", "multiclass") else self.task  # type: ignore[return-value]

    @property
    def num_outputs(self) -> int:
        """Units of the output layer."""
        return math.prod(self.shape)

    @property
    def num_classes(self) -> int | None:
        """2 for binary, the number of labels for multilabel, `None` for regression."""
        return None if self.task == "regression" else 2 if self.task == "binary" else self.num_outputs
