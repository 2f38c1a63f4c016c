"""Comparisons: what is trained, what follows from it, and how it is carried on; mostly with made-up trainings."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from nnlab.compare.comparison import Comparison, Contender, Rules, Setting, trial_name
from nnlab.compare.problems import by_name, standings
from nnlab.compare.results import document
from nnlab.compare.study import prepare
from nnlab.compare.tuning import beyond, rate_center, rate_grid
from nnlab.compare.variants import from_optimizers, from_options
from nnlab.errors import ConfigError, NnlabError, Problem
from nnlab.executor import Job, Outcome
from nnlab.objective import Objective
from nnlab.report import draw, page_of, summarize
from nnlab.report.comparison_plots import panels
from nnlab.report.page import markdown
from nnlab.run import Run, open_run
from nnlab.stats import Scale
from nnlab.studies.conduct import conduct
from nnlab.studies.trial import Draw
from nnlab.wording import interval_text
from samples import DIGITS

SEEDS = (7, 8, 9)
ACCURACY = Objective("val_accuracy", "max")
RULES = Rules(ACCURACY, SEEDS, 1_000_007)

History = list[float] | None
"""The validation accuracy after each epoch; `None` for a training that diverges."""


@pytest.fixture(autouse=True)
def no_tensorflow(request, monkeypatch):
    """Start no TensorFlow for trainings that are made up."""
    if request.node.get_closest_marker("tf") is None:
        monkeypatch.setattr("nnlab.executor.start_soon", lambda: None)


class Pretence:
    """Pretends to train: `accuracy` says what a rate and a seed give."""

    def __init__(self, accuracy: Callable[[str, float, int], History], *, last_first: bool = False) -> None:
        self.accuracy = accuracy
        self.last_first = last_first
        self.jobs: deque[tuple[str, str, float, int, Run | None]] = deque()
        self.done: list[str] = []

    def submit(self, job: Job) -> None:
        experiment = job.config.experiment
        rate = experiment.optimizer.get("learning_rate")
        self.jobs.append((job.name, job.kind, rate, experiment.seed, job.run))

    def next_outcome(self) -> Outcome | None:
        if not self.jobs:
            return None
        name, kind, rate, seed, run = self.jobs.pop() if self.last_first else self.jobs.popleft()
        self.done.append(name)
        outcome = made_up(name, self.accuracy(kind, rate, seed))
        if run is not None:
            keep(run, outcome)
        return outcome

    def close(self) -> None: ...

    def __enter__(self) -> Pretence:
        return self

    def __exit__(self, *error: object) -> None: ...


def made_up(name: str, values: History) -> Outcome:
    if values is None:
        return Outcome(name, "failed", {}, (), (Problem("the training diverged"),), diverged=True)
    rows = [{"epoch": i, "val_accuracy": value, "seconds": 0.5} for i, value in enumerate(values, start=1)]
    metrics = {"validation": {"loss": 1 - values[-1], "accuracy": values[-1]}, "test": {"accuracy": values[-1] - 0.01}}
    return Outcome(name, "completed", metrics, tuple(rows))


def keep(run: Run, outcome: Outcome) -> None:
    """Leave what a training leaves."""
    run.create(config="", source="")
    run.write_history(outcome.history)
    run.write_metrics(outcome.metrics)
    error = {"message": "the training diverged", "hint": None} if outcome.diverged else None
    run.write_info({"status": outcome.status, "diverged": outcome.diverged, "error": error})


def contenders(*names: str, rate: float = 0.001) -> list[Contender]:
    return [Contender(i, name, 36, learning_rate=rate) for i, name in enumerate(names)]


def compared(accuracy, *names: str, rules: Rules = RULES, last_first: bool = False) -> Comparison:
    """Run a comparison on made-up trainings; `accuracy(variant, rate, seed)`."""
    comparison = Comparison(contenders(*names), rules)
    train_all(comparison, Pretence(accuracy, last_first=last_first), lambda setting: names[setting.contender])
    return comparison


def train_all(comparison: Comparison, pretence: Pretence, kind: Callable[[Setting], str]) -> None:
    """Train what a comparison wants until it wants nothing more; `kind` is what `accuracy` is told of a setting."""
    running = {}
    while True:
        for trial in (trial for each in comparison.contenders for trial in comparison.wanted(each)):
            if trial.name not in running:
                running[trial.name] = trial
                pretence.jobs.append((trial.name, kind(trial.of), trial.of.learning_rate, trial.draw.seed, None))
        outcome = pretence.next_outcome()
        if outcome is None:
            return
        comparison.outcomes[outcome.name] = outcome


def tuned_rules(budget: int = 3, **changes) -> Rules:
    return Rules(ACCURACY, SEEDS, 1_000_007, budget, **changes)


def peak(at: float) -> Callable[[str, float, int], History]:
    """Accuracy that falls by 0.1 with each half decade away from the best rate, a little by seed."""
    return lambda _, rate, seed: [0.9 - 0.1 * round(abs(2 * math.log10(rate / at))) + seed % 100 / 1000]


# ----- what is trained


def test_every_variant_is_trained_with_the_same_seeds():
    comparison = compared(lambda *_: [0.5, 0.9], "a", "b")
    assert sorted(comparison.outcomes) == [f"0{i + 1}_{'ab'[i]}_lr0.001_seed{seed}" for i in (0, 1) for seed in SEEDS]


def test_a_grid_has_two_rates_a_decade_about_its_center():
    assert rate_grid(0.001, 7) == [3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    assert rate_grid(0.03, 4) == [0.01, 0.03, 0.1, 0.3]
    assert beyond(0.3, 2, upwards=True) == [1.0, 3.0]
    assert beyond(1e-4, 2, upwards=False) == [3e-5, 1e-5]


@pytest.mark.parametrize(("optimizer", "center"), [("SGD", 0.1), ("momentum", 0.01), ("Adam", 0.001), ("Lion", 0.0003)])
def test_the_center_is_the_optimizers_own(config, optimizer, center):
    assert rate_center(config(DIGITS, f"optimizer={optimizer}").experiment) == pytest.approx(center)


def test_tuning_has_a_seed_of_its_own_and_the_best_rate_gets_fresh_ones():
    comparison = compared(peak(0.001), "a", "b", rules=tuned_rules(tuned_only=True))
    trials = comparison.purposes()
    tuning = [trial.of for trial in trials if trial.draw.seed == 1_000_007]
    final = [trial.of for trial in trials if trial.draw.seed in SEEDS]
    assert sorted(setting.learning_rate for setting in tuning) == [3e-4, 3e-4, 1e-3, 1e-3, 3e-3, 3e-3]
    assert {setting.learning_rate for setting in final} == {1e-3}
    assert len(comparison.outcomes) == 2 * (3 + 3)


def test_a_training_that_both_arms_need_is_done_once():
    comparison = compared(peak(0.001), "a", "b", rules=tuned_rules())
    assert len(comparison.outcomes) == 2 * (3 + 3)
    assert comparison.table("tuned").rows[0].scores == comparison.table("defaults").rows[0].scores


def test_the_grid_widens_once_when_the_best_lies_on_its_edge():
    comparison = compared(peak(0.01), "a", "b", rules=tuned_rules(5))
    row = comparison.table("tuned").rows[0]
    assert sorted(trial.of.learning_rate for trial in comparison.tuning_trials(comparison.contenders[0])) == [
        1e-4,
        3e-4,
        1e-3,
        3e-3,
        1e-2,
        3e-2,
        1e-1,
    ]
    assert (row.learning_rate, row.on_edge, row.trainings) == (0.01, False, 7 + 3)


def test_a_best_rate_that_stays_on_the_edge_is_told():
    comparison = compared(peak(1e-9), "a", "b", rules=tuned_rules())
    assert comparison.table("tuned").rows[0].on_edge
    results = document(comparison, run="runs/x", status="completed")
    assert any("on the edge" in note and "a (0.0001)" in note for note in results["notes"])


def test_of_equal_accuracies_the_rate_with_the_lower_loss_is_taken():
    comparison = Comparison(contenders("a"), tuned_rules(3, tuned_only=True))
    for rate, loss in ((3e-4, 0.3), (1e-3, 0.1), (3e-3, 0.2)):
        metrics = {"validation": {"loss": loss, "accuracy": 0.9}}
        name = comparison.trial(comparison.contenders[0], rate, Draw(1_000_007)).name
        comparison.outcomes[name] = Outcome(name, "completed", metrics, ())
    assert comparison.tuned(comparison.contenders[0]) == (1e-3, False, None)


def test_rates_that_diverge_are_not_chosen():
    comparison = compared(
        lambda name, rate, seed: None if rate > 1e-3 else peak(0.01)(name, rate, seed), "a", "b", rules=tuned_rules()
    )
    assert comparison.table("tuned").rows[0].learning_rate == 1e-3


def test_every_trial_has_a_name_of_its_own_that_a_run_can_have():
    long = "exponential(decay_steps=1000, decay_rate="
    settings = [(Setting(998, 1.23456789012e-05, f"{long}{rate})"), 4294967295) for rate in (0.1, 0.2)]
    settings += [(Setting(0, 1e30, "constant"), 1), (Setting(0, 1e30), 1)]
    names = [trial_name(setting, "x" * 60, Draw(seed)) for setting, seed in settings]
    assert len(set(names)) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) for name in names)


def test_the_order_in_which_trainings_end_changes_nothing():
    tables = [
        compared(peak(0.01), "a", "b", "c", rules=tuned_rules(5), last_first=last_first).table("tuned")
        for last_first in (False, True)
    ]
    assert tables[0] == tables[1]


def test_schedules_are_tuned_with_learning_rates_at_the_same_cost_for_all():
    rules = tuned_rules(3, tuned_only=True, schedules=("constant", "cosine"))
    comparison = Comparison(contenders("a", "b"), rules)
    pretence = Pretence(lambda schedule, rate, _: [0.9 if (schedule, rate) == ("cosine", 3e-3) else 0.5 + rate])
    train_all(comparison, pretence, lambda setting: setting.schedule)
    row = comparison.table("tuned").rows[0]
    assert (row.schedule, row.learning_rate, row.on_edge) == ("cosine", 3e-3, False)
    assert {row.trainings for row in comparison.table("tuned").rows} == {2 * 4 + 3}
    assert "a_cosine_lr0.003_seed7" in " ".join(pretence.done)


# ----- what follows


def of_names(values: dict[str, float | None]) -> Callable[[str, float, int], History]:
    def accuracy(name: str, _: float, seed: int) -> History:
        value = values[name]
        return None if value is None else [value - 0.2, value - 0.1 + seed / 1000, value + seed / 1000]

    return accuracy


def test_rows_come_best_first_with_their_figures():
    table = compared(of_names({"a": 0.5, "b": 0.8}), "a", "b").table("defaults")
    row = table.rows[0].as_json()
    assert [row.variant for row in table.rows] == ["b", "a"]
    assert row["score_mean"] == pytest.approx(0.808)
    assert row["test_mean"] == pytest.approx(0.798)
    assert (row["seeds"], row["diverged"], row["rank"], row["seconds"]) == (3, 0, 1, 1.5)
    assert table.verdict == ("b is ahead of a",)


def test_less_is_better_where_the_metric_says_so():
    rules = Rules(Objective("val_accuracy", "min"), SEEDS, 1_000_007)
    table = compared(of_names({"a": 0.5, "b": 0.8}), "a", "b", rules=rules).table("defaults")
    assert table.rows[0].variant == "a"
    assert table.verdict[0] == "a is ahead of b"


def test_time_is_measured_to_what_the_worst_variant_reaches():
    comparison = compared(of_names({"a": 0.5, "b": 0.55}), "a", "b")
    best, worst = comparison.table("defaults").rows
    assert comparison.target == pytest.approx(0.508)
    assert (best.epochs_to_target, best.steps_to_target, best.seconds_to_target) == (3, 108, 1.5)
    assert worst.epochs_to_target == 3


def test_a_target_that_most_trainings_miss_is_not_reached():
    rules = Rules(ACCURACY, SEEDS, 1_000_007, target=0.6085)
    row = compared(of_names({"a": 0.6, "b": 0.1}), "a", "b", rules=rules).table("defaults").rows[0]
    assert (row.steps_to_target, row.seconds_to_target) == (None, None)


def test_a_training_that_diverges_is_counted_and_comes_behind():
    comparison = compared(lambda name, _, seed: None if (name, seed) == ("a", 8) else [0.9], "a", "b")
    first, last = comparison.table("defaults").rows
    assert (first.variant, last.variant) == ("b", "a")
    assert last.as_json()["diverged"] == 1
    assert last.as_json()["score_mean"] == 0.9
    assert "a diverged in 1 of 3 trainings" in comparison.table("defaults").verdict
    assert comparison.crashed == []


def test_when_all_diverge_the_table_says_so():
    comparison = compared(lambda *_: None, "a", "b", rules=tuned_rules())
    text = markdown(page_of(document(comparison, run="r", status="completed")), name="all")
    assert "3 of 3" in text
    assert "too few trainings finished" in comparison.table("tuned").verdict[-1]


def test_a_row_has_the_t_interval_of_its_own_seeds():
    row = compared(of_names({"a": 0.5, "b": 0.8}), "a", "b").table("defaults").rows[0].as_json()
    scores = [0.807, 0.808, 0.809]
    expected = stats.t.interval(0.95, 2, loc=0.808, scale=stats.sem(scores))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected)
    assert row["score_std"] == pytest.approx(0.001)


def test_intervals_and_verdicts_know_how_many_rows_decide():
    few = Rules(replace(ACCURACY, scale=Scale(0, 1, step=1 / 30)), SEEDS, 1_000_007)
    table = compared(lambda name, *_: [1.0 if name == "a" else 29 / 30], "a", "b", rules=few).table("defaults")
    assert table.verdict[0] == "no detectable difference between a and b with 3 seeds"
    row = table.rows[0].as_json()
    assert 0.97 < row["ci_low"] < row["ci_high"] == 1.0


def test_two_seeds_are_too_few_for_a_verdict_wherever_it_stands():
    rules = Rules(ACCURACY, SEEDS[:2], 1_000_007)
    comparison = compared(of_names({"a": 0.5, "b": 0.8}), "a", "b", rules=rules)
    results = document(comparison, run="r", status="completed")
    assert results["verdict"] == ["too few seeds for a verdict: compare with `--seeds 5`"]
    assert [pair["p_value"] for pair in results["pairs"]] == [None]
    assert "- Too few seeds for a verdict: compare with `--seeds 5`." in markdown(page_of(results), name="x")


def test_a_variant_that_is_better_by_its_lucky_seeds_stands_behind_and_is_not_called_ahead():
    def accuracy(name: str, _rate: float, seed: int) -> History:
        return None if (name, seed) in (("b", 8), ("b", 11)) else [{"a": 0.5, "b": 0.8}[name] + seed / 1000]

    rules = Rules(ACCURACY, (7, 8, 9, 10, 11), 1_000_007)
    table = compared(accuracy, "a", "b", rules=rules).table("defaults")
    assert [row.variant for row in table.rows] == ["a", "b"]
    assert table.verdict == (
        "where both finish, b is ahead of a; b fails in 2 of 5 (95 %: 5 to 85 %)",
        "b diverged in 2 of 5 trainings",
    )


def test_an_interval_has_the_digits_that_tell_its_ends_apart():
    assert interval_text(0.25, 1.0) == "0.2500 to 1"
    assert interval_text(0.43123, 0.43124) == "0.43123 to 0.43124"
    assert interval_text(123456.7, 123456.8) == "123456.7 to 123456.8"


def test_what_chooses_a_learning_rate_sees_no_test_rows(digits, tmp_path):
    study = chosen(digits, "model.activation=relu,tanh", tuning_budget=1)
    jobs = {trial.draw.seed: study.job(trial, tmp_path) for trial in study.agenda.wanted()}
    assert {seed: job.options.evaluate_test for seed, job in jobs.items()} == {
        **dict.fromkeys(study.agenda.comparison.rules.seeds, True), study.agenda.comparison.rules.tuning_seed: False,
    }  # fmt: skip


def test_two_arms_tell_what_tuning_changed():
    best = {"a": 0.001, "b": 0.003}
    accuracy = lambda name, rate, seed: peak(best[name])(name, rate, seed)  # noqa: E731
    results = document(compared(accuracy, "a", "b", rules=tuned_rules(5)), run="runs/x", status="completed")
    assert [row["variant"] for row in results["rows"]] == ["a", "b"]
    assert results["defaults"]["rows"][0]["variant"] == "a"
    assert results["notes"] == ["from the best to the worst: 0.1000 as configured, 0 tuned"]


# ----- variants


@pytest.fixture
def digits(write_config):
    return write_config(DIGITS)


def chosen(path, *vary: str, variant=(), **options):
    return prepare(path, options.pop("base", []), lambda _: from_options(vary, variant), **options)


def trial(study, number: int, rate: float | None, seed: int, *schedule):
    """Return a trial of a variant."""
    comparison = study.agenda.comparison
    return comparison.trial(comparison.contenders[number], rate, Draw(seed), *schedule)


def test_values_are_split_at_commas_outside_of_brackets(digits):
    study = chosen(digits, "model.hidden=[30, 20],[10]", "optimizer={SGD: {momentum: 0.9, nesterov: true}},adam")
    assert [variant.name for variant in study.agenda.variants] == [
        "hidden=[30, 20] SGD(momentum=0.9, nesterov=true)", "hidden=[30, 20] adam",
        "hidden=[10] SGD(momentum=0.9, nesterov=true)", "hidden=[10] adam",
    ]  # fmt: skip


def test_a_variant_by_hand_has_several_changes_or_none(digits):
    study = chosen(digits, variant=["wide:model.hidden=[50, 50],training.epochs=1", "as-it-is:"])
    wide, as_it_is = (variant.config.experiment for variant in study.agenda.variants)
    assert (wide.model.hidden, wide.training.epochs) == ((50, 50), 1)
    assert as_it_is.training.epochs == 3


def test_the_compare_section_says_the_same_as_the_command_line(write_config):
    path = write_config(
        f"{DIGITS}compare:\n  vary: {{model.activation: [relu, tanh]}}\n  seeds: 3\n  tuning_budget: 5\n"
    )
    study = prepare(path, [])
    assert [variant.name for variant in study.agenda.variants] == ["relu", "tanh"]
    assert (study.agenda.comparison.rules.seeds, study.agenda.comparison.rules.tuning_budget) == ((7, 8, 9), 5)


def test_a_mistake_of_one_variant_is_told_at_its_place_with_all_others(write_config):
    path = write_config(
        f"{DIGITS}compare:\n  vary:\n    model.activation: [relu, rellu]\n    optimizer: [sdg]\n"
        "    model.hidden.7: [3]\n"
    )
    with pytest.raises(ConfigError) as caught:
        prepare(path, [])
    problems = [(problem.line, problem.message) for problem in caught.value.problems]
    assert sorted(problems) == [
        (10, "unknown activation `rellu`"),
        (11, "unknown optimizer `sdg`"),
        (12, "`model.hidden` has 1 items, and item 7 was asked for"),
    ]


def test_validate_checks_every_variant(nnlab, tmp_path):
    (tmp_path / "a.yaml").write_text(f"{DIGITS}compare: {{vary: {{model.activation: [relu, rellu]}}}}\n")
    done = nnlab("validate", "a.yaml")
    assert done.code == 2
    assert done.err.startswith("a.yaml:8:43: model.activation: unknown activation `rellu`\n")
    (tmp_path / "b.yaml").write_text(f"{DIGITS}compare: {{tune_schedules: [cosin]}}\n")
    assert nnlab("validate", "b.yaml").err.startswith(
        "b.yaml:8:28: compare.tune_schedules[0]: unknown schedule `cosin`"
    )


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ("model.activation=relu", "a comparison needs at least two variants, and only one is given"),
        ("model.activation=relu,relu", "two variants are named `relu`"),
        ("optimizer=Adam,adam", "the variants `Adam` and `adam` are the same experiment"),
        ("seed=1,2", "`seed` cannot be compared"),
        ("data.validation=0,0.2", "a comparison needs validation rows"),
        ("data.source=digits,csv", "the source `csv` needs `path`"),
        ("activation", "expected `PATH=V1,V2`"),
        ("training.batch_size=16,-3", "expected a number of rows of at least 1, or `all`, received `-3`"),
    ],
)
def test_what_cannot_be_compared_is_refused(digits, vary, message):
    with pytest.raises(NnlabError) as caught:
        chosen(digits, vary)
    assert message in [problem.message for problem in caught.value.problems]


def test_values_of_different_losses_are_not_compared(digits):
    losses = "training.loss=sparse_categorical_crossentropy,kl_divergence"
    with pytest.raises(ConfigError, match="the values of different losses cannot be compared"):
        chosen(digits, losses, base=["compare.metric=loss"])
    assert chosen(digits, losses).agenda.objective.metric == "accuracy"


def test_trainings_beside_others_have_one_thread(digits):
    with pytest.raises(ConfigError) as caught:
        chosen(digits, "model.activation=relu,tanh", base=["training.threads=2"], jobs=2)
    assert str(caught.value.problems[0]) == (
        "--set training.threads=2: training.threads: trainings beside others have one thread each, not 2\n"
        "  hint: write `auto`, or `1`; `-j 1` trains one after the other with more"
    )
    for jobs in (None, 1):
        chosen(digits, "model.activation=relu,tanh", base=["training.threads=2"], jobs=jobs)
    with pytest.raises(ConfigError, match="trainings that are compared have the same threads: 1 or 2"):
        chosen(digits, "training.threads=1,2")


def test_variants_that_differ_in_numbers_alone_share_their_programs(digits, tmp_path):
    rates = chosen(digits, "optimizer.learning_rate=0.1,0.2,0.3")
    jobs = [rates.job(trial, tmp_path) for trial in rates.agenda.wanted()]
    assert len({job.kind for job in jobs}) == 1
    assert {job.options.trainings for job in jobs} == {len(jobs)}
    widths = chosen(digits, "model.hidden=[8],[9]")
    jobs = [
        widths.job(widths.agenda.comparison.wanted(each)[0], tmp_path) for each in widths.agenda.comparison.contenders
    ]
    assert [job.options.trainings for job in jobs] == [5, 5]
    assert jobs[0].kind != jobs[1].kind


def test_an_unknown_metric_gets_a_suggestion(digits):
    with pytest.raises(ConfigError, match="did you mean `accuracy`"):
        chosen(digits, "model.activation=relu,tanh", base=["compare.metric=val_acuracy"])


def test_a_rate_is_not_varied_and_tuned(digits):
    with pytest.raises(ConfigError, match=r"`0\.1` and `0\.2` are the same experiment but for the learning rate"):
        chosen(digits, "optimizer.learning_rate=0.1,0.2", tuning_budget=3)


def test_a_schedule_that_gives_all_rates_itself_cannot_be_tuned(digits):
    piecewise = "{piecewise: {boundaries_epochs: [1], values: [0.1, 0.01]}}"
    with pytest.raises(ConfigError, match="`piecewise` has no single learning rate to tune"):
        chosen(digits, variant=["piecewise:schedule=" + piecewise, "constant:"], tuning_budget=3)


def test_the_highest_rate_of_one_cycle_is_what_is_tuned(digits, tmp_path):
    study = chosen(digits, "schedule={one_cycle: {max_learning_rate: 0.1}},constant", tuning_budget=3)
    schedule = study.job(trial(study, 0, 0.3, 1), tmp_path).config.experiment.schedule
    assert (schedule.get("max_learning_rate"), study.agenda.comparison.contenders[0].learning_rate) == (0.3, 0.1)


def test_a_tuned_schedule_takes_the_place_of_the_configs_own(digits, tmp_path):
    base = ["compare.tune_schedules=[constant, {one_cycle: {max_learning_rate: 1}}]", "schedule=cosine"]
    study = chosen(digits, "optimizer=SGD,Adam", base=base, tuning_budget=3)
    trials = [trial(study, 0, 0.3, 1, name) for name in study.agenda.comparison.rules.schedules]
    experiments = [study.job(each, tmp_path).config.experiment for each in trials]
    assert experiments[0].schedule.name == "constant"
    assert experiments[0].optimizer.get("learning_rate") == 0.3
    assert experiments[1].schedule.get("max_learning_rate") == 0.3
    assert "tune_schedules:" in study.agenda.resolved


@pytest.mark.parametrize(
    ("schedules", "budget", "message"),
    [
        ("constant", 3, "expected a list of schedules, received `constant`"),
        ("[constant, cosin]", 3, "unknown schedule `cosin`"),
        ("[constant, constant]", 3, "the schedule `constant` is given twice"),
        ("[{piecewise: {boundaries_epochs: [1], values: [1, 2]}}]", 3, "gives all rates itself"),
        ("[constant]", 0, "schedules are tuned together with learning rates, and none are tried"),
    ],
)
def test_schedules_that_cannot_be_tuned_are_refused(digits, schedules, budget, message):
    with pytest.raises(ConfigError) as caught:
        chosen(digits, "optimizer=SGD,Adam", base=[f"compare.tune_schedules={schedules}"], tuning_budget=budget)
    assert message in str(caught.value)


def test_the_nine_optimizers_are_compared_the_configs_own_as_configured(digits):
    study = prepare(digits, [], lambda config: from_optimizers(config, None), tuning_budget=7)
    rates = {contender.name: contender.learning_rate for contender in study.agenda.comparison.contenders}
    assert list(rates) == ["SGD", "momentum", "nesterov", "Adagrad", "RMSprop", "Adam", "Adamax", "Nadam", "AdamW"]
    assert (rates["SGD"], rates["Adam"], rates["AdamW"]) == (0.01, 0.005, 0.001)


def test_a_change_of_the_command_line_holds_for_every_optimizer(digits, tmp_path):
    base = ["optimizer.learning_rate=0.02", "optimizer.clipnorm=1.0"]
    study = prepare(digits, base, lambda config: from_optimizers(config, "SGD, momentum"), tuning_budget=3)
    jobs = [study.job(trial(study, i, rate, 1), tmp_path) for i, rate in ((0, 0.02), (1, 0.3))]
    optimizers = [job.config.experiment.optimizer for job in jobs]
    assert [(each.name, each.get("learning_rate"), each.get("clipnorm")) for each in optimizers] == [
        ("SGD", 0.02, 1.0), ("momentum", 0.3, 1.0),
    ]  # fmt: skip
    assert {contender.learning_rate for contender in study.agenda.comparison.contenders} == {0.02}


def test_a_trial_is_an_ordinary_experiment_on_the_same_rows(digits, tmp_path):
    study = chosen(digits, "model.activation=relu,tanh", base=["compare.seeds=2"])
    job = study.job(trial(study, 1, 0.005, 8), tmp_path)
    experiment = job.config.experiment
    assert (experiment.name, experiment.seed, experiment.data.seed, experiment.compare) == (job.name, 8, 7, None)
    assert job.run.path == tmp_path / "02_tanh_lr0.005_seed8"


# ----- several problems


def test_over_several_problems_the_better_ranks_and_the_faster_profile_come_first():
    first = compared(lambda name, *_: [0.5, 0.9] if name == "a" else [0.9, 0.95], "a", "b")
    second = compared(lambda name, *_: [0.9] if name == "a" else [0.5, 0.6, 0.95], "a", "b")
    b, a = standings({"first": first, "second": second})
    assert (b.variant, b.ranks, b.rank) == ("b", {"first": 1, "second": 1}, 1)
    assert (b.ratios, a.ratios) == ([1, 1, 1, 3, 3, 3], [2, 2, 2, 1, 1, 1])
    assert a.as_json()["within_2"] == 1.0


def test_configs_with_other_variants_are_not_compared(digits, write_config):
    wine = write_config("name: wine\ndata: wine\nmodel: {hidden: [4]}\n", "wine.yaml")
    studies = [chosen(digits, "model.activation=relu,tanh"), chosen(wine, "model.activation=relu,elu")]
    with pytest.raises(ConfigError, match="`wine` has the variants relu and elu, and `digits` has relu and tanh"):
        by_name(studies)
    with pytest.raises(ConfigError, match="two configs are named `digits`"):
        by_name([studies[0], studies[0]])


def test_an_interrupted_comparison_on_two_problems_goes_on(nnlab, write_config, monkeypatch, tmp_path):
    class Interrupted(Pretence):
        def next_outcome(self) -> Outcome | None:
            if len(self.done) == 3:
                raise KeyboardInterrupt
            return super().next_outcome()

    configs = write_config(DIGITS), write_config("name: wine\ndata: wine\nmodel: {hidden: [4]}\n", "wine.yaml")
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Interrupted(lambda *_: [0.9, 0.9]))
    done = nnlab("compare", *configs, "--vary", "model.activation=relu,tanh", "--seeds", 2, "--name", "both")
    assert done.code == 130
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence(lambda *_: [0.9, 0.9]))
    resumed = json.loads(nnlab("resume", "both", "--json").out)
    assert (resumed["status"], list(resumed["problems"])) == ("completed", ["digits", "wine"])
    run = open_run("both", tmp_path / "runs")
    assert len((run.path / "results.csv").read_text().splitlines()) == 1 + 2 * 2 * 2
    assert "profile.svg" in (run.path / "summary.md").read_text()
    assert "all problems" in nnlab("runs", "show", "both").out


# ----- the run directory


class Silence:
    """Watches and says nothing; interrupts after so many trials."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.interrupt_after = interrupt_after
        self.count = 0

    def began(self, study) -> None: ...

    def epoch_done(self, name, row) -> None: ...

    def phase_began(self, text) -> None: ...

    def trial_done(self, trial, outcome) -> None:
        self.count += 1
        if self.count == self.interrupt_after:
            raise KeyboardInterrupt


