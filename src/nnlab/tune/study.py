"""A search of a config: checked before anything trains, and what each of its trials trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nnlab.config.data import MAX_SEED
from nnlab.config.load import LoadedConfig, change_config, dump_config, load_config
from nnlab.config.overrides import override
from nnlab.config.programs import program_kind
from nnlab.config.tune import MedianConfig, TuneConfig
from nnlab.errors import ConfigError, NnlabError, Problem, named, one_of
from nnlab.executor import Job, as_part, check_threads
from nnlab.objective import Objective, choose_objective
from nnlab.parts import KeepIf, Limits, Part
from nnlab.run import Run
from nnlab.tune.oracle_process import OracleProcess
from nnlab.tune.outlook import most_trials, outlook
from nnlab.tune.search import Rules, Search, Trial
from nnlab.tune.space import Space, check_trials, read_space

if TYPE_CHECKING:
    from nnlab.data.splits import DataSpec, Splits
    from nnlab.model.plan import Plan

Planner: TypeAlias = "Callable[[LoadedConfig], tuple[Plan, DataSpec]]"
"""Plans the model of a config for its data."""

MOST_LOADED = 2
"""Data sets that are held while trials are checked: the config's own, and that of the trials that have another."""

FIRST_FRESH_SEED = 1_000_000
"""How far the seeds of the best's last trainings are from those that it was chosen with."""


@dataclass(frozen=True)
class Study:
    """A search of a config that holds.

    Args:
        config: the experiment.
        space: what is searched of it.
        search: what was tried, and what follows.
        advice: what one had better know before it starts.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.
        notes: what was understood of the data.
    """

    config: LoadedConfig
    space: Space
    search: Search
    advice: tuple[Problem, ...]
    runs_dir: Path
    trust_code: bool = False
    notes: tuple[str, ...] = ()

    @property
    def section(self) -> TuneConfig:
        """The config's `tune` section."""
        section = self.config.experiment.tune
        assert section is not None
        return section

    def oracle(self) -> OracleProcess:
        """Return what proposes trials, in a process of its own."""
        rules = self.search.rules
        return OracleProcess(
            self.space,
            self.section,
            direction=rules.objective.direction,
            seed=self.config.experiment.seed,
            max_epochs=rules.epochs,
        )

    def training_name(self, trial: Trial, seed: int) -> str:
        """Return the name of a training, which is that of its run directory."""
        return trial.id if seed == self.search.rules.seeds[0] else f"{trial.id}_seed{seed}"

    def final_name(self, trial: Trial, seed: int) -> str:
        """Return the name of a training of the best with a fresh seed."""
        return f"best_{trial.id}_seed{seed}"

    def trial_config(self, trial: Trial, more: Mapping[str, Any]) -> LoadedConfig:
        """Return the experiment with a trial's values, without what only searches and comparisons need."""
        changes = [] if trial.is_base else self.space.overrides(trial.codes)
        more = {**more, "tune": None, "compare": None}
        if trial.epochs is not None:
            more = {"training.epochs": self.search.rules.epochs, **more}
        changes += [override(path, value, origin=f"nnlab tune: {path}={value}") for path, value in more.items()]
        return change_config(self.config, changes)

    def job(self, trial: Trial, seed: int, folder: Path, *, is_final: bool = False) -> Job:
        """Return a training of a trial, an ordinary experiment."""
        name = self.final_name(trial, seed) if is_final else self.training_name(trial, seed)
        more = as_part(self.config.experiment, name=name, seed=seed, runs_dir=self.runs_dir)
        options = {"hyperparameters": trial.values} if is_final else self._options(trial, seed, folder)
        config = self.trial_config(trial, {**more, **(self._epochs(trial) if is_final else {})})
        kind, alike = program_kind(config.experiment), len(self.search.rules.seeds)
        run = Run(folder / name)
        return Job(name, config, run, kind, alike, save_model=False, trust_code=self.trust_code, options=options)

    def _epochs(self, trial: Trial) -> dict[str, Any]:
        """Return what is to be said of the epochs of a trial that was not trained to the end."""
        return {} if trial.epochs in (None, self.search.rules.epochs) else {"training.epochs": trial.epochs}

    def _options(self, trial: Trial, seed: int, folder: Path) -> dict[str, Any]:
        rules = self.search.rules
        options: dict[str, Any] = {"hyperparameters": trial.values, "evaluate_test": False}
        if trial.epochs is not None:
            past = None
            if trial.continues is not None:
                past = Run(folder / self.training_name(self.search.trials[trial.continues], seed))
            options["part"] = Part(trial.epochs, past, keep_checkpoint=trial.epochs < rules.epochs)
        if trial.stop_below:
            options["limits"] = Limits(rules.objective, trial.stop_below)
        if seed == rules.seeds[0] and self.section.keep_models and trial.epochs in (None, rules.epochs):
            whole = [each for each in self.search.ranked if each.epochs in (None, rules.epochs)]
            last = (
                self.search.score(whole[self.section.keep_models - 1])
                if len(whole) >= self.section.keep_models
                else None
            )
            options["save_model"] = KeepIf(rules.objective, last if len(rules.seeds) == 1 else None)
        return options

    def best_config(self, folder: Path) -> str | None:
        """Return the config with the best values, complete; training it gives the best trial's score again.

        Args:
            folder: of the trials' runs, one of which says how its numbers were computed.
        """
        trial = self.search.best
        if trial is None:
            return None
        more, run = self._epochs(trial), Run(folder / self.training_name(trial, self.search.rules.seeds[0]))
        if run.config_path.exists():
            training = load_config(run.config_path).experiment.training
            more |= {"training.threads": training.threads, "training.jit_compile": training.jit_compile}
        text = dump_config(self.trial_config(trial, more).experiment)
        search = self.search
        head = f"trial {trial.id} of {len(search.trials)}, {search.rules.objective.column} {search.score(trial)}"
        return f"# {head}\n{text}"


