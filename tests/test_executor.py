"""Many trainings in real worker processes: the same numbers as one by one, and none lost when a process dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from nnlab import memory
from nnlab.executor import Job, Trainer, Workers, capacity, jobs_at_once
from nnlab.run import Run

pytestmark = pytest.mark.tf

WINE = """
data: {source: wine, scale: standardize}
model: {hidden: [8], activation: relu}
training: {epochs: 2, tensorboard: false}
"""


@pytest.fixture
def jobs(config, tmp_path):
    """Make jobs that differ in their seed."""

    def make(count: int, *overrides: str) -> list[Job]:
        return [
            Job(f"job{seed}", config(WINE, f"seed={seed}", *overrides), Run.new(tmp_path / "runs", f"job{seed}"))
            for seed in range(count)
        ]

    return make


def outcomes(executor, jobs) -> dict:
    """Do the jobs; return their outcomes by name."""
    with executor:
        for job in jobs:
            executor.submit(job)
        return {outcome.name: outcome for outcome in iter(executor.next_outcome, None)}


def outcomes_here(jobs) -> dict:
    """Do the jobs in this process; return their outcomes by name."""
    trainer = Trainer()
    return {job.name: trainer.do(job, lambda _: None) for job in jobs}


def kill_worker_of(name: str, workers: Workers) -> None:
    worker = next(worker for worker in workers._workers if worker.job is not None and worker.job.name == name)
    os.kill(worker.process.pid, signal.SIGKILL)


def test_workers_give_what_this_process_gives(jobs):
    rows = []
    alone = outcomes_here(jobs(3))
    beside = outcomes(Workers(2, lambda name, row: rows.append((name, row["epoch"]))), jobs(3))
    assert sorted(beside) == ["job0", "job1", "job2"]
    assert {name: outcome.metrics for name, outcome in beside.items()} == {
        name: outcome.metrics for name, outcome in alone.items()
    }
    assert sorted(rows) == [(f"job{seed}", epoch) for seed in range(3) for epoch in (1, 2)]


def test_one_after_the_other_may_have_more_threads(jobs):
    (job,) = jobs(1, "training.threads=2")
    assert outcomes(Workers(1, threads=2), [job])["job0"].status == "completed"
    assert "threads: 2" in job.run.config_path.read_text()


@pytest.mark.parametrize(
    ("cores", "memory", "jobs"), [(4, 16e9, 4), (4, 3.2e9, 2), (4, 0.5e9, 1), (4, None, 4), (1, 16e9, 1)]
)
def test_without_a_number_one_training_runs_on_each_core_that_has_memory(monkeypatch, cores, memory, jobs):
    monkeypatch.setattr(capacity, "hardware", lambda: {"cores": cores})
    monkeypatch.setattr(capacity, "free_memory", lambda: None if memory is None else int(memory))
    monkeypatch.setattr(capacity, "GPUS", capacity.GPUS / "none")
    assert jobs_at_once(None, None) == jobs
    assert jobs_at_once(3, None) == 3
    assert jobs_at_once(None, None, threads=2) == 1


def test_the_memory_of_a_control_group_counts(monkeypatch, tmp_path):
    (tmp_path / "own").mkdir()
    for folder, limit in ((tmp_path, "max"), (tmp_path / "own", "3000000")):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text("1000000\n")
        (folder / "memory.stat").write_text("anon 5\ninactive_file 400000\n")
    (tmp_path / "cgroup").write_text("0::/own\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "cgroup")
    assert memory.free_memory() == 2_400_000


@pytest.mark.proof
def test_a_training_whose_process_is_killed_is_done_again(jobs, amount):
    kills = amount(1, 40, "kills")
    for epoch in range(1, 200, 200 // kills):
        killed = []

        def kill_once(name, row, epoch=epoch, killed=killed):
            if row["epoch"] >= epoch and not killed:
                killed.append(name)
                kill_worker_of(name, executor)  # noqa: B023 - of this round

        executor = Workers(1, kill_once)
        found = outcomes(executor, jobs(2, "training.epochs=200"))
        assert killed == ["job0"]
        assert {name: outcome.status for name, outcome in found.items()} == {"job0": "completed", "job1": "completed"}
        assert [row["epoch"] for row in found["job0"].history] == [*range(1, 201)]


@pytest.mark.proof
def test_memory_does_not_grow_with_the_number_of_trainings(jobs, proofs, amount):
    """The programs apart, of which TensorFlow keeps something: trainings of the same shape share one."""
    number, shapes, used = amount(12, 1000, "trainings"), 4 if proofs else 1, []
    trainer = Trainer()
    for i in range(number):
        (job,) = jobs(1, f"seed={i}", f"model.hidden=[{4 + i % shapes}]")
        assert trainer.do(job, lambda _: None).status == "completed"
        used.append(memory_used())
    grown = (used[-1] - used[number // 2]) / (number - number // 2)
    assert grown < MOST_GROWN, f"{grown / 2**20:.1f} MB a training"


MOST_GROWN = 1 << 20
"""Bytes by which a process may grow with each training: a worker is replaced after a thousand times that."""


def memory_used() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_training_that_kills_its_process_twice_is_given_up_and_the_others_go_on(jobs):
    def kill(name, _):
        if name == "job0":
            kill_worker_of(name, workers)

    workers = Workers(1, kill)
    found = outcomes(workers, jobs(2, "training.epochs=200"))
    assert found["job1"].status == "completed"
    assert found["job0"].status == "failed"
    (problem,) = found["job0"].problems
    assert problem.message == "the process that trained it died 2 times (signal SIGKILL)"
    assert problem.hint.startswith("memory may have run out")


def test_a_training_that_cannot_be_built_fails_alone(jobs):
    wrong, right = jobs(2)
    wrong = Job("wrong", jobs(1, "model={layers: [{Conv1D: {filters: 2, kernel_size: 3}}]}")[0].config, wrong.run)
    found = outcomes_here([wrong, right])
    assert found["job1"].status == "completed"
    assert found["wrong"].status == "failed"
    assert "cannot take rows of shape" in found["wrong"].problems[0].message
    assert found["wrong"].problems[0].file.startswith("--set model=")


def test_closing_ends_what_still_runs_as_interrupted(jobs):
    (job,) = jobs(1, "training.epochs=100000")
    workers = Workers(1, lambda *_: workers.close())
    workers.submit(job)
    assert workers.next_outcome() is None
    assert job.run.read_info()["status"] == "interrupted"
