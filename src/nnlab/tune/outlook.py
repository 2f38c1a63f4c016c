"""What can be said of a search before it starts: trials drawn at random, trainings cut short, values that run out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import count, pairwise

from nnlab.config.load import LoadedConfig
from nnlab.config.tune import TuneConfig
from nnlab.errors import Problem
from nnlab.tune.points import count_points
from nnlab.tune.space import Space

DEFAULT_TRIALS = 10
"""Trials of a random or Bayesian search that does not say how many."""

LEAST_INITIAL_POINTS = 3
POINTS_A_DIMENSION = 3


def most_trials(section: TuneConfig) -> int | None:
    """Return how many trials a search has at most, `None` for as many as its algorithm proposes."""
    is_endless = section.max_trials is None and section.algorithm in ("random", "bayesian")
    return DEFAULT_TRIALS if is_endless else section.max_trials


def initial_points(section: TuneConfig, dimensions: int, trials: int) -> int:
    """Return how many outcomes a Bayesian search learns from first: KerasTuner's, but at most a third of all trials.

    Args:
        section: says it itself if it has `num_initial_points`.
        dimensions: values that are searched.
        trials: of the search.
    """
    if section.num_initial_points is not None:
        return section.num_initial_points
    return max(LEAST_INITIAL_POINTS, min(POINTS_A_DIMENSION * dimensions, trials // 3))


def hyperband_brackets(epochs: int, factor: int) -> list[list[int]]:
    """Return the trials in each round of each bracket of one pass, the bracket that halves most first (Li et al. 2018).

    >>> hyperband_brackets(9, 3)
    [[9, 3, 1], [5, 2], [3]]
    """
    most = 0
    while epochs >= factor ** (most + 1):
        most += 1
    whole = math.ceil(1 + math.log(epochs, factor))
    return [
        [math.ceil(whole / (bracket + 1) * factor ** (bracket - number)) for number in range(bracket + 1)]
        for bracket in range(most, -1, -1)
    ]


def outlook(config: LoadedConfig, space: Space, *, jobs: int = 1) -> list[Problem]:
    """Return advice on a search whose outcome is decided by something else than one may think.

    Args:
        config: the experiment.
        space: what is searched of it.
        jobs: trainings at once.
    """
    section = config.experiment.tune
    assert section is not None
    found = [*_of_space(section, space), *_of_penalties(config, section), *_of_jobs(section, jobs)]
    if section.algorithm == "bayesian":
        found += _of_bayesian(section, len(space.parameters))
    if section.algorithm == "hyperband":
        found += _of_hyperband(section, space, section.max_epochs or config.experiment.training.epochs)
    return [config.locate(problem) for problem in found]


def _advice(key: str, rule: str, message: str, hint: str) -> Problem:
    return Problem(message, hint, ("tune", key), severity="advice", rule=rule)


def _of_space(section: TuneConfig, space: Space) -> Iterator[Problem]:
    most = most_trials(section)
    points = count_points(space, 1 if most is None else most, grid=section.algorithm == "grid")
    if points == 1:
        yield _advice("space", "one-point", "the space holds one set of values alone", "widen a range, or add choices")
    elif section.max_trials is not None and section.algorithm != "hyperband" and points < section.max_trials:
        message = f"the space holds {points} sets of values, fewer than {section.max_trials}"
        yield _advice("max_trials", "small-space", message, "the search ends when all are tried")


def _of_penalties(config: LoadedConfig, section: TuneConfig) -> Iterator[Problem]:
    from nnlab.model.comparable import penalized

    advice = penalized(config.experiment, section.objective, key="tune.objective")
    if advice is not None and any(path.startswith("model.") for path in section.space):
        yield advice


def _of_jobs(section: TuneConfig, jobs: int) -> Iterator[Problem]:
    trainings = section.executions_per_trial * (section.folds or 1)
    busy = section.ahead * trainings
    if section.is_led and jobs > busy:
        message = f"of {jobs} trainings at once {busy} have something to do: the others wait for outcomes"
        hint = f"`tune.ahead: {math.ceil(jobs / trainings)}` keeps all busy, and learns later"
        yield _advice("ahead", "idle-jobs", message, hint)


def _of_bayesian(section: TuneConfig, dimensions: int) -> Iterator[Problem]:
    def drawn_of(trials: int) -> int:
        return initial_points(section, dimensions, trials) + section.ahead - 1

    most = most_trials(section) or 0
    drawn, first = drawn_of(most), initial_points(section, dimensions, most)
    if 2 * drawn <= most:
        return
    enough = next(trials for trials in count(most) if 2 * drawn_of(trials) <= trials)
    how_many = f"all {most} trials" if drawn >= most else f"{drawn} of the {most} trials"
    message = f"{how_many} of this Bayesian search are drawn at random: it learns from {first} outcomes first"
    message += f", and is {section.ahead} trials ahead of them" if section.ahead > 1 else ""
    hint = f"`max_trials: {enough}` leaves half of them to it; so do a lower `num_initial_points` or `ahead`"
    yield _advice("max_trials", "random-bayesian", message, hint)


def _of_hyperband(section: TuneConfig, space: Space, epochs: int) -> Iterator[Problem]:
    factor, rule = section.factor or 3, "short-hyperband"
    brackets = hyperband_brackets(epochs, factor)
    first, total = brackets[0], sum(map(sum, brackets))
    if len(first) == 1:
        message = f"no training of this Hyperband search is cut short: it is a random search of {total} trials"
        hint = f"raise `max_epochs` to {factor**2} and more (it is {epochs}), or lower `factor` ({factor})"
        yield _advice("algorithm", rule, message, hint)
        return
    begun = sum(bracket[0] for bracket in brackets)
    points = count_points(space, begun)
    if points < begun:
        message = f"Hyperband begins with {begun} different sets of values, and the space holds {points}"
        yield _advice("space", rule, message, "widen a range, or take `algorithm: grid`")
    elif section.max_trials is not None and section.max_trials < total:
        message = f"this Hyperband search ends before its brackets do, which take {total} trials"
        if section.max_trials < _first_whole(first):
            message = f"none of {section.max_trials} trials of this Hyperband search is trained to its {epochs} epochs"
        hint = f"write `max_trials: {total}`, or leave it out; a lower `max_epochs` or a higher `factor` takes fewer"
        yield _advice("max_trials", rule, message, hint)


def _first_whole(rounds: Sequence[int]) -> int:
    """Return which trial of a bracket is the first that may be trained to the end; no round waits for a full one."""
    later = (size - after + 1 for size, after in pairwise(rounds[1:]))
    return rounds[0] + sum(later) + 1
