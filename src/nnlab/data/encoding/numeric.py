"""Numbers, and what is true or false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from nnlab.config.components import Component
from nnlab.data.encoding.encoder import Fitting
from nnlab.data.scaling import fit_scaling
from nnlab.data.table import Fault, Table, numbers
from nnlab.errors import DataError, Problem
from nnlab.wording import figure, named


@dataclass(frozen=True, slots=True)
class Numeric:
    """Numbers: filled, then scaled.

    Args:
        fill: what stands for missing ones.
        indicates: whether a column tells where they are.
        is_log: whether log(1 + x) is taken before the scaling.
        offset: is subtracted.
        divisor: is divided by then.
    """

    fill: float
    indicates: bool
    is_log: bool = False
    offset: float = 0.0
    divisor: float = 1.0

    @classmethod
    def read(cls, table: Table, position: int, kind: Component) -> np.ndarray | Fault:  # noqa: ARG003
        """See `Encoder`."""
        return numbers(table, position, may_miss=True)

    @classmethod
    def fit(cls, values: np.ndarray, fitting: Fitting) -> Self:
        """See `Encoder`; statistics are those of scikit-learn's `SimpleImputer`, then of its `StandardScaler`."""
        kind = fitting.kind
        fill = _fill(values, kind.get("missing"), fitting)
        own: Any = kind.get("scale")
        scale: Any = None if own == "none" else fitting.scale if own is None else own
        filled = np.where(np.isnan(values), fill, values)
        is_log = scale == "log"
        if is_log:
            _check_not_below_0(filled, fitting.name)
            filled, scale = np.log1p(filled), "standardize"
        scaling = fit_scaling(filled, scale)
        offset, divisor = (0.0, 1.0) if scaling is None else (float(scaling.offset), float(scaling.divisor))
        return cls(fill, indicates(values, kind), is_log, offset, divisor)

    @property
    def lookup(self) -> None:
        """See `Encoder`."""
        return

    def encode(self, values: np.ndarray) -> np.ndarray:
        """See `Encoder`.

        Raises:
            DataError: a value below 0 has no logarithm.
        """
        missing = np.isnan(values)
        filled = np.where(missing, self.fill, values)
        if self.is_log:
            _check_not_below_0(filled, "")
            filled = np.log1p(filled)
        columns = [(filled - self.offset) / self.divisor, *([missing] if self.indicates else [])]
        return np.stack(columns, axis=1).astype(np.float32)

    def names(self, column: str) -> tuple[str, ...]:
        """See `Encoder`."""
        return (column, *([f"{column}=missing"] if self.indicates else []))

    def notes(self, column: str) -> Iterator[str]:
        """See `Encoder`."""
        if self.indicates:
            yield f"missing values of {named(column)} are {figure(self.fill)}, and a further column tells where"


@dataclass(frozen=True, slots=True)
class Boolean(Numeric):
    """True or false."""

    @classmethod
    def read(cls, table: Table, position: int, kind: Component) -> np.ndarray | Fault:  # noqa: ARG003
        """See `Encoder`."""
        return switches(table, position)

    @classmethod
    def fit(cls, values: np.ndarray, fitting: Fitting) -> Self:
        """See `Encoder`."""
        return cls(_fill(values, "most_frequent", fitting), indicates(values, fitting.kind))


def indicates(values: np.ndarray, kind: Component) -> bool:
    """Whether a column shall tell where numbers are missing: the config says it, or some are."""
    said = kind.get("indicator")
    return bool(np.isnan(values).any()) if said is None else bool(said)


def _fill(values: np.ndarray, how: str | float, fitting: Fitting) -> float:
    if not isinstance(how, str):
        return float(how)
    there = values[~np.isnan(values)]
    if not len(there):
        message = f"column `{fitting.name}` has no value in any training row"
        raise DataError(Problem(message, f"leave it out: `ignore: [{fitting.name}]`", path=("data", "features")))
    if how == "most_frequent":
        found, counts = np.unique(there, return_counts=True)
        return float(found[counts.argmax()])
    return float(np.median(there) if how == "median" else there.mean())


def _check_not_below_0(values: np.ndarray, name: str) -> None:
    low = float(values.min(initial=0.0))
    if low < 0:
        of = f" of `{name}`" if name else ""
        message = f"`log` takes log(1 + x) of numbers from 0 on, and a value{of} is {figure(low)}"
        raise DataError(Problem(message, "choose another `scale`", path=("data", "features")))


def switches(table: Table, position: int) -> np.ndarray | Fault:
    """Return a column of true and false as 1 and 0, float64 `[rows]` with NaN where it is missing."""
    column = table.column(position)
    found = {value: _switch(value) for value in column.dropna().unique()}
    bad = next((value for value, number in found.items() if number is None), None)
    if bad is not None:
        row = int((column == bad).to_numpy().argmax())
        return Fault.at(column, row, "which is neither true nor false", "values that are neither true nor false", None)
    return np.array([np.nan if value != value or value is None else found[value] for value in column], np.float64)


def _switch(value: object) -> float | None:
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    return {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}.get(str(value).strip().lower())
