"""`nnlab tune`: hyperparameter search by the config's `tune` section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.studies import Prepare, carry_out

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.run import Run


@options.shared("... jobs ray changes seed name runs_dir trust_code json quiet verbose")
def tune(
    config: options.Config,
    algorithm: Annotated[str | None, typer.Option(metavar="NAME", help="random, grid, hyperband or bayesian.")] = None,
    objective: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="What is searched for, such as val_loss; default: the first metric."),
    ] = None,
    max_trials: options.MaxTrials = None,
    max_time: options.MaxTime = None,
    folds: options.Folds = None,
    executions_per_trial: Annotated[
        int | None, typer.Option(metavar="N", help="Seeds that each trial is trained with; default: 1.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Fresh seeds that the best is trained with; default: 5.")
    ] = None,
    default_trial: Annotated[
        bool | None, typer.Option("--default-trial/--no-default-trial", help="Try the config's own values first.")
    ] = None,
    *,
    given: options.Given,
) -> None:
    """Search the best values of a config: random, grid, Hyperband or Bayesian; parallel, and carried on by `resume`."""
    section = {
        "algorithm": algorithm,
        "objective": objective,
        "max_trials": max_trials,
        "max_time": max_time,
        "folds": folds,
        "executions_per_trial": executions_per_trial,
        "seeds": seeds,
        "default_trial": default_trial,
    }
    carry_out([_prepare(console.load(config, given, _overrides(section)), given)], given)


def again(run: Run, given: options.Given, *, max_trials: int | None, max_time: str | None) -> Prepare:
    """Return what prepares the search of a run to be carried on, for longer if it is told so."""
    section = {"max_trials": max_trials, "max_time": max_time, "ahead": run.read_info().get("behind")}  # of older runs
    return _prepare(console.load(run.config_path, options.Given(), _overrides(section)), given)


def _prepare(loaded: LoadedConfig, given: options.Given) -> Prepare:
    def prepared() -> Any:
        from nnlab.executor import executor_for, jobs_at_once, start_soon, threads_of
        from nnlab.tune.study import prepare

        threads = threads_of(loaded)
        executor_for(given.jobs, given.ray, threads=threads)  # connects to a cluster, to know its size
        jobs, runs_dir = jobs_at_once(given.jobs, given.ray, threads=threads), given.runs_dir
        return prepare(loaded, jobs=jobs, runs_dir=runs_dir, trust_code=given.trust_code, on_valid=start_soon)

    return prepared


def _overrides(given: dict[str, Any]) -> list[Any]:
    """Return what options change of the config's `tune` section."""
    from nnlab.config.overrides import override
    from nnlab.config.tune import OPTIONS

    changes = console.changes_by({f"tune.{key}": value for key, value in given.items()})
    algorithm = given.get("algorithm")
    if algorithm is not None:  # what goes with another algorithm is not meant any more
        others = [key for owner, keys in OPTIONS.items() if owner != algorithm for key in keys]
        changes += [override(f"tune.{key}", None, origin=f"--algorithm {algorithm}") for key in others]
    return changes
