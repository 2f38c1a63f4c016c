"""Layers that look numbers up are told by name when the data hold numbers that they do not know."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.data.splits import DataSpec, Split, Splits
from nnlab.data.target_spec import TargetSpec
from nnlab.errors import ConfigError
from nnlab.model.inputs import model_splits
from nnlab.model.plan import plan_model
from nnlab.model.values import check_indices

EMBEDDING = "{Embedding: {input_dim: 10, output_dim: 4}}"
END = "Flatten, {Dense: {units: 1, activation: sigmoid}}"


def check(config, model, x):
    """Check a model on two training rows, and validation rows `x`."""
    train = Split({"": np.zeros((2, *x.shape[1:]), np.float32)}, {"": np.zeros((2, 1), np.float32)})
    target = TargetSpec("binary", (1,), (), (), inferred_task=False)
    spec = DataSpec({"": x.shape[1:]}, (), {"": target}, num_train=2, num_validation=len(x), num_test=0)
    splits = Splits(train, Split({"": x}, {"": np.zeros((len(x), 1), np.float32)}), None, spec)
    experiment = config(f"{{data: iris, model: {model}}}").experiment
    plan = plan_model(experiment, spec)
    check_indices(plan, model_splits(experiment, splits, plan.outputs))


@pytest.mark.parametrize(
    ("model", "place"),
    [
        (f"{{layers: [{EMBEDDING}, {END}]}}", ("model", "layers", 0, "Embedding")),
        (f"{{layers: [{{Reshape: {{target_shape: [3, 1]}}}}, {EMBEDDING}, {END}]}}",
         ("model", "layers", 1, "Embedding")),
        (f"{{layers: [{{SpectralNormalization: {{layer: {EMBEDDING}}}}}, {END}]}}",
         ("model", "layers", 0, "SpectralNormalization", "layer", "Embedding")),
        ("{type: functional, inputs: [x], outputs: [end], layers: {same: {Identity: {}, from: x}, "
         "table: {Embedding: {input_dim: 10, output_dim: 4}, from: same}, flat: {Flatten: {}, from: table}, "
         "end: {Dense: {units: 1, activation: sigmoid}, from: flat}}}", ("model", "layers", "table", "Embedding")),
    ],
)  # fmt: skip
def test_a_number_beyond_the_table_is_named_with_the_size_that_it_needs(config, model, place):
    with pytest.raises(ConfigError) as caught:
        check(config, model, np.array([[0, 3, 19]], np.float32))
    (problem,) = caught.value.problems
    assert problem.path == (*place, "input_dim")
    assert problem.message == "the data hold the number 19, and `Embedding` knows those below 10"
    assert problem.hint == "write `input_dim: 20`"


def test_the_tokens_of_an_encoding_are_a_table_too(config):
    with pytest.raises(ConfigError, match=r"`CategoryEncoding` knows those below 4\n  hint: write `num_tokens: 10`"):
        check(config, f"{{layers: [{{CategoryEncoding: {{num_tokens: 4}}}}, {END}]}}", np.array([[9.0]], np.float32))


@pytest.mark.parametrize(("number", "said"), [(-1, "from 0 on, and the data hold -1"), (0.5, "the data hold 0.5")])
def test_what_is_no_place_in_a_table_is_refused(config, number, said):
    with pytest.raises(ConfigError, match=said):
        check(config, f"{{layers: [{EMBEDDING}, {END}]}}", np.array([[1, number]], np.float32))


SMALL = "{Embedding: {input_dim: 2, output_dim: 4}}"


@pytest.mark.parametrize(
    "layers", [EMBEDDING, f"{{Dense: 8}}, {SMALL}", f"{{Discretization: {{bin_boundaries: [5.0]}}}}, {SMALL}"]
)
def test_numbers_within_and_those_that_a_layer_makes_are_left_alone(config, layers):
    check(config, f"{{layers: [{layers}, {END}]}}", np.array([[0, 9]], np.float32))
