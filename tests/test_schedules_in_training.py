"""Schedules inside a training: the graph's rate against the formula's, what is recorded, saved and resumed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnlab.config.durations import schedule_in_steps
from nnlab.config.load import load_config
from nnlab.run import Run
from samples import CONFIGS
from test_schedules import CASES, CONFIG, ROWS, WARM

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("shared_programs")]

STEPS = 4
"""Steps of an epoch."""

TRAINED = """
data: {source: digits, scale: 16, limit: 100, validation: 50}
model: {hidden: [4]}
optimizer: {SGD: {learning_rate: 0.1}}
training: {epochs: 3, batch_size: 32, tensorboard: false}
"""
FEW_STEPS = """
data: {source: inline, columns: {x: [1.0], y: [-1.0]}, target: y, validation: 0, test: 0}
model: {layers: [{Dense: {units: 1, use_bias: false, kernel_initializer: {Constant: 5.0}}}]}
training: {batch_size: 1, loss: mse, metrics: [], tensorboard: false}
"""


def in_graph(config, schedule: str, *, first_epoch: int = 0):
    from nnlab.model.build import learning_rate_schedule

    return learning_rate_schedule(config(CONFIG.format(schedule=schedule)).experiment, ROWS, first_epoch=first_epoch)


def trained(config, tmp_path, *changes: str, text: str = TRAINED):
    from nnlab.train import train

    summary = train(config(text, *changes), Run.new(tmp_path / "runs", "test"))
    assert summary.status == "completed", summary.problem
    return summary


def rates_of(summary) -> list[float]:
    return [row["learning_rate"] for row in summary.history]


def test_the_graph_gives_the_rate_of_the_preview_rounded_to_float32(config):
    import tensorflow as tf

    schedules = [*CASES, *WARM]
    plans = [schedule_in_steps(config(CONFIG.format(schedule=schedule)).experiment, ROWS) for schedule in schedules]
    graphs = [in_graph(config, schedule) for schedule in schedules]
    compiled = tf.function(lambda step: tf.stack([graph(step) for graph in graphs]), jit_compile=True)
    rates = np.array([compiled(tf.constant(step, tf.int64)) for step in range(60)])
    expected = np.array([[plan.rate(step) for plan in plans] for step in range(60)], np.float32)
    wrong = [schedules[i] for i in np.unique(np.nonzero(rates != expected)[1])]
    assert rates.dtype == np.float32
    assert wrong == []


@pytest.mark.parametrize("schedule", ["{power: 10_000}", "{cosine: {decay_steps: 10_000_000_000, warmup_steps: 10}}"])
def test_the_graph_is_right_where_float32_cannot_count_steps_any_more(config, schedule):
    plan = schedule_in_steps(config(CONFIG.format(schedule=schedule)).experiment, ROWS)
    for step in (2**24 + 1, 5_000_000_009, 9_999_999_000):
        rate = float(in_graph(config, schedule)(np.int64(step)))
        assert rate == pytest.approx(plan.rate(step), rel=6e-8)


KERAS = {
    "{exponential: {decay_steps: 7, decay_rate: 0.3, staircase: true}}": ("ExponentialDecay", 0.1, 7, 0.3, True),
    "{piecewise: {boundaries_steps: [3, 8], values: [1.0, 0.5, 0.1]}}": (
        "PiecewiseConstantDecay",
        [3, 8],
        [1.0, 0.5, 0.1],
    ),
    "{cosine: {decay_steps: 9, alpha: 0.1}}": ("CosineDecay", 0.1, 9, 0.1),
    "{cosine_restarts: {first_decay_steps: 3, m_mul: 0.5}}": ("CosineDecayRestarts", 0.1, 3, 2.0, 0.5),
    "{polynomial: {decay_steps: 9, power: 2, cycle: true}}": ("PolynomialDecay", 0.1, 9, 0.0001, 2.0, True),
}


@pytest.mark.parametrize("schedule", KERAS)
def test_a_schedule_that_keras_has_too_is_keras_own(config, schedule):
    import keras

    name, *arguments = KERAS[schedule]
    theirs = getattr(keras.optimizers.schedules, name)(*arguments)
    ours = in_graph(config, schedule)
    for step in range(30):
        assert float(ours(step)) == pytest.approx(float(theirs(step)), rel=2e-6, abs=1e-9)


def test_the_steps_of_a_training_use_the_rates_of_the_preview(config, tmp_path):
    """Plain gradient descent on (w + 1)^2 divides w + 1 by 1 - 2 rate."""
    more = ["training.epochs=5", "optimizer={SGD: {learning_rate: 0.2}}"]
    schedule = "schedule={exponential: {decay_epochs: 1, decay_rate: 0.99, warmup_epochs: 2}}"
    losses = [row["loss"] for row in trained(config, tmp_path, schedule, *more, text=FEW_STEPS).history]
    errors = 6 * np.cumprod([1 - 2 * rate for rate in (0, 0.1, 0.2, 0.2 * 0.99)])
    assert losses == pytest.approx([36, *np.square(errors)], rel=1e-6)


def test_the_gallerys_parabola_gives_its_published_numbers(tmp_path):
    import keras

    from nnlab.train import train

    config = load_config(CONFIGS / "quadratic_decay.yaml", ["training.epochs=3", "training.tensorboard=false"])
    summary = train(config, Run.new(tmp_path, "quadratic"))
    assert [row["loss"] for row in summary.history] == pytest.approx([36, 12.96, 4.728], abs=5e-4)
    weight = keras.saving.load_model(summary.run.model_path).get_weights()[0]
    assert float(weight[0, 0]) == pytest.approx(0.321948, abs=5e-7)


def test_a_schedule_is_made_again_of_its_config(config):
    import keras

    schedule = in_graph(config, "{one_cycle: {max_learning_rate: 0.3, warmup_steps: 3}}", first_epoch=2)
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(keras.saving.serialize_keras_object(schedule))))
    assert again.get_config() == schedule.get_config()
    assert again.get_config()["learning_rate"] == 0.1
    assert [float(again(step)) for step in range(40)] == [float(schedule(step)) for step in range(40)]


def test_history_has_the_optimizers_rate_at_the_end_of_each_epoch(config, tmp_path):
    summary = trained(config, tmp_path, "schedule={exponential: {decay_epochs: 1, decay_rate: 0.5}}")
    assert rates_of(summary) == pytest.approx([0.05, 0.025, 0.0125])


def test_tensorboard_has_the_same_rates(config, tmp_path):
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    summary = trained(config, tmp_path, "schedule=cosine", "training.tensorboard=true")
    events = EventAccumulator(str(summary.run.tensorboard_path / "train")).Reload()
    values = [float(tf.make_ndarray(each.tensor_proto)) for each in events.Tensors("epoch_learning_rate")]
    assert values == pytest.approx(rates_of(summary))


def test_a_step_is_a_batch_also_where_gradients_are_accumulated(config, tmp_path):
    accumulating = "optimizer.gradient_accumulation_steps=2"
    summary = trained(config, tmp_path, "schedule={step: {step_epochs: 1}}", accumulating)
    assert rates_of(summary) == pytest.approx([0.01, 0.001, 0.0001])


PERFORMANCE = "factor: 0.5, patience: 2, min_delta: 1000.0"
"""No improvement is ever large enough: the rate is halved each second epoch after the first."""


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [("{one_cycle: 0.5}", 0.00005), (f"{{performance: {{{PERFORMANCE}, warmup_epochs: 1}}}}", 0.05)],
)
def test_a_saved_model_loads_in_plain_keras_with_its_schedule(config, tmp_path, schedule, rate):
    import keras

    summary = trained(config, tmp_path, f"schedule={schedule}")
    model = keras.saving.load_model(summary.run.model_path)
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)
    assert int(model.optimizer.iterations) == 3 * STEPS


def test_performance_lowers_the_rate_as_keras_does(config, tmp_path):
    summary = trained(config, tmp_path, f"schedule={{performance: {{{PERFORMANCE}}}}}", "training.epochs=6")
    assert rates_of(summary) == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.025])


def test_performance_goes_with_warm_up(config, tmp_path):
    schedule = f"schedule={{performance: {{{PERFORMANCE}, warmup_steps: 16}}}}"
    summary = trained(config, tmp_path, schedule, "training.epochs=6")
    assert rates_of(summary) == pytest.approx([0.025, 0.05, 0.075, 0.05, 0.05, 0.025])


def test_performance_changes_the_rate_inside_a_compiled_graph(config):
    import tensorflow as tf

    schedule = in_graph(config, "performance")
    compiled = tf.function(schedule, jit_compile=True)
    assert float(compiled(tf.constant(0, tf.int64))) == pytest.approx(0.1)
    schedule.learning_rate = 0.05
    assert float(compiled(tf.constant(1, tf.int64))) == pytest.approx(0.05)


@pytest.fixture
def origin(config, tmp_path):
    return trained(config, tmp_path, "training.epochs=1").run


def test_a_schedule_goes_on_when_layers_are_freed(config, tmp_path, origin):
    transfer = f"model={{hidden: [], transfer: {{from: {origin.path}, freeze_epochs: 2}}}}"
    summary = trained(config, tmp_path, transfer, "schedule={step: {step_epochs: 1, gamma: 0.5}}")
    assert rates_of(summary) == pytest.approx([0.05, 0.025, 0.0125])


def test_performance_begins_anew_when_layers_are_freed(config, tmp_path, origin):
    transfer = f"model={{hidden: [], transfer: {{from: {origin.path}, freeze_epochs: 4}}}}"
    schedule = f"schedule={{performance: {{{PERFORMANCE}}}}}"
    summary = trained(config, tmp_path, transfer, schedule, "training.epochs=7")
    assert rates_of(summary) == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.1, 0.1, 0.1])


GRAPH = """
data: {source: diabetes, scale: standardize, limit: 100}
model:
  type: functional
  inputs: [x]
  layers: {hidden: {Dense: 4, from: x}, main: {Dense: 1, from: hidden}, aux: {Dense: 1, from: hidden}}
  outputs: [main, aux]
