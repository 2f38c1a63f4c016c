"""What is to be seen of a search while it goes on."""
# ruff: noqa: D102  (`View` says what its methods do)

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnlab.executor import Outcome
from nnlab.report.page import Column
from nnlab.report.search import heads
from nnlab.studies.trial import Trial
from nnlab.tune.agenda import SearchAgenda
from nnlab.tune.search import Candidate
from nnlab.wording import counted, figure, value_text

VALUE_RANK = 4
"""How much the columns of searched values are needed; see `Column`."""

LATEST = 8
"""Trials that ended which the live table shows, besides the best and those that run."""


class SearchView:
    """The best, the latest and the running trials with their values and scores. See `View`."""

    def __init__(self, agenda: SearchAgenda) -> None:
        self._agenda, self._search = agenda, agenda.search
        paths = [parameter.path for parameter in agenda.space.parameters]
        self._heads = dict(zip(paths, heads(paths), strict=True))
        self._ended = [candidate for candidate in self._search.candidates if self._search.is_over(candidate)]
        count = "trials until the space is exhausted" if self.planned is None else f"{self.planned} trials"
        what = counted(len(paths), "value")
        self.title = f"{self._search.section.algorithm} search over {what}: {count}"

    @property
    def done(self) -> int:
        return len(self._ended)

    @property
    def planned(self) -> int | None:
        return self._search.max_trials

    def line(self, trial: Trial[Candidate], outcome: Outcome) -> str | None:  # noqa: ARG002
        candidate = trial.of
        if trial.is_final or not self._search.is_over(candidate):
            return None
        self._ended.append(candidate)
        values = " ".join(f"{head}={text}" for head, text in self._cells(candidate).items() if text)
        most = f"/{self.planned}" if self.planned else ""
        return f"{self.done}{most}  {candidate.id}  {self._result(candidate)}  {values}{self._best()}"

    def columns(self, epochs: Mapping[str, int]) -> tuple[Sequence[Column], Sequence[str]]:
        search, best = self._search, self._search.best
        shown = list(dict.fromkeys([*([] if best is None else [best.number]), *self._latest()]))
        states = [(self._result(search.candidates[number_]), "") for number_ in shown]
        if best is not None:
            states[0] = states[0][0], "bold"
        for candidate in search.candidates:
            if not search.is_over(candidate):
                running = [epochs[trial.name] for trial in search.trials(candidate) if trial.name in epochs]
                shown.append(candidate.number)
                states.append((f"epoch {running[-1]}" if running else "...", "dim"))
        rows = [self._cells(search.candidates[number_]) for number_ in shown]
        names = dict.fromkeys(name for candidate in search.candidates for name in self._cells(candidate))
        return [
            Column("trial", [search.candidates[number_].id for number_ in shown]),
            *(Column(name, [cells.get(name, "") for cells in rows], rank=VALUE_RANK) for name in names),
            Column(search.objective.column, [state for state, _ in states]),
        ], [style for _, style in states]

    def foot(self, left: str) -> str:
        if self._agenda.phase:
            return self._agenda.phase
        best = self._search.best
        hidden = self.done - len({*self._latest(), *([] if best is None else [best.number])})
        earlier = f", {hidden} of them not shown" if hidden > 0 else ""
        most = f" of {self.planned}" if self.planned else ""
        return f"{self.done}{most} trials{earlier}{self._best()}{left}"

    def _latest(self) -> list[int]:
        return [candidate.number for candidate in self._ended[-LATEST:]]

    def _best(self) -> str:
        best = self._search.best
        return f"  best {figure(self._search.score(best))}" if best is not None else ""

    def _result(self, candidate: Candidate) -> str:
        score, status = self._search.score(candidate), self._search.status(candidate)
        if score is None:
            return str(status)
        return f"{figure(score)}{' stopped' if status == 'stopped' else ''}"

    def _cells(self, candidate: Candidate) -> dict[str, str]:
        values = candidate.values
        found = {head: value_text(values[path]) if path in values else "" for path, head in self._heads.items()}
        return {**found, "epochs": str(candidate.epochs)} if candidate.epochs is not None else found
