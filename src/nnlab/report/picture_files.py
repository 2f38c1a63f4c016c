"""The pictures of a data set as PNG files, in a folder for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnlab.config.by_name import only
from nnlab.data.description import DataDescription, picture_shape
from nnlab.errors import NnlabError
from nnlab.report.data_plots import labels_of
from nnlab.report.png import png_file
from nnlab.wording import named


def save_pictures(described: DataDescription, folder: Path) -> int:
    """Write the rows of a data set as `train/CLASS/00000.png`, where `source: images` finds them.

    Args:
        described: the data; pictures of whole numbers from 0 to 255, with classes.
        folder: where to; made if it is not there.

    Returns:
        How many were written.

    Raises:
        NnlabError: they are no such pictures, or there is something in the folder.
        OSError: they cannot be written.
    """
    target = only(described.source.targets)
    if len(described.source.targets) > 1 or not target.has_classes:
        raise NnlabError("a folder for each class needs one target with classes", hint="name one as `data.target`")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NnlabError(f"cannot write into {named(folder)}: it is not empty", hint="give another folder")
    written = 0
    for split, positions in described.rows.items():
        pictures = _as_bytes(only(described.features(split)), described)
        for number, (pixels, label) in enumerate(zip(pictures, labels_of(target, positions), strict=True)):
            place = folder / split / label.replace("/", "_")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number:05}.png").write_bytes(png_file(pixels))
            written += 1
    return written


def _as_bytes(rows: np.ndarray, described: DataDescription) -> np.ndarray:
    """Return pictures `[rows, height, width, channels]` of bytes.

    Raises:
        NnlabError: the rows are none.
    """
    shape = picture_shape(rows.shape[1:], described.source.raw.picture_shape)
    if shape is None or len(described.source.raw.x) > 1:
        raise NnlabError("the rows are no pictures", hint="`nnlab data CONFIG` says what they are")
    pictures = np.rint(rows.reshape(len(rows), *shape, *([1] * (3 - len(shape)))))
    if not np.array_equal(pictures, rows.reshape(pictures.shape)) or pictures.min() < 0 or pictures.max() > 255:
        raise NnlabError("the pictures hold other numbers than whole ones from 0 to 255", hint="give others")
    return np.asarray(pictures, np.uint8)
