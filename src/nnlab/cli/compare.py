"""`nnlab compare`, `nnlab compare-optimizers` and `nnlab resume`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.errors import NnlabError, listed

DEFAULT_BUDGET = 7
"""Learning rates that `compare-optimizers` tries for each optimizer: two a decade over three decades."""

Seeds = Annotated[int | None, typer.Option(metavar="N", help="Trainings of each variant; default: 5.")]
TuningBudget = Annotated[
    int | None, typer.Option(metavar="N", help="Learning rates to try for each variant, 0 for none.")
]
TunedOnly = Annotated[
    bool, typer.Option("--tuned-only", help="Leave out the trainings with the learning rates as configured.")
]
Metric = Annotated[
    str | None, typer.Option(help="What decides, on validation rows; default: the config's first metric.")
]
Target = Annotated[
    float | None, typer.Option(help="The value to which time is measured; default: the worst variant's best.")
]


def compare(
    config: options.Config,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=V1,V2", help="Values to compare: `--vary model.activation=relu,tanh`. Repeated, a grid."
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:PATH=V,...", help="A variant with several changes, by hand. Repeatable."),
    ] = None,
    seeds: Seeds = None,
    tuning_budget: TuningBudget = None,
    tuned_only: TunedOnly = False,
    metric: Metric = None,
    target: Target = None,
    jobs: options.Jobs = 1,
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
    """Compare variants of an experiment fairly: paired seeds, intervals, tests, and a verdict in words."""
    from nnlab.compare.study import prepare
    from nnlab.compare.variants import from_options, from_section

    base = _base(changes, seed, name, seeds, tuning_budget, tuned_only, metric, target)
    choose: Any = from_section
    if vary or variant:
        named = from_options(vary or [], variant or [])
        choose = lambda _: named  # noqa: E731
    prepared = partial(prepare, config, base, choose, runs_dir=runs_dir, trust_code=trust_code)
    _run(prepared, runs_dir, jobs=jobs, json=json, quiet=quiet, verbose=verbose)


def compare_optimizers(
    config: options.Config,
    optimizers: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Which ones, with parameters where you like: `adam,{SGD: {momentum: 0.8}}`; default: nine of them.",
        ),
    ] = None,
    seeds: Seeds = None,
    tuning_budget: TuningBudget = None,
    tuned_only: TunedOnly = False,
    metric: Metric = None,
    target: Target = None,
    jobs: options.Jobs = 1,
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
    """Compare optimizers fairly: each with its own tuned learning rate, at equal cost, and as configured."""
    from nnlab.compare.study import prepare
    from nnlab.compare.variants import from_optimizers

    base = _base(changes, seed, name, seeds, tuning_budget, tuned_only, metric, target)
    choose = partial(from_optimizers, optimizers=optimizers)
    prepared = partial(
        prepare, config, base, choose, tuning_budget=DEFAULT_BUDGET, runs_dir=runs_dir, trust_code=trust_code
    )
    _run(prepared, runs_dir, jobs=jobs, json=json, quiet=quiet, verbose=verbose)


def resume(
    run: options.RunName,
    max_trials: options.MaxTrials = None,
    max_time: options.MaxTime = None,
    jobs: options.Jobs = 1,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    trust_code: options.TrustCode = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,  # noqa: ARG001
) -> None:
    """Carry an interrupted comparison or search on: what was trained is not trained again."""
    from nnlab.run import open_run

    found = open_run(run, runs_dir)
    kind = found.read_info().get("kind")
    how: dict[str, Any] = {"jobs": jobs, "trust_code": trust_code, "json": json, "quiet": quiet, "verbose": verbose}
    if kind == "search":
        from nnlab.cli.tune import resume as resume_search

        resume_search(found, runs_dir, max_trials=max_trials, max_time=max_time, **how)
        return
    if kind != "comparison":
        hint = f"`nnlab train {found.config_path}` trains it again from the start"
        raise NnlabError("only comparisons and searches can be resumed so far, not single trainings", hint=hint)
    if max_trials is not None or max_time is not None:
        raise NnlabError(
            "a comparison has no `--max-trials` or `--max-time`", hint="leave them out: they go with `nnlab tune`"
        )
    from nnlab.compare.study import prepare

    prepared = partial(prepare, found.config_path, [], runs_dir=runs_dir, trust_code=trust_code)
    _run(prepared, runs_dir, jobs=jobs, json=json, quiet=quiet, verbose=verbose, into=found)


def _base(
    changes: list[str] | None,
    seed: int | None,
    name: str | None,
    seeds: int | None,
    tuning_budget: int | None,
    tuned_only: bool,
    metric: str | None,
    target: float | None,
) -> list[Any]:
    """Return what the command line changes of the config, the `compare` section included."""
    from nnlab.config.overrides import override

    given = {
        "seed": ("--seed", seed),
        "name": ("--name", name),
        "compare.seeds": ("--seeds", seeds),
        "compare.tuning_budget": ("--tuning-budget", tuning_budget),
        "compare.tuned_only": ("--tuned-only", tuned_only or None),
        "compare.metric": ("--metric", metric),
        "compare.target": ("--target", target),
    }
    more = [
        override(path, value, origin=f"{option} {value}")
        for path, (option, value) in given.items()
        if value is not None
    ]
    return [*(changes or ()), *more]


def _run(
    prepared: Callable[[], Any], runs_dir: Path, *, jobs: int, json: bool, quiet: bool, verbose: bool, into: Any = None
) -> None:
    """Check, train, and show the results."""
    from nnlab.cli.comparison import Progress, show_results
    from nnlab.compare.study import conduct
    from nnlab.executor import Workers
    from nnlab.report.comparison import document, markdown
    from nnlab.report.comparison_plots import write_plots
    from nnlab.run import Run

    console.prepare_tensorflow(verbose=verbose)  # for the workers, which inherit the environment
    study = prepared()
    name = study.config.experiment.name
    run = into or Run.new(runs_dir, name)
    progress = Progress(quiet=quiet or json)
    try:
        with progress:
            command = ["nnlab", *sys.argv[1:]]
            status = conduct(study, run, partial(Workers, jobs), observer=progress, command=command)
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted; what was trained so far is in {run.path}\n  hint: `nnlab resume {run.path}`\n")
        raise typer.Exit(130) from None
    results = document(study.comparison, run=str(run.path), status=status)
    run.write_summary(results, markdown(results, name=name))
    if study.comparison.crashed:
        _say_crashed(study.comparison.crashed)
        sys.stderr.write(f"`nnlab resume {run.path}` tries them again\n")
    if json:
        console.print_json(results)
    elif quiet:
        console.results().print(str(run.path))
    else:
        show_results(results)
        console.results().print(f"run: {run.path}", markup=False)
    # what takes longer than the table
    plots = write_plots(study.comparison, run)
    run.write_summary(results, markdown(results, name=name, plots=plots))
    if status == "failed":
        raise typer.Exit(1)


def _say_crashed(outcomes: Sequence[Any]) -> None:
    """Say each problem once, with the trainings that had it."""
    trials: dict[str, list[str]] = {}
    for outcome in outcomes:
        for problem in outcome.problems:
            trials.setdefault(str(problem), []).append(outcome.name)
    for text, names in trials.items():
        sys.stderr.write(f"{text}\n  in {listed(names, most=3)}\n")
