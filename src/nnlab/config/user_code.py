"""A class of the user's, named as `file.py:Class` or `module:Class`: found without running its code."""

from __future__ import annotations

import ast
from pathlib import Path

from nnlab.errors import did_you_mean
from nnlab.special_files import special_file
from nnlab.wording import one_of


def split_class(text: str) -> tuple[str, str]:
    """Return the file or module, and the class.

    >>> split_class("models/mine.py:Net")
    ('models/mine.py', 'Net')
    """
    place, _, name = text.rpartition(":")
    return place, name


def is_file(text: str) -> bool:
    """Whether the class is named by a file rather than by a module."""
    return split_class(text)[0].endswith(".py")


def class_problem(text: str) -> tuple[str, str] | None:
    """Return message and hint if the file or the class in it is not there; a module is looked for when it is used."""
    place, name = split_class(text)
    if not place or not name.isidentifier():
        return f"`{text}` names no class", "write `class: my_models.py:MyModel`"
    if not is_file(text):
        return None
    try:
        what = special_file(Path(place))
        if what is not None:
            return f"`{place}` is {what}", "name a Python file"
        tree = ast.parse(Path(place).read_bytes())
    except FileNotFoundError:
        return f"there is no file `{place}`", "the path is relative to the config"
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"`{place}` cannot be read as Python: {error}", "correct the file"
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if name not in classes:
        hint = did_you_mean(name, classes) or (one_of(classes) if classes else "it defines no class")
        return f"`{place}` defines no class `{name}`", hint
    return None
