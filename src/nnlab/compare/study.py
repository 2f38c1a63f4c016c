"""A comparison at work: checked before anything trains, its trials in a run directory, carried on where it stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nnlab.catalog import Direction
from nnlab.compare.protocol import Comparison, Contender, Rules, Trial, seeds_of, trial_name
from nnlab.compare.tuning import rate_center, rate_parameter, rate_path, tuned_schedules
from nnlab.compare.variants import Named, Variant, changed, check_different, from_section, load_variants
from nnlab.config.compare import CompareConfig
from nnlab.config.durations import steps_of_run
from nnlab.config.load import LoadedConfig, dump_config, load_config
from nnlab.config.overrides import Override, parse_override
from nnlab.config.programs import program_kind
from nnlab.data.digests import AFRESH, check_files, file_digests
from nnlab.errors import ConfigError, NnlabError, Problem, named
from nnlab.executor import Executor, Job, Outcome, as_part, check_threads, threads_of
from nnlab.objective import Objective, choose_objective
from nnlab.run import Run, Status
from nnlab.run_info import RunInfo, experiment_facts
from nnlab.stats import Scale

if TYPE_CHECKING:
    from nnlab.model.comparable import Contents

SECONDS_BETWEEN_RESULTS = 2.0


class Observer(Protocol):
    """Somebody who wants to see a comparison go on, such as a terminal."""

    def began(self, study: Study) -> None:
        """Tell that training begins; some trials may have been done before."""

    def epoch_done(self, name: str, row: Mapping[str, Any]) -> None:
        """Tell that a trial, given by its name, has finished an epoch."""

    def trial_done(self, trial: Trial, outcome: Outcome) -> None:
        """Tell that a trial has ended."""


@dataclass(frozen=True)
class Study:
    """A comparison of configs that hold.

    Args:
        config: the experiment that is varied.
        variants: what is compared.
        comparison: what is to be trained, and what was.
        schedules: those that learning rates are tuned with, as a config holds them, by their names.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.
        notes: what was understood of the data.
    """

    config: LoadedConfig
    variants: tuple[Variant, ...]
    comparison: Comparison
    runs_dir: Path
    trust_code: bool = False
    schedules: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def name(self, trial: Trial) -> str:
        """Return the name of a trial, which is that of its run directory."""
        return trial_name(trial, self.comparison.contenders[trial.contender])

    def job(self, trial: Trial, folder: Path) -> Job:
        """Return the training of a trial, an ordinary experiment."""
        variant, contender = self.variants[trial.contender], self.comparison.contenders[trial.contender]
        experiment, name = variant.config.experiment, self.name(trial)
        more = as_part(experiment, name=name, seed=trial.seed, runs_dir=self.runs_dir) | {"compare": None}
        place = contender.rate_path
        if trial.schedule is not None:
            more["schedule"] = self.schedules[trial.schedule]
            place = rate_path(changed(variant, {"schedule": more["schedule"]}).experiment)
        if trial.learning_rate is not None and place is not None:
            more[place] = trial.learning_rate
        config, run = changed(variant, more), Run(folder / name)
        kind = program_kind(config.experiment)
        alike = self._trainings.get(kind, 1)
        # what chooses a learning rate sees no test rows
        options = {"evaluate_test": trial.seed != self.comparison.rules.tuning_seed}
        return Job(name, config, run, kind, alike, save_model=False, trust_code=self.trust_code, options=options)

    @cached_property
    def _trainings(self) -> Mapping[str, int]:
        """How many trainings the variants of each kind have that the first outcomes decide nothing about."""
        rules, counted = self.comparison.rules, Counter[str]()
        for variant in self.variants:
            counted[program_kind(variant.config.experiment)] += rules.tuning_budget + len(rules.arms) * len(rules.seeds)
        return counted

    @property
    def advice(self) -> list[Problem]:
        """What one had better know before it starts."""
        return advice_on(self.variants, self.comparison.rules.objective.metric)

    @property
    def resolved(self) -> str:
        """The config that says all of it: comparing it again gives the same results."""
        rules, section = self.comparison.rules, self.config.experiment.compare
        complete = CompareConfig(
            variants={variant.name: variant.written() for variant in self.variants},
            seeds=len(rules.seeds),
            tuning_budget=rules.tuning_budget,
            tune_schedules=tuple(self.schedules.values()) or None,
            tuned_only=rules.tuned_only,
            metric=rules.metric,
            target=None if section is None else section.target,
        )
        return dump_config(replace(self.config.experiment, compare=complete))


def advice_on(variants: Sequence[Variant], metric: str | None) -> list[Problem]:
    """Return advice on what variants are judged by.

    Args:
        variants: what is compared.
        metric: what decides, `None` for what decides where none is named.
    """
    from nnlab.model.comparable import penalized

    first = variants[0].config
    if all(variant.config.experiment.model == first.experiment.model for variant in variants):
        return []
    advice = penalized(first.experiment, metric, key="compare.metric")
    return [] if advice is None else [first.locate(advice)]


def prepare(
    path: Path,
    base: Sequence[Override | str],
    choose: Callable[[LoadedConfig], Sequence[Named]] = from_section,
    *,
    tuning_budget: int = 0,
    jobs: int | None = None,
    runs_dir: Path = Path("runs"),
    trust_code: bool = False,
    on_valid: Callable[[], Any] | None = None,
) -> Study:
    """Check everything that can be checked before training.

    Args:
        path: the config file.
        base: changes that hold for every variant.
        choose: gives the variants of the loaded config.
        tuning_budget: learning rates to try, if the config does not say.
        jobs: trainings at once; `None` for as many as fit.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.
        on_valid: is called when the configs hold, before their data are loaded.

    Raises:
        NnlabError: with the problems of all variants.
    """
    overrides = tuple(parse_override(item) if isinstance(item, str) else item for item in base)
    config = load_config(path, overrides)
    variants = load_variants(path, overrides, choose(config))
    for variant in variants:
        check_threads(variant.config, jobs=jobs, threads=threads_of(config))
    section = config.experiment.compare or CompareConfig()
    budget = tuning_budget if section.tuning_budget is None else section.tuning_budget
    if section.tuned_only and not budget:
        hint = "say how many learning rates to try: `--tuning-budget 7`"
        raise ConfigError(Problem("with a tuning budget of 0 nothing is tuned", hint))
    if on_valid is not None:
        on_valid()
    facts = _check_data(variants)
    objective = _objective(section, facts)
    seeds, tuning_seed = seeds_of(config.experiment.seed, section.seeds)
    schedules = tuned_schedules(config, [variant.config for variant in variants])
    if schedules and not budget:
        hint = "say how many learning rates to try with each: `--tuning-budget 7`"
        raise ConfigError(Problem("schedules are tuned together with learning rates, and none are tried", hint))
    rules = Rules(objective, seeds, tuning_seed, budget, section.tuned_only, section.target, tuple(schedules))
    contenders = [_contender(i, variant, facts[i].steps_per_epoch, rules) for i, variant in enumerate(variants)]
    if budget:
        study = Study(config, tuple(variants), Comparison(contenders, rules), runs_dir, trust_code, schedules)
        check_different(
            [
                replace(variant, config=study.job(Trial(i, 1.0, 0, next(iter(schedules), None)), Path()).config)
                for i, variant in enumerate(variants)
            ],
            but=f" but for the learning rate{' and the schedule' * bool(schedules)}, which is tuned",
        )
    notes = tuple(dict.fromkeys(note for fact in facts for note in fact.notes))
    return Study(config, tuple(variants), Comparison(contenders, rules), runs_dir, trust_code, schedules, notes)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a variant's data and model decide.

    Args:
        steps_per_epoch: optimizer steps.
        columns: of the history, with their directions.
        deciding: those that decide where none is named.
        scale: what numbers a column can hold.
        contents: what a column is made of.
        hint: which column is meant by a name that is none.
        answers: what is to be predicted of the validation rows.
        notes: what was understood of the data.
    """

    steps_per_epoch: int
    columns: Mapping[str, Direction | None]
    deciding: Sequence[str]
    scale: Callable[[str], Scale]
    contents: Callable[[str], Contents]
    hint: Callable[..., str]
    answers: Any
    notes: tuple[str, ...]


