"""The engine goes over rows wherever they are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from nnlab.data.loading import load_data
from nnlab.data.splits import Split

TEXT = """
    data: {source: iris, scale: standardize, class_weight: {setosa: 3}, validation: 0.3}
    model: {normalization: BatchNormalization, hidden: [8]}
    training: {epochs: 2, batch_size: 16}
    """


@dataclass(frozen=True)
class OnDisk:
    """Rows in files, of which a step reads its own."""

    folder: Path
    count: int
    in_memory: None = None

    @classmethod
    def of(cls, rows: Split, folder: Path) -> OnDisk:
        folder.mkdir()
        for part in ("x", "y", "weights"):
            for name, array in getattr(rows, part).items():
                np.save(folder / f"{part} {name}.npy", array)
        return cls(folder, rows.count)

    def take(self, numbers: np.ndarray | slice) -> Split:
        found: dict[str, dict[str, np.ndarray]] = {"x": {}, "y": {}, "weights": {}}
        for file in self.folder.iterdir():
            part, name = file.stem.split(" ")
            found[part][name] = np.array(np.load(file, mmap_mode="r")[numbers])
        return Split(**found)


@pytest.mark.tf
@pytest.mark.parametrize("engine", ["keras", "exact"])
def test_rows_on_disk_are_trained_and_evaluated_on_as_the_same_ones_in_memory(config, tmp_path, engine):
    from nnlab.engine.built import build_seeded, make_loop

    def trained(*, on_disk: bool, engine: str) -> tuple[list[np.ndarray], dict[str, float], str]:
        experiment = config(TEXT, f"training.engine={engine}").experiment
        built = build_seeded(experiment, load_data(experiment.data, seed=0))
        if on_disk:
            parts = {name: OnDisk.of(getattr(built.splits, name), tmp_path / name) for name in ("train", "validation")}
            built = replace(built, splits=replace(built.splits, **parts))
        loop, choice = make_loop(built)
        loop.fit(built.splits.validation, epochs=range(2), callbacks=[])
        return built.model.get_weights(), loop.evaluate(built.splits.validation), choice.used

    weights, figures, _ = trained(on_disk=False, engine="keras")
    others, other_figures, used = trained(on_disk=True, engine=engine)
    assert used == "keras"  # no compiled program can read files
    assert other_figures == figures
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)
