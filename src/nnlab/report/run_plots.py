"""The picture of one run: its curves, and what its network gives over one or two inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nnlab.data.splits import DataSpec
from nnlab.errors import NnlabError
from nnlab.report.descent_plot import draw_descent
from nnlab.report.snapshot_plots import Shown, by_epoch, film, marks, unit_maps
from nnlab.report.svg import MARGIN, Drawing, beside, document, fitting, text
from nnlab.report.training_plots import curves
from nnlab.results import best_epoch
from nnlab.run import Run
from nnlab.snapshots import read_snapshots, why_none
from nnlab.wording import counted

WIDTH = 900.0
"""Pixels of everything between the margins."""


def draw_run(run: Run, *, animate: bool = False) -> str:
    """Draw what a training has left in its directory; nothing is trained or asked anew.

    Args:
        run: the training.
        animate: whether what the network gives is one picture that moves, rather than some side by side.

    Returns:
        A whole SVG document.

    Raises:
        NnlabError: it is a comparison or a search, has no epoch behind it, cannot be read, or has nothing that moves.
    """
    info = run.read_info()
    if "kind" in info:
        hint = f"its plots lie in `{run.path}`; name one of its trainings, such as `{run.path.name}/0001`"
        raise NnlabError(f"`{run.path}` is no single training", hint=hint)
    history = run.read_history()
    if not history:
        raise NnlabError(f"`{run.path}` has no epoch yet", hint="draw it when its first epoch is over")
    with run.reading(run.history_path.name):
        best, words = best_epoch(info, history)
        facts = ", ".join([info.get("status", "unknown"), counted(len(history), "epoch")])
        drawings = [_head(run, "; ".join([facts, *words])), curves(history, best, width=WIDTH)]
    if animate and not run.snapshots_path.exists():
        hint = f"leave `--animate` out: {_why_no_film(run, info)}"
        raise NnlabError(f"`{run.path}` keeps nothing of its network by epoch", hint=hint)
    with run.reading(run.data_path.name), run.reading(run.snapshots_path.name):
        drawings += _looks(run, best, animate=animate)
    body = beside(drawings, columns=1)
    return document(WIDTH + 2 * MARGIN, body.height + 2 * MARGIN, [body.at(MARGIN, MARGIN)])


def _why_no_film(run: Run, info: Mapping[str, Any]) -> str:
    if run.enclosing is not None:
        return "trainings of comparisons and searches keep none"
    with run.reading(run.data_path.name):
        why = why_none(DataSpec.from_json(run.read_data()))
    return str(info.get("no_snapshots")) if why is None else why


def _head(run: Run, facts: str) -> Drawing:
    name = text(0, 14, fitting(run.path.name, WIDTH * 0.8), "title")
    return Drawing(WIDTH, 38, [name, text(0, 33, fitting(facts, WIDTH), "soft")])


def _looks(run: Run, best: int | None, *, animate: bool) -> Iterator[Drawing]:
    """Yield what there is of a network with one or two inputs."""
    look = read_snapshots(run)
    if look is None:
        return
    spec = DataSpec.from_json(run.read_data())
    target = next(iter(spec.targets.values()))
    shown = Shown(look, target.class_names, best)
    axes = spec.feature_names or [f"x[{i}]" for i in range(len(look.axes))]
    if look.descent is not None:
        way = draw_descent(look.descent, width=WIDTH)
        note = "the loss of the training rows by the weights, and where these were after each epoch"
        yield _section("the way of the weights", note, way)
    what = "the probability of each class" if look.are_probabilities else (target.names or ["the target"])[0]
    note = f"{what} over {axes[0]}" if shown.is_line else f"{axes[0]} to the right, {axes[1]} upwards"
    if look.are_probabilities and not shown.is_line:
        note += "; pale: unsure; lines: two classes are equally probable"
    if animate:
        body = beside([film(shown, width=0.64 * WIDTH), marks(shown, width=140)], columns=2, gap=24)
    else:
        body = beside([marks(shown, width=WIDTH), by_epoch(shown, width=WIDTH)], columns=1, gap=6)
    yield _section("what the network says" + ("" if animate else ", by epoch"), note, body)
    if look.units:
        note = "orange: below 0, blue: above" if len(look.axes) == 2 else "dashed: 0"
        note += "; below each its number and its greatest distance from 0"
        yield _section("what each hidden unit of the final network gives", note, unit_maps(look, width=WIDTH))


def _section(title: str, note: str, drawing: Drawing) -> Drawing:
    parts = [text(0, 16, title, "head"), text(0, 33, fitting(note, WIDTH), "soft"), drawing.at(0, 42)]
    return Drawing(WIDTH, 42 + drawing.height, parts)
