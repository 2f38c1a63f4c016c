"""Pictures of what a network of one or two inputs gives: their numbers are those of `snapshots.npz`."""

from __future__ import annotations

import base64
import re
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest

from nnlab.data.splits import DataSpec
from nnlab.data.target_spec import TargetSpec
from nnlab.report.run_plots import draw_run
from nnlab.run import Run
from nnlab.snapshots import Descent, Snapshots
from test_run_plots import SVG, line, numbers, panel, scale, texts

EPOCHS = tuple(range(0, 21, 2))
AXES = np.array([[-2.0, 2.0], [-1.0, 3.0]])


@pytest.fixture
def drawn(tmp_path):
    """Draw the run of some snapshots."""

    def draw(look: Snapshots, *, classes=(), **options):
        run = Run(tmp_path / "runs" / "2026-01-01_00-00-00_name_0000aa")
        run.path.mkdir(parents=True)
        run.write_info({"status": "completed", "name": "name", "best_epoch": 6, "monitor": "loss", "best_value": 0.1})
        run.write_history([{"epoch": i, "learning_rate": 0.1, "loss": 1 / i} for i in range(1, 21)])
        names = tuple(f"x{i + 1}" for i in range(len(look.axes)))
        target = TargetSpec("binary" if classes else "regression", (1,), classes, ("y",), inferred_task=True)
        spec = DataSpec({"": (len(names),)}, names, {"": target}, 20, 0, 0)
        run.write_data(spec.to_json())
        look.save(run)
        return ElementTree.fromstring(draw_run(run, **options))

    return draw


def plane(border: float) -> np.ndarray:
    """Return the probability of the second class, one half where x1 is at a border, `[1, 64, 64]`."""
    x = np.linspace(*AXES[0], 64)
    return np.tile(1 / (1 + np.exp(-4 * (x - border))), (1, 64, 1))


def two_classes(**more) -> Snapshots:
    values = np.stack([plane(-1 + 0.1 * epoch) for epoch in EPOCHS]).astype(np.float32)
    x, y = np.array([[-1.0, 0.0], [1.0, 2.0]], np.float32), np.array([0, 1], np.float32)
    return Snapshots(AXES, EPOCHS, True, values, x={"train": x}, y={"train": y}, **more)


def colors(image) -> np.ndarray:
    """Return the colours of a picture of a palette, `[rows, columns, 3]`."""
    content = base64.b64decode(image.get("href").split(",", 1)[1])
    chunks, place = {}, 8
    while place < len(content):
        size, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        chunks[kind] = chunks.get(kind, b"") + content[place + 8 : place + 8 + size]
        place += 12 + size
    width, height = (int.from_bytes(chunks[b"IHDR"][i : i + 4], "big") for i in (0, 4))
    assert chunks[b"IHDR"][8:13] == bytes([8, 3, 0, 0, 0]), "a byte a pixel, the number of a colour"
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any(), "no filter"
    return np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)[rows[:, 1:]]


def test_the_boundary_stands_where_two_classes_are_equally_probable(drawn):
    root = drawn(two_classes(), classes=("left", "right"))
    titles = [text for text in texts(root) if re.match(r"epoch \d", text)]
    assert titles == [f"epoch {epoch}" + " (best)" * (epoch == 6) for epoch in (0, 2, 6, 8, 12, 14, 18, 20)]
    for epoch, title in ((0, "epoch 0"), (20, "epoch 20")):
        image = next(panel(root, title).iter(f"{SVG}image"))
        pixels = colors(image).astype(int)
        border = round((-1 + 0.1 * epoch + 2) / 4 * 63)
        left, right = pixels[:, : border - 1], pixels[:, border + 2 :]
        assert (left[..., 0] > left[..., 2]).all(), "orange"
        assert (right[..., 2] > right[..., 0]).all(), "blue"
        ground = next(each for each in panel(root, title).iter(f"{SVG}svg") if each.find(f"{SVG}image") is not None)
        starts = [int(x) for x in re.findall(r"M(\d+) \d+", ground.find(f"{SVG}path").get("d"))]
        width = float(ground.get("viewBox").split()[2])
        assert [4 * x / width - 2 for x in starts] == pytest.approx([-1 + 0.1 * epoch] * 63, abs=0.04)
    assert {"left", "right", "training rows"} <= set(texts(root))


