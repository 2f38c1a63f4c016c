"""`nnlab predict`: what a saved run says about new rows."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.rows import Rows, parse_rows
from nnlab.config.by_name import UNNAMED, by_output, one_or_all, only
from nnlab.config.columns import SplitName
from nnlab.errors import NnlabError
from nnlab.wording import counted, metric_text, visible

if TYPE_CHECKING:
    import numpy as np

    from nnlab.data.judging import JudgedRows
    from nnlab.data.splits import ByName, DataSpec
    from nnlab.run import Run


@options.shared("runs_dir trust_code json quiet verbose")
def predict(
    run: options.RunName,
    input_: Annotated[
        Path | None,
        typer.Argument(
            metavar="[INPUT]",
            help="Features of the rows: CSV or Parquet (columns by name), NPY or NPZ (arrays by name).",
        ),
    ] = None,
    split: Annotated[
        SplitName | None,
        typer.Option(help="Rows of the run's own data in place of a file; default with `--rows`: test."),
    ] = None,
    rows: Rows = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.csv", help="Write here instead of to stdout.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg", help="Draw them: pictures with what is said of them, points, predicted against true."
        ),
    ] = None,
    mc_samples: options.McSamples = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Seed of the samples; default: the run's.")
    ] = None,
    *,
    given: options.Given,
) -> None:
    """Predict new rows with a saved run: classes and probabilities, or numbers, in the order of the file.

    A file that has the target is scored, too; so are the run's own rows (`--split test`), with a column of what is
    true.
    """
    own = split is not None or rows is not None
    if own == (input_ is not None):
        hint = "write `nnlab predict RUN FILE`, or `nnlab predict RUN --split test --rows 0:9`"
        message = "a file and rows of the run are given" if own else "nothing says which rows to predict"
        raise NnlabError(message, hint=hint)
    found = console.opened_run(run, given)
    found.require_model()
    _check_outputs(output, plot, input_)
    asked = _rows_of_split(found, split or "test", rows) if input_ is None else _rows_of_file(found, input_)
    with console.tensorflow(given):
        from nnlab.engine.trained import Trained
        from nnlab.model.plan import output_meanings
        from nnlab.predict import predict as predict_rows

        trained = Trained.load(found, trust_code=given.trust_code)
        columns = predict_rows(trained, asked.x, spec=asked.spec, mc_samples=mc_samples, seed=seed)
        score = None if asked.judged is None else trained.evaluate(asked.judged)
        names = tuple(output_meanings(trained.experiment, asked.spec))
    outputs = names if len(names) > 1 else (UNNAMED,)
    if plot is not None:
        _draw(plot, asked, columns, outputs[0])
        if len(outputs) > 1 and not given.silent:
            console.say(f"note: the plot shows `{outputs[0]}` alone")
    if input_ is None:
        columns |= _true_columns(asked, outputs)
    if asked.names is not None:
        columns = {"file": _texts(asked.names), **columns}
    columns = _with_rows(asked.of, columns)
    _report(found, asked, columns, score, given=given, files=(output, plot))


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """Rows to predict.

    Args:
        spec: what the run knows about its data.
        x: the rows as the model takes them.
        judged: the rows to score, if their targets are known.
        source: in words, what the score is of.
        why_not: why there is no score, if there are targets nevertheless.
        names: of the rows, if they have any.
        notes: what has to be said of the rows.
        of: of windows, which row each predicts: columns by name.
    """

    spec: DataSpec
    x: ByName
    judged: JudgedRows | None
    source: str
    why_not: str | None = None
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    of: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def y(self) -> ByName | None:
        """The true values of all rows, if they are known."""
        rows = None if self.judged is None else self.judged.rows.in_memory
        return rows.y if rows is not None and rows.count == len(only(self.x)) else None


def _check_outputs(output: Path | None, plot: Path | None, read: Path | None) -> None:
    if output is not None:
        from nnlab.outputs import check_outputs

        check_outputs(output, plot, read=[] if read is None else [read])
    if plot is not None:
        from nnlab.report.svg import check_svg_path

        check_svg_path(plot)


def _rows_of_file(run: Run, file: Path) -> _Asked:
    from nnlab.data import judging
    from nnlab.data.features import inputs_of, open_rows

    data = judging.RunData.of(run)
    rows_file = open_rows(file, data.spec)
    x = rows_file.features()
    judged, why_not = judging.scored_rows(data, rows_file, x)
    inputs = inputs_of(rows_file, x)
    return _Asked(
        data.spec, inputs.x, judged, "score, as the file has the target", why_not,
        rows_file.names, rows_file.notes, inputs.of,
    )  # fmt: skip


def _rows_of_split(run: Run, split: SplitName, rows: str | None) -> _Asked:
    from dataclasses import replace

    from nnlab.data import judging

    judged = judging.rows_of_split(run, split)
    wanted = parse_rows(rows, judged.rows.count, what=split)
    taken, of = judged.rows.take(wanted), {name: column[wanted] for name, column in judged.of.items()}
    source = f"score of {counted(taken.count, f'{split} row')}"
    return _Asked(judged.spec, taken.x, replace(judged, rows=taken), source, of=of)


def _draw(path: Path, asked: _Asked, columns: Mapping[str, np.ndarray], output: str) -> None:
    from nnlab.outputs import write_output
    from nnlab.report.prediction_plots import Predicted, draw_predictions

    start = f"{output}." if output else ""
    own = {name.removeprefix(start): column for name, column in columns.items() if name.startswith(start)}
    y = None if asked.y is None else by_output(asked.y, output)
    predicted = Predicted(asked.spec.target_of(output), own, y)
    # what gives its inputs back gives them scaled
    x = asked.x if predicted.target.predicts_inputs else asked.spec.unscaled(asked.x)
    write_output(path, draw_predictions(asked.spec, x, predicted))


def _with_rows(of: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put in front which row each prediction is for, under names that no prediction has."""
    found: dict[str, np.ndarray] = {}
    for name, column in of.items():
        while name in columns:
            name += "_"
        found[name] = column
    return {**found, **columns}


