import json

import numpy as np
import pandas as pd
import pytest

from nnlab.data.features import data_spec, read_features
from nnlab.data.splits import DataSpec
from nnlab.errors import DataError, NnlabError
from nnlab.run import Run


@pytest.fixture
def iris(load):
    """Standardized, with the columns named in centimetres."""
    return load(source="iris", scale="standardize")


@pytest.fixture
def pictures(load, tmp_path):
    """Rows of shape (2, 3) without names."""
    x, y = np.arange(60.0).reshape(10, 2, 3), np.arange(10) % 2
    np.savez(tmp_path / "pictures.npz", x=x, y=y)
    return load(source="npz", path=str(tmp_path / "pictures.npz"), test=0.2, validation=0)


def measures(**columns) -> pd.DataFrame:
    names = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
    return pd.DataFrame([[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]], columns=names).assign(**columns)


def refused(file, spec) -> str:
    with pytest.raises(DataError) as error:
        read_features(file, spec)
    return str(error.value).replace(str(file), file.name)


@pytest.mark.parametrize("scale", [None, 255, "standardize", "minmax"])
def test_a_spec_survives_json_without_any_loss(load, scale):
    spec = load(source="iris", scale=scale, class_weight={"0": 2, "2": 0.3}).spec
    record = json.loads(json.dumps(spec.to_json()))
    again = DataSpec.from_json(record)
    assert again.to_json() == spec.to_json()
    assert again.class_weights[""] == {0: 2.0, 1: 1.0, 2: 0.3}
    x = load(source="iris").train.x
    np.testing.assert_array_equal(again.scaled(x)[""], spec.scaled(x)[""])


def test_columns_are_found_by_name_in_any_order_and_others_are_ignored(iris, tmp_path):
    frame = measures(note="x", species=None)
    frame.to_csv(tmp_path / "plain.csv", index=False)
    frame.iloc[:, ::-1].to_csv(tmp_path / "reversed.csv")
    x = read_features(tmp_path / "plain.csv", iris.spec)[""]
    np.testing.assert_array_equal(x, read_features(tmp_path / "reversed.csv", iris.spec)[""])
    np.testing.assert_array_equal(x, iris.spec.scaled({"": frame.iloc[:, :4].to_numpy()})[""])


def test_every_missing_or_bad_column_is_reported_at_once(iris, tmp_path):
    frame = measures(**{"sepal width (cm)": [None, 2.9], "petal length (cm)": [1.4, "4,3"]})
    frame = frame.rename(columns={"petal width (cm)": "petal width"}).drop(columns="sepal length (cm)")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    assert refused(tmp_path / "rows.csv", iris.spec) == (
        "rows.csv:1: there is no column `petal width (cm)`\n"
        "  hint: did you mean `petal width`?\n"
        "rows.csv:1: there is no column `sepal length (cm)`\n"
        "  hint: the run was trained with it; besides, the file has `petal width`\n"
        "rows.csv:2: column `sepal width (cm)` has 1 missing value\n"
        "  hint: fill what is missing, or remove such rows\n"
        "rows.csv:3: column `petal length (cm)` holds `4,3`, which is not a number\n"
        "  hint: write decimals with a point"
    )


def test_a_table_without_a_header_needs_one_where_the_run_has_names(iris, tmp_path):
    measures().to_csv(tmp_path / "rows.csv", index=False, header=False)
    assert refused(tmp_path / "rows.csv", iris.spec).endswith("hint: add a line with names above it")


@pytest.mark.parametrize("header", [None, "a,b,c,d,e,f", "0,1,2,3,4,5"])
def test_columns_without_names_go_by_position_with_or_without_a_header(pictures, tmp_path, header):
    lines = ["0,1,2,3,4,5", "6,7,8,9,10,11"] if header else ["0.0,1,2,3,4,5", "6,7,8,9,10,11"]
    (tmp_path / "rows.csv").write_text("\n".join([*([header] if header else []), *lines]))
    x = read_features(tmp_path / "rows.csv", pictures.spec)["x"]
    np.testing.assert_array_equal(x, np.arange(12.0).reshape(2, 2, 3))


