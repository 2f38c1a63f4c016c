"""Whatever a file or the command line holds, it is a config or it has problems; nothing else is raised."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import TEXT, experiments

from nnlab.config.load import experiment_from, load_config
from nnlab.config.nodes import Mark, from_plain
from nnlab.errors import NnlabError
from samples import CONFIGS

quick = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SHIPPED = [path.read_text() for path in sorted(CONFIGS.glob("*.yaml"))]
FRAGMENTS = ["data", "model", "layers", "extends", "<<", "digits", "Dense", "1e3", ".nan", "&a", "*a", "!t", "'", '"']
FRAGMENTS += [": ", "- ", "\n", "\n  ", "[", "]", "{", "}", ", ", "? ", "|", ">", "#", "%", "---", "\t", "\\", "\u00a0"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["relu", "Dense", "sgd", "1,5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.sampled_from(["Dense", "units"]), inner),
    max_leaves=5,
)
PATHS = [
    "model.layers.0.units",
    "optimizer.SGD.x",
    "optimizer",
    "data.source.digits",
    "data.columns.x.0",
    "training",
    "a",
]
PATHS += [
    "model.hidden.1",
    "model.dropout.rate.x",
    "training.metrics.0",
    "seed.x",
    "name",
    "data.path",
    "model.layers[1]",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("anything") / "config.yaml"


def check(use, *arguments):
    """Use something; what is wrong with it must read well."""
    for problem in problems_of(use, *arguments):
        head, *hint = str(problem).split("\n")
        assert head.isprintable()
        assert len(hint) <= 1
        assert not problem.message.endswith(".")


def problems_of(use, *arguments):
    try:
        use(*arguments)
    except NnlabError as error:
        return error.problems
    return ()


@quick
@given(st.binary() | st.text().map(str.encode))
def test_any_file_is_a_config_or_has_problems(path, content):
    path.write_bytes(content)
    check(load_config, path)


@quick
@given(st.lists(st.sampled_from(FRAGMENTS) | TEXT).map("".join))
def test_anything_like_yaml_is_a_config_or_has_problems(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    check(load_config, path)


@quick
@given(st.sampled_from(SHIPPED), st.integers(0, 400), st.integers(0, 9), st.sampled_from(["", *FRAGMENTS]))
def test_a_damaged_config_is_a_config_or_has_problems(path, text, start, length, inserted):
    path.write_text(text[:start] + inserted + text[start + length :], encoding="utf-8")
    check(load_config, path)


@quick
@given(experiments(), st.data(), JUNK)
def test_a_config_with_one_wrong_value_is_a_config_or_has_problems(values, data, junk):
    place, key = data.draw(st.sampled_from(list(places(values))))
    place[key] = junk
    check(experiment_from, from_plain(values, Mark("file.yaml", 1, 1)))


@quick
@given(st.lists(st.tuples(st.sampled_from(PATHS) | TEXT, JUNK.map(json.dumps) | TEXT), min_size=1, max_size=3))
def test_any_override_is_a_change_or_a_problem(changes):
    check(load_config, CONFIGS / "digits_mlp.yaml", [f"{path}={value}" for path, value in changes])


def places(values):
    """Yield every collection in the values with every key of it."""
    for key in list(values) if isinstance(values, dict) else range(len(values)):
        yield values, key
        if isinstance(values[key], (dict, list)) and values[key]:
            yield from places(values[key])


def test_checking_a_config_imports_no_heavy_package():
    code = f"""
import sys
from nnlab.config.load import load_config
from pathlib import Path
load_config(Path({str(CONFIGS / "fashion_mlp.yaml")!r}), ["optimizer.learning_rate=0.1"])
print(sorted({{"tensorflow", "keras", "pandas", "numpy", "sklearn", "rich"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
