"""Reading tables: seconds from files to encoded rows, and the most memory meanwhile; and what is refused, how fast.

    python benchmarks/reading.py [--rounds 3] [--write docs/speed.md]

Each case is a process of its own, whose imports are not counted. The files are made first, in a folder that goes away
(4 GB of disk, most of it empty). `pandas.read_csv` alone stands beside them: nothing reads a table in less than that.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rounds import arguments, finish, interleaved, median, run, table

from nnlab.config.data import DataConfig
from nnlab.data import kept_splits
from nnlab.data.loading import load_data
from nnlab.errors import DataError

PLAIN = "1,000,000 rows x 20 columns, 6 of them text or dates: `pandas.read_csv` alone"
READ = "the same, read, encoded and split"
KEPT = "the same, from the cache"
WIDE = "10 rows x 20,000 columns"
GAPS = "10 rows x 20,000 columns with missing values"
LINE = "refused: a CSV file with a line of 3 GB"
CASES = {
    PLAIN: "big.csv",
    READ: "big.csv",
    KEPT: "big.csv",
    WIDE: "wide.csv",
    GAPS: "gaps.csv",
    LINE: "line.csv",
}
REFUSED = (LINE,)


def write_big(file: Path, rows: int) -> None:
    """Write 14 columns of numbers, 4 of text, 2 of dates, and a target; a twentieth of some is missing."""
    random = np.random.default_rng(0)

    def with_gaps(values: Any) -> Any:
        values[random.random(rows) < 0.05] = None if values.dtype == object else np.nan
        return values

    columns: dict[str, Any] = {}
    for number in range(14):
        values = random.normal(size=rows).round(4)
        columns[f"number {number}"] = with_gaps(values) if number % 3 == 0 else values
    for count in (3, 5, 8, 12):
        names = np.array([f"value {number}" for number in range(count)], object)
        columns[f"text {count}"] = with_gaps(names[random.integers(0, count, rows)])
    days = pd.date_range("2015-01-01", periods=3000).strftime("%Y-%m-%d").to_numpy(object)
    for name in ("from", "to"):
        columns[name] = days[random.integers(0, len(days), rows)]
    pd.DataFrame({**columns, "y": random.choice(["no", "yes"], rows)}).to_csv(file, index=False)


def write_wide(file: Path, columns: int, *, gaps: bool) -> None:
    """Write ten rows of many numbers."""
    values = np.random.default_rng(0).normal(size=(10, columns)).round(3)
    if gaps:
        values[np.add.outer(np.arange(10), np.arange(columns)) % 37 == 0] = np.nan
    frame = pd.DataFrame(values, columns=[f"c{number}" for number in range(columns)])
    frame.assign(y=np.arange(10) % 2).to_csv(file, index=False)


def write_files(folder: Path, *, quick: bool) -> None:
    """Write all files that are read."""
    write_big(folder / "big.csv", 10_000 if quick else 1_000_000)
    for name in ("wide", "gaps"):
        write_wide(folder / f"{name}.csv", 500 if quick else 20_000, gaps=name == "gaps")
    with (folder / "line.csv").open("wb") as stream:
        stream.write(b"a,b,y\n1,2,0\n")
        stream.truncate(300_000_000 if quick else 3_000_000_000)


def measure(case: str, file: Path) -> dict[str, Any]:
    """Read a file in this process, without counting what is imported."""
    if case != KEPT:
        kept_splits.LEAST = sys.maxsize
    config = DataConfig.read({"source": "csv", "path": str(file), "target": "y", "scale": "standardize"})
    began, worked, was_refused = time.perf_counter(), time.process_time(), False
    try:
        if case == PLAIN:
            pd.read_csv(file)
        else:
            load_data(config, seed=0)
    except DataError:
        was_refused = True
    if was_refused != (case in REFUSED):
        raise SystemExit(f"{case}: {'it was refused' if was_refused else 'it was read'}")
    seconds, processor = time.perf_counter() - began, time.process_time() - worked
    status = Path("/proc/self/status").read_text()  # `ru_maxrss` begins with that of the parent
    most = int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])
    return {"seconds": seconds, "processor": processor, "megabytes": most * 1.024 / 1000}


def main() -> None:
    """Measure, and print or write the table."""
    options = arguments(__doc__, rounds=3).parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder, quick=options.quick)
        cache = {"NNLAB_CACHE_DIR": str(folder / "cache")}
        run("reading.py", "--one", KEPT, str(folder / CASES[KEPT]), **cache)  # fills it
        results = interleaved(
            CASES,
            1 if options.quick else options.rounds,
            lambda case: run("reading.py", "--one", case, str(folder / CASES[case]), **cache),
        )
    rows = [
        [
            case,
            f"{median(results[case], 'seconds'):.2f} s",
            f"{median(results[case], 'processor'):.2f} s",
            f"{median(results[case], 'megabytes'):,.0f} MB",
        ]
        for case in CASES
    ]
    finish(
        options, "reading", table(["a table", "time", "of processors", "the most memory of the process"], rows), results
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]))))
    else:
        main()
