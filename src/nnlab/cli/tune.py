"""`nnlab tune`: hyperparameter search by the config's `tune` section."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.errors import LostError, listed


def tune(
    config: options.Config,
    algorithm: Annotated[
        str | None, typer.Option(metavar="NAME", help="random, grid, hyperband or bayesian.", show_default=False)
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="What is searched for, such as val_loss; default: the first metric."),
    ] = None,
    max_trials: options.MaxTrials = None,
    max_time: options.MaxTime = None,
    executions_per_trial: Annotated[
        int | None, typer.Option(metavar="N", help="Seeds that each trial is trained with; default: 1.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Fresh seeds that the best is trained with; default: 5.")
    ] = None,
    default_trial: Annotated[
        bool | None,
        typer.Option(
            "--default-trial/--no-default-trial", help="Try the config's own values first.", show_default=False
        ),
    ] = None,
    jobs: options.Jobs = None,
    ray: options.Ray = None,
    changes: options.Set = None,
    seed: options.Seed = None,
    name: options.Name = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    trust_code: options.TrustCode = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,  # noqa: ARG001
) -> None:
    """Search the best values of a config: random, grid, Hyperband or Bayesian; parallel, and carried on by `resume`."""
    given = {
        "algorithm": algorithm,
        "objective": objective,
        "max_trials": max_trials,
        "max_time": max_time,
        "executions_per_trial": executions_per_trial,
        "seeds": seeds,
        "default_trial": default_trial,
    }
    loaded = console.load(config, [*(changes or ()), *_overrides(given)], seed=seed, name=name)
    conduct(loaded, runs_dir, jobs=jobs, ray=ray, trust_code=trust_code, json=json, quiet=quiet, verbose=verbose)


def resume(run: Any, runs_dir: Path, *, max_trials: int | None, max_time: str | None, **how: Any) -> None:
    """Carry a search on, for longer if it is told so."""
    given = {"max_trials": max_trials, "max_time": max_time, "ahead": run.read_info().get("behind")}  # of older runs
    conduct(console.load(run.config_path, _overrides(given)), runs_dir, into=run, **how)


def _overrides(given: dict[str, Any]) -> list[Any]:
    """Return what options change of the config's `tune` section."""
    from nnlab.config.overrides import override
    from nnlab.config.tune import OPTIONS

    changes = [
        override(f"tune.{key}", value, origin=f"--{key.replace('_', '-')} {value}")
        for key, value in given.items()
        if value is not None
    ]
    algorithm = given.get("algorithm")
    if algorithm is not None:  # what goes with another algorithm is not meant any more
        others = [key for owner, keys in OPTIONS.items() if owner != algorithm for key in keys]
        changes += [override(f"tune.{key}", None, origin=f"--algorithm {algorithm}") for key in others]
    return changes


def conduct(
    loaded: Any,
    runs_dir: Path,
    *,
    jobs: int | None,
    ray: str | None,
    trust_code: bool,
    json: bool,
    quiet: bool,
    verbose: bool,
    into: Any = None,
) -> None:
    """Check, search, and show the results."""
    from nnlab.cli.search import Progress
    from nnlab.executor import executor_for, jobs_at_once, start_soon, threads_of
    from nnlab.report import draw, summarize
    from nnlab.run import Run
    from nnlab.studies.conduct import conduct as search
    from nnlab.tune.study import prepare

    console.prepare_tensorflow(verbose=verbose)  # for the workers, which inherit the environment
    threads = threads_of(loaded)
    executor = executor_for(jobs, ray, threads=threads)
    at_once = jobs_at_once(jobs, ray, threads=threads)
    study = prepare(loaded, jobs=at_once, runs_dir=runs_dir, trust_code=trust_code, on_valid=start_soon)
    if not quiet:
        console.print_problems(study.advice)
    preparing = console.prepare_plots_soon()
    run = into or Run.new(runs_dir, study.config.experiment.name)
    progress = Progress(quiet=quiet or json)
    try:
        with progress:
            status = search(study, run, executor, observer=progress, command=["nnlab", *sys.argv[1:]])
    except (KeyboardInterrupt, LostError) as error:
        raise typer.Exit(console.stopped(error, run, study.agenda.document, done="tried")) from None
    results = study.agenda.document(run=str(run.path), status=status)
    summarize(run, results)
    if study.agenda.search.failed:
        _say_failed(study.agenda.search)
        console.say(f"`nnlab resume {run.path}` tries them again")
    console.show_results(results, run, json=json, quiet=quiet)
    preparing.join()
    draw(run)  # which takes longer than the table
    if status == "failed":
        raise typer.Exit(1)


def _say_failed(search: Any) -> None:
    """Say each problem once, with the trials that had it."""
    trials: dict[str, list[str]] = {}
    for trial in search.failed:
        for outcome in search.done(trial).values():
            for problem in outcome.problems:
                trials.setdefault(str(problem), []).append(trial.id)
    for text, ids in trials.items():
        console.write_lines(*text.splitlines())
        console.say(f"  in trial {_ids(ids)}")


def _ids(ids: Sequence[str]) -> str:
    return listed(dict.fromkeys(ids), most=5)