def prepare(
    config: LoadedConfig,
    *,
    jobs: int = 1,
    runs_dir: Path = Path("runs"),
    trust_code: bool = False,
    on_valid: Callable[[], Any] | None = None,
) -> Study:
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
    space = read_space(config)
    if on_valid is not None:
        on_valid()
    section, experiment = config.experiment.tune, config.experiment
    assert section is not None
    planned = _planner()
    try:
        objective = _objective(config, section, planned)
    except NnlabError as error:
        raise ConfigError([config.locate(problem) for problem in error.problems]) from None
    notes = planned(config)[1].notes
    _check_trials(config, space, objective, planned)
    count = MAX_SEED + 1
    rules = Rules(
        objective,
        tuple((experiment.seed + i) % count for i in range(section.executions_per_trial)),
        tuple((experiment.seed + FIRST_FRESH_SEED + i) % count for i in range(section.seeds)),
        (section.max_epochs or experiment.training.epochs)
        if section.algorithm == "hyperband"
        else experiment.training.epochs,
        most_trials(section),
        section.max_time,
        section.median_stopping if isinstance(section.median_stopping, MedianConfig) else None,
    )
    search = Search(rules, section.ahead if section.is_led else None, width=2 * jobs)
    return Study(config, space, search, tuple(outlook(config, space, jobs=jobs)), runs_dir, trust_code, notes)


def _planner() -> Planner:
    """Return what plans the model of a config for its data; of those that were loaded, the latest two are kept."""
    from nnlab.data.loading import load_data
    from nnlab.model.prepared import prepare_model

    loaded: dict[str, Splits] = {}

    def planned(config: LoadedConfig) -> tuple[Plan, DataSpec]:
        experiment = config.experiment
        key = repr(experiment.data)
        if key not in loaded:
            splits = load_data(experiment.data, seed=experiment.seed)
            if len(loaded) == MOST_LOADED:
                del loaded[next(iter(loaded))]
            loaded[key] = splits
        return prepare_model(experiment, loaded[key]).plan, loaded[key].spec

    return planned


def _check_trials(config: LoadedConfig, space: Space, objective: Objective, planned: Planner) -> None:
    """Raise if the data or the model of a trial do not hold, or if not all are judged by the same."""
    from nnlab.model.comparable import column_contents, unlike
    from nnlab.model.plan import history_columns

    metric = objective.metric
    plan, _ = planned(config)
    columns = history_columns(plan.outputs)
    own = column_contents(metric, config.experiment, plan.outputs)

    def check(trial: LoadedConfig) -> None:
        outputs = planned(trial)[0].outputs
        if history_columns(outputs).get(metric) != objective.direction:
            hint = "name a metric that all trials have as the `objective`"
            raise ConfigError(Problem(f"there is no metric {named(metric)}, which decides", hint))
        contents = [own, column_contents(metric, trial.experiment, outputs)]
        reason = unlike(metric, contents, others=columns, key="tune.objective")
        if reason is not None:
            raise ConfigError(reason)

    check_trials(space, check)


def _objective(config: LoadedConfig, section: TuneConfig, planned: Planner) -> Objective:
    """Return what decides: the first of the config's metrics, or the loss."""
    from nnlab.model.plan import column_hint, column_scale, deciding_columns, history_columns

    plan, spec = planned(config)
    columns = history_columns(plan.outputs)
    if not spec.num_validation:
        raise ConfigError(Problem("a search needs validation rows", "say how many", ("data", "validation")))
    wanted = section.objective or deciding_columns(plan.outputs)[0]
    metric = wanted.removeprefix("val_")
    if metric not in columns:
        hint = column_hint(metric, plan.outputs, prefix="val_")
        problem = f"the model has no metric {named(metric)}"
        if wanted.startswith("test_"):
            problem, hint = "test rows decide nothing in a search", one_of(f"val_{name}" for name in columns)
        raise ConfigError(Problem(problem, hint, ("tune", "objective")))
    return choose_objective(metric, columns, column_scale(metric, plan, spec), path=("tune", "objective"))
