import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from nnlab.data.targets import infer_task


def inline(load, y, **section):
    columns = {"x": [float(i) for i in range(len(y))], "y": y}
    return load(**{"source": "inline", "columns": columns, "target": "y", "test": 0, "validation": 0, **section})


@pytest.mark.parametrize(
    ("y", "task"),
    [
        ([0, 1, 1, 0], "classification"),
        ([-1, 1], "classification"),
        ([3, 4, 5, 3, 4, 5], "classification"),
        ([1, 5, 9] * 20, "classification"),
        ([1, 5, 9] * 3, "regression"),
        ([1, 2, 3, 4, 5], "regression"),
        (list(range(21)) * 50, "regression"),
        ([0.0, 1.0, 1.0], "classification"),
        ([3.0, 4.0, 5.0] * 2, "classification"),
        ([0.0, 0.5, 1.0], "regression"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], "regression"),
        ([0.0, 2.0**60], "regression"),
        ([True, False], "classification"),
        (["a", "b"], "classification"),
        ([[0, 1], [1, 1]], "multilabel"),
        ([[0, 1], [0, 0]], "multilabel"),
        ([[0, 1, 0], [1, 0, 0]], "classification"),
        ([[0.0, 1.0], [2.0, 1.0]], "regression"),
    ],
)
def test_the_task_is_inferred_from_the_target(y, task):
    assert infer_task(np.asarray(y)) == task


def test_text_classes_are_numbered_alphabetically(load):
    splits = inline(load, ["dog", "cat", "emu", "cat"])
    assert splits.train.y[""].tolist() == [1, 0, 2, 0]
    assert splits.train.y[""].dtype == np.int32
    assert splits.spec.targets[""].class_names == ("cat", "dog", "emu")
    assert (
        splits.spec.targets[""].task,
        splits.spec.targets[""].num_outputs,
        splits.spec.targets[""].inferred_task,
    ) == (
        "multiclass",
        3,
        True,
    )


def test_number_classes_are_numbered_in_their_order(load):
    splits = inline(load, [10, 9, 100, 9] * 20, task="classification")
    assert splits.spec.targets[""].class_names == ("9", "10", "100")
    assert splits.train.y[""][:4].tolist() == [1, 0, 2, 0]
    assert not splits.spec.targets[""].inferred_task


def test_whole_floats_may_be_classes(load):
    assert inline(load, [0.0, 1.0, 2.0], task="classification").spec.targets[""].class_names == ("0", "1", "2")


def test_two_inferred_classes_take_one_output(load):
    splits = inline(load, [False, True, True])
    assert (splits.spec.targets[""].task, splits.spec.targets[""].num_outputs, splits.spec.targets[""].num_classes) == (
        "binary",
        1,
        2,
    )
    assert splits.train.y[""].tolist() == [[0.0], [1.0], [1.0]]
    assert splits.train.y[""].dtype == np.float32
    assert splits.spec.targets[""].class_names == ("False", "True")


def test_two_classes_take_two_outputs_when_classification_is_asked_for(load):
    splits = inline(load, ["no", "yes"], task="classification")
    assert (splits.spec.targets[""].task, splits.spec.targets[""].num_outputs) == ("multiclass", 2)
    assert splits.train.y[""].tolist() == [0, 1]


def test_classes_are_kept_and_relabelled_in_the_order_given(load):
    splits = inline(load, ["a", "b", "c", "a"], classes=["c", "a"])
    assert splits.train.x[""].tolist() == [[0.0], [2.0], [3.0]]
    assert splits.train.y[""].tolist() == [[1.0], [0.0], [1.0]]
    assert splits.spec.targets[""].class_names == ("c", "a")


@pytest.mark.parametrize("classes", [["virginica", "setosa"], [2, 0], ["2", "0"]])
def test_classes_go_by_name_or_number(load, classes):
    spec = load(source="iris", classes=classes).spec
    assert spec.targets[""].class_names == ("virginica", "setosa")
    assert spec.num_train + spec.num_validation + spec.num_test == 100


