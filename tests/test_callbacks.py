"""`training.callbacks`: Keras's callbacks by name, and the user's own, told of what happens by every engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnlab.config.load import load_config
from nnlab.run import Run
from nnlab.training_options import TrainingOptions
from nnlab.user_code import object_named

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("shared_programs")]

CODE = """
import keras


class Watcher(keras.callbacks.Callback):
    calls = []

    def __init__(self, stop_after: int = 100):
        super().__init__()
        self.stop_after = stop_after

    def say(self, what, logs=None):
        self.calls.append((what, sorted(logs or {}), self.model is not None))

    def on_train_begin(self, logs=None):
        print("it begins")
        self.say("train begins")

    def on_epoch_begin(self, epoch, logs=None):
        self.say(f"epoch {epoch} begins")
        self.model.optimizer.learning_rate = 0.01 / (epoch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self.say(f"epoch {epoch} ends", logs)
        logs["twice"] = 2 * logs["loss"]
        self.model.stop_training = epoch + 1 == self.stop_after

    def on_train_end(self, logs=None):
        self.say("train ends", logs)

    def on_test_begin(self, logs=None):
        self.say("test begins")

    def on_test_end(self, logs=None):
        self.say("test ends", logs)

    def on_predict_begin(self, logs=None):
        self.say("predict begins")

    def on_predict_end(self, logs=None):
        self.say("predict ends")


class Batches(Watcher):
    def on_train_batch_end(self, batch, logs=None):
        self.say(f"batch {batch} ends")
"""

TEXT = """
name: watched
data: {source: diabetes, scale: standardize, limit: 40}
model: {hidden: [3]}
training: {epochs: 4, batch_size: 16, tensorboard: false, callbacks: [{my_callbacks.py:Watcher: {stop_after: 2}}]}
"""

EPOCH = [("test begins", []), ("test ends", ["loss", "root_mean_squared_error"])]
LOGGED = ["loss", "root_mean_squared_error", "val_loss", "val_root_mean_squared_error"]
ALL_CALLS = [
    ("train begins", []),
    *[("epoch 0 begins", []), *EPOCH, ("epoch 0 ends", LOGGED)],
    *[("epoch 1 begins", []), *EPOCH, ("epoch 1 ends", LOGGED)],
    ("train ends", LOGGED),
    *[*EPOCH, *EPOCH, *EPOCH],  # of all splits, at the end
]


def run_of(folder: Path, *overrides: str, text: str = TEXT) -> tuple[Run, list]:
    """Train, and return the run and what the callback was told."""
    from nnlab.train import train

    (folder / "my_callbacks.py").write_text(CODE)
    (folder / "watched.yaml").write_text(text)
    config = load_config(folder / "watched.yaml", overrides)
    run = Run.new(folder / "runs", "watched")
    summary = train(config, run, TrainingOptions(trust_code=True))
    assert summary.problem is None, summary.problem
    return run, calls_of(folder / "my_callbacks.py") if "my_callbacks" in text else []


def calls_of(file: Path) -> list:
    calls = object_named(f"{file}:Watcher").calls
    told = [(what, logs) for what, logs, has_model in calls if has_model]
    assert len(told) == len(calls)
    calls.clear()
    return told


@pytest.fixture(scope="module")
def by_engine(tmp_path_factory) -> dict[str, tuple[Run, list]]:
    engines = ("fast", "exact", "keras")
    return {engine: run_of(tmp_path_factory.mktemp(engine), f"training.engine={engine}") for engine in engines}


def test_every_engine_tells_callbacks_the_same(by_engine):
    for run, calls in by_engine.values():
        assert calls == ALL_CALLS
        assert run.read_info()["engine"]["used"] == run.read_info()["engine"]["asked"]
    histories = [run.read_history() for run, _ in by_engine.values()]
    for history in histories:
        assert len(history) == 2  # it stops the training
        assert [row["learning_rate"] for row in history] == pytest.approx([0.01, 0.005])
        assert all(row["twice"] == 2 * row["loss"] for row in history)
    losses = [[row["loss"] for row in history] for history in histories]
    assert losses[1] == losses[2]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


def test_evaluate_and_predict_tell_them_too_and_results_stay_alone_on_stdout(by_engine, nnlab):
    from nnlab.train import evaluate

    run, _ = by_engine["fast"]
    file = run.path / "code" / "my_callbacks.py"
    assert evaluate(run, "test", trust_code=True) == run.read_metrics()["test"]
    assert calls_of(file) == EPOCH
    done = nnlab("predict", run.path, "--rows", "0:2", "--split", "test", "--trust-code")
    assert calls_of(file) == [("predict begins", []), ("predict ends", []), *EPOCH]
    assert done.out.startswith("progression,")
    done = nnlab("train", run.config_path, "--trust-code", "--json")
    assert done.out.startswith("{")
    assert "it begins" in done.err


def test_one_that_sees_every_batch_trains_with_keras_and_that_is_said(tmp_path):
    from nnlab.train import evaluate

    run, calls = run_of(tmp_path, "training.epochs=1", text=TEXT.replace("Watcher", "Batches"))
    assert [what for what, _ in calls if what.startswith("batch")] == [f"batch {i} ends" for i in range(3)]
    choice = run.read_info()["engine"]
    assert (choice["used"], choice["reason"]) == ("keras", "the callback `Batches` has `on_train_batch_end`")
    evaluate(run, "test", trust_code=True)


def test_keras_callbacks_do_what_they_do_in_keras(tmp_path):
    text = TEXT.replace("{my_callbacks.py:Watcher: {stop_after: 2}}", "SwapEMAWeights")
    optimizer = "optimizer={sgd: {learning_rate: 0.001, use_ema: true, ema_momentum: 0.9}}"
    runs = [run_of(tmp_path, optimizer, f"training.engine={engine}", text=text)[0] for engine in ("exact", "keras")]
    with_it, in_keras = [run.read_history() for run in runs]
    assert [row["val_loss"] for row in with_it] == [row["val_loss"] for row in in_keras]
    without = run_of(tmp_path, optimizer, "training.callbacks=[]", text=text)[0].read_history()
    assert [row["val_loss"] for row in with_it] != [row["val_loss"] for row in without]


def test_catalog_says_of_all_what_nnlab_does_in_their_place():
    import keras

    from nnlab import catalog

    hooks = [name for name in dir(keras.callbacks.Callback) if name.startswith("on_") and "batch" in name]
    for entry in catalog.entries("callbacks").values():
        class_ = getattr(keras.callbacks, entry.object)
        if entry.instead is None:  # none of these needs Keras's own loop
            assert all(getattr(class_, hook) is getattr(keras.callbacks.Callback, hook) for hook in hooks)
