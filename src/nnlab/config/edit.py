"""Change a value in a config file and nothing else: the text is edited in place, comments and layout stay."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import yaml

from nnlab.config.load import load_config
from nnlab.config.nodes import yaml_number
from nnlab.errors import ConfigError, NnlabError
from nnlab.outputs import check_output, write_output


def write_learning_rate(path: Path, rate: float) -> None:
    """Put the optimizer's learning rate into a config file.

    The new text is written only after it was read and found to mean the same but for the rate.

    Args:
        path: the file; what it extends is left alone, and overridden here.
        rate: the learning rate.

    Raises:
        ConfigError: the file is not a valid config.
        NnlabError: the rate cannot be put there without changing something else, or the file cannot be written.
    """
    path = path.resolve()  # what it names is found from where it stands
    check_output(path)
    before = load_config(path).experiment
    wanted = replace(before, optimizer=before.optimizer.with_parameters(learning_rate=rate))
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(3)}.yaml")
    try:
        text = with_learning_rate(path.read_bytes().decode(), before.optimizer.name, rate)
        temporary.write_bytes(text.encode())
        written = replace(load_config(temporary).experiment, name=before.name)  # it may be the file's
        if written != wanted:
            raise _refusal(path, rate)
        write_output(path, text)
    except ConfigError:
        raise _refusal(path, rate) from None
    except OSError as error:
        raise NnlabError(f"cannot write `{path}`: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _refusal(path: Path, rate: float) -> NnlabError:
    message = f"the learning rate cannot be put into `{path}` without changing something else"
    return NnlabError(message, hint=f"put `learning_rate: {yaml_number(rate)}` there yourself")


def with_learning_rate(text: str, optimizer: str, rate: float) -> str:
    """Return the text of a config with another learning rate.

    Args:
        text: a YAML mapping.
        optimizer: the name to write where the text has none.
        rate: the learning rate.

    >>> with_learning_rate("optimizer: adam  # the default", "Adam", 0.01)
    'optimizer: {adam: {learning_rate: 0.01}}  # the default'
    """
    number = yaml_number(rate)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    node = _value(root, "optimizer")
    if node is None:
        return _appended(text, root, f"optimizer: {{{optimizer}: {{learning_rate: {number}}}}}")
    if not isinstance(node, yaml.MappingNode):
        name = optimizer if _is_null(node) else node.value
        return _replaced(text, node, f"{{{name}: {{learning_rate: {number}}}}}")
    ((_, inside),) = node.value
    if not isinstance(inside, yaml.MappingNode):
        return _replaced(text, inside, f"{{learning_rate: {number}}}" if _is_null(inside) else number)
    value = _value(inside, "learning_rate")
    if value is not None:
        return _replaced(text, value, number)
    return _put_first(text, inside, f"learning_rate: {number}")


def _value(node: yaml.MappingNode, name: str) -> yaml.Node | None:
    return next((value for key, value in node.value if key.value == name), None)


def _is_null(node: yaml.Node) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _replaced(text: str, node: yaml.Node, new: str) -> str:
    start: int = node.start_mark.index
    end: int = node.end_mark.index
    gap = " " if text[:start].endswith(":") else ""  # nothing stood behind the colon
    return text[:start] + gap + new + text[end:]


def _put_first(text: str, mapping: yaml.MappingNode, entry: str) -> str:
    """Put an entry in front of the others: in the same line within braces, else in a line of its own."""
    if mapping.flow_style:
        place = text.index("{", mapping.start_mark.index) + 1
        return text[:place] + entry + (", " if mapping.value else "") + text[place:]
    mark = mapping.value[0][0].start_mark
    place, column = int(mark.index), int(mark.column)
    return text[:place] + entry + _newline(text) + " " * column + text[place:]


def _appended(text: str, root: yaml.MappingNode, entry: str) -> str:
    """Add an entry to the file: at its end, unless the file is one pair of braces."""
    if root.flow_style:
        return _put_first(text, root, entry)
    gap = "" if text.endswith("\n") else _newline(text)
    return text + gap + " " * root.start_mark.column + entry + _newline(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
