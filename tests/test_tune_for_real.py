"""Searches with real trainings in real processes: nothing is lost when they are killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnlab.config.load import load_config
from nnlab.errors import NnlabError
from nnlab.run import Run
from nnlab.tune.study import prepare

pytestmark = [pytest.mark.tf, pytest.mark.slow]

SMALL = """
seed: 0
data: {source: iris, scale: standardize}
model: {hidden: [8], activation: relu, dropout: 0.1}
optimizer: {Adam: {learning_rate: 0.01}}
schedule: cosine
training: {epochs: 9, batch_size: 16}
tune:
  algorithm: %s
  max_trials: 12
  seeds: 2
  space:
    optimizer.learning_rate: {float: [0.001, 0.3], sampling: log}
    model.hidden.0: {choice: [4, 8]}
"""


def results(run: Path) -> list[dict[str, str]]:
    with (run / "results.csv").open() as file:
        return [{key: row[key] for key in row if "seconds" not in key} for row in csv.DictReader(file)]


def tune(nnlab, path: Path, *words: object) -> tuple[Path, dict]:
    printed = json.loads(nnlab("tune", path, *words, "--json").out)
    return Path(printed["run"]), printed


KILLS = {"random": [(5,)], "hyperband": [(2, 7)]}
"""After how many trials a search is killed, and killed again as it goes on."""
MORE_KILLS = [(1, 5, 9), (2, 6, 10), (3, 7, 11), (4, 8)]


@pytest.mark.proof
@pytest.mark.parametrize("algorithm", KILLS)
def test_a_driver_that_is_killed_loses_nothing(nnlab, write_config, tmp_path, proofs, amount, algorithm):
    path = write_config(SMALL % algorithm)
    whole, _ = tune(nnlab, path, "-j", 2, "--runs-dir", tmp_path / "whole")
    searches = MORE_KILLS if proofs else KILLS[algorithm]
    amount(*2 * [sum(map(len, searches))], "kills")
    for number, kills in enumerate(searches):
        run, words, done = killed(nnlab, path, tmp_path / f"killed{number}", kills)
        assert nnlab(*words).code == 0
        assert results(run) == results(whole)
        assert all(file.stat().st_mtime_ns == written for file, written in done.items())  # none was trained twice
        fresh = [json.loads((folder / "results.json").read_text())["fresh"] for folder in (run, whole)]
        assert fresh[0] == fresh[1]


def killed(nnlab, path: Path, runs: Path, kills: tuple[int, ...]) -> tuple[Path, list[str], dict[Path, int]]:
    """Kill a search after so many trials; return its run, how to go on, and when it wrote what it has."""
    words = ["tune", str(path), "-j", "2", "-q", "--runs-dir", str(runs)]
    runs.mkdir()
    for trials in kills:
        with (runs.parent / "said").open("ab") as said:
            driver = subprocess.Popen([sys.executable, "-m", "nnlab", *words], stderr=said)
        while len(trained(runs)) < trials and driver.poll() is None:
            time.sleep(0.02)
        (run,) = runs.iterdir()
        assert Run(run).read_info()["status"] == "running"
        refused = nnlab("resume", run)
        assert (refused.code, refused.out) == (2, "")
        assert f"is at work already: process {driver.pid} on" in refused.err
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        assert Run(run).read_info()["status"] == "interrupted"  # though workers live on for a moment
        words = ["resume", str(run), "-j", "2", "-q"]
    assert not (runs.parent / "said").read_text()  # TensorFlow, which greets, is nowhere but in other processes
    return run, words, {trial / "metrics.json": (trial / "metrics.json").stat().st_mtime_ns for trial in trained(runs)}


def trained(runs: Path) -> list[Path]:
    """Return the trials that are complete: their `run.json`, the last file to be written, says so."""
    trials = [file.parent for file in runs.glob("*/trials/*/run.json")]
    return [trial for trial in trials if Run(trial).read_info()["status"] == "completed"]


def test_ctrl_c_while_the_oracle_starts(nnlab, write_config, tmp_path):
    runs = tmp_path / "runs"
    words = ["tune", str(write_config(SMALL % "random")), "-j", "2", "-q", "--runs-dir", str(runs)]
    driver = subprocess.Popen([sys.executable, "-m", "nnlab", *words], stderr=subprocess.PIPE, text=True)
    while not list(runs.glob("*/run.json")):
        assert driver.poll() is None
        time.sleep(0.02)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate(timeout=60)
    (run,) = runs.iterdir()
    assert (driver.returncode, Run(run).read_info()["status"]) == (130, "interrupted")
    assert said.splitlines()[0].startswith("interrupted; "), said
    assert nnlab("resume", run, "--max-trials", 1, "-q").code == 0


def test_an_oracle_that_dies_is_reported(write_config):
    with prepare(load_config(write_config(SMALL % "random"))).agenda.oracle() as oracle:
        assert oracle.ask(0) is not None
        oracle._process.kill()
        with pytest.raises(NnlabError, match="the process that proposes trials has died"):
            oracle.ask(1)


def test_a_worker_that_is_killed_loses_only_its_training(nnlab, write_config, tmp_path, monkeypatch):
    from nnlab import executor

    path = write_config(SMALL % "bayesian")
    whole, _ = tune(nnlab, path, "--max-trials", 5, "--runs-dir", tmp_path / "whole")
    hear, killed = executor.Workers._hear, []

    def hear_and_kill(self, worker):
        if not killed and worker.job is not None and worker.job.name == "0002":
            killed.append(worker.process.pid)
            os.kill(worker.process.pid, signal.SIGKILL)
        return hear(self, worker)

    monkeypatch.setattr(executor.Workers, "_hear", hear_and_kill)
    run, _ = tune(nnlab, path, "--max-trials", 5, "--runs-dir", tmp_path / "killed")
    assert len(killed) == 1
    assert results(run) == results(whole)


@pytest.mark.parametrize("algorithm", ["random", "hyperband"])
def test_the_best_config_gives_the_best_score_again(nnlab, write_config, algorithm):
    trials = "null" if algorithm == "hyperband" else 8
    words = ["-j", 2, "--seeds", 0, "-S", f"tune.max_trials={trials}"]
    run, printed = tune(nnlab, write_config(SMALL % algorithm), *words)
    trained = json.loads(nnlab("train", run / "best.yaml", "--json").out)
    assert trained["metrics"]["validation"]["accuracy"] == printed["best"]["score"]
    trial = Run(run / "trials" / printed["best"]["trial"])
    assert trained["metrics"]["validation"] == trial.read_metrics()["validation"]
    assert "threads: 1" in (run / "best.yaml").read_text()
    assert trial.model_path.exists()
    assert [path.parent.name for path in run.glob("trials/*/model.keras")] == [printed["best"]["trial"]]
    assert not list(run.glob("trials/*/checkpoints"))


def test_hopeless_trials_are_stopped(nnlab, write_config):
    words = ["-S", "tune.median_stopping={after_trials: 3}", "--seeds", 0, "-S", "training.epochs=20"]
    run, printed = tune(nnlab, write_config(SMALL % "random"), *words)
    stopped = [row for row in results(run) if row["status"] == "stopped"]
    assert printed["stopped"] == len(stopped) > 0
    assert all(int(row["epochs"]) < 20 for row in stopped)


def test_tensorboard_shows_the_values_that_were_searched(nnlab, write_config):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    run, _ = tune(nnlab, write_config(SMALL % "random"), "--max-trials", 2, "--seeds", 0)
    events = EventAccumulator(str(run / "trials" / "0001" / "tensorboard" / "validation")).Reload()
    content = events.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    session = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert session.group_name == f"{run.name}/0001"  # trials of other searches are called 0001, too
    shown = session.hparams
    assert set(shown) >= {"optimizer.learning_rate", "model.hidden.0"}
