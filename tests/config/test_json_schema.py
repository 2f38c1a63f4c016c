"""The JSON Schema that `nnlab schema` prints says what the parser says, as far as a schema can."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from strategies import experiments

from nnlab import catalog
from nnlab.config.json_schema import json_schema
from nnlab.config.load import dump_config, load_config
from nnlab.config.nodes import read_text
from nnlab.config.schema import Experiment
from nnlab.errors import NnlabError
from samples import CONFIGS

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
DOCS = CONFIGS.parent / "docs"
UNKNOWN = (
    r"unknown (key|value|layer|activation|initializer|regularizer|constraint|optimizer|schedule|loss|metric|data set)"
)
REFUSED = (
    rf"{UNKNOWN}|has no parameter|cannot stand here|expected (a|an|one|`true`|the|at least) |must be (at|more|less)"
)
"""What a schema can refuse: names, keys and parameters that there are not, wrong types, limits."""

ONLY_THE_PARSER = {
    "code_parameters": "what code takes stands in its file",
    "data_window_longer_than_longest": "one number is below another",
    "schedule_boundaries": "numbers that must rise",
    "schedule_milestone_fraction": "steps are whole, epochs are not, in a list of either",
    "types_profile_batch": "the last of two numbers is below the first",
}
"""Cases of the corpus whose mistake no schema can see, though the message sounds as if it could."""


@pytest.fixture(scope="module")
def errors_of():
    validator = Draft202012Validator(json_schema())

    def errors(text):
        plain = read_text(text, "config.yaml").plain() if isinstance(text, str) else text
        return [f"{list(error.absolute_path)}: {error.message}"[:200] for error in validator.iter_errors(plain)]

    return errors


def test_it_is_a_valid_schema():
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_of_the_gallery_holds_as_written_and_as_a_run_keeps_it(errors_of, path):
    assert errors_of(path.read_text()) == []
    assert errors_of(dump_config(load_config(path).experiment)) == []


@pytest.mark.proof
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(experiments())
def test_any_config_that_holds_is_one_of_the_schema(errors_of, values):
    assert errors_of(values) == []
    assert errors_of(dump_config(Experiment.read(values))) == []


TWO = "model: {type: functional, inputs: [x], outputs: [a, b], layers: {a: {Add: , from: x}, b: {Add: , from: x}}}"
FORMS = """
data: {source: {spiral: {samples: 100}}, limit: null, class_weight: {0: 1, '1': 2.5}, features: [0, x], classes: [true]}
data: {source: csv, path: x, target: {a: y, b: [z, 1]}, task: {a: binary}, class_weight: {a: balanced}}, TWO
data: {source: inline, columns: {x: [1, true, null, a], y: []}, target: y, validation: 0, test: 1e3}
model: {hidden: []}
model: {hidden: {layers: 2, units: 1e1}, dropout: 0.2, activation: {PReLU: null}, regularizer: {L2: 0.1}}
model: {hidden: [3], dropout: {AlphaDropout: 0.1}, normalization: {BatchNormalization: {position: before_activation}}}
model: {layers: [Flatten, {Dense: 3}, {Dense: {units: 3, activation: relu}}, {repeat: 2, layers: [{Dense: 3}]}]}
model: {layers: [{repeat: 2, layers: [{repeat: 3, layers: [Flatten]}]}, {Conv2D: {filters: 3, kernel_size: [3, 3]}}]}
model: {layers: [{Bidirectional: {layer: {GRU: 3}}}, {RNN: {cell: {StackedRNNCells: [{GRUCell: 3}]}}}]}
model: {transfer: a-run}
model: {transfer: {from: a-run, layers: [a, b], freeze_epochs: 3, learning_rate_after: 0.1}, hidden: []}
model: {type: functional, inputs: [x], outputs: b, layers: {a: {Dense: 1, from: x}, b: {shared: a, from: [a]}}}
model: {type: functional, inputs: {x: null, y: {features: 0}}, layers: {a: {Add: , from: [x, y]}}, outputs: [a]}
model: {type: functional, inputs: [x], outputs: b, layers: {b: {repeat: 2, from: x, layers: {c: {Add: , from: input}}}}}
model: {type: subclassed, class: WideAndDeep, units: 3}
model: {type: subclassed, class: my_models.py:Net, anything: [1], at: {all: 2}}
optimizer: sgd
optimizer: {momentum: {learning_rate: 0.1}}
schedule: {one_cycle: 0.1}
schedule: {cosine: {decay_epochs: 0.5, warmup_steps: 10}}
training: {loss: {a: mse, b: {Huber: {delta: 2}}}, metrics: {b: [{mse: {name: q}}]}, loss_weights: {a: 0.5}}, TWO
training: {loss: {Huber: 2.0}, metrics: [], early_stopping: {}, tensorboard: false, jit_compile: true, threads: 2}
training: {tensorboard: {profile_batch: [1, 2]}, engine: exact, early_stopping: {patience: 2, baseline: null}}
compare: {vary: {model.activation: [relu, {ELU: 1.0}]}, tune_schedules: [constant, {cosine: {warmup_steps: 3}}]}
compare: {variants: {wide: {model.hidden: [500]}, plain: null}, seeds: 3, target: 0.9}
tune: {space: {model.activation: {choice: [relu, null]}, seed: {int: [1, 2]}}, max_time: 2h, median_stopping: true}
tune: {space: {a: boolean, b: {boolean: }, c: {float: [1, 2], sampling: log, step: 2, when: {a: true}}}, seeds: 0}
extends: base.yaml
extends: base.yaml, schedule: {exponential: {decay_rate: 0.9}}, data: {test: 0.3}, model: {layers: {a: {from: x}}}
extends: base.yaml, model: {type: functional, layers: {a: {Dense: {use_bias: false}}}}, tune: {max_trials: 3}
""".strip().splitlines()


def values_of(form):
    """Return the plain values of a line, with what a config must have unless it extends another one."""
    values = read_text(f"{{{form.replace('TWO', TWO)}}}", "config.yaml").plain()
    return values if "extends" in values else {"data": "digits", "model": {"hidden": [3]}, "name": "x", **values}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_may_be_written_is_in_the_schema(errors_of, form):
    values = values_of(form)
    assert errors_of(values) == []
    if "extends" not in values and "my_models" not in form:
        Experiment.read(values)


WRONG = """
data: {source: digitts}
data: {source: digits, colour: red}
model: {hidden: [0]}
model: {hidden: [3], dropout: Dense}
model: {hidden: [3], activation: {ReLU: {slope: 1}}}
model: {layers: [Dense]}
model: {layers: [{Dense: {units: 3, width: 4}}]}
model: {layers: [{Dense: 3, Flatten: {}}]}
model: {layers: [{LSTM: {units: 3, activation: PReLU}}]}
model: {layers: [{repeat: 2, layer: []}]}
model: {type: functional, inputs: [x], layers: {a: {Dense: 1}}, outputs: a}
model: {type: functional, inputs: [x], layers: {a: {Denze: 1, from: x}}, outputs: a}
model: {type: functional, inputs: [x], outputs: a}
model: {type: subclassed, class: WideAndDip}
model: {type: subclassed, class: WideAndDeep, width: 3}
optimizer: {SGD: {learning_rate: fast}}
optimizer: {SGD: , Adam: }
schedule: cosinus
training: {epochs: 0}
training: {epochs: 2.5}
training: {loss: msee}
training: {metrics: accuracy}
training: {early_stopping: {patient: 3}}
training: {engine: slow}
compare: {seeds: 0}
tune: {algorithm: random}
tune: {space: {a: {integer: [1, 2]}}}
name: a/b
extends: 3
extends: base.yaml, optimiser: SGD
extends: base.yaml, optimizer: {SGD: {momentun: 0.9}}
""".strip().splitlines()


@pytest.mark.parametrize("form", WRONG)
def test_what_the_parser_refuses_by_its_shape_is_refused(errors_of, form):
    values = values_of(form)
    assert errors_of(values)
    if "extends" not in values:
        with pytest.raises(NnlabError):
            Experiment.read(values)


def cases():
    """Yield name, plain values and messages of the cases of the corpus that are read as they stand."""
    for path in sorted(CORPUS.glob("*.yaml")):
        text = path.read_bytes()
        if text.startswith(b"# overrides: "):
            continue
        try:
            plain = read_text(text.decode(), str(path)).plain()
        except (NnlabError, UnicodeDecodeError):
            continue
        if not isinstance(plain, dict) or "extends" in plain:
            continue
        try:
            load_config(path)
        except NnlabError as error:
            yield path.stem, plain, [problem.message for problem in error.problems]
        else:
            yield path.stem, plain, []


def test_the_schema_refuses_of_the_corpus_what_a_schema_can(errors_of):
    found = list(cases())
    assert len(found) > 150
    takes = {name: errors_of(plain) for name, plain, messages in found if not messages and errors_of(plain)}
    assert takes == {}
    seen = {name: messages for name, _, messages in found if any(re.match(REFUSED, each) for each in messages)}
    missed = {name: seen[name] for name, plain, _ in found if name in seen and not errors_of(plain)}
    assert missed.keys() == ONLY_THE_PARSER.keys(), missed


def test_all_names_of_the_catalog_and_their_parameters_are_in_it():
    definitions = json_schema()["$defs"]
    for kind in set(catalog.KINDS) - {"models"}:
        for name in catalog.names(kind):
            entry = catalog.find(kind, name)
            if entry.instead is not None:
                continue
            forms = definitions[f"{kind}.{entry.name}"]
            assert forms["description"] == entry.summary
            assert set(forms.get("anyOf", [forms])[0]["properties"]) == set(entry.parameters)


def test_every_key_is_described_and_stands_in_the_docs():
    docs = "".join((DOCS / f"{name}.md").read_text() for name in ("config", "time_series", "tune", "compare"))
    for name, definition in json_schema()["$defs"].items():
        if "." in name or name in catalog.KINDS or "properties" not in definition:
            continue
        assert definition["description"]
        for key, schema in definition["properties"].items():
            assert "description" in schema, (name, key)
            assert re.search(rf"\b{key}\b", docs), (name, key)


def test_the_docs_say_the_defaults_of_the_schema():
    definitions, compared = json_schema()["$defs"], 0
    for section in ("data", "training", "compare", "tune"):
        text = (DOCS / "config.md").read_text().split(f"\n## `{section}`\n")[1].split("\n## ")[0]
        keys = definitions[f"{section.capitalize()}Config"]["properties"]
        for key, default in re.findall(r"^\| `(\w+)` \| ([^|]*) \|", text, flags=re.M):
            literal = re.fullmatch(r"`([\w.]+)`", default)
            if literal is not None and "default" in keys[key]:
                assert read_text(literal[1], "docs").plain() == keys[key]["default"], (section, key)
                compared += 1
            assert (default == "required") == (key in definitions[f"{section.capitalize()}Config"].get("required", []))
    assert compared > 12


def test_the_command_prints_it_or_writes_it_whole(nnlab, tmp_path):
    printed = nnlab("schema")
    assert json.loads(printed.out) == json.loads(json.dumps(json_schema()))
    done = nnlab("schema", "-o", "schema.json")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "schema.json").read_text() == printed.out
    assert json.loads(printed.out)["$schema"].endswith("2020-12/schema")
