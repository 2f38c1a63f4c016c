from __future__ import annotations

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from nnlab.cli.predict import predict as predict_command
from nnlab.config.load import load_config
from nnlab.data.features import data_spec, read_features
from nnlab.data.loading import load_data
from nnlab.errors import NnlabError
from nnlab.run import Run
from nnlab.writing import to_json

pytestmark = pytest.mark.tf

FLOWERS = """
data: {source: csv, path: flowers.csv, target: species, task: classification, scale: standardize}
model: {activation: relu, normalization: BatchNormalization, dropout: 0.3, hidden: [8]}
training: {epochs: 12, tensorboard: false}
"""
LABELS = ["setosa", "versicolor", "virginica"]


def trained(folder, text) -> Run:
    """Train, keep the spec in the run, and return the run."""
    from nnlab.train import train

    path = folder / "experiment.yaml"
    path.write_text(text)
    config = load_config(path)
    splits = load_data(config.experiment.data, seed=config.experiment.seed)
    run = train(config, Run.new(folder / "runs", "test"), splits=splits).run
    (run.path / "data.json").write_text(to_json(splits.spec.to_json()))
    return run


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """A run with dropout and batch normalization whose training data are gone, and rows to predict."""
    from sklearn.datasets import load_iris

    folder = tmp_path_factory.mktemp("flowers")
    frame = load_iris(as_frame=True).frame.rename(columns={"target": "species"})
    frame["species"] = [LABELS[code] for code in frame["species"]]
    frame.to_csv(folder / "flowers.csv", index=False)
    run = trained(folder, FLOWERS)
    (folder / "flowers.csv").unlink()
    frame.iloc[::15, ::-1].to_csv(folder / "rows.csv")
    return run, folder / "rows.csv", frame.iloc[::15]


@pytest.fixture
def say(capsys):
    """Run the command and return what it writes to stdout."""

    def say(run, file, **options) -> str:
        capsys.readouterr()
        predict_command(str(run.path), file, **options)
        return capsys.readouterr().out

    return say


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def columns_of(run, x, **options) -> dict[str, np.ndarray]:
    from nnlab.engine.trained import Trained
    from nnlab.predict import predict

    return predict(Trained.load(run), x, spec=data_spec(run), **options)


def dense_model(*layers, outputs=1):
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(outputs)])
    model.compile(loss="mse")
    return model


ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)


def test_classes_have_their_labels_and_a_probability_each_in_the_order_of_the_file(flowers, say):
    run, file, rows = flowers
    answer = table(say(run, file))
    assert list(answer[0]) == ["class", *(f"p({label})" for label in LABELS)]
    assert np.mean([row["class"] for row in answer] == rows["species"].to_numpy()) >= 0.8
    for row in answer:
        p = [float(row[f"p({label})"]) for label in LABELS]
        assert sum(p) == pytest.approx(1, abs=1e-6)
        assert row["class"] == LABELS[int(np.argmax(p))]


def test_predictions_are_those_of_the_model_on_rows_scaled_as_in_training(digits_run):
    import keras

    config = load_config(digits_run.run.config_path).experiment
    test = load_data(config.data, seed=config.seed).test
    columns = columns_of(digits_run.run, test.x)
    model = keras.saving.load_model(digits_run.run.model_path)
    expected = model.predict(test.x[""], batch_size=512, verbose=0)
    np.testing.assert_array_equal(np.stack([columns[f"p({i})"] for i in range(10)], axis=1), expected)
    accuracy = np.mean(columns["class"].astype(int) == test.y[""])
    assert accuracy == pytest.approx(digits_run.metrics["test"]["accuracy"], abs=1e-6)


