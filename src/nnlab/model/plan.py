"""Which layers a config means, for given data: blocks repeated, defaults applied, the output layer added.

This is the meaning of `model:`; it needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from nnlab import catalog
from nnlab.config.components import Component
from nnlab.config.schema import Experiment, HiddenConfig, LayerItem, ModelConfig, RepeatBlock
from nnlab.data.splits import DEFAULT_TEST, DataSpec
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean, one_of

KERNELS = ("kernel", "depthwise", "pointwise")
"""The weights of a layer that initializers, regularizers and constraints of the model's defaults are meant for."""

MAX_LAYERS = 5000
"""More is a mistake in nested `repeat`, and Keras would be building for hours."""

_OUTPUT_ACTIVATIONS = {
    "binary": "sigmoid",
    "multiclass": "softmax",
    "multilabel": "sigmoid",
    "regression": None,
}


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """A layer to build, with the place of the config that asks for it."""

    component: Component
    path: ConfigPath


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides the model: its layers in order, its loss and its metrics.

    Args:
        output: the layer whose values are the model's answer (the last one with weights), if any.
    """

    layers: tuple[PlannedLayer, ...]
    loss: Component
    metrics: tuple[Component, ...]
    output: PlannedLayer | None


def plan_model(experiment: Experiment, spec: DataSpec) -> Plan:
    """Work the layers, the loss and the metrics out.

    Raises:
        ConfigError: too many layers, or the early-stopping monitor is no column of the history.
    """
    written = tuple(islice(_written_layers(experiment.model, spec), MAX_LAYERS + 1))
    if len(written) > MAX_LAYERS:
        hint = "lower `repeat` or the number of layers"
        raise ConfigError(Problem(f"the model has more than {MAX_LAYERS} layers", hint, ("model",)))
    output = next((layer for layer in reversed(written) if has_weights(layer.component)), None)
    layers: list[PlannedLayer] = []
    for layer in written:
        hidden = layer is not output and has_weights(layer.component)
        layers += _with_defaults(layer, experiment.model) if hidden else _activation_apart(layer)
    training = experiment.training
    loss = training.loss or _default_loss(spec, output_activation(layers))
    metrics = training.metrics if training.metrics is not None else _default_metrics(spec)
    _check_monitor(experiment, metrics, has_validation=spec.num_validation > 0)
    return Plan(tuple(layers), loss, metrics, output)


def with_plan(experiment: Experiment, spec: DataSpec, plan: Plan) -> Experiment:
    """Return the experiment with what the data decided written into it: task, test rows, loss and metrics."""
    task = experiment.data.task
    if task is None:
        task = "classification" if spec.task == "multiclass" else spec.task
    test = DEFAULT_TEST if experiment.data.test is None and not spec.own_test_set else experiment.data.test
    data = experiment.data.model_copy(update={"task": task, "test": test})
    training = experiment.training.model_copy(update={"loss": plan.loss, "metrics": plan.metrics})
    return experiment.model_copy(update={"data": data, "training": training})


def has_weights(component: Component) -> bool:
    """Whether the model's defaults are meant for this layer when it is hidden."""
    return any(f"{kernel}_initializer" in component.entry.parameters for kernel in KERNELS)


def metric_name(component: Component) -> str:
    """Return the name of the metric's column in the history."""
    return str(component.parameters.get("name") or component.name)


def output_activation(layers: list[PlannedLayer]) -> str | None:
    """Return the name of the activation that the model ends with, `None` for none."""
    for layer in reversed(layers):
        component = layer.component
        if component.name == "Softmax":
            return "softmax"
        if component.name == "Activation":
            return _activation_name(component.parameters["activation"])
        if component.name not in ("Flatten", "Reshape", "Identity"):
            return _activation_name(component.parameters.get("activation"))
    return None


def _activation_name(activation: Component | None) -> str | None:
    return None if activation is None or activation.name == "linear" else activation.name


def _written_layers(model: ModelConfig, spec: DataSpec) -> Iterator[PlannedLayer]:
    """Yield the layers as the config lists them, blocks repeated, `hidden` written out."""
    if model.layers is not None:
        yield from _unrolled(model.layers, ("model", "layers"))
        return
    if isinstance(model.hidden, HiddenConfig):
        widths: tuple[tuple[int, ConfigPath], ...] = (
            *((model.hidden.units, ("model", "hidden", "units")),) * model.hidden.layers,
        )
    else:
        widths = tuple((units, ("model", "hidden", i)) for i, units in enumerate(model.hidden or ()))
    if len(spec.input_shape) > 1:
        yield PlannedLayer(Component("layers", "Flatten"), ("model", "hidden"))
    for units, path in widths:
        yield PlannedLayer(Component("layers", "Dense", {"units": units}), path)
    parameters: dict[str, Any] = {"units": spec.num_outputs}
    activation = _OUTPUT_ACTIVATIONS[spec.task]
    if activation is not None:
        parameters["activation"] = Component("activations", activation)
    yield PlannedLayer(Component("layers", "Dense", parameters), ("model", "hidden"))


