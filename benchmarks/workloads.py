"""What the benchmarks train, and on which rows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Workload:
    """A network and how it is trained.

    Args:
        data: `fashion` or `california`.
        rows: training rows.
        hidden: units of each hidden layer.
        filters: of each convolution before them.
        batch_size: rows a step.
        optimizer: `SGD` or `Adam`.
        rate: its learning rate.
        warm: epochs before the clock counts.
        timed: epochs that count.
    """

    data: str
    rows: int
    hidden: tuple[int, ...]
    filters: tuple[int, ...] = ()
    batch_size: int = 32
    optimizer: str = "SGD"
    rate: float = 0.01
    warm: int = 1
    timed: int = 3

    @property
    def outputs(self) -> int:
        """Units of the last layer."""
        return 10 if self.data == "fashion" else 1


MLP = Workload("fashion", 55_000, (300, 100))
CALIFORNIA = Workload("california", 11_610, (50, 50, 50), warm=2, timed=10)
WORKLOADS = {
    "Fashion-MNIST 300-100, SGD, batch 32": MLP,
    "Fashion-MNIST 300-100, Adam, batch 32": Workload("fashion", 55_000, (300, 100), optimizer="Adam", rate=0.001),
    "Fashion-MNIST 300-100, SGD, batch 128": Workload("fashion", 55_000, (300, 100), batch_size=128),
    "California 3 x 50, SGD, batch 32": CALIFORNIA,
    "California 3 x 50, Adam, batch 32": Workload(
        "california", 11_610, (50, 50, 50), optimizer="Adam", rate=0.001, warm=2, timed=10
    ),
    "CNN 16-32-64, 10,000 images, Adam, batch 32": Workload(
        "fashion", 10_000, (64,), filters=(16, 32), optimizer="Adam", rate=0.001, timed=2
    ),
}


def save_rows(workload: Workload, path: Path, *, rows: int) -> None:
    """Write an NPZ file with so many training rows and the workload's validation rows, as float32."""
    x, y, x_test, y_test = fashion() if workload.data == "fashion" else california()
    np.savez(path, x_train=x[:rows], y_train=y[:rows], x_test=x_test, y_test=y_test)


def fashion() -> tuple[Any, ...]:
    """Return the 55,000 training and 5,000 validation images of Fashion-MNIST, or noise where it is not installed."""
    from nnlab.config.data import DataConfig
    from nnlab.data.loading import load_data
    from nnlab.errors import DataError

    data = {"source": "fashion_mnist", "validation": 5000, "scale": 255}
    try:
        splits = load_data(DataConfig.read(data), seed=0)
    except DataError:
        random = np.random.default_rng(0)
        x, y = random.random((60_000, 28, 28), np.float32), random.integers(0, 10, 60_000)
        return x[:55_000], y[:55_000], x[55_000:], y[55_000:]
    assert splits.validation is not None
    return splits.train.x[""], splits.train.y[""], splits.validation.x[""], splits.validation.y[""]


def california() -> tuple[Any, ...]:
    """Return rows as many and as wide as those of the California housing data: 11,610 and 3,870 rows of 8 numbers."""
    random = np.random.default_rng(0)
    x = random.normal(size=(15_480, 8)).astype(np.float32)
    y = (np.tanh(x @ random.normal(size=8) / 3) + random.normal(0, 0.3, 15_480)).astype(np.float32)
    return x[:11_610], y[:11_610], x[11_610:], y[11_610:]


def config(workload: Workload, rows: Path, *, epochs: int, engine: str = "fast", validation: float = 0) -> str:
    """Return the workload as an nnlab config, that fits the rows which `save_rows` wrote."""
    layers = [f"{{Dense: {{units: {units}, activation: relu}}}}" for units in workload.hidden]
    front = ["{Reshape: {target_shape: [28, 28, 1]}}"] if workload.filters else []
    for filters in workload.filters:
        front += [f"{{Conv2D: {{filters: {filters}, kernel_size: 3, activation: relu}}}}", "MaxPooling2D"]
    if workload.data == "fashion":
        front.append("Flatten")
    activation = ", activation: softmax" if workload.data == "fashion" else ""
    layers = [*front, *layers, f"{{Dense: {{units: {workload.outputs}{activation}}}}}"]
    return f"""
data:
  source: npz
  path: {rows}
  validation: {validation}
  task: {"classification" if workload.data == "fashion" else "regression"}
model: {{layers: [{", ".join(layers)}]}}
optimizer: {{{workload.optimizer}: {{learning_rate: {workload.rate}}}}}
training: {{epochs: {epochs}, batch_size: {workload.batch_size}, engine: {engine}, tensorboard: false}}
"""


def keras_model(workload: Workload, **options: Any) -> Any:
    """Return the same as a compiled Keras model, as a script would build it."""
    import keras

    layers: list[Any] = [keras.Input((28, 28) if workload.data == "fashion" else (8,))]
    if workload.filters:
        layers.append(keras.layers.Reshape((28, 28, 1)))
    for filters in workload.filters:
        layers += [keras.layers.Conv2D(filters, 3, activation="relu"), keras.layers.MaxPooling2D()]
    if workload.data == "fashion":
        layers.append(keras.layers.Flatten())
    layers += [keras.layers.Dense(units, activation="relu") for units in workload.hidden]
    layers.append(keras.layers.Dense(workload.outputs, activation="softmax" if workload.data == "fashion" else None))
    model = keras.Sequential(layers)
    classes = workload.data == "fashion"
    model.compile(
        optimizer=getattr(keras.optimizers, workload.optimizer)(workload.rate),
        loss="sparse_categorical_crossentropy" if classes else "mean_squared_error",
        metrics=["accuracy"] if classes else None,
        **options,
    )
    return model


def keras_tuner_ends(build: Callable[[Any], Any], trials: int, x: Any, y: Any, **fit: Any) -> list[float]:
    """Search with KerasTuner's random search; return when its trials ended, in seconds since 1970."""
    import keras_tuner

    ends: list[float] = []

    class Search(keras_tuner.RandomSearch):  # type: ignore[misc]
        def on_trial_end(self, trial: Any) -> None:
            super().on_trial_end(trial)
            ends.append(time.time())

    with tempfile.TemporaryDirectory() as folder:
        search = Search(build, objective="val_accuracy", max_trials=trials, directory=folder, seed=1)
        search.search(x, y, batch_size=32, verbose=0, **fit)
    return ends
