"""Metrics that stand in for Keras's: over all rows, whatever the batches, and of what outputs stand for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_score, r2_score

pytestmark = pytest.mark.tf

RANDOM = np.random.default_rng(0)
Y = (10_000 + RANDOM.normal(size=(500, 2))).astype(np.float32)
P = (Y + 0.3 * RANDOM.normal(size=Y.shape)).astype(np.float32)


def in_batches(metric, y, p, size: int) -> float:
    for start in range(0, len(y), size):
        metric.update_state(y[start : start + size], p[start : start + size])
    return float(metric.result())


@pytest.mark.parametrize("size", [1, 7, 500])
def test_over_rows_neither_batches_nor_an_offset_change_the_value(size):
    from nnlab.layers import ConcordanceOverRows, PearsonOverRows, R2OverRows

    y, p = Y.astype(np.float64), P.astype(np.float64)
    pearson = np.mean([np.corrcoef(y[:, i], p[:, i])[0, 1] for i in range(2)])
    apart = y.var(axis=0) + p.var(axis=0) + (y.mean(axis=0) - p.mean(axis=0)) ** 2
    concordance = np.mean([2 * np.cov(y[:, i], p[:, i], bias=True)[0, 1] / apart[i] for i in range(2)])
    assert in_batches(R2OverRows(), Y, P, size) == pytest.approx(r2_score(y, p), rel=1e-5)
    assert in_batches(PearsonOverRows(), Y, P, size) == pytest.approx(pearson, rel=1e-5)
    assert in_batches(ConcordanceOverRows(), Y, P, size) == pytest.approx(concordance, rel=1e-5)


@pytest.mark.parametrize("aggregation", ["uniform_average", "variance_weighted_average"])
def test_r2_of_several_targets_is_scikit_learns(aggregation):
    from nnlab.layers import R2OverRows

    y, p = Y * [1, 3], P * [1, 3]
    multioutput = aggregation.replace("_average", "") if "variance" in aggregation else aggregation
    assert in_batches(R2OverRows(aggregation), y, p, 50) == pytest.approx(
        r2_score(y, p, multioutput=multioutput), rel=1e-5
    )


def test_a_metric_of_predictions_is_saved_with_what_it_sees():
    import keras

    from nnlab.layers import OfPredictions

    made = OfPredictions(keras.metrics.Precision(name="kept"), link="softmax", column=1)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    logits = RANDOM.normal(size=(40, 2)).astype(np.float32)
    y = (np.arange(40) % 2).reshape(-1, 1)
    assert (again.name, again.link, again.column) == ("kept", "softmax", 1)
    assert in_batches(again, y, logits, 9) == pytest.approx(precision_score(y, logits[:, 1] > logits[:, 0]))
