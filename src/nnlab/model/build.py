"""Build and compile the Keras model of an experiment."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import keras

from nnlab.config.by_name import one_or_all, only
from nnlab.config.components import Component
from nnlab.config.durations import schedule_in_steps, steps_before
from nnlab.config.model import FunctionalConfig, SequentialConfig, SubclassedConfig
from nnlab.config.schema import Experiment
from nnlab.data.splits import ByName, Splits
from nnlab.data.target_spec import TargetSpec
from nnlab.errors import ConfigError, ConfigPath, NnlabError, Problem
from nnlab.layers.graph_schedules import GraphSchedule, PerformanceSchedule
from nnlab.layers.step_factors import with_step_factors
from nnlab.model.adapt import adapt_layers
from nnlab.model.hidden import PlannedLayer
from nnlab.model.judges import made_judges, try_out
from nnlab.model.objects import made, reason_of, refused, step_factors
from nnlab.model.plan import OutputPlan, Plan
from nnlab.model.saved import user_class
from nnlab.model.transfer import cloned_layers, copy_weights
from nnlab.model.unroll import OUTPUT, GraphNode
from nnlab.schedules import kind_of
from nnlab.wording import counted, listed


def build_model(
    experiment: Experiment,
    splits: Splits,
    plan: Plan,
    *,
    source: keras.Model | None = None,
    trust_code: bool = False,
) -> tuple[keras.Model, list[Any]]:
    """Build the model that a plan describes, adapt its preprocessing to the training rows, and compile it.

    The weights come from Keras's global random state: seed it first.

    Args:
        experiment: gives the name and the optimizer.
        splits: rows as the model takes and gives them (see `nnlab.model.inputs`).
        plan: the layers, losses and metrics.
        source: the trained model whose layers are taken over, if the config asks for transfer.
        trust_code: whether the user's own class may be imported.

    Returns:
        The model, and those of its layers that were taken over.

    Raises:
        ConfigError: Keras refuses a layer, its input's shape, or the optimizer; the problem has the path of its place.
    """
    # TensorFlow's names are ASCII and begin with a letter or a digit; those of runs may be in any script
    name = re.sub(r"[^A-Za-z0-9_]", "_", experiment.name)
    name = f"model{name}" if name.startswith("_") else name
    x = splits.train.take(slice(1)).x
    transfer = experiment.transfer
    if isinstance(experiment.model, SequentialConfig):
        front = [] if source is None or transfer is None else cloned_layers(transfer, source)
        build = partial(_sequential, front=front) if len(x) == 1 else partial(_functional, is_named=False)
        model, answers = build(plan, x, name)
    elif isinstance(experiment.model, FunctionalConfig):
        model, answers = _functional(plan, x, name)
    else:
        by_output = isinstance(experiment.data.target, Mapping)
        model, answers = _subclassed(experiment.model, plan, x, name, by_output=by_output, trust_code=trust_code)
    for output in plan.outputs:
        check_output_shape(answers[output.name].shape, splits.spec.target_of(output.name), plan, output)
    adapt_layers(model, splits.train)
    taken = [] if source is None or transfer is None else copy_weights(transfer, source, model)
    for layer in taken:
        if transfer is not None and transfer.learning_rate_factor != 1:
            layer.learning_rate_factor = transfer.learning_rate_factor
    compile_model(model, experiment, plan, num_train=splits.spec.num_train)
    try_out(experiment, plan, splits.train.take(slice(2)).y, answers)
    return model, taken


def _sequential(plan: Plan, x: ByName, name: str, front: list[Any]) -> tuple[keras.Model, dict[str, Any]]:
    """Return the model, and the tensor of its answer."""
    inputs = keras.Input(only(x).shape[1:], dtype=only(x).dtype.name)
    planned = [PlannedLayer(Component("layers", type(layer).__name__), ("model", "transfer")) for layer in front]
    layers = _made_layers(plan.layers)
    answer = _trace(_trace(inputs, front, planned), layers, plan.layers)
    with _names_apart():
        return keras.Sequential([inputs, *front, *layers], name=name), {OUTPUT: answer}


@contextmanager
def _names_apart() -> Iterator[None]:
    """Report two layers of one name, which the config gave or the copies of a block have."""
    try:
        yield
    except ValueError as error:
        message = f"Keras refuses the layers: {reason_of(error)}"
        raise ConfigError(Problem(message, "give each its own name, or none", ("model", "layers"))) from error


def _functional(plan: Plan, x: ByName, name: str, *, is_named: bool = True) -> tuple[keras.Model, dict[str, Any]]:
    """Return the model, and the tensors of its answers by output.

    `is_named` says whether layers are called as their nodes are.
    """
    inputs = {key: keras.Input(array.shape[1:], name=key, dtype=array.dtype.name) for key, array in x.items()}
    output_names = [output.name for output in plan.outputs]
    values: dict[str, Any] = dict(inputs)
    made: dict[str, list[Any]] = {}
    for node in plan.nodes:
        origin = node if node.shared is None else next(other for other in plan.nodes if other.name == node.shared)
        if origin.name not in made:  # whichever of those that share it comes first
            layers = _named(origin, is_output=origin.name in output_names) if is_named else origin.layers
            made[origin.name] = _made_layers(layers)
        value = [values[source] for source in node.inputs]
        values[node.name] = _trace(value if len(value) > 1 else value[0], made[origin.name], origin.layers, node.path)
    with _names_apart():
        outputs = {output: _output_of(values[output], output, plan) for output in output_names}
        # lists, as Keras sorts mappings by their names: inputs and outputs stand in the order of the config
        return keras.Model(*(_only_or_list(tensors) for tensors in (inputs, outputs)), name=name), outputs


def _only_or_list(tensors: Mapping[str, Any]) -> Any:
    return one_or_all(tensors) if len(tensors) == 1 else list(tensors.values())


def _output_of(value: Any, output: str, plan: Plan) -> Any:
    """Return an output's tensor from a layer of its name, by which Keras knows it."""
    node = next((node for node in plan.nodes if node.name == output), None)
    if len(plan.outputs) == 1 or node is None:
        return value
    is_named = node.shared is None and node.layers[-1].component.parameters.get("name", output) == output
    return value if is_named else keras.layers.Identity(name=output)(value)


