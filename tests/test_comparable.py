"""Scores are compared only where they mean the same: the same loss, penalties, metric and rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nnlab.compare.study import prepare as prepare_comparison
from nnlab.compare.variants import from_options
from nnlab.config.data import DataConfig
from nnlab.config.load import load_config
from nnlab.config.penalties import penalties
from nnlab.config.schema import Experiment
from nnlab.errors import ConfigError
from nnlab.model.comparable import column_contents, unlike
from nnlab.tune.study import prepare as prepare_search

BINARY = """
name: binary
data: {source: wine, positive_class: class_0}
model:
  layers:
    - Dense: {units: 4, kernel_regularizer: {L2: 0.01}}
    - ActivityRegularization: {l2: 0.1}
    - Bidirectional: {layer: {LSTM: {units: 2, recurrent_regularizer: L1}}}
    - Dense: {units: 1, activation: sigmoid}
training: {loss: {binary_crossentropy: {label_smoothing: 0.1}}, metrics: [{binary_accuracy: {threshold: 0.5}}]}
"""

REGRESSION = """
name: regression
data: {source: diabetes, validation: 50}
model: {hidden: [4], regularizer: {L2: 0.1}}
training: {loss: {huber: {delta: 1.0}}, metrics: [mae]}
"""

TWO = """
name: two
data: {source: inline, columns: {a: [1, 2, 3, 4, 5, 6], y: [1, 0, 1, 0, 1, 0], z: [1, 2, 3, 4, 5, 6]},
  validation: 1, test: 1, features: [a],
  target: {one: y, two: z}, task: {one: binary, two: regression}}
model:
  type: functional
  inputs: {a: {features: [a]}}
  layers: {hidden: {Dense: {units: 3, kernel_regularizer: L2}, from: a}, one: {Dense: {units: 1, activation: sigmoid},
    from: hidden}, two: {Dense: 1, from: hidden}}
  outputs: [one, two]
