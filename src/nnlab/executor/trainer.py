"""Trainings one after the other in one process."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

from nnlab.errors import NnlabError
from nnlab.executor.jobs import Job, Outcome
from nnlab.user_code import check_trust, remember

MOST_MEMORY_GROWTH = 1 << 30
"""Bytes by which a worker may outgrow its first training before a new one takes its place."""


class Trainer:
    """Trains one job after the other, and keeps what the next may use: data and compiled programs."""

    def __init__(self) -> None:
        from nnlab.engine.reuse import Programs

        self._programs = Programs()
        self._data: tuple[Any, Any] = (None, None)
        self._most_memory: int | None = None

    def do(self, job: Job, watch: Callable[[Mapping[str, Any]], None], *, splits: Any = None) -> Outcome:
        """Train, on the job's data as they were loaded elsewhere, or else loaded here."""
        from nnlab.train import train

        remember(job.config.code)  # what the study began with, whatever has become of the files
        try:
            with job.config.located():
                summary = train(
                    job.config,
                    job.run,
                    job.options,
                    splits=splits if splits is not None else self._load(job),
                    observer=_Reporter(watch),
                    programs=self._programs,
                )
        except NnlabError as error:
            return Outcome(job.name, "failed", {}, (), error.problems)
        problems = () if summary.problem is None else (summary.problem,)
        history = tuple(summary.history)
        return Outcome(job.name, summary.status, summary.metrics, history, problems, summary.diverged)

    def _load(self, job: Job) -> Any:
        """Load a job's data, unless they are those of the job before."""
        from nnlab.data.loading import load_data

        experiment = job.config.experiment
        check_trust(job.config.named_code, trusted=job.options.trust_code)
        wanted = experiment.data, experiment.data_seed
        if self._data[0] != wanted:
            self._data = wanted, load_data(wanted[0], seed=wanted[1])
        return self._data[1]

    def has_grown(self) -> bool:
        """Return whether the process has taken much more memory than it had after its first training."""
        used = _memory_used()
        self._most_memory = self._most_memory or used + MOST_MEMORY_GROWTH
        return used > self._most_memory


class _Reporter:
    """An observer that passes the rows of the history on."""

    def __init__(self, watch: Callable[[Mapping[str, Any]], None]) -> None:
        self._watch = watch

    def epoch_done(self, row: Mapping[str, Any], *, best: Any) -> None:  # noqa: ARG002
        self._watch(row)

    def engine_chosen(self, choice: Any) -> None: ...

    def training_began(self, model: Any, *, epochs: int, steps: int) -> None: ...

    def step_done(self, epoch: int, step: int, logs: Mapping[str, float]) -> None: ...

    def may_look(self, look: Any) -> None: ...


def _memory_used() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
