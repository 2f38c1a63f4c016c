"""`nnlab inspect`: numbers that people compute by hand, and those of a training, step by step."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from nnlab.config.by_name import only
from nnlab.config.load import load_config
from nnlab.data.loading import load_data
from nnlab.errors import NnlabError

pytestmark = pytest.mark.tf

CONFIGS = Path(__file__).parent.parent / "configs"
NORMALIZED = """
data: {source: iris, scale: standardize}
model:
  regularizer: {L2: 0.01}
  layers:
    - Dense: {units: 5, activation: relu}
    - Dropout: 0.4
    - BatchNormalization: {momentum: 0.9}
    - Dense: {units: 3, activation: softmax}
optimizer: {Adam: {learning_rate: 0.01}}
training: {epochs: 2, batch_size: 40, engine: exact, tensorboard: false}
"""
TWO_OUTPUTS = """
data: {source: iris, class_weight: {0: 1, 1: 3, 2: 1}}
model:
  type: functional
  inputs: {wide: {features: [0, 1]}, deep: {features: [2, 3]}}
  layers:
    hidden: {Dense: {units: 4, activation: tanh}, from: deep}
    again: {shared: hidden, from: wide}
    both: {Concatenate: {}, from: [again, hidden]}
    main: {Dense: {units: 3, activation: softmax}, from: both}
    aux: {Dense: {units: 3, activation: softmax}, from: hidden}
  outputs: [main, aux]
training:
  loss: {main: categorical_crossentropy, aux: sparse_categorical_crossentropy}
  loss_weights: {main: 0.75, aux: 0.25}
"""
SATURATED = """
data: {source: iris}
model:
  layers: [{Dense: {units: 3, activation: softmax, kernel_initializer: {RandomNormal: {stddev: 300}}}}]
"""
RECURRENT = """
data: {source: digits, scale: 16, limit: 40}
model:
  layers:
    - Reshape: {target_shape: [8, 8]}
    - Bidirectional: {layer: {LSTM: {units: 2}}}
    - Dense: {units: 10, activation: softmax}
