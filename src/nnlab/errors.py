"""What a user is told when something is wrong: one `Problem` for each mistake, with its place and its remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

ConfigPath = tuple[str | int, ...]
"""Where a value stands in a config, such as `("model", "layers", 2, "Dense", "activation")`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake (or one piece of advice), the place where it stands, and what to do about it.

    Args:
        message: what is wrong and what was received; lower case, no final full stop.
        hint: what to do.
        path: the place in the config.
        file: the file, or the command-line option, that the value came from.
        line: line in the file, from 1.
        column: column in the file, from 1.
        severity: `error` stops the command; `advice` never does.
        rule: the name of the rule that gave the advice.
    """

    message: str
    hint: str | None = None
    path: ConfigPath = ()
    file: str | None = None
    line: int | None = None
    column: int | None = None
    severity: Literal["error", "advice"] = "error"
    rule: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        label = f"advice[{self.rule}]" if self.severity == "advice" else ""
        head = ": ".join(part for part in (place, format_path(self.path), label, self.message) if part)
        return f"{head}\n  hint: {self.hint}" if self.hint else head


class NnlabError(Exception):
    """A mistake in what nnlab was given. The command line shows its problems and exits with code 2."""

    def __init__(self, problems: str | Problem | Sequence[Problem], *, hint: str | None = None) -> None:
        if isinstance(problems, str):
            problems = [Problem(problems, hint=hint)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(NnlabError):
    """The problems of a config, all at once."""


class DataError(NnlabError):
    """The data cannot be used as the config says."""


def format_path(path: ConfigPath) -> str:
    """Write a path as messages show it.

    >>> format_path(("model", "layers", 2, "Dense", "activation"))
    'model.layers[2].Dense.activation'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """Say which of `choices` comes nearest to `word`; `None` if none is near.

    >>> did_you_mean("rellu", ["relu", "selu", "tanh"])
    'did you mean `relu`?'
    """
    by_folded: dict[str, str] = {}
    for choice in choices:
        by_folded.setdefault(choice.casefold(), choice)
    near = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f"did you mean `{by_folded[near[0]]}`?" if near else None


def one_of(choices: Iterable[str], *, most: int = 12) -> str:
    """List what may stand somewhere, for a hint.

    >>> one_of(["a", "b"])
    'one of `a`, `b`'
    """
    names = list(choices)
    text = ", ".join(f"`{name}`" for name in names[:most])
    return f"one of {text}" + (f" and {len(names) - most} more" if len(names) > most else "")


def show(value: Any, *, longest: int = 60) -> str:
    """Show a value that was received, in backticks, as YAML would write it, cut to a readable length."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        keys = ", ".join(f"`{key}`" for key in list(value)[:4])
        return f"a mapping with {keys}{', ...' if len(value) > 4 else ''}" if value else "an empty mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}" if value else "an empty list"
    text = str(value)
    return f"`{text if len(text) <= longest else text[: longest - 3] + '...'}`"
