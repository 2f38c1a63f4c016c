"""Files of a run that somebody else wrote, damaged or of other types: one line each, and the other runs stay seen."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from nnlab.run import Run

INFO = {
    "status": "completed",
    "name": "good",
    "command": ["nnlab", "train", "good.yaml"],
    "started": "2026-01-01T00:00:00+00:00",
    "seconds": 1.5,
    "epochs": 2,
    "params": 1234,
    "seed": 0,
    "versions": {"keras": "3.15.0", "tensorflow": None, "python": "3.11"},
}
HISTORY = "epoch,loss,val_loss\n1,0.5,0.6\n2,0.4,0.5\n"
SEARCH = {"kind": "search", "trials": 3, "best": {"metric": "val_loss", "score": 0.5, "trial": "0001"}}


def write_run(runs: Path, name: str = "good", **info: object) -> Run:
    run = Run(runs / f"2026-01-01_00-00-00_{name}_{abs(hash(name)) % 16**6:06x}")
    run.path.mkdir(parents=True)
    run.write_info({**INFO, "name": name, **info})
    run.write_metrics({"train": {"loss": 0.4}, "validation": {"loss": 0.5}, "test": None})
    run.history_path.write_text(HISTORY)
    return run


@pytest.fixture
def runs(tmp_path):
    write_run(tmp_path / "runs", "good")
    return tmp_path / "runs"


BAD_VALUES = [("seconds", "abc"), ("seconds", [1]), ("epochs", 2.5), ("name", 5), ("status", None), ("command", "x")]
BAD_VALUES += [
    ("best", 5),
    ("best", {"score": 1}),
    ("versions", []),
    ("trials", "three"),
    ("error", "x"),
    ("params", ""),
]


@pytest.mark.parametrize(("key", "value"), BAD_VALUES)
def test_a_value_of_another_type_is_named_and_hides_no_other_run(nnlab, runs, key, value):
    bad = write_run(runs, "bad")
    bad.write_info({**INFO, **SEARCH, key: value})
    listed = nnlab("runs", "ls")
    assert listed.code == 0
    assert "_good_" in listed.out
    assert "0.5000" in listed.out
    (row,) = [line for line in listed.out.splitlines() if "_bad_" in line]
    assert "unreadable" in row
    assert f"`{key}" in listed.err
    assert len(listed.err.splitlines()) == 1
    shown = nnlab("runs", "show", bad.path)
    assert (shown.code, shown.out) == (2, "")
    first, hint = shown.err.splitlines()
    assert first.startswith(f"`{bad.path}/run.json` cannot be read: `{key}")
    assert hint.startswith("  hint: restore it")


@pytest.mark.parametrize("content", ["", "{", "[1]", "5", "null", "[" * 100_000, '{"status": "\\ud800"}', "\xff\xfe"])
@pytest.mark.parametrize("file", ["run.json", "metrics.json"])
def test_a_damaged_file_is_one_line_with_file_and_remedy(nnlab, runs, file, content):
    bad = write_run(runs, "bad")
    (bad.path / file).write_bytes(content.encode("latin-1"))
    listed = nnlab("runs", "ls")
    assert listed.code == 0
    assert "_good_" in listed.out
    shown = nnlab("runs", "show", bad.path)
    if "ud800" in content and file == "run.json":
        assert "\\ud800" in shown.out
        return
    assert shown.code == 2
    assert shown.err.startswith(f"`{bad.path}/{file}` cannot be read: ")
    assert len(shown.err.splitlines()) == 2
    assert "is this a run directory" not in shown.err


@pytest.mark.parametrize(
    "history",
    [
        "epoch,loss\n1,abc\n",
        "epoch,loss\n1\n",
        "epoch,loss\n1,2,3\n",
        "a,b\n1,2\n",
        "epoch\n1\n",
        "epoch,loss\n1,\0\n",
        "\xff",
    ],
)
def test_a_damaged_history_is_one_line(nnlab, runs, history):
    bad = write_run(runs, "bad")
    bad.history_path.write_bytes(history.encode("latin-1"))
    shown = nnlab("runs", "show", bad.path)
    assert shown.code == 2
    assert shown.err.startswith(f"`{bad.history_path}` cannot be read: ")
    assert len(shown.err.splitlines()) == 2


@pytest.mark.parametrize(
    "results", [{}, {"rows": 5}, {"rows": [{"trial": 1}], "notes": None}, {"rows": [], "notes": 5}]
)
@pytest.mark.parametrize("kind", ["search", "comparison"])
def test_results_of_another_shape_are_one_line(nnlab, runs, kind, results):
    bad = write_run(runs, "bad", **{**SEARCH, "kind": kind})
    (bad.path / "results.json").write_text(json.dumps(results))
    shown = nnlab("runs", "show", bad.path)
    if not results:  # it has none yet
        assert f"`nnlab resume {bad.path}` carries it on" in shown.out
        return
    assert shown.code == 2
    assert shown.err.startswith(f"`{bad.path}/results.json` cannot be read: ")
    assert len(shown.err.splitlines()) == 2


def test_a_folder_in_place_of_a_file_is_one_line(nnlab, runs):
    bad = write_run(runs, "bad")
    (bad.path / "metrics.json").unlink()
    (bad.path / "metrics.json").mkdir()
    shown = nnlab("runs", "show", bad.path)
    assert shown.code == 2
    assert "metrics.json` cannot be read: Is a directory" in shown.err


def test_what_a_run_does_not_say_is_left_out(nnlab, tmp_path):
    run = Run(tmp_path / "runs" / "2026-01-01_00-00-00_bare_abcdef")
    run.path.mkdir(parents=True)
    run.write_info({"status": "completed"})
    shown = nnlab("runs", "show", "bare")
    assert shown.code == 0
    assert "completed" in shown.out


@pytest.mark.parametrize("kind", ["comparison", "search"])
def test_of_a_killed_study_no_number_of_trials_is_claimed(nnlab, tmp_path, kind):
    run = Run(tmp_path / "runs" / "2026-01-01_00-00-00_killed_abcdef")
    run.path.mkdir(parents=True)
    run.write_info({"kind": kind, "status": "running", "started": "2026-01-01T00:00:00+00:00"})
    shown = nnlab("runs", "show", "killed").out
    assert "started    2026-01-01T00:00:00+00:00, not finished\n" in shown
    assert "0 trial" not in nnlab("runs", "ls").out
    run.write_info({**run.read_info(), "status": "failed", "trials": 0})
    assert "not finished, 0 tr" in nnlab("runs", "show", "killed").out
    assert "0 trials" in nnlab("runs", "ls").out


def test_a_metric_that_is_not_a_number_is_shown_as_nan(nnlab, runs):
    run = write_run(runs, "odd")
    run.write_metrics({"train": {"loss": float("nan")}, "validation": None, "test": None})
    assert "nan" in nnlab("runs", "show", "odd").out
    assert nnlab("runs", "ls", "--sort", "val_loss").code == 0


def test_a_runs_folder_that_is_a_file_is_refused(nnlab, tmp_path):
    (tmp_path / "runs").write_text("")
    for words in (["ls"], ["show", "x"]):
        done = nnlab("runs", *words)
        assert done.code == 2
        assert done.err.splitlines()[0] == "there are no runs in `runs`: Not a directory"


@pytest.mark.parametrize("name", ["x" * 300, "a/b", "..", "x\0y"])
@pytest.mark.usefixtures("runs")
def test_a_name_that_no_run_can_have_is_unknown(nnlab, name):
    done = nnlab("runs", "show", name)
    assert done.code == 2
    assert len(done.err.splitlines()) == 2


def test_a_full_disk_is_one_line(nnlab, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "run.json")

    monkeypatch.setattr("nnlab.run.list_runs", full)
    done = nnlab("runs", "ls")
    assert done.code == 1
    assert done.err.splitlines() == [
        "cannot use `run.json`: no space left on device",
        "  hint: free some space on that disk, or give a folder on another one",
    ]


@pytest.mark.tf
def test_an_interrupt_before_anything_is_known_of_a_run_leaves_no_directory(nnlab, tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "c.yaml").write_text("data: iris\nmodel: {hidden: [4]}\ntraining: {epochs: 1}\n")
    monkeypatch.setattr(Run, "write_data", interrupt)
    done = nnlab("train", "c.yaml", "--runs-dir", "others")
    assert (done.code, done.out) == (130, "")
    assert "nothing was kept" in done.err
    assert not list((tmp_path / "others").iterdir())


@pytest.mark.parametrize(("error", "code"), [(EOFError(), 1), (KeyboardInterrupt(), 130)])
def test_only_an_interrupt_exits_as_interrupted(nnlab, monkeypatch, error, code):
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr("nnlab.run.list_runs", stop)
    assert nnlab("runs", "ls").code == code
