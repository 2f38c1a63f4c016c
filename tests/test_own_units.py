"""Targets that are learned scaled: every engine and command shows metrics and predictions in the data's own units."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from nnlab.run import Run

pytestmark = pytest.mark.tf

HOUSES = """
name: houses
data:
  source: csv
  path: houses.csv
  target: price
  target_scaling: log
  test: 0.25
model: {layers: [{Dense: 1}]}
optimizer: {adam: {learning_rate: 0.1}}
training:
  epochs: 3
  batch_size: 8
  tensorboard: false
  metrics: [root_mean_squared_error, mean_absolute_error, r2_score, mean_absolute_percentage_error]
"""
REFERENCE = {
    "root_mean_squared_error": sklearn_metrics.root_mean_squared_error,
    "mean_absolute_error": sklearn_metrics.mean_absolute_error,
    "r2_score": sklearn_metrics.r2_score,
    "mean_absolute_percentage_error": lambda y, p: 100 * sklearn_metrics.mean_absolute_percentage_error(y, p),
}


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """Write 48 rows, and train with each engine on them."""
    from nnlab.config.load import load_config
    from nnlab.config.overrides import parse_override
    from nnlab.train import train

    folder = tmp_path_factory.mktemp("houses")
    random = np.random.default_rng(1)
    x = random.normal(size=48)
    rows = [f"{a!r},{b!r}" for a, b in zip(x.tolist(), (2e5 * np.exp(x / 2)).tolist(), strict=True)]
    (folder / "houses.csv").write_text("\n".join(["x,price", *rows]) + "\n")
    path = folder / "houses.yaml"
    path.write_text(HOUSES)
    runs = {}
    for engine in ("fast", "exact", "keras"):
        runs[engine] = Run.new(folder / "runs", engine)
        train(load_config(path, [parse_override(f"training.engine={engine}")]), runs[engine])
    return runs


def rows_of(run: Run, split: str):
    """Return features and prices of a split, as the file has them."""
    from nnlab.data.judging import rows_of_split

    found = rows_of_split(run, split).rows
    return found.x[""], found.y[""].reshape(-1)


def by_hand(run: Run, split: str) -> dict[str, float]:
    """Compute the metrics with scikit-learn from the saved weights and the training rows alone."""
    import keras

    kernel, bias = keras.saving.load_model(run.model_path).get_weights()
    logs = np.log1p(rows_of(run, "train")[1])
    x, y = rows_of(run, split)
    predicted = np.expm1((x @ kernel + bias).reshape(-1).astype(np.float64) * logs.std() + logs.mean())
    return {name: figure(y, predicted) for name, figure in REFERENCE.items()}


@pytest.mark.parametrize("engine", ["fast", "exact", "keras"])
def test_metrics_are_those_of_scikit_learn_in_the_units_of_the_data(houses, engine):
    run = houses[engine]
    figures = run.read_metrics()
    for split in ("train", "validation", "test"):
        for name, value in by_hand(run, split).items():
            assert figures[split][name] == pytest.approx(value, rel=1e-5), (split, name)
    last = run.read_history()[-1]
    for name, value in by_hand(run, "validation").items():
        assert last[f"val_{name}"] == pytest.approx(value, rel=1e-5)


def test_the_loss_is_that_of_the_scaled_target(houses):
    import keras

    run = houses["exact"]
    logs = np.log1p(rows_of(run, "train")[1])
    x, y = rows_of(run, "test")
    learned = (np.log1p(y) - logs.mean()) / logs.std()
    model = keras.saving.load_model(run.model_path)
    loss = np.mean((model.predict(x, verbose=0).reshape(-1) - learned) ** 2)
    assert run.read_metrics()["test"]["loss"] == pytest.approx(loss, rel=1e-5)


def test_the_exact_engine_gives_keras_s_bits(houses):
    histories = []
    for engine in ("exact", "keras"):
        rows = houses[engine].read_history()
        histories.append([{name: row[name] for name in row if not name.endswith("seconds")} for row in rows])
    assert histories[0] == histories[1]


def test_commands_show_the_units_of_the_data(houses, nnlab, tmp_path):
    run = houses["fast"]
    _, y = rows_of(run, "test")
    found = nnlab("predict", run.path, "--split", "test", "--json", "--plot", tmp_path / "p.svg")
    document = json.loads(found.out)
    true = [row["true(price)"] for row in document["predictions"]]
    predicted = [row["price"] for row in document["predictions"]]
    np.testing.assert_allclose(true, y, rtol=1e-6)
    expected = by_hand(run, "test")
    assert document["score"]["mean_absolute_error"] == pytest.approx(expected["mean_absolute_error"], rel=1e-5)
    assert np.mean(np.abs(np.subtract(true, predicted))) == pytest.approx(expected["mean_absolute_error"], rel=1e-5)
    assert "200000" in (tmp_path / "p.svg").read_text().replace(",", "")

    evaluated = json.loads(nnlab("evaluate", run.path, "--split", "test", "--json").out)
    assert str(run.read_metrics()["test"]["r2_score"])[:12] in json.dumps(evaluated)

    (tmp_path / "new.csv").write_text("price,x\n150000,0.5\n-3,0.1\n")
    refused = nnlab("evaluate", run.path, "--input", tmp_path / "new.csv")
    assert refused.code == 2
    assert "-3 in row 1 (counted from 0)" in refused.err
    assert "learned scaled" in nnlab("inspect", run.path, "--rows", "0:1").out


def test_programs_are_shared_among_other_scalings(houses, tmp_path):
    from nnlab.config.load import load_config
    from nnlab.config.overrides import parse_override
    from nnlab.engine.reuse import Programs
    from nnlab.train import train

    path, programs = houses["fast"].path.parent.parent / "houses.yaml", Programs()
    for seed in (3, 0):  # other training rows, other means
        run = Run.new(tmp_path / "runs", f"seed-{seed}")
        train(load_config(path, [parse_override(f"seed={seed}")]), run, programs=programs)
    assert len(programs) == 1
    assert run.read_metrics() == houses["fast"].read_metrics()


def test_every_metric_of_numbers_has_its_value_in_own_units():
    from nnlab import catalog
    from nnlab import layers as own_layers
    from nnlab.config.components import Component
    from nnlab.model.ending import takes_of
    from nnlab.model.losses import Asked
    from nnlab.model.metrics import own_metric
    from nnlab.model.objects import make

    random = np.random.default_rng(0)
    y, p = 1e6 + random.normal(size=(2, 30, 1))  # float32 would keep a sixteenth
    tried = 0
    for entry in catalog.entries("metrics").values():
        metric = Component("metrics", entry.name, {"dtype": "float64"})
        if takes_of(metric).targets not in ("values", "nonzero", "nonnegative") or metric.name == "accuracy":
            continue
        if own_metric(metric, Asked("regression", (1,))) is not None or "axis" in entry.parameters:
            continue
        tried += 1
        expected = float(make(metric)(y, p))
        scaled = own_layers.InOwnUnits(make(metric), [False], [1e6], [2.0])
        given = [((values - 1e6) / 2).astype(np.float32) for values in (y, p)]
        assert float(scaled(*given)) == pytest.approx(expected, rel=1e-5), entry.name
    assert tried >= 5
