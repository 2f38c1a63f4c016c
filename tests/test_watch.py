"""`nnlab train --watch`: what is saved is trained, mistakes wait for the next save, and Ctrl-C ends it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from nnlab.cli.saves import Saves
from nnlab.config.differences import differences
from nnlab.config.load import config_files, load_config
from test_terminal import ESCAPES

IRIS = """
name: small
data: {source: iris, scale: standardize}
model: {hidden: [4]}
optimizer: {Adam: {learning_rate: 0.01}}
training: {epochs: 2}
"""


def rename_over(path: Path, text: str) -> None:
    """Save as vim and VS Code do: the file is a new one."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def test_a_save_is_seen_however_an_editor_writes(tmp_path):
    file, gone = tmp_path / "c.yaml", tmp_path / "none.csv"
    file.write_text("one")
    saves = Saves()
    saves.begin([file, gone])
    assert saves.changed() == []
    rename_over(file, "two")
    assert saves.changed() == [file]
    assert saves.wait() == [file]
    saves.begin([file, gone])
    assert saves.changed() == []
    gone.write_text("x")
    assert saves.settled() == [gone]
    saves.begin([file])
    file.unlink()
    began = time.monotonic()
    assert saves.settled() == [file]  # it may be about to be written anew, but not for ever
    assert 0.4 < time.monotonic() - began < 5


def test_a_file_that_is_written_in_two_steps_is_read_whole(tmp_path):
    from threading import Timer

    file = tmp_path / "c.yaml"
    file.write_text("one")
    saves = Saves()
    saves.begin([file])
    file.write_text("")
    Timer(0.1, file.write_text, ["whole"]).start()
    assert saves.settled() == [file]
    assert file.read_text() == "whole"