@pytest.mark.parametrize("positive", ["virginica", 2])
def test_one_class_against_the_rest_is_binary(load, positive):
    splits = load(source="iris", positive_class=positive, test=0, validation=0)
    assert splits.spec.targets[""].class_names == ("not virginica", "virginica")
    assert (splits.spec.targets[""].task, splits.spec.targets[""].inferred_task) == ("binary", False)
    assert splits.train.y[""].sum() == 50


def test_regression_takes_integers_and_several_columns(load):
    splits = inline(load, [0, 1, 0, 1], task="regression")
    assert splits.train.y[""].tolist() == [[0.0], [1.0], [0.0], [1.0]]
    columns = {"x": [1, 2], "a": [0.5, 1.5], "b": [2, 3]}
    splits = load(source="inline", columns=columns, target=["b", "a"], test=0, validation=0)
    assert splits.train.y[""].tolist() == [[2.0, 0.5], [3.0, 1.5]]
    assert (
        splits.spec.targets[""].names,
        splits.spec.targets[""].num_outputs,
        splits.spec.targets[""].class_names,
    ) == (
        ("b", "a"),
        2,
        (),
    )


def test_several_columns_of_zeros_and_ones_are_labels(load):
    columns = {"x": [1, 2, 3], "red": [0, 1, 1], "round": [True, False, True]}
    splits = load(source="inline", columns=columns, target=["red", "round"], test=0, validation=0)
    assert (splits.spec.targets[""].task, splits.spec.targets[""].num_classes, splits.spec.targets[""].class_names) == (
        "multilabel",
        2,
        ("red", "round"),
    )
    assert splits.train.y[""].tolist() == [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]


def test_balanced_class_weights_are_scikit_learns_on_the_training_rows(load):
    splits = load(source="wine", class_weight="balanced", limit=80)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=splits.train.y[""])
    assert list(splits.spec.class_weights[""].values()) == pytest.approx(expected)


@pytest.mark.parametrize("weights", [{"setosa": 2, "virginica": 0.5}, {0: 2, 2: 0.5}])
def test_class_weights_go_by_name_or_number_and_default_to_one(load, weights):
    assert load(source="iris", class_weight=weights).spec.class_weights[""] == {0: 2.0, 1: 1.0, 2: 0.5}


def test_class_weights_prefer_labels_that_are_numbers(load):
    assert inline(load, [1, 2, 1, 2], class_weight={2: 5}).spec.class_weights[""] == {0: 1.0, 1: 5.0}
    assert inline(load, [1, 2, 1, 2], class_weight={0: 5, 1: 2}).spec.class_weights[""] == {0: 5.0, 1: 2.0}


@pytest.mark.parametrize("y", [[2, 1], [1, 2], [2.0, 1.0]])
def test_a_class_may_occur_in_no_row_if_the_config_says_how_many_there_are(load, y):
    splits = inline(load, y, classes=3)
    (target,) = splits.spec.targets.values()
    assert (target.task, target.shape, target.class_names) == ("multiclass", (3,), ("0", "1", "2"))
    assert splits.train.y[""].tolist() == y
    assert splits.record.classes[""] == {"0": 0, "1": 1, "2": 2}
    assert "no row has the class `0`, for which there is an output" in splits.spec.notes


def test_rows_of_one_hot_keep_an_unused_class_if_the_config_counts_it(load):
    columns = {"x": [1.0, 2.0], "a": [0, 0], "b": [1, 0], "c": [0, 1]}
    splits = load(source="inline", columns=columns, target=["a", "b", "c"], classes=3)
    (target,) = splits.spec.targets.values()
    assert target.class_names == ("a", "b", "c")
    assert splits.train.y[""].tolist() == [1, 2]
    assert not any("left out" in note for note in splits.spec.notes)


def test_one_class_alone_is_binary_if_there_are_two(load):
    splits = inline(load, [1, 1], classes=2)
    assert splits.spec.target_of("").task == "binary"
    assert splits.train.y[""].tolist() == [[1], [1]]


def test_balanced_weights_are_those_of_the_classes_that_have_rows(load):
    weights = inline(load, [1, 1, 2, 1], classes=3, class_weight="balanced").spec.class_weight_of("")
    assert weights == {0: 1.0, 1: 4 / 6, 2: 2.0}
