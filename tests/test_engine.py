"""The training loops: the same numbers as Keras's own, faster; programs that are used again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from nnlab import checksums
from nnlab.run import Run

pytestmark = pytest.mark.tf

WINE = """
seed: 3
data: {source: wine, scale: standardize, class_weight: balanced}
model: {hidden: [8, 8], activation: relu, regularizer: {L2: 0.01}, dropout: 0.1, normalization: BatchNormalization}
optimizer: {Adam: {learning_rate: 0.01}}
training: {epochs: 3, batch_size: 25}
"""


@pytest.fixture(scope="module")
def kept() -> dict:
    """What was trained for tests that look at it."""
    return {}


@pytest.fixture
def trained(config, kept, tmp_path_factory):
    """Train a config with changes by the fast engine, if they name no other; return the summary.

    What differs in nothing that decides about numbers is trained once, unless there are `options`.
    """
    from nnlab.engine import decision, loops
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    def run(text: str = WINE, *overrides: str, programs=None, **options):
        key = text, overrides, decision.STEPS_THAT_EARN_XLA, loops.SECONDS_OF_A_STRETCH
        alone = programs is not None or options
        if alone or key not in kept:
            loaded = config(text, "training.engine=fast", *overrides)
            directory = Run.new(tmp_path_factory.mktemp("runs"), "test")
            summary = train(loaded, directory, TrainingOptions(**options), programs=programs)
            assert summary.status == "completed", summary.problem
            if alone:
                return summary
            kept[key] = summary
        return kept[key]

    return run


PLAIN = WINE.replace(" dropout: 0.1,", "")
"""The same without random layers, which go without XLA."""


def weights(summary) -> bytes:
    """Return all that the saved model holds, optimizer and random state included."""
    return zipfile.ZipFile(summary.run.model_path).read("model.weights.h5")


def numbers(summary) -> list[dict[str, float]]:
    """Return the history without times."""
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in summary.history]


def engine(summary) -> dict:
    return summary.run.read_info()["engine"]


def test_exact_gives_every_number_of_keras_own_loop(trained):
    ours, theirs = (trained(WINE, f"training.engine={name}") for name in ("exact", "keras"))
    assert weights(ours) == weights(theirs)
    assert numbers(ours) == numbers(theirs)
    assert ours.metrics == theirs.metrics


def test_fast_and_exact_agree_to_rounding(trained, monkeypatch):
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    ours, theirs = (trained(PLAIN, f"training.engine={name}") for name in ("fast", "exact"))
    assert engine(ours)["xla"] is True
    assert numbers(ours)[-1] == pytest.approx(numbers(theirs)[-1], rel=1e-4)


INPUTS = "inputs: {wide: {features: [0, 1, 2]}, deep: {features: [2, 3, 4, 5]}}"
LAYERS = "hidden: {Dense: {units: 5, activation: relu}, from: deep}, joined: {Concatenate: {}, from: [wide, hidden]}"
ONE_TARGET = f"""
data: {{source: diabetes, scale: standardize}}
model:
  type: functional
  {INPUTS}
  layers: {{{LAYERS}, main: {{Dense: 1, from: joined}}, aux: {{Dense: 1, from: hidden}}}}
  outputs: [main, aux]
optimizer: {{Adam: {{learning_rate: 0.01, clipnorm: 1.0}}}}
training: {{epochs: 3, batch_size: 25, loss_weights: {{main: 0.9, aux: 0.1}}}}
"""
KINDS = {
    "several inputs and outputs": ONE_TARGET,
    "balanced classes of one of two outputs": f"""
data: {{source: wine, scale: standardize, class_weight: {{main: balanced}}}}
model:
  type: functional
  {INPUTS}
  layers: {{{LAYERS}, main: {{Dense: 3, from: joined}}, aux: {{Dense: 3, from: hidden}}}}
  outputs: [main, aux]
optimizer: {{SGD: {{learning_rate: 0.05, momentum: 0.9, nesterov: true, use_ema: true}}}}
training: {{epochs: 3, batch_size: 25}}
""",
    "a subclassed model with an auxiliary output": """
data: {source: diabetes, scale: standardize}
model:
  {type: subclassed, class: WideAndDeep, units: 5, auxiliary: true, wide_features: [0, 1], deep_features: [1, 2, 3]}
