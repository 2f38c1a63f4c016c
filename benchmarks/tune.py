"""Random search: `nnlab tune -j 2` beside `keras_tuner.RandomSearch.search`, and what the search itself takes.

    python benchmarks/tune.py digits | fashion [--trials 40] [--few 10]
    python benchmarks/tune.py overhead

Times are from the start of the process on. KerasTuner does `--few` trials, and its time for all of them is what it took
plus the rest at the rate of those after the first. `overhead` searches 510 trials whose trainings take no time.
"""
# ruff: noqa: D102  (the methods are those of the executor and the observer)

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

SPACE = """
tune:
  algorithm: {algorithm}
  max_trials: {trials}
  seeds: 0
  keep_models: 0
  default_trial: false
  space:
    optimizer.learning_rate: {{float: [0.001, 0.1], sampling: log}}
    model.hidden.units: {{int: [32, 128]}}
"""
CONFIGS = {
    "digits": """
data: {source: digits, scale: 16, test: 0.2, validation: 0.2}
model: {hidden: {layers: 3, units: 64}, activation: relu}
optimizer: SGD
training: {epochs: 10, batch_size: 32, tensorboard: false}
""",
    "fashion": """
data: {source: fashion_mnist, scale: 255, validation: 5000, limit: 10000}
model: {hidden: {layers: 2, units: 100}, activation: relu}
optimizer: SGD
training: {epochs: 5, batch_size: 32, tensorboard: false}
""",
}


def nnlab(workload: str, trials: int) -> float:
    """Search in two worker processes; return the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIGS[workload] + SPACE.format(trials=trials, algorithm="random"))
        began = time.perf_counter()
        words = ["-m", "nnlab", "tune", str(path), "-j", "2", "-q", "--runs-dir", folder]
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began


def keras_tuner(workload: str, few: int) -> dict[str, float]:
    """Search with KerasTuner in a process of its own; return when its trials ended."""
    began = time.time()
    words = [sys.executable, __file__, "--here", workload, str(few)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    ends = [end - began for end in json.loads(done.stdout.splitlines()[-1])]
    return {"first": ends[0], "warm": (ends[-1] - ends[0]) / (few - 1)}


def search_here(workload: str, trials: int) -> list[float]:
    """Search with KerasTuner; return the ends of its trials."""
    import keras
    import keras_tuner

    from nnlab.config.load import load_config
    from nnlab.data.loading import load_data

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIGS[workload])
        experiment = load_config(path).experiment
        splits = load_data(experiment.data, seed=0)
        layers, epochs = experiment.model.hidden.layers, experiment.training.epochs
        ends: list[float] = []

        class Search(keras_tuner.RandomSearch):  # type: ignore[misc]
            def on_trial_end(self, trial: Any) -> None:
                super().on_trial_end(trial)
                ends.append(time.time())

        def build(hp: Any) -> Any:
            units = hp.Int("units", 32, 128)
            hidden = [keras.layers.Dense(units, activation="relu") for _ in range(layers)]
            shape = splits.train.x.shape[1:]
            first = [keras.Input(shape), keras.layers.Flatten()]
            model = keras.Sequential([*first, *hidden, keras.layers.Dense(10, activation="softmax")])
            rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
            model.compile(keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            return model

        search = Search(build, objective="val_accuracy", max_trials=trials, directory=folder, seed=1)
        validation = (splits.validation.x, splits.validation.y)
        search.search(splits.train.x, splits.train.y, validation_data=validation, epochs=epochs, verbose=0)
        return ends


class NoTime:
    """Pretends to train, without taking any time but what a worker's files take."""

    def __init__(self) -> None:
        self.queue: deque[Any] = deque()
        self.seconds: list[float] = []
        self._last = time.perf_counter()

    def submit(self, job: Any) -> None:
        self.queue.append(job)

    def next_outcome(self) -> Any:
        from nnlab.executor import Outcome

        now = time.perf_counter()
        self.seconds.append(now - self._last)
        if not self.queue:
            return None
        job = self.queue.popleft()
        rate = job.config.experiment.optimizer.get("learning_rate")
        metrics = {"validation": {"loss": rate, "accuracy": 1 - rate}}
        rows = tuple({"epoch": i, "val_accuracy": 1 - rate, "seconds": 0.1} for i in range(10))
        self._last = time.perf_counter()
        return Outcome(job.name, "completed", metrics, rows)

    def close(self) -> None: ...

    def __enter__(self) -> NoTime:
        return self

    def __exit__(self, *error: object) -> None: ...


class Silence:
    """An observer that says nothing."""

    def began(self, study: Any) -> None: ...

    def epoch_done(self, name: str, row: Any) -> None: ...

    def trial_done(self, trial: Any) -> None: ...

    def final_began(self, trial: Any, count: int) -> None: ...


def overhead(algorithm: str, trials: int) -> dict[str, float]:
    """Return milliseconds a trial about the 10th and at the end, with the oracle's thinking apart."""
    from nnlab.config.load import load_config
    from nnlab.run import Run
    from nnlab.tune.conduct import conduct
    from nnlab.tune.study import prepare

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIGS["digits"] + SPACE.format(trials=trials, algorithm=algorithm))
        study, executor = prepare(load_config(path)), NoTime()
        conduct(study, Run(Path(folder) / "run"), lambda _: executor, observer=Silence())
        thinking = [trial.thinking_seconds for trial in study.search.trials]

        def mean_ms(values: list[float], number: int) -> float:
            near = values[number - 5 : number + 5]
            return round(1000 * sum(near) / len(near), 1)

        last = trials - 10
        return {
            f"{what} at trial {number}": mean_ms(values, number)
            for number in (10, last)
            for what, values in (("all", executor.seconds), ("thinking", thinking))
        }


def main() -> None:
    """Measure, and print."""
    if sys.argv[1:2] == ["--here"]:
        print(json.dumps(search_here(sys.argv[2], int(sys.argv[3]))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*CONFIGS, "overhead"])
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--few", type=int, default=10)
    options = parser.parse_args()
    if options.what == "overhead":
        for algorithm, trials in (("random", 510), ("bayesian", 40)):
            print(algorithm, overhead(algorithm, trials))
        return
    ours = nnlab(options.what, options.trials)
    theirs = keras_tuner(options.what, options.few)
    whole = theirs["first"] + theirs["warm"] * (options.trials - 1)
    print(f"{options.what}, {options.trials} trials: nnlab -j 2 {ours:.1f} s; KerasTuner {whole:.1f} s")
    print(f"({theirs['first']:.1f} s the first, {theirs['warm']:.2f} s each of the others); {whole / ours:.1f} times")


if __name__ == "__main__":
    main()
