"""What the tests share: TensorFlow set up once, small experiments, and a training that many tests look at."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from hypothesis import HealthCheck, settings

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
    """Let the whole suite train with another engine, `pytest --engine keras`, or prove more, as `make proofs` does."""
    parser.addoption("--engine", choices=get_args(EngineName), default="fast", help="engine of configs that name none")
    parser.addoption("--proofs", action="store_true", help="run the long form of the tests marked `proof`")
    parser.addoption("--inputs", type=int, default=100, help="how many inputs Hypothesis makes up for a test")


def pytest_configure(config: pytest.Config) -> None:
    """Change the default before the first config is read, and let Ctrl-C reach the commands that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so do theirs
    gc.set_threshold(50_000, 20, 20)  # Keras makes many objects that stay, and the search for others takes long
    # how long an example takes depends on what else the machine does
    health = [HealthCheck.too_slow] if config.getoption("--proofs") else []
    inputs = config.getoption("--inputs")
    settings.register_profile("nnlab", deadline=None, max_examples=inputs, suppress_health_check=health)
    settings.load_profile("nnlab")
    TrainingConfig.keys()["engine"].default = config.getoption("--engine")
    Experiment.keys()["training"].default = TrainingConfig.read({})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that the processes which share the suite end together.

    What Hypothesis makes up says how much of it there is.
    """
    for item in items:
        made_up = getattr(getattr(item, "obj", None), "_hypothesis_internal_use_settings", None)
        if made_up is not None:
            item.user_properties.append(("amount", f"{made_up.max_examples} made-up inputs"))
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def tensorflow_stays_out(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let `make quick` fail where TensorFlow comes into its seconds."""
    yield
    if request.config.getoption("markexpr") == "not tf":
        assert sys.modules.get("tensorflow") is None, "TensorFlow has been imported: mark the test `tf`"


@pytest.fixture(scope="module", autouse=True)
def memory_given_back() -> Iterator[None]:
    """Give the memory of a file's models back before the next: the C library keeps what it has, if nobody asks."""
    yield
    if sys.modules.get("tensorflow") is not None:
        gc.collect()
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)


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


@pytest.fixture
def amount(proofs: bool, record_property: Callable[[str, object], None]) -> Callable[..., int]:
    """Choose how much of something to try, in the suite or as a proof, whose report then says it."""

    def choose(short: int, long: int, what: str) -> int:
        number = long if proofs else short
        record_property("amount", f"{number} {what}")
        return number

    return choose


@pytest.fixture(scope="session")
def proofs(request: pytest.FixtureRequest) -> bool:
    """Whether the long form of a test is asked for."""
    return request.config.getoption("--proofs")


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
def kept_programs():
    """Compiled programs that trainings of the same shape may share; to make one takes longer than a short training."""
    from nnlab.engine.reuse import Programs

    return Programs()


@pytest.fixture
def shared_programs(kept_programs, monkeypatch) -> None:
    """Share programs among the trainings of tests that look at what follows from them, as those of a search do."""
    import nnlab.train

    monkeypatch.setattr(nnlab.train, "train", partial(nnlab.train.train, programs=kept_programs))


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
