"""Dates and times."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np

from nnlab.config.components import Component
from nnlab.data.encoding.encoder import Fitting
from nnlab.data.encoding.numeric import indicates
from nnlab.data.scaling import fit_scaling
from nnlab.data.table import Fault, Table, coded_texts
from nnlab.errors import DataError, Problem
from nnlab.wording import listed, named

ISO = "ISO8601"
"""What pandas calls all forms of the standard."""

_SECONDS_OF_A_DAY = 86_400
_DAYS = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y",
         "%B %d, %Y", "%d-%b-%Y")  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
_FORMATS = tuple(day + time for day, time in product(_DAYS, _TIMES))
_CYCLES = ("month", "weekday", "hour")
_AUTOMATIC = ("days", *_CYCLES)


@dataclass(frozen=True, slots=True)
class Date:
    """Dates and times as seconds since 1970, of which parts are made.

    Args:
        parts: those that are made.
        fill: what stands for missing ones.
        indicates: whether a column tells where they are.
        first: the first one of the training rows, from which days are counted.
        offset: of each part that is no cycle, is subtracted.
        divisor: of each, is divided by then.
    """

    parts: tuple[str, ...]
    fill: float
    indicates: bool
    first: float
    offset: Mapping[str, float]
    divisor: Mapping[str, float]

    @classmethod
    def read(cls, table: Table, position: int, kind: Component) -> np.ndarray | Fault:
        """See `Encoder`."""
        return moments(table, position, kind.get("format"))

    @classmethod
    def fit(cls, values: np.ndarray, fitting: Fitting) -> Self:
        """See `Encoder`; what is no cycle is standardized."""
        there = values[~np.isnan(values)]
        if not len(there):
            message = f"column `{fitting.name}` has no date in any training row"
            hint = f"leave it out: `ignore: [{fitting.name}]`"
            raise DataError(Problem(message, hint, path=("data", "features")))
        fill, first = float(np.sort(there)[len(there) // 2]), float(there.min())
        filled = np.where(np.isnan(values), fill, values)
        said = fitting.kind.get("parts")
        parts = tuple(_AUTOMATIC if said is None else said)
        codes, moments = _different(filled)
        made = {part: _part(part, moments, first)[codes] for part in parts if said is None or part not in _CYCLES}
        parts = parts if said is not None else tuple(part for part in parts if np.ptp(made[part]) > 0)
        scalings = {part: fit_scaling(made[part], "standardize") for part in parts if part not in _CYCLES}
        offset = {part: float(scaling.offset) for part, scaling in scalings.items() if scaling is not None}
        divisor = {part: float(scaling.divisor) for part, scaling in scalings.items() if scaling is not None}
        return cls(parts, fill, indicates(values, fitting.kind), first, offset, divisor)

    @property
    def lookup(self) -> None:
        """See `Encoder`."""
        return

    def encode(self, values: np.ndarray) -> np.ndarray:
        """See `Encoder`."""
        missing = np.isnan(values)
        codes, moments = _different(np.where(missing, self.fill, values))
        columns: list[np.ndarray] = []
        for part in self.parts:
            made = _part(part, moments, self.first)
            if part in _CYCLES:
                columns += [np.sin(2 * np.pi * made), np.cos(2 * np.pi * made)]
            else:
                columns.append((made - self.offset[part]) / self.divisor[part])
        made = (
            np.stack(columns, axis=1).astype(np.float32)[codes] if columns else np.zeros((len(values), 0), np.float32)
        )
        return np.column_stack([made, missing.astype(np.float32)]) if self.indicates else made

    def names(self, column: str) -> tuple[str, ...]:
        """See `Encoder`."""
        parts = [
            f"{column}.{name}"
            for part in self.parts
            for name in ([f"{part}_sin", f"{part}_cos"] if part in _CYCLES else [part])
        ]
        return (*parts, *([f"{column}=missing"] if self.indicates else []))

    def notes(self, column: str) -> Iterator[str]:
        """See `Encoder`."""
        if not self.parts:
            yield f"{named(column)} is the same date in all training rows: nothing is made of it"
        if self.indicates:
            yield f"missing dates of {named(column)} are those of the middle row, and a further column tells where"


def _different(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each moment among the different ones `[rows]`, and these: days come again and again."""
    import pandas as pd

    codes, different = pd.factorize(values)
    return np.asarray(codes), np.asarray(different)


