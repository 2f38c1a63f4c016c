"""A whole random search, as a user starts it, and the same by KerasTuner; and what the search itself takes a trial.

    python benchmarks/tune.py --write docs/speed.md [--quick]

`nnlab tune -j 2` beside `keras_tuner.RandomSearch.search`, which cannot train two at once on one machine, from the
start of the process on. KerasTuner does ten trials, and its time for forty is what it took plus the rest at the rate of
those after the first. The time of the search itself is that of trials whose trainings take no time.
"""
# ruff: noqa: D102  (the methods are those of the executor and the observer)

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from rounds import arguments, finish, interleaved, median, ratio, run, table
from workloads import keras_tuner_ends

TRIALS, FEW = 40, 10
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
    "digits, 3 hidden layers, 10 epochs": """
data: {source: digits, scale: 16, test: 0.2, validation: 0.2}
model: {hidden: {layers: 3, units: 64}, activation: relu}
optimizer: SGD
training: {epochs: 10, batch_size: 32, tensorboard: false}
""",
    "10,000 images of Fashion-MNIST, 2 hidden layers, 5 epochs": """
data: {source: fashion_mnist, scale: 255, validation: 5000, limit: 10000}
model: {hidden: {layers: 2, units: 100}, activation: relu}
optimizer: SGD
training: {epochs: 5, batch_size: 32, tensorboard: false}
""",
}
NNLAB, TUNER = "nnlab `-j 2`", "KerasTuner"


def nnlab(workload: str, trials: int) -> dict[str, Any]:
    """Search in two worker processes with empty caches; return the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIGS[workload] + SPACE.format(trials=trials, algorithm="random"))
        words = ["-m", "nnlab", "tune", str(path), "-j", "2", "-q", "--runs-dir", folder]
        settings = {**os.environ, "NNLAB_CACHE_DIR": str(Path(folder) / "cache")}
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=settings)
        return {"all": time.perf_counter() - began}


def keras_tuner(workload: str, count: int, began: float, trials: int) -> dict[str, Any]:
    """Search with KerasTuner in this process; return the seconds of the first trial, of another, and of so many."""
    import keras

    from nnlab.config.load import load_config
    from nnlab.data.loading import load_data

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(CONFIGS[workload])
        experiment = load_config(path).experiment
    splits = load_data(experiment.data, seed=0)
    hidden: Any = experiment.model.hidden  # type: ignore[union-attr]
    assert splits.validation is not None

    def build(hp: Any) -> Any:
        units = hp.Int("units", 32, 128)
        layers = [keras.layers.Dense(units, activation="relu") for _ in range(hidden.layers)]
        first = [keras.Input(splits.train.x[""].shape[1:]), keras.layers.Flatten()]
        model = keras.Sequential([*first, *layers, keras.layers.Dense(10, activation="softmax")])
        rate = hp.Float("learning_rate", 1e-3, 1e-1, sampling="log")
        model.compile(keras.optimizers.SGD(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    validation = (splits.validation.x[""], splits.validation.y[""])
    epochs = experiment.training.epochs
    ends = keras_tuner_ends(
        build, count, splits.train.x[""], splits.train.y[""], validation_data=validation, epochs=epochs
    )
    first, warm = ends[0] - began, (ends[-1] - ends[0]) / (count - 1)
    return {"first": first, "warm": warm, "all": first + (trials - 1) * warm}


class NoTime:
    """Pretends to train, and counts what else this process computes; the oracle, asked ahead of trials, has its own."""

    def __init__(self) -> None:
        self.queue: deque[Any] = deque()
        self.seconds: list[float] = []
        self._last = time.process_time()

    def submit(self, job: Any) -> None:
        self.queue.append(job)

    def next_outcome(self) -> Any:
        from nnlab.executor import Outcome

        now = time.process_time()
        self.seconds.append(now - self._last)
        if not self.queue:
            return None
        job = self.queue.popleft()
        rate = job.config.experiment.optimizer.get("learning_rate")
        metrics = {"validation": {"loss": rate, "accuracy": 1 - rate}}
        rows = tuple({"epoch": i, "val_accuracy": 1 - rate, "seconds": 0.1} for i in range(10))
        self._last = time.process_time()
        return Outcome(job.name, "completed", metrics, rows)

    def close(self) -> None: ...

    def __enter__(self) -> NoTime:
        return self

    def __exit__(self, *error: object) -> None: ...


class Silence:
    """An observer that says nothing."""

    def began(self, study: Any) -> None: ...

    def epoch_done(self, name: str, row: Any) -> None: ...

    def trial_done(self, trial: Any, outcome: Any) -> None: ...

    def phase_began(self, text: str) -> None: ...


def overhead(algorithm: str, numbers: tuple[int, ...], more: str = "") -> dict[str, Any]:
    """Return milliseconds a trial about those of some numbers: the oracle's thinking, and what nnlab computes."""
    from nnlab.config.load import load_config
    from nnlab.run import Run
    from nnlab.studies.conduct import conduct
    from nnlab.tune.study import prepare

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        space = SPACE.format(trials=numbers[-1] + 5, algorithm=algorithm)
        path.write_text(next(iter(CONFIGS.values())) + space + more)
        study, executor = prepare(load_config(path)), NoTime()
        conduct(study, Run(Path(folder) / "run"), lambda _: executor, observer=Silence())
        thinking = [trial.thinking_seconds for trial in study.agenda.search.candidates]

        def mean_ms(values: list[float], number: int) -> float:
            near = values[number - 5 : number + 5]
            return 1000 * sum(near) / len(near)

        return {
            str(number): {"thinking": mean_ms(thinking, number), "rest": mean_ms(executor.seconds, number)}
            for number in numbers
        }