"""


@pytest.fixture
def inspect(nnlab):
    """Run the command and return its JSON document."""

    def run(*arguments):
        done = nnlab("inspect", *arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)

    return run


def built(loaded, **training):
    from dataclasses import replace

    from nnlab.engine.built import build_seeded

    experiment = replace(loaded.experiment, training=replace(loaded.experiment.training, **training))
    return build_seeded(experiment, load_data(experiment.data, seed=experiment.seed))


def look_at(loaded, numbers, *, training=False):
    from nnlab.inspection.look import look
    from nnlab.inspection.subject import built_subject

    subject = built(loaded)
    rows = subject.splits.train.take(np.array(numbers))
    return look(built_subject(subject), rows, np.array(numbers), training=training), subject


def layers_of(look):
    return {layer.name: layer for layer in look.layers}


def test_a_forward_and_a_backward_pass_are_those_that_textbooks_compute_by_hand(inspect):
    document = inspect(CONFIGS / "by_hand.yaml")
    hidden, output = document["steps"][0]["layers"]
    assert document["config"] == str(CONFIGS / "by_hand.yaml")
    assert hidden["inputs"] == [[0.05, 0.1]]
    assert hidden["pre_activations"][0][0] == pytest.approx(0.3775)
    assert hidden["outputs"][0] == pytest.approx([0.593269992, 0.596884378], abs=6e-8)
    assert output["pre_activations"][0][0] == pytest.approx(1.105905967, abs=1.2e-7)
    assert output["outputs"][0] == pytest.approx([0.75136507, 0.772928465], abs=6e-8)
    assert document["steps"][0]["loss"] == pytest.approx(0.298371109, abs=3e-8)
    assert document["steps"][0]["row_losses"] == pytest.approx([0.298371109], abs=3e-8)
    assert output["output_gradients"][0] == pytest.approx([0.74136507, -0.217071535], abs=6e-8)
    assert output["pre_activation_gradients"][0][0] == pytest.approx(0.138498562, abs=3e-8)
    assert hidden["output_gradients"][0][0] == pytest.approx(0.036350306, abs=3e-8)
    assert output["weights"]["kernel"]["gradient"][0][0] == pytest.approx(0.082167041, abs=1e-8)


def test_the_first_step_gives_the_weights_of_the_textbook(inspect):
    (step,) = inspect(CONFIGS / "by_hand.yaml", "--steps", 1)["steps"]
    kernel = step["layers"][1]["weights"]["kernel"]
    assert np.ravel(kernel["value"]) == pytest.approx([0.4, 0.5, 0.45, 0.55])
    assert np.ravel(kernel["after"]) == pytest.approx([0.35891648, 0.511301270, 0.408666186, 0.561370121], abs=6e-8)
    assert (step["step"], step["epoch"], step["rows"], step["learning_rate"]) == (1, 1, [0], 0.5)


def recurrences(name, rate, steps=3):
    """Return w behind each step on w^2 / 2 from 1, in float64, as the publications (and Keras's defaults) have it."""
    w, history, eps = 1.0, [], 1e-7
    m = v = u = a = d = 0.0
    product = 1.0
    for t in range(1, steps + 1):
        g = w
        if name == "SGD":
            w -= rate * g
        elif name in ("momentum", "nesterov"):
            m = 0.9 * m - rate * g
            w += m if name == "momentum" else 0.9 * m - rate * g
        elif name == "Adagrad":
            a += g * g
            w -= rate * g / (a + eps) ** 0.5
        elif name == "RMSprop":
            v = 0.9 * v + 0.1 * g * g
            w -= rate * g / (v + eps) ** 0.5
        elif name == "Adadelta":
            a = 0.95 * a + 0.05 * g * g
            change = ((d + eps) / (a + eps)) ** 0.5 * g
            d = 0.95 * d + 0.05 * change * change
            w -= rate * change
        elif name == "Adam":
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            w -= rate * m / (1 - 0.9**t) / ((v / (1 - 0.99**t)) ** 0.5 + eps)
        elif name == "Adamax":
            m, u = 0.9 * m + 0.1 * g, max(0.99 * u, abs(g))
            w -= rate / (1 - 0.9**t) * m / (u + eps)
        elif name == "Nadam":
            now, following = (0.9 * (1 - 0.5 * 0.96 ** (t + i)) for i in (0, 1))
            product *= now
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            mean = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
            w -= rate * mean / ((v / (1 - 0.99**t)) ** 0.5 + eps)
        history.append(w)
    return history


BETAS = "beta_1: 0.9, beta_2: 0.99"
OPTIMIZERS = {
    "SGD": "{SGD: {learning_rate: 0.01}}",
    "momentum": "{SGD: {learning_rate: 0.01, momentum: 0.9}}",
    "nesterov": "{SGD: {learning_rate: 0.01, momentum: 0.9, nesterov: true}}",
    "Adagrad": "{Adagrad: {learning_rate: 0.01, initial_accumulator_value: 0.0}}",
    "RMSprop": "{RMSprop: {learning_rate: 0.01, rho: 0.9}}",
    "Adadelta": "{Adadelta: {learning_rate: 0.01, rho: 0.95}}",
    "Adam": f"{{Adam: {{learning_rate: 0.01, {BETAS}}}}}",
    "Adamax": f"{{Adamax: {{learning_rate: 0.01, {BETAS}}}}}",
    "Nadam": f"{{Nadam: {{learning_rate: 0.01, {BETAS}}}}}",
}
SLOTS = {
    "SGD": [], "momentum": ["momentum"], "nesterov": ["momentum"], "Adagrad": ["accumulator"], "RMSprop": ["velocity"],
    "Adadelta": ["accumulated_grad", "accumulated_delta_var"], "Adam": ["momentum", "velocity"],
    "Adamax": ["momentum", "norm"], "Nadam": ["momentum", "velocity"],
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_three_steps_of_an_optimizer_follow_its_published_recurrence(name):
    from nnlab.inspection.steps import walk

    loaded = load_config(CONFIGS / "one_weight.yaml", [f"optimizer={OPTIMIZERS[name]}"])
    looks = walk(built(loaded, engine="keras"), 3)
    weights = [look.layers[0].weights[0] for look in looks]
    np.testing.assert_allclose([weight.after.item() for weight in weights], recurrences(name, 0.01), rtol=3e-7)
    assert [weight.value.item() for weight in weights[1:]] == [weight.after.item() for weight in weights[:-1]]
    assert all(weight.gradient == weight.value for weight in weights)
    assert list(weights[0].optimizer_after) == SLOTS[name]


def test_what_an_optimizer_keeps_by_rows_and_columns_of_a_weight_belongs_to_that_weight(nnlab, write_config):
    config = write_config("data: iris\nmodel: {hidden: [2]}\noptimizer: {Adafactor: {learning_rate: 0.01}}")
    done = nnlab("inspect", config, "--steps", 1, "--json")
    layers = {layer["name"]: layer["weights"] for layer in json.loads(done.out)["steps"][0]["layers"]}
    for name, (rows, columns) in {"dense": (4, 2), "dense_1": (2, 3)}.items():
        kept = layers[name]["kernel"]["optimizer"]
        squared = np.square(layers[name]["kernel"]["gradient"]) + 1e-30
        np.testing.assert_allclose(kept["r"]["after"], squared.mean(axis=1), rtol=1e-5)  # its first beta_2 is 0
        np.testing.assert_allclose(kept["c"]["after"], squared.mean(axis=0), rtol=1e-5)
        assert (len(kept["r"]["after"]), len(kept["c"]["after"])) == (rows, columns)
    assert "dense/kernel: r" in nnlab("inspect", config, "--steps", 1).out


def test_one_command_shows_the_table_of_a_textbook(nnlab):
    done = nnlab("inspect", CONFIGS / "one_weight.yaml", "--steps", 2)
    rows = [line.split() for line in done.out.splitlines()]
    assert ["step", "before", "gradient", "momentum", "after"] in rows
    assert ["1", "1", "1", "-0.01", "0.99"] in rows
    assert ["2", "0.99", "0.99", "-0.0189", "0.9711"] in rows


def test_the_steps_of_a_parabola_tell_the_rate_of_each(inspect):
    steps = inspect(CONFIGS / "quadratic_decay.yaml", "--steps", 3)["steps"]
    after = [step["layers"][0]["weights"]["kernel"]["after"][0][0] for step in steps]
    assert after == pytest.approx([2.6, 1.1744, 0.321948], abs=3e-7)
    assert [step["learning_rate"] for step in steps] == pytest.approx([0.2, 0.198, 0.19602])


@pytest.mark.parametrize("engine", ["exact", "fast"])
def test_steps_are_those_of_a_training(config, tmp_path, engine):
    from nnlab.inspection.steps import walk
    from nnlab.model.saved import load_model
    from nnlab.run import Run
    from nnlab.train import train

    loaded = config(NORMALIZED, f"training.engine={engine}")
    summary = train(loaded, Run.new(tmp_path, "run"))
    looks = walk(built(loaded, engine="keras"), 6)  # two epochs of 40, 40 and 16 rows
    assert [(look.step, look.epoch, len(look.rows)) for look in looks] == [
        (1, 1, 40), (2, 1, 40), (3, 1, 16), (4, 2, 40), (5, 2, 40), (6, 2, 16),
    ]  # fmt: skip
    model = load_model(summary.run)
    weights = [weight for layer in looks[-1].layers for weight in layer.weights]
    slots = [weight.optimizer_after[name] for weight in weights for name in weight.optimizer_after]
    found = [weight.after for weight in weights] + slots
    expected = [weight.numpy() for layer in model.layers for weight in layer.weights]
    expected += [variable.numpy() for variable in model.optimizer.variables[2:]]
    for one, other in zip(found, expected, strict=True):
        if engine == "exact":
            np.testing.assert_array_equal(one, other)
        else:
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)


def test_moving_averages_follow_their_formula_from_batch_to_batch(config):
    from nnlab.inspection.steps import walk

    looks = walk(built(config(NORMALIZED), engine="keras"), 3)
    mean = np.zeros(5)
    for look in looks:
        layer = layers_of(look)["batch_normalization"]
        names = {weight.name: weight for weight in layer.weights}
        assert {name: weight.is_trained for name, weight in names.items()} == {
            "gamma": True, "beta": True, "moving_mean": False, "moving_variance": False,
        }  # fmt: skip
        np.testing.assert_allclose(names["moving_mean"].value, mean, rtol=1e-5, atol=1e-7)
        inputs = layer.values["inputs"][""].astype(np.float64)
        np.testing.assert_allclose(layer.values["batch_mean"][""], inputs.mean(axis=0), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(layer.values["batch_variance"][""], inputs.var(axis=0), rtol=1e-4, atol=1e-7)
        mean = 0.9 * mean + 0.1 * layer.values["batch_mean"][""]
        np.testing.assert_allclose(names["moving_mean"].after, mean, rtol=1e-5, atol=1e-7)


def test_dropout_and_normalization_are_shown_as_in_training_and_as_not(config):
    look, subject = look_at(config(NORMALIZED), [0, 1, 2, 3])
    layers = layers_of(look)
    dropout, before = layers["dropout"], layers["dense"].values["outputs"][""]
    np.testing.assert_array_equal(dropout.values["outputs"][""], before)
    dropped = dropout.values["training_outputs"][""]
    is_kept = dropped != 0
    assert 0 < is_kept.sum() < (before != 0).sum()
    np.testing.assert_allclose(dropped[is_kept], before[is_kept] / 0.6, rtol=1e-6)
    normalized = layers["batch_normalization"].values
    x = normalized["inputs"][""]
    np.testing.assert_allclose(normalized["outputs"][""], x / np.sqrt(1.001), rtol=1e-6)
    np.testing.assert_allclose(
        normalized["training_outputs"][""], (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-3), rtol=1e-4, atol=1e-6
    )
    assert not subject.model.get_layer("batch_normalization").moving_mean.numpy().any()  # nothing has moved


def test_a_look_in_training_drops_what_the_step_drops_and_leaves_no_trace(config):
    first, subject = look_at(config(NORMALIZED), [0, 1, 2], training=True)
    from nnlab.inspection.look import look
    from nnlab.inspection.subject import built_subject

    again = look(built_subject(subject), subject.splits.train.take(np.arange(3)), np.arange(3), training=True)
    for one, other in zip(first.layers, again.layers, strict=True):
        for kind, arrays in one.values.items():
            np.testing.assert_array_equal(arrays[""], other.values[kind][""])
    dropout = layers_of(first)["dropout"].values
    np.testing.assert_array_equal(dropout["inference_outputs"][""], dropout["inputs"][""])
    assert "call" not in vars(subject.model.get_layer("dense"))


def test_losses_of_rows_penalties_and_gradients_add_up(config):
    look, subject = look_at(config(NORMALIZED), [0, 1, 2, 3])
    kernels = [weight for layer in look.layers for weight in layer.weights if weight.name == "kernel"]
    assert look.penalties == pytest.approx(0.01 * np.square(kernels[0].value).sum(), rel=1e-6)
    assert look.loss == pytest.approx(look.row_losses.mean() + look.penalties, rel=1e-6)
    probabilities = look.layers[-1].values["outputs"][""]
    answers = only(subject.splits.train.y)[:4]
    np.testing.assert_allclose(look.row_losses, -np.log(probabilities[range(4), answers]), rtol=1e-5)
    delta = (probabilities - np.eye(3)[answers]) / 4
    np.testing.assert_allclose(look.layers[-1].gradients["pre_activations"][""], delta, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(kernels[0].penalty_gradient, 0.02 * kernels[0].value, rtol=1e-6)
    x = look.layers[-1].values["inputs"][""]
    np.testing.assert_allclose(kernels[1].gradient, x.T @ delta, rtol=1e-4, atol=1e-7)
    assert "Keras computes the loss from what stands before softmax" in look.layers[-1].notes[0]


def test_losses_of_rows_are_made_from_the_logits_as_that_of_all_rows_is(config):
    from scipy.special import logsumexp

    look, subject = look_at(config(SATURATED), list(range(6)))
    logits = look.layers[-1].values["pre_activations"][""].astype(float)
    expected = logsumexp(logits, axis=1) - logits[range(6), only(subject.splits.train.y)[:6]]
    assert expected.max() > 100  # of a probability, which float32 cannot hold, there would be 16.1 at most
    np.testing.assert_allclose(look.row_losses, expected, rtol=1e-5, atol=1e-5)
    assert look.loss == pytest.approx(expected.mean(), rel=1e-5)


def test_shared_layers_several_inputs_and_outputs_and_weights_of_rows(config):
    look, subject = look_at(config(TWO_OUTPUTS), [0, 1, 2, 3])
    assert [(layer.name, layer.call, len(layer.weights)) for layer in look.layers[:3]] == [
        ("hidden", 1, 2), ("hidden", 2, 0), ("both", 1, 0),
    ]  # fmt: skip
    classes = subject.splits.train.y["aux"][:4]
    weights = np.where(classes == 1, 3.0, 1.0)
    layers = layers_of(look)
    for name in ("main", "aux"):
        expected = -np.log(layers[name].values["outputs"][""][range(4), classes]) * weights
        np.testing.assert_allclose(look.output_losses[name], expected, rtol=1e-5)
    total = 0.75 * look.output_losses["main"] + 0.25 * look.output_losses["aux"]
    np.testing.assert_allclose(look.row_losses, total, rtol=1e-6)
    assert look.loss == pytest.approx(total.mean(), rel=1e-6)
    assert list(layers["both"].values["inputs"]) == ["0", "1"]
    assert not look.notes


def test_what_cannot_be_shown_of_a_recurrent_layer_is_said_and_its_weights_are_there(config):
    look, _ = look_at(config(RECURRENT), [0, 1])
    layer = look.layers[1]
    assert layer.values["outputs"][""].shape == (2, 4)
    assert layer.gradients["outputs"][""].shape == (2, 4)
    assert layer.weights[0].name == "forward_lstm/lstm_cell/kernel"
    assert layer.weights[0].gradient.shape == (8, 8)
    assert "the values within its own steps are not shown" in layer.notes[0]


def test_models_within_models_and_weights_of_the_model_itself_are_found():
    import keras

    from nnlab.inspection.weights import WeightsByLayer, shown_layers

    inner = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="small")], name="inner")
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="last")(inner(inputs)))
    model.compile("adam", "mse")
    shown = shown_layers(model)
    assert [each.name for each in shown] == ["inner/small", "last"]
    weights = WeightsByLayer(model, shown).read()
    assert [(weight.name, sorted(weight.optimizer)) for weight in weights["inner/small"]] == [
        ("kernel", []),
        ("bias", []),
    ]
    model.optimizer.build(model.trainable_variables)
    (kernel, _) = WeightsByLayer(model, shown).read()["inner/small"]
    assert sorted(kernel.optimizer) == ["momentum", "velocity"]


