"""What comparisons and searches have in common on the command line, and `nnlab resume`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.study_kinds import KINDS
from nnlab.errors import LostError, NnlabError
from nnlab.wording import listed

if TYPE_CHECKING:
    from nnlab.run import Run

Prepare = Callable[[], Any]
"""Checks a study, and returns it."""


@options.shared("... jobs ray runs_dir trust_code json quiet verbose")
def resume(
    run: options.RunName,
    max_trials: options.MaxTrials = None,
    max_time: options.MaxTime = None,
    *,
    given: options.Given,
) -> None:
    """Carry an interrupted comparison or search on: what was trained is not trained again."""
    from nnlab.data.digests import AFRESH, check_files
    from nnlab.run import Run, open_run

    found = open_run(run, given.runs_dir)
    found.refuse_if_at_work()
    info = found.read_info()
    parts = [Run(found.problems_path / problem) for problem in info.get("problems", ())] or [found]
    for part in parts:
        info_of_part = part.read_info()
        check_files({**info_of_part.get("data_files", {}), **info_of_part.get("code_files", {})}, hint=AFRESH)
    if info.get("kind") not in KINDS:
        hint = f"`nnlab train {found.config_path}` trains it again from the start"
        raise NnlabError("only comparisons and searches can be resumed so far, not single trainings", hint=hint)
    prepare = import_module(f"nnlab.cli.{KINDS[info['kind']].command}").again
    carry_out([prepare(part, given, max_trials=max_trials, max_time=max_time) for part in parts], given, into=found)


def carry_out(prepares: Sequence[Prepare], given: options.Given, *, into: Run | None = None) -> None:
    """Check studies, train them, and show the results.

    Args:
        prepares: checks the study of each config.
        given: how.
        into: the run that is carried on; default: a new one.
    """
    from nnlab.cli.live import Progress
    from nnlab.compare.problems import by_name, conduct_all, joint_name
    from nnlab.executor import check_threads, executor_for, threads_of
    from nnlab.report import draw
    from nnlab.run import Run
    from nnlab.studies.conduct import conduct

    console.prepare_tensorflow(verbose=given.verbose)  # for the workers, which inherit the environment
    first, *others = studies = NnlabError.of_each(lambda prepare: prepare(), prepares)
    problems = by_name(studies) if others else {first.config.experiment.name: first}
    threads = threads_of(first.config)
    for study in studies:
        check_threads(study.config, jobs=given.jobs, threads=threads)
        if not given.quiet:
            console.print_problems(study.advice)
    kind = KINDS[first.agenda.kind]
    preparing = console.prepare_plots_soon()
    executor = executor_for(given.jobs, given.ray, threads=threads)
    name = (
        into.read_info()["name"] if into is not None else (given.name if others else None) or joint_name(list(problems))
    )
    run = into or Run.new(given.runs_dir, name)
    go_on = partial(conduct_all, problems, name=name) if others else partial(conduct, first)
    try:
        with Progress(quiet=given.silent) as progress:
            status = go_on(run=run, executor=executor, observer=progress, command=["nnlab", *sys.argv[1:]])
    except (KeyboardInterrupt, LostError) as error:
        raise typer.Exit(console.stopped(error, run, done=kind.done)) from None
    if _say_crashed(studies, f"in {kind.training}"):
        console.say(f"`nnlab resume {run.path}` tries them again")
    console.show_results(run.read_summary(), run, given)
    preparing.join()
    draw(run)  # which takes longer than the tables
    if status == "failed":
        raise typer.Exit(1)


def _say_crashed(studies: Sequence[Any], where: str) -> bool:
    """Say each problem once, with the trials that had it; return whether there are any."""
    trials: dict[str, dict[str, None]] = {}
    for name, outcome in (each for study in studies for each in study.agenda.crashed()):
        for problem in outcome.problems:
            trials.setdefault(str(problem), {})[name] = None
    for text, names in trials.items():
        console.write_lines(*text.splitlines())
        console.say(f"  {where} {listed(names, most=5)}")
    return bool(trials)
