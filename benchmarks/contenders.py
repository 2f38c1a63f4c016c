# ruff: noqa: ARG002  (the methods are those of an observer and of a callback)
"""One contender trains one workload and prints the seconds of its epochs; `epochs.py` starts it.

python benchmarks/contenders.py CONTENDER WORKLOAD ROWS.npz
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from workloads import WORKLOADS, Workload, config, keras_model

STEPS_FOR_XLA = 2000  # from so many on nnlab compiles with XLA: what it does in any training of some length


def nnlab(workload: Workload, rows: Path, engine: str) -> tuple[list[float], str]:
    """`nnlab train` without its start: everything from epoch to epoch, the writing of the history included."""
    from nnlab.config.load import load_config
    from nnlab.run import Run
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    steps = -(-len(np.load(rows)["y_train"]) // workload.batch_size)
    epochs = max(workload.warm + workload.timed, -(-STEPS_FOR_XLA // steps))
    ends = [0.0]

    class Clock:
        def engine_chosen(self, choice: Any) -> None: ...

        def training_began(self, model: Any, *, epochs: int, steps: int) -> None:
            ends[0] = time.perf_counter()

        def step_done(self, epoch: int, step: int, logs: Any) -> None: ...

        def epoch_done(self, row: Any, *, best: Any) -> None:
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(config(workload, rows, epochs=epochs, engine=engine))
        summary = train(
            load_config(file), Run(Path(folder) / "run"), TrainingOptions(save_model=False), observer=Clock()
        )
        assert summary.status == "completed", summary.problem
        used = summary.run.read_info()["engine"]
    return list(np.diff(ends)), f"{used['used']}{', XLA' if used['xla'] else ''}"


def keras_fit(workload: Workload, rows: Path, **options: Any) -> tuple[list[float], str]:
    """Keras's own `fit` on arrays."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seconds.append(time.perf_counter() - self._began)

    data, clock = np.load(rows), Clock()
    model = keras_model(workload, **options)
    model.fit(
        data["x_train"],
        data["y_train"],
        epochs=workload.warm + workload.timed,
        batch_size=workload.batch_size,
        verbose=0,
        callbacks=[clock],
    )
    return clock.seconds, keras.backend.backend()


def pytorch(workload: Workload, rows: Path) -> tuple[list[float], str]:
    """A plain loop over tensors in memory."""
    import torch
    from torch import nn

    data = np.load(rows)
    x, y = (torch.from_numpy(data[name]) for name in ("x_train", "y_train"))
    classes = workload.data == "fashion"
    x, y = (x[:, None] if workload.filters else x.flatten(1)), (y.long() if classes else y[:, None])
    layers: list[Any] = []
    for filters in workload.filters:
        layers += [nn.LazyConv2d(filters, 3), nn.ReLU(), nn.MaxPool2d(2)]
    layers.append(nn.Flatten())
    for units in workload.hidden:
        layers += [nn.LazyLinear(units), nn.ReLU()]
    model = nn.Sequential(*layers, nn.LazyLinear(workload.outputs))
    model(x[:1])
    loss_of = nn.CrossEntropyLoss() if classes else nn.MSELoss()
    optimizer = getattr(torch.optim, workload.optimizer)(model.parameters(), lr=workload.rate)
    seconds = []
    for _ in range(workload.warm + workload.timed):
        began = time.perf_counter()
        total = torch.zeros(())
        for numbers in torch.randperm(len(x)).split(workload.batch_size):
            optimizer.zero_grad()
            loss = loss_of(model(x[numbers]), y[numbers])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        total.item()
        seconds.append(time.perf_counter() - began)
    return seconds, f"PyTorch {torch.__version__}"


def scikit_learn(workload: Workload, rows: Path) -> tuple[list[float], str]:
    """`MLPClassifier` or `MLPRegressor`, an epoch at a time."""
    import sklearn
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    data = np.load(rows)
    x, y = data["x_train"].reshape(len(data["x_train"]), -1), data["y_train"]
    model = (MLPClassifier if workload.data == "fashion" else MLPRegressor)(
        hidden_layer_sizes=workload.hidden,
        solver=workload.optimizer.lower(),
        learning_rate_init=workload.rate,
        batch_size=workload.batch_size,
        momentum=0.0,
        alpha=0.0,
        max_iter=1,
        warm_start=True,
    )
    seconds = []
    for _ in range(workload.warm + workload.timed):
        began = time.perf_counter()
        model.fit(x, y)
        seconds.append(time.perf_counter() - began)
    return seconds, f"scikit-learn {sklearn.__version__}"


PLAIN = "Keras `fit`"
CONTENDERS: dict[str, Callable[[Workload, Path], tuple[list[float], str]]] = {
    PLAIN: keras_fit,
    "nnlab `fast`": lambda workload, rows: nnlab(workload, rows, "fast"),
    "nnlab `exact`": lambda workload, rows: nnlab(workload, rows, "exact"),
    "Keras, `steps_per_execution=128` and `jit_compile`": lambda workload, rows: keras_fit(
        workload, rows, steps_per_execution=128, jit_compile=True
    ),
    "Keras on JAX": keras_fit,
    "PyTorch": pytorch,
    "scikit-learn": scikit_learn,
}
NEEDS = {"Keras on JAX": "jax", "PyTorch": "torch"}
"""Libraries that nnlab does not come with."""


def main() -> None:
    """Train, and print the median of the epochs that count."""
    contender, workload, rows = sys.argv[1:]
    seconds, engine = CONTENDERS[contender](WORKLOADS[workload], Path(rows))
    counted = seconds[WORKLOADS[workload].warm :]
    print(json.dumps({"seconds": round(statistics.median(counted), 5), "engine": engine}))


if __name__ == "__main__":
    main()
