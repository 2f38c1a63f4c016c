"""The same variants on several problems: a comparison of each, and what holds over all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnlab.compare.agenda import ComparisonAgenda
from nnlab.compare.comparison import Comparison
from nnlab.compare.results import document
from nnlab.errors import ConfigError, Problem
from nnlab.report import summarize
from nnlab.run import Run, Status
from nnlab.run_info import RunInfo
from nnlab.stats import mean, performance_ratios, share_within, steps_after
from nnlab.studies.conduct import Executors, Observer, begin, conduct, recorded, study_facts
from nnlab.studies.study import Study
from nnlab.wording import joined

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """How a variant does over all problems.

    Args:
        variant: its name.
        ranks: its rank in the table of each problem.
        scores: its mean score on each problem, `None` where nothing finished.
        ratios: for each problem and seed, its steps to the problem's target, in times those of the best variant.
        rank: from 1, by the mean of `ranks`, then by the share of `ratios` up to 2.
    """

    variant: str
    ranks: Mapping[str, int]
    scores: Mapping[str, float | None]
    ratios: Sequence[float]
    rank: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        return {
            "variant": self.variant,
            "mean_rank": mean(list(self.ranks.values())),
            "ranks": dict(self.ranks),
            "scores": dict(self.scores),
            "fastest": share_within(self.ratios, 1),
            "within_2": share_within(self.ratios, 2),
            "reached": sum(ratio < math.inf for ratio in self.ratios) / len(self.ratios),
            "rank": self.rank,
        }


def standings(comparisons: Mapping[str, Comparison]) -> list[Standing]:
    """Return how each variant does over all problems, best first.

    Args:
        comparisons: by the problem's name; all of the same variants and seeds.
    """
    names = [contender.name for contender in next(iter(comparisons.values())).contenders]
    tables = {problem: comparison.table(comparison.rules.arms[0]) for problem, comparison in comparisons.items()}
    ratios = performance_ratios(
        [
            [steps for comparison in comparisons.values() for steps in _steps_to_target(comparison, name)]
            for name in names
        ]
    )
    found = []
    for name, own in zip(names, ratios, strict=True):
        rows = {problem: next(row for row in table.rows if row.variant == name) for problem, table in tables.items()}
        ranks = {problem: row.rank for problem, row in rows.items()}
        found.append(Standing(name, ranks, {problem: mean(rows[problem].finished) for problem in rows}, own))
    ranked = sorted(found, key=lambda each: (sum(each.ranks.values()), -share_within(each.ratios, 2)))
    return [Standing(each.variant, each.ranks, each.scores, each.ratios, i) for i, each in enumerate(ranked, start=1)]


def _steps_to_target(comparison: Comparison, variant: str) -> list[float]:
    """Return the steps to the problem's target, seed by seed; infinite for those that do not get there."""
    contender = next(contender for contender in comparison.contenders if contender.name == variant)
    trials = {trial.draw: trial for trial in comparison.trials(contender, comparison.rules.arms[0])}
    target = comparison.target
    return [
        steps_after(comparison.epochs_to(trials[draw], target), contender.steps_per_epoch)
        if draw in trials
        else math.inf
        for draw in comparison.rules.draws
    ]


def document_of(comparisons: Mapping[str, Comparison], *, run: str, status: str) -> dict[str, Any]:
    """Return what `results.json` holds: how the variants stand over all problems, and each problem's own."""
    problems = {
        name: document(comparison, run=str(Run(Path(run)).problems_path / name), status=status)
        for name, comparison in comparisons.items()
    }
    found = {standing.variant: standing for standing in standings(comparisons)}
    names = [contender.name for contender in next(iter(comparisons.values())).contenders]
    return {
        "kind": "comparison",
        "run": run,
        "status": status,
        "rows": [standing.as_json() for standing in found.values()],
        "problems": problems,
        "notes": list(_notes(problems)),
        "ratios": {name: list(found[name].ratios) for name in names},
    }


def _notes(problems: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the notes on each problem, and once those on all of them."""
    on_all = [
        note
        for note in next(iter(problems.values()))["notes"]
        if all(note in each["notes"] for each in problems.values())
    ]
    for name, results in problems.items():
        yield from (f"{name}: {note}" for note in results["notes"] if note not in on_all)
    yield from on_all


def by_name(studies: Sequence[Study[ComparisonAgenda]]) -> dict[str, Study[ComparisonAgenda]]:
    """Return the comparisons by the names of their problems.

    Raises:
        ConfigError: two problems have the same name, or they do not have the same variants and seeds.
    """
    first, problems = studies[0], []
    found: dict[str, Study[ComparisonAgenda]] = {}
    for study in studies:
        name = study.config.experiment.name
        if name in found:
            problems.append(Problem(f"two configs are named `{name}`", "write `name: ...` into one of them"))
        ours, theirs = ([variant.name for variant in each.agenda.variants] for each in (study, first))
        if sorted(ours) != sorted(theirs):
            other = first.config.experiment.name
            message = f"`{name}` has the variants {joined(ours)}, and `{other}` has {joined(theirs)}"
            problems.append(Problem(message, "give the same ones for all configs on the command line"))
        elif len(study.agenda.comparison.rules.draws) != len(first.agenda.comparison.rules.draws):
            hint = "give `--seeds N`, and `--folds N` if some are cross-validated"
            problems.append(Problem(f"`{name}` has another number of seeds than the others", hint))
        found[name] = study
    ConfigError.raise_any(problems)
    return found


def joint_name(names: Sequence[str]) -> str:
    """Name the run of a comparison on several problems."""
    text = "-".join(names)
    return text if len(text) <= LONGEST_NAME else f"{len(names)}-problems"


def conduct_all(
    studies: Mapping[str, Study[ComparisonAgenda]],
    run: Run,
    executor: Executors,
    *,
    observer: Observer,
    command: Sequence[str] = (),
    name: str,
) -> Status:
    """Compare on one problem after the other, each in a run of its own in `problems/`; otherwise as `conduct` does.

    The studies go by the names of their problems; `name` is that of the run of all.
    """
    runs = {problem: Run(run.problems_path / problem) for problem in studies}
    is_new = not run.path.exists()
    if is_new:
        run.problems_path.mkdir(parents=True)
    lock = run.lock()
    before = {} if is_new else run.read_info()
    for problem, study in studies.items():
        if begin(study, runs[problem]):  # all of them, so that what is interrupted can go on with all
            RunInfo(runs[problem], study_facts(study, command)).write()
    first = {"kind": "comparison", "problems": list(studies), "name": name}
    info = RunInfo(run, {**first, "status": "running", "command": list(command)}, before)

    def work() -> Status:
        ended = [
            conduct(study, runs[key], executor, observer=observer, command=command) for key, study in studies.items()
        ]
        return "failed" if "failed" in ended else "completed"

    def finish(status: Status) -> dict[str, Any]:
        comparisons = {key: study.agenda.comparison for key, study in studies.items()}
        summarize(run, document_of(comparisons, run=str(run.path), status=status))
        run.write_results([{"problem": key, **row} for key, each in studies.items() for row in each.agenda.rows()])
        return {"trials": sum(len(study.agenda.outcomes) for study in studies.values())}

    return recorded(info, lock, work, finish)
