"""Functions of one number, as rows (x, y): what a network with one input can be seen to approximate.

x is drawn evenly from an interval around 0, y is the function's value plus normal noise; the same seed gives the same
rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nnlab.data.registry import RawData


def sine(samples: int, *, noise: float, seed: int) -> RawData:
    """One period of the sine, from -pi to pi."""
    return _rows(np.sin, np.pi, samples, noise=noise, seed=seed)


def step(samples: int, *, noise: float, seed: int) -> RawData:
    """From -2 to 2: 0 below 0, and 1 from 0 on."""
    return _rows(lambda x: np.where(x >= 0, 1.0, 0.0), 2.0, samples, noise=noise, seed=seed)


def bump(samples: int, *, noise: float, seed: int) -> RawData:
    """From -2 to 2: 1 between -1 and 1, and 0 elsewhere; the difference of two steps."""
    return _rows(lambda x: np.where(np.abs(x) <= 1, 1.0, 0.0), 2.0, samples, noise=noise, seed=seed)


def _rows(
    function: Callable[[np.ndarray], np.ndarray], end: float, samples: int, *, noise: float, seed: int
) -> RawData:
    random = np.random.default_rng(seed)
    x = random.uniform(-end, end, samples)
    y = function(x) + noise * random.normal(0.0, 1.0, samples)
    return RawData.of_one(x[:, None], y, target="y", feature_names=("x",), task="regression")
