"""Data sets kept on disk: the same rows, read again when their files change."""

import os

import numpy as np
import pytest

from nnlab.data.cache import cached
from nnlab.data.registry import RawData


@pytest.fixture
def loads(tmp_path, monkeypatch):
    """Load a made-up data set through the cache, and count how often it is really loaded."""
    monkeypatch.setenv("NNLAB_CACHE_DIR", str(tmp_path / "cache"))
    calls = []

    def load(version="1", files=(), rows=3):
        def make():
            calls.append(version)
            return RawData(x=np.arange(rows * 2.0).reshape(rows, 2), y=np.arange(rows), feature_names=("a", "b"))

        return cached("made_up", make, version=version, files=files), len(calls)

    return load


def test_the_second_loading_comes_from_disk_and_is_the_same(loads):
    first, _ = loads()
    second, count = loads()
    assert count == 1
    assert isinstance(second.x, np.memmap)
    assert np.array_equal(first.x, second.x)
    assert second.x.dtype == first.x.dtype
    assert (second.feature_names, second.x_test, second.image) == (("a", "b"), None, False)


def test_another_version_is_loaded_again(loads):
    assert [loads(version)[1] for version in ("1", "2", "1")] == [1, 2, 2]


def test_a_file_that_changed_is_read_again(loads, tmp_path):
    file = tmp_path / "rows"
    file.write_text("a")
    os.utime(file, ns=(1, 1))
    loads(files=[file])
    os.utime(file, ns=(2, 2))
    assert loads(files=[file])[1] == 2


def test_a_damaged_copy_is_made_again(loads, tmp_path):
    loads()
    (array,) = (tmp_path / "cache").rglob("x.npy")
    array.write_bytes(b"nothing")
    raw, count = loads()
    assert (count, raw.x.shape) == (2, (3, 2))
    assert loads()[1] == 2


def test_a_cache_that_cannot_be_written_changes_nothing(loads, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert [loads()[1], loads()[1]] == [1, 2]


def test_an_empty_name_switches_the_cache_off(loads, monkeypatch, tmp_path):
    monkeypatch.setenv("NNLAB_CACHE_DIR", "")
    assert [loads()[1], loads()[1]] == [1, 2]
    assert not (tmp_path / "cache").exists()
