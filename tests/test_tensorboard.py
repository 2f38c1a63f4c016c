"""The real TensorBoard, looked at with a real browser."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

from nnlab.config.load import load_config
from nnlab.config.overrides import parse_override
from nnlab.errors import NnlabError
from nnlab.run import Run, list_runs
from nnlab.tensorboard import HOST, LATEST, MOST_TICKED, LinkedRuns, free_port, latest, serve, trainings
from nnlab.training_options import TrainingOptions

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def runs_dir(digits_run):
    """Put two searches with a trial `0000` each beside the run of digits."""
    from nnlab.train import train

    runs_dir = digits_run.run.path.parent
    for name, rate in (("a", 0.01), ("b", 0.001)):
        search = write_run(runs_dir, name, kind="search")
        config = load_config(digits_run.run.config_path, [parse_override("training.epochs=1")])
        options = TrainingOptions(hyperparameters={"optimizer.learning_rate": rate})
        train(config, Run(search.trials_path / "0000"), options)
    return runs_dir


@pytest.fixture(scope="module")
def server(runs_dir):
    linked = LinkedRuns(lambda: trainings(list_runs(runs_dir)))
    server = serve(linked.path, 6106)
    yield server
    server.stop()
    server.log.close()
    linked.close()


def write_run(runs_dir, name, *, events=False, **info) -> Run:
    run = Run.new(runs_dir, name)
    run.path.mkdir(parents=True)
    run.write_info({"status": "completed", "name": name, **info})
    if events:
        for part in ("train", "validation"):
            (run.tensorboard_path / part).mkdir(parents=True)
    return run


def ask(server, path, **question):
    body = json.dumps(question).encode() if question else None
    request = urllib.request.Request(f"{server.url}{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def wait_for(look, found):
    for _ in range(60):  # TensorBoard reads the event files in the background after it answers
        seen = look()
        if found(seen):
            break
        time.sleep(0.5)
    return seen


def test_every_training_has_a_line_for_each_of_its_splits(server, digits_run, runs_dir):
    labels = {digits_run.run.path.name} | {f"{run.path.name}/0000" for run in list_runs(runs_dir)} - {
        f"{digits_run.run.path.name}/0000"
    }
    wanted = {f"{label}/{split}" for label in labels for split in ("train", "validation")}
    assert set(wait_for(lambda: ask(server, "data/runs"), lambda seen: len(seen) == len(wanted))) == wanted


def test_trials_of_different_searches_are_different_sessions(server):
    statuses = [f"STATUS_{each}" for each in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]

    def look():
        return ask(
            server, "experiment/defaultExperimentId/data/plugin/hparams/session_groups",
            experimentName="", allowedStatuses=statuses, colParams=[], startIndex=0, sliceSize=99,
        ).get("sessionGroups", [])  # fmt: skip

    groups = wait_for(look, lambda seen: len(seen) == 3 and all(group.get("metricValues") for group in seen))
    rates = {group["name"][20:22]: group["hparams"].get("optimizer.learning_rate") for group in groups}
    assert rates == {"a_": 0.01, "b_": 0.001, "di": None}
    assert all(len(group["sessions"]) == 1 for group in groups)
    assert {value["name"]["tag"] for value in groups[0]["metricValues"]} == {"epoch_loss", "epoch_accuracy"}


def test_the_latest_twenty_trainings_have_as_many_lines_as_are_ticked(tmp_path):
    runs = [write_run(tmp_path, f"run{i:02}", events=True) for i in range(24)]
    search = write_run(tmp_path, "search", kind="search")
    (search.trials_path / "0000" / "tensorboard" / "train").mkdir(parents=True)
    write_run(tmp_path, "without")
    assert latest(tmp_path) == sorted(runs, key=lambda run: run.path.name, reverse=True)[:LATEST]
    linked = LinkedRuns(lambda: latest(tmp_path))
    try:
        assert linked.lines == 2 * LATEST <= MOST_TICKED
        newest = Run(tmp_path / "2999-01-01_00-00-00_new_abcdef")
        (newest.tensorboard_path / "train").mkdir(parents=True)
        newest.write_info({"status": "running"})
        linked.update()
        assert (linked.path / newest.path.name / "train").is_dir()
        assert sum(path.is_symlink() for path in linked.path.rglob("*")) == linked.lines == 2 * LATEST - 1
    finally:
        linked.close()
    assert newest.tensorboard_path.is_dir()


@pytest.fixture
def shown(nnlab, monkeypatch):
    """Say which runs the command would show."""

    class Silent:
        url = "http://127.0.0.1/"

        def wait(self, look): ...

        def stop(self): ...

    linked: list[set[str]] = []

    def serve(folder, _):
        linked.append({str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink()})
        return Silent()

    monkeypatch.setattr("nnlab.tensorboard.serve", serve)

    def show(*words):
        linked.clear()
        done = nnlab("tensorboard", *words)
        return done, {re.sub(r"[\d_-]{20}|_[0-9a-f]{6}", "", line) for lines in linked for line in lines}

    return show


def test_the_command_takes_names_and_ids(shown, tmp_path):
    one, _ = (write_run(tmp_path / "runs", name, events=True) for name in ("房价", "two"))
    search = write_run(tmp_path / "runs", "search", kind="search")
    for trial in ("0000", "0001"):
        (search.trials_path / trial / "tensorboard" / "train").mkdir(parents=True)
        Run(search.trials_path / trial).write_info({"status": "completed"})
    both = {"房价/train", "房价/validation", "two/train", "two/validation"}
    trials = {"search/0000/train", "search/0001/train"}
    done, lines = shown()
    assert lines == both
    assert "the latest 2 trainings of 4, without those of searches and comparisons (`--all` shows all)" in done.out
    assert shown("--all")[1] == both | trials
    assert shown("房价")[1] == shown(one.path.name[-6:])[1] == {"房价/train", "房价/validation"}
    assert shown("search", "two")[1] == trials | {"two/train", "two/validation"}
    assert shown("search/0001")[1] == {"search/0001/train"}
    assert shown("search", "--all")[0].code == 2


def test_a_search_alone_is_shown_with_its_trials(shown, tmp_path):
    search = write_run(tmp_path / "runs", "search", kind="search")
    for i in range(41):
        (search.trials_path / f"{i:04}" / "tensorboard" / "train").mkdir(parents=True)
    done, lines = shown()
    assert len(lines) == 41
    assert "ticks none of more than 40 lines, here 41" in done.err


def test_what_cannot_be_shown_is_said(shown, tmp_path):
    assert "no run in `runs` has event files" in shown()[0].err
    write_run(tmp_path / "runs", "bare")
    assert "has no event files" in shown("bare")[0].err
    assert "there is no run `other`" in shown("other")[0].err
    for port in (-5, 0, 65536):
        done = shown("--port", port)[0]
        assert (done.code, done.out) == (2, "")


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
    for text in ("epoch_accuracy", "epoch_learning_rate", f"{name}/validation"):
        assert text in page