def by_kind(kind: str, rate: float, seed: int) -> History:
    """SGD is best at 0.01, Adam at 0.001, and better there."""
    return peak(0.01)("", rate, seed) if kind == "0" else [value + 0.05 for value in peak(0.001)("", rate, seed)]


def optimizers(path, *, base=("compare.seeds=3", "compare.tuning_budget=3")):
    return prepare(path, list(base), lambda config: from_optimizers(config, "SGD,Adam"))


def test_an_interrupted_comparison_goes_on_where_it_stopped(digits, tmp_path):
    whole, half = Run(tmp_path / "whole"), Run(tmp_path / "half")
    everything, first, second = (Pretence(by_kind) for _ in range(3))
    conduct(optimizers(digits), whole, lambda _: everything, observer=Silence())
    with pytest.raises(KeyboardInterrupt):
        conduct(optimizers(digits), half, lambda _: first, observer=Silence(5), command=["nnlab", "compare"])
    assert half.read_info()["status"] == "interrupted"
    study = prepare(half.config_path, [])
    assert conduct(study, half, lambda _: second, observer=Silence()) == "completed"
    assert half.read_info()["command"] == ["nnlab", "compare"]
    assert not set(first.done) & set(second.done)
    assert {*first.done, *second.done} == {*everything.done}
    assert (half.path / "results.csv").read_text() == (whole.path / "results.csv").read_text()


