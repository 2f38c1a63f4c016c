"""YAML text as a tree of nodes that remember where they stand.

The tree is built from parser events and never from YAML tags, so that a config can name no Python object. Scalars
follow YAML 1.2: `yes` and `12:30` are text, `1e-3` and `10_000` are numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml

from nnlab.errors import ConfigError, ConfigPath, Problem, nearest
from nnlab.special_files import special_file
from nnlab.wording import named, show

MAX_DEPTH = 40
MAX_NODES = 200_000
MAX_BYTES = 10_000_000
MAX_CORRECTED = 50
"""Lines of a file that are read as they were meant, to find the other mistakes too."""

Scalar = str | int | float | bool | None

_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*$")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,16}$|0o[0-7]{1,21}$")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$")
_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "true": True, "false": False,
    ".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan"),
}  # fmt: skip


class Mark(NamedTuple):
    """A place in a file; `file` alone for a value from the command line."""

    file: str
    line: int | None = None
    column: int | None = None


@dataclass(slots=True)
class Node:
    """A value of the config with its place.

    Args:
        key_mark: the place of its key in a mapping.
        size: nodes in it, itself included.
        depth: levels of collections in it, itself included.
    """

    value: Scalar | list[Node] | dict[str, Node]
    mark: Mark
    key_mark: Mark | None = None
    size: int = field(default=1, compare=False)
    depth: int = field(default=0, compare=False)

    def copy(self) -> Node:
        """Return a copy that shares nothing with it (`copy.deepcopy` takes ten times as long)."""
        value = self.value
        if isinstance(value, dict):
            value = {key: child.copy() for key, child in value.items()}
        elif isinstance(value, list):
            value = [child.copy() for child in value]
        return Node(value, self.mark, self.key_mark, self.size, self.depth)

    def plain(self) -> Any:
        """Return the value as plain lists, dicts and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def find(self, path: ConfigPath, *, key: bool = False) -> Mark:
        """Return the place of the value at `path` (or of its key), or of what encloses it if it is not there."""
        node = self
        for part in path:
            if isinstance(node.value, dict) and part in node.value:
                node = node.value[str(part)]
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
            else:
                key = key or isinstance(node.value, dict)
                break
        return (node.key_mark or node.mark) if key else node.mark


def place(problem: Problem, mark: Mark) -> Problem:
    """Return the problem with its place."""
    return replace(problem, file=mark.file, line=mark.line, column=mark.column)


def from_plain(value: Any, mark: Mark) -> Node:
    """Make a tree of nodes, all at one place, from plain values."""
    if isinstance(value, dict):
        children = {str(key): from_plain(child, mark) for key, child in value.items()}
        return Node(children, mark, key_mark=mark)
    if isinstance(value, (list, tuple)):
        return Node([from_plain(child, mark) for child in value], mark)
    return Node(value, mark)


def read_file(path: Path, *, problems: list[Problem] | None = None) -> tuple[str, Node]:
    """Read a config file.

    Args:
        path: the file.
        problems: gets the mistakes behind which the text could be read on; without it the first one is raised.

    Returns:
        The text and its tree.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or holds something else than one mapping.
    """
    file = str(path)
    try:
        _check_file(path)
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        hint = "give the path of a YAML file"
        if (suggestion := similar_file(path)) is not None:
            hint = f"did you mean `{suggestion}`?"
        raise ConfigError(Problem("there is no such file", hint=hint, file=file)) from None
    except IsADirectoryError:
        raise ConfigError(Problem("this is a folder", hint="give the path of a YAML file", file=file)) from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig")
        problem = Problem(
            f"the byte {error.object[error.start]:#04x} is not UTF-8 text",
            hint="save the file as UTF-8",
            file=file, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"),
        )  # fmt: skip
        raise ConfigError(problem) from None
    except (OSError, ValueError) as error:  # a ValueError for a path that no file can have
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(Problem(f"cannot be read: {reason.lower()}", file=file)) from None
    root = read_text(text, file, problems=problems)
    if root.value is None:
        raise ConfigError(Problem("the file is empty", hint="a config needs at least `data` and `model`", file=file))
    if not isinstance(root.value, dict):
        message = f"expected a mapping such as `data: digits`, received {show(root.plain())}"
        raise ConfigError(place(Problem(message, "a config is `key: value` lines"), root.mark))
    return text, root


