"""`--set`: the one way to change a config."""

import pytest

from nnlab import catalog
from nnlab.config.load import load_config
from nnlab.config.overrides import parse_path
from nnlab.errors import ConfigError

TEXT = """
data: digits
model:
  dropout: 0.2
  layers:
    - Dense: 300
    - repeat: 2
      layers: [{Dense: {units: 100, kernel_initializer: {Constant: 0.5}}}]
    - Dense: 10
optimizer: {SGD: {learning_rate: 0.1, momentum: 0.9}}
"""


@pytest.fixture
def changed(config):
    """Load the config above with changes."""
    return lambda *changes: config(TEXT, *changes).experiment


def test_the_name_of_an_object_may_be_left_out(changed):
    optimizer = changed("optimizer.learning_rate=0.5").optimizer
    assert optimizer.plain() == {"SGD": {"learning_rate": 0.5, "momentum": 0.9}}


@pytest.mark.parametrize("name", ["SGD", "sgd"])
def test_the_name_of_an_object_may_be_given(changed, name):
    optimizer = changed(f"optimizer.{name}.learning_rate=0.5").optimizer
    assert optimizer.plain() == {"SGD": {"learning_rate": 0.5, "momentum": 0.9}}


@pytest.mark.parametrize("path", ["model.layers.0.units", "model.layers[0].units", "model.layers.0.Dense.units"])
def test_items_of_a_list_go_by_number(changed, path):
    assert changed(f"{path}=7").model.layers[0].plain() == {"Dense": {"units": 7}}


def test_a_layer_is_replaced(changed):
    assert changed("model.layers.0=Flatten").model.layers[0].plain() == "Flatten"


def test_a_repeated_block_is_entered(changed):
    block = changed("model.layers.1.repeat=5", "model.layers.1.layers.0.units=7").model.layers[1]
    assert (block.repeat, block.layers[0].parameters["units"]) == (5, 7)


def test_an_object_inside_an_object_is_entered(changed):
    layer = changed("model.layers.1.layers.0.kernel_initializer.value=2").model.layers[1].layers[0]
    assert layer.parameters["kernel_initializer"].plain() == {"constant": {"value": 2.0}}


@pytest.mark.parametrize("order", [1, -1])
def test_shorter_paths_come_first_whatever_the_order(changed, order):
    changes = ["optimizer=Adam", "optimizer.learning_rate=0.5"][::order]
    assert changed(*changes).optimizer.plain() == {"Adam": {"learning_rate": 0.5}}


def test_a_bare_name_starts_from_its_defaults(changed):
    assert changed("optimizer=SGD").optimizer.plain() == "SGD"


def test_of_two_values_for_a_path_the_last_holds(changed):
    assert changed("seed=1", "seed=2").seed == 2


def test_a_section_that_is_missing_is_made(changed):
    assert changed("training.early_stopping.patience=3").training.early_stopping.patience == 3


def test_the_default_optimizer_can_be_changed(config):
    text = "data: digits\nmodel: {hidden: [8]}"
    assert config(text, "optimizer.learning_rate=0.5").experiment.optimizer.plain() == {"Adam": {"learning_rate": 0.5}}


def test_a_source_alone_is_opened(changed):
    data = changed("data.scale=16").data
    assert (data.source.name, data.scale) == ("digits", 16)


def test_a_number_for_dropout_is_opened(changed):
    assert changed("model.dropout.seed=3").model.dropout.plain() == {"Dropout": {"rate": 0.2, "seed": 3}}


def test_a_number_for_dropout_is_replaced(changed):
    assert changed("model.dropout=0.5").model.dropout.plain() == {"Dropout": {"rate": 0.5}}


def test_true_is_opened(config):
    text = "data: digits\nmodel: {hidden: [8]}\ntraining: {tensorboard: true}"
    assert config(text, "training.tensorboard.histogram_freq=2").experiment.training.tensorboard.histogram_freq == 2