def test_a_config_that_is_edited_or_moved_meanwhile_changes_nothing(write_config, tmp_path):
    (tmp_path / "flowers.csv").write_text("a,b,kind\n" + "1,2,x\n3,4,y\n" * 10)
    text = "data: {source: csv, path: none.csv, target: kind, scale: 1}\nmodel: {hidden: [2]}\n"
    two = "{data: {source: csv, target: kind, path: flowers.csv}}"
    path = write_config(f"{text}compare: {{variants: {{one: {{data.path: flowers.csv}}, two: {two}}}}}\n")
    study = prepare(path, [])
    path.unlink()
    run = Run(tmp_path / "elsewhere" / "run")
    conduct(study, run, lambda _: Pretence(lambda *_: [0.9]), observer=Silence())
    again = prepare(run.config_path, [])
    files = [variant.config.experiment.data.path for variant in again.agenda.variants]
    assert files == [str(tmp_path.resolve() / "flowers.csv")] * 2


def test_a_trial_that_was_interrupted_is_trained_again(digits, tmp_path):
    run = Run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        conduct(optimizers(digits), run, lambda _: Pretence(by_kind), observer=Silence(1))
    (done,) = run.trials_path.iterdir()
    Run(done).write_info({"status": "interrupted"})
    again = Pretence(by_kind)
    conduct(prepare(run.config_path, []), run, lambda _: again, observer=Silence())
    assert done.name in again.done
    assert Run(done).read_info()["status"] == "completed"


