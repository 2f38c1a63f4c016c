"""What is wrong with the values of a config, gathered while they are read."""

from __future__ import annotations

from typing import Any, NamedTuple

from nnlab.errors import ConfigPath

MOST = 1000
"""Mistakes that are told: nobody reads more, and it takes time to look for what was meant."""


class Fault(NamedTuple):
    """A mistake: where (relative to what was looked at), what, and the remedy.

    Args:
        path: the place.
        message: what is wrong and what was received.
        hint: what to do.
        at_key: whether the key is to blame rather than the value.
        rule: the check that found it, if it has a name.
    """

    path: ConfigPath
    message: str
    hint: str | None = None
    at_key: bool = False
    rule: str | None = None


class Report:
    """Takes the mistakes of a config while it is read, each with its path.

    Args:
        root: the section that is read, which knows where misplaced keys belong.
        path: the place that is read now.
        faults: what was found so far.
    """

    __slots__ = ("faults", "path", "root")

    def __init__(self, root: Any = None, path: ConfigPath = (), faults: list[Fault] | None = None) -> None:
        self.root = root
        self.path = path
        self.faults: list[Fault] = [] if faults is None else faults

    @property
    def is_full(self) -> bool:
        """Whether nobody will read what is said about further mistakes."""
        return len(self.faults) >= MOST

    def at(self, *parts: str | int) -> Report:
        """Return the report of what stands below."""
        return Report(self.root, (*self.path, *parts), self.faults)

    def fault(self, message: str, hint: str | None = None, *, at_key: bool = False) -> Any:
        """Take a mistake of the value that is read; return `None`, which stands for it."""
        self.faults.append(Fault(self.path, message, hint, at_key))

    def add(self, fault: Fault) -> None:
        """Take a mistake whose path is relative to the value that is read."""
        self.faults.append(fault._replace(path=(*self.path, *fault.path)))
