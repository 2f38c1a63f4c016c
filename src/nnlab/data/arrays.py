"""NumPy arrays from an NPZ file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nnlab.config.schema import DataConfig
from nnlab.data.files import require_file
from nnlab.data.registry import RawData
from nnlab.errors import DataError, Problem

_SAVE = "save it with `np.savez(path, x=x, y=y)`, or with `x_train`, `y_train`, `x_test`, `y_test`"


def read_npz(config: DataConfig) -> RawData:
    """Read `x` and `y`, or `x_train` and `y_train`, of the file at `path`.

    If `x_test` and `y_test` are there too, they are the test set. Features are numbers `[rows, ...]`; targets are
    numbers, booleans or text, `[rows]` or `[rows, targets]`.

    Raises:
        DataError: with every mistake in the arrays.
    """
    file = require_file(config.path, source="npz")
    arrays = load_arrays(file)
    problems = list(array_problems(arrays, file))
    if problems:
        raise DataError(problems)
    y = arrays["y"]
    targets = y.shape[1] if y.ndim == 2 else 1
    return RawData(
        x=_as_numbers(arrays["x"]),
        y=y,
        x_test=_as_numbers(arrays["x_test"]) if "x_test" in arrays else None,
        y_test=arrays.get("y_test"),
        target_names=("y",) if targets == 1 else tuple(f"y{number}" for number in range(targets)),
    )


def load_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays under the names `x`, `y`, and if there is a test set `x_test`, `y_test`.

    Raises:
        DataError: when arrays are missing or cannot be read.
    """
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            wanted = _wanted(file, archive.files)
            return {name: _read(file, archive, stored) for name, stored in wanted.items()}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise _fault(file, f"the file is damaged: {error}", _SAVE) from error


def load_rows(file: Path) -> np.ndarray:
    """Return the rows to predict of an NPY file, or of an NPZ file: `x`, else `x_test`, else its only array.

    Returns:
        Finite numbers `[rows, ...]`.

    Raises:
        DataError: when there are none.
    """
    save = "save it with `np.save(path, x)`"
    try:
        with file.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                name, array = "x", loaded
            else:
                name = _rows_name(file, loaded.files)
                array = _read(file, loaded, name)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if "allow_pickle" in str(error):
            raise _python_objects(file, "x") from error
        raise _fault(file, f"the file is damaged: {error}", save) from error
    if array.ndim == 1:
        hint = f"for one row write `{name}[None]`, for one column `{name}.reshape(-1, 1)`"
        raise _fault(file, f"`{name}` has the shape {array.shape}, expected rows of features", hint)
    problems = [Problem(message, hint, file=str(file)) for message, hint in _faults(name, array)]
    if problems:
        raise DataError(problems)
    return _as_numbers(array)


def _rows_name(file: Path, stored: list[str]) -> str:
    if len(stored) == 1:
        return stored[0]
    for name in ("x", "x_test"):
        if name in stored:
            return name
    there = ", ".join(f"`{name}`" for name in stored) or "nothing"
    raise _fault(file, f"the file has no `x`; it holds {there}", "save the rows with `np.savez(path, x=x)`")


def _wanted(file: Path, stored: list[str]) -> dict[str, str]:
    x, y = ("x_train", "y_train") if "x_train" in stored or "y_train" in stored else ("x", "y")
    wanted = {"x": x, "y": y}
    if "x_test" in stored or "y_test" in stored:
        wanted |= {"x_test": "x_test", "y_test": "y_test"}
    missing = [name for name in wanted.values() if name not in stored]
    if missing:
        needed = " and ".join(f"`{name}`" for name in missing)
        there = ", ".join(f"`{name}`" for name in stored) or "nothing"
        raise _fault(file, f"the file has no {needed}; it holds {there}", _SAVE)
    return wanted


def _read(file: Path, archive: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    try:
        array = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise _python_objects(file, name) from error
    return array.astype(str) if array.dtype.kind == "S" else array


def _python_objects(file: Path, name: str) -> DataError:
    hint = "store numbers or text: `np.asarray(values, dtype=float)` shows what stands in the way"
    return _fault(file, f"`{name}` holds Python objects, which are not loaded", hint)


def array_problems(arrays: Mapping[str, np.ndarray], file: Path) -> Iterator[Problem]:
    """Yield what is wrong with arrays named `x`, `y` and perhaps `x_test`, `y_test`."""
    wrong = False
    for name, array in arrays.items():
        for message, hint in _faults(name, array):
            wrong = True
            yield Problem(message, hint, file=str(file))
    if wrong:
        return
    x_test = arrays.get("x_test")
    if x_test is not None and x_test.shape[1:] != arrays["x"].shape[1:]:
        message = f"rows of `x_test` have the shape {x_test.shape[1:]}, rows of `x_train` {arrays['x'].shape[1:]}"
        yield Problem(message, file=str(file))
    for x, y in (("x", "y"), ("x_test", "y_test")):
        if x in arrays and len(arrays[x]) != len(arrays[y]):
            message = f"`{x}` has {len(arrays[x])} rows, `{y}` has {len(arrays[y])}"
            yield Problem(message, file=str(file))
    y_test = arrays.get("y_test")
    if y_test is not None and _width(y_test) != _width(arrays["y"]):
        message = f"`y_test` has {_width(y_test)} columns, `y_train` has {_width(arrays['y'])}"
        yield Problem(message, file=str(file))


def _width(y: np.ndarray) -> int:
    return int(y.shape[1]) if y.ndim == 2 else 1


def _faults(name: str, array: np.ndarray) -> Iterator[tuple[str, str | None]]:
    is_target = name.startswith("y")
    kinds, wanted = ("biufU", "numbers or text") if is_target else ("biuf", "numbers")
    shape = f"the shape {array.shape}"
    if array.dtype.kind not in kinds:
        yield f"`{name}` has the type {array.dtype}, expected {wanted}", None
    elif array.ndim == 0 or (not is_target and array.ndim == 1):
        hint = f"for one column write `{name}.reshape(-1, 1)`" if array.ndim else None
        yield f"`{name}` has {shape}, expected rows of {'targets' if is_target else 'features'}", hint
    elif is_target and array.ndim > 2:
        yield f"`{name}` has {shape}, expected (rows,) or (rows, targets)", None
    elif len(array) == 0:
        yield f"`{name}` has no rows", None
    elif array.size == 0:
        yield f"`{name}` has {shape}: its rows are empty", None
    elif array.dtype.kind == "f":
        yield from _not_finite(name, array)


def _not_finite(name: str, array: np.ndarray) -> Iterator[tuple[str, str | None]]:
    with np.errstate(over="ignore"):
        fits = np.isfinite(array.astype(np.float32)).reshape(len(array), -1)
    if fits.all():
        return
    rows = ~fits.all(axis=1)
    first = int(np.argmax(rows))
    value = array.reshape(len(array), -1)[first][~fits[first]][0]
    message = f"`{name}` holds `{value}` in row {first} (counted from 0); {int(rows.sum())} rows have such values"
    yield message, "every value has to be a finite float32: fill missing values or leave these rows out"


def _as_numbers(x: np.ndarray) -> np.ndarray:
    return x.astype(np.uint8) if x.dtype.kind == "b" else x


def _fault(file: Path, message: str, hint: str | None) -> DataError:
    return DataError(Problem(message, hint, file=str(file)))