def test_the_results_have_a_row_a_training_and_test_scores_only_of_the_final_ones(digits, tmp_path):
    run = Run(tmp_path / "run")
    conduct(optimizers(digits), run, lambda _: Pretence(by_kind), observer=Silence())
    rows = list(csv.DictReader(io.StringIO((run.path / "results.csv").read_text())))
    assert len(rows) == len(list(run.trials_path.iterdir()))
    assert {row["purpose"] for row in rows} == {"tuning", "tuned", "defaults", "tuned and defaults"}
    assert all(bool(row["test_accuracy"]) == (row["purpose"] != "tuning") for row in rows)
    assert run.read_info()["best"] == {"variant": "Adam", "metric": "val_accuracy", "score": pytest.approx(0.958)}


def test_equal_divergences_are_told_in_equal_words(digits, tmp_path):
    words = iter(["became nan in epoch 1, step 3", "became infinite in epoch 1, step 40", "became nan in epoch 1"] * 2)

    class Diverging(Pretence):
        def next_outcome(self) -> Outcome | None:
            outcome = super().next_outcome()
            problems = (Problem(f"the training diverged: `loss` {next(words, '')}"),)
            return outcome and replace(outcome, problems=problems, history=({"epoch": 1, "seconds": 0.1},))

    study = chosen(digits, "model.activation=relu,tanh", base=["compare.seeds=3"])
    run = Run(tmp_path / "run")
    conduct(study, run, lambda _: Diverging(lambda *_: None), observer=Silence())
    rows = list(csv.DictReader(io.StringIO((run.path / "results.csv").read_text())))
    assert {row["error"] for row in rows} == {"the training diverged in epoch 1"}


