"""What a config means for given data: which layers, which outputs, which losses and metrics.

This is the meaning of `model:` and of the defaults of `training:`; it needs no TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnlab import catalog
from nnlab.catalog import Direction
from nnlab.config.by_name import one_or_all, only, said_of
from nnlab.config.columns import metric_name, weighted_name
from nnlab.config.components import Component
from nnlab.config.data import OTHERS, SplitConfig, TaskName
from nnlab.config.model import FunctionalConfig, SequentialConfig
from nnlab.config.schema import Experiment
from nnlab.config.training import EarlyStopping, TrainingConfig
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean
from nnlab.model.ending import UNKNOWN, Ending, Meaning, ending_of, meaning_of
from nnlab.model.fit import MetricKey, unfit
from nnlab.model.graph import Graph, plan_graph
from nnlab.model.hidden import PlannedLayer
from nnlab.model.joined import front_nodes
from nnlab.model.lookups import told_by_data
from nnlab.model.losses import (
    Asked,
    default_loss,
    default_metrics,
    wants_class_numbers,
)
from nnlab.model.metrics import compares_rows, settled_metric
from nnlab.model.size import check_memory
from nnlab.model.unroll import OUTPUT, GraphNode, written_layers
from nnlab.model.wiring import arrays_of_inputs, input_names, input_sources
from nnlab.objective import directions
from nnlab.schedules import kind_of
from nnlab.stats import Scale
from nnlab.wording import listed, one_of

if TYPE_CHECKING:
    from nnlab.data.splits import DataSpec
    from nnlab.data.target_spec import TargetSpec, Task

_OUTPUT_ACTIVATIONS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid", "regression": None}


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """What is asked of one output.

    Args:
        loss_weight: its weight in the total loss, if the config gives one.
        last: the layer whose values are the answer (the last one with weights), if it is known.
        asked: what it shall answer.
        ending: how the model ends there.
        weighted_metrics: those that go by the weights of rows, each with the name of its column.
    """

    name: str
    loss: Component
    metrics: tuple[Component, ...]
    loss_weight: float | None
    last: PlannedLayer | None
    asked: Asked
    ending: Ending
    weighted_metrics: tuple[Component, ...] = ()

    @property
    def all_metrics(self) -> tuple[Component, ...]:
        """Its metrics, those that are weighted behind the others."""
        return (*self.metrics, *self.weighted_metrics)

    @property
    def one_hot(self) -> bool:
        """Whether the loss wants classes as rows of 0 and 1, as those with label smoothing do."""
        return not wants_class_numbers(self.loss)

    def judges(self, training: TrainingConfig) -> Iterator[tuple[Component, ConfigPath]]:
        """Yield its loss and its metrics, with their places in the config."""
        yield self.loss, training.place("loss", self.name)
        place = training.place("metrics", self.name)
        yield from ((metric, (*place, i)) for i, metric in enumerate(self.metrics))
        place = training.place("weighted_metrics", self.name)
        yield from ((metric, (*place, i)) for i, metric in enumerate(self.weighted_metrics))

    @property
    def meaning(self) -> Meaning:
        """What its values stand for."""
        return meaning_of(self.asked.task, self.loss, self.ending)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides the model.

    Args:
        nodes: as in `Graph`; those of a sequential model have a layer of the config each.
        outputs: one for each output.
        early_stopping: when to stop, and whether what is monitored shall fall or rise.
        schedule: the learning rate's, likewise.
    """

    nodes: tuple[GraphNode, ...]
    outputs: tuple[OutputPlan, ...]
    early_stopping: EarlyStopping | None
    schedule: Component | None

    @property
    def layers(self) -> tuple[PlannedLayer, ...]:
        """All layers, those of a sequential model in their order."""
        return tuple(layer for node in self.nodes for layer in node.layers)


def plan_model(experiment: Experiment, spec: DataSpec) -> Plan:
    """Work the layers, the losses and the metrics out.

    Raises:
        ConfigError: too many layers, several arrays for a model with one input, a loss that cannot be guessed, or a
            monitor that is no column of the history.
    """
    _check_prediction_columns(spec)
    graph = _graph(experiment, spec)
    endings = graph.endings
    outputs = tuple(
        _output(experiment, spec.target_of(name), name, last=graph.lasts[name], ending=ending, only=len(endings) == 1)
        for name, ending in endings.items()
    )
    shapes = _input_shapes(experiment, spec)
    rows = min(max(experiment.training.batch_sizes(spec.num_train).values()), spec.num_train)
    check_memory(experiment, graph.nodes, shapes, rows=rows)
    stopping, schedule = _monitoring(experiment, outputs, has_validation=spec.num_validation > 0)
    return Plan(graph.nodes, outputs, stopping, schedule)


