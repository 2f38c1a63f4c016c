"""What executors do: jobs, and what comes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nnlab.config.load import LoadedConfig
from nnlab.errors import ConfigError, NnlabError, Problem
from nnlab.run import Run, Status
from nnlab.training_options import TrainingOptions


@dataclass(frozen=True, slots=True)
class Job:
    """One training to do.

    Args:
        name: by which its outcome is known.
        config: the experiment.
        run: where to leave it.
        kind: jobs of one kind can probably share compiled programs, and had best be done by one worker.
        options: which part of it to do, and what to keep.
    """

    name: str
    config: LoadedConfig
    run: Run
    kind: str = ""
    options: TrainingOptions = field(default_factory=TrainingOptions)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Args:
        name: the job's.
        status: the run's.
        metrics: loss and metrics on each split; empty if the training failed.
        history: one row an epoch.
        problems: why it failed, if it did.
        diverged: whether it failed because its loss became NaN or infinite.
    """

    name: str
    status: Status
    metrics: Mapping[str, Mapping[str, float] | None]
    history: tuple[Mapping[str, Any], ...]
    problems: tuple[Problem, ...] = ()
    diverged: bool = False

    @property
    def errors(self) -> tuple[str, ...]:
        """Why it failed, in words that are the same for equal trainings.

        At which step a divergence is noticed, and whether infinity is NaN by then, depend on the clock and the worker.
        """
        if self.diverged:
            return (f"the training diverged in epoch {len(self.history)}",)
        return tuple(problem.message for problem in self.problems)

    def score(self, metric: str, split: str = "validation") -> float | None:
        """Return a metric of the final model, `None` if the training failed."""
        value = (self.metrics.get(split) or {}).get(metric)
        return value if value is not None and math.isfinite(value) else None

    def seconds(self, epochs: int | None = None) -> float:
        """Return how long it trained, as a whole or for its first epochs."""
        return math.fsum(float(row["seconds"]) for row in self.history[:epochs])

    @classmethod
    def of(cls, run: Run) -> Outcome | None:
        """Read how a training that is over ended, `None` if it did not come to its end (or crashed)."""
        name = run.path.name  # a job's run is named as the job is
        try:
            info = run.read_info()
            metrics, history = run.read_metrics(), tuple(run.read_history())
        except (NnlabError, ValueError):
            return None
        if info.get("status") == "completed":
            return cls(name, "completed", metrics, history)
        if info.get("diverged"):
            error = info["error"]
            return cls(name, "failed", {}, history, (Problem(error["message"], error["hint"]),), diverged=True)
        return None


def threads_of(config: LoadedConfig) -> int:
    """Return with how many threads a worker does a config's trainings: one unless the config says otherwise."""
    threads = config.experiment.training.threads
    return 1 if threads == "auto" else threads


def check_threads(config: LoadedConfig, *, jobs: int | None, threads: int | None = None) -> None:
    """Raise if a config asks for other threads than its worker has.

    Args:
        config: of a training.
        jobs: how many train at once; `None` for as many as fit.
        threads: of all workers; default: as many as the config asks for.

    Raises:
        ConfigError: it asks for more than one beside others, or for others than they have.
    """
    asked, path = threads_of(config), ("training", "threads")
    if asked > 1 and jobs not in (None, 1):
        message = f"trainings beside others have one thread each, not {asked}"
        hint = "write `auto`, or `1`; `-j 1` trains one after the other with more"
        raise ConfigError(config.locate(Problem(message, hint, path)))
    if threads is not None and asked != threads:
        message = f"trainings that are compared have the same threads: {threads} or {asked}"
        raise ConfigError(config.locate(Problem(message, "set `training.threads` for all of them", path)))


Watcher = Callable[[str, Mapping[str, Any]], None]
"""Is told the name of a job and a row of its history, an epoch after the other."""
