"""Two classes in the plane, after TensorFlow Playground's pictures.

Coordinates lie in about -6 to 6, half of the points belong to each class (the first class has the odd one),
and the same seed gives the same points. Two differences from the Playground: noise moves the points and never
flips their labels, and rows come in random order.

Source: https://github.com/tensorflow/playground/blob/master/src/dataset.ts
"""

from __future__ import annotations

import numpy as np

from nnlab.data.registry import RawData

_RADIUS = 5.0
_XOR_GAP = 0.3
CLASS_NAMES = ("orange", "blue")
"""The Playground's colours of the classes -1 and 1."""


def circle(samples: int, *, noise: float, seed: int) -> RawData:
    """Blue disc of radius 2.5 inside an orange ring from 3.5 to 5; noise moves points by 5 x `noise`."""
    random = np.random.default_rng(seed)
    orange, blue = _halves(samples)
    radius = np.concatenate([random.uniform(0.7 * _RADIUS, _RADIUS, orange), random.uniform(0.0, 0.5 * _RADIUS, blue)])
    angle = random.uniform(0.0, 2 * np.pi, samples)
    points = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    return _shuffled(points + noise * random.uniform(-_RADIUS, _RADIUS, points.shape), random)


def xor(samples: int, *, noise: float, seed: int) -> RawData:
    """Four squares up to 5.3, 0.6 apart, blue where both coordinates have one sign; noise as in `circle`."""
    random = np.random.default_rng(seed)
    orange, _ = _halves(samples)
    size = random.uniform(0.0, _RADIUS, (samples, 2)) + _XOR_GAP
    first_sign = random.choice([-1.0, 1.0], samples)
    second_sign = np.where(np.arange(samples) < orange, -first_sign, first_sign)
    points = size * np.stack([first_sign, second_sign], axis=1)
    return _shuffled(points + noise * random.uniform(-_RADIUS, _RADIUS, points.shape), random)


def gauss(samples: int, *, noise: float, seed: int) -> RawData:
    """Clouds around (-2, -2) and (2, 2); their variance grows from 0.5 without noise to 4 at `noise` 0.5."""
    random = np.random.default_rng(seed)
    orange, _ = _halves(samples)
    center = np.where(np.arange(samples) < orange, -2.0, 2.0)[:, None]
    deviation = np.sqrt(0.5 + 7.0 * noise)
    return _shuffled(center + random.normal(0.0, deviation, (samples, 2)), random)


def spiral(samples: int, *, noise: float, seed: int) -> RawData:
    """Two spirals of 1.75 turns out to radius 5, half a turn apart; noise moves points by up to `noise`."""
    random = np.random.default_rng(seed)
    arms = [_spiral_arm(size, start) for size, start in zip(_halves(samples), (np.pi, 0.0), strict=True)]
    points = np.concatenate(arms)
    return _shuffled(points + noise * random.uniform(-1.0, 1.0, points.shape), random)


def _spiral_arm(size: int, start: float) -> np.ndarray:
    share = np.arange(size) / size
    angle = 1.75 * share * 2 * np.pi + start
    return np.stack([_RADIUS * share * np.sin(angle), _RADIUS * share * np.cos(angle)], axis=1)


def moons(samples: int, *, noise: float, seed: int) -> RawData:
    """Scikit-learn's `make_moons`, moved to the middle and 4 times as large; `noise` is as there."""
    random = np.random.default_rng(seed)
    upper, lower = (np.linspace(0.0, np.pi, size) for size in _halves(samples))
    points = np.concatenate(
        [
            np.stack([np.cos(upper), np.sin(upper)], axis=1),
            np.stack([1.0 - np.cos(lower), 0.5 - np.sin(lower)], axis=1),
        ]
    )
    points = points + random.normal(0.0, 1.0, points.shape) * noise
    return _shuffled(4.0 * (points - [0.5, 0.25]), random)


def _halves(samples: int) -> tuple[int, int]:
    return samples - samples // 2, samples // 2


def _shuffled(points: np.ndarray, random: np.random.Generator) -> RawData:
    orange, blue = _halves(len(points))
    order = random.permutation(len(points))
    return RawData.of_one(
        points[order],
        np.repeat([0, 1], [orange, blue])[order],
        target="color",
        feature_names=("x1", "x2"),
        class_names=CLASS_NAMES,
        task="classification",
    )
