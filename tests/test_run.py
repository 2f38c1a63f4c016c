from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import pytest

from nnlab.errors import NnlabError
from nnlab.results import metric_value, run_row
from nnlab.run import Run, list_runs, open_run
from nnlab.run_info import RunInfo
from nnlab.writing import to_json, write_text


def made(runs_dir: Path, name: str = "digits", **info) -> Run:
    run = Run.new(runs_dir, name)
    run.create(config="name: digits\n", source="name: digits\n")
    run.write_info({"status": "completed", **info})
    return run


def test_a_directory_is_named_by_time_name_and_id(tmp_path):
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_digits_[0-9a-f]{6}", Run.new(tmp_path, "digits").path.name)


def test_two_runs_of_the_same_second_have_two_directories(tmp_path):
    assert made(tmp_path).path != made(tmp_path).path


def test_a_run_is_never_overwritten(tmp_path):
    run = made(tmp_path)
    with pytest.raises(NnlabError, match="cannot make the run directory"):
        run.create(config="", source="")


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    target = tmp_path / "run.json"
    write_text(target, "old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_text(target, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    assert target.read_text() == "old"


def test_json_has_no_nan():
    assert json.loads(to_json({"loss": float("nan"), "list": [float("inf"), 1.5]})) == {
        "loss": None,
        "list": [None, 1.5],
    }


def test_history_reads_back_as_numbers(tmp_path):
    run = made(tmp_path)
    run.write_history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": float("nan")}])
    rows = run.read_history()
    assert rows[0] == {"epoch": 1.0, "loss": 0.5}
    assert rows[1]["loss"] != rows[1]["loss"]


@pytest.mark.parametrize("text", ["path", "directory", "id", "name"])
def test_a_run_is_found_by(tmp_path, text):
    run = made(tmp_path)
    words = {"path": str(run.path), "directory": run.path.name, "id": run.path.name[-6:], "name": "digits"}
    assert open_run(words[text], tmp_path) == run


def test_a_name_means_its_latest_run(tmp_path):
    older = Run(tmp_path / "2026-01-01_00-00-00_digits_aaaaaa")
    newer = Run(tmp_path / "2026-01-02_00-00-00_digits_000000")
    for run in (newer, older):
        run.create(config="", source="")
        run.write_info({"status": "completed"})
    assert list_runs(tmp_path) == [older, newer]
    assert open_run("digits", tmp_path) == newer


def test_an_unknown_run_gets_a_suggestion(tmp_path):
    run = made(tmp_path)
    with pytest.raises(NnlabError, match=f"did you mean `{run.path.name}`"):
        open_run(run.path.name[:-1] + "x", tmp_path)


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path):
    with pytest.raises(NnlabError, match="it has no `run"):
        open_run(str(tmp_path), tmp_path)


def test_a_damaged_run_is_listed_as_unreadable(tmp_path):
    run = made(tmp_path)
    (run.path / "run.json").write_text("{")
    assert run_row(run)["status"] == "unreadable"


def test_a_metric_is_named_as_in_the_history():
    row = {"metrics": {"train": {"loss": 1.0}, "validation": {"loss": 2.0}, "test": None}}
    assert metric_value(row, "loss") == 1.0
    assert metric_value(row, "val_loss") == 2.0
    assert metric_value(row, "test_loss") is None


def test_a_run_that_is_carried_on_keeps_how_it_began_and_adds_up_its_seconds(tmp_path):
    run = Run(tmp_path)
    began = {"command": ["nnlab", "tune"], "overrides": ["seed=1"], "started": "2026-01-01T00:00:00+00:00"}
    before = {"status": "interrupted", "versions": {}, "seconds": 100.0, **began}
    info = RunInfo(run, {"status": "running", "command": ["nnlab", "resume"], "overrides": []}, before)
    info.write()
    with run.lock():
        assert run.read_info()["status"] == "running"
    assert not {"seconds", "finished"} & set(run.read_info())
    info.facts["engine"] = "fast"
    info.end("completed", trials=3)
    ended = run.read_info()
    assert {name: ended[name] for name in began} == began
    assert (ended["status"], ended["engine"], ended["trials"]) == ("completed", "fast", 3)
    assert ended["versions"]["python"]
    assert 100 <= ended["seconds"] < 101
    assert ended["finished"] > ended["started"]


def test_a_file_that_cannot_be_written_is_known_by_its_own_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_text(tmp_path / "gone" / "history.csv", "")
    assert caught.value.filename == str(tmp_path / "gone" / "history.csv")


def test_a_full_disk_does_not_keep_a_run_from_saying_how_it_ended(tmp_path, monkeypatch):
    run = Run(tmp_path)
    run.write_info({"status": "running"})

    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nnlab.run.write_text", refuse)
    reason = {"message": "the disk is full", "hint": "make room"}
    run.write_info({"status": "failed", "error": {**reason, "traceback": "x" * 10_000}})
    assert run.read_info() == {"status": "failed", "error": reason}
    with pytest.raises(OSError, match="No space left"):
        run.write_info({"status": "failed", "error": {**reason, "message": "x" * 10_000}})
    assert run.read_info()["status"] == "failed"
