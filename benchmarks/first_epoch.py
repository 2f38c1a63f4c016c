"""Seconds from the start of the process to the first epoch with its validation, and peak memory: nnlab and plain Keras.

    python benchmarks/first_epoch.py --write docs/speed.md [--quick]

Both train Fashion-MNIST 300-100 with batches of 32 on the same NPZ file and write an epoch's row into a CSV file, which
is watched from outside. Memory is the most that the whole process held, for the rows in main memory 2 x 172 MB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rounds import HERE, arguments, finish, interleaved, median, ratio, table
from workloads import MLP, config, keras_model, save_rows

EPOCHS = 3
VALIDATION = 5000
PLAIN, NNLAB = "plain Keras script", "`nnlab train`"


def plain(rows: Path, history: Path) -> None:
    """Do what a plain script does; it is run in a process of its own."""
    import keras
    import numpy as np

    data = np.load(rows)
    x, y = data["x_train"], data["y_train"]
    model = keras_model(MLP)
    model.fit(
        x[:-VALIDATION],
        y[:-VALIDATION],
        validation_data=(x[-VALIDATION:], y[-VALIDATION:]),
        epochs=EPOCHS,
        batch_size=MLP.batch_size,
        verbose=0,
        callbacks=[keras.callbacks.CSVLogger(history)],
    )


def measure(name: str, rows: Path) -> dict[str, Any]:
    """Start one of them, and watch it."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        file = folder / "config.yaml"
        file.write_text(config(MLP, rows, epochs=EPOCHS, validation=VALIDATION))
        command = {
            NNLAB: ["-m", "nnlab", "train", str(file), "--runs-dir", str(folder / "runs"), "--quiet"],
            PLAIN: [str(HERE / "first_epoch.py"), "--plain", str(rows), str(folder / "history.csv")],
        }[name]
        settings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *command], env=settings, stdout=subprocess.DEVNULL)
        seconds = None
        while True:
            if seconds is None and any(len(path.read_text().splitlines()) > 1 for path in folder.rglob("history.csv")):
                seconds = time.perf_counter() - began
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            time.sleep(0.005)
        if status or seconds is None:
            raise SystemExit(f"{name} failed")
        process.returncode = status
        whole = time.perf_counter() - began
    memory = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"first epoch": round(seconds, 3), "whole": round(whole, 3), "memory": round(memory)}


def main() -> None:
    """Measure, and print or write the table."""
    options = arguments(__doc__, rounds=5).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.npz"
        save_rows(MLP, rows, rows=10_000 if options.quick else MLP.rows)
        results = interleaved((PLAIN, NNLAB), 1 if options.quick else options.rounds, lambda name: measure(name, rows))
        size = rows.stat().st_size / 2**20
    lines = [
        [
            name,
            *(f"{median(each, key):.1f} s" for key in ("first epoch", "whole")),
            f"{median(each, 'memory'):.0f} MiB",
        ]
        for name, each in results.items()
    ]
    text = table(["", "start to first epoch", f"start to end ({EPOCHS} epochs)", "peak memory"], lines)
    faster = ratio(results, NNLAB, PLAIN, "first epoch")
    text += (
        f"\nnnlab's time to the first epoch as a part of the script's: {faster}. The rows alone take {size:.0f} MiB.\n"
    )
    finish(options, "first_epoch", text, results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plain"]:
        plain(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
