"""What to do about mistakes that many people make, in one line each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from nnlab import catalog
from nnlab.catalog import Entry, Parameter
from nnlab.config.nodes import resolve_scalar, yaml_number
from nnlab.config.synonyms import name_meant, parameter_meant
from nnlab.errors import did_you_mean
from nnlab.wording import listed, one_of

_YES, _NO = ("yes", "on", "y"), ("no", "off", "n")
_NONE = ("none", "nil", "nothing")
_A_LIST = "write a list: `[a, b]`, or one item a line with a dash before it"
_BRACKETS = "a list stands in square brackets: `[3, 3]`"
DECIMAL_POINT = "if this is part of a number, write decimals with a point"


def type_remedy(value: Any, types: Collection[str]) -> str | None:
    """Say how to write a value of the wrong type, if what was meant is plain.

    Args:
        value: what was received.
        types: what is accepted, as in `Parameter.types`.
    """
    if isinstance(value, str):
        return _text_remedy(value.strip(), types)
    if isinstance(value, (bool, int, float)):
        if "bool" in types and type(value) is int and value in (0, 1):
            return f"write `{str(bool(value)).lower()}`"
        if "str" in types:
            return f"put it in quotes: `'{str(value).lower()}'`"
    return _A_LIST if "list" in types and not isinstance(value, list) else None


def _text_remedy(text: str, types: Collection[str]) -> str | None:
    plain = resolve_scalar(text)
    if "null" in types and text.casefold() in _NONE:
        return "write `null`"
    if "bool" in types:
        if text.casefold() in (*_YES, *_NO):
            return f"write `{str(text.casefold() in _YES).lower()}`"
        if isinstance(plain, bool):
            return "remove the quotes"
    if "list" in types and text.startswith("("):
        return _BRACKETS
    if {"int", "float"} & set(types):
        return number_remedy(text)
    if "list" in types:
        return _A_LIST
    if "dict" in types and re.search(r":\S", text):
        return "put a space behind each `:`"
    return None


def says_yes(value: Any) -> bool:
    """Whether a value switches something on."""
    return value is True or (isinstance(value, str) and value.casefold() in _YES)


def says_none(value: Any) -> bool:
    """Whether a value is a word for nothing."""
    return isinstance(value, str) and value.casefold() in _NONE


def number_remedy(text: str) -> str | None:
    """Say how to write a text that stands where a number is due, if it is one in another writing."""
    plain = resolve_scalar(text)
    if isinstance(plain, (int, float)) and not isinstance(plain, bool):
        return "remove the quotes"
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
        return f"write decimals with a point: `{text.replace(',', '.')}`"
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?\s*%", text):
        return f"write it as a fraction: `{float(text.rstrip('% ')) / 100:g}`"
    if re.fullmatch(r"[-+*/^().\d\s_eE]+", text) and re.search(r"\d\s*[*/^+]", text):
        return "write the number itself, nothing is computed here"
    return None


def is_part_of_a_number(key: str, value: Any) -> bool:
    """Whether a key is what a decimal comma makes of a number: `{validation: 0,2}` has a key 2 without a value."""
    return key.isdecimal() and value is None


def stray_key_remedy(key: str, value: Any) -> str | None:
    """Say what to do about a key that is what YAML makes of a decimal comma, or of a tuple as Python writes it."""
    if is_part_of_a_number(key, value):
        return DECIMAL_POINT
    return _BRACKETS if value is None and re.fullmatch(r"[\d.]+\)", key) else None


def about(parameter: Parameter) -> str | None:
    """Return what the catalog says about a parameter, as a hint."""
    text = parameter.description.rstrip(".")
    if not text or text.casefold() == f"the {parameter.name.replace('_', ' ')}":
        return None
    return f"`{parameter.name}`: {text[0].lower() if text[1:2].islower() or text[1:2] == ' ' else text[0]}{text[1:]}"


def unknown_parameter_remedy(entry: Entry, key: str, known: Collection[str], *, value: Any) -> str:
    """Say what to do about a parameter that an object does not have, given those that it may still get."""
    if (stray := stray_key_remedy(key, value)) is not None:
        return stray
    if not known:
        return f"write `{entry.written}` alone"
    meant = parameter_meant(entry, key, known)
    return meant or did_you_mean(key, known) or f"`{entry.name}` takes {listed(known)}"


def unknown_name_remedy(kind: str, name: str, allowed: Collection[str], *, all_allowed: bool) -> str:
    """Say what to do about a name that the catalog does not have, or that cannot stand in its place.

    Args:
        kind: the kind of object that is expected.
        name: what was written.
        allowed: the names that may stand there, aliases included.
        all_allowed: whether these are all names of the kind.
    """
    call = re.fullmatch(r"(\w+)\((.*)\)", name)
    if call is not None and call[1] in allowed:
        entry = catalog.find(kind, call[1])
        parameters = f": {{{entry.first_parameter}: ...}}" if call[2] and entry is not None else ""
        return f"write `{call[1]}{parameters}`"
    if kind == "datasets" and (file := re.fullmatch(r"[^\s:]+\.(csv|npz|parquet)", name)) is not None:
        return f"write `data: {{source: {file[1]}, path: {name}{'' if file[1] == 'npz' else ', target: ...'}}}`"
    last = name.rpartition(".")[2]  # `keras.layers.Dense`, `nn.Linear`
    if last != name and last in allowed:
        return f"write `{last}`"
    if (synonym := _synonym(kind, last, allowed)) is not None:
        return synonym
    if kind == "layers" and all_allowed and catalog.find("activations", name) is not None:
        return f"write `Activation: {name}`"
    if name.casefold() in _NONE:
        return "write `null` for none"
    canonical = [choice for choice in allowed if choice in catalog.entries(kind)]
    few = one_of(canonical) if len(canonical) <= 12 else f"`nnlab list {kind}` shows them all"
    return did_you_mean(name, allowed) or few


def _synonym(kind: str, name: str, allowed: Collection[str]) -> str | None:
    """Say what another library's name means here, if that may stand in its place."""
    meant = name_meant(kind, name)
    if meant is None or meant.write is None:
        return None if meant is None else meant.note
    target = meant.write if isinstance(meant.write, str) else next(iter(meant.write))
    if target not in allowed:
        return None
    written = target if isinstance(meant.write, str) else _flow(meant.write)[1:-1]
    return f"write `{written}`" + (f"; {meant.note}" if meant.note is not None else "")