def _named(node: GraphNode, *, is_output: bool) -> list[PlannedLayer]:
    """Give layers the name of their node, so that summaries and histories show the names of the config.

    It is the first one that has it, with the weights; of an output the last, by whose name Keras knows the output.
    """
    named = []
    for i, layer in enumerate(node.layers):
        component = layer.component
        if "name" not in component.parameters:
            kind = re.sub("(?<=[a-z])(?=[A-Z])", "_", component.called).lower()
            has_name = i == (len(node.layers) - 1 if is_output else 0)
            component = component.with_parameters(name=node.name if has_name else f"{node.name}_{kind}")
        named.append(PlannedLayer(component, layer.path))
    return named


def _subclassed(
    config: SubclassedConfig, plan: Plan, x: ByName, name: str, *, by_output: bool, trust_code: bool
) -> tuple[keras.Model, dict[str, Any]]:
    """Return the model, built by calling it on one row, and its answers by output.

    `by_output` says whether the outputs have targets of their own.
    """
    path = ("model", "class")
    model = _user_model(config, trust_code=trust_code) if config.is_user_code else made(config.component, path)
    model.name = name
    row = keras.tree.map_structure(lambda array: keras.ops.convert_to_tensor(array), one_or_all(x))
    try:
        model.call(row)  # builds the layers here: Keras would build them in a scratch graph that some do not survive
        answer = model(row)
    except Exception as error:
        hint = f"it is called with the arrays {listed(x)} by name" if len(x) > 1 else None
        raise ConfigError(Problem(f"`{config.class_}` cannot take the data: {reason_of(error)}", hint, path)) from error
    answers = dict(answer) if isinstance(answer, Mapping) else {OUTPUT: answer}
    given = set(answers)
    wanted = {output.name for output in plan.outputs}
    if given != wanted:
        message = (
            f"`{config.class_}` gives the outputs {listed(sorted(given))}, the config has {listed(sorted(wanted))}"
        )
        section, key = ("data", "target") if by_output else ("training", "loss")
        hint = f"write `{section}: {{{key}: {{{', '.join(f'{name}: ...' for name in sorted(given))}}}}}`"
        raise ConfigError(Problem(message, hint, (section, key)))
    return model, answers


def _user_model(config: SubclassedConfig, *, trust_code: bool) -> keras.Model:
    class_ = user_class(config.class_, trust_code=trust_code)
    try:
        model = class_(**config.parameters)
    except Exception as error:  # whatever the user's constructor raises is the user's to see
        message = f"`{class_.__name__}` cannot be made of these keys: {type(error).__name__}: {reason_of(error)}"
        raise ConfigError(Problem(message, "see the class's constructor", ("model", "class"))) from error
    if class_.get_config is keras.layers.Layer.get_config:
        # Keras 3.15 forgets a model class's constructor arguments, and then cannot save it; the config knows them
        model.get_config = lambda: dict(config.parameters)
    return model


