"""CONTRIBUTING's map names what there is, and imports go downwards on it."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "nnlab"
MODULES = {
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCE.rglob("*.py")
}

YET_TO_MOVE: set[str] = set()


def layers() -> list[list[str]]:
    """Return the modules and packages of each part of the map, from top to bottom."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = text.split("    src/nnlab/\n")[1].split("\n\nImports go")[0]
    return [re.findall(r"^      (\w+)(?:/|\.py) ", part, re.MULTILINE) for part in block.split("\n\n")]


@cache
def imported(module: str) -> set[str]:
    """Return the modules of nnlab that a module imports, anywhere but for type checking."""
    found: set[str] = set()
    nodes: list[ast.AST] = [ast.parse(MODULES[module].read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "nnlab":
            found |= {name if (name := f"{node.module}.{item.name}") in MODULES else node.module for item in node.names}
        if isinstance(node, ast.Import):
            found |= {item.name for item in node.names if item.name in MODULES}
        nodes += ast.iter_child_nodes(node)
    return found - {"nnlab", module}  # the package itself holds nothing but the version


def part_of(module: str) -> str:
    return module.split(".")[1]


def test_the_map_names_every_module_and_package_and_nothing_else():
    there = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    named = [name for part in layers() for name in part]
    assert sorted(named) == sorted(there - {"__init__", "__main__"})


def test_what_the_map_says_of_the_files_of_a_package_is_true():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in re.findall(r"`((?:src|scripts|tests|benchmarks|docs|config|\.ci)/[\w./]*)`", text):
        assert any((base / path).exists() for base in (ROOT, SOURCE)), path


def test_imports_go_downwards():
    lines = [name for part in layers() for name in part]
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    beside = {(one, two) for part in layers() for one in part for two in part if {one, two} <= packages}
    upwards = [
        f"{module} -> {other}"
        for module in MODULES
        if module not in ("nnlab", "nnlab.__main__")
        for other in imported(module)
        if (one := part_of(module)) != (two := part_of(other))
        and (lines.index(one) > lines.index(two) or (one, two) in beside)
    ]
    assert upwards == []


def test_nothing_imports_in_a_circle():
    tuple(TopologicalSorter({module: imported(module) for module in MODULES}).static_order())
    parts: dict[str, set[str]] = {}
    for module in MODULES:
        if module != "nnlab":
            others = {part_of(other) for other in imported(module)}
            parts.setdefault(part_of(module), set()).update(others - {part_of(module)})
    tuple(TopologicalSorter(parts).static_order())


def test_files_that_the_settings_of_tools_name_are_there():
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    for pattern in lint["per-file-ignores"]:
        before, braces, rest = pattern.partition("{")
        names, _, after = rest.partition("}")
        for path in [f"{before}{name}{after}" for name in names.split(",")] if braces else [pattern]:
            assert next(ROOT.glob(path), None) is not None, path
