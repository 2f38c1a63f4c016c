"""Functional and subclassed models, transfer, autoencoders: trained, saved, loaded again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnlab.config.load import dump_config, load_config
from nnlab.data.loading import load_data
from nnlab.errors import ConfigError, NnlabError
from nnlab.run import Run

pytestmark = pytest.mark.tf

TRAINING = "optimizer: {Adam: {learning_rate: 0.01}}\ntraining: {epochs: 2, tensorboard: false}\n"
SEQUENTIAL = f"""
data: {{source: diabetes, scale: standardize}}
model:
  layers: [{{Dense: {{units: 8, activation: relu}}}}, {{Dense: 1}}]
{TRAINING}"""
FUNCTIONAL = f"""
data: {{source: diabetes, scale: standardize}}
model:
  type: functional
  inputs: [x]
  layers:
    hidden: {{Dense: {{units: 8, activation: relu}}, from: x}}
    main: {{Dense: 1, from: hidden}}
  outputs: [main]
{TRAINING}"""
TWO_INPUTS = """
data: {source: diabetes}
model:
  type: functional
  inputs: {wide: {features: [bmi, bp]}, deep: {features: [0, 1, -1]}}
  layers:
    norm: {Normalization: {}, from: deep}
    hidden: {Dense: {units: 8, activation: relu}, from: norm}
    both: {Concatenate: {}, from: [wide, hidden]}
    main: {Dense: 1, from: both}
    aux: {Dense: 1, from: hidden}
  outputs: [main, aux]
optimizer: adam
training:
  epochs: 2
  batch_size: 500  # one step: Keras weighs an odd last batch differently in the parts and in the sum
  loss: {main: mse, aux: mae}
  loss_weights: {main: 0.75, aux: 0.25}
  metrics: {main: [root_mean_squared_error], aux: [mean_absolute_error]}
"""
OWN = """
import keras

class Net(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.norm = keras.layers.Normalization()
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.out = keras.layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(self.norm(x)))
"""
SUBCLASSED = f"""
data: {{source: diabetes}}
model: {{type: subclassed, class: own_net.py:Net, units: 8}}
{TRAINING}"""


def built(loaded, **options):
    from nnlab.engine.built import build_seeded

    return build_seeded(loaded.experiment, load_data(loaded.experiment.data, seed=loaded.experiment.seed), **options)


def trained(loaded, runs_dir, **options):
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    return train(loaded, Run.new(runs_dir, loaded.experiment.name), TrainingOptions(**options))


def trained_in(folder, text):
    (folder / "experiment.yaml").write_text(text)
    return trained(load_config(folder / "experiment.yaml"), folder / "runs")


@pytest.fixture(scope="module")
def two_inputs(tmp_path_factory):
    """Train a graph for all tests that look at it."""
    return trained_in(tmp_path_factory.mktemp("two_inputs"), TWO_INPUTS)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Train what others take layers over from."""
    return trained_in(tmp_path_factory.mktemp("source"), SOURCE).run


def test_three_forms_of_one_network_with_the_same_weights_agree_bit_for_bit(config, tmp_path):
    import keras

    (tmp_path / "own_net.py").write_text(OWN.replace("keras.layers.Normalization()", "keras.layers.Identity()"))
    one, two = built(config(SEQUENTIAL)), built(config(FUNCTIONAL))
    three = built(config(SUBCLASSED.replace("diabetes}", "diabetes, scale: standardize}")), trust_code=True)
    x = one.splits.test.x[""]
    for other in (two, three):
        other.model.set_weights(one.model.get_weights())
    answers = [keras.ops.convert_to_numpy(model.predict(x, verbose=0)) for model in (one.model, two.model, three.model)]
    assert answers[0].tobytes() == answers[1].tobytes() == answers[2].tobytes()


def test_inputs_take_their_columns_by_name_and_number(config):
    ready = built(config(TWO_INPUTS))
    x = load_data(config(TWO_INPUTS).experiment.data, seed=0).train.x[""]
    np.testing.assert_array_equal(ready.splits.train.x["wide"], x[:, [2, 3]])
    np.testing.assert_array_equal(ready.splits.train.x["deep"], x[:, [0, 1, 9]])


