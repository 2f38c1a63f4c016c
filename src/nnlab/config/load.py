"""Read a config: YAML text -> nodes -> `extends` -> overrides -> the typed experiment, or every problem at once."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from nnlab import catalog
from nnlab.catalog import STEP_FACTOR, Parameter
from nnlab.config.checks import checks_of
from nnlab.config.components import GOVERNED, Component, plain
from nnlab.config.faults import Report
from nnlab.config.named_code import absolute, references, resolve_all_code
from nnlab.config.nodes import Mark, Node, from_plain, place, read_file, resolve_scalar, similar_file, yaml_number
from nnlab.config.overrides import Override, apply_overrides, merge, parse_override
from nnlab.config.problems import faults_as_problems
from nnlab.config.schema import Experiment
from nnlab.config.section import Section
from nnlab.errors import ConfigError, ConfigPath, NnlabError, Problem
from nnlab.names import name_from
from nnlab.user_code import is_reference, read_anew, references_in, split_reference, texts_of, trust
from nnlab.wording import named, show

if TYPE_CHECKING:
    from nnlab.run import Run

MAX_EXTENDS = 10


@dataclass(frozen=True)
class LoadedConfig:
    """A config that holds, with the places of its values.

    Args:
        experiment: the typed config.
        text: the file as written.
        root: its tree, `extends` and overrides applied.
        overrides: the overrides as the user wrote them.
        named_files: the files of data and code that it names.
        code: the texts of those of code.
    """

    experiment: Experiment
    text: str
    root: Node
    overrides: tuple[str, ...] = ()
    named_files: tuple[Path, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)

    @property
    def named_code(self) -> list[str]:
        """What it names in files of the user's code."""
        return references(self.root)

    def locate(self, problem: Problem) -> Problem:
        """Add the file, line and column of the config to a problem that knows only its path."""
        if problem.file is not None or not problem.path:
            return problem
        return place(problem, self.root.find(problem.path))

    @contextlib.contextmanager
    def located(self) -> Iterator[None]:
        """Add the places of the config to the problems of errors."""
        try:
            yield
        except NnlabError as error:
            raise type(error)([self.locate(problem) for problem in error.problems]) from error

    def advice(self) -> list[Problem]:
        """Return what is no mistake but had better be known, by the rules whose severity is `advice`."""
        return [self.locate(problem) for problem in _advice(self.experiment, ())]


def _advice(section: Section, path: ConfigPath) -> Iterator[Problem]:
    for rule in checks_of(type(section), "advice"):
        for fault in rule.find(section):
            yield Problem(fault.message, fault.hint, (*path, *fault.path), severity=rule.severity, rule=rule.name)
    for name, value in section.written():
        if isinstance(value, Section):
            yield from _advice(value, (*path, name))


def load_config(path: Path, overrides: Sequence[Override | str] = ()) -> LoadedConfig:
    """Read and check a config file.

    Args:
        path: the YAML file.
        overrides: values that replace the file's, shorter paths first; as text, what `--set` takes.

    Raises:
        ConfigError: with every problem of the file and of the overrides.
    """
    problems: list[Problem] = []
    changes: list[Override] = []
    for item in overrides:
        try:
            changes.append(parse_override(item) if isinstance(item, str) else item)
        except ConfigError as error:
            problems += error.problems
    try:
        text, root = read_file(path, problems=problems)
        root = _extended(root, path, ())
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    try:
        apply_overrides(root, changes)
    except ConfigError as error:
        problems += error.problems
    assert isinstance(root.value, dict)
    if "name" not in root.value:
        root.value["name"] = from_plain(name_from(path.stem, default="experiment"), Mark(str(path)))
    data_files, code_files = _resolve_paths(root), resolve_all_code(root)
    for file in code_files:
        read_anew(file)
    named_files = (*data_files, *map(Path, code_files))
    try:
        experiment = experiment_from(root)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    origins = tuple(item.origin for item in changes)
    return LoadedConfig(experiment, text, root, origins, named_files, texts_of(references(root)))


