"""Rows with weights of their own: the losses of every engine are Keras's with `sample_weight`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nnlab.run import Run

pytestmark = pytest.mark.tf

ROWS = """
name: rows
data: {source: csv, path: rows.csv, target: price, weight: w, test: 10, validation: 8}
model: {layers: [{Dense: {units: 3, activation: tanh}}, {Dense: 1}]}
optimizer: {SGD: {learning_rate: 0.05, momentum: 0.9}}
training: {epochs: 3, batch_size: 8, shuffle: false, tensorboard: false, metrics: [mean_absolute_error],
  weighted_metrics: [mean_absolute_error]}
"""

WEIGHTED = "weighted_mean_absolute_error"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Write 45 rows, and train with each engine on them."""
    from nnlab.config.load import load_config
    from nnlab.config.overrides import parse_override
    from nnlab.train import train

    folder = tmp_path_factory.mktemp("weighted")
    random = np.random.default_rng(1)
    rows = [",".join(map(repr, row)) for row in random.uniform(0.1, 2, (45, 4)).tolist()]
    (folder / "rows.csv").write_text("\n".join(["a,b,price,w", *rows]) + "\n")
    path = folder / "rows.yaml"
    path.write_text(ROWS)
    runs = {}
    for engine in ("fast", "exact", "keras"):
        runs[engine] = Run.new(folder / "runs", engine)
        train(load_config(path, [parse_override(f"training.engine={engine}")]), runs[engine])
    return runs


def figures(run: Run) -> list[dict[str, float]]:
    return [{name: row[name] for name in row if not name.endswith("seconds")} for row in run.read_history()]


def test_the_exact_engine_gives_the_bits_of_keras_s_own_fit_with_sample_weight(trained):
    import keras

    from nnlab.config.load import load_config
    from nnlab.data.loading import load_data
    from nnlab.engine.built import build_seeded

    experiment = load_config(trained["exact"].config_path).experiment
    splits = load_data(experiment.data, seed=0)
    built = build_seeded(experiment, splits)
    order = splits.order_in_source()
    train, validation = splits.train, splits.validation
    model = keras.models.clone_model(built.model)
    model.set_weights(built.model.get_weights())
    mae = keras.metrics.MeanAbsoluteError
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        "mean_squared_error",
        metrics=["mean_absolute_error"],
        weighted_metrics=[mae(name="weighted_mean_absolute_error")],
    )
    rows = (train.x[""][order], train.y[""][order])
    done = model.fit(
        *rows,
        sample_weight=train.row_weights[""][order],
        validation_data=(validation.x[""], validation.y[""], validation.row_weights[""]),
        batch_size=8,
        epochs=3,
        shuffle=False,
        verbose=0,
    )
    history = figures(trained["exact"])
    assert {name.removeprefix("val_") for name in done.history} == {"loss", "mean_absolute_error", WEIGHTED}
    for name in done.history:
        assert [row[name] for row in history] == done.history[name], name
    saved = keras.saving.load_model(trained["exact"].model_path).get_weights()
    assert [value.tobytes() for value in saved] == [value.tobytes() for value in model.get_weights()]


def test_rows_on_disk_weigh_the_same(trained, tmp_path):
    from nnlab.config.load import load_config
    from nnlab.config.overrides import parse_override
    from nnlab.train import train

    path = trained["exact"].path.parent.parent / "rows.yaml"
    run = Run.new(tmp_path / "runs", "disk")
    train(load_config(path, [parse_override(each) for each in ("data.storage=disk", "training.engine=exact")]), run)
    assert figures(run) == figures(trained["exact"])
    assert run.read_metrics() == trained["exact"].read_metrics()


def test_all_engines_agree(trained):
    assert figures(trained["exact"]) == figures(trained["keras"])
    for fast, exact in zip(figures(trained["fast"]), figures(trained["exact"]), strict=True):
        assert fast == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("engine", ["fast", "exact", "keras"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_losses_are_weighted_means_over_the_number_of_rows(trained, engine, split):
    import keras

    from nnlab.data.judging import rows_of_split

    run = trained[engine]
    rows = rows_of_split(run, split).rows
    errors = keras.saving.load_model(run.model_path).predict(rows.x[""], verbose=0) - rows.y[""]
    loss = np.mean(rows.row_weights[""] * np.square(errors).reshape(-1))
    assert run.read_metrics()[split]["loss"] == pytest.approx(loss, rel=1e-5)
    assert run.read_metrics()[split]["mean_absolute_error"] == pytest.approx(np.abs(errors).mean(), rel=1e-5)
    weighted = np.average(np.abs(errors).reshape(-1), weights=rows.row_weights[""])
    assert run.read_metrics()[split][WEIGHTED] == pytest.approx(weighted, rel=1e-5)


def test_commands_take_them(trained, nnlab, tmp_path):
    run = trained["fast"]
    file = run.path.parent.parent / "rows.csv"
    text = file.read_text()
    evaluated = json.loads(nnlab("evaluate", run.path, "--input", file, "--json").out)
    metrics = run.read_metrics()
    sizes = {"train": 27, "validation": 8, "test": 10}
    whole = sum(size * metrics[name]["loss"] for name, size in sizes.items()) / 45
    assert f"{whole:.5f}" in [f"{value:.5f}" for value in _numbers(evaluated)]

    lines = [line.split(",") for line in text.splitlines()]
    (tmp_path / "new.csv").write_text("\n".join(",".join([*line[:2][::-1]]) for line in lines) + "\n")
    predicted = nnlab("predict", run.path, tmp_path / "new.csv")
    assert predicted.code == 0
    (tmp_path / "unweighted.csv").write_text("\n".join(",".join(line[:3]) for line in lines) + "\n")
    assert "no score: the file has no `w`" in nnlab("predict", run.path, tmp_path / "unweighted.csv").err
    assert nnlab("evaluate", run.path, "--input", tmp_path / "unweighted.csv").code == 2
    try:
        lines[-1][3] = "7.5"  # the last of the file
        file.write_text("\n".join(map(",".join, lines)) + "\n")
        refused = [nnlab("evaluate", run.path, "--split", split) for split in sizes]
        assert sorted(done.code for done in refused) == [0, 0, 2]
        assert any("rows weigh something else in `w`" in done.err for done in refused)
    finally:
        file.write_text(text)


def _numbers(document) -> list[float]:
    if isinstance(document, dict):
        return [number for value in document.values() for number in _numbers(value)]
    return [document] if isinstance(document, float) else []
