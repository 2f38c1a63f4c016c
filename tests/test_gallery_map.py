"""The map in docs/gallery.md: each command that it names is run, and gives the numbers that course notes print."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnlab.config.load import load_config
from samples import CONFIGS

MAP = (CONFIGS.parent / "docs" / "gallery.md").read_text().partition("## What course notes print")[2]
ROWS = {
    what.strip(): (config.strip(" `"), re.findall(r"`nnlab (.*?)`", commands))
    for what, config, commands in re.findall(r"^\| ([^|]*) \|([^|]*)\| (.*) \|$", MAP, re.M)
    if what.strip() not in ("what", "---")
}
SHORTER = "-S training.epochs=1 -S training.tensorboard=false"
"""What is added where a command trains and no number hangs on how long."""


def numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w])", text)]


def block(text: str, label: str) -> list[float]:
    """Return the numbers below a label, to the next one."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line == f"  {label}")
    end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith("    ")), len(lines))
    return numbers("\n".join(line for line in lines[start + 1 : end] if not line.startswith("    columns")))


def prints(*expected: float) -> Callable:
    """Expect these numbers, to the digits that they have here or that float32 holds."""

    def check(done, _):
        found = np.array(numbers(done.out))
        for number in expected:
            last_digit = 10.0 ** -len(repr(float(number)).partition(".")[2])
            assert abs(found - number).min() <= max(3e-7 * abs(number), last_digit / 2), number

    return check


def says(*words: str) -> Callable:
    def check(done, _):
        assert all(word in done.out + done.err for word in words), done

    return check


def first_weights(nnlab, config: str) -> list[np.ndarray]:
    document = json.loads(nnlab("inspect", f"configs/{config}.yaml", "--weights", "--json").out)
    layers = document["steps"][0]["layers"]
    return [np.array(weight["value"]) for layer in layers for weight in layer["weights"].values()]


def perceptron(done, nnlab):
    """Add what was answered wrongly, or subtract it."""
    from nnlab.data.loading import load_data

    experiment = load_config(CONFIGS / "iris_perceptron.yaml").experiment
    splits = load_data(experiment.data, seed=experiment.seed)
    kernel, bias = first_weights(nnlab, "iris_perceptron")
    w, b = kernel[:, 0], bias[0]
    for row in list(splits.order_in_source()) * experiment.training.epochs:
        x, true = splits.train.x[""][row], splits.train.y[""][row, 0]
        wrong = true - float(w @ x + b >= 0)
        w, b = w + wrong * x, b + wrong
    assert block(done.out, "kernel") == pytest.approx(w, rel=1e-5)
    assert numbers(done.out)[-1] == pytest.approx(b)


def gradients_of_two_units(done, nnlab):
    """Back-propagate by hand through two tanh units and a sigmoid."""
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    w1, b1, w2, b2 = first_weights(nnlab, "xor")
    hidden = np.tanh(x @ w1 + b1)
    delta = (1 / (1 + np.exp(-(hidden @ w2 + b2))) - y) / 4
    below = delta @ w2.T * (1 - hidden**2)
    found = numbers(done.out.partition("dense/kernel")[2].partition("dense/bias")[0])
    back_propagated, numerical = (np.array(found).reshape(2, 4)[:, half] for half in (slice(2), slice(2, 4)))
    np.testing.assert_allclose(back_propagated, x.T @ below, rtol=1e-5)
    np.testing.assert_allclose(numerical, x.T @ below, rtol=1e-5)
    prints(*np.ravel(hidden.T @ delta))(done, nnlab)


def rates(_done, _):
    lines = Path("rates.csv").read_text().splitlines()
    assert [float(line.partition(",")[2]) for line in lines[1:]] == pytest.approx([0.2, 0.198, 0.19602])


def he_normal(done, _):
    kernel = np.array(block(done.out, "kernel")[:15])
    limit = 2 * np.sqrt(2 / 3) / 0.87962566  # two deviations of the normal distribution that is cut off
    assert 0.5 * limit < abs(kernel).max() <= limit
    assert re.search(r"bias +0  0  0  0  0\n", done.out)


def dropped(done, _):
    before, behind = (np.array(block(done.out, label)) for label in ("inputs", "outputs in training"))
    is_kept = behind != 0
    np.testing.assert_allclose(behind[is_kept], before[is_kept] / 0.6, rtol=1e-6)
    assert 0 < is_kept.sum() < (before != 0).sum()
    assert block(done.out, "outputs") == list(before)