INITIALIZERS = {
    "random_uniform": lambda w: abs(w).max() <= 0.05,
    "random_normal": lambda w: 0 < abs(w).max() < 0.3,
    "{Constant: 0.3}": lambda w: (w == np.float32(0.3)).all(),
    "zeros": lambda w: not w.any(),
    "ones": lambda w: (w == 1).all(),
    "he_uniform": lambda w: 0.5 < abs(w).max() <= np.sqrt(6 / 3),
    "glorot_uniform": lambda w: 0.3 < abs(w).max() <= np.sqrt(6 / 8),
}


@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_the_first_weights_of_a_layer_can_be_read(config, initializer):
    layer = f"{{Dense: {{units: 5, kernel_initializer: {initializer}}}}}"
    text = f"data: {{source: iris, features: [0, 1, 2]}}\nmodel: {{layers: [{layer}, {{Dense: 3}}]}}"
    kernel, bias = look_at(config(text), [0])[0].layers[0].weights
    assert kernel.value.shape == (3, 5)
    assert INITIALIZERS[initializer](kernel.value)
    assert not bias.value.any()


def test_the_weights_of_a_run_are_those_of_its_model_and_rows_of_a_file_do_as_well(nnlab, tmp_path):
    import keras

    done = nnlab("train", CONFIGS / "iris_perceptron.yaml", "-S", "training.tensorboard=false", "--json")
    run = json.loads(done.out)["run"]
    kernel, bias = keras.saving.load_model(f"{run}/model.keras").get_weights()
    document = json.loads(nnlab("inspect", run, "--split", "test", "--rows", "1:3", "--json").out)
    (step,) = document["steps"]
    (layer,) = step["layers"]
    assert document["run"] == run
    assert step["rows"] == [1, 2]
    np.testing.assert_array_equal(np.float32(layer["weights"]["kernel"]["value"]), kernel)
    np.testing.assert_array_equal(np.float32(layer["weights"]["bias"]["value"]), bias)
    np.testing.assert_allclose(layer["pre_activations"], layer["inputs"] @ kernel + bias, rtol=1e-5)
    (tmp_path / "rows.csv").write_text("petal length (cm),petal width (cm)\n1.5,0.2\n5,1.7\n")
    done = nnlab("inspect", run, "--input", "rows.csv")
    assert "rows.csv, rows 0 to 1" in done.out
    assert "note: no loss and no gradients: the file has no target" in done.out
    assert "before heaviside" in done.out
    assert "gradient" not in done.out.partition("note:")[0]


