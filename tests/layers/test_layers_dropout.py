"""Dropout that stays on."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tf

ONES = np.ones((400, 50), np.float32)


def test_mc_dropout_is_on_when_predicting():
    import keras

    from nnlab.layers import MCDropout

    model = keras.Sequential([keras.Input((50,)), MCDropout(0.2, seed=1)])
    values = model.predict(ONES, verbose=0)
    np.testing.assert_allclose(np.unique(values), [0, 1.25])
    assert (values == 0).mean() == pytest.approx(0.2, abs=0.01)
    assert not np.array_equal(values, model.predict(ONES, verbose=0))


def test_mc_alpha_dropout_keeps_mean_and_variance_when_predicting():
    import keras

    from nnlab.layers import MCAlphaDropout

    model = keras.Sequential([keras.Input((50,)), MCAlphaDropout(0.3, seed=1)])
    values = model.predict(np.random.default_rng(0).normal(size=(4000, 50)), verbose=0)
    assert values.mean() == pytest.approx(0, abs=0.01)
    assert values.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["MCDropout", "MCAlphaDropout"])
def test_the_mean_of_many_samples_comes_near_the_input(name):
    from nnlab import layers

    layer = getattr(layers, name)(0.2, seed=0)
    mean = np.mean([np.asarray(layer(ONES[:1] * 0, training=False)) for _ in range(200)])
    assert mean == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("name", ["MCDropout", "MCAlphaDropout"])
def test_it_can_be_the_dropout_of_a_config(built, tmp_path, name):
    import keras

    model = built(f"{{hidden: [5], dropout: {{{name}: 0.5}}}}")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    assert type(again.layers[1]).__name__ == name
    assert again.layers[1].rate == 0.5