def test_a_crashed_trial_fails_the_comparison_and_leaves_the_rest(digits, tmp_path):
    class Crashing(Pretence):
        def next_outcome(self) -> Outcome | None:
            outcome = super().next_outcome()
            is_first = outcome is not None and outcome.name.endswith("seed8")
            return Outcome(outcome.name, "failed", {}, (), (Problem("out of memory"),)) if is_first else outcome

    study = chosen(digits, "model.activation=relu,tanh", base=["compare.seeds=3"])
    status = conduct(study, Run(tmp_path / "run"), lambda _: Crashing(lambda *_: [0.9]), observer=Silence())
    row = study.agenda.comparison.table("defaults").rows[0].as_json()
    assert (status, row["crashed"], row["seeds"], row["score_mean"]) == ("failed", 1, 2, 0.9)


def test_a_comparison_of_which_everything_diverges_has_failed(nnlab, digits, monkeypatch):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence(lambda *_: None))
    done = nnlab("compare", digits, "--vary", "model.activation=relu,tanh", "--seeds", 2)
    assert done.code == 1
    assert "relu diverged in 2 of 2 trainings" in done.out
    assert "too few trainings finished" in done.out


def test_runs_ls_and_show_know_comparisons(nnlab, digits, tmp_path):
    study = optimizers(digits)
    run = Run.new(tmp_path / "runs", "digits")
    conduct(study, run, lambda _: Pretence(by_kind), observer=Silence(), command=["nnlab", "compare"])
    summarize(run, document(study.agenda.comparison, run=str(run.path), status="completed"))
    listed = nnlab("runs", "ls").out
    assert "0.958" in listed
    assert f"{len(study.agenda.comparison.outcomes)} trials" in listed
    assert json.loads(nnlab("runs", "ls", "--json").out)[0]["best"]["variant"] == "Adam"
    shown = nnlab("runs", "show", "digits").out
    assert "learning rates tuned" in shown
    assert "Adam" in shown
    assert json.loads(nnlab("runs", "show", "digits", "--json").out)["results"]["rows"][0]["variant"] == "Adam"


