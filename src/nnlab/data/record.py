"""What a run keeps of the rows that it was trained on: which row was in which split, and how to know it again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.data.digests import path_record, paths_of

ROW = np.dtype([("row", "<u4"), ("features", "<u8"), ("target", "<u4")])
"""A row: its number in the source (in the source's own test set, if it has one), hashes of its features and target."""

UNUSED = "unused"
"""Rows that are in no split, because of `limit`."""


@dataclass(frozen=True, slots=True, eq=False)
class DataRecord:
    """The rows of a run.

    Args:
        rows: by split (`train`, `validation`, `test`, and `unused`), `[rows]` of `ROW` in the split's order.
        classes: the number of each class of the source, -1 if its rows were left out; of each output with classes.
        weights: of what the rows of each split weigh, if they have weights: a digest.
        file: of the file that the rows were read from: its path, its size in bytes, and a hash of them.
        splits: where there are too many rows to keep each, a hash of the positions of each split's; `rows` is empty.
    """

    rows: Mapping[str, np.ndarray]
    classes: Mapping[str, Mapping[str, int]]
    file: Mapping[str, Any] | None = None
    splits: Mapping[str, str] | None = None
    weights: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the rows of a split as 16 bytes each (see `ROW`), in base64."""
        rows = {name: base64.b64encode(rows.tobytes()).decode("ascii") for name, rows in self.rows.items()}
        return {
            "file": self.file,
            "classes": self.classes,
            "weights": dict(self.weights),
            "rows": rows,
            "splits": self.splits,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is no such record.
        """
        rows = {
            name: np.frombuffer(base64.b64decode(text, validate=True), ROW) for name, text in record["rows"].items()
        }
        splits = record.get("splits")
        if splits is None:
            rows = {"train": rows.pop("train"), **rows}
        return cls(rows, dict(record["classes"]), record["file"], splits, dict(record.get("weights", {})))


def make_record(
    file: Mapping[str, Any] | None,
    rows: np.ndarray | None,
    split: Mapping[str, np.ndarray],
    classes: Mapping[str, Mapping[str, int]],
) -> DataRecord:
    """Record what was loaded.

    Args:
        file: what `file_record` says.
        rows: those that take part, `[rows]` of `ROW`; `None` if they are too many to keep each.
        split: positions in `rows`, by split.
        classes: as in `DataRecord`.
    """
    if rows is None:
        return DataRecord({}, classes, file, split_digests(split))
    is_used = np.zeros(len(rows), bool)
    is_used[np.concatenate(list(split.values()))] = True
    rest = {} if is_used.all() else {UNUSED: rows[~is_used]}
    return DataRecord({**{name: rows[positions] for name, positions in split.items()}, **rest}, classes, file)


def split_digests(split: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Hash the positions of the rows of each split, whatever their order."""
    rising = {name: np.sort(positions).astype("<u4") for name, positions in split.items()}
    return {
        name: hashlib.blake2b(positions.tobytes(), digest_size=16).hexdigest() for name, positions in rising.items()
    }


def file_record(config: DataConfig) -> dict[str, Any] | None:
    """Fingerprint the files that the rows are read from, or the pictures of a folder; `None` for other sources.

    Several have one hash of theirs, and each its own besides.
    """
    records = [record for path in paths_of(config) if (record := path_record(path)) is not None]
    if len(records) < 2:
        return records[0] if records else None
    together = hashlib.blake2b("".join(record["blake2b"] for record in records).encode(), digest_size=16)
    size = sum(record["bytes"] for record in records)
    return {"path": ", ".join(config.paths), "bytes": size, "blake2b": together.hexdigest(), "files": records}