def moving_averages(done, _):
    mean, variance = np.zeros(4), np.ones(4)
    for step in json.loads(done.out)["steps"]:
        (layer,) = step["layers"]
        weights = layer["weights"]
        fixed = [name for name, weight in weights.items() if not weight["trainable"]]
        assert fixed == ["moving_mean", "moving_variance"]
        mean = 0.99 * mean + 0.01 * np.array(layer["batch_mean"])
        variance = 0.99 * variance + 0.01 * np.array(layer["batch_variance"])
        np.testing.assert_allclose(weights["moving_mean"]["after"], mean, rtol=1e-5)
        np.testing.assert_allclose(weights["moving_variance"]["after"], variance, rtol=1e-5)


def parameters(done, _):
    assert [int(line.split()[-1]) for line in done.out.splitlines() if "Dense" in line] == [12, 8, 3]


def pictures(_done, _):
    drawing = Path("images.svg").read_text()
    assert drawing.count("<image") + drawing.count("<use") >= 40
    assert "Ankle boot" in drawing


ONE_WEIGHT = "inspect configs/one_weight.yaml --steps 2"
ADAGRAD = "{Adagrad: {learning_rate: 0.01, initial_accumulator_value: 0}}"
ADAM = "{Adam: {learning_rate: 0.01, beta_1: 0.9, beta_2: 0.99}}"
LOGITS = "--predicted '[[2, 0.5, 6], [0.1, 0, 3]]'"
SPARSE = f"loss sparse_categorical_crossentropy --true '[2, 1]' {LOGITS}"
STAIRS = "schedule={exponential: {decay_epochs: 1, decay_rate: 0.8912509, staircase: true}}"
FIGURES = {
    "train configs/iris_perceptron.yaml -S training.shuffle=false": says("run: "),
    "inspect RUN --weights": perceptron,
    "check-gradients configs/xor.yaml --values": gradients_of_two_units,
    f"{ONE_WEIGHT} -S 'optimizer={ADAGRAD}'": prints(0.99, 0.982965),
    f"{ONE_WEIGHT} -S 'optimizer={ADAM}'": prints(0.99, 0.980003),
    "schedule configs/quadratic_decay.yaml --steps 3 --csv rates.csv": rates,
    f"schedule configs/fashion_schedule_exponential_epochs.yaml -S '{STAIRS}'": says("first 0.01", "last 0.000631"),
    f"{SPARSE} --from-logits": prints(0.02215516, 3.0996735, 3.1218286),
    f"{SPARSE} --activation softmax --from-logits": prints(0.56551915, 1.4743223),
    f"loss categorical_crossentropy --true '[[0.4, 0.1, 0.5], [0.3, 0.6, 0.1]]' {LOGITS} --from-logits": prints(
        2.1721554, 2.7696736
    ),
    "loss binary_crossentropy --true '[0, 1, 0]' --predicted '[0.6901, 0.5459, 0.2469]'": prints(0.686794),
    "loss mean_absolute_error --true 2 --predicted '[1, 1, 1.9]'": prints(0.7),
    "loss mean_squared_error --true 2 --predicted '[1, 1, 1.9]'": prints(0.67),
    "loss smooth_l1 --true '[0, 3]' --predicted '[0.6, 0.4]'": prints(1.14),
    "activations softmax --at '[2, 0.5, 6]'": prints(*np.exp([2, 0.5, 6]) / np.exp([2, 0.5, 6]).sum()),
    "activations softmax softmax --at '[[2, 0.5, 6], [0.1, 0, 3]]'": prints(
        0.21747023, 0.21446465, 0.56806517, 0.2300214, 0.22893383, 0.5410447
    ),
    "activations relu tanh sigmoid selu": prints(1.0507, -1.7259),
    "inspect configs/iris_perceptron.yaml --weights -S 'data.features=[0, 1, 2]' "
    "-S 'model={hidden: [5], initializer: he_normal}'": he_normal,
    "summary configs/iris_perceptron.yaml -S 'data.features=[0, 1, 2]' -S 'model={hidden: [3, 2]}'": parameters,
    "inspect configs/digits_mlp.yaml -S model.dropout=0.4 --layer dropout --rows 0:1 --activations": dropped,
    "inspect configs/digits_mlp.yaml -S model.normalization=BatchNormalization -S 'model.hidden=[4]' --steps 2 "
    "--layer batch_normalization --json": moving_averages,
    "data configs/fashion_mlp.yaml --plot images.svg": pictures,
    "schedule configs/fashion_schedule_power.yaml -S schedule.staircase=true": says("first 0.01", "last 0.002"),
    "schedule configs/fashion_schedule_piecewise.yaml": says("first 0.01", "last 0.001"),
    "schedule configs/fashion_schedule_cosine.yaml": says("first 0,", "highest 0.1"),
    "train configs/yogurt.yaml -S training.batch_size=all": says("1 epoch of 1 step"),
}
"""What the output of a command is held against."""