def test_only_comparisons_and_searches_are_resumed_so_far(nnlab, tmp_path):
    run = Run.new(tmp_path / "runs", "digits")
    run.create(config="", source="")
    run.write_info({"status": "interrupted"})
    done = nnlab("resume", "digits")
    assert done.code == 2
    assert "only comparisons and searches can be resumed so far" in done.err


# ----- cross-validation


class OnFolds(Pretence):
    """Pretends to train; what a fold gives lies 0.01 above the one before it, and each repeat lies 0.02 lower."""

    def submit(self, job: Job) -> None:
        experiment, fold = job.config.experiment, job.config.experiment.data.validation
        rate, value = experiment.optimizer.get("learning_rate"), 0.01 * fold.fold - 0.02 * (fold.seed - 7)
        self.jobs.append((job.name, job.kind, rate, value, job.run))


def folded(path, *vary: str, base=(), **options):
    return chosen(path, *vary, base=["compare.folds=5", *base], **options)


def cross_validated(folder, study, *, last_first: bool = False, interrupt_after: int | None = None) -> Run:
    run, status = Run(folder), "completed"
    accuracy = lambda kind, rate, value: [0.1, (0.8 if rate == 0.005 else 0.7) + value]  # noqa: ARG005, E731
    try:
        conduct(study, run, lambda _: OnFolds(accuracy, last_first=last_first), observer=Silence(interrupt_after))
    except KeyboardInterrupt:
        status = "interrupted"
    summarize(run, document(study.agenda.comparison, run="x", status=status))
    return run


def test_each_variant_is_trained_on_each_fold_and_each_repeat_has_folds_of_its_own(digits, tmp_path):
    study = folded(digits, "model.activation=relu,tanh", base=["compare.seeds=2"])
    jobs = [study.job(trial, tmp_path) for trial in study.agenda.wanted()]
    assert [job.name for job in jobs[:6]] == [
        *(f"01_relu_lr0.005_seed7_fold{fold}" for fold in range(1, 6)), "01_relu_lr0.005_seed8_fold1",
    ]  # fmt: skip
    configs = [job.config.experiment for job in jobs[:10]]
    folds = [(each.seed, each.data.validation.fold, each.data.validation.seed) for each in configs]
    assert folds == [(seed, fold, seed) for seed in (7, 8) for fold in range(1, 6)]
    assert {(each.data.validation.of, each.data.seed, each.compare) for each in configs} == {(5, 7, None)}


