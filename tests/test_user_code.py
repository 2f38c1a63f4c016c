"""Code of the user's own, `my_code.py:name`: checked without running it, run only where trusted, kept with runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nnlab import catalog
from nnlab.cli import COMMANDS
from nnlab.config.load import load_config
from nnlab.errors import ConfigError, NnlabError
from nnlab.run import Run, list_runs
from nnlab.user_code import definition_of, is_reference

CODE = '''"""Mine."""
from pathlib import Path

import keras
from keras import ops

Path(__file__).with_name("has_run").touch()


def swish2(x, beta: float = 1.5):
    """Swish, steeper."""
    return x * ops.sigmoid(beta * x)


def half_squared(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1) / 2


def worst(y_true, y_pred):
    return ops.max(ops.abs(y_true - y_pred), axis=-1)


worst.direction = "min"


def small(shape, dtype=None, scale: float | None = 0.1):
    return keras.random.normal(shape, stddev=scale, dtype=dtype, seed=3)


def not_negative(w):
    return ops.maximum(w, 0)


class Scaled(keras.layers.Layer):
    """Multiplies by a number that is learned."""

    def __init__(self, start: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, shape):
        self.factor = self.add_weight(shape=(), initializer=keras.initializers.Constant(self.start))

    def call(self, x):
        return x * self.factor


class Wider(keras.layers.Dense):
    def __init__(self, units, factor: int = 2, **kwargs):
        super().__init__(units, **kwargs)


class Square(keras.regularizers.Regularizer):
    def __init__(self, strength=0.01):
        self.strength = strength

    def __call__(self, x):
        return self.strength * ops.sum(ops.square(x))

    def get_config(self):
        return {"strength": self.strength}


class Descent(keras.optimizers.SGD):
    def __init__(self, learning_rate=0.01, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
'''

TEXT = """
name: own
data: {source: diabetes, scale: standardize, limit: 64}
model:
  regularizer: my_code.py:Square
  layers:
    - Dense: {units: 4, activation: {my_code.py:swish2: {beta: 2.0}}, kernel_initializer: my_code.py:small}
    - my_code.py:Scaled: {start: 0.5}
    - Dense: {units: 3, activation: my_code.py:swish2, kernel_constraint: my_code.py:not_negative,
              kernel_initializer: {my_code.py:small: {scale: 0.2}}}
    - Dense: 1
optimizer: {my_code.py:Descent: {learning_rate: 0.0001, momentum: 0.5}}
training: {epochs: 2, loss: my_code.py:half_squared, metrics: [my_code.py:worst], tensorboard: false}
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    file = tmp_path / "my_code.py"
    file.write_text(CODE)
    return file


@pytest.fixture(scope="module")
def own_run(tmp_path_factory) -> Run:
    """A training with code of all kinds, whose original is gone."""
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    folder = tmp_path_factory.mktemp("own")
    (folder / "my_code.py").write_text(CODE)
    (folder / "own.yaml").write_text(TEXT)
    run = Run.new(folder / "runs", "own")
    train(load_config(folder / "own.yaml"), run, TrainingOptions(trust_code=True))
    (folder / "my_code.py").unlink()
    return run


def test_what_a_file_says_is_read_without_running_it(code):
    entry = catalog.find("layers", f"{code}:Scaled")
    assert entry.summary == "Multiplies by a number that is learned."
    assert entry.parameters["start"].default == 1.0
    assert {"name", "dtype"} <= set(entry.parameters)
    wider = catalog.find("layers", f"{code}:Wider")
    assert wider.parameters["units"].required
    assert {"factor", "kernel_regularizer", "activation"} <= set(wider.parameters)
    assert catalog.find("activations", f"{code}:swish2").first_parameter == "beta"
    assert catalog.find("initializers", f"{code}:small").parameters["scale"].types == ("float", "null")
    assert catalog.find("metrics", f"{code}:worst").direction == "min"
    assert "learning_rate" in catalog.find("optimizers", f"{code}:Descent").parameters
    assert definition_of(f"{code}:worst").says == {"direction": "min"}
    assert not (code.parent / "has_run").exists()


