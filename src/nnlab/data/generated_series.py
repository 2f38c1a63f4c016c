"""Generated time series: rows that follow one another, of which later ones are predicted."""

from __future__ import annotations

import numpy as np

from nnlab.data.registry import RawData


def electricity(hours: int, *, noise: float, seed: int) -> RawData:
    """The load of a town by the hour.

    It is the sum of a day (two peaks, which a weekend does not have), of heating below 15 degrees and cooling above 22,
    and of a slow drift that nobody knows; the temperature has a day, a year and weather of its own.

    Args:
        hours: rows, from a Monday on.
        noise: standard deviation of what an hour adds by itself, as a share of the mean load.
        seed: 0 to 2**32 - 1.
    """
    random = np.random.default_rng(seed)
    hour = np.arange(hours)
    of_day, weekend = hour % 24, hour // 24 % 7 >= 5
    weather = _remembering(random.normal(0, 0.5, hours), 0.99)
    temperature = 14 - 9 * np.cos(2 * np.pi * hour / 8766) - 4 * np.cos(2 * np.pi * (of_day - 3) / 24) + weather
    peaks = np.exp(-(((of_day - 8) / 2) ** 2)) + 1.3 * np.exp(-(((of_day - 19) / 3) ** 2))
    weathered = 1.2 * np.maximum(15 - temperature, 0) + 2.0 * np.maximum(temperature - 22, 0)
    drift = _remembering(random.normal(0, 0.3, hours), 0.98)
    load = 40 + np.where(weekend, 6 * np.exp(-(((of_day - 14) / 5) ** 2)), 18 * peaks) + weathered + drift
    load += noise * 50 * random.normal(0, 1, hours)
    angle = 2 * np.pi * of_day / 24
    columns = {
        "load": load,
        "temperature": temperature,
        "hour_sin": np.sin(angle),
        "hour_cos": np.cos(angle),
        "weekend": weekend.astype(np.float64),
    }
    x = np.stack(list(columns.values()), axis=1)
    return RawData.of_one(x, load, target="load", feature_names=tuple(columns), task="regression")


def _remembering(shocks: np.ndarray, share: float) -> np.ndarray:
    """Return a series of which each value keeps a share of the one before, `[values]`."""
    values = np.empty_like(shocks)
    value = 0.0
    for i, shock in enumerate(shocks.tolist()):
        value = share * value + shock
        values[i] = value
    return values
