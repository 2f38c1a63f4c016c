"""Networks of `keras.applications` as a layer: their preprocessing, their weights, and when they are trained."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.config.components import files_named
from nnlab.config.load import load_config
from nnlab.errors import NnlabError

pytestmark = pytest.mark.tf

ROWS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3)).astype(np.float32)
CONFIG = """
data: {source: {shapes: {samples: 24}}, validation: 4, test: 4}
model:
  layers:
    - backbone: {name: MobileNet, weights: weights/net.weights.h5, freeze_epochs: 1, thaw_layers: 2}
    - Dense: {units: 4, activation: softmax}
training: {epochs: 2, batch_size: 16, engine: exact}
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A small network of Keras with weights of which no row gives 0, and their file."""
    import keras

    keras.utils.set_random_seed(0)
    network = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg")
    for weight in network.trainable_weights:  # else hardly anything comes out at its end
        weight.assign(weight * 4 if "kernel" in weight.name else weight)
    file = tmp_path_factory.mktemp("weights") / "net.weights.h5"
    network.save_weights(file)
    return network, file


def backbone(**given):
    from nnlab.layers import Backbone

    return Backbone(**{"name": "MobileNet", "weights": None, **given})


def test_a_backbone_is_keras_network_behind_its_preprocessing(network):
    import keras

    theirs, file = network
    expected = theirs(keras.applications.mobilenet.preprocess_input(ROWS.copy()), training=False).numpy()
    assert np.ptp(expected) > 1e-6
    layer = backbone(weights=str(file))
    np.testing.assert_array_equal(layer(ROWS), expected)
    np.testing.assert_array_equal(layer(ROWS, training=True), expected)  # statistics stay as they were given
    assert not layer.trainable_weights
    scaled = backbone(weights=str(file), value_range=[0, 1])
    np.testing.assert_allclose(scaled(ROWS / 255), expected, atol=1e-5)
    grey = np.repeat(ROWS[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(backbone(weights=str(file))(ROWS[..., :1]), layer(grey))


def test_every_network_of_keras_has_its_own_preprocessing():
    import keras

    from nnlab.private.keras import networks

    assert {"MobileNetV3Small", "ResNet50", "VGG16"} <= set(networks())
    for name, module in (("ResNet50", keras.applications.resnet), ("VGG16", keras.applications.vgg16)):
        prepared = networks()[name].preprocess(keras.ops.convert_to_tensor(ROWS))
        np.testing.assert_allclose(prepared, module.preprocess_input(ROWS.copy()), atol=1e-4)


@pytest.mark.parametrize(
    ("given", "shape", "message", "hint"),
    [
        ({"weights": "/nowhere.h5"}, (32, 32, 3), "there is no file `/nowhere.h5`", "relative to the config"),
        ({"weights": __file__}, (32, 32, 3), "does not hold the weights of `MobileNet`", "save_weights"),
        ({"weights": "imagenet"}, (32, 32, 3), "not on this machine, nor to be had: no network", "/models"),
    ],
)
def test_weights_that_cannot_be_had_are_refused_with_the_remedy(monkeypatch, given, shape, message, hint):
    from keras.src.utils import file_utils

    def get_file(*_: object, **__: object) -> str:
        raise OSError("no network")

    monkeypatch.setattr(file_utils, "get_file", get_file)
    with pytest.raises(NnlabError) as caught:
        backbone(**given).build((None, *shape))
    assert message in caught.value.problems[0].message
    assert hint in caught.value.problems[0].hint


def test_pixels_of_another_range_are_refused():
    layer = backbone()
    layer.adapt(ROWS)
    for rows, least in ((ROWS / 255, "0 to 1"), (ROWS - 300, "-300")):
        with pytest.raises(NnlabError, match=f"values from {least}"):
            layer.adapt(rows)
    backbone(value_range=[0, 1]).adapt(ROWS / 255)


def test_a_backbone_is_thawed_after_some_epochs_and_saved_with_its_weights(network, tmp_path):
    import keras

    from nnlab.data.loading import load_data
    from nnlab.engine.built import build_seeded

    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/net.weights.h5").write_bytes(network[1].read_bytes())
    (tmp_path / "experiment.yaml").write_text(CONFIG)
    experiment = load_config(tmp_path / "experiment.yaml").experiment
    assert list(files_named(experiment.model)) == [str(tmp_path / "weights/net.weights.h5")]
    built = build_seeded(experiment, load_data(experiment.data, seed=0))
    (tmp_path / "weights/net.weights.h5").unlink()  # the saved model holds them
    first, second = built.phases
    built.enter(first)
    assert [variable.name for variable in built.model.trainable_variables] == ["kernel", "bias"]  # of the head
    built.enter(second)
    trained = [variable.path for variable in built.model.trainable_variables]
    assert second.first_epoch == 1
    assert len(trained) == 5  # and of the upper two with weights: a kernel, and what normalizes it
    built.model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    assert len(model.trainable_variables) == 5
    for ours, theirs in zip(model.layers[0].network.weights, network[0].weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
