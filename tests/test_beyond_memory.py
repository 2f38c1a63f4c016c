"""Training on rows that stay on disk: as in memory where it holds them at once, and by blocks where it does not."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest

from nnlab.data import stored
from nnlab.run import Run

pytestmark = pytest.mark.tf

CONFIG = """
seed: 3
data: {{source: parquet, path: {path}, target: y, scale: standardize, class_weight: balanced}}
model: {{hidden: [8], activation: relu}}
optimizer: {{Adam: {{learning_rate: 0.01}}}}
training: {{epochs: 3, batch_size: 25}}
"""
SEVERAL = ("data.storage=disk", "training.batch_size=24")


@pytest.fixture(scope="module")
def config_text(tmp_path_factory) -> str:
    """A config of a table whose training rows are no whole number of batches."""
    folder = tmp_path_factory.mktemp("data")
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(330, 3)), columns=list("abc"))
    frame["y"] = np.where(frame["a"] > frame["b"] + 0.3, "up", "down")
    frame.to_parquet(folder / "t.parquet", index=False)
    return CONFIG.format(path=folder / "t.parquet")


@pytest.fixture
def trained(config, config_text, tmp_path, monkeypatch):
    """Train with changes; return the summary, and the weights of the model."""
    from nnlab.train import train

    monkeypatch.setenv("NNLAB_CACHE_DIR", str(tmp_path / "cache"))

    def run(*overrides: str):
        summary = train(config(config_text, *overrides), Run.new(tmp_path / "runs", "test"))
        assert summary.status == "completed", summary.problem
        return summary, zipfile.ZipFile(summary.run.model_path).read("model.weights.h5")

    return run


def numbers(summary) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in summary.history]


@pytest.mark.parametrize("engine", ["fast", "exact", "keras"])
def test_rows_that_memory_holds_at_once_give_the_same_bits_on_disk(trained, engine):
    asked = f"training.engine={engine}"
    (ours, weights), (theirs, expected) = trained(asked, "data.storage=disk"), trained(asked, "data.storage=memory")
    assert weights == expected
    assert numbers(ours) == numbers(theirs)
    assert ours.metrics == theirs.metrics


def test_steps_over_blocks_are_those_of_keras(trained, monkeypatch):
    monkeypatch.setattr(stored, "_MOST_ROWS_AT_ONCE", 64)
    (ours, weights), (theirs, expected) = (trained(*SEVERAL, f"training.engine={name}") for name in ("exact", "keras"))
    assert weights == expected
    assert numbers(ours) == numbers(theirs)
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    compiled, _ = trained(*SEVERAL, "training.engine=fast")
    assert compiled.run.read_info()["engine"]["xla"] is True
    assert numbers(compiled)[-1] == pytest.approx(numbers(theirs)[-1], rel=1e-4)


class Counted:
    """Rows 0, 1, 2 ... of which memory is to hold some at a time."""

    def __init__(self, count: int, at_once: int) -> None:
        self.count, self.at_once, self.in_memory, self.places = count, at_once, None, None
        self.asked: list[np.ndarray] = []

    def take(self, numbers):
        from nnlab.data.splits import Split

        self.asked.append(numbers)
        return Split({"": numbers.astype(np.float32)[:, None]}, {"": numbers})


@pytest.mark.parametrize("batch_size", [7, 64, 100, 1000])
def test_every_row_is_taken_once_an_epoch_in_the_order_that_is_told(batch_size):
    from nnlab.engine.batches import Batches

    rows = Counted(1000, 128)
    batches = Batches(rows, batch_size, seed=5)
    taken, steps = [], 0
    for stretch in batches.stretches(2, size=1200):
        assert stretch.first_step == steps
        assert len(stretch.order) == stretch.rows.count == 1200
        steps += stretch.steps
        taken.append(stretch.rows.y[""][stretch.order[: stretch.steps * batch_size + stretch.rest]])
    assert (steps, stretch.rest) == divmod(1000, batch_size)
    order = np.concatenate(taken)
    np.testing.assert_array_equal(order, batches.order(2))
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    assert (order != batches.order(1)).any()
    assert all((np.diff(asked) > 0).all() and len(asked) <= 128 for asked in rows.asked)


def test_rows_that_are_not_shuffled_go_in_the_order_of_their_source():
    from nnlab.engine.batches import Batches

    batches = Batches(Counted(1000, 128), 10, seed=5, fixed_order=np.arange(1000))
    np.testing.assert_array_equal(batches.order(0), np.arange(1000))


def test_an_error_of_the_thread_that_reads_ahead_ends_the_training_in_its_words():
    from nnlab.engine.stretches import read_ahead

    def items():
        yield 1
        raise OSError("gone")

    ahead = read_ahead(items(), lambda number: number + 1)
    assert next(ahead) == 2
    with pytest.raises(OSError, match="gone"):
        next(ahead)
    left = read_ahead(iter(range(100)), lambda number: number)
    assert next(left) == 0
    left.close()  # ends the thread
