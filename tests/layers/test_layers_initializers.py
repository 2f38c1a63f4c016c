"""Initializers: bounds and variances as published."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tf

FAN_IN, FAN_OUT = 300, 100


def draw(name, **parameters):
    from nnlab.config.components import Component
    from nnlab.model.objects import make

    return np.asarray(make(Component("initializers", name, {"seed": 1, **parameters}))((FAN_IN, FAN_OUT)))


@pytest.mark.parametrize(("mode", "n"), [("fan_out", FAN_OUT), ("fan_in", FAN_IN)])
def test_inverse_sqrt_uniform_stays_within_one_by_the_root_of_n(mode, n):
    values = draw("inverse_sqrt_uniform", mode=mode)
    assert 0.99 / np.sqrt(n) < np.abs(values).max() <= 1 / np.sqrt(n)
    assert values.var() == pytest.approx(1 / (3 * n), rel=0.02)


def test_inverse_sqrt_uniform_means_the_units_unless_told_otherwise():
    np.testing.assert_array_equal(draw("inverse_sqrt_uniform"), draw("inverse_sqrt_uniform", mode="fan_out"))


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("he_normal", 2 / FAN_IN),
        ("he_uniform", 2 / FAN_IN),
        ("glorot_normal", 2 / (FAN_IN + FAN_OUT)),
        ("glorot_uniform", 2 / (FAN_IN + FAN_OUT)),
        ("lecun_normal", 1 / FAN_IN),
        ("lecun_uniform", 1 / FAN_IN),
    ],
)
def test_an_initializer_of_keras_has_the_variance_of_its_paper(name, variance):
    values = draw(name)
    assert values.var() == pytest.approx(variance, rel=0.03)
    if name.endswith("uniform"):
        assert np.abs(values).max() <= np.sqrt(3 * variance)


def test_a_seed_makes_the_values_reproducible():
    np.testing.assert_array_equal(draw("inverse_sqrt_uniform"), draw("inverse_sqrt_uniform"))
    assert not np.array_equal(draw("inverse_sqrt_uniform"), draw("inverse_sqrt_uniform", seed=2))


def test_it_refuses_other_modes():
    with pytest.raises(ValueError, match="`mode` must be `fan_out` or `fan_in`"):
        draw("inverse_sqrt_uniform", mode="fan_avg")


def test_the_initializer_of_a_config_survives_saving(built, tmp_path):
    import keras

    model = built("{initializer: {inverse_sqrt_uniform: fan_in}, hidden: [6]}")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False).layers[0].kernel_initializer
    assert type(again).__name__ == "InverseSqrtUniform"
    assert again.get_config() == {"mode": "fan_in", "seed": None}