def test_null_switches_off(changed):
    assert changed("model.dropout=null").model.dropout is None


@pytest.mark.parametrize(("text", "value"), [("1e-3", 0.001), ("0.5", 0.5), ("10_000", 10000.0)])
def test_values_are_yaml(changed, text, value):
    assert changed(f"optimizer.learning_rate={text}").optimizer.parameters["learning_rate"] == value


def test_a_value_may_hold_an_equals_sign_and_a_mapping(changed):
    experiment = changed("training.loss={huber: {delta: 0.5}}", "name=a", "data={source: csv, path: a=b, target: y}")
    assert experiment.training.loss.plain() == {"huber": {"delta": 0.5}}
    assert experiment.data.path.endswith("/a=b")


def test_a_weight_goes_by_its_class(config):
    text = "data: {source: digits, class_weight: {0: 1, 1: 2}}\nmodel: {hidden: [8]}"
    assert config(text, "data.class_weight.1=5").experiment.data.class_weight == {"0": 1, "1": 5}


def test_the_text_of_the_file_is_kept_as_written(config):
    loaded = config(TEXT, "seed=3")
    assert loaded.text == TEXT
    assert loaded.overrides == ("--set seed=3",)


def test_text_is_taken_where_an_override_is(write_config):
    assert load_config(write_config(TEXT), ["seed=3"]).experiment.seed == 3


def test_a_path_is_relative_to_the_current_folder(changed, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    data = changed("data={source: csv, target: y}", "data.path=rows.csv").data
    assert data.path == str(tmp_path / "here/rows.csv")


def test_mistakes_of_the_file_and_of_every_override_are_shown_together(write_config):
    path = write_config("data: digits\nmodel: {hidden: [8], activation: rellu}")
    with pytest.raises(ConfigError) as caught:
        load_config(path, ["seed", "optimizer.lr=1", "training.epochs=0"])
    messages = [problem.message for problem in caught.value.problems]
    assert messages == [
        "expected `PATH=VALUE`",
        "`Adam` has no parameter `lr`",
        "must be at least 1, received `0`",
        "unknown activation `rellu`",
    ]


@pytest.mark.parametrize("path", ["a..b", ".", "a.", " "])
def test_a_path_has_no_empty_parts(path):
    with pytest.raises(ConfigError, match="is not a path"):
        parse_path(path, "--set")


@pytest.mark.parametrize(("text", "path"), [("a.²", ("a", "²")), ("a." + "9" * 5000, ("a", "9" * 5000))])
def test_what_is_no_small_number_is_a_name(text, path):
    assert parse_path(text, "--set") == path


def test_a_path_is_not_endless():
    with pytest.raises(ConfigError, match="more than 40 parts"):
        parse_path(".".join("a" * 2000), "--set")


FUNCTIONAL = """
    data: digits
    model:
      type: functional
      inputs: [x]
      layers: {a: {Dense: 1, from: x}, b: {Dense: 1, from: x}}
      outputs: [a, b]
    training: {loss: {a: mse, b: mse}, metrics: {a: [{auc: {curve: PR}}], b: [mae]}}
"""


def test_the_loss_and_a_metric_of_one_output_can_be_changed(config):
    before = config(FUNCTIONAL).experiment.training
    training = config(FUNCTIONAL, "training.loss.b=mae", "training.metrics.a.0.name=x").experiment.training
    assert training.loss["a"] == before.loss["a"]
    assert training.loss["b"].name == catalog.find("losses", "mae").name
    assert training.metrics["a"][0].parameters == {"curve": "PR", "name": "x"}
    assert training.metrics["b"] == before.metrics["b"]


def test_what_stands_beside_a_run_in_short_can_be_changed(config):
    text = "data: digits\nmodel: {hidden: [3], transfer: a-run}\n"
    transfer = config(text, "model.transfer.freeze_epochs=2").experiment.model.transfer
    assert (transfer.from_, transfer.freeze_epochs) == ("a-run", 2)
