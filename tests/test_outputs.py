"""Models with several outputs and inputs, from the data to the predictions."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.config.by_name import only
from nnlab.config.components import Component
from nnlab.config.load import load_config
from nnlab.data.features import data_spec, read_features
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec
from nnlab.errors import ConfigError
from nnlab.run import Run

pytestmark = pytest.mark.tf

OUTPUTS = """
name: outputs
data:
  source: csv
  path: people.csv
  target: {main: who, aux: [score, height], again: inputs}
  class_weight: {main: {ann: 3}}
  scale: standardize
model:
  type: functional
  inputs: [x]
  layers:
    hidden: {Dense: {units: 6, activation: relu}, from: x}
    dropout: {Dropout: 0.2, from: hidden}
    main: {Dense: {units: 3, activation: softmax}, from: dropout}
    aux: {Dense: 2, from: dropout}
    again: {Dense: 2, from: dropout}
  outputs: [main, aux, again]
training: {epochs: 2, tensorboard: false}
"""
INPUTS = """
name: inputs
data: {source: npz, path: pictures.npz, scale: {image: 255}}
model:
  type: functional
  inputs: {pictures: {features: image}, meta: {}}
  layers:
    flat: {Flatten: {}, from: pictures}
    norm: {Normalization: {}, from: meta}
    both: {Concatenate: {}, from: [flat, norm]}
    hidden: {Dense: {units: 4, activation: tanh}, from: both}
    main: {Dense: {units: 1, activation: sigmoid}, from: hidden}
  outputs: main
training: {epochs: 2, tensorboard: {histogram_freq: 1}}
"""
OWN = """
import keras