def compile_model(
    model: keras.Model,
    experiment: Experiment,
    plan: Plan,
    *,
    num_train: int,
    learning_rate: float | None = None,
    first_epoch: int = 0,
) -> None:
    """Compile with the experiment's optimizer, and the plan's losses and metrics.

    Args:
        model: the model, built.
        experiment: gives the optimizer and the schedule.
        plan: gives losses and metrics.
        num_train: training rows, by which a schedule knows the steps of an epoch.
        learning_rate: replaces the optimizer's, if given.
        first_epoch: epochs of the run before; the schedule goes on, while the optimizer is a new one.
    """
    optimizer = experiment.optimizer
    if learning_rate is not None:
        optimizer = optimizer.with_parameters(learning_rate=learning_rate)
    if experiment.schedule is not None:
        rate = learning_rate_schedule(experiment, num_train, first_epoch=first_epoch)
        optimizer = optimizer.with_parameters(learning_rate=rate)
    several = len(plan.outputs) > 1
    losses, metrics, weighted = {}, {}, {}
    for output in plan.outputs:
        losses[output.name], *made_metrics = (judge for judge, *_ in made_judges(experiment, output))
        metrics[output.name] = made_metrics[: len(output.metrics)]
        weighted[output.name] = made_metrics[len(output.metrics) :]
    weights = {output.name: output.loss_weight for output in plan.outputs}
    model.compile(
        optimizer=with_step_factors(made(optimizer, ("optimizer",)), step_factors(model)),
        loss=one_or_all(losses),
        loss_weights=weights if several and experiment.training.loss_weights is not None else None,
        metrics=one_or_all(metrics),
        weighted_metrics=one_or_all(weighted) if any(weighted.values()) else None,
    )
    try:
        model.optimizer.build(model.trainable_variables)  # else a model that is saved before its first step lacks them
    except Exception as error:  # Keras looks at some parameters only now, such as Muon's `exclude_layers`
        raise refused(error, experiment.optimizer, ("optimizer",)) from error


def learning_rate_schedule(experiment: Experiment, num_train: int, *, first_epoch: int = 0) -> GraphSchedule:
    """Make the experiment's schedule for an optimizer whose first step begins `first_epoch`, counted from 0."""
    schedule = schedule_in_steps(experiment, num_train)
    steps = steps_before(experiment, num_train, first_epoch)
    kind = PerformanceSchedule if kind_of(schedule.name).watches else GraphSchedule
    return kind(**schedule.fields(), first_step=steps)


def check_output_shape(shape: tuple[int | None, ...], target: TargetSpec, plan: Plan, output: OutputPlan) -> None:
    """Raise if an answer of the model does not fit what is to be predicted."""
    has_column_a_class = output.meaning.column is not None
    if tuple(shape[1:]) == ((2,) if has_column_a_class else target.shape):
        return
    last = output.last or next(
        (node.layers[-1] for node in plan.nodes if node.name == output.name and node.layers), None
    )
    wanted = {
        "binary": "two classes, for which one value is enough",
        "multiclass": f"{target.num_outputs} classes",
        "multilabel": f"{target.num_outputs} labels",
        "regression": counted(target.num_outputs, "target"),
    }[target.task]
    activation = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid"}.get(target.task)
    activation = "softmax" if has_column_a_class else activation
    count = 2 if has_column_a_class else target.num_outputs
    units = f"{{units: {count}, activation: {activation}}}" if activation else str(target.num_outputs)
    hint = f"end with `Dense: {units}`"
    if has_column_a_class:
        wanted, hint = "two classes, each with a column", f"{hint}, or leave `loss` out"
    path = _place(last) if last is not None else ("model",)
    given = "values without a number" if shape[-1] is None else counted(shape[-1], "value")
    if target.predicts_inputs:
        rows = f"rows of shape {_shape_text(target.shape)} to give back"
        hint = f"end with `Dense: {target.num_outputs}`"
        if len(target.shape) > 1:
            hint += f" and `Reshape: {{target_shape: {list(target.shape)}}}`"
        given, wanted = f"values of shape {_shape_text(shape[1:])}", rows
    elif len(shape) > 2:
        hint = f"put `Flatten` (or a global pooling) before the `Dense` layers, and {hint}"
        given = f"values of shape {_shape_text(shape[1:])}"
    elif last is not None and "units" in last.component.parameters:
        path = (*path, "units")
    raise ConfigError(Problem(f"the model gives {given} a row, the data have {wanted}", hint, path))


