"""Objects of a config: a bare name (`relu`), or one name with its parameters (`Dense: {units: 300}`, `Dense: 300`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nnlab import catalog
from nnlab.catalog import KINDS, STEP_FACTOR, Entry, Parameter
from nnlab.config.faults import Fault, Report
from nnlab.config.nodes import Node
from nnlab.config.remedies import (
    in_one_line,
    no_component_remedy,
    number_remedy,
    unknown_name_remedy,
    unknown_parameter_remedy,
)
from nnlab.config.shapes import ANYTHING, Chosen, ListOf, Shape
from nnlab.config.values import Value, as_number
from nnlab.errors import ConfigPath, nearest
from nnlab.user_code import is_reference
from nnlab.wording import named, show

NOTHING: Final = object()
"""What stands at a place that is not there."""

Fill = Callable[["Component"], Mapping[str, Any]]
"""Gives the parameters of an object to write in addition to those that the config gave."""


class Typed:
    """A value of the typed config that others stand inside."""

    def inside(self) -> Mapping[Any, Any]:
        """Return the values inside, defaults included, by the next part of their paths."""
        raise NotImplementedError

    def plain(self, fill: Fill | None = None) -> Any:
        """Return what a config would say."""
        return {name: plain(value, fill) for name, value in self.inside().items() if value is not None}


def plain(value: Any, fill: Fill | None = None) -> Any:
    """Return typed values as plain ones: lists, dicts and scalars."""
    if isinstance(value, Typed):
        return value.plain(fill)
    if isinstance(value, Mapping):
        return {name: plain(each, fill) for name, each in value.items()}
    return [plain(item, fill) for item in value] if isinstance(value, (list, tuple)) else value


def inside(value: Any) -> Mapping[Any, Any]:
    """Return what stands inside a typed value, by the next part of its path."""
    if isinstance(value, Typed):
        return value.inside()
    return value if isinstance(value, Mapping) else dict(enumerate(value)) if isinstance(value, tuple) else {}


def files_named(value: Any) -> Iterator[str]:
    """Yield the files beside the config that the parameters of objects name, anywhere in a typed value."""
    if isinstance(value, Component):
        known = value.entry.parameters
        for name, given in value.parameters.items():
            if isinstance(given, str) and name in known and known[name].names_file(given):
                yield given
    for each in inside(value).values():
        yield from files_named(each)


def value_at(value: Any, path: ConfigPath) -> Any:
    """Return what stands at a path of a typed value, defaults included; `NOTHING` if nothing can stand there."""
    for part in path:
        below = inside(value)
        named_so = isinstance(value, Component) and part not in below and catalog.find(value.kind, str(part))
        if not (named_so and named_so == value.entry):
            value = below.get(part if part in below else str(part), NOTHING)
    return value


@dataclass(frozen=True, slots=True)
class Component(Typed):
    """An object of the catalog with the parameters that the config gives.

    Args:
        kind: its kind in the catalog, such as `layers`.
        name: its canonical name.
        parameters: the given parameters; those that name other objects are `Component`s.
    """

    kind: str
    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entry(self) -> Entry:
        """What the catalog knows about it."""
        entry = catalog.find(self.kind, self.name)
        assert entry is not None
        return entry

    @property
    def called(self) -> str:
        """Its name alone, of the user's own code without the file."""
        return self.entry.name

    def get(self, parameter: str) -> Any:
        """Return the parameter's value, or its default."""
        if parameter in self.parameters:
            return self.parameters[parameter]
        default = self.entry.parameters[parameter].default
        return None if default is catalog.REQUIRED else default

    def with_parameters(self, **parameters: Any) -> Component:
        """Return a copy with these parameters set."""
        return Component(self.kind, self.name, {**self.parameters, **parameters})

    def inside(self) -> Mapping[Any, Any]:
        """Return the values of all parameters."""
        return {**{name: self.get(name) for name in self.entry.parameters}, **self.parameters}

    def plain(self, fill: Fill | None = None) -> Any:
        """Return what a config would say: the bare name, or the name with its parameters."""
        parameters = {**(fill(self) if fill is not None else {}), **self.parameters}
        if not parameters:
            return self.name
        order = {name: i for i, name in enumerate(self.entry.parameters)}
        names = sorted(parameters, key=lambda name: order.get(name, len(order)))
        return {self.name: {name: plain(parameters[name], fill) for name in names}}


def named_object(raw: Any) -> str | None:
    """Return the name of an object as written, whatever its parameters; `None` if it is no object."""
    if isinstance(raw, Component):
        return raw.name
    if isinstance(raw, dict) and len(raw) == 1:
        return str(next(iter(raw)))
    return raw if isinstance(raw, str) else None


