"""What a value of a table is that cannot be read as a number, and what to do about it."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Collection, Iterable
from typing import Any, Literal, NamedTuple

from nnlab.wording import listed

Role = Literal["feature", "target", "input"]
"""What a column is for: to train on, to predict, or to be predicted from with a trained model."""


class Unfit(NamedTuple):
    """Why values are no numbers.

    Args:
        what: goes on after a value, `holds VALUE, ...`.
        several: the kind of the values of many columns, `hold ...`.
        hint: what to do; `None` where that is not sure.
        is_known: whether they are all of one notation or kind.
        is_date: whether they are dates or times.
    """

    what: str
    several: str
    hint: str | None
    is_known: bool = True
    is_date: bool = False


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?"
_DAY = (
    r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2})|"
    rf"\d{{1,2}}\.?[ -]{_MONTH}[ -]\d{{2,4}}|{_MONTH} \d{{1,2}}(st|nd|rd|th)?,? \d{{4}})"
)
_DATE = re.compile(rf"{_DAY}([T ]\s*{_TIME}\s*(Z|UTC|[+-]\d\d:?\d\d)?)?", re.IGNORECASE)
_CLOCK = re.compile(rf"([+-]?\d+ days?,? \+?)?{_TIME}", re.IGNORECASE)
_YEAR = r"(19|20)\d\d"
_WEEKDAY = r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? "
_PERIOD = re.compile(  # or a day after its name; labels may be such, too
    rf"{_YEAR}[-/](0?[1-9]|1[0-2])|(0?[1-9]|1[0-2])[-/]{_YEAR}|{_MONTH}[- ]({_YEAR}|'?\d\d)|"
    rf"{_YEAR}[- ]?Q[1-4]|Q[1-4][- /]?{_YEAR}|{_WEEKDAY}({_MONTH} \d{{1,2}}( {_TIME})? \d{{4}}|.*{_YEAR}.*)",
    re.IGNORECASE,
)
_FIGURE = r"[+-]?\d[\d.,' \u00a0\u202f]*"
_PERCENT = re.compile(rf"{_FIGURE}\s*%")
_SIGN = r"([$€£¥₹₽₩]|(?-i:[A-Z]{2}\$|USD|EUR|GBP|JPY|CNY|CHF|INR|CAD|AUD))"
_MONEY = re.compile(rf"[+-]?\s*{_SIGN}\s*{_FIGURE}|{_FIGURE}\s*{_SIGN}")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_ONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_POINT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d{1,3}(\.\d{3}){2,}")
_OTHER_GROUPS = re.compile(r"[+-]?\d{1,3}([ '\u2019]\d{3})+([.,]\d+)?")
_SHORTENED = re.compile(r"[+-]?[$€£¥]?\s?\d+([.,]\d+)?\s?(k|K|M|B|bn|mn|mio|mrd|thousand|million|billion)\b\.?")
_OTHER_MINUS = re.compile(r"[\u2212\u2010-\u2014\ufe63\uff0d]\s?\d+(\.\d*)?([eE][+-]?\d+)?")
_IN_PARENTHESES = re.compile(rf"\(\s*({_SIGN}\s*)?{_FIGURE}\s*\)")
_UNIT = re.compile(r"[+-]?\d+([.,]\d+)?\s*([^\W\d_]{1,5}[²³]?|°\s?[CF]?|[^\W\d_]+/[^\W\d_]+)")
_NOTHING = {
    *("?", "-", "--", "---", ".", "*", "na", "n/a", "n.a.", "nan", "nat", "none", "null", "nil", "missing", "unknown"),
    *("#n/a", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#null!"),
}

_DATES = "write it as numbers (days since the first, year, month ...)"
_DATES_BY_ROLE = {"feature": "write dates as `2024-12-31`, or as numbers (days since the first, year, month ...)"}
_BY_ROLE = {
    "feature": ", or leave the column out with `ignore`",
    "target": ", or write `task: classification` if the target has classes",
    "input": ", as the training data had it",
}


def unfit(values: Collection[Any], bad: Collection[Any], *, role: Role) -> Unfit:
    """Say what the values of a column are that are no numbers.

    Args:
        values: all different values of the column.
        bad: those that are no numbers.
        role: what the column is for.
    """
    texts = [value.strip() if isinstance(value, str) else value for value in bad]
    if all(_is_date(value) or (isinstance(value, str) and _PERIOD.fullmatch(value)) for value in texts):
        what = "which is a date or a time, not a number"
        return Unfit(what, "dates or times", _DATES_BY_ROLE.get(role, _DATES) + _BY_ROLE[role], is_date=True)
    if all(isinstance(value, str) for value in texts):
        found = _figures(texts, alone=len(bad) == len(values))
        if found is not None:
            return found
    if role == "target":
        hint = "correct it, or write `task: classification` if the target has classes"
    elif role == "input":
        hint = "correct it: the model takes numbers here"
    else:
        hint = "correct it, or leave the column out with `ignore`"
    return Unfit("which is not a number", "values that are no numbers", hint, is_known=False)


def number_in(value: Any) -> float | None:
    """Return the number that a value of a table is, or that stands in its text; `None` if it is none."""
    if isinstance(value, str) and "_" in value:  # Python reads `1_2` as 12; in a table it is a name
        return None
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf
    except (TypeError, ValueError):
        return None


def are_decimal_commas(values: Iterable[Any]) -> bool:
    """Whether all values are numbers with decimal commas or without decimals; not if the commas may part thousands."""
    texts = [str(value).strip() for value in values]
    commas = [text for text in texts if "," in text]
    return (
        bool(commas)
        and all(_DECIMAL_COMMA.fullmatch(text) for text in commas)
        and not all(_ONE_GROUP.fullmatch(text) for text in commas)
        and all(NUMBER.fullmatch(text) and "." not in text for text in texts if "," not in text)
    )


def looks_like_a_figure(text: str) -> bool:
    """Tell whether a text that is no number is one in another notation, or a date, rather than a label."""
    text = text.strip()
    return _is_date(text) or any(pattern.fullmatch(text) for pattern in (_DECIMAL_COMMA, *_FIGURES))


def _is_date(value: Any) -> bool:
    if isinstance(value, str):
        return _DATE.fullmatch(value) is not None or _CLOCK.fullmatch(value) is not None
    kinds = (datetime.date, datetime.time, datetime.timedelta)
    return isinstance(value, kinds) or getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M")


_FIGURES: dict[re.Pattern[str], Unfit] = {
    _SHORTENED: Unfit("which is a number in short", "numbers in short", "write the number out, with all its zeros"),
    _IN_PARENTHESES: Unfit(
        "whose parentheses may stand for a minus",
        "numbers in parentheses",
        "write the sign as `-`, without parentheses",
    ),
    _OTHER_MINUS: Unfit(
        "whose minus is another sign than `-`", "numbers whose minus is another sign than `-`", "write it as `-`"
    ),
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
_MARKS = Unfit(
    "which may stand for a missing value",
    "what may stand for missing values",
    "say so with `missing`, a list of such texts, or fill it",
)


def _figures(texts: Collection[str], *, alone: bool) -> Unfit | None:
    """Return the notation that all of the texts have; `alone` tells that no other value of the column is a number."""

    def are(*patterns: re.Pattern[str]) -> bool:
        found = [[pattern.fullmatch(text) is not None for pattern in patterns] for text in texts]
        return all(any(matches) for matches in found) and any(matches[0] for matches in found)

    if are(_ONE_GROUP):
        return _MAY_BE_THOUSANDS
    if are(_DECIMAL_COMMA):
        return _COMMAS
    also = {
        _POINT_GROUPS: (_DECIMAL_COMMA,),
        _OTHER_GROUPS: (_DECIMAL_COMMA,),
        _IN_PARENTHESES: (_MONEY, _COMMA_GROUPS),
    }
    notation = next((pattern for pattern in _FIGURES if are(pattern, *also.get(pattern, ()))), None)
    if notation is _PERCENT and not alone:
        hint = "write all values of the column alike: some are percentages, and others are not"
        return _FIGURES[_PERCENT]._replace(hint=hint)
    if notation is not None:
        is_first = notation.fullmatch(next(iter(texts))) is not None  # the one that the message shows
        return _FIGURES[notation] if is_first else _FIGURES[notation]._replace(what="which is not a number")
    if all(text.casefold() in _NOTHING for text in texts):
        return _MARKS
    units = {match[2] for text in texts if (match := _UNIT.fullmatch(text))}
    if are(_UNIT) and len(units) == 1:
        what = "which is a number with a unit"
        return Unfit(what, "numbers with a unit", f"remove `{units.pop()}`")
    if are(_UNIT):
        hint = f"write all values in one unit, without its name: here are {listed(sorted(units), most=4)}"
        return Unfit("which is a number with a unit", "numbers with units", hint)
    return None