TRAINS = "test_gallery.py::test_a_config_builds_and_trains"
ELSEWHERE = {
    "inspect configs/by_hand.yaml": "test_inspect.py::test_a_forward_and_a_backward_pass_are_those",
    "inspect configs/by_hand.yaml --steps 1": "test_inspect.py::test_the_first_step_gives_the_weights_of_the_textbook",
    ONE_WEIGHT: "test_inspect.py::test_one_command_shows_the_table_of_a_textbook",
    "inspect configs/quadratic_decay.yaml --steps 3": "test_inspect.py::test_the_steps_of_a_parabola_tell_the_rate",
    "runs show RUN --plot curves.svg": "test_run_plots.py::test_curves_are_the_columns_of_the_history",
    "runs show RUN --plot spiral.svg": "test_snapshot_plots.py::test_the_boundary_stands_where_two_classes",
    "runs show RUN --plot curve.svg": "test_snapshot_plots.py::test_fitted_curves_are_the_numbers_of_the_network",
    "runs show RUN --plot way.svg": "test_snapshot_plots.py::test_the_way_of_a_weight_lies_on_the_loss",
    "predict RUN --rows 0:9 --split test --plot predicted.svg": "test_predict.py::test_predicted_pictures_are_drawn",
    "train configs/spiral.yaml --watch": "test_watch.py::test_a_watch_in_a_terminal",
    "train configs/universal_approximation.yaml": TRAINS,
    "tune configs/fashion_tune_random.yaml": "test_tune.py::test_",
    "train configs/fashion_transfer_a.yaml": TRAINS,
    "train configs/fashion_transfer_b.yaml": TRAINS,
    "train configs/fashion_transfer_b.yaml -S model.transfer.freeze_epochs=null "
    "-S 'model.transfer.thaw={4: 1, 8: 2, 12: all}'": "test_kinds_of_models.py::test_layers_thaw_from_the_upper_ones",
    "train configs/fashion_transfer_b.yaml -S model.transfer.learning_rate_factor=0.1": (
        "test_step_factors.py::test_layers_taken_over_have_the_factor_of_the_transfer"
    ),
    "train configs/fashion_auxiliary_task.yaml": TRAINS,
    "train configs/fashion_auxiliary.yaml": TRAINS,
    "train configs/fashion_mlp.yaml -S 'training.batch_size={grow: {factor: 2, every_epochs: 5}}'": (
        "test_engine.py::test_growing_batches_have_the_sizes_and_steps_of_their_epochs"
    ),
    "tensorboard RUN": "test_tensorboard.py::test_",
}
"""The test that tries what a command promises, where that takes a training of some length or a terminal."""


def test_the_map_names_configs_that_there_are():
    named = [config for config, _ in ROWS.values() if config]
    assert len(named) > 20
    assert not {name for name in named if not (CONFIGS / f"{name}.yaml").exists()}


def test_each_command_of_the_map_is_run_here_or_tried_by_another_test():
    import typer

    from nnlab.cli import COMMANDS, app

    lines = {line for _, commands in ROWS.values() for line in commands}
    assert lines == FIGURES.keys() | ELSEWHERE.keys()
    assert not FIGURES.keys() & ELSEWHERE.keys()
    for line, test in ELSEWHERE.items():
        file, _, name = test.partition("::")
        assert f"\ndef {name}" in (Path(__file__).parent / file).read_text(), test
        name, *words = shlex.split(line)
        assert name in COMMANDS
        command = typer.main.get_command(app)
        words = [name, *words]
        while hasattr(command, "get_command"):
            command, words = command.get_command(None, words[0]), words[1:]
        command.make_context(name, list(words))
        changes = [words[i + 1] for i, word in enumerate(words) if word == "-S"]
        for config in (CONFIGS.parent / word for word in words if word.startswith("configs/")):
            load_config(config, changes)


@pytest.mark.tf
@pytest.mark.parametrize("what", [what for what, (_, commands) in ROWS.items() if FIGURES.keys() & set(commands)])
def test_commands_of_a_row_give_what_notes_print(what, nnlab, monkeypatch):
    from nnlab.data.downloads import locate

    config, commands = ROWS[what]
    if config.startswith("fashion") and locate("fashion_mnist") is None:
        pytest.skip("fashion_mnist is not on this machine")
    Path("configs").symlink_to(CONFIGS)
    monkeypatch.setenv("NNLAB_RUNS_DIR", "runs")
    run = "RUN"
    for line in commands:
        if line not in FIGURES:
            continue
        words = shlex.split(line.replace("RUN", run))
        done = nnlab(*words, *(shlex.split(SHORTER) if "yogurt" in line else ()))
        assert done.code == 0, done.err
        FIGURES[line](done, nnlab)
        run = next((each.removeprefix("run: ") for each in done.out.splitlines() if each.startswith("run: ")), run)
