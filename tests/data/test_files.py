"""Files of tables as people have them: encodings, packing, several files, the types of Parquet; held against pandas."""

import bz2
import datetime
import gzip
import io
import lzma
import zipfile
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from nnlab.config.data import DataConfig
from nnlab.config.load import load_config
from nnlab.data import text_files
from nnlab.data.features import read_features
from nnlab.data.loading import load_data, read_source
from nnlab.data.text_files import TextFile
from nnlab.errors import DataError
from nnlab.model.plan import plan_model, with_plan

WHOLE = {"test": 0, "validation": 0, "target": "y"}
TOWNS = ["Zürich", "Genève", "Köln", "Bern"]
ROWS = [(row / 8, TOWNS[row * 7 % 4], row % 3) for row in range(40)]
TEXT = "".join(f"{line}\n" for line in ["size,town,y", *(f"{size},{town},{y}" for size, town, y in ROWS)])


def zipped(content, name="t.csv"):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
        archive.writestr("__MACOSX/._t.csv", b"\0")
    return stream.getvalue()


def read(path, **section):
    config = DataConfig.read({"source": "csv", "path": str(path), **WHOLE, **section})
    return config, read_source(config, seed=0)


FORMS = {
    "UTF-8": (TEXT.encode(), (), {}),
    "UTF-8 with a mark": (TEXT.encode("utf-8-sig"), ("begins with a byte order mark, which is left out",), {}),
    "UTF-16": (TEXT.encode("utf-16"), ("is read as UTF-16 text, as its byte order mark says",), {"encoding": "utf-16"}),
    "UTF-32": (TEXT.encode("utf-32"), ("is read as UTF-32 text, as its byte order mark says",), {"encoding": "utf-32"}),
    "UTF-16 without a mark": (
        TEXT.encode("utf-16-be"),
        ("is read as UTF-16-BE text, as every second byte is 0",),
        {"encoding": "utf-16-be"},
    ),
    "Latin-1": (
        TEXT.encode("latin-1"),
        (
            "is no UTF-8, and read as Windows-1252 (Western European) text, here the same as Latin-1: `Zürich`; the "
            "`encoding` of `csv` says another",
        ),
        {"encoding": "cp1252"},
    ),
    "Windows-1252": (
        TEXT.replace("size", "size “€”").encode("cp1252"),
        (
            "is no UTF-8, and read as Windows-1252 (Western European) text: `Zürich`; the `encoding` of `csv` says "
            "another",
        ),
        {"encoding": "cp1252"},
    ),
    "semicolons": (TEXT.replace(",", ";").encode(), ("has `;` between its values",), {"delimiter": ";"}),
    "tabs": (TEXT.replace(",", "\t").encode(), ("has tabs between its values",), {"delimiter": "\t"}),
    "gzip": (gzip.compress(TEXT.encode()), (), {}),
    "bzip2": (bz2.compress(TEXT.encode()), (), {}),
    "xz": (lzma.compress(TEXT.encode()), (), {}),
    "zip": (zipped(TEXT.encode()), (), {}),
    "packed UTF-16 with tabs": (
        gzip.compress(TEXT.replace(",", "\t").encode("utf-16")),
        ("is read as UTF-16 text, as its byte order mark says", "has tabs between its values"),
        {"encoding": "utf-16", "delimiter": "\t"},
    ),
}


@pytest.mark.parametrize(("content", "notes", "found"), FORMS.values(), ids=FORMS.keys())
def test_a_file_of_any_form_gives_the_same_rows_and_its_form_is_said(tmp_path, content, notes, found):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    _, raw = read(path)
    size, town = raw.x.values()
    assert list(zip(size, town, raw.y[""], strict=True)) == ROWS
    assert raw.notes == tuple(f"`t.csv` {note}" for note in notes)
    assert raw.read_with == found
    if found:
        _, again = read(path, source={"csv": found})
        assert again.x["town"].tolist() == town.tolist()
        assert again.notes == ()