def test_folds_have_a_table_with_their_interval_and_say_which_it_is(digits, tmp_path):
    run = cross_validated(tmp_path / "run", folded(digits, "model.activation=relu,tanh", base=["compare.seeds=2"]))
    results, rows = run.read_summary(), run.read_results()
    assert [row["fold"] for row in rows[:5]] == ["1", "2", "3", "4", "5"]
    own = [float(row["val_accuracy"]) for row in rows if row["variant"] == "relu"]
    assert (len(own), results["rows"][0]["seeds"]) == (10, 10)
    half = stats.t.ppf(0.975, 9) * math.sqrt((1 / 10 + 288 / 1149) * stats.tvar(own))
    row = results["rows"][0]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((row["score_mean"] - half, row["score_mean"] + half))
    assert results["verdict"] == ["no detectable difference between relu and tanh with 10 folds"]
    text = (run.path / "summary.md").read_text()
    assert "more is better; 5 folds, dealt anew with each of 2 seeds." in text
    assert "those of Nadeau and Bengio, which allow for the training rows that folds share; they say nothing" in text


def test_one_config_alone_is_cross_validated_without_a_verdict_of_order(digits, tmp_path):
    run = cross_validated(tmp_path / "run", folded(digits))
    (row,) = run.read_summary()["rows"]
    assert (row["variant"], row["score_mean"], row["score_std"]) == (
        "as-it-is",
        pytest.approx(0.83),
        pytest.approx(0.0158, abs=1e-4),
    )
    assert run.read_summary()["verdict"] == []
    assert [line.name for line in shown(run)["curves"][1].series] == ["as-it-is"]
    again = prepare(run.config_path, [])
    assert [variant.name for variant in again.agenda.variants] == ["as-it-is"]
    assert again.agenda.comparison.rules.folds == 5


def test_learning_rates_are_chosen_on_a_fold_of_a_deal_of_their_own(digits, tmp_path):
    study = folded(digits, "model.activation=relu,tanh", base=["compare.tuning_budget=3"])
    tuning = [study.job(trial, tmp_path) for trial in study.agenda.wanted() if not trial.is_final]
    assert {job.config.experiment.data.validation.plain()["seed"] for job in tuning} == {1_000_007}
    assert not any(job.options.evaluate_test for job in tuning)
    run = cross_validated(tmp_path / "run", study)
    assert run.read_summary()["rows"][0]["trainings"] == 3 + 1 + 5


def test_folds_come_out_the_same_in_any_order_and_after_an_interrupt(digits, tmp_path):
    whole = cross_validated(tmp_path / "whole", folded(digits, "model.activation=relu,tanh"))
    other = cross_validated(tmp_path / "other", folded(digits, "model.activation=relu,tanh"), last_first=True)
    half = cross_validated(tmp_path / "half", folded(digits, "model.activation=relu,tanh"), interrupt_after=4)
    cross_validated(half.path, prepare(half.config_path, []))
    for run in (other, half):
        assert run.read_results() == whole.read_results()
        assert run.read_summary() == whole.read_summary()


def test_validation_rows_are_not_varied_where_folds_choose_them(digits):
    with pytest.raises(
        ConfigError, match="are the same experiment but for the validation rows, which are those of the"
    ):
        folded(digits, "data.validation=0.1,0.2")


def test_seeds_that_all_validate_on_one_fold_need_no_correction(digits):
    study = chosen(digits, "model.activation=relu,tanh", base=["data.validation={fold: 1, of: 5}"])
    assert study.agenda.objective.scale.overlap == 0


def test_optimizers_and_several_problems_are_cross_validated(nnlab, write_config, monkeypatch, tmp_path):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: OnFolds(lambda *_: [0.5, 0.9]))
    one, two = write_config(DIGITS), tmp_path / "two.yaml"
    two.write_text(re.sub("name: .*", "name: two", DIGITS))
    done = nnlab("compare-optimizers", one, "--optimizers", "SGD,Adam", "--folds", 3, "--tuning-budget", 0, "--json")
    assert (done.code, json.loads(done.out)["folds"], json.loads(done.out)["rows"][0]["seeds"]) == (0, 3, 3)
    both = nnlab("compare", one, two, "--folds", 3, "--json")
    assert both.code == 0, both.err
    results = json.loads(both.out)
    assert list(results["problems"]) == ["digits", "two"]
    assert results["notes"] == results["problems"]["two"]["notes"]  # what holds of all is said once
    assert "the share of all their folds in which" in nnlab("runs", "show", results["run"]).out


# ----- plots, from what a run's directory holds


def compared_in(folder, study, accuracy, *, interrupt_after: int | None = None) -> Run:
    """Compare into a directory, which keeps the results, also those of a comparison that is interrupted."""
    run = Run(folder)
    with contextlib.suppress(KeyboardInterrupt):
        conduct(study, run, lambda _: Pretence(accuracy), observer=Silence(interrupt_after))
    assert run.read_summary()["status"] == run.read_info()["status"]
    return run


def shown(run: Run):
    return panels(run, run.read_summary())


def rising(kind: str, rate: float, seed: int) -> History:
    return None if rate > 0.05 else [0.1 + seed / 1000, *by_kind(kind, rate, seed)]


def test_plots_show_curves_sensitivity_and_time(digits, tmp_path):
    run = compared_in(tmp_path / "run", optimizers(digits), rising)
    assert draw(run) == ["curves", "time_to_target", "sensitivity"]
    assert {path.name for path in run.path.glob("*.svg")} == {"curves.svg", "time_to_target.svg", "sensitivity.svg"}
    assert "![sensitivity](sensitivity.svg)" in (run.path / "summary.md").read_text()


def test_curves_of_training_stand_at_the_middle_of_each_epoch_and_show_the_range_over_the_seeds(digits, tmp_path):
    run = compared_in(
        tmp_path / "run", chosen(digits, "model.activation=relu,tanh"), lambda _, __, seed: [0.5, seed / 10]
    )
    for training in run.trainings():
        training.write_history([{**row, "accuracy": row["val_accuracy"]} for row in training.read_history()])
    (line, _) = shown(run)["curves"][0].series
    assert (line.name, line.x) == ("relu", [0.5, 1.5])
    assert (line.low[1], line.y[1], line.high[1]) == pytest.approx((0.7, 0.9, 1.1))


def test_curves_show_the_loss_beside_the_metric(digits, tmp_path):
    run = compared_in(
        tmp_path / "run", chosen(digits, "model.activation=relu,tanh"), lambda _, __, seed: [0.5, seed / 10]
    )
    for training in run.trainings():
        training.write_history([{**row, "loss": 3.0, "val_loss": row["epoch"]} for row in training.read_history()])
    training, validation = shown(run)["curves"][2:]
    assert (training.title, validation.title) == ("training loss", "validation loss")
    assert (training.series[0].x, training.series[0].y) == ([0.5, 1.5], [3.0, 3.0])
    assert (validation.series[1].name, validation.series[1].y) == ("tanh", [1.0, 2.0])


