"""Build and compile the Keras model of an experiment."""

from __future__ import annotations

import math
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
    layers = _made_layers(plan)
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
        "binary": "two classes, for which one value is enough",
        "multiclass": f"{spec.num_outputs} classes",
        "multilabel": f"{spec.num_outputs} labels",
        "regression": f"{spec.num_outputs} target{'s' * (spec.num_outputs > 1)}",
    }[spec.task]
    activation = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid"}.get(spec.task)
    units = f"{{units: {spec.num_outputs}, activation: {activation}}}" if activation else str(spec.num_outputs)
    hint = f"end with `Dense: {units}`"
    path = _place(last)
    given = f"{shape[-1]} value{'s' * (shape[-1] != 1)}"
    if len(shape) > 2:
        hint = f"put `Flatten` (or a global pooling) before the `Dense` layers, and {hint}"
        given = f"values of shape {_shape_text(shape[1:])}"
    elif "units" in last.component.parameters:
        path = (*path, "units")
    raise ConfigError(Problem(f"the model gives {given} a row, the data have {wanted}", hint, path))


def _made_layers(plan: Plan) -> list[Any]:
    """Make the layers, or report every one that Keras refuses."""
    layers: list[Any] = []
    problems: dict[ConfigPath, Problem] = {}  # a repeated layer is refused once
    for planned in plan.layers:
        try:
            layers.append(_made(planned.component, _place(planned)))
        except ConfigError as error:
            problems |= {problem.path: problem for problem in error.problems}
    if problems:
        raise ConfigError(list(problems.values()))
    return layers


def _place(layer: PlannedLayer) -> ConfigPath:
    """Return where the layer's parameters stand; layers of `hidden` have no name there."""
    return (*layer.path, layer.component.name) if "layers" in layer.path[-2:] else layer.path


def _made(component: Component, path: ConfigPath) -> Any:
    try:
        return make(component)
    except (ValueError, TypeError, NotImplementedError, ImportError) as error:
        hint = f"`nnlab list {component.kind} {component.name}` shows what it takes"
        raise ConfigError(Problem(f"Keras refuses this: {_reason(error)}", hint, path)) from error


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
            hint = f"`nnlab list layers {name}` shows what it takes"
            raise ConfigError(Problem(message, hint, _place(plan.layers[i]))) from error


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
            name, reason = planned.component.name, _reason(error)
            message = f"`{name}` cannot take rows of shape {_shape_text(shape)}: {reason}"
            raise ConfigError(Problem(message, _shape_hint(name, shape, reason), _place(planned))) from error


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


def _reason(error: BaseException) -> str:
    """Return Keras's message in one line, without its rulers, its repetitions and its list of call arguments."""
    text = str(error).strip() or type(error).__name__
    text = re.split(r"\n*Arguments received by", text)[0]
    text = re.sub(r"Exception encountered when calling \S+\(\)\.\s*", "", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = " ".join(text.split())
    text = re.sub(r"^Input \d+ with name '.*' of layer '.*' is incompatible with the layer: ", "", text)
    text = re.sub(r"expected (min_|max_|)ndim=(\d+), found ndim=(\d+)", _axes_in_words, text)
    text = re.split(r"[.,]? (?:Full shape received|Received): |\. Received `", text)[0].rstrip(". ")
    text = re.sub(r"(?<!\w)'([^']*)'", r"`\1`", text)
    text = re.sub(r"\. ([A-Z])(?=[a-z])", lambda found: f"; {found[1].lower()}", text)
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text


def _axes_in_words(found: re.Match[str]) -> str:
    """Count the axes of a row, as the config does, where Keras counts the batch too."""
    limit = {"min_": "at least ", "max_": "at most ", "": ""}[found[1]]
    axes = int(found[2]) - 1
    return f"it takes rows of {limit}{axes} {'axis' if axes == 1 else 'axes'}, these have {int(found[3]) - 1}"


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return (
        "(" + ", ".join("?" if size is None else str(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"
    )
