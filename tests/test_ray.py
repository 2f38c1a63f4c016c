"""Trainings on a real Ray cluster of two nodes: the same numbers as here, and none lost when a node dies."""

from __future__ import annotations

import json
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from nnlab.errors import NnlabError
from nnlab.executor import executor_for
from nnlab.executor.pool import Pool
from nnlab.run import Run

SMALL = """
seed: 3
data: {source: iris, scale: standardize}
model: {hidden: [4]}
training: {epochs: 150, tensorboard: false}
"""

SEARCH = """
seed: 3
data: {source: iris, scale: standardize}
model: {hidden: [4]}
optimizer: {Adam: {learning_rate: 0.01}}
training: {epochs: 3, tensorboard: false}
tune:
  algorithm: hyperband
  seeds: 2
  space:
    optimizer.learning_rate: {float: [0.001, 0.3], sampling: log}
    model.hidden.0: {choice: [4, 8]}
"""


@pytest.fixture
def cluster():
    """Start two nodes of one CPU each on this machine."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nnlab[ray]'")
    from ray.cluster_utils import Cluster

    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 200, "health_check_failure_threshold": 3}
    found = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "_system_config": quick}
    )
    yield found
    found.shutdown()


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_node_that_dies_midway_changes_nothing(nnlab, write_config, monkeypatch, cluster):
    lost, begun, loads = [], set(), []
    node = cluster.add_node(num_cpus=1)

    def kill_when_both_train(_, name, __):
        begun.add(name)
        if len(begun) == 2 and node.any_processes_alive():
            cluster.remove_node(node, allow_graceful=False)

    bury = Pool._bury
    monkeypatch.setattr(Pool, "_bury", lambda pool, worker: (lost.append(worker.job.name), bury(pool, worker))[1])
    monkeypatch.setattr("nnlab.cli.live.Progress.epoch_done", kill_when_both_train)
    ship = __import__("ray").put
    monkeypatch.setattr("ray.put", lambda value: (loads.append(value), ship(value))[1])
    words = ["compare", write_config(SMALL), "--vary", "optimizer=SGD,Adam", "--seeds", 2, "--json"]
    there = json.loads(nnlab(*words, "--ray", cluster.address).out)
    here = json.loads(nnlab(*words).out)
    assert len(lost) == 1
    assert len(loads) == 1
    assert timeless(there) == timeless(here)
    assert files(there) == files(here)


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_search_comes_out_there_as_it_does_here(cluster, nnlab, write_config):
    # the cluster starts before `nnlab` changes the folder: its nodes do not find the runs that trainings go on from
    cluster.add_node(num_cpus=1)
    words = ["tune", write_config(SEARCH), "--json"]
    there = json.loads(nnlab(*words, "--ray", cluster.address).out)
    here = json.loads(nnlab(*words, "-j", 2).out)  # how many train at once decides what a proposal rests on
    assert any(trial["continues"] is not None for trial in trials(there))
    assert trials(there) == trials(here)
    assert histories(there) == histories(here)
    assert timeless(there) == timeless(here)
    assert there["fresh"] == here["fresh"]
    assert files(there) == files(here)


def trials(results) -> list:
    """Return what a search has kept of its trials: values, scores, what was known when they were proposed."""
    return without_seconds(Run(Path(results["run"])).read_trials())


def histories(results) -> dict:
    runs = [Run(file.parent) for file in Run(Path(results["run"])).trials_path.glob("*/history.csv")]
    return {run.path.name: without_seconds(run.read_history()) for run in runs}


def timeless(results) -> list:
    return without_seconds(results["rows"])


def without_seconds(rows) -> list:
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


def files(results) -> list:
    """Return what its trainings left, without what TensorBoard adds to names."""
    trials = Run(Path(results["run"])).trials_path
    return sorted(file.relative_to(trials) for file in trials.rglob("*") if not file.name.startswith("events."))


def test_a_missing_extra_is_told_with_its_remedy(nnlab, write_config, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "nnlab.executor.cluster", raising=False)
    done = nnlab("compare", write_config(SMALL), "--vary", "model.activation=relu,tanh", "--ray", "local")
    assert done.code == 2
    assert "`--ray` needs Ray, which is not installed\n  hint: `pip install 'nnlab[ray]'`" in done.err


def test_an_address_where_nobody_answers_is_told_at_once():
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nnlab[ray]'")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(NnlabError, match="nothing answers at the Ray cluster `127"):
            executor_for(2, f"127.0.0.1:{unused.getsockname()[1]}")
    assert time.monotonic() - began < 3


def test_something_else_at_the_address_is_told_at_once():
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nnlab[ray]'")
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.handle_request).start()
        with pytest.raises(NnlabError, match="is no Ray cluster"):
            executor_for(2, f"127.0.0.1:{server.server_port}")


@pytest.mark.parametrize("address", ["somewhere", "host:", "ray://host:10001", "host:70000", ""])
def test_what_is_no_address_is_refused(address):
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'nnlab[ray]'")
    with pytest.raises(NnlabError, match="is no address of a Ray cluster"):
        executor_for(None, address)
