"""Which files of a folder are pictures."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nnlab.errors import DataError, Problem
from nnlab.wording import named

ENDINGS = (".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".jxl", ".png", ".webp")
"""What names of pictures end in that TensorFlow decodes."""

OTHER_ENDINGS = (".avif", ".heic", ".heif", ".ico", ".psd", ".tif", ".tiff")
"""What names of pictures end in that it does not decode, so that they count as broken rather than as no pictures."""

_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_NO_FOLDERS = ("__MACOSX", "__pycache__")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files below a folder.

    Args:
        pictures: by their names relative to the folder, in the order of `image_dataset_from_directory`.
        others: of the files that are no pictures.
    """

    pictures: tuple[str, ...]
    others: tuple[str, ...]


def list_pictures(root: Path, folder: str = "") -> Listing:
    """List the pictures of a folder and of all folders in it; hidden ones (`.name`) are passed over.

    A picture is what its name or, without such a name, its first bytes say. Links are followed.

    Args:
        root: what names are relative to.
        folder: in it, the whole of it if left out.

    Raises:
        DataError: a link leads back to a folder that it is in.
        OSError: a folder cannot be read.
    """
    pictures: list[str] = []
    others: list[str] = []
    for place, names in sorted(_walk(root / folder, ())):
        for name in sorted(names):
            relative = os.path.relpath(f"{place}{os.sep}{name}", root)
            (pictures if is_picture(Path(place, name)) else others).append(relative)
    return Listing(tuple(pictures), tuple(others))


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders in a folder that may hold pictures, sorted.

    Raises:
        OSError: it cannot be read.
    """
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not _is_hidden(entry.name))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in _NO_FOLDERS


def _walk(folder: Path, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, list[str]]]:
    state = folder.stat()
    here = (state.st_dev, state.st_ino)
    if here in above:
        message = f"the link {named(folder)} leads back to a folder that it is in"
        raise DataError(Problem(message, "remove the link", path=("data", "path")))
    with os.scandir(folder) as entries:
        found = list(entries)
    yield str(folder), [entry.name for entry in found if not entry.is_dir()]
    for entry in found:
        if entry.is_dir() and not _is_hidden(entry.name):
            yield from _walk(Path(entry.path), (*above, here))


def is_picture(file: Path) -> bool:
    """Tell whether a file is one that is or should be a picture, by its name or else by its first bytes."""
    if file.name.startswith("."):
        return False
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # opening a pipe would wait for ever
            return False
        if file.suffix.lower() in (*ENDINGS, *OTHER_ENDINGS):
            return True
        with file.open("rb") as stream:
            return stream.read(8).startswith(_BEGINNINGS)
    except OSError:  # a link to nothing, or what may not be read: whoever reads it says so if it is a picture
        return file.suffix.lower() in (*ENDINGS, *OTHER_ENDINGS)
