"""Watch the layers of a model while it computes: what they get, what they give, and what their activations get."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import keras
import tensorflow as tf

from nnlab.engine.loops import unchanged
from nnlab.inspection.weights import ShownLayer
from nnlab.private.keras import layers_inside, seed_generators
from nnlab.wording import counted

Tensors: TypeAlias = Mapping[str, tf.Tensor]


@dataclass(eq=False)
class Call:
    """What was seen of one call of a layer; tensors by kind, then by number or name."""

    name: str
    layer: keras.Layer
    number: int
    values: dict[str, Tensors] = field(default_factory=dict)
    activated: list[tf.Tensor] = field(default_factory=list)
    activation: str | None = None
    notes: list[str] = field(default_factory=list)


class Watch:
    """Keeps what layers do while a model is called, and lets a tape follow all of it.

    Args:
        layers: which.
        tape: records; it is told of every tensor, so that it knows gradients before the first weight, too.
        training: how the model is called.

    Attributes:
        calls: in their order.
    """

    def __init__(self, layers: Sequence[ShownLayer], tape: tf.GradientTape, *, training: bool) -> None:
        self._layers = layers
        self._tape, self._training = tape, training
        self._open: list[Call] = []
        self.calls: list[Call] = []

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Watch for the time being; the layers are as they were afterwards."""
        inside = {id(inner): inner for shown in self._layers for inner in layers_inside(shown.layer)}
        with contextlib.ExitStack() as replaced:
            for inner in inside.values():
                activation = vars(inner).get("activation")
                if callable(activation):
                    replaced.enter_context(_replaced(inner, "activation", self._watched_activation(activation)))
            for shown in self._layers:
                replaced.enter_context(_replaced(shown.layer, "call", self._watched(shown)))
            yield

    def _watched(self, shown: ShownLayer) -> Callable[..., Any]:
        original = shown.layer.call
        differs = "training" in inspect.signature(original).parameters and _has_state(shown.layer)

        def called(*args: Any, **kwargs: Any) -> Any:
            number = 1 + sum(call.layer is shown.layer for call in self.calls)
            call = Call(shown.name, shown.layer, number)
            self.calls.append(call)
            self._keep(call, "inputs", _arguments(args, kwargs))
            both = differs and tf.executing_eagerly()
            before = _states(shown.layer) if both else []
            self._open.append(call)
            outputs = original(*args, **kwargs)
            self._open.pop()
            self._keep_pre_activations(call)
            self._keep(call, "outputs", _named(outputs))
            if both and call.values["outputs"]:
                other = not kwargs.get("training", self._training)
                with self._tape.stop_recording(), _as_before(before, shown.layer):
                    otherwise = original(*args, **{**kwargs, "training": other})
                self._keep(call, "training_outputs" if other else "inference_outputs", _named(otherwise))
            return outputs

        return called

    def _watched_activation(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def activated(x: Any, *args: Any, **kwargs: Any) -> Any:
            if self._open:
                self._follow([x])
                self._open[-1].activated.append(x)
                self._open[-1].activation = getattr(original, "__name__", None) or getattr(original, "name", None)
            return original(x, *args, **kwargs)

        return activated

    def _keep_pre_activations(self, call: Call) -> None:
        found = [tensor for tensor in call.activated if _is_value(tensor)]
        if len(found) == 1 and len(call.activated) == 1:
            if not any(found[0] is tensor for tensor in call.values["inputs"].values()):
                call.values["pre_activations"] = {"": found[0]}
        elif call.activated:
            uses = counted(len(call.activated), "activation")
            call.notes.append(f"{uses} inside: the values within its own steps are not shown")
            call.activation = None

    def _keep(self, call: Call, kind: str, tensors: Mapping[str, Any]) -> None:
        found = {name: tensor for name, tensor in tensors.items() if _is_value(tensor)}
        self._follow(found.values())
        call.values[kind] = found
        if len(found) < len(tensors):
            call.notes.append(f"some of its {kind} are computed inside a compiled part, or are sparse: not shown")

    def _follow(self, tensors: Any) -> None:
        for tensor in tensors:
            if _is_value(tensor) and tensor.dtype.is_floating:
                self._tape.watch(tensor)


def _is_value(tensor: Any) -> bool:
    return isinstance(tensor, tf.Tensor) and not tf.is_symbolic_tensor(tensor) and tensor.dtype != tf.string


def _arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tensors that a layer gets, by number or name."""
    named = _named(args[0]) if len(args) == 1 else _named(args)
    return named | {name: value for name, value in kwargs.items() if tf.is_tensor(value) and not name.endswith("mask")}


def _named(structure: Any) -> dict[str, Any]:
    """Return the tensors of a structure by number or name; an only one has none."""
    if isinstance(structure, Mapping):
        return {str(name): value for name, value in structure.items()}
    found = [value for value in keras.tree.flatten(structure) if value is not None]
    return {"": found[0]} if len(found) == 1 else {str(i): value for i, value in enumerate(found)}


def _has_state(layer: keras.Layer) -> bool:
    """Whether a layer draws random numbers or keeps statistics, and so may give something else in training."""
    is_random = any(seed_generators(inner) for inner in layers_inside(layer))
    return is_random or bool(layer.non_trainable_variables)


def _states(layer: keras.Layer) -> list[Any]:
    return [variable.numpy() for variable in layer.variables]


@contextlib.contextmanager
def _as_before(before: Sequence[Any], layer: keras.Layer) -> Iterator[None]:
    """Put the state of a layer back for the time being."""
    with unchanged(layer.variables):
        for variable, value in zip(layer.variables, before, strict=True):
            variable.assign(value)
        yield


@contextlib.contextmanager
def _replaced(layer: keras.Layer, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Give a layer another function for the time being, past Keras's own `__setattr__`, which would track it."""
    own = vars(layer).get(name)
    object.__setattr__(layer, name, function)
    try:
        yield
    finally:
        if own is None:
            object.__delattr__(layer, name)
        else:
            object.__setattr__(layer, name, own)