def config_files(path: Path) -> list[Path]:
    """Return a config file and those that it extends, as far as they can be read."""
    files: list[Path] = []
    while path not in files and len(files) <= MAX_EXTENDS:
        files.append(path)
        try:
            _, root = read_file(path, problems=[])
        except ConfigError:
            break
        base = _text_at(root, "extends")
        if base is None:
            break
        path = path.parent / str(base.value)
    return files


def trust_run(run: Run) -> None:
    """Let the code that a run keeps run when something of it is needed: the user has said that it may.

    Raises:
        NnlabError: it has changed since the run was trained with it.
    """
    config = load_config(run.config_path)
    run.check_code(config.code)
    trust(config.named_code)


def change_config(config: LoadedConfig, changes: Sequence[Override]) -> LoadedConfig:
    """Change values of a config that was loaded, whatever has become of its file.

    Raises:
        ConfigError: with every problem of the changes.
    """
    root = config.root.copy()
    apply_overrides(root, changes)
    resolve_all_code(root)
    overrides = (*config.overrides, *(item.origin for item in changes))
    return LoadedConfig(
        experiment_from(root), config.text, root, overrides, config.named_files, texts_of(references(root))
    )


def experiment_from(root: Node) -> Experiment:
    """Check a tree against the schema.

    Raises:
        ConfigError: with every problem.
    """
    report = Report(Experiment)
    experiment = Experiment.parse(root.plain(), report)
    if experiment is None:
        raise ConfigError(faults_as_problems(report.faults, root))
    return experiment


def dump_config(experiment: Experiment, code: Mapping[str, str] = {}) -> str:
    """Write an experiment as YAML with every default filled in; reading it again gives an equal experiment.

    `code` holds what files of the user's code are to be called, if they have been copied.

    Parameters that the model's own defaults may still decide (a layer's activation, initializer, ...) stay as written,
    so that `model.activation` and its like keep their meaning.
    """
    plain = _with_copies(resolved(experiment), code)
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def inline(value: Any) -> str:
    """Write a plain value as it stands in one line of a config."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1 << 30
    )
    return text.removesuffix("\n").removesuffix("\n...")


def code_of(experiment: Experiment) -> dict[str, str]:
    """Return the texts of the files of the user's code that an experiment names."""
    return texts_of(references_in(resolved(experiment)))


def _with_copies(plain: Any, code: Mapping[str, str]) -> Any:
    if isinstance(plain, dict):
        return {_with_copies(key, code): _with_copies(value, code) for key, value in plain.items()}
    if isinstance(plain, list):
        return [_with_copies(item, code) for item in plain]
    if not is_reference(plain):
        return plain
    file, name = split_reference(plain)
    return f"{code.get(file, file)}:{name}"


def resolved(experiment: Experiment) -> dict[str, Any]:
    """Return an experiment as plain values with every default filled in."""
    return dict(plain(experiment, _fill))


def _fill(component: Component) -> Mapping[str, Any]:
    # a function is called with what is given, and Keras saves its bare name; own code says its defaults itself
    if component.kind == "activations" or component.entry.package == "user":
        return {}
    open_to_model = (*GOVERNED, "name", "trainable", STEP_FACTOR.name) if component.kind == "layers" else ()
    return {
        name: parameter.default
        for name, parameter in component.entry.parameters.items()
        if not parameter.required and parameter.default is not None and name not in open_to_model
    }


