"""What can be said of scores: intervals, paired tests, and a verdict in words. Numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from nnlab.wording import joined

LEVEL = 0.95
SIGNIFICANT = 1 - LEVEL
FEWEST_SEEDS = 3
"""Two differences say next to nothing of their spread: no verdict rests on fewer than three."""

FLOAT32_STEP = 2.0**-23
"""The distance of two neighbouring float32 numbers near 1."""


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


@dataclass(frozen=True, slots=True)
class Scale:
    """What numbers the scores of a metric can be, and how they belong together.

    Args:
        low: the least one; `None` for no end.
        high: the largest one.
        step: the least difference of two scores, such as one validation row of an accuracy; 0 if it is not known.
        overlap: of cross-validation, validation rows for each training row of a fold: scores of trainings on rows that
            they share differ less than those on other rows would; 0 for seeds, which differ in nothing else.
    """

    low: float | None = None
    high: float | None = None
    step: float = 0.0
    overlap: float = 0.0

    @property
    def unit(self) -> str:
        """What each score is that of."""
        return "fold" if self.overlap else "seed"

    def standard_error(self, spread: float, count: int) -> float:
        """Return the standard error of the mean of so many scores with this standard deviation.

        With an overlap it is the root of spread^2 x (1 / count + overlap): Nadeau and Bengio 2003, "Inference for the
        generalization error"; for repeated cross-validation Bouckaert and Frank 2004.
        """
        return spread / math.sqrt(count / (1 + count * self.overlap))

    def least_deviation(self, values: Sequence[float]) -> float:
        """Return the standard deviation that rounding alone gives such values: nothing can be known more surely.

        Scores on a lattice are rounded to its steps (uniform, `step / sqrt(12)`), and all to the digits of a float32.
        """
        largest = max(map(abs, values), default=0.0) or 1.0
        return max(self.step / math.sqrt(12), largest * FLOAT32_STEP)

    def clip(self, value: float) -> float:
        """Return the value, or the end that it lies beyond."""
        low = value if self.low is None else max(value, self.low)
        return float(low if self.high is None else min(low, self.high))


ANY_NUMBER = Scale()

OF_FOLDS = (
    "intervals and tests are those of Nadeau and Bengio, which allow for the training rows that folds share; "
    "they say nothing of test rows"
)
"""What has to be known of the statistics of a cross-validation."""


def t_interval(values: Sequence[float], scale: Scale = ANY_NUMBER) -> tuple[float, float] | None:
    """Return the 95 % t interval of the mean (n - 1 degrees of freedom), `None` of fewer than two values.

    It ends where the scale does, and is never a point: equal values on a lattice still may differ by less than a step.
    """
    if len(values) < 2:
        return None
    from scipy.special import stdtrit

    center = math.fsum(values) / len(values)
    spread = max(deviation(values) or 0.0, scale.least_deviation(values))
    width = float(stdtrit(len(values) - 1, (1 + LEVEL) / 2)) * scale.standard_error(spread, len(values))
    return scale.clip(center - width), scale.clip(center + width)


def described(scores: Sequence[float], tests: Sequence[float], scale: Scale = ANY_NUMBER) -> dict[str, float | None]:
    """Return what tables say of scores on validation rows, and of those on test rows."""
    low, high = t_interval(scores, scale) or (None, None)
    return {
        "score_mean": mean(scores),
        "score_std": deviation(scores),
        "score_median": median(scores),
        "ci_low": low,
        "ci_high": high,
        "test_mean": mean(tests),
        "test_std": deviation(tests),
    }


def binomial_interval(count: int, total: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share (Clopper & Pearson 1934).

    >>> [round(end, 3) for end in binomial_interval(2, 5)]
    [0.053, 0.853]
    """
    from scipy.special import betaincinv

    tail = SIGNIFICANT / 2
    low = float(betaincinv(count, total - count + 1, tail)) if count else 0.0
    return low, float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0


