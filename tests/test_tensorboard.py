"""The real TensorBoard, looked at with a real browser."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

from nnlab.errors import NnlabError
from nnlab.tensorboard import HOST, free_port, serve

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def server(digits_run):
    server = serve(digits_run.run.path.parent, 6106)
    yield server
    server.stop()
    server.log.close()


def test_it_answers_on_this_machine_only(server):
    assert server.url == f"http://127.0.0.1:{server.port}/"
    with urllib.request.urlopen(server.url) as page:
        assert b"TensorBoard" in page.read()
    other = socket.gethostbyname(socket.gethostname())
    if not other.startswith("127."):
        with socket.socket() as probe:
            assert probe.connect_ex((other, server.port)) != 0


def test_a_port_in_use_is_passed_over(server):
    assert free_port(server.port) > server.port


def test_no_free_port_is_an_error(monkeypatch):
    monkeypatch.setattr("nnlab.tensorboard.TRIES", 1)
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        with pytest.raises(NnlabError, match="no port from"):
            free_port(taken.getsockname()[1])


def test_a_browser_shows_the_runs_curves(server, digits_run, tmp_path):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path}", "--virtual-time-budget=20000", "--window-size=1400,1000", "--dump-dom",
        f"{server.url}#timeseries",
    ]  # fmt: skip
    name = digits_run.run.path.name
    page = ""
    for _ in range(5):  # TensorBoard reads the event files in the background after it answers
        page = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        if "epoch_accuracy" in page:
            break
        time.sleep(2)
    for text in ("epoch_accuracy", "epoch_learning_rate", f"{name}/tensorboard/validation"):
        assert text in page