def test_normalization_in_a_graph_is_adapted_to_its_own_columns(config):
    ready = built(config(TWO_INPUTS))
    layer = ready.model.get_layer("norm")
    np.testing.assert_allclose(np.ravel(layer.mean), ready.splits.train.x["deep"].mean(axis=0), atol=1e-6)


def test_several_outputs_have_their_own_losses_weights_and_metrics(two_inputs):
    row = two_inputs.history[-1]
    names = ["loss", "main_loss", "aux_loss", "main_root_mean_squared_error", "aux_mean_absolute_error"]
    assert [name for name in row if not name.startswith("val_")][2:-1] == names
    assert row["loss"] == pytest.approx(0.75 * row["main_loss"] + 0.25 * row["aux_loss"], rel=1e-4)
    assert set(two_inputs.metrics["test"]) == set(names)


def test_a_functional_run_evaluates_to_the_same_figures_again(two_inputs):
    from nnlab.train import evaluate

    assert evaluate(two_inputs.run, "test") == two_inputs.metrics["test"]


def test_a_resolved_graph_reads_back_and_trains_to_the_same_weights(two_inputs, tmp_path):
    from nnlab.model.saved import load_model

    first = two_inputs
    again = trained(load_config(first.run.config_path), tmp_path)
    for one, two in zip(load_model(first.run).get_weights(), load_model(again.run).get_weights(), strict=True):
        assert one.tobytes() == two.tobytes()


def test_a_shared_layer_has_its_weights_once(config):
    text = FUNCTIONAL.replace(
        "main: {Dense: 1, from: hidden}",
        "twin: {shared: hidden, from: x}\n    sum: {Add: {}, from: [hidden, twin]}\n    main: {Dense: 1, from: sum}",
    )
    model = built(config(text)).model
    assert model.count_params() == (10 * 8 + 8) + (8 + 1)


def test_a_repeated_block_with_a_skip_connection(config):
    text = """
        data: {source: diabetes, scale: standardize}
        model:
          type: functional
          inputs: [x]
          activation: relu
          layers:
            first: {Dense: 8, from: x}
            block:
              repeat: 3
              from: first
              layers:
                a: {Dense: 8, from: input}
                out: {Add: {}, from: [a, input]}
            main: {Dense: 1, from: block}
          outputs: [main]
        """
    ready = built(config(text))
    names = [layer.name for layer in ready.model.layers]
    assert names == [
        "x",
        "first",
        "block_1_a",
        "block_1_out",
        "block_2_a",
        "block_2_out",
        "block_3_a",
        "block_3_out",
        "main",
    ]
    assert ready.model.get_layer("block_2_a").activation.__name__ == "relu"
    assert ready.model.get_layer("main").activation.__name__ == "linear"


def test_defaults_go_to_hidden_nodes_and_spare_every_output(config):
    text = TWO_INPUTS.replace(
        "type: functional", "type: functional\n  normalization: BatchNormalization\n  dropout: 0.2"
    )
    names = [layer.name for layer in built(config(text)).model.layers]
    assert "hidden_batch_normalization" in names
    assert "hidden_dropout" in names
    assert not any(name.startswith(("main_", "aux_")) for name in names)


def test_an_override_of_a_layer_keeps_what_feeds_it(config):
    loaded = config(FUNCTIONAL, "model.layers.hidden.units=5")
    assert "from: x" in dump_config(loaded.experiment)
    assert built(loaded).model.get_layer("hidden").units == 5


def test_wide_and_deep_ships_as_a_class(config, tmp_path):
    text = """
        data: {source: diabetes}
        model: {type: subclassed, class: WideAndDeep, units: 6, wide_features: [0, 1], auxiliary: true}
        training: {epochs: 1, tensorboard: false, loss: {main: mse, aux: mse}}
        """
    from nnlab.train import evaluate

    summary = trained(config(text), tmp_path)
    assert evaluate(summary.run, "test") == summary.metrics["test"]
    assert {"main_loss", "aux_loss"} <= set(summary.metrics["test"])


def test_a_model_with_two_answers_needs_both_named(config):
    text = "{data: diabetes, model: {type: subclassed, class: WideAndDeep, auxiliary: true}}"
    with pytest.raises(ConfigError, match="gives the outputs `aux`, `main`, the config has `output`"):
        built(config(text))


def test_own_code_runs_only_when_it_is_trusted(config, tmp_path):
    (tmp_path / "own_net.py").write_text(OWN)
    with pytest.raises(NnlabError, match="is Python code, which would run with all your rights"):
        built(config(SUBCLASSED))


