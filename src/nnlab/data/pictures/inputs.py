"""Pictures to predict or to judge a run on: a folder, a table of names, or a single one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnlab.config.by_name import UNNAMED
from nnlab.config.data import DataConfig
from nnlab.data.csv_files import CsvForm, first_values
from nnlab.data.pictures.folders import CLASS, classes_of, parts_of
from nnlab.data.pictures.form import PictureInput
from nnlab.data.pictures.labels import label_columns, named_files
from nnlab.data.pictures.listing import is_picture, list_pictures
from nnlab.data.pictures.source import said_of_broken
from nnlab.data.pictures.store import Pictures, load_pictures
from nnlab.data.table import Table
from nnlab.data.tables import csv_table
from nnlab.data.target_spec import TargetSpec
from nnlab.data.text_files import TextFile
from nnlab.errors import DataError, Problem, did_you_mean
from nnlab.wording import listed, named, one_of

if TYPE_CHECKING:
    from nnlab.data.splits import DataSpec


@dataclass(frozen=True, eq=False)
class PictureFile:
    """Pictures for a run's model, and perhaps what is true of them.

    Args:
        file: the folder, the table of names, or the picture.
        spec: what the run knows about its data.
        root: what names are relative to.
        all_names: of the files, those that cannot be decoded included.
        table: of names and labels.
    """

    file: Path
    spec: DataSpec
    root: Path
    all_names: tuple[str, ...]
    table: Table | None = None

    @classmethod
    def open(cls, file: Path, spec: DataSpec, about: PictureInput) -> PictureFile:
        """Find out which pictures there are.

        Raises:
            DataError: there are none.
        """
        if file.is_dir():
            parts = parts_of(file)
            if parts:
                hint = f"name one of them, such as `{file / parts[max(parts)]}`"
                message = f"{named(file)} holds {listed(parts.values())}: which pictures?"
                raise DataError(Problem(message, hint))
            pictures = list_pictures(file).pictures
            if not pictures:
                raise DataError(Problem(f"there is no picture in {named(file)}", "name a folder of pictures"))
            return cls(file, spec, file, pictures)
        if is_picture(file):
            return cls(file, spec, file.parent, (file.name,))
        text = TextFile.of(file)
        table = csv_table(text, form=CsvForm(header=_names_columns(text)), for_training=False)
        names = [str(name) for name in table.frame.columns]
        if about.files is not None and about.files not in names:
            hint = did_you_mean(about.files, names) or f"the run found them in it; the file has {one_of(names)}"
            raise DataError(Problem(f"there is no column {named(about.files)} of file names", hint, file=str(file)))
        position = 0 if about.files is None else names.index(about.files)
        return cls(file, spec, file.parent, named_files(file.parent, table, position, file), table)

    @cached_property
    def _pictures(self) -> Pictures:
        about = self.spec.pictures
        assert about is not None
        pictures = load_pictures(self.root, self.all_names, about.form)
        if not len(pictures.kept):
            message = said_of_broken(self._broken(pictures), len(self.all_names))
            raise DataError(Problem(message, "name pictures that can be", file=str(self.file)))
        return pictures

    def _broken(self, pictures: Pictures) -> Mapping[str, str]:
        return {self.all_names[number]: why for number, why in pictures.broken.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the pictures that can be decoded, in the order of the rows."""
        return tuple(self.all_names[number] for number in self._pictures.kept)

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be said of the others."""
        broken = self._broken(self._pictures)
        return (f"{said_of_broken(broken, len(self.all_names))}; left out",) if broken else ()

    def features(self) -> dict[str, np.ndarray]:
        """Return the pictures `[rows, height, width, channels]`, not scaled.

        Raises:
            DataError: none can be decoded.
        """
        return {next(iter(self.spec.input_shapes), UNNAMED): self._pictures.array}

    def targets(self, config: DataConfig) -> dict[str, np.ndarray] | None:
        """Return the targets of each output that does not give back its inputs; `None` if one is not there.

        Raises:
            DataError: a target cannot be used.
        """
        read: dict[str, np.ndarray] = {}
        for output, section in config.sections.items():
            target = self.spec.target_of(output)
            if target.predicts_inputs:
                continue
            y = self._target(target, section)
            if y is None:
                return None
            read[output] = y[self._pictures.kept]
        return read

    def missing_targets(self, config: DataConfig) -> list[str]:
        """Return the names of the targets that `targets` does not find."""
        missing = [
            target.names[:1]
            for output, section in config.sections.items()
            if not (target := self.spec.target_of(output)).predicts_inputs and self._target(target, section) is None
        ]
        return list(dict.fromkeys(name for names in missing for name in names))

    def _target(self, target: TargetSpec, section: DataConfig) -> np.ndarray | None:
        if self.table is None:
            return classes_of(self.all_names) if target.names == (CLASS,) else None
        there = [str(name) for name in self.table.frame.columns]
        names = [str(name) for name in section.target or target.names]
        if section.target is None and not set(names) <= set(there):
            names = there[1:] if len(there) == 2 else names
        if not set(names) <= set(there):
            return None
        as_trained = replace(section, task=target.task_setting)
        return label_columns(self.table, [there.index(name) for name in names], as_trained, target.names)


def _names_columns(text: TextFile) -> bool:
    """Whether the first line of a table has the names of columns, rather than that of a picture."""
    first = next(iter(first_values(text)), "")
    return not first or not is_picture(text.file.parent / first)
