"""CSV files: separator, header, and the lines where something is wrong."""

from __future__ import annotations

import contextlib
import csv
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, get_args

from nnlab.config.names import canonical
from nnlab.data.cells import number_in
from nnlab.data.text_files import TextFile
from nnlab.errors import DataError, Problem, first_line
from nnlab.memory import require_memory
from nnlab.wording import counted, joined, named

Separator = Literal[",", ";", "\t", "|"]
_SEPARATORS: tuple[Separator, ...] = get_args(Separator)
_MOST_MISTAKES = 3
_ROWS_LOOKED_AT = 20
_CHUNK_BYTES = 1 << 22
_LARGE = 1 << 22


@dataclass(frozen=True, slots=True)
class CsvForm:
    """How a table is written.

    Args:
        separator: stands between values; `None` to find it.
        decimal: stands before decimals; `None` to see by the values of each column.
        header: whether the first line names the columns, rather than being a row.
        notes: what was found that may have been meant otherwise.
    """

    separator: Separator | None = None
    decimal: Literal[".", ","] | None = None
    header: bool = True
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> dict[str, Any]:
        """What the config has to say to have it read so again; nothing of commas."""
        said = {"delimiter": self.separator, "decimal": self.decimal}
        return {name: sign for name, sign in said.items() if sign not in (None, ",", ".")} | (
            {"decimal": self.decimal} if self.decimal == "," else {}
        )