def test_own_code_is_kept_in_the_run_and_found_through_it(config, tmp_path):
    from nnlab.train import evaluate

    code = tmp_path / "own_net.py"
    code.write_text(OWN)
    summary = trained(config(SUBCLASSED), tmp_path / "runs", trust_code=True)
    code.unlink()
    assert evaluate(summary.run, "test", trust_code=True) == summary.metrics["test"]
    with pytest.raises(NnlabError, match="trust-code"):
        evaluate(summary.run, "test")
    assert "class: " in summary.run.config_path.read_text()
    assert "own_net.py:Net" in summary.run.config_path.read_text()


def test_a_class_that_is_not_in_the_file_is_a_config_error(config, tmp_path):
    (tmp_path / "own_net.py").write_text(OWN)
    with pytest.raises(ConfigError, match="did you mean `Net`"):
        config(SUBCLASSED.replace(":Net", ":Nett"))


def test_an_autoencoder_learns_to_give_back_its_inputs(config, tmp_path):
    text = """
        data: {source: digits, scale: 16, target: inputs}
        model: {activation: relu, hidden: [16]}
        training: {epochs: 2, tensorboard: false}
        """
    summary = trained(config(text), tmp_path)
    assert summary.history[1]["loss"] < summary.history[0]["loss"]
    assert json.loads(summary.run.data_path.read_text())["target"]["predicts_inputs"] is True


SOURCE = """
name: source
data: {source: digits, scale: 16, classes: [0, 1, 2, 3, 4, 5, 6, 7]}
model: {activation: relu, hidden: [16, 12]}
training: {epochs: 3, tensorboard: false}
"""
TARGET = """
name: target
data: {source: digits, scale: 16, classes: [8, 9], limit: 40}
model: {transfer: {from: source, freeze_epochs: 2, learning_rate_after: 0.0001}}
training: {epochs: 3, tensorboard: false}
"""


def test_transfer_takes_the_hidden_layers_over_with_their_weights(config, source):
    before = source.model_path.read_bytes()
    from nnlab.model.saved import load_model

    ready = built(config(TARGET), runs_dir=source.path.parent)
    theirs = load_model(source).layers
    assert [layer.name for layer in ready.model.layers] == ["transferred_dense", "transferred_dense_1", "dense"]
    for i, layer in enumerate(ready.taken):
        np.testing.assert_array_equal(layer.get_weights()[0], theirs[i].get_weights()[0])
    assert source.model_path.read_bytes() == before


def test_transferred_layers_are_frozen_first_and_free_then(config, source):
    from nnlab.model.saved import load_model

    theirs = load_model(source).layers[0].get_weights()[0]
    frozen = trained(config(TARGET, "training.epochs=2"), source.path.parent)
    freed = trained(config(TARGET), source.path.parent)
    np.testing.assert_array_equal(load_model(frozen.run).layers[0].get_weights()[0], theirs)
    assert not np.array_equal(load_model(freed.run).layers[0].get_weights()[0], theirs)
    rates = [row["learning_rate"] for row in freed.history]
    assert rates == pytest.approx([0.001, 0.001, 0.0001])
    assert [row["epoch"] for row in freed.history] == [1, 2, 3]


THAW = TARGET.replace("freeze_epochs: 2, learning_rate_after: 0.0001", "thaw: {1: 1, 2: all}")


def test_layers_thaw_from_the_upper_ones_on(config, source):
    from nnlab.model.saved import load_model

    runs_dir = source.path.parent
    models = [load_model(source)]
    models += [load_model(trained(config(THAW, f"training.epochs={n}"), runs_dir).run) for n in (1, 2, 3)]
    lower, upper = ([model.layers[i].get_weights()[0].tobytes() for model in models] for i in (0, 1))
    assert (len(set(lower[:3])), len(set(lower))) == (1, 2)
    assert (len(set(upper[:2])), len(set(upper))) == (1, 3)


