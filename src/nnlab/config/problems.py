"""Mistakes of a config as problems: with a place, each once, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from nnlab.config.faults import MOST, Fault
from nnlab.config.nodes import Node, place
from nnlab.errors import Problem

MANY = 5
"""Places more of one mistake that are not listed one by one."""


def faults_as_problems(faults: Sequence[Fault], root: Node) -> list[Problem]:
    """Return the problems that mistakes in a tree are, in the order of the file; one that an alias repeats is one."""
    problems: dict[Any, Problem] = {}
    for fault in faults[:MOST]:
        problem = place(
            Problem(fault.message, fault.hint, fault.path, rule=fault.rule), root.find(fault.path, key=fault.at_key)
        )
        where = fault.path if problem.line is None else (problem.file, problem.line, problem.column)
        problems.setdefault((where, problem.message), problem)
    listed = list(_together(sorted(problems.values(), key=lambda p: (p.file or "", p.line or 0, p.column or 0))))
    if len(faults) > MOST:
        message = f"and {len(faults) - MOST} mistakes more"
        listed.append(Problem(message, "correct these first", file=listed[-1].file))
    return listed


def _together(problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield mistakes that are the same in many places as one, at the first of them."""
    same: dict[tuple[str, str | None], list[Problem]] = {}
    for problem in problems:
        same.setdefault((problem.message, problem.hint), []).append(problem)
    for problem in problems:
        first, *others = same[problem.message, problem.hint]
        if len(others) < MANY:
            yield problem
        elif problem is first:
            lines = [*dict.fromkeys(str(other.line) for other in others if other.line not in (None, first.line))]
            where = f", as in line {', '.join(lines[:MANY])}{' ...' * (len(lines) > MANY)}" if lines else ""
            yield replace(first, message=f"{first.message} (and in {len(others)} places more{where})")