def test_the_command_writes_a_file_or_prints_json_with_the_same_values(flowers, say, tmp_path):
    run, file, _ = flowers
    assert say(run, file, output=tmp_path / "out.csv") == ""
    written = table((tmp_path / "out.csv").read_text())
    document = json.loads(say(run, file, json=True))
    assert (document["run"], document["task"], document["rows"]) == (str(run.path), "multiclass", 10)
    assert [{key: str(value) for key, value in row.items()} for row in document["predictions"]] == written


def test_an_output_in_a_folder_that_is_not_there_is_refused_before_predicting(flowers, say, tmp_path):
    run, file, _ = flowers
    with pytest.raises(NnlabError, match=r"cannot write `.*out\.csv`: there is no folder `"):
        say(run, file, output=tmp_path / "nowhere" / "out.csv")


def test_monte_carlo_adds_deviations_and_the_entropy_of_the_mean(flowers, say):
    run, file, _ = flowers
    answer = pd.read_csv(io.StringIO(say(run, file, mc_samples=30)))
    assert list(answer)[4:] == [*(f"std({label})" for label in LABELS), "entropy"]
    p = answer[[f"p({label})" for label in LABELS]].to_numpy()
    np.testing.assert_allclose(answer["entropy"], -(p * np.log(p)).sum(axis=1), rtol=1e-5)
    assert answer["class"].tolist() == [LABELS[code] for code in p.argmax(axis=1)]
    assert (answer[[f"std({label})" for label in LABELS]] > 0).any(axis=None)


def test_the_same_seed_gives_the_same_samples_and_another_seed_others(flowers, say):
    run, file, _ = flowers
    once, again, other = (say(run, file, mc_samples=5, seed=seed) for seed in (None, 0, 1))
    assert once == again
    assert once != other


def test_regression_gives_a_column_a_target_and_with_samples_mean_and_deviation(tmp_path):
    data = "{source: diabetes, scale: minmax}"
    run = trained(tmp_path, f"data: {data}\nmodel: {{hidden: [4], dropout: 0.5}}\ntraining: {{epochs: 1}}")
    x = np.random.default_rng(0).uniform(size=(5, 10)).astype(np.float32)
    assert list(columns_of(run, {"": x})) == ["progression"]
    columns = columns_of(run, {"": x}, mc_samples=20)
    assert list(columns) == ["progression", "mean(progression)", "std(progression)"]
    assert (columns["std(progression)"] > 0).all()
    np.testing.assert_array_equal(columns["progression"], columns_of(run, {"": x})["progression"])


def test_logits_become_probabilities_of_both_classes(tmp_path):
    text = "data: circle\nmodel: {layers: [{Dense: 4}, {Dense: 1}]}\ntraining: {epochs: 1, tensorboard: false}"
    run = trained(tmp_path, text)
    columns = columns_of(run, {"": 5 * ROWS[:, :2]})
    np.testing.assert_allclose(columns["p(orange)"] + columns["p(blue)"], 1)
    assert columns["class"].tolist() == ["blue" if p > 0.5 else "orange" for p in columns["p(blue)"]]
    assert columns["p(blue)"].min() > 0
    assert columns["p(blue)"].max() < 1


def test_labels_get_zero_or_one_and_a_probability_each(tmp_path):
    frame = pd.DataFrame(ROWS.repeat(5, axis=0), columns=["a", "b", "c"])
    frame.assign(warm=(frame.a > 0) * 1, wet=(frame.b > 0) * 1).to_csv(tmp_path / "rows.csv", index=False)
    data = "{source: csv, path: rows.csv, target: [warm, wet]}"
    text = f"data: {data}\nmodel: {{hidden: [4], dropout: 0.5}}\ntraining: {{epochs: 1, tensorboard: false}}"
    run = trained(tmp_path, text)
    x = read_features(tmp_path / "rows.csv", data_spec(run))
    columns = columns_of(run, x, mc_samples=3)
    assert list(columns) == ["warm", "wet", "p(warm)", "p(wet)", "std(warm)", "std(wet)", "entropy"]
    np.testing.assert_array_equal(columns["wet"], columns["p(wet)"] > 0.5)


