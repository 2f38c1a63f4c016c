"""What a model takes of the machine's memory at the least, told from its layers before anything is built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from nnlab.config.components import Component
from nnlab.config.model import FunctionalConfig, SequentialConfig
from nnlab.config.schema import Experiment
from nnlab.errors import ConfigError, Problem
from nnlab.memory import BYTES_OF_A_NUMBER, free_memory
from nnlab.model.hidden import PlannedLayer, innermost, wrapped
from nnlab.model.unroll import GraphNode, written_nodes
from nnlab.wording import size_text

Shape: TypeAlias = "tuple[int | None, ...] | None"
"""The shape of a row; `None` for a size, or all of it, that cannot be told."""


def check_written_layers(experiment: Experiment) -> None:
    """Refuse a model that cannot be had whatever the data are.

    Raises:
        ConfigError: it has too many layers, or its weights take more memory than there is.
    """
    model = experiment.model
    if isinstance(model, (FunctionalConfig, SequentialConfig)):
        check_memory(experiment, written_nodes(model)[0], {})


def check_memory(
    experiment: Experiment,
    nodes: Sequence[GraphNode],
    shapes: Mapping[str, Shape],
    *,
    rows: int = 1,
) -> None:
    """Refuse a model that takes more memory than is left: weights, gradients, the optimizer's values, a batch.

    Args:
        experiment: gives the optimizer.
        nodes: of its graph.
        shapes: those of a row of each input by name, as far as they are known.
        rows: of a batch.

    Raises:
        ConfigError: naming the layer with most weights or values.
    """
    found = list(_sizes(nodes, dict(shapes)))
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


def _sizes(nodes: Sequence[GraphNode], shapes: dict[str, Shape]) -> Iterator[tuple[int, int, PlannedLayer]]:
    """Yield the weights and the values of each layer, at the least; `shapes` learns those of nodes."""
    for node in nodes:
        shape = _joined(node, [shapes.get(name) for name in node.inputs])
        for layer in node.layers:
            weights, shape = _through(layer.component, shape)
            yield weights, _values(layer.component, shape) if weights else 0, layer
        shapes[node.name] = None if node.shared is not None else shape


def _joined(node: GraphNode, inputs: Sequence[Shape]) -> Shape:
    """Return the shape that reaches a node's layer from several others, `None` unless it is plain."""
    if len(inputs) == 1:
        return inputs[0]
    rule = node.layers[0].component.entry.shape if node.layers else None
    if rule == "same":
        return inputs[0]
    if rule == "sum" and all(shape is not None and len(shape) == 1 for shape in inputs):
        sizes = [shape[0] for shape in inputs if shape is not None]
        return None if None in sizes else (sum(size or 0 for size in sizes),)
    return None


def _values(component: Component, shape: Shape) -> int:
    """Return how many values of a row have to be kept; those of a normalization may be made in place."""
    return 0 if shape is None or component.entry.shape == "same" else math.prod(size or 1 for size in shape)


def _through(component: Component, shape: Shape) -> tuple[int, Shape]:
    """Return the weights of a layer, at the least, and the shape of what it gives."""
    if component.name == "TimeDistributed":
        weights, inner = _through(innermost(component), shape[1:] if shape else None)
        return weights, (shape[0], *inner) if shape and inner is not None else None
    if inside := wrapped(component):
        return sum(_through(layer, None)[0] for layer in inside), None
    width = 1 if _value(component, "data_format") == "channels_first" else (shape[-1] if shape else None) or 1
    groups = _whole(component.parameters.get("groups"))
    return sum(_product(component, product, width) for product in component.entry.weights) // groups, _behind(
        component, shape
    )


def _product(component: Component, product: str, width: int) -> int:
    """Return the size of a weight, which the catalog writes as `4*width*units` or `kernel_size^2*width*filters`."""
    size = 1
    for factor in product.split("*"):
        name, _, axes = factor.partition("^")
        value = int(name) if name.isdecimal() else width if name == "width" else _value(component, name)
        if isinstance(value, bool):
            size *= value
        elif axes:
            size *= math.prod(_of_axes(value, int(axes)))
        else:
            size *= _whole(value)
    return size


def _behind(component: Component, shape: Shape) -> Shape:
    """Return the shape of what a layer gives, `None` if the catalog does not tell it."""
    rule, _, name = (component.entry.shape or "").partition(" ")
    size, strides = _whole(_value(component, name)), _value(component, "strides")
    if isinstance(target := component.parameters.get("target_shape"), (list, tuple)):
        return tuple(target) if all(isinstance(size, int) and size > 0 for size in target) else None
    if shape is None:
        return (size,) if rule == "last" and strides is None else None
    is_usual = _value(component, "padding") in (None, "same") and _value(component, "data_format") != "channels_first"
    if not rule or not is_usual:
        return None
    steps = zip(shape[:-1], _of_axes(strides, len(shape) - 1), strict=True)
    shapes: dict[str, Shape] = {
        "same": shape,
        "sum": shape,
        "flat": None if None in shape else (math.prod(size or 1 for size in shape),),
        "added": (*shape, size),
        "only": (*shape[:-1], size) if _value(component, "return_sequences") else (size,),
        "last": (*(None if step is None else -(-step // by) for step, by in steps), size),
    }
    return shapes[rule]


def _value(component: Component, name: str) -> Any:
    """Return the value of a parameter, `None` where the layer has none of this name."""
    return component.get(name) if name in component.entry.parameters else None


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def _of_axes(value: Any, axes: int) -> tuple[int, ...]:
    """Return a number for each axis, of one or a list as Keras takes them; 1 where it is none."""
    items = list(value) if isinstance(value, (list, tuple)) else [value] * axes
    return tuple(map(_whole, (items + [1] * axes)[:axes]))
