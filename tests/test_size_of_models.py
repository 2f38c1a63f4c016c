"""What a model would take of the memory is told from its layers, and refused before TensorFlow starts."""

from __future__ import annotations

import pytest

from nnlab import catalog
from nnlab.data.splits import DataSpec
from nnlab.data.target_spec import TargetSpec
from nnlab.errors import ConfigError
from nnlab.model import size
from nnlab.model.plan import plan_model
from nnlab.model.size import check_written_layers


def spec_of(shape):
    target = TargetSpec("regression", (1,), (), (), inferred_task=False)
    return DataSpec({"": shape}, (), {"": target}, num_train=1000, num_validation=0, num_test=0)


@pytest.fixture
def machine(monkeypatch):
    """A machine with 24 GB."""
    monkeypatch.setattr(size, "free_memory", lambda: 24 * 10**9)


@pytest.mark.usefixtures("machine")
def test_wide_layers_are_refused_with_the_size_whatever_the_data_are(config):
    loaded = config("{data: iris, model: {hidden: [200000, 200000]}}")
    with pytest.raises(ConfigError) as caught:
        check_written_layers(loaded.experiment)
    (problem,) = caught.value.problems
    assert problem.path == ("model", "hidden", 1)
    assert problem.message.startswith(
        "training needs about 640.0 GB of memory, and 24.0 GB are free: the model has about "
    )


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("model", "shape", "path"),
    [
        ("{layers: [{Dense: 10_000_000_000}, {Dense: 1}]}", (4,), ("model", "layers", 0)),
        ("{layers: [Flatten, {Dense: 100_000}, {Dense: 1}]}", (300, 300, 3), ("model", "layers", 1)),
        ("{layers: [{Embedding: {input_dim: 20_000_000, output_dim: 300}}, {LSTM: 2}, {Dense: 1}]}", (9,),
         ("model", "layers", 0)),
        ("{layers: [{Conv2D: {filters: 200_000, kernel_size: 100, padding: same}}, Flatten, {Dense: 1}]}", (9, 9, 3),
         ("model", "layers", 0)),
        ("{layers: [{LSTM: 100_000}, {Dense: 1}]}", (9, 3), ("model", "layers", 0)),
        ("{layers: [{TimeDistributed: {layer: {Dense: 100_000_000}}}, Flatten, {Dense: 1}]}", (9, 90),
         ("model", "layers", 0)),
        ("{type: functional, inputs: [x], outputs: [c], layers: {a: {Dense: 60_000, from: x},"
         " b: {Dense: 60_000, from: x}, both: {Concatenate: {}, from: [a, b]}, c: {Dense: 60_000, from: both}}}", (4,),
         ("model", "layers", "c")),
    ],
)  # fmt: skip
def test_whatever_layer_is_too_large_is_named(config, model, shape, path):
    loaded = config(f"{{data: iris, model: {model}}}")
    with pytest.raises(ConfigError, match="training needs about") as caught:
        plan_model(loaded.experiment, spec_of(shape))
    assert caught.value.problems[0].path == path


@pytest.mark.usefixtures("machine")
def test_a_batch_counts_with_as_many_rows_as_there_are(config):
    loaded = config(
        "{data: iris, model: {layers: [{Dense: 1_000_000}, {Dense: 1}]}, training: {batch_size: 1_000_000}}"
    )
    plan_model(loaded.experiment, spec_of((4,)))


@pytest.mark.usefixtures("machine")
def test_a_model_that_fits_is_left_alone(config):
    loaded = config("{data: iris, model: {hidden: [20000, 20000]}}")
    check_written_layers(loaded.experiment)
    plan_model(loaded.experiment, spec_of((4,)))


@pytest.mark.parametrize(
    "model",
    [
        "{layers: [{repeat: 1000, layers: [{repeat: 1000, layers: [{repeat: 1000, layers: [{Dense: 3}]}]}]}]}",
        "{type: functional, inputs: [x], outputs: [a], layers: {a: {repeat: 1000, from: x, layers: {b: {repeat: 1000, "
        "from: input, layers: {c: {repeat: 1000, from: input, layers: {d: {Dense: 1, from: input}}}}}}}}}",
    ],
)
def test_a_thousand_million_layers_are_refused_at_once(nnlab, tmp_path, model):
    (tmp_path / "c.yaml").write_text(f"data: iris\nmodel: {model}\n")
    done = nnlab("validate", "c.yaml")
    assert done.code == 2
    assert done.err.startswith("c.yaml:2:8: model: the model has more than 5000 layers\n")


def test_the_catalog_knows_what_optimizers_keep():
    kept = {name: catalog.find("optimizers", name).slots for name in ("SGD", "momentum", "Adam", "Lion", "Muon")}
    assert kept == {"SGD": 0, "momentum": 1, "Adam": 2, "Lion": 1, "Muon": 1}
