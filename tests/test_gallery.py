"""Every config that nnlab ships."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from nnlab.config.load import load_config
from samples import CONFIGS

GALLERY = sorted(CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_config_is_valid_and_its_header_says_command_time_and_result(path):
    load_config(path)
    header = "".join(line for line in path.read_text().splitlines(keepends=True) if line.startswith("#"))
    assert f"nnlab train configs/{path.name}" in header
    assert re.search(r"Takes: +about \d", header)
    assert "Result" in header
    assert re.search(r"seed|One draw each", header.partition("Result")[2]), "of how many seeds are the figures?"


def test_the_rows_of_yogurt_are_those_that_their_header_tells_to_draw():
    import numpy as np

    from nnlab.data.loading import load_data

    random = np.random.RandomState(23455)
    x = random.rand(32, 2)
    y = [x1 + x2 + random.rand() / 10 - 0.05 for x1, x2 in x]
    rows = load_data(load_config(CONFIGS / "yogurt.yaml").experiment.data, seed=0).train
    np.testing.assert_allclose(rows.x[""], x, atol=6e-7)
    np.testing.assert_allclose(rows.y[""][:, 0], y, atol=6e-7)


def test_a_function_of_the_epoch_is_a_staircase():
    from nnlab.config.durations import schedule_in_steps

    schedule = "schedule={exponential: {decay_epochs: 1, decay_rate: 0.8912509, staircase: true}}"
    config = CONFIGS / "fashion_schedule_exponential_epochs.yaml"
    plan = schedule_in_steps(load_config(config, [schedule]).experiment, 320)  # 10 steps an epoch
    expected = [0.01 * 0.1 ** (step // 10 / 20) for step in range(100)]
    assert [plan.rate(step) for step in range(100)] == pytest.approx(expected, rel=1e-6)


MAP = (CONFIGS.parent / "docs" / "gallery.md").read_text().partition("## What course notes print")[2]


def test_the_map_names_configs_that_there_are():
    named = re.findall(r"^\|[^|]*\| `(\w+)` \|", MAP, re.M)
    assert len(named) > 20
    assert not {name for name in named if not (CONFIGS / f"{name}.yaml").exists()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """The folder that `nnlab data configs/shapes.yaml --save` makes."""
    from nnlab.data.description import describe_data
    from nnlab.report.picture_files import save_pictures

    experiment = load_config(CONFIGS / "shapes.yaml").experiment
    folder = tmp_path_factory.mktemp("shapes")
    assert save_pictures(describe_data(experiment.data, seed=experiment.seed), folder) == 1200
    return folder


def shorter(path: Path) -> list[str]:
    """Return changes that leave of a training what a test has time for."""
    text = path.read_text()
    changes = ["training.epochs=1", "training.tensorboard=false"]
    if load_config(path).experiment.data.source.name == "fashion_mnist":
        changes.append("data.limit=200" if "limit: 200" in text else "data.limit=640")
    if path.stem.endswith("_100"):
        changes.append("model.layers.1.repeat=10")
    return changes


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pictures, proofs):
    """Train a config once, after that which it takes layers over from, to its end or shorter; return how it ended."""
    from nnlab.engine.reuse import Programs
    from nnlab.run import Run
    from nnlab.train import train

    runs_dir, programs = tmp_path_factory.mktemp("gallery"), None if proofs else Programs()

    @cache
    def status(path: Path) -> str:
        changes = [] if proofs else shorter(path)
        if load_config(path).experiment.data.source.name == "images":
            changes.append(f"data.path={pictures}")
        config = load_config(path, changes)
        transfer = getattr(config.experiment.model, "transfer", None)
        if transfer is not None:
            assert status(CONFIGS / f"{transfer.from_.replace('-', '_')}.yaml") == "completed"
        return train(config, Run.new(runs_dir, config.experiment.name), programs=programs).status

    return status


@pytest.mark.tf
@pytest.mark.slow
@pytest.mark.proof
@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_config_builds_and_trains(path, trained):
    from nnlab.data.downloads import locate

    source = load_config(path).experiment.data.source.name
    if source in ("fashion_mnist", "california_housing") and locate(source) is None:
        pytest.skip(f"{source} is not on this machine")
    assert trained(path) == "completed"
