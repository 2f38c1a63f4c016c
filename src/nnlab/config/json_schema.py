"""The config in JSON Schema (draft 2020-12), for editors: made of the same shapes that check it.

A file that extends another one may leave out what the other one says. The schema therefore holds everything twice: as
it must be in a file of its own, and without what is required.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nnlab import catalog
from nnlab.catalog import KINDS, USER_CODE, Entry, Parameter
from nnlab.config.components import OneOf, Reference, plain, shape_of
from nnlab.config.graph import FedLayer, Inputs
from nnlab.config.model import Model, SubclassedConfig, model_section
from nnlab.config.schema import Experiment
from nnlab.config.section import Key, Nested, OrSection, Section
from nnlab.config.shapes import (
    IDENTIFIER,
    Checked,
    Choice,
    CountOrList,
    Either,
    Later,
    ListOf,
    ListOrMap,
    MapOf,
    OneOrByName,
    Shape,
    TextOrList,
)
from nnlab.config.values import TYPES, Value

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LIMITS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "exclusive_minimum": "exclusiveMinimum",
    "exclusive_maximum": "exclusiveMaximum",
}
_NULL: Json = {"type": "null"}
_PART = "-part"


def json_schema() -> Json:
    """Return the schema of a config file."""
    definitions: Json = {}
    whole, part = (_Writer(definitions, is_part=is_part).section(Experiment) for is_part in (False, True))
    for each in (whole, part):
        definitions[each["$ref"].rpartition("/")[2]]["properties"]["extends"] = {
            "type": "string",
            "description": "another config, relative to this file, over which this one is laid",
        }
    return {
        "$schema": DIALECT,
        "title": "A config of nnlab",
        "type": "object",
        "if": {"type": "object", "required": ["extends"]},
        "then": part,
        "else": whole,
        "$defs": _without_twins(definitions),
    }


def schema_text() -> str:
    """Return the schema of a config file as text, a definition a line."""

    def lines(values: Json, indent: str) -> str:
        return ",\n".join(f"{indent}{json.dumps(name)}: {json.dumps(each)}" for name, each in values.items())

    schema = json_schema()
    definitions = lines(schema.pop("$defs"), "  ")
    return f'{{\n{lines(schema, " ")},\n "$defs": {{\n{definitions}\n }}\n}}\n'


def _without_twins(definitions: Json) -> Json:
    """Leave out the definitions for parts that are those of the whole, as of all that requires nothing."""
    texts = {name: json.dumps(schema) for name, schema in definitions.items()}
    twins = {name for name in texts if f"{name}{_PART}" in texts}

    def merged(text: str) -> str:
        return re.sub(
            rf'#/\$defs/([^"]+){_PART}"', lambda found: f'#/$defs/{found[1]}"' if found[1] in twins else found[0], text
        )

    while differing := {name for name in twins if merged(texts[f"{name}{_PART}"]) != texts[name]}:
        twins -= differing
    kept = sorted(name for name in texts if name.removesuffix(_PART) not in twins or not name.endswith(_PART))
    return {name: json.loads(merged(texts[name])) for name in kept}


class _Writer:
    """Writes shapes as JSON Schema; sections and objects of the catalog become definitions.

    Args:
        definitions: takes them.
        is_part: whether what is required may be missing, as in a file that extends another one.
    """

    def __init__(self, definitions: Json, *, is_part: bool) -> None:
        self.definitions = definitions
        self.is_part = is_part
        self.whole = _Writer(definitions, is_part=False) if is_part else self  # lists are replaced, not merged
        self.writers: dict[type[Shape], Callable[[Any], Json]] = {
            Shape: lambda _: {},
            Value: lambda shape: _value(shape.parameter),
            Choice: lambda shape: {"enum": list(shape.words)},
            Either: lambda shape: _any_of(*map(self.shape, shape.shapes)),
            Checked: lambda shape: dict(shape.schema),
            Later: lambda shape: self.shape(shape.shape),
            ListOf: self._list,
            ListOrMap: lambda shape: _any_of(self.shape(shape.items), self.shape(shape.values)),
            CountOrList: lambda shape: _any_of(self.shape(shape.count), self.shape(shape.items)),
            TextOrList: lambda shape: _any_of(self.shape(shape.text), self.shape(shape.items)),
            MapOf: self._map,
            Inputs: lambda shape: _any_of(self._map(shape), {"type": "array", "items": {"type": "string"}}),
            OneOrByName: lambda shape: _any_of(self.shape(shape.one), self._map(shape.several)),
            OneOf: self._object,
            FedLayer: self._fed_layer,
            OrSection: self._or_section,
            Reference: self._reference,
            Nested: self._nested,
            Model: lambda _: self._model(),
        }

    def shape(self, shape: Shape) -> Json:
        """Return the schema of a shape."""
        return self.writers[type(shape)](shape)

    def section(self, section: type[Section]) -> Json:
        """Return a reference to a section's definition."""
        return self._defined(section.__name__, lambda: self._keys(section))

    def _defined(self, name: str, make: Callable[[], Json]) -> Json:
        """Return a reference to a definition, which is made if it is not there."""
        name = f"{name}{_PART}" if self.is_part else name
        if name not in self.definitions:
            self.definitions[name] = {}  # it may refer to itself
            self.definitions[name] = make()
        return {"$ref": f"#/$defs/{name}"}

    def _keys(self, section: type[Section]) -> Json:
        keys = section.keys()
        schema: Json = {
            "type": "object",
            "description": " ".join((section.__doc__ or "").split("\n\n")[0].split()),
            "properties": {name: self._key(key) for name, key in keys.items()},
            "additionalProperties": False,
        }
        given = [name for name, key in keys.items() if key.required and name != "name"]  # a file has a name itself
        return schema if self.is_part or not given else {**schema, "required": given}

    def _key(self, key: Key) -> Json:
        schema = self.shape(key.shape)
        if not key.required or self.is_part:
            schema = _any_of(schema, _NULL)
        return {**_described(schema, key.about), **_default(key.default)}

    def _list(self, shape: ListOf) -> Json:
        items = self.whole.shape(shape.item)
        schema: Json = {"type": "array", "items": items, **({"minItems": shape.least} if shape.least else {})}
        return _any_of(items, schema) if shape.or_one else schema

    def _map(self, shape: MapOf) -> Json:
        schema: Json = {"type": "object", "additionalProperties": self.shape(shape.item)}
        if shape.is_identifier:
            schema["propertyNames"] = {"pattern": f"^{IDENTIFIER.pattern}$"}
        return schema if self.is_part or not shape.least else {**schema, "minProperties": shape.least}

    def _nested(self, shape: Nested) -> Json:
        section = shape.section
        others: list[Json] = [dict(each) for each in section.also]
        if section.short is not None:
            short = section.keys()[section.short].shape
            others.append({"enum": self._bare_names(short)} if isinstance(short, OneOf) else self.shape(short))
        if shape.switch:
            others.append({"type": "boolean"})
        return _any_of(self.section(section), *others)

    def _model(self) -> Json:
        schema = self.section(model_section("sequential"))
        schema = _any_of(schema, {}) if self.is_part else schema
        for type_, section in (
            ("functional", self.section(model_section("functional"))),
            ("subclassed", self._class()),
        ):
            is_it = {"type": "object", "properties": {"type": {"const": type_}}, "required": ["type"]}
            schema = {"if": is_it, "then": section, "else": schema}
        return schema

    def _class(self) -> Json:
        """Return the schema of a subclassed model: with the parameters of a class of nnlab's, or anything."""
        own = {name: key for name, key in SubclassedConfig.keys().items() if key.about}
        names = list(catalog.entries("models"))
        schema: Json = {
            "properties": {
                "type": self._key(own["type"]),
                "class": {
                    **_any_of({"enum": names}, {"type": "string", "pattern": ":"}),
                    "description": own["class"].about,
                },
            }
        }
        for name, entry in catalog.entries("models").items():
            parameters = self._parameters(entry.parameters)
            parameters["properties"] = {"type": True, "class": True, **parameters["properties"]}
            is_it = {"type": "object", "properties": {"class": {"const": name}}, "required": ["class"]}
            schema = {"allOf": [schema, {"if": is_it, "then": parameters}]}
        return schema if self.is_part else {**schema, "required": ["type", "class"]}

    def _or_section(self, shape: OrSection) -> Json:
        one, section = self.shape(shape.one), self.section(shape.section_of())
        if shape.mark is None:
            return _any_of(one, section)
        return {"if": {"type": "object", "required": [shape.mark]}, "then": section, "else": one}

    def _reference(self, shape: Reference) -> Json:
        schema = self.shape(shape.one)
        if shape.is_inside:
            functions = OneOf("activations", only=lambda name: name not in catalog.activation_layers())
            schema = self._defined("activations.inside", lambda: self._forms(functions))
        if "list" in shape.target.types:
            schema = _any_of(schema, self._list(ListOf(shape.one)))
        return schema if shape.target.required else _any_of(schema, _NULL)

    def _object(self, shape: OneOf) -> Json:
        """Return the schema of an object: its bare name, or its name with parameters."""
        if shape.only is None:
            return self._defined(shape.kind, lambda: self._forms(shape))
        return self._forms(shape)

    def _forms(self, shape: OneOf) -> Json:
        with_parameters = {
            "type": "object",
            "properties": self._named(shape),
            **_user_code(shape),
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        forms: list[Json] = [{"enum": self._bare_names(shape)}, with_parameters]
        if _user_code(shape):
            forms.append({"type": "string", "pattern": _REFERENCE})
        if shape.number is not None:
            entry = catalog.find(shape.kind, shape.number)
            assert entry is not None
            forms.append(self.shape(shape_of(next(iter(entry.parameters.values())))))
        return {**_any_of(*forms), "description": f"A {KINDS[shape.kind]}: `nnlab list {shape.kind}`."}

    def _fed_layer(self, shape: FedLayer) -> Json:
        """Return the schema of a layer with the names of what feeds it beside its own."""
        source: Json = {"type": "string"}
        beside = {
            "from": {
                **_any_of(source, {"type": "array", "items": source, "minItems": 1}),
                "description": "the layers and inputs that feed it",
            },
            "shared": {"type": "string", "description": "the layer whose weights it uses once more"},
        }
        schema: Json = {
            "type": "object",
            "properties": {**beside, **self._named(shape)},
            **_user_code(shape),
            "additionalProperties": False,
            "maxProperties": 2,
        }
        return schema if self.is_part else {**schema, "required": ["from"], "minProperties": 2}

    def _named(self, shape: OneOf) -> Json:
        """Return the schemas of what may stand behind each name, aliases included."""
        return {
            name: self._entry(shape, entry)
            for each in _entries(shape)
            for name, entry in ((name, each) for name in (each.name, *each.aliases))
        }

    def _bare_names(self, shape: OneOf) -> list[str]:
        """Return the names that may stand without parameters."""
        return [
            name
            for entry in _entries(shape)
            if self.is_part or not any(each.required for each in shape.parameters(entry).values())
            for name in (entry.name, *entry.aliases)
        ]

    def _entry(self, shape: OneOf, entry: Entry) -> Json:
        if shape.extra:
            return self._given(entry, shape.parameters(entry))
        return self._defined(f"{entry.kind}.{entry.name}", lambda: self._given(entry, entry.parameters))

    def _given(self, entry: Entry, parameters: Mapping[str, Parameter]) -> Json:
        """Return the schema of what stands behind an object's name: its parameters, the first one, or nothing."""
        forms = [self._parameters(parameters)]
        required = [name for name, parameter in parameters.items() if parameter.required]
        if self.is_part or not required:
            forms.append(_NULL)
        first = parameters.get(entry.first_parameter or "")
        if first is not None and (self.is_part or set(required) <= {first.name}):
            forms.append({"allOf": [self.shape(shape_of(first)), {"not": {"type": "object"}}]})
        return {**_any_of(*forms), "description": entry.summary}

    def _parameters(self, parameters: Mapping[str, Parameter]) -> Json:
        schema: Json = {
            "type": "object",
            "properties": {
                name: {**_described(self.shape(shape_of(each)), each.description), **_default(each.default)}
                for name, each in parameters.items()
            },
            "additionalProperties": False,
        }
        required = [name for name, parameter in parameters.items() if parameter.required]
        return schema if self.is_part or not required else {**schema, "required": required}


_REFERENCE = r"\.py:[A-Za-z_][A-Za-z_0-9]*$"
"""What a function or class in a file of the user's is called, as far as JSON Schema's dialects agree on patterns."""


def _user_code(shape: OneOf) -> Json:
    """Return the schema of what stands behind the name of the user's own code, whose parameters only its file tells."""
    if shape.kind not in USER_CODE or shape.only is not None:
        return {}
    return {"patternProperties": {_REFERENCE: True}}


def _entries(shape: OneOf) -> Iterable[Entry]:
    return [entry for entry in catalog.entries(shape.kind).values() if shape.allows(entry)]


def _value(parameter: Parameter) -> Json:
    """Return the schema of a parameter that names no other object."""
    schema: Json = {}
    if parameter.types:
        more = ("null",) if parameter.default is None and "null" not in parameter.types else ()
        schema = _of_types((*parameter.types, *more))
    limits = {word: getattr(parameter, name) for name, word in _LIMITS.items() if getattr(parameter, name) is not None}
    if parameter.items:
        schema["items"] = {**_of_types(parameter.items), **limits}
    if parameter.choices and parameter.file_in is None:
        schema = {"allOf": [schema, _any_of({"enum": list(parameter.choices)}, {"not": {"type": "string"}})]}
        if parameter.types == ("str",) and parameter.default is not None:
            schema = {"enum": list(parameter.choices)}
    return {**schema, **limits}


def _of_types(names: Sequence[str]) -> Json:
    types = [TYPES[name].schema for name in names]
    return {"type": types[0] if len(types) == 1 else types}


def _any_of(*schemas: Json) -> Json:
    """Return what holds where one of several does, flat."""
    flat: list[Json] = []
    for schema in schemas:
        flat += [each for each in (schema["anyOf"] if set(schema) == {"anyOf"} else [schema]) if each not in flat]
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _described(schema: Json, text: str) -> Json:
    return {**schema, "description": text} if text else schema


def _default(value: Any) -> Json:
    value = plain(value)
    return {"default": value} if isinstance(value, (bool, int, float, str, list, dict)) else {}
