"""How text and tables reach a terminal: text is text, whatever stands in it, and names and digits stay whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import IO, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from nnlab.report.chart import Row
from nnlab.report.page import Column, Page
from nnlab.wording import visible

UNLIMITED = 100_000
"""Columns of what is no terminal: who reads a file or a pipe gets everything."""

CHART_WIDTH = 80
"""Columns of a chart in what is no terminal."""

_PLAIN_TERMINALS = ("dumb", "linux")
"""Terminals whose fonts have no Braille."""


class Screen(Console):
    """A terminal, or a file in its place.

    Strings are neither markup nor obeyed: `[red]` is shown as it stands, and control characters are escaped.

    Args:
        file: where to write.
    """

    def __init__(self, file: IO[str]) -> None:
        # without colours there is nothing bold or dim either
        plain: Any = {"color_system": None} if os.environ.get("NO_COLOR") else {}
        width = None if file.isatty() else UNLIMITED
        super().__init__(file=file, highlight=False, markup=False, emoji=False, soft_wrap=True, width=width, **plain)

    def render_str(self, text: str, *, style: Any = "", **options: Any) -> Text:
        """Make text of a string; see `visible`."""
        more = {name: options[name] for name in ("justify", "overflow") if options.get(name) is not None}
        return Text(visible(text), style=style, **more)

    def say(self, text: str, *, indent: str = "", style: str = "") -> None:
        """Print a sentence, on a terminal in lines that break between words."""
        for line in wrapped(visible(text), self.width, indent=indent):
            self.print(line, style=style or None)

    @property
    def is_plain(self) -> bool:
        """Whether charts have to do with ASCII's characters."""
        try:
            "⣿▀└".encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return True
        return self.is_terminal and os.environ.get("TERM") in _PLAIN_TERMINALS

    @property
    def chart_width(self) -> int:
        """How wide charts are."""
        return CHART_WIDTH if self.width == UNLIMITED else self.width

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Print the rows of a chart."""
        for row in rows:
            self.print(as_text(row), no_wrap=True, overflow="ignore", crop=False)

    def show_table(
        self, columns: Sequence[Column], *, title: str = "", styles: Sequence[str] = (), whole: str | None = None
    ) -> None:
        """Print a table that fits; see `table`."""
        self.print(self.table(columns, title=title, styles=styles, whole=whole), soft_wrap=False, crop=False)

    def show_page(self, page: Page) -> None:
        """Print what is said of results."""
        self.say(page.caption)
        for text in page.findings:
            self.say(text)
        for table in page.tables:
            self.show_table(table.columns, title=table.title, whole=table.whole)
            if table.missing:
                self.say(table.missing)
            if table.verdict is not None:
                for line in table.verdict:
                    self.say(line, indent="  ")
                self.print()
        for note in page.notes:
            self.say(note)

    def table(
        self, columns: Sequence[Column], *, title: str = "", styles: Sequence[str] = (), whole: str | None = None
    ) -> RenderableType:
        """Make a table that fits: without the columns that are needed least, or with its names on lines of their own.

        Args:
            columns: from left to right; the first one names the rows.
            title: stands above it.
            styles: of the rows.
            whole: where all columns stand, for the line that says which are left out.
        """
        shown, made = self._made(columns, styles)
        left_out = [column.head for column in columns if column not in shown]
        above = [Text(line, style="bold") for line in wrapped(visible(title), self.width)] if title else []
        where = f" ({whole} holds all)" if whole else ""
        note = f"not shown for lack of room: {', '.join(left_out)}{where}" if left_out else ""
        below = [Text(line, style="dim") for line in wrapped(visible(note), self.width)] if note else []
        return Group(*above, made, *below)

    def _made(self, columns: Sequence[Column], styles: Sequence[str]) -> tuple[list[Column], RenderableType]:
        """Return the columns that are shown, and the table."""
        for shown in _choices(columns):
            if self.fits(shown):
                return shown, _laid_out(shown, styles)
        names, *values = columns
        for shown in _choices(values):
            if shown and _width(shown) <= self.width:
                return [names, *shown], Group(*_below_names(names, shown, styles))
        return list(columns), Group(*_stacked(columns))

    def fits(self, columns: Sequence[Column]) -> bool:
        """Whether a table has room."""
        return _laid_out(columns).__rich_measure__(self, self.options.update(width=UNLIMITED)).maximum <= self.width


def as_text(row: Row) -> Text:
    """Return a row of a chart, without blanks at its end that nobody sees."""
    line = Text(no_wrap=True, overflow="ignore")
    for text, style in row:
        line.append(text, style=style or None)
    line.rstrip()
    return line


def wrapped(text: str, width: int, *, indent: str = "") -> list[str]:
    """Break text into lines at its spaces; a word, such as a path, that is longer than a line stays whole.

    Args:
        text: a sentence.
        width: cells of a line.
        indent: stands before each line; before all but the first the blanks that the text begins with, and two more.
    """
    lines: list[str] = []
    first = indent + text[: len(text) - len(text.lstrip(" "))]
    line = start = first
    for word in text.strip(" ").split(" "):  # of several blanks between words, all but one are words of no letters
        extended = line + word if line == start else f"{line} {word}"
        if cell_len(extended) > width and line != start:
            lines.append(line.rstrip())
            line = start = f"{first}  "
            extended = line + word
        line = extended
    return [*lines, line]


def _choices(columns: Sequence[Column]) -> Iterator[list[Column]]:
    """Yield all columns, then ever fewer, without those that are needed least; of equal ones the last goes first."""
    shown = list(columns)
    yield list(shown)
    for i in sorted(range(len(columns)), key=lambda i: (-columns[i].rank, -i)):
        if columns[i].rank:
            shown.remove(columns[i])
            yield list(shown)


def _laid_out(columns: Sequence[Column], styles: Sequence[str] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(visible(column.head)), justify="left" if column.left else "right", no_wrap=True)
    rows = zip(*(column.cells for column in columns), strict=True)
    for i, row in enumerate(rows):
        table.add_row(*(Text(visible(cell)) for cell in row), style=styles[i] if i < len(styles) else None)
    return table


def _width(columns: Sequence[Column]) -> int:
    """Return the cells of a line below a name: two blanks before the first column, three between."""
    return sum(map(_cells, columns)) + 3 * len(columns) - 1


def _cells(column: Column) -> int:
    return max(cell_len(visible(text)) for text in (column.head, *column.cells))


def _below_names(names: Column, values: Sequence[Column], styles: Sequence[str]) -> Iterator[Text]:
    """Yield the lines of a table whose names leave no room beside them: each stands above the values of its row."""

    def line(texts: Sequence[str]) -> str:
        return "  " + "   ".join(_padded(text, column) for text, column in zip(texts, values, strict=True)).rstrip()

    if names.head:
        yield Text(visible(names.head), style="bold")
    yield Text(line([column.head for column in values]), style="bold")
    yield Text("─" * _width(values))
    for i, name in enumerate(names.cells):
        style = styles[i] if i < len(styles) else ""
        yield Text(visible(name), style=style, no_wrap=True, overflow="ignore")
        yield Text(line([column.cells[i] for column in values]), style=style)


def _padded(text: str, column: Column) -> str:
    shown = visible(text)
    blanks = " " * (_cells(column) - cell_len(shown))
    return shown + blanks if column.left else blanks + shown


def _stacked(columns: Sequence[Column]) -> Iterator[Text]:
    """Yield the lines of a table that is too wide even with the columns that it needs: a line for each value."""
    name, *values = columns
    for i, text in enumerate(name.cells):
        yield Text(visible(text), no_wrap=True, overflow="ignore")
        for column in values:
            if column.cells[i]:
                head = visible(column.head)
                yield Text(f"  {head}  {visible(column.cells[i])}", no_wrap=True, overflow="ignore")
