"""What makes a kind of study: which trials it wants next, what they train, and what follows from their outcomes."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic

from nnlab.config.load import LoadedConfig
from nnlab.config.overrides import Override
from nnlab.executor import Outcome
from nnlab.objective import Objective
from nnlab.run import Run, Status
from nnlab.studies.trial import Trial, Tried
from nnlab.training_options import TrainingOptions


@dataclass(frozen=True, slots=True)
class Setup:
    """What a trial trains.

    Args:
        base: the config that it has in common with others.
        overrides: its changes as the user wrote them.
        changes: its other changes, by path.
        options: which part of it to do, and what to keep.
    """

    base: LoadedConfig
    overrides: Sequence[Override] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)
    options: TrainingOptions = field(default_factory=lambda: TrainingOptions(save_model=False))


class Agenda(ABC, Generic[Tried]):
    """What a study wants trained, and what follows; it owns the state of the study, and `conduct` asks and tells it.

    Attributes:
        kind: what `run.json` calls the study.
        command: what stands for it where a trial's config says where its values come from.
        configs: those that have all data of the study.
        objective: what trials are judged by.
        outcomes: how trials ended, by their names.
        phase: what goes on, for people; empty as long as it needs no words.
    """

    kind: ClassVar[str]
    command: ClassVar[str]
    configs: Sequence[LoadedConfig]
    objective: Objective
    outcomes: dict[str, Outcome]
    phase: str = ""

    @abstractmethod
    def wanted(self, after: Trial[Tried] | None = None) -> Iterable[Trial[Tried]]:
        """Return trials that are wanted by now; those that run or ended may be among them.

        Args:
            after: the trial that just ended: what follows from it is enough; `None` for all.
        """

    @abstractmethod
    def setup(self, trial: Trial[Tried], folder: Path) -> Setup:
        """Return what a trial trains; the runs of the others are in the folder."""

    @abstractmethod
    def of_kind(self, kind: str) -> int:
        """Return how many trainings share their programs with those of a kind, as far as can be told from the start."""

    @property
    @abstractmethod
    def resolved(self) -> str:
        """The config that says all of it: a study of it gives the same results."""

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of `results.csv`, in an order that does not depend on time."""

    @property
    @abstractmethod
    def status(self) -> Status:
        """How the study has ended: `failed` if a trial crashed, or there is nothing to report."""

    @abstractmethod
    def ending(self) -> dict[str, Any]:
        """Return what `run.json` says of the end: how many trials there were, and the best."""

    @abstractmethod
    def crashed(self) -> Iterable[tuple[str, Outcome]]:
        """Return the trials that failed without having diverged, by the names that tables give them."""

    @abstractmethod
    def document(self, *, run: str, status: str) -> dict[str, Any]:
        """Return what `results.json` says of a run that ended so, or has come so far."""

    @contextlib.contextmanager
    def opened(self, run: Run) -> Iterator[None]:
        """Take up the trials that ended before in a run directory, and be ready for more."""
        known = -1
        while known < len(self.outcomes):  # what is wanted depends on the outcomes so far
            known = len(self.outcomes)
            for trial in self.wanted():
                self.recall(run, trial)
        yield

    def recall(self, run: Run, trial: Trial[Tried]) -> None:
        """Take up the outcome of a trial, if it ended before in a run directory."""
        if trial.name not in self.outcomes:
            outcome = Outcome.of(Run(run.trials_path / trial.name))
            if outcome is not None:
                self.outcomes[trial.name] = outcome

    def take(self, trial: Trial[Tried], outcome: Outcome) -> None:
        """Take the outcome of a trial."""
        self.outcomes[trial.name] = outcome

    def facts(self) -> dict[str, Any]:
        """Return what else `run.json` says while the study is at work."""
        return {}

    def save(self, run: Run) -> None:
        """Write the results so far."""
        run.write_results(self.rows())
