"""Folds of cross-validation: which rows are in them, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold, StratifiedKFold

from nnlab.config.data import DataConfig
from nnlab.data.folds import Fold, fold_numbers
from nnlab.data.loading import load_data
from nnlab.errors import ConfigError, DataError


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@given(st.integers(2, 8), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 4), min_size=8, max_size=60))
def test_folds_are_scikit_learns(of, seed, classes):
    y = np.array(classes)
    numbers = fold_numbers(len(y), of, seed)
    for i, (_, held) in enumerate(KFold(of, shuffle=True, random_state=seed).split(y)):
        assert np.flatnonzero(numbers == i).tolist() == held.tolist()
    if np.bincount(y).max() >= of:
        numbers = fold_numbers(len(y), of, seed, y)
        for i, (_, held) in enumerate(StratifiedKFold(of, shuffle=True, random_state=seed).split(y, y)):
            assert np.flatnonzero(numbers == i).tolist() == held.tolist()


@given(st.integers(2, 8), st.integers(0, 99), st.lists(st.integers(0, 4), min_size=8, max_size=60))
def test_folds_have_as_many_rows_and_as_many_of_each_class_but_for_one(of, seed, classes):
    y = np.array(classes)
    numbers = fold_numbers(len(y), of, seed, y)
    for own in (numbers, *(numbers[y == code] for code in np.unique(y))):
        counts = np.bincount(own, minlength=of)
        assert counts.max() - counts.min() <= 1


def test_rows_of_image_sets_keep_their_order_and_others_are_shuffled():
    order = np.arange(40)
    for shuffle in (False, True):
        train, held = Fold(2, 4, seed=0).split_off(order, shuffle=shuffle)
        assert (np.sort(train).tolist() == train.tolist()) != shuffle
        assert sorted([*train, *held]) == order.tolist()


def folded(source: str, fold: int, of: int = 5, seed: int = 3, **more):
    config = DataConfig.read({"source": source, "validation": {"fold": fold, "of": of}, **more})
    return load_data(config, seed=seed)


@pytest.mark.parametrize("more", [{"source": "iris"}, {"source": "diabetes"}, {"source": "digits", "test": 0}])
def test_folds_hold_every_row_but_the_test_rows_once(more):
    splits = [folded(fold=fold, **more) for fold in range(1, 6)]
    rows = [{name: set(rows["row"].tolist()) for name, rows in each.record.rows.items()} for each in splits]
    everything = set().union(*rows[0].values())
    held = [each["validation"] for each in rows]
    assert sum(map(len, held)) == len(set().union(*held))
    for each in rows:
        assert each["train"] | each["validation"] | each.get("test", set()) == everything
        assert not each["train"] & each["validation"]
        assert each.get("test", set()) == rows[0].get("test", set())


def test_folds_are_stratified_and_drawn_by_their_seed():
    first, again, other = (
        folded("iris", 1),
        folded("iris", 1),
        folded("iris", 1, validation={"fold": 1, "of": 5, "seed": 8}),
    )
    assert np.bincount(first.validation.y[""]).tolist() == [8, 8, 8]
    assert np.array_equal(first.validation.x[""], again.validation.x[""])
    assert not np.array_equal(first.validation.x[""], other.validation.x[""])
    assert np.array_equal(first.test.x[""], other.test.x[""])


def test_scalings_are_fitted_on_the_rows_that_train_of_which_a_limit_keeps_the_first():
    whole = folded("diabetes", 2, scale="standardize")
    assert whole.train.x[""].mean(axis=0) == pytest.approx(np.zeros(10), abs=1e-5)
    assert abs(whole.validation.x[""].mean(axis=0)).max() > 0.01
    few = folded("diabetes", 2, limit=50)
    assert (few.spec.num_train, few.spec.num_validation) == (50, whole.spec.num_validation)
    assert len(few.record.rows["unused"]) == whole.spec.num_train - 50


COLUMNS = {"x": list(range(20)), "kind": ["a"] * 12 + ["b"] * 5 + ["c"] * 3}


def inline(**more):
    return folded("inline", 1, columns=COLUMNS, target="kind", test=0, **more)


def test_classes_with_fewer_rows_than_folds_are_told():
    assert inline(of=4).spec.notes[-1] == "some of the 4 folds have no row of the class `c`"
    assert not inline(of=3).spec.notes


def test_more_folds_than_rows_and_classes_of_one_row_are_refused():
    with pytest.raises(DataError, match="the 20 rows that the test rows leave make no 21 folds"):
        inline(of=21)
    columns = {"x": [1, 2, 3, 4, 5], "kind": ["a", "a", "a", "a", "b"]}
    with pytest.raises(DataError, match="only one row has the class `b`: either it validates, or it is trained on"):
        folded("inline", 1, of=2, columns=columns, target="kind", test=0)


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        ({"fold": 6, "of": 5}, "there are 5 folds, received `6`"),
        ({"fold": 0, "of": 5}, "must be at least 1, received `0`"),
        ({"fold": 1, "of": 1}, "must be at least 2, received `1`"),
        ({"of": 5}, "the key `fold` is missing"),
    ],
)
def test_a_fold_that_there_is_not_is_an_error(validation, message):
    with pytest.raises(ConfigError) as error:
        DataConfig.read({"source": "iris", "validation": validation})
    assert message in str(error.value)
