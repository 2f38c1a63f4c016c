"""The one way to change a config: put a value at a dotted path of its tree.

`--set`, search spaces and comparisons all go through `apply_overrides`. The kind of an object may be left out of a
path: `optimizer.learning_rate` is the learning rate of whatever optimizer stands there.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from nnlab import catalog
from nnlab.catalog import Entry, Parameter
from nnlab.config.components import Component, MappingOf, OneOf
from nnlab.config.graph import GraphBlock
from nnlab.config.model import RepeatBlock, SequentialConfig, model_section
from nnlab.config.nodes import MAX_DEPTH, Mark, Node, from_plain, read_text
from nnlab.config.remedies import unknown_parameter_remedy
from nnlab.config.schema import DataConfig, Experiment
from nnlab.errors import ConfigError, ConfigPath, Problem, format_path, show


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
            _set(root, item, 0, Experiment)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def merge(base: Node, top: Node, expected: Any = Experiment) -> Node:
    """Lay one tree over another: mappings are merged, everything else is replaced.

    An object of another kind (`optimizer: {Adam: ...}` over `{SGD: ...}`) replaces what was there, and so does a bare
    name.
    """
    if isinstance(expected, OneOf):
        return _merge_components(base, top, expected)
    if expected is DataConfig:
        for node in (base, top):
            node.value = _data_section(node) if isinstance(node.value, str) else node.value
    if not isinstance(base.value, dict) or not isinstance(top.value, dict):
        return top
    if expected is SequentialConfig:
        expected = _model_section(top if "type" in top.value else base)
    children = dict(base.value)
    for key, child in top.value.items():
        children[key] = merge(children[key], child, _expected_child(expected, key)) if key in children else child
    return Node(children, top.mark, top.key_mark)


def _merge_components(base: Node, top: Node, one: OneOf) -> Node:
    below, above = _taken_apart(base, one), _taken_apart(top, one)
    merged = base if top.value == {} and above else _merge_bare_components(base, top, one)
    _put_together(merged, {**below, **above})
    return merged


def _taken_apart(node: Node, one: OneOf) -> dict[str, Node]:
    """Take out of a node what stands beside the object, as `from` does, and return it."""
    if not one.besides or not isinstance(node.value, dict):
        return {}
    return {key: node.value.pop(key) for key in one.besides if key in node.value}


def _put_together(node: Node, beside: dict[str, Node]) -> None:
    if beside and isinstance(node.value, dict):
        node.value.update(beside)


def _merge_bare_components(base: Node, top: Node, one: OneOf) -> Node:
    name = _component_name(top, one)
    if name is None or name != _component_name(base, one):
        return top
    _open_component(base, one)
    _open_component(top, one)
    assert isinstance(base.value, dict)
    assert isinstance(top.value, dict)
    ((_, below),) = base.value.items()
    ((written, above),) = top.value.items()
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return top
    parameters = dict(below.value)
    for key, child in above.value.items():
        inside = _expected_parameter(name, one, key)
        parameters[key] = merge(parameters[key], child, inside) if key in parameters else child
    return Node({written: Node(parameters, above.mark, above.key_mark)}, top.mark, top.key_mark)


def _set(node: Node, item: Override, depth: int, expected: Any) -> None:
    """Walk down from `node`, whose shape is `expected`: a section's class, a `OneOf`, a tuple type, or `None`."""
    part, last = item.path[depth], depth == len(item.path) - 1
    if isinstance(expected, OneOf):
        if not isinstance(node.value, dict) or "repeat" not in node.value:
            beside = _taken_apart(node, expected)
            if str(part) in expected.besides and last:
                beside[str(part)] = item.value
            else:
                _set_in_component(node, item, depth, expected)
            _put_together(node, beside)
            return
        expected = GraphBlock if expected.besides else RepeatBlock
    if expected is SequentialConfig:
        expected = _model_section(node)
    if isinstance(node.value, list):
        _set_in_list(node, item, depth, expected)
        return
    if not isinstance(node.value, dict):
        node.value = _opened(node, item, depth, expected)
    _set_in_mapping(node.value, str(part), item, depth, last, _expected_child(expected, part), _default(expected, part))


def _set_in_mapping(
    children: dict[str, Node], key: str, item: Override, depth: int, last: bool, expected: Any, default: Any
) -> None:
    if last:
        children[key] = Node(item.value.value, item.value.mark, item.value.mark)
        return
    if key not in children:
        if default is None and isinstance(item.path[depth + 1], int) and typing.get_origin(expected) is tuple:
            here = item.path[: depth + 1]
            problem = f"there is no `{format_path(here)}`, and so no item {item.path[depth + 1]} of it"
            raise ConfigError(Problem(problem, hint=f"set `{_dotted(here)}` itself", file=item.origin))
        children[key] = from_plain(default, Mark(item.origin))
        children[key].key_mark = Mark(item.origin)
    _set(children[key], item, depth + 1, expected)


def _set_in_list(node: Node, item: Override, depth: int, expected: Any) -> None:
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
        _set(node.value[part], item, depth + 1, _item_type(expected))


