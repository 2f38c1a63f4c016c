"""`nnlab evaluate` on a run's own rows, on changed data and on labelled files, held against scikit-learn."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from nnlab.config.load import load_config
from nnlab.data.judging import rows_of_file
from nnlab.data.splits import DataSpec
from nnlab.run import Run

pytestmark = pytest.mark.tf

CONFIG = """
name: flowers
data: {source: csv, path: flowers.csv, target: y, scale: standardize}
model: {hidden: [8], dropout: 0.2}
optimizer: {Adam: 0.02}
training: {epochs: 6, metrics: [accuracy], tensorboard: false}
"""


def table(seed: int, rows: int) -> pd.DataFrame:
    """Rows of three classes that can be told apart by `a`."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(size=(rows, 3)).round(3), columns=["a", "b", "c"])
    return frame.assign(y=np.array(["low", "mid", "high"])[np.digitize(frame["a"], [-0.5, 0.5])])


def trained(folder, text: str) -> Run:
    from nnlab.train import train

    (folder / "config.yaml").write_text(text)
    config = load_config(folder / "config.yaml")
    return train(config, Run.new(folder / "runs", "run")).run


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A run, and the file that it was trained on."""
    folder = tmp_path_factory.mktemp("flowers")
    table(0, 120).to_csv(folder / "flowers.csv", index=False)
    return trained(folder, CONFIG), folder / "flowers.csv"


@pytest.fixture
def changing(flowers):
    """The file that a test may change; afterwards it is as it was."""
    content = flowers[1].read_bytes()
    yield flowers[1]
    flowers[1].write_bytes(content)


def test_rows_in_another_order_are_refused_and_then_give_the_same_figure(nnlab, flowers, changing):
    run, _ = flowers
    pd.read_csv(changing).sort_values("a").to_csv(changing, index=False)
    refused = nnlab("evaluate", run.path)
    assert refused.code == 2
    assert "the 120 rows are the same, in another order" in refused.err
    done = nnlab("evaluate", run.path, "--changed-data", "--json")
    assert json.loads(done.out)["metrics"] == run.read_metrics()["test"]
    assert (
        "evaluated: 24 of 120 rows, 24 of the test split and 0 new; left out: 76 trained on, 20 validated" in done.err
    )


def test_a_renamed_class_is_refused_and_nothing_is_numbered_anew(nnlab, flowers, changing):
    run, _ = flowers
    pd.read_csv(changing).replace({"high": "top"}).to_csv(changing, index=False)
    for options in ([], ["--changed-data"], ["--input", changing]):
        refused = nnlab("evaluate", run.path, *options)
        assert (refused.code, refused.out) == (2, "")
        assert "the class `top`, which the run does not know" in refused.err


def test_columns_that_changed_places_give_the_same_figure(nnlab, flowers, changing):
    run, _ = flowers
    pd.read_csv(changing)[["y", "c", "b", "a"]].to_csv(changing, index=False)
    done = nnlab("evaluate", run.path, "--json")
    assert json.loads(done.out) == {"split": "test", "metrics": run.read_metrics()["test"]}
    assert "has been written anew, with the same rows in the same order" in done.err


def test_a_file_that_has_grown_is_judged_on_its_old_test_rows_and_its_new_ones(nnlab, flowers, changing):
    run, _ = flowers
    old, new = pd.read_csv(changing), table(1, 30)
    test = old.iloc[list(_rows(run, "test"))]
    pd.concat([new, old]).to_csv(changing, index=False)
    assert nnlab("evaluate", run.path).code == 2
    document = json.loads(nnlab("evaluate", run.path, "--changed-data", "--json").out)
    assert document["rows"]["new"] == 30
    unseen = changing.with_name("unseen.csv")
    pd.concat([test, new]).to_csv(unseen, index=False)
    predicted = pd.DataFrame(json.loads(nnlab("predict", run.path, unseen, "--json").out)["predictions"])
    truth = pd.concat([test, new])["y"].to_numpy()
    accuracy = sklearn_metrics.accuracy_score(truth, predicted["class"])
    assert document["metrics"]["accuracy"] == pytest.approx(accuracy)


def _rows(run: Run, split: str):
    from nnlab.data.judging import data_record

    return data_record(run).rows[split]["row"]


def test_options_that_choose_different_rows_do_not_go_together(nnlab, flowers):
    run, _ = flowers
    done = nnlab("evaluate", run.path, "--split", "train", "--changed-data")
    assert done.code == 2
    assert "choose different rows" in done.err


def test_a_file_that_is_elsewhere_now_gives_the_figures_of_the_splits(nnlab, flowers, changing, tmp_path):
    run, _ = flowers
    figures = {
        split: json.loads(nnlab("evaluate", run.path, "--split", split, "--json").out) for split in ("test", "train")
    }
    changing.rename(tmp_path / "moved.csv")
    assert "`--input FILE --split test` evaluates the test rows" in nnlab("evaluate", run.path).err
    for split, document in figures.items():
        moved = nnlab("evaluate", run.path, "--input", "moved.csv", "--split", split, "--json")
        assert json.loads(moved.out) == document
        assert moved.err == ""
    unseen = json.loads(nnlab("evaluate", run.path, "--input", "moved.csv", "--changed-data", "--json").out)
    assert (unseen["split"], unseen["metrics"]) == ("test", figures["test"]["metrics"])


def test_a_file_that_is_predicted_is_scored_if_it_has_the_target(nnlab, flowers, tmp_path):
    run, _ = flowers
    frame = table(0, 120)[:10]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    done = nnlab("predict", run.path, tmp_path / "rows.csv", "-o", tmp_path / "out.csv")
    answers = pd.read_csv(tmp_path / "out.csv")
    assert list(answers) == ["class", "p(high)", "p(low)", "p(mid)"]
    accuracy = sklearn_metrics.accuracy_score(frame["y"], answers["class"])
    p = answers[["p(high)", "p(low)", "p(mid)"]].to_numpy()
    loss = sklearn_metrics.log_loss(frame["y"], p / p.sum(axis=1, keepdims=True), labels=["high", "low", "mid"])
    assert f"score, as the file has the target: loss {loss:.4f}, accuracy {accuracy:.4f}" in done.err
    trained_on = np.isin(np.arange(10), _rows(run, "train")).sum()
    assert f"{trained_on} of the 10 rows were trained on" in done.err
    document = json.loads(nnlab("predict", run.path, tmp_path / "rows.csv", "--json").out)
    evaluated = json.loads(nnlab("evaluate", run.path, "--input", tmp_path / "rows.csv", "--json").out)
    assert document["score"] == evaluated["metrics"]
    assert document["score_rows"] == evaluated["rows"]
    assert evaluated["split"] is None


def test_predictions_and_their_score_come_from_one_reading_of_the_model(nnlab, flowers, monkeypatch):
    from nnlab.engine import trained

    run, file = flowers
    read, loaded = trained.load_model, []
    monkeypatch.setattr(trained, "load_model", lambda run, **options: loaded.append(run) or read(run, **options))
    assert "score, as the file has the target" in nnlab("predict", run.path, file).err
    assert len(loaded) == 1


def test_a_target_that_cannot_be_used_costs_the_score_and_not_the_predictions(nnlab, flowers, tmp_path):
    run, _ = flowers
    for y, why in ((["low", None], "column `y` has 1 missing value"), (["low", "top"], "1 row has the class `top`")):
        table(2, 2).assign(y=y).to_csv(tmp_path / "rows.csv", index=False)
        done = nnlab("predict", run.path, tmp_path / "rows.csv")
        assert (done.code, len(done.out.splitlines())) == (0, 3)
        assert f"no score: {why}" in done.err
    table(2, 2).drop(columns="y").to_csv(tmp_path / "rows.csv", index=False)
    assert "score" not in nnlab("predict", run.path, tmp_path / "rows.csv").err


def test_monte_carlo_figures_of_a_labelled_file_are_those_of_its_predictions(nnlab, flowers, tmp_path):
    run, _ = flowers
    frame = table(3, 40)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    done = nnlab("evaluate", run.path, "--input", tmp_path / "rows.csv", "--mc-samples", 5, "--json")
    predicted = json.loads(nnlab("predict", run.path, tmp_path / "rows.csv", "--mc-samples", 5, "--json").out)
    classes = [row["class"] for row in predicted["predictions"]]
    assert json.loads(done.out)["mc"]["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(frame["y"], classes))


KINDS = {
    "binary": ("target: y, positive_class: mid", ["accuracy"]),
    "regression": ("target: [a, b], features: [c]", ["root_mean_squared_error", "mean_absolute_error"]),
    "multilabel": ("target: [u, v], features: [a, b, c], task: multilabel", ["binary_accuracy"]),
    "inputs": ("target: inputs, features: [a, b, c]", ["mean_squared_error"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_figures_of_a_labelled_file_are_scikit_learns_for_every_task(nnlab, tmp_path, kind):
    section, names = KINDS[kind]
    frame = table(0, 60).assign(u=lambda f: (f["a"] > 0).astype(int), v=lambda f: (f["b"] > 0.3).astype(int))
    frame.to_csv(tmp_path / "flowers.csv", index=False)
    data = f"{{source: csv, path: flowers.csv, scale: standardize, {section}}}"
    layers = "hidden: [6]" if kind != "inputs" else "layers: [{Dense: 2}, {Dense: 3}]"
    run = trained(
        tmp_path,
        f"data: {data}\nmodel: {{{layers}}}\n"
        f"training: {{epochs: 2, metrics: [{', '.join(names)}], tensorboard: false}}",
    )
    new = table(5, 25).assign(u=lambda f: (f["a"] > 0).astype(int), v=lambda f: (f["b"] > 0.3).astype(int))
    new.iloc[:, ::-1].to_csv(tmp_path / "new.csv", index=False)
    figures = json.loads(nnlab("evaluate", run.path, "--input", tmp_path / "new.csv", "--json").out)["metrics"]
    answers = pd.DataFrame(json.loads(nnlab("predict", run.path, tmp_path / "new.csv", "--json").out)["predictions"])
    if kind == "binary":
        truth = np.where(new["y"] == "mid", "mid", "not mid")
        assert figures["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, answers["class"]))
        assert figures["loss"] == pytest.approx(sklearn_metrics.log_loss(truth == "mid", answers["p(mid)"]), rel=1e-4)
    elif kind == "regression":
        truth = new[["a", "b"]]
        error = sklearn_metrics.mean_squared_error(truth, answers[["a", "b"]])
        assert figures["root_mean_squared_error"] == pytest.approx(error**0.5, rel=1e-5)
        mean = sklearn_metrics.mean_absolute_error(truth, answers[["a", "b"]])
        assert figures["mean_absolute_error"] == pytest.approx(mean, rel=1e-5)
    elif kind == "multilabel":
        hits = sklearn_metrics.hamming_loss(new[["u", "v"]], answers[["u", "v"]])
        assert figures["binary_accuracy"] == pytest.approx(1 - hits)
    else:
        x = DataSpec.from_json(run.read_data()).scaled({"": new[["a", "b", "c"]].to_numpy()})[""]
        np.testing.assert_array_equal(rows_of_file(run, tmp_path / "new.csv").rows.y[""], x)
        error = sklearn_metrics.mean_squared_error(x, answers.to_numpy())
        assert figures["mean_squared_error"] == pytest.approx(error, rel=1e-5)


def test_a_run_that_was_validated_on_a_fold_is_evaluated_on_its_rows(nnlab, write_config):
    text = "data: {source: iris, validation: {fold: 2, of: 4}, scale: standardize}\nmodel: {hidden: [4]}\n"
    trained = json.loads(nnlab("train", write_config(f"{text}training: {{epochs: 1}}"), "--json").out)
    for split in ("validation", "test", "train"):
        figures = json.loads(nnlab("evaluate", trained["run"], "--split", split, "--json").out)
        assert figures["metrics"] == trained["metrics"][split]
