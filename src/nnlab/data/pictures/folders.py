"""What the folders that pictures lie in say of them: their class, and whether they train, validate or test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.data.columns import AUTOENCODER
from nnlab.data.pictures.labels import Labelled
from nnlab.data.pictures.listing import folders_in, list_pictures
from nnlab.errors import DataError, Problem
from nnlab.wording import listed, named, plural, show

CLASS = "class"
"""What is predicted where folders are classes."""

TRAIN, VALIDATION, TEST = range(3)
_PARTS = {
    TRAIN: ("train", "training"),
    VALIDATION: ("validation", "valid", "val"),
    TEST: ("test", "testing"),
}
_IN_WORDS = ("train", "validation", "test")


def labelled_folder(root: Path, config: DataConfig) -> Labelled:
    """List the pictures of a folder, whose class is the folder in it that they are in, in Keras's order.

    Where the folder holds `train`, and `validation` or `test`, these hold the folders of the classes.

    Args:
        root: the folder.
        config: the `data` section; a target may be `inputs`, for which there need be no classes.

    Raises:
        DataError: there are no pictures, or no classes.
    """
    outputs = _outputs(config)
    parts = parts_of(root)
    names: list[str] = []
    classes: list[str] = []
    of_rows: list[int] = []
    notes: list[str] = []
    for part, folder in parts.items() if parts else [(TRAIN, "")]:
        found, labels = _by_class(root, folder, notes) if outputs else (list(list_pictures(root, folder).pictures), [])
        if not found:
            raise _no_picture(root, folder)
        names += found
        classes += labels
        of_rows += [part] * len(found)
    if outputs and len(set(classes)) == 1:
        raise _one_class(root, classes[0])
    y = {output: np.array(classes, dtype=object) for output in outputs}
    told = np.array(of_rows) if parts else None
    return Labelled(tuple(names), y, dict.fromkeys(outputs, (CLASS,)), tuple(notes), told)


def parts_of(root: Path) -> dict[int, str]:
    """Return the folders that hold training, validation and test pictures; empty if folders are classes.

    Raises:
        DataError: two of them hold the same.
    """
    found: dict[int, str] = {}
    for name in folders_in(root):
        part = next((part for part, names in _PARTS.items() if name.lower() in names), None)
        if part is None:
            return {}
        if part in found:
            message = f"{named(root)} holds `{found[part]}` and `{name}`, which both mean {_IN_WORDS[part]}"
            raise DataError(Problem(message, "put their pictures together", path=("data", "path")))
        found[part] = name
    return dict(sorted(found.items())) if TRAIN in found and len(found) > 1 else {}


def _outputs(config: DataConfig) -> list[str]:
    """Return the outputs that predict the class.

    Raises:
        DataError: one predicts something else.
    """
    problems = [
        Problem(
            f"a folder is a `{CLASS}`, received {', '.join(map(show, section.target))}",
            "remove `target`, or say in which table it is: `source: {images: {labels: FILE.csv}}`",
            path=("data", "target", output) if output else ("data", "target"),
        )
        for output, section in config.sections.items()
        if section.target not in (None, (CLASS,), AUTOENCODER)
    ]
    DataError.raise_any(problems)
    return [output for output, section in config.sections.items() if section.target != AUTOENCODER]


def _by_class(root: Path, folder: str, notes: list[str]) -> tuple[list[str], list[str]]:
    """Return the names of pictures and their classes, one class behind the other."""
    of_class: dict[str, list[str]] = {label: [] for label in folders_in(root / folder)}
    loose: list[str] = []
    for name in list_pictures(root, folder).pictures:
        label, *inside = Path(name).relative_to(folder).parts
        (of_class[label] if inside else loose).append(name)
    labels = [label for label, names in of_class.items() for _ in names]
    where = f" in `{folder}`" if folder else ""
    if loose and not labels:
        hint = (
            "put those of each class into a folder of its own, name a table of labels "
            "(`source: {images: {labels: FILE.csv}}`), or write `target: inputs` to give back what comes in"
        )
        message = f"the pictures{where} are in no folder of a class: {listed(loose, most=3)}"
        raise DataError(Problem(message, hint, file=str(root)))
    empty = [label for label, names in of_class.items() if not names]
    if empty and labels:
        notes.append(f"no picture{where} is in the {plural(len(empty), 'folder')} {listed(empty)}, left out")
    if loose:
        are = "picture is" if len(loose) == 1 else "pictures are"
        notes.append(f"{len(loose):,} {are} in no folder of a class{where}, left out: {listed(loose, most=3)}")
    return [name for names in of_class.values() for name in names], labels


def _no_picture(root: Path, folder: str) -> DataError:
    """Return the error for a folder without a picture, which says what is in it."""
    others = [*folders_in(root / folder), *list_pictures(root, folder).others]
    holds = f"it holds {listed(others, most=4)}" if others else "it is empty"
    hint = "name the folder that holds a folder of pictures for each class (JPEG, PNG, GIF, BMP or WebP)"
    if any(Path(name).suffix.lower() in (".zip", ".gz", ".tgz", ".tar") for name in others):
        hint = "unpack the archive, and name the folder that holds a folder for each class"
    return DataError(Problem(f"there is no picture in {named(root / folder)}: {holds}", hint, path=("data", "path")))


def _one_class(root: Path, label: str) -> DataError:
    inside = folders_in(root / label) if (root / label).is_dir() else []
    hint = "every class needs a folder of its own"
    if len(inside) > 1:
        hint = f"name the folder that holds the folders of the classes: `path: {root / label}`"
    return DataError(Problem(f"all pictures are in one folder, {named(label)}", hint, path=("data", "path")))


def classes_of(names: Sequence[str]) -> np.ndarray | None:
    """Return the first folder of each picture, which is its class; `None` if some are in none."""
    parts = [Path(name).parts for name in names]
    return None if any(len(each) < 2 for each in parts) else np.array([each[0] for each in parts], dtype=object)
