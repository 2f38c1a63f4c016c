"""How long light commands take to start, as multiples of what importing Typer, pydantic and PyYAML alone takes.

    python benchmarks/startup.py [--rounds 21]

The goal is at most 2 for each. Commands run in turn, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import argparse
import compileall
import statistics
import subprocess
import sys
import time
from pathlib import Path

import nnlab

CONFIGS = Path(__file__).parent.parent / "configs"
NNLAB = ["-c", "from nnlab.cli import main; main()"]  # what the installed command runs
IMPORTS = "import of typer, pydantic, yaml"
COMMANDS = {
    IMPORTS: ["-c", "import typer, pydantic, yaml"],
    "nnlab --help": [*NNLAB, "--help"],
    **{
        f"nnlab validate configs/{name}.yaml": [*NNLAB, "validate", str(CONFIGS / f"{name}.yaml")]
        for name in ("digits_mlp", "fashion_mlp", "california_wide_deep")
    },
}


def seconds(arguments: list[str]) -> float:
    """Return how long one start of Python takes with these arguments."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21, help="starts of each command")
    rounds = parser.parse_args().rounds
    compileall.compile_dir(str(Path(nnlab.__file__).parent), quiet=1)
    times = [{name: seconds(arguments) for name, arguments in COMMANDS.items()} for _ in range(rounds)]
    medians = {name: statistics.median(each[name] for each in times) for name in COMMANDS}
    for name, median in medians.items():
        print(f"{name:48} {median * 1000:4.0f} ms  {median / medians[IMPORTS]:.2f}x")


if __name__ == "__main__":
    main()
