"""What can be said of scores: intervals, paired tests, and a verdict in words. Numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

LEVEL = 0.95
SIGNIFICANT = 1 - LEVEL
RESAMPLES = 9_999


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, `None` of nothing."""
    return math.fsum(values) / len(values) if values else None


def median(values: Sequence[float]) -> float | None:
    """Return the median, `None` of nothing; infinite values count."""
    ordered = sorted(values)
    if not ordered:
        return None
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return low if low == high else (low + high) / 2


def deviation(values: Sequence[float]) -> float | None:
    """Return the standard deviation of a sample (divided by n - 1), `None` of fewer than two values."""
    if len(values) < 2:
        return None
    center = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - center) ** 2 for value in values) / (len(values) - 1))


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the percentile bootstrap 95 % interval of the mean, `None` of fewer than two values.

    The same values give the same interval. Of few values it is somewhat too narrow: of five, it holds the true mean in
    about five cases of six.
    """
    if len(values) < 2:
        return None
    if min(values) == max(values):
        return values[0], values[0]
    import numpy as np
    from scipy.stats import bootstrap

    options = {"confidence_level": LEVEL, "n_resamples": RESAMPLES, "method": "percentile"}
    interval = bootstrap((list(values),), np.mean, rng=np.random.default_rng(0), **options).confidence_interval
    return float(interval.low), float(interval.high)


def paired_p_value(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the two-sided p-value of a paired t test, `None` for fewer than two pairs.

    Where all differences are equal there is nothing left to chance: 1 if they are zero, else 0.
    """
    differences = [x - y for x, y in zip(a, b, strict=True)]
    if len(differences) < 2:
        return None
    if min(differences) == max(differences):
        return 1.0 if differences[0] == 0 else 0.0
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(differences, 0.0).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979): the chance of a single false finding stays below the level."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def expected_best(scores: Sequence[float]) -> list[float]:
    """Return the best score to expect after the first, second, ... of all trials, in an order drawn at random.

    Args:
        scores: higher is better; a trial that gave none is `-inf`.

    Source: Dodge et al. 2019, "Show your work", without replacement.
    """
    ordered, n = sorted(scores), len(scores)
    return [
        math.fsum(math.comb(i, k - 1) / math.comb(n, k) * score for i, score in enumerate(ordered) if i >= k - 1)
        for k in range(1, n + 1)
    ]


