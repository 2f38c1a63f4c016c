"""All columns of a table as one array of numbers, and as arrays of those that are inputs of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any, Self

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.components import Component, OneOf
from nnlab.config.data import Scale
from nnlab.data.column_kinds import COLUMN_KINDS
from nnlab.data.encoding.encoder import Encoder, Fitting, Lookup, plain
from nnlab.data.table import Fault, Table
from nnlab.errors import DataError, Problem
from nnlab.wording import counted, named

_ROWS_AT_ONCE = 1 << 13
_MOST_NOTES = 12
"""Columns of a kind of which something is said."""


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
        return tuple(self.places.get(column, ()))

    @property
    def places(self) -> dict[str, range]:
        """Which of the columns that come out are made of each that goes in."""
        ends = list(accumulate(len(each.encoder.names(name)) for name, each in self.columns.items()))
        return {name: range(first, end) for name, first, end in zip(self.columns, [0, *ends], ends, strict=False)}

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
        rows = np.empty((len(next(iter(x.values()))), len(self.feature_names)), np.float32)
        places = {name: slice(place.start, place.stop) for name, place in self.places.items() if name not in own}
        for start in range(0, len(rows), _ROWS_AT_ONCE):  # what fits into the processor's cache
            some = slice(start, start + _ROWS_AT_ONCE)
            for name, place in places.items():
                rows[some, place] = self.columns[name].encoder.encode(x[name][some])
        return {self.numbers: rows, **arrays}

    def notes(self) -> Iterator[str]:
        """Yield what had better be known of the columns; of many of one kind only of the first ones."""
        said: dict[str, int] = {}
        for name, each in self.columns.items():
            notes = list(each.encoder.notes(name))
            if notes:
                said[each.kind.name] = said.get(each.kind.name, 0) + 1
            if said.get(each.kind.name, 0) <= _MOST_NOTES:
                yield from notes
        for kind, count in said.items():
            if count > _MOST_NOTES:
                more = counted(count - _MOST_NOTES, "more column")
                yield f"and so on in {more} of the kind {named(kind)}: `data.json` has what was fitted on each"

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
