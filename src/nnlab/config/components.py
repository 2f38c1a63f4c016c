"""Objects of a config: a bare name (`relu`), or one name with its parameters (`Dense: {units: 300}`, `Dense: 300`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from nnlab import catalog
from nnlab.catalog import KINDS, Entry, Parameter
from nnlab.config.remedies import (
    about,
    in_one_line,
    no_component_remedy,
    number_remedy,
    type_remedy,
    unknown_name_remedy,
    unknown_parameter_remedy,
)
from nnlab.errors import ConfigPath, did_you_mean, named, nearest, number_text, one_of, show

_TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "`true` or `false`",
    "str": "a text",
    "list": "a list",
    "dict": "a mapping",
    "null": "`null`",
}


@dataclass(frozen=True, slots=True)
class Component:
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

    def get(self, parameter: str) -> Any:
        """Return the parameter's value, or its default."""
        if parameter in self.parameters:
            return self.parameters[parameter]
        default = self.entry.parameters[parameter].default
        return None if default is catalog.REQUIRED else default

    def with_parameters(self, **parameters: Any) -> Component:
        """Return a copy with these parameters set."""
        return Component(self.kind, self.name, {**self.parameters, **parameters})

    def plain(self, *, fill: Callable[[Component], Mapping[str, Any]] = lambda _: {}) -> Any:
        """Return what a config would say: the bare name, or the name with its parameters.

        Args:
            fill: gives parameters to write in addition to those that the config gave.
        """
        parameters = {**fill(self), **self.parameters}
        if not parameters:
            return self.name
        order = {name: i for i, name in enumerate(self.entry.parameters)}
        names = sorted(parameters, key=lambda name: order.get(name, len(order)))
        return {self.name: {name: _plain(parameters[name], fill) for name in names}}


def _plain(value: Any, fill: Callable[[Component], Mapping[str, Any]]) -> Any:
    if isinstance(value, Component):
        return value.plain(fill=fill)
    if isinstance(value, (list, tuple)):
        return [_plain(item, fill) for item in value]
    return value


class Fault(NamedTuple):
    """A mistake inside an object: where (relative to it), what, and the remedy."""

    path: ConfigPath
    message: str
    hint: str | None = None
    value: Any = None
    at_key: bool = False


class OneOf(NamedTuple):
    """Annotation of a config field that holds an object of one kind.

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

    def parse(self, raw: Any) -> Component:
        """Turn plain values into a `Component`.

        Raises:
            ValidationError: with every mistake in it.
        """
        if self.number is not None and isinstance(raw, (int, float)) and not isinstance(raw, bool):
            raw = {self.number: raw}
        if self.number is not None and isinstance(raw, str) and (hint := number_remedy(raw.strip())) is not None:
            raise_faults([Fault((), f"expected a number, received {show(raw)}", hint, raw)])
        faults: list[Fault] = []
        component = parse_component(self.kind, raw, faults, only=self.only, extra=self.extra)
        if component is not None and self.between is not None:
            faults += self.between(component)
        if component is None or faults:
            raise_faults(faults)
        assert component is not None
        return component

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, Component) else self.parse(value),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda component: component.plain()),
        )


class MappingOf(NamedTuple):
    """Annotation of a config field that maps names to values of one shape: a section's class, or an object."""

    item: Any


def raise_faults(faults: list[Fault], *, besides: Sequence[tuple[ConfigPath, ValidationError]] = ()) -> NoReturn:
    """Raise the mistakes as one error of pydantic, which puts them under the field's own path.

    Args:
        faults: the mistakes.
        besides: errors whose mistakes are raised with them, each below its path.
    """
    details = [
        InitErrorDetails(
            type=PydanticCustomError(
                "nnlab", "{message}", {"message": fault.message, "hint": fault.hint, "at_key": fault.at_key}
            ),
            loc=fault.path,
            input=fault.value,
        )
        for fault in faults
    ]
    for path, error in besides:
        for detail in error.errors(include_url=False):
            context = detail.get("ctx", {})
            kind = PydanticCustomError("nnlab", "{message}", context) if detail["type"] == "nnlab" else detail["type"]
            loc = (*path, *detail["loc"])
            details.append(InitErrorDetails(type=kind, loc=loc, input=detail["input"], ctx=context))
    raise ValidationError.from_exception_data("config", details)


def named_object(raw: Any) -> str | None:
    """Return the name of an object as written, whatever its parameters; `None` if it is no object."""
    if isinstance(raw, Component):
        return raw.name
    if isinstance(raw, dict) and len(raw) == 1:
        return str(next(iter(raw)))
    return raw if isinstance(raw, str) else None


