"""What results are judged by: a column of the history, and which of its values are the better ones.

The direction is the metric object's own (`Entry.direction` of the catalog), found by `model/plan.py:history_columns`
and kept in `run.json` and `results.json`; a name says nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.catalog import Direction
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.stats import ANY_NUMBER, Scale
from nnlab.wording import one_of


@dataclass(frozen=True, slots=True)
class Objective:
    """A column of the history that decides, and whether its small or its large values are the better ones.

    Args:
        column: as the history has it, such as `val_accuracy`.
        direction: `min` if less is better, `max` if more is.
        scale: what numbers its values can be, for intervals and tests.
    """

    column: str
    direction: Direction
    scale: Scale = ANY_NUMBER

    @property
    def metric(self) -> str:
        """The column without `val_`: its name among the metrics of a split."""
        return self.column.removeprefix("val_")

    @property
    def sign(self) -> int:
        """What makes the higher value the better one: 1 if more is better, -1 if less is."""
        return 1 if self.direction == "max" else -1

    @property
    def worst(self) -> float:
        """A value that every other one is better than."""
        return -self.sign * math.inf

    def is_better(self, value: float, than: float) -> bool:
        """Whether one value is better than another."""
        return self.sign * value > self.sign * than

    def as_json(self) -> dict[str, Any]:
        """Return what `run.json` says of it."""
        return {"metric": self.column, "direction": self.direction}


def directions(columns: Mapping[str, Direction | None], *, has_validation: bool) -> dict[str, Direction | None]:
    """Return the direction of every column of a history, those of validation rows with them.

    Args:
        columns: of training rows, as `history_columns` gives them; `None` for what may be better either way.
        has_validation: whether there are validation rows.
    """
    return {**columns, **({f"val_{name}": direction for name, direction in columns.items()} if has_validation else {})}


def choose_objective(
    metric: str, columns: Mapping[str, Direction | None], scale: Scale = ANY_NUMBER, *, path: ConfigPath = ()
) -> Objective:
    """Return a metric as what decides, on validation rows.

    Args:
        metric: one of the columns.
        columns: of training rows, with their directions.
        scale: what numbers its values can be.
        path: where the config names the metric.

    Raises:
        ConfigError: nobody says which of its values are better.
    """
    direction = columns[metric]
    if direction is None:
        others = [f"val_{name}" for name, better in columns.items() if better is not None]
        message = f"`val_{metric}` may be better when it is larger or when it is smaller"
        raise ConfigError(Problem(message, f"judge by {one_of(others)}", path))
    return Objective(f"val_{metric}", direction, scale)
