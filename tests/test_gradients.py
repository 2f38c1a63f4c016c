from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer

from nnlab.cli.gradients import check_gradients as command
from nnlab.data.loading import load_data
from nnlab.errors import NnlabError

pytestmark = pytest.mark.tf

IRIS = "data: {source: iris, scale: standardize}\nmodel: {hidden: [6], activation: tanh}"
CONVOLUTIONAL = """
data: {source: digits, scale: 16}
model:
  activation: relu
  regularizer: {L2: 0.01}
  layers:
    - Reshape: {target_shape: [8, 8, 1]}
    - Conv2D: {filters: 3, kernel_size: 3}
    - MaxPooling2D
    - BatchNormalization
    - MCDropout: 0.2
    - Flatten
    - Dense: {units: 10, activation: softmax}
"""


def check(loaded, **options):
    from nnlab.gradients import check_gradients

    experiment = loaded.experiment
    return check_gradients(experiment, load_data(experiment.data, seed=experiment.seed), **options)


def check_layer(activation, x, *, units=2, **options):
    """Check a model of one layer whose kernel is all 0.5."""
    import keras

    from nnlab.gradients import check_model, float64

    with float64():
        half = keras.initializers.Constant(0.5)
        layer = keras.layers.Dense(units, activation=activation, kernel_initializer=half, **options)
        model = keras.Sequential([keras.Input((x.shape[1],)), layer])
        model.compile(loss="mse")
        return check_model(model, x, np.ones((len(x), units)), samples=20, seed=0)


def wrong_square(x):
    """Square with half of its gradient."""
    import tensorflow as tf

    return tf.custom_gradient(lambda x: (x**2, lambda upstream: upstream * x))(x)


def test_right_gradients_agree_to_many_digits_in_every_weight(config):
    result = check(config(IRIS), rows=5, samples=7)
    assert [(each.layer, each.weight, each.shape, each.checked) for each in result.weights] == [
        ("dense", "kernel", (4, 6), 7),
        ("dense", "bias", (6,), 6),
        ("dense_1", "kernel", (6, 3), 7),
        ("dense_1", "bias", (3,), 3),
    ]
    assert max(each.worst for each in result.weights) < 1e-7
    assert (result.ok, result.rows) == (True, 5)


def test_penalties_pooling_normalization_and_lasting_dropout_are_no_obstacle(config):
    result = check(config(CONVOLUTIONAL), samples=10)
    assert result.ok
    assert {each.layer for each in result.weights if each.verdict == "ok"} >= {"conv2d", "batch_normalization", "dense"}


def test_a_wrong_gradient_is_found_in_the_weights_before_it():
    x = np.random.default_rng(0).normal(size=(4, 3))
    result = check_layer(wrong_square, x)
    assert not result.ok
    assert [each.verdict for each in result.weights] == ["off", "off"]
    assert result.weights[0].worst == pytest.approx(1 / 3, rel=1e-6)  # |g/2 - g| / (g/2 + g)
    assert check_layer("tanh", x).ok


def test_a_kink_at_the_point_itself_is_counted_and_left_out():
    result = check_layer("relu", np.zeros((4, 3)))  # every sum is 0, and moves off it with the bias alone
    kernel, bias = result.weights
    assert (kernel.verdict, kernel.worst, kernel.kinks) == ("ok", 0.0, 0)
    assert (bias.verdict, bias.worst, bias.kinks, bias.checked) == ("kinks", None, 2, 0)
    assert result.ok


def test_a_kink_beside_the_point_is_avoided_by_a_smaller_step():
    x = np.array([[1.0], [-2.0 + 1e-5]])  # the sum of the second row is 5e-6
    result = check_layer("relu", x, units=1, bias_initializer="ones")
    assert [each.kinks for each in result.weights] == [0, 0]
    assert result.ok


def test_kerass_float_type_is_float32_again_afterwards(config):
    import keras

    check(config(IRIS), rows=1, samples=1)
    assert keras.config.floatx() == "float32"
    assert keras.config.dtype_policy().name == "float32"
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_a_layer_of_another_type_is_refused(config):
    loaded = config("data: iris\nmodel: {layers: [{Dense: {units: 4, dtype: float32}}, {Dense: 3}]}")
    with pytest.raises(NnlabError, match="only be checked in float64; these layers compute otherwise: `dense`"):
        check(loaded)


