"""Image sets on disk: idx files, CIFAR batches or an NPZ file."""

from __future__ import annotations

import codecs
import gzip
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.data.arrays import array_problems, load_arrays
from nnlab.errors import DataError, Problem, first_line

Arrays = dict[str, np.ndarray]
"""`x`, `y`, and if there is a test set `x_test` and `y_test`."""

_IDX_FILES = {
    "x": "train-images-idx3-ubyte",
    "y": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_CIFAR_FILES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def holds_images(place: Path) -> bool:
    """Tell whether an image set is at `place`: an NPZ file, or a folder of idx files or CIFAR batches."""
    return _reader(place) is not None


def read_images(place: Path, *, num_classes: int) -> Arrays:
    """Read the image set at `place`.

    Returns:
        Images `[rows, height, width, ...]`, as a rule uint8, and labels `[rows]` from 0 to `num_classes` - 1.

    Raises:
        DataError: when the files are damaged or hold something else.
    """
    reader = _reader(place)
    assert reader is not None, "ask `holds_images` first"
    try:
        arrays = reader(place)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # whatever a damaged file makes of its reader
        hint = "delete it and it is downloaded again, or name another copy in `path`"
        message = f"the data set cannot be read: {first_line(error)}"
        raise DataError(Problem(message, hint, file=str(place))) from error
    problems = list(array_problems(arrays, place))
    if not problems and arrays["x"].ndim < 3:
        problems = [Problem(f"rows have the shape {arrays['x'].shape[1:]}, expected images", file=str(place))]
    for name in ("y", "y_test"):
        if not problems and name in arrays:
            arrays[name] = arrays[name].reshape(-1)
            if arrays[name].dtype.kind not in "iu" or not set(np.unique(arrays[name])) <= set(range(num_classes)):
                problems = [Problem(f"`{name}` holds other labels than 0 to {num_classes - 1}", file=str(place))]
    DataError.raise_any(problems)
    return arrays


def _reader(place: Path) -> Callable[[Path], Arrays] | None:
    if place.is_file():
        return load_arrays if place.suffix == ".npz" else None
    if all((place / name).is_file() for name in _CIFAR_FILES):
        return _read_cifar
    return _read_idx if all(_idx_file(place, name) for name in _IDX_FILES.values()) else None


def _idx_file(folder: Path, name: str) -> Path | None:
    names = (name, f"{name}.gz", name.replace("-idx", ".idx"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_idx(folder: Path) -> Arrays:
    return {key: _read_idx_file(folder, name) for key, name in _IDX_FILES.items()}


def _read_idx_file(folder: Path, name: str) -> np.ndarray:
    """Read bytes in the idx format: 0, 0, 8, number of axes, their sizes as big-endian int32, values."""
    path = _idx_file(folder, name)
    assert path is not None
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise ValueError(f"`{path.name}` is not an idx file of bytes")
    start = 4 + 4 * content[3]
    shape = [int(size) for size in np.frombuffer(content[4:start], ">u4")]
    expected = start + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise ValueError(f"`{path.name}` has {len(content)} bytes, expected {expected}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_cifar(folder: Path) -> Arrays:
    batches = [_read_cifar_batch(folder / name) for name in _CIFAR_FILES]
    return {
        "x": np.concatenate([images for images, _ in batches[:-1]]),
        "y": np.concatenate([labels for _, labels in batches[:-1]]),
        "x_test": batches[-1][0],
        "y_test": batches[-1][1],
    }


def _read_cifar_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images `[rows, 32, 32, 3]` and labels of a batch: a pickled dict, channels first."""
    with path.open("rb") as file:
        batch = _ArraysOnly(file, encoding="bytes").load()
    images = batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, np.asarray(batch[b"labels"], np.uint8)


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays and nothing else, so that a file cannot run code."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what the pickle asks for, if an array is made of it."""
        allowed: dict[tuple[str, str], Any] = {
            ("numpy", "_reconstruct"): np.ndarray(0).__reduce__()[0],
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): codecs.encode,
        }
        package = module.partition(".")[0]
        if (package, name) in allowed:
            return allowed[package, name]
        raise pickle.UnpicklingError(f"`{module}.{name}` has no place in it")
