"""Each column of a history has one meaning: names of metrics and outputs that would give it two are refused."""

from __future__ import annotations

import pytest

from nnlab.errors import ConfigError

GRAPH = """
data: {{source: diabetes, target: {{{a}: progression, {b}: progression}}}}
model:
  type: functional
  inputs: [x]
  layers: {{h: {{Dense: 4, from: x}}, {a}: {{Dense: 1, from: h}}, {b}: {{Dense: 1, from: h}}}}
  outputs: [{a}, {b}]
training: {{epochs: 1, metrics: {metrics}}}
"""
SIGMOID = "Dense: {units: 1, activation: sigmoid}"
FLAT = "{{data: diabetes, model: {{hidden: [4]}}, training: {{epochs: 1, metrics: {metrics}}}}}"


def refused(config, text):
    with pytest.raises(ConfigError) as caught:
        config(text)
    return [(".".join(map(str, problem.path)), problem.message, problem.hint) for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["loss", "seconds", "val_seconds", "learning_rate", "epoch", "val_loss", "val_x",
                                  "test_loss", "train_mae"])  # fmt: skip
def test_a_metric_cannot_take_the_name_of_a_column(config, name):
    ((path, message, hint),) = refused(config, FLAT.format(metrics=f"[{{mae: {{name: {name}}}}}]"))
    assert path == "training.metrics.0"
    assert message.startswith(f"the column `{name}` would be `mean_absolute_error`, and is ")
    assert hint == "write `name: ...` to give it a name of its own: `mean_absolute_error: {name: ...}`"


@pytest.mark.parametrize(
    "metrics",
    [
        "[mae, mean_absolute_error]",
        "[mae, {mse: {name: mean_absolute_error}}]",
        "[{mse: {name: fit}}, {mae: {name: fit}}]",
        "[auc, {auc: {curve: PR}}]",
    ],
)
def test_two_metrics_cannot_have_one_name(config, metrics):
    ((path, message, _),) = refused(config, FLAT.format(metrics=metrics))
    assert path == "training.metrics.1"
    assert "the column" in message


def test_two_metrics_of_one_class_with_names_of_their_own_are_fine(config):
    config(
        FLAT.format(metrics="[auc, {auc: {curve: PR, name: auc_pr}}, {mae: {name: value}}, {mse: {name: validity}}]")
    )


@pytest.mark.parametrize("output", ["val", "test", "train"])
def test_an_output_cannot_have_the_name_of_a_split(config, output):
    (problem, *_) = refused(config, GRAPH.format(a=output, b="aux", metrics="[]"))
    rows = {"val": "validation", "test": "test", "train": "training"}[output]
    message = f"the column `{output}_loss` would be the loss of the output `{output}`, and is `loss` of the {rows} rows"
    assert problem == ("model.outputs.0", message, f"rename the output `{output}`")


def test_the_columns_of_two_outputs_cannot_meet(config):
    ((path, message, _),) = refused(
        config, GRAPH.format(a="a", b="a_b", metrics="{a: [{mae: {name: b_loss}}], a_b: [mae]}")
    )
    assert path == "training.metrics.a.0"
    assert message.endswith("and is the loss of the output `a_b`")


def test_an_output_cannot_make_a_column_of_every_history(config):
    metrics = "{learning: [{mae: {name: rate}}], val_x: [mae]}"
    paths = [path for path, _, _ in refused(config, GRAPH.format(a="learning", b="val_x", metrics=metrics))]
    assert paths == ["model.outputs.1", "training.metrics.learning.0"]  # renaming it gives its metrics other names


@pytest.mark.tf
def test_the_header_of_a_history_is_that_of_the_plan_in_every_output(config, tmp_path):
    from nnlab.config.columns import OWN_COLUMNS
    from nnlab.data.loading import load_data
    from nnlab.engine.built import build_seeded
    from nnlab.model.plan import history_columns
    from nnlab.run import Run
    from nnlab.train import train

    text = GRAPH.format(a="one", b="two", metrics="[precision, auc, {auc: {curve: PR, name: auc_pr}}]")
    columns = "{x: [1, 2, 3, 4, 5, 6, 7, 8, 9, 9], progression: [0, 1, 0, 1, 0, 1, 0, 1, 0, 1]}"
    text = text.replace("source: diabetes", f"source: inline, columns: {columns}").replace("Dense: 1", SIGMOID)
    loaded = config(text)
    built = build_seeded(loaded.experiment, load_data(loaded.experiment.data, seed=0))
    columns = set(history_columns(built.plan.outputs))
    (row,) = train(loaded, Run.new(tmp_path, "columns")).history
    assert set(row) == columns | {f"val_{name}" for name in columns} | set(OWN_COLUMNS)