def _true_columns(asked: _Asked, outputs: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what is true of each row, in columns beside those of what is predicted."""
    import numpy as np

    columns: dict[str, np.ndarray] = {}
    for output in outputs:
        target, start = asked.spec.target_of(output), f"{output}." if output else ""
        if asked.y is None or target.predicts_inputs:
            continue
        y = by_output(asked.y, output)
        if target.task in ("binary", "multiclass"):
            names = np.array(target.class_names, dtype=object)
            columns[f"{start}true"] = names[y.reshape(-1).astype(int)]
            continue
        for i, name in enumerate(target.class_names or target.names):
            true = y.reshape(len(y), -1)[:, i]
            columns[f"{start}true({name})"] = true.astype(np.int32) if target.class_names else true
    return columns


def _report(
    run: Run,
    asked: _Asked,
    columns: Mapping[str, np.ndarray],
    score: Mapping[str, float] | None,
    *,
    given: options.Given,
    files: tuple[Path | None, Path | None],
) -> None:
    """Write what is predicted, and say how good it is."""
    output, plot = files
    if output is not None:
        from nnlab.outputs import write_output

        write_output(output, _csv_text(columns))
    if given.json:
        tasks = one_or_all({output: target.task for output, target in asked.spec.targets.items()})
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*map(_plain, columns.values()), strict=True)]
        document = {"run": str(run.path), "task": tasks, "rows": len(rows), "score": score}
        seen = {} if asked.judged is None else {"score_rows": asked.judged.counts}
        console.print_json({**document, **seen, "predictions": rows})
    elif output is None and plot is None:
        sys.stdout.write(_on_screen(_csv_text(columns)) if sys.stdout.isatty() else _csv_text(columns))
    elif not given.quiet:
        console.say(f"predicted {counted(len(only(columns)), 'row')}")
        console.say_written(*(path for path in files if path is not None))
    if given.quiet:
        return
    console.say_notes(asked.notes, quiet=given.quiet)
    if asked.judged is not None:
        figures = ", ".join(f"{name} {metric_text(value)}" for name, value in (score or {}).items())
        console.say(f"{asked.source}: {figures}")
        for note in asked.judged.notes:
            console.say(note)
    elif asked.why_not is not None:
        console.say(f"no score: {asked.why_not}")


def _on_screen(text: str) -> str:
    """Keep a terminal from obeying the names of classes; a file or a pipe gets them as they are."""
    return "".join(f"{visible(line)}\n" for line in text.split("\n")[:-1])


def _texts(names: Sequence[str]) -> np.ndarray:
    import numpy as np

    return np.array(names, dtype=object)


def _csv_text(columns: Mapping[str, np.ndarray]) -> str:
    from nnlab.writing import csv_text

    return csv_text(columns, zip(*map(_plain, columns.values()), strict=True))


def _plain(column: np.ndarray) -> list[Any]:
    """Return Python values; numbers with the digits that float32 has, and no more."""
    if column.dtype.kind != "f":
        return list(column.tolist())
    return [float(str(value)) for value in column.astype("float32")]
