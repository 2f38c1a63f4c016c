"""Data sets kept on disk: the same rows, read again when their files change."""

import os
import random
import shutil

import numpy as np
import pytest

from nnlab.data import cache
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
            return RawData.of_one(
                np.arange(rows * 2.0).reshape(rows, 2), np.arange(rows), target="y", feature_names=("a", "b")
            )

        return cached("made_up", make, version=version, files=files), len(calls)

    return load


def test_the_second_loading_comes_from_disk_and_is_the_same(loads):
    first, _ = loads()
    second, count = loads()
    assert count == 1
    assert isinstance(second.x[""], np.memmap)
    assert np.array_equal(first.x[""], second.x[""])
    assert second.x[""].dtype == first.x[""].dtype
    assert (second.feature_names, second.x_test) == (("a", "b"), None)


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
    assert (count, raw.x[""].shape) == (2, (3, 2))
    assert loads()[1] == 2


def test_a_cache_that_cannot_be_written_changes_nothing(loads, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert [loads()[1], loads()[1]] == [1, 2]


def test_an_empty_name_switches_the_cache_off(loads, monkeypatch, tmp_path):
    monkeypatch.setenv("NNLAB_CACHE_DIR", "")
    assert [loads()[1], loads()[1]] == [1, 2]
    assert not (tmp_path / "cache").exists()


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "a directory":
        path.unlink()
        path.mkdir()
    elif how == "gone":
        path.unlink()
    elif how == "half":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        place = random.Random(0).randrange(len(content)) if how == "a bit" else len(content) - 3
        content[place] ^= 4
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["a bit", "a bit at the end", "half", "empty", "gone", "a directory"])
@pytest.mark.parametrize("name", ["x.npy", "y.npy", "about.json", "x.npy.crc32"])
def test_whatever_is_damaged_is_made_again(loads, tmp_path, name, how):
    whole, _ = loads()
    (path,) = (tmp_path / "cache").rglob(name)
    damage(path, how)
    cache._is_sound.cache_clear()  # another process
    raw, count = loads()
    assert count == 2
    assert np.array_equal(raw.x[""], whole.x[""])
    assert raw.feature_names == ("a", "b")
    cache._is_sound.cache_clear()
    assert loads()[1] == 2


@pytest.mark.parametrize("what", ["a file", "an empty folder"])
def test_whatever_stands_in_its_place_is_replaced(loads, tmp_path, what):
    loads()
    (place,) = (tmp_path / "cache" / "data").iterdir()
    shutil.rmtree(place)
    if what == "a file":
        place.write_text("")
    else:
        place.mkdir()
    assert [loads()[1], loads()[1]] == [2, 2]


def test_a_full_disk_changes_nothing(loads, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert [loads()[1], loads()[1]] == [1, 2]