@dataclass(frozen=True, slots=True)
class OneOf(Shape):
    """An object of one kind.

    Args:
        kind: the kind in the catalog.
        only: which names of the kind may stand here, if not all.
        extra: parameters that may be given besides the object's own.
        number: the name that a bare number stands for, as in `dropout: 0.2`.
        besides: keys that stand beside the object's name, as `from` does in `{Dense: 30, from: wide}`.
        between: yields what is wrong with the parameters taken together.
    """

    kind: str
    only: Callable[[str], bool] | None = None
    extra: tuple[Parameter, ...] = ()
    number: str | None = None
    besides: tuple[str, ...] = ()
    between: Callable[[Component], Iterator[Fault]] | None = None

    def parse(self, raw: Any, report: Report) -> Component | None:
        """Turn plain values into a `Component`; `None` comes back when nothing can be made of them."""
        if self.number is not None and isinstance(raw, (int, float)) and not isinstance(raw, bool):
            raw = {self.number: raw}
        if self.number is not None and isinstance(raw, str) and (hint := number_remedy(raw.strip())) is not None:
            report.fault(f"expected a number, received {show(raw)}", hint)
            return None
        name, given, is_key = _split(self.kind, raw, report)
        if name is None:
            return None
        below = report.at(name) if is_key else report
        entry = catalog.find(self.kind, name)
        if entry is None or not self.allows(entry):
            self._refuse(name, entry, below, at_key=is_key)
            return None
        parameters = self.parameters(entry)
        values = _check_parameters(entry, parameters, given, below)
        said = {
            key: value
            for key, value in values.items()
            if key not in parameters or _says_something(self.kind, parameters[key], value)
        }
        component = Component(self.kind, entry.key, said)
        _check_what_goes_together(component, below)
        for fault in self.between(component) if self.between is not None else ():
            report.add(fault)
        return component

    def _refuse(self, name: str, entry: Entry | None, report: Report, *, at_key: bool) -> None:
        word = KINDS[self.kind]
        if is_reference(name) and (problem := catalog.user_code_problem(self.kind, name)) is not None:
            report.fault(*problem, at_key=at_key)
            return
        message = f"unknown {word} {named(name)}" if entry is None else f"the {word} `{name}` cannot stand here"
        if entry is not None and entry.instead is not None:
            report.fault(f"a config has another way for `{entry.name}`", entry.instead, at_key=at_key)
            return
        allowed = [choice for choice in catalog.names(self.kind) if self.allows(catalog.find(self.kind, choice))]
        hint = unknown_name_remedy(self.kind, name, allowed, all_allowed=self.only is None)
        report.fault(message, hint, at_key=at_key)

    def allows(self, entry: Entry | None) -> bool:
        """Whether an object of the kind may stand here."""
        return entry is not None and entry.instead is None and (self.only is None or self.only(entry.key))

    def parameters(self, entry: Entry) -> Mapping[str, Parameter]:
        """Return what may be given for an object."""
        return {**entry.parameters, **{parameter.name: parameter for parameter in self.extra}}

    def parameter(self, name: str, part: str) -> Shape:
        """Return the shape of a parameter of the object of a name."""
        entry = catalog.find(self.kind, name)
        found = self.parameters(entry).get(part) if entry is not None else None
        return ANYTHING if found is None else shape_of(found)

    def name_in(self, node: Node) -> str | None:
        """Return the canonical name of an object that is written with parameters."""
        if self.number is not None and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            return self.number
        if isinstance(node.value, dict) and len(node.value) == 1:
            (name,) = node.value
            entry = catalog.find(self.kind, name)
            return entry.key if entry is not None else name
        return None

    def opened(self, node: Node) -> None:
        """Rewrite `relu`, `Dense: 300` and `dropout: 0.2` as a name with a mapping of parameters."""
        if isinstance(node.value, (int, float)) and self.number is not None and not isinstance(node.value, bool):
            node.value = {self.number: Node(node.value, node.mark, node.mark)}
        if isinstance(node.value, str):
            node.value = {node.value: Node({}, node.mark, node.mark)}
        if not isinstance(node.value, dict) or len(node.value) != 1:
            return
        ((name, inside),) = node.value.items()
        if isinstance(inside.value, dict):
            return
        entry = catalog.find(self.kind, name)
        first = entry.first_parameter if entry is not None else None
        if inside.value is None or first is None:
            node.value[name] = Node({}, inside.mark, inside.key_mark)
        else:
            node.value[name] = Node({first: Node(inside.value, inside.mark)}, inside.mark, inside.key_mark)


def shape_of(parameter: Parameter) -> Shape:
    """Return the shape of a parameter's value."""
    return Value(parameter) if parameter.kind is None else Reference(parameter)


