"""Studies at work: their trials in a run directory, the results written as they come, carried on where they stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from nnlab.checksums import content_hash
from nnlab.config.components import files_named
from nnlab.data.digests import AFRESH, check_files, file_digests
from nnlab.errors import NnlabError
from nnlab.executor import Outcome, Pool, Watcher
from nnlab.lock import Lock
from nnlab.report import summarize
from nnlab.run import Run, Status
from nnlab.run_info import RunInfo, experiment_facts
from nnlab.studies.study import Study
from nnlab.studies.trial import Trial

SECONDS_BETWEEN_RESULTS = 2.0

AnyStudy: TypeAlias = Study[Any]
Executors: TypeAlias = Callable[[Watcher], Pool]
"""Makes what trains, given who is told of epochs."""


class Observer(Protocol):
    """Somebody who wants to see a study go on, such as a terminal."""

    def began(self, study: AnyStudy) -> None:
        """Tell that training begins; some trials may have been done before."""

    def epoch_done(self, name: str, row: Mapping[str, Any]) -> None:
        """Tell that a trial, given by its name, has finished an epoch."""

    def trial_done(self, trial: Trial[Any], outcome: Outcome) -> None:
        """Tell that a trial has ended."""

    def phase_began(self, text: str) -> None:
        """Tell that something else goes on from now."""


def conduct(
    study: AnyStudy, run: Run, executor: Executors, *, observer: Observer, command: Sequence[str] = ()
) -> Status:
    """Train what is still to be trained, and keep the results.

    Args:
        study: what is to be trained.
        run: its directory; trials that are complete in it are not trained again.
        executor: makes what trains.
        observer: is told how it goes on.
        command: the command line, for `run.json`.

    Returns:
        The status: `failed` if a trial crashed, or there is nothing to report.

    Raises:
        KeyboardInterrupt, NnlabError: after the run was saved as `interrupted`; or somebody else is at work in it.
    """
    is_new = begin(study, run)
    lock = run.lock()
    before = {} if is_new else run.read_info()
    if not is_new:
        run.rewrite_config(study.agenda.resolved)  # it may be told to go on for longer
    info = RunInfo(run, study_facts(study, command), before)

    def work() -> Status:
        _train(study, run, executor, observer, info)
        check_files(info.facts["data_files"], hint=f"trials may have had different rows: {AFRESH}")
        status: Status = study.agenda.status
        return status

    def finish(status: Status) -> dict[str, Any]:
        study.agenda.save(run)
        summarize(run, study.agenda.document(run=str(run.path), status=status))
        info.facts |= study.agenda.facts()
        ending: dict[str, Any] = study.agenda.ending()
        return ending

    return recorded(info, lock, work, finish)


def begin(study: AnyStudy, run: Run) -> bool:
    """Make a study's directory; return whether it was not there."""
    is_new = not run.path.exists()
    if is_new:
        run.create(config=study.agenda.resolved, source=study.config.text)
        run.trials_path.mkdir()
        run.keep_code(study.code)
    return is_new


def study_facts(study: AnyStudy, command: Sequence[str]) -> dict[str, Any]:
    """Return what `run.json` says of a study from its beginning."""
    facts = experiment_facts(study.config, command)
    return {
        "kind": study.agenda.kind,
        **facts,
        "overrides": list(dict.fromkeys(facts["overrides"])),  # one option may change several values
        "objective": study.agenda.objective.as_json(),
        "data_files": {
            **file_digests(config.experiment.data for config in study.agenda.configs),
            **{file: content_hash(Path(file)) for file in _weight_files(study) if Path(file).is_file()},
        },
        **({"code_files": {file: content_hash(Path(file)) for file in study.code}} if study.code else {}),
    }


def _weight_files(study: AnyStudy) -> list[str]:
    """Return the files that weights of layers are read from."""
    return [file for config in study.agenda.configs for file in files_named(config.experiment.model)]


def recorded(
    info: RunInfo, lock: Lock, work: Callable[[], Status], finish: Callable[[Status], Mapping[str, Any]]
) -> Status:
    """Do the work of a run, and write how it ended, whatever ended it.

    Args:
        info: writes its `run.json`.
        lock: of the run, which is released at the end.
        work: returns the status.
        finish: writes the results there are, given how it ended; returns what `run.json` is to say of them.

    Raises:
        KeyboardInterrupt, NnlabError: what ended the work, after the run was saved as `interrupted`.
    """
    info.write()
    try:
        status = work()
    except (KeyboardInterrupt, NnlabError):  # such as a cluster that is gone
        with lock:
            info.end("interrupted", **finish("interrupted"))
        raise
    with lock:
        info.end(status, **finish(status))
    return status


def _train(study: AnyStudy, run: Run, executor: Executors, observer: Observer, info: RunInfo) -> None:
    """Train what is wanted until nothing more is."""
    agenda, running, phase = study.agenda, dict[str, Trial[Any]](), study.agenda.phase

    def go_on(after: Trial[Any] | None = None) -> None:
        nonlocal phase
        for trial in agenda.wanted(after):
            if trial.name in running or trial.name in agenda.outcomes:
                continue
            if agenda.phase != phase:
                phase = agenda.phase
                observer.phase_began(phase)
            job = study.job(trial, run.trials_path)
            job.run.remove()  # what was interrupted has left it half done
            running[trial.name] = trial
            trainer.submit(job)

    with executor(observer.epoch_done) as trainer, agenda.opened(run):
        observer.began(study)
        written = 0.0
        go_on()
        while (outcome := trainer.next_outcome()) is not None:
            trial = running.pop(outcome.name)
            agenda.take(trial, outcome)
            if time.monotonic() - written > SECONDS_BETWEEN_RESULTS:
                agenda.save(run)
                info.facts |= agenda.facts()
                info.write()
                written = time.monotonic()
            observer.trial_done(trial, outcome)
            go_on(trial)
