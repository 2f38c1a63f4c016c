"""What a config means for given data: which layers, which outputs, which losses and metrics.

This is the meaning of `model:` and of the defaults of `training:`; it needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnlab.catalog import Direction
from nnlab.config.components import Component
from nnlab.config.model import FunctionalConfig, HiddenConfig, SequentialConfig
from nnlab.config.schema import EarlyStopping, Experiment
from nnlab.data.splits import DEFAULT_TEST, DataSpec, TargetSpec, each, one_or_all
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean, listed, one_of
from nnlab.model.hidden import PlannedLayer, activation_apart, has_weights, innermost, with_defaults
from nnlab.model.losses import (
    CLASS_NUMBER_LOSSES,
    check_logits,
    check_metrics,
    default_loss,
    default_metrics,
    metric_name,
    of_logits,
)
from nnlab.model.memory import check_memory
from nnlab.model.unroll import Node, limited, unrolled, unrolled_graph
from nnlab.statistics import Scale

OUTPUT = "output"
"""The name of the output of a model that has only one."""

_OUTPUT_ACTIVATIONS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid", "regression": None}


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """What is asked of one output.

    Args:
        loss_weight: its weight in the total loss, if the config gives one.
        last: the layer whose values are the answer (the last one with weights), if it is known.
    """

    name: str
    loss: Component
    metrics: tuple[Component, ...]
    loss_weight: float | None
    last: PlannedLayer | None

    @property
    def one_hot(self) -> bool:
        """Whether the loss wants classes as rows of 0 and 1, as those with label smoothing do."""
        return self.loss.name not in CLASS_NUMBER_LOSSES


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides the model.

    Args:
        layers: the layers of a sequential model.
        nodes: the nodes of a functional model, each behind those that feed it.
        outputs: one for each output.
        early_stopping: when to stop, and whether what is monitored shall fall or rise.
        schedule: the learning rate's, likewise.
    """

    layers: tuple[PlannedLayer, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[OutputPlan, ...]
    early_stopping: EarlyStopping | None
    schedule: Component | None


def plan_model(experiment: Experiment, spec: DataSpec) -> Plan:
    """Work the layers, the losses and the metrics out.

    Raises:
        ConfigError: too many layers, several arrays for a model with one input, a loss that cannot be guessed, or a
            monitor that is no column of the history.
    """
    _check_prediction_columns(spec)
    model = experiment.model
    layers: tuple[PlannedLayer, ...] = ()
    nodes: tuple[Node, ...] = ()
    if isinstance(model, SequentialConfig):
        _check_one_array(spec)
        layers, last = _stack(model, spec)
        endings: dict[str, Sequence[PlannedLayer]] = {OUTPUT: layers}
        lasts = {OUTPUT: last}
    elif isinstance(model, FunctionalConfig):
        nodes, lasts = _graph(model)
        endings = {name: _ending(nodes, name) for name in model.outputs}
    else:
        endings = dict.fromkeys(_named_outputs(experiment), ())
        lasts = dict.fromkeys(endings)
    outputs = tuple(
        _output(experiment, spec.target_of(name), name, layers=ending, last=lasts[name], only=len(endings) == 1)
        for name, ending in endings.items()
    )
    shapes = _input_shapes(experiment, spec)
    rows = min(experiment.training.batch_size, spec.num_train)
    check_memory(experiment, nodes or layers, shapes, rows=rows)
    stopping, schedule = _monitoring(experiment, outputs, has_validation=spec.num_validation > 0)
    return Plan(layers, nodes, outputs, stopping, schedule)


def _input_shapes(experiment: Experiment, spec: DataSpec) -> dict[str, tuple[int | None, ...]]:
    """Return the shape of a row of each input, as far as it is plain; that of a sequential model has no name."""
    if not isinstance(experiment.model, FunctionalConfig):
        return {} if isinstance(spec.input_shape, Mapping) else {"": spec.input_shape}
    shapes: dict[str, tuple[int | None, ...]] = {}
    for name, config in experiment.model.inputs.items():
        if isinstance(spec.input_shape, Mapping):
            named = str((config.features or (name,))[0])
            if named in spec.input_shape:
                shapes[name] = spec.input_shape[named]
        else:
            shapes[name] = spec.input_shape if config.features is None else (len(config.features),)
    return shapes


def with_plan(experiment: Experiment, spec: DataSpec, plan: Plan) -> Experiment:
    """Return the experiment with what the data decided written into it: task, test rows, losses, metrics, mode."""

    def word(target: TargetSpec) -> str:
        return "classification" if target.task == "multiclass" else target.task

    given = experiment.data.task
    task = each(lambda target, said: said or word(target), spec.target, given)
    test = DEFAULT_TEST if experiment.data.test is None and not spec.own_test_set else experiment.data.test
    data = experiment.data.model_copy(update={"task": task, "test": test})
    losses = one_or_all({output.name: output.loss for output in plan.outputs})
    metrics = one_or_all({output.name: output.metrics for output in plan.outputs})
    settled = {"loss": losses, "metrics": metrics, "early_stopping": plan.early_stopping}
    training = experiment.training.model_copy(update=settled)
    return experiment.model_copy(update={"data": data, "training": training, "schedule": plan.schedule})


def output_activation(layers: Sequence[PlannedLayer]) -> str | None:
    """Return the name of the activation that the model ends with, `None` for none."""
    for layer in reversed(layers):
        component = innermost(layer.component)
        if component.name == "Softmax":
            return "softmax"
        if component.name == "Activation":
            return _activation_name(component.parameters["activation"])
        if component.name not in ("Flatten", "Reshape", "Identity"):
            return _activation_name(component.parameters.get("activation"))
    return None


def _activation_name(activation: Component | None) -> str | None:
    return None if activation is None or activation.name == "linear" else activation.name


def _stack(model: SequentialConfig, spec: DataSpec) -> tuple[tuple[PlannedLayer, ...], PlannedLayer | None]:
    """Return the layers of a sequential model with their defaults, and its output layer."""
    written = limited(_written_layers(model, spec))
    last = next((layer for layer in reversed(written) if has_weights(layer.component)), None)
    layers: list[PlannedLayer] = []
    for layer in written:
        hidden = layer is not last and has_weights(layer.component)
        layers += with_defaults(layer, model) if hidden else activation_apart(layer)
    return tuple(layers), last


def _check_prediction_columns(spec: DataSpec) -> None:
    """Refuse labels and targets that are called as `predict` calls what it says of another one, such as `p(a)`."""
    problems = []
    for output, target in spec.targets.items():
        names = target.class_names if target.task == "multilabel" else target.names
        derived = {f"{word}({name})" for name in names for word in ("p", "mean", "std")}
        derived |= {"entropy"} if target.task == "multilabel" else set()
        for name in sorted(derived & set(names)) if target.task in ("multilabel", "regression") else ():
            message = f"`{name}` is also what `nnlab predict` calls a column of its own"
            problems.append(
                Problem(message, "rename it in the data", ("data", "target", *([output] if output else [])))
            )
    if problems:
        raise ConfigError(problems)


def _check_one_array(spec: DataSpec) -> None:
    if isinstance(spec.input_shape, Mapping):
        message = f"the model takes one array, and the data have {listed(spec.array_names)}"
        hint = f"choose one: `features: {spec.array_names[0]}`, or write a functional model with an input for each"
        raise ConfigError(Problem(message, hint, ("data", "features")))


def _written_layers(model: SequentialConfig, spec: DataSpec) -> Iterator[PlannedLayer]:
    """Yield the layers as the config lists them, blocks repeated, `hidden` written out."""
    if model.layers is not None:
        yield from unrolled(model.layers, ("model", "layers"))
        return
    if isinstance(model.hidden, HiddenConfig):
        widths: tuple[tuple[int, ConfigPath], ...] = (
            *((model.hidden.units, ("model", "hidden", "units")),) * model.hidden.layers,
        )
    else:
        widths = tuple((units, ("model", "hidden", i)) for i, units in enumerate(model.hidden or ()))
    if len(spec.input_shape) > 1 and model.transfer is None:
        yield PlannedLayer(Component("layers", "Flatten"), ("model", "hidden"))
    for units, path in widths:
        yield PlannedLayer(Component("layers", "Dense", {"units": units}), path)
    target = spec.target_of(OUTPUT)
    parameters: dict[str, Any] = {"units": target.num_outputs}
    activation = _OUTPUT_ACTIVATIONS[target.task]
    if activation is not None:
        parameters["activation"] = Component("activations", activation)
    yield PlannedLayer(Component("layers", "Dense", parameters), ("model", "hidden"))
    if len(target.shape) > 1:
        reshape = Component("layers", "Reshape", {"target_shape": list(target.shape)})
        yield PlannedLayer(reshape, ("model", "hidden"))


def _graph(model: FunctionalConfig) -> tuple[tuple[Node, ...], dict[str, PlannedLayer | None]]:
    """Return the nodes of a functional model with their defaults, and the output layer of each output."""
    values = {name: name for name in model.inputs}
    written = {node.name: node for node in limited(unrolled_graph(model.layers, values, "", ("model", "layers")))}
    outputs = {name: values[name] for name in model.outputs}
    lasts = {name: _last_with_weights(written, node) for name, node in outputs.items()}
    spared = {id(layer) for layer in lasts.values() if layer is not None}
    names = {node: name for name, node in outputs.items()}
    nodes = []
    for node in written.values():
        layers: list[PlannedLayer] = []
        for layer in node.layers:
            hidden = id(layer) not in spared and has_weights(layer.component)
            layers += with_defaults(layer, model) if hidden else activation_apart(layer)
        nodes.append(
            Node(names.get(node.name, node.name), tuple(layers), _renamed(node.inputs, names), node.shared, node.path)
        )
    return tuple(nodes), lasts


def _renamed(names: tuple[str, ...], new: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(new.get(name, name) for name in names)


def _last_with_weights(nodes: Mapping[str, Node], name: str) -> PlannedLayer | None:
    """Walk back from an output, as long as one node feeds one, to the layer that gives the answer."""
    while name in nodes:
        node = nodes[name]
        layers = nodes[node.shared].layers if node.shared is not None else node.layers
        if layers and has_weights(layers[-1].component):
            return layers[-1]
        if len(node.inputs) != 1:
            return None
        name = node.inputs[0]
    return None


def _ending(nodes: Sequence[Node], name: str) -> Sequence[PlannedLayer]:
    """Return the layers in a row that end in an output."""
    by_name = {node.name: node for node in nodes}
    layers: list[PlannedLayer] = []
    while name in by_name:
        node = by_name[name]
        layers[:0] = by_name[node.shared].layers if node.shared is not None else node.layers
        if len(node.inputs) != 1:
            break
        name = node.inputs[0]
    return layers


def _named_outputs(experiment: Experiment) -> tuple[str, ...]:
    """Return the outputs of a subclassed model, which only what goes by output name tells."""
    data, training = experiment.data, experiment.training
    if isinstance(data.target, Mapping):
        return tuple(data.target)
    given = (
        training.loss,
        training.metrics,
        training.loss_weights,
        data.class_weight if data.weighs_by_output else None,
    )
    names = dict.fromkeys(name for value in given if isinstance(value, Mapping) for name in value)
    return tuple(names) or (OUTPUT,)


def _output(
    experiment: Experiment,
    target: TargetSpec,
    name: str,
    *,
    layers: Sequence[PlannedLayer],
    last: PlannedLayer | None,
    only: bool,
) -> OutputPlan:
    training = experiment.training
    loss = training.loss.get(name) if isinstance(training.loss, Mapping) else training.loss
    if loss is None and not layers and target.task != "regression":
        loss_of = "loss: ..." if only else f"loss: {{{name}: ...}}"
        hint = f"write `training: {{{loss_of}}}` that fits what the class returns, probabilities or logits"
        raise ConfigError(Problem("a subclassed model needs its loss named", hint, ("training", "loss")))
    metrics = training.metrics
    if isinstance(metrics, Mapping):
        chosen = metrics.get(name, ())
    else:
        chosen = default_metrics(target) if metrics is None else metrics
    activation = output_activation(layers)
    chosen_loss = loss or default_loss(target, activation, chosen)
    if chosen_loss.parameters.get("from_logits") and target.task in ("binary", "multilabel"):
        chosen = tuple(of_logits(metric) for metric in chosen)
    place = (name,) if isinstance(training.metrics, Mapping) else ()
    check_metrics(target, chosen_loss, chosen, ("training", "metrics", *place))
    if loss is not None and layers:
        place = (name,) if isinstance(training.loss, Mapping) else ()
        check_logits(loss, activation, ("training", "loss", *place))
    weight = None if only or training.loss_weights is None else training.loss_weights.get(name, 1.0)
    return OutputPlan(name, chosen_loss, chosen, weight, last)


def history_columns(outputs: Sequence[OutputPlan]) -> dict[str, Direction | None]:
    """Return the columns of the history that training rows fill, but for the seconds, and which values are better.

    Keras itself cannot tell for a metric of one of several outputs. Of counts nobody says (`None`).
    """
    return {"loss": "min", **{name: made.entry.direction for name, (_, made) in measured_columns(outputs).items()}}


def measured_columns(outputs: Sequence[OutputPlan]) -> dict[str, tuple[OutputPlan, Component]]:
    """Return what fills each column of the history but `loss`: losses of several outputs, then metrics."""
    if len(outputs) == 1:
        return {metric_name(metric): (outputs[0], metric) for metric in outputs[0].metrics}
    losses = {f"{output.name}_loss": (output, output.loss) for output in outputs}
    metrics = ((output, metric) for output in outputs for metric in output.metrics)
    return losses | {f"{output.name}_{metric_name(metric)}": (output, metric) for output, metric in metrics}


def column_scale(column: str, plan: Plan, spec: DataSpec) -> Scale:
    """Return what numbers a column of the history can hold for validation rows.

    A metric between 0 and 1 is taken for one that counts rows (of several labels: rows and labels), so that its values
    lie no closer than one of them.
    """
    if column == "loss":
        adds_what_it_wants = not plan.layers and not plan.nodes  # the code of a class may add anything to its loss
        lowest = {output.loss.entry.value_range[0] for output in plan.outputs}
        return Scale(low=0.0 if lowest == {0} and not adds_what_it_wants else None)
    output, made = measured_columns(plan.outputs)[column]
    low, high = made.entry.value_range
    if (low, high) != (0, 1):
        return Scale(low, high)
    target = spec.target_of(output.name)
    counted = spec.num_validation * (target.num_outputs if target.task == "multilabel" else 1)
    return Scale(low, high, step=1 / max(1, counted))


def deciding_columns(outputs: Sequence[OutputPlan]) -> list[str]:
    """Return the columns that decide where none is named, in this order: metrics of the only output, then the loss."""
    metrics = measured_columns(outputs) if len(outputs) == 1 else {}
    return [*(name for name, (_, made) in metrics.items() if made.entry.direction is not None), "loss"]


def _monitoring(
    experiment: Experiment, outputs: Sequence[OutputPlan], *, has_validation: bool
) -> tuple[EarlyStopping | None, Component | None]:
    """Return when to stop, and the schedule, with `mode: auto` settled.

    Raises:
        ConfigError: what is monitored is no column of the history, or could be better either way.
    """
    stopping, schedule = experiment.training.early_stopping, experiment.schedule
    columns = history_columns(outputs)
    if has_validation:
        columns |= {f"val_{name}": better for name, better in columns.items()}
    problems: list[Problem] = []
    if schedule is not None and schedule.name == "performance":
        path = ("schedule", "performance", "monitor")
        mode = _settled_mode(schedule.get("monitor"), schedule.get("mode"), columns, path, problems)
        schedule = schedule.with_parameters(mode=mode)
    if stopping is not None:
        path = ("training", "early_stopping", "monitor")
        mode = _settled_mode(stopping.monitor, stopping.mode, columns, path, problems)
        stopping = stopping.model_copy(update={"mode": mode})
    if problems:
        raise ConfigError(problems)
    return stopping, schedule


def _settled_mode(
    monitor: str, mode: str, columns: Mapping[str, Any], path: ConfigPath, problems: list[Problem]
) -> str | None:
    """Return whether less or more is better; what hinders goes to `problems`."""
    better = columns.get(monitor) if mode == "auto" else mode
    if monitor not in columns:
        hint = did_you_mean(monitor, columns) or one_of(columns)
        if monitor.startswith("val_") and not any(name.startswith("val_") for name in columns):
            hint = "give `data.validation` some rows, or monitor `loss`"
        problems.append(Problem(f"nothing is called `{monitor}` here", hint, path))
    elif better is None:
        message = f"`{monitor}` may be better when it is larger or when it is smaller"
        problems.append(Problem(message, "write `mode: max` or `mode: min` beside it", path))
    return better