optimizer: {RMSprop: {gradient_accumulation_steps: 2}}
training: {epochs: 3, batch_size: 25, loss: {main: mse, aux: mse}, loss_weights: {main: 0.9, aux: 0.1}}
""",
    "layers taken over, frozen first": """
data: {source: wine, scale: standardize}
model: {transfer: {from: SOURCE, freeze_epochs: 1, layers: 1}, hidden: [4]}
optimizer: {Adam: {learning_rate: 0.01}}
training: {epochs: 3, batch_size: 25}
""",
}


@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS)
def test_the_engines_agree_on_each_kind_of_model(trained, monkeypatch, text):
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    if "SOURCE" in text:
        text = text.replace("SOURCE", str(trained(PLAIN, "training.epochs=1").run.path))
    fast, exact, keras = (trained(text, f"training.engine={name}") for name in ("fast", "exact", "keras"))
    assert [engine(summary)["used"] for summary in (fast, exact, keras)] == ["fast", "exact", "keras"]
    assert engine(fast)["xla"]
    assert (weights(exact), numbers(exact), exact.metrics) == (weights(keras), numbers(keras), keras.metrics)
    for ours, theirs in zip(numbers(fast), numbers(exact), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)


def test_a_short_training_goes_without_xla(trained):
    summary = trained()
    assert engine(summary) == {
        "asked": "fast",
        "used": "fast",
        "xla": False,
        "reason": "15 steps are over before XLA has compiled them",
    }


@pytest.mark.parametrize("xla", [False, True])
def test_where_stretches_end_changes_no_number(trained, monkeypatch, xla):
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    text = PLAIN if xla else WINE
    whole = trained(text)
    assert engine(whole)["xla"] is xla
    monkeypatch.setattr("nnlab.engine.loops.SECONDS_OF_A_STRETCH", 0.0)
    assert weights(trained(text)) == weights(whole)


@pytest.mark.parametrize("xla", [False, True])
def test_a_program_used_again_gives_what_a_new_one_gives(trained, monkeypatch, xla):
    from nnlab.engine.reuse import Programs

    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    text, programs = PLAIN if xla else WINE, Programs()
    first = trained(text, programs=programs)
    assert weights(first) == weights(trained(text))
    changes = ("seed=4", "optimizer.learning_rate=0.003", "model.regularizer.L2=0.1")
    again, fresh = trained(text, *changes, programs=programs), trained(text, *changes)
    assert engine(again)["xla"] is xla
    assert len(programs) == 1
    assert weights(again) == weights(fresh) != weights(first)
    assert again.metrics == fresh.metrics
    assert weights(trained(text, programs=programs)) == weights(first)


NORMALIZED = """
data: {source: diabetes}
model: {layers: [Normalization, {Dense: {units: 4, activation: relu}}, {Dense: 1}]}
optimizer: adam
schedule: {performance: {patience: 0, factor: 0.5, min_delta: 1000000}}
training: {epochs: 4}
"""


def test_statistics_of_the_data_and_a_lowered_rate_do_not_stay_in_a_program(trained):
    from nnlab.engine.reuse import Programs

    programs = Programs()
    trained(NORMALIZED, programs=programs)
    again, fresh = trained(NORMALIZED, "seed=5", programs=programs), trained(NORMALIZED, "seed=5")
    assert len(programs) == 1
    assert numbers(again) == numbers(fresh)
    assert numbers(fresh)[-1]["learning_rate"] < 0.001


def test_another_shape_of_training_gets_a_program_of_its_own(trained):
    from nnlab.engine.reuse import Programs

    programs = Programs()
    trained(programs=programs)
    for count, change in enumerate(("model.hidden=[8, 9]", "model.dropout=0.2", "training.batch_size=20"), 2):
        again = trained(WINE, change, programs=programs)
        assert len(programs) == count
        assert weights(again) == weights(trained(WINE, change))


def test_only_so_many_programs_are_kept(trained):
    from nnlab.engine.reuse import Programs

    programs = Programs(most=1)
    for units in (3, 4):
        trained(WINE, f"model.hidden=[{units}]", programs=programs)
    assert len(programs) == 1


def test_random_layers_go_without_xla(trained, monkeypatch):
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    reason = "`Dropout` draws its random numbers faster without XLA on a CPU"
    assert engine(trained()) == {"asked": "fast", "used": "fast", "xla": False, "reason": reason}


def test_profiling_needs_keras_own_loop(trained):
    summary = trained(WINE, "training.tensorboard={profile_batch: 2}")
    assert (engine(summary)["used"], engine(summary)["reason"]) == (
        "keras",
        "`profile_batch` looks at single steps of Keras's own loop",
    )


OWN_STEP = """
import keras