def test_only_a_name_in_a_python_file_is_one():
    assert is_reference("a/my code.py:f")
    assert not any(map(is_reference, ("relu", "my_code.py", "my_code.py:", "my_code.py:f(x)", ".py:f", "a.b:C", 3)))


def test_files_are_relative_to_the_config_that_names_them(tmp_path, code):
    (tmp_path / "below").mkdir()
    (tmp_path / "base.yaml").write_text("data: diabetes\nmodel: {hidden: [2], activation: my_code.py:swish2}")
    (tmp_path / "below" / "top.yaml").write_text("extends: ../base.yaml\ntraining: {loss: ../my_code.py:half_squared}")
    experiment = load_config(tmp_path / "below" / "top.yaml").experiment
    assert experiment.model.activation.name == f"{code}:swish2"
    assert experiment.training.loss.name == f"{code}:half_squared"


@pytest.mark.tf
def test_every_kind_of_code_trains_and_is_kept_with_the_run(own_run):
    from nnlab.train import evaluate

    config = own_run.config_path.read_text()
    assert config.count("code/my_code.py:") == 10
    assert str(own_run.path) not in config
    assert set(own_run.read_info()["code"]) == {"code/my_code.py"}
    assert "val_worst" in own_run.read_history()[0]
    assert evaluate(own_run, "test", trust_code=True) == own_run.read_metrics()["test"]


@pytest.mark.tf
def test_a_changed_copy_is_refused(own_run):
    from nnlab.model.saved import load_model

    copy = own_run.path / "code" / "my_code.py"
    copy.write_text(CODE.replace("1.5", "1.6"))
    try:
        with pytest.raises(NnlabError, match="has changed since the run was trained with it"):
            load_model(own_run, trust_code=True)
    finally:
        copy.write_text(CODE)


@pytest.mark.tf
def test_the_engines_compute_the_same(own_run, tmp_path):
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    weights = []
    for engine in ("exact", "keras"):
        config = load_config(own_run.config_path, [f"training.engine={engine}"])
        run = Run(tmp_path / engine)
        train(config, run, TrainingOptions(trust_code=True))
        weights.append(run.read_metrics())
    assert weights[0] == weights[1]


@pytest.mark.tf
def test_workers_take_the_code_that_a_search_began_with(nnlab, tmp_path, code):
    text = TEXT.replace("epochs: 2", "epochs: 1") + (
        "tune: {algorithm: grid, seeds: 0, space: {model.layers.0.activation: {choice: [relu, my_code.py:swish2]}}}\n"
    )
    (tmp_path / "search.yaml").write_text(text)
    done = nnlab("tune", "search.yaml", "--trust-code", "-j", "1", "--json")
    assert done.code == 0, done.err
    run = Run(Path(json.loads(done.out)["run"]))
    assert "code/my_code.py:" in run.best_path.read_text()
    load_config(run.best_path)
    code.write_text(CODE + "\n")
    assert "my_code.py: the file has changed" in nnlab("resume", run.path, "--trust-code").err


WITHOUT_TRUST = {
    "train": (["own.yaml"], 2),
    "evaluate": (["RUN"], 2),
    "predict": (["RUN", "--rows", "0:2", "--split", "test"], 2),
    "compare": (["own.yaml", "--vary", "model.layers.0.activation=relu,my_code.py:swish2"], 2),
    "compare-optimizers": (["own.yaml"], 2),
    "tune": (["own.yaml"], 2),
    "resume": (["RUN"], 2),
    "validate": (["own.yaml"], 0),
    "summary": (["own.yaml"], 2),
    "data": (["own.yaml"], 0),
    "check-gradients": (["own.yaml"], 2),
    "inspect": (["own.yaml"], 2),
    "find-lr": (["own.yaml"], 2),
    "list": (["activations", "my_code.py:swish2"], 0),
    "schema": ([], 0),
    "schedule": (["own.yaml"], 0),
    "activations": (["my_code.py:swish2"], 2),
    "loss": (["my_code.py:half_squared", "--true", "1", "--predicted", "2"], 2),
    "runs": (["show", "RUN"], 0),
    "tensorboard": (["--help"], 0),
    "doctor": (["--help"], 0),
    "init": (["--help"], 0),
}
"""Every command on a config or a run with own code, and how it ends; the last three read neither configs nor models."""


