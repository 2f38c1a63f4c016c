"""A trial: one training of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from nnlab.config.data import MAX_SEED, FoldConfig

Tried = TypeVar("Tried")

APART = 1_000_000
"""How far the seeds that choose something are from those of what is reported."""


class Draw(NamedTuple):
    """What chance decides of a training: its seed, and in a cross-validation the rows that validate."""

    seed: int
    fold: FoldConfig | None = None

    @property
    def words(self) -> str:
        """Its part of a training's name."""
        return f"seed{self.seed}" + ("" if self.fold is None else f"_fold{self.fold.fold}")

    @property
    def key(self) -> int | str:
        """What pairs the trainings of different settings."""
        return self.seed if self.fold is None else self.words


@dataclass(frozen=True, slots=True)
class Trial(Generic[Tried]):
    """One training of a study; what is tried has several, one a seed, and is judged by their mean.

    Args:
        name: of its run directory.
        of: what is tried.
        draw: what chance decides of it.
        is_final: whether it is reported, and chooses nothing: only then test rows are looked at.
    """

    name: str
    of: Tried
    draw: Draw
    is_final: bool = False


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return so many seeds, one after the other; behind the largest comes 0."""
    return tuple((first + i) % (MAX_SEED + 1) for i in range(count))


def every_fold(seeds: Sequence[int], folds: int | None, first: int) -> tuple[Draw, ...]:
    """Return a training for each seed; with folds, one for each of them, which are dealt anew for each seed.

    Args:
        seeds: of the trainings.
        folds: how many there are; `None` for the config's own validation rows.
        first: the seed that deals the first ones.
    """
    if folds is None:
        return tuple(map(Draw, seeds))
    deals = seeds_from(first, len(seeds))
    return tuple(
        Draw(seed, FoldConfig(fold=number, of=folds, seed=deal))
        for seed, deal in zip(seeds, deals, strict=True)
        for number in range(1, folds + 1)
    )


def a_fold_each(seeds: Sequence[int], folds: int | None, first: int) -> tuple[Draw, ...]:
    """Return a training for each seed; with folds, each of another one, which are dealt anew when all were used."""
    if folds is None:
        return tuple(map(Draw, seeds))
    deals = seeds_from(first, len(seeds))
    return tuple(
        Draw(seed, FoldConfig(fold=i % folds + 1, of=folds, seed=deals[i // folds])) for i, seed in enumerate(seeds)
    )
