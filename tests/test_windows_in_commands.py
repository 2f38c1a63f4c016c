"""Commands on windows over a time series: each takes them from a raw table."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CONFIG = """
data:
  source: csv
  path: energy.csv
  target: load
  window: {length: 6, horizon: 2, order: time, by: station}
  scale: standardize
model: {layers: [{GRU: 4}, {Dense: 1}]}
optimizer: {Adam: {learning_rate: 0.05}}
training: {epochs: 2, batch_size: 16, tensorboard: false}
"""
ROWS = 80


def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    parts = []
    for station in ("north", "south"):
        heat = random.normal(size=ROWS).round(3)
        load = (np.sin(np.arange(ROWS) / 5) + 0.1 * random.normal(size=ROWS)).round(3)
        times = pd.date_range("2024-01-01", periods=ROWS, freq="h")
        parts.append(pd.DataFrame({"time": times, "station": station, "heat": heat, "load": load}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    table().to_csv(folder / "energy.csv", index=False)
    (folder / "energy.yaml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path):
    from nnlab.config.load import load_config
    from nnlab.run import Run
    from nnlab.train import train

    found = Run.new(folder / "runs", "energy")
    train(load_config(folder / "energy.yaml"), found)
    return found


def test_data_counts_windows_by_split_and_series(folder, nnlab):
    done = nnlab("data", folder / "energy.yaml", "--json")
    splits = json.loads(done.out)["splits"]
    assert splits["train"]["windows_by_series"] == {"north": 51 - 7, "south": 51 - 7}
    assert splits["test"]["windows"] == 2 * (16 - 7)
    shown = nnlab("data", folder / "energy.yaml")
    assert "windows: 88 train, 12 validation, 18 test; a window takes 8 rows (6 to look at, 2 ahead)" in shown.out
    assert "split: time `time` (the default)" in shown.out
    assert "to beat: who predicts the last `load` of each window has the root mean squared error " in shown.err


@pytest.mark.tf
def test_a_raw_table_gives_a_prediction_for_each_window_with_the_row_that_it_is_for(folder, run, nnlab):
    shuffled = table().sample(frac=1, random_state=1)
    shuffled[["load", "station", "heat", "time"]].to_csv(folder / "new.csv", index=False)
    done = nnlab("predict", run.path, folder / "new.csv")
    rows = list(csv.DictReader(done.out.splitlines()))
    assert len(rows) == 2 * (ROWS - 5)
    numbers = {(row["station"], str(row["time"])[:16]): i for i, row in enumerate(shuffled.to_dict("records"))}
    for row in rows:
        assert row["row"] == str(numbers.get((row["station"], row["time"]), ""))
    assert [row["time"] for row in rows if row["row"] == ""][:2] == ["2024-01-04 08:00", "2024-01-04 09:00"]
    own = list(csv.DictReader(nnlab("predict", run.path, "--split", "test").out.splitlines()))
    of_file = {(row["station"], row["time"]): row["load"] for row in rows}
    assert [row["load"] for row in own] == [of_file[row["station"], row["time"]] for row in own]
    true = {(row["station"], str(row["time"])[:16]): row["load"] for row in table().to_dict("records")}
    assert [float(row["true(load)"]) for row in own] == [true[row["station"], row["time"]] for row in own]


@pytest.mark.tf
def test_the_run_is_evaluated_as_it_was_trained(run, folder, nnlab):
    done = nnlab("evaluate", run.path, "--json")
    assert json.loads(done.out)["metrics"] == pytest.approx(run.read_metrics()["test"])
    table().iloc[: ROWS // 2].to_csv(folder / "half.csv", index=False)
    assert nnlab("evaluate", run.path, "--input", folder / "half.csv", "--json").code == 0


@pytest.mark.tf
def test_rows_that_make_no_window_are_refused_with_the_figures(run, folder, nnlab):
    table().iloc[:5].to_csv(folder / "few.csv", index=False)
    done = nnlab("predict", run.path, folder / "few.csv")
    assert done.code == 2
    assert "a window takes 6 rows, and 5 follow one another here" in done.err


@pytest.mark.tf
def test_windows_that_are_gathered_train_to_the_same_bits(folder, run, monkeypatch):
    from nnlab.config.load import load_config
    from nnlab.data import windows
    from nnlab.run import Run
    from nnlab.train import train

    monkeypatch.setattr(windows, "_SMALL", 0)
    found = Run.new(folder / "runs", "gathered")
    train(load_config(folder / "energy.yaml"), found)
    assert found.read_metrics() == run.read_metrics()


@pytest.mark.tf
def test_rows_whose_times_have_changed_are_not_those_of_the_run(run, folder, nnlab):
    frame = table()
    frame.loc[[70, 71], "time"] = frame.loc[[71, 70], "time"].to_numpy()
    moved = folder / "moved.csv"
    frame.to_csv(moved, index=False)
    done = nnlab("evaluate", run.path, "--input", moved, "--split", "test")
    assert done.code == 2
    assert "2 of 160 rows have another target, or another place in its series, the first is row 70" in done.err
