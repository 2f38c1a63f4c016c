"""A trial: one training of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from nnlab.config.data import MAX_SEED

Tried = TypeVar("Tried")

APART = 1_000_000
"""How far the seeds that choose something are from those of what is reported."""


@dataclass(frozen=True, slots=True)
class Trial(Generic[Tried]):
    """One training of a study; what is tried has several, one a seed, and is judged by their mean.

    Args:
        name: of its run directory.
        of: what is tried.
        seed: of the training.
        is_final: whether it is reported, and chooses nothing: only then test rows are looked at.
    """

    name: str
    of: Tried
    seed: int
    is_final: bool = False


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return so many seeds, one after the other; behind the largest comes 0."""
    return tuple((first + i) % (MAX_SEED + 1) for i in range(count))
