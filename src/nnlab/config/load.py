"""Read a config: YAML text -> nodes -> `extends` -> overrides -> the typed experiment, or every problem at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from nnlab import catalog
from nnlab.config.components import GOVERNED, Component
from nnlab.config.nodes import Mark, Node, from_plain, read_file
from nnlab.config.overrides import Override, apply_overrides, merge
from nnlab.config.schema import Experiment, ModelConfig, RepeatBlock
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean, one_of, show

MAX_EXTENDS = 10


@dataclass(frozen=True)
class LoadedConfig:
    """A config that holds, with the places of its values.

    Args:
        experiment: the typed config.
        text: the file as written.
        root: its tree, `extends` and overrides applied.
        overrides: the overrides as the user wrote them.
    """

    experiment: Experiment
    text: str
    root: Node
    overrides: tuple[str, ...] = ()

    def locate(self, problem: Problem) -> Problem:
        """Add the file, line and column of the config to a problem that knows only its path."""
        if problem.file is not None or not problem.path:
            return problem
        return _at(problem, self.root.find(problem.path))


def load_config(path: Path, overrides: Sequence[Override] = ()) -> LoadedConfig:
    """Read and check a config file.

    Args:
        path: the YAML file.
        overrides: values that replace the file's, shorter paths first.

    Raises:
        ConfigError: with every problem of the file and of the overrides.
    """
    text, root = read_file(path)
    root = _extended(root, path, ())
    problems: list[Problem] = []
    try:
        apply_overrides(root, overrides)
    except ConfigError as error:
        problems += error.problems
    assert isinstance(root.value, dict)
    if "name" not in root.value:
        root.value["name"] = from_plain(_name_from(path), Mark(str(path)))
    _resolve_data_path(root)
    try:
        experiment = experiment_from(root)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return LoadedConfig(experiment, text, root, tuple(item.origin for item in overrides))


def experiment_from(root: Node) -> Experiment:
    """Check a tree against the schema.

    Raises:
        ConfigError: with every problem.
    """
    try:
        return Experiment.model_validate(root.plain())
    except ValidationError as error:
        problems = [_problem(detail, root) for detail in error.errors(include_url=False)]
        raise ConfigError(sorted(problems, key=lambda p: (p.file or "", p.line or 0, p.column or 0))) from None


def dump_config(experiment: Experiment) -> str:
    """Write an experiment as YAML with every default filled in; reading it again gives an equal experiment.

    Parameters that the model's own defaults may still decide (a layer's activation, initializer, ...) stay as written,
    so that `model.activation` and its like keep their meaning.
    """
    return yaml.dump(resolved(experiment), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def resolved(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as plain values with every default filled in."""
    return {name: _resolve(value) for name, value in experiment if value is not None}


def _fill(component: Component) -> Mapping[str, Any]:
    if component.kind == "activations":  # a function is called with what is given, and Keras saves its bare name
        return {}
    open_to_model = (*GOVERNED, "name", "trainable") if component.kind == "layers" else ()
    return {
        name: parameter.default
        for name, parameter in component.entry.parameters.items()
        if not parameter.required and parameter.default is not None and name not in open_to_model
    }