def test_files_hold_all_of_it(nnlab, tmp_path):
    done = nnlab("inspect", CONFIGS / "by_hand.yaml", "--npz", "all.npz", "--csv", "all.csv", "-q")
    assert (done.code, done.out) == (0, "")
    with np.load(tmp_path / "all.npz") as file:
        arrays = dict(file)
    assert arrays["dense_1/kernel/gradient"].shape == (2, 2)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "all.csv").read_text())))
    by_place = {(row["layer"], row["weight"], row["kind"], row["index"]): float(row["value"]) for row in rows}
    assert by_place["dense_1", "kernel", "gradient", "0,0"] == pytest.approx(0.082167041, abs=1e-8)
    assert by_place["", "", "loss", ""] == pytest.approx(0.298371109, abs=3e-8)
    assert len(rows) == sum(arrays[name].size for name in arrays)


def test_a_file_that_is_read_or_written_already_is_not_overwritten(nnlab, write_config):
    import shutil

    base = shutil.copy(CONFIGS / "by_hand.yaml", "base.yaml")
    config = write_config("extends: base.yaml\nseed: 3", "net.yaml")
    text = Path(base).read_text()
    for file in ("net.yaml", "base.yaml"):
        done = nnlab("inspect", config, "--csv", file)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"cannot write `{file}`: the command reads it\n")
    assert Path(base).read_text() == text
    done = nnlab("inspect", config, "--csv", "all", "--npz", "./all")
    assert done.err == "cannot write `all`: the command writes it already\n  hint: give another file\n"
    assert not Path("all").exists()


