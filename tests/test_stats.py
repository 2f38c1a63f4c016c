"""Statistics of scores, against SciPy, hand calculation and published values."""

from __future__ import annotations

import math
import statistics as python_statistics
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from nnlab.stats import (
    Pair,
    Sample,
    Scale,
    binomial_interval,
    compare_pairs,
    deviation,
    expected_best,
    holm,
    mean,
    median,
    paired_p_value,
    performance_ratios,
    share_within,
    t_interval,
    verdict,
)

A = [0.91, 0.93, 0.92, 0.95, 0.90]
B = [0.88, 0.91, 0.92, 0.93, 0.86]


def sample(name: str, *scores: float | None) -> Sample:
    return Sample(name, dict(enumerate(scores)))


def test_mean_median_and_deviation_are_those_of_the_standard_library():
    assert mean(A) == pytest.approx(python_statistics.mean(A))
    assert median(A[:4]) == python_statistics.median(A[:4])
    assert deviation(A) == pytest.approx(python_statistics.stdev(A))
    assert (mean([]), median([]), deviation([0.5])) == (None, None, None)


def test_the_median_counts_what_never_happened():
    assert median([3.0, math.inf, 2.0]) == 3.0
    assert median([3.0, math.inf]) == math.inf


def test_the_interval_is_scipys_t_interval():
    expected = stats.t.interval(0.95, len(A) - 1, loc=mean(A), scale=stats.sem(A))
    assert t_interval(A) == pytest.approx(expected)
    assert t_interval([0.9]) is None


def test_an_interval_ends_where_the_metric_does():
    share = Scale(0, 1, step=1 / 50)
    assert t_interval([0.98, 1.0, 1.0], share)[1] == 1.0
    assert t_interval([0.0, 0.02, 0.0], share)[0] == 0.0
    assert t_interval([0.01, 0.4, 0.02], Scale(low=0.0))[0] == 0.0
    assert t_interval([-0.99, -0.7, -0.9], Scale(-1, 1))[0] == -1.0
    assert t_interval([0.98, 0.999, 0.9], Scale(high=1))[1] == 1.0


@pytest.mark.parametrize("scale", [Scale(), Scale(0, 1, step=0.01), Scale(low=0.0)])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 1e-12, 3e5])
def test_no_interval_is_a_point(scale, value):
    low, high = t_interval([min(value, scale.high or value)] * 3, scale)
    assert low < high


def test_equal_scores_are_as_uncertain_as_the_rows_that_they_count():
    low, high = t_interval([0.9, 0.9, 0.9], Scale(0, 1, step=0.1))
    half = stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(12) / math.sqrt(3)
    assert (low, high) == pytest.approx((0.9 - half, 0.9 + half))


@pytest.mark.proof
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_intervals_of_normal_scores_hold_their_mean_in_95_of_100_cases(seeds, amount):
    number = amount(4000, 400_000, "sets of scores")
    scores = np.random.default_rng(seeds).normal(0.8, 0.01, (number, seeds)).tolist()
    held = sum(low <= 0.8 <= high for low, high in map(t_interval, scores)) / len(scores)
    assert held == pytest.approx(0.95, abs=0.015 * math.sqrt(4000 / number))


def test_the_interval_of_a_share_is_scipys_exact_one():
    for count, total in ((0, 5), (2, 5), (5, 5), (3, 40)):
        expected = stats.binomtest(count, total).proportion_ci(0.95, "exact")
        assert binomial_interval(count, total) == pytest.approx((expected.low, expected.high))


def test_the_paired_test_is_scipys():
    assert paired_p_value(A, B) == pytest.approx(stats.ttest_rel(A, B).pvalue)


def test_equal_differences_leave_something_to_chance_where_scores_are_shares_of_rows():
    thirty = Scale(0, 1, step=1 / 30)
    a, b = [29 / 30, 28 / 30, 29 / 30], [28 / 30, 27 / 30, 28 / 30]
    assert paired_p_value(a, b, thirty) == pytest.approx(2 * stats.t.sf(math.sqrt(3) * math.sqrt(6), 2))
    assert paired_p_value(a, a, thirty) == 1.0
    assert paired_p_value(a, b) > 0


def test_two_seeds_allow_no_test():
    assert paired_p_value([29 / 30, 28 / 30], [28 / 30, 27 / 30]) is None
    assert paired_p_value([0.9], [0.8]) is None


@pytest.mark.proof
@pytest.mark.parametrize("rows", [30, 288, 5000])
@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("spread", [0.002, 0.012])
def test_nine_equal_variants_are_rarely_told_apart(rows, seeds, spread, amount):
    rng = np.random.default_rng([rows, seeds])
    number = amount(300, 10_000, "comparisons of nine variants")
    scores = np.round(rng.normal(0.85, spread, (number, 9, seeds)) * rows) / rows
    scale = Scale(0, 1, step=1 / rows)
    found = 0
    for variants in scores.tolist():
        ranked = sorted((sample(str(i), *each) for i, each in enumerate(variants)), key=lambda s: -sum(s.finished))
        found += any(pair.is_significant for pair in compare_pairs(ranked, scale))
    # 5.5 % and three standard errors of so many repetitions
    assert found / len(scores) < 0.055 + 3 * math.sqrt(0.05 * 0.95 / len(scores))