def test_a_film_has_every_look_and_rests_at_the_last_for_who_wants_no_motion(drawn):
    root = drawn(two_classes(), classes=("left", "right"), animate=True)
    (strip,) = (each for each in root.iter(f"{SVG}g") if each.get("class") == "film")
    assert [text for text in texts(strip) if text] == [f"epoch {epoch}" + " (best)" * (epoch == 6) for epoch in EPOCHS]
    (style,) = (each.text for each in root.iter(f"{SVG}style") if "film" in each.text)
    distance = float(re.search(r"translateY\((-[\d.]+)px\)", style)[1])
    assert strip.get("transform") == f"translate(0 {distance:.1f})"
    assert "prefers-reduced-motion:no-preference" in style
    assert "steps(10,end)" in style


def test_fitted_curves_are_the_numbers_of_the_network(drawn):
    x = np.linspace(-2, 2, 256)
    values = np.stack([[np.sin(x) * epoch / 20] for epoch in EPOCHS]).astype(np.float32)
    rows = np.linspace(-1.8, 1.8, 10, dtype=np.float32)
    units = {"dense": np.stack([np.tanh(x), 0.5 * x]).astype(np.float32)}
    look = Snapshots(
        AXES[:1], EPOCHS, False, values, units=units, x={"train": rows[:, None]}, y={"train": np.sin(rows)}
    )
    root = drawn(look)
    drawn_last = panel(root, "epoch 18")
    row = panel(root, "epoch 12")  # the first of its row has the numbers of the axis
    points = line(drawn_last, stroke="var(--ink)")
    across, up = scale(drawn_last, "x"), scale(row, "y")
    assert [across(left) for left, _ in points] == pytest.approx(x.tolist(), abs=0.02)
    assert [up(top) for _, top in points] == pytest.approx((np.sin(x) * 0.9).tolist(), abs=0.03)
    assert {"dense", "0.96", "1"} <= set(texts(root)), "the greatest distance from 0 of each unit"


def test_the_way_of_a_weight_lies_on_the_loss(drawn):
    weights = np.array([[5.0], [2.6], [1.16], [0.296]], np.float32)
    grid = np.linspace(-7.0, 6.0, 256)
    losses = ((grid + 1) ** 2).astype(np.float32)
    look = Snapshots(
        AXES[:1], (0, 20), False, np.zeros((2, 1, 256), np.float32),
        x={"train": np.array([[1.0]], np.float32)}, y={"train": np.array([-1.0], np.float32)},
        descent=Descent(("kernel",), np.arange(4), weights, np.array([[-7.0, 6.0]]), losses),
    )  # fmt: skip
    way = panel(drawn(look), "kernel")
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in way.iter(f"{SVG}circle")]
    x, y = numbers(way, dots)
    assert x == pytest.approx(weights[:, 0].tolist(), abs=0.02)
    assert y == pytest.approx(((weights[:, 0] + 1) ** 2).tolist(), abs=0.2)
    x, y = numbers(way, line(way, **{"class": "ink"}))
    assert y == pytest.approx([(each + 1) ** 2 for each in x], abs=0.5)


def test_a_film_without_a_file_or_of_a_network_of_three_inputs_is_refused(nnlab, tmp_path):
    run = Run(tmp_path / "runs" / "2026-01-01_00-00-00_name_0000aa")
    run.path.mkdir(parents=True)
    run.write_info({"status": "completed", "name": "name"})
    run.write_history([{"epoch": 1, "learning_rate": 0.1, "loss": 1.0}])
    target = TargetSpec("regression", (1,), (), ("y",), inferred_task=True)
    run.write_data(DataSpec({"": (3,)}, ("a", "b", "c"), {"": target}, 20, 0, 0).to_json())
    done = nnlab("runs", "show", "name", "--animate")
    assert done.code == 2
    assert "write `--plot FILE.svg` too" in done.err
    done = nnlab("runs", "show", "name", "--animate", "--plot", "film.svg")
    assert done.code == 2
    assert "keeps nothing of its network by epoch" in done.err
    assert "one or two columns of numbers as input, and this one has 3" in done.err
    assert not (tmp_path / "film.svg").exists()