def _flow(value: Any) -> str:
    """Write a plain value in one line of YAML."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, float):
        return yaml_number(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def no_component_remedy(kind: str, raw: Any) -> str:
    """Say how to write an object, given what stands in its place."""
    word = catalog.KINDS[kind]
    if kind == "layers" and isinstance(raw, int) and not isinstance(raw, bool):
        return f"write `Dense: {raw}`"
    if isinstance(raw, Mapping) and raw:
        entries = {key: entry for key in raw if (entry := catalog.find(kind, str(key))) is not None}
        # `momentum` beside `SGD` is the parameter
        keys = [key for key in entries if not any(key in other.parameters for other in entries.values())] or [*entries]
        if len(keys) > 1:
            return "write each as an item of its own, with a dash" if kind == "layers" else f"keep one {word}"
        if keys:
            beside = {key: value for key, value in raw.items() if key != keys[0]}
            parameters = in_one_line({**_parameters(entries[keys[0]], raw[keys[0]]), **beside})
            return f"indent the parameters deeper than the name: `{keys[0]}: {{{parameters}}}`"
        if (remedy := _name_as_a_value(kind, raw)) is not None:
            return remedy
    article = "an" if word[0] in "aeiou" else "a"
    return f"write {article} {word}'s name, or its name with parameters: `Name: {{parameter: value}}`"


def _parameters(entry: Entry, given: Any) -> Mapping[Any, Any]:
    """Return the parameters that stand behind a name: a bare value is the first one's."""
    if isinstance(given, Mapping):
        return given
    return {} if given is None or entry.first_parameter is None else {entry.first_parameter: given}


def _name_as_a_value(kind: str, raw: Mapping[Any, Any]) -> str | None:
    """Correct `{type: Dense, units: 300}` and `{class_name: Dense, config: {units: 300}}`."""
    config = raw.get("config")
    for key, value in raw.items():
        says_name = key in ("type", "name", "class", "class_name") and isinstance(value, str)
        entry = catalog.find(kind, value) if says_name else None
        if entry is not None:
            given = {**raw, **(config if isinstance(config, Mapping) else {})}
            kept = {name: given[name] for name in entry.parameters if name in given and name != key}
            return f"write `{entry.name}: {{{in_one_line(kept)}}}`" if kept else f"write `{entry.name}`"
    return None


def in_one_line(parameters: Mapping[Any, Any]) -> str:
    """Write parameters as in `{units: 300}`, values that are long as three dots."""
    return ", ".join(f"{key}: {_short(value)}" for key, value in parameters.items())


def _short(value: Any) -> str:
    if isinstance(value, (bool, int, float, str)) and 0 < len(str(value)) <= 20 and ", " not in str(value):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return "..."
