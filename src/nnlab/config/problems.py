"""The schema's complaints as problems: with a place, in the words of a person, each mistake once."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from nnlab import catalog
from nnlab.config.compare import CompareConfig
from nnlab.config.model import HiddenConfig, RepeatBlock, SequentialConfig, model_section
from nnlab.config.nodes import Node, place
from nnlab.config.remedies import (
    in_one_line,
    keras_remedy,
    says_none,
    says_yes,
    stray_key_remedy,
    type_remedy,
)
from nnlab.config.schema import DataConfig, EarlyStopping, Experiment, TensorBoardConfig, TrainingConfig
from nnlab.config.section import Section
from nnlab.config.tune import TuneConfig
from nnlab.errors import ConfigPath, Problem, did_you_mean, listed, named, nearest, number_text, one_of, show

_EXPECTED: Mapping[str, tuple[str, Sequence[str]]] = {
    "int_type": ("a whole number", ["int", "null"]),
    "int_from_float": ("a whole number", ["int", "null"]),
    "float_type": ("a number", ["float", "null"]),
    "finite_number": ("a finite number", ["float"]),
    "string_type": ("a text", ["str"]),
    "bool_type": ("`true` or `false`", ["bool"]),
    "tuple_type": ("a list", ["list"]),
    "dict_type": ("a mapping", ["dict"]),
    "model_type": ("a mapping", ["dict"]),
    "model_attributes_type": ("a mapping", ["dict"]),
}
"""What is expected, by pydantic's kind of error, in words and as in `Parameter.types`."""

_MISSING: Mapping[ConfigPath, str] = {
    ("data",): "write `data: digits`; `nnlab list datasets` shows what there is",
    ("model",): "write `model: {hidden: [300, 100]}`, or a list of layers",
    ("data", "source"): "write `source: digits`; `nnlab list datasets` shows what there is",
    (
        "tune",
        "space",
    ): "name the values to search: `space: {optimizer.learning_rate: {float: [0.0001, 0.01], sampling: log}}`",
    ("model", "inputs"): "name the inputs: `inputs: [x]`, or `inputs: {wide: {features: [0, 1]}, deep: {}}`",
    ("model", "layers"): "name the layers and what feeds them: `layers: {main: {Dense: 1, from: x}}`",
    ("model", "outputs"): "name the layers that give the answers: `outputs: [main]`",
    ("model", "class"): "write `class: WideAndDeep`, or a class of your own: `class: my_models.py:MyModel`",
}
_MISSING_IN: Mapping[type[Section], str] = {
    RepeatBlock: "write both: `repeat: 2` and `layers: [...]`",
    HiddenConfig: "write both: `{layers: 2, units: 100}`",
}
_SECTIONS: Mapping[ConfigPath, type[Section]] = {
    (): Experiment,
    ("data",): DataConfig,
    ("model",): SequentialConfig,
    ("training",): TrainingConfig,
    ("training", "early_stopping"): EarlyStopping,
    ("compare",): CompareConfig,
    ("tune",): TuneConfig,
    ("training", "tensorboard"): TensorBoardConfig,
}
MOST = 1000
"""Mistakes that are put into words: nobody reads more, and it takes time to look for what was meant."""

MANY = 5
"""Places more of one mistake that are not listed one by one."""

_ANYWHERE = ("name", "type", "path")
"""Keys that say too little about where they belong."""


class _Words(NamedTuple):
    """What to say; `at_key` blames the key rather than the value, `meant` is what a misspelt key stands for."""

    message: str
    hint: str | None = None
    at_key: bool = False
    meant: tuple[str, ...] = ()


def schema_problems(error: ValidationError, root: Node) -> list[Problem]:
    """Return what the schema has found, in the order of the file.

    A key that is missing because it is misspelt is reported as misspelt alone, and a mistake that an alias repeats
    once.

    Args:
        error: what validating the tree's plain values raised.
        root: the tree.
    """
    found = error.errors(include_url=False)
    details = [(tuple(detail["loc"]), _words(detail, root), detail["type"]) for detail in found[:MOST]]
    meant = {(*path[:-1], name) for path, words, _ in details for name in words.meant}
    problems: dict[Any, Problem] = {}
    for path, words, kind in details:
        if kind == "missing" and path in meant:
            continue
        problem = place(Problem(words.message, words.hint, path), root.find(path, key=words.at_key))
        where = path if problem.line is None else (problem.file, problem.line, problem.column)
        problems.setdefault((where, problem.message), problem)
    listed_ = list(_together(sorted(problems.values(), key=lambda p: (p.file or "", p.line or 0, p.column or 0))))
    if len(found) > MOST:
        message = f"and {len(found) - MOST} mistakes more"
        listed_.append(Problem(message, "correct these first", file=listed_[-1].file))
    return listed_


