import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from nnlab.config.data import DataConfig
from nnlab.data.loading import load_data
from nnlab.data.scaling import fit_scaling
from nnlab.data.splitting import ByChance, InOrder, choose_rows
from nnlab.errors import DataError


def choose(num_rows, *, validation=0.2, test=0.2, limit=None, last_rows=False, seed=0):
    way = InOrder(seed) if last_rows else ByChance(seed)
    return choose_rows(num_rows, way, validation=validation, test=test, limit=limit)


@pytest.mark.proof
@given(
    num_rows=st.integers(20, 300),
    validation=st.sampled_from([0.1, 0.25, 0.33, 3]),
    test=st.sampled_from([0.2, 0.25, 0.07, 5]),
    seed=st.integers(0, 2**32 - 1),
)
def test_shuffled_splits_are_scikit_learns(num_rows, validation, test, seed):
    ours = choose(num_rows, validation=validation, test=test, seed=seed)
    rest, test_rows = train_test_split(np.arange(num_rows), test_size=test, random_state=seed)
    train, validation_rows = train_test_split(rest, test_size=validation, random_state=seed)
    np.testing.assert_array_equal(ours["test"], test_rows)
    np.testing.assert_array_equal(ours["validation"], validation_rows)
    np.testing.assert_array_equal(ours["train"], train)


@pytest.mark.parametrize("size", [3, 0.3])
def test_image_sets_validate_on_their_last_rows(size):
    rows = choose(10, validation=size, test=0, last_rows=True)
    assert rows["train"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert rows["validation"].tolist() == [7, 8, 9]


def test_zero_rows_make_no_split_and_leave_the_order_alone():
    rows = choose(5, validation=0, test=0)
    assert {name: numbers.tolist() for name, numbers in rows.items()} == {"train": [0, 1, 2, 3, 4]}


def test_the_limit_takes_the_first_rows_that_validation_leaves():
    rows = choose(10, validation=2, test=0, limit=3, last_rows=True)
    assert rows["train"].tolist() == [0, 1, 2]
    assert rows["validation"].tolist() == [8, 9]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"test": 10},
            "data.test: `test: 10` takes 10 of 10 rows and leaves none for training\n"
            "  hint: lower it, or write `test: 0`",
        ),
        (
            {"test": 0, "validation": 0.95},
            "data.validation: `validation: 0.95` takes 10 of 10 rows and leaves none for training\n"
            "  hint: lower it, or write `validation: 0`",
        ),
        (
            {"test": 2, "validation": 3, "limit": 6},
            "data.limit: `limit` is 6 rows, but only 5 training rows are there\n"
            "  hint: validation and test take 5 of 10 rows",
        ),
        (
            {"test": 0, "validation": 0, "limit": 11},
            "data.limit: `limit` is 11 rows, but only 10 training rows are there\n  hint: lower or remove `limit`",
        ),
    ],
)
def test_splits_that_cannot_be_are_refused_with_numbers(settings, message):
    with pytest.raises(DataError) as error:
        choose(10, **settings)
    assert str(error.value) == message


def test_standardize_is_scikit_learns():
    x = np.random.default_rng(0).normal(5, 3, (5000, 3))
    np.testing.assert_allclose(
        fit_scaling(x, "standardize").apply(x), StandardScaler().fit_transform(x), rtol=1e-5, atol=1e-6
    )


def test_minmax_is_scikit_learns():
    x = np.random.default_rng(0).normal(5, 3, (100, 3))
    np.testing.assert_allclose(fit_scaling(x, "minmax").apply(x), MinMaxScaler().fit_transform(x), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scale", ["standardize", "minmax"])
def test_constant_columns_become_zero(scale):
    scaled = fit_scaling(np.full((7, 2), 0.1), scale).apply(np.full((7, 2), 0.1))
    assert scaled.tolist() == [[0.0, 0.0]] * 7


def test_a_number_divides_bytes_exactly():
    x = np.arange(256, dtype=np.uint8).reshape(-1, 1)
    scaled = fit_scaling(x, 255).apply(x)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, (x / 255).astype(np.float32))


def test_scaling_is_fitted_on_the_limited_training_rows_only(load):
    raw, scaled = (load(source="wine", scale=scale, limit=70, seed=3) for scale in (None, "standardize"))
    mean, deviation = raw.train.x[""].mean(axis=0, dtype=float), raw.train.x[""].std(axis=0, dtype=float)
    np.testing.assert_allclose(scaled.spec.scalings[""].offset, mean, rtol=1e-6)
    np.testing.assert_allclose(scaled.spec.scalings[""].divisor, deviation, rtol=1e-5)
    for split in ("train", "validation", "test"):
        x, expected = getattr(scaled, split).x[""], (getattr(raw, split).x[""] - mean) / deviation
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, expected, rtol=1e-3, atol=1e-5)


def test_a_data_set_is_split_as_a_notebook_would(load):
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    x_train, x_test, y_train, _ = train_test_split(x, y, test_size=0.25, random_state=42)
    x_train, x_validation, y_train, _ = train_test_split(x_train, y_train, test_size=0.25, random_state=42)
    splits = load(source="diabetes", test=0.25, validation=0.25, seed=42)
    np.testing.assert_array_equal(splits.train.x[""], x_train.astype(np.float32))
    np.testing.assert_array_equal(splits.validation.x[""], x_validation.astype(np.float32))
    np.testing.assert_array_equal(splits.test.x[""], x_test.astype(np.float32))
    np.testing.assert_array_equal(splits.train.y[""][:, 0], y_train.astype(np.float32))
    assert (splits.spec.num_train, splits.spec.num_validation, splits.spec.num_test) == (248, 83, 111)


def test_a_seed_of_the_data_splits_alike_whatever_the_experiments_seed():
    def rows(experiments: int, own: int | None = None) -> list:
        return load_data(DataConfig.read({"source": "iris", "seed": own}), seed=experiments).train.x[""].tolist()

    assert rows(1) != rows(2)
    assert rows(1, own=5) == rows(2, own=5) == rows(5)


def table(num_rows, **section):
    columns = {"x": [1.0 * row for row in range(num_rows)], "y": [0.5 * row for row in range(num_rows)]}
    return load_data(DataConfig.read({"source": "inline", "columns": columns, "target": "y", **section}), seed=0)


@pytest.mark.parametrize(
    ("num_rows", "section", "sizes", "unsaid"),
    [
        (
            1,
            {},
            (1, 0, 0),
            "1 row, of which none is taken for validation or test unless `validation` or `test` says so",
        ),
        (9, {"test": 2}, (7, 0, 2), "9 rows, of which none is taken for validation unless `validation` says so"),
        (9, {"test": 0, "validation": 0.2}, (7, 2, 0), None),
        (10, {}, (6, 2, 2), None),
    ],
)
def test_a_few_rows_are_split_only_where_the_config_says_so(num_rows, section, sizes, unsaid):
    spec = table(num_rows, **section).spec
    assert (spec.num_train, spec.num_validation, spec.num_test) == sizes
    assert [note for note in spec.notes if "unless" in note] == ([] if unsaid is None else [unsaid])


def test_training_rows_can_be_put_into_the_order_of_their_source():
    splits = table(30, limit=7)
    x = splits.train.x[""][:, 0]
    assert x.tolist() != sorted(x)
    assert x[splits.order_in_source()].tolist() == sorted(x)
