"""CSV files: separator, header, encoding, and the lines where something is wrong."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

from nnlab.config.names import canonical
from nnlab.data.cells import number_in
from nnlab.errors import DataError, Problem, first_line
from nnlab.memory import require_memory
from nnlab.wording import counted, named, show

Separator = Literal[",", ";", "\t", "|"]
_SEPARATORS: tuple[Separator, ...] = get_args(Separator)
_ENCODING = "utf-8-sig"  # UTF-8, with or without the mark that spreadsheets write in front
_MOST_MISTAKES = 3
_ROWS_LOOKED_AT = 20
_CHUNK_BYTES = 1 << 22


def read_csv(file: Path, *, header: bool = True, missing: Sequence[str] = ()) -> tuple[Any, Separator]:
    """Read a table whose first line names its columns, or with `header=False` is a row.

    The separator is a comma, `;`, a tab or `|`, whichever gives all lines the same number of values. Columns without a
    name are called `column 1`, `column 2`, ... by their number. An empty cell is a missing value, and so is what
    `missing` lists; all else stays as it is written.

    Returns:
        A pandas data frame, and the separator.

    Raises:
        DataError: when it is not UTF-8 text, has no rows, or rows have more or fewer values than the header.
    """
    import pandas as pd

    require_memory(file.stat().st_size, file)  # a number takes about as much as its text
    try:
        names, separator = _read_names(file, header=header)
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = _read(file, separator, names, header=header, na_values=["", *missing], keep_default_na=False)
    except UnicodeDecodeError as error:
        raise DataError(_encoding_problem(file)) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            _ragged(file, separator, len(names), header=header) or _parser_problem(file, separator, error)
        ) from error
    except (DataError, MemoryError):
        raise
    except Exception as error:  # whatever the file makes of the reader
        raise DataError(Problem(f"cannot be read as CSV: {first_line(error)}", file=str(file))) from error
    if frame.iloc[:, -1].isna().any() and (problems := _ragged(file, separator, len(names), header=header)):
        raise DataError(problems)
    if header:
        frame = _without_blank_margins(frame, file, separator)
    if frame.empty:
        raise DataError(Problem("the file has a header and no rows", file=str(file)))
    return frame, separator


def _without_blank_margins(frame: Any, file: Path, separator: Separator) -> Any:
    """Leave out what spreadsheets write around a table: empty columns without a name behind it, empty rows below it."""
    columns = len(frame.columns)
    while columns and frame.columns[columns - 1] == unnamed(columns) and frame.iloc[:, columns - 1].isna().all():
        columns -= 1
    frame = frame.iloc[:, :columns]
    if len(frame) and frame.iloc[-1].isna().all():
        filled = [any(value.strip() for value in values) for _, values in islice(_lines(file, separator), 1, None)]
        frame = frame.iloc[: max((row for row, is_filled in enumerate(filled, 1) if is_filled), default=0)]
    return frame


def _read(file: Path, separator: Separator, names: list[str], *, header: bool, **options: Any) -> Any:
    import pandas as pd

    return pd.read_csv(
        file,
        sep=separator,
        header=0 if header else None,
        names=names,
        index_col=False,
        skipinitialspace=True,
        low_memory=False,
        encoding=_ENCODING,
        compression=None,
        **options,
    )


def column_as_text(file: Path, separator: Separator, position: int, *, rows: int, header: bool) -> list[str]:
    """Return a column of a table that `read_csv` has read, as it is written, blanks in front left out."""
    names, _ = _read_names(file, header=header)
    frame = _read(file, separator, names, header=header, usecols=[position], dtype=str, na_filter=False)
    return [str(text) for text in frame.iloc[:rows, 0]]


def may_have_zeros_in_front(file: Path) -> bool:
    """Tell whether any value seems to be digits with a zero in front, as codes have: quickly, but not surely."""
    import numpy as np

    is_before = np.isin(np.arange(256), list(b',;\t|" \r\n'))  # what stands before a value
    with file.open("rb") as stream:
        while lines := stream.readlines(_CHUNK_BYTES):
            text = np.frombuffer(b"\n\n%b\n" % b"".join(lines), np.uint8)
            zeros = np.flatnonzero(text == ord("0"))
            zeros = zeros[(text[zeros + 1] >= ord("0")) & (text[zeros + 1] <= ord("9"))]
            before = text[zeros - 1]
            is_sign = (before == ord("+")) | (before == ord("-"))
            if is_before[np.where(is_sign, text[zeros - 2], before)].any():
                return True
    return False


def lines_of_rows(file: Path, separator: Separator, *, header: bool = True) -> list[int]:
    """Return the line of the file, from 1, where each row below the header (if it has one) starts."""
    return [line for line, _ in islice(_lines(file, separator), int(header), None)]


def has_header(file: Path) -> bool:
    """Tell whether the first line names columns: no number is in it, or it counts them from 0."""
    try:
        _, names, _ = _first_line(file)
    except UnicodeDecodeError as error:
        raise DataError(_encoding_problem(file)) from error
    return _is_numbered(names) or not any(number_in(name) is not None for name in names)


def _lines(file: Path, separator: Separator) -> Iterator[tuple[int, list[str]]]:
    """Yield the line where each row starts, and its values; blank lines count as no row, as for pandas."""
    with file.open(encoding=_ENCODING, newline="") as stream:
        reader = csv.reader(stream, delimiter=separator, skipinitialspace=True)
        line = 1
        try:
            for values in reader:
                if len(values) > 1 or (values and values[0].strip()):
                    yield line, values
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(Problem(f"cannot be read as CSV: {error}", file=str(file), line=line)) from error


def _read_names(file: Path, *, header: bool) -> tuple[list[str], Separator]:
    line, written, separator = _first_line(file)
    if not header:
        return [unnamed(number) for number in range(1, len(written) + 1)], separator
    problems = list(_problems_above_header(file, line, written)) or list(
        _header_problems(written, file=file, line=line)
    )
    DataError.raise_any(problems)
    names = [canonical(name) for name in written]
    return [name or unnamed(number) for number, name in enumerate(names, start=1)], separator


def _first_line(file: Path) -> tuple[int, list[str], Separator]:
    """Return where the first line stands, its values, and the separator.

    That is the first one that gives the line and those below it the same number of values, more than one.
    """
    tops = {separator: _top(file, separator) for separator in _SEPARATORS}
    several = [separator for separator, rows in tops.items() if rows and len(rows[0][1]) > 1]
    even = [separator for separator in several if len({len(values) for _, values in tops[separator]}) == 1]
    separator = next(iter([*even, *several]), _SEPARATORS[0])
    line, names = next(iter(tops[separator] or _top(file, separator)), (1, []))
    return line, [name.strip() for name in names], separator


def _top(file: Path, separator: Separator) -> list[tuple[int, list[str]]]:
    """Return the first rows; none if the file cannot be read with this separator."""
    try:
        return list(islice(_lines(file, separator), _ROWS_LOOKED_AT))
    except DataError:
        if separator == _SEPARATORS[0]:
            raise
        return []


def _problems_above_header(file: Path, line: int, written: list[str]) -> Iterator[Problem]:
    """Yield what is wrong with a first line that is no row of a table."""
    with file.open(encoding=_ENCODING) as stream:
        text = next(islice(stream, line - 1, None), "").strip()
    if re.fullmatch(r'"?sep=.?"?', text, re.IGNORECASE):
        message = f"`{text}` tells a spreadsheet the separator, and does not name the columns"
        yield Problem(message, "remove the line: the separator is found without it", file=str(file), line=line)
        return
    below = [values for separator in _SEPARATORS for _, values in _top(file, separator)[1:]]
    widths = {len(values) for values in below if not values[0].startswith("#")} - {1}
    if len(widths) != 1 or len(written) in widths:
        return
    (width,) = widths
    if text.startswith("#"):
        message = f"{named(text)} is a comment, and does not name the columns"
        yield Problem(message, "remove the lines that begin with `#`", file=str(file), line=line)
    elif len(written) == 1:
        message = f"{named(text)} is one value, and the lines below it have {width}"
        yield Problem(
            message, "the first line has to name the columns: remove what is above it", file=str(file), line=line
        )


def unnamed(number: int) -> str:
    """Return what a column without a name is called; `number` counts from 1."""
    return f"column {number}"


def _header_problems(names: list[str], *, file: Path, line: int) -> Iterator[Problem]:
    if not names:
        yield Problem("the file has only blank lines", file=str(file))
    names, written = [canonical(name) for name in names], names
    if any("\0" in name for name in names):
        yield Problem("the header holds zero bytes: this is not UTF-8 text", "save it as UTF-8", file=str(file))
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            forms = {text for text, same in zip(written, names, strict=True) if same == name}
            message = f"{names.count(name)} columns are called `{name}`"
            message += ", in forms that look the same" * (len(forms) > 1)
            yield Problem(message, "give every column its own name", file=str(file), line=line)
    if names and not _is_numbered(names) and all(number_in(name) is not None for name in names):
        message = f"the first line holds numbers ({', '.join(names[:3])}, ...), not the names of columns"
        yield Problem(message, "add a line with names above it", file=str(file), line=line)


def _is_numbered(names: list[str]) -> bool:
    return names == [str(number) for number in range(len(names))]


def _ragged(file: Path, separator: Separator, width: int, *, header: bool) -> list[Problem]:
    """Return the rows with more or fewer values than the first line; the last problem counts those not shown."""
    wrong = ((line, values) for line, values in _lines(file, separator) if len(values) != width)
    first = "header" if header else "first line"
    problems = [
        Problem(*_why_ragged(values, width, first=first), file=str(file), line=line)
        for line, values in islice(wrong, _MOST_MISTAKES)
    ]
    more = sum(1 for _ in wrong)
    if more:
        problems.append(Problem(f"{more} more lines have too many or too few values", file=str(file)))
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


def _parser_problem(file: Path, separator: Separator, error: Exception) -> Problem:
    reason = str(error).strip().removeprefix("Error tokenizing data. C error: ")
    if reason.startswith("EOF inside string"):
        *_, (line, _) = _lines(file, separator)
        return Problem("a quote is opened here and never closed", "close or double it", file=str(file), line=line)
    return Problem(f"cannot be read as CSV: {reason}", file=str(file))


def _encoding_problem(file: Path) -> Problem:
    for number, line in enumerate(file.read_bytes().split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"not UTF-8 text: {show(f'0x{line[error.start]:02X}')} is no character here"
            hint = "save it as UTF-8 (spreadsheets call this `CSV UTF-8`)"
            return Problem(message, hint, file=str(file), line=number)
    return Problem("not UTF-8 text", "save it as UTF-8", file=str(file))
