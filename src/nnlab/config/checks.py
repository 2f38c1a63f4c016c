"""The registry of checks: a function a rule, for what is wrong between the keys of a section though each may hold.

A rule that finds mistakes gets the section's plain keys, `null` left out, whatever is wrong with their values, so that
all is told at once; one that gives advice gets the typed section of a config that holds.

    @check("layers-or-hidden", SequentialConfig)
    def layers_or_hidden(given: Mapping[str, Any]) -> Iterator[Fault]:
        if "layers" in given and "hidden" in given:
            yield Fault(("hidden",), "`layers` and `hidden` do not go together", "keep one of them", at_key=True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from nnlab.config.faults import Fault

Severity: TypeAlias = Literal["error", "advice"]
Find = TypeVar("Find", bound=Callable[[Any], Iterator[Fault]])


class Check(NamedTuple):
    """A registered rule.

    Args:
        name: what messages call it.
        section: the class whose keys it looks at.
        severity: `error` refuses the config, `advice` never does.
        find: yields what is wrong; paths are relative to the section.
    """

    name: str
    section: type
    severity: Severity
    find: Callable[[Any], Iterator[Fault]]


CHECKS: dict[str, Check] = {}
"""Every rule by name."""


def check(name: str, section: type, *, severity: Severity = "error") -> Callable[[Find], Find]:
    """Register a function as a rule; the arguments are those of `Check`."""

    def register(find: Find) -> Find:
        CHECKS[name] = Check(name, section, severity, find)
        return find

    return register


def checks_of(section: type, severity: Severity = "error") -> list[Check]:
    """Return the rules of a section, in the order in which they were registered."""
    return [each for each in CHECKS.values() if each.severity == severity and issubclass(section, each.section)]
