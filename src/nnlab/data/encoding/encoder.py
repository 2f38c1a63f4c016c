"""What makes numbers of a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from nnlab.config.components import Component
from nnlab.config.data import Scale
from nnlab.data.table import Fault, Table


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a column is fitted with.

    Args:
        name: of the column.
        kind: with the parameters that the config gives.
        scale: that of the section, for numbers without one of their own.
    """

    name: str
    kind: Component
    scale: Scale


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a column holds that is an input of its own: whole numbers that an embedding turns into vectors.

    Args:
        names: what each number stands for, from 0 on.
        dimension: of a vector.
        length: numbers of a row in order, of which 0 stands behind the last one; `None` for a single number.
        how: by which rules that is read of what the source has.
    """

    names: tuple[str, ...]
    dimension: int
    length: int | None = None
    how: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The numbers are 0 to `size` - 1."""
        return len(self.names)

    def means_what(self, other: Lookup | None) -> bool:
        """Whether the same numbers stand for the same in both."""
        return other is not None and (self.names, self.how) == (other.names, other.how)

    @property
    def settled(self) -> dict[str, int]:
        """Parameters of the kind as they were decided."""
        return {"dimension": self.dimension} | ({} if self.length is None else {"length": self.length})


class Encoder(Protocol):
    """A kind of column, fitted on training rows; a dataclass of plain values, which a run keeps."""

    @classmethod
    def read(cls, table: Table, position: int, kind: Component) -> np.ndarray | Fault:
        """Return a column as `fit` and `encode` take it, or what is wrong with it.

        Returns:
            float64 `[rows]` with NaN where a value is missing, or text, an array of objects `[rows]` with `None` there.
        """

    @classmethod
    def fit(cls, values: np.ndarray, fitting: Fitting) -> Self:
        """Fit it on training rows.

        Raises:
            DataError: nothing can be learned from them.
        """

    @property
    def lookup(self) -> Lookup | None:
        """What it makes of a column that is an input of its own; `None` for one that becomes numbers among others."""

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return float32 `[rows, width]`, or int32 `[rows, length]` of an input of its own."""

    def names(self, column: str) -> tuple[str, ...]:
        """Name the columns that it makes of one, none of an input of its own."""

    def notes(self, column: str) -> Iterator[str]:
        """Yield what had better be known of it."""


def plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's, also in lists."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def shares(values: np.ndarray) -> tuple[np.ndarray, Mapping[str, int]]:
    """Return the number of each row's text, -1 for missing ones `[rows]`, and the texts by number, first seen first."""
    import pandas as pd

    codes, texts = pd.factorize(values)
    return np.asarray(codes), {str(text): number for number, text in enumerate(texts)}