def test_quiet_leaves_what_is_asked_for(nnlab):
    assert "dense_1  Dense" in nnlab("inspect", CONFIGS / "by_hand.yaml", "--weights", "-q").out


def test_parts_and_layers_are_chosen(nnlab):
    done = nnlab("inspect", CONFIGS / "by_hand.yaml", "--weights", "--layer", "dense_1")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines if line and not line.startswith(("    ", "note"))][2:] == [
        "dense_1", "kernel", "bias",
    ]  # fmt: skip
    done = nnlab("inspect", CONFIGS / "by_hand.yaml", "--layer", "dense_2")
    assert done.code == 2
    assert "there is no layer `dense_2`\n  hint: did you mean `dense_1`" in done.err


def test_steps_take_no_rows_and_a_run_no_changes(nnlab, digits_run):
    done = nnlab("inspect", CONFIGS / "by_hand.yaml", "--steps", 1, "--rows", "0:2")
    assert (done.code, done.out) == (2, "")
    assert "a training step has a batch of its own" in done.err
    done = nnlab("inspect", digits_run.run.path, "--input", "rows.csv", "--split", "test")
    assert "a file and a split are given" in done.err
    done = nnlab("inspect", digits_run.run.path, "-S", "model.activation=tanh")
    assert "a run's model is there already" in done.err
    assert nnlab("inspect", CONFIGS / "by_hand.yaml", "--split", "test").err.endswith("hint: it has only `train`\n")


