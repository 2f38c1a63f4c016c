"""Numbers, texts, switches and names: the values of a config that hold no others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from nnlab.catalog import REQUIRED, Parameter
from nnlab.config.faults import Fault, Report
from nnlab.config.names import canonical
from nnlab.config.remedies import about, type_remedy
from nnlab.config.shapes import Checked, ListOf, Shape
from nnlab.errors import did_you_mean
from nnlab.wording import named, number_text, one_of, show


class Type(NamedTuple):
    """A type that parameters of the catalog have: in words, in Python (switches apart) and in JSON Schema."""

    words: str
    types: tuple[type, ...]
    schema: str


TYPES: Final[Mapping[str, Type]] = {
    "int": Type("a whole number", (int,), "integer"),
    "float": Type("a number", (int, float), "number"),
    "bool": Type("`true` or `false`", (), "boolean"),
    "str": Type("a text", (str,), "string"),
    "list": Type("a list", (list, tuple), "array"),
    "dict": Type("a mapping", (dict,), "object"),
    "null": Type("`null`", (type(None),), "null"),
}


@dataclass(frozen=True)
class Value(Shape):
    """A number, a text, a switch ...: what a parameter of the catalog accepts that names no other object."""

    parameter: Parameter

    def parse(self, raw: Any, report: Report) -> Any:
        """Return the value as the number that was meant, if it is one."""
        value = as_number(self.parameter, raw)
        fault = next(value_faults(self.parameter, value, received=raw), None)
        if fault is not None:
            report.add(fault)
        return value


def whole(**limits: Any) -> Value:
    """Return the shape of whole numbers, within limits as in `Parameter`."""
    return Value(Parameter("", types=("int", "null"), **limits))


def number(**limits: Any) -> Value:
    """Return the shape of finite numbers, within limits as in `Parameter`."""
    return Value(Parameter("", types=("float", "null"), **limits))


TEXT: Final = Value(Parameter("", types=("str",)))
SWITCH: Final = Value(Parameter("", types=("bool",)))


def whole_number(value: Any) -> Any:
    """Accept `1e4` where a whole number is due."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, and no switch."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite_number(value: Any) -> bool:
    """Whether a value is a number that can be computed with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _name(value: Any, report: Report) -> Any:
    value = whole_number(value)
    if not (isinstance(value, str) or is_whole(value)):
        return report.fault(f"expected a name or a number, received {show(value)}")
    return canonical(value) if isinstance(value, str) else value


def _class_name(value: Any, report: Report) -> Any:
    """Read the name of a class: a column of `true` and `false` has the classes True and False."""
    return _name(str(value) if isinstance(value, bool) else value, report)


def _list_of_names(name: Shape) -> ListOf:
    return ListOf(name, "a name or a list of names", lambda _: None, or_one=True)


NAME: Final = Checked(_name, {"type": ["string", "integer"]})
NAMES: Final = _list_of_names(NAME)
CLASS_NAME: Final = Checked(_class_name, {"type": ["string", "integer", "boolean"]})


def as_number(parameter: Parameter, value: Any) -> Any:
    """Accept `1e3` where a whole number is due, and `1` where Keras insists on a float; in a list, too."""
    if isinstance(value, list) and parameter.items:
        return [as_number(_of_items(parameter), item) for item in value]
    if isinstance(value, float) and "int" in parameter.types and "float" not in parameter.types:
        return whole_number(value)
    if type(value) is int and "float" in parameter.types and "int" not in parameter.types:
        return float(value)
    return value


def _of_items(parameter: Parameter) -> Parameter:
    """Return what an item of a list must be."""
    return parameter._replace(default=REQUIRED, types=parameter.items, choices=())


def value_faults(parameter: Parameter, value: Any, *, received: Any) -> Iterator[Fault]:
    """Yield what is wrong with a value that names no other object.

    Args:
        parameter: what the value is for.
        value: the value, as a number of the parameter's type if it is one.
        received: what the config says.
    """
    if value is None and parameter.default is None:
        return
    if isinstance(value, float) and not math.isfinite(value) and "float" in parameter.types:
        yield Fault((), f"expected a finite number, received {show(received)}")
    if parameter.types and not any(_is(value, name) for name in parameter.types):
        wanted = " or ".join(
            TYPES[name].words for name in parameter.types if name != "null" or len(parameter.types) == 1
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
    is_other = parameter.choices and value not in parameter.choices and isinstance(value, str)
    if is_other and parameter.file_in is None:
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
    return type_name == "bool" if isinstance(value, bool) else isinstance(value, TYPES[type_name].types)
