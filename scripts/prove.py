"""Run the long forms of the tests that have one, and write what came out to `docs/proofs.md`.

    python scripts/prove.py --write docs/proofs.md [--inputs 150000] [--only WORDS]

These are the tests marked `proof`. The suite runs a short form of each: the same code with smaller numbers.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Proof:
    """The cases of a test.

    Args:
        file: its file.
        what: its name as a sentence.
    """

    file: str
    what: str
    amounts: list[tuple[int, str]] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def amount(self) -> str:
        """How much was tried: the sum of what the cases say, or how many there are."""
        if not self.amounts:
            return f"{len(self.outcomes):,} case{'s' if len(self.outcomes) > 1 else ''}"
        return f"{sum(number for number, _ in self.amounts):,} {self.amounts[0][1]}"

    @property
    def outcome(self) -> str:
        """How many cases failed or were skipped, or that all passed."""
        counts = {word: self.outcomes.count(word) for word in ("failed", "skipped")}
        others = [f"{count:,} {word}" for word, count in counts.items() if count]
        return ", ".join(others) or "passed"


def read_report(path: Path) -> list[Proof]:
    """Return the tests of pytest's XML report, in its order."""
    proofs: dict[tuple[str, str], Proof] = {}
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = case.attrib["name"].partition("[")[0]
        file = f"{case.attrib['classname'].replace('.', '/')}.py"
        proof = proofs.setdefault((file, name), Proof(file, name.removeprefix("test_").replace("_", " ")))
        failed = any(case.find(word) is not None for word in ("failure", "error"))
        proof.outcomes.append("failed" if failed else "skipped" if case.find("skipped") is not None else "passed")
        proof.seconds += float(case.attrib["time"])
        for each in case.iter("property"):
            if each.attrib["name"] == "amount":
                number, _, what = each.attrib["value"].partition(" ")
                proof.amounts.append((int(number), what))
    return list(proofs.values())


def page(proofs: Sequence[Proof], command: str) -> Iterator[str]:
    """Yield the lines of the page."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    yield "# Proofs"
    yield ""
    yield "What the suite tries in a short form, `make proofs` tries with larger numbers, for hours: it runs the tests"
    yield "marked `proof` with `pytest --proofs`, and writes this page."
    yield ""
    seconds = sum(proof.seconds for proof in proofs)
    failed = sum(proof.outcomes.count("failed") for proof in proofs)
    yield f"Run on {datetime.date.today()} at commit {commit.stdout.strip() or 'unknown'} on {os.cpu_count()} cores by"
    yield f"`{command}`: {len(proofs)} tests with {sum(len(proof.outcomes) for proof in proofs):,} cases,"
    yield f"{failed or 'none'} of which failed, in {seconds / 60:,.0f} minutes of work."
    yield ""
    yield "| file | what | how much | outcome | seconds |"
    yield "|---|---|--:|---|--:|"
    for proof in proofs:
        cells = (f"`{proof.file}`", proof.what, proof.amount, proof.outcome, f"{proof.seconds:,.0f}")
        yield f"| {' | '.join(cells)} |"


def main() -> int:
    """Run the tests; return pytest's exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="the page to write; without it, it is printed")
    parser.add_argument("--inputs", type=int, default=150_000, help="how many inputs are made up for a test")
    parser.add_argument("--only", default="", help="tests of these words alone, as for `pytest -k`")
    parser.add_argument("--processes", default="auto", help="how many tests run at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-m", "proof", "--proofs", "--inputs", str(options.inputs)]
        command += ["--numprocesses", options.processes, "--dist", "loadfile", "-k", options.only]
        code = subprocess.run([*command, "--junit-xml", str(report)], cwd=ROOT).returncode
        if not report.exists():
            return code
        words = f"python scripts/prove.py --inputs {options.inputs}" + f" --only '{options.only}'" * bool(options.only)
        text = "\n".join(page(read_report(report), words)) + "\n"
    if options.write is None:
        print(text)
    else:
        options.write.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
