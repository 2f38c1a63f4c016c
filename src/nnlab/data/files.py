"""Finding a data file and recognizing what it is, before it is read."""

from __future__ import annotations

import glob
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from nnlab.data.packing import packing_of, unpacked
from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean, first_line
from nnlab.special_files import special_file
from nnlab.wording import listed, named

_PATH: ConfigPath = ("data", "path")
_BEGINNINGS = {
    b"PAR1": ("a Parquet file", "parquet"),
    b"PK\x03\x04": ("a zip archive (NPZ or XLSX)", "npz"),
    b"PK\x05\x06": ("an empty zip archive", "npz"),
    b"\x93NUMPY": ("a single NumPy array (NPY)", "npy"),
    b"\xd0\xcf\x11\xe0": ("an old Excel file", "excel"),
    b"\x89HDF": ("an HDF5 file", "hdf5"),
    b"version https://git-lfs": ("a pointer of Git LFS", "lfs"),
    b"<!doctype html": ("a web page", "html"),
    b"<html": ("a web page", "html"),
}
_HINTS = {
    "parquet": "write `source: parquet`",
    "npz": "write `source: npz` for NumPy arrays; save a spreadsheet as CSV",
    "npy": "save both arrays in one file: `np.savez(path, x=x, y=y)`",
    "packed": "unpack it",
    "excel": "save it as CSV",
    "hdf5": "save it as CSV, Parquet or NPZ",
    "lfs": "`git lfs pull` fetches the file itself",
    "html": "download the file itself, not the page that shows it",
    "csv": "write `source: csv` for a table as text",
}
CHECK_PATH = "check `path`; it is relative to the config's folder"
"""The hint where nothing is known of a file that is not there."""

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


def require_files(paths: Sequence[str], *, source: str) -> list[Path]:
    """Return the paths of files that are there, not empty, and look like what the source reads.

    Args:
        paths: those of the config, of which some may stand for several, as `part-*.csv`.
        source: `csv`, `parquet` or `npz`.

    Raises:
        DataError: naming what is there instead.
    """
    files = [file for path in paths for file in matching(path)]
    twice = [str(file) for file in dict.fromkeys(files) if files.count(file) > 1]
    if twice:
        raise _fault(f"{listed(twice)} would be read twice", "name each file once", _PATH)
    return [_required(file, source) for file in files]


def require_file(path: str | None, *, source: str) -> Path:
    """Return the path of a file that is there, is not empty and looks like what the source reads.

    Args:
        path: the config's `path`.
        source: `csv`, `parquet` or `npz`.

    Raises:
        DataError: naming what is there instead.
    """
    assert path is not None, "the schema requires `path` here"
    return _required(Path(path), source)


def matching(path: str) -> list[Path]:
    """Return the files that a path stands for, in the order of their names.

    Raises:
        DataError: it is a pattern, and no file is like it.
    """
    file = Path(path)
    if not is_pattern(path):
        return [file]
    found = sorted(each for each in _like(file) if not each.is_dir())
    if not found:
        raise _fault(f"no file is like `{path}`", CHECK_PATH, _PATH)
    return found


def _like(pattern: Path) -> Iterator[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))


def is_pattern(path: str) -> bool:
    """Whether a path stands for all files that are like it, rather than for one."""
    return glob.has_magic(path) and not Path(path).exists()


def _required(file: Path, source: str) -> Path:
    if not file.exists() and not file.parent.is_dir():
        raise _fault(f"there is no file `{file}`: its folder is not there either", "check `path`", _PATH)
    found, kind = _recognized(file, near_name(file), _PATH)
    if kind != source:
        but = f" but {found}" if found else ""
        raise _fault(f"`{file}` is not {_WORDS[source]}{but}", _HINTS[kind], _PATH)
    return file


def source_of_table(path: str) -> Literal["csv", "parquet"]:
    """Return the source that reads a table; of what is none, that which says so.

    Raises:
        DataError: it is not there.
    """
    file = matching(path)[0]
    return "parquet" if _recognized(file, near_name(file), _PATH)[1] == "parquet" else "csv"


def kind_of_input(file: Path) -> Literal["csv", "npy", "npz", "parquet"]:
    """Return what a file with rows to predict holds, whatever its name.

    Raises:
        DataError: it is not there, or holds something else.
    """
    found, kind = _recognized(file, _near(file) or "check its path", ())
    if kind in ("csv", "npy", "npz", "parquet"):
        return kind  # type: ignore[return-value]
    hint = _HINTS[kind] if kind in ("packed", "lfs", "html") else "save it as CSV, Parquet, NPY or NPZ"
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
    packing = packing_of(file)
    if packing == "zip" and _is_of_arrays(file):
        return "a zip archive (NPZ or XLSX)", "npz"
    what, kind = _kind_at(beginning) if packing is None else _kind_in(file, packing)
    return (what, kind) if packing is None or what is None else (f"a {packing} archive of {what}", "packed")


def _kind_at(beginning: bytes) -> tuple[str | None, str]:
    is_text = beginning.lstrip().lower().startswith
    found = (what for start, what in _BEGINNINGS.items() if beginning.startswith(start) or is_text(start))
    return next(found, (None, "csv"))


def _kind_in(file: Path, packing: str) -> tuple[str | None, str]:
    """Return what a packed file holds."""
    with unpacked(file, packing) as stream:
        return _kind_at(stream.read(_LONGEST_BEGINNING))


def _is_of_arrays(file: Path) -> bool:
    """Whether a zip archive is one of arrays or a spreadsheet, or damaged, rather than of a packed file of text."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return True
    return not names or any(name.endswith(".npy") or name == "[Content_Types].xml" for name in names)


def near_name(file: Path) -> str:
    """Return a hint for a file that is not there: what in its folder has nearly its name."""
    return _near(file) or CHECK_PATH


def _near(file: Path) -> str | None:
    names = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    return did_you_mean(file.name, names)


def _fault(message: str, hint: str | None, path: ConfigPath) -> DataError:
    return DataError(Problem(message, hint, path=path))
