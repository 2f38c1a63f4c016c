"""What the `model` section means: the plan needs no TensorFlow, building does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nnlab.data.splits import DataSpec, Split, Splits
from nnlab.data.target_spec import TargetSpec
from nnlab.errors import ConfigError
from nnlab.model.plan import plan_model


def spec_of(task="multiclass", *, shape=(4,), outputs=3, validation=5) -> DataSpec:
    return DataSpec(
        input_shapes={"": shape}, feature_names=(), num_train=10, num_validation=validation, num_test=0,
        targets={"": TargetSpec(task, (outputs,), class_names=(), names=(), inferred_task=False)},
    )  # fmt: skip


def planned(config, model: str, spec: DataSpec | None = None, more: str = ""):
    experiment = config(f"{{data: iris, model: {model} {more}}}").experiment
    return plan_model(experiment, spec or spec_of())


def layers_of(plan) -> list[object]:
    return [layer.component.plain() for layer in plan.layers]


def test_hidden_makes_dense_layers_and_the_output_layer(config):
    assert layers_of(planned(config, "{activation: relu, hidden: [30, 20]}")) == [
        {"Dense": {"units": 30, "activation": "relu"}},
        {"Dense": {"units": 20, "activation": "relu"}},
        {"Dense": {"units": 3, "activation": "softmax"}},
    ]


def test_hidden_of_one_width_may_have_no_layer(config):
    assert layers_of(planned(config, "{hidden: {layers: 0, units: 9}}")) == [
        {"Dense": {"units": 3, "activation": "softmax"}}
    ]


def test_hidden_flattens_images(config):
    plan = planned(config, "{hidden: [5]}", spec_of(shape=(28, 28)))
    assert layers_of(plan)[0] == "Flatten"


@pytest.mark.parametrize(
    ("task", "outputs", "activation", "loss", "metric"),
    [
        ("binary", 1, "sigmoid", "binary_crossentropy", "accuracy"),
        ("multiclass", 3, "softmax", "sparse_categorical_crossentropy", "accuracy"),
        ("multilabel", 4, "sigmoid", "binary_crossentropy", "binary_accuracy"),
        ("regression", 2, None, "mean_squared_error", "root_mean_squared_error"),
    ],
)
def test_the_task_decides_output_loss_and_metrics(config, task, outputs, activation, loss, metric):
    plan = planned(config, "{hidden: [5]}", spec_of(task, outputs=outputs))
    output = {"units": outputs, "activation": activation} if activation else {"units": outputs}
    assert layers_of(plan)[-1] == {"Dense": output}
    assert plan.outputs[0].loss.plain() == loss
    assert [item.plain() for item in plan.outputs[0].metrics] == [metric]


def test_an_output_without_activation_means_logits(config):
    plan = planned(config, "{layers: [{Dense: 3}]}")
    assert plan.outputs[0].loss.plain() == {"sparse_categorical_crossentropy": {"from_logits": True}}


def test_a_softmax_layer_of_its_own_means_probabilities(config):
    plan = planned(config, "{layers: [{Dense: 3}, Softmax]}")
    assert plan.outputs[0].loss.plain() == "sparse_categorical_crossentropy"


def test_defaults_go_to_hidden_layers_with_weights_only(config):
    plan = planned(
        config,
        "{activation: relu, initializer: he_normal, regularizer: {L2: 0.1}, constraint: {MaxNorm: 1.0}, "
        "layers: [Flatten, {Dense: 5}, {Dropout: 0.5}, {Dense: {units: 3, activation: softmax}}]}",
    )
    assert layers_of(plan) == [
        "Flatten",
        {
            "Dense": {
                "units": 5,
                "activation": "relu",
                "kernel_initializer": "he_normal",
                "kernel_regularizer": {"L2": {"l2": 0.1}},
                "kernel_constraint": {"MaxNorm": {"max_value": 1.0}},
            }
        },
        {"Dropout": {"rate": 0.5}},
        {"Dense": {"units": 3, "activation": "softmax"}},
    ]


def test_explicit_values_are_left_alone(config):
    plan = planned(config, "{activation: relu, initializer: he_normal, layers: [{Dense: {units: 5, activation: null}}, "
                           "{Dense: {units: 5, kernel_initializer: zeros}}, {Dense: 3}]}")  # fmt: skip
    first, second, _ = (layer.component for layer in plan.layers)
    assert first.parameters["activation"] is None
    assert second.plain() == {"Dense": {"units": 5, "activation": "relu", "kernel_initializer": "zeros"}}


@pytest.mark.parametrize(("task", "names"), [("regression", ("y", "mean(y)")), ("multilabel", ("a", "entropy"))])
def test_targets_cannot_be_called_as_columns_of_predictions(config, task, names):
    target = TargetSpec(task, (2,), class_names=names, names=names, inferred_task=False)
    with pytest.raises(ConfigError, match=r"is also what `nnlab predict` calls a column"):
        planned(config, "{hidden: [5]}", replace(spec_of(), targets={"": target}))


def test_a_recurrent_layer_keeps_its_own_activation(config):
    plan = planned(config, "{activation: relu, layers: [{LSTM: 4}, {Dense: 3}]}", spec_of(shape=(5, 2)))
    assert layers_of(plan)[0] == {"LSTM": {"units": 4}}


def test_normalization_and_dropout_stand_behind_each_hidden_layer(config):
    plan = planned(config, "{activation: relu, normalization: BatchNormalization, dropout: 0.2, hidden: [5]}")
    assert layers_of(plan)[:3] == [
        {"Dense": {"units": 5, "activation": "relu"}},
        "BatchNormalization",
        {"Dropout": {"rate": 0.2}},
    ]


def test_normalization_before_the_activation_drops_the_bias(config):
    plan = planned(
        config, "{activation: relu, normalization: {BatchNormalization: {position: before_activation}}, hidden: [5]}"
    )
    assert layers_of(plan)[:3] == [
        {"Dense": {"units": 5, "activation": None, "use_bias": False}},
        "BatchNormalization",
        {"Activation": {"activation": "relu"}},
    ]


def test_normalization_without_an_offset_keeps_the_bias(config):
    plan = planned(
        config, "{activation: relu, normalization: {RMSNormalization: {position: before_activation}}, hidden: [5]}"
    )
    assert "use_bias" not in plan.layers[0].component.parameters


def test_an_activation_that_is_a_layer_stands_behind_its_layer(config):
    plan = planned(config, "{activation: PReLU, hidden: [5]}")
    assert layers_of(plan)[:2] == [{"Dense": {"units": 5, "activation": None}}, "PReLU"]


def test_blocks_repeat_and_nest(config):
    plan = planned(
        config, "{layers: [{repeat: 2, layers: [{Dense: 4}, {repeat: 3, layers: [{Dense: 5}]}]}, {Dense: 3}]}"
    )
    units = [layer.component.parameters["units"] for layer in plan.layers]
    assert units == [4, 5, 5, 5, 4, 5, 5, 5, 3]
    assert plan.layers[1].path == ("model", "layers", 0, "layers", 1, "layers", 0)


def test_a_monitor_of_validation_needs_validation_rows(config):
    with pytest.raises(ConfigError, match="nothing is called `val_loss` here"):
        planned(config, "{hidden: [5]}", spec_of(validation=0), ", training: {early_stopping: {patience: 2}}")


def test_a_misspelt_monitor_gets_a_suggestion(config):
    with pytest.raises(ConfigError, match="did you mean `val_accuracy`"):
        planned(config, "{hidden: [5]}", None, ", training: {early_stopping: {monitor: val_acuracy}}")


def built(config, text: str, spec: DataSpec):
    from nnlab.model.build import build_model

    experiment = config(text).experiment
    rows = Split({"": np.zeros((10, *spec.input_shapes[""]), np.float32)}, {"output": np.zeros(10, np.int32)})
    return build_model(experiment, Splits(rows, None, None, spec), plan_model(experiment, spec))[0]


IMAGES = spec_of(shape=(28, 28), outputs=10)


@pytest.mark.tf
def test_a_dense_layer_of_300_units_on_images_has_235_500_parameters(config):
    model = built(config, "{data: digits, model: {hidden: [300]}}", IMAGES)
    assert model.layers[1].count_params() == 235_500


@pytest.mark.tf
def test_batch_normalization_adds_2_368_parameters_that_are_not_trained(config):
    text = """{data: digits, model: {normalization: BatchNormalization, layers:
              [Flatten, BatchNormalization, {Dense: 300}, {Dense: 100}, {Dense: {units: 10, activation: softmax}}]}}"""
    model = built(config, text, IMAGES)
    assert sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights) == 2_368


@pytest.mark.tf
def test_the_optimizer_gets_its_parameters(config):
    text = "{data: digits, model: {hidden: [3]}, optimizer: {SGD: {learning_rate: 0.5, momentum: 0.9, nesterov: true}}}"
    optimizer = built(config, text, IMAGES).optimizer
    assert (float(optimizer.learning_rate.numpy()), optimizer.momentum, optimizer.nesterov) == (0.5, 0.9, True)


@pytest.mark.tf
@pytest.mark.parametrize(
    "activation", ["{leaky_relu: {negative_slope: 0.3}}", "{elu: {alpha: 0.5}}", "LeakyReLU", "PReLU"]
)
def test_activations_with_parameters_survive_saving(config, tmp_path, activation):
    import keras

    model = built(config, f"{{data: digits, model: {{activation: {activation}, hidden: [6]}}}}", IMAGES)
    x = np.random.default_rng(0).normal(size=(5, 28, 28)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


@pytest.mark.tf
def test_leaky_relu_uses_the_slope_of_the_config(config):
    import keras

    layer = built(
        config, "{data: digits, model: {activation: {leaky_relu: {negative_slope: 0.3}}, hidden: [6]}}", IMAGES
    ).layers[1]
    assert float(layer.activation(keras.ops.array(-1.0))) == pytest.approx(-0.3)


@pytest.mark.tf
def test_every_optimizer_of_the_catalog_trains(config):
    from nnlab import catalog

    for name in catalog.entries("optimizers"):
        model = built(config, f"{{data: iris, model: {{hidden: [3]}}, optimizer: {name}}}", spec_of())
        before = model.get_weights()[0]
        x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
        model.fit(x, np.arange(20) % 3, verbose=0)
        assert not np.array_equal(before, model.get_weights()[0]), name


def test_metrics_that_compare_rows_make_the_default_loss_compare_rows(config):
    plan = planned(config, "{hidden: [5]}", None, ", training: {metrics: [accuracy, auc]}")
    assert plan.outputs[0].loss.plain() == "categorical_crossentropy"
    assert plan.outputs[0].one_hot


def test_a_metric_that_does_not_fit_the_loss_is_refused(config):
    with pytest.raises(ConfigError, match="`auc` compares rows of 0 and 1, and `sparse_categorical_crossentropy`"):
        planned(config, "{hidden: [5]}", None, ", training: {loss: sparse_categorical_crossentropy, metrics: [auc]}")


def test_a_metric_with_a_value_for_each_class_is_refused(config):
    with pytest.raises(ConfigError, match="average: macro"):
        planned(config, "{hidden: [5]}", None, ", training: {metrics: [f1_score]}")
