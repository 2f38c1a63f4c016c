"""A whole comparison of optimizers, as a user starts it, and the same trainings as a loop of plain Keras.

    python benchmarks/compare.py --write docs/speed.md [--quick]

Nine optimizers, each with seven learning rates and then five seeds of the best one, by `nnlab compare-optimizers -j 2`
with empty caches, everything that it writes included, but for TensorBoard's files, as the loop writes none; then with
them; and the final table of a comparison of 1,000 trainings.

The loop is one process that builds, compiles and fits. It does one training of each optimizer, and its time for as many
trainings as nnlab did is what these took plus the others at their mean, the first one apart.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from many import DIGITS, digits
from rounds import arguments, finish, interleaved, median, ratio, run, table
from workloads import fashion

FASHION = """
data: {source: fashion_mnist, validation: 5000, limit: 20000, scale: 255}
model: {hidden: [100, 100, 100], activation: relu, initializer: he_normal}
optimizer: SGD
training: {epochs: 5, batch_size: 32}
"""
PROBLEMS = {
    "digits, 3 x 64 units, 10 epochs": DIGITS,
    "20,000 images of Fashion-MNIST, 3 x 100 units, 5 epochs": FASHION,
}
OPTIMIZERS: Mapping[str, Mapping[str, Any]] = {
    "SGD": {}, "SGD ": {"momentum": 0.9}, "SGD  ": {"momentum": 0.9, "nesterov": True}, "Adagrad": {}, "RMSprop": {},
    "Adam": {}, "Adamax": {}, "Nadam": {}, "AdamW": {},
}  # fmt: skip
LOOP, NNLAB, TABLE = "loop of plain Keras", "nnlab `-j 2`", "table of 1,000 trainings"
WITH_FILES = f"{NNLAB}, TensorBoard"


def compare_optimizers(problem: str, *, tensorboard: bool, quick: bool) -> dict[str, Any]:
    """Run the command with empty caches; return its seconds, and how many trainings it did."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "config.yaml").write_text(PROBLEMS[problem])
        command = [sys.executable, "-m", "nnlab", "compare-optimizers", "config.yaml", "--tuned-only", "-j", "2"]
        command += ["-S", f"training.tensorboard={str(tensorboard).lower()}"]
        if quick:
            command += ["--optimizers", "SGD,Adam", "--tuning-budget", "3", "--seeds", "2", "-S", "training.epochs=1"]
        settings = {**os.environ, "NNLAB_CACHE_DIR": str(folder / "cache")}
        began = time.perf_counter()
        done = subprocess.run([*command, "--json"], cwd=folder, env=settings, capture_output=True, text=True)
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        trainings = sum(row["trainings"] for row in json.loads(done.stdout)["rows"])
    return {"seconds": seconds, "trainings": trainings}


def keras_loop(problem: str, began: float) -> dict[str, Any]:
    """Train with each optimizer once; return the seconds of the start with the first training, and of another one."""
    import keras

    units, epochs = (100, 5) if "Fashion" in problem else (64, 10)
    if "Fashion" in problem:
        x, y, x_validation, y_validation = fashion()
        x, y, validation = x[:20_000], y[:20_000], (x_validation, y_validation)
    else:
        x, y, validation = digits()
    ends = [began]
    for number, (name, options) in enumerate(OPTIMIZERS.items()):
        keras.utils.set_random_seed(number)
        hidden = [keras.layers.Dense(units, "relu", kernel_initializer="he_normal") for _ in range(3)]
        first = [keras.Input(x.shape[1:]), keras.layers.Flatten()]
        model = keras.Sequential([*first, *hidden, keras.layers.Dense(10, "softmax")])
        optimizer = getattr(keras.optimizers, name.strip())(0.001, **options)
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, validation_data=validation, epochs=epochs, batch_size=32, verbose=0)
        ends.append(time.time())
    return {"first": ends[1] - began, "another": (ends[-1] - ends[1]) / (len(ends) - 2)}


def final_table(count: int) -> dict[str, Any]:
    """Return the seconds from made-up outcomes of so many trainings to tables and verdict, and the memory they take."""
    from nnlab.compare.comparison import Comparison, Contender, Rules
    from nnlab.executor import Outcome
    from nnlab.objective import Objective
    from nnlab.report.comparison import document

    rules = Rules(Objective("val_accuracy", "max"), tuple(range(5)), 1_000_000, 15, tuned_only=True)
    comparison = Comparison([Contender(i, f"variant {i}", 36) for i in range(count // 20)], rules)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for contender in comparison.contenders:
        while missing := [trial for trial in comparison.wanted(contender) if trial.name not in comparison.outcomes]:
            for trial in missing:
                comparison.outcomes[trial.name] = _outcome(trial, Outcome)
    began = time.perf_counter()
    document(comparison, run="", status="completed")
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": seconds, "mebibytes": (after - before) / 1024, "trainings": len(comparison.outcomes)}


def _outcome(trial: Any, make: Any) -> Any:
    score = (
        0.8 + 0.0001 * ((trial.of.contender * 31 + trial.seed * 17) % 97) - abs((trial.of.learning_rate or 0) - 0.001)
    )
    rows = [{"epoch": i, "accuracy": score, "val_accuracy": score, "seconds": 0.1} for i in range(1, 11)]
    metrics = {"validation": {"loss": 1 - score, "accuracy": score}, "test": {"accuracy": score}}
    return make(trial.name, "completed", metrics, tuple(rows))


def main() -> None:
    """Measure, and print or write the table."""
    options = arguments(__doc__, rounds=3).parse_args()
    lines, everything = [], {}
    for problem in list(PROBLEMS)[: 1 if options.quick else None]:

        def measure(name: str, problem: str = problem) -> dict[str, Any]:
            if name != LOOP:
                return compare_optimizers(problem, tensorboard=name == WITH_FILES, quick=options.quick)
            return run("compare.py", "--loop", problem, str(time.time()))

        results = everything[problem] = interleaved([LOOP, NNLAB, WITH_FILES], options.rounds, measure)
        count = results[NNLAB][0]["trainings"]
        for each in results[LOOP]:
            each["seconds"] = each["first"] + (count - 1) * each["another"]
        cells = [problem, str(count), f"{median(results[LOOP], 'another'):.2f} s"]
        cells += [f"{median(results[LOOP], 'seconds'):.0f} s"]
        for name in (NNLAB, WITH_FILES):
            cells += [f"{median(results[name], 'seconds'):.0f} s", ratio(results, LOOP, name, "seconds")]
        lines.append(cells)
    everything[TABLE] = final = final_table(1000)
    header = ["nine optimizers, tuned", "trainings", "one, plain Keras", "all, plain Keras"]
    header += [NNLAB, "times", WITH_FILES, "times"]
    text = f"{table(header, lines)}\nThe final table of {final['trainings']} trainings: {final['seconds']:.2f} s"
    finish(options, "compare", f"{text}, {final['mebibytes']:.0f} MiB more memory than before them.\n", everything)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--loop"]:
        print(json.dumps(keras_loop(sys.argv[2], float(sys.argv[3]))))
    else:
        main()