def _part(part: str, seconds: np.ndarray, first: float) -> np.ndarray:
    """Return a part of moments, a cycle as the share of it that is over, float64 `[rows]`."""
    if part == "days":
        return np.asarray((seconds - first) / _SECONDS_OF_A_DAY)
    days = np.floor(seconds / _SECONDS_OF_A_DAY)
    of_day = seconds / _SECONDS_OF_A_DAY - days
    if part == "hour":
        return np.asarray(of_day)
    if part == "weekday":
        return np.asarray((days + 3) % 7 / 7)  # 1970 began with a Thursday
    dates = days.astype("datetime64[D]")
    if part == "year":
        return np.asarray(1970.0 + dates.astype("datetime64[Y]").astype(np.int64))
    months = dates.astype("datetime64[M]")
    first_days = months.astype("datetime64[D]")
    day = (dates - first_days).astype(np.float64)
    if part == "day":
        return np.asarray(day + 1)
    length = ((months + 1).astype("datetime64[D]") - first_days).astype(np.float64)
    return np.asarray((months.astype(np.int64) % 12 + (day + of_day) / length) / 12)


def moments(table: Table, position: int, format_: str | None) -> np.ndarray | Fault:
    """Return a column of dates as seconds since 1970, float64 `[rows]` with NaN where one is missing."""
    import pandas as pd

    column = table.column(position)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _seconds(column)
    read = coded_texts(table, position)
    if isinstance(read, Fault):
        return read
    codes, different = read
    forms = formats_of(different) if format_ is None else [format_]

    def fault(number: int, what: str, several: str, hint: str) -> Fault:
        return Fault.at(column, int((codes == number).argmax()), what, several, hint)

    if len(forms) > 1:
        hint = f"say which: `features: {{{column.name}: {{date: {{format: '{forms[0]}'}}}}}}`"
        several = "dates that may be read in several ways"
        return fault(0, f"which may be read as {listed(forms, most=4)}", several, hint)
    form = forms[0] if forms else _nearest(different)
    parsed = pd.to_datetime(pd.Series(different, dtype=object), format=form, errors="coerce", utc=True)
    bad = int(parsed.isna().to_numpy().argmax()) if parsed.isna().any() else None
    if bad is not None:
        of = f" of the form `{form}`" * (form != ISO)
        return fault(
            bad, f"which is no date{of}", "what are no dates", "correct it, empty the cell, or give a `format`"
        )
    return np.asarray(np.array([*_seconds(parsed), np.nan])[codes])


def _nearest(texts: list[str]) -> str:
    """Return the form in which most texts are dates."""
    import pandas as pd

    values = pd.Series(texts, dtype=object)
    return max(
        (ISO, *_FORMATS),
        key=lambda form: int(pd.to_datetime(values, format=form, errors="coerce", utc=True).notna().sum()),
    )


def are_mostly_dates(texts: list[str]) -> bool:
    """Whether more than half of the texts are dates in the form of most."""
    import pandas as pd

    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format=_nearest(texts), errors="coerce", utc=True)
    return 2 * int(parsed.notna().sum()) > len(texts)


def formats_of(texts: Collection[str]) -> list[str]:
    """Return the forms in which all texts are dates; several where day and month cannot be told apart."""
    import pandas as pd

    some = pd.Series(list(texts)[:50], dtype=object)
    every = pd.Series(list(texts), dtype=object)
    if not len(every):
        return []

    def fits(form: str) -> bool:
        return all(
            not pd.to_datetime(values, format=form, errors="coerce", utc=True).isna().any() for values in (some, every)
        )

    if fits(ISO):
        return [ISO]
    read = {form: tuple(pd.to_datetime(every, format=form, utc=True)) for form in _FORMATS if fits(form)}
    return list({moments: form for form, moments in reversed(read.items())}.values())[::-1]


def _seconds(moments: Any) -> np.ndarray:
    import pandas as pd

    values = pd.to_datetime(moments, utc=True).dt.tz_localize(None)
    missing = values.isna().to_numpy()
    seconds = values.to_numpy("datetime64[us]").astype(np.int64) / 1e6
    return np.where(missing, np.nan, seconds)
