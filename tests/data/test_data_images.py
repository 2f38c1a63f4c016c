import gzip
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nnlab.data.downloads import IMAGE_SETS, availability, locate

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
X = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
Y = np.tile(np.arange(10, dtype=np.uint8), 4)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keras's folder of data sets, empty; no other place holds any."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "sklearn"))
    for name, images in IMAGE_SETS.items():
        elsewhere = SimpleNamespace(**{key: getattr(images, key) for key in images.__slots__} | {"system": ()})
        monkeypatch.setitem(IMAGE_SETS, name, elsewhere)
    folder = tmp_path / "keras" / "datasets"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def no_network(monkeypatch):
    """A Keras that cannot download."""

    def load_data():
        print("Downloading data")
        raise Exception("URL fetch failure")

    fake = SimpleNamespace(
        datasets=SimpleNamespace(**{name: SimpleNamespace(load_data=load_data) for name in IMAGE_SETS})
    )
    monkeypatch.setitem(sys.modules, "keras", fake)


def write_idx(path, values, *, compress=False):
    content = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">i4").tobytes() + values.tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


def write_idx_folder(folder):
    folder.mkdir(exist_ok=True)
    write_idx(folder / "train-images-idx3-ubyte.gz", X[:30], compress=True)
    write_idx(folder / "train-labels-idx1-ubyte.gz", Y[:30], compress=True)
    write_idx(folder / "t10k-images-idx3-ubyte", X[30:])
    write_idx(folder / "t10k-labels.idx1-ubyte", Y[30:])


def write_npz(path):
    np.savez(path, x_train=X[:30], y_train=Y[:30], x_test=X[30:], y_test=Y[30:])


def test_an_image_set_validates_on_its_last_rows_and_keeps_its_test_set(load, tmp_path):
    write_idx_folder(tmp_path / "images")
    splits = load(source="fashion_mnist", path=str(tmp_path / "images"), validation=10, scale=255)
    np.testing.assert_array_equal(splits.train.x[""], X[:20] / np.float32(255))
    np.testing.assert_array_equal(splits.validation.x[""], X[20:30] / np.float32(255))
    np.testing.assert_array_equal(splits.test.y[""], Y[30:])
    assert (splits.spec.input_shapes[""], splits.spec.targets[""].task) == ((28, 28), "multiclass")
    assert splits.spec.targets[""].class_names[9] == "Ankle boot"


def test_classes_are_kept_in_the_test_set_too(load, tmp_path):
    write_npz(tmp_path / "m.npz")
    splits = load(source="mnist", path=str(tmp_path / "m.npz"), classes=[7, 1], validation=0)
    assert splits.spec.targets[""].class_names == ("7", "1")
    assert splits.train.y[""][:, 0].tolist() == [1, 0] * 3
    np.testing.assert_array_equal(splits.test.x[""], X[[31, 37]])
    assert splits.test.y[""].tolist() == [[1.0], [0.0]]


def test_kerass_cache_comes_before_the_network(load, cache):
    assert locate("mnist") is None
    write_npz(cache / "mnist.npz")
    assert locate("mnist") == cache / "mnist.npz"
    assert load(source="mnist").spec.num_train == 24
    write_idx_folder(cache / "fashion-mnist")
    assert locate("fashion_mnist") == cache / "fashion-mnist"


def test_cifar_is_read_from_its_batches(load, cache):
    folder = cache / "cifar-10-batches-py-target" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (10, 3072), dtype=np.uint8)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        batch = {b"data": images, b"labels": list(range(10))}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    splits = load(source="cifar10", validation=10)
    assert (splits.spec.input_shapes[""], splits.spec.num_train, splits.spec.num_test) == ((32, 32, 3), 40, 10)
    np.testing.assert_array_equal(splits.test.x[""][0, 0, 0], images[0, [0, 1024, 2048]])
    assert splits.spec.targets[""].class_names[1] == "automobile"


def test_a_pickle_that_runs_code_is_refused(cache, load, error_text):
    class Exploit:
        def __reduce__(self):
            return print, ("owned",)

    folder = cache / "cifar-10-batches-py"
    folder.mkdir()
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (folder / name).write_bytes(pickle.dumps(Exploit(), protocol=2))
    assert error_text(load, source="cifar10").startswith(
        f"{folder}: the data set cannot be read: `__builtin__.print` has no place in it\n"
    )


def test_a_damaged_file_is_named(cache, load, error_text):
    write_idx_folder(cache / "fashion-mnist")
    (cache / "fashion-mnist" / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x09abc")
    assert error_text(load, source="fashion_mnist") == (
        f"{cache / 'fashion-mnist'}: the data set cannot be read: `t10k-images-idx3-ubyte` has 11 bytes, expected 17\n"
        "  hint: delete it and it is downloaded again, or name another copy in `path`"
    )


@pytest.mark.usefixtures("no_network")
def test_a_missing_network_is_an_error_that_names_every_place(cache, load, error_text, capsys):
    assert error_text(load, source="fashion_mnist") == (
        "data.source: `fashion_mnist` is not on this machine and could not be downloaded (URL fetch failure); "
        f"looked at `{cache / 'fashion-mnist'}`\n"
        "  hint: install Debian's package `dataset-fashion-mnist`, or name a folder with its idx files in `path`"
    )
    assert capsys.readouterr().out == ""


def test_california_housing_without_a_network_points_to_csv(cache, monkeypatch, load, error_text):
    def fetch(**_):
        raise OSError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_california_housing", fetch)
    assert error_text(load, source="california_housing") == (
        "data.source: `california_housing` is not on this machine and could not be downloaded (no network); "
        f"looked at `{cache.parent.parent / 'sklearn'}`\n"
        "  hint: write `source: csv` with `path` and `target: MedHouseVal` for a file of your own"
    )


def test_availability_says_where_each_set_is_and_how_to_get_it(cache):
    write_npz(cache / "mnist.npz")
    found = {name: path for name, path, how in availability() if how}
    assert found == {
        "fashion_mnist": None,
        "mnist": cache / "mnist.npz",
        "cifar10": None,
        "california_housing": None,
    }


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_fashion_mnist_of_debian(load, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    splits = load(source="fashion_mnist", validation=5000, limit=1000, scale=255)
    assert (splits.spec.num_train, splits.spec.num_validation, splits.spec.num_test) == (1000, 5000, 10_000)
    assert splits.train.y[""][:5].tolist() == [9, 0, 0, 3, 0]
    assert np.bincount(splits.test.y[""]).tolist() == [1000] * 10
    assert splits.train.x[""].max() == 1.0
