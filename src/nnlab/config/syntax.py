"""What to say about text that is not YAML: the parser's reports in the words of a person."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from nnlab import catalog
from nnlab.errors import Problem


class _Rule(NamedTuple):
    """What to say about one kind of report.

    Args:
        report: a pattern of `context: problem: character`, as the parser gives them.
        message: what is wrong; `{problem}` is what the parser says.
        hint: what to do; `{since}` is the place where the construct begins.
        at_start: whether the problem stands where the construct begins rather than where the parser stopped.
    """

    report: str
    message: str
    hint: str
    at_start: bool = False


_NO_BREAK_SPACES = "the text holds no-break spaces (U+00A0): replace them with ordinary ones"
_QUOTE_IT = "put quotes round text that starts with it"
_NO_COLON_HERE = "no `:` may stand here"
_RULES = (
    _Rule("flow sequence: .*','", "expected `,` or `]` here", "the `[`{since} is not closed, or a comma is missing"),
    _Rule("flow mapping: .*','", "expected `,` or `}` here", "the `{`{since} is not closed, or a comma is missing"),
    _Rule(
        "quoted scalar: .*end of",
        "this quote is not closed",
        "write the same quote at the end of the text",
        at_start=True,
    ),
    _Rule(
        "quoted scalar: ",
        "this backslash does not go with what follows",
        "a backslash is special in double quotes: use single quotes, or write it twice",
    ),
    _Rule(
        "expected ':'",
        "expected a `:` after this key",
        "write `key: value`, or `key:` above an indented block",
        at_start=True,
    ),
    _Rule(
        "mapping values are not allowed",
        _NO_COLON_HERE,
        "it is one too many, or the line above lacks its `:` or is indented differently; quote text that holds `: `",
    ),
    _Rule(
        "block mapping: ",
        "expected a key here",
        "the block{since} goes on here: indent its keys alike, and quote text with special characters",
    ),
    _Rule(
        "block collection: ",
        "expected a `-` here",
        "the list{since} goes on here: indent its dashes alike, and what follows it less",
    ),
    _Rule("alias: ", "`*` is special here", _QUOTE_IT, at_start=True),
    _Rule("anchor: ", "`&` is special here", _QUOTE_IT, at_start=True),
    _Rule("tag", "`!` is special here", _QUOTE_IT, at_start=True),
    _Rule("any token: \t|tab character", "a tab cannot indent a line", "indent with spaces"),
    _Rule("any token: ", "this character cannot start a value", "put quotes round the text"),
    _Rule("document start", "the config ends before this", "remove it, or look for a bracket that closes too early"),
    _Rule(
        "node content", "expected a value here", "look for a bracket that is not closed, or a comma or bracket too many"
    ),
    _Rule("", "{problem}", "put quotes round text with special characters"),
)


def syntax_problem(error: yaml.YAMLError, text: str, file: str, *, located: bool) -> Problem:
    """Return the problem that a report of the parser means.

    Args:
        error: what the parser raised.
        text: what it read.
        file: the file, or the command-line option.
        located: whether lines and columns mean anything to the user.
    """
    if isinstance(error, yaml.reader.ReaderError):
        return _unreadable_character(error, text, file, located=located)
    stop: Any = getattr(error, "problem_mark", None)
    start: Any = getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    report = f"{getattr(error, 'context', '')}: {problem}: {_character_at(text, stop)}"
    rule = next(rule for rule in _RULES if re.search(rule.report, report))
    since = f" of line {start.line + 1}, column {start.column + 1}," if located and start is not None else ""
    message = f"not valid YAML: {rule.message.replace('{problem}', problem.replace(chr(39), '`'))}"
    hint = _NO_BREAK_SPACES if "\u00a0" in text else rule.hint.replace("{since}", since)
    if rule.message == _NO_COLON_HERE and (line := _line_without_space(text, stop)) is not None:
        hint = f"put a space behind the `:` of `{line}`"
    if rule.message == _NO_COLON_HERE and (better := corrected(error, text)) is not None:
        hint = f"put braces round the parameters: `{better.split(chr(10))[stop.line].partition('#')[0].strip()}`"
    mark = start if rule.at_start and start is not None else stop
    if not located or mark is None:
        return Problem(message, hint, file=file)
    return Problem(message, hint, file=file, line=mark.line + 1, column=mark.column + 1)


def in_braces(line: str) -> str | None:
    """Write `- Dense: 10, activation: softmax` with braces; `None` if it is nothing of the kind."""
    found = re.fullmatch(r"(\s*(?:- +)?)(\w+): ([^,:{}\[\]#'\"]+), (\w+: [^#]*?)(\s*(?:#.*)?)", line)
    if found is None:
        return None
    start, name, value, rest, end = found.groups()
    entry = next((entry for kind in catalog.KINDS if (entry := catalog.find(kind, name)) is not None), None)
    if entry is None or entry.first_parameter is None:
        return None
    return f"{start}{name}: {{{entry.first_parameter}: {value}, {rest}}}{end}"


def corrected(error: yaml.YAMLError, text: str) -> str | None:
    """Return the text with the line of a mistake as it was surely meant, `None` if that is not sure."""
    mark: Any = getattr(error, "problem_mark", None)
    lines = text.split("\n")
    line = in_braces(lines[mark.line].rstrip("\r")) if mark is not None and mark.line < len(lines) else None
    return None if line is None else "\n".join([*lines[: mark.line], line, *lines[mark.line + 1 :]])


def _line_without_space(text: str, mark: Any) -> str | None:
    """Return the line of a mistake, or the one above, if it is `key:value`, which YAML takes for a text."""
    lines = [line.strip() for line in text.split("\n")[: mark.line + 1] if line.strip()]
    for line in reversed(lines[-2:]):
        found = re.match(r"(?:- +)?(\w+:[^\s:/]\S{0,20})", line)
        if found is not None:
            return found[1]
    return None


def _character_at(text: str, mark: Any) -> str:
    lines = text.split("\n")
    return lines[mark.line][mark.column : mark.column + 1] if mark is not None and mark.line < len(lines) else ""


def _unreadable_character(error: Any, text: str, file: str, *, located: bool) -> Problem:
    before = text.encode()[: error.position].decode(errors="ignore")  # the parser counts bytes
    message = f"the character U+{error.character:04X} cannot stand in a config"
    hint = "remove it, and see whether this is a text file"
    if not located:
        return Problem(message, hint, file=file)
    line = before.count("\n") + 1
    return Problem(message, hint, file=file, line=line, column=len(before) - before.rfind("\n"))