def test_a_table_of_two_readings_says_which_was_taken(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b;y,z\n" + "1,5;2,0\n2,5;3,1\n" * 10)
    _, raw = read(path, target="z", features=["a"])
    assert raw.notes[0] == (
        "`t.csv` is split at `,` into 3 columns; at `;` its first lines would be 2 columns: the `delimiter` of `csv` "
        "decides it"
    )
    _, raw = read(path, source={"csv": {"delimiter": ";"}}, target="y,z", task="regression")
    assert raw.x[""].ravel().tolist() == [1.5, 2.5] * 10


def test_a_decimal_sign_that_is_given_settles_what_could_be_read_in_two_ways(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b;y\n" + "1,250;1.000;0,5\n2,500;12.500,5;1,5\n" * 10)
    with pytest.raises(DataError, match="may be a thousands separator"):
        read(path)
    _, raw = read(path, source={"csv": {"decimal": ","}}, task="regression")
    assert raw.x[""].tolist() == [[1.25, 1000], [2.5, 12500.5]] * 10
    assert raw.y[""].tolist() == [0.5, 1.5] * 10
    assert raw.read_with == {"delimiter": ";", "decimal": ","}


def test_what_was_found_stands_in_the_config_of_a_run_and_new_rows_may_have_another_form(tmp_path):
    (tmp_path / "t.csv").write_bytes(TEXT.replace(",", ";").encode("latin-1"))
    (tmp_path / "new.csv").write_bytes(gzip.compress(TEXT.encode("utf-16")))
    (tmp_path / "c.yaml").write_text(
        "{data: {source: csv, path: t.csv, target: y}, model: {hidden: []}, optimizer: sgd, training: {epochs: 1}}"
    )
    experiment = load_config(tmp_path / "c.yaml").experiment
    splits = load_data(experiment.data, seed=0)
    settled = with_plan(experiment, splits.spec, plan_model(experiment, splits.spec)).data
    assert settled.source.plain() == {"csv": {"encoding": "cp1252", "delimiter": ";"}}
    new = read_features(tmp_path / "new.csv", splits.spec)[""]
    assert new.tolist() == read_features(tmp_path / "t.csv", splits.spec)[""].tolist()


def test_several_files_are_one_table_whatever_the_order_of_their_columns(tmp_path):
    parts = [ROWS[:15], ROWS[15:30], ROWS[30:]]
    for number, rows in enumerate(parts):
        frame = pd.DataFrame(rows, columns=["size", "town", "y"])
        frame = frame[["y", "size", "town"]] if number == 1 else frame
        frame.to_csv(tmp_path / f"part-{number}.csv", index=False, sep=",;\t"[number])
    whole = pd.DataFrame(ROWS, columns=["size", "town", "y"])
    paths = [str(tmp_path / f"part-{number}.csv") for number in range(3)]
    for path in (str(tmp_path / "part-*.csv"), paths):
        config = DataConfig.read({"source": "csv", "path": path, **WHOLE})
        raw = read_source(config, seed=0)
        assert [column.tolist() for column in raw.x.values()] == [whole["size"].tolist(), whole["town"].tolist()]
        assert raw.y[""].tolist() == whole["y"].tolist()
    assert raw.notes == ("`part-1.csv` has `;` between its values", "`part-2.csv` has tabs between its values")
    assert raw.read_with == {}
    record = load_data(config, seed=0).record.file
    assert [each["path"] for each in record["files"]] == paths
    assert record["bytes"] == sum(each["bytes"] for each in record["files"])
    assert len({record["blake2b"], *(each["blake2b"] for each in record["files"])}) == 4


def test_a_column_that_is_text_in_one_file_is_text_in_all(tmp_path):
    (tmp_path / "1.csv").write_text("code,y\n" + "".join(f"0{row % 4},{row}\n" for row in range(20)))
    (tmp_path / "2.csv").write_text("code,y\n" + "".join(f"{'AB'[row % 2]},{row}\n" for row in range(20)))
    _, raw = read(tmp_path / "?.csv", features={"code": "category"})
    whole = pd.concat(pd.read_csv(tmp_path / f"{number}.csv", dtype={"code": str}) for number in (1, 2))
    assert raw.x["code"].tolist() == whole["code"].tolist()


def test_files_with_other_columns_and_mistakes_name_file_and_line(tmp_path, error_text, load):
    (tmp_path / "1.csv").write_text("a,b,y\n" + "1,2,3\n" * 10)
    (tmp_path / "2.csv").write_text("a,c,y\n1,2,3\n")
    (tmp_path / "3.csv").write_text("a,b,y,d\n1,2,3,4\n")
    (tmp_path / "4.csv").write_text("a,b,y\n1,2,3\n1,inf,3\n")
    one, two, three, four = (str(tmp_path / f"{number}.csv") for number in range(1, 5))
    assert error_text(load, source="csv", path=[one, two, three], **WHOLE) == (
        f"{two}:1: has no `b`, which `1.csv` has\n  hint: files that are read together have the same columns\n"
        f"{three}:1: has `d`, which `1.csv` has not\n  hint: files that are read together have the same columns"
    )
    assert error_text(load, source="csv", path=[one, four], **WHOLE).startswith(f"{four}:3: column `b` holds `inf`")
    assert "would be read twice" in error_text(load, source="csv", path=[one, one], **WHOLE)
    assert error_text(load, source="csv", path=str(tmp_path / "x*.csv"), **WHOLE).startswith(
        f"data.path: no file is like `{tmp_path}/x*.csv`"
    )
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 1)), y=np.arange(3))
    assert error_text(load, source="npz", path=[one, two]) == (
        "data.path: `npz` takes one `path`, received 2 paths\n  hint: name one"
    )


def test_a_line_that_no_table_has_is_refused_with_its_length(tmp_path, monkeypatch, error_text, load):
    monkeypatch.setattr(text_files, "_CHUNK", 1000)
    monkeypatch.setattr(text_files, "_LONGEST_LINE", 5000)
    path = tmp_path / "t.csv"
    path.write_text("a,y\n1,2\n" * 300 + "1" * 7000 + ",2\n" + "3,4\n" * 300)
    assert error_text(load, source="csv", path=str(path), **WHOLE) == (
        f"{path}: a line is 7.0 kB long, and one of a table has at most 5.0 kB\n  hint: write one line a row"
    )


