"""Which way is better: from the metric itself, whatever it is called, wherever results are compared."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnlab import catalog
from nnlab.compare.study import prepare as prepare_comparison
from nnlab.compare.variants import from_options
from nnlab.errors import ConfigError
from nnlab.model.plan import deciding_columns, history_columns
from nnlab.objective import Objective, choose_objective, directions
from nnlab.run import Run, open_run
from nnlab.tune.study import prepare as prepare_search

LINE = """
name: line
data: {{source: csv, path: line.csv, target: y}}
model: {{hidden: []}}
optimizer: {{Adam: 0.1}}
training: {{epochs: 3, tensorboard: false, metrics: [{metrics}]}}
tune: {{algorithm: grid, seeds: 0, space: {{optimizer.learning_rate: {{choice: [0.0000001, 0.1, 1.0]}}}}}}
compare: {{seeds: 3}}
"""

TWO = """
name: two
data: {source: inline, columns: {a: [1, 2, 3, 4, 5, 6], y: [1, 0, 1, 0, 1, 0], z: [1, 2, 3, 4, 5, 6]},
  validation: 1, test: 1, features: [a],
  target: {error: y, loss_of_memory: z}, task: {error: binary, loss_of_memory: regression}}
model:
  type: functional
  inputs: {a: {features: [a]}}
  layers: {error: {Dense: {units: 1, activation: sigmoid}, from: a}, loss_of_memory: {Dense: 1, from: a}}
  outputs: [error, loss_of_memory]
