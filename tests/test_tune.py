"""Searches: what is proposed, what follows, how they are carried on; mostly with made-up trainings."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import multiprocessing
import pickle
from collections import deque
from collections.abc import Callable
from functools import partial

import pytest
import yaml

from nnlab.config.load import dump_config, load_config
from nnlab.config.tune import TuneConfig, seconds
from nnlab.errors import ConfigError, NnlabError, Problem
from nnlab.executor import Job, Outcome
from nnlab.objective import Objective
from nnlab.report import draw, page_of, summarize
from nnlab.report.page import markdown
from nnlab.report.search import gain_text, heads
from nnlab.report.search_plots import curves, importance, progress, value_axes
from nnlab.run import Run, open_run
from nnlab.studies.conduct import conduct
from nnlab.training_options import Limits
from nnlab.tune.oracle_process import OracleProcess
from nnlab.tune.outlook import hyperband_brackets, initial_points
from nnlab.tune.space import read_space
from nnlab.tune.study import prepare
from samples import Silence

pytestmark = pytest.mark.tf

SPACE = """
seed: 3
data: {source: iris, scale: standardize, limit: 60}
model: {hidden: {layers: 1, units: 8}, activation: relu}
optimizer: {SGD: {learning_rate: 0.01, momentum: 0.5}}
training: {epochs: 9, tensorboard: false}
tune:
  algorithm: %s
  seeds: 2
  space:
    optimizer: {choice: [sgd, adam]}
    optimizer.learning_rate: {float: [0.001, 1], sampling: log}
    optimizer.momentum: {float: [0, 0.9], step: 0.3, when: {optimizer: sgd}}
    model.hidden.units: {int: [4, 16], step: 4}
    model.hidden.layers: {int: [0, 2]}
    model.activation: {choice: [relu, null]}
