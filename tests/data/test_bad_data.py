"""Bad data and what is said about it: golden messages, with `FILE` for the data file."""

import gzip

import numpy as np
import pandas as pd
import pytest

from nnlab.errors import DataError, Problem

GOOD = "a,b,y\n1,2,0.5\n3,4,1.5\n"
CSV_CASES = {
    "nothing but missing values": (
        "a,b,y\n1,,\n\n3,,\n",
        {"features": ["a", "b"]},
        "FILE:2: column `b` has no value in any row\n"
        "  hint: remove it from `features`\n"
        "FILE:2: column `y` has no value in any row\n"
        "  hint: fill the column",
    ),
    "text as feature": (
        'note,b,y\n"two\nlines",2,0.5\n3,red,1.5\n',
        {"features": "b"},
        "FILE:4: column `b` holds `red`, which is not a number\n"
        "  hint: correct it, or leave the column out with `ignore`, or give it the kind `category` under `features`",
    ),
    "decimal commas beside points": (
        "a;y\n1.5;0,5\n1,5;1,5\n",
        {},
        "FILE:3: column `a` holds `1,5`, which is not a number\n  hint: write decimals with a point",
    ),
    "infinite and too large": (
        "a,b,y\n1,inf,0.5\n1e39,1,-inf\n",
        {},
        "FILE:3: column `a` holds `1e+39`, which is too large for float32\n"
        "  hint: remove this row, or correct the value\n"
        "FILE:2: 2 columns hold values that are not finite: `b`, `y`; the first has `inf`\n"
        "  hint: remove this row, or correct the value",
    ),
    "columns of one name": (
        "a,a,y,y,y\n1,2,3,4,5\n",
        {},
        "FILE:1: 2 columns are called `a`\n"
        "  hint: give every column its own name\n"
        "FILE:1: 3 columns are called `y`\n"
        "  hint: give every column its own name",
    ),
    "column without a name": (
        ",a,y\n0,1,0.5\n1,2,1.5\n",
        {},
        "FILE:1: `column 1` has no name\n"
        "  hint: name it, or list `features`; pandas leaves its row numbers out with `to_csv(..., index=False)`",
    ),
    "no header": (
        "1.5,2,3\n4,5,6\n",
        {"target": 2},
        "FILE:1: the first line holds numbers (1.5, 2, 3, ...), not the names of columns\n"
        "  hint: add a line with names above it",
    ),
    "empty": ("", {}, "data.path: `FILE` is empty"),
    "blank": ("\n\n", {}, "FILE: the file has only blank lines"),
    "header only": ("a,b,y\n", {}, "FILE: the file has a header and no rows"),
    "rows too long": (
        "a,y\n1,3\n1,2,3\n" + "1,2,3,4\n" * 5,
        {},
        "FILE:3: the line has 3 values, the header 2\n"
        "  hint: quote values that contain the separator\n"
        "FILE:4: the line has 4 values, the header 2\n"
        "  hint: quote values that contain the separator\n"
        "FILE:5: the line has 4 values, the header 2\n"
        "  hint: quote values that contain the separator\n"
        "FILE: 3 more lines have too many or too few values",
    ),
    "every row too long": (
        "a,y\n1,2,3\n",
        {},
        "FILE:2: the line has 3 values, the header 2\n  hint: quote values that contain the separator",
    ),
    "row too short": (
        "a,b,y\n1,2,3\n1\n",
        {},
        "FILE:3: the line has 1 value, the header 3\n  hint: write the missing values",
    ),
    "open quote": (
        'a,y\n1,2\n3,"4\n5,6\n',
        {},
        "FILE:3: a quote is opened here and never closed\n  hint: close or double it",
    ),
    "two encodings": (
        "a,y\n1,é\n".encode() + "2,é\n".encode("latin-1"),
        {},
        "FILE:3: the encoding cannot be told: this line is no UTF-8, and others are\n"
        "  hint: save it as UTF-8, or say which it is: `source: {csv: {encoding: cp1250}}`",
    ),
    "Russian without UTF-8": (
        "a,y\n1,Москва\n2,Тула\n".encode("cp1251"),
        {},
        "FILE:2: the encoding cannot be told: no UTF-8, and its words are none of Western Europe\n"
        "  hint: save it as UTF-8, or say which it is: `source: {csv: {encoding: cp1250}}`",
    ),
    "no character of Windows-1252": (
        b"a,y\n1,M\x81nchen\n",
        {},
        "FILE:2: the encoding cannot be told: no UTF-8, and `0x81` is no character of Windows-1252\n"
        "  hint: save it as UTF-8, or say which it is: `source: {csv: {encoding: cp1250}}`",
    ),
    "UTF-16 that is cut off": (
        GOOD.encode("utf-16")[:-3],
        {},
        "FILE:3: not UTF-16 text: the last character is cut off\n  hint: the file is damaged: fetch or write it again",
    ),
    "UTF-8 by another name": (
        "a,y\n1,é\n".encode(),
        {"source": {"csv": {"encoding": "latin-1"}}},
        "FILE: data.source: the file is UTF-8 text, and `encoding` says latin-1\n  hint: remove `encoding`",
    ),
    "another encoding than the config says": (
        "a,y\n1,é\n".encode("latin-1"),
        {"source": {"csv": {"encoding": "utf-8"}}},
        "FILE:2: not UTF-8 text: `0xE9` is no character here\n  hint: correct or remove `encoding`",
    ),
    "unknown form": (
        GOOD,
        {"source": {"csv": {"encoding": "latin1x", "delimiter": "#", "decimal": "'"}}},
        "data.source.csv.encoding: unknown encoding `latin1x`\n  hint: did you mean `latin-1`?\n"
        'data.source.csv.delimiter: unknown delimiter `#`\n  hint: write `,`, `;`, `|` or a tab: `"\\t"`\n'
        "data.source.csv.decimal: unknown decimal sign `'`\n  hint: write `.` or `,`",
    ),
    "damaged gzip": (
        gzip.compress(GOOD.encode() * 50)[:-12],
        {},
        "FILE: the gzip archive is damaged: Compressed file ended before the end-of-stream marker was reached\n"
        "  hint: fetch or pack it again",
    ),
    "packed Parquet": (
        gzip.compress(b"PAR1...."),
        {},
        "data.path: `FILE` is not a CSV file but a gzip archive of a Parquet file\n  hint: unpack it",
    ),
    "Parquet": (
        b"PAR1....",
        {},
        "data.path: `FILE` is not a CSV file but a Parquet file\n  hint: write `source: parquet`",
    ),
    "unknown columns": (
        GOOD,
        {"target": "Y", "features": ["A", 7]},
        "data.target[0]: unknown column `Y`\n"
        "  hint: did you mean `y`?\n"
        "data.features[0]: unknown column `A`\n"
        "  hint: did you mean `a`?\n"
        "data.features[1]: there is no column 7\n"
        "  hint: columns count from 0 to 2",
    ),
    "column named twice": (
        GOOD,
        {"features": ["a", 0, "y"]},
        "data.features[1]: column `a` stands twice in `features`\n"
        "  hint: remove one of them\n"
        "data.features: column `y` is the target and a feature too\n"
        "  hint: remove it from `features`",
    ),
    "no features": ("y\n0.5\n1.5\n", {}, "data.target: no column is left as a feature: all are targets"),
    "empty lists": (
        GOOD,
        {"features": []},
        "data.features: `features` names no column\n  hint: remove it for all columns",
    ),
    "no target": (GOOD, {"target": []}, "data.target: `target` names no column\n  hint: one of `a`, `b`, `y`"),
    "regression on text": (
        "a,y\n1,0.5\n2,red\n",
        {"task": "regression"},
        "FILE:3: column `y` holds `red`, which is not a number\n"
        "  hint: correct it, or write `task: classification` if the target has classes",
    ),
    "a slip in a target of numbers": (
        "a,y\n1,0.5\n2,?\n3,1.5\n4,2.5\n",
        {},
        "FILE:3: column `y` holds `?`, which may stand for a missing value\n"
        "  hint: say so with `missing`, a list of such texts, or fill it",
    ),
    "one class": (
        "a,y\n1,red\n2,red\n",
        {},
        "data.target: the target has only the class `red`, two are needed\n  hint: look at the target column",
    ),
    "fractions as classes": (
        GOOD,
        {"task": "classification"},
        "data.task: classes are text or whole numbers, the target holds `0.5`\n  hint: write `task: regression`",
    ),
    "three classes as binary": (
        "a,y\n1,u\n2,v\n3,w\n",
        {"task": "binary"},
        "data.task: `binary` needs two classes, the target has 3: `u`, `v`, `w`\n"
        "  hint: name one in `positive_class`, keep two with `classes`, or write `task: classification`",
    ),
    "labels other than 0 and 1": (
        "a,y,z\n1,0,1\n2,2,0\n",
        {"target": ["y", "z"], "task": "multilabel"},
        "data.task: `multilabel` needs 0 or 1 in every row, the target `y` holds `2.0`\n"
        "  hint: name columns of 0 and 1 in `target`",
    ),
    "classes in two columns": (
        GOOD,
        {"target": ["a", "y"], "task": "classification"},
        "data.task: a class for each row needs one target column, received 2\n"
        "  hint: name the column with the class of each row",
    ),
    "weights without classes": (
        GOOD,
        {"class_weight": "balanced"},
        "data.class_weight: `class_weight` needs classes, but the task is regression\n  hint: remove `class_weight`",
    ),
    "classes in a regression": (
        GOOD,
        {"task": "regression", "classes": ["a", "b"]},
        "data.classes: `classes` chooses among classes, but the task is regression\n"
        "  hint: remove `classes`, or write `task: classification`",
    ),
}


