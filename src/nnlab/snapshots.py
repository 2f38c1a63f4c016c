"""What a network gives over one or two inputs, epoch by epoch, as a run keeps it: pictures of it need no TensorFlow."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnlab.config.by_name import only
from nnlab.data.splits import DataSpec
from nnlab.data.target_spec import TargetSpec
from nnlab.run import Run

POINTS = {1: 256, 2: 64}
"""Points of the grid along each input, by the number of inputs."""

SPLITS = ("train", "validation")
"""Whose rows are kept, and drawn: those that decide how a network becomes."""

MOST_CLASSES = 10
_ENDS = ".ends"

_STEPS = {"uint8": 63, "uint16": 65535}
"""Shades that a picture can show, and heights of a line; fewer take less room."""
MARGIN = 0.08
"""How far the grid goes beyond the rows, in widths of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """The way of a network's only weights, one or two, over the loss of the training rows.

    Args:
        names: of the weights.
        epochs: 0 is before training; `[visited]`.
        weights: after each of these epochs, float32 `[visited, weights]`.
        axes: the first and the last point of the grid along each weight, `[weights, 2]`.
        losses: float32 `[points]`, or `[points of the second weight, points of the first]`.
    """

    names: tuple[str, ...]
    epochs: np.ndarray
    weights: np.ndarray
    axes: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class Snapshots:
    """What a network gave on a grid over its inputs, as the training went on; all in the data's own units.

    Args:
        axes: the first and the last point of the grid along each input, float64 `[inputs, 2]`.
        epochs: after which it was looked at, ascending; 0 is before training.
        are_probabilities: whether it tells classes apart, rather than predicts a number.
        values: float32 `[epochs, columns, points]`, or `[epochs, columns, points of the second input, of the first]`;
            the columns are the probabilities of the classes, of two that of the second alone, or the target.
        units: what each hidden unit of the final network gives, `[units, ...]` on the same grid, by layer.
        x: some rows of each of `SPLITS` that there is, float32 `[rows, inputs]`.
        y: their class numbers or targets, float32 `[rows]`.
        descent: the way of the weights, if there are only one or two.
    """

    axes: np.ndarray
    epochs: tuple[int, ...]
    are_probabilities: bool
    values: np.ndarray
    units: Mapping[str, np.ndarray] = field(default_factory=dict)
    x: Mapping[str, np.ndarray] = field(default_factory=dict)
    y: Mapping[str, np.ndarray] = field(default_factory=dict)
    descent: Descent | None = None

    @property
    def probabilities(self) -> np.ndarray:
        """The probability of each class, of two as of more: `[epochs, classes, ...]`; only of classes."""
        if self.values.shape[1] > 1:
            return self.values
        return np.concatenate([1 - self.values, self.values], axis=1)

    def save(self, run: Run) -> None:
        """Write it into a run's directory: 10 to 30 KB of two classes over two inputs."""
        arrays: dict[str, Any] = {
            "axes": self.axes,
            "epochs": np.array(self.epochs, np.int32),
            "are_probabilities": np.array(self.are_probabilities),
        }
        precise = len(self.axes) == 1  # a line shows more than shades do
        # probabilities go by the same steps in every epoch: what is flat stays flat, and takes no room
        ends = (0.0, 1.0) if self.are_probabilities else None
        arrays |= _coded("values", self.values, np.uint16 if precise else np.uint8, ends=ends)
        for layer, units in self.units.items():
            arrays |= _coded(f"units/{layer}", units, np.uint16 if precise else np.uint8)
        for split, x in self.x.items():
            arrays |= _coded(f"x/{split}", x.T, np.uint16)
        arrays |= {f"y/{split}": y for split, y in self.y.items()}
        if self.descent is not None:
            names = np.array(self.descent.names)
            parts = {name: getattr(self.descent, name) for name in ("epochs", "weights", "axes", "losses")}
            arrays |= {f"descent/{name}": part for name, part in {"names": names, **parts}.items()}
        content = io.BytesIO()
        np.savez_compressed(content, **arrays)
        run.write_snapshots(content.getvalue())