def test_several_outputs_prefix_their_columns(flowers, monkeypatch):
    import keras

    run, file, _ = flowers
    x = keras.Input((4,))
    hidden = keras.layers.Dropout(0.5)(x)
    heads = {name: keras.layers.Dense(3, activation="softmax", name=name)(hidden) for name in ("main", "aux")}
    model = keras.Model(x, heads)
    model.compile(loss=dict.fromkeys(heads, keras.losses.SparseCategoricalCrossentropy()))
    monkeypatch.setattr("nnlab.engine.trained.load_model", lambda _, **__: model)
    columns = columns_of(run, read_features(file, data_spec(run)), mc_samples=3)
    assert list(columns)[:2] == ["main.class", "main.p(setosa)"]
    assert "aux.entropy" in columns


def test_a_model_that_diverged_predicts_nothing(digits_run, monkeypatch):
    from nnlab.model.saved import load_model

    model = load_model(digits_run.run)
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    monkeypatch.setattr("nnlab.engine.trained.load_model", lambda _, **__: model)
    with pytest.raises(NnlabError, match="the model gives NaN or infinity"):
        columns_of(digits_run.run, {"": np.zeros((1, 64), np.float32)})


def test_monte_carlo_needs_dropout(digits_run):
    with pytest.raises(NnlabError, match="the model has no dropout: all Monte-Carlo samples would be equal"):
        columns_of(digits_run.run, {"": np.zeros((1, 64), np.float32)}, mc_samples=3)


def test_monte_carlo_samples_have_the_mean_and_the_variance_of_dropout():
    from keras import layers

    from nnlab.predict import monte_carlo

    model = dense_model(layers.Dropout(0.4))
    kernel = model.layers[-1].kernel.numpy()
    samples = monte_carlo(model, ROWS, samples=4000, seed=0)
    assert samples.shape == (4000, 6, 1)
    np.testing.assert_allclose(samples.mean(axis=0), ROWS @ kernel, atol=0.1)
    np.testing.assert_allclose(samples.var(axis=0), ROWS**2 @ kernel**2 * 0.4 / 0.6, rtol=0.15)


def test_batch_normalization_stays_in_inference_mode_and_is_not_changed():
    from keras import layers

    from nnlab.predict import monte_carlo

    # what a huge offset leaves of the noise shows which statistics were used
    model = dense_model(layers.GaussianNoise(0.01), layers.BatchNormalization())
    before = [weight.numpy() for weight in model.variables]
    samples = monte_carlo(model, ROWS + 1000, samples=5, seed=0)
    np.testing.assert_allclose(samples, np.broadcast_to(model(ROWS + 1000), samples.shape), rtol=0.01)
    for weight, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def test_what_is_no_dropout_stays_off_and_the_model_is_as_before():
    from keras import layers

    from nnlab.predict import monte_carlo

    flip = layers.RandomFlip(seed=1)
    model = dense_model(layers.Reshape((1, 3, 1)), flip, layers.Flatten(), layers.Dropout(1e-9))
    expected = model(ROWS, training=False)
    np.testing.assert_allclose(monte_carlo(model, ROWS, samples=5, seed=0), np.stack([expected] * 5), rtol=1e-5)
    np.testing.assert_array_equal(model(ROWS, training=False), expected)
    assert "call" not in vars(model.layers[-2])


