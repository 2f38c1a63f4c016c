"""Maxout."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tf

X = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)


def test_maxout_is_the_largest_of_its_dense_pieces():
    from nnlab.layers import Maxout

    layer = Maxout(5, pieces=3, bias_initializer="random_normal")
    values = layer(X)
    kernels, biases = np.split(layer.kernel, 3, axis=1), np.split(layer.bias, 3)
    pieces = [X @ kernel + bias for kernel, bias in zip(kernels, biases, strict=True)]
    np.testing.assert_allclose(values, np.max(pieces, axis=0), rtol=1e-5, atol=1e-6)


def test_two_pieces_can_become_the_absolute_value():
    from nnlab.layers import Maxout

    layer = Maxout(4, pieces=2, use_bias=False)
    layer.build((None, 4))
    layer.set_weights([np.hstack([np.eye(4), -np.eye(4)])])
    np.testing.assert_allclose(layer(X), np.abs(X))


def test_one_piece_is_a_dense_layer():
    import keras

    from nnlab.layers import Maxout

    layer, dense = Maxout(3, pieces=1), keras.layers.Dense(3)
    values = layer(X)
    dense.build(X.shape)
    dense.set_weights(layer.get_weights())
    np.testing.assert_array_equal(values, dense(X))


def test_pieces_start_different_even_with_a_seeded_initializer():
    import keras

    from nnlab.layers import Maxout

    layer = Maxout(5, pieces=2, kernel_initializer=keras.initializers.HeNormal(seed=1))
    layer.build((None, 4))
    first, second = np.split(layer.kernel, 2, axis=1)
    assert not np.allclose(first, second)


@pytest.mark.parametrize(("use_bias", "count"), [(True, 2 * (4 * 5 + 5)), (False, 2 * 4 * 5)])
def test_maxout_has_the_weights_of_all_pieces(use_bias, count):
    from nnlab.layers import Maxout

    layer = Maxout(5, use_bias=use_bias)
    layer.build((None, 4))
    assert layer.count_params() == count


def test_maxout_takes_more_axes():
    import keras

    from nnlab.layers import Maxout

    model = keras.Sequential([keras.Input((6, 4)), Maxout(5)])
    assert model.output_shape == (None, 6, 5)
    assert model.predict(np.zeros((2, 6, 4)), verbose=0).shape == (2, 6, 5)


def test_maxout_needs_at_least_one_piece():
    from nnlab.layers import Maxout

    with pytest.raises(ValueError, match="`pieces` must be a whole number of at least 1"):
        Maxout(5, pieces=0)


def test_the_defaults_of_a_model_reach_maxout(built):
    model = built("{activation: relu, initializer: he_normal, regularizer: {L2: 0.1}, constraint: {MaxNorm: 1.0}, "
                  "layers: [{Maxout: 5}, {Dense: 3}]}")  # fmt: skip
    layer = model.layers[0]
    assert type(layer.kernel_initializer).__name__ == "HeNormal"
    assert float(layer.kernel_regularizer.l2) == pytest.approx(0.1)
    assert layer.kernel_constraint.max_value == 1.0
    assert len(model.losses) == 1


def test_a_model_with_maxout_survives_saving_and_trains_on(built, tmp_path):
    import keras

    model = built("{layers: [{Maxout: {units: 5, pieces: 3, kernel_constraint: UnitNorm}}, {Dense: 3}]}")
    y = np.arange(7) % 3
    model.fit(X, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    assert again.layers[0].get_config() == model.layers[0].get_config()
    again.fit(X, y, verbose=0)
