"""`nnlab data`: what the rows of a config are, and their picture."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from nnlab.report.pictures import Caption, picture_grid
from nnlab.report.svg import around, ticks

MODEL = "model: {hidden: [4]}\n"


@pytest.fixture
def look(nnlab, write_config):
    """Run the command on a `data` section."""

    def run(data: str, *arguments: str):
        path = write_config(f"data: {data}\n{MODEL}", "look.yaml")
        return nnlab("data", path, *arguments)

    return run


def texts(path) -> list[str]:
    return [node.text for node in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


def count(path, tag: str) -> int:
    return len(list(ElementTree.parse(path).iter(f"{{http://www.w3.org/2000/svg}}{tag}")))


def test_columns_and_classes_are_those_of_the_source_before_scaling(look):
    from sklearn.datasets import load_iris
    from sklearn.model_selection import train_test_split

    done = look("{source: iris, scale: standardize}", "--json")
    document = json.loads(done.out)
    assert {name: split["rows"] for name, split in document["splits"].items()} == {
        "train": 96, "validation": 24, "test": 30
    }  # fmt: skip
    iris = load_iris()
    x, _x_test, y, y_test = train_test_split(iris.data, iris.target, test_size=0.2, random_state=0)
    assert list(document["splits"]["test"]["classes"].values()) == np.bincount(y_test).tolist()
    x, _, y, _ = train_test_split(x, y, test_size=0.2, random_state=0)
    assert list(document["splits"]["train"]["classes"].items()) == list(
        zip(["setosa", "versicolor", "virginica"], np.bincount(y).tolist(), strict=True)
    )
    for i, column in enumerate(document["columns"][:4]):
        figures = [x[:, i].min(), x[:, i].max(), x[:, i].mean(), x[:, i].std()]
        assert [column[name] for name in ("min", "max", "mean", "std")] == pytest.approx(figures)
        assert (column["kind"], column["role"], column["missing"]) == ("number", "feature", 0)
    assert [document["columns"][4][name] for name in ("name", "kind", "role", "distinct")] == [
        "species", "class", "target", 3
    ]  # fmt: skip


def test_the_tables_say_that_values_are_those_before_scaling(look):
    out = look("{source: iris, scale: standardize}").out
    assert out.startswith(
        "iris: 96 train, 24 validation, 30 test rows\nsplit: random (the default)\nvalues as the source has them; the "
    )
    assert re.search(r"setosa +31 +8 +11 +32.3%", out)
    assert re.search(r"petal width \(cm\) +feature +number +float64 +0 +0.1000 +2.5000 +1.2198 +0.7698 +22", out)
    assert re.search(r"0 +5.6 +3 +4.1 +1.3 +versicolor", out)


def test_constant_columns_uneven_classes_and_missing_classes_are_said(look, tmp_path):
    rows = "".join(f"{i},3,{'rare' if i % 20 == 0 else 'often'}\n" for i in range(100))
    (tmp_path / "t.csv").write_text(f"a,k,kind\n{rows}")
    done = look("{source: csv, path: t.csv, target: kind, test: 2, split: random}")
    assert "note: `k` is the same in all training rows, 3: nothing is learned from it\n" in done.err
    assert "note: uneven classes: " in done.err
    assert "no test row has the class `rare`" in done.err
    assert look("{source: csv, path: t.csv, target: kind}", "-q").err == ""


@pytest.mark.parametrize(
    ("data", "kinds", "classes"),
    [
        ("digits", [("picture", [8, 8]), ("class", [])], 10),
        ("spiral", [("number", []), ("number", []), ("class", [])], 2),
        ("sine", [("number", []), ("number", [])], 0),
        ("{source: npz, path: two.npz, target: t}", [("picture", [6, 5]), ("number", []), ("whole number", [])], 0),
        (
            "{source: inline, columns: {x: [1, 2, 3], a: [0, 1, 1], b: [1, 0, 1]}, target: [a, b], task: multilabel}",
            [("whole number", []), ("label", []), ("label", [])],
            2,
        ),
        ("{source: digits, target: inputs}", [("picture", [8, 8])], 0),
    ],
)
def test_every_kind_of_source_is_described_and_drawn(look, tmp_path, data, kinds, classes):
    random = np.random.default_rng(0)
    np.savez(tmp_path / "two.npz", image=random.random((20, 6, 5)), meta=random.random((20, 1)), t=np.arange(20))
    done = look(data, "--plot", "a.svg", "--json")
    document = json.loads(done.out)
    assert [(column["kind"], column["shape"]) for column in document["columns"]] == kinds
    assert len(document["splits"]["train"]["classes"]) == classes
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_several_outputs_have_their_own_classes(look):
    data = "{source: inline, columns: {x: [1, 2, 3], a: [u, v, u], b: [1.5, 2, 3]}, target: {one: a, two: b}}"
    model = "{type: functional, inputs: {i: {}}, layers: {one: {Dense: 2, from: i}, two: {Dense: 1, from: i}}, "
    document = json.loads(look(data, "--json", "-S", f"model={model}outputs: [one, two]}}").out)
    assert document["splits"]["train"]["classes"] == {"u": 2, "v": 1}
    assert [column["role"] for column in document["columns"]] == ["feature", "target", "target"]


def test_pictures_stand_in_a_grid_with_their_classes(look, tmp_path):
    assert look("digits", "--plot", "d.svg").err.endswith("written: d.svg\n")
    assert count(tmp_path / "d.svg", "image") == 40
    shown = texts(tmp_path / "d.svg")
    assert shown[0] == "digits: the first 40 of 1,149 training rows"
    assert (len(shown), set(shown[1:]) <= set("0123456789")) == (41, True)
    assert (tmp_path / "d.svg").stat().st_size < 20_000


def test_points_have_the_colour_of_their_class_and_columns_have_histograms(look, tmp_path):
    look("spiral", "--plot", "s.svg", "-q")
    assert count(tmp_path / "s.svg", "circle") == 320 + 2  # those of the legend
    look("iris", "--plot", "i.svg", "-q")
    assert {"sepal length (cm)", "species", "setosa"} <= set(texts(tmp_path / "i.svg"))
    assert look("iris", "--plot", "i.png").err == "the plot `i.png` is no SVG file\n  hint: write `--plot i.svg`\n"


def test_a_picture_inside_is_the_picture_that_was_given():
    picture = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3) * 20
    found = re.search(r"base64,([^\"]*)", picture_grid(picture, [Caption(["a < b"], wrong=True)]))
    data = base64.b64decode(found[1])
    assert struct.unpack(">II", data[16:24]) == (2, 2)
    start = data.index(b"IDAT") + 4
    length = struct.unpack(">I", data[start - 8 : start - 4])[0]
    raw = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8).reshape(2, 7)
    assert (raw[:, 1:].reshape(2, 2, 3) == picture[0]).all()
    assert "a &lt; b" in picture_grid(picture, [Caption(["a < b"])])


def test_ticks_are_round_and_ends_leave_room():
    assert ticks(-3.3, 3.3, most=6) == [-2, 0, 2]
    assert ticks(0, 1, most=5) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert around([2.0, 2.0]) == pytest.approx((1.9, 2.1))


def test_the_picture_of_a_table_counts_words_of_sentences_and_years_of_dates(nnlab):
    Path("b.yaml").write_text("data: {source: {bookings: {samples: 300}}}\nmodel: {hidden: [2]}\n")
    assert nnlab("data", "b.yaml", "--plot", "b.svg").code == 0
    picture = Path("b.svg").read_text()
    assert ">arrival: year<" in picture
    assert ">wish: words<" in picture
    assert ">2022<" in picture
    assert "booking<" not in picture
