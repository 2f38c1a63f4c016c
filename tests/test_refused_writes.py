"""Disks that are full, folders that are gone, models that are damaged: one line, what to do, and a run that failed."""

from __future__ import annotations

import errno
import shutil

import pytest

from nnlab.errors import NnlabError
from nnlab.run import Run

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("shared_programs")]

WINE = """
data: {source: wine, scale: standardize}
model: {hidden: [3]}
training: {epochs: 3, tensorboard: false}
"""


class Watcher:
    """Does something after the first epoch."""

    def __init__(self, do):
        self.do = do

    def engine_chosen(self, choice): ...

    def training_began(self, model, *, epochs, steps): ...

    def step_done(self, epoch, step, logs): ...

    def epoch_done(self, row, *, best):
        if row["epoch"] == 1:
            self.do()

    def may_look(self, look): ...


def refuse(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device", "history.csv")


def test_a_disk_that_is_full_in_the_middle_of_a_training_fails_the_run(config, tmp_path, monkeypatch):
    from nnlab.train import train

    run = Run(tmp_path / "run")
    fill = Watcher(lambda: monkeypatch.setattr(Run, "write_history", refuse))
    summary = train(config(WINE), run, observer=fill)
    assert (summary.status, run.read_info()["status"]) == ("failed", "failed")
    assert str(summary.problem) == (
        "training stopped: cannot use `history.csv`: no space left on device\n"
        "  hint: free some space on that disk, or give a folder on another one"
    )


def test_a_folder_that_is_gone_in_the_middle_of_a_training_fails_the_run(config, tmp_path):
    from nnlab.train import train

    run = Run(tmp_path / "run")
    summary = train(config(WINE), run, observer=Watcher(lambda: shutil.rmtree(run.path)))
    assert summary.status == "failed"
    assert summary.problem.message.endswith("no such file or directory")
    assert "make it again" in summary.problem.hint


@pytest.mark.parametrize("error", [RuntimeError("error message = 'No space left on device'"), EOFError("cut")])
def test_whatever_saving_raises_fails_the_run(config, tmp_path, monkeypatch, error):
    import keras

    from nnlab.train import train

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(keras.Model, "save", fail)
    run = Run(tmp_path / "run")
    summary = train(config(WINE), run)
    assert (summary.status, run.read_info()["status"]) == ("failed", "failed")
    assert len(str(summary.problem).splitlines()) == 2


def test_a_damaged_model_is_one_line_with_a_remedy_for_whoever_reads_it(config, tmp_path):
    from nnlab.train import evaluate, train

    run = train(config(WINE), Run(tmp_path / "run")).run
    whole = run.model_path.read_bytes()
    weights = whole.index(b"model.weights.h5") + 2500
    flipped = bytes([whole[weights] ^ 255])
    damaged = [
        b"",
        b"PK\x03\x04 and nothing else",
        whole[: len(whole) // 2],
        whole[:weights] + flipped + whole[weights + 1 :],
    ]
    transfer = config(WINE, f"model={{transfer: {{from: {run.path}}}, hidden: []}}")
    for content in damaged:
        run.model_path.write_bytes(content)
        for use in (lambda: evaluate(run, "test"), lambda: train(transfer, Run(tmp_path / "other"))):
            with pytest.raises(NnlabError) as raised:
                use()
            (problem,) = raised.value.problems
            assert "cannot be loaded" in problem.message
            assert "\n" not in problem.message
            assert "nnlab train" in problem.hint
