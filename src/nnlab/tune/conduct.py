"""A search at work: its trials in a run directory, written after each event, carried on where it stopped."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from nnlab.config.load import dump_config
from nnlab.data.digests import AFRESH, check_files, file_digests
from nnlab.errors import NnlabError
from nnlab.executor import Executor, Outcome
from nnlab.results import value_text
from nnlab.run import Run, Status
from nnlab.run_info import RunInfo, experiment_facts
from nnlab.tune.search import Oracle, Trial
from nnlab.tune.study import Study

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
        KeyboardInterrupt, NnlabError: after the run was saved as `interrupted`; or somebody else is at work in it.
    """
    text = dump_config(study.config.experiment)
    is_new = not run.path.exists()
    if is_new:
        run.create(config=text, source=study.config.text)
        run.trials_path.mkdir()
    lock = run.lock()
    before = {} if is_new else run.read_info()
    if not is_new:
        run.rewrite_config(text)
    began = time.monotonic()
    objective = study.search.rules.objective.as_json()
    facts = {"kind": "search", **experiment_facts(study.config, command), "objective": objective}
    facts["data_files"] = file_digests([study.config.experiment.data])
    facts["overrides"] = list(dict.fromkeys(facts["overrides"]))  # one option may change several values
    info = RunInfo(run, facts, before)
    info.write()

    def save() -> None:
        """Write the results so far, and how long the search took."""
        write_results(study, run)
        info.write()

    def is_late() -> bool:
        seconds = round(before.get("search_seconds", 0.0) + time.monotonic() - began, 3)
        info.facts["search_seconds"] = seconds
        return study.search.rules.max_seconds is not None and seconds >= study.search.rules.max_seconds

    def end(status: Status) -> None:
        with lock:
            write_results(study, run)
            info.end(status, **_best(study))

    try:
        is_exhausted = _train(study, run, executor, observer, save, is_late)
        check_files(info.facts["data_files"], hint=f"trials may have had different rows: {AFRESH}")
    except (KeyboardInterrupt, NnlabError):  # such as a cluster that is gone
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
    with executor(observer.epoch_done) as trainer, study.oracle() as oracle:
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
                job.run.remove()  # what an interrupted search left half done
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
    before, proposal = oracle.seconds, None
    while proposal is None:
        if not search.tell_due(oracle) or search.is_full:
            return None
        proposal = oracle.ask(number)
        if proposal is None and (search.ahead is None or not search.tell_next(oracle)):
            return None
    thinking = oracle.seconds - before
    first = number == 0 and study.section.default_trial
    is_base = first if proposal.continues is None else search.trials[proposal.continues].is_base
    values = study.space.base_values if is_base else study.space.values(proposal.codes)
    trial = Trial(
        number,
        proposal.codes,
        values,
        is_base=is_base,
        epochs=proposal.epochs,
        continues=proposal.continues,
        told=0 if search.ahead is None else search.told,
        learnt=tuple(search.learnt),
        stop_below=search.stop_below(),
        thinking_seconds=round(thinking, 4),
    )
    search.learnt.clear()
    search.trials.append(trial)
    return trial


def recall(study: Study, run: Run, oracle: Oracle) -> None:
    """Take trials and outcomes from the run's directory, and bring the oracle to where it was.

    Raises:
        NnlabError: what the oracle proposes is not what it proposed then.
    """
    search = study.search
    for entry in run.read_trials():
        with run.reading(f"trials/{entry.get('trial')}.json"):
            trial = read_record(entry)
        if trial.number != len(search.trials):
            break  # nothing was trained beyond a file that is missing
        for score in _learnt(study, run, trial):
            search.tell(oracle, score)
        search.learnt.clear()
        proposal = oracle.ask(trial.number, recorded=dict(trial.codes))
        if proposal is None or proposal.codes != dict(trial.codes) or proposal.continues != trial.continues:
            hint = "go on with the versions of nnlab and KerasTuner that began it (`run.json`), or begin a new one"
            raise NnlabError(
                f"the search cannot be carried on from trial {trial.id}: it comes out otherwise", hint=hint
            )
        search.trials.append(trial)
    for trial in search.trials:
        _recall_outcomes(study, run, trial)


def _learnt(study: Study, run: Run, trial: Trial) -> Sequence[float | None]:
    """Return the scores that the oracle was told before it proposed a trial, whatever has become of them since."""
    if trial.learnt is not None:
        return trial.learnt
    known = study.search.trials[study.search.told : trial.told]  # an older search did not write them down
    for each in known:
        _recall_outcomes(study, run, each)
    return [study.search.score(each) for each in known]


def _recall_outcomes(study: Study, run: Run, trial: Trial) -> None:
    for seed in study.search.rules.seeds:
        past = Run(run.trials_path / study.training_name(trial, seed))
        if (trial.number, seed) not in study.search.outcomes and (outcome := Outcome.of(past)) is not None:
            study.search.outcomes[trial.number, seed] = outcome


def _train_best(study: Study, run: Run, trainer: Executor, best: Trial, observer: Observer) -> None:
    """Train the best trial with fresh seeds: what it gives there is not lucky with those that chose it."""
    search = study.search
    running: dict[str, int] = {}
    for seed in search.rules.fresh_seeds:
        name = study.final_name(best, seed)
        if (outcome := Outcome.of(Run(run.trials_path / name))) is not None:
            search.finals[best.number, seed] = outcome
        else:
            running[name] = seed
    if running:
        observer.final_began(best, len(running))
    for seed in running.values():
        job = study.job(best, seed, run.trials_path, is_final=True)
        job.run.remove()
        trainer.submit(job)
    while (outcome := trainer.next_outcome()) is not None:
        search.finals[best.number, running[outcome.name]] = outcome


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
        "learnt": trial.learnt,
        "stop_below": trial.stop_below,
        "thinking_seconds": trial.thinking_seconds,
        "errors": list(dict.fromkeys(error for outcome in search.done(trial) for error in outcome.errors)),
    }


def read_record(entry: Mapping[str, Any]) -> Trial:
    """Return the trial of a file."""
    return Trial(
        int(entry["trial"]),
        entry["codes"],
        entry["values"],
        is_base=entry["is_base"],
        epochs=entry["epochs"],
        continues=entry["continues"],
        told=entry["told"],
        learnt=None if entry.get("learnt") is None else tuple(entry["learnt"]),
        stop_below=tuple(entry["stop_below"]),
        thinking_seconds=entry["thinking_seconds"],
    )


def write_results(study: Study, run: Run) -> None:
    """Write `results.csv`, a row a trial, and `best.yaml`."""
    run.write_results(list(_rows(study)))
    best = study.best_config(run.trials_path)
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
            search.rules.objective.column: search.score(trial),
            **several,
            **{each.path: _cell(trial.values.get(each.path)) for each in study.space.parameters},
            "epochs": max((len(outcome.history) for outcome in outcomes), default=0),
            "continues": None if trial.continues is None else search.trials[trial.continues].id,
            "seconds": round(sum(float(row["seconds"]) for outcome in outcomes for row in outcome.history), 4),
            "thinking_seconds": trial.thinking_seconds,
            "error": " ".join(dict.fromkeys(error for outcome in outcomes for error in outcome.errors)),
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
    metric = search.rules.objective.column
    return {**facts, "best": {"trial": best.id, "metric": metric, "score": search.score(best), "values": best.values}}
