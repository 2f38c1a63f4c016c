"""What a value of a table is that cannot be read as a number, and what to do about it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

Role = Literal["feature", "target", "input"]
"""What a column is for: to train on, to predict, or to be predicted from with a trained model."""


class Unfit(NamedTuple):
    """Why values are no numbers.

    Args:
        what: goes on after a value, `holds VALUE, ...`.
        several: the kind of the values of many columns, `hold ...`.
        hint: what to do; `None` where that is not sure.
    """

    what: str
    several: str
    hint: str | None


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?"
_DAY = (
    r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2})|"
    rf"\d{{1,2}}\.?[ -]{_MONTH}[ -]\d{{2,4}}|{_MONTH} \d{{1,2}}(st|nd|rd|th)?,? \d{{4}})"
)
_DATE = re.compile(rf"{_DAY}([T ]\s*{_TIME}\s*(Z|UTC|[+-]\d\d:?\d\d)?)?", re.IGNORECASE)
_CLOCK = re.compile(_TIME, re.IGNORECASE)
_FIGURE = r"[+-]?\d[\d.,' \u00a0\u202f]*"
_PERCENT = re.compile(rf"{_FIGURE}\s*%")
_SIGN = r"([$€£¥₹₽₩]|(?-i:[A-Z]{2}\$|USD|EUR|GBP|JPY|CNY|CHF|INR|CAD|AUD))"
_MONEY = re.compile(rf"[+-]?\s*{_SIGN}\s*{_FIGURE}|{_FIGURE}\s*{_SIGN}")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_ONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_POINT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d{1,3}(\.\d{3}){2,}")
_OTHER_GROUPS = re.compile(r"[+-]?\d{1,3}([ '\u2019]\d{3})+([.,]\d+)?")
_UNIT = re.compile(r"[+-]?\d+([.,]\d+)?\s*([^\W\d_]{1,5}[²³]?|°\s?[CF]?|[^\W\d_]+/[^\W\d_]+)")
_NOTHING = {"?", "-", "--", "---", ".", "*", "na", "n/a", "n.a.", "nan", "none", "null", "nil", "missing", "unknown"}

_DATES = "write it as numbers (days since the first, year, month ...)"
_BY_ROLE = {
    "feature": ", or leave the column out with `features`",
    "target": ", or write `task: classification` if the target has classes",
    "input": ", as the training data had it",
}
_MANY = 20


def unfit(values: Collection[Any], bad: Collection[Any], *, rows: int, role: Role) -> Unfit:
    """Say what the values of a column are that are no numbers.

    Args:
        values: all different values of the column.
        bad: those that are no numbers.
        rows: how many rows there are.
        role: what the column is for.
    """
    texts = [value.strip() if isinstance(value, str) else value for value in bad]
    if all(_is_date(value) for value in texts):
        return Unfit("which is a date or a time, not a number", "dates or times", _DATES + _BY_ROLE[role])
    if all(isinstance(value, str) for value in texts) and (found := _figures(texts)) is not None:
        return found
    if role == "target":
        hint = "correct it, or write `task: classification` if the target has classes"
    elif role == "input":
        hint = "correct it: the model was trained on numbers here"
    elif 2 * len(bad) < len(values):
        hint = "correct it, or leave the column out with `features`"
    elif len(values) > _MANY and 2 * len(values) > rows:
        hint = "leave the column out with `features`"
    else:
        hint = "one-hot encode the column, or leave it out with `features`"
    return Unfit("which is not a number", "values that are no numbers", hint)


def looks_like_a_figure(text: str) -> bool:
    """Tell whether a text that is no number is one in another notation, or a date, rather than a label."""
    text = text.strip()
    return _is_date(text) or any(pattern.fullmatch(text) for pattern in (_DECIMAL_COMMA, *_FIGURES))


def _is_date(value: Any) -> bool:
    if isinstance(value, str):
        return _DATE.fullmatch(value) is not None or _CLOCK.fullmatch(value) is not None
    kinds = (datetime.date, datetime.time, datetime.timedelta)
    return isinstance(value, kinds) or getattr(getattr(value, "dtype", None), "kind", "") in "mM"


_FIGURES: dict[re.Pattern[str], Unfit] = {
    _PERCENT: Unfit("which is a percentage, not a number", "percentages", "remove the `%`"),
    _MONEY: Unfit("which is an amount of money, not a number", "amounts of money", "remove the currency"),
    _COMMA_GROUPS: Unfit(
        "whose commas are thousands separators", "numbers with thousands separators", "remove the commas"
    ),
    _POINT_GROUPS: Unfit(
        "whose points are thousands separators",
        "numbers with thousands separators",
        "remove the points, and write decimals with a point",
    ),
    _OTHER_GROUPS: Unfit(
        "whose digits stand in groups", "numbers whose digits stand in groups", "write the digits without a gap"
    ),
}
_MAY_BE_THOUSANDS = Unfit(
    "whose comma may be a thousands separator (three digits follow it)",
    "numbers whose comma may be a thousands separator (three digits follow it)",
    "remove the comma if it separates thousands; write a point if it separates decimals",
)
_COMMAS = Unfit("which is not a number", "decimal commas", "write decimals with a point")
_MARKS = Unfit("which may stand for a missing value", "what may stand for missing values", "fill it, or remove the row")


def _figures(texts: Collection[str]) -> Unfit | None:
    """Return the notation that all of the texts have."""

    def are(pattern: re.Pattern[str]) -> bool:
        return all(pattern.fullmatch(text) for text in texts)

    if are(_ONE_GROUP):
        return _MAY_BE_THOUSANDS
    if are(_DECIMAL_COMMA):
        return _COMMAS
    found = next((what for pattern, what in _FIGURES.items() if are(pattern)), None)
    if found is not None:
        return found
    if all(text.casefold() in _NOTHING for text in texts):
        return _MARKS
    units = {match[2] for text in texts if (match := _UNIT.fullmatch(text))}
    if are(_UNIT) and len(units) == 1:
        what = "which is a number with a unit"
        return Unfit(what, "numbers with a unit", f"remove `{units.pop()}`")
    return None