@dataclass(frozen=True, slots=True)
class Reference(Chosen):
    """A parameter that names another object, or a list of them."""

    target: Parameter

    @property
    def one(self) -> OneOf:
        """The shape of the object."""
        assert self.target.kind is not None
        return OneOf(self.target.kind)

    @property
    def is_inside(self) -> bool:
        """Whether it is an activation that is no last step of its layer, and so can be no layer: it has a default.

        Behind the layer is another place than in it, as in a recurrent layer, whose loop holds the activation.
        """
        return self.target.kind == "activations" and not self.target.required and self.target.default is not None

    def chosen(self, raw: Any) -> Shape:
        """Return the shape of a list if one is written, and may be."""
        return ListOf(self.one) if isinstance(raw, list) and "list" in self.target.types else self.one

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the object, or a tuple of objects; `None` where there may be none."""
        if raw is None and not self.target.required:
            return None
        value = self.chosen(raw).parse(raw, report)
        if self.is_inside and isinstance(value, Component) and value.name in catalog.activation_layers():
            functions = {name.replace("_", ""): name for name in catalog.entries("activations")}
            message = f"`{value.name}` is a layer, and cannot stand inside another one"
            function = functions.get(value.name.lower(), "relu")
            report.fault(message, f"choose a function such as `{function}`, or put `{value.name}` behind as a layer")
        inner = value if isinstance(value, (list, tuple)) else [value]
        if self.target.kind == "layers" and any(each and STEP_FACTOR.name in each.parameters for each in inner):
            message = f"`{STEP_FACTOR.name}` cannot stand inside of another layer"
            report.fault(message, "give it to the outer layer, whose steps it then holds for")
        return value


KERNELS = ("kernel", "depthwise", "pointwise")
"""The weights of a layer that initializers, regularizers and constraints of the model's defaults are meant for."""

KERNEL_ROLES = ("initializer", "regularizer", "constraint")
"""What the model's defaults give these weights."""

GOVERNED = frozenset(["activation", *(f"{kernel}_{role}" for kernel in KERNELS for role in KERNEL_ROLES)])
"""The parameters of a layer that the model's defaults decide unless the layer gives them."""


def _says_something(kind: str, parameter: Parameter, value: Any) -> bool:
    """Whether a given parameter differs from leaving it out, so that equal objects compare equal."""
    if (kind == "layers" and parameter.name in GOVERNED) or parameter.required:
        return True
    default = as_number(parameter, parameter.default)
    if isinstance(value, Component):
        same = isinstance(default, str) and catalog.find(value.kind, default) == value.entry
        return not same or bool(value.parameters)
    return type(value) is not type(default) or bool(value != default)


def _split(kind: str, raw: Any, report: Report) -> tuple[str | None, Any, bool]:
    """Return the name, what is given for its parameters, and whether the name is a key."""
    if isinstance(raw, str):
        return raw, {}, False
    if isinstance(raw, dict) and len(raw) == 1:
        ((name, given),) = raw.items()
        return str(name), {} if given is None else given, True
    word = KINDS[kind]
    number = "one" if isinstance(raw, dict) and raw else "an" if word[0] in "aeiou" else "a"
    report.fault(f"expected {number} {word}, received {show(raw)}", no_component_remedy(kind, raw))
    return None, None, False


def _check_parameters(entry: Entry, parameters: Mapping[str, Parameter], given: Any, report: Report) -> dict[str, Any]:
    if not isinstance(given, dict):
        if entry.first_parameter is None:
            report.fault(f"`{entry.name}` has no parameters, received {show(given)}", f"write `{entry.written}` alone")
            return {}
        name = entry.first_parameter
        _report_missing(entry, parameters, {name: given}, report)
        return {name: shape_of(parameters[name]).parse(given, report)}
    unknown = [name for name in given if name not in parameters and not entry.takes_more]
    for name in unknown:
        hint = unknown_parameter_remedy(
            entry, name, [other for other in parameters if other not in given], value=given[name]
        )
        report.at(name).fault(f"`{entry.name}` has no parameter {named(name)}", hint, at_key=True)
    meant = {name: ... for misspelt in unknown for name in nearest(misspelt, parameters)}
    _report_missing(entry, parameters, {**meant, **given}, report)
    return {
        name: shape_of(parameters[name]).parse(value, report.at(name)) if name in parameters else value
        for name, value in given.items()
        if name in parameters or entry.takes_more
    }


def _check_what_goes_together(component: Component, report: Report) -> None:
    """Refuse parameters that mean nothing with what others say."""
    for name in component.parameters:
        parameter = component.entry.parameters.get(name)
        if parameter is None or parameter.only_with is None:
            continue
        other, value = parameter.only_with
        if component.get(other) != value:
            message = f"`{name}` goes with `{other}: {value}`, and it is {show(component.get(other))}"
            report.at(name).fault(message, f"write `{other}: {value}`, or remove it", at_key=True)


def _report_missing(
    entry: Entry, parameters: Mapping[str, Parameter], given: Mapping[str, Any], report: Report
) -> None:
    required = [name for name, parameter in parameters.items() if parameter.required]
    missing = [f"`{name}`" for name in required if name not in given]
    if missing:
        example = in_one_line({name: given.get(name) for name in required})
        report.fault(f"`{entry.name}` needs {' and '.join(missing)}", f"write `{entry.written}: {{{example}}}`")
