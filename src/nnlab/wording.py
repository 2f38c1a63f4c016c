"""How nnlab writes names, values, numbers, sizes and times for people; each in one way, whoever says it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_DIGITS = 17


def visible(text: str) -> str:
    r"""Write control characters and others that cannot be seen as Python does: no text leaves its line, or is obeyed.

    >>> visible("red\x1b[31m")
    'red\\x1b[31m'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def named(name: Any) -> str:
    """Show a name, such as a key, in backticks, cut to a readable length."""
    return f"`{cut(str(name))}`"


def cut(text: str, *, longest: int = 60) -> str:
    """Cut a text to a readable length."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def show(value: Any) -> str:
    """Show a value that was received, in backticks, as YAML would write it, cut to a readable length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return f"a mapping with {listed(value, most=4)}" if value else "an empty mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}" if value else "an empty list"
    return named(f"'{value}'" if isinstance(value, str) and _needs_quotes(value) else value)


def _needs_quotes(text: str) -> bool:
    """Whether YAML would read the text as something else if it stood there without quotes."""
    if text.lower() in ("", "~", "null", "true", "false"):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return text[-1].isdigit() or text[-1] == "."


def one_of(choices: Iterable[str], *, most: int = 12) -> str:
    """List what may stand somewhere, for a hint.

    >>> one_of(["a", "b"])
    'one of `a`, `b`'
    """
    names = list(choices)
    return f"{'one of ' if len(names) > 1 else 'only '}{listed(names, most=most)}"


def rows_word(split: str) -> str:
    """Say which rows a split has.

    >>> rows_word("train"), rows_word("test")
    ('training', 'test')
    """
    return "training" if split == "train" else split


def listed(names: Iterable[str], *, most: int = 12) -> str:
    """List names in backticks.

    >>> listed(["a", "b", "c"], most=2)
    '`a`, `b` and 1 more'
    """
    every = list(names)
    text = ", ".join(named(name) for name in every[:most])
    return text + (f" and {len(every) - most} more" if len(every) > most else "")


def joined(names: Sequence[str]) -> str:
    """Write a list of names as a person would.

    >>> joined(["Adam", "Nadam", "SGD"])
    'Adam, Nadam and SGD'
    """
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def counted(count: int, thing: str) -> str:
    """Count things.

    >>> counted(1, "epoch"), counted(1200, "epoch"), counted(2, "class")
    ('1 epoch', '1,200 epochs', '2 classes')
    """
    return f"{count:,} {plural(count, thing)}"


def plural(count: int, thing: str) -> str:
    """Return the word for so many things."""
    return thing if count == 1 else f"{thing}{'es' if thing.endswith('s') else 's'}"


def number_text(number: float) -> str:
    """Write a limit without a needless `.0` or exponent.

    >>> number_text(10_000_000.0), number_text(0.5)
    ('10000000', '0.5')
    """
    return str(int(number)) if number == int(number) else str(number)


def metric_text(value: float) -> str:
    """Write a loss or a metric for people: four decimals, very large and very small ones with an exponent.

    >>> metric_text(0.97222), metric_text(23025422336.0), metric_text(1.5e-7), metric_text(0)
    ('0.9722', '2.303e+10', '1.500e-07', '0.0000')
    """
    if not math.isfinite(value):
        return str(float(value))
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.3e}"


def figure(value: float | None) -> str:
    """Write a figure of a table: whole numbers without decimals, others as a metric, nothing for none.

    >>> figure(0.97222), figure(180.0), figure(1.5e-7), figure(None)
    ('0.9722', '180', '1.500e-07', '')
    """
    if value is None:
        return ""
    return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e9 else metric_text(value)


def interval_text(low: float, high: float) -> str:
    """Write an interval, with as many digits as tell its ends apart.

    >>> interval_text(0.25, 0.5), interval_text(0.4312345, 0.4312355)
    ('0.2500 to 0.5000', '0.4312345 to 0.4312355')
    """
    ends = figure(low), figure(high)
    digits = 5
    while ends[0] == ends[1] and digits < MOST_DIGITS:
        ends = f"{low:.{digits}g}", f"{high:.{digits}g}"
        digits += 1
    return f"{ends[0]} to {ends[1]}"


def aligned(value: float) -> str:
    """Write a number of a column whose points are to stand below one another: four decimals unless it is large."""
    return f"{round(value, 4) + 0.0:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def value_text(value: Any, *, digits: int = 4) -> str:
    """Write a value of a config for a table or a sentence.

    >>> value_text({"SGD": {"momentum": 0.9}}), value_text(0.00012345), value_text(None)
    ('SGD(momentum=0.9)', '0.0001234', 'null')
    """
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(value_text(item, digits=digits) for item in value)}]"
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(
        f"{name}({_assignments(inside, digits)})"
        if isinstance(inside, Mapping)
        else _assignments({name: inside}, digits)
        for name, inside in value.items()
    )


def _assignments(values: Mapping[str, Any], digits: int) -> str:
    return ", ".join(f"{name}={value_text(value, digits=digits)}" for name, value in values.items())


def exact_text(value: Any) -> str:
    """Write a value of a config with as many digits as tell it from others: as the name of a variant."""
    return value_text(value, digits=12)


def size_text(size: int) -> str:
    """Write a number of bytes as a person would.

    >>> size_text(74_500_000_000), size_text(10**400)
    ('74.5 GB', 'more than 1,000 EB')
    """
    units = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
    if size > 1000 ** len(units):  # no float may be as large
        return f"more than 1,000 {units[-1]}"
    power = min(max((len(str(size)) - 1) // 3, 0), len(units) - 1)
    return f"{size} bytes" if power == 0 else f"{size / 1000**power:,.1f} {units[power]}"


def shape_text(shape: tuple[int | None, ...] | None) -> str:
    """Write a shape for people: `28 x 28`, `scalar` for no axes, `?` for an unknown one."""
    if shape is None:
        return "?"
    return " x ".join("?" if size is None else str(size) for size in shape) or "scalar"


def duration(seconds: float) -> str:
    """Write a time as a person would: `3.2 s`, `2:05 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
