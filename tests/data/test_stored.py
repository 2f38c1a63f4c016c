"""Rows that stay on disk: the same numbers as in memory, and what can happen to their files."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from nnlab.config.data import DataConfig
from nnlab.data import stored
from nnlab.data.scaling import fit_scaling, fit_scaling_in_parts
from nnlab.data.splits import answers_of, in_whole
from nnlab.data.stored import StoredArray
from nnlab.errors import DataError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep converted rows in a folder of the test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NNLAB_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def small_parts(monkeypatch):
    """Let memory hold 64 rows at a time."""
    monkeypatch.setattr(stored, "_MOST_ROWS_AT_ONCE", 64)


def numbers(rows: int = 300, dtype: str = "float32") -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(3, 2, (rows, 3)).astype(dtype), columns=list("abc"))
    frame["count"] = draw.integers(0, 9, rows)
    frame["y"] = np.where(frame["a"] > frame["b"], "up", "down")
    return frame


def mixed(rows: int = 300) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    frame = numbers(rows, "float64").round(3)
    frame["city"] = draw.choice(["Oslo", "Rome", None], rows)
    frame["day"] = pd.Timestamp("2020-02-01") + pd.to_timedelta(draw.integers(0, 700, rows), "D")
    frame.loc[draw.random(rows) < 0.2, "b"] = np.nan
    frame["id"] = np.arange(rows) + 1000
    frame.loc[[7, 8], "y"] = None
    return frame


@pytest.fixture
def both(load, tmp_path):
    """Load a data frame by a file, with its rows in memory and on disk."""

    def loaded(frame: pd.DataFrame, source: str = "parquet", **section):
        path = tmp_path / f"t.{source}"
        frame.to_parquet(path, index=False) if source == "parquet" else frame.to_csv(path, index=False)
        given = {"source": source, "path": str(path), "target": "y", "scale": "standardize", **section}
        return [load(**given, storage=storage) for storage in ("memory", "disk")]

    return loaded


def same(memory, disk, *, exactly: bool = True) -> None:
    """Hold that rows on disk are those in memory."""
    assert disk.train.in_memory is None
    specs = [splits.spec.to_json() | {"storage": None, "notes": None} for splits in (memory, disk)]
    if exactly:
        assert specs[0] == specs[1]
    for name, rows in memory.present.items():
        found = in_whole(disk.present[name])
        np.testing.assert_array_equal(answers_of(disk.present[name])[""], found.y[""])
        if not exactly:
            rows = rows.take(np.argsort(memory.record.rows[name]["row"]))
            found = found.take(np.argsort(disk.present[name].places))
        for one, other in [(rows.x, found.x), (rows.y, found.y)]:
            assert one.keys() == other.keys()
            for array in one:
                assert one[array].dtype == other[array].dtype
                np.testing.assert_allclose(other[array], one[array], rtol=0, atol=0 if exactly else 2e-6)


@pytest.mark.parametrize("source", ["parquet", "csv"])
@pytest.mark.parametrize("make", [numbers, mixed])
def test_rows_that_memory_holds_at_once_are_those_in_memory_bit_for_bit(both, source, make):
    memory, disk = both(make(), source)
    same(memory, disk)
    assert disk.spec.notes[0] == "the rows stay on disk (`storage`)"
    assert set(disk.spec.notes[1:]) == set(memory.spec.notes)


@pytest.mark.parametrize("make", [numbers, mixed])
@pytest.mark.usefixtures("small_parts")
def test_rows_in_several_parts_are_those_in_memory_in_the_order_of_the_file(both, make):
    memory, disk = both(make(), "csv")
    assert disk.train.at_once == 64
    same(memory, disk, exactly=False)


@pytest.mark.usefixtures("small_parts")
def test_what_only_a_later_part_shows_changes_how_the_rows_are_kept(both):
    frame = numbers()
    frame["a"] = frame["a"].astype("float64")
    frame.loc[250, "a"] = 1 / 3
    same(*both(frame), exactly=False)
    frame.loc[260, "b"] = np.nan
    memory, disk = both(frame)
    assert disk.spec.encoding is not None
    same(memory, disk, exactly=False)


@pytest.mark.usefixtures("small_parts")
def test_poisoned_rows_that_are_not_trained_on_change_nothing_that_is_fitted(both):
    frame = mixed()
    _, clean = both(frame, "csv")
    there = frame["y"].notna().to_numpy()
    trained = np.zeros(len(frame), bool)
    trained[np.flatnonzero(there)[clean.train.places]] = True
    frame.loc[~trained & there, "a"] = 1e6
    frame.loc[~trained & there, "city"] = "Atlantis"
    _, poisoned = both(frame, "csv")
    assert poisoned.spec.encoding.to_json() == clean.spec.encoding.to_json()


@pytest.mark.usefixtures("small_parts")
def test_a_label_in_a_csv_file_is_as_it_is_written_in_every_part(both):
    frame = numbers()
    frame["y"] = np.where(frame["a"] > frame["b"], "007", "012")
    memory, disk = both(frame, "csv")
    assert disk.spec.targets[""].class_names == memory.spec.targets[""].class_names == ("007", "012")


@pytest.mark.usefixtures("small_parts")
def test_several_files_packed_and_in_other_encodings_are_read_as_in_memory(load, tmp_path):
    frame = mixed().replace({"city": {"Rome": "Zürich"}})
    frame.iloc[:150].to_csv(tmp_path / "1.csv", index=False, encoding="cp1252")
    frame.iloc[150:][sorted(frame.columns)].to_csv(tmp_path / "2.csv.gz", index=False)
    given = {"source": "csv", "path": str(tmp_path / "*.csv*"), "target": "y"}
    memory, disk = (load(**given, storage=storage) for storage in ("memory", "disk"))
    assert disk.spec.feature_names == memory.spec.feature_names
    assert "city=Zürich" in disk.spec.feature_names
    same(memory, disk, exactly=False)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize(("by", "column"), [("group", "count"), ("time", "day"), ("column", "part"), ("random", None)])
def test_rows_are_split_as_in_memory(both, by, column):
    frame = mixed()
    frame["part"] = np.random.default_rng(2).choice(["train", "test", "validation"], len(frame))
    split = {"by": by} | ({} if column is None else {"column": column})
    memory, disk = both(frame, "csv", split=split, ignore=[name for name in ["part"] if name != column])
    same(memory, disk, exactly=False)
    assert disk.spec.split == memory.spec.split


@pytest.mark.parametrize("scale", ["standardize", "minmax", 16, None])
def test_scaling_in_parts_is_scaling_at_once(scale):
    x = np.random.default_rng(0).normal(1e4, 1e-2, (1000, 3))
    x[:, 1] = 5
    whole, parts = fit_scaling(x, scale), fit_scaling_in_parts(np.array_split(x, 7), scale)
    if whole is None:
        assert parts is None
        return
    np.testing.assert_allclose(parts.offset, whole.offset, rtol=1e-12)
    np.testing.assert_allclose(parts.divisor, whole.divisor, rtol=1e-9)


def test_rows_of_a_file_are_read_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "_MOST_AT_ONCE", 200)
    monkeypatch.setattr(stored, "_LARGEST_GAP", 40)
    x = np.random.default_rng(0).normal(size=(500, 3))
    np.save(tmp_path / "x.npy", x)
    array = StoredArray(tmp_path / "x.npy")
    for rows in (
        [],
        [4],
        np.arange(500),
        [499, 3, 3, 0],
        np.arange(0, 500, 7),
        np.random.default_rng(1).permutation(500),
    ):
        np.testing.assert_array_equal(array.read(np.array(rows, np.int64)), x[np.array(rows, np.int64)])


def test_a_file_is_converted_once_and_again_when_it_or_what_is_asked_of_it_changes(both, cache):
    def folders() -> set[str]:
        return {folder.name for folder in (cache / "rows").iterdir()}

    both(numbers())
    first = folders()
    assert len(first) == 1
    both(numbers(), scale="minmax", validation=0.3)  # neither is about what the file holds
    assert folders() == first
    both(numbers(301))
    assert len(folders()) == 2
    both(numbers(301), ignore=["a"])
    assert len(folders()) == 3


def test_what_is_left_of_a_damaged_conversion_is_made_again(both, cache):
    both(numbers())
    (folder,) = (cache / "rows").iterdir()
    with (folder / "x0.npy").open("r+b") as stream:
        stream.truncate(100)
    same(*both(numbers()))
    (folder / "about.json").write_text("{")
    same(*both(numbers()))


def test_rows_whose_file_changes_or_goes_while_they_are_used_are_an_error(both, cache):
    _, disk = both(numbers())
    (folder,) = (cache / "rows").iterdir()
    disk.train.take(slice(3))
    os.utime(folder / "x0.npy", ns=(1, 1))
    with pytest.raises(DataError, match="changed while its rows were in use"):
        disk.train.take(slice(3))
    _, disk = both(numbers())
    before = disk.validation.take(slice(3)).x[""]
    shutil.rmtree(cache)
    np.testing.assert_array_equal(disk.validation.take(slice(3)).x[""], before)  # what is open stays readable
    _, other = both(numbers())
    fresh = StoredArray(other.train.arrays[""].path)
    shutil.rmtree(cache)
    with pytest.raises(DataError, match=r"cannot be read: No such file.*\n?.*"):
        fresh.read(np.arange(3))


def test_without_room_or_a_cache_nothing_is_converted(both, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 10))
        with pytest.raises(DataError, match=r"the rows take about .* on disk, and 10 bytes are free"):
            both(numbers())
    monkeypatch.setenv("NNLAB_CACHE_DIR", "")
    with pytest.raises(DataError, match="which `NNLAB_CACHE_DIR` switches off"):
        both(numbers())


def test_more_rows_than_memory_holds_stay_on_disk_and_that_is_said(load, tmp_path, monkeypatch):
    numbers().to_parquet(tmp_path / "t.parquet")
    given = {"source": "parquet", "path": str(tmp_path / "t.parquet"), "target": "y"}
    assert load(**given).spec.storage == "memory"
    monkeypatch.setattr("nnlab.data.conversion.free_memory", lambda: 10_000)
    spec = load(**given).spec
    assert spec.storage == "disk"
    assert spec.notes[0] == "the rows stay on disk: they take about 36.0 kB of memory, and 10.0 kB are free"


@pytest.mark.usefixtures("small_parts")
def test_a_mistake_in_a_later_part_is_named_by_its_line(load, error_text, tmp_path):
    frame = numbers().astype({"a": object})
    frame.loc[200, "a"] = "many"
    frame.to_csv(tmp_path / "t.csv", index=False)
    text = error_text(load, source="csv", path=str(tmp_path / "t.csv"), target="y", storage="disk")
    assert "t.csv:202: column `a` holds `many`" in text


@pytest.fixture
def archive(load, tmp_path):
    """Load arrays by an NPZ file, with its rows in memory and on disk."""

    def loaded(arrays: dict[str, np.ndarray], *, save=np.savez, **section):
        save(tmp_path / "t.npz", **arrays)
        given = {"source": "npz", "path": str(tmp_path / "t.npz"), "scale": "standardize", **section}
        return [load(**{"storage": storage, **given}) for storage in ("memory", "disk")]

    return loaded


def arrays(rows: int = 300) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(3)
    return {"x": draw.normal(2, 3, (rows, 2, 3)).astype(np.float32), "y": draw.integers(0, 3, rows)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_that_memory_holds_at_once_are_those_in_memory(archive, save):
    same(*archive(arrays(), save=save))
    found = arrays()
    tested = {f"{name}_test": array[:40] for name, array in found.items()}
    memory, disk = archive({**found, **tested}, save=save, classes=[0, 2])
    np.testing.assert_array_equal(disk.test.x["x"], memory.test.x["x"])
    np.testing.assert_array_equal(disk.test.y[""], memory.test.y[""])
    same(*(replace(splits, test=None) for splits in (memory, disk)))


@pytest.mark.usefixtures("small_parts")
def test_arrays_in_several_parts_and_some_of_their_columns(archive):
    same(*archive(arrays()), exactly=False)
    table = {"x": arrays()["x"].reshape(300, 6), "y": arrays()["y"]}
    same(*archive(table, features=[4, 1]), exactly=False)
    several = {"a": table["x"], "flag": table["x"][:, 0] > 0, "y": table["y"]}
    same(*archive(several, features=["a", "flag"], scale={"a": "minmax"}), exactly=False)


@pytest.mark.usefixtures("small_parts")
def test_arrays_that_cannot_be_used_are_named(archive):
    bad = arrays()
    bad["x"][[200, 250], 0, 0] = np.nan
    for storage in ("memory", "disk"):
        with pytest.raises(DataError, match=r"`x` holds `nan` in row 200 \(counted from 0\); 2 rows have such values"):
            archive(bad, storage=storage)
    bad["x"] = np.asfortranarray(arrays()["x"].reshape(300, 6))
    with pytest.raises(DataError, match="`x` cannot be read row by row: its columns stand one behind the other"):
        archive(bad)


def test_an_archive_that_unpacks_a_thousandfold_is_refused_with_its_size(archive, monkeypatch):
    monkeypatch.setattr("nnlab.data.conversion.free_memory", lambda: 1_000_000)
    empty = {"x": np.zeros((100_000, 10)), "y": np.arange(100_000.0)}
    with pytest.raises(DataError, match=r"(?s)t.npz: 7.9 kB unpack to 8.0 MB, .*`storage: disk`"):
        archive(empty, save=np.savez_compressed, storage=None)
    assert len(archive(empty, storage=None)) == 2  # one that is not packed
    assert archive(empty, save=np.savez_compressed)[1].train.count > 0


def test_of_many_rows_on_disk_some_are_described_and_that_is_said(tmp_path, monkeypatch):
    from nnlab.data.description import describe_data

    monkeypatch.setattr("nnlab.data.description._MOST_ON_DISK", 50)
    mixed().to_csv(tmp_path / "t.csv", index=False)
    section = {"source": "csv", "path": str(tmp_path / "t.csv"), "target": "y", "storage": "disk", "test": 0}
    found = describe_data(DataConfig.read(section), seed=0)
    assert "features are described by 50 of 238 training rows, evenly taken" in found.notes
    assert next(column for column in found.columns if column.name == "b").missing < 50
