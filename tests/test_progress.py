"""What `nnlab train` shows of its epochs: a header once, columns that fit, and the best epoch that is told it."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest

from nnlab.cli.progress import TrainingProgress
from nnlab.cli.screen import Screen
from nnlab.data.splits import DataSpec
from nnlab.data.target_spec import TargetSpec

SPEC = DataSpec({"": (4,)}, (), {"": TargetSpec("binary", (1,), ("no", "yes"), ("y",), True)}, 20, 5, 5)
NAMES = [
    "loss",
    "accuracy",
    "sparse_categorical_accuracy",
    "val_loss",
    "val_accuracy",
    "val_sparse_categorical_accuracy",
]


def shown(values: list[float], *, width: int, epochs: int | None = None, monitor: str = "val_accuracy") -> list[str]:
    """Return the lines of epochs in which every figure is the same; the first epoch is the best."""
    file = io.StringIO()
    progress = TrainingProgress(SPEC, monitor=monitor, has_schedule=True)
    progress.console = Screen(file)
    progress.console.width = width
    model = SimpleNamespace(layers=[1], count_params=lambda: 5)
    progress.training_began(model, epochs=epochs or len(values), steps=1)
    best = SimpleNamespace(epoch=1, monitor=monitor, value=values[0])
    for i, value in enumerate(values):
        row = {"epoch": i + 1, "learning_rate": 0.01, **dict.fromkeys(NAMES, value), "seconds": 0.5}
        progress.epoch_done(row, best=best)
    progress.stop(
        completed=True, epochs={"best_epoch": 1, "monitor": monitor, "best_value": values[0], "model_epoch": 1}
    )
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_every_name_and_digit_is_whole(width):
    lines = shown([0.12345, 23025422336.0, -1.5e-7, float("nan")], width=width)
    assert all(len(line) <= width for line in lines)
    (header,) = (line for line in lines if line.strip().startswith("time"))
    names = header.split()[1:]
    assert {"loss", "val_loss"} <= set(names) <= {*NAMES, "learning_rate"}
    epochs = [line.split() for line in lines if line.startswith("epoch ")]
    figures = [["0.1235"], ["2.303e+10"], ["-1.500e-07"], ["nan"]]
    for cells, (figure,) in zip(epochs, figures, strict=True):
        assert cells[2:4] == ["0.50", "s"]
        shown_values = dict(zip(names, cells[4:], strict=False))
        assert {value for name, value in shown_values.items() if name != "learning_rate"} == {figure}
    hidden = [name for name in (*NAMES, "learning_rate") if name not in names]
    told = " ".join(" ".join(lines).split())
    assert not hidden or f"not shown for lack of room: {', '.join(hidden)} (history.csv holds all)" in told


def test_columns_are_aligned_and_only_the_best_epoch_is_marked():
    lines = [line for line in shown([0.5, 0.25, 123.0], width=200) if line.startswith(("epoch ", "     "))]
    ends = {line.removesuffix("  best").rstrip() and len(line.removesuffix("  best")) for line in lines}
    assert len(ends) == 1
    assert [line.endswith("  best") for line in lines] == [False, True, False, False]


def test_a_single_epoch_is_one_epoch():
    lines = shown([0.5], width=80)
    assert "model: 5 parameters in 1 layer; 1 epoch of 1 step" in lines
    assert lines[-1].startswith("best val_accuracy 0.5000 in epoch 1; the model is that of epoch 1; ")


def test_of_many_epochs_some_get_a_line_and_that_is_said():
    lines = shown([0.5] * 250, width=80)
    assert "one line for every 3 epochs" in lines
    assert sum(line.startswith("epoch ") for line in lines) == 85


def test_the_steps_of_growing_batches_are_those_at_first(config):
    text = (
        "{data: digits, model: {hidden: [4]}, training: {epochs: 2, batch_size: {grow: {every_epochs: 1, start: 5}}}}"
    )
    file = io.StringIO()
    progress = TrainingProgress.of(config(text).experiment, SPEC)
    progress.console = Screen(file)
    progress.training_began(SimpleNamespace(layers=[1], count_params=lambda: 5), epochs=2, steps=4)
    assert "2 epochs of 4 steps at first" in file.getvalue()


def test_what_libraries_set_up_for_their_log_while_starting_goes_to_stderr_afterwards(capfd):
    import logging

    from nnlab.cli.console import _held_stderr

    logger = logging.getLogger("nnlab-test-of-a-library")
    with _held_stderr(show=False):
        logger.addHandler(logging.StreamHandler())
        logger.warning("while starting")
    logger.warning("later")
    logger.handlers.clear()
    assert capfd.readouterr().err.splitlines() == ["while starting", "later"]
