"""What the tests share: TensorFlow set up once, small experiments, and a training that many tests look at."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["NO_COLOR"] = "1"

from nnlab.config.load import LoadedConfig, load_config
from nnlab.config.overrides import parse_override
from samples import DIGITS


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[[str], Path]:
    """Write YAML to a file and return its path."""

    def write(text: str, name: str = "experiment.yaml") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture
def config(write_config: Callable[[str], Path]) -> Callable[..., LoadedConfig]:
    """Load YAML text, with overrides as `--set` takes them."""

    def load(text: str = DIGITS, *overrides: str) -> LoadedConfig:
        return load_config(write_config(text), [parse_override(item) for item in overrides])

    return load


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory):
    """Train digits once for all tests that only look at the result."""
    from nnlab.run import Run
    from nnlab.train import train

    folder = tmp_path_factory.mktemp("digits")
    path = folder / "digits.yaml"
    path.write_text(DIGITS)
    return train(load_config(path), Run.new(folder / "runs", "digits"), command=["nnlab", "train", "digits.yaml"])
