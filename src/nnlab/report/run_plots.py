"""The picture of one run: its curves, and what its network gives over one or two inputs."""

from __future__ import annotations

from nnlab.errors import NnlabError
from nnlab.report.svg import MARGIN, Drawing, beside, document, fitting, text
from nnlab.report.training_plots import curves
from nnlab.results import best_epoch
from nnlab.run import Run
from nnlab.wording import counted

WIDTH = 900.0
"""Pixels of everything between the margins."""


def draw_run(run: Run) -> str:
    """Draw what a training has left in its directory; nothing is trained or asked anew.

    Returns:
        A whole SVG document.

    Raises:
        NnlabError: it is a comparison or a search, has no epoch behind it, or cannot be read.
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
    body = beside(drawings, columns=1)
    return document(WIDTH + 2 * MARGIN, body.height + 2 * MARGIN, [body.at(MARGIN, MARGIN)])


def _head(run: Run, facts: str) -> Drawing:
    name = text(0, 14, fitting(run.path.name, WIDTH * 0.8), "title")
    return Drawing(WIDTH, 38, [name, text(0, 33, fitting(facts, WIDTH), "soft")])