"""
ALGORITHMS = ("random", "grid", "hyperband", "bayesian")
MORE = {"bayesian": ["tune.num_initial_points=4"]}
FEW = {"bayesian": 7}
"""Trials of an algorithm that thinks for long."""


def accuracy_of(experiment) -> float:
    """Make up a score with its best at a rate of 0.1 and 12 units."""
    rate = experiment.optimizer.get("learning_rate")
    return 0.9 - 0.1 * abs(math.log10(rate) + 1) - 0.01 * abs(experiment.model.hidden.units - 12)


class Pretence:
    """Pretends to train, and leaves what a training leaves; can be interrupted after some trainings.

    So many `jobs` are at work at once, of which the one that began first ends first, or `last_first`.
    """

    def __init__(
        self, score: Callable = accuracy_of, *, stop_after: int | None = None, jobs: int = 1, last_first: bool = False
    ) -> None:
        self.score = score
        self.stop_after = stop_after
        self.jobs = jobs
        self.last_first = last_first
        self.queue: deque[Job] = deque()
        self.done: list[str] = []

    def submit(self, job: Job) -> None:
        self.queue.append(job)

    def next_outcome(self) -> Outcome | None:
        if not self.queue:
            return None
        if len(self.done) == self.stop_after:
            raise KeyboardInterrupt
        at_work = list(self.queue)[: self.jobs]
        job = at_work[-1] if self.last_first else at_work[0]
        self.queue.remove(job)
        self.done.append(job.name)
        outcome = self.outcome(job)
        job.run.create(config=dump_config(job.config.experiment), source="")
        job.run.write_history(outcome.history)
        job.run.write_metrics(outcome.metrics)
        error = {"message": "it failed", "hint": None}
        job.run.write_info({"status": outcome.status, "diverged": outcome.diverged, "error": error})
        return outcome

    def outcome(self, job: Job) -> Outcome:
        experiment = job.config.experiment
        value = self.score(experiment)
        if value is None:
            return Outcome(job.name, "failed", {}, (), (Problem("the training diverged"),), diverged=True)
        if isinstance(value, str):
            return Outcome(job.name, "failed", {}, (), (Problem(value),))
        epochs = job.options.last_epoch or experiment.training.epochs
        value += experiment.seed % 10 / 1000 + epochs / 1000
        rows = [{"epoch": i, "val_accuracy": value, "seconds": 0.5} for i in range(1, epochs + 1)]
        metrics = {"validation": {"loss": 1 - value, "accuracy": value}}
        if job.options.evaluate_test:
            metrics["test"] = {"accuracy": value - 0.01}
        return Outcome(job.name, "completed", metrics, tuple(rows))

    def close(self) -> None: ...

    def __enter__(self) -> Pretence:
        return self

    def __exit__(self, *error: object) -> None: ...


class OracleHere:
    """Proposes in this process, as starting another takes longer than a search; what it is given and gives is sent."""

    seconds = 0.0

    def __init__(self, *arguments, **options) -> None:
        self.arguments, self.options = pickle.loads(pickle.dumps((arguments, options)))
        self.proposer = None

    def ask(self, number, *, recorded=None):
        from nnlab.tune.oracle import Proposer

        self.proposer = self.proposer or Proposer(*self.arguments, **self.options)
        return pickle.loads(pickle.dumps(self.proposer.ask(number, recorded=recorded)))

    def tell(self, number, score) -> None:
        self.proposer.tell(number, score)

    def __enter__(self) -> OracleHere:
        return self

    def __exit__(self, *error: object) -> None: ...


@pytest.fixture(autouse=True)
def quick_oracle(monkeypatch):
    """Let oracles propose here, and Bayesian ones look no further than a step; return how they look else."""
    import scipy.optimize

    thorough = scipy.optimize.minimize
    monkeypatch.setattr("nnlab.tune.agenda.OracleProcess", OracleHere)
    monkeypatch.setattr(scipy.optimize, "minimize", partial(thorough, options={"maxiter": 1}))
    return thorough


@pytest.fixture
def study(config):
    """Prepare a search of the common space."""

    def make(algorithm: str, *changes: str, jobs: int = 1):
        return prepare(config(SPACE % algorithm, *MORE.get(algorithm, []), *changes), jobs=jobs)

    return make


def searched(study, path, pretence: Pretence | None = None) -> Run:
    """Search, and return the run."""
    run = Run(path)
    conduct(study, run, lambda _: pretence or Pretence(), observer=Silence())
    return run


def results(run: Run) -> list[dict[str, str]]:
    """Return the rows of `results.csv` without what takes time."""
    rows = csv.DictReader(io.StringIO((run.path / "results.csv").read_text()))
    return [{name: value for name, value in row.items() if name != "thinking_seconds"} for row in rows]


def values(run: Run) -> list[dict]:
    return [entry["values"] for entry in run.read_trials()]


# ----- the space


def test_a_parameter_inside_of_a_choice_that_is_no_list_is_told_to_wait_for_those_that_are(config):
    text = """
        data: iris
        model: {hidden: [8]}
        tune:
          space:
            model.hidden: {choice: [[8], [8, 8], {layers: 3, units: 4}]}
            model.hidden.0: {int: [2, 8]}
        """
    with pytest.raises(ConfigError) as caught:
        read_space(config(text))
    (problem,) = caught.value.problems
    assert problem.path == ("tune", "space", "model.hidden.0")
    assert problem.message == "`model.hidden` is a mapping in one of its choices, without `0`"
    assert problem.hint == "`when: {model.hidden: [...]}` lets `model.hidden.0` take part where it fits"
    read_space(config(text.replace("[2, 8]", "[2, 8], when: {model.hidden: [[8], [8, 8]]}")))


def test_a_config_with_a_search_is_an_ordinary_config(config):
    loaded = config(SPACE % "random")
    assert loaded.experiment.tune.space["optimizer.learning_rate"].ends == (0.001, 1.0)


@pytest.mark.parametrize(("text", "number"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), (1800.0, 1800)])
def test_times_have_units(text, number):
    assert seconds(text) == number


def test_the_own_values_are_found_in_whatever_form_they_are_written(config):
    space = read_space(config(SPACE % "random", "tune.space=" + json.dumps({
        "model.dropout": {"float": [0, 0.5]}, "optimizer": {"choice": ["adam", "momentum", {"SGD": {"momentum": 0.5}}]},
        "optimizer.SGD.momentum": {"float": [0.1, 0.9], "when": {"optimizer": [{"SGD": {"momentum": 0.5}}]}},
        "data.scale": {"choice": [255, "standardize"]}, "model.activation": {"choice": ["relu", "gelu"]},
    }), "model.dropout=0.2", "optimizer={SGD: {momentum: 0.5}}"))  # fmt: skip
    assert space.base == {
        "model.dropout": 0.2, "optimizer": 2, "optimizer.SGD.momentum": 0.5, "data.scale": 1, "model.activation": 0,
    }  # fmt: skip


def test_the_own_values_need_not_be_in_the_space_if_they_are_not_tried(config):
    with pytest.raises(ConfigError, match="outside of the range"):
        read_space(config(SPACE % "random", "model.hidden.units=100"))
    space = read_space(config(SPACE % "random", "model.hidden.units=100", "tune.default_trial=false"))
    assert space.config.experiment.model.hidden.units == 100


def test_a_value_that_fits_only_some_choices_needs_a_condition(config):
    space = {"optimizer": {"choice": ["sgd", "adam"]}, "optimizer.amsgrad": "boolean"}
    with pytest.raises(ConfigError) as error:
        read_space(config(SPACE % "random", f"tune.space={json.dumps(space)}", "optimizer=adam"))
    (problem,) = error.value.problems
    assert problem.message == "`SGD` has no parameter `amsgrad`"
    assert problem.hint == "`when: {optimizer: [...]}` lets it take part where it fits"


# ----- what is proposed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_seed_gives_the_same_trials_and_another_others(study, tmp_path, algorithm):
    zero, again, one = (
        results(searched(study(algorithm, "tune.max_trials=6", f"seed={name[0]}"), tmp_path / name))
        for name in ("0", "0 again", "1")
    )
    assert len(zero) == 6
    assert zero == again
    assert [row["model.hidden.units"] for row in zero] != [
        row["model.hidden.units"] for row in one
    ] or algorithm == "grid"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_own_values_come_first_and_others_only_if_they_are_to(study, tmp_path, algorithm):
    own = {"optimizer.learning_rate": 0.01, "optimizer.momentum": 0.5, "model.hidden.units": 8}
    found = values(searched(study(algorithm, "tune.max_trials=3"), tmp_path / "with"))
    assert own.items() <= found[0].items()
    assert all(not own.items() <= each.items() for each in found[1:])
    without = values(searched(study(algorithm, "tune.max_trials=3", "tune.default_trial=false"), tmp_path / "without"))
    assert not own.items() <= without[0].items()


def test_what_does_not_take_part_has_no_value(study, tmp_path):
    found = values(searched(study("random", "tune.max_trials=20"), tmp_path / "run"))[1:]
    assert {each["optimizer"] for each in found} == {"sgd", "adam"}
    assert all(("optimizer.momentum" in each) == (each["optimizer"] == "sgd") for each in found)
    assert all(each["optimizer.momentum"] in (0, 0.3, 0.6, 0.9) for each in found if each["optimizer"] == "sgd")


@pytest.mark.parametrize("algorithm", ["random", "grid", "bayesian"])
def test_a_small_space_is_searched_to_its_last_value_and_nothing_twice(study, tmp_path, algorithm):
    space = {
        "model.hidden.layers": {"int": [1, 3]}, "model.activation": {"choice": ["relu", "gelu"]},
        "training.batch_size": {"int": [8, 32], "step": 2, "sampling": "log", "when": {"model.hidden.layers": [1, 2]}},
    }  # fmt: skip
    run = searched(study(algorithm, "tune.max_trials=100", f"tune.space={json.dumps(space)}"), tmp_path / "run")
    found = {tuple(each.items()) for each in values(run)}
    assert len(found) == len(values(run)) == 2 * (2 * 3 + 1)


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [
        ("random", ["tune.max_trials=9"]),
        ("random", ["tune.max_trials=12", "tune.median_stopping={after_trials: 3}"]),
        ("grid", ["tune.max_trials=9"]),
        ("hyperband", ["tune.executions_per_trial=2"]),
        ("bayesian", ["tune.max_trials=9", "tune.num_initial_points=3"]),
    ],
)
def test_no_result_depends_on_how_many_are_trained_at_once(study, tmp_path, algorithm, changes):
    def score(experiment):
        return None if experiment.model.hidden.units == 16 else accuracy_of(experiment)

    found = []
    for jobs, last_first in ((1, False), (2, True), (3, False), (8, True)):
        prepared = study(algorithm, *changes, jobs=jobs)
        run = searched(prepared, tmp_path / f"{jobs}", Pretence(score, jobs=jobs, last_first=last_first))
        trials = [{**entry, "thinking_seconds": None} for entry in run.read_trials()]
        document_ = {**prepared.agenda.document(run="", status="completed"), "thinking_seconds": None}
        found.append((results(run), trials, document_, load_config(run.best_path).experiment))
    assert len(found[0][1]) >= 9
    assert all(each == found[0] for each in found[1:])


def test_the_config_says_how_far_the_proposals_are_ahead_of_the_outcomes(study, tmp_path):
    for ahead in (1, 3):
        prepared = study("bayesian", "tune.max_trials=6", f"tune.ahead={ahead}", jobs=8)
        run = searched(prepared, tmp_path / f"{ahead}", Pretence(jobs=8, last_first=True))
        assert [entry["told"] for entry in run.read_trials()] == [max(0, number - ahead + 1) for number in range(6)]


def test_a_bayesian_search_keeps_away_from_where_trainings_diverge(config, monkeypatch, quick_oracle):
    from nnlab.tune.oracle import Proposer

    monkeypatch.setattr("scipy.optimize.minimize", quick_oracle)
    loaded = config("""
        data: iris
        model: {hidden: [4]}
        optimizer: {Adam: {learning_rate: 0.01}}
        tune:
          algorithm: bayesian
          num_initial_points: 6
          space: {optimizer.learning_rate: {float: [0.0001, 10], sampling: log}}
    """)
    proposer = Proposer(read_space(loaded), loaded.experiment.tune, direction="max", seed=1, max_epochs=1)
    diverged = []
    for number in range(14):
        rate = proposer.ask(number).codes["optimizer.learning_rate"]
        diverged.append(rate > 0.1)  # the better the higher, up to there
        proposer.tell(number, None if diverged[-1] else math.log10(rate))
    assert any(diverged[:6])
    assert sum(diverged[6:]) <= 2


@pytest.mark.parametrize(
    ("trials", "dimensions", "given", "points"), [(10, 7, None, 3), (60, 7, None, 20), (90, 7, None, 21), (9, 2, 8, 8)]
)
def test_a_third_of_the_trials_is_drawn_at_random_before_bayesian_search_learns(trials, dimensions, given, points):
    section = TuneConfig.read(
        {"algorithm": "bayesian", "num_initial_points": given, "space": {"seed": {"int": [0, 1]}}}
    )
    assert initial_points(section, dimensions, trials) == points


# ----- what is said before


def advice(study) -> dict[str, str]:
    return {each.rule: each.message for each in study.advice}


def test_a_bayesian_search_that_draws_at_random_says_so(study):
    few = advice(study("bayesian", "tune.max_trials=6", "tune.num_initial_points=null"))["random-bayesian"]
    assert few.startswith("all 6 trials of this Bayesian search are drawn at random: it learns from 3 outcomes first")
    most = advice(study("bayesian", "tune.max_trials=12"))["random-bayesian"]
    assert most.startswith("7 of the 12 trials")
    assert not advice(study("bayesian", "tune.max_trials=14"))
    assert not advice(study("bayesian", "tune.max_trials=8", "tune.ahead=1"))


def test_a_hyperband_search_that_halves_nothing_says_so(study, tmp_path):
    assert hyperband_brackets(9, 3) == [[9, 3, 1], [5, 2], [3]]
    prepared = study("hyperband", "tune.max_trials=12")
    assert "none of 12 trials of this Hyperband search is trained to its 9 epochs" in advice(prepared).values()
    assert {entry["epochs"] for entry in searched(prepared, tmp_path / "run").read_trials()} == {1, 3}
    assert "which take 23 trials" in advice(study("hyperband", "tune.max_trials=22"))["short-hyperband"]
    assert not advice(study("hyperband", "tune.max_trials=23"))
    assert len(searched(study("hyperband"), tmp_path / "whole").read_trials()) == 23
    random = advice(study("hyperband", "training.epochs=2"))["short-hyperband"]
    assert random == "no training of this Hyperband search is cut short: it is a random search of 2 trials"


@pytest.mark.parametrize("algorithm", ["random", "grid"])
def test_a_search_for_more_than_there_is_says_how_much_there_is(study, tmp_path, algorithm):
    space = {
        "optimizer": {"choice": ["sgd", "adam"]},
        "optimizer.momentum": {"float": [0, 0.5], "step": 0.25, "when": {"optimizer": "sgd"}},
    }
    prepared = study(algorithm, "tune.max_trials=50", f"tune.space={json.dumps(space)}")
    assert advice(prepared) == {"small-space": "the space holds 4 sets of values, fewer than 50"}
    assert len(searched(prepared, tmp_path / "run").read_trials()) == 4
    one = study(algorithm, 'tune.space={"model.hidden.layers": {"int": [1, 1]}}')
    assert advice(one) == {"one-point": "the space holds one set of values alone"}


def test_more_jobs_than_trials_that_may_be_under_way_are_idle(study):
    idle = advice(study("bayesian", "tune.max_trials=30", jobs=9))["idle-jobs"]
    assert idle == "of 9 trainings at once 4 have something to do: the others wait for outcomes"
    assert not advice(study("bayesian", "tune.max_trials=30", "tune.executions_per_trial=3", jobs=9))
    assert not advice(study("random", "tune.max_trials=30", jobs=9))


def test_what_no_trial_can_be_judged_by_is_refused_before_anything_is_trained(config):
    space = {"training.metrics": {"choice": [["accuracy"], ["sparse_categorical_accuracy"]]}}
    with pytest.raises(ConfigError, match=r"with a list of 1 for `training.metrics`: there is no metric `accuracy`"):
        prepare(config(SPACE % "random", f"tune.space={json.dumps(space)}", "training.metrics=[accuracy]"))
    losses = {"training.loss": {"choice": ["mse", "mae"]}}
    plain = "data: {source: inline, columns: {x: [1, 2, 3, 4], y: [1, 2, 3, 5]}, target: y, validation: 2}\n"
    with pytest.raises(ConfigError, match="the values of different losses cannot be compared"):
        prepare(
            config(
                plain
                + f"model: {{hidden: [2]}}\ntraining: {{loss: mse, metrics: []}}\ntune: {{space: {json.dumps(losses)}}}"
            )
        )
    columns = {"data.features": {"choice": [[0, 1], [0, 9]]}}
    with pytest.raises(ConfigError, match="there is no column 9"):
        prepare(config(SPACE % "random", f"tune.space={json.dumps(columns)}", "data.features=[0, 1]"))
    with pytest.raises(ConfigError, match=r"`training\.threads` cannot be searched"):
        prepare(config(SPACE % "random", 'tune.space={"training.threads": {"choice": [1, 2]}}'))


def test_bayesian_search_comes_nearer_to_the_best_than_chance(study, tmp_path, monkeypatch, quick_oracle):
    monkeypatch.setattr("scipy.optimize.minimize", quick_oracle)
    space = {
        "optimizer.learning_rate": {"float": [0.001, 1], "sampling": "log"},
        "model.hidden.units": {"int": [4, 64]},
    }
    best = {}
    for algorithm in ("random", "bayesian"):
        prepared = study(algorithm, "tune.max_trials=12", f"tune.space={json.dumps(space)}")
        best[algorithm] = searched(prepared, tmp_path / algorithm).read_info()["best"]["score"]
    assert best["bayesian"] > best["random"]


def test_hyperband_carries_the_best_on_and_counts_only_whole_trainings(study, tmp_path):
    run = searched(study("hyperband"), tmp_path / "run")
    trials = run.read_trials()
    assert {entry["epochs"] for entry in trials} == {1, 3, 9}
    for entry in trials:
        if entry["continues"] is not None:
            past = trials[entry["continues"]]
            assert past["values"] == entry["values"]
            assert past["epochs"] < entry["epochs"]
    assert trials[int(run.read_info()["best"]["trial"])]["epochs"] == 9


def test_in_hyperband_a_failed_trial_does_not_keep_its_round_from_ending(study, tmp_path):
    def score(experiment):
        return "out of memory" if experiment.model.hidden.units in (4, 16) and experiment.model.activation else 0.5

    run = searched(study("hyperband"), tmp_path / "run", Pretence(score))
    trials = run.read_trials()
    failed = [entry for entry in trials if entry["status"] == "failed"]
    assert failed
    assert len([entry for entry in trials if entry["epochs"] == 9 and entry["continues"] is not None]) >= 2
    assert all(
        trials[entry["continues"]]["status"] == "completed" for entry in trials if entry["continues"] is not None
    )


# ----- nothing is lost


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_search_that_is_interrupted_again_and_again_comes_out_the_same(study, tmp_path, algorithm, jobs):
    count = f"tune.max_trials={FEW.get(algorithm, 14)}"
    whole = searched(study(algorithm, count, jobs=jobs), tmp_path / "whole")
    run, done = Run(tmp_path / "parts"), []
    prepared = study(algorithm, count, jobs=jobs)
    for stop_after in (0, 1, 3, 1, None):
        pretence = Pretence(stop_after=stop_after)
        if stop_after is None:
            conduct(prepared, run, lambda _, pretence=pretence: pretence, observer=Silence())
        else:
            with pytest.raises(KeyboardInterrupt):
                conduct(prepared, run, lambda _, pretence=pretence: pretence, observer=Silence())
            assert run.read_info()["status"] == "interrupted"
        done += pretence.done
        prepared = prepare(load_config(run.config_path))
    assert results(run) == results(whole)
    assert len(done) == len(set(done))


def test_a_search_goes_on_for_longer_when_it_is_told_to(study, tmp_path, nnlab, monkeypatch):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence())
    searched(study("random", "tune.max_trials=4"), tmp_path / "runs" / "run")
    resumed = json.loads(nnlab("resume", tmp_path / "runs" / "run", "--max-trials", 7, "--json").out)
    assert (resumed["trials"], resumed["status"]) == (7, "completed")
    assert results(Run(tmp_path / "runs" / "run")) == results(
        searched(study("random", "tune.max_trials=7"), tmp_path / "whole")
    )


def test_no_trial_begins_after_the_time_is_over(study, tmp_path):
    run = searched(study("random", "tune.max_trials=50", "tune.max_time=0.000001"), tmp_path / "run")
    assert run.read_trials() == []
    assert run.read_info()["status"] == "failed"


def test_what_the_oracle_was_told_of_a_trial_that_crashed_stays_so(study, tmp_path):
    broken = {"is": True}

    def score(experiment):
        crashes = broken["is"] and experiment.model.hidden.units == 8
        return "no space left" if crashes else accuracy_of(experiment)

    def go_on(stop_after):
        pretence = Pretence(score, stop_after=stop_after)
        conduct(prepare(load_config(run.config_path)), run, lambda _: pretence, observer=Silence())

    run = Run(tmp_path / "run")
    first = Pretence(score, stop_after=14)
    with pytest.raises(KeyboardInterrupt):
        conduct(study("hyperband"), run, lambda _: first, observer=Silence())
    known = [entry["codes"] for entry in run.read_trials()]
    assert any(entry["status"] == "failed" for entry in run.read_trials())
    broken["is"] = False  # what crashed is trained again, and succeeds
    with pytest.raises(KeyboardInterrupt):
        go_on(5)
    go_on(None)
    assert [entry["codes"] for entry in run.read_trials()][: len(known)] == known
    assert {entry["status"] for entry in run.read_trials()} == {"completed"}


def test_an_older_search_goes_on_as_far_ahead_as_it_began(study, tmp_path, nnlab, monkeypatch):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence())
    changes = ["tune.max_trials=7", "tune.num_initial_points=3", "tune.ahead=2"]
    whole = searched(study("bayesian", *changes), tmp_path / "whole")
    run = Run(tmp_path / "runs" / "run")
    with pytest.raises(KeyboardInterrupt):
        searched(study("bayesian", *changes), run.path, Pretence(stop_after=3))
    config = yaml.safe_load(run.config_path.read_text())
    del config["tune"]["ahead"]
    run.rewrite_config(yaml.safe_dump(config, sort_keys=False))
    run.write_info({**run.read_info(), "behind": 2})
    for entry in run.read_trials():
        run.write_trial(entry["trial"], {key: entry[key] for key in entry if key != "learnt"})
    assert nnlab("resume", run.path, "-q").code == 0
    assert results(run) == results(whole)
    assert load_config(run.config_path).experiment.tune.ahead == 2


def test_the_checkpoints_of_a_search_that_is_over_are_kept_as_long_as_a_crashed_trial_may_go_on_from_them(
    study, tmp_path
):
    crashed = []

    class Leaving(Pretence):
        def next_outcome(self) -> Outcome | None:
            job = next(iter(self.queue), None)
            outcome = super().next_outcome()
            if outcome is not None and job.options.keep_checkpoint:
                job.run.checkpoint_path.parent.mkdir()
            return outcome

        def outcome(self, job: Job) -> Outcome:
            if job.options.continues is not None and not crashed:
                crashed.append(job.options.continues)
                return Outcome(job.name, "failed", {}, (), (Problem("no space left"),))
            return super().outcome(job)

    run = searched(study("hyperband"), tmp_path / "run", Leaving())
    assert run.read_info()["status"] == "failed"
    assert crashed[0].checkpoint_path.parent.is_dir()
    searched(prepare(load_config(run.config_path)), run.path, Leaving())
    assert run.read_info()["status"] == "completed"
    assert not list(run.path.glob("trials/*/checkpoints"))


def test_a_failing_trial_is_recorded_and_the_search_goes_on(study, tmp_path):
    run = searched(
        study("random", "tune.max_trials=12"),
        tmp_path / "run",
        Pretence(lambda e: "out of memory" if e.model.hidden.layers == 1 else accuracy_of(e)),
    )
    rows = results(run)
    assert len(rows) == 12
    assert {row["error"] for row in rows if row["status"] == "failed"} == {"out of memory"}
    assert run.read_info()["status"] == "failed"
    assert run.read_info()["failed"] == sum(row["status"] == "failed" for row in rows) > 0


def test_three_failures_in_a_row_stop_the_search_and_are_tried_again_later(study, tmp_path):
    run = searched(study("random", "tune.max_trials=12"), tmp_path / "run", Pretence(lambda _: "no space left"))
    assert 3 <= len(run.read_trials()) <= 5
    again = prepare(load_config(run.config_path))
    searched(again, run.path)
    assert [row["status"] for row in results(run)] == ["completed"] * 12


def test_trials_that_diverge_are_results_and_do_not_stop_the_search(study, tmp_path):
    run = searched(
        study("bayesian", "tune.max_trials=12"),
        tmp_path / "run",
        Pretence(lambda e: None if e.model.activation else 0.5),
    )
    statuses = [row["status"] for row in results(run)]
    assert len(statuses) == 12
    assert set(statuses) == {"diverged", "completed"}
    assert run.read_info()["status"] == "completed"


# ----- what follows


def test_several_seeds_a_trial_are_kept_each_and_the_mean_decides(study, tmp_path):
    run = searched(study("random", "tune.max_trials=3", "tune.executions_per_trial=3"), tmp_path / "run")
    row = results(run)[0]
    scores = [float(row[f"score_seed{seed}"]) for seed in (3, 4, 5)]
    assert float(row["val_accuracy"]) == pytest.approx(sum(scores) / 3)
    assert {path.name for path in run.trials_path.glob("0000*")} >= {"0000", "0000_seed4", "0000_seed5"}


def test_the_best_is_trained_with_fresh_seeds_and_test_rows_are_looked_at_only_then(study, tmp_path):
    prepared = study("random", "tune.max_trials=4")
    run = searched(prepared, tmp_path / "run")
    results_ = prepared.agenda.document(run="x", status="completed")
    assert list(results_["fresh"]["scores"]) == [1_000_003, 1_000_004]
    assert results_["fresh"]["test_mean"] is not None
    assert results_["fresh"]["ci_low"] <= results_["fresh"]["score_mean"] <= results_["fresh"]["ci_high"]
    assert not any("test" in Run(run.trials_path / entry["trial"]).read_metrics() for entry in run.read_trials())
    assert "trained again with 2 fresh seeds" in markdown(page_of(results_), name="x")


def test_of_less_is_better_the_smallest_wins(study, tmp_path):
    run = searched(study("random", "tune.max_trials=6", "tune.objective=val_loss"), tmp_path / "run")
    assert run.read_info()["best"]["score"] == min(float(row["val_loss"]) for row in results(run))


def test_the_best_config_is_an_ordinary_config(study, tmp_path):
    run = searched(study("random", "tune.max_trials=6"), tmp_path / "run")
    best = run.read_info()["best"]
    loaded = load_config(run.best_path)
    assert loaded.experiment.tune is None
    assert loaded.experiment.seed == 3
    assert loaded.experiment.optimizer.get("learning_rate") == best["values"]["optimizer.learning_rate"]
    assert yaml.safe_load(run.best_path.read_text())["model"]["hidden"]["units"] == best["values"]["model.hidden.units"]


def test_the_configs_own_data_are_loaded_once_however_many_others_trials_have(config, monkeypatch):
    from nnlab.data import loading

    limits, load = [], loading.load_data
    monkeypatch.setattr(loading, "load_data", lambda data, **more: limits.append(data.limit) or load(data, **more))
    space = "tune.space={data.limit: {choice: [60, 50, 40]}, optimizer.momentum: {float: [0.0, 0.9]}}"
    prepare(config(SPACE % "random", space))
    assert limits == [60, 50, 40]


def test_hopeless_trials_are_those_below_the_median_at_an_epoch():
    accuracy, loss = Objective("val_accuracy", "max"), Objective("val_loss", "min")
    assert Limits(accuracy, ()).missed([0.5, 0.5]) is None
    assert Limits(accuracy, (None, 0.6)).missed([0.5]) is None
    assert Limits(accuracy, (None, 0.6)).missed([0.5, 0.4]) == (0.5, 0.6)
    assert Limits(accuracy, (None, 0.6)).missed([0.7, 0.5]) is None
    assert Limits(accuracy, (0.6,)).missed([math.nan]) == (-math.inf, 0.6)
    assert Limits(loss, (None, 0.4)).missed([0.7, 0.5]) == (0.5, 0.4)


def test_limits_for_hopeless_trials_are_medians_of_those_before(study, tmp_path):
    prepared = study(
        "random", "tune.max_trials=8", "tune.median_stopping={after_trials: 3, after_epochs: 2}", "tune.ahead=1"
    )
    run = searched(prepared, tmp_path / "run")
    limits = [entry["stop_below"] for entry in run.read_trials()]
    assert limits[0] == []
    assert limits[-1][0] is None
    scores = sorted(entry["score"] for entry in run.read_trials()[: run.read_trials()[5]["told"]])
    assert limits[5][1] == pytest.approx(scores[len(scores) // 2] if len(scores) % 2 else sum(scores[1:3]) / 2, abs=0.2)


def test_the_plots_show_what_was_tried(study, tmp_path):
    prepared = study("random", "tune.max_trials=14")
    run = searched(prepared, tmp_path / "run")
    summarize(run, prepared.agenda.document(run=str(run.path), status="completed"))
    assert draw(run) == ["progress", "curves", "parameters", "parallel", "importance"]
    drawn = {path: path.read_bytes() for path in run.path.glob("*.svg")}
    (run.path / "trials" / "0013.json").touch()
    assert draw(run) == ["progress", "curves", "parameters", "parallel", "importance"]
    assert {path: path.read_bytes() for path in run.path.glob("*.svg")} == drawn
    shares = importance(value_axes(run.read_summary()["space"]), run.read_trials())
    assert next(iter(shares)) == "optimizer.learning_rate"
    assert sum(shares.values()) == pytest.approx(1)


def test_the_curves_are_those_of_the_trials_with_the_best_on_top_and_show_the_loss_too(study, tmp_path):
    prepared = study("random", "tune.max_trials=4")
    run = searched(prepared, tmp_path / "run")
    for entry in run.read_trials():
        trial = Run(run.trials_path / entry["trial"])
        trial.write_history([{**row, "val_loss": row["epoch"] / 10} for row in trial.read_history()])
    objective = prepared.agenda.objective
    best = max(run.read_trials(), key=lambda entry: objective.sign * entry["score"])
    decides, loss = curves(run, run.read_trials(), [best], objective)
    assert (decides.title, loss.title) == (objective.column, "val_loss")
    history = Run(run.trials_path / best["trial"]).read_history()
    assert (len(decides.series), decides.series[-1].name) == (4, f"best: {best['trial']}")
    assert decides.series[-1].y == [row[objective.column] for row in history]
    assert loss.series[-1].y == [row["val_loss"] for row in history]


def test_the_best_so_far_of_hyperband_is_that_of_trials_that_were_trained_to_the_end(study, tmp_path):
    prepared = study("hyperband")
    run = searched(prepared, tmp_path / "run")
    scores, best = progress(run.read_trials(), prepared.agenda.objective).series
    assert scores.y == [prepared.agenda.search.score(trial) for trial in prepared.agenda.search.candidates]
    search = prepared.agenda.search
    whole = [search.score(trial) if trial in search.ranked else -math.inf for trial in search.candidates]
    so_far = list(itertools.accumulate(whole, max))
    assert [-math.inf if math.isnan(value) else value for value in best.y] == so_far


def test_a_parameter_has_its_place_on_an_axis_and_its_value_in_words(study):
    space = study("random").agenda.document(run="x", status="completed")["space"]
    axes = {axis.path: axis for axis in value_axes(space)}
    rate, units, activation = (
        axes[path] for path in ("optimizer.learning_rate", "model.hidden.units", "model.activation")
    )
    assert [rate.place(code) for code in (0.001, 0.1, None)] == pytest.approx([0, 2 / 3, 1 / 3])
    assert [(units.text(code), units.place(code)) for code in units.marks] == [("4", 0), ("16", 1)]
    assert [activation.text(code) for code in activation.marks] == ["relu", "null"]


def test_heads_are_as_long_as_they_must_be_and_no_bare_numbers():
    assert heads(["a.units", "b.units", "c.rate"]) == ["a.units", "b.units", "rate"]
    assert heads(["model.hidden.0", "model.layers.0.units"]) == ["hidden.0", "units"]
    assert heads(["model.layers.0.units", "model.layers.1.units"]) == ["layers.0.units", "layers.1.units"]


def test_what_the_search_gained_over_the_configs_own_values_is_said(study, tmp_path):
    prepared = study("random", "tune.max_trials=6")
    run = searched(prepared, tmp_path / "run")
    found = prepared.agenda.document(run="x", status="completed")
    scores = [entry["score"] for entry in run.read_trials()]
    assert found["own"] == {"trial": "0000", "status": "completed", "score": scores[0], "gain": max(scores) - scores[0]}
    text = (
        f"the best, as it was chosen: val_accuracy {max(scores):.4f}, "
        f"the config's own values {scores[0]:.4f} (+{max(scores) - scores[0]:.4f})"
    )
    assert gain_text(found) == text
    written = markdown(page_of(found), name="x")
    assert written.index("trained again with 2 fresh seeds") < written.index(text[1:]) < written.index("| trial |")
    without = study("random", "tune.max_trials=3", "tune.default_trial=false")
    searched(without, tmp_path / "without")
    assert gain_text(without.agenda.document(run="x", status="completed")) is None


def test_nothing_is_gained_over_what_diverged_or_was_not_trained_as_long(study, tmp_path):
    prepared = study("random", "tune.max_trials=6")
    searched(prepared, tmp_path / "run", Pretence(lambda e: None if e.model.hidden.units == 8 else accuracy_of(e)))
    assert gain_text(prepared.agenda.document(run="x", status="completed")).endswith("the config's own values diverged")
    short = study("hyperband")
    searched(short, tmp_path / "short", Pretence(lambda e: 0.1 if e.model.hidden.units == 8 else accuracy_of(e)))
    found = short.agenda.document(run="x", status="completed")
    assert found["own"]["gain"] is None
    assert gain_text(found).endswith("the config's own values were not trained as long")


# ----- folds


def test_a_score_is_the_mean_over_the_folds_of_which_each_repeat_has_its_own(study, tmp_path):
    prepared = study("random", "tune.max_trials=3", "tune.folds=3", "tune.executions_per_trial=2")
    run = searched(prepared, tmp_path / "run", Pretence(lambda e: accuracy_of(e) + 0.01 * e.data.validation.fold))
    row = results(run)[0]
    names = [f"score_seed{seed}_fold{fold}" for seed in (3, 4) for fold in (1, 2, 3)]
    scores = [float(row[name]) for name in names]
    assert float(row["val_accuracy"]) == pytest.approx(sum(scores) / 6)
    assert scores[2] - scores[0] == pytest.approx(0.02)
    runs = [Run(run.trials_path / name) for name in ("0000", "0000_seed3_fold2", "0000_seed4_fold1")]
    folds = [load_config(each.config_path).experiment.data.validation.plain() for each in runs]
    assert folds == [{"fold": f, "of": 3, "seed": seed} for f, seed in ((1, 3), (2, 3), (1, 4))]


def test_the_best_is_trained_again_on_folds_dealt_anew_and_its_config_says_which_rows_validate(study, tmp_path):
    prepared = study("random", "tune.max_trials=3", "tune.folds=3", "tune.seeds=4")
    run = searched(prepared, tmp_path / "run", Pretence(lambda e: accuracy_of(e) - 0.05 * e.data.validation.fold))
    finals = sorted(run.trials_path.glob("best_*"))
    folds = [load_config(Run(path).config_path).experiment.data.validation.plain() for path in finals]
    assert [(each["fold"], each["seed"]) for each in folds] == [
        (1, 1_000_003), (2, 1_000_003), (3, 1_000_003), (1, 1_000_004),
    ]  # fmt: skip
    found = prepared.agenda.document(run="x", status="completed")
    scores, fresh = list(found["fresh"]["scores"].values()), found["fresh"]
    error = math.sqrt((1 / 4 + 40 / 60) * sum((s - fresh["score_mean"]) ** 2 for s in scores) / 3)
    assert (fresh["score_mean"] - fresh["ci_low"]) / error == pytest.approx(3.1824, abs=1e-3)
    text = markdown(page_of(found), name="x")
    assert "3 trials, each over 3 folds" in text
    assert "trained again with 4 fresh seeds, each with a fold dealt anew: " in text
    assert "those of Nadeau and Bengio" in text
    assert ": the mean over 3 folds, of which these validation rows are the first\n" in run.best_path.read_text()
    assert load_config(run.best_path).experiment.data.validation.plain() == {"fold": 1, "of": 3, "seed": 3}


@pytest.mark.parametrize("algorithm", ["random", "hyperband"])
def test_a_search_over_folds_that_is_interrupted_comes_out_the_same_whatever_the_jobs(study, tmp_path, algorithm):
    changes = ("tune.max_trials=6", "tune.folds=2")
    whole = searched(study(algorithm, *changes), tmp_path / "whole", Pretence(jobs=3, last_first=True))
    run = Run(tmp_path / "parts")
    with pytest.raises(KeyboardInterrupt):
        searched(study(algorithm, *changes), run.path, Pretence(stop_after=5))
    searched(prepare(load_config(run.config_path)), run.path)
    assert results(run) == results(whole)


def test_hyperband_carries_on_the_training_of_each_fold(study, tmp_path):
    prepared = study("hyperband", "tune.folds=2")
    searched(prepared, tmp_path / "run")
    later = next(each for each in prepared.agenda.search.candidates if each.continues is not None)
    jobs = [prepared.job(trial, tmp_path) for trial in prepared.agenda.search.trials(later)]
    before = f"{later.continues:04}"
    assert [job.options.continues.path.name for job in jobs] == [before, f"{before}_seed3_fold2"]


def test_the_median_rule_does_not_go_with_folds(study):
    with pytest.raises(
        ConfigError, match="`median_stopping` compares trainings on the same validation rows, and each fold"
    ):
        study("random", "tune.folds=3", "tune.median_stopping=true")


# ----- the command


def test_the_command_prints_what_the_contract_says(nnlab, write_config, monkeypatch):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence())
    path = write_config(SPACE % "random")
    done = nnlab("tune", path, "--max-trials", 4, "--json")
    printed = json.loads(done.out)
    assert done.code == 0
    assert set(printed) >= {"run", "status", "best", "trials", "failed"}
    assert set(printed["best"]) == {"values", "score", "trial"}
    assert (printed["trials"], printed["failed"]) == (4, 0)
    assert "4 trials" in nnlab("runs", "ls").out
    assert "random search for val_accuracy" in nnlab("runs", "show", "experiment").out
    assert (
        open_run(
            printed["run"], open_run("experiment", Run.new.__self__ and __import__("pathlib").Path("runs")).path
        ).path
        / "results.csv"
    ).exists()


def test_another_algorithm_leaves_the_options_of_the_configs_own_out(nnlab, write_config, monkeypatch):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence())
    path = write_config((SPACE % "hyperband").replace("seeds: 2", "seeds: 0\n  factor: 4"))
    assert nnlab("tune", path, "--algorithm", "grid", "--max-trials", 2, "-q").code == 0
    wrong = nnlab("tune", path, "--algorithm", "evolution")
    assert wrong.code == 2
    assert "unknown value `evolution`" in wrong.err


def test_a_search_without_a_section_or_validation_rows_is_refused(nnlab, write_config):
    plain = "data: iris\nmodel: {hidden: [4]}\n"
    assert "the config has no `tune` section" in nnlab("tune", write_config(plain)).err
    done = nnlab("tune", write_config(SPACE % "random"), "-S", "data.validation=0")
    assert "experiment" in done.err or "data.validation" in done.err
    assert "a search needs validation rows" in done.err
    assert (
        "the model has no metric `acuracy`"
        in nnlab("tune", write_config(SPACE % "random"), "--objective", "acuracy").err
    )


def test_ctrl_c_says_how_to_go_on(nnlab, write_config, monkeypatch):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence(stop_after=2))
    done = nnlab("tune", write_config(SPACE % "random"))
    assert done.code == 130
    assert "hint: `nnlab resume runs/" in done.err


def test_an_oracle_that_is_killed_ends_the_search_with_code_1_and_it_can_go_on(nnlab, write_config, monkeypatch):
    def score(experiment):
        for child in multiprocessing.active_children():
            child.kill()
        return accuracy_of(experiment)

    monkeypatch.setattr("nnlab.tune.agenda.OracleProcess", OracleProcess)
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence(score))
    done = nnlab("tune", write_config(SPACE % "random"))
    assert done.code == 1
    assert "the process that proposes trials has died (signal SIGKILL)" in done.err
    assert "trainings that had not ended are lost; what was tried so far is in runs/" in done.err
    assert "hint: `nnlab resume runs/" in done.err
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence())
    assert nnlab("resume", "experiment", "-q").code == 0


def test_what_a_search_is_like_is_said_before_it_starts(nnlab, write_config, monkeypatch):
    monkeypatch.setattr("nnlab.executor.Workers", lambda *_, **__: Pretence())
    done = nnlab("tune", write_config(SPACE % "bayesian"), "--max-trials", 3)
    assert done.code == 0
    said = done.err.index("advice[random-bayesian]: all 3 trials of this Bayesian search are drawn at random")
    assert said < done.err.index("bayesian search over 6 values")


def test_validate_says_what_a_search_will_be_like(nnlab, write_config):
    text = (SPACE % "hyperband").replace("seeds: 2", "seeds: 2\n  max_trials: 12")
    done = nnlab("validate", write_config(text))
    assert done.code == 0
    assert done.out == f"{write_config(text)}: ok\n"
    assert "advice[short-hyperband]: none of 12 trials of this Hyperband search is trained to its 9 epochs" in done.err


def test_a_search_that_comes_out_otherwise_is_not_carried_on(study, tmp_path):
    run = searched(study("hyperband", "tune.max_trials=12", "tune.ahead=1"), tmp_path / "run")
    record = run.read_trials()[9]
    run.write_trial("0009", {**record, "continues": None})
    with pytest.raises(NnlabError, match="cannot be carried on from trial 0009"):
        searched(prepare(load_config(run.config_path)), run.path)
