"""Layers that learn from data: what they make of columns that hold one value."""

import numpy as np
import pytest

pytestmark = pytest.mark.tf

ROUNDED = np.array([0.1 + 0.2, 0.3, 0.15 + 0.15])


def adapted(x, **options):
    import keras

    from nnlab.data.splits import Split
    from nnlab.model.adapt import adapt_layers

    model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Normalization(**options)])
    adapt_layers(model, Split({"": x}, {}))
    return model


def test_constant_columns_are_divided_by_1_and_others_by_their_deviation(tmp_path):
    import keras

    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(5, 3, 500), np.full(500, 0.1), np.full(500, 1e6), np.zeros(500)], axis=1)
    model = adapted(x.astype(np.float32))
    moved = np.array([[5.0, 1.1, 1e6 + 1, 1.0]], np.float32)
    expected = [(5 - x[:, 0].mean()) / x[:, 0].std(), 1.0, 1.0, 1.0]
    np.testing.assert_allclose(model.predict(moved, verbose=0)[0], expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(moved, verbose=0), model.predict(moved, verbose=0))


def test_a_column_that_only_rounding_moves_is_constant():
    x = np.tile(np.float32([0.1, np.nextafter(np.float32(0.1), np.float32(1))]), 50).reshape(-1, 1)
    assert np.unique(x).size == 2
    change = adapted(x).predict(np.float32([[0.1], [1.1]]), verbose=0).ravel()
    np.testing.assert_allclose(change, [0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize(("axis", "shape"), [(None, (2, 3)), (-1, (2, 3)), ((1, 2), (2, 3))])
def test_every_choice_of_axes_knows_its_constants(axis, shape):
    x = np.full((20, *shape), 7.0, np.float32)
    np.testing.assert_allclose(adapted(x, axis=axis).predict(x + 1, verbose=0), 1.0, rtol=1e-6)


@pytest.mark.parametrize("scale", ["standardize", "minmax"])
def test_scalings_of_the_data_do_not_divide_by_rounding_either(load_section, scale):
    columns = {"a": ROUNDED.tolist() * 10, "b": [float(number) for number in range(30)], "y": [0.5, 1.5, 2.5] * 10}
    spec = load_section(source="inline", columns=columns, target="y", scale=scale, test=0, validation=0).spec
    x = spec.scaled({"": np.array([[1.3, 4.0]])})[""]
    assert x[0, 0] == pytest.approx(1.0)
    assert x[0, 1] == pytest.approx((4 - 14.5) / np.std(range(30)) if scale == "standardize" else 4 / 29)


@pytest.fixture
def load_section():
    from nnlab.config.data import DataConfig
    from nnlab.data.loading import load_data

    return lambda **section: load_data(DataConfig.read(section), seed=0)