class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(3, activation="softmax")

    def call(self, x):
        return self.out(x)

    def train_step(self, data):
        return super().train_step(data)
"""


MINE = """
data: wine
model: {type: subclassed, class: "mine.py:Mine"}
training: {epochs: 1, loss: sparse_categorical_crossentropy}
"""


def test_a_train_step_of_ones_own_needs_keras_own_loop(trained, tmp_path):
    (tmp_path / "mine.py").write_text(OWN_STEP)
    summary = trained(MINE, trust_code=True)
    assert (engine(summary)["used"], engine(summary)["reason"]) == ("keras", "`Mine` has a `train_step` of its own")


@pytest.mark.parametrize("asked", ["auto", "true"])
def test_what_xla_cannot_compile_goes_without_it_and_the_config_says_so(trained, tmp_path, monkeypatch, asked):
    if asked == "auto":
        monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    call = 'return self.out(tf.ensure_shape(tf.numpy_function(lambda a: a, [x], "float32"), x.shape))'
    code = OWN_STEP.replace("return self.out(x)", call).replace("import keras", "import keras\nimport tensorflow as tf")
    (tmp_path / "mine.py").write_text(code.partition("    def train_step")[0])
    summary = trained(MINE, f"training.jit_compile={asked}", trust_code=True)
    assert (engine(summary)["used"], engine(summary)["xla"]) == ("fast", False)
    assert engine(summary)["reason"].startswith("XLA cannot compile the model: ")
    assert settled(summary)["jit_compile"] is False
    again = trained(summary.run.config_path.read_text().replace("code/mine.py", "mine.py"), trust_code=True)
    assert engine(again)["reason"] == "`jit_compile: false`"
    assert weights(again) == weights(summary)


def test_ctrl_c_ends_a_long_epoch_soon(tmp_path):
    rows = np.random.default_rng(0).random((1_000_000, 4), np.float32)
    np.savez(tmp_path / "rows.npz", x=rows, y=rows[:, 0])  # a minute and more with batches of one row
    config = "{data: {source: npz, path: rows.npz, validation: 0}, model: {hidden: [4]}, training: {batch_size: 1}}"
    (tmp_path / "long.yaml").write_text(config)
    command = [sys.executable, "-m", "nnlab", "train", "long.yaml", "--quiet"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not any('"engine"' in file.read_text() for file in tmp_path.glob("runs/*/run.json")):
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130, said
    (info,) = tmp_path.glob("runs/*/run.json")
    assert json.loads(info.read_text())["status"] == "interrupted"
    assert "Traceback" not in said


def test_a_damaged_program_on_disk_is_compiled_again(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)  # what another test's command has set
    path = tmp_path / "wine.yaml"
    path.write_text(PLAIN.replace("epochs: 3", "epochs: 400"))

    def train() -> dict:
        command = [sys.executable, "-m", "nnlab", "train", str(path), "--runs-dir", str(tmp_path / "runs"), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(Path(json.loads(done.stdout)["run"], "run.json").read_text())["engine"]

    assert train()["xla"] is True
    (program,) = (tmp_path / "cache" / "xla").rglob("*.pb")
    program.write_bytes(program.read_bytes()[:1000])
    assert train() == {"asked": "fast", "used": "fast", "xla": True, "reason": None}
    (program,) = (tmp_path / "cache" / "xla").rglob("*.pb")
    assert checksums.is_sound(program)


@pytest.mark.parametrize("activation", ["silu", "gelu", "{gelu: {approximate: true}}", "Swish"])
def test_what_tensorflow_computes_otherwise_in_a_loop_is_left_to_keras_if_it_shall_be_exact(trained, activation):
    summary = trained(WINE, "training.engine=exact", f"model.activation={activation}")
    assert (engine(summary)["used"], engine(summary)["reason"]) == (
        "keras",
        "TensorFlow computes silu, swish and gelu otherwise in Keras's own loop",
    )


def settled(summary) -> dict:
    """Return how a run's config says that it was computed."""
    training = yaml.safe_load(summary.run.config_path.read_text())["training"]
    return {name: training[name] for name in ("engine", "jit_compile", "threads")}


