"""Activation functions and activation layers: formulas against NumPy in float64, gradients, training, saving."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytestmark = pytest.mark.tf

X = np.linspace(-6, 6, 241)
ERF = np.vectorize(math.erf)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FORMULAS = {
    "approximate_gelu": lambda x: x * sigmoid(1.702 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (1 + ERF(x / math.sqrt(2))) / 2,
    "heaviside": lambda x: np.where(x >= 0, 1.0, 0.0),
    "leaky_relu": lambda x: np.where(x >= 0, x, 0.2 * x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "selu": lambda x: 1.05070098 * np.where(x > 0, x, 1.67326324 * np.expm1(np.minimum(x, 0))),
    "sign": np.sign,
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "Swish": lambda x: x * sigmoid(x),
    "NoisyReLU": lambda x: np.maximum(x, 0),
    "RandomizedLeakyReLU": lambda x: np.where(x >= 0, x, (1 / 8 + 1 / 3) / 2 * x),
}


def curve_of(name, x, **parameters):
    from nnlab.config.components import Component
    from nnlab.model.curves import curve

    return curve(Component("activations", name, parameters), x)


@pytest.mark.parametrize("name", FORMULAS)
def test_an_activation_follows_its_formula(name):
    np.testing.assert_allclose(curve_of(name, X).values, FORMULAS[name](X), rtol=2e-5, atol=2e-6)


SMOOTH = ["approximate_gelu", "gelu", "mish", "silu", "softplus", "Swish"]


@pytest.mark.parametrize("name", SMOOTH)
def test_a_derivative_is_the_slope_of_the_formula(name):
    slope = (FORMULAS[name](X + 1e-5) - FORMULAS[name](X - 1e-5)) / 2e-5
    np.testing.assert_allclose(curve_of(name, X).derivatives, slope, rtol=1e-4, atol=1e-5)


def test_the_approximation_of_gelu_is_off_by_two_hundredths_at_most():
    apart = np.abs(curve_of("approximate_gelu", X).values - curve_of("gelu", X).values).max()
    assert 0.02 < apart < 0.021


@pytest.mark.parametrize("name", ["heaviside", "sign"])
def test_a_step_passes_gradients_straight_through(name):
    np.testing.assert_array_equal(curve_of(name, X).derivatives, np.ones_like(X))


def test_a_step_is_exact_and_keeps_the_dtype():
    import keras

    from nnlab.layers import heaviside, sign

    for dtype in ("float16", "float32", "float64"):
        x = keras.ops.array([-3e4, -0.3, 0.0, 0.1, 0.3, 3e4], dtype)
        np.testing.assert_array_equal(heaviside(x), np.array([0, 0, 1, 1, 1, 1], dtype))
        np.testing.assert_array_equal(sign(x), np.array([-1, -1, 0, 1, 1, 1], dtype))


def test_heaviside_with_mse_learns_by_rosenblatts_rule():
    import keras

    from nnlab.layers import heaviside

    x, y = np.array([[1.0, 2.0], [-1.0, 1.0], [3.0, -1.0]]), np.array([0.0, 1.0, 1.0])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, heaviside, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.5), "mse")  # a half, for the 2 of the square's derivative
    weights = np.zeros(3)
    for row, target in zip(np.c_[x, np.ones(3)], y, strict=True):
        weights += (target - (row @ weights >= 0)) * row
        model.train_on_batch(row[None, :2], np.array([[target]]))
    np.testing.assert_allclose(np.concatenate([w.ravel() for w in model.get_weights()]), weights, atol=1e-6)


@pytest.mark.parametrize("parameters", [{}, {"beta": 0.5}, {"beta": 3.0, "learn_beta": True}])
def test_swish_uses_its_beta(parameters):
    beta = parameters.get("beta", 1.0)
    np.testing.assert_allclose(curve_of("Swish", X, **parameters).values, X * sigmoid(beta * X), rtol=2e-5, atol=1e-6)


def test_swish_learns_its_beta():
    import keras

    from nnlab.layers import Swish

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((1,)), Swish(learn_beta=True)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    x = np.linspace(-3, 3, 60)[:, None]
    model.fit(x, x * sigmoid(2.5 * x), batch_size=60, epochs=100, verbose=0)
    assert float(model.layers[0].learned_beta) == pytest.approx(2.5, abs=0.05)
    assert Swish().trainable_weights == []


def test_noisy_relu_adds_noise_of_variance_sigmoid():
    from nnlab.layers import NoisyReLU

    x = np.full((200_000,), 5.0, np.float32)  # so far above 0 that nothing is cut off
    noise = np.asarray(NoisyReLU(seed=1)(x, training=True)) - 5
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.var() == pytest.approx(sigmoid(5.0), rel=0.02)


def test_noisy_relu_has_finite_gradients_far_below_zero():
    import tensorflow as tf

    from nnlab.layers import NoisyReLU

    x = tf.constant([-1e30, -200.0, -90.0, 0.0, 200.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = NoisyReLU(seed=0)(x, training=True)
    assert np.isfinite(tape.gradient(y, x)).all()


def test_randomized_leaky_relu_draws_a_slope_for_every_element():
    from nnlab.layers import RandomizedLeakyReLU

    layer = RandomizedLeakyReLU(lower=0.1, upper=0.5, seed=1)
    slopes = -np.asarray(layer(np.full((100_000,), -1.0, np.float32), training=True))
    assert 0.1 <= slopes.min() < 0.101
    assert 0.499 < slopes.max() <= 0.5
    assert slopes.mean() == pytest.approx(0.3, abs=0.005)
    np.testing.assert_array_equal(layer(np.ones(3, np.float32), training=True), np.ones(3))


def test_randomized_leaky_relu_refuses_slopes_in_the_wrong_order():
    from nnlab.layers import RandomizedLeakyReLU

    with pytest.raises(ValueError, match="at most `upper`"):
        RandomizedLeakyReLU(lower=0.5, upper=0.1)


@pytest.mark.parametrize("name", ["NoisyReLU", "RandomizedLeakyReLU", "MCDropout"])
def test_a_seed_makes_the_draws_reproducible(name):
    from nnlab import layers

    parameters = {"rate": 0.5} if name == "MCDropout" else {}
    x = np.linspace(-2, 2, 50, dtype=np.float32)[None]
    first, again, other = (
        np.asarray(getattr(layers, name)(seed=seed, **parameters)(x, training=True)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["NoisyReLU", "RandomizedLeakyReLU"])
def test_every_training_step_draws_again(name):
    from nnlab import layers

    layer, x = getattr(layers, name)(seed=0), np.linspace(-2, 2, 50, dtype=np.float32)[None]
    assert not np.array_equal(layer(x, training=True), layer(x, training=True))
    np.testing.assert_array_equal(layer(x), layer(x))


ACTIVATIONS = [
    "heaviside", "approximate_gelu", "NoisyReLU", "{Swish: {beta: 2.0, learn_beta: true}}",
    "{RandomizedLeakyReLU: {lower: 0.1, upper: 0.2, seed: 3}}",
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_of_a_config_survives_saving(built, tmp_path, activation):
    import keras

    model = built(f"{{activation: {activation}, hidden: [6]}}")
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    for layer, loaded in zip(model.layers, again.layers, strict=True):
        assert loaded.get_config() == layer.get_config()


def test_an_own_function_takes_parameters_like_one_of_keras():
    import keras

    from nnlab.layers import ActivationFunction

    layer = keras.layers.Dense(2, activation=ActivationFunction("approximate_gelu"))
    again = keras.layers.Dense.from_config(layer.get_config())
    np.testing.assert_allclose(again.activation(np.array([1.0])), [0.8458], atol=1e-4)


@pytest.mark.parametrize("name", ["Swish", "NoisyReLU", "RandomizedLeakyReLU"])
def test_an_activation_layer_trains_compiled_by_xla(name):
    import keras
    import tensorflow as tf

    from nnlab import layers

    parameters = {"learn_beta": True} if name == "Swish" else {}
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), getattr(layers, name)(**parameters)])

    @tf.function(jit_compile=True)
    def gradients(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - 1.0))
        return tape.gradient(loss, model.trainable_variables)

    found = gradients(tf.ones((8, 3)))
    assert len(found) == len(model.trainable_variables)
    assert all(np.isfinite(gradient).all() for gradient in found)
