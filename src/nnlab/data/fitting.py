"""What is fitted on training rows, and makes of all rows what a model takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from nnlab.config.by_name import said_of
from nnlab.config.data import DataConfig
from nnlab.data.encoding.encoding import TableEncoding
from nnlab.data.registry import RawData
from nnlab.data.scaling import Scaling, fit_scaling, fit_scaling_in_parts, scaled
from nnlab.data.source_rows import SourceRows
from nnlab.data.splits import ByName, Rows, parts_of
from nnlab.data.stored import ColumnsOnDisk, StoredRows
from nnlab.data.windows import check_encoding
from nnlab.errors import DataError, Problem

Fitted: TypeAlias = tuple[Mapping[str, Rows], Mapping[str, Scaling | None], TableEncoding | None]
"""The rows of each split, scaled or encoded, and by what."""


def fitted(source: SourceRows, rows: Mapping[str, np.ndarray], config: DataConfig) -> Fitted:
    """Fit scalings or an encoding on the training rows, and return the rows of all splits with it.

    Args:
        source: all rows.
        rows: which of them each split takes.
        config: the `data` section.

    Raises:
        DataError: nothing can be learned from a column.
    """
    return (_on_disk if source.raw.stored else _in_memory)(source, rows, config)


def _in_memory(source: SourceRows, rows: Mapping[str, np.ndarray], config: DataConfig) -> Fitted:
    """Return the rows of each split in memory, and what was fitted on the training rows."""
    x_train = source.features(rows["train"])
    encoding = _encoding(source.raw, x_train, config)
    check_encoding(encoding, config)
    plain = {} if encoding is not None else x_train
    scalings = {name: fit_scaling(x, said_of(name, config.scale)) for name, x in plain.items()}

    def split(name: str) -> Rows:
        x = source.features(rows[name]) if name != "train" else x_train
        if encoding is not None:
            return source.finished(encoding.encode(x), rows[name])
        return source.finished({array: scaled(x[array], scalings[array]) for array in x}, rows[name])

    return {name: split(name) for name in rows}, scalings, encoding


def _on_disk(source: SourceRows, rows: Mapping[str, np.ndarray], config: DataConfig) -> Fitted:
    """Do what `_in_memory` does with rows that stay on disk."""
    train = source.on_disk(rows["train"], dict)
    assert isinstance(train, StoredRows)
    encoding = _encoding(source.raw, ColumnsOnDisk(train), config)
    if encoding is not None:
        return {name: source.on_disk(positions, encoding.encode) for name, positions in rows.items()}, {}, encoding
    scalings = {}
    for name in source.raw.stored:
        own = replace(train, arrays={name: source.raw.stored[name]})
        # numbers of tables are float64 wherever they are fitted
        parts = (part.x[name].astype(np.float64 if source.raw.names_columns else None) for part in parts_of(own))
        scalings[name] = fit_scaling_in_parts(parts, said_of(name, config.scale))

    def put(x: ByName) -> ByName:
        return {name: scaled(array, scalings[name]) for name, array in x.items()}

    return {name: source.on_disk(positions, put) for name, positions in rows.items()}, scalings, None


def _encoding(raw: RawData, x_train: ByName, config: DataConfig) -> TableEncoding | None:
    """Fit what makes numbers of columns of which not all are plain numbers.

    Raises:
        DataError: nothing is left of them, or nothing can be learned from one.
    """
    if not raw.kinds:
        return None
    assert not isinstance(config.scale, Mapping), "columns are no arrays with scalings of their own"
    encoding = TableEncoding.fit(x_train, raw.kinds, config.scale)
    if not encoding.feature_names and not encoding.own:
        message = "no column is left as a feature: each is the same in all training rows"
        raise DataError(Problem(message, path=("data", "features")))
    return encoding
