"""One program for trainings whose layers differ in their widths: the bits of a program for each."""

from __future__ import annotations

import zipfile
from contextlib import nullcontext

import numpy as np
import pytest

from nnlab.run import Run

pytestmark = pytest.mark.tf

WINE = """
data: {{source: wine, scale: standardize, validation: 0.2}}
model: {{hidden: [5, 6], activation: relu{model}}}
optimizer: {optimizer}
training: {{epochs: 3, batch_size: 25, tensorboard: false{training}}}
"""
RESIDUAL = """
data: {source: diabetes, scale: standardize, validation: 0.2}
model:
  type: functional
  inputs: {x: {}}
  layers:
    a: {Dense: {units: 4, activation: gelu}, from: x}
    b: {Dense: {units: 4, activation: PReLU, learning_rate_factor: 2}, from: a}
    sum: {Add: {}, from: [a, b]}
    all: {Concatenate: {}, from: [sum, x]}
    out: {Dense: 1, from: all}
  outputs: [out]
optimizer: {Nadam: {global_clipnorm: 1.0}}
training: {epochs: 3, batch_size: 25, tensorboard: false}
"""
POINTS = """
data: {source: spiral, limit: 120}
model: {hidden: [3, 4], activation: tanh, dropout: 0.1}
optimizer: {RMSprop: {momentum: 0.5, centered: true}}
training: {epochs: 3, batch_size: 30, tensorboard: false}
"""
HIDDEN = [["model.hidden=[9, 2]"], ["model.hidden=[130, 31]", "seed=7", "optimizer.learning_rate=0.02"]]
EARLY = ", early_stopping: {patience: 1, restore_best_weights: true}"
NORMALIZED = ", normalization: BatchNormalization, dropout: 0.2, regularizer: {L2: 0.01}"
TRAININGS = {
    "SGD": (
        WINE.format(optimizer="{SGD: {momentum: 0.9, nesterov: true, clipnorm: 1.0}}", model="", training=""),
        HIDDEN,
    ),
    "Adam with all kinds of layers": (
        WINE.format(optimizer="{Adam: {amsgrad: true}}", model=NORMALIZED, training=""),
        [HIDDEN[0], [*HIDDEN[1], "model.regularizer.L2=0.1"]],
    ),
    "averaged weights, the best ones back": (
        WINE.format(optimizer="{AdamW: {use_ema: true}}", model=", constraint: {MaxNorm: 1.0}", training=EARLY),
        HIDDEN,
    ),
    "a graph": (RESIDUAL, [[f"model.layers.{name}.Dense.units={units}" for name in "ab"] for units in (8, 33)]),
    "points of the plane, which is looked at": (POINTS, HIDDEN),
}


@pytest.fixture
def trained(config, tmp_path_factory):
    """Train a config with changes; return all that is kept of it: weights, history, metrics, snapshots."""
    from nnlab.train import train

    def run(text: str, changes: list[str], programs=None):
        summary = train(config(text, *changes), Run.new(tmp_path_factory.mktemp("runs"), "test"), programs=programs)
        assert summary.status == "completed", summary.problem
        engine = summary.run.read_info()["engine"]
        assert (engine["used"], engine["xla"]) == ("fast", False)
        history = [{name: value for name, value in row.items() if "seconds" not in name} for row in summary.history]
        looked = summary.run.snapshots_path
        arrays = dict(np.load(looked)) if looked.exists() else {}
        weights = zipfile.ZipFile(summary.run.model_path).read("model.weights.h5")
        return weights, history, summary.metrics, {name: array.tobytes() for name, array in arrays.items()}

    return run


@pytest.mark.parametrize(("text", "widths"), TRAININGS.values(), ids=TRAININGS)
def test_a_program_for_any_width_gives_every_bit_of_an_own_one(trained, text, widths):
    from nnlab.engine.reuse import Programs

    programs = Programs()
    trained(text, [], programs)
    for changes in widths:
        last = trained(text, changes, programs)
        assert len(programs) == 2, "the first program, and that for any width"
    assert last == trained(text, widths[-1])
    assert bool(last[-1]) is (text is POINTS)


PLAIN = WINE.format(optimizer="SGD", model="", training="")


def test_one_unit_gets_a_program_of_its_own(trained):
    from nnlab.engine.reuse import Programs

    programs = Programs()
    for count, hidden in enumerate(("[1, 4]", "[3, 4]", "[4, 1]", "[5, 6]"), 1):
        changes = [f"model.hidden={hidden}"]
        last = trained(PLAIN, changes, programs)
        assert len(programs) == count
    assert last == trained(PLAIN, changes)
    trained(PLAIN, ["model.hidden=[7, 8]"], programs)
    assert len(programs) == 4


def test_a_width_that_did_not_vary_so_far_may_do_so_later(trained):
    from nnlab.engine.reuse import Programs

    programs = Programs()
    for hidden in ("[4, 4]", "[5, 4]", "[5, 7]", "[8, 4]", "[4, 9]"):
        last = trained(PLAIN, [f"model.hidden={hidden}"], programs)
    assert len(programs) == 2
    assert last == trained(PLAIN, ["model.hidden=[4, 9]"])


@pytest.mark.parametrize("fault", ["a layer that looks at sizes", "a sum in another order"])
def test_what_a_program_for_any_width_cannot_do_gets_programs_of_its_own(trained, monkeypatch, fault):
    from nnlab.engine import widths
    from nnlab.engine.reuse import Programs

    if fault == "a sum in another order":
        monkeypatch.setattr(widths, "biases_of_any_size", nullcontext)
        text = PLAIN
    else:
        text = WINE.format(optimizer="SGD", model=", normalization: LayerNormalization", training="")
    tried, make = [], widths.WideLoop.__init__
    monkeypatch.setattr(widths.WideLoop, "__init__", lambda *given, **named: tried.append(make(*given, **named)))
    programs = Programs()
    for count, hidden in enumerate(("[5, 6]", "[7, 8]", "[9, 10]"), 1):
        last = trained(text, [f"model.hidden={hidden}"], programs)
        assert len(programs) == count
    assert len(tried) == (fault == "a sum in another order"), "made, but not used"
    assert last == trained(text, ["model.hidden=[9, 10]"])
