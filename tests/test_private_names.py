"""Names that libraries do not promise are used in one place, which was read from the versions that are installed."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "nnlab"
LIBRARIES = [path.stem for path in (SOURCE / "private").glob("[a-z]*.py")]

PRIVATE_MODULES = re.compile(r"(keras\.src|tensorflow\.python|keras_tuner\.src|keras_tuner\.engine|ray\._)")

OF_NAMED_TUPLES = ("_replace", "_asdict", "_fields")


def private_names(path: Path) -> list[str]:
    """Return the names of others that a module uses although they are private."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and PRIVATE_MODULES.match(node.module or ""):
            found.append(f"{node.lineno}: {node.module}")
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr) and node.attr not in OF_NAMED_TUPLES:
            owner = ast.unparse(node.value)
            if owner not in ("self", "cls", "super()"):
                found.append(f"{node.lineno}: {owner}.{node.attr}")
    return found


def test_no_other_module_uses_private_names_of_others():
    found = {
        str(path.relative_to(SOURCE)): names
        for path in SOURCE.rglob("*.py")
        if path.parent.name != "private" and (names := private_names(path))
    }
    assert found == {}, "put what uses them into `nnlab.private`"


@pytest.mark.tf
@pytest.mark.parametrize("library", LIBRARIES)
def test_private_names_were_read_from_the_installed_version(library):
    import_module("keras")  # first, as everywhere: nnlab's layers, which come with it, use its private names
    module = import_module(f"nnlab.private.{library}")
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    for name, read_from in module.READ_FROM.items():
        assert f"{name}=={read_from}" in pins
        reason = f"read the sources of {name} {version(name)} for every name in nnlab/private/{library}.py, then say so"
        assert version(name) == read_from, reason


@pytest.mark.tf
def test_every_private_name_of_keras_is_there_and_does_what_it_is_for():
    import keras

    from nnlab.private import keras as private

    inside = keras.Sequential([keras.layers.Dense(2, name="b"), keras.layers.Dropout(0.5, name="c")])
    model = keras.Sequential([keras.Input((3,), name="in"), keras.layers.Dense(2, name="a"), inside])
    model.compile("sgd")
    assert [layer.name for layer in private.layers_inside(model)[:1]] == [model.name]
    assert {layer.name for layer in private.layers_inside(model, itself=False)} >= {"a", "b", "c"}
    assert (private.holds_layers(inside), private.holds_layers(model.layers[0])) == (True, False)
    assert [len(private.seed_generators(layer)) for layer in inside.layers] == [0, 1]
    x = keras.Input((3,), name="x")
    functional = keras.Model(x, keras.layers.Add(name="end")([x, keras.layers.Dense(3, name="a")(x)]))
    assert private.feeding(functional.get_layer("end"), functional) == ("x", "a")
    metrics = keras.metrics.AUC(), keras.metrics.MeanSquaredError(), keras.metrics.Sum()
    assert [private.direction(metric) for metric in metrics] == ["up", "down", None]
    error = keras.metrics.MeanAbsoluteError()
    assert private.row_values(error, [[1.0], [2.0]], [[1.5], [4.0]]).numpy().tolist() == [0.5, 2.0]
    assert float(private.learning_rate(model.optimizer)) == pytest.approx(0.01)
    assert issubclass(keras.layers.Conv2D, private.WINDOWED_LAYERS)
    assert not issubclass(keras.layers.Dense, private.WINDOWED_LAYERS)
    assert hasattr(keras.callbacks.ReduceLROnPlateau, "_reduce_optimizer_lr")
    private.forget(7)
    first, number = keras.layers.Dense(1).name, float(keras.random.uniform(()))
    private.forget(7)
    assert (keras.layers.Dense(1).name, float(keras.random.uniform(()))) == (first, number)


@pytest.mark.tf
def test_private_names_of_keras_let_a_program_take_weights_of_any_size():
    import keras
    import tensorflow as tf

    from nnlab.private import keras as private

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    values = [variable.numpy() for variable in variables]
    sizes = [tuple(None if size == 2 else size for size in variable.shape) for variable in variables]
    private.let_sizes_vary(variables, sizes, model.optimizer)
    assert [private.storage(variable).shape.as_list() for variable in variables] == [list(size) for size in sizes]
    for variable, value in zip(variables, values, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    with private.biases_of_any_size():
        step = tf.function(model.train_step).get_concrete_function((tf.ones((5, 3)), tf.ones((5, 1))))
    kinds = [operation.type for operation in step.graph.get_operations()]
    assert (kinds.count("BiasAdd"), kinds.count("BiasAddGrad")) == (1, 1)  # of one output Keras adds otherwise
    private.set_storage(variables[0], tf.Variable(np.ones((3, 7), "float32")))
    assert variables[0].numpy().shape == (3, 7)
