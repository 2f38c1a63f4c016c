from __future__ import annotations

import csv
import json
import math
import subprocess
import sys

import numpy as np
import pytest

from nnlab.config.load import load_config
from nnlab.config.overrides import parse_override
from nnlab.data.loading import load_data
from nnlab.errors import ConfigError, NnlabError
from nnlab.run import Run
from samples import CONFIGS, DIGITS

pytestmark = pytest.mark.tf

QUADRATIC = """
data: {source: inline, columns: {x: [1.0], y: [-1.0]}, target: y, validation: 0, test: 0}
model: {layers: [{Dense: {units: 1, use_bias: false, kernel_initializer: {Constant: 5.0}}}]}
optimizer: {SGD: {learning_rate: 0.2}}
training: {epochs: 3, batch_size: 1, loss: mse, metrics: [], tensorboard: false}
"""


def weights_of(run: Run) -> list[np.ndarray]:
    import keras

    return keras.saving.load_model(run.model_path).get_weights()


def train_in(tmp_path, loaded, **options):
    from nnlab.train import train

    return train(loaded, Run.new(tmp_path / "runs", "test"), **options)


def test_a_run_leaves_every_file_of_the_contract(digits_run):
    names = {path.name for path in digits_run.run.path.iterdir()}
    expected = {
        "config.yaml",
        "source.yaml",
        "run.json",
        "history.csv",
        "metrics.json",
        "model.keras",
        "tensorboard",
        "data.json",
    }
    assert names == expected


def test_run_json_says_what_ran_where_and_how_it_ended(digits_run):
    info = digits_run.run.read_info()
    assert info["status"] == "completed"
    assert info["command"] == ["nnlab", "train", "digits.yaml"]
    assert info["seed"] == 7
    assert info["epochs"] == 3
    assert info["versions"]["keras"]
    assert info["hardware"]["cores"] >= 1


def test_history_has_one_row_an_epoch_with_the_learning_rate(digits_run):
    with digits_run.run.history_path.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "epoch", "learning_rate", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "val_seconds",
    ]  # fmt: skip
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[0]["learning_rate"]) == pytest.approx(0.005)


def test_metrics_are_those_of_the_final_model_on_all_splits(digits_run):
    metrics = json.loads((digits_run.run.path / "metrics.json").read_text())
    assert list(metrics) == ["train", "validation", "test"]
    assert metrics["validation"]["accuracy"] == pytest.approx(digits_run.history[-1]["val_accuracy"])
    assert metrics["validation"]["accuracy"] > 0.85


def test_evaluate_gives_the_same_figures_again(digits_run):
    from nnlab.train import evaluate

    for split in ("train", "validation", "test"):
        assert evaluate(digits_run.run, split) == digits_run.metrics[split]


def test_training_the_resolved_config_again_gives_the_same_weights_bit_for_bit(digits_run, tmp_path):
    again = train_in(tmp_path, load_config(digits_run.run.config_path))
    for first, second in zip(weights_of(digits_run.run), weights_of(again.run), strict=True):
        assert first.tobytes() == second.tobytes()


def test_another_seed_gives_other_weights_splits_and_order(digits_run, tmp_path, config):
    from nnlab.engine.batches import epoch_permutation

    other = train_in(tmp_path, config(digits_run.run.config_path.read_text(), "seed=8", "training.epochs=1"))
    assert not np.array_equal(weights_of(digits_run.run)[0], weights_of(other.run)[0])
    assert not np.array_equal(epoch_permutation(7, 0, 100), epoch_permutation(8, 0, 100))
    assert not np.array_equal(epoch_permutation(7, 0, 100), epoch_permutation(7, 1, 100))


def test_dropout_is_seeded_too(config, tmp_path):
    runs = [train_in(tmp_path, config(DROPOUT, "training.epochs=2")) for _ in range(2)]
    for first, second in zip(*(weights_of(summary.run) for summary in runs), strict=True):
        assert first.tobytes() == second.tobytes()


DROPOUT = """
data: {source: iris, scale: standardize}
model: {activation: relu, normalization: BatchNormalization, dropout: 0.3, hidden: [8, 8]}
training: {tensorboard: false}
"""


