"""Files that are damaged, or larger than memory: one line with the file, and never a traceback."""

import random
import resource

import numpy as np
import pandas as pd
import pytest

from nnlab import memory
from nnlab.data.features import read_features
from nnlab.errors import DataError, NnlabError

SECTIONS = {
    "npz": {"source": "npz"},
    "compressed": {"source": "npz"},
    "parquet": {"source": "parquet", "target": "y"},
    "csv": {"source": "csv", "target": "y"},
}


def write(kind, path):
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    frame = pd.DataFrame(x, columns=list("abc")).assign(y=y)
    if kind == "csv":
        frame.to_csv(path, index=False)
    elif kind == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        with path.open("wb") as stream:
            (np.savez if kind == "npz" else np.savez_compressed)(stream, x=x, y=y)


@pytest.mark.parametrize("kind", SECTIONS)
def test_whatever_is_wrong_with_a_file_is_an_error_of_the_data(load, tmp_path, kind):
    path, random_bits = tmp_path / "rows", random.Random(0)
    write(kind, path)
    whole, refused = path.read_bytes(), []
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(random_bits.randint(1, 20)):
            content[random_bits.randrange(len(content))] = random_bits.randrange(256)
        path.write_bytes(content[: random_bits.randint(len(content) // 2, len(content))])
        try:
            load(**SECTIONS[kind], path=str(path))
        except NnlabError as error:
            refused.append(error)
    assert len(refused) > 30
    assert all(len(str(problem)) < 600 for error in refused for problem in error.problems)


def declared(path, shape, *, content=b""):
    """Write an NPZ file whose `x` says that it is larger than the file."""
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("x.npy", "w") as stream:
            header = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            stream.write(content)
        with archive.open("y.npy", "w") as stream:
            np.lib.format.write_array(stream, np.zeros(3))


def test_an_array_that_declares_more_than_the_file_holds_is_damaged(load, error_text, tmp_path):
    declared(tmp_path / "t.npz", (10**9, 9))
    assert error_text(load, source="npz", path=str(tmp_path / "t.npz")).startswith(
        f"{tmp_path / 't.npz'}: the file is damaged: `x` declares 72.0 GB, and holds 128 bytes"
    )


@pytest.mark.parametrize("kind", SECTIONS)
def test_data_beyond_the_free_memory_are_refused_before_they_are_read(load, error_text, tmp_path, kind, monkeypatch):
    path = tmp_path / "rows"
    write(kind, path)
    monkeypatch.setattr(memory, "free_memory", lambda: 100)
    text = error_text(load, **SECTIONS[kind], path=str(path))
    assert text.startswith(f"{path}: its data take at least ")
    assert "and 100 bytes are free" in text


def test_an_archive_that_unpacks_a_thousandfold_is_read_where_it_fits(load, tmp_path, monkeypatch, error_text):
    path = tmp_path / "t.npz"
    np.savez_compressed(path, x=np.zeros((200_000, 10)), y=np.arange(200_000) % 2)
    assert path.stat().st_size * 100 < 16_000_000
    assert load(source="npz", path=str(path)).spec.num_train == 128_000
    monkeypatch.setattr(memory, "free_memory", lambda: 10_000_000)
    assert "take at least 17.6 MB of memory, and 10.0 MB are free" in error_text(load, source="npz", path=str(path))


def test_rows_to_predict_beyond_the_free_memory_are_refused(load, tmp_path, monkeypatch):
    spec = load(source="iris").spec
    np.save(tmp_path / "x.npy", np.zeros((1000, 4)))
    assert read_features(tmp_path / "x.npy", spec)[""].shape == (1000, 4)
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(DataError, match=r"take at least 32.0 kB of memory"):
        read_features(tmp_path / "x.npy", spec)


def test_memory_that_runs_out_is_said(load, error_text, monkeypatch, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,2\n")

    def too_large(*_, **__):
        raise MemoryError("Unable to allocate 74.5 GiB")

    monkeypatch.setattr(pd, "read_csv", too_large)
    assert error_text(load, source="csv", path=str(path), target="y") == (
        "the data do not fit into memory: Unable to allocate 74.5 GiB\n"
        "  hint: use fewer rows or columns, or a machine with more memory"
    )


def test_labels_stored_as_bytes_are_read_as_utf_8(load, error_text, tmp_path):
    labels = np.array(["r\u00e4t".encode(), b"cat"] * 2)
    np.savez(tmp_path / "t.npz", x=np.arange(4.0), y=labels)
    assert load(source="npz", path=str(tmp_path / "t.npz"), test=0, validation=0).spec.targets[""].class_names == (
        "cat",
        "r\u00e4t",
    )
    np.savez(tmp_path / "u.npz", x=np.arange(4.0), y=np.array([b"\xff", b"a"] * 2))
    assert "`y` holds bytes that are not UTF-8 text" in error_text(load, source="npz", path=str(tmp_path / "u.npz"))


def test_a_limit_of_the_addresses_of_a_process_counts(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10**9, 10**9))
    assert memory.free_memory() < 10**9


def test_a_path_that_the_system_refuses_is_said(load, error_text):
    assert error_text(load, source="csv", path="a" * 3000, target="y") == (
        f"data.path: `{'a' * 57}...` cannot be read: File name too long\n  hint: check `path`"
    )