optimizer: {SGD: {learning_rate: 0.1, clipnorm: 1.0}}
training: {epochs: 2, loss: mse, tensorboard: false}
"""
CLASS = """
data: {source: diabetes, scale: standardize, limit: 100}
model: {type: subclassed, class: WideAndDeep}
optimizer: {SGD: {learning_rate: 0.1, clipnorm: 1.0}}
training: {epochs: 2, tensorboard: false}
"""


@pytest.mark.parametrize("text", [GRAPH, CLASS], ids=["two outputs", "a class"])
@pytest.mark.parametrize("schedule", ["cosine", "{performance: {monitor: loss, patience: 1, min_delta: 1000000.0}}"])
def test_other_kinds_of_models_have_schedules(config, tmp_path, text, schedule):
    rates = rates_of(trained(config, tmp_path, f"schedule={schedule}", text=text))
    assert rates == pytest.approx([0.05, 0.0] if schedule == "cosine" else [0.1, 0.1])


def test_the_screen_shows_the_rate_of_each_epoch(nnlab, tmp_path):
    (tmp_path / "config.yaml").write_text(f"{TRAINED}schedule: cosine\n")
    done = nnlab("train", "config.yaml", "--json")
    assert json.loads(done.out)["status"] == "completed"
    done = nnlab("train", "config.yaml")
    header, *epochs = (line for line in done.err.splitlines() if "learning_rate" in line or line.startswith("epoch"))
    end = header.index("learning_rate") + len("learning_rate")
    assert [line[:end].split()[-1] for line in epochs] == ["0.0750", "0.0250", "0.0000"]
