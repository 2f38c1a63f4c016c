"""Many short trainings: nnlab's executors, a loop of plain Keras, KerasTuner's own search.

    python benchmarks/many.py --write docs/speed.md [--quick]

A hundred trainings on the digits (64-64-64-10, 1,149 rows, batches of 32, 10 epochs with validation) that differ in
learning rate and seed, and a hundred that differ in the width of their layers too; then trainings of two larger
networks, one and two at once. Nobody saves models or writes TensorBoard's files.

Slow contenders do fewer trainings (`--few`), and their time for 100 is what they took plus the rest at their warm rate,
which is that of all trainings after the first fifth.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rounds import arguments, finish, interleaved, median, ratio, run, table
from workloads import CALIFORNIA, MLP, config, keras_tuner_ends, save_rows

SAME, WIDTHS = "one network", "100 widths"
LARGER = {"Fashion-MNIST 300-100, 3 epochs": (MLP, 3, 8), "California 3 x 50, 20 epochs": (CALIFORNIA, 20, 16)}
"""Workload, epochs, trainings."""

DIGITS = """
data: {source: digits, scale: 16, test: 0.2, validation: 0.2}
model: {hidden: [64, 64, 64], activation: relu}
optimizer: SGD
training: {epochs: 10, batch_size: 32, tensorboard: false}
"""


def rate(number: int) -> float:
    """Return the learning rate of a training."""
    return float(10 ** (-3 + 2 * number / 100))


def width(kind: str, number: int) -> int:
    """Return the units of each hidden layer of a training."""
    return 32 + number if kind == WIDTHS else 64


def nnlab(which: str, count: int, jobs: int) -> Iterator[None]:
    """Train in so many worker processes, in this process if there are none; yield at the end of each training."""
    from nnlab.config.load import load_config
    from nnlab.config.programs import program_kind
    from nnlab.executor import Job, Trainer, Workers
    from nnlab.run import Run
    from nnlab.training_options import TrainingOptions

    with tempfile.TemporaryDirectory() as text, Workers(jobs) if jobs else nullcontext() as executor:
        folder = Path(text)
        file = folder / "config.yaml"
        if which in LARGER:
            workload, epochs, _ = LARGER[which]
            save_rows(workload, folder / "rows.npz", rows=workload.rows)
            file.write_text(config(workload, folder / "rows.npz", epochs=epochs, validation=0.05))
        else:
            file.write_text(DIGITS)
        todo: list[Job] = []
        for number in range(count):
            changes = [f"optimizer.learning_rate={rate(number)}"]
            if which not in LARGER:
                changes += [f"seed={number}", f"model.hidden={[width(which, number)] * 3}"]
            loaded = load_config(file, changes)
            kind = program_kind(loaded.experiment)  # as searches and comparisons have it
            of_kind = 1 if which == WIDTHS else count
            options = TrainingOptions(save_model=False, trainings=of_kind)
            todo.append(Job(str(number), loaded, Run(folder / str(number)), kind, options))
        if jobs:
            for job in todo:
                executor.submit(job)
            ended = iter(executor.next_outcome, None)
        else:
            trainer = Trainer()
            ended = (trainer.do(job, lambda _: None) for job in todo)
        for outcome in ended:
            assert outcome.status == "completed", outcome.problems
            yield


def digits() -> tuple[Any, ...]:
    """Return training and validation rows."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x, _, y, _ = train_test_split((x / 16).astype("float32"), y, test_size=0.2, random_state=0)
    x, x_validation, y, y_validation = train_test_split(x, y, test_size=0.2, random_state=0)
    return x, y, (x_validation, y_validation)


def digits_model(units: int, learning_rate: float) -> Any:
    """Return the network, compiled."""
    import keras

    hidden = [keras.layers.Dense(units, activation="relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((64,)), *hidden, keras.layers.Dense(10, activation="softmax")])
    optimizer = keras.optimizers.SGD(learning_rate)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def loop(kind: str, count: int) -> Iterator[None]:
    """A loop over trainings, as one writes it."""
    import keras

    x, y, validation = digits()
    for number in range(count):
        keras.utils.set_random_seed(number)
        model = digits_model(width(kind, number), rate(number))
        model.fit(x, y, validation_data=validation, epochs=10, batch_size=32, verbose=0)
        yield


def tuner(kind: str, count: int) -> Iterator[float]:
    """`search` of KerasTuner's random search; it tells of the ends of its trials afterwards."""

    def build(hp: Any) -> Any:
        units = hp.Int("units", 32, 131) if kind == WIDTHS else 64
        return digits_model(units, hp.Float("learning_rate", 1e-3, 1e-1, sampling="log"))

    x, y, validation = digits()
    yield from keras_tuner_ends(build, count, x, y, validation_data=validation, epochs=10)


LOOP, TUNER = "loop of plain Keras", "KerasTuner's `search`"
CONTENDERS: dict[str, Callable[[str, int], Iterator[float | None]]] = {
    LOOP: loop,
    TUNER: tuner,
    "nnlab in one process": lambda kind, count: nnlab(kind, count, 0),
    "nnlab `-j 1`": lambda kind, count: nnlab(kind, count, 1),
    "nnlab `-j 2`": lambda kind, count: nnlab(kind, count, 2),
}


def measure_here(contender: str, kind: str, count: int, began: float) -> dict[str, float]:
    """Train, and return what 100 trainings take from the start of the process on, and when everything is warm."""
    ends = [end or time.time() for end in CONTENDERS[contender](kind, count)]
    warm_up = 2 * max(1, count // 10)  # even: of two at once both have done as many
    warm = (ends[-1] - ends[warm_up - 1]) / (count - warm_up)
    return {"first": ends[0] - began, "warm": warm, "hundred": ends[-1] - began + (100 - count) * warm}


def main() -> None:
    """Measure, and print or write the tables."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--few", type=int, default=10, help="trainings of slow contenders (default 10)")
    options = parser.parse_args()
    few, many = (4, 10) if options.quick else (options.few, 100)
    text, everything = "", {}

    def measured(kind: str, names: list[str], counts: Callable[[str], int]) -> Any:
        def measure(name: str) -> dict[str, Any]:
            return run("many.py", "--here", name, kind, str(counts(name)), str(time.time()))

        everything[kind] = interleaved(names, 1 if options.quick else options.rounds, measure)
        return everything[kind]

    for kind in (SAME, WIDTHS):
        results = measured(kind, list(CONTENDERS), lambda name: few if name in (LOOP, TUNER) else many)
        lines = [
            [
                name,
                f"{median(each, 'warm'):.3f} s",
                ratio(results, LOOP, name, "warm"),
                f"{median(each, 'hundred'):.0f} s",
                ratio(results, LOOP, name, "hundred"),
            ]
            for name, each in results.items()
        ]
        header = [f"digits, {kind}", "a training, warm", "times the loop", "100, start included", "times the loop"]
        text += table(header, lines) + "\n"
    lines = []
    for kind, (_, _, count) in LARGER.items():
        one, two = "nnlab `-j 1`", "nnlab `-j 2`"
        results = measured(kind, [one, two], lambda _, count=count: 4 if options.quick else count)  # type: ignore[misc]
        lines.append(
            [
                kind,
                *(f"{60 / median(results[name], 'warm'):.1f}" for name in (one, two)),
                ratio(results, one, two, "warm"),
            ]
        )
    text += table(["trainings a minute, warm", "`-j 1`", "`-j 2`", "times"], lines)
    finish(options, "many", text, everything)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--here"]:
        print(json.dumps(measure_here(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))))
    else:
        main()
