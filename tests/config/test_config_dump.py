"""The config as resolved: every default filled in, and read back as what it was."""

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from strategies import experiments

from nnlab.config.load import dump_config, load_config
from nnlab.config.schema import Experiment
from samples import CONFIGS


@pytest.fixture(scope="module")
def read_back(tmp_path_factory):
    """Dump an experiment and load it again, from a file of another name."""
    path = tmp_path_factory.mktemp("dump") / "config.yaml"

    def load(experiment):
        path.write_text(dump_config(experiment), encoding="utf-8")
        return load_config(path).experiment

    return load


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_config_is_read_back_as_it_was(path, read_back):
    experiment = load_config(path).experiment
    assert read_back(experiment) == experiment


@pytest.mark.proof
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(experiments())
def test_any_config_is_read_back_as_it_was(read_back, values):
    experiment = Experiment.read(values)
    assert read_back(experiment) == experiment


def test_every_default_is_filled_in(config):
    dumped = yaml.safe_load(dump_config(config("data: digits\nmodel: {hidden: [8]}").experiment))
    assert dumped["seed"] == 0
    assert dumped["data"] == {"source": "digits"}  # what is split off depends on the rows
    assert dumped["model"] == {"type": "sequential", "hidden": [8]}
    assert dumped["optimizer"]["Adam"]["learning_rate"] == 0.001
    assert dumped["training"]["epochs"] == 10
    assert dumped["training"]["tensorboard"] == {"histogram_freq": 0, "write_graph": True}


def test_what_the_model_decides_for_a_layer_stays_open(config):
    text = "data: digits\nmodel: {activation: relu, layers: [{Dense: 8}, {Dense: {units: 10, activation: softmax}}]}"
    first, last = yaml.safe_load(dump_config(config(text).experiment))["model"]["layers"]
    assert first["Dense"] == {"units": 8, "use_bias": True, "bias_initializer": "zeros"}
    assert last["Dense"]["activation"] == "softmax"


def test_nothing_is_written_as_an_alias(config):
    text = "data: digits\nmodel: {layers: [&a {Dense: {units: 10, kernel_initializer: {Constant: 0.5}}}, *a]}"
    assert "*" not in dump_config(config(text).experiment)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("model: {hidden: null, layers: [{Dense: 300}]}", "model: {hidden: null, layers: [{Dense: {units: 300}}]}"),
        ("optimizer: sgd", "optimizer: SGD"),
        ("optimizer: SGD", "optimizer: {SGD: }"),
        ("optimizer: SGD", "optimizer: {SGD: {}}"),
        ("optimizer: SGD", "optimizer: {SGD: {learning_rate: 0.01, nesterov: false}}"),
        ("optimizer: {SGD: 1}", "optimizer: {SGD: {learning_rate: 1.0}}"),
        ("training: {epochs: 1e3}", "training: {epochs: 1000}"),
        ("training: {loss: mse}", "training: {loss: mean_squared_error}"),
        ("training: {tensorboard: true}", "training: {}"),
        ("training: {early_stopping: null}", ""),
        ("data: digits", "data: {source: digits}"),
        ("data: {source: digits, features: 3}", "data: {source: digits, features: [3]}"),
        ("data: {source: digits, validation: 1e3}", "data: {source: digits, validation: 1000}"),
        ("data: {source: {moons: }}", "data: {source: {moons: {samples: 500}}}"),
        ("model: {hidden: [8], dropout: 0.2}", "model: {hidden: [8], dropout: {Dropout: {rate: 0.2}}}"),
        ("model: {hidden: [8], constraint: MaxNorm}", "model: {hidden: [8], constraint: {MaxNorm: {max_value: 2}}}"),
        (
            "model: {hidden: [8], normalization: BatchNormalization}",
            "model: {hidden: [8], normalization: {BatchNormalization: {position: after_activation, momentum: 0.99}}}",
        ),
    ],
)
def test_equal_configs_written_differently_are_equal(write_config, one, other):
    write_config("data: digits\nmodel: {hidden: [8]}", "base.yaml")
    experiments = [load_config(write_config(f"extends: base.yaml\n{text}")).experiment for text in (one, other)]
    assert experiments[0] == experiments[1]
