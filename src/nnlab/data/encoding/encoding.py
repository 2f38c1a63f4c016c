"""All columns of a table as one array of numbers, and as arrays of those that are inputs of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.components import Component, OneOf
from nnlab.config.data import Scale
from nnlab.data.column_kinds import COLUMN_KINDS
from nnlab.data.encoding.encoder import Encoder, Fitting, Lookup, plain
from nnlab.data.table import Fault, Table
from nnlab.errors import DataError, Problem


@dataclass(frozen=True, slots=True, eq=False)
class EncodedColumn:
    """A column, and what makes numbers of it.

    Args:
        kind: with the parameters by which it is read again.
        encoder: fitted on training rows.
    """

    kind: Component
    encoder: Encoder

    @property
    def settled(self) -> Component:
        """The kind with what the training rows have decided, which training it again needs."""
        lookup = self.encoder.lookup
        return self.kind if lookup is None else self.kind.with_parameters(**lookup.settled)


@dataclass(frozen=True, slots=True, eq=False)
class TableEncoding:
    """Columns by name, whose numbers stand side by side in their order, but for those that are inputs of their own."""

    columns: Mapping[str, EncodedColumn]

    @property
    def own(self) -> dict[str, Lookup]:
        """What the columns hold that are inputs of their own, by name."""
        lookups = {name: each.encoder.lookup for name, each in self.columns.items()}
        return {name: lookup for name, lookup in lookups.items() if lookup is not None}

    @property
    def numbers(self) -> str:
        """What the array of numbers is called: `UNNAMED` if it is the only one."""
        own = self.own
        if not own:
            return UNNAMED
        name = "numbers"
        while name in own:
            name += "_"
        return name

    @classmethod
    def fit(cls, x: Mapping[str, np.ndarray], kinds: Mapping[str, Component], scale: Scale) -> Self:
        """Fit each column on training rows `[rows]`.

        Args:
            x: the columns, as their kinds read them.
            kinds: of each.
            scale: of numbers that have none of their own.

        Raises:
            DataError: with what is wrong with any column.
        """
        columns: dict[str, EncodedColumn] = {}
        problems: list[Problem] = []
        for name, kind in kinds.items():
            try:
                encoder = COLUMN_KINDS[kind.name].load().fit(x[name], Fitting(name, kind, scale))
            except DataError as error:
                problems += error.problems
            else:
                columns[name] = EncodedColumn(kind, encoder)
        DataError.raise_any(problems)
        return cls(columns)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns that come out."""
        return tuple(name for column, each in self.columns.items() for name in each.encoder.names(column))

    def features_of(self, column: str) -> tuple[int, ...]:
        """Return which of the columns that come out are made of one that goes in; none if it is not there."""
        first = 0
        for name, each in self.columns.items():
            width = len(each.encoder.names(name))
            if name == column:
                return tuple(range(first, first + width))
            first += width
        return ()

    def read(self, table: Table, positions: Mapping[str, int]) -> dict[str, np.ndarray | Fault]:
        """Return columns of a table, found by their positions, as `encode` takes them."""
        return {
            name: COLUMN_KINDS[self.columns[name].kind.name].load().read(table, position, self.columns[name].kind)
            for name, position in positions.items()
        }

    def encode(self, x: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return arrays by name: float32 `[rows, features]`, and int32 `[rows, length]` of inputs of their own.

        Args:
            x: the columns `[rows]` by name.
        """
        own = self.own
        arrays = {name: self.columns[name].encoder.encode(x[name]) for name in own}
        if not self.feature_names:
            return arrays
        count, first = len(next(iter(x.values()))), 0
        rows = np.empty((count, len(self.feature_names)), np.float32)
        for name, each in self.columns.items():
            if name not in own:
                last = first + len(each.encoder.names(name))
                rows[:, first:last] = each.encoder.encode(x[name])
                first = last
        return {self.numbers: rows, **arrays}

    def notes(self) -> Iterator[str]:
        """Yield what had better be known of the columns."""
        for name, each in self.columns.items():
            yield from each.encoder.notes(name)

    def to_json(self) -> list[dict[str, Any]]:
        """Return plain values, which `from_json` reads."""
        return [
            {"name": name, "kind": each.kind.plain(), "fitted": _plain_fields(each.encoder)}
            for name, each in self.columns.items()
        ]

    @classmethod
    def from_json(cls, records: list[Mapping[str, Any]]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is no such record.
        """
        columns = {}
        for record in records:
            kind = OneOf("columns").read(record["kind"])
            fitted = {
                key: tuple(value) if isinstance(value, list) else value for key, value in record["fitted"].items()
            }
            columns[record["name"]] = EncodedColumn(kind, COLUMN_KINDS[kind.name].load()(**fitted))
        return cls(columns)


def _plain_fields(encoder: Any) -> dict[str, Any]:
    return {name: plain(value) for name, value in asdict(encoder).items()}
