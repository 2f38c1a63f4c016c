"""The shapes that values of a config have: each says what may stand there, what lies below, and how it is written.

Whatever reads, changes or describes a config asks the shape: checking (`parse`), overrides and `extends` (`among`,
`opened`, `child`), and the JSON Schema (`json_schema.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nnlab.config.faults import Report
from nnlab.config.nodes import Mark, Node, from_plain
from nnlab.config.problems import faults_as_problems
from nnlab.config.remedies import type_remedy
from nnlab.errors import ConfigError, did_you_mean
from nnlab.wording import named, one_of, show

IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

Hint = str | Callable[[Any], str | None] | None
"""What to do about a value of another shape, or what says it of the value."""


class Shape:
    """What may stand at a place of the config; by itself, anything."""

    is_list = False
    """Whether it is written as a list."""

    def parse(self, raw: Any, report: Report) -> Any:  # noqa: ARG002
        """Return the typed value of plain ones; mistakes go to the report, and something unusable comes back."""
        return raw

    def read(self, raw: Any) -> Any:
        """Return the typed value of plain ones.

        Raises:
            ConfigError: with every mistake.
        """
        report = Report()
        value = self.parse(raw, report)
        if report.faults:
            raise ConfigError(faults_as_problems(report.faults, from_plain(raw, Mark(""))))
        return value

    def among(self, node: Node) -> Shape:  # noqa: ARG002
        """Return the shape that is meant by what is written, where several may stand."""
        return self

    def opened(self, node: Node) -> None:
        """Rewrite what is short for a mapping as that mapping, in place."""

    def child(self, part: str | int) -> Shape:  # noqa: ARG002
        """Return the shape of what stands under a key or at a number."""
        return ANYTHING

    def start(self, part: str | int) -> Any:  # noqa: ARG002
        """Return what stands under a key that is not written and gets something below it, as plain values."""
        return {}

    def outputs(self, raw: Any) -> Iterable[str]:  # noqa: ARG002
        """Return the names of the model's outputs that a value is given by."""
        return ()


ANYTHING: Final = Shape()


class Chosen(Shape):
    """One of several shapes, which what is written decides on."""

    def chosen(self, raw: Any) -> Shape:
        """Return the shape that plain values are meant to have."""
        raise NotImplementedError

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the typed value of the shape that is meant."""
        return self.chosen(raw).parse(raw, report)

    def among(self, node: Node) -> Shape:
        """Return the shape that is meant."""
        return self.chosen(node.plain()).among(node)


@dataclass(frozen=True)
class Choice(Shape):
    """One of a few words."""

    words: tuple[Any, ...]

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the word."""
        if any(type(raw) is type(word) and raw == word for word in self.words):
            return raw
        words = [str(word).lower() if isinstance(word, bool) else word for word in self.words if word is not None]
        return report.fault(f"unknown value {show(raw)}", did_you_mean(str(raw), words) or one_of(words))


@dataclass(frozen=True)
class Either(Shape):
    """A value of one of several shapes, none of which has others inside.

    Args:
        words: what is expected, in words.
        shapes: the shapes.
        hint: what to write instead of something else.
    """

    words: str
    shapes: tuple[Shape, ...]
    hint: Hint = None

    def parse(self, raw: Any, report: Report) -> Any:
        """Return what the first shape makes of it that takes it."""
        for shape in self.shapes:
            tried = Report()
            value = shape.parse(raw, tried)
            if not tried.faults:
                return value
        return report.fault(f"expected {self.words}, received {show(raw)}", _hint(self.hint, raw))


@dataclass(frozen=True)
class Checked(Shape):
    """What a function checks and converts.

    Args:
        check: is called with the plain value and the report.
        schema: the same in JSON Schema.
    """

    check: Callable[[Any, Report], Any]
    schema: Mapping[str, Any]

    def parse(self, raw: Any, report: Report) -> Any:
        """Return what the function makes of it."""
        return self.check(raw, report)


@dataclass(frozen=True)
class Later(Shape):
    """What is kept as it is written, and read where it is used; `shape` says what may stand there."""

    shape: Shape


@dataclass(frozen=True)
class ListOf(Shape):
    """A list of values of one shape.

    Args:
        item: the shape of each.
        words: what is expected, in words.
        hint: what to write instead of something else.
        least: items that there must be.
        or_one: whether an item may stand for a list of it.
    """

    item: Shape
    words: str = "a list"
    hint: Hint = None
    least: int = 0
    or_one: bool = False
    is_list: bool = field(default=True, init=False)

    def parse(self, raw: Any, report: Report) -> Any:
        """Return a tuple."""
        if self.or_one and not isinstance(raw, (list, tuple)):
            tried = Report()
            value = self.item.parse(raw, tried)
            if not tried.faults:
                return (value,)
        if not isinstance(raw, (list, tuple)) or len(raw) < self.least:
            words = "at least one item" if isinstance(raw, (list, tuple)) and self.words == "a list" else self.words
            return report.fault(f"expected {words}, received {show(raw)}", _hint(self.hint, raw, "list"))
        return tuple([self.item.parse(item, report.at(i)) for i, item in enumerate(raw)])

    def child(self, part: str | int) -> Shape:
        """Return the shape of every item."""
        return self.item if isinstance(part, int) else ANYTHING


