"""What pictures are made into."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, slots=True)
class PictureForm:
    """The form of all pictures of a source, as `keras.utils.image_dataset_from_directory` would give it.

    Args:
        size: height and width in pixels.
        color: `rgb` or `grayscale`.
        resize: what has another aspect ratio is made to fit: `stretch`, or as Keras calls it `crop_to_aspect_ratio`
            (the middle) or `pad_to_aspect_ratio` (black bars).
        interpolation: as Keras names it.
        cache: `uint8` (rounded) or `float32`.
    """

    size: tuple[int, int]
    color: str
    resize: str
    interpolation: str
    cache: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return (*self.size, 3 if self.color == "rgb" else 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return np.dtype(self.cache)

    @property
    def bytes(self) -> int:
        """What one picture takes in the cache."""
        return math.prod(self.shape) * self.dtype.itemsize

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"size": list(self.size)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError: it is no such record.
        """
        return cls(**{**record, "size": tuple(record["size"])})


@dataclass(frozen=True, slots=True)
class PictureInput:
    """What a model that was trained on pictures in files has to know to read others.

    Args:
        form: what they are made into.
        files: the column of tables of labels that names them; `None` for the first one.
        broken: why files could not be decoded that the model was to be trained on, by their names.
    """

    form: PictureForm
    files: str | None = None
    broken: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"form": self.form.to_json(), "files": self.files, "broken": dict(self.broken)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError: it is no such record.
        """
        return cls(PictureForm.from_json(record["form"]), record["files"], dict(record["broken"]))
