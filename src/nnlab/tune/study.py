"""A search at work: checked before anything trains, its trials in a run directory, carried on where it stopped."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from nnlab.config.load import LoadedConfig, change_config, dump_config
from nnlab.config.overrides import override
from nnlab.config.schema import MAX_SEED
from nnlab.config.tune import MedianConfig, TuneConfig
from nnlab.environment import git_commit, hardware, versions
from nnlab.errors import ConfigError, NnlabError, Problem, did_you_mean, named, one_of
from nnlab.executor import Executor, Job, Outcome
from nnlab.parts import KeepIf, Limits, Part
from nnlab.results import less_is_better, value_text
from nnlab.run import Run, Status, open_run
from nnlab.tune.search import Oracle, Rules, Search, Trial
from nnlab.tune.space import Space, read_space

FIRST_FRESH_SEED = 1_000_000
"""How far the seeds of the best's last trainings are from those that it was chosen with."""

DEFAULT_TRIALS = 10
"""Trials of a random or Bayesian search that does not say how many."""

SECONDS_BETWEEN_RESULTS = 2.0


class Observer(Protocol):
    """Somebody who wants to see a search go on, such as a terminal."""

    def began(self, study: Study) -> None:
        """Tell that the search begins; some trials may have been done before."""

    def epoch_done(self, name: str, row: Mapping[str, Any]) -> None:
        """Tell that a training, given by its name, has finished an epoch."""

    def trial_done(self, trial: Trial) -> None:
        """Tell that a trial has ended."""

    def final_began(self, trial: Trial, count: int) -> None:
        """Tell that the best trial is trained again, so many times."""


