import sys

import numpy as np
import pandas as pd
import pytest

ROWS = "a,b,y\n1,2,0.5\n3,4.5,1.5\n"
WHOLE = {"test": 0, "validation": 0}


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        "\ufeff" + ROWS,
        ROWS.replace(",", ";"),
        ROWS.replace(",", "\t"),
        ROWS.replace(",", ", "),
        ROWS.replace("\n", "\r\n"),
        "\n" + ROWS.replace("\n", "\n\n"),
        'a,b,y\n"1","2",".5"\n3,4.5,1.5',
    ],
    ids=["plain", "mark", "semicolon", "tab", "blanks", "crlf", "blank lines", "quotes"],
)
def test_csv_is_read_however_it_is_separated(load, tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    splits = load(source="csv", path=str(path), target="y", **WHOLE)
    assert splits.train.x[""].tolist() == [[1.0, 2.0], [3.0, 4.5]]
    assert splits.train.y[""].tolist() == [[0.5], [1.5]]
    assert (splits.spec.feature_names, splits.spec.targets[""].names) == (("a", "b"), ("y",))
    assert (splits.spec.input_shapes[""], splits.spec.targets[""].task) == ((2,), "regression")


@pytest.mark.parametrize(
    ("section", "features", "x"),
    [
        ({"target": "y", "features": ["b"]}, ("b",), [[2.0], [4.5]]),
        ({"target": "y", "features": ["b", 0]}, ("b", "a"), [[2.0, 1.0], [4.5, 3.0]]),
        ({"target": -1, "features": 1}, ("b",), [[2.0], [4.5]]),
        ({"target": ["y", "b"]}, ("a",), [[1.0], [3.0]]),
    ],
)
def test_columns_go_by_name_or_number(load, tmp_path, section, features, x):
    path = tmp_path / "t.csv"
    path.write_text(ROWS)
    splits = load(source="csv", path=str(path), **section, **WHOLE)
    assert splits.spec.feature_names == features
    assert splits.train.x[""].tolist() == x


def test_columns_that_are_not_used_may_hold_anything(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(",name,a,y\n0,Ann,1,0.5\n1,,2,1.5\n")
    splits = load(source="csv", path=str(path), target="y", features="a", **WHOLE)
    assert splits.train.x[""].tolist() == [[1.0], [2.0]]


def test_a_header_of_column_numbers_is_a_header(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("0,1\n5,0.5\n6,1.5\n")
    assert load(source="csv", path=str(path), target=1, **WHOLE).train.x[""].tolist() == [[5.0], [6.0]]


def test_booleans_are_numbers_as_features_and_classes_as_target(load):
    columns = {"x": [True, False], "y": [False, True]}
    splits = load(source="inline", columns=columns, target="y", **WHOLE)
    assert splits.train.x[""].tolist() == [[1.0], [0.0]]
    assert splits.spec.targets[""].task == "binary"


def test_quoted_numbers_are_classes_as_target(load):
    splits = load(source="inline", columns={"x": ["1", "2.5"], "y": ["10", "9"]}, target="y", **WHOLE)
    assert splits.train.x[""].tolist() == [[1.0], [2.5]]
    assert splits.spec.targets[""].class_names == ("10", "9")


def test_parquet_is_read_with_its_categories(load, tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"a": [1, 2, 3], "c": pd.Categorical(["v", "u", "v"]), "n": pd.array([1, 2, 3], "Int64")})
    frame.to_parquet(tmp_path / "t.parquet")
    splits = load(source="parquet", path=str(tmp_path / "t.parquet"), target="c", **WHOLE)
    assert splits.train.x[""].tolist() == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]
    assert splits.spec.targets[""].class_names == ("u", "v")


def test_parquet_without_pyarrow_says_what_to_install(load, tmp_path, monkeypatch, error_text):
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert error_text(load, source="parquet", path=str(tmp_path / "t.parquet"), target="y") == (
        "data.source: reading Parquet needs the package `pyarrow`\n  hint: install it: `pip install nnlab[parquet]`"
    )


def test_npz_keeps_its_own_test_set(load, tmp_path):
    x, y = np.arange(24).reshape(12, 2), np.array(["b", "a", "c"] * 4)
    np.savez(tmp_path / "t.npz", x_train=x[:9], y_train=y[:9], x_test=x[9:], y_test=y[9:])
    splits = load(source="npz", path=str(tmp_path / "t.npz"), validation=0)
    np.testing.assert_array_equal(splits.train.x["x"], x[:9])
    np.testing.assert_array_equal(splits.test.x["x"], x[9:])
    assert splits.test.y[""].tolist() == [1, 0, 2]
    assert splits.spec.targets[""].class_names == ("a", "b", "c")


def test_npz_without_a_test_set_is_split(load, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.ones((10, 3, 4), bool), y=np.linspace(0, 1, 20).reshape(10, 2))
    spec = load(source="npz", path=str(tmp_path / "t.npz")).spec
    assert (spec.input_shapes["x"], spec.targets[""].task, spec.targets[""].names) == (
        (3, 4),
        "regression",
        ("y0", "y1"),
    )
    assert (spec.num_train, spec.num_validation, spec.num_test) == (6, 2, 2)


def test_features_of_an_npz_go_by_number(load, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(12.0).reshape(4, 3), y=np.arange(4.0))
    splits = load(source="npz", path=str(tmp_path / "t.npz"), features=[2, 0], **WHOLE)
    assert splits.train.x["x"][0].tolist() == [2.0, 0.0]


def test_features_of_a_built_in_set_go_by_name(load):
    splits = load(source="iris", features=["petal width (cm)", 0], **WHOLE)
    assert splits.train.x[""][0].tolist() == [np.float32(0.2), np.float32(5.1)]
    assert splits.spec.feature_names == ("petal width (cm)", "sepal length (cm)")
