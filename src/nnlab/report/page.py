"""What is said of results, as tables and sentences: for a terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nnlab.wording import visible


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        head: its name.
        cells: its texts, one a row.
        rank: how much it is needed, 0 for always; where there is no room, the highest goes first.
        left: whether its texts stand at its left side, as names do; numbers stand at the right.
    """

    head: str
    cells: Sequence[str]
    rank: int = 0
    left: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and what follows from it.

    Args:
        columns: from left to right; the first one names the rows.
        whole: the file that holds all columns and rows.
        title: stands above it; empty for none.
        verdict: sentences below it; `None` where nothing is to be decided.
        rows: how many there are in the file, if the table has only the first of them.
    """

    columns: Sequence[Column]
    whole: str
    title: str = ""
    verdict: Sequence[str] | None = None
    rows: int = 0

    @property
    def missing(self) -> str:
        """What is said of the rows that it does not show; empty if there are none."""
        shown = len(self.columns[0].cells)
        return f"the best {shown} of {self.rows} trials ({self.whole} holds all)" if self.rows > shown else ""


@dataclass(frozen=True, slots=True)
class Page:
    """The results of a comparison or a search, to read.

    Args:
        caption: what the numbers are.
        findings: what was found, in sentences.
        tables: the numbers.
        notes: what has to be known of them.
    """

    caption: str
    findings: Sequence[str]
    tables: Sequence[Table]
    notes: Sequence[str]


def markdown(page: Page, *, name: str, plots: Sequence[str] = ()) -> str:
    """Write a page as Markdown, to paste.

    Args:
        page: what it says.
        name: its heading.
        plots: names of plots that stand beside the file.
    """
    lines = [f"## {name}", "", f"{page.caption}.", ""]
    lines += [*_sentences(page.findings), ""] if page.findings else []
    for table in page.tables:
        lines += [f"**{table.title.capitalize()}**", ""] if table.title else []
        lines += [*_lines(table.columns), ""]
        lines += [*_sentences(table.verdict), ""] if table.verdict else []
    lines += [*_sentences(page.notes), "", *(f"![{plot}]({plot}.svg)" for plot in plots)]
    return "\n".join(lines).rstrip() + "\n"


def _lines(columns: Sequence[Column]) -> Iterator[str]:
    sides = [":--" if column.left else "--:" for column in columns]
    body = zip(*(column.cells for column in columns), strict=True)
    for line in ([column.head for column in columns], sides, *body):
        yield f"| {' | '.join(visible(text).replace('|', chr(92) + '|') for text in line)} |"


def _sentences(texts: Sequence[str]) -> Iterator[str]:
    return (f"- {text[0].upper()}{text[1:]}." for text in texts)