def _check_data(variants: Sequence[Variant]) -> list[_Facts]:
    """Load the data of all variants and plan their models, without TensorFlow."""
    from nnlab.data.loading import load_data
    from nnlab.model.comparable import column_contents
    from nnlab.model.plan import column_hint, column_scale, deciding_columns, history_columns
    from nnlab.model.prepared import prepare_model

    splits: dict[str, Any] = {}
    facts: list[_Facts] = []
    problems: dict[Problem, None] = {}
    for variant in variants:
        experiment = variant.config.experiment
        key = repr((experiment.data, experiment.seed))
        try:
            if key not in splits:
                splits[key] = load_data(experiment.data, seed=experiment.seed)
            loaded = splits[key]
            spec = loaded.spec
            plan = prepare_model(experiment, loaded).plan
        except NnlabError as error:
            problems.update(dict.fromkeys(variant.config.locate(problem) for problem in error.problems))
            continue
        if not spec.num_validation:
            problem = Problem("a comparison needs validation rows", "say how many", ("data", "validation"))
            problems[variant.config.locate(problem)] = None
        steps, _ = steps_of_run(experiment, spec.num_train)
        outputs = plan.outputs
        facts.append(
            _Facts(
                steps,
                history_columns(outputs),
                deciding_columns(outputs),
                partial(column_scale, plan=plan, spec=spec),
                partial(column_contents, experiment=experiment, outputs=outputs),
                partial(column_hint, outputs=outputs),
                None if loaded.validation is None else loaded.validation.y,
                spec.notes,
            )
        )
    if problems:
        raise ConfigError(list(problems))
    for variant, fact in zip(variants, facts, strict=True):
        if not _same_answers(fact.answers, facts[0].answers):
            message = f"`{variants[0].name}` and `{variant.name}` would not be judged on the same validation rows"
            hint = "compare what uses the rows, such as `data.scale`, `data.features` or `data.limit`"
            raise ConfigError(Problem(message, hint))
    return facts