def read_csv(text: TextFile, form: CsvForm, *, missing: Sequence[str] = ()) -> tuple[Any, CsvForm]:
    """Read a table.

    The separator is a comma, `;`, a tab or `|`, whichever gives all lines the same number of values. Columns without a
    name are called `column 1`, `column 2`, ... by their number. An empty cell is a missing value, and so is what
    `missing` lists; all else stays as it is written.

    Returns:
        A pandas data frame, and the form as it was found.

    Raises:
        DataError: when it is no text, has no rows, or rows have more or fewer values than the header.
    """
    import pandas as pd

    require_memory(text.size, text.file)  # a number takes about as much as its text
    file = str(text.file)
    try:
        names, form = read_names(text, form)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _read(text, form, names, na_values=["", *missing], keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(_ragged(text, form, len(names)) or _parser_problem(text, form, error)) from error
    except (DataError, MemoryError):
        raise
    except Exception as error:  # whatever the file makes of the reader
        raise DataError(Problem(f"cannot be read as CSV: {first_line(error)}", file=file)) from error
    if frame.iloc[:, -1].isna().any() and (problems := _ragged(text, form, len(names))):
        raise DataError(problems)
    if form.header:
        frame = _without_blank_margins(frame, text, form)
    if frame.empty:
        raise DataError(Problem("the file has a header and no rows", file=file))
    return frame, form


def csv_parts(
    text: TextFile, form: CsvForm, rows: int, *, columns: Sequence[str] | None, missing: Sequence[str] | None = ()
) -> Iterator[Any]:
    """Yield a table part by part, as `read_csv` would read it.

    Args:
        text: the file.
        form: as it was found.
        rows: of a part.
        columns: which to read; `None` for all.
        missing: as in `read_csv`; `None` for values as they are written.

    Yields:
        Pandas data frames.

    Raises:
        DataError: see `read_csv`.
    """
    import pandas as pd

    names, _ = read_names(text, form)
    options: dict[str, Any] = (
        {"dtype": str, "na_filter": False}
        if missing is None
        else {"na_values": ["", *missing], "keep_default_na": False}
    )
    options = _options(text, form, names, usecols=columns, chunksize=rows, **options)
    try:
        with ExitStack() as opened:
            source = text.file if text.packing is None else opened.enter_context(text.bytes())
            reader = opened.enter_context(pd.read_csv(source, **options))
            while (frame := _next(reader)) is not None:
                if names[-1] in frame and frame[names[-1]].isna().any():
                    DataError.raise_any(_ragged(text, form, len(names)))
                yield frame
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(_ragged(text, form, len(names)) or _parser_problem(text, form, error)) from error


def _next(reader: Any) -> Any:
    """Return the next part that a reader of pandas has, `None` behind the last."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return next(reader, None)


def _without_blank_margins(frame: Any, text: TextFile, form: CsvForm) -> Any:
    """Leave out what spreadsheets write around a table: empty columns without a name behind it, empty rows below it."""
    columns = len(frame.columns)
    while columns and frame.columns[columns - 1] == unnamed(columns) and frame.iloc[:, columns - 1].isna().all():
        columns -= 1
    frame = frame.iloc[:, :columns]
    if len(frame) and frame.iloc[-1].isna().all():
        filled = [any(value.strip() for value in values) for _, values in islice(_lines(text, _of(form)), 1, None)]
        frame = frame.iloc[: max((row for row, is_filled in enumerate(filled, 1) if is_filled), default=0)]
    return frame


def _of(form: CsvForm) -> Separator:
    assert form.separator is not None, "it has been found"
    return form.separator


def _read(text: TextFile, form: CsvForm, names: list[str], **options: Any) -> Any:
    """Return a data frame; a large plain file is read by several threads, as long as that gives the same.

    A column of which only some parts are text would be text in these parts alone: then the file is read at once.
    """
    import pandas as pd

    if text.is_plain and text.size > _LARGE and "usecols" not in options and "dtype" not in options:
        with contextlib.suppress(pd.errors.DtypeWarning), warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.DtypeWarning)
            return _read_with(text, form, names, options | {"low_memory": True})
    return _read_with(text, form, names, options)


def _read_with(text: TextFile, form: CsvForm, names: list[str], options: dict[str, Any]) -> Any:
    import pandas as pd

    options = _options(text, form, names, **options)
    if text.packing is None:
        return pd.read_csv(text.file, **options)
    with text.bytes() as stream:
        return pd.read_csv(stream, **options)


def _options(text: TextFile, form: CsvForm, names: list[str], **options: Any) -> dict[str, Any]:
    """Return how pandas reads a table."""
    options = {"low_memory": False} | options
    options |= {
        "sep": form.separator,
        "header": 0 if form.header else None,
        "names": names,
        "index_col": False,
        "skipinitialspace": True,
        "encoding": text.encoding,
        "compression": None,
    }
    return options | ({} if form.decimal is None or "dtype" in options else {"decimal": form.decimal})


def columns_as_text(text: TextFile, form: CsvForm, positions: Sequence[int] | None = None) -> Any:
    """Return columns of a table that `read_csv` has read, as they are written, blanks in front left out.

    Args:
        text: the file.
        form: as it was found.
        positions: of the columns; all of them if it is left out.

    Returns:
        A pandas data frame.
    """
    names, _ = read_names(text, form)
    return _read(text, form, names, usecols=positions, dtype=str, na_filter=False)


def may_have_zeros_in_front(text: TextFile) -> bool:
    """Tell whether any value seems to be digits with a zero in front, as codes have: quickly, but not surely."""
    import numpy as np

    is_before = np.isin(np.arange(256), list(b',;\t|" \r\n'))  # what stands before a value
    with text.bytes() as stream:
        while lines := stream.readlines(_CHUNK_BYTES):
            part = b"".join(lines)
            if text.encoding.startswith(("utf-16", "utf-32")):
                part = part.replace(b"\0", b"")
            codes = np.frombuffer(b"\n\n%b\n" % part, np.uint8)
            zeros = np.flatnonzero(codes == ord("0"))
            zeros = zeros[(codes[zeros + 1] >= ord("0")) & (codes[zeros + 1] <= ord("9"))]
            before = codes[zeros - 1]
            is_sign = (before == ord("+")) | (before == ord("-"))
            if is_before[np.where(is_sign, codes[zeros - 2], before)].any():
                return True
    return False


def lines_of_rows(text: TextFile, form: CsvForm) -> list[int]:
    """Return the line of the file, from 1, where each row below the header (if it has one) starts."""
    return [line for line, _ in islice(_lines(text, _of(form)), int(form.header), None)]


def first_values(text: TextFile) -> list[str]:
    """Return what stands in the first line, whether that names columns or not."""
    return _first_line(text, None)[1]


def has_header(text: TextFile) -> bool:
    """Tell whether the first line names columns: no number is in it, or it counts them from 0."""
    names = first_values(text)
    return _is_numbered(names) or not any(number_in(name) is not None for name in names)


def _lines(text: TextFile, separator: Separator) -> Iterator[tuple[int, list[str]]]:
    """Yield the line where each row starts, and its values; blank lines count as no row, as for pandas."""
    with text.text() as stream:
        reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
        line = 1
        try:
            for values in reader:
                if len(values) > 1 or (values and values[0].strip()):
                    yield line, values
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(Problem(f"cannot be read as CSV: {error}", file=str(text.file), line=line)) from error


def read_names(text: TextFile, form: CsvForm) -> tuple[list[str], CsvForm]:
    """Read the names of the columns, and find the separator.

    Raises:
        DataError: the first line does not name columns.
    """
    line, written, found = _first_line(text, form)
    if not form.header:
        return [unnamed(number) for number in range(1, len(written) + 1)], found
    problems = list(_problems_above_header(text, line, written)) or list(
        _header_problems(written, file=str(text.file), line=line)
    )
    DataError.raise_any(problems)
    names = [canonical(name) for name in written]
    return [name or unnamed(number) for number, name in enumerate(names, start=1)], found


def _first_line(text: TextFile, form: CsvForm | None) -> tuple[int, list[str], CsvForm]:
    """Return where the first line stands, its values, and the form with its separator.

    That is the first one that gives the line and those below it the same number of values, more than one.
    """
    form = form or CsvForm()
    may_be: tuple[Separator, ...] = _SEPARATORS if form.separator is None else (form.separator,)
    tops = {separator: _top(text, separator) for separator in may_be}
    several = [separator for separator, rows in tops.items() if rows and len(rows[0][1]) > 1]
    even = [separator for separator in several if len({len(values) for _, values in tops[separator]}) == 1]
    separator = next(iter([*even, *several]), may_be[0])
    line, names = next(iter(tops[separator] or _top(text, separator)), (1, []))
    if form.separator is None:
        notes = _said_of(text, separator, [other for other in even if other != separator], tops)
        form = replace(form, separator=separator, notes=tuple(notes))
    return line, [name.strip() for name in names], form


def _said_of(
    text: TextFile,
    separator: Separator,
    others: Sequence[Separator],
    tops: Mapping[Separator, list[tuple[int, list[str]]]],
) -> Iterator[str]:
    """Yield what had better be known of a separator that was found: that it is no comma, or that others would do."""
    written = {"\t": "tabs"}
    of = {each: written.get(each, f"`{each}`") for each in _SEPARATORS}
    if others:
        also = joined([of[each] for each in others])
        columns, too = (counted(len(tops[each][0][1]), "column") for each in (separator, others[0]))
        yield (
            f"{named(text.file.name)} is split at {of[separator]} into {columns}; at {also} its first lines would be "
            f"{too}: the `delimiter` of `csv` decides it"
        )
    elif separator != _SEPARATORS[0]:
        yield f"{named(text.file.name)} has {of[separator]} between its values"


def _top(text: TextFile, separator: Separator) -> list[tuple[int, list[str]]]:
    """Return the first rows; none if the file cannot be read with this separator."""
    try:
        return list(islice(_lines(text, separator), _ROWS_LOOKED_AT))
    except DataError:
        if separator == _SEPARATORS[0]:
            raise
        return []


def _problems_above_header(text: TextFile, line: int, written: list[str]) -> Iterator[Problem]:
    """Yield what is wrong with a first line that is no row of a table."""
    file = str(text.file)
    with text.text() as stream:
        first = next(islice(stream, line - 1, None), "").strip()
    if re.fullmatch(r'"?sep=.?"?', first, re.IGNORECASE):
        message = f"`{first}` tells a spreadsheet the separator, and does not name the columns"
        yield Problem(message, "remove the line: the separator is found without it", file=file, line=line)
        return
    below = [values for separator in _SEPARATORS for _, values in _top(text, separator)[1:]]
    widths = {len(values) for values in below if not values[0].startswith("#")} - {1}
    if len(widths) != 1 or len(written) in widths:
        return
    (width,) = widths
    if first.startswith("#"):
        message = f"{named(first)} is a comment, and does not name the columns"
        yield Problem(message, "remove the lines that begin with `#`", file=file, line=line)
    elif len(written) == 1:
        message = f"{named(first)} is one value, and the lines below it have {width}"
        yield Problem(message, "the first line has to name the columns: remove what is above it", file=file, line=line)


def unnamed(number: int) -> str:
    """Return what a column without a name is called; `number` counts from 1."""
    return f"column {number}"


def _header_problems(names: list[str], *, file: str, line: int) -> Iterator[Problem]:
    if not names:
        yield Problem("the file has only blank lines", file=file)
    names, written = [canonical(name) for name in names], names
    if any("\0" in name for name in names):
        yield Problem("the header holds zero bytes: this is not UTF-8 text", "save it as UTF-8", file=file)
    for name, count in Counter(names).items():
        if name and count > 1:
            forms = {text for text, same in zip(written, names, strict=True) if same == name}
            message = f"{count} columns are called `{name}`"
            message += ", in forms that look the same" * (len(forms) > 1)
            yield Problem(message, "give every column its own name", file=file, line=line)
    if names and not _is_numbered(names) and all(number_in(name) is not None for name in names):
        message = f"the first line holds numbers ({', '.join(names[:3])}, ...), not the names of columns"
        yield Problem(message, "add a line with names above it", file=file, line=line)


def _is_numbered(names: list[str]) -> bool:
    return names == [str(number) for number in range(len(names))]


def _ragged(text: TextFile, form: CsvForm, width: int) -> list[Problem]:
    """Return the rows with more or fewer values than the first line; the last problem counts those not shown."""
    wrong = ((line, values) for line, values in _lines(text, _of(form)) if len(values) != width)
    file, first = str(text.file), "header" if form.header else "first line"
    problems = [
        Problem(*_why_ragged(values, width, first=first), file=file, line=line)
        for line, values in islice(wrong, _MOST_MISTAKES)
    ]
    more = sum(1 for _ in wrong)
    if more:
        problems.append(Problem(f"{more} more lines have too many or too few values", file=file))
    return problems


def _why_ragged(values: list[str], width: int, *, first: str) -> tuple[str, str]:
    """Return what is wrong with a row of another width than the first line, and what to do."""
    count = len(values)
    if values[0].startswith("#"):
        return "the line is a comment, not a row", "remove the lines that begin with `#`"
    message = f"the line has {counted(count, 'value')}, the {first} {width}"
    if count < width:
        return message, "write the missing values"
    return message, "quote values that contain the separator"


def _parser_problem(text: TextFile, form: CsvForm, error: Exception) -> Problem:
    file, reason = str(text.file), str(error).strip().removeprefix("Error tokenizing data. C error: ")
    if reason.startswith("EOF inside string"):
        *_, (line, _) = _lines(text, _of(form))
        return Problem("a quote is opened here and never closed", "close or double it", file=file, line=line)
    return Problem(f"cannot be read as CSV: {reason}", file=file)
