"""Runs on pictures in files, from the command line: trained, judged and asked about others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnlab.report.png import png_file

pytestmark = pytest.mark.tf

CONFIG = """
data: {source: {images: {size: [6, 8], resize: crop_to_aspect_ratio}}, path: pictures, scale: 255}
model: {hidden: [4]}
training: {epochs: 2, batch_size: 8}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Red and blue pictures in folders, and one that is broken; they are decoded in this process."""
    from nnlab.data.pictures import decoder, store

    monkeypatch.setattr(store, "_run", decoder.write_pictures)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "pictures", 12)
    (tmp_path / "pictures/red/broken.png").write_bytes(b"no picture")
    (tmp_path / "experiment.yaml").write_text(CONFIG)
    return tmp_path / "pictures"


def write(root: Path, count: int, *, seed: int = 0) -> None:
    random = np.random.default_rng(seed)
    for channel, label in ((0, "red"), (2, "blue")):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 80, (*random.integers(6, 20, 2), 3), dtype=np.uint8)
            pixels[..., channel] += 150
            (root / label / f"{number}.png").write_bytes(png_file(pixels))


@pytest.mark.usefixtures("shared_programs")
def test_a_run_judges_and_predicts_pictures_wherever_they_are(nnlab, folder, tmp_path):
    done = nnlab("train", "experiment.yaml", "--name", "pets")
    assert done.code == 0, done
    assert "1 of 25 pictures cannot be decoded: `red/broken.png`" in done.err
    record = json.loads(next(Path("runs").glob("*pets*/data.json")).read_text())
    assert list(record["pictures"]["broken"]) == ["red/broken.png"]

    document = json.loads(nnlab("predict", "pets", folder / "red", "--json").out)
    assert [row["file"] for row in document["predictions"]] == sorted(f"{i}.png" for i in range(12))
    assert document["score"] is None
    of_all = json.loads(nnlab("predict", "pets", folder, "--json").out)
    assert of_all["rows"] == 24
    assert of_all["score_rows"] == {"evaluated": 24, "train": 15, "validation": 4}
    one = json.loads(nnlab("predict", "pets", folder / "red/3.png", "--json").out)["predictions"][0]
    same = next(row for row in of_all["predictions"] if row["file"] == "red/3.png")
    assert one["p(red)"] == pytest.approx(same["p(red)"], abs=1e-5)

    table = folder / "list.csv"
    table.write_text("name,class\nblue/1,blue\nred/3.png,red\n")
    listed = nnlab("predict", "pets", table)
    assert [line.split(",")[0] for line in listed.out.splitlines()] == ["file", "blue/1.png", "red/3.png"]
    assert "score, as the file has the target" in listed.err
    table.write_text("blue/1.png\nred/3.png\n")  # no names of columns
    assert len(nnlab("predict", "pets", table).out.splitlines()) == 3

    write(tmp_path / "others", 5, seed=1)
    done = nnlab("evaluate", "pets", "--input", tmp_path / "others", "--json")
    assert done.code == 0, done
    for wrong, what in (
        (folder / "red", "nothing says the `class` of each picture"),
        (tmp_path / "nowhere", "there is no file"),
    ):
        assert what in nnlab("evaluate", "pets", "--input", wrong).err
    (tmp_path / "parts/test").mkdir(parents=True)
    (tmp_path / "parts/train").mkdir()
    assert "which pictures?" in nnlab("predict", "pets", tmp_path / "parts").err

    before = nnlab("evaluate", "pets").out
    folder.rename(tmp_path / "moved")
    assert nnlab("evaluate", "pets").code == 2
    assert nnlab("evaluate", "pets", "--input", tmp_path / "moved", "--split", "test").out == before
    (tmp_path / "moved/red/0.png").write_bytes(png_file(np.zeros((9, 9, 3), np.uint8)))
    done = nnlab("evaluate", "pets", "--input", tmp_path / "moved", "--split", "test")
    assert done.code == 2
    assert "1 of 24 rows has changed" in done.err


def test_labels_of_other_pictures_have_to_be_known(nnlab, folder):
    rows = "".join(f"red/{i},{'a|b' if i % 2 else 'a'}\n" for i in range(12))
    (folder / "labels.csv").write_text(f"file,tags\n{rows}")
    Path("experiment.yaml").write_text(CONFIG.replace("{size: [", "{labels: labels.csv, size: ["))
    assert nnlab("train", "experiment.yaml", "--name", "tags").code == 0
    (folder / "more.csv").write_text("file,tags\nred/1,b\nred/2,a\n")
    assert nnlab("evaluate", "tags", "--input", folder / "more.csv").code == 0
    (folder / "more.csv").write_text("file,tags\nred/1,b|c\nred/2,a\n")
    done = nnlab("evaluate", "tags", "--input", folder / "more.csv")
    assert done.code == 2
    assert "does not know the label `c`" in done.err