def performance_ratios(costs: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return how many times the best one's cost each solver takes on each problem: its performance profile, unsorted.

    The profile of a solver at a factor is the share of its ratios up to that factor.

    Args:
        costs: a row a solver, a column a problem; infinite where a solver does not solve a problem.

    Source: Dolan and Moré 2002, "Benchmarking optimization software with performance profiles".
    """
    best = [min(column) for column in zip(*costs, strict=True)]
    return [
        [cost / least if least < math.inf else math.inf for cost, least in zip(row, best, strict=True)] for row in costs
    ]


def share_within(ratios: Sequence[float], factor: float) -> float:
    """Return the share of problems that are solved at no more than so many times the best one's cost."""
    return sum(ratio <= factor for ratio in ratios) / len(ratios)


@dataclass(frozen=True, slots=True)
class Sample:
    """The scores of one variant, higher is better.

    Args:
        name: the variant.
        scores: by seed; `None` of a training that diverged, and nothing of one that crashed.
    """

    name: str
    scores: Mapping[int, float | None]

    @property
    def finished(self) -> list[float]:
        """The scores that there are, by seed."""
        return [score for _, score in sorted(self.scores.items()) if score is not None]

    @property
    def diverged(self) -> int:
        """How many trainings diverged."""
        return sum(score is None for score in self.scores.values())


@dataclass(frozen=True, slots=True)
class Pair:
    """How two variants compare.

    Args:
        better: the name of the one with the higher mean of the seeds that both finished.
        worse: the other's.
        p_value: corrected for the number of pairs; `None` if there are too few seeds to tell.
    """

    better: str
    worse: str
    p_value: float | None

    @property
    def is_significant(self) -> bool:
        """Whether the one is ahead of the other, beyond what chance explains."""
        return self.p_value is not None and self.p_value < SIGNIFICANT


def compare_pairs(samples: Sequence[Sample]) -> list[Pair]:
    """Test every pair of variants on the seeds that both finished; the p-values are corrected for all pairs."""
    pairs: list[tuple[str, str, float | None]] = []
    for a, b in combinations(samples, 2):
        seeds = [seed for seed in sorted(a.scores) if a.scores[seed] is not None and b.scores.get(seed) is not None]
        ours, theirs = ([sample.scores[seed] or 0.0 for seed in seeds] for sample in (a, b))
        better, worse = (a, b) if sum(ours) >= sum(theirs) else (b, a)
        pairs.append((better.name, worse.name, paired_p_value(ours, theirs)))
    known = [p for *_, p in pairs if p is not None]
    corrected = iter(holm(known))
    return [Pair(better, worse, None if p is None else next(corrected)) for better, worse, p in pairs]


def verdict(ranked: Sequence[Sample], pairs: Sequence[Pair]) -> list[str]:
    """Say who is ahead of whom, and who cannot be told apart, best first.

    Args:
        ranked: best first.
        pairs: what `compare_pairs` says of them.
    """
    lines = [*_divergence(ranked)]
    if all(len(sample.scores) == 1 for sample in ranked):
        return [*lines, "one seed says nothing about differences: compare with `--seeds 5`"]
    ranked = [sample for sample in ranked if sample.finished]
    if all(pair.p_value is None for pair in pairs):
        return [*lines, "too few trainings finished to tell differences from chance"]
    ahead: dict[str, list[str]] = {sample.name: [] for sample in ranked}
    names = list(ahead)
    for pair in pairs:
        if pair.is_significant:
            ahead[pair.better].append(pair.worse)
    return [*_orders(names, ahead), *_ties(names, pairs, seeds=len(ranked[0].scores)), *lines, *_notes(ranked)]


def _orders(names: Sequence[str], ahead: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Say who is ahead of whom; variants that are ahead of the same ones share a line."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        behind = tuple(other for other in names if other in ahead[name])
        if behind:
            groups.setdefault(behind, []).append(name)
    for behind, group in groups.items():
        yield f"{joined(group)} {'is' if len(group) == 1 else 'are'} ahead of {joined(behind)}"


def _ties(names: Sequence[str], pairs: Sequence[Pair], *, seeds: int) -> Iterator[str]:
    """Say between whom no difference can be seen: runs of the ranking first, then what is left of the pairs."""
    apart = {frozenset((pair.better, pair.worse)) for pair in pairs if pair.is_significant}
    told: set[frozenset[str]] = set()
    last = 0
    for first in range(len(names)):
        end = first + 1
        while end < len(names) and all(frozenset((name, names[end])) not in apart for name in names[first:end]):
            end += 1
        if end - first > 1 and end > last:
            group = names[first:end]
            told |= {frozenset(pair) for pair in combinations(group, 2)}
            where = "between" if len(group) == 2 else "among"
            yield f"no detectable difference {where} {joined(group)} with {seeds} seeds"
            last = end
    left = [pair for pair in combinations(names, 2) if frozenset(pair) not in apart | told]
    by_worse: dict[str, list[str]] = {}
    by_better: dict[str, list[str]] = {}
    for better, worse in left:
        by_worse.setdefault(worse, []).append(better)
        by_better.setdefault(better, []).append(worse)
    for name, others in min(by_worse, by_better, key=len).items():
        yield f"no detectable difference between {name} and {joined(others)} either"


def _divergence(samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        if sample.diverged:
            yield f"{sample.name} diverged in {sample.diverged} of {len(sample.scores)} trainings"


def _notes(samples: Sequence[Sample]) -> Iterator[str]:
    same = [sample.name for sample in samples if len(sample.finished) > 1 and len(set(sample.finished)) == 1]
    if same:
        yield f"the score of {joined(same)} does not vary between seeds"


def joined(names: Sequence[str]) -> str:
    """Write a list of names as a person would.

    >>> joined(["Adam", "Nadam", "SGD"])
    'Adam, Nadam and SGD'
    """
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
