"""`nnlab activations --at`: values and derivatives of activation functions at given points."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nnlab.cli import console
from nnlab.cli.objects import label_of
from nnlab.errors import NnlabError
from nnlab.wording import show

if TYPE_CHECKING:
    import numpy as np

    from nnlab.cli.options import Given
    from nnlab.config.components import Component


def show_points(wanted: Sequence[Component], points: Any, given: Given) -> None:
    """Print what functions give at points and how they rise there; of one that is named again, upon itself.

    Args:
        wanted: the functions.
        points: a number, a list, or a list of rows.
        given: the command's options.

    Raises:
        NnlabError: the points are no finite numbers, or Keras refuses a function.
    """
    import numpy as np

    rows = _rows(points)
    applied = [(activation, len(list(same))) for activation, same in groupby(wanted)]
    documents: list[dict[str, Any]] = []
    lines: list[str] = []
    with console.tensorflow(given):
        from nnlab.model.curves import curve, jacobians, takes_vectors

        for activation, times in applied:
            about = {"name": activation.name, "activation": activation.plain(), "times": times}
            if takes_vectors(activation):
                values, slopes = jacobians(activation, rows, times=times)
                documents.append({**about, "values": values.tolist(), "jacobians": slopes.tolist()})
                lines += _vector_lines(_label(activation, times), rows, values, slopes)
            else:
                found = curve(activation, rows.reshape(-1), times=times)
                values, slopes = (np.reshape(each, rows.shape) for each in (found.values, found.derivatives))
                documents.append({**about, "values": values.tolist(), "derivatives": slopes.tolist()})
                lines += _lines(_label(activation, times), ["x", "f(x)", "f'(x)"], [rows, values, slopes])
    if given.json:
        console.print_json({"x": rows.tolist(), "functions": documents})
    else:
        sys.stdout.write("\n".join(lines[:-1]) + "\n")


def _rows(points: Any) -> np.ndarray:
    import numpy as np

    hint = "write a number, a list or a list of rows: `--at '[2, 0.5, 6]'`"
    try:
        array = np.asarray(points)
    except ValueError:
        raise NnlabError("the points of `--at` are rows of different lengths", hint=hint) from None
    if array.dtype.kind not in "iuf" or not array.size or array.ndim > 2 or not np.isfinite(array).all():
        raise NnlabError(f"`--at` expects finite numbers, received {show(points)}", hint=hint)
    if abs(array.astype(np.float64)).max() > float(np.finfo(np.float32).max):
        raise NnlabError(f"`--at` expects numbers that float32 holds, up to 3.4e+38, received {show(points)}")
    return array.astype(np.float32).reshape(1 if array.ndim < 2 else len(array), -1)


def _label(activation: Component, times: int) -> str:
    return " of ".join([label_of(activation)] * times)


def _vector_lines(label: str, rows: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> Iterator[str]:
    """Yield tables: for each row what is given downwards, its derivatives by what comes in to the right."""
    heads = ["x", "f(x)", *(f"by x{i + 1}" for i in range(rows.shape[1]))]
    for row, given, jacobian in zip(rows, values, slopes, strict=True):
        yield from _lines(label, heads, [row, given, *jacobian.T])


def _lines(title: str, heads: Sequence[str], columns: Sequence[np.ndarray]) -> Iterator[str]:
    """Yield a table of numbers with eight digits, and an empty line."""
    cells = [
        [head, *(f"{value:.8g}" for value in column.reshape(-1))] for head, column in zip(heads, columns, strict=True)
    ]
    widths = [max(map(len, column)) for column in cells]
    yield title
    for line in zip(*cells, strict=True):
        yield "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
    yield ""
