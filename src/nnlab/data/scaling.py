"""How numbers are scaled: fitted on training rows, and applied to all others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np

_CHUNK_ROWS = 4096
_ROUNDINGS = 4
"""So many roundings of its largest value a column may span and still be constant."""
_SMALLEST_FLOAT32 = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What is subtracted from a row and what it is then divided by.

    Args:
        offset: float64, broadcasts to a row.
        divisor: float64, broadcasts to a row.
    """

    offset: np.ndarray
    divisor: np.ndarray

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return `(x - offset) / divisor` as float32, computed in float64; `x` is `[rows, ...]`."""
        scaled = np.empty(x.shape, np.float32)
        for start in range(0, len(x), _CHUNK_ROWS):
            rows = slice(start, start + _CHUNK_ROWS)
            scaled[rows] = (x[rows] - self.offset) / self.divisor
        return scaled


def fit_scaling(x: np.ndarray, scale: float | Literal["standardize", "minmax"] | None) -> Scaling | None:
    """Fit the scaling on training rows `[rows, ...]`: by column for tables, by pixel for images.

    Constant columns (see `is_constant`) are moved to 0 and not divided. Statistics are float64; the deviation is that
    of scikit-learn's `StandardScaler` (divided by the number of rows).
    """
    if scale is None:
        return None
    if not isinstance(scale, str):
        return Scaling(np.asarray(0.0), np.asarray(float(scale)))
    lowest, highest = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    constant = is_constant(lowest, highest, x.dtype)
    if scale == "minmax":
        return Scaling(lowest, np.where(constant, 1.0, highest - lowest))
    mean = np.where(constant, lowest, x.mean(axis=0, dtype=np.float64))
    return Scaling(mean, np.where(constant, 1.0, _deviation(x, mean)))


def fit_scaling_in_parts(
    parts: Iterable[np.ndarray], scale: float | Literal["standardize", "minmax"] | None
) -> Scaling | None:
    """Fit what `fit_scaling` does on rows that come in parts `[rows, ...]`, of several parts but for rounding.

    References:
        - [Chan, Golub & LeVeque, 1979](http://i.stanford.edu/pub/cstr/reports/cs/tr/79/773/CS-TR-79-773.pdf), of sums
          of squares that are put together.
    """
    if not isinstance(scale, str):
        return fit_scaling(np.empty(0), scale)
    parts = iter(parts)
    first, second = next(parts), next(parts, None)
    if second is None:
        return fit_scaling(first, scale)
    count, mean, squares = 0, np.asarray(0.0), np.asarray(0.0)
    lowest, highest, dtype = np.asarray(np.inf), np.asarray(-np.inf), first.dtype
    for part in chain((first, second), parts):
        lowest, highest = np.minimum(lowest, part.min(axis=0)), np.maximum(highest, part.max(axis=0))
        own = part.mean(axis=0, dtype=np.float64)
        apart, total = own - mean, count + len(part)
        squares = squares + _squares(part, own) + np.square(apart) * (count * len(part) / total)
        mean, count = mean + apart * (len(part) / total), total
    constant = is_constant(lowest, highest, dtype)
    if scale == "minmax":
        return Scaling(lowest, np.where(constant, 1.0, highest - lowest))
    deviation = np.sqrt(np.maximum(squares / count, _SMALLEST_FLOAT32))
    return Scaling(np.where(constant, lowest, mean), np.where(constant, 1.0, deviation))


def is_constant(lowest: np.ndarray, highest: np.ndarray, dtype: Any) -> np.ndarray:
    """Tell which columns hold one value, but for how numbers of their type are rounded.

    Dividing by the deviation of such a column would make noise of its rounding, and millions of its next change by 1.

    Args:
        lowest: least value of each column.
        highest: largest value of each column.
        dtype: the type in which the values are kept.
    """
    rounding = np.finfo(dtype).eps if np.dtype(dtype).kind == "f" else 0.0
    largest = np.maximum(np.abs(lowest), np.abs(highest))
    return np.asarray(highest - lowest <= _ROUNDINGS * rounding * largest)


def scaled(x: np.ndarray, scaling: Scaling | None) -> np.ndarray:
    """Return rows `[rows, ...]` as float32, scaled if there is a scaling; no copy where there is nothing to do."""
    return x.astype(np.float32, copy=False) if scaling is None else scaling.apply(x)


def _deviation(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the standard deviation, without a float64 copy of all rows."""
    return np.sqrt(np.maximum(_squares(x, mean) / len(x), _SMALLEST_FLOAT32))


def _squares(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    squares = np.zeros(x.shape[1:])
    for start in range(0, len(x), _CHUNK_ROWS):
        squares += np.square(x[start : start + _CHUNK_ROWS] - mean).sum(axis=0)
    return squares
