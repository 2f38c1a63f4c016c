"""Values of tables that are no numbers: named as what they are, with a remedy where it is sure."""

import datetime

import pytest

CATEGORY = ", or give it the kind `category` under `features`"
FEATURE = ", or leave the column out with `ignore`" + CATEGORY
CASES = {
    "thousands or decimals": (
        ["1,000", "1,037"],
        "column `v` holds `1,000`, whose comma may be a thousands separator (three digits follow it)\n"
        "  hint: remove the comma if it separates thousands; write a point if it separates decimals",
    ),
    "thousands": (["1,000,000", "2,500"], "holds `1,000,000`, whose commas are thousands separators"),
    "thousands with decimals": (["1,000.50", "12"], "hint: remove the commas"),
    "commas and points": (["1.5", "1,5"], "hint: write decimals with a point"),
    "points in thousands": (["1.000,50", "2.000,00"], "remove the points, and write decimals with a point"),
    "many points": (["1.000.000", "2"], "remove the points"),
    "digits in groups": (["1 000", "2 000"], "whose digits stand in groups\n  hint: write the digits without a gap"),
    "percentages": (["5%", "10 %"], "which is a percentage, not a number\n  hint: remove the `%`"),
    "money": (["$5", "$1,000"], "which is an amount of money, not a number\n  hint: remove the currency"),
    "euros": (["5 \u20ac", "7,50 \u20ac"], "which is an amount of money"),
    "days": (["2020-01-01", "2. Jan 2020"], "which is a date or a time, not a number\n  hint: write dates as `2024"),
    "days or months first": (["5/6/2020", "6/5/2020"], "which may be read as `%d/%m/%Y`, `%m/%d/%Y`"),
    "times": (["12:30", "08:15:10"], "which is a date or a time"),
    "days in words": (["5 Jan 2020", "March 3, 2021"], "which is a date or a time"),
    "units": (["12 kg", "7.5 kg"], "which is a number with a unit\n  hint: remove `kg`"),
    "months in words": (["Jan-20", "Feb 2021"], "which is a date or a time"),
    "quarters": (["2020-Q1", "2020-Q2"], "which is a date or a time"),
    "days after their names": (["Mon Jan 6 2020", "Tue, 7 Jan 2020"], "which is a date or a time"),
    "durations": (["0 days 00:30:00", "1 days 00:00:00"], "which is a date or a time"),
    "several units": (["5 kg", "300 g"], "here are `g`, `kg`"),
    "short numbers": (["950", "1.2k"], "holds `1.2k`, which is a number in short\n  hint: write the number out"),
    "parentheses": (["(5.00)", "(1,000.50)"], "whose parentheses may stand for a minus"),
    "another minus": (["\u22125", "3"], "whose minus is another sign than `-`\n  hint: write it as `-`"),
    "points and commas": (["900,50", "1.000,50"], "hint: remove the points, and write decimals with a point"),
    "some percentages": (["0.5", "50%"], "hint: write all values of the column alike"),
    "errors of a spreadsheet": (["#DIV/0!", "1"], "which may stand for a missing value"),
    "marks": (["-", "1"], "which may stand for a missing value\n  hint: say so with `missing`, a list of such texts"),
    "nothing but marks": (["?", "?", "NA"], "which may stand for a missing value"),
    "a slip": (["1", "2", "3", "x"], "holds `x`, which is not a number\n  hint: correct it" + FEATURE),
    "names": (["red", "green", "blue"], "is a category, and no two training rows have the same value"),
    "mixed": (["1,000", "abc", "5%"], "holds `1,000`, which is not a number\n  hint: correct it" + FEATURE),
}


@pytest.mark.parametrize(("values", "said"), CASES.values(), ids=CASES.keys())
def test_a_feature_is_named_as_what_it_is(load, error_text, values, said):
    columns = {"v": values, "y": [0.5 + row for row in range(len(values))]}
    assert said in error_text(load, source="inline", columns=columns, target="y")


def test_dates_of_a_config_and_targets_in_other_notations_are_named(load, error_text):
    times = [datetime.time(12, 30), datetime.time(8)]
    assert "which is a date or a time" in error_text(
        load, source="inline", columns={"v": times, "y": [1.5, 2.5]}, target="y"
    )
    for values in (["5%", "7%"], ["1,000,000", "2,000"], ["2020-01-01", "2020-01-02"], ["$5", "$6"]):
        columns = {"x": [1.5, 2.5], "y": values}
        assert "not a number" in error_text(load, source="inline", columns=columns, target="y").replace(
            "whose commas are thousands separators", "not a number"
        )


def test_64_columns_of_one_kind_are_one_problem(load, error_text):
    columns = {f"c{number}": ["5%", "6%"] for number in range(64)} | {"d": ["12:30"] * 2, "y": [0.5, 1.5]}
    assert error_text(load, source="inline", columns=columns, target="y") == (
        "data.columns.c0[0]: 64 columns hold percentages: `c0`, `c1`, `c2`, `c3`, `c4`, `c5` and 58 more; "
        "the first has `5%`\n"
        "  hint: remove the `%`\n"
        "data.columns.d[0]: column `d` holds `12:30`, which is a date or a time, not a number\n"
        "  hint: write dates as `2024-12-31`, or as numbers (days since the first, year, month ...)" + FEATURE
    )


def test_many_columns_that_are_not_there_are_one_problem(load, error_text):
    columns = {"a": [1.0, 2.0], "y": [0.5, 1.5]}
    features = [f"c{number}" for number in range(64)]
    assert error_text(load, source="inline", columns=columns, target="y", features=features) == (
        "data.features: 64 of the 64 columns are not there: `c0`, `c1`, `c2`, `c3`, `c4`, `c5` and 58 more\n"
        "  hint: the data have `a`, `y`"
    )


TOPS = {
    "comment": ("# made by hand\na,b,y\n1,2,u\n3,4,v\n", "FILE:1: `# made by hand` is a comment"),
    "title": (
        "Sales of 2020\na,b,y\n1,2,u\n3,4,v\n",
        "FILE:1: `Sales of 2020` is one value, and the lines below it have 3",
    ),
    "separator": ("sep=;\na;b;y\n1;2;u\n3;4;v\n", "FILE:1: `sep=;` tells a spreadsheet the separator"),
    "separating comma": ("sep=,\na,b,y\n1,2,u\n3,4,v\n", "FILE:1: `sep=,` tells a spreadsheet the separator"),
    "comment in between": ("a,b,y\n1,2,u\n# not sure\n3,4,v\n", "FILE:3: the line is a comment, not a row"),
}


@pytest.mark.parametrize(("content", "said"), TOPS.values(), ids=TOPS.keys())
def test_lines_that_are_no_rows_are_named(load, error_text, tmp_path, content, said):
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert error_text(load, source="csv", path=str(path), target="y").replace(str(path), "FILE").startswith(said)


@pytest.mark.parametrize("header", ["a|b|y", "a;b, in cm;y", "a\tb, in cm\ty"])
def test_the_separator_is_the_one_that_all_lines_have(load, tmp_path, header):
    separator = next(character for character in ";\t|" if character in header)
    rows = [["1", "2", "0.5"], ["3", "4", "1.5"]]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *(separator.join(row) for row in rows)]))
    splits = load(source="csv", path=str(path), target="y", test=0, validation=0)
    assert splits.train.x[""].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_a_header_that_begins_with_a_hash_is_a_header(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("#a,y\n1,0.5\n2,1.5\n")
    assert load(source="csv", path=str(path), target="y", test=0, validation=0).spec.feature_names == ("#a",)