def test_plain_keras_loads_the_model_and_predicts_the_same(digits_run, tmp_path):
    from nnlab.model.saved import load_model

    config = load_config(digits_run.run.config_path).experiment
    x = load_data(config.data, seed=config.seed).test.x[""]
    np.save(tmp_path / "x.npy", x)
    code = (
        "import keras, numpy as np, sys\n"
        f"model = keras.saving.load_model({str(digits_run.run.model_path)!r})\n"
        f"np.save({str(tmp_path / 'y.npy')!r}, model.predict(np.load({str(tmp_path / 'x.npy')!r}), verbose=0))\n"
        "assert 'nnlab' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    expected = load_model(digits_run.run).predict(x, verbose=0)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


def test_gradient_descent_on_a_quadratic_follows_the_formula(config, tmp_path):
    summary = train_in(tmp_path, config(QUADRATIC))
    losses, weight = [], 5.0
    for _ in range(3):
        losses.append((weight + 1) ** 2)
        weight -= 0.2 * 2 * (weight + 1)
    assert [row["loss"] for row in summary.history] == pytest.approx(losses, rel=1e-6)
    assert weights_of(summary.run)[0].item() == pytest.approx(weight, rel=1e-6)
    assert summary.metrics["validation"] is None
    assert summary.metrics["test"] is None


def test_a_diverging_training_fails_and_says_what_to_try(config, tmp_path):
    summary = train_in(tmp_path, config(QUADRATIC, "optimizer.learning_rate=1e30", "training.epochs=50"))
    assert summary.status == "failed"
    assert summary.problem.message.startswith("the training diverged: `loss` became")
    assert summary.diverged
    assert summary.run.read_info()["diverged"] is True
    assert "learning_rate" in summary.problem.hint
    info = summary.run.read_info()
    assert info["status"] == "failed"
    assert info["error"]["message"] == summary.problem.message
    assert len(summary.run.read_history()) < 50


def test_divergence_is_noticed_before_the_end_of_its_epoch_and_told_in_the_same_words(config, tmp_path, monkeypatch):
    from nnlab.engine import callbacks

    looks = callbacks.Recorder._check_loss
    messages, noticed = [], []

    def look(self, loss, name="loss"):
        noticed.append(len(self.rows))
        looks(self, loss, name)

    monkeypatch.setattr(callbacks.Recorder, "_check_loss", look)
    for seconds in (0.0, 1e9):  # at each look, or not before the end
        monkeypatch.setattr(callbacks.Recorder, "SECONDS_BETWEEN_LOOKS", seconds)
        messages.append(train_in(tmp_path / f"{seconds}", config(DIABETES_DIVERGING)).problem.message)
    assert set(messages) == {"the training diverged: `loss` became infinite or nan in epoch 1"}
    assert noticed.count(0) >= 1  # a look while no epoch had ended


DIABETES_DIVERGING = """
data: {source: diabetes}
model: {hidden: [64, 64]}
optimizer: {SGD: {learning_rate: 1e20}}
training: {epochs: 2, batch_size: 8, tensorboard: false}
"""


class Interrupting:
    """An observer that is interrupted after the first epoch."""

    def engine_chosen(self, choice):
        pass

    def training_began(self, model, *, epochs, steps):
        pass

    def step_done(self, epoch, step, logs):
        pass

    def epoch_done(self, row, *, best):
        raise KeyboardInterrupt

    def may_look(self, look):
        pass


def test_an_interrupted_run_keeps_weights_and_history(config, tmp_path):
    from nnlab.train import train

    run = Run.new(tmp_path / "runs", "test")
    with pytest.raises(KeyboardInterrupt):
        train(config(), run, observer=Interrupting())
    assert run.read_info()["status"] == "interrupted"
    assert len(run.read_history()) == 1
    assert len(weights_of(run)) == 4


def test_a_crash_is_a_failed_run_with_its_traceback(config, tmp_path, monkeypatch):
    from nnlab.engine.loops import CompiledLoop

    def explode(*_, **__):
        raise MemoryError("no memory")

    monkeypatch.setattr(CompiledLoop, "fit", explode)
    summary = train_in(tmp_path, config(DIGITS, "training.engine=fast"))
    assert summary.status == "failed"
    assert "batch_size" in summary.problem.hint
    assert "explode" in summary.run.read_info()["error"]["traceback"]


def test_early_stopping_ends_the_training_with_the_best_weights(config, tmp_path):
    loaded = config(
        """
        data: {source: wine, scale: standardize}
        model: {activation: relu, hidden: [32]}
        optimizer: {Adam: {learning_rate: 0.05}}
        training: {epochs: 60, early_stopping: {patience: 3}, tensorboard: false}
        """
    )
    summary = train_in(tmp_path, loaded)
    losses = [row["val_loss"] for row in summary.history]
    assert len(losses) < 60
    assert len(losses) == losses.index(min(losses)) + 1 + 3
    assert summary.metrics["validation"]["loss"] == pytest.approx(min(losses), rel=1e-5)


def test_class_weights_weigh_the_rows_of_the_training_loss(config, tmp_path):
    text = """
        data: {source: inline, columns: {x: [0, 0, 0, 1], y: [0, 0, 0, 1]}, target: y, task: binary,
               validation: 0, test: 0, class_weight: {0: 1, 1: 3}}
        model: {layers: [{Dense: {units: 1, activation: sigmoid, kernel_initializer: zeros}}]}
        optimizer: {SGD: {learning_rate: 0.0}}
        training: {epochs: 1, batch_size: 4, tensorboard: false}
        """
    summary = train_in(tmp_path, config(text))
    # every row costs ln 2 before training; the weights 1, 1, 1, 3 make the mean of four rows 6/4 of it
    assert summary.history[0]["loss"] == pytest.approx(1.5 * math.log(2), rel=1e-6)


def test_normalization_is_adapted_to_the_training_rows_only(config, tmp_path):
    loaded = config(
        """
        seed: 3
        data: {source: diabetes}
        model: {layers: [Normalization, {Dense: 1}]}
        training: {epochs: 1, tensorboard: false}
        """
    )
    summary = train_in(tmp_path, loaded)
    x = load_data(loaded.experiment.data, seed=3).train.x[""]
    mean, variance, _ = weights_of(summary.run)[:3]
    np.testing.assert_allclose(np.ravel(mean), x.mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.ravel(variance), x.var(axis=0), rtol=1e-4)


def test_a_second_normalization_is_adapted_to_what_reaches_it(config):
    from nnlab.engine.built import build_seeded

    loaded = config(
        """
        data: {source: iris}
        model:
          layers: [Normalization, {Rescaling: {scale: 10, offset: 5}}, Normalization, {Dense: 3}]
        """
    )
    splits = load_data(loaded.experiment.data, seed=0)
    model = build_seeded(loaded.experiment, splits).model
    np.testing.assert_allclose(np.ravel(model.layers[2].mean), 5.0, atol=1e-4)
    np.testing.assert_allclose(np.ravel(model.layers[2].variance), 100.0, rtol=1e-4)


def test_tensorboard_gets_scalars_learning_rate_histograms_and_hparams(config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    summary = train_in(tmp_path, config(DIGITS_TENSORBOARD))
    folder = summary.run.tensorboard_path
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"train", "validation"}
    training = EventAccumulator(str(folder / "train"), size_guidance={"tensors": 0}).Reload()
    tags = training.Tags()["tensors"]
    assert {"epoch_loss", "epoch_accuracy", "epoch_learning_rate"} <= set(tags)
    assert any(tag.startswith("dense/kernel") for tag in tags)
    assert training.Tags()["graph"]
    hparams = EventAccumulator(str(folder / "validation")).Reload().SummaryMetadata("_hparams_/session_start_info")
    assert hparams.plugin_data.plugin_name == "hparams"


DIGITS_TENSORBOARD = """
data: {source: digits, scale: 16}
model: {activation: relu, hidden: [8]}
training: {epochs: 2, tensorboard: {histogram_freq: 1}}
"""


def test_a_profile_is_recorded_on_request(config, tmp_path):
    summary = train_in(tmp_path, config(DIGITS_TENSORBOARD, "training.tensorboard.profile_batch=[3, 5]"))
    assert list(summary.run.tensorboard_path.glob("**/*.xplane.pb"))


def test_evaluating_a_split_without_rows_says_which_there_are(config, tmp_path):
    from nnlab.train import evaluate

    summary = train_in(tmp_path, config(QUADRATIC))
    with pytest.raises(NnlabError, match="the run has no test rows"):
        evaluate(summary.run, "test")


def test_a_config_that_cannot_be_built_leaves_no_run(config, tmp_path):
    run = Run.new(tmp_path / "runs", "test")
    from nnlab.train import train

    with pytest.raises(ConfigError):
        train(config("{data: digits, model: {layers: [{Conv2D: {filters: 3, kernel_size: 3}}]}}"), run)
    assert not (tmp_path / "runs").exists()


def test_fashion_mnist_trains_on_the_real_images(tmp_path):
    from nnlab.data.downloads import locate

    if locate("fashion_mnist") is None:
        pytest.skip("Fashion-MNIST is not on this machine (Debian: dataset-fashion-mnist)")
    changes = [parse_override(text) for text in ("data.limit=4000", "training.epochs=2")]
    summary = train_in(tmp_path, load_config(CONFIGS / "fashion_mlp.yaml", changes))
    assert summary.metrics["validation"]["accuracy"] > 0.7
    assert len(summary.run.read_history()) == 2


@pytest.mark.parametrize("imports", ["import nnlab, keras", "import keras, nnlab"])
def test_import_nnlab_is_all_that_keras_needs_to_load_nnlabs_objects(config, tmp_path, imports):
    loaded = config("{data: iris, model: {activation: {elu: {alpha: 0.5}}, hidden: [3]}, training: {epochs: 1}}")
    summary = train_in(tmp_path, loaded)
    code = f"{imports}\nprint(keras.saving.load_model({str(summary.run.model_path)!r}).layers[0].activation.parameters)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "{'alpha': 0.5}\n"


def test_the_resolved_config_has_what_the_data_decided(digits_run):
    resolved = load_config(digits_run.run.config_path).experiment
    assert (resolved.data.task, resolved.data.test, resolved.data.validation) == ("classification", 0.2, 0.2)
    assert resolved.training.loss.plain() == "sparse_categorical_crossentropy"
    assert [metric.plain() for metric in resolved.training.metrics] == ["accuracy"]