def output_meanings(experiment: Experiment, spec: DataSpec) -> dict[str, Meaning]:
    """Return what the values of each output stand for, of a run whose config has all losses written down."""
    meanings = {}
    for name, ending in _graph(experiment, spec).endings.items():
        task = spec.target_of(name).task
        meanings[name] = meaning_of(
            task, said_of(name, experiment.training.loss) or default_loss(task, ending, rows=False), ending
        )
    return meanings


def _input_shapes(experiment: Experiment, spec: DataSpec) -> dict[str, tuple[int | None, ...]]:
    """Return the shape of a row of each input."""
    model = experiment.model
    if not isinstance(model, FunctionalConfig):
        return {name: spec.input_shapes[array] for array, name in input_names(spec).items()}
    return {
        name: shape if source.columns is None else (*shape[:-1], len(source.columns))
        for name, source in input_sources(model, spec).items()
        for shape in [spec.input_shapes[source.array]]
    }


def with_plan(experiment: Experiment, spec: DataSpec, plan: Plan) -> Experiment:
    """Return the experiment with what the data decided written into it: task, splits, losses, metrics, mode."""
    from nnlab.data.files import is_pattern, matching
    from nnlab.data.splits import DEFAULT_SHARE

    def word(target: TargetSpec) -> TaskName:
        return "classification" if target.task == "multiclass" else target.task

    tasks: dict[str, TaskName] = {
        name: said_of(name, experiment.data.task) or word(target) for name, target in spec.targets.items()
    }
    validation, test = experiment.data.validation, experiment.data.test
    split = experiment.data.split
    if split is None and spec.split is not None:
        column = spec.window.order if spec.window is not None and spec.split == "time" else None
        split = SplitConfig(by=spec.split, column=column)
    if split is None or split.by != "column":  # which says all of it
        if validation is None and not spec.own_validation:
            validation = DEFAULT_SHARE if spec.num_validation else 0
        if test is None and not spec.own_test_set:
            test = DEFAULT_SHARE if spec.num_test else 0
    data = replace(experiment.data, task=one_or_all(tasks), validation=validation, test=test, split=split)
    if spec.read_with:
        data = replace(data, source=data.source.with_parameters(**spec.read_with))
    if isinstance(data.path, tuple) or (data.path is not None and is_pattern(data.path)):
        data = replace(data, path=tuple(str(file) for path in data.paths for file in matching(path)))
    if spec.storage is not None:
        data = replace(data, storage=spec.storage)
    if spec.encoding is not None:
        kinds = {name: column.settled for name, column in spec.encoding.columns.items()}
        data = replace(data, features=kinds, ignore=OTHERS)
    elif spec.left_out:
        data = replace(data, ignore=(*(data.ignore or ()), *spec.left_out))
    training = replace(
        experiment.training,
        loss=one_or_all({output.name: output.loss for output in plan.outputs}),
        metrics=one_or_all({output.name: output.metrics for output in plan.outputs}),
        weighted_metrics=_written_weighted(plan.outputs),
        early_stopping=plan.early_stopping,
    )
    return replace(experiment, data=data, training=training, schedule=plan.schedule)


def _written_weighted(outputs: Sequence[OutputPlan]) -> Any:
    """Return the weighted metrics as a config has them: some take no name; `None` if there are none."""
    if not any(output.weighted_metrics for output in outputs):
        return None

    def written(metric: Component) -> Component:
        kept = {name: value for name, value in metric.parameters.items() if name in metric.entry.parameters}
        return replace(metric, parameters=kept)

    return one_or_all({output.name: tuple(map(written, output.weighted_metrics)) for output in outputs})


def _graph(experiment: Experiment, spec: DataSpec | None = None) -> Graph:
    """Return what the config means for these data, or before they are read as far as the layers are written out.

    Of a class, only what its outputs are called is known.
    """
    model = experiment.model
    if isinstance(model, SequentialConfig) and spec is not None:
        front = front_nodes(model, spec)
        if not front:
            _check_one_array(spec)
        return _told(plan_graph(model, _layers_for(model, spec, front), front), model, spec)
    if isinstance(model, FunctionalConfig) and spec is not None:
        return _told(plan_graph(model), model, spec)
    if isinstance(model, FunctionalConfig) or (isinstance(model, SequentialConfig) and model.layers is not None):
        return plan_graph(model)
    names = _named_outputs(experiment)
    return Graph((), dict.fromkeys(names, UNKNOWN), dict.fromkeys(names))


