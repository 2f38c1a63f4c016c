"""`nnlab init`: a first config."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import console, options
from nnlab.errors import DataError, NnlabError, Problem
from nnlab.wording import visible


@options.shared("... json quiet verbose")
def init(
    table: Annotated[
        str, typer.Option("--from", metavar="FILE", help="A table, CSV or Parquet; `'part-*.csv'` for several files.")
    ],
    target: Annotated[list[str], typer.Option(metavar="COLUMN", help="The column to predict; repeat it for several.")],
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column to leave out. Repeatable.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE.yaml", help="Where to write it. Default: here, by the table's name."
        ),
    ] = None,
    *,
    given: options.Given,
) -> None:
    """Look at a table and write a config for it: kinds of columns, splits, a network, with the reasons.

    Nothing is trained, and TensorFlow is not needed.
    """
    from nnlab.outputs import check_outputs, is_stream, write_output
    from nnlab.starter import starter_config

    path = Path(f"{Path(table).name.split('.')[0].strip('*?-_') or 'config'}.yaml") if output is None else output
    check_outputs(path, read=[Path(table)])
    if path.exists() and not is_stream(path):
        raise NnlabError(f"`{path}` is there already", hint="give another file with `-o`, or remove this one")
    if Path(table).is_dir():
        hint = "pictures in folders need little more than `data: {source: images, path: FOLDER}`: docs/pictures.md"
        raise NnlabError(f"`{table}` is a folder, and a table is a file", hint=hint)
    folder = Path() if is_stream(path) else path.parent
    try:
        starter = starter_config(table, target, folder=folder, ignore=ignore or [])
    except DataError as error:
        raise DataError([_as_option(problem) for problem in error.problems]) from error
    write_output(path, starter.text)
    if given.json:
        console.print_json({"config": str(path), **starter.described.as_json()})
        return
    console.say_notes(starter.described.notes, quiet=given.quiet)
    if not given.silent:
        console.say_written(path)
        console.say(f"next: `nnlab data {visible(os.fspath(path))}`, `nnlab train {visible(os.fspath(path))}`")


_OPTIONS = {"path": "--from", "target": "--target", "ignore": "--ignore"}


def _as_option(problem: Problem) -> Problem:
    """Name the option that says what would stand in a config."""
    from nnlab.data.files import CHECK_PATH

    option = _OPTIONS.get(str(problem.path[1])) if len(problem.path) > 1 else None
    if option is not None:
        hint = "check `--from`" if problem.hint == CHECK_PATH else problem.hint
        return replace(problem, message=f"{option}: {problem.message}", hint=hint, path=())
    if problem.file is not None and problem.hint is not None:
        return replace(problem, hint=f"{problem.hint}; `--ignore COLUMN` leaves a column out")
    return problem