def _resolve(value: Any) -> Any:
    if isinstance(value, Component):
        return value.plain(fill=_fill)
    if isinstance(value, BaseModel):
        return {name: _resolve(inside) for name, inside in value if inside is not None}
    if isinstance(value, Mapping):
        return {name: _resolve(inside) for name, inside in value.items()}
    if isinstance(value, tuple):
        return [_resolve(item) for item in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Short lists in one line, never an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent_list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
    flat = all(not isinstance(item, (list, dict)) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)


def _represent_float(dumper: yaml.SafeDumper, number: float) -> yaml.Node:
    text = repr(number)
    if "e" in text and "." not in text:  # `1e-07` is a number to us, but not to YAML 1.1
        text = text.replace("e", ".0e")
    if number != number or number in (float("inf"), float("-inf")):
        return dumper.represent_float(number)
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    from nnlab.config.nodes import resolve_scalar

    style = "'" if not isinstance(resolve_scalar(text), str) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(float, _represent_float)
_Dumper.add_representer(str, _represent_text)


def _extended(root: Node, path: Path, chain: tuple[Path, ...]) -> Node:
    """Lay the file over the one that it extends, if it names one."""
    if not isinstance(root.value, dict) or "extends" not in root.value:
        return root
    base_node = root.value.pop("extends")
    place = (base_node.mark.file, base_node.mark.line, base_node.mark.column)
    if not isinstance(base_node.value, str):
        message = f"expected the path of a config, received {show(base_node.plain())}"
        raise ConfigError(Problem(message, None, ("extends",), *place))
    base_path = path.parent / base_node.value
    chain = (*chain, path.resolve())
    if base_path.resolve() in chain or len(chain) > MAX_EXTENDS:
        message = f"`{base_node.value}` extends this file in turn" if len(chain) <= MAX_EXTENDS else "too many files"
        raise ConfigError(Problem(message, "a chain of files must end", ("extends",), *place))
    try:
        _, base = read_file(base_path)
    except ConfigError as error:
        first = error.problems[0]
        if first.line is not None or not first.message.startswith("there is no such file"):
            raise
        message = f"there is no file `{base_path}`"
        raise ConfigError(Problem(message, first.hint, ("extends",), *place)) from None
    return merge(_extended(base, base_path, chain), root)


def _name_from(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-.") or "experiment"


def _resolve_data_path(root: Node) -> None:
    """Make `data.path` absolute: relative to the file that says it, or to the working directory for `--set`."""
    assert isinstance(root.value, dict)
    data = root.value.get("data")
    node = data.value.get("path") if data is not None and isinstance(data.value, dict) else None
    if node is None or not isinstance(node.value, str) or not node.value:
        return
    folder = Path(node.mark.file).parent if node.mark.line is not None else Path()
    node.value = str((folder / Path(node.value).expanduser()).resolve())


def _problem(detail: Any, root: Node) -> Problem:
    """Turn one of pydantic's errors into a problem with its place."""
    path: ConfigPath = tuple(detail["loc"])
    context = detail.get("ctx", {})
    kind, value = detail["type"], detail.get("input")
    message, hint, at_key = _words(kind, context, value, path, detail["msg"])
    return _at(Problem(message, hint, path), root.find(path, key=at_key))


def _at(problem: Problem, mark: Mark) -> Problem:
    return replace(problem, file=mark.file, line=mark.line, column=mark.column)


def _words(
    kind: str, context: Mapping[str, Any], value: Any, path: ConfigPath, fallback: str
) -> tuple[str, str | None, bool]:
    """Return message, hint, and whether the key rather than the value is to blame."""
    expected = {
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "string_type": "a text",
        "bool_type": "`true` or `false`",
        "tuple_type": "a list",
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
        "dict_type": "a mapping",
        "finite_number": "a finite number",
    }
    if kind == "nnlab":
        return context["message"], context.get("hint"), bool(context.get("at_key"))
    if kind == "extra_forbidden":
        fields = _fields_at(path[:-1])
        where = f"`{path[-2]}`" if len(path) > 1 else "a config"
        hint = did_you_mean(str(path[-1]), fields) or f"{where} may hold {one_of(fields, most=20)}"
        return f"unknown key `{path[-1]}`", hint, True
    if kind == "missing":
        return f"the key `{path[-1]}` is missing", _MISSING_HINTS.get(path), True
    if kind in expected:
        return f"expected {expected[kind]}, received {show(value)}", None, False
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        hint = did_you_mean(str(value), choices) or one_of(choices)
        return f"unknown value {show(value)}", hint, False
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']:g}, received {show(value)}", None, False
    if kind == "less_than_equal":
        return f"must be at most {context['le']:g}, received {show(value)}", None, False
    if kind == "too_short":
        return f"expected at least one item, received {show(value)}", None, False
    if kind in ("string_pattern_mismatch", "string_too_short", "string_too_long"):
        hint = "use letters, digits, `.`, `_` and `-`, at most 100, starting with a letter or digit"
        return f"{show(value)} cannot be a name", hint, False
    return fallback[0].lower() + fallback[1:], None, False


_MISSING_HINTS: dict[ConfigPath, str] = {
    ("data",): "write `data: digits`; `nnlab list datasets` shows what there is",
    ("model",): "write `model: {hidden: [300, 100]}`, or a list of layers",
    ("data", "source"): "write `source: digits`; `nnlab list datasets` shows what there is",
}


def _fields_at(path: ConfigPath) -> Iterable[str]:
    """Return the keys that the section at `path` may hold."""
    model: type[BaseModel] = Experiment
    for part in path:
        if isinstance(part, int):
            continue
        if part == "layers" and model in (ModelConfig, RepeatBlock):
            model = RepeatBlock
            continue
        annotation = model.model_fields[part].annotation
        model = _section_in(annotation) or model
    extra = ["extends"] if model is Experiment else []
    return [*model.model_fields, *extra]


def _section_in(annotation: Any) -> type[BaseModel] | None:
    import typing

    for candidate in (annotation, *typing.get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def catalog_is_current() -> bool:
    """Whether the catalog was read off the Keras that is installed."""
    from importlib.metadata import version

    return version("keras") == catalog.keras_version()
