"""`nnlab compare`, `nnlab compare-optimizers` and `nnlab resume`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.errors import LostError, NnlabError, listed

DEFAULT_BUDGET = 7
"""Learning rates that `compare-optimizers` tries for each optimizer: two a decade over three decades."""

Configs = Annotated[
    list[Path],
    typer.Argument(
        metavar="CONFIG", help="The YAML file of the experiment; several for several problems.", show_default=False
    ),
]
Seeds = Annotated[int | None, typer.Option(metavar="N", help="Trainings of each variant; default: 5.")]
TuningBudget = Annotated[
    int | None, typer.Option(metavar="N", help="Learning rates to try for each variant, 0 for none.")
]
TunedOnly = Annotated[
    bool, typer.Option("--tuned-only", help="Leave out the trainings with the learning rates as configured.")
]
TuneSchedules = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="Schedules to try with each learning rate, such as `constant,cosine`; default: the config's own.",
    ),
]
Metric = Annotated[
    str | None, typer.Option(help="What decides, on validation rows; default: the config's first metric.")
]
Target = Annotated[
    float | None, typer.Option(help="The value to which time is measured; default: the worst variant's best.")
]


def compare(
    configs: Configs,
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
    tune_schedules: TuneSchedules = None,
    tuned_only: TunedOnly = False,
    metric: Metric = None,
    target: Target = None,
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
    """Compare variants of an experiment fairly: paired seeds, intervals, tests, and a verdict in words."""
    from nnlab.compare.study import prepare
    from nnlab.compare.variants import from_options, from_section

    base = _base(
        changes, seed, _own_name(configs, name), seeds, tuning_budget, tune_schedules, tuned_only, metric, target
    )
    choose: Any = from_section
    if vary or variant:
        named = from_options(vary or [], variant or [])
        choose = lambda _: named  # noqa: E731
    prepared = [partial(prepare, config, base, choose, runs_dir=runs_dir, trust_code=trust_code) for config in configs]
    _run(prepared, runs_dir, name=name, jobs=jobs, ray=ray, json=json, quiet=quiet, verbose=verbose)


def compare_optimizers(
    configs: Configs,
    optimizers: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Which ones, with parameters where you like: `adam,{SGD: {momentum: 0.8}}`; default: nine of them.",
        ),
    ] = None,
    seeds: Seeds = None,
    tuning_budget: TuningBudget = None,
    tune_schedules: TuneSchedules = None,
    tuned_only: TunedOnly = False,
    metric: Metric = None,
    target: Target = None,
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
    """Compare optimizers fairly: each with its own tuned learning rate, at equal cost, and as configured."""
    from nnlab.compare.study import prepare
    from nnlab.compare.variants import from_optimizers

    base = _base(
        changes, seed, _own_name(configs, name), seeds, tuning_budget, tune_schedules, tuned_only, metric, target
    )
    choose = partial(from_optimizers, optimizers=optimizers)
    prepared = [
        partial(prepare, config, base, choose, tuning_budget=DEFAULT_BUDGET, runs_dir=runs_dir, trust_code=trust_code)
        for config in configs
    ]
    _run(prepared, runs_dir, name=name, jobs=jobs, ray=ray, json=json, quiet=quiet, verbose=verbose)


def resume(
    run: options.RunName,
    max_trials: options.MaxTrials = None,
    max_time: options.MaxTime = None,
    jobs: options.Jobs = None,
    ray: options.Ray = None,
    runs_dir: options.RunsDir = options.DEFAULT_RUNS_DIR,
    trust_code: options.TrustCode = False,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,  # noqa: ARG001
) -> None:
    """Carry an interrupted comparison or search on: what was trained is not trained again."""
    from nnlab.data.digests import AFRESH, check_files
    from nnlab.run import Run, open_run

    found = open_run(run, runs_dir)
    found.refuse_if_at_work()
    info = found.read_info()
    kind = info.get("kind")
    several = [Run(found.problems_path / problem) for problem in info.get("problems", ())]
    for each in several or [found]:
        check_files(each.read_info().get("data_files", {}), hint=AFRESH)
    how: dict[str, Any] = {
        "jobs": jobs,
        "ray": ray,
        "trust_code": trust_code,
        "json": json,
        "quiet": quiet,
        "verbose": verbose,
    }
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

    paths = [each.config_path for each in several or [found]]
    prepared = [partial(prepare, path, [], runs_dir=runs_dir, trust_code=trust_code) for path in paths]
    _run(prepared, runs_dir, jobs=jobs, ray=ray, json=json, quiet=quiet, verbose=verbose, into=found)


def _own_name(configs: list[Path], name: str | None) -> str | None:
    """Return what `--name` names a config; of several it names none of them, only their common run."""
    if len(configs) == 1:
        return name
    if name is not None:
        console.load(configs[0], None, name=name)  # says whether it can be a name
    return None


def _base(
    changes: list[str] | None,
    seed: int | None,
    name: str | None,
    seeds: int | None,
    tuning_budget: int | None,
    tune_schedules: str | None,
    tuned_only: bool,
    metric: str | None,
    target: float | None,
) -> list[Any]:
    """Return what the command line changes of the config, the `compare` section included."""
    from nnlab.config.nodes import read_text
    from nnlab.config.overrides import Override, override

    given = {
        "seed": ("--seed", seed),
        "name": ("--name", name),
        "compare.seeds": ("--seeds", seeds),
        "compare.tuning_budget": ("--tuning-budget", tuning_budget),
        "compare.tuned_only": ("--tuned-only", tuned_only or None),
        "compare.metric": ("--metric", metric),
        "compare.target": ("--target", target),
    }
    base: list[Any] = [*(changes or ())]
    if tune_schedules is not None:
        origin = f"--tune-schedules {tune_schedules}"
        schedules = read_text(f"[{tune_schedules}]", origin, located=False)
        base.append(Override(("compare", "tune_schedules"), schedules, origin))
    more = [
        override(path, value, origin=f"{option} {value}")
        for path, (option, value) in given.items()
        if value is not None
    ]
    return [*base, *more]


def _run(
    prepared: Sequence[Callable[..., Any]],
    runs_dir: Path,
    *,
    jobs: int | None,
    ray: str | None,
    json: bool,
    quiet: bool,
    verbose: bool,
    name: str | None = None,
    into: Any = None,
) -> None:
    """Check, train, and show the results."""
    from nnlab.cli.comparison import Progress
    from nnlab.compare.problems import by_name, conduct_all, document_of, joint_name
    from nnlab.executor import check_threads, executor_for, start_soon, threads_of
    from nnlab.report import draw, summarize
    from nnlab.run import Run
    from nnlab.studies.conduct import conduct

    console.prepare_tensorflow(verbose=verbose)  # for the workers, which inherit the environment
    start: Any = start_soon if ray is None else None
    studies = by_name(_all([partial(check, jobs=jobs, on_valid=start) for check in prepared]))
    threads = threads_of(next(iter(studies.values())).config)
    for study in studies.values():
        check_threads(study.config, jobs=jobs, threads=threads)
        if not quiet:
            console.print_problems(study.advice)
    preparing = console.prepare_plots_soon()
    executor = executor_for(jobs, ray, threads=threads)
    name = into.read_info()["name"] if into is not None else name or joint_name(list(studies))
    run = into or Run.new(runs_dir, name)
    progress = Progress(quiet=quiet or json)
    options: dict[str, Any] = {"observer": progress, "command": ["nnlab", *sys.argv[1:]]}
    comparisons = {problem: study.agenda.comparison for problem, study in studies.items()}
    document = partial(document_of, comparisons)
    try:
        with progress:
            if len(studies) == 1:
                (study,) = studies.values()
                status = conduct(study, run, executor, **options)
            else:
                status = conduct_all(studies, run, executor, **options, name=name)
    except (KeyboardInterrupt, LostError) as error:
        raise typer.Exit(console.stopped(error, run, document, done="trained")) from None
    preparing.join()
    results = document(run=str(run.path), status=status)
    summarize(run, results)
    crashed = [outcome for comparison in comparisons.values() for outcome in comparison.crashed]
    if crashed:
        _say_crashed(crashed)
        console.say(f"`nnlab resume {run.path}` tries them again")
    console.show_results(results, run, json=json, quiet=quiet)
    draw(run)  # which takes longer than the tables
    if status == "failed":
        raise typer.Exit(1)


def _all(prepared: Sequence[Callable[[], Any]]) -> list[Any]:
    """Check all configs, and raise the problems of all."""
    studies: list[Any] = []
    problems: list[Any] = []
    for prepare in prepared:
        try:
            studies.append(prepare())
        except NnlabError as error:
            problems += error.problems
    if problems:
        raise NnlabError(list(dict.fromkeys(problems)))
    return studies


def _say_crashed(outcomes: Sequence[Any]) -> None:
    """Say each problem once, with the trainings that had it."""
    trials: dict[str, list[str]] = {}
    for outcome in outcomes:
        for problem in outcome.problems:
            trials.setdefault(str(problem), []).append(outcome.name)
    for text, names in trials.items():
        console.write_lines(*text.splitlines())
        console.say(f"  in {listed(names, most=3)}")