def test_the_command_prints_a_table_and_a_verdict(write_config, capsys):
    command(write_config(IRIS), samples=3)
    out = capsys.readouterr().out
    assert "dense     kernel   4 x 6" in out
    assert "ok: 12 gradients agree with central differences" in out


def test_the_command_exits_with_1_if_a_gradient_is_off(write_config, capsys):
    with pytest.raises(typer.Exit) as end:
        command(write_config(IRIS.replace("tanh", "heaviside")), json=True)
    assert end.value.exit_code == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["tolerance"]) == (False, 1e-5)
    assert [each["verdict"] for each in document["weights"]] == ["off", "off", "ok", "ok"]
    assert list(document["weights"][0]) == ["layer", "weight", "shape", "checked", "kinks", "worst", "verdict"]


def test_losses_that_take_rows_of_zeros_and_ones_and_several_outputs_are_checked(config):
    text = """
    data: iris
    model:
      type: functional
      inputs: {wide: {features: [0, 1]}, deep: {features: [2, 3]}}
      layers:
        hidden: {Dense: {units: 4, activation: tanh}, from: deep}
        both: {Concatenate: {}, from: [wide, hidden]}
        main: {Dense: {units: 3, activation: softmax}, from: both}
        aux: {Dense: {units: 3, activation: softmax}, from: hidden}
      outputs: [main, aux]
    training: {loss: {main: categorical_crossentropy, aux: sparse_categorical_crossentropy}}
    """
    result = check(config(text), samples=5)
    assert result.ok
    assert {each.layer for each in result.weights} == {"hidden", "main", "aux"}


def test_both_gradients_of_a_small_net_stand_side_by_side_as_matrices(nnlab):
    config = Path(__file__).parent.parent / "configs" / "xor.yaml"  # two inputs, two hidden units, one output
    done = nnlab("check-gradients", config, "--values")
    lines = done.out.splitlines()
    start = lines.index("dense/kernel")
    assert lines[start + 1].split() == ["back-propagated", "numerical"]
    document = json.loads(nnlab("check-gradients", config, "--values", "--json").out)
    for check, shape in zip(document["weights"], ([2, 2], [2], [2, 1], [1]), strict=True):
        assert check["shape"] == shape
        for entry in check["entries"]:
            assert entry["numerical"] == pytest.approx(entry["back_propagated"], rel=1e-6, abs=1e-9)
            assert entry["back_propagated"] != entry["numerical"]  # two ways to it
    back_propagated = [f"{entry['back_propagated']:.7g}" for entry in document["weights"][0]["entries"]]
    rows = [line.split() for line in lines[start + 2 : start + 4]]
    assert [row[:2] for row in rows] == [back_propagated[:2], back_propagated[2:]]


def test_gradients_are_those_that_inspect_shows_of_the_same_rows_with_their_weights(config):
    from nnlab.engine.built import build_seeded
    from nnlab.inspection.look import look
    from nnlab.inspection.subject import built_subject

    loaded = config(IRIS.replace("iris,", "iris, class_weight: {0: 1, 1: 5, 2: 0.5},"))
    experiment = loaded.experiment
    built = build_seeded(experiment, load_data(experiment.data, seed=experiment.seed))
    seen = look(built_subject(built), built.splits.train.take(slice(8)), np.arange(8))
    gradients = {f"{layer.name}/{each.name}": each.gradient for layer in seen.layers for each in layer.weights}
    result = check(loaded, rows=8)
    assert result.loss == pytest.approx(seen.loss, rel=1e-6)
    for each in result.weights:
        for entry in each.entries:
            expected = gradients[f"{each.layer}/{each.weight}"][entry.index]
            assert entry.back_propagated == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_entries_at_kinks_have_no_numerical_gradient():
    _, bias = check_layer("relu", np.zeros((4, 3))).weights
    assert [(entry.index, entry.numerical) for entry in bias.entries] == [((0,), None), ((1,), None)]