def _set_in_component(node: Node, item: Override, depth: int, one: OneOf) -> None:
    _open_component(node, one)
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
        if named.name != entry.name:
            problem = f"`{format_path(here)}` is `{name}`, not `{part}`"
            hint = f"leave the name out: `{_dotted(here)}.PARAMETER`, or set `{_dotted(here)}={part}` as well"
            raise ConfigError(Problem(problem, hint=hint, file=item.origin))
        if last:
            node.value[name] = item.value
            return
        depth, part, last = depth + 1, item.path[depth + 1], depth + 1 == len(item.path) - 1
    parameters = _parameters(entry, one)
    if entry is not None and str(part) not in parameters:
        problem = f"`{entry.name}` has no parameter `{part}`"
        hint = unknown_parameter_remedy(entry, str(part), parameters, value=item.value)
        raise ConfigError(Problem(problem, hint=hint, path=item.path, file=item.origin))
    assert isinstance(inside.value, dict)
    parameter = parameters.get(str(part))
    default = parameter.default if parameter is not None and not parameter.required else None
    expected = _expected_parameter(name, one, str(part))
    _set_in_mapping(inside.value, str(part), item, depth, last, expected, default)


def _parameters(entry: Entry | None, one: OneOf) -> dict[str, Parameter]:
    return {**(entry.parameters if entry else {}), **{extra.name: extra for extra in one.extra}}


def _expected_parameter(component: str, one: OneOf, name: str) -> OneOf | None:
    """The shape of a parameter's value: an object, or anything else."""
    parameter = _parameters(catalog.find(one.kind, component), one).get(name)
    return OneOf(parameter.kind) if parameter is not None and parameter.kind is not None else None


def _open_component(node: Node, one: OneOf) -> None:
    """Rewrite `relu`, `Dense: 300` and `dropout: 0.2` as a name with a mapping of parameters, in place."""
    if isinstance(node.value, (int, float)) and one.number is not None and not isinstance(node.value, bool):
        node.value = {one.number: Node(node.value, node.mark, node.mark)}
    if isinstance(node.value, str):
        node.value = {node.value: Node({}, node.mark, node.mark)}
    if not isinstance(node.value, dict) or len(node.value) != 1:
        return
    ((name, inside),) = node.value.items()
    if isinstance(inside.value, dict):
        return
    entry = catalog.find(one.kind, name)
    first = entry.first_parameter if entry is not None else None
    if inside.value is None or first is None:
        node.value[name] = Node({}, inside.mark, inside.key_mark)
    else:
        node.value[name] = Node({first: Node(inside.value, inside.mark)}, inside.mark, inside.key_mark)


def _component_name(node: Node, one: OneOf) -> str | None:
    """Return the name of an object that is written with parameters."""
    if one.number is not None and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return one.number
    if isinstance(node.value, dict) and len(node.value) == 1:
        (name,) = node.value
        entry = catalog.find(one.kind, name)
        return entry.name if entry is not None else name
    return None


def _data_section(node: Node) -> dict[str, Node]:
    """Return what `data: digits` is short for."""
    return {"source": Node(node.value, node.mark, node.key_mark)}


def _opened(node: Node, item: Override, depth: int, expected: Any) -> dict[str, Node]:
    """Make a mapping of a scalar that a path wants to go into: `data: digits`, or nothing at all."""
    if node.value is None:
        return {}
    if expected is DataConfig and isinstance(node.value, str):
        return _data_section(node)
    if isinstance(node.value, bool):  # `tensorboard: true`
        return {}
    here = item.path[:depth]
    problem = f"`{format_path(here)}` is {show(node.value)}, which has no `{item.path[depth]}`"
    raise ConfigError(Problem(problem, hint=f"set `{_dotted(here)}` itself", file=item.origin))


def _default(expected: Any, part: Any) -> Any:
    """What a section holds at a key that the file leaves out, as plain values."""
    if isinstance(expected, type) and issubclass(expected, BaseModel) and part in expected.model_fields:
        default = expected.model_fields[part].get_default()
        return default.plain() if isinstance(default, Component) else {} if isinstance(default, BaseModel) else None
    return {}


def _expected_child(expected: Any, part: Any) -> Any:
    """The shape of what stands under a key of a section."""
    if isinstance(expected, MappingOf):
        return expected.item
    if isinstance(expected, type) and issubclass(expected, BaseModel):
        if part not in expected.model_fields:
            return None
        info = expected.model_fields[str(part)]
        for marker in info.metadata:
            if isinstance(marker, (OneOf, MappingOf)):
                return marker
        return _shape(info.annotation)
    return None


def _shape(annotation: Any) -> Any:
    """Find the section, the `OneOf` or the tuple in an annotation such as `Annotated[Component, OneOf(...)] | None`."""
    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
        for marker in getattr(candidate, "__metadata__", ()):
            if isinstance(marker, OneOf):
                return marker
        if candidate is not annotation and typing.get_args(candidate):
            inside = _shape(candidate)
            if inside is not None:
                return inside
        if typing.get_origin(candidate) is tuple:
            return candidate
    return None


def _item_type(expected: Any) -> Any:
    """The shape of a list's items; layers may be objects or repeated blocks."""
    if typing.get_origin(expected) is tuple:
        item = typing.get_args(expected)[0]
        inside = [part for argument in typing.get_args(item) for part in typing.get_args(argument)]
        return OneOf("layers") if RepeatBlock in inside else _shape(item)
    return expected


def _model_section(node: Node) -> Any:
    type_ = node.value.get("type") if isinstance(node.value, dict) else None
    return model_section(type_.value if type_ is not None else None)


def _dotted(path: ConfigPath) -> str:
    return ".".join(str(part) for part in path)
