"""A study: an experiment, checked before anything trains, and what is to be trained of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from nnlab.config.load import LoadedConfig, change_config
from nnlab.config.overrides import override
from nnlab.config.programs import program_kind
from nnlab.config.schema import Experiment
from nnlab.errors import Problem
from nnlab.executor import Job
from nnlab.run import Run, open_run
from nnlab.studies.agenda import Agenda
from nnlab.studies.trial import Trial
from nnlab.wording import exact_text

AgendaT = TypeVar("AgendaT", bound=Agenda[Any], covariant=True)


@dataclass(frozen=True, slots=True)
class Study(Generic[AgendaT]):
    """A study of configs that hold.

    Args:
        config: the experiment.
        agenda: what is to be trained, and what was.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.
        notes: what was understood of the data.
        advice: what one had better know before it starts.
    """

    config: LoadedConfig
    agenda: AgendaT
    runs_dir: Path
    trust_code: bool = False
    notes: tuple[str, ...] = ()
    advice: tuple[Problem, ...] = ()

    @property
    def code(self) -> dict[str, str]:
        """The texts of the files of the user's own code, by their paths."""
        return {file: text for config in self.agenda.configs for file, text in config.code.items()}

    def job(self, trial: Trial[Any], folder: Path) -> Job:
        """Return the training of a trial, an ordinary experiment."""
        setup = self.agenda.setup(trial, folder)
        changes = {**self._own(trial, setup.base.experiment), **setup.changes}
        origin = f"{self.agenda.command}: "
        more = [override(path, value, origin=f"{origin}{path}={exact_text(value)}") for path, value in changes.items()]
        config = change_config(setup.base, [*setup.overrides, *more])
        kind = program_kind(config.experiment)
        options = replace(
            setup.options,
            trust_code=self.trust_code,
            evaluate_test=trial.is_final,
            trainings=self.agenda.of_kind(kind),
        )
        return Job(trial.name, config, Run(folder / trial.name), kind, options)

    def _own(self, trial: Trial[Any], experiment: Experiment) -> dict[str, Any]:
        """Return what each trial has otherwise than its config, by path.

        The rows are the same for all, so that a test row is never one that decides.
        """
        seed, fold = trial.draw
        changes: dict[str, Any] = {"name": trial.name, "seed": seed, "data.seed": experiment.data_seed}
        if fold is not None:
            changes["data.validation"] = fold.plain()
        if experiment.training.tensorboard:
            changes["training.tensorboard.write_graph"] = False  # drawing it takes longer than a short training
        if experiment.transfer is not None:
            changes["model.transfer.from"] = str(open_run(experiment.transfer.from_, self.runs_dir).path.resolve())
        return changes