@pytest.mark.parametrize(("content", "section", "message"), CSV_CASES.values(), ids=CSV_CASES.keys())
def test_csv(load, error_text, tmp_path, content, section, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    section = {"source": "csv", "target": "y", "test": 0, "validation": 0, **section}
    assert error_text(load, path=str(path), **section).replace(str(path), "FILE") == message


BUILT_IN_CASES = {
    "settings of other sources": (
        {"source": "iris", "path": "x.csv", "target": "species"},
        "data.path: `iris` takes no `path`, received `x.csv`\n"
        "  hint: remove it, or write `source: csv` for a file of your own\n"
        "data.target: `iris` has a target of its own, received `species`\n"
        "  hint: remove `target`",
    ),
    "unknown features": (
        {"source": "iris", "features": ["sepal length", 9]},
        "data.features[0]: unknown column `sepal length`\n"
        "  hint: did you mean `sepal length (cm)`?\n"
        "data.features[1]: there is no column 9\n"
        "  hint: columns count from 0 to 3",
    ),
    "unknown classes": (
        {"source": "iris", "classes": ["setsa", 7, "virginica", 2]},
        "data.classes[0]: unknown class `setsa`\n"
        "  hint: did you mean `setosa`?\n"
        "data.classes[1]: unknown class `7`\n"
        "  hint: one of `setosa`, `versicolor`, `virginica`\n"
        "data.classes[3]: class `virginica` stands twice in `classes`\n"
        "  hint: remove one of them",
    ),
    "one class": (
        {"source": "iris", "classes": ["setosa"]},
        "data.classes: `classes` needs at least two classes, received 1\n"
        "  hint: one of `setosa`, `versicolor`, `virginica`",
    ),
    "unknown positive class": (
        {"source": "iris", "positive_class": "virginca"},
        "data.positive_class: unknown class `virginca`\n  hint: did you mean `virginica`?",
    ),
    "unknown weights": (
        {"source": "iris", "class_weight": {"setsa": 1, 5: 2}},
        "data.class_weight.setsa: unknown class `setsa`\n"
        "  hint: did you mean `setosa`?\n"
        "data.class_weight.5: unknown class `5`\n"
        "  hint: one of `setosa`, `versicolor`, `virginica`",
    ),
    "classes that the limit cuts off": (
        {"source": "iris", "test": 0, "validation": 0, "limit": 5},
        "data.limit: none of the 5 training rows has the classes `versicolor`, `virginica`\n"
        "  hint: raise `limit`, try another `seed`, or leave it out with `classes`",
    ),
    "columns of unequal length": (
        {"source": "inline", "columns": {"x": [1, 2], "y": [1]}, "target": "y"},
        "data.columns: columns need one value a row: `x` has 2, `y` has 1\n  hint: write as many values in each",
    ),
    "bad values in the config": (
        {"source": "inline", "columns": {"x": [1, None], "z": [1, "a"], "w": [[1], 2], "y": [1, 2]}, "target": "y"},
        "data.columns.z[1]: column `z` holds `a`, which is not a number\n"
        "  hint: correct it, or leave the column out with `ignore`, or give it the kind `category` under `features`\n"
        "data.columns.w[0]: column `w` holds a list of 1, which is not one value\n"
        "  hint: give each of its values a column of its own, or leave the column out with `ignore`",
    ),
    "a single row to split": (
        {"source": "inline", "columns": {"x": [1.0], "y": [-1.0]}, "target": "y", "test": 0.2},
        "data.test: `test: 0.2` takes 1 of 1 rows and leaves none for training\n  hint: lower it, or write `test: 0`",
    ),
}


@pytest.mark.parametrize(("section", "message"), BUILT_IN_CASES.values(), ids=BUILT_IN_CASES.keys())
def test_config(load, error_text, section, message):
    assert error_text(load, **section) == message


NPZ_CASES = {
    "other names": (
        {"a": [1], "b": [2]},
        {},
        "FILE: the file has no `y`; it holds `a`, `b`\n  hint: name the array to predict: `target: NAME`",
    ),
    "objects": (
        {"x": np.array([1, None]), "y": [1, 2]},
        {},
        "FILE: `x` holds Python objects, which are not loaded\n"
        "  hint: store numbers or text: `np.asarray(values, dtype=float)` shows what stands in the way",
    ),
    "unequal lengths": ({"x": np.ones((3, 2)), "y": [1, 2]}, {}, "FILE: `x` has 3 rows, `y` has 2"),
    "wrong axes": (
        {"x": np.float64(3), "y": np.ones((3, 1, 1))},
        {},
        "FILE: `x` has the shape (), expected rows of features\n"
        "FILE: `y` has the shape (3, 1, 1), expected (rows,) or (rows, targets)",
    ),
    "text as features": ({"x": [["a"]], "y": [1]}, {}, "FILE: `x` has the type <U1, expected numbers"),
    "not finite": (
        {"x": [[1.0], [np.nan], [np.inf]], "y": ["a", "b", "a"]},
        {},
        "FILE: `x` holds `nan` in row 1 (counted from 0); 2 rows have such values\n"
        "  hint: every value has to be a finite float32: fill missing values or leave these rows out",
    ),
    "no rows": ({"x": np.ones((0, 2)), "y": []}, {}, "FILE: `x` has no rows\nFILE: `y` has no rows"),
    "test rows of another shape": (
        {"x_train": np.ones((3, 2)), "y_train": [0, 1, 0], "x_test": np.ones((2, 3)), "y_test": [0, 1]},
        {},
        "FILE: rows of `x_test` have the shape (3,), rows of `x_train` (2,)",
    ),
    "a second test set": (
        {"x_train": np.ones((3, 2)), "y_train": [0, 1, 0], "x_test": np.ones((2, 2)), "y_test": [0, 1]},
        {"test": 2},
        "data.test: `npz` has a test set of its own, 2 rows\n  hint: remove `test`",
    ),
    "a class of the test set only": (
        {"x_train": np.ones((4, 2)), "y_train": [0, 1, 0, 1], "x_test": np.ones((2, 2)), "y_test": [0, 2]},
        {"validation": 0},
        "data.source: none of the 4 training rows has the class `2`\n"
        "  hint: only the test set has it: leave it out with `classes`",
    ),
}


@pytest.mark.parametrize(("arrays", "section", "message"), NPZ_CASES.values(), ids=NPZ_CASES.keys())
def test_npz(load, error_text, tmp_path, arrays, section, message):
    path = tmp_path / "t.npz"
    np.savez(path, **arrays)
    assert error_text(load, source="npz", path=str(path), **section).replace(str(path), "FILE") == message


def test_a_cut_npz_is_damaged(load, error_text, tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, x=np.ones((3, 2)), y=[0, 1, 0])
    path.write_bytes(path.read_bytes()[:200])
    assert error_text(load, source="npz", path=str(path)).startswith(f"{path}: the file is damaged: ")


def test_a_missing_file_is_guessed_from_its_folder(load, error_text, tmp_path):
    (tmp_path / "houses.csv").write_text(GOOD)
    path = tmp_path / "house.csv"
    assert error_text(load, source="csv", path=str(path), target="y") == (
        f"data.path: there is no file `{path}`\n  hint: did you mean `houses.csv`?"
    )


def test_a_missing_folder_and_a_folder_for_a_file_are_told(load, error_text, tmp_path):
    path = tmp_path / "no" / "t.csv"
    assert error_text(load, source="csv", path=str(path), target="y") == (
        f"data.path: there is no file `{path}`: its folder is not there either\n  hint: check `path`"
    )
    assert error_text(load, source="csv", path=str(tmp_path), target="y") == (
        f"data.path: `{tmp_path}` is a folder, not a file\n  hint: name a file in it"
    )


def test_csv_under_another_sources_name(load, error_text, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(GOOD)
    assert error_text(load, source="npz", path=str(path)) == (
        f"data.path: `{path}` is not an NPZ file\n  hint: write `source: csv` for a table as text"
    )


def test_parquet_problems_give_the_row(load, error_text, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    spans = pd.to_timedelta(["1h", None, "2h"])
    pd.DataFrame({"a": [1, np.inf, 3], "span": spans, "y": [0.5, 1.5, 2.5]}).to_parquet(path)
    assert error_text(load, source="parquet", path=str(path), target="y") == (
        f"{path}: column `span` holds `0 days 01:00:00`, which is a date or a time, not a number, "
        "in row 0 (counted from 0)\n"
        "  hint: write dates as `2024-12-31`, or as numbers (days since the first, year, month ...), or leave the "
        "column out with `ignore`, or give it the kind `category` under `features`\n"
        f"{path}: column `a` holds `inf`, which is not finite, in row 1 (counted from 0)\n"
        "  hint: remove this row, or correct the value"
    )


def test_a_cut_parquet_file_cannot_be_read(load, error_text, tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1....")
    assert error_text(load, source="parquet", path=str(path), target="y").startswith(
        f"{path}: cannot be read as Parquet: "
    )


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"test": 0.2}, "data.test: `fashion_mnist` has a test set of its own, 10 rows\n  hint: remove `test`"),
        (
            {"features": [0]},
            "data.features: rows of shape (28, 28) have no columns to choose\n  hint: remove `features`",
        ),
    ],
)
def test_settings_that_image_sets_refuse(load, error_text, tmp_path, section, message):
    x, y = np.zeros((20, 28, 28), np.uint8), np.tile(np.arange(10), 2)
    np.savez(tmp_path / "t.npz", x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])
    assert error_text(load, source="fashion_mnist", path=str(tmp_path / "t.npz"), **section) == message


def test_a_folder_without_the_images_is_told_what_it_needs(load, error_text, tmp_path):
    assert error_text(load, source="fashion_mnist", path=str(tmp_path)) == (
        f"data.path: `{tmp_path}` does not hold `fashion_mnist`\n"
        "  hint: expected the four idx files (`train-images-idx3-ubyte.gz`, ...), or an NPZ file with `x_train`, ..."
    )


def test_problems_carry_file_and_line(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,0.5\nred,1.5\n")
    with pytest.raises(DataError) as error:
        load(source="csv", path=str(path), target="y")
    (problem,) = error.value.problems
    assert isinstance(problem, Problem)
    assert (problem.file, problem.line, problem.path) == (str(path), 3, ())
