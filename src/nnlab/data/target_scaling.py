"""How the numbers of a target are scaled before they are learned, and how predictions get their own units back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from nnlab.config.data import LOG, TargetScale
from nnlab.data.scaling import fit_scaling
from nnlab.wording import listed


@dataclass(frozen=True, slots=True)
class TargetScaling:
    """What is done to each column of a target: `(t - offset) / divisor`, of its values `t` or of `log(1 + t)`.

    Args:
        logs: whether the logarithm is taken.
        offsets: what is subtracted.
        divisors: what is divided by then.
    """

    logs: tuple[bool, ...]
    offsets: tuple[float, ...]
    divisors: tuple[float, ...]

    @classmethod
    def fit(cls, y: np.ndarray, scales: Sequence[TargetScale]) -> Self:
        """Fit it on training rows `[rows, columns]`, one scale a column; what is scaled by `log` is standardized, too.

        Statistics are those of scikit-learn's `StandardScaler` and `MinMaxScaler`.
        """
        fitted = []
        for column, scale in zip(y.T, scales, strict=True):
            if scale == "log":
                fitted.append(fit_scaling(np.log1p(column), "standardize"))
            else:
                fitted.append(fit_scaling(column, scale))
        return cls(
            logs=tuple(scale == LOG for scale in scales),
            offsets=tuple(0.0 if scaling is None else float(scaling.offset) for scaling in fitted),
            divisors=tuple(1.0 if scaling is None else float(scaling.divisor) for scaling in fitted),
        )

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `dataclasses.asdict` made of one, also after JSON text in between."""
        return cls(**{name: tuple(record[name]) for name in ("logs", "offsets", "divisors")})

    def repeated(self, times: int) -> Self:
        """Return that of as many groups of these columns, one behind the other."""
        return replace(self, logs=self.logs * times, offsets=self.offsets * times, divisors=self.divisors * times)

    def of_first(self, count: int) -> Self:
        """Return that of the first columns."""
        return replace(self, logs=self.logs[:count], offsets=self.offsets[:count], divisors=self.divisors[:count])

    def note(self, names: Sequence[str]) -> str:
        """Say what is scaled, and what is not; `names` are those of the columns."""
        columns = zip(names, self.logs, self.offsets, self.divisors, strict=False)
        scaled = [name for name, log, offset, divisor in columns if log or (offset, divisor) != (0.0, 1.0)]
        return (
            f"learned scaled: {listed(scaled)}; losses are those of scaled values, metrics and predictions have the "
            "units of the data"
        )

    def first_below_0(self, y: np.ndarray) -> tuple[int, int] | None:
        """Return the first row, and the column, of a value `[rows, columns]` that is below 0 and has no logarithm."""
        found = np.argwhere((y < 0) & np.array(self.logs))
        return (int(found[0, 0]), int(found[0, 1])) if len(found) else None

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Return targets `[rows, columns]` as they are learned, computed in float64, as float32."""
        y = y.astype(np.float64)
        taken = np.where(self.logs, np.log1p(np.where(self.logs, y, 0.0)), y)
        return np.asarray((taken - np.array(self.offsets)) / np.array(self.divisors), np.float32)

    def undo(self, values: np.ndarray) -> np.ndarray:
        """Return predictions `[..., columns]` in the target's own units, float64."""
        taken = values.astype(np.float64) * np.array(self.divisors) + np.array(self.offsets)
        with np.errstate(over="ignore"):
            return np.asarray(np.where(self.logs, np.expm1(np.where(self.logs, taken, 0.0)), taken))