def test_plots_of_an_interrupted_comparison_show_what_was_trained(digits, tmp_path):
    run = compared_in(tmp_path / "run", chosen(digits, "model.activation=relu,tanh"), rising, interrupt_after=6)
    relu, tanh = shown(run)["curves"][1].series
    assert (relu.name, relu.low[1], relu.high[1]) == ("relu", pytest.approx(0.857), pytest.approx(0.861))
    assert (tanh.name, tanh.low, tanh.high) == ("tanh", tanh.y, tanh.y)


def test_plots_of_an_interrupted_comparison_that_went_on_are_those_of_an_uninterrupted_one(digits, tmp_path):
    whole = compared_in(tmp_path / "whole", optimizers(digits), rising)
    half = compared_in(tmp_path / "half", optimizers(digits), rising, interrupt_after=5)
    compared_in(half.path, prepare(half.config_path, []), rising)
    assert shown(half) == shown(whole)


def test_failed_rates_leave_gaps_and_far_lower_scores_are_cut_off(digits, tmp_path):
    run = compared_in(tmp_path / "run", optimizers(digits, base=("compare.seeds=3", "compare.tuning_budget=5")), rising)
    sensitivity, cost = shown(run)["sensitivity"]
    sgd = sensitivity.series[0]
    assert (sgd.name, sgd.x) == ("SGD", [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
    assert [x for x, y in zip(sgd.x, sgd.y, strict=True) if math.isnan(y)] == [0.1, 0.3, 1.0]
    assert sensitivity.y_limits == cost.y_limits
    assert list(cost.series[0].y) == sorted(cost.series[0].y)


def test_a_comparison_whose_trainings_all_fail_has_no_plots(digits, tmp_path):
    run = compared_in(tmp_path / "run", optimizers(digits), lambda *_: None)
    assert draw(run) == []


def test_plots_that_an_older_directory_does_not_hold_enough_for_say_what_is_missing(digits, tmp_path):
    run = compared_in(tmp_path / "run", chosen(digits, "model.activation=relu,tanh"), rising)
    results = run.read_summary()
    del results["steps_per_epoch"]
    run.write_summary(results, "")
    with pytest.raises(NnlabError, match="does not hold `steps_per_epoch`, which plots need") as error:
        draw(run)
    assert error.value.problems[0].hint.startswith(f"`nnlab resume {run.path}` writes it anew")
    with pytest.raises(NnlabError, match="is a single training, and has no plots"):
        draw(next(run.trainings()))
    (run.path / "results.json").unlink()
    with pytest.raises(NnlabError, match="has no results yet"):
        draw(run)


# ----- the real thing

SMALL = """
seed: 3
data: {source: iris, scale: standardize}
model: {hidden: [4]}
training: {epochs: 2}
"""


def test_crashed_trials_are_told_once_a_problem_and_end_with_code_1(nnlab, write_config, monkeypatch, tmp_path):
    class Crashing(Pretence):
        def next_outcome(self) -> Outcome | None:
            outcome = super().next_outcome()
            is_tanh = outcome is not None and "tanh" in outcome.name
            return Outcome(outcome.name, "failed", {}, (), (Problem("out of memory"),)) if is_tanh else outcome

    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Crashing(lambda *_: [0.9, 0.9]))
    done = nnlab("compare", write_config(DIGITS), "--vary", "model.activation=relu,tanh", "--seeds", 2)
    assert done.code == 1
    where = "in training `02_tanh_lr0.005_seed7`, `02_tanh_lr0.005_seed8`"
    assert f"out of memory\n  {where}\n`nnlab resume runs/" in done.err
    assert "2 of 2" in done.out
    assert "relu" in (open_run("digits", tmp_path / "runs").path / "summary.md").read_text()


def test_ctrl_c_says_how_to_go_on(nnlab, write_config, monkeypatch):
    class Interrupted(Pretence):
        def next_outcome(self) -> Outcome | None:
            raise KeyboardInterrupt

    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Interrupted(lambda *_: [0.9]))
    done = nnlab("compare-optimizers", write_config(DIGITS), "--optimizers", "SGD,Adam", "-j", 2)
    assert done.code == 130
    assert "hint: `nnlab resume runs/" in done.err
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence(lambda *_: [0.9, 0.9]))
    resumed = nnlab("resume", "digits", "--json")
    assert (resumed.code, json.loads(resumed.out)["status"]) == (0, "completed")
    assert len(json.loads(resumed.out)["defaults"]["rows"]) == 2


@pytest.mark.tf
def test_a_comparison_of_real_trainings_is_the_same_whatever_the_number_of_workers(nnlab, write_config, tmp_path):
    path = write_config(SMALL)
    words = ["compare", path, "--vary", "optimizer=SGD,Adam", "--seeds", 2, "--tuning-budget", 1, "--json"]
    one, two = (json.loads(nnlab(*words, "-j", jobs).out) for jobs in (1, 2))
    timeless = [
        [{name: value for name, value in row.items() if "seconds" not in name} for row in results["rows"]]
        for results in (one, two)
    ]
    assert timeless[0] == timeless[1]
    assert [row["rank"] for row in one["rows"]] == [1, 2]
    assert set(one["rows"][0]) >= {
        "variant", "score_mean", "score_std", "ci_low", "ci_high", "seeds", "diverged", "learning_rate",
        "steps_to_target", "seconds", "rank",
    }  # fmt: skip
    trial = next(iter(open_run(one["run"], tmp_path).trials_path.iterdir()))
    assert (trial / "tensorboard" / "validation").is_dir()
    assert not (trial / "model.keras").exists()
    assert Run(trial).read_info()["status"] == "completed"


@pytest.mark.tf
def test_real_trainings_on_folds_validate_every_row_once_and_share_their_test_rows(nnlab, write_config):
    from nnlab.data.judging import data_record

    done = json.loads(nnlab("compare", write_config(SMALL), "--folds", 3, "-S", "training.epochs=1", "--json").out)
    records = [data_record(run).rows for run in Run(Path(done["run"])).trainings()]
    held = [row for rows in records for row in rows["validation"]["row"].tolist()]
    assert (len(records), len(held), len(set(held))) == (3, 120, 120)
    assert len({tuple(rows["test"]["row"]) for rows in records}) == 1
    assert all(not {*rows["train"]["row"].tolist()} & {*rows["validation"]["row"].tolist()} for rows in records)
