"""What a class is: however labels are written, stored or padded, and in every kind of file."""

import numpy as np
import pandas as pd
import pytest

from nnlab.config.by_name import only

WHOLE = {"test": 0, "validation": 0}
SOURCES = ["csv", "npz", "parquet", "inline"]


@pytest.fixture
def load_labels(load, tmp_path):
    """Load a table of one feature with these labels from a file of some kind, or from the config."""

    def load_labels(source, y, **section):
        x = [float(number) for number in range(len(y))]
        path = tmp_path / f"t.{source}"
        if source == "inline":
            return load(source="inline", columns={"x": x, "y": list(y)}, target="y", **WHOLE, **section)
        if source == "npz":
            np.savez(path, x=x, y=np.asarray(y))
        elif source == "parquet":
            pytest.importorskip("pyarrow")
            pd.DataFrame({"x": x, "y": y}).to_parquet(path)
        else:
            pd.DataFrame({"x": x, "y": y}).to_csv(path, index=False)
        target = {} if source == "npz" else {"target": "y"}
        return load(source=source, path=str(path), **target, **WHOLE, **section)

    return load_labels


@pytest.mark.parametrize("source", SOURCES)
def test_labels_that_look_the_same_are_one_class_and_it_is_said(load_labels, source):
    written = ["cat", " cat", "cat ", "cat\u00a0", "\ufeffcat", "caf\u00e9", "cafe\u0301", "dog", "dog"]
    splits = load_labels(source, written)
    assert splits.spec.targets[""].class_names == ("caf\u00e9", "cat", "dog")
    assert splits.train.y[""].tolist() == [1, 1, 1, 1, 1, 0, 0, 2, 2]
    assert all("are one class" in note for note in splits.spec.notes)
    assert len(splits.spec.notes) == 2


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("y", "task", "names"),
    [
        ([0.0, 1.0, 1.0, 0.0], "binary", ("0", "1")),
        ([-1.0, 1.0, 1.0, -1.0], "binary", ("-1", "1")),
        ([0.0, 1.0, 2.0] * 3, "multiclass", ("0", "1", "2")),
        ([0.0, 1.0, 0.5, 1.0], "regression", ()),
        ([1.0, 2.0, 3.0, 4.0, 5.0], "regression", ()),
        ([float(value) for value in range(30)] * 2, "regression", ()),
    ],
)
def test_whole_floats_are_classes_under_the_rules_of_whole_numbers(load_labels, source, y, task, names):
    spec = load_labels(source, y).spec
    assert (spec.targets[""].task, spec.targets[""].class_names, spec.targets[""].inferred_task) == (task, names, True)


def test_floats_of_any_size_in_an_npz_are_classes(load, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(6.0), y=np.float32([0, 1, 1, 0, 1, 0]).reshape(-1, 1))
    splits = load(source="npz", path=str(tmp_path / "t.npz"), class_weight={0.0: 1, 1.0: 3}, **WHOLE)
    assert splits.spec.targets[""].task == "binary"
    assert splits.spec.class_weights[""] == {0: 1.0, 1: 3.0}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("label", ["NA", "None", "null", "nan", "N/A"])
def test_words_for_nothing_are_classes_among_labels_of_text(load_labels, source, label):
    assert sorted(load_labels(source, ["a", label, "b", label]).spec.targets[""].class_names) == sorted(
        ["a", "b", label]
    )


@pytest.mark.parametrize("y", [[0, 1, "NA"], ["1.5", "2.5", "None"]])
def test_what_may_stand_for_a_missing_number_of_a_target_is_asked_about(load, error_text, tmp_path, y):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{number},{label}\n" for number, label in enumerate(y)))
    said = {"source": "csv", "path": str(path), "target": "y", **WHOLE}
    assert "which may stand for a missing value\n  hint: say so with `missing`" in error_text(load, **said)
    assert load(**said, missing=[y[-1]]).spec.num_train == 2


@pytest.mark.parametrize("y", [["a", "b", ""], ["a", "b", "  "], ["1.5", "2.5", ""]])
def test_rows_without_a_target_are_left_out(load, tmp_path, y):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{number},{label}\n" for number, label in enumerate(y)))
    splits = load(source="csv", path=str(path), target="y", **WHOLE)
    assert only(splits.train.x)[:, 0].tolist() == [0.0, 1.0]
    assert "1 row without a value of `y` left out" in splits.spec.notes


