"""Objects of the user's own, `my_code.py:name`, as the catalog describes them: by what their files say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from nnlab.catalog.entry import PREDICTIONS, REQUIRED, TARGETS, Entry, Parameter, Takes
from nnlab.user_code import UNKNOWN, Argument, Definition, definition_of, reading_problem, split_reference
from nnlab.wording import listed, one_of, show

Bases: TypeAlias = Callable[[str, str | None], Mapping[str, Parameter]]
"""Gives the parameters of a kind's class of a name; of any other name, those that all of the kind have."""


class UserCode(NamedTuple):
    """What a name in a Python file of the user's may be.

    Args:
        called_with: what a function is called with before its parameters; `None` if it must be a class.
        example: what defines one.
        is_function: whether it must be a function.
    """

    called_with: tuple[str, ...] | None
    example: str
    is_function: bool = False


USER_CODE: Final = {
    "layers": UserCode(None, "class MyLayer(keras.layers.Layer): ..."),
    "activations": UserCode(("x",), "def my_activation(x): ..."),
    "initializers": UserCode(("shape", "dtype"), "def my_initializer(shape, dtype=None): ..."),
    "regularizers": UserCode(("x",), "def my_regularizer(x): ..."),
    "constraints": UserCode(("w",), "def my_constraint(w): ..."),
    "optimizers": UserCode(None, "class MyOptimizer(keras.optimizers.Optimizer): ..."),
    "losses": UserCode(("y_true", "y_pred"), "def my_loss(y_true, y_pred): ..."),
    "metrics": UserCode(("y_true", "y_pred"), "def my_metric(y_true, y_pred): ..."),
    "schedules": UserCode(("step",), "def my_schedule(epoch, learning_rate): ...", is_function=True),
    "callbacks": UserCode(None, "class MyCallback(keras.callbacks.Callback): ..."),
}
"""The kinds in whose places `my_code.py:name` may stand."""


def user_code_problem(kind: str, reference: str, bases: Bases) -> tuple[str, str | None] | None:
    """Return message and hint if what a config names in a file of the user's cannot be an object of a kind.

    Args:
        kind: the kind in the catalog.
        reference: what is named.
        bases: gives what classes of Keras take.
    """
    if kind not in USER_CODE:
        return "this cannot be code of your own", f"`nnlab list {kind}` shows what there is"
    called_with, example, is_function = USER_CODE[kind]
    problem = reading_problem(reference, classes_only=called_with is None)
    found = definition_of(reference)
    if problem is not None and found is not None:  # a function in place of a class
        if kind == "layers":
            example = f"Activation: {Path(split_reference(reference)[0]).name}:{found.name}"
        return problem[0], f"write `{example}`"
    if problem is not None or found is None:
        return problem
    takes = found.says.get("takes")
    if takes is not None and not (_is_pair(takes) and takes[0] in TARGETS and takes[1] in PREDICTIONS):
        targets, predictions = one_of(TARGETS, most=len(TARGETS)), one_of(PREDICTIONS, most=len(PREDICTIONS))
        message = f"`{found.name}` says that it takes {show(takes)}, which is no pair of targets and predictions"
        return message, f'targets are {targets}, predictions {predictions}: `takes = ("values", "numbers")`'
    if found.is_class and kind == "metrics" and "name" not in _parameters_of(kind, found, bases):
        message = f"`{found.name}` takes no `name`, which is that of its column"
        return message, "write `def __init__(self, ..., name=None, **kwargs): super().__init__(name=name, **kwargs)`"
    if found.is_class and is_function:
        return f"`{found.name}` is a class, and a function is needed here", f"write `{example}`"
    if found.is_class or called_with is None:
        return None
    names = [argument.name for argument in found.arguments]
    if kind == "schedules" and names[:1] not in (["step"], ["epoch"]):
        message = f"`{found.name}` does not say whether it counts steps or epochs"
        return message, f"call its first argument so: `{example}`"
    fits = len(names) >= len(called_with)
    if kind == "initializers":
        fits = bool(names) and ("dtype" in names[1:] or found.takes_more)
    if fits:
        return None
    message = f"`{found.name}` takes {listed(names) or 'nothing'}, and is called with {listed(called_with)}"
    return message, f"write `{example}`"


def user_entry(kind: str, reference: str, bases: Bases) -> Entry | None:
    """Describe an object of the user's by its signature, its class and what it says of itself; `None` if there is none.

    The arguments are those of `user_code_problem`.
    """
    definition = definition_of(reference)
    if definition is None or user_code_problem(kind, reference, bases) is not None:
        return None
    said = definition.says
    return Entry(
        kind=kind,
        name=definition.name,
        object=reference,
        summary=definition.document.partition("\n")[0] or f"Of `{Path(split_reference(reference)[0]).name}`.",
        parameters=_parameters_of(kind, definition, bases),
        package="user",
        takes_more=definition.takes_more and not definition.is_class,
        is_function=not definition.is_class,
        direction=said["direction"] if said.get("direction") in ("min", "max") else "min" if kind == "losses" else None,
        value_range=_pair(said.get("value_range")) or (None, None),
        takes=Takes(*said["takes"]) if _is_pair(said.get("takes")) else Takes("values", "numbers"),
        range=_pair(said.get("range")),
        adds_up_to_1=said.get("adds_up_to_1") is True,
    )


def _parameters_of(kind: str, definition: Definition, bases: Bases) -> dict[str, Parameter]:
    called_with = () if definition.is_class else USER_CODE[kind].called_with or ()
    arguments = definition.arguments[len(called_with) :]
    if kind == "initializers" and not definition.is_class:
        arguments = tuple(item for item in definition.arguments[1:] if item.name != "dtype")
    if kind == "schedules":  # these are given by what trains
        arguments = tuple(item for item in arguments if item.name not in ("learning_rate", "lr"))
    parameters = {item.name: _user_parameter(item, definition) for item in arguments}
    if kind == "metrics" and not definition.is_class:
        parameters["name"] = Parameter("name", None, types=("str",), description="The column of the history.")
    if definition.is_class and definition.takes_more:
        more = bases(kind, definition.base)
        if "__init__" in definition.methods:  # which may give what must be given
            more = {name: each._replace(default=None) if each.required else each for name, each in more.items()}
        parameters |= {name: each for name, each in more.items() if name not in parameters}
    return parameters


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2


def _pair(value: Any) -> tuple[float | None, float | None] | None:
    return (value[0], value[1]) if _is_pair(value) else None


def _user_parameter(argument: Argument, definition: Definition) -> Parameter:
    kind = _KINDS_BY_NAME.get(argument.name.rpartition("_")[2]) if definition.is_class else None
    types = tuple(_TYPES[word] for word in argument.annotations if word in _TYPES)
    known = kind is None and len(types) == len(argument.annotations)
    default = None if argument.default is UNKNOWN else argument.default
    return Parameter(argument.name, REQUIRED if argument.required else default, kind=kind, types=types if known else ())


_KINDS_BY_NAME = {
    "activation": "activations",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}
"""The objects that a parameter takes whose name ends so, as Keras has it."""

_TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str", "list": "list", "dict": "dict", "None": "null"}
_TYPES |= {"tuple": "list", "Sequence": "list", "Mapping": "dict"}
