"""The `data.window` section: rows that follow one another, of which so many are an input, and later ones predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from nnlab.config.checks import check
from nnlab.config.faults import Fault, Report
from nnlab.config.section import Section, key, required
from nnlab.config.shapes import Shape
from nnlab.config.values import NAME, whole, whole_number
from nnlab.wording import show

_LONGEST: Final = 1_000_000
_ROWS: Shape = whole(minimum=1, maximum=_LONGEST)

IN_TIME: Final = ("time", "order", "group", "column")
"""What rows may be split by, a word of `data.split.by`, so that rows that follow one another stay together."""


@dataclass(frozen=True, kw_only=True)
class WindowConfig(Section):
    """Windows over a time series: each is an input, and what is predicted stands in a later row."""

    length: int = required(_ROWS, "rows of a window", missing="write `window: {length: 24}`")
    horizon: int = key(
        whole(minimum=0, maximum=_LONGEST),
        "how many rows behind a window's last one the predicted row is; 0 for that last row itself",
        default=1,
    )
    steps: int = key(_ROWS, "how many rows are predicted, from `horizon` on", default=1)
    stride: int = key(_ROWS, "rows from where a window begins to where the next one does", default=1)
    sampling_rate: int = key(_ROWS, "every so many rows one is in the window", default=1)
    longest: int | None = key(
        _ROWS,
        "the longest `length` of several that are compared: rows are predicted that such windows can predict, so that "
        "all are judged alike",
    )
    order: str | int | None = key(
        NAME, "the column of times, or of rising numbers, that orders the rows; in the order of the file if left out"
    )
    by: str | int | None = key(
        NAME, "the column that tells several series apart, such as stations: no window reaches over two"
    )

    @classmethod
    def parse(cls, raw: Any, report: Report) -> Self | None:
        """See `Section`; a number is the length."""
        number = whole_number(raw) if isinstance(raw, float) else raw
        return super().parse({"length": number} if isinstance(number, int) and number is not True else raw, report)

    @property
    def reach(self) -> int:
        """Rows from a window's first one to its last."""
        return (self.length - 1) * self.sampling_rate + 1

    @property
    def first_target(self) -> int:
        """How many rows behind a window's first one the first predicted row is."""
        return self.reach - 1 + self.horizon

    @property
    def lead(self) -> int:
        """Rows in front of the first window that it leaves out, as a longer one would begin there."""
        return 0 if self.longest is None else (self.longest - self.length) * self.sampling_rate

    @property
    def span(self) -> int:
        """Rows that it takes to predict anything."""
        return self.lead + self.first_target + self.steps

    @property
    def words(self) -> str:
        """How many rows a window takes, in words."""
        every = f", every {self.sampling_rate} rows one" if self.sampling_rate > 1 else ""
        ahead, lead = self.span - self.reach - self.lead, f", {self.lead} in front of them" if self.lead else ""
        behind = f", {ahead} ahead" if ahead else ""
        return f"a window takes {self.span} rows ({self.length} to look at{every}{lead}{behind})"


@check("longest-window", WindowConfig)
def longest_window(given: Mapping[str, Any]) -> Iterator[Fault]:
    """No window is longer than the longest one."""
    length, longest = whole_number(given.get("length")), whole_number(given.get("longest"))
    if isinstance(length, int) and isinstance(longest, int) and 1 <= longest < length:
        yield Fault(("longest",), f"must be at least `length`, {length}, received {show(longest)}")


def window_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what does not go together in a `data` section with windows: how rows are split, and folds."""
    window, split = given.get("window"), given.get("split")
    window = window if isinstance(window, Mapping) else {}
    by = split if isinstance(split, str) else split.get("by") if isinstance(split, Mapping) else None
    column = split.get("column") if isinstance(split, Mapping) else None
    if by in ("random", "stratified"):
        message = f"`{by}` deals rows of one window to several splits, and what is tested on was trained on"
        yield Fault(("split",), message, "remove it: windows are split by time", at_key=True)
    if by == "order" and window.get("order") is not None:
        message = f"`order` splits rows as they stand in the file, and windows go by `{window['order']}`"
        yield Fault(("split",), message, "remove it: windows are split by time", at_key=True)
    if by == "time" and column is not None and column != window.get("order"):
        message = "rows are split by one column of times, and their order in windows is that of another"
        yield Fault(("split", "column"), message, f"write `window: {{order: {column}}}`", at_key=True)
    if window.get("by") is not None and window.get("order") is None and by not in ("group", "column"):
        message = "several series are split by time, and no column says it"
        hint = "write `window: {order: NAME}`, or `split: {by: group, column: NAME}` for whole series"
        yield Fault(("window", "by"), message, hint, at_key=True)
    if isinstance(given.get("validation"), Mapping) and by != "group":
        message = "folds take turns, so that later rows would be trained on to predict earlier ones"
        hint = "write rows or a fraction (`validation: 0.2`), or keep whole series together: `split: {by: group, ...}`"
        yield Fault(("validation",), message, hint, at_key=True)