def _same_answers(a: Any, b: Any) -> bool:
    """Whether the same is to be predicted of as many rows, in their order; by output, if they differ."""
    import numpy as np

    if a is b:  # most variants have their data in common
        return True
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same_answers(a[name], b[name]) for name in a)
    return not isinstance(a, Mapping) and not isinstance(b, Mapping) and np.array_equal(a, b)


def _objective(section: CompareConfig, facts: Sequence[_Facts]) -> Objective:
    """Return what decides: the first of the config's metrics that all variants have, or the loss."""
    from nnlab.model.comparable import unlike

    shared = {
        name: better
        for name, better in facts[0].columns.items()
        if all(fact.columns.get(name, "none") == better for fact in facts)
    }
    if section.metric is None:
        metric = next(name for name in facts[0].deciding if name in shared)
    else:
        metric = section.metric.removeprefix("val_")
        if metric not in shared:
            hint = facts[0].hint(metric, shared=shared)
            raise ConfigError(Problem(f"the variants have no metric {named(metric)} in common", hint))
    problem = unlike(metric, [fact.contents(metric) for fact in facts], others=shared, key="compare.metric")
    if problem is not None:
        raise ConfigError(problem)
    return choose_objective(metric, shared, facts[0].scale(metric))


def _contender(number: int, variant: Variant, steps_per_epoch: int, rules: Rules) -> Contender:
    experiment = variant.config.experiment
    part, parameter = rate_parameter(experiment)
    component = experiment.schedule if part == "schedule" else experiment.optimizer
    assert component is not None
    rate = component.get(parameter) if parameter is not None else None
    if rules.tuning_budget and not rules.schedules and not isinstance(rate, (int, float)):
        hint = "compare without tuning (`--tuning-budget 0`), or take a schedule that starts from the learning rate"
        message = f"the variant `{variant.name}` has no single learning rate to tune: its schedule gives them all"
        raise ConfigError(Problem(message, hint))
    own = float(rate) if isinstance(rate, (int, float)) else None
    center = own if part == "schedule" and own and not rules.schedules else rate_center(experiment)
    return Contender(number, variant.name, steps_per_epoch, own, rate_path(experiment), center)


def begin(study: Study, run: Run, command: Sequence[str] = ()) -> None:
    """Make a comparison's directory, unless it is there."""
    if not run.path.exists():
        run.create(config=study.resolved, source=study.config.text)
        run.trials_path.mkdir()
        RunInfo(run, _facts(study, command)).write()


def _facts(study: Study, command: Sequence[str]) -> dict[str, Any]:
    objective = study.comparison.rules.objective.as_json()
    return {
        "kind": "comparison",
        **experiment_facts(study.config, command),
        "objective": objective,
        "data_files": file_digests(variant.config.experiment.data for variant in study.variants),
    }