def test_scores_of_folds_have_the_variance_of_nadeau_and_bengio():
    folds = Scale(overlap=1 / 4)  # of five, each validates a fifth
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 1 / 4) * np.var(A, ddof=1))
    assert t_interval(A, folds) == pytest.approx((mean(A) - half, mean(A) + half))
    differences = np.subtract(A, B)
    t = differences.mean() / math.sqrt((1 / 5 + 1 / 4) * differences.var(ddof=1))
    assert paired_p_value(A, B, folds) == pytest.approx(2 * stats.t.sf(abs(t), 4))
    assert (folds.unit, Scale().unit) == ("fold", "seed")


def ahead_on_equal_terms(datasets: int, *, rows: int, folds: int, repeats: int, overlap: float) -> float:
    """Return how often one of two equal learners is called ahead: least squares on other columns of the same data."""
    rng, scale, found = np.random.default_rng(1), Scale(overlap=overlap), 0
    for _ in range(datasets):
        x = rng.normal(size=(rows, 8))
        y = x.sum(1) + rng.normal(size=rows)
        errors: list[list[float]] = [[], []]
        for _ in range(repeats):
            for held in np.array_split(rng.permutation(rows), folds):
                rest = np.setdiff1d(np.arange(rows), held)
                for columns, own in ((slice(0, 4), errors[0]), (slice(4, 8), errors[1])):
                    weights = np.linalg.lstsq(x[rest, columns], y[rest], rcond=None)[0]
                    own.append(-float(np.mean((x[held, columns] @ weights - y[held]) ** 2)))
        found += any(
            pair.is_significant for pair in compare_pairs([sample("a", *errors[0]), sample("b", *errors[1])], scale)
        )
    return found / datasets


@pytest.mark.proof
def test_of_equal_variants_folds_call_one_ahead_no_more_often_than_they_may_which_the_plain_test_does(amount):
    datasets, shape = amount(150, 3000, "data sets"), {"rows": 60, "folds": 5, "repeats": 4}
    assert ahead_on_equal_terms(datasets, **shape, overlap=1 / 4) <= 0.05
    assert ahead_on_equal_terms(datasets, **shape, overlap=0.0) > 0.2


def test_a_single_variant_gets_no_verdict_of_order():
    (one,) = ranked = [sample("a", 0.9, None, 0.9)]
    assert verdict(ranked, [], "fold") == [
        "a diverged in 1 of 3 trainings", "the score of a does not vary between folds",
    ]  # fmt: skip
    assert verdict([one, sample("b", 0.1)], [], "fold")[0] == "a diverged in 1 of 3 trainings"


def test_a_verdict_speaks_of_folds_where_scores_are_those_of_folds():
    few = [sample("a", 0.9, 0.8), sample("b", 0.7, 0.8)]
    assert verdict(few, compare_pairs(few), "fold") == ["too few folds for a verdict: compare with `--folds 5`"]
    ranked = [sample("a", *A), sample("b", *A[::-1])]
    pairs = compare_pairs(ranked, Scale(overlap=0.25))
    assert verdict(ranked, pairs, "fold") == ["no detectable difference between a and b with 5 folds"]


def test_holm_corrects_as_in_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_expected_best_is_the_mean_over_all_orders():
    assert expected_best([1.0, 2.0, 4.0]) == pytest.approx([7 / 3, (2 + 4 + 4) / 3, 4.0])


def test_pairs_are_those_seeds_that_both_finished():
    (pair,) = compare_pairs([sample("b", 0.8, 0.99, 0.83, 0.82), sample("a", 0.9, None, 0.91, 0.93)])
    expected = stats.ttest_rel([0.9, 0.91, 0.93], [0.8, 0.83, 0.82]).pvalue
    assert (pair.better, pair.worse, pair.is_partial) == ("a", "b", True)
    assert pair.p_value == pytest.approx(expected)


def test_who_fails_more_often_is_ahead_only_where_both_finish():
    ranked = [sample("a", 0.80, 0.81, 0.82, 0.80, 0.81), sample("b", 0.90, 0.91, 0.92, None, None)]
    assert verdict(ranked, compare_pairs(ranked)) == [
        "where both finish, b is ahead of a; b fails in 2 of 5 (95 %: 5 to 85 %)",
        "b diverged in 2 of 5 trainings",
    ]


def test_who_fails_less_often_and_is_better_besides_is_ahead():
    ranked = [sample("a", 0.90, 0.91, 0.92, 0.91, 0.90), sample("b", 0.80, 0.81, 0.82, None, None)]
    assert verdict(ranked, compare_pairs(ranked))[0] == "a is ahead of b"


