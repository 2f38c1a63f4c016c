"""`nnlab inspect`: every number of a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnlab.cli import console, options
from nnlab.cli.rows import Rows, parse_rows
from nnlab.config.columns import SplitName
from nnlab.errors import NnlabError, did_you_mean
from nnlab.wording import one_of

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.inspection.look import Subject
    from nnlab.inspection.looks import Look, Part
    from nnlab.inspection.subject import RowsOfInterest
    from nnlab.run import Run

FEW_ROWS = 3
"""Rows of a split that are looked at if none are named."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for.

    Args:
        rows: as given, as are the following.
        split: whose rows.
        file: rows of a file instead.
        outputs: files to write.
    """

    rows: str | None
    split: SplitName | None
    file: Path | None
    outputs: tuple[Path | None, Path | None]

    def check_outputs(self, read: Iterable[Path] = ()) -> None:
        """Refuse files that cannot be written, or that hold what is read."""
        if any(self.outputs):
            from nnlab.outputs import check_outputs

            check_outputs(*self.outputs, read=[*read, *([] if self.file is None else [self.file])])


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What was seen.

    Args:
        head: what was looked at, for JSON.
        caption: the same in words.
        looks: one, or one a step.
    """

    head: dict[str, str]
    caption: str
    looks: Sequence[Look]


@options.shared("changes seed ... runs_dir trust_code json quiet verbose")
def inspect(
    subject: Annotated[
        str, typer.Argument(metavar="CONFIG|RUN", help="A YAML file, for the first weights; or a run, for its model.")
    ],
    split: Annotated[SplitName | None, typer.Option(help="Whose rows. Default: train.")] = None,
    rows: Rows = None,
    input_: Annotated[
        Path | None, typer.Option("--input", metavar="FILE", help="Rows of a file instead: CSV, Parquet, NPY or NPZ.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Walk through the first N training steps: batch, gradients, weights."),
    ] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="This layer only.")] = None,
    weights: Annotated[bool, typer.Option("--weights", help="Show weights.")] = False,
    gradients: Annotated[bool, typer.Option("--gradients", help="Show gradients of the loss.")] = False,
    activations: Annotated[
        bool, typer.Option("--activations", help="Show what layers get and give, before and behind activations.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all of it, a row an entry.")] = None,
    npz: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all arrays.")] = None,
    *,
    given: options.Given,
) -> None:
    """Show every number of a network: weights, values, losses of rows, gradients; or what single steps change.

    Without `--weights`, `--gradients` and `--activations` all of it is shown. Dropout is off and moving statistics are
    used; layers that work otherwise in training are shown in both ways. With `--steps` they work as in training.
    """
    asked = _Asked(rows, split, input_, (csv, npz))
    if steps is not None and (rows, split, input_) != (None, None, None):
        raise NnlabError("a training step has a batch of its own", hint="leave `--rows`, `--split` and `--input` out")
    if split is not None and input_ is not None:
        raise NnlabError("a file and a split are given: whose rows?", hint="leave `--input` or `--split` out")
    asked.check_outputs()
    parts = _parts(weights=weights, gradients=gradients, activations=activations)
    seen = _seen(subject, asked, steps, given)
    looks = _chosen(seen.looks, parts, layer)
    _write(csv, npz, looks)
    if given.json:
        from nnlab.inspection.documents import as_json

        console.print_json(as_json(looks, seen.head))
    elif not (given.quiet and (csv or npz)):
        from nnlab.cli.looks import show_look, show_steps

        out = console.results()
        out.say(seen.caption)
        if steps is None:
            show_look(out, looks[0])
        else:
            if activations:
                for look in looks:
                    show_look(out, look)
            show_steps(out, looks)
    if (csv or npz) and not given.silent:
        console.say_written(csv, npz)


def _parts(*, weights: bool, gradients: bool, activations: bool) -> list[Part]:
    chosen: dict[Part, bool] = {"weights": weights, "gradients": gradients, "activations": activations}
    return [part for part, is_chosen in chosen.items() if is_chosen or not any(chosen.values())]


def _seen(subject: str, asked: _Asked, steps: int | None, given: options.Given) -> _Seen:
    path = Path(subject)
    if path.is_file() or path.suffix.lower() in (".yaml", ".yml"):
        from nnlab.config.load import config_files

        loaded = console.load(path, given)
        asked.check_outputs([*config_files(path), *loaded.named_files])
        if steps:
            return _first_steps(loaded, {"config": subject}, steps, given)
        return _first_weights(loaded, subject, asked, given)
    run = console.opened_run(subject, given)
    if steps:
        return _first_steps(console.load(run.config_path, given), {"run": str(run.path)}, steps, given)
    if given.changes or given.seed is not None:
        hint = "leave `-S` and `--seed` out, or give a config"
        raise NnlabError("a run's model is there already: nothing of its config can be changed", hint=hint)
    return _run_model(run, asked, given)


