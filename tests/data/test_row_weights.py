"""Weights of rows: a column or an array, no feature, checked, and known again by a run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnlab.config.data import DataConfig
from nnlab.config.load import load_config
from nnlab.data.loading import load_data
from nnlab.data.record import DataRecord
from nnlab.data.splits import DataSpec
from nnlab.errors import DataError
from nnlab.model.inputs import model_splits
from nnlab.model.plan import plan_model

ROWS = 20
WEIGHTS = np.arange(ROWS) / 4


def table(tmp_path, weights=WEIGHTS, **data) -> DataConfig:
    lines = [f"{i / 3!r},{'ab'[i % 2]},{weight}" for i, weight in enumerate(weights)]
    (tmp_path / "rows.csv").write_text("\n".join(["x,y,w", *lines]) + "\n")
    given = {"source": "csv", "path": str(tmp_path / "rows.csv"), "target": "y", "weight": "w"}
    return DataConfig.read({**given, **data})


def test_a_column_weighs_the_rows_of_every_split_and_is_no_feature(tmp_path):
    splits = load_data(table(tmp_path), seed=0)
    assert splits.spec.feature_names == ("x",)
    assert splits.spec.weight == "w"
    for name, split in splits.present.items():
        numbers = splits.record.rows[name]["row"]
        np.testing.assert_array_equal(split.row_weights[""], WEIGHTS[numbers].astype(np.float32))
        part = split.take(np.array([1, 0]))
        np.testing.assert_array_equal(part.row_weights[""], split.row_weights[""][[1, 0]])


def test_an_array_weighs_rows_those_of_a_test_set_too(tmp_path):
    random = np.random.default_rng(0)
    arrays = {f"x_{part}": random.normal(size=(12, 2)) for part in ("train", "test")}
    arrays |= {f"y_{part}": random.normal(size=12) for part in ("train", "test")}
    arrays |= {"w_train": np.arange(12.0), "w_test": np.arange(12.0) + 100}
    np.savez(tmp_path / "rows.npz", **arrays)
    config = DataConfig.read({"source": "npz", "path": str(tmp_path / "rows.npz"), "weight": "w", "validation": 0})
    splits = load_data(config, seed=0)
    np.testing.assert_array_equal(splits.train.row_weights[""], np.arange(12))
    np.testing.assert_array_equal(splits.test.row_weights[""], np.arange(12) + 100)
    np.savez(tmp_path / "rows.npz", **arrays | {"w_test": np.r_[np.ones(11), -0.5]})
    with pytest.raises(DataError, match=r"`w_test` holds -0.5000 in row 11"):
        load_data(config, seed=0)


def test_a_window_weighs_what_the_row_weighs_that_it_predicts(tmp_path):
    config = table(tmp_path, window={"length": 3, "horizon": 2}, task="classification", validation=0, test=6)
    splits = load_data(config, seed=0)
    np.testing.assert_array_equal(splits.train.row_weights[""], WEIGHTS[4:14].astype(np.float32))
    np.testing.assert_array_equal(splits.test.row_weights[""], WEIGHTS[18:].astype(np.float32))


def test_weights_multiply_those_of_classes_in_training_alone(tmp_path):
    path = tmp_path / "rows.yaml"
    table(tmp_path)
    path.write_text(
        "data: {source: csv, path: rows.csv, target: y, weight: w, class_weight: {a: 2, b: 0.5}}\n"
        "model: {hidden: [2]}\n"
    )
    experiment = load_config(path).experiment
    loaded = load_data(experiment.data, seed=0)
    splits = model_splits(experiment, loaded, plan_model(experiment, loaded.spec).outputs)
    own, of_class = loaded.train.row_weights[""], np.where(splits.train.y["output"].reshape(-1) == 1, 0.5, 2)
    np.testing.assert_array_equal(splits.train.weights["output"], (own * of_class).astype(np.float32))
    np.testing.assert_array_equal(splits.train.row_weights["output"], own)
    np.testing.assert_array_equal(splits.validation.weights["output"], loaded.validation.row_weights[""])


def test_a_run_keeps_the_name_and_a_digest(tmp_path):
    splits = load_data(table(tmp_path), seed=0)
    kept = json.loads(json.dumps(splits.to_json()))
    assert DataSpec.from_json(kept) == splits.spec
    assert DataRecord.from_json(kept["record"]).weights == splits.record.weights
    other = load_data(table(tmp_path, WEIGHTS + 1), seed=0).record
    assert all(other.weights[name] != splits.record.weights[name] for name in ("train", "validation", "test"))
    np.testing.assert_array_equal(other.rows["train"], splits.record.rows["train"])  # features and targets are the same


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        ([*WEIGHTS[:-1], -1], "column `w` holds `-1.0`, a weight below 0"),
        ([*WEIGHTS[:-1], ""], "column `w` has 1 missing value"),
        ([*WEIGHTS[:-1], "inf"], "column `w` holds `inf`, which is not finite"),
        ([*WEIGHTS[:-1], "heavy"], "column `w` holds `heavy`"),
        (np.zeros(ROWS), "all training rows weigh 0"),
    ],
    ids=["negative", "missing", "infinite", "text", "all 0"],
)
def test_what_is_no_weight_is_refused_with_its_line(tmp_path, weights, what):
    with pytest.raises(DataError) as error:
        load_data(table(tmp_path, weights), seed=0)
    assert what in str(error.value)
    assert "rows.csv:21" in str(error.value) or "all" in what


def test_large_weights_are_said(tmp_path):
    notes = load_data(table(tmp_path, WEIGHTS * 1000), seed=0).spec.notes
    assert any("the weights `w` are" in note and "divided by the number of rows" in note for note in notes)
