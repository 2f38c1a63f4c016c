"""Statistics of scores, against SciPy, hand calculation and published values."""

from __future__ import annotations

import math
import statistics as python_statistics
from itertools import combinations

import pytest
from scipy import stats

from nnlab.statistics import (
    Pair,
    Sample,
    bootstrap_interval,
    compare_pairs,
    deviation,
    expected_best,
    holm,
    mean,
    median,
    paired_p_value,
    performance_ratios,
    share_within,
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


def test_the_interval_holds_the_mean_and_is_the_same_each_time():
    low, high = bootstrap_interval(A)
    assert min(A) < low < mean(A) < high < max(A)
    assert bootstrap_interval(A) == (low, high)


def test_the_interval_of_many_values_is_that_of_the_normal_distribution():
    values = [float(x) for x in stats.norm.ppf([(i + 0.5) / 400 for i in range(400)])]
    assert bootstrap_interval(values) == pytest.approx((-0.098, 0.098), abs=0.006)


def test_an_interval_needs_two_values_and_is_a_point_where_they_are_equal():
    assert bootstrap_interval([0.9]) is None
    assert bootstrap_interval([0.9, 0.9]) == (0.9, 0.9)


def test_the_paired_test_is_scipys():
    assert paired_p_value(A, B) == pytest.approx(stats.ttest_rel(A, B).pvalue)


def test_equal_differences_leave_nothing_to_chance():
    assert paired_p_value(A, A) == 1.0
    assert paired_p_value([0.5, 0.75], [0.25, 0.5]) == 0.0
    assert paired_p_value([0.9], [0.8]) is None


def test_holm_corrects_as_in_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_expected_best_is_the_mean_over_all_orders():
    assert expected_best([1.0, 2.0, 4.0]) == pytest.approx([7 / 3, (2 + 4 + 4) / 3, 4.0])


def test_pairs_are_those_seeds_that_both_finished():
    (pair,) = compare_pairs([sample("a", 0.9, None, 0.91, 0.93), sample("b", 0.8, 0.99, 0.83, 0.82)])
    expected = stats.ttest_rel([0.9, 0.91, 0.93], [0.8, 0.83, 0.82]).pvalue
    assert (pair.better, pair.worse) == ("a", "b")
    assert pair.p_value == pytest.approx(expected)


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
    ranked = [sample(name, 0.9, 0.91) for name in "abcd"]
    lines = verdict(ranked, pairs_of(("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")))
    assert lines == [
        "a and b are ahead of c and d",
        "no detectable difference between a and b with 2 seeds",
        "no detectable difference between c and d with 2 seeds",
    ]


def test_groups_without_a_difference_may_overlap():
    ranked = [sample(name, 0.9, 0.91) for name in "abc"]
    assert verdict(ranked, pairs_of(("a", "c"), names="abc")) == [
        "a is ahead of c",
        "no detectable difference between a and b with 2 seeds",
        "no detectable difference between b and c with 2 seeds",
    ]


def test_a_tie_across_a_difference_is_told_as_well():
    ranked = [sample(name, 0.9, 0.91) for name in "abcd"]
    assert verdict(ranked, pairs_of(("b", "d"), ("c", "d")))[1:] == [
        "no detectable difference among a, b and c with 2 seeds",
        "no detectable difference between d and a either",
    ]


def test_a_verdict_counts_divergence_and_names_what_does_not_vary():
    ranked = [sample("a", 0.9, 0.9, 0.9), sample("b", 0.8, 0.7, None)]
    assert verdict(ranked, compare_pairs(ranked)) == [
        "no detectable difference between a and b with 3 seeds",
        "b diverged in 1 of 3 trainings",
        "the score of a does not vary between seeds",
    ]


def test_one_seed_and_no_finished_training_allow_no_verdict():
    alone = [sample("a", 0.9), sample("b", 0.8)]
    assert verdict(alone, compare_pairs(alone)) == ["one seed says nothing about differences: compare with `--seeds 5`"]
    lost = [sample("a", None, None), sample("b", None, None)]
    assert verdict(lost, compare_pairs(lost))[-1] == "too few trainings finished to tell differences from chance"


def test_ties_that_are_left_are_told_in_few_lines():
    ranked = [sample(name, 0.9, 0.91) for name in "abcde"]
    lines = verdict(ranked, pairs_of(("a", "b"), ("b", "e"), names="abcde"))
    assert lines[-1] == "no detectable difference between a and c, d and e either"


def test_a_performance_profile_counts_what_is_solved_at_so_many_times_the_best_cost():
    fast, slow, never = performance_ratios([[10, 30, math.inf], [20, 15, math.inf], [math.inf] * 3])
    assert (fast, slow) == ([1.0, 2.0, math.inf], [2.0, 1.0, math.inf])
    assert [share_within(fast, factor) for factor in (1, 2, 100)] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert share_within(never, 100) == 0
