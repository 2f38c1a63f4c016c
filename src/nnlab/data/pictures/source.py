"""`source: images`: pictures in a folder, with what the folder or a table says of them, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.data import DataConfig
from nnlab.data.files import near_name
from nnlab.data.pictures.folders import TEST, VALIDATION, labelled_folder
from nnlab.data.pictures.form import PictureForm, PictureInput
from nnlab.data.pictures.labels import Labelled, read_labels
from nnlab.data.pictures.store import Pictures, load_pictures
from nnlab.data.registry import RawData
from nnlab.errors import DataError, Problem
from nnlab.memory import BYTES_OF_A_NUMBER, require_memory
from nnlab.wording import counted, named, show

_MOST_NAMED = 5


def read_pictures(
    config: DataConfig,
    form: PictureForm,
    *,
    labels: str | None,
    files: str | None,
    stops_at_broken: bool,
) -> RawData:
    """Read the pictures of the folder at `path`.

    Args:
        config: the `data` section; `target` names columns of `labels`, or is the `class` that folders stand for.
        form: what is made of them.
        labels: a CSV file of names and labels, relative to the folder; without one, folders are classes.
        files: the column of names in it; `None` for the first.
        stops_at_broken: whether files that cannot be decoded are refused rather than left out.

    Raises:
        DataError: there are no such pictures or labels.
    """
    root = _folder(config)
    if config.features is not None:
        hint = "remove it: `size`, `color` and `resize` of the source say what is made of them"
        raise DataError(Problem("pictures have no columns to choose", hint, path=("data", "features")))
    if labels is None and config.split is not None and config.split.column is not None:
        hint = "name the table that it is in: `source: {images: {labels: FILE.csv}}`"
        raise DataError(Problem("folders have no columns to split by", hint, path=("data", "split", "column")))
    found = labelled_folder(root, config) if labels is None else read_labels(root, labels, files, config)
    values = len(found.names) * np.prod(form.shape, dtype=np.int64)
    size = int(values) * (BYTES_OF_A_NUMBER + form.dtype.itemsize)
    require_memory(size, root, less="make them smaller (`size`)")
    pictures = load_pictures(root, found.names, form)
    reasons = {found.names[number]: why for number, why in pictures.broken.items()}
    _check_broken(root, reasons, len(found.names), stops=stops_at_broken)
    note = [f"{said_of_broken(reasons, len(found.names))}; left out"] if reasons else []
    raw = _rows(found, pictures)
    about = PictureInput(form, files, reasons)
    return replace(raw, pictures=about, notes=(*found.notes, *note), target_names=found.target_names)


def square(size: int | Sequence[int], path: tuple[str | int, ...]) -> tuple[int, int]:
    """Return height and width.

    Raises:
        DataError: these are other than one or two numbers.
    """
    if isinstance(size, int):
        return size, size
    if len(size) != 2:
        message = f"expected height and width, received {show(list(size))}"
        raise DataError(Problem(message, "write `size: [64, 96]`, or `size: 64` for both", path=path))
    return size[0], size[1]


def _folder(config: DataConfig) -> Path:
    """Return the folder at `path`.

    Raises:
        DataError: it is not there, or is a file.
    """
    assert config.one_path is not None, "the schema requires `path` here"
    root = Path(config.one_path)
    if not root.exists():
        raise DataError(Problem(f"there is no folder {named(root)}", near_name(root), path=("data", "path")))
    if not root.is_dir():
        hint = "name the folder that the pictures are in; an archive has to be unpacked"
        raise DataError(Problem(f"{named(root)} is a file, not a folder of pictures", hint, path=("data", "path")))
    return root


def _check_broken(root: Path, reasons: Mapping[str, str], count: int, *, stops: bool) -> None:
    """Refuse broken pictures, or that there are no others.

    Raises:
        DataError: with some of them.
    """
    if not reasons or (len(reasons) < count and not stops):
        return
    hint = "repair or remove them" + ", or leave them out: `broken: skip`" * (stops and len(reasons) < count)
    raise DataError(Problem(said_of_broken(reasons, count), hint, file=str(root)))


def said_of_broken(reasons: Mapping[str, str], count: int) -> str:
    """Say which pictures cannot be decoded of so many, and why."""
    some = [f"{named(name)} ({why})" for name, why in list(reasons.items())[:_MOST_NAMED]]
    rest = len(reasons) - len(some)
    examples = ", ".join(some) + f" and {rest:,} more" * bool(rest)
    return f"{len(reasons):,} of {counted(count, 'picture')} cannot be decoded: {examples}"


def _rows(found: Labelled, pictures: Pictures) -> RawData:
    """Return the pictures that can be decoded; those of a `test` folder stand behind the others."""
    kept, parts = pictures.kept, found.parts
    main = len(kept) if parts is None else int((parts[kept] != TEST).sum())
    y = {output: labels[kept] for output, labels in found.y.items()}
    in_main = None if parts is None else parts[kept][:main]
    is_told = in_main is not None and bool((in_main == VALIDATION).any())
    raw = RawData(
        {UNNAMED: pictures.array[:main]},
        {output: labels[:main] for output, labels in y.items()},
        rows=kept[:main] if pictures.broken else None,
        split_values=None if found.split_values is None else found.split_values[kept],
        validates=in_main == VALIDATION if is_told and in_main is not None else None,
    )
    if parts is None or main == len(kept):
        return raw
    x_test = {UNNAMED: pictures.array[main:]}
    return replace(raw, x_test=x_test, y_test={output: labels[main:] for output, labels in y.items()})
