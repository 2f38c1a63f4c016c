"""Who is at work in a run directory, with real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnlab import lock
from nnlab.errors import NnlabError
from nnlab.lock import Lock, owner_of
from nnlab.results import run_row
from nnlab.run import Run

HOLDER = """
import multiprocessing, os, subprocess, sys, time
from pathlib import Path
from nnlab.lock import Lock
if __name__ == "__main__":
    held = Lock(Path(sys.argv[1]))
    kind = sys.argv[2]
    if kind == "fork":
        has_begun, begins = os.pipe()
        if os.fork() == 0:
            os.write(begins, b"!")
            time.sleep(60)
        os.read(has_begun, 1)
    if kind in ("forkserver", "spawn"):
        child = multiprocessing.get_context(kind).Process(target=time.sleep, args=(60,))
        child.start()
    if kind == "command":
        subprocess.Popen(["sleep", "60"], close_fds=False)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds a lock, in a group of its own, which is ended at the end."""
    script = tmp_path / "holder.py"
    script.write_text(HOLDER)
    started = []

    def start(path: Path, kind: str = "alone") -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, script, path, kind], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def write_run(path: Path, **info: object) -> Run:
    path.mkdir(parents=True)
    run = Run(path)
    run.write_info({"status": "running", "name": "x", **info})
    return run


@pytest.mark.parametrize("kind", ["alone", "fork", "forkserver", "spawn", "command"])
def test_a_lock_ends_with_its_owner_though_children_live_on(holder, tmp_path, kind):
    path = tmp_path / "lock"
    process = holder(path, kind)
    assert owner_of(path).pid == process.pid
    process.kill()
    process.wait()
    assert path.exists()
    assert owner_of(path) is None
    with Lock(path):
        assert owner_of(path).pid == os.getpid()
    assert not path.exists()


def test_a_second_one_is_refused_and_told_who_is_there(holder, tmp_path):
    path = tmp_path / "lock"
    process = holder(path)
    before = path.read_bytes()
    with pytest.raises(NnlabError, match=f"at work already: process {process.pid} on `.+`, since 20") as refused:
        Lock(path)
    assert f"kill {process.pid}" in refused.value.problems[0].hint
    assert path.read_bytes() == before


def test_somebody_who_looks_refuses_nobody(tmp_path):
    path = tmp_path / "lock"
    looker = (
        "import sys; from pathlib import Path; from nnlab.lock import owner_of\nwhile True: owner_of(Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", looker, path])
    try:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            with Lock(path):
                pass
    finally:
        process.kill()
        process.wait()


def test_on_another_machine_the_last_beat_counts(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    held = Lock(path)
    monkeypatch.setattr(lock, "_machine", lambda: "another")
    os.close(lock._held.pop())  # as its lock looks from there
    assert owner_of(path).pid == os.getpid()
    with pytest.raises(NnlabError, match="at work already"):
        Lock(path)
    long_ago = time.time() - lock.SECONDS_TO_BE_MISSED - 1
    os.utime(path, (long_ago, long_ago))
    assert owner_of(path) is None
    Lock(path).release()
    held.release()


def test_an_owner_gives_a_sign_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "SECONDS_BETWEEN_BEATS", 0.05)
    path = tmp_path / "lock"
    with Lock(path):
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 10
        while path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert path.stat().st_mtime > 0


def test_where_the_file_system_has_no_locks_a_process_that_is_gone_is_gone(tmp_path, monkeypatch):
    def no_locks(*_: object) -> None:
        raise OSError("no locks available")

    monkeypatch.setattr(lock.fcntl, "flock", no_locks)
    path = tmp_path / "lock"
    with Lock(path):
        assert owner_of(path).pid == os.getpid()
        with pytest.raises(NnlabError, match="at work already"):
            Lock(path)
        path.write_text(path.read_text().replace(str(os.getpid()), "4194999"))  # more than Linux has
        assert owner_of(path) is None


def test_a_run_whose_process_is_gone_is_interrupted(holder, tmp_path):
    run = write_run(tmp_path / "run")
    process = holder(run.lock_path)
    assert run.read_info()["status"] == run_row(run)["status"] == "running"
    process.kill()
    process.wait()
    written = (run.path / "run.json").read_bytes()
    assert run.read_info()["status"] == run_row(run)["status"] == "interrupted"
    assert (run.path / "run.json").read_bytes() == written  # who only reads writes nothing


def test_a_trial_is_at_work_as_long_as_its_search(holder, tmp_path):
    search = write_run(tmp_path / "search")
    trial = write_run(search.trials_path / "0001")
    process = holder(search.lock_path)
    assert trial.read_info()["status"] == "running"
    process.kill()
    process.wait()
    assert trial.read_info()["status"] == "interrupted"
    with trial.lock():
        assert trial.read_info()["status"] == "running"
        assert search.read_info()["status"] == "interrupted"


def test_what_a_worker_still_writes_is_not_removed_under_its_feet(holder, tmp_path, monkeypatch):
    monkeypatch.setattr("nnlab.run.SECONDS_TO_END", 0.1)
    run = write_run(tmp_path / "trials" / "0001")
    process = holder(run.lock_path)
    with pytest.raises(NnlabError, match="at work already"):
        run.remove()
    assert run.path.exists()
    process.kill()
    process.wait()
    run.remove()
    assert not run.path.exists()


def test_a_resume_of_what_still_runs_is_refused_and_touches_nothing(nnlab, holder, tmp_path):
    run = write_run(tmp_path / "runs" / "2026-01-01_00-00-00_x_abcdef", kind="search")
    process = holder(run.lock_path)
    before = sorted((file.name, file.stat().st_mtime_ns) for file in run.path.iterdir())
    done = nnlab("resume", "abcdef")
    assert (done.code, done.out) == (2, "")
    assert f"is at work already: process {process.pid} on" in done.err
    assert sorted((file.name, file.stat().st_mtime_ns) for file in run.path.iterdir()) == before
