"""Components of a config as Keras objects, and what Keras says of those that it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from types import FunctionType
from typing import Any

import keras

from nnlab import layers as own
from nnlab.catalog import STEP_FACTOR, Entry, Role, find
from nnlab.config.components import Component
from nnlab.config.load import resolved
from nnlab.config.schema import Experiment
from nnlab.errors import LONGEST_SENTENCE, ConfigError, ConfigPath, NnlabError, Problem, sentences
from nnlab.layers.activations import ActivationFunction
from nnlab.layers.functions import FunctionWith
from nnlab.private.keras import layers_inside
from nnlab.user_code import object_named, references_in, run_code

_KERAS_MODULES = {
    "activations": keras.activations,
    "layers": keras.layers,
    "initializers": keras.initializers,
    "regularizers": keras.regularizers,
    "constraints": keras.constraints,
    "optimizers": keras.optimizers,
    "losses": keras.losses,
    "metrics": keras.metrics,
    "callbacks": keras.callbacks,
}


def make(component: Component) -> Any:
    """Make the Keras object that a component describes.

    Raises:
        ValueError, TypeError: Keras refuses the parameters.
    """
    parameters = {name: _value(value) for name, value in component.parameters.items() if name != STEP_FACTOR.name}
    if component.entry.is_function and component.entry.package == "user":
        return _made_of_function(component, parameters)
    if component.kind == "activations":
        if parameters:
            return ActivationFunction(component.name, **parameters)
        return component.name if component.entry.package == "keras" else python_object(component.entry)
    if component.kind == "metrics" and component.name == "accuracy":
        return component.name  # Keras chooses which accuracy by the loss and the shapes
    if component.kind == "metrics":  # Keras counts those of one class: `precision_1` in the second output
        parameters.setdefault("name", component.called)
    made = python_object(component.entry)(**{**component.entry.preset, **parameters})
    if STEP_FACTOR.name in component.parameters:
        made.learning_rate_factor = component.parameters[STEP_FACTOR.name]
    return made


def _made_of_function(component: Component, parameters: dict[str, Any]) -> Any:
    """Make an object of a function of the user's: itself, or with its parameters as an object that can be saved."""
    function = python_object(component.entry)
    if component.kind == "metrics":
        name = parameters.pop("name", None) or component.called
        return keras.metrics.MeanMetricWrapper(function, name=name, **parameters)
    return FunctionWith(function, **parameters) if parameters else function


def run_user_code(experiment: Experiment, *, trusted: bool) -> None:
    """Run the user's code that a config names, and make all of it known to Keras, for saving and loading.

    Args:
        experiment: the config.
        trusted: whether the user has said that it may run.

    Raises:
        NnlabError: it may not, or fails.
    """
    registered: dict[str, str] = {}
    for module in run_code(list(references_in(resolved(experiment))), trusted=trusted):
        for value in vars(module).values():
            own = getattr(value, "__module__", None) == module.__name__ and isinstance(value, (type, FunctionType))
            if not own or not (isinstance(value, FunctionType) or hasattr(value, "get_config")):
                continue
            file = str(module.__file__)
            if keras.saving.get_registered_name(value) == value.__name__:
                keras.saving.register_keras_serializable(Path(file).stem)(value)
            name = keras.saving.get_registered_name(value)
            if registered.setdefault(name, file) != file:
                message = f"`{registered[name]}` and `{file}` both define `{value.__name__}`"
                raise NnlabError(message, hint="give one of the files another name: saved models tell them apart by it")


def step_factors(model: keras.Model) -> list[float]:
    """Return what the optimizer's steps with each trainable variable are multiplied by, as the layers say."""
    factors = {
        id(variable): layer.learning_rate_factor
        for layer in layers_inside(model)
        if hasattr(layer, "learning_rate_factor")
        for variable in layer.trainable_variables
    }
    return [factors.get(id(variable), 1.0) for variable in model.trainable_variables]


def python_object(entry: Entry) -> Any:
    """Return the class or the function that an entry of the catalog stands for.

    Raises:
        NnlabError: it is the user's own code, and that has not been run.
    """
    if entry.package == "user":
        return object_named(entry.object)
    return getattr(own if entry.package == "nnlab" else _KERAS_MODULES[entry.kind], entry.object)


def role_of(layer: keras.Layer) -> Role | None:
    """Return what a layer is for: as the catalog says of its class, or of the nearest that it was made from."""
    entries = (find("layers", base.__name__) for base in type(layer).__mro__)
    return next((entry.role for entry in entries if entry is not None), None)


def _value(value: Any) -> Any:
    if isinstance(value, Component):
        return make(value)
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    return value


def made(component: Component, path: ConfigPath) -> Any:
    """Make the Keras object that a component describes.

    Raises:
        ConfigError: Keras refuses the parameters, which stand at `path`.
    """
    try:
        return make(component)
    except Exception as error:  # whatever a constructor stumbles over is what the config gives it
        raise refused(error, component, path) from error


def refused(error: Exception, component: Component, path: ConfigPath) -> ConfigError:
    """Return the error for what Keras refuses."""
    hint = f"`nnlab list {component.kind} {component.name}` shows what it takes"
    return ConfigError(Problem(f"Keras refuses this: {reason_of(error)}", hint, path))


def reason_of(error: BaseException) -> str:
    """Return Keras's message in one line, in the words of a config and without what it repeats."""
    text = " ".join(sentences(error))
    text = re.sub(r"^Input \d+ with name '.*' of layer '.*' is incompatible with the layer: ", "", text)
    text = re.sub(r"expected (min_|max_|)ndim=(\d+), found ndim=(\d+)", _axes_in_words, text)
    text = re.split(r"[.,]? (?:Full shape received|Received): |\. Received `", text)[0].rstrip(". ")
    text = re.sub(r"(?<!\w)'([^']*)'", r"`\1`", text)
    text = re.sub(r"\. ([A-Z])(?=[a-z])", lambda found: f"; {found[1].lower()}", text)
    text = text if len(text) <= LONGEST_SENTENCE else f"{text[:LONGEST_SENTENCE]}..."
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text


def _axes_in_words(found: re.Match[str]) -> str:
    """Count the axes of a row, as the config does, where Keras counts the batch too."""
    limit = {"min_": "at least ", "max_": "at most ", "": ""}[found[1]]
    axes = int(found[2]) - 1
    return f"it takes rows of {limit}{axes} {'axis' if axes == 1 else 'axes'}, these have {int(found[3]) - 1}"