@pytest.mark.tf
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_runs_code_that_is_not_trusted(command, nnlab, own_run, code, tmp_path):
    arguments, ends = WITHOUT_TRUST[command]
    space = "tune: {algorithm: grid, space: {training.epochs: {choice: [1, 2]}}}"
    (tmp_path / "own.yaml").write_text(f"{TEXT}{space}\n")
    marks = code.with_name("has_run"), own_run.path / "code" / "has_run"
    for mark in marks:
        mark.unlink(missing_ok=True)
    done = nnlab(command, *[own_run.path if argument == "RUN" else argument for argument in arguments])
    assert not any(mark.exists() for mark in marks)
    assert done.code == ends, done.err
    if ends and command != "resume":
        assert "is Python code, which would run with all your rights" in done.err
        assert "my_code.py`, for `" in done.err
    assert command == "predict" or not [run for run in list_runs(tmp_path / "runs") if run.model_path.exists()]


@pytest.mark.tf
def test_curves_and_losses_of_own_functions_are_shown_where_they_are_trusted(nnlab, code):
    done = nnlab("activations", f"{code}:swish2", "--at", "[0, 2]", "--trust-code", "--json")
    assert done.code == 0, done.err
    assert "1.905" in done.out  # 2 / (1 + exp(-3))
    done = nnlab("loss", f"{code}:half_squared", "--true", "1", "--predicted", "4", "--trust-code", "--json")
    assert json.loads(done.out)["mean"] == 4.5


def test_what_code_says_of_itself_must_be_known(code):
    code.write_text(CODE.replace('worst.direction = "min"', 'worst.takes = ("values", "everything")'))
    done = catalog.user_code_problem("metrics", f"{code}:worst")
    assert done[0].startswith("`worst` says that it takes")


@pytest.mark.tf
def test_two_files_that_saved_models_could_not_tell_apart_are_refused(tmp_path):
    from nnlab.data.loading import load_data
    from nnlab.engine.built import build_seeded

    (tmp_path / "other").mkdir()
    for folder in (tmp_path, tmp_path / "other"):
        (folder / "my_code.py").write_text(CODE)
    text = TEXT.replace("- my_code.py:Scaled", "- other/my_code.py:Scaled")
    (tmp_path / "own.yaml").write_text(text)
    experiment = load_config(tmp_path / "own.yaml").experiment
    with pytest.raises(NnlabError, match="both define"):
        build_seeded(experiment, load_data(experiment.data, seed=0), trust_code=True)


@pytest.mark.tf
def test_an_error_of_the_code_is_said_with_its_line(tmp_path, code):
    from nnlab.user_code import run_code

    code.write_text("import keras\n\n\ndef f(x):\n    return x\n\n\nraise RuntimeError('no')\n")
    (tmp_path / "own.yaml").write_text("data: diabetes\nmodel: {hidden: [2], activation: my_code.py:f}\n")
    load_config(tmp_path / "own.yaml")
    with pytest.raises(NnlabError, match=r"RuntimeError: no\n.*hint: correct the code at line 8"):
        run_code([f"{code}:f"], trusted=True)


def test_a_loss_must_be_named_behind_own_code(code):
    path = code.with_name("own.yaml")
    path.write_text("data: digits\nmodel: {layers: [{Dense: 10}, my_code.py:Scaled]}\n")
    from nnlab.data.loading import load_data
    from nnlab.model.prepared import prepare_model

    experiment = load_config(path).experiment
    with pytest.raises(ConfigError, match="a model that ends with code of your own needs its loss named"):
        prepare_model(experiment, load_data(experiment.data, seed=0))
