"""What each row weighs in the losses: a column of a table, or an array."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nnlab.data.table import Fault, Table, numbers
from nnlab.errors import DataError, Problem
from nnlab.wording import figure, rows_word

PATH = ("data", "weight")
_UNUSUAL = 10.0


def read_weights(table: Table, position: int) -> np.ndarray | Fault:
    """Return the weights in a column, float64 `[rows]`, or what is wrong with it."""
    values = numbers(table, position, is_target=True)
    if isinstance(values, Fault) or not (values < 0).any():
        return values
    row, hint = int((values < 0).argmax()), "weights are at least 0, and rows that weigh 0 teach nothing"
    return Fault.at(table.frame.iloc[:, position], row, "a weight below 0", "weights below 0", hint)


def fault_of_weights(values: np.ndarray) -> tuple[str, str] | None:
    """Return what is wrong with an array of finite values that shall be weights, and what to do."""
    if values.ndim != 1:
        return f"has the shape {values.shape}, and has to weigh the rows", "store one number a row"
    if values.dtype.kind not in "biuf":
        return f"has the type {values.dtype}, and has to weigh the rows", "store numbers"
    below = values < 0
    if below.any():
        row = int(below.argmax())
        what = f"holds {figure(float(values[row]))} in row {row} (counted from 0), a weight below 0"
        return what, "weights are at least 0, and rows that weigh 0 teach nothing"
    return None


def array_of_weights(name: str, values: np.ndarray, file: Path) -> np.ndarray:
    """Return an array as weights, float64 `[rows]`.

    Raises:
        DataError: it holds none.
    """
    fault = fault_of_weights(values)
    if fault is not None:
        raise DataError(Problem(f"`{name}` {fault[0]}", fault[1], file=str(file)))
    return values.astype(np.float64)


def check_some_weigh(weights: np.ndarray, rows: Mapping[str, np.ndarray]) -> None:
    """Refuse weights of which all rows of a split have 0.

    Raises:
        DataError: the split.
    """
    for split, positions in rows.items():
        if len(positions) and not weights[positions].any():
            message = f"all {rows_word(split)} rows weigh 0"
            raise DataError(Problem(message, "choose other rows or another column", path=PATH))


def note_of_weights(name: str, train: np.ndarray) -> Iterator[str]:
    """Yield a sentence where the weights of the training rows are far from 1 on average."""
    mean = float(train.mean())
    if not 1 / _UNUSUAL < mean < _UNUSUAL:
        yield (
            f"the weights `{name}` are {figure(mean)} on average, and so many times as large are losses and gradients: "
            "they are divided by the number of rows, not by the sum of the weights"
        )


def digests_of_weights(weights: np.ndarray, rows: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Return by split a digest of what its rows weigh, by which a run knows them again."""
    kept = weights.astype("<f4")  # as losses see them
    return {
        split: hashlib.blake2b(kept[positions].tobytes(), digest_size=16).hexdigest()
        for split, positions in rows.items()
    }