def _unrolled(items: tuple[LayerItem, ...], path: ConfigPath) -> Iterator[PlannedLayer]:
    for i, item in enumerate(items):
        if isinstance(item, RepeatBlock):
            for _ in range(item.repeat):
                yield from _unrolled(item.layers, (*path, i, "layers"))
        else:
            yield PlannedLayer(item, (*path, i))


def _with_defaults(layer: PlannedLayer, model: ModelConfig) -> Iterator[PlannedLayer]:
    """Yield a hidden layer with the model's defaults, and the layers that they put behind it."""
    component = _with_weight_defaults(layer.component, model)
    activation = component.parameters.get("activation")
    takes_activation = "activation" in component.entry.parameters
    if takes_activation and "activation" not in component.parameters:
        # a recurrent layer's own tanh stays: the default is for layers that have no activation of their own
        activation = model.activation if component.entry.parameters["activation"].default is None else None
    normalization = model.normalization
    before = normalization is not None and normalization.parameters.get("position") == "before_activation"
    if before and takes_activation:
        component = _without_bias(component, normalization)
        yield replace(layer, component=component.with_parameters(activation=None))
        yield PlannedLayer(_normalization_layer(normalization), ("model", "normalization"))
        if activation is not None:
            yield replace(layer, component=_activation_layer(activation))
    else:
        if activation is not None:
            component = component.with_parameters(activation=activation)
        yield from _activation_apart(replace(layer, component=component))
        if normalization is not None:
            yield PlannedLayer(_normalization_layer(normalization), ("model", "normalization"))
    if model.dropout is not None:
        yield PlannedLayer(model.dropout, ("model", "dropout"))


def _with_weight_defaults(component: Component, model: ModelConfig) -> Component:
    defaults = {
        "initializer": model.initializer,
        "regularizer": model.regularizer,
        "constraint": model.constraint,
    }
    wanted = {
        f"{kernel}_{role}": default for kernel in KERNELS for role, default in defaults.items() if default is not None
    }
    fits = {
        name: value
        for name, value in wanted.items()
        if name in component.entry.parameters and name not in component.parameters
    }
    return component.with_parameters(**fits)


def _without_bias(component: Component, normalization: Component | None) -> Component:
    """Leave the bias out where the normalization's own offset takes its place."""
    assert normalization is not None
    has_offset = "beta_initializer" in normalization.entry.parameters and normalization.get("center") is not False
    if has_offset and "use_bias" in component.entry.parameters and "use_bias" not in component.parameters:
        return component.with_parameters(use_bias=False)
    return component


def _normalization_layer(normalization: Component | None) -> Component:
    assert normalization is not None
    parameters = {name: value for name, value in normalization.parameters.items() if name != "position"}
    return Component("layers", normalization.name, parameters)


def is_layer_activation(activation: Component) -> bool:
    """Whether the activation is a Keras layer (PReLU has weights) rather than a function."""
    return activation.name in catalog.ACTIVATION_LAYERS


def _activation_layer(activation: Component) -> Component:
    if is_layer_activation(activation):
        return Component("layers", activation.name, activation.parameters)
    return Component("layers", "Activation", {"activation": activation})


def _activation_apart(layer: PlannedLayer) -> Iterator[PlannedLayer]:
    """Yield the layer, and an activation that is a layer behind it."""
    activation = layer.component.parameters.get("activation")
    if isinstance(activation, Component) and is_layer_activation(activation):
        yield replace(layer, component=layer.component.with_parameters(activation=None))
        yield replace(layer, component=_activation_layer(activation))
    else:
        yield layer


def _default_loss(spec: DataSpec, activation: str | None) -> Component:
    """Choose the loss that fits the task and the way the model ends."""
    logits = {"from_logits": True} if activation is None else {}
    if spec.task == "regression":
        return Component("losses", "mean_squared_error")
    if spec.task == "multiclass":
        return Component("losses", "sparse_categorical_crossentropy", logits)
    return Component("losses", "binary_crossentropy", logits)


def _default_metrics(spec: DataSpec) -> tuple[Component, ...]:
    name = {"regression": "root_mean_squared_error", "multilabel": "binary_accuracy"}.get(spec.task, "accuracy")
    return (Component("metrics", name),)


def _check_monitor(experiment: Experiment, metrics: tuple[Component, ...], *, has_validation: bool) -> None:
    stopping = experiment.training.early_stopping
    if stopping is None:
        return
    columns = ["loss", *(metric_name(metric) for metric in metrics)]
    if has_validation:
        columns += [f"val_{name}" for name in columns]
    if stopping.monitor not in columns:
        path = ("training", "early_stopping", "monitor")
        message = f"nothing is called `{stopping.monitor}` here"
        hint = did_you_mean(stopping.monitor, columns) or one_of(columns)
        if stopping.monitor.startswith("val_") and not has_validation:
            hint = "give `data.validation` some rows, or monitor `loss`"
        raise ConfigError(Problem(message, hint, path))
