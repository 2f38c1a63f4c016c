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
def trained(tmp_path_factory, proofs):
    """Train a config once, after that which it takes layers over from, to its end or shorter; return how it ended."""
    from nnlab.engine.reuse import Programs
    from nnlab.run import Run
    from nnlab.train import train

    runs_dir, programs = tmp_path_factory.mktemp("gallery"), None if proofs else Programs()

    @cache
    def status(path: Path) -> str:
        config = load_config(path, [] if proofs else shorter(path))
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
