"""`nnlab predict`: what a saved run says about new rows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.wording import counted, metric_text, visible

if TYPE_CHECKING:
    import numpy as np


@options.shared("runs_dir trust_code json quiet verbose")
def predict(
    run: options.RunName,
    input_: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="Features of the rows: CSV or Parquet (columns by name), NPY or NPZ (arrays by name)."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.csv", help="Write here instead of to stdout.")
    ] = None,
    mc_samples: options.McSamples = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Seed of the samples; default: the run's.")
    ] = None,
    *,
    given: options.Given,
) -> None:
    """Predict new rows with a saved run: classes and probabilities, or numbers, in the order of the file.

    A file that has the target is scored, too.
    """
    from nnlab.run import open_run

    found = open_run(run, given.runs_dir)
    found.require_model()
    if output is not None:
        from nnlab.outputs import check_output, write_output

        check_output(output)
    from nnlab.data import judging
    from nnlab.data.features import RowsFile

    data = judging.RunData.of(found)
    file = RowsFile.open(input_, data.spec)
    x, spec = file.features(), data.spec
    judged, why_not = judging.scored_rows(data, file, x)
    with console.tensorflow(given):
        from nnlab.engine.trained import Trained
        from nnlab.predict import predict as predict_rows

        trained = Trained.load(found, trust_code=given.trust_code)
        columns = predict_rows(trained, spec.scaled(x), spec=spec, mc_samples=mc_samples, seed=seed)
        score = None if judged is None else trained.evaluate(judged)
    if output is not None:
        write_output(output, _csv_text(columns))
    if given.json:
        from nnlab.config.by_name import one_or_all

        tasks = one_or_all({output: target.task for output, target in spec.targets.items()})
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*map(_plain, columns.values()), strict=True)]
        document = {"run": str(found.path), "task": tasks, "rows": len(rows), "score": score}
        seen = {} if judged is None else {"score_rows": judged.counts}
        console.print_json({**document, **seen, "predictions": rows})
    elif output is None:
        sys.stdout.write(_on_screen(_csv_text(columns)) if sys.stdout.isatty() else _csv_text(columns))
    elif not given.quiet:
        count = len(next(iter(columns.values())))
        console.say(f"predicted {counted(count, 'row')}")
        console.say_written(output)
    if given.quiet:
        return
    if judged is not None:
        figures = ", ".join(f"{name} {metric_text(value)}" for name, value in (score or {}).items())
        console.say(f"score, as the file has the target: {figures}")
        for note in judged.notes:
            console.say(note)
    elif why_not is not None:
        console.say(f"no score: {why_not}")


def _on_screen(text: str) -> str:
    """Keep a terminal from obeying the names of classes; a file or a pipe gets them as they are."""
    return "".join(f"{visible(line)}\n" for line in text.split("\n")[:-1])


def _csv_text(columns: Mapping[str, np.ndarray]) -> str:
    from nnlab.writing import csv_text

    return csv_text(columns, zip(*map(_plain, columns.values()), strict=True))


def _plain(column: np.ndarray) -> list[Any]:
    """Return Python values; numbers with the digits that float32 has, and no more."""
    if column.dtype.kind != "f":
        return list(column.tolist())
    return [float(str(value)) for value in column.astype("float32")]
