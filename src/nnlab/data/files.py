"""Finding a data file and recognizing what it is, before it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean, first_line
from nnlab.special_files import special_file
from nnlab.wording import named

_PATH: ConfigPath = ("data", "path")
_BEGINNINGS = {
    b"PAR1": ("a Parquet file", "parquet"),
    b"PK\x03\x04": ("a zip archive (NPZ or XLSX)", "npz"),
    b"PK\x05\x06": ("an empty zip archive", "npz"),
    b"\x93NUMPY": ("a single NumPy array (NPY)", "npy"),
    b"\x1f\x8b": ("a gzip archive", "gzip"),
    b"\xd0\xcf\x11\xe0": ("an old Excel file", "excel"),
    b"\x89HDF": ("an HDF5 file", "hdf5"),
    b"\xff\xfe": ("UTF-16 text", "utf-16"),
    b"\xfe\xff": ("UTF-16 text", "utf-16"),
    b"version https://git-lfs": ("a pointer of Git LFS", "lfs"),
    b"<!doctype html": ("a web page", "html"),
    b"<html": ("a web page", "html"),
}
_HINTS = {
    "parquet": "write `source: parquet`",
    "npz": "write `source: npz` for NumPy arrays; save a spreadsheet as CSV",
    "npy": "save both arrays in one file: `np.savez(path, x=x, y=y)`",
    "gzip": "unpack it",
    "excel": "save it as CSV",
    "hdf5": "save it as CSV, Parquet or NPZ",
    "utf-16": "save it as UTF-8",
    "lfs": "`git lfs pull` fetches the file itself",
    "html": "download the file itself, not the page that shows it",
    "csv": "write `source: csv` for a table as text",
}
_LONGEST_BEGINNING = 64
_WORDS = {"csv": "a CSV file", "parquet": "a Parquet file", "npz": "an NPZ file"}


@contextmanager
def reading() -> Iterator[None]:
    """Say in one line that data cannot be read, or do not fit into memory, though nothing told so before.

    Raises:
        DataError: instead of the `OSError` or `MemoryError`.
    """
    try:
        yield
    except MemoryError as error:
        hint = "use fewer rows or columns, or a machine with more memory"
        raise DataError(Problem(f"the data do not fit into memory: {first_line(error)}", hint)) from error
    except OSError as error:
        what = named(error.filename) if error.filename is not None else "a file"
        message = f"{what} cannot be read: {error.strerror or first_line(error)}"
        raise DataError(Problem(message, "check `path`", path=_PATH)) from error


def require_file(path: str | None, *, source: str) -> Path:
    """Return the path of a file that is there, is not empty and looks like what the source reads.

    Args:
        path: the config's `path`.
        source: `csv`, `parquet` or `npz`.

    Raises:
        DataError: naming what is there instead.
    """
    assert path is not None, "the schema requires `path` here"
    file = Path(path)
    if not file.exists() and not file.parent.is_dir():
        raise _fault(f"there is no file `{file}`: its folder is not there either", "check `path`", _PATH)
    found, kind = _recognized(file, near_name(file), _PATH)
    if kind != source:
        but = f" but {found}" if found else ""
        raise _fault(f"`{file}` is not {_WORDS[source]}{but}", _HINTS[kind], _PATH)
    return file


def kind_of_input(file: Path) -> Literal["csv", "npy", "npz", "parquet"]:
    """Return what a file with rows to predict holds, whatever its name.

    Raises:
        DataError: it is not there, or holds something else.
    """
    found, kind = _recognized(file, _near(file) or "check its path", ())
    if kind in ("csv", "npy", "npz", "parquet"):
        return kind  # type: ignore[return-value]
    hint = _HINTS[kind] if kind in ("gzip", "utf-16", "lfs", "html") else "save it as CSV, Parquet, NPY or NPZ"
    raise _fault(f"`{file}` is {found}, which cannot be read here", hint, ())


def _recognized(file: Path, near: str, path: ConfigPath) -> tuple[str | None, str]:
    """Return a description (`None` for text) and the kind of a file that is there and is not empty."""
    if file.is_dir():
        raise _fault(f"`{file}` is a folder, not a file", "name a file in it", path)
    if not file.exists():
        raise _fault(f"there is no file `{file}`", near, path)
    try:
        what = special_file(file)
        if what is not None:
            raise _fault(f"`{file}` is {what}, not a file", "write its content into a file", path)
        with file.open("rb") as stream:
            beginning = stream.read(_LONGEST_BEGINNING)
    except OSError as error:
        raise _fault(f"`{file}` cannot be read: {error.strerror}", None, path) from error
    if not beginning:
        raise _fault(f"`{file}` is empty", None, path)
    is_text = beginning.lstrip().lower().startswith
    found = (what for start, what in _BEGINNINGS.items() if beginning.startswith(start) or is_text(start))
    return next(found, (None, "csv"))


def near_name(file: Path) -> str:
    """Return a hint for a file that is not there: what in its folder has nearly its name."""
    return _near(file) or "check `path`; it is relative to the config's folder"


def _near(file: Path) -> str | None:
    names = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    return did_you_mean(file.name, names)


def _fault(message: str, hint: str | None, path: ConfigPath) -> DataError:
    return DataError(Problem(message, hint, path=path))
