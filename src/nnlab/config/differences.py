"""What differs between two configs, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnlab.config.load import LoadedConfig, resolved
from nnlab.errors import ConfigPath

NOT_SET = "not set"
"""What stands for the value of a path that one of the configs does not have, by default neither."""

_MISSING = object()


def differences(before: LoadedConfig, after: LoadedConfig) -> list[tuple[ConfigPath, Any, Any]]:
    """Return the paths whose values differ as they are written, with both values.

    Where only one of the files has a value, the other's is the default, if there is one.
    """
    filled = [resolved(config.experiment) for config in (before, after)]
    found = [
        (path, *(_or_default(value, defaults, path) for value, defaults in zip(values, filled, strict=True)))
        for path, *values in _walk(before.root.plain(), after.root.plain(), ())
    ]
    return [(path, one, other) for path, one, other in found if one != other]  # a default may be written out


def _walk(one: Any, other: Any, path: ConfigPath) -> Iterator[tuple[ConfigPath, Any, Any]]:
    if one == other:
        return
    if isinstance(one, dict) and isinstance(other, dict) and (path == () or one.keys() & other.keys()):
        for key in {**one, **other}:
            yield from _walk(one.get(key, _MISSING), other.get(key, _MISSING), (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from _walk(*pair, (*path, i))
    else:
        yield path, one, other


def _or_default(value: Any, defaults: Any, path: ConfigPath) -> Any:
    """Return a value that is written, else what stands at its path where all defaults are filled in."""
    if value is not _MISSING:
        return value
    for part in path:
        try:
            defaults = defaults[part]
        except (LookupError, TypeError):
            return NOT_SET
    return NOT_SET if defaults is None else defaults
