"""`learning_rate_factor`: smaller steps with the weights of some layers, whatever the optimizer."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab import catalog
from nnlab.config.components import OneOf
from nnlab.config.load import load_config
from nnlab.run import Run

pytestmark = pytest.mark.tf
RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(3, 2)).astype("float32")
GRADIENTS = [RNG.normal(size=(3, 2)).astype("float32") for _ in range(4)]


def stepped(plain, factors):
    """Take steps with as many variables as there are factors, all with the same gradients; return where they are."""
    import keras

    from nnlab.layers.step_factors import with_step_factors
    from nnlab.model.objects import make

    optimizer = with_step_factors(make(OneOf("optimizers").read(plain)), factors)
    variables = [keras.Variable(WEIGHT, name=f"w{i}") for i in range(len(factors))]
    optimizer.build(variables)
    for gradient in GRADIENTS:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)] * len(factors))
    return [np.asarray(variable) for variable in variables]


@pytest.mark.parametrize("name", catalog.entries("optimizers"))
def test_a_factor_makes_steps_those_of_a_smaller_rate(name):
    decays = "weight_decay" in catalog.find("optimizers", name).parameters and name != "ScheduleFreeAdamW"
    options = {"weight_decay": 0.1} if decays else {}
    (plain,) = stepped({name: {"learning_rate": 0.02, **options}}, [1.0])
    (smaller,) = stepped({name: {"learning_rate": 0.005, **options}}, [1.0])
    whole, quarter = stepped({name: {"learning_rate": 0.02, **options}}, [1.0, 0.25])
    np.testing.assert_array_equal(whole, plain)
    np.testing.assert_allclose(quarter, smaller, rtol=2e-5, atol=2e-6)
    assert np.abs(quarter - plain).max() > 1e-4


def test_averages_are_those_of_the_weights_after_small_steps():
    import keras

    from nnlab.layers.step_factors import with_step_factors

    optimizer = with_step_factors(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.0), [0.5, 1.0])
    variables = [keras.Variable(WEIGHT), keras.Variable(WEIGHT)]
    optimizer.build(variables)
    optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in GRADIENTS[:2]])
    optimizer.finalize_variable_values(variables)
    np.testing.assert_allclose(variables[0], WEIGHT - 0.5 * GRADIENTS[0], rtol=1e-6)


CONFIG = """
data: {source: iris, scale: standardize}
model:
  layers:
    - Dense: {units: 4, activation: relu, learning_rate_factor: 0.1}
    - Dense: {units: 3, activation: softmax}
optimizer: {Adam: {learning_rate: 0.02}}
schedule: {exponential: {decay_epochs: 1, decay_rate: 0.9}}
training: {epochs: 2, tensorboard: false}
"""


def trained(tmp_path, text, *changes):
    from nnlab.train import train

    path = tmp_path / "experiment.yaml"
    path.write_text(text)
    summary = train(load_config(path, list(changes)), Run.new(tmp_path, "run"))
    assert summary.status == "completed", summary.problem
    return summary


def weights(summary):
    from nnlab.model.saved import load_model

    return load_model(summary.run).get_weights()


def test_all_engines_take_the_same_small_steps_and_the_saved_model_knows_them(tmp_path):
    import keras

    exact = trained(tmp_path, CONFIG, "training.engine=exact")
    for ours, theirs in zip(weights(exact), weights(trained(tmp_path, CONFIG, "training.engine=keras")), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(
        weights(exact), weights(trained(tmp_path, CONFIG, "training.jit_compile=true")), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    model = keras.saving.load_model(exact.run.model_path)
    assert model.optimizer.factors == [0.1, 0.1, 1.0, 1.0]
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    again = trained(tmp_path, exact.run.config_path.read_text())
    np.testing.assert_array_equal(weights(again)[0], weights(exact)[0])


def test_layers_taken_over_have_the_factor_of_the_transfer(tmp_path):
    origin = trained(tmp_path, CONFIG.replace(", learning_rate_factor: 0.1", ""))
    transfer = f"model={{hidden: [], transfer: {{from: {origin.run.path}, learning_rate_factor: 0}}}}"
    summary = trained(tmp_path, CONFIG, transfer)
    np.testing.assert_array_equal(weights(summary)[0], weights(origin)[0])
    assert np.abs(weights(summary)[2] - weights(origin)[2]).max() > 0