def parse_component(
    kind: str,
    raw: Any,
    faults: list[Fault],
    *,
    path: ConfigPath = (),
    only: Callable[[str], bool] | None = None,
    extra: tuple[Parameter, ...] = (),
) -> Component | None:
    """Turn plain values into a `Component`; mistakes go to `faults`, and `None` comes back when nothing can be made."""
    name, given, at_key = _split(kind, raw, path, faults)
    if name is None:
        return None
    entry = catalog.find(kind, name)
    where = (*path, name) if at_key else path
    if entry is None or (only is not None and not only(entry.name)):
        allowed = [choice for choice in catalog.names(kind) if only is None or only(_canonical(kind, choice))]
        hint = unknown_name_remedy(kind, name, allowed, all_allowed=only is None)
        word = KINDS[kind]
        message = f"unknown {word} {named(name)}" if entry is None else f"the {word} `{name}` cannot stand here"
        faults.append(Fault(where, message, hint, raw, at_key))
        return None
    parameters = {**entry.parameters, **{parameter.name: parameter for parameter in extra}}
    values = _check_parameters(entry, parameters, given, where, faults)
    said = {key: value for key, value in values.items() if _says_something(kind, parameters[key], value)}
    return Component(kind, entry.name, said)


GOVERNED = frozenset(
    ["activation"]
    + [
        f"{kernel}_{role}"
        for kernel in ("kernel", "depthwise", "pointwise")
        for role in ("initializer", "regularizer", "constraint")
    ]
)
"""The parameters of a layer that the model's defaults decide unless the layer gives them."""


def _says_something(kind: str, parameter: Parameter, value: Any) -> bool:
    """Whether a given parameter differs from leaving it out, so that equal objects compare equal."""
    if (kind == "layers" and parameter.name in GOVERNED) or parameter.required:
        return True
    default = _as_number(parameter, parameter.default)
    if isinstance(value, Component):
        same = isinstance(default, str) and catalog.find(value.kind, default) == value.entry
        return not same or bool(value.parameters)
    return type(value) is not type(default) or bool(value != default)


def _canonical(kind: str, name: str) -> str:
    entry = catalog.find(kind, name)
    assert entry is not None
    return entry.name


def _split(kind: str, raw: Any, path: ConfigPath, faults: list[Fault]) -> tuple[str | None, Any, bool]:
    """Return the name, what is given for its parameters, and whether the name is a key."""
    if isinstance(raw, Component):
        raw = raw.plain()
    if isinstance(raw, str):
        return raw, {}, False
    if isinstance(raw, dict) and len(raw) == 1:
        ((name, given),) = raw.items()
        return str(name), {} if given is None else given, True
    word = KINDS[kind]
    number = "one" if isinstance(raw, dict) and raw else "an" if word[0] in "aeiou" else "a"
    message = f"expected {number} {word}, received {show(raw)}"
    faults.append(Fault(path, message, no_component_remedy(kind, raw), raw))
    return None, None, False


def _check_parameters(
    entry: Entry, parameters: Mapping[str, Parameter], given: Any, path: ConfigPath, faults: list[Fault]
) -> dict[str, Any]:
    if not isinstance(given, dict):
        if entry.first_parameter is None:
            message = f"`{entry.name}` has no parameters, received {show(given)}"
            faults.append(Fault(path, message, f"write `{entry.name}` alone", given))
            return {}
        name = entry.first_parameter
        _report_missing(entry, parameters, {name: given}, path, faults)
        return {name: _check_value(parameters[name], given, path, faults)}
    unknown = [name for name in given if name not in parameters]
    for name in unknown:
        hint = unknown_parameter_remedy(
            entry, name, [other for other in parameters if other not in given], value=given[name]
        )
        message = f"`{entry.name}` has no parameter {named(name)}"
        faults.append(Fault((*path, name), message, hint, given[name], at_key=True))
    meant = {name: ... for misspelt in unknown for name in nearest(misspelt, parameters)}
    _report_missing(entry, parameters, {**meant, **given}, path, faults)
    return {
        name: _check_value(parameters[name], value, (*path, name), faults)
        for name, value in given.items()
        if name in parameters
    }


def _report_missing(
    entry: Entry, parameters: Mapping[str, Parameter], given: Mapping[str, Any], path: ConfigPath, faults: list[Fault]
) -> None:
    required = [name for name, parameter in parameters.items() if parameter.required]
    missing = [f"`{name}`" for name in required if name not in given]
    if missing:
        example = in_one_line({name: given.get(name) for name in required})
        faults.append(
            Fault(path, f"`{entry.name}` needs {' and '.join(missing)}", f"write `{entry.name}: {{{example}}}`", given)
        )


def _check_value(parameter: Parameter, value: Any, path: ConfigPath, faults: list[Fault]) -> Any:
    if parameter.kind is not None:
        return _check_named_object(parameter, value, path, faults)
    converted = _as_number(parameter, value)
    fault = next(value_faults(parameter, converted, received=value), None)
    if fault is not None:
        faults.append(Fault((*path, *fault.path), fault.message, fault.hint, value))
    return converted