def _told(graph: Graph, model: SequentialConfig | FunctionalConfig, spec: DataSpec) -> Graph:
    """Let layers that look words or classes up know how many there are."""
    own = {} if spec.encoding is None else spec.encoding.own
    arrays = arrays_of_inputs(model, spec)
    columns = {name: (array, own[array].size) for name, array in arrays.items() if array in own}
    return graph._replace(nodes=told_by_data(graph.nodes, columns))


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
    ConfigError.raise_any(problems)


def _check_one_array(spec: DataSpec) -> None:
    if len(spec.input_shapes) > 1:
        message = f"the model takes one array, and the data have {listed(spec.array_names)}"
        hint = f"choose one: `features: {spec.array_names[0]}`, or write a functional model with an input for each"
        raise ConfigError(Problem(message, hint, ("data", "features")))


def _layers_for(model: SequentialConfig, spec: DataSpec, front: Sequence[GraphNode]) -> Iterator[PlannedLayer]:
    """Yield the layers as the config lists them, and what goes with hidden ones for these data.

    What stands in front of them gives flat rows.
    """
    if model.layers is not None:
        yield from written_layers(model)
        return
    if not front and len(only(spec.input_shapes)) > 1 and model.transfer is None:
        yield PlannedLayer(Component("layers", "Flatten"), ("model", "hidden"))
    yield from written_layers(model)
    target = spec.target_of(OUTPUT)
    yield _output_layer(target.task, units=target.num_outputs)
    if len(target.shape) > 1:
        reshape = Component("layers", "Reshape", {"target_shape": list(target.shape)})
        yield PlannedLayer(reshape, ("model", "hidden"))


def _output_layer(task: Task, **parameters: Any) -> PlannedLayer:
    """Return the output layer of a model that lists its hidden layers alone."""
    activation = _OUTPUT_ACTIVATIONS[task]
    if activation is not None:
        parameters["activation"] = Component("activations", activation)
    return PlannedLayer(Component("layers", "Dense", parameters), ("model", "hidden"))


def _named_outputs(experiment: Experiment) -> tuple[str, ...]:
    """Return the outputs of a subclassed model, which only what goes by output name tells."""
    data, training = experiment.data, experiment.training
    if isinstance(data.target, Mapping):
        return tuple(data.target)
    given = (
        training.loss,
        training.metrics,
        training.weighted_metrics,
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
    ending: Ending,
    last: PlannedLayer | None,
    only: bool,
) -> OutputPlan:
    training = experiment.training
    loss = said_of(name, training.loss)
    if loss is None and not ending.known and target.task != "regression":
        loss_of = "loss: ..." if only else f"loss: {{{name}: ...}}"
        hint = f"write `training: {{{loss_of}}}` that fits what it returns, probabilities or logits"
        what = "a subclassed model" if last is None else "a model that ends with code of your own"
        raise ConfigError(Problem(f"{what} needs its loss named", hint, ("training", "loss")))
    given = said_of(name, training.metrics, ())  # `None` if the task decides
    metrics = default_metrics(target) if given is None else given
    weighted = said_of(name, training.weighted_metrics, ()) or ()
    if loss is None:
        rows = any(compares_rows(metric) for metric in (*metrics, *weighted))
        loss = default_loss(target.task, ending, rows=rows)
    asked = Asked(target.task, target.shape, _units(last), target.scaling)
    every: dict[MetricKey, Sequence[Component]] = {"metrics": metrics, "weighted_metrics": weighted}
    ConfigError.raise_any(unfit(training, name, loss=loss, metrics=every, asked=asked, ending=ending))
    meaning = meaning_of(target.task, loss, ending)
    settled = tuple(settled_metric(metric, asked, meaning) for metric in metrics)
    weight = None if only or training.loss_weights is None else training.loss_weights.get(name, 1.0)
    by_weights = tuple(
        settled_metric(metric, asked, meaning).with_parameters(name=weighted_name(metric)) for metric in weighted
    )
    return OutputPlan(name, loss, settled, weight, last, asked, ending, by_weights)


def check_before_data(experiment: Experiment) -> None:
    """Refuse losses and metrics that fit no data, or not the task and the layers that the config names.

    Raises:
        ConfigError: with the problems of all outputs.
    """
    problems: list[Problem] = []
    graph, training = _graph(experiment), experiment.training
    for output, ending in graph.endings.items():
        task = _said_task(experiment, output)
        if not ending.known and isinstance(experiment.model, SequentialConfig) and task is not None:
            ending = ending_of([_output_layer(task)])
        loss = said_of(output, training.loss)
        metrics: dict[MetricKey, Sequence[Component]] = {
            "metrics": said_of(output, training.metrics, ()) or (),
            "weighted_metrics": said_of(output, training.weighted_metrics, ()) or (),
        }
        if loss is None and task is not None and ending.known:
            rows = any(compares_rows(metric) for some in metrics.values() for metric in some)
            loss = default_loss(task, ending, rows=rows)
        asked = Asked(task, None, _units(graph.lasts[output]))
        problems += unfit(training, output, loss=loss, metrics=metrics, asked=asked, ending=ending)
    ConfigError.raise_any(problems)


