"""Transfer: layers of a trained run, cloned with their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from nnlab.config.model import TransferConfig
from nnlab.data.splits import DataSpec
from nnlab.errors import ConfigError, ConfigPath, Problem, did_you_mean
from nnlab.private.keras import feeding
from nnlab.wording import listed, one_of

PATH: ConfigPath = ("model", "transfer")
PREFIX = "transferred_"


def cloned_layers(config: TransferConfig, source: keras.Model) -> list[Any]:
    """Clone the layers that a sequential model takes over, in order; `copy_weights` fills them once they are built.

    Raises:
        ConfigError: the run has no such layers.
    """
    if not isinstance(source, keras.Sequential):
        message = "the run's model is not sequential, so its layers have no order to take them over in"
        raise ConfigError(Problem(message, "use `type: functional` and name the layers alike", PATH))
    return [_clone(layer) for layer in _chosen(config, list(source.layers))]


def _chosen(config: TransferConfig, layers: list[Any]) -> list[Any]:
    if isinstance(config.layers, int):
        if config.layers > len(layers):
            message = f"the run has {len(layers)} layers, and {config.layers} were asked for"
            raise ConfigError(Problem(message, f"it has {_names(layers)}", (*PATH, "layers")))
        return layers[: config.layers]
    if isinstance(config.layers, tuple):
        return [_by_name(name, layers, i) for i, name in enumerate(config.layers)]
    return layers[: _output_position(layers)]


def _output_position(layers: list[Any]) -> int:
    """Return the place of the last layer with a kernel: what it and its followers do is the run's own answer."""
    return max((i for i, layer in enumerate(layers) if hasattr(layer, "kernel")), default=len(layers))


def _by_name(name: str, layers: list[Any], position: int, *, owner: str = "run") -> Any:
    by_name = {layer.name: layer for layer in layers}
    if name not in by_name:
        hint = did_you_mean(name, by_name) or one_of(by_name)
        raise ConfigError(Problem(f"the {owner} has no layer `{name}`", hint, (*PATH, "layers", position)))
    return by_name[name]


def _names(layers: list[Any]) -> str:
    return ", ".join(f"`{layer.name}`" for layer in layers)


def _clone(layer: Any) -> Any:
    name = layer.name if layer.name.startswith(PREFIX) else PREFIX + layer.name
    return type(layer).from_config({**layer.get_config(), "name": name})


def copy_weights(config: TransferConfig, source: keras.Model, model: keras.Model) -> list[Any]:
    """Copy the weights of the run's layers into a built model; return the layers that have them now.

    A sequential model has clones of them; a functional one has layers of the same names.

    Raises:
        ConfigError: a layer that the config names is missing, or its weights have other shapes.
    """
    pairs = _pairs(config, source, model)
    for theirs, ours in pairs:
        weights = theirs.get_weights()
        if [np.shape(weight) for weight in weights] != [tuple(weight.shape) for weight in ours.weights]:
            message = f"the weights of `{theirs.name}` have other shapes here: {_shapes(theirs)}, not {_shapes(ours)}"
            hint = "the layers and what feeds them must have the sizes of the run's"
            raise ConfigError(Problem(message, hint, PATH))
        ours.set_weights(weights)
        if hasattr(ours, "finalize_state"):  # Normalization computes with what it derives from its weights
            ours.finalize_state()
    return [ours for _, ours in pairs]


def check_numbers(
    layers: Sequence[Any], model: keras.Model, inputs: Mapping[str, str], here: DataSpec, there: DataSpec
) -> None:
    """Refuse layers that look up words or classes of a column whose numbers stood for others in their run.

    Args:
        layers: those that were taken over.
        model: which has them now.
        inputs: the array that each of its inputs takes.
        here: what its data are.
        there: what those of the run were.

    Raises:
        ConfigError: with the first such layer.
    """
    own, theirs = ({} if spec.encoding is None else spec.encoding.own for spec in (here, there))
    for layer in layers:
        if theirs and not own and isinstance(layer, keras.layers.Embedding):
            message = (
                f"`{layer.name}` of the run looks up words or classes of {listed(theirs)}, and no column here has any"
            )
            raise ConfigError(Problem(message, "name the layers to take over, and leave it out: `layers: [...]`", PATH))
        for column in (inputs[name] for name in feeding(layer, model) if inputs.get(name) in own):
            if not own[column].means_what(theirs.get(column)):
                message = f"`{layer.name}` of the run looks up other words or classes than `{column}` has here"
                hint = "name the layers to take over, and leave it out: `layers: [...]`"
                raise ConfigError(Problem(message, hint, PATH))


def _pairs(config: TransferConfig, source: keras.Model, model: keras.Model) -> list[tuple[Any, Any]]:
    ours = {layer.name: layer for layer in model.layers}
    clones = [(layer, ours[name]) for layer in source.layers if (name := PREFIX + layer.name) in ours]
    if clones:
        return clones
    if isinstance(config.layers, tuple):
        for i, name in enumerate(config.layers):
            _by_name(name, list(source.layers), i)
            _by_name(name, list(model.layers), i, owner="model")
        chosen = config.layers
    elif isinstance(config.layers, int):
        message = "the layers of a functional model have no first and last"
        raise ConfigError(Problem(message, "name them: `layers: [hidden1, hidden2]`", (*PATH, "layers")))
    else:
        outputs = set(getattr(source, "output_names", ()))
        chosen = tuple(layer.name for layer in source.layers if layer.name in ours and layer.name not in outputs)
    if not any(source.get_layer(name).weights for name in chosen):
        message = "no layer of the model has the name of a layer with weights of the run"
        raise ConfigError(Problem(message, f"the run has {_names(list(source.layers))}", PATH))
    return [(source.get_layer(name), ours[name]) for name in chosen]


def _shapes(layer: Any) -> str:
    return " and ".join(str(tuple(weight.shape)) for weight in layer.weights) or "none"