def _first_weights(loaded: LoadedConfig, name: str, asked: _Asked, given: options.Given) -> _Seen:
    with loaded.located():
        splits = console.load_data(loaded, given)
        with console.tensorflow(given):
            from nnlab.data.judging import RunData
            from nnlab.engine.built import build_seeded
            from nnlab.inspection import subject

            built = build_seeded(loaded.experiment, splits, runs_dir=given.runs_dir, trust_code=given.trust_code)
            if asked.file is not None:
                found = subject.rows_of_file(asked.file, RunData(built.experiment, splits.spec, splits.record))
            else:
                found = subject.rows_of_built(built, asked.split or "train")
            looked = _looked(subject.built_subject(built), found, asked)
    return _Seen({"config": name}, f"{name}: the first weights; {_rows_text(looked, asked)}", [looked])


def _run_model(run: Run, asked: _Asked, given: options.Given) -> _Seen:
    run.require_model()
    from nnlab.data.judging import RunData

    data = RunData.of(run)
    with console.tensorflow(given):
        from nnlab.engine.trained import Trained
        from nnlab.inspection import subject

        trained = Trained.load(run, trust_code=given.trust_code)
        if asked.file is not None:
            found = subject.rows_of_file(asked.file, data)
        else:
            found = subject.rows_of_run(run, asked.split or "train")
        looked = _looked(subject.trained_subject(trained, data.spec), found, asked)
    epoch = run.read_info().get("model_epoch")
    weights = "its model" if epoch is None else f"its model, of epoch {epoch}"
    return _Seen({"run": str(run.path)}, f"{run.path}: {weights}; {_rows_text(looked, asked)}", [looked])


def _looked(subject: Subject, found: RowsOfInterest, asked: _Asked) -> Look:
    from dataclasses import replace

    import numpy as np

    from nnlab.inspection.look import look

    what = asked.split or "train" if asked.file is None else "file"
    chosen = parse_rows(asked.rows, found.rows.count, what=what)
    if asked.rows is None and asked.file is None:
        chosen = slice(0, min(FEW_ROWS, found.rows.count))
    seen = look(subject, found.rows.take(chosen), np.arange(found.rows.count)[chosen])
    return replace(seen, notes=[*found.notes, *seen.notes])


def _rows_text(look: Look, asked: _Asked) -> str:
    of = f"{asked.split or 'train'} row" if asked.file is None else f"{asked.file}, row"
    first, last = look.rows[0], look.rows[-1]
    return f"{of} {first}" if first == last else f"{of}s {first} to {last}"


def _first_steps(loaded: LoadedConfig, head: dict[str, str], steps: int, given: options.Given) -> _Seen:
    from dataclasses import replace

    # the one that can be walked through, and that `exact` is equal to
    training = replace(loaded.experiment.training, engine="keras")
    with loaded.located():
        splits = console.load_data(loaded, given)
        with console.tensorflow(given):
            from nnlab.engine.built import build_seeded
            from nnlab.inspection.steps import walk

            built = build_seeded(
                replace(loaded.experiment, training=training),
                splits,
                runs_dir=given.runs_dir,
                trust_code=given.trust_code,
            )
            looks = walk(built, steps)
    if not looks:
        raise NnlabError("the config trains no epoch: there are no steps", hint="write `training.epochs: 1` or more")
    if len(looks) < steps and not given.silent:
        console.say(f"note: the training is over after {len(looks)} of the {steps} steps")
    what = "step" if len(looks) == 1 else f"{len(looks)} steps"
    return _Seen(head, f"{''.join(head.values())}: the first {what} of its training", looks)


def _chosen(looks: Sequence[Look], parts: Sequence[Part], layer: str | None) -> list[Look]:
    names = dict.fromkeys(each.name for look in looks for each in look.layers)
    if layer is not None and layer not in {part for name in names for part in (name, name.rpartition("/")[2])}:
        raise NnlabError(f"there is no layer `{layer}`", hint=did_you_mean(layer, names) or one_of(names))
    return [look.chosen(parts, layer) for look in looks]


def _write(csv: Path | None, npz: Path | None, looks: Sequence[Look]) -> None:
    if csv is None and npz is None:
        return
    from nnlab.inspection import documents
    from nnlab.outputs import write_output
    from nnlab.writing import csv_text

    if csv is not None:
        write_output(csv, csv_text(documents.CSV_COLUMNS, documents.csv_rows(looks)))
    if npz is not None:
        write_output(npz, documents.npz_bytes(looks))