def test_short_trainings_that_share_a_program_are_compiled_and_say_so_in_their_configs(trained):
    short = trained(PLAIN)
    shared = trained(PLAIN, trainings=1_000)
    assert (engine(short)["xla"], settled(short)["jit_compile"]) == (False, False)
    assert (engine(shared)["xla"], settled(shared)["jit_compile"]) == (True, True)
    again = trained(shared.run.config_path.read_text())
    assert weights(again) == weights(shared) != weights(short)
    assert again.metrics == shared.metrics


def test_random_layers_are_compiled_if_the_config_insists(trained):
    assert not engine(trained(WINE, trainings=1_000))["xla"]
    summary = trained(WINE, "training.jit_compile=true")
    assert engine(summary) == {"asked": "fast", "used": "fast", "xla": True, "reason": None}


def test_a_long_training_is_not_compiled_if_the_config_forbids_it(trained, monkeypatch):
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    summary = trained(PLAIN, "training.jit_compile=false")
    assert engine(summary) == {"asked": "fast", "used": "fast", "xla": False, "reason": "`jit_compile: false`"}


WIDE = "data: wine\nmodel: {{hidden: [{units}]{more}}}\ntraining: {{epochs: 300, batch_size: 16{training}}}"


@pytest.mark.parametrize(
    ("units", "more", "training", "threads"),
    [
        (100, "", "", 1),
        (40_000, "", ", engine: fast", 2),
        (40_000, "", ", engine: exact", 1),
        (40_000, ", dropout: 0.1", "", 1),
        (40_000, "", ", jit_compile: false", 1),
        (1_000_000, "", "", None),
        (40_000, "", ", threads: 3", 3),
    ],
)
def test_a_network_is_computed_with_as_many_threads_as_pay(config, monkeypatch, units, more, training, threads):
    import nnlab.engine.decision
    from nnlab.data.loading import load_data
    from nnlab.model.plan import plan_model

    used: list[int] = []
    monkeypatch.setattr(nnlab.engine.decision, "use_threads", used.append)
    experiment = config(WIDE.format(units=units, more=more, training=training)).experiment
    splits = load_data(experiment.data, seed=0)
    decision = nnlab.engine.decision.Decision(experiment, splits.train.count)
    decision.set_threads(plan_model(experiment, splits.spec), splits.train.x)
    assert used == ([] if threads is None else [threads])


def test_a_run_trained_with_other_threads_is_evaluated_and_trained_again_with_them(tmp_path):
    """In processes of their own, each of which decides on its threads once."""
    (tmp_path / "wine.yaml").write_text(PLAIN.replace("[8, 8]", "[300, 300]"))

    def nnlab(*words: str) -> dict:
        command = [sys.executable, "-m", "nnlab", *words, "--json"]
        return json.loads(subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)

    run = nnlab("train", "wine.yaml", "-S", "training.threads=2")["run"]
    config = Path(tmp_path / run, "config.yaml")
    assert yaml.safe_load(config.read_text())["training"]["threads"] == 2
    again = nnlab("train", str(config))
    assert json.loads(Path(tmp_path / again["run"], "run.json").read_text())["hardware"]["threads"] == 2
    metrics = json.loads(Path(tmp_path / run, "metrics.json").read_text())
    assert again["metrics"] == metrics
    assert nnlab("evaluate", run, "--split", "test")["metrics"] == metrics["test"]


WEIGHT = """
data: {source: inline, columns: {x: [1, 2, 3, 4, 5], y: [5, 4, 1, 0, 2]}, target: y}
model: {layers: [{Dense: {units: 1, use_bias: false, kernel_initializer: zeros}}]}
optimizer: {SGD: {learning_rate: 0.01}}
training: {epochs: 3, batch_size: 2, metrics: [], shuffle: false}
"""
"""One weight, and rows in an order that decides what it becomes."""


