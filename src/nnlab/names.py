"""Names of runs, in any script: what may stand in them, and how one is made of other text."""

from __future__ import annotations

import unicodedata

MAX_NAME = 100
"""Characters of the name of a run."""

MAX_NAME_BYTES = 200
"""Bytes of it: a file system takes 255 of a directory's name, which also holds the time and an id."""


def is_part(character: str) -> bool:
    """Return whether a character may stand in a name: letters with their marks, digits, `.`, `_` and `-`."""
    return character in "._-" or unicodedata.category(character)[0] in "LMN"


def is_name(text: str) -> bool:
    """Return whether a run may be called so: its first character is a letter or a digit, and it is not too long."""
    starts = unicodedata.category(text[:1] or " ")[0] in "LN"
    return starts and len(text) <= MAX_NAME and all(map(is_part, text))


def name_from(text: str, *, default: str, longest: int = MAX_NAME) -> str:
    """Make a name of any text.

    Args:
        text: such as the stem of a file.
        default: the name if nothing of it can stay.
        longest: characters that may be left.

    >>> name_from("first run (2)", default="experiment"), name_from("房价", default="experiment")
    ('first-run-2', '房价')
    """
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(each if is_part(each) else " " for each in composed)
    name = "-".join(kept.split())[:longest]
    while len(name.encode()) > MAX_NAME_BYTES:
        name = name[:-1]
    name = name.rstrip("-._")
    while name and unicodedata.category(name[0])[0] not in "LN":
        name = name[1:]
    return name or default
