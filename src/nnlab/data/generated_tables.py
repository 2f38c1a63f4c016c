"""Tables as people have them, made up: sentences, and a table with columns of every kind.

The same seed gives the same rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

OPINIONS = ("negative", "positive")
"""What a sentence of `reviews` says."""

_THINGS = (
    "the film", "the food", "the hotel", "the service", "the music", "the room", "the book", "the story", "the beach",
    "the weather", "the bread", "the guide", "the museum", "the soup", "the ending", "the view", "the staff", "the bus",
)  # fmt: skip
_WORDS = (
    ("bad", "awful", "dull", "boring", "cold", "dirty", "sad", "slow", "terrible", "weak", "noisy", "bitter"),
    ("good", "lovely", "great", "exciting", "warm", "clean", "funny", "quick", "wonderful", "strong", "calm", "sweet"),
)
"""Adjectives of either opinion."""
_VERBS = ("was", "seemed", "looked", "felt")
_DEGREES = ("", "", "really", "very", "rather", "quite")
_BEGINNINGS = (
    "", "", "", "we went there in may and", "my sister said that", "to be honest", "after three days i think",
    "as everyone told us", "it rained all week and", "i paid a lot for it and",
)  # fmt: skip
_CITIES = (
    "Oslo", "Rome", "Lima", "Bonn", "Paris", "Porto", "Kyoto", "Delhi", "Quito", "Accra", "Cairo", "Dakar", "Hanoi",
    "Izmir", "Leeds", "Malmo", "Milan", "Nantes", "Osaka", "Perth", "Riga", "Seoul", "Sofia", "Split", "Tunis", "Turin",
    "Vilnius", "Vienna", "Warsaw", "Zagreb",
)  # fmt: skip
_WISHES = (
    ("we may have to change our plans", "please tell me how to cancel", "not sure yet how many of us will come"),
    ("it is our anniversary and we look forward to it", "we have booked the train", "a quiet room with a view please"),
    ("do you have a place for bicycles", "we arrive late in the evening", "one of us eats no meat"),
)
_ENDINGS = ("", "", "thank you", "with kind regards", "and thanks a lot", "please let me know", "see you soon")
_FIRST_DAY = np.datetime64("2021-01-01")


def reviews(samples: int, *, noise: float, seed: int) -> pd.DataFrame:
    """Return sentences and their opinion, of which a share `noise` is wrong.

    `not` turns the word behind it round, and of two opinions with `but` between them the second one counts.
    """
    import pandas as pd

    random = np.random.default_rng(seed)
    texts, said = [], random.integers(0, 2, samples)
    for opinion in said:
        parts = [_one_of(_BEGINNINGS, random)]
        if random.random() < 0.3:
            parts += [_clause(1 - opinion, random), "but"]
        texts.append(" ".join(filter(None, [*parts, _clause(opinion, random)])))
    labels = np.where(random.random(samples) < noise, 1 - said, said)
    return pd.DataFrame({"review": texts, "opinion": [OPINIONS[label] for label in labels]})


def _clause(opinion: int, random: np.random.Generator) -> str:
    is_negated = random.random() < 0.4
    words = [_one_of(_THINGS, random), _one_of(_VERBS, random), *(["not"] if is_negated else [])]
    words += [_one_of(_DEGREES, random), _one_of(_WORDS[1 - opinion if is_negated else opinion], random)]
    return " ".join(filter(None, words))


def bookings(samples: int, *, noise: float, seed: int) -> pd.DataFrame:
    """Return bookings of rooms and whether they were cancelled: ids, dates, classes, numbers and text, some missing.

    The log odds are a sum of what the columns say, and are drawn from at a temperature of `noise`.
    """
    import pandas as pd

    random = np.random.default_rng(seed)
    weights = 1 / np.arange(2, len(_CITIES) + 2)
    cities = random.choice(len(_CITIES), samples, p=weights / weights.sum())
    of_city = np.random.default_rng(0).normal(0.0, 1.5, len(_CITIES))  # a city is what it is, whatever the seed
    days = random.integers(0, 3 * 365, samples)
    rooms = random.choice(3, samples, p=[0.5, 0.35, 0.15])
    prices = np.round(np.exp(random.normal(4.3, 0.4, samples)) * np.array([1.0, 1.5, 3.0])[rooms], 2)
    ages = random.integers(18, 85, samples).astype(np.float64)
    members = random.random(samples) < 0.4
    wishes = random.choice(len(_WISHES) + 1, samples, p=[0.25, 0.25, 0.2, 0.3])
    has_age, has_price, has_membership = (random.random(samples) > share for share in (0.2, 0.05, 0.1))
    odds = of_city[cities] + 1.5 * np.sin(2 * np.pi * days / 365.25) + 1.5 * (np.log(prices) - 4.8) - 2.0 * members
    odds += np.array([2.5, -2.5, 0.0, 0.0])[wishes] + np.where(has_age, (ages - 50) / 20, 1.0)
    is_cancelled = odds + noise * random.logistic(0.0, 1.0, samples) > 0
    return pd.DataFrame(
        {
            "booking": random.permutation(samples) + 100_000,
            "arrival": np.datetime_as_string(_FIRST_DAY + days),
            "city": np.array(_CITIES, dtype=object)[cities],
            "room": np.array(["single", "double", "suite"], dtype=object)[rooms],
            "age": np.where(has_age, ages, np.nan),
            "price": np.where(has_price, prices, np.nan),
            "member": [
                str(value).lower() if there else None for value, there in zip(members, has_membership, strict=True)
            ],
            "wish": [_wish(kind, random) for kind in wishes],
            "cancelled": np.where(is_cancelled, "yes", "no"),
        }
    )


def _wish(kind: int, random: np.random.Generator) -> str | None:
    if kind == len(_WISHES):
        return None
    parts = [_one_of(_BEGINNINGS, random) if random.random() < 0.3 else "", _one_of(_WISHES[kind], random)]
    return " ".join(filter(None, [*parts, _one_of(_ENDINGS, random)]))


def _one_of(words: tuple[str, ...], random: np.random.Generator) -> str:
    return words[random.integers(len(words))]


def electricity(hours: int, *, noise: float, seed: int) -> pd.DataFrame:
    """Return the load of a town by the hour, from a Monday on, and the temperature.

    The load is the sum of a day with two peaks, which a weekend does not have, of heating below 15 degrees and cooling
    above 22, and of a slow drift that nobody knows; the temperature has a day, a year and weather of its own. To that
    an hour adds a normal number, whose deviation is a share `noise` of 50 MW.
    """
    import pandas as pd

    random = np.random.default_rng(seed)
    hour = np.arange(hours)
    of_day, weekend = hour % 24, hour // 24 % 7 >= 5
    weather = _remembering(random.normal(0, 0.5, hours), 0.99)
    temperature = 14 - 9 * np.cos(2 * np.pi * hour / 8766) - 4 * np.cos(2 * np.pi * (of_day - 3) / 24) + weather
    peaks = 18 * (np.exp(-(((of_day - 8) / 2) ** 2)) + 1.3 * np.exp(-(((of_day - 19) / 3) ** 2)))
    day = np.where(weekend, 6 * np.exp(-(((of_day - 14) / 5) ** 2)), peaks)
    weathered = 1.2 * np.maximum(15 - temperature, 0) + 2.0 * np.maximum(temperature - 22, 0)
    drift = _remembering(random.normal(0, 0.3, hours), 0.98)
    load = 40 + day + weathered + drift + noise * 50 * random.normal(0, 1, hours)
    times = pd.date_range("2024-01-01", periods=hours, freq="h")
    return pd.DataFrame({"time": times, "temperature": temperature.round(2), "load": load.round(3)})


def _remembering(shocks: np.ndarray, share: float) -> np.ndarray:
    """Return a series of which each value keeps a share of the one before, `[values]`."""
    values, value = np.empty_like(shocks), 0.0
    for i, shock in enumerate(shocks.tolist()):
        value = share * value + shock
        values[i] = value
    return values
