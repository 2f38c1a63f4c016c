"""What a config names in files of the user's code, `my_code.py:name`, as it stands in its tree."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from nnlab.config.nodes import Mark, Node
from nnlab.user_code import files_of, is_reference, references_in, split_reference


def resolve_all_code(root: Node) -> tuple[str, ...]:
    """Make the files absolute in all `my_code.py:name`, and return them."""
    sections = root.value if isinstance(root.value, dict) else {}
    for name, section in sections.items():
        if name not in ("name", "data"):  # columns may be called anything
            resolve_code(section)
    source = _function_of_rows(root)
    if source is not None:
        resolve_code(source)
    return tuple(files_of(references(root)))


def resolve_code(node: Node) -> None:
    """Make the files absolute in all `my_code.py:name` of a value, whatever it is."""
    if isinstance(node.value, dict):
        node.value = {
            _absolute_reference(key, child.key_mark or child.mark): child for key, child in node.value.items()
        }
        for child in node.value.values():
            resolve_code(child)
    elif isinstance(node.value, list):
        for child in node.value:
            resolve_code(child)
    elif isinstance(node.value, str):
        node.value = _absolute_reference(node.value, node.mark)


def _absolute_reference(text: str, mark: Mark) -> str:
    if not is_reference(text):
        return text
    file, name = split_reference(text)
    return f"{absolute(file, mark)}:{name}"


def references(root: Node) -> list[str]:
    """Return all that a config names in files of the user's code."""
    sections = root.value if isinstance(root.value, dict) else {}
    source = _function_of_rows(root)
    found = [references_in(section.plain()) for name, section in sections.items() if name not in ("name", "data")]
    return [*(each for some in found for each in some), *references_in(None if source is None else source.value)]


def _function_of_rows(root: Node) -> Node | None:
    """Return what `data.object` says, if a text stands there."""
    data = root.value.get("data") if isinstance(root.value, dict) else None
    found = data.value.get("object") if data is not None and isinstance(data.value, dict) else None
    return found if found is not None and isinstance(found.value, str) else None


def absolute(path: str, mark: Mark) -> str:
    """Make a path absolute that a file, or the command line, says."""
    folder = Path(mark.file).parent if mark.line is not None else Path()
    with contextlib.suppress(ValueError, RuntimeError):  # no file can be there: who needs it says so
        return os.path.realpath(folder / Path(path).expanduser())
    return path
