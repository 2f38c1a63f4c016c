"""Tables as people have them: what spreadsheets, databases and pandas write around and into them."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

WHOLE = {"test": 0, "validation": 0}
ROWS = [f"{row / 4},{row % 5},{'cat' if row % 2 else 'dog'}" for row in range(24)]


@pytest.fixture
def load_text(load, tmp_path):
    """Load a CSV file with this text."""

    def load_text(text, **section):
        path = tmp_path / "t.csv"
        path.write_text(text, newline="")
        return load(source="csv", path=str(path), **{"target": "y", **WHOLE, **section})

    return load_text


@pytest.fixture
def load_parquet(load, tmp_path):
    """Load a Parquet file with these columns."""
    pytest.importorskip("pyarrow")

    def load_parquet(columns, **section):
        path = tmp_path / "t.parquet"
        pd.DataFrame(columns).to_parquet(path)
        return load(source="parquet", path=str(path), target="y", **WHOLE, **section)

    return load_parquet


MARGINS = {
    "columns": ("\r\n".join(["a,b,y,,", *(f"{row},," for row in ROWS)]), 24),
    "rows": ("\n".join(["a,b,y", *ROWS, ",,", ",,", ""]), 24),
    "both": ("\n".join(["a,b,y,", *(f"{row}," for row in ROWS), ",,,", ",,,", "", ""]), 24),
}


@pytest.mark.parametrize(("text", "rows"), MARGINS.values(), ids=MARGINS.keys())
def test_the_empty_margins_of_a_spreadsheet_are_no_part_of_the_table(load_text, text, rows):
    splits = load_text(text)
    assert splits.spec.feature_names == ("a", "b")
    assert splits.train.x[""].tolist() == [[row / 4, row % 5] for row in range(rows)]
    assert splits.train.y[""].ravel().tolist() == [float(row % 2 == 0) for row in range(rows)]


def test_labels_are_read_as_written_above_empty_rows(load_text):
    labels = ["NA", "EU", "AS"] * 8
    text = "\n".join(["a,y", *(f"{row},{label}" for row, label in enumerate(labels)), ",", ""])
    assert load_text(text).spec.targets[""].class_names == ("AS", "EU", "NA")


def test_rows_without_a_target_and_columns_without_values_are_left_out_and_this_is_said(load_text):
    assert load_text("\n".join(["a,b,y", *ROWS, "NA,NA,NA"])).spec.targets[""].class_names == ("NA", "cat", "dog")
    assert load_text("\n".join(["a,b,y", ",,", *ROWS])).spec.notes == ("1 row without a value of `y` left out",)
    notes = load_text("\n".join(["a,b,y,c", *(f"{row}," for row in ROWS)])).spec.notes
    assert notes == ("`c` is left out: it has no value in any row",)


def test_several_columns_without_a_name_are_one_problem_of_the_first_line(load_text, error_text):
    assert error_text(load_text, text="\n".join(["My table,,", "a,b,y", *ROWS])).endswith(
        ":1: 2 columns have no name: `column 2`, `column 3`\n"
        "  hint: the first line has to name the columns: name them, remove what is above that line, or list `features`"
    )


def test_comments_of_several_widths_above_the_names_are_named_as_such(load_text, error_text):
    text = "\n".join(["# made by hand", "# on Monday, at noon", "a,b,y", *ROWS])
    assert ":1: `# made by hand` is a comment" in error_text(load_text, text=text)


def test_a_column_that_counts_the_rows_is_said(load_text):
    counted = "\n".join(["Unnamed: 0,a,b,y", *(f"{number},{row}" for number, row in enumerate(ROWS))])
    spec = load_text(counted).spec
    assert spec.notes == ("`Unnamed: 0` is left out: whole numbers, all 24 different, as an id has them",)
    assert spec.feature_names == ("a", "b")
    assert load_text(counted, features=["Unnamed: 0", "a"]).spec.notes == ()


def test_zeros_in_front_of_numbers_are_said_where_they_are_lost(load_text):
    text = "\n".join(
        ["zip,b,y", *(f"{'01234' if row % 2 else '1234'},{row / 3:.3f},{row * 0.1:.1f}" for row in range(24))]
    )
    assert load_text(text).spec.notes == (
        "zeros in front of numbers are lost, such as `01234` is 1234, in `zip`; "
        "write `features: {zip: category}` for codes, or leave them out with `ignore`",
    )
    codes = "\n".join(["a,y", *(f"{row / 3:.3f},{row * 7:05d}" for row in range(24))])
    (note,) = load_text(codes).spec.notes
    assert note.endswith("in `y`; write `task: classification` if these are codes")
    assert load_text(codes, task="regression").spec.notes == ()


def test_integers_of_any_size_are_said_to_lose_their_last_digits(load_text, error_text):
    ids = "\n".join(["id,b,y", *(f"{10**25 + row},{row / 3:.3f},{row % 2}" for row in range(24))])
    assert load_text(ids).spec.notes == (
        "whole numbers beyond 2^53 lose their last digits in `id`; leave ids out with `ignore`",
    )
    for section in ({}, {"target": "x", "task": "regression", "features": ["y"]}):
        endless = "\n".join(["x,y", *(f"{10**400 + row},{row % 2}" for row in range(24))])
        assert "which is not finite" in error_text(load_text, text=endless, **section)


def test_exact_decimals_of_a_database_are_numbers(load_parquet):
    prices = [Decimal(row % 6) / 4 for row in range(24)]
    spec = load_parquet({"x": np.arange(24.0), "y": prices}).spec
    assert spec.targets[""].task == "regression"
    spec = load_parquet({"x": np.arange(24.0), "y": [Decimal(row % 12) for row in range(24)]}).spec
    assert spec.targets[""].class_names == tuple(str(number) for number in range(12))  # in their order as numbers


def test_lists_and_bytes_in_a_column_are_refused(load_parquet, load, error_text):
    x = np.arange(24.0)
    assert error_text(load_parquet, columns={"x": x, "y": [[1, 0]] * 24}).endswith(
        "column `y` holds `list<element: int64>`, which is not one value, in row 0 (counted from 0)\n"
        "  hint: give each of its values a column of its own"
    )
    assert "which is not one value" in error_text(load_parquet, columns={"x": x, "w": [[1, 0]] * 24, "y": x})
    assert "bytes that are not UTF-8 text" in error_text(
        load_parquet, columns={"x": x, "y": [b"\xff", b"\xfe", b"a"] * 8}
    )
    assert "which is not one value" in error_text(
        load, source="inline", columns={"x": [1, 2], "y": [[1], [2]]}, target="y", **WHOLE
    )


def test_half_floats_are_classes_without_a_warning(load, tmp_path):
    np.savez(tmp_path / "t.npz", x=np.arange(24.0).astype(np.float16), y=(np.arange(24) % 3).astype(np.float16))
    spec = load(source="npz", path=str(tmp_path / "t.npz"), **WHOLE).spec
    assert spec.targets[""].class_names == ("0", "1", "2")


def test_points_that_may_separate_thousands_are_said_in_files_with_semicolons(load_text):
    rows = [f"{900 + 37 * row:,}".replace(",", ".") for row in range(24)]
    text = "\n".join(["a;b;y", *(f"{value};{row % 5};{row % 2}" for row, value in enumerate(rows))])
    assert load_text(text).spec.notes == (
        "`t.csv` has `;` between its values",
        "every point in `a` stands before three digits, and is read as a decimal point (`1.011` is 1.011): "
        "remove the points if they separate thousands, or write `source: {csv: {decimal: ','}}`",
    )
    assert load_text(text.replace(";", ",")).spec.notes == ()
    assert load_text(text.replace("900;", "0.900;", 1)).spec.notes == ("`t.csv` has `;` between its values",)


@pytest.mark.parametrize(
    ("text", "found", "remedy"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "a pointer of Git LFS",
            "`git lfs pull` fetches",
        ),
        ("\n<!DOCTYPE html>\n<html></html>\n", "a web page", "download the file itself"),
    ],
)
def test_what_a_download_left_instead_of_a_table_is_named(load_text, error_text, text, found, remedy):
    message = error_text(load_text, text=text)
    assert f"is not a CSV file but {found}" in message
    assert remedy in message


def test_names_and_labels_with_underscores_are_no_numbers(load_text):
    labels = ["1_2", "12", "3"] * 8
    text = "\n".join(["1_1,1_2,2_1", *(f"{row},{row % 5},{label}" for row, label in enumerate(labels))])
    spec = load_text(text, target="2_1", task="classification").spec
    assert spec.feature_names == ("1_2",)
    assert spec.targets[""].class_names == ("12", "1_2", "3")
    assert spec.notes == ("`1_1` is left out: whole numbers, all 24 different, as an id has them",)