def _check_named_object(parameter: Parameter, value: Any, path: ConfigPath, faults: list[Fault]) -> Any:
    assert parameter.kind is not None
    if value is None and not parameter.required:
        return None
    if "list" in parameter.types and isinstance(value, list):
        items = [parse_component(parameter.kind, item, faults, path=(*path, i)) for i, item in enumerate(value)]
        return tuple(items)
    component = parse_component(parameter.kind, value, faults, path=path)
    if component is not None and _is_misplaced_layer(parameter, component):
        function = {name.replace("_", ""): name for name in catalog.entries("activations")}.get(component.name.lower())
        message = f"`{component.name}` is a layer, and cannot stand inside another one"
        hint = f"choose a function such as `{function or 'relu'}`, or put `{component.name}` behind as a layer"
        faults.append(Fault(path, message, hint, value))
    return component


def _is_misplaced_layer(parameter: Parameter, component: Component) -> bool:
    """Whether a layer is named for an activation that is no last step of its layer: one that has a default.

    Behind the layer is then another place than in it, as in a recurrent layer, whose loop holds the activation.
    """
    is_inside = parameter.kind == "activations" and not parameter.required and parameter.default is not None
    return is_inside and component.name in catalog.activation_layers()


def _as_number(parameter: Parameter, value: Any) -> Any:
    """Accept `1e3` where a whole number is due, and `1` where Keras insists on a float; in a list, too."""
    if isinstance(value, list) and parameter.items:
        return [_as_number(_of_items(parameter), item) for item in value]
    if isinstance(value, float) and "int" in parameter.types and "float" not in parameter.types:
        return int(value) if value.is_integer() else value
    if type(value) is int and "float" in parameter.types and "int" not in parameter.types:
        return float(value)
    return value


def _of_items(parameter: Parameter) -> Parameter:
    """Return what an item of a list must be."""
    return parameter._replace(default=catalog.REQUIRED, types=parameter.items, choices=())


def value_faults(parameter: Parameter, value: Any, *, received: Any) -> Iterator[Fault]:
    """Yield what is wrong with a value that names no other object.

    Args:
        parameter: what the value is for.
        value: the value, as a number of the parameter's type if it is one.
        received: what the config says.
    """
    if value is None and parameter.default is None:
        return
    if isinstance(value, float) and not math.isfinite(value) and parameter.types:
        yield Fault((), f"expected a finite number, received {show(received)}", None)
    if parameter.types and not any(_is(value, name) for name in parameter.types):
        wanted = " or ".join(
            _TYPE_WORDS[name] for name in parameter.types if name != "null" or len(parameter.types) == 1
        )
        choices = one_of(parameter.choices) if parameter.choices else None
        hint = choices or type_remedy(received, parameter.types) or about(parameter)
        if parameter.name == "learning_rate" and isinstance(received, dict):
            hint = "write the rate to start from here, and the schedule at the top: `schedule: {exponential: {...}}`"
        if parameter.name == "axis" and "list" not in parameter.types and isinstance(received, list):
            hint = "give one axis; `Flatten` makes one of several, and `Reshape` makes them several again"
        yield Fault((), f"expected {wanted}, received {show(received)}", hint)
        return
    if isinstance(value, (list, tuple)) and parameter.items:
        raw = received if isinstance(received, (list, tuple)) else value
        for i, (item, said) in enumerate(zip(value, raw, strict=True)):
            for fault in value_faults(_of_items(parameter), item, received=said):
                yield fault._replace(path=(i, *fault.path))
    if parameter.choices and value not in parameter.choices and isinstance(value, str):
        hint = did_you_mean(value, parameter.choices) or one_of(parameter.choices)
        yield Fault((), f"unknown value {named(value)}", hint)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    if parameter.minimum is not None and value < parameter.minimum:
        yield Fault((), f"must be at least {number_text(parameter.minimum)}, received {show(received)}")
    if parameter.maximum is not None and value > parameter.maximum:
        message = f"must be at most {number_text(parameter.maximum)}, received {show(received)}"
        yield Fault((), message, about(parameter))
    if parameter.exclusive_minimum is not None and value <= parameter.exclusive_minimum:
        yield Fault((), f"must be more than {number_text(parameter.exclusive_minimum)}, received {show(received)}")
    if parameter.exclusive_maximum is not None and value >= parameter.exclusive_maximum:
        yield Fault((), f"must be less than {number_text(parameter.exclusive_maximum)}, received {show(received)}")


def _is(value: Any, type_name: str) -> bool:
    if isinstance(value, bool):
        return type_name == "bool"
    accepted: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float),
        "bool": (),
        "str": (str,),
        "list": (list, tuple),
        "dict": (dict,),
        "null": (type(None),),
    }
    return isinstance(value, accepted[type_name])
