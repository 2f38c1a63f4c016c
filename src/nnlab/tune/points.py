"""The values of a space one by one: what a grid tries, and how many different ones there are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice

from nnlab.tune.space import Hyperparameter, Space

GRID_POINTS = 10
"""Values of a number without `step` in a grid, evenly spaced, both ends among them."""


def grid_points(parameter: Hyperparameter) -> list[int | float]:
    """Return the values of a number in a grid, such as `[0.1, 0.3, 0.5]` of `float: [0.1, 0.5], step: 0.2`."""
    config = parameter.config
    low, high = config.ends
    is_log = config.sampling in ("log", "reverse_log")
    if config.step is not None:
        ratio = math.log(high / low, config.step) if is_log else (high - low) / config.step
        places: list[float] = list(range(math.floor(ratio + 1e-9) + 1))
        points = [low * config.step**i if is_log else low + i * config.step for i in places]
        points = [high + low - point for point in points] if config.sampling == "reverse_log" else points
    else:
        count = min(GRID_POINTS, int(high - low) + 1) if config.int_ else GRID_POINTS
        shares = [i / max(count - 1, 1) for i in range(count)]
        points = [_between(low, high, share, config.sampling or "linear") for share in shares]
    values = [round(point) if config.int_ else float(f"{point:.12g}") for point in points]
    return list(dict.fromkeys(values))


def _between(low: float, high: float, share: float, sampling: str) -> float:
    if sampling == "linear":
        return low + share * (high - low)
    if sampling == "log":
        return low * math.pow(high / low, share)
    return high + low - low * math.pow(high / low, 1 - share)


def count_points(space: Space, most: int, *, grid: bool = False) -> int:
    """Return how many different sets of values there are, counted no further than one above `most`.

    Args:
        space: what is searched.
        most: where counting may end.
        grid: whether numbers without `step` have the values of a grid alone.
    """
    return sum(1 for _ in islice(_points(space, most + 1, grid=grid), most + 1))


def _points(space: Space, most: int, *, grid: bool) -> Iterator[None]:
    def below(number: int, codes: dict[str, int | float]) -> Iterator[None]:
        if number == len(space.parameters):
            yield None
            return
        parameter = space.parameters[number]
        if not space.takes_part(parameter, codes):
            yield from below(number + 1, codes)
            return
        for code in _codes(parameter, most, grid=grid):
            yield from below(number + 1, {**codes, parameter.path: code})

    return below(0, {})


def _codes(parameter: Hyperparameter, most: int, *, grid: bool) -> Sequence[int | float]:
    """Return the codes of a parameter; for a continuous one as many as anybody counts."""
    config = parameter.config
    if config.choices:
        return range(len(config.choices))
    if grid or config.step is not None:
        return grid_points(parameter)
    low, high = config.ends
    return range(int(low), int(high) + 1) if config.int_ else range(most if low < high else 1)
