"""Values as classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from nnlab.config.components import Component
from nnlab.data.encoding.encoder import Fitting, Lookup, shares
from nnlab.data.table import Fault, Table, texts
from nnlab.errors import DataError, Problem
from nnlab.wording import counted, named

_UNKNOWN = 0

_MOST_VALUES = {"embedding": 10_000}
"""How many values have places, by the encoding, where the config does not say."""

_MOST_COLUMNS = 100
"""The same of other encodings."""


@dataclass(frozen=True, slots=True)
class Category:
    """Places: unknown values have the first, missing ones the next if training rows miss some, then each value its own.

    Values stand by falling count in the training rows, those of one count in reverse alphabetical order: as
    `keras.utils.FeatureSpace` has them, with one place for unknown ones.

    Args:
        values: those that have a place.
        has_missing: whether missing ones have.
        is_one_hot: whether each place has a column.
        rare: how many values of the training rows have no place.
        dimension: of the vector that stands for a place, where the column is an input of its own.
    """

    values: tuple[str, ...]
    has_missing: bool
    is_one_hot: bool
    rare: int = 0
    dimension: int | None = None

    @classmethod
    def read(cls, table: Table, position: int, kind: Component) -> np.ndarray | Fault:  # noqa: ARG003
        """See `Encoder`."""
        return texts(table, position)

    @classmethod
    def fit(cls, values: np.ndarray, fitting: Fitting) -> Self:
        """See `Encoder`."""
        kind, name = fitting.kind, fitting.name
        codes, found = shares(values)
        counts = np.bincount(codes[codes >= 0], minlength=len(found)).tolist()
        if not found:
            message = f"column `{name}` has no value in any training row"
            raise DataError(Problem(message, f"leave it out: `ignore: [{name}]`", path=("data", "features")))
        if len(found) > 1 and max(counts) == 1:
            message = f"column `{name}` is a category, and no two training rows have the same value"
            hint = f"leave it out: `ignore: [{name}]`"
            raise DataError(Problem(message, hint, path=("data", "features")))
        ranked = sorted(zip(found, counts, strict=True), key=lambda each: (each[1], each[0]), reverse=True)
        encoding, has_missing = kind.get("encoding"), bool((codes < 0).any())
        most = kind.get("max_values") or _MOST_VALUES.get(encoding, _MOST_COLUMNS)
        kept = [text for text, count in ranked if count >= kind.get("min_count")][:most]
        dimension = None
        if encoding == "embedding":
            dimension = kind.get("dimension") or usual_dimension(1 + has_missing + len(kept))
        return cls(tuple(kept), has_missing, encoding == "one_hot", len(found) - len(kept), dimension)

    @property
    def places(self) -> int:
        """How many there are."""
        return 1 + self.has_missing + len(self.values)

    @property
    def lookup(self) -> Lookup | None:
        """See `Encoder`."""
        return None if self.dimension is None else Lookup(self._places, self.dimension)

    @property
    def _places(self) -> tuple[str, ...]:
        return ("(unknown)", *(["(missing)"] if self.has_missing else []), *self.values)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """See `Encoder`; a missing value is unknown where missing ones have no place."""
        codes, found = shares(values)
        first = 1 + self.has_missing
        place = {text: number for number, text in enumerate(self.values, first)}
        of_code = np.array([*(place.get(text, _UNKNOWN) for text in found), int(self.has_missing)], np.int64)
        places = of_code[codes]  # -1, a missing one, takes the last
        if not self.is_one_hot:
            return np.asarray(places[:, None], np.float32 if self.dimension is None else np.int32)
        rows = np.zeros((len(values), self.places), np.float32)
        rows[np.arange(len(values)), places] = 1
        return rows

    def names(self, column: str) -> tuple[str, ...]:
        """See `Encoder`."""
        if not self.is_one_hot:
            return (column,) if self.dimension is None else ()
        return tuple(f"{column}={place}" for place in self._places)

    def notes(self, column: str) -> Iterator[str]:
        """See `Encoder`."""
        if self.dimension is not None:
            vector = counted(self.dimension, "number")
            yield f"{named(column)} is embedded: {vector} for each of {counted(self.places, 'place')} (`dimension`)"
        if self.rare:
            yield (
                f"{counted(len(self.values), 'value')} of {named(column)} have places of their own, and {self.rare:,} "
                f"rarer ones are unknown: `max_values` and `min_count` of `category` decide it"
            )
        if self.has_missing:
            yield f"missing values of {named(column)} have a place of their own"


def usual_dimension(places: int) -> int:
    """Return the dimension of an embedding that is usual for so many places: fastai's rule of thumb, 1.6 n^0.56.

    References:
        - [fastai, `emb_sz_rule`](https://docs.fast.ai/tabular.model.html)
    """
    return min(600, round(1.6 * math.pow(places, 0.56)))
