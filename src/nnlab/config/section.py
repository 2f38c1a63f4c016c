"""What all parts of the typed config share: strict sections, and the values that several of them hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, NoReturn, Self, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from nnlab.config.components import Fault, raise_faults
from nnlab.config.names import canonical
from nnlab.errors import show


class Section(BaseModel):
    """A frozen part of the config that refuses unknown keys and wrong types."""

    # sections are built when first needed: a config uses few of them
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True, defer_build=True)

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Report what is wrong between the keys together with what is wrong with each."""
        raw = cls.opened(raw)
        if not isinstance(raw, dict):
            return handler(raw)
        # `null` switches off what an extended file gives
        keys = {info.alias or name for name, info in cls.model_fields.items()}
        given = {key: value for key, value in raw.items() if value is not None or key not in keys}
        faults = list(cls.faults_between(given))
        try:
            section = handler(given)
        except ValidationError as error:
            raise_faults(faults, besides=[((), error)])
        if faults:
            raise_faults(faults)
        return section

    def written(self) -> Iterator[tuple[str, Any]]:
        """Yield the keys that a config holds, with their values."""
        for name, info in type(self).model_fields.items():
            yield info.alias or name, getattr(self, name)

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """Return the long form of what may be written in short."""
        return raw

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:  # noqa: ARG003
        """Yield what is wrong with the keys taken together, whatever is wrong with their values."""
        yield from ()


class Parsed(NamedTuple):
    """Annotation of a config field that a function checks and converts.

    Unlike pydantic's `PlainValidator` it leaves the field's type alone, which takes long to make a schema of.
    """

    parse: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)


def fail(message: str, hint: str | None = None, *, value: Any = None) -> NoReturn:
    """Report one mistake of the value itself."""
    raise_faults([Fault((), message, hint, value)])


def as_tuple(value: Any) -> Any:
    """Make a tuple of a list; leave anything else to be refused."""
    return tuple(value) if isinstance(value, list) else value


def _name(value: Any) -> Any:
    value = whole(value)
    if value is not None and not is_name(value):
        fail(f"expected a name or a number, received {show(value)}", value=value)
    return canonical(value) if isinstance(value, str) else value


def name_list(value: Any) -> Any:
    """Make a tuple of a name, or of a list of names."""
    if value is None:
        return None
    names = tuple(whole(name) for name in (value if isinstance(value, (list, tuple)) else (value,)))
    if not isinstance(value, (list, tuple)) and not is_name(names[0]):
        fail(f"expected a name or a list of names, received {show(value)}", value=value)
    faults = [
        Fault((i,), f"expected a name or a number, received {show(name)}")
        for i, name in enumerate(names)
        if not is_name(name)
    ]
    if faults:
        raise_faults(faults)
    return tuple(canonical(name) if isinstance(name, str) else name for name in names)


def truth_as_name(value: Any) -> Any:
    """Make the name of a class of `true` and `false`, also in a list: a column of these has the classes True, False."""
    if isinstance(value, list):
        return [truth_as_name(item) for item in value]
    return str(value) if isinstance(value, bool) else value


def is_name(value: Any) -> bool:
    """Whether a value can name a column or a class."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def whole(value: Any) -> Any:
    """Accept `1e4` where a whole number is due."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_finite_number(value: Any) -> bool:
    """Whether a value is a number that can be computed with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _not_built_yet(value: Any) -> Any:
    return (
        None if value is None else fail("this is not built yet", "remove it for now; CHANGELOG.md says what is there")
    )


Whole: TypeAlias = Annotated[int, BeforeValidator(whole)]
Name: TypeAlias = Annotated[str | int | None, Parsed(_name)]
Names: TypeAlias = Annotated[tuple[str | int, ...] | None, Parsed(name_list)]
ClassName: TypeAlias = Annotated[str | int | None, Parsed(lambda value: _name(truth_as_name(value)))]
ClassNames: TypeAlias = Annotated[tuple[str | int, ...] | None, Parsed(lambda value: name_list(truth_as_name(value)))]
NotBuiltYet: TypeAlias = Annotated[None, Parsed(_not_built_yet)]