def overheads(*, quick: bool) -> dict[str, Any]:
    """Return the same by algorithm; of Bayesian search only the last of many trials are not drawn at random."""
    last = 20 if quick else 500
    found = {"random": overhead("random", (10, last)), "bayesian": overhead("bayesian", (10,))}
    found["bayesian"] |= overhead("bayesian", (last,), f"  num_initial_points: {last - 10}\n")
    return found


def main() -> None:
    """Measure, and print or write the tables."""
    options = arguments(__doc__, rounds=3).parse_args()
    trials, few = (4, 3) if options.quick else (TRIALS, FEW)
    lines, everything = [], {}
    for workload in CONFIGS:

        def measure(name: str, workload: str = workload) -> dict[str, Any]:
            if name == NNLAB:
                return nnlab(workload, trials)
            return run("tune.py", "--here", workload, str(few), str(time.time()), str(trials))

        results = everything[workload] = interleaved([TUNER, NNLAB], options.rounds, measure)
        one, theirs = (f"{median(results[TUNER], key):.2f} s" for key in ("warm", "all"))
        ours = f"{median(results[NNLAB], 'all'):.1f} s"
        lines.append([workload, str(trials), one, theirs, ours, ratio(results, TUNER, NNLAB, "all")])
    text = table(["random search", "trials", "one, KerasTuner", "all, KerasTuner", NNLAB, "times"], lines)
    everything["overhead"] = run("tune.py", "--overhead", *(["quick"] if options.quick else []))
    lines = [
        [f"{algorithm}, trial {number}", f"{each['rest']:.1f} ms", f"{each['thinking']:.1f} ms"]
        for algorithm, found in everything["overhead"].items()
        for number, each in found.items()
    ]
    finish(options, "tune", text + "\n" + table(["a trial without its training", "nnlab", "oracle"], lines), everything)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        print(json.dumps(keras_tuner(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))))
    elif sys.argv[1:2] == ["--overhead"]:
        print(json.dumps(overheads(quick="quick" in sys.argv)))
    else:
        main()