class Net(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.Normalization()
        self.main = keras.layers.Dense(units, activation="softmax")
        self.aux = keras.layers.Dense(2)

    def call(self, x):
        return {"main": self.main(self.norm(x)), "aux": self.aux(self.norm(x))}

class Pictures(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm, self.flat = keras.layers.Normalization(), keras.layers.Flatten()
        self.out = keras.layers.Dense(1, activation="sigmoid")

    def call(self, arrays):
        return self.out(keras.ops.concatenate([self.flat(arrays["image"]), self.norm(arrays["meta"])], axis=-1))
"""


@pytest.fixture(autouse=True)
def files(tmp_path):
    return with_files(tmp_path)


def with_files(folder):
    """Write the data files that the configs name."""
    random = np.random.default_rng(0)
    x = random.normal(size=(40, 2)).round(3)
    who = np.array(["ann", "bob", "cid"])[np.arange(40) % 3]
    rows = [f"{a},{b},{name},{a + b:.3f},{a - b:.3f}" for (a, b), name in zip(x, who, strict=True)]
    (folder / "people.csv").write_text("\n".join(["a,b,who,score,height", *rows]))
    image, meta = random.integers(0, 256, (40, 2, 2, 1), dtype=np.uint8), random.normal(3, 2, (40, 3))
    np.savez(folder / "pictures.npz", image=image, meta=meta, y=np.arange(40) % 2)
    (folder / "own_net.py").write_text(OWN)
    return folder


def built(loaded, **options):
    from nnlab.engine.built import build_seeded

    return build_seeded(loaded.experiment, load_data(loaded.experiment.data, seed=0), **options)


def trained(loaded, runs_dir, **options):
    from nnlab.train import train
    from nnlab.training_options import TrainingOptions

    return train(loaded, Run.new(runs_dir, loaded.experiment.name), TrainingOptions(**options))


@pytest.fixture(scope="module")
def outputs_run(tmp_path_factory):
    """Train a model with several outputs for all tests that look at it."""
    return trained_in(with_files(tmp_path_factory.mktemp("outputs")), OUTPUTS)


@pytest.fixture(scope="module")
def inputs_run(tmp_path_factory):
    """Train a model on arrays for all tests that look at it."""
    return trained_in(with_files(tmp_path_factory.mktemp("inputs")), INPUTS)


def trained_in(folder, text):
    (folder / "experiment.yaml").write_text(text)
    return trained(load_config(folder / "experiment.yaml"), folder / "runs")


def predicted(run, file, *, trust_code=False, **options):
    from nnlab.engine.trained import Trained
    from nnlab.predict import predict

    spec = data_spec(run)
    return predict(Trained.load(run, trust_code=trust_code), read_features(file, spec), spec=spec, **options)


def test_each_output_gets_its_loss_and_metric_by_its_target(config):
    plan = built(config(OUTPUTS)).plan
    assert [(output.name, output.loss.name, output.metrics[0].name) for output in plan.outputs] == [
        ("main", "sparse_categorical_crossentropy", "accuracy"),
        ("aux", "mean_squared_error", "root_mean_squared_error"),
        ("again", "mean_squared_error", "root_mean_squared_error"),
    ]


def test_class_weights_become_weights_of_rows_by_output(config):
    splits = built(config(OUTPUTS)).splits
    weights = splits.train.weights
    np.testing.assert_array_equal(weights["main"], np.where(splits.train.y["main"] == 0, 3, 1))
    np.testing.assert_array_equal(weights["aux"], 1)


def test_class_weights_for_one_of_two_outputs_with_the_same_target(config):
    text = """
        data: {source: iris, class_weight: {main: {setosa: 5}}}
        model:
          type: functional
          inputs: [x]
          layers:
            main: {Dense: {units: 3, activation: softmax}, from: x}
            aux: {Dense: {units: 3, activation: softmax}, from: x}
          outputs: [main, aux]
        """
    splits = built(config(text)).splits
    weights = splits.train.weights
    assert (weights["main"].max(), weights["aux"].max()) == (5, 1)


def test_weights_of_classes_reach_the_loss_of_their_output_alone(config):
    import keras

    weighted, plain = (built(config(OUTPUTS, f"data.class_weight={value}")) for value in ("{main: {ann: 3}}", "null"))
    first = weighted.splits.train
    answers = dict(zip(weighted.model.output_names, weighted.model.predict(only(first.x), verbose=0), strict=True))
    row_losses = keras.losses.sparse_categorical_crossentropy(first.y["main"], answers["main"]).numpy()
    expected = np.mean(row_losses * np.where(first.y["main"] == 0, 3, 1)) - np.mean(row_losses)
    losses = [weighted_loss(ready) for ready in (weighted, plain)]
    assert losses[0] - losses[1] == pytest.approx(expected, rel=1e-3)


def weighted_loss(ready) -> float:
    """Return the loss of all training rows, as `fit` weighs them, without dropout."""
    from nnlab.engine.batches import for_training

    split = ready.splits.train
    x, y, *weights = for_training(split, ready.model)
    return float(ready.model.compute_loss(x, y, ready.model(x, training=False), *weights, training=False))


def test_outputs_of_several_tasks_train_evaluate_and_train_again_to_the_same_weights(outputs_run, files):
    from nnlab.model.saved import load_model
    from nnlab.train import evaluate

    first = outputs_run
    assert first.status == "completed"
    assert {"main_accuracy", "aux_root_mean_squared_error", "again_loss"} <= set(first.metrics["test"])
    assert evaluate(first.run, "test") == first.metrics["test"]
    again = trained(load_config(first.run.config_path), files / "runs")
    for one, two in zip(load_model(first.run).get_weights(), load_model(again.run).get_weights(), strict=True):
        assert one.tobytes() == two.tobytes()


def test_predictions_have_the_classes_and_targets_of_each_output(outputs_run, files):
    run = outputs_run.run
    (files / "new.csv").write_text("b,a\n1,2\n3,4\n")
    columns = predicted(run, files / "new.csv")
    assert list(columns) == [
        "main.class", "main.p(ann)", "main.p(bob)", "main.p(cid)", "aux.score", "aux.height", "again.a", "again.b",
    ]  # fmt: skip
    assert set(columns["main.class"]) <= {"ann", "bob", "cid"}
    sampled = predicted(run, files / "new.csv", mc_samples=3)
    assert {"main.entropy", "main.std(bob)", "aux.mean(score)", "again.std(b)"} <= set(sampled)
    np.testing.assert_array_equal(sampled["aux.score"], columns["aux.score"])


def test_monte_carlo_figures_are_those_of_each_output(outputs_run):
    from nnlab.data.judging import rows_of_split
    from nnlab.engine.trained import Trained
    from nnlab.predict import evaluate_monte_carlo

    run = outputs_run.run
    figures = evaluate_monte_carlo(Trained.load(run), rows_of_split(run, "test"), samples=3)
    assert {"main_accuracy", "main_entropy", "aux_root_mean_squared_error", "again_std"} <= set(figures)


def test_the_run_keeps_what_each_output_predicts(outputs_run):
    run = outputs_run.run
    targets = run.read_info()["data"]["targets"]
    assert targets["main"] == {"task": "multiclass", "class_names": ["ann", "bob", "cid"], "target_names": ["who"]}
    assert data_spec(run).targets["aux"].names == ("score", "height")


def test_a_metric_of_one_output_may_stop_the_training(config, files):
    stopping = "training.early_stopping={monitor: val_main_accuracy, patience: 1}"
    summary = trained(config(OUTPUTS, stopping), files / "runs")
    assert summary.status == "completed"
    assert load_config(summary.run.config_path).experiment.training.early_stopping.mode == "max"


def test_the_direction_of_every_metric_is_keras_own():
    import keras

    from nnlab import catalog
    from nnlab.model.objects import make

    values = {"num_classes": 3, "target_class_ids": [0]}
    for name, entry in catalog.entries("metrics").items():
        required = [parameter.name for parameter in entry.parameters.values() if parameter.required]
        metric = Component("metrics", name, {key: values.get(key, 0.5) for key in required})
        made = keras.metrics.BinaryAccuracy() if name == "accuracy" else make(metric)
        assert {"max": "up", "min": "down", None: None}[entry.direction] == getattr(made, "_direction", None), name


def test_inputs_take_arrays_by_their_names(config):
    ready = built(config(INPUTS))
    assert {name: x.shape[1:] for name, x in ready.splits.train.x.items()} == {"pictures": (2, 2, 1), "meta": (3,)}
    assert ready.splits.train.x["pictures"].max() <= 1
    norm = ready.model.get_layer("norm")
    np.testing.assert_allclose(np.ravel(norm.mean), ready.splits.train.x["meta"].mean(axis=0), rtol=1e-5)


def test_a_run_on_arrays_evaluates_and_predicts_from_arrays(inputs_run, files):
    from nnlab.train import evaluate

    assert evaluate(inputs_run.run, "test") == inputs_run.metrics["test"]
    with np.load(files / "pictures.npz") as stored:
        np.savez(files / "new.npz", image=stored["image"][:3], meta=stored["meta"][:3])
    (inputs_run.run.path.parent.parent / "pictures.npz").unlink()
    columns = predicted(inputs_run.run, files / "new.npz")
    assert list(columns) == ["class", "p(0)", "p(1)"]
    assert len(columns["class"]) == 3


def test_gradients_of_a_model_on_arrays_are_checked(config):
    from nnlab.gradients import check_gradients

    experiment = config(INPUTS).experiment
    assert check_gradients(experiment, load_data(experiment.data, seed=0)).ok


def test_a_model_on_arrays_takes_layers_over_by_name(config, inputs_run):
    from nnlab.model.saved import load_model

    transfer = "model.transfer={from: inputs, layers: [norm, hidden]}"
    ready = built(config(INPUTS, transfer), runs_dir=inputs_run.run.path.parent)
    theirs = load_model(inputs_run.run).get_layer("hidden").get_weights()
    for ours, other in zip(ready.model.get_layer("hidden").get_weights(), theirs, strict=True):
        np.testing.assert_array_equal(ours, other)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.inputs.pictures.features=imge", r"there is no array `imge`\n  hint: did you mean `image`"),
        ("model.inputs.pictures.features=[image, meta]", "an input takes one array, received 2"),
        ("model.inputs={meta: {}, pictures: {}}", r"there is no array `pictures`\n  hint: one of `image`, `meta`"),
        ("data.features=image", "there is no array `meta`"),
    ],
)
def test_inputs_that_name_no_array_are_told_what_there_is(config, override, message):
    with pytest.raises(ConfigError, match=message):
        built(config(INPUTS.replace("meta: {}", "meta: {features: meta}"), override, "data.scale=null"))


def test_a_sequential_model_takes_one_array(config):
    text = "{data: {source: npz, path: pictures.npz}, model: {hidden: [4]}}"
    with pytest.raises(ConfigError, match=r"takes one array, and the data have `image`, `meta`\n  hint: choose one"):
        built(config(text))
    assert built(config(text, "data.features=image")).model.input_shape == (None, 2, 2, 1)


def test_a_class_of_ones_own_gives_outputs_with_targets_of_their_own(config, files):
    text = """
        data: {source: csv, path: people.csv, target: {main: who, aux: [score, height]}, class_weight: {main: balanced}}
        model: {type: subclassed, class: own_net.py:Net, units: 3}
        training: {epochs: 1, tensorboard: false, loss: {main: sparse_categorical_crossentropy}}
        """
    from nnlab.train import evaluate

    summary = trained(config(text), files / "runs", trust_code=True)
    assert evaluate(summary.run, "test", trust_code=True) == summary.metrics["test"]
    (files / "new.csv").write_text("a,b\n1,2\n")
    assert list(predicted(summary.run, files / "new.csv", trust_code=True))[-2:] == ["aux.score", "aux.height"]
    with pytest.raises(ConfigError, match=r"write `data: \{target: \{aux: ..., main: ...\}\}`"):
        built(config(text, "data.target={main: who}", "data.features=[a, b]"), trust_code=True)


def test_wide_and_deep_learns_two_targets(config, files):
    text = """
        data: {source: csv, path: people.csv, target: {main: score, aux: height}, features: [a, b]}
        model: {type: subclassed, class: WideAndDeep, units: 4, auxiliary: true}
        training: {epochs: 1, tensorboard: false}
        """
    summary = trained(config(text), files / "runs")
    assert {"main_loss", "aux_root_mean_squared_error"} <= set(summary.metrics["test"])


def test_a_class_of_ones_own_is_called_with_the_arrays_by_name(config, files):
    text = """
        data: {source: npz, path: pictures.npz, scale: {image: 255}, class_weight: balanced}
        model: {type: subclassed, class: own_net.py:Pictures}
        training: {epochs: 1, tensorboard: false, loss: binary_crossentropy}
        """
    from nnlab.train import evaluate

    summary = trained(config(text), files / "runs", trust_code=True)
    assert evaluate(summary.run, "test", trust_code=True) == summary.metrics["test"]
    with pytest.raises(ConfigError, match="it is called with the arrays `image`, `meta` by name"):
        built(config(text, "model.class=WideAndDeep"))


def test_whichever_of_the_layers_that_share_weights_comes_first_is_made_first(config):
    text = """
        data: {source: diabetes}
        model:
          type: functional
          inputs: [x]
          layers:
            later: {Dense: 10, from: first}
            first: {shared: later, from: x}
            main: {Dense: 1, from: later}
          outputs: main
        """
    model = built(config(text)).model
    assert model.count_params() == (10 * 10 + 10) + (10 + 1)


OUT_OF_ORDER = """
seed: 1
data:
  source: inline
  columns:
    x1: [0.1, 0.9, 0.4, 0.6, 0.2, 0.8, 0.3, 0.7, 0.5, 0.0]
    x2: [1.0, 0.5, 0.2, 0.9, 0.1, 0.3, 0.8, 0.6, 0.4, 0.7]
    y: [0, 1, 0, 1, 0, 1, 0, 1, 1, 0]
    z: [3.1, 1.2, 2.3, 5.4, 4.5, 1.6, 3.7, 2.8, 5.9, 4.1]
  target: {price: z, helper: y}
  class_weight: {helper: {0: 1, 1: 3}}
  validation: 2
  test: 2
model:
  type: functional
  inputs: {wide: {features: [x2]}, deep: {features: [x1, x2]}}
  layers:
    both: {Concatenate: {}, from: [wide, deep]}
    hidden: {Dense: 3, from: both}
    price: {Dense: {units: 1, activation: {leaky_relu: {negative_slope: 0.3}}}, from: hidden}
    helper: {Dense: {units: 1, activation: sigmoid, name: mine}, from: hidden}
  outputs: [price, helper]
training: {epochs: 2, batch_size: 3, tensorboard: false, metrics: {price: [mean_absolute_error], helper: [accuracy]}}
"""


@pytest.mark.parametrize("engine", ["fast", "exact", "keras"])
def test_inputs_outputs_and_figures_stand_in_the_order_of_the_config(config, tmp_path, engine):
    import keras

    from nnlab.engine.trained import Trained
    from nnlab.predict import predict
    from nnlab.train import evaluate, train

    summary = train(config(OUT_OF_ORDER, f"training.engine={engine}"), Run(tmp_path / "run"))
    model = keras.saving.load_model(summary.run.model_path)
    assert model.output_names == ["price", "helper"]
    assert [tensor.name for tensor in model.inputs] == ["wide", "deep"]
    figures = ["loss", "price_loss", "helper_loss", "price_mean_absolute_error", "helper_accuracy"]
    history = [name for name in summary.history[0] if name not in ("epoch", "learning_rate") and "seconds" not in name]
    assert history == [*figures, *(f"val_{name}" for name in figures)]
    assert list(summary.metrics["test"]) == list(evaluate(summary.run, "test")) == figures
    x = np.array([[0.1, 1.0], [0.9, 0.5]], np.float32)
    columns = predict(Trained.load(summary.run), {"": x}, spec=DataSpec.from_json(summary.run.read_data()))
    assert list(columns) == ["price.z", "helper.class", "helper.p(0)", "helper.p(1)"]
    price, helper = (np.asarray(values) for values in model({"wide": x[:, 1:], "deep": x}))
    np.testing.assert_allclose(columns["price.z"], price[:, 0], rtol=1e-5)
    np.testing.assert_allclose(columns["helper.p(1)"], helper[:, 0], rtol=1e-5)
