"""What a user is told when something is wrong: one `Problem` for each mistake, with its place and its remedy."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal, TypeVar

from nnlab.wording import cut, visible

Item = TypeVar("Item")
Found = TypeVar("Found")

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
        rule: the name of the rule that found it, if it has one.
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
        return visible(head) + (f"\n  hint: {visible(self.hint)}" if self.hint else "")


class NnlabError(Exception):
    """A mistake in what nnlab was given. The command line shows its problems and exits with `exit_code`."""

    exit_code: ClassVar[int] = 2

    def __init__(self, problems: str | Problem | Sequence[Problem], *, hint: str | None = None) -> None:
        if isinstance(problems, str):
            problems = [Problem(problems, hint=hint)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def raise_any(cls, problems: Iterable[Problem]) -> None:
        """Raise all of the problems at once, if there are any."""
        found = tuple(problems)
        if found:
            raise cls(found)

    @classmethod
    def of_each(cls, do: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
        """Do something with each item, and return what comes of it; raise the problems of all of them at once."""
        found: list[Found] = []
        problems: dict[Problem, None] = {}
        for item in items:
            try:
                found.append(do(item))
            except NnlabError as error:
                problems.update(dict.fromkeys(error.problems))
        cls.raise_any(problems)
        return found


class LostError(NnlabError):
    """A process that did a part of the work is gone: no mistake in what was given."""

    exit_code = 1


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
        text += f"[{part}]" if isinstance(part, int) else f".{cut(part)}" if text else cut(part)
    return text


def nearest(word: str, choices: Iterable[str]) -> list[str]:
    """Return which of `choices` come nearest to `word`: several if they come equally near, none if none is near.

    Upper and lower case count as equal, and so do initials: `lr` is near to `learning_rate`.

    >>> nearest("Conv", ["Conv1D", "Conv2D", "Dense"])
    ['Conv1D', 'Conv2D']
    """
    return list(_nearest(word, tuple(map(str, choices))))


@lru_cache(maxsize=256)  # a mistake that stands in a thousand places is looked at once
def _nearest(word: str, choices: tuple[str, ...]) -> list[str]:
    by_folded: dict[str, str] = {}
    for choice in choices:
        by_folded.setdefault(choice.casefold(), choice)
    folded = word.casefold()
    if folded in by_folded:
        return [by_folded[folded]]
    abbreviated = [choice for choice in by_folded if _initials(choice) == folded]
    if abbreviated:
        return [by_folded[choice] for choice in abbreviated]
    import difflib  # only a mistake needs it

    near = difflib.get_close_matches(folded, by_folded, n=3, cutoff=0.6)
    ratios = {choice: difflib.SequenceMatcher(None, choice, folded).ratio() for choice in near}
    return [by_folded[choice] for choice in by_folded if ratios.get(choice) == max(ratios.values())] if ratios else []


def _initials(name: str) -> str | None:
    return "".join(part[:1] for part in name.split("_")) if "_" in name else None


def did_you_mean(word: str, choices: Iterable[str], *, prefix: str = "") -> str | None:
    """Say which of `choices` comes nearest to `word`; `None` if none is near.

    Args:
        word: what was written.
        choices: what may be.
        prefix: stands before each of them where they are written, and makes none the nearer.

    >>> did_you_mean("rellu", ["relu", "selu", "tanh"])
    'did you mean `relu`?'
    """
    near = [f"`{prefix}{choice}`" for choice in nearest(word, choices)]
    if not near:
        return None
    return f"did you mean {' or '.join([', '.join(near[:-1]), near[-1]] if near[1:] else near)}?"


_REMEDIES = {
    errno.ENOSPC: "free some space on that disk, or give a folder on another one",
    errno.EDQUOT: "free some of your space on that disk, or give a folder on another one",
    errno.EFBIG: "the system lets no file grow so large: `ulimit -f` shows and changes it",
    errno.ENOENT: "the file or its folder is not there, or not any more: make it again, or give another one",
    errno.EACCES: "give a folder that you may write in, or ask for the right to",
    errno.EPERM: "give a folder that you may write in, or ask for the right to",
    errno.EROFS: "the disk is read-only: give a folder on another one",
}


def system_problem(error: BaseException) -> Problem | None:
    """Say what the operating system refused, of which file, and what to do about it; `None` if it refused nothing.

    Libraries that write in languages of their own raise what they like, with the system's words in it.
    """
    code = getattr(error, "errno", None) or next((code for code in _REMEDIES if os.strerror(code) in str(error)), None)
    if code is None and not isinstance(error, OSError):
        return None
    # of a file that is renamed, the second name is the one that it was to have
    place = getattr(error, "filename2", None) or getattr(error, "filename", None)
    reason = first_line(error) if code is None else os.strerror(code)
    reason = reason[:1].lower() + reason[1:]
    return Problem(f"cannot use `{place}`: {reason}" if place else reason, _REMEDIES.get(code or 0))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation needed more memory than there is, in TensorFlow or elsewhere."""
    return isinstance(error, MemoryError) or (
        type(error).__name__ == "ResourceExhaustedError" and system_problem(error) is None
    )


LONGEST_SENTENCE = 400
"""Characters of a library's message that help."""

_STACKS = re.compile(r"(most recent call last\):|The op is created at:)\s*$")
_STACK_LINE = re.compile(r'\s|File "|$')
_FRAMES = re.compile(
    r"(Graph execution error:|\d+ root error\(s\) found\.|\d+ (successful operations|derived errors ignored)\."
    r"|Exception encountered when calling \S+\(\)\.|Hint: If you want to see .*|Function call stack:.*)\s*$"
)
_NAMES_OF_NODES = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"^\(\d+\) [A-Z_]+: ", ""),  # of several root errors, each with its code
    (r" for '\{\{node .*?'(?= with |[.,]?$)", ""),
    (r" when trying to compile graph \S+(?: \S+\])?", ""),
    (r" (?:compatible with|defined at|at|in) (?:node )?\{\{node [^}]*\}\}", ""),
    (r"\[?\[?\{\{[^}]*\}\}\]?\]?", ""),
    (r"\[Op:[^\]]*\](?: name:.*$)?", ""),
    (r" on /job:\S*| by allocator \S+", ""),
    (r"\S*__(?:inference|forward|backward|wrapped)_\S*", ""),
)


def sentences(error: BaseException) -> list[str]:
    """Return the lines of a library's message that say what is wrong, or the kind of the error if none does.

    TensorFlow and Keras put theirs between names of nodes, functions and layers, stacks and lists of arguments.
    """
    text = re.split(r"\n*Arguments received by", str(error))[0]
    text = text.rpartition("Error encountered:\n")[2]
    found: list[str] = []
    in_stack = False
    for line in text.splitlines():
        if _STACKS.search(line):
            in_stack = True
        elif not (in_stack and _STACK_LINE.match(line)):
            in_stack = False
            found.append(_without_nodes(line))
    return [line for line in found if line] or [type(error).__name__]


def _without_nodes(line: str) -> str:
    line = line.strip()
    for pattern, replacement in _NAMES_OF_NODES:
        line = re.sub(pattern, replacement, line)
    return _FRAMES.sub("", " ".join(line.split()))


def first_line(error: BaseException) -> str:
    """Return the first line of a library's message that says what is wrong, or the kind of the error if none does."""
    return cut(sentences(error)[0].rstrip(". "), longest=LONGEST_SENTENCE)