def test_large_arrays_are_told_in_short_in_json_and_on_the_screen(nnlab, digits_run):
    from nnlab.inspection.documents import plain, summary

    array = np.concatenate([np.zeros(5_000), np.linspace(-1, 1, 5_001)]).astype(np.float32)
    short = plain(array)
    assert short == summary(array)
    assert short["shape"] == [10_001]
    assert short["zeros"] == pytest.approx(5_001 / 10_001)
    assert sum(short["histogram"]["counts"]) == 10_001
    assert plain(array[:2]) == [0.0, 0.0]
    done = nnlab("inspect", digits_run.run.path, "--rows", "0:3")
    assert done.code == 0, done.err
    assert "% zeros" in done.out
    assert "mean " in done.out


def test_a_weight_that_is_trained_in_later_steps_alone_has_its_gradients_then(capsys):
    from nnlab.cli import console
    from nnlab.cli.looks import show_steps
    from nnlab.inspection.looks import LayerCall, Look, Weight

    value, after, gradient = np.array([[1.0]]), np.array([[0.5]]), np.array([[2.0]])
    frozen = Weight("kernel", is_trained=False, value=value, after=value)
    freed = Weight("kernel", True, value, gradient, after=after, optimizer_after={"momentum": np.array([[0.25]])})
    looks = [
        Look(np.arange(2), True, [LayerCall("dense", "Dense", weights=[weight])], 1.0, step=step, learning_rate=0.1)
        for step, weight in ((1, frozen), (2, freed))
    ]
    show_steps(console.results(), looks)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["dense/kernel,", "trained", "from", "step", "2", "on"] in lines
    assert lines.index(["1", "1", "1"]) < lines.index(["2", "1", "2", "0.25", "0.5"])


