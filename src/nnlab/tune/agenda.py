"""A search as a study: asks the oracle what to try, records it, and says what each trial trains."""
# ruff: noqa: D102  (`Agenda` says what its methods do)

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnlab.config.load import LoadedConfig, change_config, dump_config, load_config
from nnlab.config.overrides import Override, override
from nnlab.errors import NnlabError
from nnlab.executor import Outcome
from nnlab.run import Run, Status, copies
from nnlab.studies.agenda import Agenda, Setup
from nnlab.studies.trial import Trial
from nnlab.training_options import KeepIf, Limits, TrainingOptions
from nnlab.tune.oracle_process import OracleProcess
from nnlab.tune.results import document
from nnlab.tune.search import Candidate, Search
from nnlab.tune.space import Space
from nnlab.wording import counted, value_text

RECORDED = (
    "values", "epochs", "continues", "is_base", "codes", "told", "learnt", "stop_below", "thinking_seconds",
)  # fmt: skip
"""What the file of a trial says of its candidate besides its number."""


@dataclass
class SearchAgenda(Agenda[Candidate]):
    """Wants the trainings of a search.

    Args:
        config: the experiment.
        space: what is searched of it.
        search: what was tried, and what follows.
    """

    config: LoadedConfig
    space: Space
    search: Search

    kind = "search"
    command = "nnlab tune"

    _run: Run = field(init=False)
    _began: float = field(init=False)
    _seconds: float | None = None

    def __post_init__(self) -> None:
        self.configs, self.objective, self.outcomes = [self.config], self.search.objective, self.search.outcomes

    @property
    def resolved(self) -> str:
        return dump_config(self.config.experiment)

    def of_kind(self, kind: str) -> int:  # noqa: ARG002
        return len(self.search.draws)

    def oracle(self) -> OracleProcess:
        """Return what proposes candidates, in a process of its own."""
        search = self.search
        options = {"direction": search.objective.direction, "seed": search.seed, "max_epochs": search.epochs}
        return OracleProcess(self.space, search.section, **options)

    def setup(self, trial: Trial[Candidate], folder: Path) -> Setup:
        candidate = trial.of
        part = {} if trial.is_final else self._part(trial, folder)
        options = TrainingOptions(**{"save_model": False, "hyperparameters": candidate.values, **part})
        changes = self._changes(candidate.epochs if trial.is_final else candidate.epochs and self.search.epochs)
        return Setup(self.config, self._overrides(candidate), changes, options)

    def _overrides(self, candidate: Candidate) -> list[Override]:
        return [] if candidate.is_base else self.space.overrides(candidate.codes)

    def _changes(self, epochs: int | None) -> dict[str, Any]:
        """Return what a trial leaves out that only searches and comparisons need, and how long it trains."""
        return {**({} if epochs is None else {"training.epochs": epochs}), "tune": None, "compare": None}

    def _part(self, trial: Trial[Candidate], folder: Path) -> dict[str, Any]:
        """Return how far to train, when to give up, and which model to keep."""
        search, candidate = self.search, trial.of
        keep = search.section.keep_models
        options: dict[str, Any] = {}
        if candidate.epochs is not None:
            options |= {"last_epoch": candidate.epochs, "keep_checkpoint": candidate.epochs < search.epochs}
            if candidate.continues is not None:
                before = search.trials(search.candidates[candidate.continues])
                past = next(each for each in before if each.draw == trial.draw)
                options["continues"] = Run(folder / past.name)
        if candidate.stop_below:
            options["limits"] = Limits(self.objective, candidate.stop_below)
        if trial.name == candidate.id and keep and candidate.epochs in (None, search.epochs):
            whole = [each for each in search.ranked if each.epochs in (None, search.epochs)]
            is_decided = len(whole) >= keep and len(search.draws) == 1
            options["save_model"] = KeepIf(self.objective, search.score(whole[keep - 1]) if is_decided else None)
        return options

    # ----- what is tried next

    @contextlib.contextmanager
    def opened(self, run: Run) -> Iterator[None]:
        """See `Agenda`; the oracle is brought to where it was.

        Raises:
            NnlabError: what it proposes is not what it proposed then.
        """
        self._run = run
        self._began = time.monotonic() - run.read_info().get("search_seconds", 0.0)
        with self.oracle() as self._oracle:
            for entry in run.read_trials():
                with run.reading(f"trials/{entry.get('trial')}.json"):
                    candidate = _candidate(entry)
                if candidate.number != len(self.search.candidates):
                    break  # nothing was trained beyond a file that is missing
                self._propose_again(candidate)
            for candidate in self.search.candidates:
                self._recall_all(candidate)
            yield

    def _propose_again(self, candidate: Candidate) -> None:
        """Let the oracle learn what it knew when it proposed a candidate, and propose it."""
        search, scores = self.search, candidate.learnt
        if scores is None:  # an older search did not write them down
            known = search.candidates[search.told : candidate.told]
            for each in known:
                self._recall_all(each)
            scores = tuple(map(search.score, known))
        for score in scores:  # whatever has become of them since
            search.tell(self._oracle, score)
        search.learnt.clear()
        proposal = self._oracle.ask(candidate.number, recorded=dict(candidate.codes))
        if proposal is None or proposal.codes != dict(candidate.codes) or proposal.continues != candidate.continues:
            hint = "go on with the versions of nnlab and KerasTuner that began it (`run.json`), or begin a new one"
            message = f"the search cannot be carried on from trial {candidate.id}: it comes out otherwise"
            raise NnlabError(message, hint=hint)
        search.candidates.append(candidate)

    def _recall_all(self, candidate: Candidate) -> None:
        for trial in self.search.trials(candidate):
            self.recall(self._run, trial)

    def wanted(self, after: Trial[Candidate] | None = None) -> Iterator[Trial[Candidate]]:
        """See `Agenda`; the best is trained with fresh seeds when nothing else is to be done."""
        search = self.search
        if after is None:
            for candidate in search.candidates:
                yield from search.trials(candidate)
        elif after.is_final:
            return
        while not self._is_late() and (proposed := self._propose()) is not None:
            self._write(proposed)
            yield from search.trials(proposed)
        if not all(map(search.is_over, search.candidates)):
            return
        if not self._is_late() and not search.is_full and not search.failed:
            self._forget()
        if search.best is not None and not search.has_failed:
            yield from self._wanted_of_best(search.best)

    def _wanted_of_best(self, best: Candidate) -> Iterator[Trial[Candidate]]:
        trials = self.search.finals(best)
        for trial in trials:
            self.recall(self._run, trial)
        count = len(trials) - len(self.search.fresh(best))
        if count:
            self.phase = f"training trial {best.id} again with {counted(count, 'fresh seed')}"
        yield from trials

    def _is_late(self) -> bool:
        self._seconds = time.monotonic() - self._began
        most = self.search.section.max_time
        return most is not None and self._seconds >= most

    def _propose(self) -> Candidate | None:
        """Ask for the next candidate; `None` if there is none (until more of them end)."""
        search, oracle, number = self.search, self._oracle, len(self.search.candidates)
        before, proposal = oracle.seconds, None
        while proposal is None:
            if not search.tell_due(oracle) or search.is_full:
                return None
            proposal = oracle.ask(number)
            if proposal is None and (search.ahead is None or not search.tell_next(oracle)):
                return None
        first = number == 0 and search.section.default_trial
        is_base = first if proposal.continues is None else search.candidates[proposal.continues].is_base
        candidate = Candidate(
            number,
            proposal.codes,
            self.space.base_values if is_base else self.space.values(proposal.codes),
            is_base=is_base,
            epochs=proposal.epochs,
            continues=proposal.continues,
            told=0 if search.ahead is None else search.told,
            learnt=tuple(search.learnt),
            stop_below=search.stop_below(),
            thinking_seconds=round(oracle.seconds - before, 4),
        )
        search.learnt.clear()
        search.candidates.append(candidate)
        return candidate

    # ----- what its directory holds

    def take(self, trial: Trial[Candidate], outcome: Outcome) -> None:
        """See `Agenda`; the models of candidates that are not among the best any more are deleted."""
        super().take(trial, outcome)
        search = self.search
        if trial.is_final or not search.is_over(trial.of):
            return
        self._write(trial.of)
        kept = {candidate.number for candidate in search.ranked[: search.section.keep_models]}
        for candidate in search.candidates:
            if candidate.number not in kept and search.is_over(candidate):
                with contextlib.suppress(OSError):
                    Run(self._run.trials_path / candidate.id).model_path.unlink(missing_ok=True)

    def _forget(self) -> None:
        """Delete the checkpoints of trainings that do not go on any more."""
        for candidate in self.search.candidates:
            for trial in self.search.trials(candidate):
                folder = Run(self._run.trials_path / trial.name).checkpoint_path.parent
                shutil.rmtree(folder, ignore_errors=True)

    def _write(self, candidate: Candidate) -> None:
        """Write what is known of a candidate."""
        search, outcomes = self.search, self.search.done(candidate).values()
        record = {
            "trial": candidate.id,
            "status": search.status(candidate),
            "score": search.score(candidate),
            "scores": search.scores(candidate),
            **{name: getattr(candidate, name) for name in RECORDED},
            "errors": _errors(outcomes),
        }
        self._run.write_trial(candidate.id, record)

    def facts(self) -> dict[str, Any]:
        return {} if self._seconds is None else {"search_seconds": round(self._seconds, 3)}

    def save(self, run: Run) -> None:
        """See `Agenda`; writes `best.yaml`, too."""
        super().save(run)
        best = self._best_config(run)
        if best is not None:
            run.write_best(best)

    def _best_config(self, run: Run) -> str | None:
        """Return the config with the best values, complete; training it gives the best trial's score again."""
        search, best = self.search, self.search.best
        if best is None:
            return None
        changes, first = self._changes(best.epochs), Run(run.trials_path / best.id)
        fold = search.draws[0].fold
        if fold is not None:
            changes["data.validation"] = fold.plain()
        if first.config_path.exists():  # says how its numbers were computed
            training = load_config(first.config_path).experiment.training
            changes |= {"training.threads": training.threads, "training.jit_compile": training.jit_compile}
        more = [override(path, value, origin=f"nnlab tune: {path}={value}") for path, value in changes.items()]
        tried = change_config(self.config, [*self._overrides(best), *more])
        text = dump_config(tried.experiment, copies(self.config.code))
        head = f"trial {best.id} of {len(search.candidates)}, {self.objective.column} {search.score(best)}"
        head += "" if fold is None else f": the mean over {fold.of} folds, of which these validation rows are the first"
        return f"# {head}\n{text}"

    def rows(self) -> list[dict[str, Any]]:
        """See `Agenda`: a row a candidate."""
        return list(map(self._row, self.search.candidates))

    def _row(self, candidate: Candidate) -> dict[str, Any]:
        search = self.search
        outcomes, scores = search.done(candidate).values(), search.scores(candidate)
        several = {f"score_{draw.words}": scores.get(draw.key) for draw in search.draws}
        return {
            "trial": candidate.id,
            "status": search.status(candidate),
            self.objective.column: search.score(candidate),
            **(several if len(several) > 1 else {}),
            **{each.path: _cell(candidate.values.get(each.path)) for each in self.space.parameters},
            "epochs": max((len(outcome.history) for outcome in outcomes), default=0),
            "continues": None if candidate.continues is None else search.candidates[candidate.continues].id,
            "seconds": round(math.fsum(outcome.seconds() for outcome in outcomes), 4),
            "thinking_seconds": candidate.thinking_seconds,
            "error": " ".join(_errors(outcomes)),
        }

    @property
    def status(self) -> Status:
        return "failed" if self.search.failed or self.search.best is None else "completed"

    def ending(self) -> dict[str, Any]:
        search, best = self.search, self.search.best
        facts: dict[str, Any] = {"trials": len(search.candidates), "failed": len(search.failed)}
        if best is None:
            return facts
        found = {"metric": self.objective.column, "score": search.score(best), "values": best.values}
        return {**facts, "best": {"trial": best.id, **found}}

    def crashed(self) -> Iterable[tuple[str, Outcome]]:
        return ((each.id, outcome) for each in self.search.failed for outcome in self.search.done(each).values())

    def document(self, *, run: str, status: str) -> dict[str, Any]:
        return document(self.search, self.space, run=run, status=status)


def _candidate(entry: Mapping[str, Any]) -> Candidate:
    """Return the candidate of a trial's file."""
    learnt = entry.get("learnt")
    found = {**{name: entry[name] for name in RECORDED if name != "learnt"}, "stop_below": tuple(entry["stop_below"])}
    return Candidate(int(entry["trial"]), learnt=None if learnt is None else tuple(learnt), **found)


def _errors(outcomes: Iterable[Outcome]) -> list[str]:
    return list(dict.fromkeys(error for outcome in outcomes for error in outcome.errors))


def _cell(value: Any) -> Any:
    """Return what a CSV file holds of a value: numbers to their last digit."""
    return value if isinstance(value, (int, float)) or value is None else value_text(value)
