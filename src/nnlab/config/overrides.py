"""The one way to change a config: put a value at a dotted path of its tree.

`--set`, search spaces and comparisons all go through `apply_overrides`. The kind of an object may be left out of a
path: `optimizer.learning_rate` is the learning rate of whatever optimizer stands there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from nnlab import catalog
from nnlab.config.components import OneOf
from nnlab.config.nodes import MAX_DEPTH, Mark, Node, from_plain, read_text
from nnlab.config.remedies import unknown_parameter_remedy
from nnlab.config.schema import Experiment
from nnlab.config.section import Nested
from nnlab.config.shapes import Shape
from nnlab.errors import ConfigError, ConfigPath, Problem, format_path
from nnlab.wording import show

WHOLE = Nested(Experiment)


class Override(NamedTuple):
    """A value for a path; `origin` is how the user wrote it, for messages."""

    path: ConfigPath
    value: Node
    origin: str


def parse_override(text: str, *, option: str = "--set") -> Override:
    """Read `a.b.c=VALUE`, the value as YAML.

    Raises:
        ConfigError: there is no `=`, no path, or the value is not YAML.
    """
    origin = f"{option} {text}"
    path_text, equals, value_text = text.partition("=")
    if not equals or not path_text.strip():
        problem = Problem("expected `PATH=VALUE`", hint="such as `--set optimizer.learning_rate=0.01`", file=origin)
        raise ConfigError(problem)
    return Override(parse_path(path_text, origin), read_text(value_text.strip(), origin, located=False), origin)


def override(path: str, value: Any, *, origin: str) -> Override:
    """Make an override of a plain value."""
    return Override(parse_path(path, origin), from_plain(value, Mark(origin)), origin)


def parse_path(text: str, origin: str) -> ConfigPath:
    """Read a dotted path; list items are numbers, as `layers.1` or `layers[1]`."""
    dotted = re.sub(r"\[(\d+)\]", r".\1", text.strip())
    parts = dotted.split(".")
    if not all(part.strip() for part in parts):
        problem = Problem(f"`{text}` is not a path", hint="write names with dots: `model.layers.1.units`", file=origin)
        raise ConfigError(problem)
    if len(parts) > MAX_DEPTH:
        raise ConfigError(Problem(f"the path has more than {MAX_DEPTH} parts", "shorten it", file=origin))
    return tuple(int(part) if re.fullmatch("[0-9]{1,9}", part) else part for part in parts)


def apply_overrides(root: Node, overrides: Sequence[Override]) -> None:
    """Change the tree in place, shorter paths first.

    Raises:
        ConfigError: with every path that leads nowhere.
    """
    problems: list[Problem] = []
    for item in sorted(overrides, key=lambda item: len(item.path)):
        try:
            if item.path[0] == "extends":
                raise ConfigError(Problem("`extends` is for files only", "write it into the file", file=item.origin))
            _set(root, item, 0, WHOLE)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def merge(base: Node, top: Node, shape: Shape = WHOLE) -> Node:
    """Lay one tree over another: mappings are merged, everything else is replaced.

    An object of another kind (`optimizer: {Adam: ...}` over `{SGD: ...}`) replaces what was there, and so does a bare
    name.
    """
    says_type = isinstance(top.value, dict) and "type" in top.value
    below, shape = shape.among(base), shape.among(top if says_type else base)
    if isinstance(shape, OneOf):
        return _merge_components(base, top, shape)
    for node in (base, top):
        below.opened(node)
    if not isinstance(base.value, dict) or not isinstance(top.value, dict):
        return top
    children = dict(base.value)
    for key, child in top.value.items():
        children[key] = merge(children[key], child, shape.child(key)) if key in children else child
    return Node(children, top.mark, top.key_mark)


def _merge_components(base: Node, top: Node, one: OneOf) -> Node:
    below, above = _taken_apart(base, one), _taken_apart(top, one)
    merged = base if top.value == {} and above else _merge_bare_components(base, top, one)
    return _put_together(merged, {**below, **above})


def _taken_apart(node: Node, one: OneOf) -> dict[str, Node]:
    """Take out of a node what stands beside the object, as `from` does, and return it."""
    if not one.besides or not isinstance(node.value, dict):
        return {}
    return {key: node.value.pop(key) for key in one.besides if key in node.value}


def _put_together(node: Node, beside: dict[str, Node]) -> Node:
    if isinstance(node.value, dict):
        node.value.update(beside)
    return node


def _merge_bare_components(base: Node, top: Node, one: OneOf) -> Node:
    name = one.name_in(top)
    if name is None or name != one.name_in(base):
        return top
    for node in (base, top):
        one.opened(node)
    assert isinstance(base.value, dict)
    assert isinstance(top.value, dict)
    ((_, below),) = base.value.items()
    ((written, above),) = top.value.items()
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return top
    parameters = dict(below.value)
    for key, child in above.value.items():
        parameters[key] = merge(parameters[key], child, one.parameter(name, key)) if key in parameters else child
    return Node({written: Node(parameters, above.mark, above.key_mark)}, top.mark, top.key_mark)


def _set(node: Node, item: Override, depth: int, shape: Shape) -> None:
    """Walk down from `node`, whose shape is given, and put the value where the path ends."""
    part = item.path[depth]
    shape = shape.among(node)
    if isinstance(shape, OneOf):
        beside = _taken_apart(node, shape)
        if str(part) in shape.besides and depth == len(item.path) - 1:
            beside[str(part)] = item.value
        else:
            _set_in_component(node, item, depth, shape)
        _put_together(node, beside)
        return
    if isinstance(node.value, list):
        _set_in_list(node, item, depth, shape)
        return
    shape.opened(node)
    if node.value is None or isinstance(node.value, bool):  # `tensorboard: true`
        node.value = {}
    if not isinstance(node.value, dict):
        here = item.path[:depth]
        problem = f"`{format_path(here)}` is {show(node.value)}, which has no `{part}`"
        raise ConfigError(Problem(problem, hint=f"set `{_dotted(here)}` itself", file=item.origin))
    _set_in_mapping(node.value, item, depth, (shape.child(part), shape.start(part)))


def _set_in_mapping(children: dict[str, Node], item: Override, depth: int, below: tuple[Shape, Any]) -> None:
    """Put the value under the key of a path, or go on below it, given the shape there and with what it starts."""
    key, (shape, start) = str(item.path[depth]), below
    if depth == len(item.path) - 1:
        children[key] = Node(item.value.value, item.value.mark, item.value.mark)
        return
    if key not in children:
        if start is None and isinstance(item.path[depth + 1], int) and shape.is_list:
            here = item.path[: depth + 1]
            problem = f"there is no `{format_path(here)}`, and so no item {item.path[depth + 1]} of it"
            raise ConfigError(Problem(problem, hint=f"set `{_dotted(here)}` itself", file=item.origin))
        children[key] = from_plain(start, Mark(item.origin))
        children[key].key_mark = Mark(item.origin)
    _set(children[key], item, depth + 1, shape)


def _set_in_list(node: Node, item: Override, depth: int, shape: Shape) -> None:
    assert isinstance(node.value, list)
    part, here = item.path[depth], item.path[:depth]
    if not isinstance(part, int):
        problem = f"`{format_path(here)}` is a list of {len(node.value)}, and `{part}` is no number"
        raise ConfigError(Problem(problem, hint=f"write `{_dotted(here)}.0` for its first item", file=item.origin))
    if part >= len(node.value):
        problem = f"`{format_path(here)}` has {len(node.value)} items, and item {part} was asked for"
        hint = f"the last one is item {len(node.value) - 1}" if node.value else f"set `{_dotted(here)}` itself"
        raise ConfigError(Problem(problem, hint=hint, file=item.origin))
    if depth == len(item.path) - 1:
        node.value[part] = item.value
    else:
        _set(node.value[part], item, depth + 1, shape.child(part))


def _set_in_component(node: Node, item: Override, depth: int, one: OneOf) -> None:
    one.opened(node)
    part, last, here = item.path[depth], depth == len(item.path) - 1, item.path[:depth]
    if node.value is None and not last and catalog.find(one.kind, str(part)) is not None:
        node.value = {str(part): Node({}, item.value.mark, item.value.mark)}
    if not isinstance(node.value, dict):
        problem = f"`{format_path(here)}` holds no object to change"
        raise ConfigError(Problem(problem, hint=f"set it first: `{_dotted(here)}=NAME`", file=item.origin))
    if len(node.value) != 1:
        return  # a mistake of the file, which checking it reports
    ((name, inside),) = node.value.items()
    entry = catalog.find(one.kind, name)
    named = catalog.find(one.kind, str(part))
    if entry is not None and named is not None and str(part) not in entry.parameters:
        if named.key != entry.key:
            problem = f"`{format_path(here)}` is `{name}`, not `{part}`"
            hint = f"leave the name out: `{_dotted(here)}.PARAMETER`, or set `{_dotted(here)}={part}` as well"
            raise ConfigError(Problem(problem, hint=hint, file=item.origin))
        if last:
            node.value[name] = item.value
            return
        depth += 1
        part = item.path[depth]
    parameters = one.parameters(entry) if entry is not None else {}
    if entry is not None and str(part) not in parameters:
        problem = f"`{entry.name}` has no parameter `{part}`"
        hint = unknown_parameter_remedy(entry, str(part), parameters, value=item.value)
        raise ConfigError(Problem(problem, hint=hint, path=item.path, file=item.origin))
    assert isinstance(inside.value, dict)
    parameter = parameters.get(str(part))
    default = parameter.default if parameter is not None and not parameter.required else None
    _set_in_mapping(inside.value, item, depth, (one.parameter(name, str(part)), default))


def _dotted(path: ConfigPath) -> str:
    return ".".join(str(part) for part in path)