@pytest.mark.parametrize("engine_name", ["fast", "exact", "keras"])
@pytest.mark.parametrize("size", [1, 2, "all"])
def test_rows_go_in_their_own_order_in_batches_of_one_to_all(trained, engine_name, size):
    summary = trained(WEIGHT, f"training.engine={engine_name}", f"training.batch_size={size}")
    x, y, weight = np.arange(1.0, 6.0), np.array([5.0, 4, 1, 0, 2]), 0.0
    rows = 5 if size == "all" else size
    for start in [*range(0, 5, rows)] * 3:
        batch = slice(start, start + rows)
        weight -= 0.01 * 2 * np.mean((weight * x[batch] - y[batch]) * x[batch])
    from nnlab.model.saved import load_model

    assert float(load_model(summary.run).get_weights()[0][0, 0]) == pytest.approx(weight, rel=1e-5)


def test_a_config_of_all_rows_in_order_is_resolved_to_what_trains_to_the_same_bits(trained):
    from nnlab.config.load import load_config

    summary = trained(WEIGHT, "training.batch_size=all")
    resolved = load_config(summary.run.config_path).experiment
    assert (resolved.training.batch_size, resolved.training.shuffle) == ("all", False)
    assert (resolved.data.validation, resolved.data.test) == (0, 0)
    assert weights(trained(summary.run.config_path.read_text())) == weights(summary)


GROWING = """
seed: 3
data: {source: wine, scale: standardize, test: 0}
model: {hidden: [8]}
optimizer: {SGD: {learning_rate: 0.05, momentum: 0.9}}
schedule: {cosine: {warmup_steps: 4}}
training: {epochs: 7, batch_size: {grow: {factor: 2, every_epochs: 2, start: 30, most: 100}}, tensorboard: false}
"""
"""142 training rows, in batches of 30, 60 and 100: 5, 3 and 2 steps an epoch."""


def test_growing_batches_have_the_sizes_and_steps_of_their_epochs(config):
    from nnlab.config.durations import schedule_in_steps, steps_before, steps_of_run

    experiment = config(GROWING).experiment
    assert experiment.training.batch_sizes(142) == {0: 30, 2: 60, 4: 100}
    assert [steps_before(experiment, 142, epoch) for epoch in range(8)] == [0, 5, 10, 13, 16, 18, 20, 22]
    assert steps_of_run(experiment, 142) == (5, 22)
    assert schedule_in_steps(experiment, 142).rate(22) == pytest.approx(0, abs=1e-9)
    assert experiment.training.batch_sizes(40) == {0: 30, 2: 40}


@pytest.mark.parametrize("more", [[], ["optimizer.use_ema=true", "training.early_stopping={patience: 9}"]])
def test_growing_batches_give_the_same_numbers_in_all_engines(trained, more):
    exact, keras_own = (trained(GROWING, f"training.engine={name}", *more) for name in ("exact", "keras"))
    assert numbers(exact) == numbers(keras_own)
    assert weights(exact) == weights(keras_own)
    fast = trained(GROWING, "training.jit_compile=true", *more)
    assert [row["loss"] for row in numbers(fast)] == pytest.approx([row["loss"] for row in numbers(exact)], rel=1e-4)
    steps = exact.run.config_path.read_text()
    assert weights(trained(steps)) == weights(exact)


def test_growing_batches_are_the_rows_that_numpy_would_take(trained):
    from nnlab.engine.batches import epoch_permutation
    from nnlab.model.saved import load_model

    text = WEIGHT.replace("batch_size: 2, metrics: [], shuffle: false", "metrics: []")
    summary = trained(text, "training.batch_size={grow: {factor: 2, every_epochs: 1, start: 1}}")
    x, y, weight = np.arange(1.0, 6.0), np.array([5.0, 4, 1, 0, 2]), 0.0
    for epoch, rows in enumerate([1, 2, 4]):
        order = epoch_permutation(0, epoch, 5)
        for start in range(0, 5, rows):
            batch = order[start : start + rows]
            weight -= 0.01 * 2 * np.mean((weight * x[batch] - y[batch]) * x[batch])
    assert float(load_model(summary.run).get_weights()[0][0, 0]) == pytest.approx(weight, rel=1e-5)


def test_a_training_of_growing_batches_goes_on_where_it_stopped(config, tmp_path):
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    loaded, runs = config(GROWING), [Run.new(tmp_path, name) for name in ("whole", "first", "second")]
    whole = train(loaded, runs[0])
    train(loaded, runs[1], TrainingOptions(last_epoch=3, keep_checkpoint=True))
    second = train(loaded, runs[2], TrainingOptions(continues=runs[1]))
    assert numbers(second) == numbers(whole)
    assert weights(second) == weights(whole)
