"""One program for trainings whose layers differ in their widths: traced once, for weights of unknown size.

To trace a program takes longer than a short training. What a program does, unless XLA or TensorFlow rewrites it, does
not depend on the size of weights, except where Keras looks at sizes while it is traced. So the first training of a
kind has a program of its own, and with another width comes one for all widths; it is used if it gives every bit of the
first one's. Where it does not, or cannot be made, each width has a program of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from nnlab.engine.batches import EVALUATION_BATCH_SIZE, Batches
from nnlab.engine.reuse import LentLoop, Programs, plain_numbers, state, with_variables
from nnlab.private.keras import biases_of_any_size, let_sizes_vary, set_storage, storage

STEPS_COMPARED = 20
"""Of an epoch, besides its last one: sums in another order show in the first few."""

Sizes: TypeAlias = Sequence[tuple[int | None, ...]]
"""Those of all variables of a training, `None` where trainings that share a program differ."""


class WideLoop(LentLoop):
    """A loop for models of one structure and any width but 1.

    The model that is trained stays the one that callbacks see: its variables are those of the program meanwhile.

    Args:
        model: for the program alone, compiled.
        batches: the training rows.
        sizes: of its variables.
        another: makes one more such model.
    """

    def __init__(
        self, model: keras.Model, batches: Batches, sizes: Sizes, *, another: Callable[[], keras.Model]
    ) -> None:
        self.sizes = sizes
        self._numbers = plain_numbers(with_variables(model))
        self._variables = state(model)
        self._own: list[tf.Variable] = []
        let_sizes_vary(self._variables, sizes, model.optimizer)
        with biases_of_any_size():
            super().__init__(model, batches, xla=False, another=another)

    def lend(self, model: keras.Model) -> None:
        """See `LentLoop`."""
        self.model = model
        self._own = [storage(variable) for variable in state(model)]
        for variable, own, program in zip(state(model), self._own, map(storage, self._variables), strict=True):
            program.assign(own)
            set_storage(variable, program)
        for (source, name), (target, _) in zip(plain_numbers(model), self._numbers, strict=True):
            getattr(target, name).assign(getattr(source, name))

    def finish(self) -> None:
        """See `Loop`."""
        for variable, own in zip(state(self.model), self._own, strict=True):
            own.assign(storage(variable))
            set_storage(variable, own)


def wide_loop(
    programs: Programs, keys: tuple[str, str], model: keras.Model, batches: Batches, another: Callable[[], keras.Model]
) -> WideLoop | None:
    """Return a loop for any width, lent to a model; `None` if the model is to have a program of its own.

    Args:
        programs: those of earlier trainings.
        keys: of the model's own program, and the same for trainings that differ in widths.
        model: the model to train, compiled; its steps are not rewritten by TensorFlow.
        batches: the training rows.
        another: makes one more such model.
    """
    own, kind = keys
    if programs.look_up(own) is not None:
        return None
    kept = programs.look_up(kind)
    if not isinstance(kept, WideLoop) or _common(kept.sizes, _sizes(model)) != kept.sizes:
        kept = _new(programs, keys, model, batches, another)
    if kept is None or _is_narrow(model, kept.sizes):
        return None
    programs.keep(kind, kept)
    kept.set_batches(batches)
    kept.lend(model)
    return kept


def _new(
    programs: Programs, keys: tuple[str, str], model: keras.Model, batches: Batches, another: Callable[[], keras.Model]
) -> WideLoop | None:
    """Make a loop for this model, the first one of the kind, and what was trained in the loop that there is."""
    own, kind = keys
    if kind in programs.firsts and programs.firsts[kind] is None:
        return None
    first, before = programs.look_up(programs.firsts.get(kind)), programs.look_up(kind)
    sizes = None if first is None else _common(_sizes(first.model), _sizes(model))
    if sizes is not None and isinstance(before, WideLoop):
        sizes = _common(sizes, before.sizes)
    if first is None or sizes is None or _is_narrow(first.model, sizes):
        programs.firsts[kind] = own
        return None
    if _is_narrow(model, sizes):
        return None
    try:
        loop = WideLoop(another(), batches, sizes, another=another)
        is_sound = give_the_same(first, loop)
    except Exception:  # whatever Keras or TensorFlow cannot do with weights of unknown size
        is_sound = False
    if not is_sound:
        programs.firsts[kind] = None
        return None
    return loop


def give_the_same(first: LentLoop, wide: WideLoop) -> bool:
    """Return whether two programs compute the same, and take a model to the same bits: variables, losses, metrics.

    Numbers alone do not tell, as sums of few terms may agree in any order; nor do operations, some of which may hold
    the sizes of one model. For weights of unknown size there may be more, which work sizes out, but none is missing.
    """
    if set(first.operations() - wide.operations()) - {"Const"}:
        return False
    batches = first.batches
    wide.set_batches(batches)
    order = tf.constant(batches.order(0))
    whole, rest = batches.steps
    last = whole + bool(rest) - 1
    results = []
    for loop in (first, wide):
        model = first.another()
        loop.lend(model)
        figures = [
            loop.take_steps(order, 0, min(STEPS_COMPARED, last)),
            loop.take_steps(order, last, last + 1),
            loop.evaluate(batches.train.take(slice(EVALUATION_BATCH_SIZE))),
        ]
        values = [variable.numpy() for variable in state(loop.model)]
        results.append([np.asarray(value).tobytes() for value in [*values, *(list(each.values()) for each in figures)]])
    return results[0] == results[1]


def _sizes(model: keras.Model) -> Sizes:
    return [tuple(variable.shape) for variable in state(model)]


def _common(some: Sizes, others: Sizes) -> Sizes | None:
    """Return the sizes that both are of; `None` if there are none."""
    if [len(size) for size in some] != [len(size) for size in others]:
        return None
    return [tuple(a if a == b else None for a, b in zip(*pair, strict=True)) for pair in zip(some, others, strict=True)]


def _is_narrow(model: keras.Model, sizes: Sizes) -> bool:
    """Return whether a model is 1 wide where sizes vary, which Keras and TensorFlow take for a value for all."""
    pairs = zip(_sizes(model), sizes, strict=True)
    return any(width == 1 and size is None for pair in pairs for width, size in zip(*pair, strict=True))
