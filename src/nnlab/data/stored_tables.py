"""Tables of more rows than memory holds: their columns stay on disk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.components import Component
from nnlab.config.data import DataConfig
from nnlab.data.column_kinds import COLUMN_KINDS
from nnlab.data.columns import Columns, choose_columns
from nnlab.data.conversion import (
    ArrayWriter,
    conversion_place,
    opened_array,
    read_about,
    require_room,
    write_about,
    writing_into,
)
from nnlab.data.encoding.inference import choose_kinds
from nnlab.data.registry import RawData
from nnlab.data.row_weights import read_weights
from nnlab.data.split_column import read_split_column
from nnlab.data.table import Fault, Table, answered, are_plain, target_columns
from nnlab.data.table_parts import Part, TableParts
from nnlab.errors import DataError, Problem
from nnlab.progress import tell
from nnlab.wording import counted, listed

_SPLIT = "split.npy"
_WEIGHTS = "weights.npy"
_DECIDING = ("features", "target", "task", "ignore", "missing", "classes", "positive_class", "split", "weight")
"""Keys of the section on which it depends what is read, and how."""


def read_stored_table(parts: TableParts, config: DataConfig, why: str) -> RawData:
    """Return a table whose features stay on disk, where they were written when it was first read; `why` is a note.

    Raises:
        DataError: there is no room for them, or columns cannot be used.
    """
    columns = choose_columns(config, parts.names)
    names = {output: tuple(parts.names[column] for column in found) for output, found in columns.targets.items()}
    place = conversion_place([each.file for each in parts.files], [getattr(config, name) for name in _DECIDING])
    about, table = read_about(place), parts.table
    if about is None:
        with writing_into(place) as folder:
            _Conversion(parts, config, columns).write(folder)
        about = read_about(place)
    assert about is not None, "it was just written"
    stored = {
        name: opened_array(place, file, texts=texts, dtype=np.dtype(np.float64) if about["kinds"] else None)
        for name, file, texts in about["arrays"]
    }
    return RawData(
        x={name: array.like() for name, array in stored.items()},
        y={output: _Answers.load(place / f"y{i}.npy", about["texts"][i]) for i, output in enumerate(columns.targets)},
        feature_names=tuple(about["features"]),
        target_names=names,
        names_columns=True,
        notes=(why, *table.notes, *about["notes"]),
        kinds={name: _component(kind) for name, kind in about["kinds"].items()},
        missing=config.missing,
        why=about["why"],
        left_out=about["left_out"],
        read_with=table.found,
        storage="disk",
        stored=stored,
        split_values=None if columns.split is None else _Answers.load(place / _SPLIT, about["split_texts"]),
        weights=None if columns.weight is None else _Answers.load(place / _WEIGHTS, None),
        weight_name=None if columns.weight is None else parts.names[columns.weight],
    )


def _component(kind: Mapping[str, Any]) -> Component:
    return Component("columns", kind["name"], kind["parameters"])


@dataclass(frozen=True, slots=True)
class _Form:
    """How numbers are kept.

    Args:
        is_plain: as one array, rather than column by column: all of them are plain numbers, and none is missing.
        dtype: float32 where that holds all of them exactly.
    """

    is_plain: bool
    dtype: type[np.floating[Any]] = np.float32

    def holding(self, columns: Mapping[str, np.ndarray]) -> _Form:
        """Return the form that holds some columns, too."""
        found = [column for column in columns.values() if column.dtype != object]
        is_plain = self.is_plain and not any(np.isnan(column).any() for column in found)
        are_exact = self.dtype is np.float64 or all(
            np.array_equal(column, column.astype(np.float32), equal_nan=True) for column in found
        )
        return _Form(is_plain, self.dtype if are_exact else np.float64)


class _Conversion:
    """Reads a table and writes its columns into a folder.

    Args:
        parts: the table.
        config: the `data` section.
        columns: what they are for.
    """

    def __init__(self, parts: TableParts, config: DataConfig, columns: Columns) -> None:
        self._parts, self._config, self._targets = parts, config, columns.targets
        self._split, self._weight = columns.split, columns.weight
        self._answers = list(dict.fromkeys(column for some in columns.targets.values() for column in some))
        first = next(parts.parts(), None)
        if first is None:
            raise DataError(Problem("the file has no rows", file=str(parts.files[0].file)))
        rows = answered(first.table, self._answers)
        found = choose_kinds(first.table.taken(rows) if len(rows) else first.table, columns.features, config)
        DataError.raise_any(first.problems(found.faults, rows.tolist() if len(rows) else None))
        kinds, self._why = dict(found.components), {name: guess.why for name, guess in found.features.items()}
        self._left_out = {name: guess.why for name, guess in found.left_out.items()}
        for name, guess in found.left_out.items():
            if guess.kind is not None and guess.kind.name == "numeric" and not self._all_differ(name):
                del self._left_out[name]
                kinds[name], self._why[name] = guess.kind, "numbers"
        self._kinds = {name: kinds[name] for name in parts.names if name in kinds}
        self._positions = {name: position for position, name in enumerate(parts.names)}
        self._notes: list[str] = []

    def _all_differ(self, name: str) -> bool:
        """Tell whether a column has another whole number in every row, as an id has."""
        columns = [np.asarray(part.table.frame[name]) for part in self._parts.parts([name])]
        if any(column.dtype.kind not in "iu" for column in columns):
            return False
        values = np.concatenate(columns)
        return len(np.unique(values)) == len(values)

    def write(self, folder: Path) -> None:
        """Write all files: again, if a later row shows that the first ones suggested a form that does not hold it.

        Raises:
            DataError: with what is wrong with the first rows in which anything is.
        """
        form, written = _Form(are_plain(self._kinds, self._config)), None
        while written is None:
            answers = {output: _Answers() for output in self._targets}
            with closing(_Columns(folder, self._kinds, form)) as writer:
                needed = self._write(writer, answers)
            if needed == form:
                written = writer
            form = needed
        if not written.count:
            raise DataError(Problem("no row has a target", file=str(self._parts.files[0].file)))
        about = {
            "arrays": written.about(),
            "features": list(self._kinds),
            "kinds": {} if form.is_plain else {name: _plain(kind) for name, kind in self._kinds.items()},
            "left_out": self._left_out,
            "why": self._why,
            "notes": list(dict.fromkeys(self._notes)),
            "texts": [each.save(folder / f"y{i}.npy") for i, each in enumerate(answers.values())],
            "split_texts": None if self._split is None else self._split_values(self._split).save(folder / _SPLIT),
        }
        if self._weight is not None:
            self._whole(self._weight, read_weights).save(folder / _WEIGHTS)
        write_about(folder, about)

    def _split_values(self, position: int) -> _Answers:
        """Return what a column says of the splits, as it says it of all rows together."""
        return self._whole(position, lambda table, place: read_split_column(table, place, self._config))

    def _whole(self, position: int, read: Callable[[Table, int], np.ndarray | Fault]) -> _Answers:
        """Return what is made of a column, read at once.

        Raises:
            DataError: it holds something else.
        """
        import pandas as pd

        names = [self._parts.names[column] for column in (position, *self._answers)]
        parts = list(self._parts.parts(list(dict.fromkeys(names))))
        ends = list(accumulate(len(part.table.frame) for part in parts))

        def place(column: str, row: int) -> dict[str, Any]:
            number = bisect_right(ends, row)
            return parts[number].place(column, row - (ends[number - 1] if number else 0))

        frame = pd.concat([part.table.frame for part in parts], ignore_index=True)
        table = replace(self._parts.table, frame=frame, place=place)
        places = [list(table.frame.columns).index(name) for name in names]
        table = table.taken(answered(table, places[1:]))
        values = read(table, places[0])
        if isinstance(values, Fault):
            raise DataError(table.problems([values]))
        found = _Answers()
        found.add(values)
        return found

    def _write(self, writer: _Columns, answers: Mapping[str, _Answers]) -> _Form:
        """Write the rows, as long as the form holds them; return the one that does."""
        per_row = np.dtype(writer.form.dtype).itemsize * len(self._kinds)
        rows, seen, what = self._parts.rows, 0, "keeping rows on disk"
        require_room(writer.folder, rows * per_row)
        self._notes = [f"`{name}` is left out: {why}" for name, why in self._left_out.items()]
        text = [name for name, kind in self._kinds.items() if kind.name not in ("numeric", "boolean", "date")]
        for part in self._parts.parts(written=[*(self._parts.names[column] for column in self._answers), *text]):
            columns = self._read(part, answers)
            form = writer.form.holding(columns)
            if form != writer.form:
                return form
            writer.add(columns)
            seen += len(part.table.frame)
            tell(what, seen, max(rows, seen + 1))
        tell(what, seen, seen)
        if writer.count < seen:
            without = counted(seen - writer.count, "row")
            names = listed(self._parts.names[column] for column in self._answers)
            self._notes.append(f"{without} without a value of {names} left out")
        return writer.form

    def _read(self, part: Part, answers: Mapping[str, _Answers]) -> dict[str, np.ndarray]:
        """Take the answers of a part, and return its features as their kinds read them."""
        kept = answered(part.table, self._answers)
        table = part.table if len(kept) == len(part.table.frame) else part.table.taken(kept)
        names = self._parts.names
        x = {
            name: COLUMN_KINDS[kind.name].load().read(table, self._positions[name], kind)
            for name, kind in self._kinds.items()
        }
        faults = [column for column in x.values() if isinstance(column, Fault)]
        for output, columns in self._targets.items():
            y = target_columns(table, columns, self._config.sections[output], self._notes) if len(kept) else []
            values = [column for column in y if not isinstance(column, Fault)]
            if values and len(values) == len(y):
                fault = answers[output].add(np.stack(values, axis=1) if len(values) > 1 else values[0])
                faults += [] if fault is None else [Fault(names[columns[0]], 0, *fault)]
            faults += [column for column in y if isinstance(column, Fault)]
        DataError.raise_any(part.problems(faults, kept.tolist()))
        return {name: column for name, column in x.items() if not isinstance(column, Fault)}


def _plain(kind: Component) -> dict[str, Any]:
    return {"name": kind.name, "parameters": dict(kind.parameters)}


def _coded(column: np.ndarray, numbers: dict[str, int]) -> np.ndarray:
    """Return the number of each text, int32 `[rows]`, -1 for a missing one; texts that are new get the next numbers."""
    import pandas as pd

    codes, different = pd.factorize(column)
    found = [numbers.setdefault(str(text), len(numbers)) for text in different]
    return np.array([*found, -1], np.int32)[codes]


class _Columns:
    """Writes the columns of a table in a form."""

    def __init__(self, folder: Path, kinds: Mapping[str, Component], form: _Form) -> None:
        self.folder, self.form, self.count = folder, form, 0
        self._texts: dict[str, dict[str, int]] = {}
        self._names = [UNNAMED] if form.is_plain else list(kinds)
        shape = (len(kinds),) if form.is_plain else ()
        self._writers = {
            name: ArrayWriter(folder / f"x{i}.npy", shape, form.dtype) for i, name in enumerate(self._names)
        }

    def add(self, columns: Mapping[str, np.ndarray]) -> None:
        """Write rows behind the others."""
        self.count += len(next(iter(columns.values())))
        if self.form.is_plain:
            self._writers[UNNAMED].add(np.stack(list(columns.values()), axis=1))
            return
        for name, column in columns.items():
            is_text = column.dtype == object
            self._writers[name].add(_coded(column, self._texts.setdefault(name, {})) if is_text else column)

    def close(self) -> None:
        """Write how many rows there are."""
        for writer in self._writers.values():
            writer.close()

    def about(self) -> list[tuple[str, str, list[str] | None]]:
        """Return the name of each array, its file, and for text what its numbers stand for."""
        texts = {name: list(of_text) for name, of_text in self._texts.items()}
        return [(name, f"x{i}.npy", texts.get(name)) for i, name in enumerate(self._names)]


class _Answers:
    """The targets of an output, part by part: numbers as they are, text as codes."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._texts: dict[str, int] = {}

    def add(self, y: np.ndarray) -> tuple[str, str, str, str] | None:
        """Take some more, `[rows]` or `[rows, targets]`; return what is wrong with them, as the end of a `Fault`."""
        if self._parts and (y.dtype == object) != bool(self._texts):
            what, several = "text here and numbers before, or the other way round", "both text and numbers"
            hint = "write the column in one form, or write `storage: memory`"
            return "text and numbers", f"holds {what}", f"hold {several}", hint
        self._parts.append(_coded(y, self._texts) if y.dtype == object else y)
        return None

    def save(self, path: Path) -> list[str] | None:
        """Write them; return the text of each code, `None` for numbers."""
        np.save(path, np.concatenate(self._parts))
        self._parts.clear()
        return list(self._texts) or None

    @staticmethod
    def load(path: Path, texts: Sequence[str] | None) -> np.ndarray:
        """Return what was added."""
        values: np.ndarray = np.load(path)
        return values if texts is None else np.array(texts, dtype=object)[values]