def test_the_lines_of_a_table_without_a_header_are_counted_from_its_first_row(pictures, tmp_path):
    (tmp_path / "rows.csv").write_text("0.5,1,x,3,4,5\n6,7,8,9,,11\n")
    assert refused(tmp_path / "rows.csv", pictures.spec) == (
        "rows.csv:1: column `column 3` holds `x`, which is not a number\n"
        "  hint: correct it: the model takes numbers here\n"
        "rows.csv:2: column `column 5` has 1 missing value\n"
        "  hint: fill what is missing, or remove such rows"
    )


def test_a_table_of_another_width_is_refused(pictures, tmp_path):
    (tmp_path / "rows.csv").write_text("0.5,1\n2,3\n")
    assert refused(tmp_path / "rows.csv", pictures.spec) == (
        "rows.csv:1: the file has 2 columns, the model takes 6 values a row\n"
        "  hint: keep the features alone, in the order of the training data, which had no names for them"
    )


@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 6), (4, 2, 3, 1)])
def test_arrays_may_be_flat_or_have_an_axis_of_size_one_more(pictures, tmp_path, shape):
    np.save(tmp_path / "rows.npy", np.arange(24, dtype=np.uint8).reshape(shape))
    x = read_features(tmp_path / "rows.npy", pictures.spec)["x"]
    np.testing.assert_array_equal(x, np.arange(24.0, dtype=np.float32).reshape(4, 2, 3))


@pytest.mark.parametrize("names", [{"y": 9, "x": 0}, {"x_train": 9, "x_test": 0}, {"pictures": 0}])
def test_an_npz_file_gives_x_or_x_test_or_its_only_array(pictures, tmp_path, names):
    arrays = {name: np.full((1, 2, 3), float(value)) for name, value in names.items()}
    np.savez(tmp_path / "rows.npz", **arrays)
    assert read_features(tmp_path / "rows.npz", pictures.spec)["x"].sum() == 0


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 5)), "rows have the shape (5,), the model takes (2, 3)"),
        (np.zeros((2, 3)), "for a single row write `x[None]`: the first axis counts the rows"),
        (np.zeros(6), "for one row write `x[None]`, for one column `x.reshape(-1, 1)`"),
        (np.full((1, 2, 3), np.nan), "`x` holds `nan` in row 0 (counted from 0); 1 rows have such values"),
        (np.array([["a"]]), "`x` has the type <U1, expected numbers"),
        (np.array([[None]]), "`x` holds Python objects, which are not loaded"),
    ],
)
def test_unfit_arrays_are_refused(pictures, tmp_path, array, message):
    np.save(tmp_path / "rows.npy", array)
    assert message in refused(tmp_path / "rows.npy", pictures.spec)


def test_an_npz_file_with_several_arrays_has_to_say_which(pictures, tmp_path):
    np.savez(tmp_path / "rows.npz", a=np.zeros(1), b=np.zeros(1))
    assert refused(tmp_path / "rows.npz", pictures.spec) == (
        "rows.npz: the file has no `x`; it holds `a`, `b`\n  hint: save the rows with `np.savez(path, x=x)`"
    )


def test_files_that_are_not_there_or_something_else_are_named(iris, tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"\x89HDF....")
    assert refused(tmp_path / "rows.csv", iris.spec) == (
        "`rows.csv` is an HDF5 file, which cannot be read here\n  hint: save it as CSV, Parquet, NPY or NPZ"
    )
    assert refused(tmp_path / "row.csv", iris.spec) == "there is no file `row.csv`\n  hint: did you mean `rows.csv`?"
    assert "is a folder" in refused(tmp_path, iris.spec)


def test_a_run_whose_data_record_is_damaged_says_so(tmp_path):
    (tmp_path / "data.json").write_text('{"task": "binary"}')
    with pytest.raises(NnlabError, match=r"`.*data\.json` cannot be read: 'target'"):
        data_spec(Run(tmp_path))
