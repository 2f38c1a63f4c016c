"""Where the constants of an object come from, computed anew: what its formula alone does not say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from nnlab.config.components import Component

Explain = Callable[[], tuple[str, ...]]

_EXPLAINED: Final[dict[tuple[str, str], Explain]] = {}


def explains(kind: str, name: str) -> Callable[[Explain], Explain]:
    """Register a function that explains the object of a kind and a name in sentences."""

    def register(explain: Explain) -> Explain:
        _EXPLAINED[kind, name] = explain
        return explain

    return register


def explanation_of(component: Component) -> tuple[str, ...]:
    """Return what there is to say of an object's constants, a sentence each; nothing for most."""
    explain = _EXPLAINED.get((component.kind, component.name))
    return () if explain is None else explain()


def selu_constants() -> tuple[float, float]:
    """Return SELU's scale and alpha: those with which values of mean 0 and variance 1 keep both.

    With z normal, `selu(z) = scale * z` above 0 and `scale * alpha * (exp(z) - 1)` below. The mean is 0 if alpha
    balances the halves; then the scale makes the mean square 1.

    References:
        - [Klambauer et al., 2017](https://arxiv.org/abs/1706.02515)
    """
    below_1, below_2 = (math.erfc(deviations / math.sqrt(2)) / 2 for deviations in (1, 2))
    positive_mean = 1 / math.sqrt(2 * math.pi)
    negative_mean = math.exp(0.5) * below_1 - 0.5  # of exp(z) - 1
    alpha = -positive_mean / negative_mean
    negative_square = math.exp(2) * below_2 - 2 * math.exp(0.5) * below_1 + 0.5
    return 1 / math.sqrt(0.5 + alpha**2 * negative_square), alpha


@explains("activations", "selu")
def _selu() -> tuple[str, ...]:
    scale, alpha = selu_constants()
    return (
        f"selu(x) = {scale:.7f} x above 0, and {scale:.7f} * {alpha:.7f} (exp(x) - 1) below",
        "the two constants are those with which normal values of mean 0 and variance 1 have the same mean and variance "
        "behind the function (a fixed point, to which deep networks of it are drawn):",
        f"alpha = sqrt(1 / (2 pi)) / (1/2 - sqrt(e) P(z < -1)) = {alpha:.7f} makes the mean 0",
        "scale = 1 / sqrt(1/2 + alpha^2 (e^2 P(z < -2) - 2 sqrt(e) P(z < -1) + 1/2)) "
        f"= {scale:.7f} makes the variance 1",
    )
