"""An object of any kind that nobody described goes through every command: nothing knows objects by their names."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from annotated_types import Ge

from nnlab import catalog
from nnlab.data.column_kinds import COLUMN_KINDS, column_kind
from nnlab.data.registry import SOURCES, RawData, Request, dataset
from nnlab.data.table import Table, texts
from nnlab.schedules import SCHEDULES, Duration, schedule

pytestmark = [pytest.mark.tf, pytest.mark.usefixtures("made_up")]

OBJECTS = {
    "layers": "Doubled",
    "activations": "bent",
    "initializers": "halves",
    "regularizers": "Softly",
    "constraints": "Within",
    "optimizers": "Sloth",
    "schedules": "seesaw",
    "losses": "quartic",
    "metrics": "worst_error",
    "callbacks": "Quits",
    "datasets": "ramp",
    "columns": "length",
    "models": "Tiny",
}

TABLE = """
name: made-up-column
data:
  source: inline
  columns: {word: [a, bb, ccc, dddd, a, bb, ccc, dddd], y: [1, 2, 3, 4, 1, 2, 3, 4]}
  target: y
  task: regression
  features: {word: length}
model: {hidden: [2]}
training: {epochs: 1, tensorboard: false}
"""

CONFIG = """
name: made-up
data: {source: {ramp: {rows: 40}}}
model:
  layers:
    - Doubled: {units: 3, activation: bent, kernel_initializer: halves, kernel_regularizer: Softly}
    - Doubled: {units: 1, kernel_constraint: {Within: 2.0}}
