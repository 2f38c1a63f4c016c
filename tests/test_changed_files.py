"""Searches and comparisons do not mix trials of different data; their trainings are made up."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable

import pytest

from nnlab.compare import study as comparing
from nnlab.config.load import dump_config, load_config
from nnlab.errors import DataError
from nnlab.executor import Job, Outcome
from nnlab.run import Run
from nnlab.studies.conduct import conduct
from samples import Silence

CONFIG = """
name: grown
data: {source: csv, path: rows.csv, target: y}
model: {hidden: [4]}
training: {epochs: 1, metrics: [accuracy], tensorboard: false}
tune: {algorithm: random, max_trials: 3, space: {optimizer.learning_rate: {float: [0.001, 0.1]}}}
compare: {seeds: 2, variants: {relu: {model.activation: relu}, tanh: {model.activation: tanh}}}
"""


class Pretence:
    """Executes jobs by leaving made-up results; before the second one it calls a function."""

    def __init__(self, before_second: Callable[[], None]) -> None:
        self.before_second = before_second
        self.jobs: deque[Job] = deque()
        self.done = 0

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def next_outcome(self) -> Outcome | None:
        if not self.jobs:
            return None
        if self.done == 1:
            self.before_second()
        self.done += 1
        job = self.jobs.popleft()
        rows = [{"epoch": 1, "val_accuracy": 0.5, "seconds": 0.5}]
        metrics = {"validation": {"loss": 0.5, "accuracy": 0.5}, "test": {"accuracy": 0.5}}
        job.run.create(config=dump_config(job.config.experiment), source="")
        job.run.write_history(rows)
        job.run.write_metrics(metrics)
        job.run.write_info({"status": "completed"})
        return Outcome(job.name, "completed", metrics, tuple(rows))

    def close(self) -> None: ...

    def __enter__(self) -> Pretence:
        return self

    def __exit__(self, *error: object) -> None: ...


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40)))
    return file


def compared(write_config, run: Run, before_second: Callable[[], None]) -> None:
    study = comparing.prepare(write_config(CONFIG), [])
    conduct(study, run, lambda _: Pretence(before_second), observer=Silence())


def searched(write_config, run: Run, before_second: Callable[[], None]) -> None:
    from nnlab.tune.study import prepare

    conduct(prepare(load_config(write_config(CONFIG))), run, lambda _: Pretence(before_second), observer=Silence())


def interrupt() -> None:
    raise KeyboardInterrupt


BOTH = pytest.mark.parametrize(
    "conducted", [compared, pytest.param(searched, marks=pytest.mark.tf)], ids=["comparison", "search"]
)


@BOTH
def test_with_another_file_nothing_is_resumed_and_nothing_touched(nnlab, write_config, rows, tmp_path, conducted):
    run = Run(tmp_path / "runs" / "run")
    with pytest.raises(KeyboardInterrupt):
        conducted(write_config, run, interrupt)
    before = (run.path / "run.json").read_text()
    rows.write_text(rows.read_text() + "99,a\n")
    refused = nnlab("resume", run.path)
    assert refused.code == 2
    assert f"{rows}: the file has changed since trials were trained on it" in refused.err
    rows.unlink()
    assert "the file is gone that trials were trained on" in nnlab("resume", run.path).err
    assert (run.path / "run.json").read_text() == before


@BOTH
def test_a_file_that_changes_while_trials_are_trained_ends_them(write_config, rows, tmp_path, conducted):
    run = Run(tmp_path / "runs" / "run")
    with pytest.raises(DataError, match="trials may have had different rows"):
        conducted(write_config, run, lambda: rows.write_text(rows.read_text().replace("0,a", "0,b")))
    assert json.loads((run.path / "run.json").read_text())["status"] == "interrupted"


@BOTH
def test_a_file_that_is_as_it_was_is_resumed(write_config, rows, tmp_path, conducted):
    run = Run(tmp_path / "runs" / "run")
    with pytest.raises(KeyboardInterrupt):
        conducted(write_config, run, interrupt)
    kept = run.read_info()["data_files"]
    rows.write_text(rows.read_text())
    conducted(write_config, run, lambda: None)
    assert run.read_info()["status"] == "completed"
    assert run.read_info()["data_files"] == kept