class _Dumper(yaml.CSafeDumper):
    """Short lists in one line, never an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent_list(dumper: yaml.CSafeDumper, items: list[Any]) -> yaml.Node:
    flat = all(not isinstance(item, (list, dict)) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)


def _represent_float(dumper: yaml.CSafeDumper, number: float) -> yaml.Node:
    if not math.isfinite(number):
        return dumper.represent_float(number)
    return dumper.represent_scalar("tag:yaml.org,2002:float", yaml_number(number))


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.Node:
    style = "'" if not isinstance(resolve_scalar(text), str) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(list, _represent_list)
_Dumper.add_representer(float, _represent_float)
_Dumper.add_representer(str, _represent_text)


def _extended(root: Node, path: Path, chain: tuple[str, ...]) -> Node:
    """Lay the file over the one that it extends, if it names one; `chain` are the files that lead here, resolved."""
    if not isinstance(root.value, dict) or "extends" not in root.value:
        return root
    node = root.value.pop("extends")
    if not isinstance(node.value, str):
        message = f"expected the path of a config, received {show(node.plain())}"
        raise _extends_error(node, message, "write one path: `extends: base.yaml`")
    base_path = path.parent / node.value
    try:
        _, base = read_file(base_path)
    except ConfigError as error:
        if any(problem.line is not None for problem in error.problems):
            raise
        similar = similar_file(base_path)
        hint = "name a YAML file, relative to the folder of this one"
        if similar is not None and not base_path.exists():
            hint = f"did you mean `{os.path.relpath(similar, path.parent)}`?"
        message = f"{named(base_path)} cannot be extended: {error.problems[0].message}"
        raise _extends_error(node, message, hint) from None
    chain = (*chain, os.path.realpath(path))
    if os.path.realpath(base_path) in chain:
        raise _extends_error(node, f"the files extend one another in a circle: {named(base_path)}", "leave one out")
    if len(chain) > MAX_EXTENDS:
        raise _extends_error(node, f"more than {MAX_EXTENDS} files extend one another", "put them together")
    return merge(_extended(base, base_path, chain), root)


def _extends_error(node: Node, message: str, hint: str) -> ConfigError:
    return ConfigError(place(Problem(message, hint, ("extends",)), node.mark))


def _resolve_paths(root: Node) -> tuple[Path, ...]:
    """Make paths absolute: relative to the file that says them, or to the working directory for `--set`.

    Returns:
        Those of data, and of weights.
    """
    named_files = []
    for text in _texts_at(root, "data", "path"):
        text.value = absolute(str(text.value), text.mark)
        named_files.append(Path(text.value))
    for path in (("model", "transfer"), ("model", "transfer", "from")):
        # without a separator it is the name of a run
        if (node := _text_at(root, *path)) is not None and "/" in str(node.value):
            node.value = absolute(str(node.value), node.mark)
    model = root.value.get("model") if isinstance(root.value, dict) else None
    if model is not None:
        named_files += _files_of_layers(model)
    return tuple(named_files)


def _files_of_layers(node: Node) -> Iterator[Path]:
    """Make absolute the files that parameters of layers name, and yield them."""
    children = node.value if isinstance(node.value, list) else []
    if isinstance(node.value, dict):
        children = list(node.value.values())
        for name, child in node.value.items():
            if isinstance(child.value, dict) and (entry := catalog.find("layers", name)) is not None:
                yield from _files_among(child.value, entry.parameters)
    for child in children:
        yield from _files_of_layers(child)


def _files_among(given: Mapping[str, Node], parameters: Mapping[str, Parameter]) -> Iterator[Path]:
    for name, node in given.items():
        if isinstance(node.value, str) and name in parameters and parameters[name].names_file(node.value):
            node.value = absolute(node.value, node.mark)
            yield Path(node.value)


def _texts_at(root: Node, *path: str) -> list[Node]:
    """Return the nodes at a path that are texts: of one, or of a list of them."""
    node = _node_at(root, *path)
    nodes = node.value if node is not None and isinstance(node.value, list) else [node]
    return [each for each in nodes if each is not None and isinstance(each.value, str) and each.value]


def _text_at(root: Node, *path: str) -> Node | None:
    """Return the node at a path if a text stands there."""
    node = _node_at(root, *path)
    return node if node is not None and isinstance(node.value, str) and node.value else None


def _node_at(root: Node, *path: str) -> Node | None:
    node: Node | None = root
    for part in path:
        node = node.value.get(part) if node is not None and isinstance(node.value, dict) else None
    return node
