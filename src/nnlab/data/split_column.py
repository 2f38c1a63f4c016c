"""The column that says how rows are split: their groups, their times, or the names of their splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlab.config.components import Component
from nnlab.config.data import SPLIT_COLUMNS, DataConfig, SplitConfig
from nnlab.data.column_kinds import COLUMN_KINDS
from nnlab.data.encoding.inference import guess
from nnlab.data.splitting import SPLITS
from nnlab.data.table import Fault, Table, fault_of_missing, texts
from nnlab.wording import show

_WORDS = {name: number for number, name in enumerate(SPLITS)} | dict.fromkeys(["val", "valid", "dev"], 1)
_EXPECTED = "`train`, `validation` (`val`, `valid`, `dev`) or `test`"


def read_split_column(table: Table, position: int, config: DataConfig) -> np.ndarray | Fault:
    """Return what a column says of the splits, `[rows]` as `RawData.split_values`, or what is wrong with it.

    Args:
        table: all rows.
        position: of the column.
        config: says by what rows are split, and perhaps the column's kind.
    """
    import pandas as pd

    assert config.split is not None
    by, column = config.split.by, table.column(position)
    if by == "time":
        found = times_of(table, position, said_kinds(config))
        values = found if isinstance(found, Fault) else found[0]
    elif by == "group" and pd.api.types.is_numeric_dtype(column.dtype):
        values = column.to_numpy()
    else:
        values = texts(table, position)
    if isinstance(values, Fault):
        return values
    missing = np.asarray(pd.isna(values)) | column.isna().to_numpy()
    fault = fault_of_missing(table, position, missing, SPLIT_COLUMNS[by])
    if fault is not None or by != "column":
        return values if fault is None else fault
    numbers = split_numbers(values)
    if isinstance(numbers, int):
        hint = f"write {_EXPECTED}"
        return Fault.at(column, numbers, "which names no split", "values that name no split", hint)
    return numbers


def said_kinds(config: DataConfig) -> Mapping[str, Component]:
    """Return the kinds of columns that the config gives, by name."""
    return config.features if isinstance(config.features, Mapping) else {}


def times_of(table: Table, position: int, kinds: Mapping[str, Component]) -> tuple[np.ndarray, bool] | Fault:
    """Return numbers, or dates as numbers, NaN where they are missing, and whether they are dates.

    Args:
        table: all rows.
        position: of the column.
        kinds: of columns that have one, by name; another is of the kind that its values suggest.
    """
    column = table.column(position)
    kind = kinds.get(str(column.name))
    if kind is None:
        found = guess(table, position)
        if isinstance(found, Fault):
            return found
        kind = found.kind
    if kind is None:
        return np.full(len(column), np.nan), False
    values = COLUMN_KINDS[kind.name].load().read(table, position, kind)
    if not isinstance(values, Fault) and values.dtype == object:
        row = int(np.argmax(column.notna().to_numpy()))
        hint = "name a column of dates or numbers; `features: {NAME: {date: {format: ...}}}` says how dates are written"
        what = "which is neither a date nor a number"
        return Fault.at(column, row, what, "values that are neither dates nor numbers", hint)
    return values if isinstance(values, Fault) else (values, kind.name == "date")


def split_numbers(names: Sequence[Any] | np.ndarray) -> np.ndarray | int:
    """Return the number in `SPLITS` of each name, or the row of the first that is none."""
    found = [_WORDS.get(str(name).strip().casefold()) for name in names]
    if None in found:
        return found.index(None)
    return np.array(found, np.int64)


def fault_of_array(values: np.ndarray, split: SplitConfig) -> tuple[str, str] | None:
    """Return what is wrong with an array that shall say the splits, and what to do."""
    if values.ndim != 1:
        return f"has the shape {values.shape}, and has to say {SPLIT_COLUMNS[split.by]}", "store one value a row"
    if split.by == "time" and values.dtype.kind not in "biuf":
        return f"has the type {values.dtype}, and has to say {SPLIT_COLUMNS[split.by]}", "store times as numbers"
    row = split_numbers(values) if split.by == "column" else None
    if isinstance(row, int):
        return (
            f"holds {show(values[row].item())} in row {row} (counted from 0), which names no split",
            f"write {_EXPECTED}",
        )
    return None
