"""CSV files: separator, header, encoding, and the lines where something is wrong."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from nnlab.errors import DataError, Problem, show

Separator = Literal[",", ";", "\t"]
_ENCODING = "utf-8-sig"  # UTF-8, with or without the mark that spreadsheets write in front
_MOST_MISTAKES = 3


def read_csv(file: Path, *, header: bool = True) -> tuple[Any, Separator]:
    """Read a table whose first line names its columns, or with `header=False` is a row.

    The separator is a comma; a header without any comma may be separated by `;` or tabs. Columns without a
    name are called `column 1`, `column 2`, ... by their number.

    Returns:
        A pandas data frame, and the separator.

    Raises:
        DataError: when it is not UTF-8 text, has no rows, or rows have more or fewer values than the header.
    """
    import pandas as pd

    try:
        names, separator = _read_names(file, header=header)
    except UnicodeDecodeError as error:
        raise DataError(_encoding_problem(file)) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                file,
                sep=separator,
                header=0 if header else None,
                names=names,
                index_col=False,
                skipinitialspace=True,
                low_memory=False,
                encoding=_ENCODING,
                compression=None,
            )
    except UnicodeDecodeError as error:
        raise DataError(_encoding_problem(file)) from error
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            _ragged(file, separator, len(names), header=header) or _parser_problem(file, separator, error)
        ) from error
    if frame.isna().any(axis=None) and (problems := _ragged(file, separator, len(names), header=header)):
        raise DataError(problems)
    if frame.empty:
        raise DataError(Problem("the file has a header and no rows", file=str(file)))
    return frame, separator


def lines_of_rows(file: Path, separator: Separator, *, header: bool = True) -> list[int]:
    """Return the line of the file, from 1, where each row below the header (if it has one) starts."""
    return [line for line, _ in islice(_lines(file, separator), int(header), None)]


def has_header(file: Path) -> bool:
    """Tell whether the first line names columns: no number is in it, or it counts them from 0."""
    try:
        _, names, _ = _first_line(file)
    except UnicodeDecodeError as error:
        raise DataError(_encoding_problem(file)) from error
    return _is_numbered(names) or not any(_is_number(name) for name in names)


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
    line, names, separator = _first_line(file)
    if not header:
        return [unnamed(number) for number in range(1, len(names) + 1)], separator
    problems = list(_header_problems(names, file=file, line=line))
    if problems:
        raise DataError(problems)
    return [name or unnamed(number) for number, name in enumerate(names, start=1)], separator


def _first_line(file: Path) -> tuple[int, list[str], Separator]:
    line, names = next(_lines(file, ","), (1, []))
    separator: Separator = ","
    others: tuple[Separator, ...] = (";", "\t")
    for other in others:
        if len(names) == 1 and other in names[0]:
            separator = other
            line, names = next(_lines(file, other))
    return line, [name.strip() for name in names], separator


def unnamed(number: int) -> str:
    """Return what a column without a name is called; `number` counts from 1."""
    return f"column {number}"


def _header_problems(names: list[str], *, file: Path, line: int) -> Iterator[Problem]:
    if not names:
        yield Problem("the file has only blank lines", file=str(file))
    if any("\0" in name for name in names):
        yield Problem("the header holds zero bytes: this is not UTF-8 text", "save it as UTF-8", file=str(file))
    for name in dict.fromkeys(names):
        if name and names.count(name) > 1:
            message = f"{names.count(name)} columns are called `{name}`"
            yield Problem(message, "give every column its own name", file=str(file), line=line)
    if names and not _is_numbered(names) and all(_is_number(name) for name in names):
        message = f"the first line holds numbers ({', '.join(names[:3])}, ...), not the names of columns"
        yield Problem(message, "add a line with names above it", file=str(file), line=line)


def _is_numbered(names: list[str]) -> bool:
    return names == [str(number) for number in range(len(names))]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ragged(file: Path, separator: Separator, width: int, *, header: bool) -> list[Problem]:
    """Return the rows with more or fewer values than the first line; the last problem counts those not shown."""
    wrong = ((line, len(values)) for line, values in _lines(file, separator) if len(values) != width)
    problems = [
        Problem(
            f"the line has {count} value{'s' * (count != 1)}, the {'header' if header else 'first line'} {width}",
            "quote values that contain the separator" if count > width else "write the missing values",
            file=str(file),
            line=line,
        )
        for line, count in islice(wrong, _MOST_MISTAKES)
    ]
    more = _count(wrong)
    if more:
        problems.append(Problem(f"{more} more lines have too many or too few values", file=str(file)))
    return problems


def _count(items: Iterable[Any]) -> int:
    return sum(1 for _ in items)


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
