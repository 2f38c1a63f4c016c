"""Whole numbers that are no longer told apart once they are floats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnlab.data.classes import LARGEST_EXACT, is_whole
from nnlab.wording import listed, named

_LARGEST_IN_FLOAT32 = 2**24


def may_be_lost(values: np.ndarray) -> bool:
    """Whether any of `[rows]` that is not missing is beyond the whole numbers that float32 holds."""
    return bool(max(np.fmax.reduce(values), -np.fmin.reduce(values)) > _LARGEST_IN_FLOAT32)


def lost_in_float32(
    x: np.ndarray, rows: np.ndarray, seen: np.ndarray, names: Sequence[str], hint: str
) -> Iterator[str]:
    """Yield a sentence when whole numbers beyond 2^24 that differ are equal as the network sees them.

    Args:
        x: numbers as the source has them, `[rows of the source, ...]`.
        rows: the numbers of the training rows.
        seen: the training rows as the network sees them, float32, scaled, `[training rows, ...]`.
        names: names of the columns, in which `x` then has its numbers; else one name for all of them.
        hint: what to do about it.
    """
    if np.can_cast(x.dtype, np.float32):
        return
    x, seen = x.reshape(len(x), -1), seen.reshape(len(seen), -1)
    largest = np.maximum(x.max(axis=0).astype(np.float64), -x.min(axis=0).astype(np.float64))
    lost = []
    for column in np.flatnonzero(largest > _LARGEST_IN_FLOAT32).tolist():
        values = x[rows, column]
        if not is_whole(values):
            continue
        different, left = len(np.unique(values)), len(np.unique(seen[:, column]))
        if left < different:
            name = names[column] if len(names) == x.shape[1] else f"{names[0]}[{column}]"
            lost.append(f"{named(name)} ({different:,} different values become {left:,})")
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        yield f"float32 holds whole numbers up to 2^24 only: {', '.join(lost[:3])}{more}; {hint}"


def lost_in_float64(columns: dict[str, np.ndarray]) -> Iterator[str]:
    """Yield a sentence when integers beyond 2^53 that differ are equal as float64; `columns` are integers by name."""
    lost = [
        name
        for name, column in columns.items()
        if max(int(column.max()), -int(column.min())) > LARGEST_EXACT
        and len(np.unique(column.astype(np.float64))) < len(np.unique(column))
    ]
    if lost:
        yield f"whole numbers beyond 2^53 lose their last digits in {listed(lost)}; leave ids out with `ignore`"
