"""Rows beyond memory: `nnlab train` on a Parquet table that stays on disk, beside one that lies in memory.

    python benchmarks/beyond_memory.py --write docs/speed.md [--quick]

A network of three layers of 50 is trained for two epochs with batches of 256: on 20 million rows of 20 columns on disk,
and on 2 million in memory, so that the machine need not hold 20. The rate is that of the second epoch. The first run on
disk reads the file into the cache, which is timed apart; the others find it there. Memory is the most that the process
held, by the kernel's count, pages of files that it maps included.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rounds import arguments, finish, interleaved, median, ratio, table

COLUMNS = 20
ROW_GROUP = 1_000_000
CONFIG = """
data:
  {{source: parquet, path: {path}, target: y, scale: standardize, storage: {storage}, validation: {held}, test: {held}}}
model: {{hidden: [50, 50, 50], activation: relu, initializer: he_normal}}
optimizer: Adam
training: {{epochs: 2, batch_size: 256, tensorboard: false}}
"""
MEMORY, DISK = "in memory", "on disk"


def write_rows(path: Path, rows: int) -> None:
    """Write a table of random numbers, part by part, with a target that they decide."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    draw = np.random.default_rng(0)
    names = [f"x{number}" for number in range(COLUMNS)]
    schema = pa.schema([(name, pa.float32()) for name in [*names, "y"]])
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, rows, ROW_GROUP):
            x = draw.standard_normal((min(ROW_GROUP, rows - start), COLUMNS), dtype=np.float32)
            y = np.tanh(x[:, 0] * x[:, 1]) + x[:, 2:5].mean(axis=1)
            writer.write_table(pa.table([*x.T, y], schema=schema))


def measure(storage: str, path: Path, rows: int, folder: Path) -> dict[str, Any]:
    """Train, and return the rate of the second epoch, the seconds of all and the most memory that the process held."""
    with tempfile.TemporaryDirectory(dir=folder) as text:
        config, held = Path(text) / "config.yaml", rows // 100
        config.write_text(CONFIG.format(path=path, storage=storage, held=held))
        command = [sys.executable, "-m", "nnlab", "train", str(config), "--runs-dir", text, "--quiet"]
        settings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "NNLAB_CACHE_DIR": str(folder / "cache")}
        began = time.perf_counter()
        process = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed")
        seconds = time.perf_counter() - began
        (history,) = Path(text).glob("*/history.csv")
        with history.open() as stream:
            epoch = float(list(csv.DictReader(stream))[-1]["seconds"])
    return {"seconds_a_row": epoch / (rows - 2 * held), "seconds": seconds, "mebibytes": usage.ru_maxrss / 1024}


def main() -> None:
    """Measure, and print or write the table."""
    parser = arguments(__doc__, rounds=1)
    parser.add_argument("--folder", type=Path, help="where there are 5 GB of room (default: the folder for such files)")
    options = parser.parse_args()
    counts = {MEMORY: 200_000, DISK: 1_000_000} if options.quick else {MEMORY: 2_000_000, DISK: 20_000_000}
    with tempfile.TemporaryDirectory(dir=options.folder) as text:
        folder = Path(text)
        files = {name: folder / f"{rows}.parquet" for name, rows in counts.items()}
        for name, rows in counts.items():
            write_rows(files[name], rows)

        def train(name: str) -> dict[str, Any]:
            return measure("memory" if name == MEMORY else "disk", files[name], counts[name], folder)

        first = train(DISK)
        results = interleaved([MEMORY, DISK], options.rounds, train)
    lines = [
        [
            f"{counts[name]:,} rows {name}",
            f"{1 / median(results[name], 'seconds_a_row'):,.0f}",
            f"{median(results[name], 'mebibytes'):,.0f} MiB",
            ratio(results, MEMORY, name, "seconds_a_row"),
        ]
        for name in counts
    ]
    header = ["3 x 50 units, 20 columns, Adam, batch 256", "rows a second", "peak memory", "times the rate in memory"]
    more = first["seconds"] - results[DISK][0]["seconds"]
    note = (
        f"The first run on disk took {more:.0f} s more, in which it wrote the table into the cache, with a peak of "
        f"{first['mebibytes']:,.0f} MiB."
    )
    finish(options, "beyond_memory", f"{table(header, lines)}\n{note}\n", {"first": first, **results})


if __name__ == "__main__":
    main()
