"""Whatever a file or the command line holds, it is a config or it has problems; nothing else is raised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import TEXT, experiments

from nnlab.config.load import experiment_from, load_config
from nnlab.config.nodes import Mark, from_plain
from nnlab.errors import NnlabError
from samples import CONFIGS

made_up = settings(suppress_health_check=[HealthCheck.too_slow])
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


@pytest.mark.proof
@made_up
@given(st.binary() | st.text().map(str.encode))
def test_any_file_is_a_config_or_has_problems(path, content):
    path.write_bytes(content)
    check(load_config, path)


@pytest.mark.proof
@made_up
@given(st.lists(st.sampled_from(FRAGMENTS) | TEXT).map("".join))
def test_anything_like_yaml_is_a_config_or_has_problems(path, text):
    path.write_text(text, encoding="utf-8", newline="")
    check(load_config, path)


@pytest.mark.proof
@made_up
@given(st.sampled_from(SHIPPED), st.integers(0, 400), st.integers(0, 9), st.sampled_from(["", *FRAGMENTS]))
def test_a_damaged_config_is_a_config_or_has_problems(path, text, start, length, inserted):
    path.write_text(text[:start] + inserted + text[start + length :], encoding="utf-8")
    check(load_config, path)


@pytest.mark.proof
@made_up
@given(experiments(), st.data(), JUNK)
def test_a_config_with_one_wrong_value_is_a_config_or_has_problems(values, data, junk):
    place, key = data.draw(st.sampled_from(list(places(values))))
    place[key] = junk
    check(experiment_from, from_plain(values, Mark("file.yaml", 1, 1)))


@pytest.mark.proof
@made_up
@given(st.lists(st.tuples(st.sampled_from(PATHS) | TEXT, JUNK.map(json.dumps) | TEXT), min_size=1, max_size=3))
def test_any_override_is_a_change_or_a_problem(changes):
    check(load_config, CONFIGS / "digits_mlp.yaml", [f"{path}={value}" for path, value in changes])


WHOLE = [
    """
    data: {source: csv, path: x.csv, target: {a: y, b: [z, w]}, task: {a: regression}, class_weight: {a: {0: 1, 1: 2}},
      features: [0, x], scale: standardize}
    model:
      type: functional
      inputs: {x: {features: [0, 1]}, y: {}}
      layers:
        h: {Dense: 4, from: x}
        block: {repeat: 2, from: h, output: s, layers: {i: {Dense: 3, from: input}, s: {Add: {}, from: [i, input]}}}
        a: {Dense: 1, from: block}
        c: {Concatenate: {}, from: [y, h]}
        b: {shared: a, from: c}
      outputs: [a, b]
      normalization: {BatchNormalization: {position: before_activation}}
    training: {loss: {a: mse, b: {huber: {delta: 2}}}, loss_weights: {a: 1, b: 2}, early_stopping: {patience: 3},
      metrics: {a: [mae], b: [{mse: {name: q}}]}, tensorboard: {profile_batch: [1, 2]}}
    """,
    """
    data: {source: inline, columns: {x: [1, 2], y: [1, 2]}, target: y}
    model:
      transfer: {from: another, layers: 3, freeze_epochs: 2, learning_rate_after: 0.1}
      layers:
        - repeat: 2
          layers: [{repeat: 3, layers: [{Dense: 3}]}]
        - TimeDistributed: {layer: {Dense: 3}}
        - RNN: {cell: {StackedRNNCells: {cells: [{LSTMCell: 3}]}}}
    optimizer: {Muon: {exclude_layers: [a]}}
    schedule: {piecewise: {boundaries_epochs: [1, 2.5], values: [0.1, 1, 0], warmup_steps: 3}}
    """,
    """
    data: {source: {moons: {samples: 100}}, class_weight: balanced}
    model: {type: subclassed, class: WideAndDeep, units: 6, wide_features: [0, 1], auxiliary: true}
    training: {loss: {main: mse, aux: mse}}
    """,
    """
    data: diabetes
    model: {hidden: [8]}
    tune:
      space:
        optimizer.learning_rate: {float: [0.01, 1], sampling: log}
        model.hidden: {choice: [[8], [8, 8]]}
        model.hidden.0: {int: [1, 9], when: {model.hidden: [[8]]}}
        training.batch_size: {int: [1, 8], step: 2}
      max_time: 3h
      median_stopping: {after_epochs: 3}
    """,
    """
    data: diabetes
    model: {hidden: [8]}
    compare: {vary: {model.activation: [relu, tanh]}, variants: {a: {model.dropout: 0.1}}, tune_schedules: [cosine]}
    """,
]
"""Configs that hold, with every section between them."""

WRONG = st.sampled_from([
    None, True, 0, -1, 5, 1e300, float("nan"), "", "relu", "Dense", "1,5", [], [1], [[1]], [None], {}, {"a": 1},
    {"Dense": None}, {"a": {"b": [1]}}, {"Dense": {"units": [1]}}, [{"a": 1}], {"float": [0.1, 1]}, {"from": "x"},
    {"repeat": 2}, {"repeat": 2, "layers": 5}, {"type": [1]}, {"type": {}}, 10**30, {"shared": [1], "from": "x"},
    {"repeat": 2, "from": [1], "layers": {"a": 5}, "output": {}}, {"choice": [[1], {}]}, {"when": {"a": []}},
])  # fmt: skip
"""Values of every type, some of the shape of what may stand elsewhere."""


@pytest.mark.proof
@settings(made_up, max_examples=3 * settings.default.max_examples)
@given(st.sampled_from(WHOLE), st.data(), WRONG | JUNK)
def test_a_wrong_value_at_any_place_is_a_problem_or_none(path, text, data, wrong):
    values = yaml.safe_load(text)
    place, key = data.draw(st.sampled_from(list(places(values))))
    place[key] = wrong
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    check(validate, path)


@pytest.mark.proof
@settings(made_up, max_examples=settings.default.max_examples // 2)
@given(
    st.sampled_from(WHOLE[3:]), st.data(), st.sampled_from([*PATHS, "model.hidden.0.x", "model.hidden.7", "extends"])
)
def test_any_path_of_a_space_or_a_variant_is_a_problem_or_none(path, text, data, written):
    values = yaml.safe_load(text)
    place, key = data.draw(st.sampled_from([found for found in places(values) if "." in str(found[1])]))
    place[written] = place.pop(key)
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    check(validate, path)


def validate(path):
    """Do with a config what `nnlab validate` does."""
    from nnlab.cli.configs import _check
    from nnlab.cli.options import Given

    _check(path, Given())


@pytest.mark.parametrize("key", ["config", "extends"])
@pytest.mark.parametrize("what", ["a pipe", "a device", "this is a folder"])
def test_what_never_ends_or_is_no_file_is_refused_unread(tmp_path, key, what):
    odd = {"a pipe": tmp_path / "odd.yaml", "a device": Path("/dev/zero")}.get(what, tmp_path)
    if what == "a pipe":
        os.mkfifo(odd)
    path = tmp_path / "config.yaml"
    path.write_text(f"extends: {odd}\n")
    (problem,) = problems_of(load_config, odd if key == "config" else path)
    assert what in problem.message


def test_a_class_is_not_read_from_a_pipe(tmp_path, config):
    os.mkfifo(tmp_path / "own.py")
    text = f"data: iris\nmodel: {{type: subclassed, class: {tmp_path}/own.py:Net}}\n"
    (problem,) = problems_of(config, text)
    assert problem.message == f"`{tmp_path}/own.py` is a pipe"


def test_data_are_not_read_from_a_pipe_or_a_device(config, tmp_path):
    from nnlab.data.loading import load_data

    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    for odd, what in ((pipe, "a pipe"), ("/dev/zero", "a device")):
        data = config(f"data: {{source: csv, path: {odd}, target: y}}\nmodel: {{hidden: [4]}}").experiment.data
        (problem,) = problems_of(partial(load_data, seed=0), data)
        assert problem.message == f"`{odd}` is {what}, not a file"


def test_a_file_too_long_for_a_config_is_refused_unread(tmp_path):
    path = tmp_path / "config.yaml"
    with path.open("wb") as file:
        file.truncate(20_000_000_000)
    (problem,) = problems_of(load_config, path)
    assert problem.message == "the file has 20000 MB, and a config at most 10"


def test_aliases_within_the_limit_cost_little(path):
    ten = [", ".join([f"*{name}"] * 10) for name in "abcd"]
    columns = [f"b: &b [{ten[0]}]", f"c: &c [{ten[1]}]", f"d: &d [{ten[2]}]", f"e: [{ten[3]}]"]
    path.write_text(f"data: {{source: inline, target: a, columns: {{a: &a [1{', 1' * 9}], {', '.join(columns)}}}}}\n"
                    "model: {hidden: [4]}")  # fmt: skip
    began = time.process_time()
    load_config(path)
    assert time.process_time() - began < 3


def test_one_mistake_in_many_places_is_one_problem(path):
    path.write_text("data: iris\nmodel:\n  layers:\n" + "    - Dense: {unitz: 5}\n" * 64)
    ((missing),) = problems_of(load_config, path)
    assert missing.line == 4
    assert missing.message == "`Dense` has no parameter `unitz` (and in 63 places more, as in line 5, 6, 7, 8, 9 ...)"


def test_thousands_of_mistakes_are_not_all_listed(path):
    path.write_text("data: iris\nmodel: {hidden: [4]}\n" + "".join(f"key{i}: 1\n" for i in range(1200)))
    *_, last = problems_of(load_config, path)
    assert last.message == "and 200 mistakes more"


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