def test_nobody_is_plainly_ahead_of_a_variant_above():
    # of its own seeds a has the better mean, of those that both finished b
    ranked = [sample("a", None, 0.50, 0.51, 0.52, 0.99), sample("b", 0.10, 0.60, 0.61, 0.62, None)]
    (pair,) = compare_pairs(ranked)
    assert (pair.better, pair.is_partial) == ("b", True)
    assert verdict(ranked, [pair])[0].startswith("where both finish, b is ahead of a; b fails in 1 of 5")


def test_variants_of_which_too_few_trainings_finished_are_no_tie():
    ranked = [sample("a", *A), sample("b", *B), sample("c", 0.9, 0.8, None, None, None)]
    lines = verdict(ranked, compare_pairs(ranked))
    assert "too few trainings of c finished for a verdict" in lines
    assert not any("c" in line.split() for line in lines if line.startswith("no detectable"))
    ranked = [sample("a", *A), sample("b", *B[:3], None, None), sample("c", None, None, *A[2:])]
    assert "too few seeds that both b and c finished for a verdict" in verdict(ranked, compare_pairs(ranked))


def test_p_values_are_corrected_for_the_number_of_pairs():
    samples = [sample("a", *A), sample("b", *B), sample("c", *(0.1, 0.2, 0.3, 0.2, 0.1))]
    raw = [
        stats.ttest_rel(list(x.scores.values()), list(y.scores.values())).pvalue for x, y in combinations(samples, 2)
    ]
    assert [pair.p_value for pair in compare_pairs(samples)] == pytest.approx(holm(raw))


def pairs_of(*ahead: tuple[str, str], names: str = "abcd") -> list[Pair]:
    """Make pairs of variants whose names are letters, best first; only those named differ."""
    every = [(x, y) for i, x in enumerate(names) for y in names[i + 1 :]]
    return [Pair(x, y, 0.001 if (x, y) in ahead else 0.5) for x, y in every]


def test_a_verdict_says_who_is_ahead_and_who_cannot_be_told_apart():
    ranked = [sample(name, 0.9, 0.91, 0.92) for name in "abcd"]
    lines = verdict(ranked, pairs_of(("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")))
    assert lines == [
        "a and b are ahead of c and d",
        "no detectable difference between a and b with 3 seeds",
        "no detectable difference between c and d with 3 seeds",
    ]


def test_groups_without_a_difference_may_overlap():
    ranked = [sample(name, 0.9, 0.91, 0.92) for name in "abc"]
    assert verdict(ranked, pairs_of(("a", "c"), names="abc")) == [
        "a is ahead of c",
        "no detectable difference between a and b with 3 seeds",
        "no detectable difference between b and c with 3 seeds",
    ]


def test_a_tie_across_a_difference_is_told_as_well():
    ranked = [sample(name, 0.9, 0.91, 0.92) for name in "abcd"]
    assert verdict(ranked, pairs_of(("b", "d"), ("c", "d")))[1:] == [
        "no detectable difference among a, b and c with 3 seeds",
        "no detectable difference between d and a either",
    ]


def test_a_verdict_counts_divergence_and_names_what_does_not_vary():
    ranked = [sample("a", 0.9, 0.9, 0.9, 0.9), sample("b", 0.95, 0.7, 0.8, None)]
    assert verdict(ranked, compare_pairs(ranked)) == [
        "no detectable difference between a and b with 4 seeds",
        "b diverged in 1 of 4 trainings",
        "the score of a does not vary between seeds",
    ]


@pytest.mark.parametrize("seeds", [1, 2])
def test_two_seeds_and_no_finished_training_allow_no_verdict(seeds):
    few = [sample("a", *[0.9] * seeds), sample("b", *[0.1] * seeds)]
    assert verdict(few, compare_pairs(few)) == ["too few seeds for a verdict: compare with `--seeds 5`"]
    lost = [sample("a", *[None] * seeds), sample("b", *[None] * seeds)]
    assert verdict(lost, compare_pairs(lost))[-1] == "too few trainings finished for a verdict"


def test_ties_that_are_left_are_told_in_few_lines():
    ranked = [sample(name, 0.9, 0.91, 0.92) for name in "abcde"]
    lines = verdict(ranked, pairs_of(("a", "b"), ("b", "e"), names="abcde"))
    assert lines[-1] == "no detectable difference between a and c, d and e either"


def test_a_performance_profile_counts_what_is_solved_at_so_many_times_the_best_cost():
    fast, slow, never = performance_ratios([[10, 30, math.inf], [20, 15, math.inf], [math.inf] * 3])
    assert (fast, slow) == ([1.0, 2.0, math.inf], [2.0, 1.0, math.inf])
    assert [share_within(fast, factor) for factor in (1, 2, 100)] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert share_within(never, 100) == 0


def test_steps_of_epochs_are_counted_one_by_one_where_they_differ():
    from nnlab.stats import steps_after

    assert [steps_after(epochs, [5, 3, 2]) for epochs in (0, 1, 2.5, 3)] == [0, 5, 9, 10]
    assert steps_after(2.5, 4) == 10
    assert steps_after(math.inf, [5, 3]) == math.inf
