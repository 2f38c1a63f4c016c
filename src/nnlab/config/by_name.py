"""Values by the names of outputs, inputs or arrays: all of the code has them so, also what there is only one of.

Configs, the records of runs and Keras write what there is one of without a name; these functions go between the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

UNNAMED = ""
"""The name of what has none: rows that are one array, a target that all outputs share."""


def said_of(
    name: str, given: T | Mapping[str, T] | Mapping[str, T | None] | None, default: T | None = None
) -> T | None:
    """Return what a config says of one output or array: the value of all of them, or that of its name."""
    return given.get(name, default) if isinstance(given, Mapping) else given


def only(values: Mapping[str, T]) -> T:
    """Return what there is one of, or the first one."""
    return next(iter(values.values()))


def one_or_all(values: Mapping[str, T]) -> T | Mapping[str, T]:
    """Return values by name, or the value itself if there is only one: as configs, records and Keras have them."""
    return only(values) if len(values) == 1 else values


def shared(values: Mapping[str, T]) -> Mapping[str, T]:
    """Return what goes by output; what there is one of is that of all outputs, and `UNNAMED`."""
    return {UNNAMED: only(values)} if len(values) == 1 else values


def by_output(values: Mapping[str, T], output: str) -> T:
    """Return what belongs to an output: its own, or what all share."""
    return values[output if output in values else UNNAMED]