@pytest.mark.parametrize(
    "name", ["Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "MCDropout", "GRU"]
)
def test_every_kind_of_dropout_is_sampled(name):
    import keras

    from nnlab.layers import MCDropout
    from nnlab.predict import monte_carlo

    made = {
        "MCDropout": lambda: MCDropout(0.5),
        "GRU": lambda: keras.layers.GRU(2, dropout=0.5, recurrent_dropout=0.5),
    }
    layer = made[name]() if name in made else getattr(keras.layers, name)(0.5)
    model = dense_model(keras.layers.Reshape((3, 1)), layer, keras.layers.Flatten())
    samples = monte_carlo(model, ROWS, samples=20, seed=0)
    assert (samples.std(axis=0) > 0).all()
    np.testing.assert_array_equal(samples, monte_carlo(model, ROWS, samples=20, seed=0))


def test_monte_carlo_takes_and_gives_arrays_by_name():
    import keras

    from nnlab.predict import monte_carlo

    a, b = keras.Input((2,), name="a"), keras.Input((1,), name="b")
    both = keras.layers.Dropout(0.5)(keras.layers.Concatenate()([a, b]))
    model = keras.Model({"a": a, "b": b}, {"sum": keras.layers.Dense(1)(both), "all": both})
    samples = monte_carlo(model, {"a": ROWS[:, :2], "b": ROWS[:, 2:]}, samples=4, seed=0)
    assert {name: array.shape for name, array in samples.items()} == {"sum": (4, 6, 1), "all": (4, 6, 3)}
    assert monte_carlo(model, {"a": ROWS[:, :2], "b": ROWS[:, 2:]}, samples=1, seed=0)["all"].shape == (1, 6, 3)


def test_evaluate_monte_carlo_scores_the_mean_prediction(tmp_path):
    from nnlab.data.judging import rows_of_split
    from nnlab.engine.trained import Trained
    from nnlab.predict import evaluate_monte_carlo

    run = trained(tmp_path, "data: iris\nmodel: {hidden: [8], dropout: 0.3}\ntraining: {epochs: 1}")
    figures = evaluate_monte_carlo(Trained.load(run), rows_of_split(run, "test"), samples=10)
    config = load_config(run.config_path).experiment
    test = load_data(config.data, seed=config.seed).test
    columns = columns_of(run, test.x, mc_samples=10)
    labels = np.array(data_spec(run).targets[""].class_names)[test.y[""]]
    assert list(figures) == ["samples", "accuracy", "std", "entropy"]
    assert figures["accuracy"] == np.mean(columns["class"] == labels)
    assert figures["entropy"] == pytest.approx(columns["entropy"].mean())
    with pytest.raises(NnlabError, match="the run has no validation rows"):
        rows_of_split(trained(tmp_path, _WITHOUT_VALIDATION), "validation")


_WITHOUT_VALIDATION = """
data: {source: inline, columns: {x: [1.0, 2.0], y: [1.0, 2.0]}, target: y, validation: 0, test: 0}
model: {hidden: [2], dropout: 0.5}
training: {epochs: 1, tensorboard: false}
"""


def test_rows_of_the_run_are_predicted_with_what_is_true(digits_run, nnlab):
    path = digits_run.run.path
    done = nnlab("predict", path, "--rows", "0:9")
    rows = table(done.out)
    assert (len(rows), next(iter(rows[0])), list(rows[0])[-1]) == (9, "class", "true")
    config = load_config(digits_run.run.config_path).experiment
    y = load_data(config.data, seed=config.seed).test.y[""]
    assert [int(row["true"]) for row in rows] == y[:9].tolist()
    hits = sum(row["class"] == row["true"] for row in rows)
    assert f"score of 9 test rows: loss {float(json.loads(score(nnlab, path))['loss']):.4f}, " in done.err
    assert f"accuracy {hits / 9:.4f}" in done.err
    assert len(table(nnlab("predict", path, "--split", "validation").out)) == 288


def score(nnlab, path) -> str:
    return json.dumps(json.loads(nnlab("predict", path, "--rows", "0:9", "--split", "test", "--json").out)["score"])


def test_predicted_pictures_are_drawn_with_what_is_true_of_them(digits_run, nnlab, tmp_path):
    done = nnlab("predict", digits_run.run.path, "--rows", "0:30", "--plot", "p.svg", "-o", "p.csv")
    assert "written: p.csv, p.svg\n" in done.err
    rows = table((tmp_path / "p.csv").read_text())
    wrong = sum(row["class"] != row["true"] for row in rows)
    drawn = (tmp_path / "p.svg").read_text()
    assert f"30 predictions, {wrong} wrong" in drawn
    assert (drawn.count("<image "), drawn.count('<rect class="mark"')) == (30, wrong)
    best = max(float(rows[0][f"p({i})"]) for i in range(10))
    assert f">{rows[0]['class']} {best:.0%}<" in drawn
    assert f">true: {rows[0]['true']}<" in drawn


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--rows", "350:400"],
            "`--rows 350:400` are no rows of this split\n  hint: there are 360 test rows, 0 to 359",
        ),
        (["--rows", "a:b"], "`--rows` expects rows, received `a:b`\n"),
        ([], "nothing says which rows to predict\n"),
        (["x.csv", "--split", "test"], "a file and rows of the run are given\n"),
        (["--rows", "3", "--plot", "p.png"], "the plot `p.png` is no SVG file\n"),
    ],
)
def test_rows_that_are_not_there_are_refused(digits_run, nnlab, arguments, message):
    done = nnlab("predict", digits_run.run.path, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)