def test_characters_on_the_border_of_two_chunks_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "_CHUNK", 7)
    for encoding in ("utf-8", "utf-16", "utf-16-le"):
        path = tmp_path / "t.csv"
        path.write_bytes(TEXT.encode(encoding))
        assert TextFile.of(path).encoding == encoding


DAYS = [datetime.date(2024, 1, 1 + row % 28) for row in range(40)]
PARQUET = {
    "int": ("numeric", lambda pa: pa.array([row % 7 for row in range(40)], pa.int16())),
    "int with gaps": ("numeric", lambda pa: pa.array([None if row % 9 == 0 else row % 7 for row in range(40)])),
    "float": ("numeric", lambda pa: pa.array([row / 7 for row in range(40)], pa.float32())),
    "half float": ("numeric", lambda pa: pa.array(np.arange(40, dtype=np.float16))),
    "decimal": ("numeric", lambda pa: pa.array([Decimal(row) / 4 for row in range(40)])),
    "bool": ("boolean", lambda pa: pa.array([None if row == 3 else row % 3 == 0 for row in range(40)])),
    "string": ("category", lambda pa: pa.array([None if row == 3 else f"v{row % 5}" for row in range(40)])),
    "large string": ("category", lambda pa: pa.array([f"v{row % 5}" for row in range(40)], pa.large_string())),
    "bytes": ("category", lambda pa: pa.array([f"v{row % 5}".encode() for row in range(40)])),
    "dictionary": ("category", lambda pa: pa.array([f"v{row % 5}" for row in range(40)]).dictionary_encode()),
    "date": ("date", lambda pa: pa.array([None if row == 3 else DAYS[row] for row in range(40)])),
    "timestamp": ("date", lambda pa: pa.array(pd.to_datetime(DAYS))),
    "timestamp of a zone": ("date", lambda pa: pa.array(pd.to_datetime(DAYS).tz_localize("Europe/Zurich"))),
    "null": (None, lambda pa: pa.nulls(40)),
}


@pytest.mark.parametrize(("kind", "values"), PARQUET.values(), ids=PARQUET.keys())
def test_types_of_parquet_are_read_as_pandas_reads_them(tmp_path, kind, values):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    parquet.write_table(
        pa.table({"c": values(pa), "z": np.arange(40) / 3, "s": ["a", "b"] * 20, "y": np.arange(40) % 2}), path
    )
    _, raw = read(path, source="parquet")
    assert (raw.kinds["c"].name if kind else raw.left_out.get("c")) == (kind or "it has no value in any row")
    if kind is None:
        return
    expected = pd.read_parquet(path)["c"]
    if kind == "date":
        moments = pd.to_datetime(expected, utc=True)
        expected = (moments - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    elif kind == "category":
        expected = expected.astype(object).map(lambda value: value.decode() if isinstance(value, bytes) else value)
        assert list(raw.x["c"]) == [None if value != value else value for value in expected]
        return
    np.testing.assert_array_equal(raw.x["c"], expected.astype(float))


def test_whole_numbers_with_gaps_keep_their_digits_in_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    codes = [None if row == 3 else 2**60 + row % 5 for row in range(40)]
    parquet.write_table(pa.table({"c": pa.array(codes), "y": np.arange(40) % 2}), tmp_path / "t.parquet")
    _, raw = read(tmp_path / "t.parquet", source="parquet", features={"c": "category"})
    assert raw.x["c"].tolist() == [None if code is None else str(code) for code in codes]
    _, raw = read(tmp_path / "t.parquet", source="parquet")
    assert raw.notes == ("whole numbers beyond 2^53 lose their last digits in `c`; leave ids out with `ignore`",)


def test_parquet_files_of_other_types_name_file_and_column(tmp_path, error_text, load):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"a": [1.5, 2], "y": [0, 1]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"a": ["x", "y"], "y": [0, 1]}).to_parquet(tmp_path / "2.parquet")
    assert error_text(load, source="parquet", path=str(tmp_path / "*.parquet"), **WHOLE) == (
        f"{tmp_path}/2.parquet: column `a` holds text, and in `1.parquet` numbers\n  hint: write it alike in all files"
    )
    nested = pd.DataFrame({"a": [1.5, 2], "b": [[1], [2]], "c": [{"d": 1}] * 2, "y": [0, 1]})
    nested.to_parquet(tmp_path / "3.parquet")
    path = str(tmp_path / "3.parquet")
    assert "2 columns hold several values in a row: `b`, `c`; the first has `list<element: int64>`" in error_text(
        load, source="parquet", path=path, **WHOLE
    )
    assert load(source="parquet", path=path, ignore=["b", "c"], **WHOLE).train.x[""].tolist() == [[1.5], [2]]
