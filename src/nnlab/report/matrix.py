"""Arrays as lines of text: small ones as matrices with the digits that float32 has, large ones in short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlab.wording import shape_text

if TYPE_CHECKING:
    import numpy as np

MOST_ENTRIES = 100
"""A larger array is shown in short."""

DIGITS = 7
"""Those of float32; what stands behind them is chance."""

_BARS = "▁▂▃▄▅▆▇█"
_PLAIN_BARS = "._-=+*#@"


def number(value: Any, *, digits: int = DIGITS) -> str:
    """Write a number of an array.

    >>> number(0.1), number(3), number(1.23456789e-8)
    ('0.1', '3', '1.234568e-08')
    """
    return str(value) if isinstance(value, int) else f"{float(value) + 0.0:.{digits}g}"


def point_aligned(cells: Sequence[str]) -> list[str]:
    """Pad numbers so that their points stand below one another.

    >>> point_aligned(["0.25", "12", "-1.5"])
    [' 0.25', '12   ', '-1.5 ']
    """
    parts = [cell.partition(".") for cell in cells]
    before = max(len(whole) for whole, _, _ in parts)
    behind = max(len(point + rest) for _, point, rest in parts)
    return [f"{whole:>{before}}{point + rest:<{behind}}" for whole, point, rest in parts]


def matrix_lines(array: np.ndarray, *, width: int, labels: Sequence[str] = ()) -> list[str]:
    """Write an array as a matrix, of more than two axes as one below the other.

    Args:
        array: a vector is a row; of more axes each row is called by its place on all but the last.
        width: cells of a line; columns that find no room stand below.
        labels: names of what the first axis counts.
    """
    import numpy as np

    if array.size == 0:
        return [f"(nothing: {shape_text(array.shape)})"]
    rows = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    heads = [""] * len(rows)
    if array.ndim > 1 and (labels or array.ndim > 2):
        places = np.ndindex(array.shape[:-1])
        heads = [", ".join([labels[first] if labels else str(first), *map(str, rest)]) for first, *rest in places]
    margin = max(map(len, heads)) + 2 if any(heads) else 0
    columns = [point_aligned([number(value) for value in column]) for column in rows.T]
    blocks = list(_blocks(columns, width - margin))
    lines: list[str] = []
    start = 0
    for block in blocks:
        if len(blocks) > 1:
            lines.append(f"columns {start} to {start + len(block) - 1}" if len(block) > 1 else f"column {start}")
        start += len(block)
        lines += [f"{head:<{margin}}{'  '.join(row)}".rstrip() for head, *row in zip(heads, *block, strict=True)]
    return lines


def _blocks(columns: Sequence[list[str]], width: int) -> Iterator[list[list[str]]]:
    block: list[list[str]] = []
    for column in columns:
        if block and sum(len(each[0]) + 2 for each in block) + len(column[0]) > width:
            yield block
            block = []
        block.append(column)
    yield block


def summary_lines(summary: Mapping[str, Any], *, is_plain: bool) -> list[str]:
    """Write what an array looks like in short.

    Args:
        summary: as `nnlab.inspection.documents.summary` gives it.
        is_plain: whether to do with ASCII's characters.
    """
    shape = shape_text(tuple(summary["shape"]))
    zeros = f"{100 * summary['zeros']:.3g} % zeros"
    figures = ", ".join(f"{name} {number(summary[name], digits=4)}" for name in ("mean", "std", "min", "max"))
    bars = histogram(summary["histogram"]["counts"], is_plain=is_plain)
    return [f"{shape}, {zeros}  {bars}".rstrip(), figures]


def histogram(counts: Sequence[int], *, is_plain: bool) -> str:
    """Draw counts as bars in a line; what is there is never drawn as nothing.

    >>> histogram([0, 1, 8], is_plain=False)
    ' ▁█'
    """
    bars = _PLAIN_BARS if is_plain else _BARS
    most = max(counts, default=0)
    return "".join(" " if not count else bars[-(-count * len(bars) // most) - 1] for count in counts)
