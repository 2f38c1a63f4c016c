"""Targets that are learned scaled: fitted on training rows, undone to the digit, kept with the run."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from nnlab.config.data import DataConfig
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec
from nnlab.data.target_scaling import TargetScaling
from nnlab.errors import DataError

PRICES = np.array([[90_000.0], [0.0], [250_000.0], [1_200_000.0], [61_500.0]])
SKLEARN = {
    "standardize": StandardScaler(),
    "minmax": MinMaxScaler(),
    "log": make_pipeline(FunctionTransformer(np.log1p, np.expm1, check_inverse=False), StandardScaler()),
    1000: FunctionTransformer(lambda y: y / 1000, lambda y: y * 1000),
}


@pytest.fixture
def table(tmp_path):
    """Write a table of 20 rows and two targets, and return a config of it."""

    def write(change=None, **data) -> DataConfig:
        random = np.random.default_rng(0)
        rows = np.column_stack([random.normal(size=20), random.uniform(1e5, 9e5, 20), random.uniform(1, 2, 20)])
        if change is not None:
            change(rows)
        lines = [",".join(map(repr, row.tolist())) for row in rows]
        (tmp_path / "rows.csv").write_text("\n".join(["x,price,area", *lines]) + "\n")
        given = {"source": "csv", "path": str(tmp_path / "rows.csv"), "target": ["price", "area"]}
        return DataConfig.read({**given, "validation": 0.2, "test": 0.2, **data})

    return write


@pytest.mark.parametrize("scale", SKLEARN)
def test_targets_are_those_of_scikit_learn(scale):
    fitted = TargetScaling.fit(PRICES, [scale])
    expected = SKLEARN[scale].fit(PRICES)
    np.testing.assert_allclose(fitted.apply(PRICES), expected.transform(PRICES), rtol=1e-6, atol=1e-7)
    learned = np.linspace(-3, 3, 7)[:, None]
    np.testing.assert_allclose(fitted.undo(learned), expected.inverse_transform(learned), rtol=1e-12)


def test_a_linear_model_predicts_as_behind_scikit_learn_s_transformer():
    x = np.arange(5.0)[:, None]
    whole = TransformedTargetRegressor(LinearRegression(), transformer=SKLEARN["log"]).fit(x, PRICES)
    fitted = TargetScaling.fit(PRICES, ["log"])
    model = LinearRegression().fit(x, fitted.apply(PRICES))
    np.testing.assert_allclose(fitted.undo(model.predict(x)), whole.predict(x).reshape(-1, 1), rtol=1e-5)


def test_each_column_has_its_own_and_rows_keep_their_units(table):
    splits = load_data(table(target_scaling={"price": "log", "area": 2}), seed=0)
    scaling = splits.spec.target_of("").scaling
    prices, areas = splits.train.y[""].T
    assert scaling.logs == (True, False)
    assert scaling.offsets == pytest.approx((np.log1p(prices).mean(), 0.0))
    assert scaling.divisors == pytest.approx((np.log1p(prices).std(), 2.0))
    assert prices.min() > 1e5
    np.testing.assert_array_equal(scaling.apply(splits.train.y[""])[:, 1], (areas / 2).astype(np.float32))
    assert any("learned scaled: `price`, `area`" in note for note in splits.spec.notes)


def test_nothing_is_fitted_on_other_rows(table):
    before = load_data(table(target_scaling="minmax"), seed=0)
    others = np.concatenate([before.record.rows[name]["row"] for name in ("validation", "test")])

    def poison(rows):
        rows[others, 1:] = 1e30

    after = load_data(table(poison, target_scaling="minmax"), seed=0)
    assert after.spec.target_of("").scaling == before.spec.target_of("").scaling


def test_a_run_keeps_it(table):
    spec = load_data(table(target_scaling="log"), seed=0).spec
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    record = spec.to_json()
    del record["target"]["scaling"]  # of an nnlab that knew none
    assert DataSpec.from_json(record).target_of("").scaling is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"target_scaling": "log"}, "the target `area` is -2 in row 7 (counted from 0)"),
        ({"target_scaling": {"pric": "log"}}, "there is no target `pric` to scale"),
    ],
    ids=["below 0", "unknown"],
)
def test_what_cannot_be_scaled_is_refused(table, data, what):
    def change(rows):
        rows[7, 2] = -2

    with pytest.raises(DataError) as error:
        load_data(table(change, **data), seed=0)
    assert what in str(error.value)


def test_columns_that_are_not_scaled_may_be_below_0(table):
    def change(rows):
        rows[7, 2] = -2

    splits = load_data(table(change, target_scaling={"price": "log"}), seed=0)
    assert np.isfinite(splits.spec.target_of("").as_learned(splits.train.y[""])).all()