training: {metrics: {error: [accuracy, {recall: {name: entropy}}], loss_of_memory: [{r2_score: {name: hinge}}, mae]}}
tune: {algorithm: grid, objective: %s, space: {optimizer.learning_rate: {choice: [0.001, 0.2]}}}
"""


@pytest.fixture
def line(tmp_path, write_config):
    """Write a config on a straight line; the argument names its metrics."""
    x = np.random.default_rng(0).normal(size=120)
    rows = "\n".join(f"{value:.4f},{3 * value:.4f}" for value in x)
    (tmp_path / "line.csv").write_text(f"x,y\n{rows}\n")
    return lambda metrics: write_config(LINE.format(metrics=metrics), "line.yaml")


def test_an_objective_compares_by_its_direction():
    low, high = Objective("val_rmse", "min"), Objective("val_auc", "max")
    assert (low.metric, low.sign, high.sign) == ("rmse", -1, 1)
    assert low.is_better(0.1, 0.2)
    assert high.is_better(0.2, 0.1)
    assert low.is_better(1e9, low.worst)
    assert high.is_better(-1e9, high.worst)
    assert not low.is_better(0.1, 0.1)


def test_every_loss_is_to_be_small_and_every_metric_says_its_direction_but_for_counts():
    assert {entry.direction for entry in catalog.entries("losses").values()} == {"min"}
    silent = {name for name, entry in catalog.entries("metrics").items() if entry.direction is None}
    assert silent == {"true_positives", "true_negatives", "false_positives", "false_negatives"}


def test_the_columns_of_validation_rows_have_the_same_directions():
    columns = {"loss": "min", "auc": "max"}
    assert directions(columns, has_validation=True) == {**columns, "val_loss": "min", "val_auc": "max"}
    assert directions(columns, has_validation=False) == columns


@pytest.mark.parametrize(
    ("objective", "direction"),
    [
        ("val_error_accuracy", "max"),
        ("val_error_entropy", "max"),
        ("val_loss_of_memory_hinge", "max"),
        ("val_loss_of_memory_mean_absolute_error", "min"),
        ("val_error_loss", "min"),
        ("val_loss", "min"),
    ],
)
def test_names_of_outputs_and_metrics_say_nothing_of_the_direction(config, objective, direction):
    found = prepare_search(config(TWO % objective)).agenda.objective
    assert (found.column, found.direction) == (objective, direction)


def test_the_metric_that_decides_is_the_first_whatever_its_name(line):
    path = line("{mae: {name: fit_loss}}, mse")
    study = prepare_comparison(path, [], lambda _: from_options(["model.hidden=[2],[3]"], []))
    objective = study.agenda.objective
    assert (objective.column, objective.direction) == ("val_fit_loss", "min")


def test_a_count_decides_nothing_unless_somebody_says_which_way(config):
    text = TWO.replace("accuracy, ", "true_positives, accuracy, ")
    with pytest.raises(ConfigError) as caught:
        prepare_search(config(text % "val_error_true_positives"))
    (problem,) = caught.value.problems
    assert problem.message == "`val_error_true_positives` may be better when it is larger or when it is smaller"
    assert problem.hint.startswith("judge by one of `val_loss`, `val_error_loss`")
    with pytest.raises(ConfigError, match="judge by only `val_loss`"):
        choose_objective("false_negatives", {"loss": "min", "false_negatives": None})


def test_a_count_is_passed_over_where_no_metric_is_named(config):
    from nnlab.data.loading import load_data
    from nnlab.model.plan import plan_model

    text = "name: x\ndata: {source: wine, positive_class: class_0}\nmodel: {hidden: [3]}\n"
    experiment = config(text, "training.metrics=[false_positives, {auc: {name: negative_loss}}]").experiment
    outputs = plan_model(experiment, load_data(experiment.data, seed=0).spec).outputs
    assert deciding_columns(outputs) == ["negative_loss", "loss"]
    assert history_columns(outputs) == {"loss": "min", "false_positives": None, "negative_loss": "max"}


@pytest.mark.tf
@pytest.mark.parametrize(
    ("metrics", "column", "direction"),
    [("{root_mean_squared_error: {name: rmse}}", "rmse", "min"), ("{r2_score: {name: error}}", "error", "max")],
)
def test_search_comparison_and_list_agree_on_a_renamed_metric(nnlab, line, tmp_path, metrics, column, direction):
    path = line(metrics)
    assert nnlab("tune", path, "-j", 1, "-q", "--name", "search").code == 0
    best = open_run("search", tmp_path / "runs")
    results = best.read_summary()
    assert results["best"]["values"] == {"optimizer.learning_rate": 1.0}
    assert (results["objective"], results["direction"]) == (f"val_{column}", direction)
    assert best.read_info()["objective"] == {"metric": f"val_{column}", "direction": direction}

    rates = "optimizer.learning_rate=0.0000001,1.0"
    done = nnlab("compare", path, "--vary", rates, "-j", 1, "--json", "--name", "comparison")
    results = json.loads(done.out)
    assert [row["variant"] for row in results["rows"]] == ["1", "1e-07"]
    assert results["pairs"][0]["better"] == "1"
    assert results["less_is_better"] is (direction == "min")
    assert open_run("comparison", tmp_path / "runs").read_info()["objective"]["direction"] == direction

    runs = open_run("comparison", tmp_path / "runs").trials_path
    rows = json.loads(nnlab("runs", "ls", "--runs-dir", runs, "--sort", f"val_{column}", "--json").out)
    values = [row["metrics"]["validation"][column] for row in rows]
    assert values == sorted(values, reverse=direction == "max")
    info = Run(runs / rows[0]["run"].rpartition("/")[2]).read_info()
    assert info["directions"][column] == info["directions"][f"val_{column}"] == direction


def kept(folder, name, *, metrics, directions=None, config="name: x\ndata: digits\nmodel: {hidden: [2]}\n"):
    """Leave a run with validation metrics."""
    run = Run(folder / name)
    run.create(config=config, source=config)
    run.write_info({"name": name, "status": "completed", **({"directions": directions} if directions else {})})
    run.write_metrics({"validation": metrics})


def sorted_names(nnlab, folder, metric):
    done = nnlab("runs", "ls", "--runs-dir", folder, "--sort", metric, "--json")
    return [row["name"] for row in json.loads(done.out)], done.err


def test_runs_are_sorted_by_what_they_say_themselves(nnlab, tmp_path):
    for name, value in (("a", 0.1), ("b", 0.3), ("c", 0.2)):
        kept(tmp_path / "runs", name, metrics={"error_rate": value}, directions={"error_rate": "max"})
    assert sorted_names(nnlab, tmp_path / "runs", "val_error_rate") == (["b", "c", "a"], "")


def test_old_runs_are_sorted_by_the_metrics_of_their_configs(nnlab, tmp_path):
    metrics = "training: {metrics: [{sparse_categorical_accuracy: {name: loss_rate}}]}"
    text = f"name: x\ndata: digits\nmodel: {{hidden: [2]}}\n{metrics}\n"
    for name, value in (("a", 0.1), ("b", 0.3)):
        kept(tmp_path / "runs", name, metrics={"loss_rate": value, "loss": value}, config=text)
    assert sorted_names(nnlab, tmp_path / "runs", "val_loss_rate") == (["b", "a"], "")
    assert sorted_names(nnlab, tmp_path / "runs", "val_loss") == (["a", "b"], "")


def test_runs_are_in_rising_order_where_nothing_says_what_is_better(nnlab, tmp_path):
    for name, value in (("a", 3.0), ("b", 1.0)):
        kept(tmp_path / "runs", name, metrics={"true_positives": value}, directions={"true_positives": None})
    names, said = sorted_names(nnlab, tmp_path / "runs", "val_true_positives")
    assert names == ["b", "a"]
    assert said == "no run says which values of val_true_positives are better: the smallest come first\n"


def test_runs_that_disagree_on_a_metric_are_not_sorted_by_it(nnlab, tmp_path):
    for name, direction in (("a", "min"), ("b", "max")):
        kept(tmp_path / "runs", name, metrics={"fit": 0.5}, directions={"fit": direction})
    done = nnlab("runs", "ls", "--runs-dir", tmp_path / "runs", "--sort", "val_fit")
    assert done.code == 2
    assert "more of `val_fit` is better in `b`, and less in `a`" in done.err
