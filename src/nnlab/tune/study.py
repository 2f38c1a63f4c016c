"""A search of a config, checked before anything trains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnlab.config.load import LoadedConfig
from nnlab.errors import ConfigError, Problem
from nnlab.executor import check_threads
from nnlab.objective import Objective
from nnlab.studies.facts import Facts, Finder, check_alike, objective_of
from nnlab.studies.study import Study
from nnlab.studies.trial import every_fold
from nnlab.tune.agenda import SearchAgenda
from nnlab.tune.outlook import outlook
from nnlab.tune.search import Search
from nnlab.tune.space import Space, check_trials, read_space
from nnlab.user_code import check_trust
from nnlab.wording import named, one_of

MOST_LOADED = 2
"""Data sets that are held while trials are checked: the config's own, and that of the trials that have another."""


def prepare(
    config: LoadedConfig,
    *,
    jobs: int = 1,
    runs_dir: Path = Path("runs"),
    trust_code: bool = False,
    on_valid: Callable[[], Any] | None = None,
) -> Study[SearchAgenda]:
    """Check everything that can be checked before training.

    Args:
        config: the experiment with its `tune` section.
        jobs: trainings at once.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.
        on_valid: is called when the config and its space hold, before the data are loaded.

    Raises:
        NnlabError: with all that is wrong with the space, the data and the objective.
    """
    check_threads(config, jobs=jobs)
    check_trust(config.named_code, trusted=trust_code)
    space = read_space(config)
    if on_valid is not None:
        on_valid()
    section, experiment = config.experiment.tune, config.experiment
    assert section is not None
    (draw, *_) = every_fold([experiment.seed], section.folds, experiment.data_seed)
    find = Finder(MOST_LOADED, draw.fold)
    with config.located():
        own = find(config)
        objective = _objective(own, section.objective)
    _check_trials(own, space, objective, find)
    most = section.max_epochs if section.algorithm == "hyperband" else None
    epochs = most or experiment.training.epochs
    search = Search(section, objective, experiment.seed, epochs, width=2 * jobs, data_seed=experiment.data_seed)
    return Study(
        config,
        SearchAgenda(config, space, search),
        runs_dir,
        trust_code,
        notes=own.spec.notes,
        advice=tuple(outlook(config, space, jobs=jobs)),
    )


def _objective(own: Facts, asked: str | None) -> Objective:
    """Return what decides: the first of the config's metrics, or the loss."""
    if not own.spec.num_validation:
        raise ConfigError(Problem("a search needs validation rows", "say how many", ("data", "validation")))
    place = ("tune", "objective")
    if asked is not None and asked.startswith("test_") and asked not in own.columns:
        hint = one_of(f"val_{name}" for name in own.columns)
        raise ConfigError(Problem("test rows decide nothing in a search", hint, place))
    missing = "the model has no metric {}"
    return objective_of([own], asked, missing=missing, key="tune.objective", prefix="val_", path=place)


def _check_trials(own: Facts, space: Space, objective: Objective, find: Finder) -> None:
    """Raise if the data or the model of a trial do not hold, or if not all are judged by the same."""

    def check(trial: LoadedConfig) -> None:
        facts = find(trial)
        if facts.columns.get(objective.metric) != objective.direction:
            hint = "name a metric that all trials have as the `objective`"
            raise ConfigError(Problem(f"there is no metric {named(objective.metric)}, which decides", hint))
        check_alike(objective.metric, [own, facts], others=own.columns, key="tune.objective")

    check_trials(space, check)