optimizer: {Sloth: {learning_rate: 0.01}}
schedule: {seesaw: {period_steps: 3}}
training: {epochs: 1, batch_size: 10, loss: quartic, metrics: [worst_error], callbacks: [{Quits: 2}]}
"""

MODEL = """
name: made-up-model
data: {source: {ramp: {rows: 40}}}
model: {type: subclassed, class: Tiny}
training: {epochs: 1, batch_size: 10}
"""


def ramp(_: Request, *, rows: Annotated[int, Ge(4)] = 40) -> RawData:
    """Numbers that rise."""
    x = np.linspace(0, 1, 2 * rows).reshape(rows, 2)
    return RawData.of_one(x, x.sum(axis=1), target="sum", task="regression")


def seesaw(ops: Any, t: Any, learning_rate: Any, *, period: float) -> Any:
    """Falls to a half and rises again."""
    return learning_rate * (0.75 + 0.25 * ops.cos(6.28 * t / period))


@dataclass(frozen=True)
class Length:
    """How long a text is."""

    longest: int
    lookup = None  # a number among others

    @classmethod
    def read(cls, table: Table, position: int, _: Any) -> Any:
        return texts(table, position)

    @classmethod
    def fit(cls, values: np.ndarray, _: Any) -> Length:
        return cls(max(map(len, values)))

    def encode(self, values: np.ndarray) -> np.ndarray:
        return np.array([[len(value) / self.longest] for value in values], np.float32)

    def names(self, column: str) -> tuple[str, ...]:
        return (f"{column}.length",)

    def notes(self, column: str) -> tuple[str, ...]:
        return ()


class InThisProcess(contextlib.AbstractContextManager):
    """Does jobs where the objects are: worker processes have only what is installed."""

    def __init__(self, watch: Any) -> None:
        from nnlab.executor import Trainer

        self.watch, self.jobs, self.trainer = watch, [], Trainer()

    def submit(self, job: Any) -> None:
        self.jobs.append(job)

    def next_outcome(self) -> Any:
        job = self.jobs.pop(0) if self.jobs else None
        return job and self.trainer.do(job, lambda row: self.watch(job.name, row))

    def __exit__(self, *_: object) -> None:
        self.jobs.clear()


@pytest.fixture(scope="module")
def made_up(generator, tmp_path_factory):
    """Add the objects as a developer does: a file of layers, from which the catalog is written, and two functions."""
    import keras

    from nnlab import layers

    folder = tmp_path_factory.mktemp("layers")
    shutil.copy(Path(__file__).with_name("made_up.py"), folder)
    known = dict(keras.saving.get_custom_objects())
    read = catalog._file
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "__path__", [*layers.__path__, str(folder)])
        own = json.loads(generator.render(generator.generate_own()))
        for line in generator.exports().splitlines():
            if "made_up" in line:
                name = line.rpartition(" ")[2]
                patch.setattr(layers, name, getattr(sys.modules["nnlab.layers.made_up"], name), raising=False)
        patch.setattr(catalog, "_file", lambda package: own if package == "nnlab" else read(package))
        forget_the_catalog()

        dataset()(ramp)
        schedule(Duration("period", "{unit} of one fall and rise"))(seesaw)
        column_kind("length", "How long a text is", encoder=f"{__name__}:Length")
        yield
        del SOURCES["ramp"], SCHEDULES["seesaw"], COLUMN_KINDS["length"], catalog._registered["columns"]["length"]
        del catalog._registered["datasets"]["ramp"], catalog._registered["schedules"]["seesaw"]
        objects = keras.saving.get_custom_objects()
        for name in objects.keys() - known.keys():
            del objects[name]
        del sys.modules["nnlab.layers.made_up"]
    forget_the_catalog()


def forget_the_catalog() -> None:
    for function in vars(catalog).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


@pytest.mark.parametrize("kind", catalog.KINDS)
def test_it_is_listed_and_described(nnlab, kind):
    name = OBJECTS[kind]
    assert name in json.loads(nnlab("list", kind, "--json").out)
    document = json.loads(nnlab("list", kind, name, "--json").out)
    assert (document["name"], bool(document["summary"])) == (name, True)
    assert nnlab("list", kind, name).code == 0


def test_it_can_be_written_in_a_config_and_its_mistakes_are_told(nnlab):
    Path("c.yaml").write_text(CONFIG)
    assert nnlab("validate", "c.yaml") == (0, "c.yaml: ok\n", "")
    for change, path, message in (
        ("optimizer=Sloht", "optimizer", "unknown optimizer `Sloht`"),
        ("data.source.ramp.rows=2", "data.source.ramp.rows", "must be at least 4, received `2`"),
        ("model.layers[0].Doubled.units=0", "model.layers[0].Doubled.units", "must be at least 1, received `0`"),
        ("training.loss={quartic: {q: 1}}", "training.loss.quartic.q", "`quartic` has no parameter `q`"),
    ):
        problems = json.loads(nnlab("validate", "c.yaml", "-S", change, "--json").out)["problems"]
        assert [(problem["path"], problem["message"]) for problem in problems] == [(path, message)]


def test_editors_are_told_of_it(nnlab):
    text = nnlab("schema").out
    assert [name for name in OBJECTS.values() if f'"{name}"' not in text] == []


def test_it_is_drawn(nnlab):
    Path("c.yaml").write_text(CONFIG)
    done = nnlab("summary", "c.yaml", "--plot", "c.svg")
    assert done.code == 0, done.err
    assert done.out.endswith("9 parameters: 9 trainable, 0 not\n")
    assert Path("c.svg").read_text().count(">Doubled<") == 2


def test_it_trains_and_is_evaluated_again(nnlab):
    Path("c.yaml").write_text(CONFIG)
    done = nnlab("train", "c.yaml", "--json")
    assert done.code == 0, done.err
    trained = json.loads(done.out)
    again = json.loads(nnlab("evaluate", trained["run"], "--json").out)["metrics"]
    assert again == pytest.approx(trained["metrics"]["test"])


def test_a_model_of_its_own_trains(nnlab):
    Path("c.yaml").write_text(MODEL)
    done = nnlab("train", "c.yaml", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["status"] == "completed"


def test_it_is_compared(nnlab, monkeypatch):
    monkeypatch.setattr("nnlab.executor.executor_for", lambda *_, **__: InThisProcess)
    Path("c.yaml").write_text(CONFIG)
    done = nnlab("compare", "c.yaml", "--vary", "optimizer=Sloth,SGD", "--seeds", 2, "-j", 1, "--json")
    assert done.code == 0, done.err
    assert {row["variant"] for row in json.loads(done.out)["rows"]} == {"Sloth", "SGD"}


def test_a_kind_of_column_goes_from_the_table_to_predictions(nnlab):
    Path("c.yaml").write_text(TABLE)
    assert nnlab("train", "c.yaml").code == 0
    (run,) = Path("runs").iterdir()
    (column,) = json.loads((run / "data.json").read_text())["encoding"]
    assert column == {"name": "word", "kind": "length", "fitted": {"longest": 4}}
    Path("new.csv").write_text("word\nabcdefgh\n")
    assert nnlab("predict", run, "new.csv", "-o", "out.csv").code == 0
