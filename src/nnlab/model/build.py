"""Build and compile the Keras model of an experiment."""

from __future__ import annotations

import re
from typing import Any

import keras

from nnlab.config.components import Component
from nnlab.config.schema import Experiment
from nnlab.data.splits import DataSpec, Splits
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.model.objects import make
from nnlab.model.plan import Plan, PlannedLayer


def build_model(experiment: Experiment, splits: Splits, plan: Plan) -> keras.Model:
    """Build the model that a plan describes, adapt its preprocessing to the training rows, and compile it.

    The weights come from Keras's global random state: seed it first.

    Args:
        experiment: gives the name and the optimizer.
        splits: give the shape of one row, and the training rows to adapt to.
        plan: the layers, loss and metrics.

    Raises:
        ConfigError: Keras refuses a layer, its input's shape, or the optimizer; the problem has the path of its place.
    """
    spec = splits.spec
    inputs = keras.Input(spec.input_shape)
    layers = [_made(layer.component, (*layer.path, layer.component.name)) for layer in plan.layers]
    _adapt(layers, splits.train.x, plan)
    _trace(inputs, layers, plan)
    model = keras.Sequential([inputs, *layers], name=re.sub(r"[^A-Za-z0-9_]", "_", experiment.name))
    check_output_shape(model.output_shape, spec, plan)
    compile_model(model, experiment, plan)
    return model


def compile_model(model: keras.Model, experiment: Experiment, plan: Plan) -> None:
    """Compile with the experiment's optimizer, and the plan's loss and metrics."""
    model.compile(
        optimizer=_made(experiment.optimizer, ("optimizer",)),
        loss=_made(plan.loss, ("training", "loss")),
        metrics=[_made(metric, ("training", "metrics", i)) for i, metric in enumerate(plan.metrics)],
    )


def check_output_shape(shape: tuple[int | None, ...], spec: DataSpec, plan: Plan) -> None:
    """Raise if the model's answer does not fit what is to be predicted."""
    if tuple(shape[1:]) == (spec.num_outputs,):
        return
    if spec.task == "binary" and tuple(shape[1:]) == (2,) and plan.loss.name.startswith("sparse_"):
        return
    last = plan.layers[-1] if plan.output is None else plan.output
    wanted = {
        "binary": "two classes, so one value",
        "multiclass": f"{spec.num_outputs} classes, so {spec.num_outputs} values",
        "multilabel": f"{spec.num_outputs} labels, so {spec.num_outputs} values",
        "regression": f"{spec.num_outputs} target{'s' * (spec.num_outputs > 1)}, so as many values",
    }[spec.task]
    activation = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid"}.get(spec.task)
    units = f"{{units: {spec.num_outputs}, activation: {activation}}}" if activation else str(spec.num_outputs)
    hint = f"end with `Dense: {units}`"
    if len(shape) > 2:
        hint = f"put `Flatten` (or a global pooling) before the `Dense` layers, and {hint}"
    message = f"the model gives values of shape {_shape_text(shape[1:])} a row; the data has {wanted}"
    raise ConfigError(Problem(message, hint, last.path))


def _made(component: Component, path: ConfigPath) -> Any:
    try:
        return make(component)
    except (ValueError, TypeError, NotImplementedError, ImportError) as error:
        raise ConfigError(Problem(f"Keras refuses this: {_reason(error)}", None, path)) from error


def _adapt(layers: list[Any], x: Any, plan: Plan) -> None:
    """Adapt layers such as `Normalization` to what reaches them of the training rows."""
    adaptive = [i for i, layer in enumerate(layers) if hasattr(layer, "adapt") and not _is_given(plan.layers[i])]
    for i, layer in enumerate(layers[: adaptive[-1] + 1] if adaptive else []):
        try:
            if i in adaptive:
                layer.adapt(x)
            if i < adaptive[-1]:
                x = keras.ops.convert_to_numpy(layer(x))
        except (ValueError, TypeError) as error:
            name = plan.layers[i].component.name
            message = f"`{name}` cannot be adapted to the training rows: {_reason(error)}"
            raise ConfigError(Problem(message, None, (*plan.layers[i].path, name))) from error


def _is_given(layer: PlannedLayer) -> bool:
    """Whether the config gives what the layer would otherwise learn from the data."""
    return bool({"mean", "variance", "bin_boundaries", "vocabulary"} & set(layer.component.parameters))


def _trace(x: Any, layers: list[Any], plan: Plan) -> None:
    """Call the layers one after the other, so that a shape error is known to be this layer's."""
    for layer, planned in zip(layers, plan.layers, strict=True):
        shape = tuple(x.shape[1:])
        try:
            x = layer(x)
        except Exception as error:
            message = f"`{planned.component.name}` cannot take an input of shape {_shape_text(shape)}: {_reason(error)}"
            hint = _shape_hint(planned.component.name, shape)
            raise ConfigError(Problem(message, hint, (*planned.path, planned.component.name))) from error


def _shape_hint(name: str, shape: tuple[int | None, ...]) -> str:
    if name.startswith(("Conv2D", "MaxPool", "AveragePool", "SeparableConv2D", "DepthwiseConv2D")) and len(shape) == 2:
        return f"add the channel first: `Reshape: {{target_shape: [{shape[0]}, {shape[1]}, 1]}}`"
    return "`nnlab summary` shows the shapes up to a layer; see the layer's page in `nnlab list layers`"


def _reason(error: BaseException) -> str:
    """Return Keras's message in one line, without its rulers and its list of call arguments."""
    text = str(error).strip()
    text = re.split(r"\n\nArguments received by|\nArguments received by", text)[0]
    text = re.sub(r"Exception encountered when calling \S+\(\)\.\s*", "", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = " ".join(text.split()).rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return (
        "(" + ", ".join("?" if size is None else str(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"
    )
