"""Objects and numbers as words of the command line: `relu`, `'huber: {delta: 2}'`, `-P delta=2`, `'[2, 0.5, 6]'`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nnlab.errors import NnlabError, Problem
from nnlab.user_code import check_trust, is_reference

if TYPE_CHECKING:
    from nnlab.config.components import Component


def parse_activations(texts: Sequence[str]) -> list[Component]:
    """Read activations, with parameters as YAML.

    Raises:
        NnlabError: with the problems of all of them.
    """
    return NnlabError.of_each(lambda text: _component("activations", read_value(text, f"NAME {text}")), texts)


def trust_named(objects: Sequence[Component], *, trusted: bool) -> None:
    """Let code of the user's own that is named run if it is trusted.

    Raises:
        NnlabError: it is not.
    """
    check_trust([each.name for each in objects if is_reference(each.name)], trusted=trusted)


def parse_judge(text: str, parameters: Sequence[str]) -> Component:
    """Read a loss, or else a metric, with parameters as YAML or as `NAME=VALUE`.

    Raises:
        NnlabError: there is none of the name, or parameters that it does not take.
    """
    from nnlab import catalog
    from nnlab.config.components import named_object
    from nnlab.config.overrides import parse_override
    from nnlab.config.remedies import unknown_name_remedy
    from nnlab.wording import named

    raw = read_value(text, f"NAME {text}")
    name = named_object(raw)
    entry = None if name is None else catalog.find("losses", name) or catalog.find("metrics", name)
    if name is not None and is_reference(name) and (problem := catalog.user_code_problem("losses", name)) is not None:
        raise NnlabError(Problem(*problem))
    if name is None or entry is None:
        both = list(dict.fromkeys([*catalog.names("losses"), *catalog.names("metrics")]))
        hint = unknown_name_remedy("losses", str(name), both, all_allowed=True)
        if "nnlab list" in hint:
            hint = "`nnlab list losses` and `nnlab list metrics` show them all"
        raise NnlabError(f"unknown loss or metric {named(text if name is None else name)}", hint=hint)
    given = raw[name] if isinstance(raw, dict) else {}
    if not isinstance(given, dict):  # `huber: 2`
        given = {str(entry.first_parameter): given}
    for item in parameters:
        override = parse_override(item, option="-P")
        given = {**given, ".".join(map(str, override.path)): override.value.plain()}
    return _component(entry.kind, {name: given} if given else name)


def _component(kind: str, raw: Any) -> Component:
    from nnlab.config.components import OneOf
    from nnlab.config.faults import Report

    report = Report()
    component = OneOf(kind).parse(raw, report)
    NnlabError.raise_any(
        Problem(fault.message, fault.hint, fault.path if len(fault.path) > 1 else ()) for fault in report.faults
    )
    assert component is not None  # or there is a fault
    return component


def read_value(text: str, origin: str) -> Any:
    """Read a value of the command line as YAML; `origin` is how it stands there.

    Raises:
        ConfigError: it is no YAML.
    """
    from nnlab.config.nodes import read_text

    return read_text(text, origin, located=False).plain()


def label_of(activation: Component) -> str:
    """Write an activation in a line, the way a config does."""
    from nnlab.config.remedies import in_one_line

    plain = activation.plain()
    if isinstance(plain, str):
        return plain
    return f"{activation.name} {{{in_one_line(plain[activation.name])}}}"
