"""Data sets too large to ship: where they are looked for, and how to get them."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from nnlab import __version__
from nnlab.data.cache import cached
from nnlab.data.files import near_name
from nnlab.data.image_files import Arrays, holds_images, read_images
from nnlab.data.registry import RawData
from nnlab.errors import DataError, Problem, first_line

_CALIFORNIA = "california_housing"
_IDX_OR_NPZ = "the four idx files (`train-images-idx3-ubyte.gz`, ...), or an NPZ file with `x_train`, ..."


@dataclass(frozen=True, slots=True)
class ImageSet:
    """An image set with its own test set.

    Args:
        cached: where Keras stores it, relative to its folder of data sets.
        class_names: names of the classes 0, 1, ...
        files: what `path` has to name, for messages.
        how: how to get it without a network, for messages.
        system: where a package of the operating system stores it.
    """

    cached: tuple[str, ...]
    class_names: tuple[str, ...]
    files: str
    how: str
    system: tuple[str, ...] = ()


IMAGE_SETS = {
    "fashion_mnist": ImageSet(
        cached=("fashion-mnist",),
        class_names=(
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
        files=_IDX_OR_NPZ,
        how="install Debian's package `dataset-fashion-mnist`, or name a folder with its idx files in `path`",
        system=("/usr/share/datasets/fashion-mnist",),
    ),
    "mnist": ImageSet(
        cached=("mnist.npz",),
        class_names=tuple("0123456789"),
        files=_IDX_OR_NPZ,
        how="name a folder with its four idx files, or Keras's `mnist.npz`, in `path`",
    ),
    "cifar10": ImageSet(
        cached=("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"),
        class_names=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
        files="the batches of its Python version (`data_batch_1`, ...), or an NPZ file with `x_train`, ...",
        how="unpack cs.toronto.edu/~kriz/cifar-10-python.tar.gz and name its folder in `path`",
    ),
}


class Availability(NamedTuple):
    """Where a data set that comes with no package is on this machine (`None`: nowhere), and how to get it."""

    name: str
    path: Path | None
    how: str


def availability() -> list[Availability]:
    """Say of every data set that may have to be downloaded where it is."""
    online = "with a network, its first use downloads it; without"
    sets = [Availability(name, locate(name), f"{online}, {images.how}") for name, images in IMAGE_SETS.items()]
    how = f"{online}, write `source: csv` with a file of your own"
    return [*sets, Availability(_CALIFORNIA, locate(_CALIFORNIA), how)]


def locate(name: str) -> Path | None:
    """Return where a data set that may have to be downloaded is, or `None` if it is not on this machine."""
    if name == _CALIFORNIA:
        return next(iter(sorted(_sklearn_folder().glob("cal_housing*.pk*"))), None)
    return next((place for place in _places(name) if holds_images(place)), None)


def _places(name: str) -> list[Path]:
    home = os.environ.get("KERAS_HOME")
    cache = (Path(home) if home else Path("~/.keras").expanduser()) / "datasets"
    images = IMAGE_SETS[name]
    return [*(cache / part for part in images.cached), *(Path(place) for place in images.system)]


def load_images(name: str, *, path: str | None) -> RawData:
    """Load an image set: from `path`, else Keras's cache, else the system's folder, else by Keras's download.

    Args:
        name: a key of `IMAGE_SETS`.
        path: a folder with the data set's files, or an NPZ file.

    Raises:
        DataError: when it is nowhere and cannot be downloaded, or its files are damaged.
    """
    class_names = IMAGE_SETS[name].class_names
    place = locate(name) if path is None else _given_place(name, Path(path))
    if place is not None:
        files = [place] if place.is_file() else [file for file in place.iterdir() if file.is_file()]

        def load() -> RawData:
            return _as_raw(read_images(place, num_classes=len(class_names)), class_names)

        return cached(name, load, version=__version__, files=files)
    return _as_raw(_download_images(name), class_names)


def _as_raw(arrays: Arrays, class_names: tuple[str, ...]) -> RawData:
    return RawData.of_one(
        arrays["x"],
        arrays["y"],
        target="label",
        x_test=arrays.get("x_test"),
        y_test=arrays.get("y_test"),
        class_names=class_names,
        task="classification",
    )


def _given_place(name: str, path: Path) -> Path:
    for place in (path, path / "cifar-10-batches-py"):
        if holds_images(place):
            return place
    if not path.exists():
        problem = Problem(f"there is no file or folder `{path}`", near_name(path), path=("data", "path"))
    else:
        message = f"`{path}` does not hold `{name}`"
        problem = Problem(message, f"expected {IMAGE_SETS[name].files}", path=("data", "path"))
    raise DataError(problem)


def _download_images(name: str) -> Arrays:
    """Download through Keras, which keeps a copy in its cache; its progress bar goes to stderr."""
    try:
        import keras

        with contextlib.redirect_stdout(sys.stderr):
            (x, y), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises plain `Exception` when a download fails
        raise _unavailable(name, _places(name), error, IMAGE_SETS[name].how) from error
    return {"x": x, "y": y.reshape(-1), "x_test": x_test, "y_test": y_test.reshape(-1)}


def fetch_california_housing() -> Any:
    """Return scikit-learn's California housing, which its first use downloads.

    Raises:
        DataError: when it is not on this machine and cannot be downloaded.
    """
    from sklearn.datasets import fetch_california_housing as fetch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it tries again
            return fetch(n_retries=1, delay=0.1)
    except Exception as error:  # whatever a damaged copy makes of its reader
        copy = locate(_CALIFORNIA)
        if copy is not None:
            message = f"the data set cannot be read: {first_line(error)}"
            hint = "delete it, and it is downloaded again"
            raise DataError(Problem(message, hint, file=str(copy))) from error
        how = "write `source: csv` with `path` and `target: MedHouseVal` for a file of your own"
        raise _unavailable(_CALIFORNIA, [_sklearn_folder()], error, how) from error


def _sklearn_folder() -> Path:
    from sklearn.datasets import get_data_home

    try:
        return Path(get_data_home())
    except OSError:  # it makes the folder, which may not be allowed
        return Path("~/scikit_learn_data").expanduser()


def _unavailable(name: str, places: list[Path], error: Exception, how: str) -> DataError:
    looked = ", ".join(f"`{place}`" for place in places)
    message = f"`{name}` is not on this machine and could not be downloaded ({error}); looked at {looked}"
    return DataError(Problem(message, how, path=("data", "source")))