def test_the_files_of_a_config_are_those_that_it_extends_and_names(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    base, middle, top = tmp_path / "below" / "base.yaml", tmp_path / "middle.yaml", tmp_path / "top.yaml"
    base.write_text("data: {source: csv, path: ../rows.csv, target: b}\nmodel: {hidden: [4]}\noptimizer: sgd\n")
    middle.write_text("extends: below/base.yaml\n")
    top.write_text("extends: middle.yaml\nseed: 3\n")
    assert [path.resolve() for path in config_files(top)] == [top, middle, base]
    assert load_config(top).named_files == (tmp_path / "rows.csv",)
    middle.write_text("extends: top.yaml\n")  # in a circle
    assert config_files(top) == [top, middle]
    middle.write_text("{")
    assert config_files(top) == [top, middle]
    code = "{type: subclassed, class: mine.py:Net}"
    (tmp_path / "mine.py").write_text("class Net: ...")
    top.write_text(f"data: iris\nmodel: {code}\noptimizer: sgd\n")
    assert load_config(top).named_files == (tmp_path / "mine.py",)


def test_differences_are_named_with_defaults_where_one_side_says_nothing(config):
    before = config(IRIS)
    after = config(IRIS, "training.batch_size=64", "model.hidden.0=8", "optimizer=sgd", "seed=0")
    assert differences(before, after) == [
        (("model", "hidden", 0), 4, 8),
        (("optimizer",), {"Adam": {"learning_rate": 0.01}}, "sgd"),
        (("training", "batch_size"), 32, 64),
    ]
    assert differences(after, before)[-1] == (("training", "batch_size"), 64, 32)
    longer = config(IRIS, "model.hidden=[4, 4]", "schedule={power: {decay_steps: 5}}")
    assert differences(before, longer) == [
        (("model", "hidden"), [4], [4, 4]),
        (("schedule",), "not set", {"power": {"decay_steps": 5}}),
    ]
    assert differences(before, before) == []


def test_what_no_save_would_mend_is_refused(nnlab, write_config):
    write_config(IRIS)
    assert nnlab("train", "experiment.yaml", "--watch", "--json").code == 2
    assert "there is no such file" in nnlab("train", "other.yaml", "--watch").err
    assert "expected `PATH=VALUE`" in nnlab("train", "experiment.yaml", "--watch", "-S", "seed").err


@pytest.mark.tf
def test_each_save_leaves_a_run_that_its_config_gives_again(nnlab, write_config, monkeypatch):
    import numpy as np

    from nnlab.run import list_runs

    file = write_config(IRIS)
    saves = [lambda: file.write_text(IRIS.replace("0.01", "0.02")), lambda: file.write_text("{")]

    def wait(_: Saves) -> list[Path]:
        if not saves:
            raise KeyboardInterrupt
        saves.pop(0)()
        return [file]

    monkeypatch.setattr(Saves, "wait", wait)
    done = nnlab("train", "experiment.yaml", "--watch", "-q", "-S", "seed=5")
    runs = list_runs(Path("runs"))
    assert done.code == 0
    assert sorted(done.out.splitlines()) == [str(run.path) for run in runs]
    assert done.err.startswith("experiment.yaml:2:1: not valid YAML")
    assert [run.read_info()["status"] for run in runs] == ["completed", "completed"]
    assert [run.read_info()["seed"] for run in runs] == [5, 5]
    changed = next(run for run in runs if "learning_rate: 0.02" in run.config_path.read_text())
    again = nnlab("train", changed.config_path, "-q").out.strip()
    model, other = (_weights(Path(path) / "model.keras") for path in (changed.path, again))
    assert all(np.array_equal(one, two) for one, two in zip(model, other, strict=True))


def _weights(path: Path) -> list:
    import keras

    return keras.saving.load_model(path).get_weights()


class Watching:
    """A watch in a pseudo-terminal of 80 columns."""

    def __init__(self, folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nnlab", "train", "c.yaml", "--watch"], stdin=theirs, stdout=theirs, stderr=theirs,
            cwd=folder, env={**inherited, "TERM": "xterm-256color"}, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)

    def until(self, pattern: str, seconds: float = 60) -> str:
        """Return what was said until then, without colours."""
        said, deadline = "", time.monotonic() + seconds
        while not re.search(pattern, said):
            assert time.monotonic() < deadline, said
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    said += ESCAPES.sub("", os.read(self._ours, 1 << 16).decode(errors="replace"))
                except OSError:
                    raise AssertionError(said) from None
        return said

    def end(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        with open(self._ours, "rb", closefd=False) as rest:
            try:
                while rest.read1(1 << 16):
                    pass
            except OSError:
                pass
        os.close(self._ours)
        return self.process.wait(30)


@pytest.mark.tf
def test_a_watch_in_a_terminal(tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(IRIS)
    watching = Watching(tmp_path)
    try:
        first = watching.until("waiting for")
        assert "last digits" in " ".join(first.split())
        assert "best 2" in first
        assert "before" not in first
        rename_over(file, IRIS.replace("0.01", "0.02"))
        second = watching.until("waiting for")
        assert "changed: optimizer.Adam.learning_rate: 0.01 -> 0.02" in second
        assert "before" in second
        file.write_text(IRIS.replace("hidden", "hiden"))
        broken = watching.until("waiting for")
        assert "unknown key `hiden`" in broken
        assert "did you mean `hidden`?" in broken
        file.write_text(IRIS.replace("epochs: 2", "epochs: 100000"))
        watching.until(r"epoch \d\d/100000")
        file.write_text(IRIS.replace("epochs: 2", "epochs: 100001"))
        stopped = watching.until(r"epoch \d\d/100001")
        assert re.search(r"saved: stopped after \d+ epochs, kept in", stopped)
    finally:
        code = watching.end()
    assert code == 130
    statuses = [_status(path) for path in sorted((tmp_path / "runs").iterdir())]
    assert sorted(statuses) == ["completed"] * 2 + ["interrupted"] * 2


def _status(path: Path) -> str:
    from nnlab.run import Run

    return Run(path).read_info()["status"]
