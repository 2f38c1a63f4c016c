"""What the JSON files of a run hold: their values are checked when they are read, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from nnlab.wording import show

_AS_WRITTEN = ConfigDict(extra="allow", strict=True)  # no text for a number; what is not read may be anything


@with_config(_AS_WRITTEN)
class ErrorRecord(TypedDict):
    """Why a run failed."""

    message: str
    hint: str | None


@with_config(_AS_WRITTEN)
class BestRecord(TypedDict):
    """The best of a comparison or search."""

    metric: str
    score: float | None


@with_config(_AS_WRITTEN)
class InfoRecord(TypedDict, total=False):
    """`run.json`, as far as something reads it."""

    status: str
    name: str
    kind: str
    command: list[str]
    overrides: list[str]
    started: str
    finished: str
    seconds: float | None
    epochs: int | None
    params: int | None
    seed: int | None
    versions: dict[str, str | None]
    error: ErrorRecord | None
    diverged: bool
    trials: int | None
    failed: int | None
    best: BestRecord | None
    problems: list[str]
    behind: int
    search_seconds: float


INFO: TypeAdapter[Any] = TypeAdapter(InfoRecord)
METRICS: TypeAdapter[Any] = TypeAdapter(dict[str, dict[str, float | None] | None], config=ConfigDict(strict=True))
ANYTHING: TypeAdapter[Any] = TypeAdapter(dict[str, Any])


def checked(content: Any, shape: TypeAdapter[Any]) -> dict[str, Any]:
    """Return what a file holds.

    Args:
        content: as read.
        shape: one of this module.

    Raises:
        ValueError: it is something else, with the first value that is.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"it holds {show(content)}, not a mapping")
    try:
        found: dict[str, Any] = shape.validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"`{place}` is {show(first['input'])}: {_words(first['msg'])}") from None
    return found


def _words(message: str) -> str:
    return message.replace("Input should", "it should").replace("Field required", "a value is missing")