def _together(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield mistakes that are the same in many places as one, at the first of them."""
    same: dict[tuple[str, str | None], list[Problem]] = {}
    for problem in problems:
        same.setdefault((problem.message, problem.hint), []).append(problem)
    for problem in problems:
        first, *others = same[problem.message, problem.hint]
        if len(others) < MANY:
            yield problem
        elif problem is first:
            lines = [*dict.fromkeys(str(other.line) for other in others if other.line not in (None, first.line))]
            where = f", as in line {', '.join(lines[:MANY])}{' ...' * (len(lines) > MANY)}" if lines else ""
            yield replace(first, message=f"{first.message} (and in {len(others)} places more{where})")


def _words(detail: Any, root: Node) -> _Words:
    kind, value, path = detail["type"], detail["input"], tuple(detail["loc"])
    context = detail.get("ctx", {})
    if kind == "nnlab":
        return _Words(context["message"], context["hint"], context["at_key"])
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), value, path[:-1], root)
    if kind == "missing":
        name = f"`{path[-1]}`"
        message = f"{name} is empty" if root.holds(path) else f"the key {name} is missing"
        return _Words(message, _MISSING.get(path) or _MISSING_IN.get(_section_at(path[:-1], root)), True)
    if kind in _EXPECTED:
        words, types = _EXPECTED[kind]
        hint = type_remedy(value, types)
        if hint is None and "dict" in types:
            hint = _MISSING.get(path) if kind == "dict_type" else _section_remedy(value, path, root)
        return _Words(f"expected {words}, received {show(value)}", hint)
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        return _Words(f"unknown value {show(value)}", did_you_mean(str(value), choices) or one_of(choices))
    if kind == "greater_than_equal":
        return _Words(f"must be at least {number_text(context['ge'])}, received {show(value)}")
    if kind == "greater_than":
        return _Words(f"must be more than {number_text(context['gt'])}, received {show(value)}")
    if kind == "less_than_equal":
        return _Words(f"must be at most {number_text(context['le'])}, received {show(value)}")
    if kind == "too_short":
        return _Words(f"expected at least one item, received {show(value)}")
    if kind in ("string_pattern_mismatch", "string_too_short", "string_too_long"):
        hint = "use letters and digits of any script, `.`, `_` and `-`, at most 100, starting with a letter or digit"
        return _Words(f"{show(value)} cannot be a name", hint)
    return _Words(f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, received {show(value)}")


def _unknown_key(key: str, value: Any, path: ConfigPath, root: Node) -> _Words:
    """Say that `key`, with `value`, cannot stand in the section at `path`."""
    section = _section_at(path, root)
    near = tuple(nearest(key, section.model_fields))
    message = f"unknown key {named(key)}"
    if (stray := stray_key_remedy(key, value)) is not None:
        return _Words(message, stray, True)
    if section is RepeatBlock and catalog.find("layers", key) is not None:
        inside = in_one_line({key: value})
        return _Words(message, f"put it into the block: `layers: [{{{inside}}}]`", True, ("layers",))
    known = keras_remedy(key) or _home(key.rsplit(".")[-1], section)
    if known is not None:
        return _Words(message, known, True)
    owner = "a config" if not path else "a repeated block" if section is RepeatBlock else f"`{path[-1]}`"
    return _Words(message, did_you_mean(key, section.model_fields) or f"{owner} may hold {_keys(section)}", True, near)


def _keys(section: type[Section]) -> str:
    """List what a section may hold, without what is not built yet."""
    built = [name for name, info in section.model_fields.items() if info.annotation is not type(None)]
    return listed([*built, "extends"] if section is Experiment else built, most=20)


def _home(key: str, section: type[Section]) -> str | None:
    """Say where a key belongs that is known in another section."""
    if key in _ANYWHERE:
        return None
    path = _section_of(key, section)
    if path is not None and (path[:1] != ("tune",) or section is Experiment):  # `alpha` of a model is no search's
        return f"it belongs under `{'.'.join(map(str, path))}`" if path else "it belongs at the top of the config"
    for name in ("Adam", "SGD", *catalog.entries("optimizers")):
        if key in catalog.entries("optimizers")[name].parameters:
            return f"it belongs to the optimizer: `optimizer: {{{name}: {{{key}: ...}}}}`"
    return None


def _section_of(key: str, section: type[Section] | None) -> ConfigPath | None:
    """Return the path of another section that has a key."""
    for path, other in _SECTIONS.items():
        if other is not section and (key in other.model_fields or (key == "extends" and not path)):
            return path
    return None


def path_of_option(word: str) -> str | None:
    """Return the path of the value that somebody may mean by an option such as `--epochs` or `--lr`."""
    key = word.lstrip("-").replace("-", "_")
    if key not in _ANYWHERE and (section := _section_of(key, None)) is not None:
        return ".".join(map(str, (*section, key)))
    parameters = {name for entry in catalog.entries("optimizers").values() for name in entry.parameters}
    named_so = [name for name in nearest(key, parameters) if key in (name, "lr")]
    return f"optimizer.{named_so[0]}" if named_so else None


def _section_remedy(value: Any, path: ConfigPath, root: Node) -> str | None:
    """Say what to write instead of a value that stands in the place of a section."""
    section = _section_at(path, root)
    if not any(info.is_required() for info in section.model_fields.values()):
        if says_yes(value):
            return f"write `{path[-1]}: {{}}` for its defaults"
        if says_none(value):
            return f"write `{path[-1]}: null` for none"
    return f"it may hold {_keys(section)}"


def _section_at(path: ConfigPath, root: Node) -> type[Section]:
    """Return the section that stands at a path."""
    section: type[Section] = Experiment
    for part in path:
        if isinstance(part, int):
            continue
        if section is Experiment and part == "model":
            section = model_section(_model_type(root))
        elif part == "layers" and section in (SequentialConfig, RepeatBlock):
            section = RepeatBlock
        elif part in section.model_fields:
            section = next(_sections_in(section.model_fields[part].annotation), section)
    return section


def _model_type(root: Node) -> Any:
    model = root.plain().get("model")
    return model.get("type") if isinstance(model, dict) else None


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    for candidate in _types_in(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            yield typing.cast("type[Section]", candidate)


def _types_in(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and all that it is made of."""
    yield annotation
    for argument in typing.get_args(annotation):
        yield from _types_in(argument)
