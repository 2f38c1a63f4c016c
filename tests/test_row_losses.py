"""Losses and metrics of rows that are written down, against the figures of course notes and plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab import catalog
from nnlab.config.components import Component
from nnlab.errors import NnlabError
from nnlab.model.literals import literal_rows, odd_predictions

LOGITS = [[2, 0.5, 6], [0.1, 0, 3]]
P = [[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]]


def loss(name: str, **parameters) -> Component:
    return Component("losses", name, parameters)


def metric(name: str, **parameters) -> Component:
    return Component("metrics", name, parameters)


def judged(component, true, predicted):
    from nnlab.model.row_losses import row_losses

    return row_losses(component, *literal_rows(component, true, predicted))


@pytest.mark.parametrize(
    ("component", "true", "predicted", "shapes"),
    [
        (loss("mean_squared_error"), 2, [1, 1, 1.9], ((3, 1), (3, 1))),
        (loss("mean_squared_error"), [[1, 2]], [[1, 1.9]], ((1, 2), (1, 2))),
        (loss("mean_squared_error"), [1, 2], [[1], [2]], ((2, 1), (2, 1))),
        (loss("cosine_similarity"), [1, 2], [2, 4], ((1, 2), (1, 2))),
        (loss("categorical_crossentropy"), [0, 1], [0.4, 0.6], ((1, 2), (1, 2))),
        (loss("sparse_categorical_crossentropy"), 1, [0.4, 0.6], ((1,), (1, 2))),
        (loss("sparse_categorical_crossentropy"), [[1], [0]], P, ((2,), (2, 3))),
        (metric("pearson_correlation"), [1, 2, 3], [2, 4, 7], ((3, 1), (3, 1))),
        (metric("accuracy"), [1, 0], [0.9, 0.2], ((2, 1), (2, 1))),
        (metric("accuracy"), [1, 0], P, ((2,), (2, 3))),
        (metric("accuracy"), [[0, 1, 0], [1, 0, 0]], P, ((2, 3), (2, 3))),
        (metric("mean_io_u", num_classes=3), [1, 2], [1, 1], ((2,), (2,))),
    ],
)
def test_what_is_written_becomes_rows(component, true, predicted, shapes):
    assert tuple(array.shape for array in literal_rows(component, true, predicted)) == shapes


@pytest.mark.parametrize(
    ("component", "true", "predicted", "message"),
    [
        (loss("mean_squared_error"), [1, 2], [1, 2, 3], "the shape 2 x 1 with predicted ones of 3 x 1"),
        (loss("mean_squared_error"), [[1, 2], [3]], [1, 2], "the true values are rows of different lengths"),
        (loss("mean_squared_error"), ["a"], [1], "the true values are no numbers: a list of 1"),
        (loss("mean_squared_error"), [1], [], "the predicted values are no numbers: an empty list"),
        (loss("mean_squared_error"), [1, 2], [1, np.nan], r"the predicted values hold nan in row 1 \(counted from 0\)"),
        (loss("sparse_categorical_crossentropy"), [1, 3], P, "number of a class, 0 to 2, and the true values hold 3"),
        (loss("sparse_categorical_crossentropy"), [0.5, 1], P, "number of a class, 0 to 2, .* hold 0.5"),
        (loss("sparse_categorical_crossentropy"), [0, -1], P, "number of a class, 0 to 2, .* hold -1"),
        (loss("sparse_categorical_crossentropy"), [0, 1], [0.2, 0.7], "a column of predictions for each class"),
        (loss("sparse_categorical_crossentropy"), [0, 1, 2], P, "the shape 3 with predicted ones of 2 x 3"),
        (loss("categorical_crossentropy"), [[1], [0]], [[0.2], [0.7]], "wants a column for each class"),
        (loss("categorical_crossentropy"), [[1, 1, 0], [1, 0, 0]], P, "wants rows of targets that add up to 1"),
        (loss("binary_crossentropy"), [0, 2], [0.2, 0.7], "wants targets between 0 and 1, and they go from 0 to 2"),
        (loss("mean_absolute_percentage_error"), [0, 2], [1, 2], "divides by the target, which is 0 in 1 of 2 values"),
        (loss("poisson"), [-1, 2], [1, 2], "wants no target below 0, and the least is -1"),
    ],
)
def test_what_cannot_be_compared_is_refused(component, true, predicted, message):
    with pytest.raises(NnlabError, match=message):
        literal_rows(component, true, predicted)


def test_a_class_that_is_ignored_may_be_any_number():
    component = loss("sparse_categorical_crossentropy", ignore_class=-1)
    assert literal_rows(component, [0, -1], P)[0].tolist() == [0, -1]


@pytest.mark.parametrize(
    ("component", "predicted", "note"),
    [
        (loss("categorical_crossentropy", from_logits=True), P, "the predictions add up to 1, as behind a softmax"),
        (loss("binary_crossentropy", from_logits=True), [[0.1], [0.9]], "lie between 0 and 1, as probabilities do"),
        (loss("categorical_crossentropy"), LOGITS, "go from 0 to 6: if they are logits, say `--from-logits`"),
        (loss("kl_divergence"), [[0.2, 0.2], [0.5, 0.5]], "those of a row add up to 0.4"),
        (loss("poisson"), [[-1.0]], "expects predictions above 0, and the least is -1"),
        (metric("auc"), [[-1.0], [2.0]], "`auc` expects probabilities, and the predictions go from -1 to 2"),
        (metric("binary_accuracy", threshold=0.0), [[-1.0], [2.0]], None),
        (loss("categorical_crossentropy", from_logits=True), LOGITS, None),
        (loss("categorical_crossentropy"), P, None),
        (loss("mean_squared_error"), LOGITS, None),
    ],
)
def test_predictions_that_are_not_what_the_loss_takes_them_for_are_said(component, predicted, note):
    found = list(odd_predictions(component, np.array(predicted, np.float32)))
    assert (len(found) == 1 and note in found[0]) if note else found == []


SPARSE, SOFT = "sparse_categorical_crossentropy", [[0.4, 0.1, 0.5], [0.3, 0.6, 0.1]]


@pytest.mark.tf
@pytest.mark.parametrize(
    ("component", "true", "predicted", "rows"),
    [
        (loss(SPARSE, from_logits=True), [2, 1], LOGITS, [0.02215516, 3.0996735]),
        (metric(SPARSE, from_logits=True), [2, 1], LOGITS, [0.02215516, 3.0996735]),
        (loss("categorical_crossentropy", from_logits=True), SOFT, LOGITS, [2.1721554, 2.7696736]),
        (loss("mean_absolute_error"), 2, [1, 1, 1.9], [1, 1, 0.1]),
        (loss("smooth_l1"), [0, 3], [0.6, 0.4], [0.18, 2.1]),
        (loss("huber", delta=2.0), [0, 3], [0.6, -2.0], [0.18, 8.0]),
        (loss("mean_squared_error"), [[[0, 0], [0, 0]]] * 2, [[[1, 1], [1, 1]], [[2, 0], [0, 0]]], [1, 1]),
        (metric("mean_squared_error"), [[0, 0], [1, 1]], [[1, 2], [1, 1]], [2.5, 0]),
        (metric("accuracy"), [1, 1], P, [1, 0]),
        (metric("accuracy"), [1, 0, 1], [0.9, 0.1, 0.2], [1, 1, 0]),
        (loss("dice"), [[1, 0]], [[1, 0]], None),  # all values together
        (metric("precision"), [1, 0], [0.9, 0.8], None),
        (loss("mean_squared_error", reduction="sum"), [0, 0], [1, 2], [1, 4]),
    ],
)
def test_each_row_has_its_value(component, true, predicted, rows):
    found = judged(component, true, predicted).rows
    assert found is None if rows is None else found == pytest.approx(rows, rel=3e-7, abs=1e-7)


@pytest.mark.tf
@pytest.mark.parametrize(
    ("component", "true", "predicted", "value"),
    [
        (loss("binary_crossentropy"), [0, 1, 0], [0.6901, 0.5459, 0.2469], 0.686794),
        (loss("mean_absolute_error"), 2, [1, 1, 1.9], 0.7),
        (loss("mean_squared_error"), 2, [1, 1, 1.9], 0.67),
        (loss("mean_squared_error", reduction="sum"), [0, 0], [1, 2], 5.0),
        (metric("root_mean_squared_error"), [0, 0], [1, 7], 5.0),
        (metric("precision"), [1, 0], [0.9, 0.8], 0.5),
        (metric("r2_score"), [1, 2, 3], [1, 2, 4], 0.5),
        (metric("pearson_correlation"), [1, 2, 3], [2, 4, 7], np.corrcoef([1, 2, 3], [2, 4, 7])[0, 1]),
    ],
)
def test_all_rows_together_have_the_value_that_keras_reports(component, true, predicted, value):
    assert judged(component, true, predicted).value == pytest.approx(value, rel=1e-6)


@pytest.mark.tf
def test_every_loss_and_metric_of_the_catalog_judges_rows():
    made_up = {"num_classes": 3, "recall": 0.5, "precision": 0.5, "specificity": 0.5, "sensitivity": 0.5}
    made_up |= {"average": "macro", "target_class_ids": [0]}
    for kind in ("losses", "metrics"):
        for name, entry in catalog.entries(kind).items():
            component = Component(kind, name, {key: made_up[key] for key in entry.parameters if key in made_up})
            y, predicted = [0, 1], P
            if entry.takes.targets == "sequences":
                y, predicted = [[1, 2]], [[[0.2, 0.5, 0.3]] * 3]
            elif "sparse_y_pred" in entry.parameters and component.get("sparse_y_pred"):
                y, predicted = [0, 1], [0, 2]
            elif entry.takes.targets in ("rows", "labels"):
                y = [[0, 1, 0], [1, 0, 0]]
            elif entry.takes.targets in ("values", "nonnegative", "nonzero"):
                y = [[1, 3, 1], [2, 2, 4]]
            found = judged(component, y, predicted)
            assert np.isfinite(found.value), name
            if found.rows is not None and kind == "metrics":
                assert found.mean == pytest.approx(found.value, rel=1e-6), name


@pytest.mark.tf
def test_a_metric_that_gives_several_values_and_what_keras_refuses_are_explained():
    with pytest.raises(NnlabError, match="one value a class"):
        judged(metric("f1_score"), [[1, 0]], [[1, 0]])
    with pytest.raises(NnlabError, match="Keras refuses `categorical_crossentropy` of these values"):
        judged(loss("categorical_crossentropy", axis=7), [[1, 0]], [[1, 0]])
