"""What the tests share: TensorFlow set up once, small experiments, and a training that many tests look at."""

from __future__ import annotations

import importlib.util
import os
import signal
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from hypothesis import settings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["NO_COLOR"] = "1"

from nnlab.cli import main
from nnlab.config.load import LoadedConfig, load_config
from nnlab.config.overrides import parse_override
from nnlab.config.schema import Experiment
from nnlab.config.training import EngineName, TrainingConfig
from samples import DIGITS


class Done(NamedTuple):
    code: int
    out: str
    err: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the whole suite train with another engine: `pytest --engine keras`."""
    parser.addoption("--engine", choices=get_args(EngineName), default="fast", help="engine of configs that name none")


def pytest_configure(config: pytest.Config) -> None:
    """Change the default before the first config is read, and let Ctrl-C reach the commands that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so do theirs
    TrainingConfig.keys()["engine"].default = config.getoption("--engine")
    Experiment.keys()["training"].default = TrainingConfig.read({})


@pytest.fixture
def nnlab(capfd, tmp_path, monkeypatch) -> Callable[..., Done]:
    """Run a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Done(int(exit_.value.code or 0), captured.out, captured.err)

    return run


settings.register_profile("nnlab", deadline=None)  # how long an example takes depends on what else the machine does
settings.load_profile("nnlab")


@pytest.fixture(scope="session", autouse=True)
def own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give the suite a cache of its own, empty at first."""
    os.environ["NNLAB_CACHE_DIR"] = str(tmp_path_factory.mktemp("cache"))


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
    from nnlab.training_options import TrainingOptions

    folder = tmp_path_factory.mktemp("digits")
    path = folder / "digits.yaml"
    path.write_text(DIGITS)
    options = TrainingOptions(command=["nnlab", "train", "digits.yaml"])
    return train(load_config(path), Run.new(folder / "runs", "digits"), options)


@pytest.fixture(scope="session")
def generator():
    """The script that writes the catalog; running it imports TensorFlow."""
    location = Path(__file__).parent.parent / "scripts" / "generate_catalog.py"
    spec = importlib.util.spec_from_file_location("generate_catalog", location)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
