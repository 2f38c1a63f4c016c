"""The rows of a source that take part, encoded: what they are split, scaled and known again from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from nnlab.config.by_name import only, shared
from nnlab.config.data import DataConfig, FoldConfig
from nnlab.data.fingerprint import hash_classes, hash_rows, mix_all
from nnlab.data.folds import Fold
from nnlab.data.record import ROW
from nnlab.data.registry import RawData
from nnlab.data.splits import DEFAULT_SHARE, FEWEST_TO_SPLIT, ByName, DataSpec, Split, choose_rows, row_count, rows_at
from nnlab.data.targets import Target
from nnlab.wording import counted


@dataclass(frozen=True, slots=True, eq=False)
class SourceRows:
    """Rows that take part, neither split nor scaled; those of the source's own test set are behind the others.

    Args:
        raw: the features of these rows, and what the source says of them.
        targets: encoded, by output; one that all share is `UNNAMED`.
        numbers: of the rows in the source, and in its own test set.
    """

    raw: RawData
    targets: Mapping[str, Target]
    numbers: np.ndarray

    @classmethod
    def of(cls, raw: RawData, targets: Mapping[str, Target]) -> SourceRows:
        """Leave out the rows of classes that take no part.

        Args:
            raw: all that the source holds.
            targets: encoded, of the rows that take part; several have no `classes` to choose rows by.
        """
        main = row_count(raw.x)
        test = 0 if raw.x_test is None else row_count(raw.x_test)
        kept = only(targets).kept
        numbers = np.arange(main) if raw.rows is None else raw.rows
        if kept is None:
            return cls(raw, targets, np.concatenate([numbers, np.arange(test)]))
        x_test = None if raw.x_test is None else rows_at(raw.x_test, kept[main:])
        numbers = np.concatenate([numbers[kept[:main]], np.flatnonzero(kept[main:])])
        return cls(replace(raw, x=rows_at(raw.x, kept[:main]), x_test=x_test), targets, numbers)

    @property
    def num_main(self) -> int:
        """How many rows there are without the own test set."""
        return row_count(self.raw.x)

    def split(self, config: DataConfig, *, seed: int) -> dict[str, np.ndarray]:
        """Choose the rows of each split, which are given by their positions here.

        Raises:
            DataError: a split would take every row, or the limit is above the rows left.
        """
        own_test = self.raw.x_test is not None
        test = self._default_share if config.test is None else config.test
        rows = choose_rows(
            self.num_main,
            validation=self.validation(config, seed=seed),
            test=0 if own_test else test,
            limit=config.limit,
            last_rows=self.raw.image,
            seed=seed if config.seed is None else config.seed,
        )
        return {**rows, "test": np.arange(self.num_main, len(self.numbers))} if own_test else rows

    def validation(self, config: DataConfig, *, seed: int) -> int | float | Fold:
        """Return how many rows validate, or which fold; folds of one target have equal shares of its classes."""
        given, target = config.validation, only(self.targets)
        given = self._default_share if given is None else given
        if not isinstance(given, FoldConfig):
            return given
        seeds = (each for each in (given.seed, config.seed, seed) if each is not None)
        classes = target.y if len(self.targets) == 1 and target.has_classes else None
        return Fold(given.fold, given.of, next(seeds), classes, target.class_names)

    @property
    def _default_share(self) -> float:
        return 0 if self.num_main < FEWEST_TO_SPLIT else DEFAULT_SHARE

    def unsplit(self, config: DataConfig) -> str | None:
        """Say which splits have no rows because there are few, and the config does not ask for them."""
        said = {"validation": config.validation, "test": 0 if self.raw.x_test is not None else config.test}
        without = [name for name, share in said.items() if share is None]
        if self.num_main >= FEWEST_TO_SPLIT or not without:
            return None
        keys = " or ".join(f"`{name}`" for name in without)
        return (
            f"{counted(self.num_main, 'row')}, of which none is taken for {' or '.join(without)} unless {keys} says so"
        )

    def features(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Return the source's numbers `[rows, ...]` of some rows, by array."""
        if self.raw.x_test is None or not len(positions) or positions.max() < self.num_main:
            return rows_at(self.raw.x, positions)
        if np.array_equal(positions, np.arange(self.num_main, len(self.numbers))):
            return dict(self.raw.x_test)
        every = {name: np.concatenate([x, self.raw.x_test[name]]) for name, x in self.raw.x.items()}
        return rows_at(every, positions)

    def finished(self, x: ByName, positions: np.ndarray) -> Split:
        """Return rows as a model takes them.

        Args:
            x: their features, scaled; an output may give back an only array.
            positions: of the rows.
        """
        y = {
            output: only(x) if target.y is None else target.finished(target.y[positions])
            for output, target in self.targets.items()
        }
        return Split(x, shared(y))

    def take(self, spec: DataSpec, positions: np.ndarray) -> Split:
        """Return some rows, scaled as those that `spec` describes."""
        return self.finished(spec.scaled(self.features(positions)), positions)

    def hashed(self) -> np.ndarray:
        """Return `[rows]` of `ROW`."""
        rows = np.empty(len(self.numbers), ROW)
        rows["row"] = self.numbers
        parts = [self.raw.x] if self.raw.x_test is None else [self.raw.x, self.raw.x_test]
        rows["features"] = np.concatenate([hash_rows(x.values()) for x in parts])
        answers = [_hash_target(self.targets[output], len(rows)) for output in sorted(self.targets)]
        rows["target"] = mix_all(answers) & np.uint64(0xFFFFFFFF)
        return rows


def _hash_target(target: Target, count: int) -> np.ndarray:
    if target.y is None:  # what comes in comes out
        return np.zeros(count, np.uint64)
    return hash_classes(target.y, target.class_names) if target.has_classes else hash_rows([target.y])
