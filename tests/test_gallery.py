"""Every config that nnlab ships."""

from __future__ import annotations

import re

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


@pytest.mark.tf
@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_config_builds_and_trains_one_short_epoch(path, tmp_path):
    from nnlab.data.downloads import locate
    from nnlab.run import Run
    from nnlab.train import train

    source = load_config(path).experiment.data.source.name
    if source in ("fashion_mnist", "california_housing") and locate(source) is None:
        pytest.skip(f"{source} is not on this machine")
    changes = ["training.epochs=1", "training.tensorboard=false"]
    if source == "fashion_mnist":
        changes.append("data.limit=200" if "limit: 200" in path.read_text() else "data.limit=640")
    config = load_config(path, changes)
    transfer = getattr(config.experiment.model, "transfer", None)
    if transfer is not None:  # the run that layers are taken over from comes first
        origin = load_config(CONFIGS / f"{transfer.from_.replace('-', '_')}.yaml", [*changes, "data.limit=640"])
        assert train(origin, Run.new(tmp_path, origin.experiment.name)).status == "completed"
    assert train(config, Run.new(tmp_path, "gallery")).status == "completed"
