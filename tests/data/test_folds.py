"""Folds of cross-validation: which rows are in them, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold, StratifiedKFold

from nnlab.data.folds import fold_numbers


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