def _made_layers(planned: Sequence[PlannedLayer]) -> list[Any]:
    """Make the layers, or report every one that Keras refuses."""
    layers: list[Any] = []
    problems: dict[ConfigPath, Problem] = {}  # a repeated layer is refused once
    for layer in planned:
        try:
            layers.append(made(layer.component, _place(layer)))
        except ConfigError as error:
            problems |= {problem.path: problem for problem in error.problems}
    ConfigError.raise_any(problems.values())
    return layers


def _place(layer: PlannedLayer) -> ConfigPath:
    """Return where the layer's parameters stand; layers of `hidden` have no name there."""
    return (*layer.path, layer.component.name) if "layers" in layer.path[-2:] else layer.path


def _trace(x: Any, layers: list[Any], planned: Sequence[PlannedLayer], place: ConfigPath | None = None) -> Any:
    """Call the layers one after the other, so that a shape error is known to be this layer's.

    Args:
        x: what feeds the first one: a tensor, or a list of them.
        layers: the Keras layers.
        planned: what the config says of them.
        place: where the config says so, if not where it names the layer.
    """
    for layer, plan in zip(layers, planned, strict=True):
        name = plan.component.called
        shapes = [tuple(value.shape[1:]) for value in (x if isinstance(x, list) else [x])]
        try:
            x = layer(*x) if isinstance(x, list) and _takes_arguments(layer) else layer(x)
        except NnlabError as error:  # of a layer of nnlab's own, which says all of it
            place = _said_at(plan, place)
            raise ConfigError([replace(problem, path=place) for problem in error.problems]) from error
        except Exception as error:
            reason = reason_of(error)
            rows = " and ".join(_shape_text(shape) for shape in shapes)
            message = f"`{name}` cannot take rows of shape {rows}: {reason}"
            raise ConfigError(Problem(message, _shape_hint(name, shapes[0], reason), _said_at(plan, place))) from error
        _try_limits(layer, _said_at(plan, place))
    return x


def _said_at(layer: PlannedLayer, place: ConfigPath | None) -> ConfigPath:
    """Return where the config says what feeds a layer, if that is not where it names it."""
    return place if place is not None and layer.path[: len(place)] != place else _place(layer)


def _try_limits(layer: Any, path: ConfigPath) -> None:
    """Use the constraints and regularizers of a layer once: those that do not fit its weights fail only then."""
    for variable in layer.trainable_variables:
        for limit in (variable.constraint, variable.regularizer):
            try:
                if limit is not None:
                    limit(variable.value)
            except Exception as error:
                shape = _shape_text(tuple(variable.shape))
                message = f"`{type(limit).__name__}` does not fit weights of shape {shape}: {reason_of(error)}"
                raise ConfigError(Problem(message, "choose its parameters for weights of this shape", path)) from error


def _shape_hint(name: str, shape: tuple[int | None, ...], reason: str) -> str:
    if "zero or negative" in reason:
        return "make the kernel, the pool or the strides smaller, or write `padding: same`"
    wanted = re.search(r"it takes rows of (?:at least )?(\d+)", reason)
    sizes = tuple(size for size in shape if size is not None)
    if wanted is not None and len(sizes) == len(shape) and (target := _with_axes(sizes, int(wanted[1]))) is not None:
        return f"put a layer before it: `Reshape: {{target_shape: {list(target)}}}`"
    return f"`nnlab list layers {name}` shows what it takes"


def _with_axes(shape: tuple[int, ...], wanted: int) -> tuple[int, ...] | None:
    """Add the channel, and make a square of a flat row that is one."""
    if len(shape) == wanted - 1:
        return (*shape, 1)
    side = math.isqrt(math.prod(shape))
    return (side, side, 1) if wanted == 3 and side * side == math.prod(shape) else None


def _takes_arguments(layer: keras.layers.Layer) -> bool:
    """Whether a layer takes its inputs one by one (query, value, key) instead of as a list."""
    parameters = inspect.signature(layer.call).parameters.values()
    return sum(item.default is item.empty and item.kind is item.POSITIONAL_OR_KEYWORD for item in parameters) > 1


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return str(shape).replace("None", "?")