def drawn(target, columns, x, y=None) -> str:
    from nnlab.data.splits import DataSpec
    from nnlab.data.target_spec import TargetSpec
    from nnlab.report.prediction_plots import Predicted, draw_predictions

    task, names, shape = target
    spec_of_target = TargetSpec(task, shape, names if task != "regression" else (), names, inferred_task=False)
    spec = DataSpec({"": x.shape[1:]}, (), {"": spec_of_target}, num_train=1, num_validation=0, num_test=0)
    return draw_predictions(spec, {"": x}, Predicted(spec_of_target, columns, y))


def test_pictures_that_are_given_back_stand_below_those_that_came_in():
    from nnlab.data.splits import DataSpec
    from nnlab.data.target_spec import TargetSpec
    from nnlab.report.prediction_plots import Predicted, draw_predictions

    target = TargetSpec("regression", (4, 5), (), (), inferred_task=True, predicts_inputs=True)
    spec = DataSpec({"": (4, 5)}, (), {"": target}, num_train=1, num_validation=0, num_test=0)
    x = np.random.default_rng(0).random((3, 4, 5))
    given_back = {f"y{i}": x.reshape(3, -1)[:, i] * 2 for i in range(20)}
    drawn = draw_predictions(spec, {"": x}, Predicted(target, given_back, x))
    assert drawn.count("<image ") == 3
    assert "what came in, above what was given back" in drawn


def test_what_is_no_picture_is_drawn_as_points():
    numbers = ("regression", ("price",), (1,))
    x, price = np.zeros((4, 3)), {"price": np.array([1.0, 2.0, 3.0, 5.0])}
    with_true = drawn(numbers, price, x, np.array([[1.0], [2.0], [3.0], [4.0]]))
    assert "true price" in with_true
    assert 'class="line" d="M' in with_true
    assert ">row<" in drawn(numbers, price, x)
    classes = ("binary", ("no", "yes"), (1,))
    p = {"class": np.array(["no", "yes"]), "p(no)": np.array([0.9, 0.2]), "p(yes)": np.array([0.1, 0.8])}
    plane = drawn(classes, p, np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[0.0], [0.0]]))
    assert "2 rows: 1 wrong" in plane
    assert plane.count('<circle class="mark"') == 2
    assert "probability of what is predicted" in drawn(classes, p, np.zeros((2, 5)))
    labels = ("multilabel", ("a", "b"), (2,))
    p = {"p(a)": np.array([0.9, 0.2]), "p(b)": np.array([0.6, 0.1])}
    assert ">a and b<" in drawn(labels, p, np.zeros((2, 5)), np.array([[1.0, 1.0], [0.0, 1.0]]))
