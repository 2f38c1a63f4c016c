"""A schedule of the user's own: a function of the step or of the epoch."""

from __future__ import annotations

import csv

import pytest

from nnlab.config.load import load_config
from nnlab.errors import ConfigError
from nnlab.run import Run

CODE = """
import keras


def halving(epoch, lr, factor: float = 0.5):
    return lr if epoch < 1 else lr * factor


def hyperbola(step, learning_rate, half_after=4):
    return learning_rate / (1 + step / half_after)


def rising(step):
    return 0.001 * step


def broken(epoch):
    return [0.1][epoch]


def nowhere(t):
    return 0.1


class AsKeras(keras.callbacks.LearningRateScheduler):
    def __init__(self):
        super().__init__(halving)
"""

TEXT = """
name: own-schedule
data: {source: diabetes, scale: standardize, limit: 32}
model: {hidden: [3]}
optimizer: {SGD: {learning_rate: 0.004}}
SCHEDULE
training: {epochs: 4, batch_size: 16, tensorboard: false, engine: exact}
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "my_code.py").write_text(CODE)

    def load(schedule: str, *overrides: str):
        (tmp_path / "own.yaml").write_text(TEXT.replace("SCHEDULE", schedule))
        return load_config(tmp_path / "own.yaml", overrides)

    return load


def history_of(config, run: Run) -> list[dict]:
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    summary = train(config, run, TrainingOptions(trust_code=True))
    assert summary.problem is None, summary.problem
    return run.read_history()


@pytest.mark.tf
def test_a_function_of_the_epoch_is_keras_learning_rate_scheduler(config, tmp_path):
    own = history_of(config("schedule: my_code.py:halving"), Run(tmp_path / "own"))
    code = tmp_path / "my_code.py"
    keras = history_of(config("", f"training.callbacks=['{code}:AsKeras']"), Run(tmp_path / "keras"))
    assert [row["learning_rate"] for row in keras] == pytest.approx([0.004, 0.002, 0.001, 0.0005])
    assert [row["learning_rate"] for row in own] == pytest.approx([0.002, 0.001, 0.0005, 0.0005])  # at the epoch's end
    for name in ("loss", "val_loss"):
        assert [row[name] for row in own] == [row[name] for row in keras]
    fast = history_of(config("schedule: my_code.py:halving", "training.engine=fast"), Run(tmp_path / "fast"))
    assert [row["loss"] for row in fast] == pytest.approx([row["loss"] for row in own], rel=1e-5)


@pytest.mark.tf
def test_it_is_shown_trained_with_and_saved_as_it_is(config, tmp_path, nnlab):
    from nnlab.train import evaluate

    loaded = config("schedule: {my_code.py:hyperbola: {half_after: 2}}")
    done = nnlab("schedule", "own.yaml", "--csv", "rates.csv")
    assert (done.code, "is Python code" in done.err) == (2, True)
    assert nnlab("schedule", "own.yaml", "--csv", "rates.csv", "--trust-code").code == 0
    with (tmp_path / "rates.csv").open() as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file)]
    assert rates == pytest.approx([0.004 / (1 + step / 2) for step in range(8)])
    run = Run(tmp_path / "run")
    assert [row["learning_rate"] for row in history_of(loaded, run)] == pytest.approx(
        [*rates[2::2], 0.004 / (1 + 7 / 2)]
    )
    assert evaluate(run, "test", trust_code=True) == run.read_metrics()["test"]


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("my_code.py:nowhere", "does not say whether it counts steps or epochs"),
        ("{my_code.py:halving: {facto: 2}}", "did you mean `factor`"),
        ("my_code.py:AsKeras", "is a class, and a function is needed here"),
    ],
)
def test_what_is_no_schedule_is_said(config, schedule, message):
    with pytest.raises(ConfigError, match=message):
        config(f"schedule: {schedule}")


def test_what_fails_says_when_and_where(config):
    from nnlab.config.durations import schedule_in_steps
    from nnlab.user_code import trust

    experiment = config("schedule: my_code.py:broken").experiment
    trust([experiment.schedule.name])
    with pytest.raises(ConfigError, match=r"fails at epoch 1: IndexError.*\n.*correct the code at line 18"):
        schedule_in_steps(experiment, 32)
    assert schedule_in_steps(config("schedule: my_code.py:rising").experiment, 32).rate(3) == pytest.approx(0.003)