def conduct(
    study: Study,
    run: Run,
    executor: Callable[[Callable[[str, Mapping[str, Any]], None]], Executor],
    *,
    observer: Observer,
    command: Sequence[str] = (),
) -> Status:
    """Train what is still to be trained, and keep the results.

    Args:
        study: the comparison.
        run: its directory; trials that are complete in it are not trained again.
        executor: makes what trains, given who is told of epochs.
        observer: is told how it goes on.
        command: the command line, for `run.json`.

    Returns:
        The status: `failed` if some trials crashed, or all diverged.

    Raises:
        KeyboardInterrupt, NnlabError: after the run was saved as `interrupted`; or somebody else is at work in it.
    """
    begin(study, run, command)
    lock = run.lock()
    info = RunInfo(run, _facts(study, command), run.read_info())
    info.write()

    def end(status: Status) -> None:
        with lock:
            write_results(study, run)
            info.end(status, **_best(study))

    try:
        _train(study, run, executor, observer)
        check_files(info.facts["data_files"], hint=f"trials may have had different rows: {AFRESH}")
    except (KeyboardInterrupt, NnlabError):  # such as a cluster that is gone
        end("interrupted")
        raise
    status: Status = "failed" if study.comparison.has_failed else "completed"
    end(status)
    return status


def _train(study: Study, run: Run, executor: Any, observer: Observer) -> None:
    comparison = study.comparison

    written = 0.0

    def done(trial: Trial, outcome: Outcome) -> None:
        nonlocal written
        if time.monotonic() - written > SECONDS_BETWEEN_RESULTS:
            write_results(study, run)
            written = time.monotonic()
        observer.trial_done(trial, outcome)

    with executor(observer.epoch_done) as trainer:

        def submit(trial: Trial) -> None:
            job = study.job(trial, run.trials_path)
            job.run.remove()  # what an interrupted comparison left half done
            trainer.submit(job)

        recall(study, run)
        observer.began(study)
        comparison.run(trainer, submit, done)


def recall(study: Study, run: Run) -> None:
    """Take the outcomes of trials that ended before from the run's directory."""
    comparison = study.comparison
    for contender in comparison.contenders:
        known = -1
        while known < len(comparison.outcomes):  # what is wanted depends on the outcomes so far
            known = len(comparison.outcomes)
            for trial in comparison.wanted(contender):
                past = Run(run.trials_path / study.name(trial))
                if trial not in comparison.outcomes and (outcome := Outcome.of(past)) is not None:
                    comparison.outcomes[trial] = outcome


def write_results(study: Study, run: Run) -> None:
    """Write `results.csv`."""
    run.write_results(result_rows(study))


def result_rows(study: Study) -> list[dict[str, Any]]:
    """Return a row for each training that ended, in an order that does not depend on time."""
    comparison = study.comparison
    metric = comparison.rules.metric
    purposes = _purposes(comparison)
    rows = []
    for trial, outcome in sorted(comparison.outcomes.items(), key=lambda item: study.name(item[0])):
        validation, test = outcome.metrics.get("validation") or {}, outcome.metrics.get("test") or {}
        purpose = purposes.get(trial, "")
        rows.append({
            "trial": study.name(trial),
            "variant": comparison.contenders[trial.contender].name,
            "purpose": purpose,
            **({"schedule": trial.schedule} if comparison.rules.schedules else {}),
            "learning_rate": trial.learning_rate,
            "seed": trial.seed,
            "status": "diverged" if outcome.diverged else outcome.status,
            "epochs": len(outcome.history),
            "seconds": round(sum(float(row["seconds"]) for row in outcome.history), 4),
            "val_loss": validation.get("loss"),
            f"val_{metric}": validation.get(metric),
            f"test_{metric}": None if purpose == "tuning" else test.get(metric),
            "error": " ".join(outcome.errors),
        })  # fmt: skip
    return rows


def _purposes(comparison: Comparison) -> dict[Trial, str]:
    found: dict[Trial, list[str]] = {}
    for contender in comparison.contenders:
        for trial in comparison.tuning_trials(contender):
            found.setdefault(trial, []).append("tuning")
        for arm in comparison.rules.arms:
            for trial in comparison.trials(contender, arm):
                found.setdefault(trial, []).append(arm)
    return {trial: " and ".join(purposes) for trial, purposes in found.items()}


def _best(study: Study) -> dict[str, Any]:
    comparison = study.comparison
    rows = comparison.table(comparison.rules.arms[0]).rows
    facts = {"trials": len(comparison.outcomes), "failed": len(comparison.crashed)}
    if not rows or not rows[0].finished:
        return facts
    best = rows[0].as_json()
    metric = comparison.rules.objective.column
    return {**facts, "best": {"variant": best["variant"], "metric": metric, "score": best["score_mean"]}}
