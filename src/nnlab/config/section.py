"""Sections: the parts of the typed config that have keys of their own, and what a key is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Self

from nnlab.config.checks import checks_of
from nnlab.config.components import Component, Typed
from nnlab.config.faults import Report
from nnlab.config.nodes import Node
from nnlab.config.remedies import type_remedy
from nnlab.config.shapes import ANYTHING, Chosen, Shape
from nnlab.config.stray import refuse_key, section_remedy
from nnlab.wording import show


@dataclass(slots=True)
class Key:
    """A key of a section.

    Args:
        attribute: the attribute that holds its value.
        shape: what may stand there.
        about: what it is for, as the docs say it.
        default: its typed value when it is not written; `dataclasses.MISSING` if it must be.
        missing: what to write when it is not there.
    """

    attribute: str
    shape: Shape
    about: str
    default: Any
    missing: str | None = None

    @property
    def required(self) -> bool:
        """Whether a config must have it."""
        return self.default is NO_DEFAULT


def key(shape: Shape | type[Section], about: str = "", *, default: Any = None) -> Any:
    """Declare a key of a section that a config may leave out; the arguments are those of `Key`."""
    return field(default=default, metadata={"shape": _shape(shape), "about": about})


def required(shape: Shape | type[Section], about: str = "", *, missing: str | None = None) -> Any:
    """Declare a key of a section that a config must have; the arguments are those of `Key`."""
    return field(metadata={"shape": _shape(shape), "about": about, "missing": missing})


def _shape(shape: Shape | type[Section]) -> Shape:
    return Nested(shape) if isinstance(shape, type) else shape


@dataclass(frozen=True, kw_only=True)
class Section(Typed):
    """A frozen part of the config that refuses unknown keys."""

    short: ClassVar[str | None] = None
    """The key that a bare text stands for."""

    called: ClassVar[str | None] = None
    """What messages call it, if not by the key that holds it."""

    also: ClassVar[tuple[Mapping[str, Any], ...]] = ()
    """What may stand for it besides a mapping and that text, in JSON Schema."""

    @classmethod
    @cache
    def keys(cls) -> Mapping[str, Key]:
        """Return the keys as they are written; an attribute has an underscore behind a word of Python's."""
        return {
            each.name.rstrip("_"): Key(attribute=each.name, default=each.default, **each.metadata)
            for each in fields(cls)
            if each.metadata
        }

    @classmethod
    def read(cls, raw: Any) -> Self:
        """Return the section that plain values mean.

        Raises:
            ConfigError: with every mistake.
        """
        section: Self = Nested(cls).read(raw)
        return section

    @classmethod
    def parse(cls, raw: Any, report: Report) -> Self | None:
        """Return the section that plain values mean; mistakes go to the report, and `None` comes back."""
        raw = cls.opened(raw)
        if not isinstance(raw, dict):
            hint = type_remedy(raw, ["dict"]) or section_remedy(cls, raw, report.path)
            report.fault(f"expected a mapping, received {show(raw)}", hint)
            return None
        found, keys = len(report.faults), cls.keys()
        # `null` switches off what an extended file gives
        given = {name: value for name, value in raw.items() if value is not None or name not in keys}
        for rule in checks_of(cls):
            for fault in rule.find(given):
                report.add(fault._replace(rule=rule.name))
        strays = report if report.is_full else Report(report.root, report.path)  # told last
        meant = {near for name in given if name not in keys for near in refuse_key(cls, name, given[name], strays)}
        values = {}
        for name, each in keys.items():
            if name in given:
                values[each.attribute] = each.shape.parse(given[name], report.at(name))
            elif not each.required:
                values[each.attribute] = each.default
            elif name not in meant:
                message = f"`{name}` is empty" if name in raw else f"the key `{name}` is missing"
                report.at(name).fault(message, each.missing, at_key=True)
        report.faults += strays.faults if strays is not report else ()
        return cls(**values) if len(report.faults) == found else None

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """Return the long form of what may be written in short."""
        return {cls.short: raw} if cls.short is not None and isinstance(raw, str) else raw

    @classmethod
    def belongs_inside(cls, name: str, value: Any) -> tuple[str, str] | None:  # noqa: ARG003
        """Return the key under which an unknown one belongs with its value, and what to write, if there is one."""
        return None

    def written(self) -> Iterator[tuple[str, Any]]:
        """Yield the keys that a config holds, with their values."""
        for name, each in self.keys().items():
            yield name, getattr(self, each.attribute)

    def inside(self) -> Mapping[Any, Any]:
        """Return the values by key."""
        return dict(self.written())


@dataclass(frozen=True)
class Nested(Shape):
    """A section inside another one.

    Args:
        section: its class.
        switch: whether `true` stands for all of its defaults, and `false` for none of it.
    """

    section: type[Section]
    switch: bool = False

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the section, or `False`."""
        if self.switch and isinstance(raw, bool):
            return self.section.parse({}, report) if raw else False
        return self.section.parse(raw, report)

    def opened(self, node: Node) -> None:
        """Make a mapping of a bare text that stands for one key."""
        if self.section.short is not None and isinstance(node.value, str):
            node.value = {self.section.short: Node(node.value, node.mark, node.key_mark)}

    def child(self, part: str | int) -> Shape:
        """Return the shape of a key's value."""
        known = self.section.keys().get(str(part))
        return ANYTHING if known is None else known.shape

    def start(self, part: str | int) -> Any:
        """Return the default of an object or a section, in which another value is to be changed."""
        known = self.section.keys().get(str(part))
        if known is None:
            return {}
        default = known.default
        return default.plain() if isinstance(default, Component) else {} if isinstance(default, Section) else None


@dataclass(frozen=True)
class OrSection(Chosen):
    """A value of some shape, or a section.

    Args:
        one: the shape of the value.
        section: gives the section, which may hold such values itself.
        mark: the key by which the section is known; `None` if every mapping is one.
    """

    one: Shape
    section_of: Callable[[], type[Section]]
    mark: str | None = None

    @property
    def is_list(self) -> bool:  # type: ignore[override]
        """Whether the value is a list."""
        return self.one.is_list

    def chosen(self, raw: Any) -> Shape:
        """Return the shape of the section, or that of the value."""
        is_section = isinstance(raw, Mapping) and (self.mark is None or self.mark in raw)
        return Nested(self.section_of()) if is_section else self.one