def test_a_training_that_is_over_earlier_is_said(nnlab):
    done = nnlab("inspect", CONFIGS / "by_hand.yaml", "--steps", 5, "--json")
    assert len(json.loads(done.out)["steps"]) == 1
    done = nnlab("inspect", CONFIGS / "by_hand.yaml", "--steps", 5)
    assert "note: the training is over after 1 of the 5 steps" in done.err


def test_a_split_that_is_not_there_is_refused():
    from nnlab.inspection.subject import rows_of_built

    with pytest.raises(NnlabError, match="the config has no test rows"):
        rows_of_built(built(load_config(CONFIGS / "by_hand.yaml")), "test")


def test_steps_go_on_where_batches_grow_rates_fall_and_a_training_ends_early(config):
    from nnlab.inspection.steps import walk

    text = """
    data: {source: iris, scale: standardize}
    model: {hidden: [3]}
    optimizer: {SGD: {learning_rate: 0.1}}
    schedule: {performance: {monitor: val_loss, patience: 1, factor: 0.5, min_delta: 1000}}
    training: {epochs: 5, batch_size: {grow: {factor: 2, every_epochs: 1}}, tensorboard: false,
      early_stopping: {monitor: val_loss, patience: 2, min_delta: 1000}}
    """
    looks = walk(built(config(text), engine="keras"), 50)
    rows = sorted(row for look in looks if look.epoch == 1 for row in look.rows)
    assert rows == list(range(96))
    assert [(look.epoch, len(look.rows)) for look in looks] == [(1, 32)] * 3 + [(2, 64), (2, 32), (3, 96)]
    assert [look.learning_rate for look in looks if look.epoch > 1] == pytest.approx([0.1, 0.1, 0.05])
