"""Pictures of shapes, of any size, place, angle and colours: what a network for pictures can be tried on."""

from __future__ import annotations

import numpy as np

from nnlab.data.registry import RawData

CLASS_NAMES = ("circle", "cross", "square", "triangle")
_AT_ONCE = 1000
"""Pictures that are drawn together."""


def shapes(samples: int, *, size: int, noise: float, seed: int) -> RawData:
    """Draw as many of each shape as of the others, give or take one, in random order.

    Args:
        samples: pictures.
        size: height and width in pixels.
        noise: standard deviation of what is added to each pixel; 1 is the whole range from black to white.
        seed: the same one gives the same pictures.

    Returns:
        Pictures `[samples, size, size, 3]` of bytes.
    """
    random = np.random.default_rng(seed)
    classes = random.permutation(np.arange(samples) % len(CLASS_NAMES))
    pictures = np.empty((samples, size, size, 3), np.uint8)
    for start in range(0, samples, _AT_ONCE):
        part = classes[start : start + _AT_ONCE]
        pictures[start : start + _AT_ONCE] = _drawn(part, size, noise, random)
    return RawData.of_one(pictures, classes, target="shape", class_names=CLASS_NAMES, task="classification")


def _drawn(classes: np.ndarray, size: int, noise: float, random: np.random.Generator) -> np.ndarray:
    """Draw shapes in one colour on another, which differ by a quarter of the range in each channel at least."""
    count = len(classes)
    background = random.uniform(0, 256, (count, 1, 1, 3))
    colour = (background + random.uniform(64, 192, (count, 1, 1, 3))) % 256
    inside = _inside(classes, size, random)[..., None]
    pixels = background + inside * (colour - background) + 255 * noise * random.normal(size=(count, size, size, 3))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _inside(classes: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """Return how much of each pixel is inside of the shape, `[shapes, size, size]`, by its distance from the edge."""
    count = len(classes)
    radius = random.uniform(0.2, 0.4, count) * size
    centre = random.uniform(0.42, 0.58, (2, count)) * size
    angle = random.uniform(0, 2 * np.pi, count)
    rows, columns = np.mgrid[:size, :size] + 0.5
    down, right = (grid - middle[:, None, None] for grid, middle in zip((rows, columns), centre, strict=True))
    cosine, sine = (function(angle)[:, None, None] for function in (np.cos, np.sin))
    x, y = cosine * right + sine * down, cosine * down - sine * right
    r = radius[:, None, None]
    distances = {
        "circle": np.hypot(x, y) - r,
        "cross": np.minimum(np.maximum(abs(x) - r, abs(y) - r / 3), np.maximum(abs(y) - r, abs(x) - r / 3)),
        "square": np.maximum(abs(x), abs(y)) - 0.85 * r,
        "triangle": np.max([x * np.cos(turn) + y * np.sin(turn) for turn in np.arange(3) * 2 * np.pi / 3], axis=0)
        - 0.55 * r,
    }
    every = np.stack([distances[name] for name in CLASS_NAMES])
    return np.asarray(np.clip(0.5 - every[classes, np.arange(count)], 0, 1))
