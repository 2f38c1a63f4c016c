"""Optimizers that take smaller (or larger) steps with the weights of some layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from nnlab import catalog
from nnlab.private.keras import ScaledSteps

_COMPUTES_WEIGHTS_ANEW = (keras.optimizers.Ftrl, keras.optimizers.ScheduleFreeAdamW)
"""They make the weights of sums that they keep, at each step: the step to scale is that of the sums, by the rate."""


def _scaled(base: type[keras.optimizers.Optimizer]) -> type[keras.optimizers.Optimizer]:
    """Return the class of an optimizer with a factor for the steps of each variable, registered for saved models."""
    name = f"{base.__name__}WithStepFactors"
    doc = f"`{base.__name__}` whose step with each variable is multiplied by a factor, weight decay included."
    scales_rate = issubclass(base, _COMPUTES_WEIGHTS_ANEW)
    facts = {"__doc__": doc, "__module__": __name__, "scales_rate": scales_rate, "stands_in": True}
    made: type[keras.optimizers.Optimizer] = type(name, (ScaledSteps, base), facts)
    registered: type[keras.optimizers.Optimizer] = keras.saving.register_keras_serializable(package="nnlab")(made)
    return registered


_NAMES = sorted({entry.object for entry in catalog.entries("optimizers").values()})
WITH_FACTORS = {base: _scaled(base) for base in (getattr(keras.optimizers, name) for name in _NAMES)}
"""Each of the optimizers that a config may name, and the class of it that has factors."""


def __getattr__(name: str) -> Any:
    """Return one of these classes by its name, as if it stood in this module."""
    for made in WITH_FACTORS.values():
        if made.__name__ == name:
            return made
    raise AttributeError(name)


def with_step_factors(optimizer: Any, factors: Sequence[float]) -> Any:
    """Return an optimizer that multiplies its steps; the one that is given if all factors are 1.

    Args:
        optimizer: one of Keras's, not yet built.
        factors: one for each trainable variable of the model, in their order.
    """
    if all(factor == 1 for factor in factors):
        return optimizer
    return WITH_FACTORS[type(optimizer)].from_config({**optimizer.get_config(), "factors": list(factors)})
