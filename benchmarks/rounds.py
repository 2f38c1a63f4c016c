"""What all benchmarks share: programs run in turn, round after round; medians, ratios and tables of what they print."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from nnlab.environment import hardware, versions

HERE = Path(__file__).parent
BESIDE_NNLAB = {"torch": "PyTorch", "jax": "JAX"}
"""Libraries to compare with that nnlab does not need (`benchmarks/requirements.txt`)."""

Results = Mapping[str, Sequence[dict[str, Any]]]


def arguments(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds, help=f"runs of each contender (default {rounds})")
    parser.add_argument("--quick", action="store_true", help="one round on little data: does it work?")
    parser.add_argument("--write", type=Path, metavar="DOC", help="put the tables into this document")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single measurement")
    return parser


def installed(python: str) -> set[str]:
    """Return which of the libraries to compare with a Python has; say which it has not."""
    code = f"import importlib.util as u; print(*[m for m in {list(BESIDE_NNLAB)} if u.find_spec(m)])"
    found = set(subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    for module in BESIDE_NNLAB.keys() - found:
        say(f"{BESIDE_NNLAB[module]} is not installed and left out (`pip install -r benchmarks/requirements.txt`)")
    return found


def run(script: str, *words: str, python: str = sys.executable, **environment: str) -> dict[str, Any]:
    """Run a script of this folder in a process of its own; return the JSON object that it prints last."""
    command = [python, str(HERE / script), *words]
    settings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore", **environment}
    done = subprocess.run(command, capture_output=True, text=True, env=settings)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def interleaved(contenders: Iterable[str], rounds: int, measure: Callable[[str], dict[str, Any]]) -> Results:
    """Measure each contender once a round, so that a machine that slows down slows all of them."""
    names = list(contenders)
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            results[name].append(measure(name))
            say(f"round {number + 1} of {rounds}: {name}: {results[name][-1]}")
    return results


def median(results: Sequence[dict[str, Any]], key: str) -> float:
    """Return the median over the rounds."""
    return statistics.median(result[key] for result in results)


def ratio(results: Results, plain: str, contender: str, key: str) -> str:
    """Return how many times less a contender takes than the plain one of the same round: median, and the spread."""
    ratios = [a[key] / b[key] for a, b in zip(results[plain], results[contender], strict=True)]
    spread = f" ({min(ratios):.2g}-{max(ratios):.2g})" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{spread}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def finish(options: argparse.Namespace, name: str, text: str, results: Any) -> None:
    """Print the tables, and put them where the command line says."""
    found = hardware()
    packages = ", ".join(f"{package} {versions()[package]}" for package in ("tensorflow", "keras"))
    what = f"one round of `{name}.py --quick`: not to be relied on" if options.quick else f"{options.rounds} rounds"
    machine = f"{found['processor']}, {found['cores']} cores; {packages}"
    text = f"{text}\n{date.today().isoformat()}, {what}; {machine}.\n"
    print(text)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    if options.write:
        options.write.write_text(replaced(options.write.read_text(), name, text))


def replaced(document: str, name: str, text: str) -> str:
    """Put a text between the two comments of a document that have its name."""
    first, last = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, found, rest = document.partition(first)
    _, ended, tail = rest.partition(last)
    if not found or not ended:
        raise SystemExit(f"the document has no lines `{first.strip()}` and `{last}`")
    return f"{head}{first}\n{text}\n{last}{tail}"


def say(text: str) -> None:
    """Tell on stderr how it goes on."""
    print(text, file=sys.stderr, flush=True)