training: {loss_weights: {one: 1, two: 0.5}, metrics: {one: [accuracy]}}
"""


def compared(path, vary: str, metric: str | None = "val_loss", *base: str):
    changes = [*base, *([] if metric is None else [f"compare.metric={metric}"])]
    study = prepare_comparison(path, changes, lambda _: from_options([vary], []))
    return study.agenda.objective.column


def refusal(path, vary: str, metric: str | None = "val_loss", *base: str):
    with pytest.raises(ConfigError) as caught:
        compared(path, vary, metric, *base)
    (problem,) = caught.value.problems
    return problem


def test_penalties_are_found_wherever_they_stand(write_config):
    found = penalties(load_config(write_config(BINARY)).experiment.model)
    assert {path: each.name for path, each in found.items()} == {
        ("model", "layers", 0, "kernel_regularizer"): "L2",
        ("model", "layers", 1): "ActivityRegularization",
        ("model", "layers", 2, "layer", "recurrent_regularizer"): "L1",
    }
    found = penalties(load_config(write_config(TWO)).experiment.model)
    assert list(found) == [("model", "layers", "hidden", "kernel_regularizer")]


@pytest.mark.parametrize(
    ("text", "vary", "place"),
    [
        (REGRESSION, "model.regularizer=null,{L2: 0.1}", "model.regularizer"),
        (REGRESSION, "model.regularizer.L2=0.1,0.01", "model.regularizer"),
        (REGRESSION, "model.regularizer={L1: 0.1},{L2: 0.1}", "model.regularizer"),
        (BINARY, "model.layers.0.kernel_regularizer=null,L2", "model.layers[0].kernel_regularizer"),
        (BINARY, "model.layers.0.activity_regularizer=null,L2", "model.layers[0].activity_regularizer"),
        (BINARY, "model.layers.1.l2=0.1,0.2", "model.layers[1]"),
        (TWO, "model.layers.hidden.kernel_regularizer=null,L2", "model.layers.hidden.kernel_regularizer"),
    ],
)
def test_a_loss_that_holds_different_penalties_decides_no_comparison(write_config, text, vary, place):
    text = text.replace("    - Bidirectional: {layer: {LSTM: {units: 2, recurrent_regularizer: L1}}}\n", "")
    problem = refusal(write_config(text), vary)
    assert problem.message == f"`val_loss` holds the penalty of `{place}`, which differs: its values cannot be compared"
    assert problem.hint.startswith("name a metric instead: `compare.metric: val_")


@pytest.mark.parametrize(
    ("text", "vary", "metric", "message"),
    [
        (REGRESSION, "training.loss=mse,mae", "val_loss", "the values of different losses cannot be compared"),
        (REGRESSION, "training.loss.delta=1.0,2.0", "val_loss", "the values of different losses cannot be compared"),
        (REGRESSION, "data.validation=50,60", None, "would not be judged on the same validation rows"),
        (REGRESSION, "data.seed=1,2", None, "would not be judged on the same validation rows"),
        (TWO, "training.loss_weights.two=0.5,1", "val_loss", "with different `training.loss_weights`, values of"),
        (TWO, "training.loss={one: hinge, two: mse},{one: mse, two: mse}", "val_one_loss", "different losses"),
    ],
)
def test_values_that_mean_something_else_are_not_compared(write_config, text, vary, metric, message):
    assert message in refusal(write_config(text), vary, metric).message


def test_a_metric_with_other_parameters_is_another_metric(write_config):
    path = write_config("name: x\ndata: {source: wine, positive_class: class_0}\nmodel: {hidden: [4]}\n")
    metrics = [f"[{{binary_accuracy: {{threshold: {threshold}}}}}]" for threshold in (0.4, 0.7)]
    problem = refusal(path, f"training.metrics={','.join(metrics)}", None)
    assert problem.message.startswith("the metric `binary_accuracy` has different parameters, so that its values")


def test_the_hint_names_the_loss_alone_where_it_is_a_metric(write_config):
    path = write_config(REGRESSION.replace("{huber: {delta: 1.0}}", "mse").replace("metrics: [mae]", "metrics: []"))
    problem = refusal(path, "model.regularizer=null,L2", None)
    assert problem.hint == (
        "judge by the loss alone: `metrics: [mean_squared_error]` and `compare.metric: val_mean_squared_error`"
    )


@pytest.mark.parametrize(
    ("text", "vary", "metric"),
    [
        (REGRESSION, "model.regularizer=null,{L2: 0.1}", "val_mean_absolute_error"),
        (REGRESSION, "optimizer=adam,{AdamW: {weight_decay: 0.1}}", "val_loss"),
        (REGRESSION, "model.hidden=[4],[8]", "val_loss"),
        (REGRESSION, "data.scale=standardize,minmax", "val_loss"),
        (REGRESSION, "data.limit=100,200", "val_loss"),
        (TWO, "model.layers.hidden.kernel_regularizer=null,L2", "val_two_loss"),
        (TWO, "training.loss_weights.two=0.5,1", "val_one_accuracy"),
    ],
)
def test_what_leaves_the_meaning_of_the_score_alone_is_compared(write_config, text, vary, metric):
    assert compared(write_config(text), vary, metric) == metric


def test_logits_and_probabilities_have_the_same_crossentropy(write_config):
    text = "name: x\ndata: wine\nmodel: {layers: [{Dense: {units: 3, activation: softmax}}]}\ntraining: {metrics: []}\n"
    assert compared(write_config(text), "model.layers.0.activation=softmax,null", None) == "val_loss"


SEARCHED = "tune: {algorithm: grid, objective: %s, space: {%s}}\n"


@pytest.mark.parametrize(
    ("space", "objective", "message"),
    [
        ("model.regularizer: {choice: [{L2: 0.1}, null]}", "val_loss", "holds the penalty of `model.regularizer`"),
        ("model.regularizer.L2: {float: [0.001, 0.1]}", "loss", "holds the penalty of `model.regularizer`"),
        ("training.loss.delta: {float: [0.5, 2.0]}", "val_loss", "different losses"),
        ("training.loss: {choice: [{huber: {delta: 1.0}}, mse]}", "val_loss", "different losses"),
    ],
)
def test_a_search_is_not_judged_by_what_it_searches(config, space, objective, message):
    with pytest.raises(ConfigError) as caught:
        prepare_search(config(REGRESSION + SEARCHED % (objective, space)))
    assert message in caught.value.problems[0].message
    assert prepare_search(config(REGRESSION + SEARCHED % ("val_mean_absolute_error", space)))


def test_a_search_without_metrics_is_not_judged_by_a_loss_with_other_penalties(config):
    text = REGRESSION.replace("metrics: [mae]", "metrics: []").replace("{huber: {delta: 1.0}}", "mse")
    space = "model.regularizer: {choice: [{L2: 0.1}, null]}"
    with pytest.raises(ConfigError) as caught:
        prepare_search(config(text + SEARCHED % ("null", space)))
    assert "`tune.objective: val_mean_squared_error`" in caught.value.problems[0].hint


def test_a_searched_penalty_is_a_mistake_of_the_config(nnlab, write_config):
    path = write_config(REGRESSION + SEARCHED % ("val_loss", "model.regularizer: {choice: [{L2: 0.1}, null]}"))
    done = nnlab("validate", path)
    assert done.code == 2
    assert "tune.objective: `val_loss` holds the penalty of `model.regularizer`, which is searched\n" in done.err


def test_a_metric_that_is_called_like_a_loss_may_judge_losses(config):
    text = REGRESSION.replace("metrics: [mae]", "metrics: [{mae: {name: my_loss}}]")
    space = "training.loss: {choice: [{huber: {delta: 1.0}}, mse]}"
    study = prepare_search(config(text + SEARCHED % ("val_my_loss", space)))
    assert study.agenda.objective.column == "val_my_loss"


@pytest.mark.parametrize(
    ("metrics", "objective", "hint"),
    [
        ("[mae]", "val_loss", "name a metric, which holds no penalty: `{}: val_mean_absolute_error`"),
        ("[{mae: {name: size}}]", "loss", "name a metric, which holds no penalty: `{}: val_size`"),
        ("[]", "null", "judge by the loss alone: `metrics: [mean_squared_error]` and `{}: val_mean_squared_error`"),
    ],
)
def test_one_penalty_for_models_of_many_widths_is_told(nnlab, write_config, metrics, objective, hint):
    text = REGRESSION.replace("[mae]", metrics).replace("{huber: {delta: 1.0}}", "mse")
    text += SEARCHED % (objective, "model.hidden: {choice: [[4], [8]]}")
    text += f"compare: {{metric: {objective}, vary: {{model.hidden: [[4], [8]]}}}}\n"
    done = nnlab("validate", write_config(text))
    assert done.code == 0
    said = "advice[penalized-score]: `val_loss` holds the penalty of `model.regularizer`, which is another sum in each"
    for key in ("tune.objective", "compare.metric"):
        assert f"{key}: {said} model\n  hint: {hint.format(key)}\n" in done.err


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("val_loss", "val_mean_absolute_error", "model.hidden"),  # a metric holds no penalty
        (", regularizer: {L2: 0.1}", "", "model.hidden"),
        ("[[4], [8]]", "[adam, sgd]", "optimizer"),  # what is minimized is the same function
    ],
)
def test_nothing_is_told_where_no_penalty_differs(nnlab, write_config, old, new, path):
    text = REGRESSION + SEARCHED % ("val_loss", f"{path}: {{choice: [[4], [8]]}}") + "compare: {metric: val_loss}\n"
    text = text.replace("metric: val_loss", f"metric: val_loss, vary: {{{path}: [[4], [8]]}}").replace(old, new)
    done = nnlab("validate", write_config(text.replace("model:", "optimizer: adam\nmodel:", 1)))
    assert (done.code, done.err) == (0, "")


def test_a_comparison_says_it_before_it_starts(write_config):
    study = prepare_comparison(
        write_config(REGRESSION),
        ["compare.metric=val_loss"],
        lambda _: from_options(["model.hidden=[4],[8]"], []),
    )
    (advice,) = study.advice
    assert (advice.severity, advice.rule) == ("advice", "penalized-score")


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("val_mse", "it is called `val_mean_squared_error` here"),
        ("val_MeanSquaredError", "it is called `val_mean_squared_error` here"),
        ("val_mape", "it is called `val_percent` here"),
        ("val_mae", "add it to `training.metrics`, or take one of `val_loss`, `val_mean_squared_error`, `val_p"),
        ("val_percnt", "did you mean `val_percent`?"),
        ("val_nonsense", "one of `val_loss`, `val_mean_squared_error`, `val_percent`"),
    ],
)
def test_a_metric_by_another_of_its_names_is_told_its_column(nnlab, write_config, wanted, hint):
    text = "name: x\ndata: {source: diabetes, validation: 50}\nmodel: {hidden: [2]}\n"
    text += "training: {epochs: 1, metrics: [mse, {mean_absolute_percentage_error: {name: percent}}]}\n"
    path = write_config(text + "tune: {space: {optimizer.learning_rate: {choice: [0.001, 0.1]}}}\n")
    assert f"hint: {hint}" in nnlab("tune", path, "-S", f"tune.objective={wanted}").err
    assert f"hint: {hint}" in nnlab("train", path, "-S", f"training.early_stopping={{monitor: {wanted}}}").err
    compared = nnlab("compare", path, "--vary", "model.hidden=[1],[2]", "-S", f"compare.metric={wanted}").err
    assert f"hint: {hint.replace('val_', '')}" in compared


@pytest.mark.parametrize("change", ["data.target_scaling=log", "data.weight=w"])
def test_losses_of_otherwise_scaled_or_weighted_targets_are_not_compared(change):
    key, value = change.removeprefix("data.").split("=")
    plain = {"source": "csv", "path": "rows.csv", "target": "y"}
    base = Experiment.read({"name": "n", "seed": 0, "data": "diabetes", "model": {"hidden": [2]}, "optimizer": "adam"})
    experiments = [replace(base, data=DataConfig.read(data)) for data in (plain, plain | {key: value})]
    contents = [column_contents("loss", experiment, ()) for experiment in experiments]
    problem = unlike("loss", contents, others={"loss": "min", "mean_absolute_error": "min"}, key="compare.metric")
    assert problem is not None
    assert problem.message == f"with another `data.{key}`, values of `val_loss` cannot be compared"
    assert problem.hint == "name a metric instead: `compare.metric: val_mean_absolute_error`"
