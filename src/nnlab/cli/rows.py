"""`--rows`: which rows of a split a command looks at."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from nnlab.errors import NnlabError
from nnlab.wording import counted, named

Rows = Annotated[
    str | None,
    typer.Option(
        metavar="A:B",
        help="Rows of the split, counted from 0, without B: `0:9` are the first nine, `5` is one, `10:` the rest.",
    ),
]


def parse_rows(text: str | None, count: int, *, what: str) -> slice:
    """Return which rows `A:B` means, as a slice of Python; `None` for all.

    Args:
        text: as written.
        count: how many rows there are.
        what: the split that has them, such as `test`.

    Raises:
        NnlabError: it is no such text, or there are no such rows.
    """
    if text is None:
        return slice(0, count)
    found = re.fullmatch(r"\s*(\d{0,12})\s*(:)?\s*(\d{0,12})\s*", text)
    if found is None or not (found[1] or found[2]):
        raise NnlabError(f"`--rows` expects rows, received {named(text)}", hint="write `--rows 0:9`, or `--rows 5`")
    first = int(found[1] or 0)
    end = first + 1 if not found[2] else int(found[3]) if found[3] else count
    if not first < end <= count:
        hint = f"there are {counted(count, f'{what} row')}, 0 to {count - 1}"
        raise NnlabError(f"`--rows {text}` are no rows of this split", hint=hint)
    return slice(first, end)
