"""What a model takes of the machine's memory at the least, told from its layers before anything is built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from nnlab import catalog
from nnlab.config.components import Component
from nnlab.config.model import FunctionalConfig, SequentialConfig
from nnlab.config.schema import Experiment
from nnlab.errors import ConfigError, Problem
from nnlab.memory import BYTES_OF_A_NUMBER, free_memory, size_text
from nnlab.model.hidden import PlannedLayer, innermost, wrapped
from nnlab.model.unroll import GraphNode, hidden_layers, limited, unrolled, unrolled_graph

Shape: TypeAlias = "tuple[int | None, ...] | None"
"""The shape of a row; `None` for a size, or all of it, that cannot be told."""

_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_KEEP_SHAPE = ("Activation", "Identity", "Dropout", "Noise", "Normalization", "Regularization", "Masking", "Rescaling")
_MERGES = ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")


def check_written_layers(experiment: Experiment) -> None:
    """Refuse a model that cannot be had whatever the data are.

    Raises:
        ConfigError: it has too many layers, or its weights take more memory than there is.
    """
    model = experiment.model
    if isinstance(model, FunctionalConfig):
        values = {name: name for name in model.inputs}
        check_memory(experiment, limited(unrolled_graph(model.layers, values, "", ("model", "layers"))), {})
    elif isinstance(model, SequentialConfig):
        layers = hidden_layers(model.hidden) if model.layers is None else unrolled(model.layers, ("model", "layers"))
        check_memory(experiment, limited(layers), {})


def check_memory(
    experiment: Experiment,
    layers: Sequence[PlannedLayer] | Sequence[GraphNode],
    shapes: Mapping[str, Shape],
    *,
    rows: int = 1,
) -> None:
    """Refuse a model that takes more memory than is left: weights, gradients, the optimizer's values, a batch.

    Args:
        experiment: gives the optimizer.
        layers: the layers in a row, or the nodes of a graph.
        shapes: those of a row of each input by name, as far as they are known; `""` of a sequential model.
        rows: of a batch.

    Raises:
        ConfigError: naming the layer with most weights or values.
    """
    found = list(_sizes(layers, dict(shapes)))
    slots = experiment.optimizer.entry.slots
    copies = 2 + slots
    sizes = [
        (weights * (1 if layer.component.parameters.get("trainable") is False else copies) + rows * values, layer)
        for weights, values, layer in found
    ]
    needed = BYTES_OF_A_NUMBER * sum(size for size, _ in sizes)
    free = free_memory() if needed > 10**8 else None
    if free is None or needed <= free:
        return
    largest = max(sizes, key=lambda item: item[0])[1]
    weights = sum(weights for weights, _, _ in found)
    message = (
        f"training needs about {size_text(needed)} of memory, and {size_text(free)} are free: the model has about "
        f"{weights:,} weights, each with its gradient and {slots} values of the optimizer"
    )
    hint = "make the layers smaller, or `training.batch_size` where a row takes much"
    raise ConfigError(Problem(message, hint, largest.path))


def _sizes(
    layers: Sequence[PlannedLayer] | Sequence[GraphNode], shapes: dict[str, Shape]
) -> Iterator[tuple[int, int, PlannedLayer]]:
    """Yield the weights and the values of each layer, at the least; `shapes` learns those of nodes."""
    shape = shapes.get("")
    for item in layers:
        if isinstance(item, PlannedLayer):
            weights, shape = _through(item.component, shape)
            yield weights, _values(shape) if weights else 0, item
            continue
        shape = _joined(item, [shapes.get(name) for name in item.inputs])
        for layer in item.layers:
            weights, shape = _through(layer.component, shape)
            yield weights, _values(shape) if weights else 0, layer
        shapes[item.name] = None if item.shared is not None else shape


def _joined(node: GraphNode, inputs: Sequence[Shape]) -> Shape:
    """Return the shape that reaches a node's layer from several others, `None` unless it is plain."""
    if len(inputs) == 1:
        return inputs[0]
    name = node.layers[0].component.name if node.layers else ""
    if name in _MERGES:
        return inputs[0]
    if name == "Concatenate" and all(shape is not None and len(shape) == 1 for shape in inputs):
        sizes = [shape[0] for shape in inputs if shape is not None]
        return None if None in sizes else (sum(size or 0 for size in sizes),)
    return None


def _values(shape: Shape) -> int:
    return 0 if shape is None else math.prod(size or 1 for size in shape)


def _through(component: Component, shape: Shape) -> tuple[int, Shape]:
    """Return the weights of a layer, at the least, and the shape of what it gives."""
    name, width = component.name, (shape[-1] if shape else None) or 1
    if name == "TimeDistributed":
        weights, inner = _through(innermost(component), shape[1:] if shape else None)
        return weights, (shape[0], *inner) if shape and inner is not None else None
    if inside := wrapped(component):
        return sum(_through(layer, None)[0] for layer in inside), None
    if name in ("Dense", "Maxout"):
        units = component.parameters["units"] * (component.get("pieces") if name == "Maxout" else 1)
        given = component.parameters["units"]
        return (width + bool(component.get("use_bias"))) * units, (given,) if shape is None else (*shape[:-1], given)
    if name in ("Embedding", "ReversibleEmbedding"):
        size = component.parameters["output_dim"]
        return component.parameters["input_dim"] * size, None if shape is None else (*shape, size)
    if name.startswith("Conv") and "kernel_size" in component.parameters and "LSTM" not in name:
        return _convolution(component, shape, width)
    if name in _GATES:
        units = component.parameters["units"]
        steps = shape[:-1] if shape and component.get("return_sequences") else ()
        return _GATES[name] * units * (width + units), None if shape is None else (*steps, units)
    if name == "Flatten":
        return 0, (math.prod(size or 1 for size in shape),) if shape and None not in shape else None
    if name == "Reshape":
        target = component.parameters["target_shape"]
        plain = isinstance(target, (list, tuple)) and all(isinstance(size, int) and size > 0 for size in target)
        return 0, tuple(target) if plain else None
    keeps = name in ("Concatenate", *_MERGES, *catalog.ACTIVATION_LAYERS) or name.endswith(_KEEP_SHAPE)
    return 0, shape if keeps else None


def _convolution(component: Component, shape: Shape, width: int) -> tuple[int, Shape]:
    axes = int(component.name[4])
    kernel, strides = (_of_axes(component.get(key), axes) for key in ("kernel_size", "strides"))
    filters = component.parameters["filters"]
    if component.get("data_format") == "channels_first":  # the last axis is no channel
        return math.prod(kernel) * filters, None
    groups = component.parameters.get("groups") or 1
    weights = math.prod(kernel) * max(width // groups, 1) * filters
    same = component.get("padding") == "same" and not component.name.endswith("Transpose")
    if not same or shape is None or len(shape) != axes + 1:
        return weights, None
    sizes = (None if size is None else -(-size // step) for size, step in zip(shape[:-1], strides, strict=True))
    return weights, (*sizes, filters)


def _of_axes(value: Any, axes: int) -> tuple[int, ...]:
    """Return a number for each axis, of one or a list as Keras takes them; 1 where it is none."""
    items = list(value) if isinstance(value, (list, tuple)) else [value] * axes
    plain = [item if isinstance(item, int) and item > 0 else 1 for item in items]
    return tuple((plain + [1] * axes)[:axes])