def test_empty_labels_of_an_npz_are_refused(load, error_text, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(3.0), y=["a", " ", "b"])
    assert error_text(load, source="npz", path=str(tmp_path / "t.npz")) == (
        "data.target: 1 row has an empty label\n  hint: fill in the class, or remove the rows"
    )


def test_codes_with_zeros_in_front_stay_apart(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,zip\n1,01\n2,1\n3,01\n4,1\n5,01\n6,1\n")
    spec = load(source="csv", path=str(path), target="zip", **WHOLE).spec
    assert spec.targets[""].class_names == ("01", "1")
    assert spec.notes == (
        "the labels of `zip` are kept as they are written, such as `01`",
        "labels of one number, written differently, are different classes: `01`, `1`",
    )


def test_numbers_with_zeros_in_front_stay_numbers(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n01,007\n02,010\n03,012\n04,019\n")
    splits = load(source="csv", path=str(path), target="y", **WHOLE)
    assert splits.spec.targets[""].task == "regression"
    assert splits.train.y[""].ravel().tolist() == [7.0, 10.0, 12.0, 19.0]


def test_one_number_written_in_two_ways_is_one_class(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,1.0\n2,1\n3,0\n4,0.0\n")
    splits = load(source="csv", path=str(path), target="y", **WHOLE)
    assert splits.train.y[""].ravel().tolist() == [1.0, 1.0, 0.0, 0.0]
    assert splits.spec.notes == (
        "labels of `y` that are one number are one class, however written: `1.0`, `1`, `0`, `0.0`",
    )


@pytest.mark.parametrize("source", ["csv", "npz", "parquet", "inline"])
def test_integers_beyond_the_exact_floats_stay_different_classes(load_labels, source):
    y = [2**53, 2**53 + 1] * 2
    assert load_labels(source, y).spec.targets[""].class_names == (str(2**53), str(2**53 + 1))


def test_long_codes_of_a_csv_stay_different_classes(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,99999999999999999999\n2,99999999999999999998\n3,99999999999999999999\n")
    spec = load(source="csv", path=str(path), target="y", task="classification", **WHOLE).spec
    assert spec.targets[""].class_names == ("99999999999999999998", "99999999999999999999")


def test_floats_that_lost_digits_are_no_classes(load, error_text, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(4.0), y=np.asarray([2.0**60, 1.0] * 2))
    text = error_text(load, source="npz", path=str(tmp_path / "t.npz"), task="classification")
    assert text.startswith("data.target: the target holds `1.152921504606847e+18`: floats beyond 2^53")


def test_features_that_float32_cannot_tell_apart_are_said(load_labels, load, tmp_path):
    np.savez(tmp_path / "t.npz", x=2**24 + np.arange(8).reshape(-1, 1), y=np.arange(8) % 2)
    section = {"source": "npz", "path": str(tmp_path / "t.npz"), **WHOLE}
    assert load(**section).spec.notes == (
        "float32 holds whole numbers up to 2^24 only: `x` (8 different values become 5); "
        "scale the column (`scale: standardize`), or leave it out with `features`",
    )
    assert load(**section, scale="standardize").spec.notes == ()
    y = [1e9 + number for number in range(30)]
    assert "`y` (30 different values become 1)" in load_labels("csv", y, task="regression").spec.notes[0]


def one_hot(codes, width):
    return np.eye(width)[np.asarray(codes)]


@pytest.mark.parametrize("dtype", [np.int64, np.float32, bool, np.uint8])
@pytest.mark.parametrize("task", [None, "classification"])
@pytest.mark.parametrize("width", [2, 3, 5])
def test_rows_of_one_1_are_classes(load, tmp_path, dtype, task, width):
    codes = np.arange(20) % width
    np.savez(tmp_path / "t.npz", x=np.arange(20.0), y=one_hot(codes, width).astype(dtype))
    splits = load(source="npz", path=str(tmp_path / "t.npz"), task=task, **WHOLE)
    assert splits.spec.targets[""].task == "multiclass"
    assert splits.spec.targets[""].class_names == tuple(str(number) for number in range(width))
    assert splits.train.y[""].tolist() == codes.tolist()
    assert splits.spec.targets[""].inferred_task == (task is None)


def test_two_columns_of_one_1_may_be_one_output(load, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(4.0), y=one_hot([0, 1, 1, 0], 2))
    splits = load(source="npz", path=str(tmp_path / "t.npz"), task="binary", **WHOLE)
    assert splits.train.y[""].tolist() == [[0.0], [1.0], [1.0], [0.0]]


def test_rows_of_one_1_may_be_labels_where_the_config_says_so(load, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(4.0), y=one_hot([0, 1, 2, 0], 3))
    spec = load(source="npz", path=str(tmp_path / "t.npz"), task="multilabel", **WHOLE).spec
    assert (spec.targets[""].task, spec.targets[""].shape) == ("multilabel", (3,))


def test_the_columns_of_a_table_name_the_classes_which_the_config_may_choose(load):
    columns = {"x": [1.0, 2.0, 3.0, 4.0], "red": [1, 0, 0, 1], "green": [0, 1, 0, 0], "blue": [0, 0, 1, 0]}
    section = {"source": "inline", "columns": columns, "target": ["red", "green", "blue"], **WHOLE}
    splits = load(**section, class_weight={"green": 3})
    assert splits.spec.targets[""].class_names == ("red", "green", "blue")
    assert splits.train.y[""].tolist() == [0, 1, 2, 0]
    assert splits.spec.class_weights[""] == {0: 1.0, 1: 3.0, 2: 1.0}
    chosen = load(**section, classes=["blue", "red"])
    assert (chosen.spec.targets[""].class_names, chosen.train.y[""].tolist()) == (("blue", "red"), [1, 0, 1])
    assert load(**section, positive_class="red").train.y[""].ravel().tolist() == [1.0, 0.0, 0.0, 1.0]


def test_a_test_set_of_its_own_has_to_be_of_one_1_too(load, error_text, tmp_path):
    arrays = {"x_train": np.ones((3, 2)), "y_train": one_hot([0, 1, 2], 3), "x_test": np.ones((2, 2))}
    np.savez(tmp_path / "t.npz", **arrays, y_test=one_hot([2, 1], 3))
    splits = load(source="npz", path=str(tmp_path / "t.npz"), validation=0)
    assert (splits.spec.targets[""].task, splits.test.y[""].tolist()) == ("multiclass", [2, 1])
    np.savez(tmp_path / "u.npz", **arrays, y_test=[[1, 1, 0], [0, 1, 0]])
    assert load(source="npz", path=str(tmp_path / "u.npz"), validation=0).spec.targets[""].task == "multilabel"
    assert error_text(load, source="npz", path=str(tmp_path / "u.npz"), task="classification") == (
        "data.task: a class for each row needs exactly one 1 in its 3 target columns, row 3 (counted from 0) has 2\n"
        "  hint: correct these rows, or write `task: multilabel` for rows with any number of labels"
    )


def test_a_class_that_no_row_has_is_left_out_and_said(load, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(4.0), y=one_hot([0, 1, 3, 0], 4))
    spec = load(source="npz", path=str(tmp_path / "t.npz"), **WHOLE).spec
    assert spec.targets[""].class_names == ("0", "1", "3")
    assert spec.notes[-1] == "no row has the class `2`, left out"


@pytest.mark.parametrize("weights", [{0: 0, 1: 0}, {"0": 0.0, "1": 0}])
def test_weights_that_are_all_0_are_refused(load, error_text, weights):
    columns = {"x": [1.0, 2.0, 3.0], "y": [0, 1, 1]}
    section = {"source": "inline", "columns": columns, "target": "y", **WHOLE}
    assert error_text(load, **section, class_weight=weights) == (
        "data.class_weight: every class weighs 0, so that nothing would be learned: `0`, `1`\n"
        "  hint: give at least one class a weight above 0"
    )
    assert load(**section, class_weight={0: 0}).spec.class_weights[""] == {0: 0.0, 1: 1.0}


def test_weights_of_an_output_that_are_all_0_are_refused(load, error_text):
    columns = {"x": [1.0, 2.0, 3.0], "y": [0, 1, 1], "z": [1.5, 2.5, 3.5]}
    section = {"source": "inline", "columns": columns, "target": {"main": "y", "aux": "z"}, **WHOLE}
    assert error_text(load, **section, class_weight={"main": {0: 0, 1: 0}}).startswith(
        "data.class_weight.main: every class weighs 0"
    )


@pytest.mark.parametrize("source", ["csv", "parquet", "inline", "npz"])
def test_names_of_columns_are_compared_in_one_form(load, tmp_path, source):
    composed, parts = "caf\u00e9", "cafe\u0301"
    frame = pd.DataFrame({f"\u200b{parts}\u00a0": [1.0, 2.0], "b": [3.0, 4.0], f"{parts}!": [0.5, 1.5]})
    path = tmp_path / f"t.{source}"
    section = {"source": source, "path": str(path), "target": f"{composed}!", "features": [composed], **WHOLE}
    if source == "csv":
        frame.to_csv(path, index=False)
    elif source == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    elif source == "npz":
        np.savez(path, **{name: frame[name] for name in frame})
    else:
        section |= {"path": None, "columns": frame.to_dict("list")}
    splits = load(**{key: value for key, value in section.items() if value is not None})
    assert splits.train.x[composed if source == "npz" else ""].ravel().tolist() == [1.0, 2.0]
    assert splits.train.y[""].ravel().tolist() == [0.5, 1.5]


def test_columns_that_differ_only_in_what_nobody_sees_are_refused(load, error_text, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("caf\u00e9,cafe\u0301,y\n1,2,0.5\n")
    assert error_text(load, source="csv", path=str(path), target="y", **WHOLE) == (
        f"{path}:1: 2 columns are called `caf\u00e9`, in forms that look the same\n"
        "  hint: give every column its own name"
    )


def test_labels_of_a_parquet_file_may_be_bytes(load_labels):
    assert load_labels("parquet", [b"cat", b"dog", b"cat"]).spec.targets[""].class_names == ("cat", "dog")


@pytest.mark.parametrize("source", SOURCES)
def test_labels_that_differ_only_in_case_are_said_to_be_different_classes(load_labels, source):
    spec = load_labels(source, ["Yes", "yes", "no", "New  York", "new york."] * 3).spec
    assert spec.targets[""].class_names == ("New  York", "Yes", "new york.", "no", "yes")
    assert spec.notes == (
        "labels that differ only in case, blanks or a final point are different classes: `New  York`, `new york.`",
        "labels that differ only in case, blanks or a final point are different classes: `Yes`, `yes`",
    )


@pytest.mark.parametrize("wanted", [True, "true", "TRUE", "True"])
def test_truth_values_are_classes_of_their_name(load_labels, wanted):
    y = [True, False, True, False]
    assert load_labels("csv", y, positive_class=wanted).spec.targets[""].class_names == ("not True", "True")
    assert load_labels("csv", y, classes=[wanted, False]).spec.targets[""].class_names == ("True", "False")
    assert load_labels("csv", y, class_weight={str(wanted): 3.0}).spec.class_weights[""] == {0: 1.0, 1: 3.0}


def test_numbers_are_classes_however_they_are_written(load_labels):
    y = [0.0, 1.0, 0.0, 1.0]
    assert load_labels("csv", y, positive_class="1.0").spec.targets[""].class_names == ("not 1", "1")
    assert load_labels("csv", y, class_weight={"0.0": 3.0, "1.0": 1.0}).spec.class_weights[""] == {0: 3.0, 1: 1.0}


def test_class_weights_that_are_0_or_endless_as_float32_are_refused(load_labels, error_text):
    for weights, said in [
        ({"a": 1e-50, "b": 0.0}, "every class weighs 0"),
        ({"a": 1e300}, "the weight `1e+300` of the class `a` is too large for float32"),
        ({"1": 1.0, "1.0": 2.0}, "a class stands twice in `class_weight`"),
    ]:
        y = [1, 2] * 4 if "1" in weights else ["a", "b"] * 4
        assert said in error_text(load_labels, source="csv", y=y, class_weight=weights)


def test_rows_of_exactly_one_label_are_said_to_be_taken_as_classes(load_labels):
    one_hot = np.eye(3)[[0, 1, 2, 1, 0, 2]]
    (note,) = load_labels("npz", one_hot).spec.notes
    assert note.endswith("taken as classes, 3 of them; write `task: multilabel` if a row may have several labels")
    assert load_labels("npz", one_hot, task="multilabel").spec.notes == ()
