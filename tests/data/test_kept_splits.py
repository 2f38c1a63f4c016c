"""Large tables that are kept as they were read: used again only for the same bytes, asked in the same way."""

import dataclasses
import os
import pickle

import numpy as np
import pytest

from nnlab.checksums import seal
from nnlab.config.data import DataConfig
from nnlab.data import kept_splits, loading

ROWS = [f"{row / 7:.4f},{'abc'[row * 5 % 3]},2024-01-{1 + row % 28:02d},{row % 2}" for row in range(60)]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_splits, "LEAST", 0)
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["size,kind,day,y", *ROWS]))
    return path


@pytest.fixture
def loads(monkeypatch):
    """Count how often rows are read."""
    times = []
    load = loading._load
    monkeypatch.setattr(loading, "_load", lambda config, seed: times.append(seed) or load(config, seed))
    return times


def read(path, seed=0, **section):
    config = DataConfig.read({"source": "csv", "path": str(path), "target": "y", **section})
    splits = loading.load_data(config, seed=seed)
    kept_splits.wait()
    return splits


def assert_same(one, other):
    for name in ("train", "validation", "test"):
        for part in ("x", "y"):
            first, second = (getattr(getattr(splits, name), part) for splits in (one, other))
            assert {key: value.tolist() for key, value in first.items()} == {
                key: value.tolist() for key, value in second.items()
            }
    assert one.spec.to_json() == other.spec.to_json()
    assert one.record.to_json() == other.record.to_json()


def test_what_was_read_once_is_not_read_again_and_is_the_same(table, loads):
    first = read(table)
    again = read(table)
    assert loads == [0]
    assert_same(first, again)
    assert {field.name for field in dataclasses.fields(first)} >= {"train", "spec", "record"}
    assert not again.train.x[""].flags.writeable
    read(table, seed=1)
    read(table, scale="standardize")
    assert loads == [0, 1, 0]


def test_another_file_of_the_same_size_and_time_is_read_again(table, loads):
    first = read(table)
    state = table.stat()
    table.write_text(table.read_text().replace("a,2024", "b,2024", 1))
    os.utime(table, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert table.stat().st_size == state.st_size
    second = read(table)
    assert loads == [0, 0]
    assert first.record.file != second.record.file
    assert read(table).record.file == second.record.file
    assert loads == [0, 0]


@pytest.mark.parametrize("name", ["numbers.bin", "splits.pickle", "sizes.json"])
def test_what_is_damaged_is_made_again(table, loads, tmp_path, name):
    first = read(table)
    (file,) = tmp_path.glob(f"cache/tables/*/{name}")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert_same(first, read(table))
    assert loads == [0, 0]


def test_nothing_is_run_that_lies_there(table, loads, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "done"),)

    first = read(table)
    (file,) = tmp_path.glob("cache/tables/*/splits.pickle")
    file.write_bytes(pickle.dumps(Evil()))
    seal(file)
    assert_same(first, read(table))
    assert loads == [0, 0]
    assert not (tmp_path / "done").exists()


def test_what_was_used_longest_ago_goes_first(table, tmp_path, monkeypatch):
    read(table, seed=0)
    (first,) = tmp_path.glob("cache/tables/*")
    monkeypatch.setattr(kept_splits, "MOST", int(2.5 * kept_splits._size(first)))
    read(table, seed=1)
    (second,) = {*tmp_path.glob("cache/tables/*")} - {first}
    os.utime(first, (1, 1))
    os.utime(second, (2, 2))
    read(table, seed=0)  # is used again
    read(table, seed=2)
    assert first.exists()
    assert not second.exists()
    assert len([*tmp_path.glob("cache/tables/*")]) == 2


def test_small_files_and_pictures_are_not_kept(table, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_splits, "LEAST", 1 << 20)
    read(table)
    np.savez(tmp_path / "t.npz", x=np.zeros((20, 2)), y=np.arange(20) % 2)
    monkeypatch.setattr(kept_splits, "LEAST", 0)
    read(tmp_path / "t.npz", source="npz")
    assert not (tmp_path / "cache/tables").exists()
