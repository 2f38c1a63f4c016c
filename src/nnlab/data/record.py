"""What a run keeps of the rows that it was trained on: which row was in which split, and how to know it again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.data.digests import file_digest
from nnlab.data.fingerprint import hash_classes, hash_rows, mix_all
from nnlab.data.splits import RowNumbers, row_count
from nnlab.data.targets import Target

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
        file: of the file that the rows were read from: its path, its size in bytes, and a hash of them.
    """

    rows: Mapping[str, np.ndarray]
    classes: Mapping[str, Mapping[str, int]]
    file: Mapping[str, Any] | None = None

    @property
    def digest(self) -> str:
        """Return a hash of all rows in the source's order, whatever splits they are in."""
        main = np.sort(np.concatenate([rows for name, rows in self.rows.items() if name != "test"]), order="row")
        test = np.sort(self.rows.get("test", main[:0]), order="row")
        return hashlib.blake2b(main.tobytes() + test.tobytes(), digest_size=16).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the rows of a split as 16 bytes each (see `ROW`), in base64."""
        rows = {name: base64.b64encode(rows.tobytes()).decode("ascii") for name, rows in self.rows.items()}
        return {"file": self.file, "classes": self.classes, "rows": rows}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it is no such record.
        """
        rows = {
            name: np.frombuffer(base64.b64decode(text, validate=True), ROW) for name, text in record["rows"].items()
        }
        return cls({"train": rows.pop("train"), **rows}, dict(record["classes"]), record["file"])


def hashed_rows(numbers: np.ndarray, x: Any, targets: Mapping[str, Target], *, own_test: bool = False) -> np.ndarray:
    """Return `[rows]` of `ROW`.

    Args:
        numbers: of the rows in the source.
        x: the source's numbers `[rows, ...]`, by array name if there are several.
        targets: encoded, by output.
        own_test: whether the rows are those of the source's own test set.
    """
    rows = np.empty(row_count(x), ROW)
    rows["row"] = numbers
    rows["features"] = hash_rows(x.values() if isinstance(x, Mapping) else [x])
    answers = [_hash_target(targets[output], len(rows), own_test=own_test) for output in sorted(targets)]
    rows["target"] = mix_all(answers) & np.uint64(0xFFFFFFFF)
    return rows


def _hash_target(target: Target, count: int, *, own_test: bool) -> np.ndarray:
    y = target.y_test if own_test else target.y
    if y is None:  # what comes in comes out
        return np.zeros(count, np.uint64)
    return hash_classes(y, target.class_names) if target.has_classes else hash_rows([y])


def make_record(
    config: DataConfig, main: np.ndarray, own_test: np.ndarray | None, split: RowNumbers, targets: Mapping[str, Target]
) -> DataRecord:
    """Record what was loaded.

    Args:
        config: the `data` section.
        main: the rows that take part, as `hashed_rows` gives them.
        own_test: those of the source's own test set.
        split: which of `main` are in which split.
        targets: encoded, by output.
    """
    chosen = {"train": split.train, "validation": split.validation, "test": split.test}
    rows = {name: main[numbers] for name, numbers in chosen.items() if numbers is not None}
    if own_test is not None:
        rows["test"] = own_test
    is_used = np.zeros(len(main), bool)
    for numbers in chosen.values():
        if numbers is not None:
            is_used[numbers] = True
    if not is_used.all():
        rows[UNUSED] = main[~is_used]
    classes = {output: target.codes for output, target in targets.items() if target.codes}
    return DataRecord(rows, classes, file_record(config))


def file_record(config: DataConfig) -> dict[str, Any] | None:
    """Fingerprint the one file that the rows are read from; `None` for other sources and for folders."""
    file = None if config.path is None else Path(config.path)
    if file is None or not file.is_file():
        return None
    return {"path": str(file), "bytes": file.stat().st_size, "blake2b": file_digest(file)}