def paired_p_value(a: Sequence[float], b: Sequence[float], scale: Scale = ANY_NUMBER) -> float | None:
    """Return the two-sided p-value of a paired t test, `None` for fewer than three pairs.

    The deviation of the differences is no smaller than what rounding both scores gives them: where all differences
    happen to be equal, chance is not ruled out.
    """
    differences = [x - y for x, y in zip(a, b, strict=True)]
    if len(differences) < FEWEST_SEEDS:
        return None
    from scipy.special import stdtr

    least = math.sqrt(2) * scale.least_deviation([*a, *b])
    error = scale.standard_error(max(deviation(differences) or 0.0, least), len(differences))
    return 2 * float(stdtr(len(differences) - 1, -abs(mean(differences) or 0.0) / error))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979): the chance of a single false finding stays below the level."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def first_at_least(values: Sequence[float], least: float) -> float:
    """Return which of some values, from 1, is the first that reaches another; infinity if none does."""
    return next((i for i, value in enumerate(values, start=1) if value >= least), math.inf)


def steps_after(epochs: float, steps_per_epoch: int | Sequence[int]) -> float:
    """Return the steps of so many epochs, parts of one included; infinitely many of infinitely many.

    Args:
        epochs: how many.
        steps_per_epoch: those of every epoch, or of each one after the other.
    """
    if isinstance(steps_per_epoch, int):
        return epochs * steps_per_epoch
    if math.isinf(epochs):
        return epochs
    whole = int(epochs)
    part = (epochs - whole) * steps_per_epoch[whole] if epochs > whole else 0.0
    return sum(steps_per_epoch[:whole]) + part


