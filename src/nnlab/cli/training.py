"""`nnlab train` and `nnlab evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.metrics import show_metrics
from nnlab.config.columns import SplitName
from nnlab.errors import NnlabError

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.recording import RunSummary
    from nnlab.run import Run


@options.shared("changes seed name runs_dir trust_code json quiet verbose")
def train(
    config: options.Config,
    watch: Annotated[
        bool, typer.Option("--watch", help="Train again whenever the file is saved, and draw it live; Ctrl-C ends.")
    ] = False,
    *,
    given: options.Given,
) -> None:
    """Train a config, evaluate it on all splits, and keep everything in a run directory."""
    from nnlab.run import Run

    if watch:
        from nnlab.cli.watch import watch as watch_config

        watch_config(config, given)

    loaded = console.load(config, given)
    console.check_fit(loaded)
    run = Run.new(given.runs_dir, loaded.experiment.name)
    try:
        with loaded.located():
            summary = _trained(loaded, run, given)
    except KeyboardInterrupt:
        console.say_interrupted(run)
        raise typer.Exit(130) from None
    if summary.problem is not None:
        console.print_problems([summary.problem])
    if given.json:
        console.print_json({"run": str(run.path), "status": summary.status, "metrics": summary.metrics})
    elif given.quiet:
        console.print_run(run.path)
    else:
        if summary.metrics:
            show_metrics(console.results(), summary.metrics)
        console.results().print(f"run: {run.path}")
    if summary.status == "failed":
        raise typer.Exit(1)


def _trained(loaded: LoadedConfig, run: Run, given: options.Given) -> RunSummary:
    """Train with a live table, unless nothing is to be shown."""
    from nnlab.data.loading import load_data
    from nnlab.model.prepared import prepare_model

    experiment = loaded.experiment
    splits = load_data(experiment.data, seed=experiment.seed)
    prepare_model(experiment, splits)  # what cannot work is said before TensorFlow starts
    with console.tensorflow(given):
        from nnlab.cli.progress import TrainingProgress
        from nnlab.train import train as train_run
        from nnlab.training_options import TrainingOptions

        progress = None if given.silent else TrainingProgress.of(experiment, splits.spec)
        ending: dict[str, Any] = {}
        try:
            command = ["nnlab", *sys.argv[1:]]
            trained_as = TrainingOptions(command=command, trust_code=given.trust_code)
            summary = train_run(loaded, run, trained_as, splits=splits, observer=progress)
            ending = {"completed": summary.status == "completed", "epochs": summary.epochs}
            return summary
        finally:
            if progress is not None:
                progress.stop(**ending)


@options.shared("runs_dir trust_code json quiet verbose")
def evaluate(
    run: options.RunName,
    split: Annotated[
        SplitName | None,
        typer.Option(help="Which of the run's rows to evaluate on; default: test."),
    ] = None,
    input_: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="FILE",
            help="Evaluate the rows of a labelled CSV, Parquet or NPZ file, encoded as the run was. With `--split` or "
            "`--changed-data`: where the run's data are now.",
        ),
    ] = None,
    changed_data: Annotated[
        bool,
        typer.Option(
            "--changed-data",
            help="The run's data have changed: evaluate the rows that it was neither trained nor validated on.",
        ),
    ] = False,
    mc_samples: options.McSamples = None,
    *,
    given: options.Given,
) -> None:
    """Compute the loss and the metrics of a saved run, on its own rows or on others."""
    if changed_data and split not in (None, "test"):
        raise NnlabError("`--split` and `--changed-data` choose different rows", hint="give one of them")
    found = console.opened_run(run, given)
    found.require_model()
    if not given.silent:
        status = found.read_info().get("status")
        console.say(f"run: {found.path}{'' if status == 'completed' else f' ({status})'}")
    from nnlab.data import judging

    if changed_data:
        judged = judging.unseen_rows_of_source(found, moved_to=input_)
    elif input_ is not None and split is None:
        judged = judging.rows_of_file(found, input_)
    else:
        judged = judging.rows_of_split(found, split or "test", moved_to=input_)
    if not given.quiet:
        for note in judged.notes:
            console.say(note)
    with console.tensorflow(given):
        from nnlab.engine.trained import Trained

        trained = Trained.load(found, trust_code=given.trust_code)
        metrics = trained.evaluate(judged)
        mc = None
        if mc_samples is not None:
            from nnlab.predict import evaluate_monte_carlo

            mc = evaluate_monte_carlo(trained, judged, samples=mc_samples)
    chosen = split or (None if input_ is not None and not changed_data else "test")
    if given.json:
        document = {"split": chosen, "metrics": metrics, **({"mc": mc} if mc is not None else {})}
        console.print_json({**document, **({"rows": judged.counts} if judged.counts is not None else {})})
        return
    name = chosen or "input"
    show_metrics(console.results(), {name: metrics})
    if mc is not None:
        figures = {name: value for name, value in mc.items() if name != "samples"}
        console.results().print(f"mean of {mc_samples} Monte-Carlo samples")
        show_metrics(console.results(), {name: figures})
