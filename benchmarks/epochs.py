"""Seconds of an epoch: nnlab's engines, Keras's own loop, and others, on the same rows.

    python benchmarks/epochs.py --write docs/speed.md [--outside PYTHON] [--quick]

Each contender trains in a process of its own; the contenders take turns. The seconds of a process are the median of its
epochs after the first ones, those of a contender the median of its processes. Nothing is validated meanwhile.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from contenders import CONTENDERS, NEEDS, PLAIN
from rounds import arguments, finish, installed, interleaved, median, ratio, run, say, table
from workloads import WORKLOADS, save_rows


def main() -> None:
    """Measure, and print or write the tables."""
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--outside", default=sys.executable, metavar="PYTHON", help="a Python with requirements.txt")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    there = installed(options.outside)
    names = [name for name in CONTENDERS if NEEDS.get(name, "") in {"", *there}]
    everything: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for workload, what in WORKLOADS.items():
            rows = Path(folder) / "rows.npz"
            save_rows(what, rows, rows=what.rows // 10 if options.quick else what.rows)
            say(workload)

            def measure(name: str, workload: str = workload, rows: Path = rows) -> dict[str, Any]:
                python = {"python": options.outside} if name in NEEDS else {}
                backend = "jax" if NEEDS.get(name) == "jax" else "tensorflow"
                return run("contenders.py", name, workload, str(rows), KERAS_BACKEND=backend, **python)

            able = [name for name in names if name != "scikit-learn" or not what.filters]
            everything[workload] = interleaved(able, rounds, measure)
    seconds = [
        [workload, *(f"{median(results[name], 'seconds'):.3g}" if name in results else "" for name in names)]
        for workload, results in everything.items()
    ]
    others = [name for name in names if name != PLAIN]
    ratios = [
        [workload, *(ratio(results, PLAIN, name, "seconds") if name in results else "" for name in others)]
        for workload, results in everything.items()
    ]
    text = f"Seconds of an epoch:\n\n{table(['', *names], seconds)}\n"
    text += f"How many times as fast as {PLAIN} in the same round, and the spread over the rounds:\n\n"
    finish(options, "epochs", text + table(["", *others], ratios), everything)


if __name__ == "__main__":
    main()
