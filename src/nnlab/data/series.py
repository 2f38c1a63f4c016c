"""Which row follows which: the series that the rows of a time series belong to, and their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from nnlab.config.components import Component
from nnlab.data.split_column import times_of
from nnlab.data.table import Fault, Table, fault_of_missing, texts
from nnlab.errors import DataError, Problem
from nnlab.wording import counted, listed, named

_MOST_STEP = 0.5
"""So large a share of the steps has to be of one size for others to be gaps."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Which row follows which.

    Args:
        codes: the number of each row's series, int64 `[rows]`.
        places: where each row stands in its series, all rows of the source counted, int64 `[rows]`.
        names: of the series; one that is alone needs none.
        times: of the rows, float64 `[rows]`, dates as seconds since 1970; `None` if no column says them.
        are_dates: whether they are dates.
        order: the column that says the times.
        by: the column that says the series.
    """

    codes: np.ndarray
    places: np.ndarray
    names: tuple[str, ...] = ("",)
    times: np.ndarray | None = None
    are_dates: bool = False
    order: str | None = None
    by: str | None = None

    @classmethod
    def of(
        cls,
        count: int,
        *,
        times: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        **more: Any,
    ) -> Series:
        """Put rows in order.

        Args:
            count: how many there are.
            times: as above.
            labels: the series of each row, `[rows]`.
            more: the other fields.
        """
        names, codes = ("",), np.zeros(count, np.int64)
        if labels is not None:
            found, codes = np.unique(labels.astype(str), return_inverse=True)
            names = tuple(found.tolist())
        order = np.lexsort((np.arange(count) if times is None else times, codes))
        places = np.empty(count, np.int64)
        starts = np.searchsorted(codes[order], np.arange(len(names)))
        places[order] = np.arange(count) - starts[codes[order]]
        return cls(codes, places, names, times, **more)

    def taken(self, rows: np.ndarray) -> Series:
        """Return that of some rows, between which the places of others stay empty."""
        times = None if self.times is None else self.times[rows]
        return replace(self, codes=self.codes[rows], places=self.places[rows], times=times)

    @property
    def in_order(self) -> np.ndarray:
        """The rows, one series behind the other, each in its order."""
        return np.lexsort((self.places, self.codes))

    def twice(self) -> tuple[int, int] | None:
        """Return two rows of one series and one time, the first that there are; `None` if there are none."""
        if self.times is None:
            return None
        order = self.in_order
        same = (np.diff(self.times[order]) == 0) & (np.diff(self.codes[order]) == 0)
        at = int(np.argmax(same)) if same.any() else None
        return None if at is None else (int(order[at]), int(order[at + 1]))

    def steps(self) -> dict[int, float]:
        """Return the usual step of the times of each series, by its number, where there is one."""
        order, found = self.in_order, {}
        for code, own in self._times(order):
            sizes, counts = np.unique(np.diff(own), return_counts=True)
            if len(sizes) and counts.max() > _MOST_STEP * counts.sum():
                found[code] = float(sizes[counts.argmax()])
        return found

    def _times(self, order: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        if self.times is not None:
            starts = np.flatnonzero(np.diff(self.codes[order], prepend=-1))
            for rows in np.split(order, starts[1:]) if len(order) else ():
                yield int(self.codes[rows[0]]), self.times[rows]

    def time_texts(self, times: np.ndarray) -> np.ndarray:
        """Return times as text, objects `[times]`, `None` where one is NaN; dates alone where no row has an hour."""
        assert self.times is not None
        found = np.array([None] * len(times), object)
        there = ~np.isnan(times)
        if not self.are_dates:
            found[there] = [int(time) if time == int(time) else time for time in times[there].tolist()]
            return found
        moments = np.round(times[there] * 1e6).astype("datetime64[us]")
        unit: Literal["D", "m", "us"] = "D" if not (self.times % 86_400).any() else "m"
        unit = "us" if (self.times % 60).any() else unit
        found[there] = [text.replace("T", " ") for text in np.datetime_as_string(moments, unit=unit).tolist()]
        return found

    def notes(self) -> Iterator[str]:
        """Yield where times are missing, over which windows reach as if they were there."""
        usual, gaps, longest = self.steps(), 0, (0.0, 0, 0.0)
        for code, own in self._times(self.in_order):
            if code in usual:
                steps = np.diff(own)
                wide = np.flatnonzero(steps > 1.5 * usual[code])
                gaps += len(wide)
                if len(wide):
                    at = int(wide[steps[wide].argmax()])
                    longest = max(longest, (float(steps[at] / usual[code]), code, float(own[at])))
        if gaps:
            rows, code, time = longest
            of = f" of {named(self.names[code])}" if self.by is not None else ""
            yield (
                f"`{self.order}` has {counted(gaps, 'gap')}, and windows reach over them, as they count rows: the "
                f"longest{of} lacks {counted(round(rows) - 1, 'row')} behind {self.time_texts(np.array([time]))[0]}"
            )


def read_series(table: Table, columns: Sequence[int | None], kinds: Mapping[str, Component]) -> Series | list[Fault]:
    """Return the series of the rows of a table, or what is wrong with its columns.

    Args:
        table: all rows.
        columns: the number of the column of times, and of that of the series.
        kinds: see `times_of`.
    """
    order, by = columns
    faults: list[Fault | None] = []
    times: np.ndarray | None = None
    labels: np.ndarray | None = None
    are_dates = False
    if order is not None:
        found = times_of(table, order, kinds)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            times, are_dates = found
            faults.append(fault_of_missing(table, order, np.isnan(times), "when each row was"))
    if by is not None:
        read = texts(table, by)
        if isinstance(read, Fault):
            faults.append(read)
        else:
            labels = read
            missing = np.array([text is None for text in read])
            faults.append(fault_of_missing(table, by, missing, "which series each row is of"))
    if found_faults := [fault for fault in faults if fault is not None]:
        return found_faults
    names = [None if each is None else str(table.frame.columns[each]) for each in columns]
    series = Series.of(len(table.frame), times=times, labels=labels, are_dates=are_dates, order=names[0], by=names[1])
    return series if (fault := _twice(table, series)) is None else [fault]


def _twice(table: Table, series: Series) -> Fault | None:
    """Refuse two rows of one time in one series: which comes first, nobody knows."""
    rows = series.twice()
    if rows is None or series.order is None:
        return None
    shown = str(table.frame[series.order].iloc[rows[0]])
    of = f" in the series {named(series.names[series.codes[rows[0]]])}" if series.by is not None else ""
    message = f"has {named(shown)} in two rows{of}, the second here, and a window has one row of a time"
    hint = "remove one of them"
    if series.by is None:
        hint = "name the column that tells several series apart, `window: {by: NAME}`, or remove such rows"
    return Fault(series.order, max(rows), named(shown), message, "have two rows of one time", hint)


def array_series(
    count: int, times: np.ndarray | None, labels: np.ndarray | None, *, order: str | None, by: str | None
) -> Series:
    """Return the series of rows whose times, numbers `[rows]`, and series `[rows]` are arrays.

    Raises:
        DataError: two rows of a series have one time, or an array says no such thing.
    """
    problems = [
        Problem(f"`{name}` has the shape {array.shape}, expected one value a row", path=("data", "window", key))
        for key, name, array in (("order", order, times), ("by", by, labels))
        if array is not None and array.shape != (count,)
    ]
    if times is not None and times.dtype.kind not in "biuf":
        problems.append(Problem(f"`{order}` has the type {times.dtype}, expected numbers", path=("data", "window")))
    DataError.raise_any(problems)
    times = None if times is None else times.astype(np.float64)
    series = Series.of(count, times=times, labels=labels, order=order, by=by)
    rows = series.twice()
    if rows is not None:
        message = f"`{order}` is the same in the rows {listed(map(str, sorted(rows)))} (counted from 0) of one series"
        raise DataError(Problem(message, "remove one, or say which array tells series apart: `window: {by: NAME}`"))
    return series