def expected_best(scores: Sequence[float]) -> list[float]:
    """Return the best score to expect after the first, second, ... of all trials, in an order drawn at random.

    Args:
        scores: higher is better; a trial that gave none is `-inf`.

    Source: Tang et al. 2020, "Showing your work doesn't always work": the unbiased form of Dodge et al. 2019.
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
        scores: by seed (and fold); `None` of a training that diverged, and nothing of one that crashed.
    """

    name: str
    scores: Mapping[Any, float | None]

    @property
    def finished(self) -> list[float]:
        """The scores that there are, by seed."""
        return [score for _, score in sorted(self.scores.items()) if score is not None]

    @property
    def seeds(self) -> set[Any]:
        """The seeds that it finished."""
        return {seed for seed, score in self.scores.items() if score is not None}

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
        is_partial: whether it holds of those seeds alone, because the better one failed where the other did not, or
            stands behind it in the ranking for another reason.
    """

    better: str
    worse: str
    p_value: float | None
    is_partial: bool = False

    @property
    def is_significant(self) -> bool:
        """Whether the one is ahead of the other, beyond what chance explains."""
        return self.p_value is not None and self.p_value < SIGNIFICANT

    @property
    def names(self) -> frozenset[str]:
        """The two."""
        return frozenset((self.better, self.worse))


def compare_pairs(ranked: Sequence[Sample], scale: Scale = ANY_NUMBER) -> list[Pair]:
    """Test every pair of variants on the seeds that both finished; the p-values are corrected for all pairs.

    Args:
        ranked: best first.
        scale: what scores can be.
    """
    pairs: list[Pair] = []
    for a, b in combinations(ranked, 2):
        seeds = sorted(a.seeds & b.seeds)
        ours, theirs = ([sample.scores[seed] or 0.0 for seed in seeds] for sample in (a, b))
        p_value = paired_p_value(ours, theirs, scale)
        if math.fsum(ours) >= math.fsum(theirs):
            pairs.append(Pair(a.name, b.name, p_value, is_partial=not a.seeds >= b.seeds))
        else:  # of equal seeds the means, and so the ranking, would be the other way round
            pairs.append(Pair(b.name, a.name, p_value, is_partial=True))
    corrected = iter(holm([pair.p_value for pair in pairs if pair.p_value is not None]))
    return [pair if pair.p_value is None else replace(pair, p_value=next(corrected)) for pair in pairs]


def verdict(ranked: Sequence[Sample], pairs: Sequence[Pair], unit: str = "seed") -> list[str]:
    """Say who is ahead of whom, and who cannot be told apart, best first; of a single variant nothing of that.

    Nobody is called ahead of a variant that stands above it: where a variant is better only on those seeds that it
    finished, both are said.

    Args:
        ranked: best first.
        pairs: what `compare_pairs` says of them.
        unit: what each score is that of; see `Scale`.
    """
    failures = [*_divergence(ranked)]
    if len(ranked) == 1:
        return [*failures, *_notes(ranked, unit)]
    if any(sample.finished for sample in ranked) and max(len(sample.scores) for sample in ranked) < FEWEST_SEEDS:
        return [*failures, f"too few {unit}s for a verdict: compare with `--{unit}s 5`"]
    if all(pair.p_value is None for pair in pairs):
        return [*failures, "too few trainings finished for a verdict"]
    names = [sample.name for sample in ranked if sample.finished]
    ahead: dict[str, list[str]] = {name: [] for name in names}
    partly: dict[str, list[str]] = {name: [] for name in names}
    for pair in pairs:
        if pair.is_significant:
            (partly if pair.is_partial else ahead)[pair.better].append(pair.worse)
    return [
        *_orders(names, ahead),
        *(_partial(sample, partly[sample.name]) for sample in ranked if partly.get(sample.name)),
        *_ties(names, pairs, f"{max(len(sample.scores) for sample in ranked)} {unit}s"),
        *_untold(names, pairs, unit),
        *failures,
        *_notes(ranked, unit),
    ]


def _orders(names: Sequence[str], ahead: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Say who is ahead of whom; variants that are ahead of the same ones share a line."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        behind = tuple(other for other in names if other in ahead[name])
        if behind:
            groups.setdefault(behind, []).append(name)
    for behind, group in groups.items():
        yield f"{joined(group)} {'is' if len(group) == 1 else 'are'} ahead of {joined(behind)}"


def _partial(sample: Sample, behind: Sequence[str]) -> str:
    """Say whom a variant is ahead of on those seeds alone that both finished, and how often it fails."""
    line = f"where both finish, {sample.name} is ahead of {joined(behind)}"
    if not sample.diverged:
        return line
    count, total = sample.diverged, len(sample.scores)
    low, high = (100 * end for end in binomial_interval(count, total))
    return f"{line}; {sample.name} fails in {count} of {total} (95 %: {low:.0f} to {high:.0f} %)"


def _ties(names: Sequence[str], pairs: Sequence[Pair], scores: str) -> Iterator[str]:
    """Say between whom no difference can be seen: runs of the ranking first, then what is left of the pairs."""
    apart = {pair.names for pair in pairs if pair.is_significant or pair.p_value is None}
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
            yield f"no detectable difference {where} {joined(group)} with {scores}"
            last = end
    left = [pair for pair in combinations(names, 2) if frozenset(pair) not in apart | told]
    by_worse: dict[str, list[str]] = {}
    by_better: dict[str, list[str]] = {}
    for better, worse in left:
        by_worse.setdefault(worse, []).append(better)
        by_better.setdefault(better, []).append(worse)
    for name, others in min(by_worse, by_better, key=len).items():
        yield f"no detectable difference between {name} and {joined(others)} either"


def _untold(names: Sequence[str], pairs: Sequence[Pair], unit: str) -> Iterator[str]:
    """Say of whom nothing can be said: variants of which too few trainings finished, then what is left of the pairs."""
    left = [pair.names for pair in pairs if pair.p_value is None and pair.names <= {*names}]
    alone = [name for name in names if sum(name in pair for pair in left) == len(names) - 1]
    if alone:
        yield f"too few trainings of {joined(alone)} finished for a verdict"
    for pair in left:
        if not pair & {*alone}:
            yield f"too few {unit}s that both {joined(sorted(pair, key=names.index))} finished for a verdict"


def _divergence(samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        if sample.diverged:
            yield f"{sample.name} diverged in {sample.diverged} of {len(sample.scores)} trainings"


def _notes(samples: Sequence[Sample], unit: str) -> Iterator[str]:
    same = [sample.name for sample in samples if len(sample.finished) > 1 and len(set(sample.finished)) == 1]
    if same:
        yield f"the score of {joined(same)} does not vary between {unit}s"