@dataclass(frozen=True)
class Study:
    """A search of a config that holds.

    Args:
        config: the experiment.
        space: what is searched of it.
        search: what was tried, and what follows.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.
    """

    config: LoadedConfig
    space: Space
    search: Search
    runs_dir: Path
    trust_code: bool = False

    @property
    def section(self) -> TuneConfig:
        """The config's `tune` section."""
        section = self.config.experiment.tune
        assert section is not None
        return section

    def oracle(self) -> Oracle:
        """Make what proposes trials; imports KerasTuner, and TensorFlow with it."""
        from nnlab.tune.oracle import Proposer

        rules = self.search.rules
        return Proposer(
            self.space,
            self.section,
            less_is_better=rules.less_is_better,
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
        experiment = self.config.experiment
        name = self.final_name(trial, seed) if is_final else self.training_name(trial, seed)
        # the rows are the same for all: a test row is never one that decides
        data_seed = experiment.seed if experiment.data.seed is None else experiment.data.seed
        more: dict[str, Any] = {"name": name, "seed": seed, "data.seed": data_seed}
        if experiment.training.tensorboard:
            more["training.tensorboard.write_graph"] = False  # drawing it takes longer than a short training
        transfer = getattr(experiment.model, "transfer", None)
        if transfer is not None:
            more["model.transfer.from"] = str(open_run(transfer.from_, self.runs_dir).path.resolve())
        values = {path: value for path, value in trial.values.items() if not path.endswith("learning_rate")}
        options = {"hyperparameters": trial.values} if is_final else self._options(trial, seed, folder)
        config = self.trial_config(trial, {**more, **(self._epochs(trial) if is_final else {})})
        return Job(name, config, Run(folder / name), repr(values), False, self.trust_code, options)

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
            options["limits"] = Limits(rules.metric, trial.stop_below, rules.sign)
        if seed == rules.seeds[0] and self.section.keep_models and trial.epochs in (None, rules.epochs):
            ranked = self.search.ranked
            last = (
                self.search.score(ranked[self.section.keep_models - 1])
                if len(ranked) >= self.section.keep_models
                else None
            )
            options["save_model"] = KeepIf(rules.metric, rules.sign, last if len(rules.seeds) == 1 else None)
        return options

    @property
    def best_config(self) -> str | None:
        """The config with the best values, complete; training it gives the best trial's score again."""
        trial = self.search.best
        if trial is None:
            return None
        text = dump_config(self.trial_config(trial, self._epochs(trial)).experiment)
        search = self.search
        head = f"trial {trial.id} of {len(search.trials)}, val_{search.rules.metric} {search.score(trial)}"
        return f"# {head}\n{text}"


def prepare(config: LoadedConfig, *, jobs: int = 1, runs_dir: Path = Path("runs"), trust_code: bool = False) -> Study:
    """Check everything that can be checked before training.

    Args:
        config: the experiment with its `tune` section.
        jobs: trainings at once.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.

    Raises:
        NnlabError: with all that is wrong with the space, the data and the objective.
    """
    space = read_space(config)
    section, experiment = config.experiment.tune, config.experiment
    assert section is not None
    try:
        metric = _objective(config, section)
    except NnlabError as error:
        raise ConfigError([config.locate(problem) for problem in error.problems]) from None
    count = MAX_SEED + 1
    most = section.max_trials
    if most is None and section.algorithm in ("random", "bayesian"):
        most = DEFAULT_TRIALS
    rules = Rules(
        metric,
        less_is_better(metric),
        tuple((experiment.seed + i) % count for i in range(section.executions_per_trial)),
        tuple((experiment.seed + FIRST_FRESH_SEED + i) % count for i in range(section.seeds)),
        (section.max_epochs or experiment.training.epochs)
        if section.algorithm == "hyperband"
        else experiment.training.epochs,
        most,
        section.max_time,
        section.median_stopping if isinstance(section.median_stopping, MedianConfig) else None,
    )
    return Study(config, space, Search(rules, _behind(section, jobs)), runs_dir, trust_code)


def _behind(section: TuneConfig, jobs: int) -> int:
    """Return how many trials may run when one is proposed: where outcomes decide, as few as keep the workers busy."""
    decides = section.algorithm in ("bayesian", "hyperband") or section.median_stopping
    return jobs if decides else 2 * jobs


def _objective(config: LoadedConfig, section: TuneConfig) -> str:
    """Return the metric that decides, without `val_`: the first of the config's, or the loss."""
    from nnlab.data.loading import load_data
    from nnlab.model.plan import history_columns, plan_model

    experiment = config.experiment
    spec = load_data(experiment.data, seed=experiment.seed).spec
    columns = list(history_columns(plan_model(experiment, spec).outputs))
    if not spec.num_validation:
        raise ConfigError(Problem("a search needs validation rows", "say how many", ("data", "validation")))
    if section.objective is None:
        return columns[1] if len(columns) > 1 and not columns[1].endswith("_loss") else "loss"
    metric = section.objective.removeprefix("val_")
    if metric not in columns:
        choices = [f"val_{name}" for name in columns]
        hint = did_you_mean(f"val_{metric}", choices) or one_of(choices)
        problem = f"the model has no metric {named(metric)}"
        if section.objective.startswith("test_"):
            problem, hint = "test rows decide nothing in a search", one_of(choices)
        raise ConfigError(Problem(problem, hint, ("tune", "objective")))
    return metric


def conduct(
    study: Study,
    run: Run,
    executor: Callable[[Callable[[str, Mapping[str, Any]], None]], Executor],
    *,
    observer: Observer,
    command: Sequence[str] = (),
) -> Status:
    """Try what is still to be tried, train the best again, and keep the results.

    Args:
        study: the search.
        run: its directory; what is complete in it is not done again.
        executor: makes what trains, given who is told of epochs.
        observer: is told how it goes on.
        command: the command line, for `run.json`.

    Returns:
        The status: `failed` if some trials crashed, or all gave nothing.

    Raises:
        KeyboardInterrupt: after the run was saved as `interrupted`.
    """
    before: dict[str, Any] = {}
    text = dump_config(study.config.experiment)
    if run.path.exists():
        before = run.read_info()
        run.rewrite_config(text)
    else:
        run.create(config=text, source=study.config.text)
        run.trials_path.mkdir()
    study.search.behind = max(study.search.behind, before.get("behind", 1))
    started, began = datetime.now().astimezone(), time.monotonic()
    info: dict[str, Any] = {
        "kind": "search",
        "name": study.config.experiment.name,
        "status": "running",
        "command": list(command),
        "overrides": list(dict.fromkeys(study.config.overrides)),
        "seed": study.config.experiment.seed,
        "behind": study.search.behind,
        "started": started.isoformat(timespec="seconds"),
        "versions": versions(),
        "git_commit": git_commit(Path.cwd()),
        "hardware": hardware(),
        **{name: before[name] for name in ("command", "overrides", "started", "search_seconds") if name in before},
    }
    run.write_info(info)

    def save() -> None:
        """Write the results so far, and how long the search took."""
        write_results(study, run)
        run.write_info(info)

    def is_late() -> bool:
        info["search_seconds"] = round(before.get("search_seconds", 0.0) + time.monotonic() - began, 3)
        return study.search.rules.max_seconds is not None and info["search_seconds"] >= study.search.rules.max_seconds

    def end(status: Status) -> None:
        finished = datetime.now().astimezone()
        seconds = round(before.get("seconds", 0.0) + (finished - started).total_seconds(), 3)
        write_results(study, run)
        ended = {"status": status, "finished": finished.isoformat(timespec="seconds"), "seconds": seconds}
        run.write_info({**info, **ended, **_best(study)})

    try:
        is_exhausted = _train(study, run, executor, observer, save, is_late)
    except KeyboardInterrupt:
        end("interrupted")
        raise
    status: Status = "failed" if study.search.failed or study.search.best is None else "completed"
    if is_exhausted:
        _forget(study, run)
    end(status)
    return status


def _train(
    study: Study,
    run: Run,
    executor: Any,
    observer: Observer,
    save: Callable[[], None],
    is_late: Callable[[], bool],
) -> bool:
    """Search, and train the best again; return whether there is nothing left to propose."""
    search = study.search
    with executor(observer.epoch_done) as trainer:
        oracle = study.oracle()
        recall(study, run, oracle)
        observer.began(study)
        is_exhausted = _search(study, run, trainer, oracle, observer, save, is_late)
        best = search.best
        if best is not None and not search.has_failed and search.rules.fresh_seeds:
            _train_best(study, run, trainer, best, observer)
    return is_exhausted


def _search(
    study: Study,
    run: Run,
    trainer: Executor,
    oracle: Oracle,
    observer: Observer,
    save: Callable[[], None],
    is_late: Callable[[], bool],
) -> bool:
    search, saved = study.search, time.monotonic()
    running: dict[str, tuple[Trial, int]] = {}

    def submit(trial: Trial) -> None:
        for seed in search.rules.seeds:
            if (trial.number, seed) not in search.outcomes:
                job = study.job(trial, seed, run.trials_path)
                shutil.rmtree(job.run.path, ignore_errors=True)  # what an interrupted search left half done
                running[job.name] = trial, seed
                trainer.submit(job)

    for trial in search.trials:
        submit(trial)
    while True:
        while not is_late() and (proposed := propose(study, oracle)) is not None:
            run.write_trial(proposed.id, record(study, proposed))
            submit(proposed)
        outcome = trainer.next_outcome()
        if outcome is None:
            return not is_late() and not search.is_full
        trial, seed = running.pop(outcome.name)
        search.outcomes[trial.number, seed] = outcome
        if search.is_over(trial):
            run.write_trial(trial.id, record(study, trial))
            _prune_models(study, run)
            if time.monotonic() - saved > SECONDS_BETWEEN_RESULTS:
                save()
                saved = time.monotonic()
            observer.trial_done(trial)


def propose(study: Study, oracle: Oracle) -> Trial | None:
    """Ask for the next trial; `None` if there is none (until more trials end)."""
    search, number = study.search, len(study.search.trials)
    began, proposal = time.perf_counter(), None
    while proposal is None:
        if not search.tell_due(oracle) or search.is_full:
            return None
        proposal = oracle.ask(number)
        if proposal is None and not search.tell_next(oracle):
            return None
    thinking = time.perf_counter() - began
    first = number == 0 and study.section.default_trial
    is_base = first if proposal.continues is None else search.trials[proposal.continues].is_base
    values = study.space.base_values if is_base else study.space.values(proposal.codes)
    trial = Trial(
        number,
        proposal.codes,
        values,
        is_base,
        proposal.epochs,
        proposal.continues,
        search.told,
        search.stop_below(),
        round(thinking, 4),
    )
    search.trials.append(trial)
    return trial


def recall(study: Study, run: Run, oracle: Oracle) -> None:
    """Take trials and outcomes from the run's directory, and bring the oracle to where it was.

    Raises:
        NnlabError: what the oracle proposes is not what it proposed then.
    """
    search = study.search
    for entry in run.read_trials():
        trial = read_record(entry)
        if trial.number != len(search.trials):
            break  # nothing was trained beyond a file that is missing
        while search.told < trial.told:
            told = search.trials[search.told]
            _recall_outcomes(study, run, told)
            # one that crashed is trained again, and the oracle is not told a second time
            oracle.tell(told.number, search.score(told))
            search.told += 1
        proposal = oracle.ask(trial.number, recorded=dict(trial.codes))
        if proposal is None or proposal.codes != dict(trial.codes) or proposal.continues != trial.continues:
            hint = "go on with the versions of nnlab and KerasTuner that began it (`run.json`), or begin a new one"
            raise NnlabError(
                f"the search cannot be carried on from trial {trial.id}: it comes out otherwise", hint=hint
            )
        search.trials.append(trial)
    for trial in search.trials:
        _recall_outcomes(study, run, trial)


def _recall_outcomes(study: Study, run: Run, trial: Trial) -> None:
    for seed in study.search.rules.seeds:
        if (trial.number, seed) not in study.search.outcomes:
            name = study.training_name(trial, seed)
            outcome = Outcome.of(Run(run.trials_path / name), name)
            if outcome is not None:
                study.search.outcomes[trial.number, seed] = outcome


def _train_best(study: Study, run: Run, trainer: Executor, best: Trial, observer: Observer) -> None:
    """Train the best trial with fresh seeds: what it gives there is not lucky with those that chose it."""
    search = study.search
    trial = replace(best, epochs=None, continues=None, stop_below=())
    running: dict[str, int] = {}
    for seed in search.rules.fresh_seeds:
        name = study.final_name(trial, seed)
        outcome = Outcome.of(Run(run.trials_path / name), name)
        if outcome is not None:
            search.finals[trial.number, seed] = outcome
            continue
        running[name] = seed
    if running:
        observer.final_began(best, len(running))
    for seed in running.values():
        job = study.job(best, seed, run.trials_path, is_final=True)
        shutil.rmtree(job.run.path, ignore_errors=True)
        trainer.submit(job)
    while (outcome := trainer.next_outcome()) is not None:
        search.finals[trial.number, running[outcome.name]] = outcome


def _prune_models(study: Study, run: Run) -> None:
    """Delete the models of trials that are not among the best any more."""
    kept = {trial.number for trial in study.search.ranked[: study.section.keep_models]}
    for trial in study.search.trials:
        if trial.number not in kept and study.search.is_over(trial):
            _remove(Run(run.trials_path / trial.id).model_path)


def _forget(study: Study, run: Run) -> None:
    """Delete the checkpoints of trials whose trainings cannot go on any more."""
    for trial in study.search.trials:
        for seed in study.search.rules.seeds:
            folder = Run(run.trials_path / study.training_name(trial, seed)).checkpoint_path.parent
            shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def record(study: Study, trial: Trial) -> dict[str, Any]:
    """Return what a trial's file holds."""
    search = study.search
    return {
        "trial": trial.id,
        "status": search.status(trial),
        "score": search.score(trial),
        "scores": search.scores(trial),
        "values": trial.values,
        "epochs": trial.epochs,
        "continues": trial.continues,
        "is_base": trial.is_base,
        "codes": trial.codes,
        "told": trial.told,
        "stop_below": trial.stop_below,
        "thinking_seconds": trial.thinking_seconds,
        "errors": list(dict.fromkeys(str(problem) for outcome in search.done(trial) for problem in outcome.problems)),
    }


def read_record(entry: Mapping[str, Any]) -> Trial:
    """Return the trial of a file."""
    return Trial(
        int(entry["trial"]),
        entry["codes"],
        entry["values"],
        entry["is_base"],
        entry["epochs"],
        entry["continues"],
        entry["told"],
        tuple(entry["stop_below"]),
        entry["thinking_seconds"],
    )


def write_results(study: Study, run: Run) -> None:
    """Write `results.csv`, a row a trial, and `best.yaml`."""
    run.write_results(list(_rows(study)))
    best = study.best_config
    if best is not None:
        run.write_best(best)


def _rows(study: Study) -> Iterator[dict[str, Any]]:
    search = study.search
    for trial in search.trials:
        outcomes, scores = search.done(trial), search.scores(trial)
        several = (
            {f"score_seed{seed}": scores.get(seed) for seed in search.rules.seeds}
            if len(search.rules.seeds) > 1
            else {}
        )
        yield {
            "trial": trial.id,
            "status": search.status(trial),
            f"val_{search.rules.metric}": search.score(trial),
            **several,
            **{each.path: _cell(trial.values.get(each.path)) for each in study.space.parameters},
            "epochs": max((len(outcome.history) for outcome in outcomes), default=0),
            "continues": None if trial.continues is None else search.trials[trial.continues].id,
            "seconds": round(sum(float(row["seconds"]) for outcome in outcomes for row in outcome.history), 4),
            "thinking_seconds": trial.thinking_seconds,
            "error": " ".join(dict.fromkeys(problem.message for outcome in outcomes for problem in outcome.problems)),
        }


def _cell(value: Any) -> Any:
    """Return what a CSV file holds of a value: numbers to their last digit."""
    return value if isinstance(value, (int, float)) or value is None else value_text(value)


def _best(study: Study) -> dict[str, Any]:
    search = study.search
    facts: dict[str, Any] = {"trials": len(search.trials), "failed": len(search.failed)}
    best = search.best
    if best is None:
        return facts
    metric = f"val_{search.rules.metric}"
    return {**facts, "best": {"trial": best.id, "metric": metric, "score": search.score(best), "values": best.values}}