def _check_file(path: Path) -> None:
    """Refuse what would never end when it is read, and what is no config by its size.

    Raises:
        ConfigError: it is a pipe, a device, or too long.
        OSError: it cannot be looked at.
    """
    what = special_file(path)
    if what is not None:
        hint = "a config is a file, whose folder and name count: write it into one"
        raise ConfigError(Problem(f"this is {what}", hint=hint, file=str(path)))
    size = path.stat().st_size
    if size > MAX_BYTES:
        message = f"the file has {size / 1e6:.0f} MB, and a config at most {MAX_BYTES // 10**6}"
        raise ConfigError(Problem(message, hint="keep data in a CSV or NPZ file", file=str(path)))


def read_text(text: str, file: str, *, located: bool = True, problems: list[Problem] | None = None) -> Node:
    """Parse one YAML document; `located=False` for a value of the command line, which has no lines.

    Mistakes whose remedy is sure go to `problems`, if it is given, and the text is read on as it was meant.
    """
    try:
        return _Composer(file, located).compose(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        from nnlab.config.syntax import corrected, syntax_problem  # only a mistake needs it

        problem = syntax_problem(error, text, file, located=located)
        better = corrected(error, text) if problems is not None and len(problems) < MAX_CORRECTED else None
        if problems is None or better is None:
            raise ConfigError(problem) from None
        problems.append(problem)
        return read_text(better, file, located=located, problems=problems)
    except UnicodeEncodeError as error:  # bytes of the command line that are not UTF-8
        message = f"the value is not UTF-8 text, from its character {error.start + 1} on"
        raise ConfigError(Problem(message, "write it in UTF-8", file=file)) from None


class _Composer:
    """Builds the tree from parser events, without recursion, refusing what would be ambiguous or explode."""

    def __init__(self, file: str, located: bool) -> None:
        self.file = file
        self.located = located
        self.anchors: dict[str, Node | None] = {}
        self.nodes = 0

    def compose(self, events: Iterator[yaml.Event]) -> Node:
        root: Node | None = None
        stack: list[tuple[Node, str | None]] = []  # open collections, with their anchors
        keys: list[tuple[str, Mark] | None] = []  # the key waiting for its value, one a collection

        def close(node: Node, anchor: str | None) -> None:
            nonlocal root
            if anchor is not None:
                self.anchors[anchor] = node
            if stack:
                self._attach(stack[-1][0], node, keys)
            else:
                root = node

        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                self._refuse(event, "a second document starts here", "a config is one document: keep one of them")
            elif isinstance(event, yaml.CollectionStartEvent):
                self._check_tag(event)
                self._check_depth(event, len(stack) + 1)
                self._count(event, 1)
                anchor = event.anchor
                if anchor is not None:
                    self.anchors[anchor] = None
                empty: dict[str, Node] | list[Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
                stack.append((Node(empty, self._mark(event), depth=1), anchor))
                keys.append(None)
            elif isinstance(event, yaml.CollectionEndEvent):
                node, anchor = stack.pop()
                keys.pop()
                close(node, anchor)
            elif isinstance(event, yaml.ScalarEvent):
                self._check_tag(event)
                self._count(event, 1)
                value = event.value if event.style else resolve_scalar(event.value)
                close(Node(value, self._mark(event)), event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                close(self._alias(event, len(stack)), None)
        return root if root is not None else Node(None, self._first_mark())

    def _attach(self, parent: Node, node: Node, keys: list[tuple[str, Mark] | None]) -> None:
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        assert isinstance(parent.value, dict)
        if keys[-1] is None:
            if isinstance(node.value, (dict, list)):
                self._refuse(node, f"a key must be a name, received {show(node.plain())}", "write `name: value`")
            keys[-1] = (_key_text(node.value), node.mark)
            return
        key, mark = keys[-1]
        keys[-1] = None
        if key == "<<":
            self._merge(parent, node)
            return
        if key in parent.value and parent.value[key].key_mark is not None:
            first = parent.value[key].key_mark
            where = f" in line {first.line}" if first and first.line else ""
            hint = f"it was given{where}: keep one of them"
            self._refuse(mark, f"the key {named(key)} stands here a second time", hint)
        node.key_mark = mark
        parent.value[key] = node

    def _merge(self, parent: Node, node: Node) -> None:
        assert isinstance(parent.value, dict)
        for source in node.value if isinstance(node.value, list) else [node]:
            if not isinstance(source.value, dict):
                message = f"`<<` merges mappings only, received {show(source.plain())}"
                self._refuse(source, message, "name the anchor of a mapping, such as `<<: *base`")
            for key, child in source.value.items():
                if key not in parent.value:
                    inherited = child.copy()
                    inherited.key_mark = None  # an explicit key may still replace it
                    parent.value[key] = inherited

    def _alias(self, event: yaml.AliasEvent, level: int) -> Node:
        name = event.anchor or ""
        if name not in self.anchors:
            self._refuse(event, f"the anchor `{name}` is not defined above", f"write `&{name}` at the value first")
        target = self.anchors[name]
        if target is None:
            self._refuse(event, f"the alias `*{name}` stands inside its own anchor", "remove the alias")
        self._check_depth(event, level + target.depth)
        self._count(event, target.size)
        copy = target.copy()
        copy.mark = self._mark(event)
        return copy

    def _count(self, event: yaml.Event, number: int) -> None:
        self.nodes += number
        if self.nodes > MAX_NODES:
            hint = "keep data in a CSV or NPZ file, and do not nest aliases"
            self._refuse(event, f"the config holds more than {MAX_NODES:_} values", hint)

    def _check_depth(self, event: yaml.Event, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels", "flatten the config")

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._refuse(event, f"the tag `{tag}` is not allowed", "a config holds plain values; remove the tag")

    def _first_mark(self) -> Mark:
        return Mark(self.file, 1, 1) if self.located else Mark(self.file)

    def _mark(self, event: yaml.Event) -> Mark:
        if not self.located:
            return Mark(self.file)
        start = event.start_mark
        assert start is not None
        return Mark(self.file, start.line + 1, start.column + 1)

    def _refuse(self, where: yaml.Event | Node | Mark, message: str, hint: str) -> NoReturn:
        mark = where if isinstance(where, Mark) else where.mark if isinstance(where, Node) else self._mark(where)
        raise ConfigError(place(Problem(message, hint), mark))


def resolve_scalar(text: str) -> Scalar:
    """Read an unquoted scalar.

    >>> resolve_scalar("1e-3"), resolve_scalar("10_000"), resolve_scalar("yes")
    (0.001, 10000, 'yes')
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.match(text):
        digits = text.replace("_", "")
        return int(digits) if len(digits) <= 40 else float(digits)  # Python refuses to read thousands of digits exactly
    if _HEXADECIMAL.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text.replace("_", ""))
    return text


def yaml_number(number: float) -> str:
    """Write a number so that every YAML reads one: YAML 1.1 takes `1e-05` for text."""
    text = repr(number)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _key_text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def similar_file(path: Path) -> Path | None:
    """Return the YAML file in the path's folder that has nearly its name, if there is one."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
    except (OSError, ValueError):
        return None
    by_stem = {Path(name).stem: name for name in names}
    near = nearest(path.stem, by_stem)
    return path.parent / by_stem[near[0]] if near else None
