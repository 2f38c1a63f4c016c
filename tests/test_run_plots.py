"""The picture of a run: its numbers are those of `history.csv` and `snapshots.npz`."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest

from nnlab.report.history_chart import TRAINING, VALIDATION
from nnlab.report.run_plots import draw_run
from nnlab.run import Run
from test_charts import HISTORY

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def kept(tmp_path):
    """Return the run of a history, as a training leaves it."""

    def keep(history, **info) -> Run:
        run = Run(tmp_path / "runs" / "2026-01-01_00-00-00_name_0000aa")
        run.path.mkdir(parents=True)
        found = {"best_epoch": 10, "monitor": "val_loss", "best_value": 0.4, "model_epoch": 20}
        run.write_info({"status": "completed", "name": "name", **found, **info})
        run.write_history(history)
        return run

    return keep


def texts(element):
    return [node.text for node in element.iter(f"{SVG}text")]


def panel(root, title):
    """Return the smallest element that has a title."""
    return [group for group in root.iter(f"{SVG}g") if title in texts(group)][-1]


def scale(element, axis, *, is_log=False):
    """Return what turns pixels into numbers, by the numbers that stand at an axis: `x`, `y` or `right`."""
    anchor = {"x": "middle", "y": "end", "right": None}[axis]
    found = []
    for node in element.iter(f"{SVG}text"):
        if node.get("class") == "soft" and node.get("text-anchor") == anchor and re.match(r"[-.\d]", node.text):
            place = float(node.get("x")) if axis == "x" else float(node.get("y")) - 4
            found.append((place, math.log(float(node.text)) if is_log else float(node.text)))
    (low, first), (high, last) = found[0], found[-1]

    def number(place):
        value = first + (place - low) * (last - first) / (high - low)
        return math.exp(value) if is_log else value

    return number


def line(element, **attributes):
    """Return the points of a line in pixels."""
    (path,) = [
        node for node in element.iter(f"{SVG}path") if all(node.get(key) == value for key, value in attributes.items())
    ]
    return [tuple(map(float, pair)) for pair in re.findall(r"([-.\d]+),([-.\d]+)", path.get("d"))]


def numbers(element, points, *, y="y", is_log=False):
    """Return the points of a line as numbers of its axes."""
    across, up = scale(element, "x"), scale(element, y, is_log=is_log)
    return [across(left) for left, _ in points], [up(top) for _, top in points]


def test_curves_are_the_columns_of_the_history_with_training_half_an_epoch_to_the_left(kept):
    root = ElementTree.fromstring(draw_run(kept(HISTORY)))
    for name in ("loss", "accuracy"):
        drawn = panel(root, name)
        x, y = numbers(drawn, line(drawn, stroke=TRAINING))
        assert x == pytest.approx([row["epoch"] - 0.5 for row in HISTORY], abs=0.01)
        assert y == pytest.approx([row[name] for row in HISTORY], abs=0.02)
        x, y = numbers(drawn, line(drawn, stroke=VALIDATION))
        assert x == pytest.approx([row["epoch"] for row in HISTORY], abs=0.01)
        assert y == pytest.approx([row[f"val_{name}"] for row in HISTORY], abs=0.02)
        ((best, _),) = line(drawn, **{"class": "best"})
        assert scale(drawn, "x")(best) == pytest.approx(10, abs=0.02)
    assert "learning rate 0.0100" in texts(root), "one that never changes is no line"
    assert "completed, 20 epochs; best val_loss 0.4000 in epoch 10; the model is that of epoch 20" in texts(root)


def test_the_learning_rate_has_an_axis_of_its_own_that_grows_by_factors_where_it_does(kept):
    history = [{**row, "learning_rate": 0.1 * 0.7 ** row["epoch"]} for row in HISTORY]
    drawn = panel(ElementTree.fromstring(draw_run(kept(history))), "loss")
    x, rates = numbers(drawn, line(drawn, **{"class": "rate"}), y="right", is_log=True)
    assert x == pytest.approx([row["epoch"] for row in history], abs=0.01)
    assert rates == pytest.approx([row["learning_rate"] for row in history], rel=0.03)
    assert "learning rate (log)" in texts(drawn)


def test_a_loss_that_spans_factors_is_drawn_by_factors_and_holes_stay_holes(kept):
    history = [{**row, "val_loss": 10 ** -row["epoch"]} for row in HISTORY[:6]]
    history[3]["loss"] = math.nan
    root = ElementTree.fromstring(draw_run(kept(history)))
    drawn = panel(root, "loss (log)")
    _, found = numbers(drawn, line(drawn, stroke=VALIDATION), is_log=True)
    assert found == pytest.approx([row["val_loss"] for row in history], rel=0.05)
    (path,) = [node.get("d") for node in drawn.iter(f"{SVG}path") if node.get("stroke") == TRAINING]
    assert path.count("M") == 2, "a gap where the loss is no number"
    assert "accuracy" in texts(root), "a share is not drawn by factors"


def test_a_long_history_is_a_small_file_in_which_no_peak_is_lost(kept):
    history = [{"epoch": float(i), "learning_rate": 0.1, "loss": 1.0 + i % 7 / 100} for i in range(1, 30_001)]
    history[12_344]["loss"] = 9.0
    text = draw_run(kept(history))
    assert len(text) < 25_000
    drawn = panel(ElementTree.fromstring(text), "loss")
    x, y = numbers(drawn, line(drawn, stroke=TRAINING))
    assert len(x) <= 1002
    assert max(y) == pytest.approx(9.0, abs=0.05)
    assert x[y.index(max(y))] == pytest.approx(12_344.5, abs=10)
    assert (x[0], x[-1]) == pytest.approx((0.5, 29_999.5), abs=10)


def test_one_epoch_is_a_point_and_an_interrupted_run_has_a_best_epoch_too(kept):
    run = kept(HISTORY[:1], best_epoch=None, model_epoch=None, status="interrupted")
    root = ElementTree.fromstring(draw_run(run))
    assert {node.get("fill") for node in panel(root, "loss").iter(f"{SVG}circle")} == {TRAINING, VALIDATION}
    assert "interrupted, 1 epoch; best val_loss 2.0200 in epoch 1" in texts(root)


def test_the_command_writes_the_picture_beside_what_it_prints(nnlab, kept):
    kept(HISTORY)
    done = nnlab("runs", "show", "name", "--plot", "run.svg")
    assert (done.code, done.err) == (0, "written: run.svg\n")
    assert "best" in done.out
    assert ElementTree.parse("run.svg").getroot().tag == f"{SVG}svg"
    quiet = nnlab("runs", "show", "name", "--plot", "run.svg", "--json")
    assert (quiet.code, quiet.err) == (0, "")
    refused = nnlab("runs", "show", "name", "--plot", "run.png")
    assert (refused.code, refused.out) == (2, "")
    assert "write `--plot run.svg`" in refused.err


def test_what_is_no_single_training_or_has_no_epoch_yet_has_no_picture(nnlab, kept):
    run = kept([])
    assert "has no epoch yet" in nnlab("runs", "show", "name", "--plot", "a.svg").err
    run.write_info({"status": "completed", "name": "name", "kind": "comparison", "trials": 2})
    refused = nnlab("runs", "show", "name", "--plot", "a.svg")
    assert (refused.code, refused.out) == (2, "")
    assert "is no single training\n  hint: its plots lie in" in refused.err