@dataclass(frozen=True)
class CountOrList(Chosen):
    """A list, or a whole number that says how many there are.

    Args:
        count: the shape of the number.
        items: the shape of the list.
    """

    count: Shape
    items: ListOf

    def chosen(self, raw: Any) -> Shape:
        """Return the shape of the number for numbers."""
        return self.count if isinstance(raw, (int, float)) and not isinstance(raw, bool) else self.items


@dataclass(frozen=True)
class TextOrList(Chosen):
    """A text, or a list of them.

    Args:
        text: the shape of a text.
        items: the shape of the list.
    """

    text: Shape
    items: ListOf

    def chosen(self, raw: Any) -> Shape:
        """Return the shape of the list for lists."""
        return self.items if isinstance(raw, (list, tuple)) else self.text


@dataclass(frozen=True)
class ListOrMap(Chosen):
    """A list of names, or a mapping of them to what is said of each.

    Args:
        items: the shape of the list.
        values: the shape of the mapping.
    """

    items: ListOf
    values: MapOf

    def chosen(self, raw: Any) -> Shape:
        """Return the shape of the mapping for mappings."""
        return self.values if isinstance(raw, Mapping) else self.items


@dataclass(frozen=True)
class MapOf(Shape):
    """Values of one shape by names that the user chooses, at least one.

    Args:
        item: the shape of each.
        words: what is expected, in words.
        hint: what to write instead of something else.
        key: gives a name the form in which it is kept.
        is_identifier: whether names are like those of variables.
        clash: what to say, and what to do, when names come out the same.
        least: names that there must be.
        by_output: whether the names are those of the model's outputs.
    """

    item: Shape
    words: str = "a mapping"
    hint: Hint = None
    key: Callable[[str], str] = str
    is_identifier: bool = False
    clash: tuple[str, str] | None = None
    least: int = 1
    by_output: bool = False

    def parse(self, raw: Any, report: Report) -> Any:
        """Return a dict."""
        if not isinstance(raw, Mapping) or len(raw) < self.least:
            is_empty = isinstance(raw, Mapping) and self.words == "a mapping"
            words = "at least one item" if is_empty else self.words
            return report.fault(
                f"expected {words}, received {show(raw)}", None if is_empty else _hint(self.hint, raw, "dict")
            )
        found = len(report.faults)
        for name in raw if self.is_identifier else ():
            if not IDENTIFIER.fullmatch(str(name)):
                hint = "use letters, digits and `_`, starting with a letter"
                report.at(str(name)).fault(f"{named(name)} cannot be a name here", hint, at_key=True)
        values = {self.key(str(name)): self.item.parse(value, report.at(str(name))) for name, value in raw.items()}
        if self.clash is not None and len(values) < len(raw) and len(report.faults) == found:
            report.fault(*self.clash)
        return values

    def child(self, part: str | int) -> Shape:  # noqa: ARG002
        """Return the shape of every value."""
        return self.item

    def outputs(self, raw: Any) -> Iterable[str]:
        """Return the names, if they are those of outputs."""
        return list(map(str, raw)) if self.by_output and isinstance(raw, Mapping) else ()


def _is_mapping(raw: Any) -> bool:
    return isinstance(raw, Mapping) and bool(raw)


@dataclass(frozen=True)
class OneOrByName(Chosen):
    """One value, or values by name.

    Args:
        one: the shape of a value.
        goes_by_name: tells which of both is written.
        key: gives a name the form in which it is kept.
        by_output: whether the names are those of the model's outputs.
    """

    one: Shape
    goes_by_name: Callable[[Any], bool] = _is_mapping
    key: Callable[[str], str] = str
    by_output: bool = True

    @property
    def several(self) -> MapOf:
        """The shape of values by name."""
        return MapOf(self.one, key=self.key, least=0, by_output=self.by_output)

    @property
    def is_list(self) -> bool:  # type: ignore[override]
        """Whether one value is a list."""
        return self.one.is_list

    def chosen(self, raw: Any) -> Shape:
        """Return the shape of one value, or that of values by name."""
        return self.several if self.goes_by_name(raw) else self.one

    def outputs(self, raw: Any) -> Iterable[str]:
        """Return the names of the outputs that values are given for."""
        return self.several.outputs(raw) if self.goes_by_name(raw) else ()


def _hint(hint: Hint, raw: Any, type_: str | None = None) -> str | None:
    if hint is None:
        return type_remedy(raw, [type_]) if type_ is not None else None
    return hint(raw) if callable(hint) else hint