def read_snapshots(run: Run) -> Snapshots | None:
    """Read what a training has left; `None` if it has left nothing (`why_none` says why).

    Raises:
        NnlabError: it cannot be read.
    """
    if not run.snapshots_path.exists():
        return None
    with run.reading(run.snapshots_path.name):
        try:
            with np.load(run.snapshots_path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(str(error) or "it ends too early") from error
        return Snapshots(
            axes=arrays["axes"],
            epochs=tuple(arrays["epochs"].tolist()),
            are_probabilities=bool(arrays["are_probabilities"]),
            values=_decoded("values", arrays),
            units={layer: _decoded(f"units/{layer}", arrays) for layer in _coded_names("units/", arrays)},
            x={split: _decoded(f"x/{split}", arrays).T for split in _coded_names("x/", arrays)},
            y=_named("y/", arrays),
            descent=_descent(_named("descent/", arrays)),
        )


def _coded_names(prefix: str, arrays: Mapping[str, np.ndarray]) -> list[str]:
    return [name for name in _named(prefix, arrays) if not name.endswith(_ENDS)]


def _named(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _descent(parts: Mapping[str, np.ndarray]) -> Descent | None:
    return Descent(**{**parts, "names": tuple(parts["names"].tolist())}) if parts else None  # type: ignore[arg-type]


def _coded(name: str, values: np.ndarray, dtype: Any, ends: tuple[float, float] | None = None) -> dict[str, np.ndarray]:
    """Return values `[parts, ...]` as steps between two ends, by default the extremes of each part, and these ends."""
    flat = values.reshape(len(values), -1).astype(np.float64)
    extremes = np.stack([flat.min(axis=1), flat.max(axis=1)], axis=1)
    chosen = extremes if ends is None else np.tile(ends, (len(values), 1))
    low, width = chosen[:, :1], chosen[:, 1:] - chosen[:, :1]
    steps = np.rint((flat - low) / np.where(width > 0, width, 1.0) * _STEPS[np.dtype(dtype).name]).astype(dtype)
    return {name: steps.reshape(values.shape), f"{name}{_ENDS}": chosen}


def _decoded(name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    steps, ends = arrays[name], arrays[f"{name}{_ENDS}"]
    low, high = (ends[:, i].reshape(-1, *[1] * (steps.ndim - 1)) for i in (0, 1))
    return np.asarray(low + steps * ((high - low) / _STEPS[steps.dtype.name]), np.float32)


def why_none(spec: DataSpec) -> str | None:
    """Say why there can be no snapshots of a network for such data; `None` where there can."""
    shapes = list(spec.input_shapes.values())
    if len(shapes) > 1 or len(shapes[0]) != 1 or shapes[0][0] not in POINTS:
        now = f"{shapes[0][0]}" if len(shapes) == 1 and len(shapes[0]) == 1 else "other inputs"
        return f"they are kept of networks with one or two columns of numbers as input, and this one has {now}"
    if spec.encoding is not None:
        return "they are kept of networks with one or two columns of numbers as input, and here columns are encoded"
    if len(spec.targets) > 1 or not _is_one_answer(only(spec.targets)):
        return f"they are kept of networks that predict one number, or one of at most {MOST_CLASSES} classes"
    return None


def _is_one_answer(target: TargetSpec) -> bool:
    if target.task == "multilabel" or target.predicts_inputs:
        return False
    return target.num_outputs == 1 or (target.task == "multiclass" and target.num_outputs <= MOST_CLASSES)


def around(x: np.ndarray) -> np.ndarray:
    """Return the ends of a grid over rows `[rows, inputs]`, a little beyond them: `[inputs, 2]`."""
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    margin = np.where(high > low, MARGIN * (high - low), 1.0)
    return np.stack([low - margin, high + margin], axis=1)


def grid(axes: np.ndarray, points: int) -> np.ndarray:
    """Return the points of a grid as rows `[points ** inputs, inputs]`: along the first input first."""
    along = [np.linspace(low, high, points) for low, high in axes]
    return np.stack([each.reshape(-1) for each in np.meshgrid(*along)], axis=1)
