"""Losses: formulas, shapes, sample weights, reduction."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tf

RANDOM = np.random.default_rng(0)
Y, P = RANDOM.normal(size=(2, 50, 3)) * 2


def test_asymmetric_error_weighs_shortfall_and_surplus():
    from nnlab.layers import AsymmetricError

    expected = np.where(Y > P, 9 * (Y - P), 2 * (P - Y)).mean()
    assert float(AsymmetricError(cost=2, profit=9)(Y, P)) == pytest.approx(expected, rel=1e-6)


def test_asymmetric_error_with_equal_sides_is_the_mean_absolute_error():
    import keras

    from nnlab.layers import AsymmetricError

    assert float(AsymmetricError()(Y, P)) == pytest.approx(float(keras.losses.MeanAbsoluteError()(Y, P)), rel=1e-6)


def test_the_best_constant_for_an_asymmetric_error_is_a_quantile():
    from nnlab.layers import AsymmetricError

    y, loss = RANDOM.exponential(size=2000), AsymmetricError(cost=1.0, profit=3.0)
    tried = np.linspace(0, 4, 201)
    best = tried[np.argmin([float(loss(y, np.full_like(y, value))) for value in tried])]
    assert best == pytest.approx(np.quantile(y, 3 / 4), abs=0.03)


def test_smooth_l1_is_square_near_zero_and_linear_beyond_beta():
    from nnlab.layers import SmoothL1

    values = SmoothL1(beta=2.0, reduction="none")(np.zeros((4, 1)), np.array([[0.0], [1.0], [2.0], [-5.0]]))
    np.testing.assert_allclose(values, [0, 0.25, 1, 4])


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_smooth_l1_is_huber_divided_by_beta(beta):
    import keras

    from nnlab.layers import SmoothL1

    assert float(SmoothL1(beta)(Y, P)) == pytest.approx(float(keras.losses.Huber(beta)(Y, P)) / beta, rel=1e-6)


@pytest.mark.parametrize("name", ["AsymmetricError", "SmoothL1"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"])
def test_sample_weights_and_reduction_work_as_in_keras(name, reduction):
    from nnlab import layers

    weights = RANDOM.uniform(size=50)
    rows = np.asarray(getattr(layers, name)(reduction="none")(Y, P)) * weights
    divisor = {"sum": 1, "mean_with_sample_weight": weights.sum()}.get(reduction, 50)
    loss = getattr(layers, name)(reduction=reduction)
    assert float(loss(Y, P, sample_weight=weights)) == pytest.approx(rows.sum() / divisor, rel=1e-5)


@pytest.mark.parametrize("name", ["AsymmetricError", "SmoothL1"])
@pytest.mark.parametrize(("y_shape", "p_shape"), [((50,), (50, 1)), ((50, 1), (50,))])
def test_targets_and_predictions_may_differ_by_a_last_axis(name, y_shape, p_shape):
    from nnlab import layers

    loss, y, p = getattr(layers, name)(), Y[:, 0], P[:, 0]
    assert float(loss(y.reshape(y_shape), p.reshape(p_shape))) == pytest.approx(float(loss(y[:, None], p[:, None])))


def test_a_loss_refuses_parameters_without_meaning():
    from nnlab.layers import AsymmetricError, SmoothL1

    with pytest.raises(ValueError, match="must be at least 0"):
        AsymmetricError(cost=-1)
    with pytest.raises(ValueError, match="must be more than 0"):
        SmoothL1(beta=0)


@pytest.mark.parametrize("loss", ["{asymmetric_error: {cost: 1.0, profit: 9.0}}", "{smooth_l1: 0.5}", "smooth_l1"])
def test_a_model_with_the_loss_of_a_config_trains_and_survives_saving(built, tmp_path, loss):
    import keras

    model = built("{layers: [{Dense: 3}]}", f"{{loss: {loss}}}")
    x, y = np.ones((8, 4)), np.ones((8, 3))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == model.loss.get_config()
    assert again.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))
