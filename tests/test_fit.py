"""Every loss and metric of the catalog, for every task and end of a model: right, or refused before training.

What is refused is seen without TensorFlow. All that is not is computed by models with little training, and held against
scikit-learn and NumPy on what the saved model predicts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

from nnlab import catalog
from nnlab.config.by_name import only
from nnlab.config.components import Component, OneOf
from nnlab.config.load import LoadedConfig, dump_config, load_config
from nnlab.config.schema import Experiment
from nnlab.data.splits import DataSpec
from nnlab.data.target_spec import TargetSpec
from nnlab.errors import ConfigError
from nnlab.model.losses import wants_class_numbers
from nnlab.model.plan import Plan, plan_model
from oracles import Answers, loss_targets, loss_value, metric_value

ROWS, CLASSES = 150, 3

TARGETS = {
    "binary": ("binary", ["one"]),
    "multiclass": ("classification", ["three"]),
    "multilabel": ("multilabel", ["warm", "wet", "late"]),
    "regression": ("regression", ["size"]),
    "several": ("regression", ["size", "weight"]),
}
"""The tasks, with regression of one and of several targets: what the config calls it, and its columns."""

COLUMNS = {"binary": 1, "multiclass": 3, "multilabel": 3, "regression": 1, "several": 2}

PARAMETERS: dict[str, dict[str, Any]] = {
    "f1_score": {"average": "macro"},
    "f_beta_score": {"average": "weighted", "beta": 2.0},
    "io_u": {"num_classes": 3, "target_class_ids": [0, 1], "sparse_y_pred": False},
    "mean_io_u": {"num_classes": 3, "sparse_y_pred": False},
    "one_hot_io_u": {"num_classes": 3, "target_class_ids": [1]},
    "one_hot_mean_io_u": {"num_classes": 3},
    "precision_at_recall": {"recall": 0.5},
    "recall_at_precision": {"precision": 0.5},
    "sensitivity_at_specificity": {"specificity": 0.5},
    "specificity_at_sensitivity": {"sensitivity": 0.5},
    "top_k_categorical_accuracy": {"k": 2},
    "sparse_top_k_categorical_accuracy": {"k": 2},
}
"""What a metric must be given, or is given here so that its value says something."""

ENDS = (
    "linear",
    "sigmoid",
    "softmax",
    "tanh",
    "softplus",
    "exponential",
    "relu",
    "log_softmax",
    "two softmax",
    "two linear",
)
"""Activations of the last layer; `two` stands for a column for each of two classes."""


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Any:
    """Write rows with a column for each task."""
    import pandas as pd

    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 4))
    noise = rng.normal(size=(ROWS, 8))
    frame = pd.DataFrame(x.round(4), columns=list("abcd"))
    frame["one"] = (x[:, 0] + x[:, 1] + noise[:, 0] > 0.5) * 1
    frame["three"] = np.argmax(x[:, :3] + noise[:, 1:4], axis=1)
    for i, name in enumerate(("warm", "wet", "late")):
        frame[name] = (x[:, i] + noise[:, 4 + i] > 0.3) * 1
    frame["size"] = (np.exp(0.3 * (x[:, 0] + noise[:, 7])) + 0.1).round(4)
    frame["weight"] = (1000 + x[:, 2]).round(4)
    path = tmp_path_factory.mktemp("fit") / "rows.csv"
    frame.to_csv(path, index=False)
    return path


def component(name: str) -> Any:
    return {name: PARAMETERS[name]} if name in PARAMETERS else name


def text_of(table: Any, task: str, end: str, loss: Any, metrics: list[Any]) -> dict[str, Any]:
    """Return a config with one layer."""
    word, columns = TARGETS[task]
    units, activation = (2, end.removeprefix("two ")) if end.startswith("two ") else (COLUMNS[task], end)
    training: dict[str, Any] = {"epochs": 1, "batch_size": 16, "metrics": metrics, "tensorboard": False}
    if loss is not None:
        training["loss"] = loss
    return {
        "data": {
            "source": "csv", "path": str(table), "target": columns if len(columns) > 1 else columns[0],
            "task": word, "features": list("abcd"), "validation": 0.2, "test": 0.4,
        },
        "model": {"layers": [{"Dense": {"units": units, "activation": activation}}]},
        "optimizer": {"Adam": 0.1},
        "training": training,
    }  # fmt: skip


def spec_of(task: str) -> DataSpec:
    kind = "multiclass" if task == "multiclass" else "regression" if task == "several" else task
    target = TargetSpec(kind, (COLUMNS[task],), class_names=(), names=(), inferred_task=False)  # type: ignore[arg-type]
    return DataSpec(
        input_shapes={"": (4,)}, feature_names=(), targets={"": target}, num_train=60, num_validation=30, num_test=60
    )  # fmt: skip


def components(kind: str) -> Iterator[Component]:
    """Yield every loss or metric; those that know logits both ways."""
    for name in catalog.entries(kind):
        made = OneOf(kind).read(component(name))
        yield made
        if kind == "losses" and "from_logits" in made.entry.parameters:
            yield made.with_parameters(from_logits=True)


def plan_of(experiment: Experiment, task: str, loss: Component | None, metrics: tuple[Component, ...]) -> Plan:
    training = replace(experiment.training, loss=loss, metrics=metrics)
    return plan_model(replace(experiment, training=training), spec_of(task))


def fits(experiment: Experiment, task: str, loss: Component | None, metrics: tuple[Component, ...] = ()) -> bool:
    """Return whether a plan can be made; if not, the loss or a metric is blamed, with a remedy."""
    try:
        plan_of(experiment, task, loss, metrics)
    except ConfigError as error:
        for problem in error.problems:
            assert problem.hint, problem.message
            assert problem.path[:2] in (("training", "loss"), ("training", "metrics")), problem
        return False
    return True


@pytest.fixture(scope="module")
def experiments(tmp_path_factory) -> Callable[[str, str], Experiment]:
    """Give the experiment of a task and an end."""
    folder = tmp_path_factory.mktemp("configs")

    @cache
    def experiment(task: str, end: str) -> Experiment:
        path = folder / f"{task}_{end.replace(' ', '_')}.yaml"
        path.write_text(yaml.safe_dump(text_of("rows.csv", task, end, None, [])))
        return load_config(path).experiment

    return experiment


def fitting_losses(experiments: Any) -> Iterator[tuple[str, str, Component]]:
    """Yield the losses that fit each task and end; what takes two columns for one value is seen once it is built."""
    for task, end, loss in itertools.product(COLUMNS, ENDS, components("losses")):
        if end.startswith("two ") and not (task == "binary" and wants_class_numbers(loss)):
            continue
        if fits(experiments(task, end), task, loss):
            yield task, end, loss


def test_every_loss_fits_some_task_and_end_but_those_without_rows_of_answers(experiments):
    fitting = {loss.name for _, _, loss in fitting_losses(experiments)}
    assert set(catalog.entries("losses")) - fitting == {"circle", "ctc"}


def test_every_metric_fits_some_task_and_end(experiments):
    fitting = set()
    for setup in SETUPS:
        loss = None if setup.loss is None else OneOf("losses").read(setup.loss)
        experiment = experiments(setup.task, setup.end)
        fitting |= {one.name for one in components("metrics") if fits(experiment, setup.task, loss, (one,))}
    assert fitting == set(catalog.entries("metrics"))


@pytest.mark.tf
def test_every_loss_that_fits_is_its_formula_on_what_the_model_predicts(experiments):
    """Keras looks through the last activation for logits, whatever it is; then the value is another."""
    import keras

    from nnlab.model.objects import make

    rng = np.random.default_rng(1)
    x = 0.3 * rng.normal(size=(40, 4)).astype(np.float32)

    @cache
    def given(units: int, activation: str) -> Any:
        keras.utils.set_random_seed(0)
        return keras.layers.Dense(units, activation=activation)(x)

    wrong = {}
    for task, end, loss in fitting_losses(experiments):
        y = loss_targets(task, loss, rng)
        answer = given(2 if end.startswith("two ") else COLUMNS[task], end.removeprefix("two "))
        got = float(make(loss)(y, answer))
        expected = loss_value(loss, y, keras.ops.convert_to_numpy(answer).astype(np.float64))
        if not np.isclose(got, expected, rtol=1e-3, atol=1e-5):
            wrong[task, end, str(loss.plain())] = (got, expected)
    assert not wrong


class Setup(NamedTuple):
    """A trained model."""

    task: str
    end: str
    loss: Any = None

    def __str__(self) -> str:
        return f"{self.task}-{self.end}-{self.loss or 'default'}"


SETUPS = [
    Setup("binary", "sigmoid"),
    Setup("binary", "linear"),
    Setup("binary", "linear", "mean_squared_error"),
    Setup("binary", "tanh", "hinge"),
    Setup("binary", "linear", "squared_hinge"),
    Setup("binary", "sigmoid", "hinge"),
    Setup("binary", "two softmax", "sparse_categorical_crossentropy"),
    Setup("binary", "two linear", {"sparse_categorical_crossentropy": {"from_logits": True}}),
    Setup("multiclass", "softmax", "sparse_categorical_crossentropy"),
    Setup("multiclass", "softmax", "categorical_crossentropy"),
    Setup("multiclass", "linear", {"sparse_categorical_crossentropy": {"from_logits": True}}),
    Setup("multiclass", "linear", {"categorical_crossentropy": {"from_logits": True}}),
    Setup("multiclass", "linear", "categorical_hinge"),
    Setup("multiclass", "sigmoid", "binary_crossentropy"),
    Setup("multiclass", "linear", {"binary_crossentropy": {"from_logits": True}}),
    Setup("multilabel", "sigmoid"),
    Setup("multilabel", "linear"),
    Setup("multilabel", "tanh", "hinge"),
    Setup("regression", "linear"),
    Setup("regression", "exponential", "poisson"),
    Setup("several", "linear"),
]


def fitting_metrics(experiment: Experiment, setup: Setup) -> list[Component]:
    loss = None if setup.loss is None else OneOf("losses").read(setup.loss)
    return [metric for metric in components("metrics") if fits(experiment, setup.task, loss, (metric,))]


@pytest.fixture
def config_of(experiments, table, tmp_path) -> Callable[[Setup], LoadedConfig]:
    """Write the config of a setup with all metrics that fit."""

    def write(setup: Setup) -> LoadedConfig:
        metrics = [metric.plain() for metric in fitting_metrics(experiments(setup.task, setup.end), setup)]
        path = tmp_path / "all.yaml"
        path.write_text(yaml.safe_dump(text_of(table, setup.task, setup.end, setup.loss, metrics)))
        return load_config(path)

    return write


def different(metrics: Sequence[Component], found: Mapping[str, float], answers: Answers) -> dict[str, Any]:
    """Return each metric that is not what it ought to be, with both values."""
    values = {metric.name: (found[metric.name], *metric_value(metric, answers)) for metric in metrics}
    return {
        name: (got, expected)
        for name, (got, expected, tolerance) in values.items()
        if not np.isclose(got, expected, rtol=1e-3, atol=tolerance)
    }


@pytest.mark.tf
@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_every_metric_that_fits_is_that_of_the_predictions(config_of, tmp_path, setup):
    from nnlab.data.loading import load_data
    from nnlab.engine.built import build_seeded
    from nnlab.engine.trained import Trained
    from nnlab.model.saved import load_model
    from nnlab.predict import predict
    from nnlab.run import Run

    experiment = config_of(setup).experiment
    splits = load_data(experiment.data, seed=experiment.seed)
    built = build_seeded(experiment, splits)
    run = Run.new(tmp_path / "runs", "untrained")
    run.create(config=dump_config(built.experiment), source="")
    run.write_info({"status": "completed", "name": "untrained"})
    built.model.save(run.model_path)
    model = load_model(run)
    model.run_eagerly = True
    x, y = map(only, (built.splits.train.x, built.splits.train.y))
    found = model.evaluate(x, y, batch_size=25, verbose=0, return_dict=True)
    raw = model.predict(x, verbose=0)
    columns = predict(Trained.load(run), splits.train.x, spec=splits.spec)
    (output,) = built.plan.outputs
    answers = Answers.of(setup.task, splits.train.y[""], columns, raw, are_values=output.meaning.link is None)
    assert different(output.metrics, found, answers) == {}


@pytest.mark.tf
@pytest.mark.parametrize(
    "setup",
    [
        Setup("binary", "linear"),
        Setup("multiclass", "linear", {"categorical_crossentropy": {"from_logits": True}}),
        Setup("several", "linear"),
    ],
    ids=str,
)
def test_a_run_says_the_same_everywhere(config_of, tmp_path, setup):
    from nnlab.data.judging import rows_of_split
    from nnlab.engine.trained import Trained
    from nnlab.predict import predict
    from nnlab.run import Run
    from nnlab.train import evaluate, train

    summary = train(config_of(setup), Run.new(tmp_path / "runs", "trained"))
    assert summary.status == "completed", summary.problem
    assert evaluate(summary.run, "test") == summary.metrics["test"]
    for name, value in summary.metrics["validation"].items():
        assert summary.history[-1][f"val_{name}"] == pytest.approx(value, rel=1e-5, abs=1e-6)
    judged = rows_of_split(summary.run, "test")
    kept, rows = judged.experiment, judged.rows
    columns = predict(Trained.load(summary.run), rows.x, spec=judged.spec)
    metrics = [metric for metric in kept.training.metrics if "hinge" not in metric.name]
    answers = Answers.of(setup.task, rows.y[""], columns, np.zeros(len(rows.y[""])))
    assert different(metrics, summary.metrics["test"], answers) == {}
    again = plan_model(kept, judged.spec).outputs[0]
    assert (again.loss, again.metrics) == (kept.training.loss, kept.training.metrics)
