"""What a training keeps of what its network gives: the numbers of its model, epoch by epoch, and no bit changed."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.run import Run
from nnlab.snapshots import POINTS, grid, read_snapshots

CIRCLE = """
seed: 3
data: {source: {circle: {samples: 60, noise: 0.1}}, scale: standardize}
model: {hidden: [4], activation: tanh, dropout: 0.1}
optimizer: {Adam: 0.1}
training: {epochs: 6, batch_size: 16, tensorboard: false}
"""
SINE = """
data: {source: {sine: {samples: 40}}}
model: {hidden: [3], activation: relu, normalization: {BatchNormalization: {position: before_activation}}}
training: {epochs: 3, batch_size: 8, tensorboard: false, engine: keras}
"""
PARABOLA = """
data: {source: inline, columns: {x: [1.0], y: [-1.0]}, target: y, validation: 0, test: 0}
model: {layers: [{Dense: {units: 1, use_bias: false, kernel_initializer: {Constant: 5.0}}}]}
optimizer: {SGD: 0.2}
schedule: {exponential: {decay_epochs: 1, decay_rate: 0.99}}
training: {epochs: 3, batch_size: 1, loss: mean_squared_error, metrics: [], tensorboard: false}
"""
HALF_A_SHADE = 0.5 / 63 + 1e-6

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("shared_programs")]


@pytest.fixture
def trained(config, tmp_path):
    """Train a text under a name, and return the run and its snapshots."""

    def train_it(name, text, *overrides, **options):
        from nnlab import train
        from nnlab.training_options import TrainingOptions

        run = Run(tmp_path / name)
        train.train(config(text, *overrides), run, TrainingOptions(**options))
        return run, read_snapshots(run)

    return train_it


def predicted(run, snapshots):
    """Return what the run's saved model says of the points of the grid, through `nnlab predict`'s own function."""
    from nnlab.data.judging import data_spec
    from nnlab.engine.trained import Trained
    from nnlab.predict import predict

    spec = data_spec(run)
    inputs = len(snapshots.axes)
    points = grid(snapshots.axes, POINTS[inputs])
    columns = predict(Trained.load(run), spec.scaled({"": points}), spec=spec)
    name = [name for name in columns if name != "class"][-1]
    return columns[name].reshape([POINTS[inputs]] * inputs)


def test_a_snapshot_is_what_the_model_of_that_epoch_predicts(trained):
    run, found = trained("whole", CIRCLE)
    assert found.epochs == (0, 1, 2, 3, 4, 5, 6)
    assert np.abs(found.values[-1, 0] - predicted(run, found)).max() < HALF_A_SHADE
    short, shorter = trained("short", CIRCLE, "training.epochs=4")
    assert (found.values[:5] == shorter.values).all()
    assert np.abs(found.values[4, 0] - predicted(short, found)).max() < HALF_A_SHADE
    assert found.probabilities.shape == (7, 2, 64, 64)


def test_rows_are_kept_in_their_own_units(trained):
    from nnlab.data.generated import circle

    _, found = trained("run", CIRCLE, "training.epochs=1")
    raw = circle(60, noise=0.1, seed=3)
    points = {(round(x, 3), round(y, 3)) for x, y in raw.x[""].tolist()}
    kept = np.concatenate(list(found.x.values()))
    assert len(kept) == 48, "those of the test are not drawn"
    assert {(round(x, 3), round(y, 3)) for x, y in kept.tolist()} <= {
        (round(x + i / 1000, 3), round(y + j / 1000, 3)) for x, y in points for i in (-1, 0, 1) for j in (-1, 0, 1)
    }
    assert set(np.concatenate(list(found.y.values()))) == {0.0, 1.0}
    assert (found.axes[:, 0] < kept.min(axis=0)).all()
    assert (found.axes[:, 1] > kept.max(axis=0)).all()


def test_no_bit_of_a_training_changes(trained):
    import keras

    stopping = "training.early_stopping={patience: 2}"
    watched, _ = trained("watched", CIRCLE, "model.normalization=BatchNormalization", stopping)
    alone, none = trained("study/trials/0001", CIRCLE, "model.normalization=BatchNormalization", stopping)
    assert none is None, "trials keep none"
    one, other = (keras.saving.load_model(run.model_path) for run in (watched, alone))
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
    times = {"seconds", "val_seconds"}
    rows = [[{k: v for k, v in row.items() if k not in times} for row in r.read_history()] for r in (watched, alone)]
    assert rows[0] == rows[1]


def test_a_training_in_parts_leaves_what_the_whole_one_leaves(trained):
    part, _ = trained("part", CIRCLE, last_epoch=3, keep_checkpoint=True)
    _, found = trained("rest", CIRCLE, continues=part)
    _, whole = trained("whole", CIRCLE)
    assert found.epochs == whole.epochs
    assert (found.values == whole.values).all()


def test_of_many_epochs_some_are_kept_with_the_best_and_the_last(trained, monkeypatch):
    from nnlab.engine import snapshots

    monkeypatch.setattr(snapshots, "LOOKS", 2)
    run, found = trained("many", CIRCLE, "optimizer.learning_rate=1.0", "training.epochs=7")
    best = run.read_info()["best_epoch"]
    assert best not in (0, 4, 7), "or the test shows nothing"
    assert found.epochs == tuple(sorted({0, 4, best, 7}))
    _, there = trained("best", CIRCLE, "optimizer.learning_rate=1.0", f"training.epochs={best}")
    assert (found.values[found.epochs.index(best)] == there.values[-1]).all()


def test_early_stopping_leaves_the_restored_network_as_its_epoch(trained):
    run, found = trained("stopped", CIRCLE, "optimizer.learning_rate=1.0", "training.early_stopping={patience: 3}")
    kept = run.read_info()["model_epoch"]
    look = found.values[found.epochs.index(kept), 0]
    assert np.abs(look - predicted(run, found)).max() < HALF_A_SHADE


def test_units_are_those_of_the_final_network_behind_normalization_and_activation(trained):
    import keras

    run, found = trained("sine", SINE)
    model = keras.saving.load_model(run.model_path)
    points = grid(found.axes, 256).astype(np.float32)
    normalized = model.layers[1](model.layers[0](points), training=False)
    expected = np.maximum(np.asarray(normalized), 0.0).T
    (units,) = found.units.values()
    assert units.shape == (3, 256)
    assert np.abs(units - expected).max() <= HALF_A_SHADE * max(1.0, np.ptp(expected))
    assert np.abs(found.values[-1, 0] - predicted(run, found)).max() < 1e-4 * np.ptp(found.values)


def test_the_way_over_a_parabola_is_that_of_the_textbook(trained):
    _, found = trained("parabola", PARABOLA)
    descent = found.descent
    assert descent.weights[:, 0].tolist() == pytest.approx([5.0, 2.6, 1.1744, 0.321948], abs=1e-6)
    ((low, high),) = descent.axes
    assert descent.losses.tolist() == pytest.approx(((np.linspace(low, high, 129) + 1) ** 2).tolist(), rel=1e-5)
    assert descent.names == ("kernel",)


def test_a_model_that_takes_no_other_numbers_is_trained_nevertheless(trained):
    whole_numbers = """
    data: {source: inline, columns: {x: [0, 10, 20, 30], y: [0.0, 1.5, 0.0, 1.0]}, target: y, validation: 0, test: 0}
    model: {layers: [{Embedding: {input_dim: 31, output_dim: 2}}, Flatten, {Dense: 1}]}
    training: {epochs: 1, tensorboard: false, loss: mse}
    """
    run, found = trained("whole-numbers", whole_numbers)
    info = run.read_info()
    assert info["status"] == "completed"
    assert found is None
    assert "cannot be asked" in info["no_snapshots"]