def test_all_at_once_is_thawed_to_the_same_bits_as_it_is_freed(config, source):
    from nnlab.model.saved import load_model

    freed = trained(config(TARGET), source.path.parent)
    text = TARGET.replace("freeze_epochs: 2", "thaw: {2: all}")
    thawed = trained(config(text), source.path.parent)
    again = trained(config(thawed.run.config_path.read_text()), source.path.parent)
    for summary in (thawed, again):
        for ours, theirs in zip(
            load_model(summary.run).get_weights(), load_model(freed.run).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_more_layers_cannot_thaw_than_were_taken_over(config, source):
    with pytest.raises(ConfigError, match="2 layers with weights were taken over, and 3 shall be trained"):
        built(config(THAW, "model.transfer.thaw={1: 3}"), runs_dir=source.path.parent)


def test_layers_without_weights_are_frozen_and_freed_like_others(config, tmp_path):
    text = SOURCE.replace("hidden: [16, 12]", "layers: [{Dropout: 0.1}, {Dense: 8}]").replace("epochs: 3", "epochs: 1")
    trained(config(text), tmp_path)
    ready = built(config(TARGET, "model.transfer.layers=1"), runs_dir=tmp_path)
    assert [(phase.first_epoch, phase.trained) for phase in ready.phases] == [(0, 0), (2, 1)]


def test_layers_are_chosen_by_number_or_name(config, source):
    one = built(config(TARGET, "model.transfer.layers=1", "model.hidden=[5]"), runs_dir=source.path.parent).model
    assert [layer.name for layer in one.layers] == ["transferred_dense", "dense", "dense_1"]
    named = built(config(TARGET, "model.transfer.layers=[dense]"), runs_dir=source.path.parent).model
    assert [layer.name for layer in named.layers] == ["transferred_dense", "dense"]
    with pytest.raises(ConfigError, match="the run has no layer `dense_7`"):
        built(config(TARGET, "model.transfer.layers=[dense_7]"), runs_dir=source.path.parent)


def test_a_layer_that_the_model_itself_lacks_is_told_of_the_model():
    import keras

    from nnlab.config.model import TransferConfig
    from nnlab.model.transfer import copy_weights

    def functional(name):
        x = keras.Input((2,), name="x")
        return keras.Model(x, keras.layers.Dense(1, name=name)(x))

    asked = TransferConfig.read({"from": "run", "layers": ["hidden"]})
    with pytest.raises(ConfigError, match="the model has no layer `hidden`\n  hint: did you mean `hiden`"):
        copy_weights(asked, functional("hidden"), functional("hiden"))


def test_an_unknown_run_to_transfer_from_is_a_config_error(config, tmp_path):
    with pytest.raises(ConfigError, match="there is no run `source`") as caught:
        built(config(TARGET), runs_dir=tmp_path)
    assert caught.value.problems[0].path == ("model", "transfer", "from")


@pytest.mark.parametrize(
    ("loss", "output", "message"),
    [
        ("{sparse_categorical_crossentropy: {from_logits: true}}", "{units: 3, activation: softmax}", "expects logits"),
        ("sparse_categorical_crossentropy", "{units: 3}", "expects probabilities"),
    ],
)
def test_a_loss_that_does_not_fit_the_end_of_the_model_is_refused(config, loss, output, message):
    with pytest.raises(ConfigError, match=message):
        built(config(f"{{data: iris, model: {{layers: [{{Dense: {output}}}]}}, training: {{loss: {loss}}}}}"))


def test_label_smoothing_gets_classes_as_rows_of_0_and_1(config, tmp_path):
    text = """
        data: {source: iris, scale: standardize, class_weight: balanced}
        model: {activation: relu, hidden: [16]}
        optimizer: {Adam: {learning_rate: 0.01}}
        training: {epochs: 20, tensorboard: false, loss: {categorical_crossentropy: {label_smoothing: 0.1}}}
        """
    summary = trained(config(text), tmp_path)
    assert summary.metrics["validation"]["accuracy"] > 0.8


def test_accuracy_of_binary_logits_splits_at_0(config, tmp_path):
    text = """
        data: {source: breast_cancer, scale: standardize}
        model: {layers: [{Dense: 1}]}
        training: {epochs: 3, tensorboard: false}
        """
    from nnlab.model.saved import load_model

    summary = trained(config(text), tmp_path)
    loaded = config(text)
    rows = load_data(loaded.experiment.data, seed=0).test
    answers = load_model(summary.run).predict(rows.x[""], verbose=0) > 0
    assert summary.metrics["test"]["accuracy"] == pytest.approx((answers == rows.y[""]).mean())