def _units(layer: PlannedLayer | None) -> int | None:
    return None if layer is None else layer.component.parameters.get("units")


def _said_task(experiment: Experiment, output: str) -> Task | None:
    """Return the task of an output, if the config says it."""
    task: TaskName | None = said_of(output, experiment.data.task)
    if task != "classification":
        return task
    return "multiclass" if experiment.data.positive_class is None else "binary"


def history_columns(outputs: Sequence[OutputPlan]) -> dict[str, Direction | None]:
    """Return the columns of the history that training rows fill, but for the seconds, and which values are better.

    Keras itself cannot tell for a metric of one of several outputs. Of counts nobody says (`None`).
    """
    return {"loss": "min", **{name: made.entry.direction for name, (_, made) in measured_columns(outputs).items()}}


def measured_columns(outputs: Sequence[OutputPlan]) -> dict[str, tuple[OutputPlan, Component]]:
    """Return what fills each column of the history but `loss`: losses of several outputs, then metrics."""
    if len(outputs) == 1:
        return {metric_name(metric): (outputs[0], metric) for metric in outputs[0].all_metrics}
    losses = {f"{output.name}_loss": (output, output.loss) for output in outputs}
    metrics = ((output, metric) for output in outputs for metric in output.all_metrics)
    return losses | {f"{output.name}_{metric_name(metric)}": (output, metric) for output, metric in metrics}


def column_hint(metric: str, outputs: Sequence[OutputPlan], *, prefix: str = "", shared: Iterable[str] = ()) -> str:
    """Say which column is meant by a name that is none: perhaps a metric has another name there.

    Args:
        metric: the name, without `val_`.
        outputs: those of the model.
        prefix: `val_` where columns of validation rows are meant.
        shared: the only columns that may be, if not all.
    """
    measured = measured_columns(outputs)
    names = [name for name in shared or ("loss", *measured) if name == "loss" or name in measured]
    others = one_of(f"{prefix}{name}" for name in names)
    for output in outputs:
        entry = catalog.find("metrics", metric.removeprefix(f"{output.name}_"))
        if entry is None:
            continue
        same = [name for name in names if name != "loss" and measured[name][1].entry == entry]
        return f"it is called `{prefix}{same[0]}` here" if same else f"add it to `training.metrics`, or take {others}"
    return did_you_mean(metric, names, prefix=prefix) or others


def column_scale(column: str, plan: Plan, spec: DataSpec) -> Scale:
    """Return what numbers a column of the history can hold for validation rows.

    A metric between 0 and 1 is taken for one that counts rows (of several labels: rows and labels), so that its values
    lie no closer than one of them.
    """
    if column == "loss":
        adds_what_it_wants = not plan.nodes  # the code of a class may add anything to its loss
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
    columns = directions(history_columns(outputs), has_validation=has_validation)
    problems: list[Problem] = []
    if schedule is not None and kind_of(schedule.name).watches:
        path = ("schedule", schedule.name, "monitor")
        mode = _settled_mode(schedule.get("monitor"), schedule.get("mode"), columns, path, outputs, problems)
        schedule = schedule.with_parameters(mode=mode)
    if stopping is not None:
        path = ("training", "early_stopping", "monitor")
        mode = _settled_mode(stopping.monitor, stopping.mode, columns, path, outputs, problems)
        stopping = replace(stopping, mode=mode)
    ConfigError.raise_any(problems)
    return stopping, schedule


def _settled_mode(
    monitor: str,
    mode: str,
    columns: Mapping[str, Any],
    path: ConfigPath,
    outputs: Sequence[OutputPlan],
    problems: list[Problem],
) -> Any:
    """Return whether less or more is better; what hinders goes to `problems`."""
    better = columns.get(monitor) if mode == "auto" else mode
    if monitor not in columns:
        prefix = "val_" if monitor.startswith("val_") else ""
        hint = column_hint(monitor.removeprefix(prefix), outputs, prefix=prefix)
        if monitor.startswith("val_") and not any(name.startswith("val_") for name in columns):
            hint = "give `data.validation` some rows, or monitor `loss`"
        problems.append(Problem(f"nothing is called `{monitor}` here", hint, path))
    elif better is None:
        message = f"`{monitor}` may be better when it is larger or when it is smaller"
        problems.append(Problem(message, "write `mode: max` or `mode: min` beside it", path))
    return better
