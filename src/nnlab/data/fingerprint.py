"""A fingerprint of each row, by which it is known again wherever it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

_CHUNK_VALUES = 1 << 15
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def hash_rows(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Hash the rows of arrays `[rows, ...]` that belong together.

    Text, objects `[rows]` with `None` where one is missing, is hashed as such. Numbers are compared as what a network
    can tell apart: as float32, so that float64 written out as float32, or
    whole numbers written with a point, are the same row.

    Returns:
        uint64 `[rows]`. Different rows share a hash with a probability of about 2**-57 a pair.
    """
    return mix_all(_hash_texts(array) if array.dtype == object else _hash_array(array) for array in arrays)


def hash_classes(codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Hash classes by their names, so that they may be numbered otherwise; `codes` is `[rows]`, uint64 comes back."""
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    numbers: np.ndarray = np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)
    return np.asarray(numbers[codes])


def mix_all(hashes: Iterable[np.ndarray]) -> np.ndarray:
    """Make one hash of several, in which their order counts; each is uint64 `[rows]`."""
    total = np.zeros(0, np.uint64)
    for number, hash_ in enumerate(hashes):
        total = total if number else np.zeros(len(hash_), np.uint64)
        for start in range(0, len(total), _CHUNK_VALUES):  # what fits into the processor's cache
            part = total[start : start + _CHUNK_VALUES]
            part += _GOLDEN + hash_[start : start + _CHUNK_VALUES]
            part[:] = _mix(part)
    return total


def _hash_texts(texts: np.ndarray) -> np.ndarray:
    """Return uint64 `[rows]`."""
    import pandas as pd

    codes, different = pd.factorize(texts)
    return hash_classes(codes, [*map(str, different), ""])  # -1, a missing one, takes the last


def _hash_array(array: np.ndarray) -> np.ndarray:
    """Multiply the bits of a row's values, two at a time, with odd random numbers, and add them up modulo 2**64.

    This is multilinear hashing (Lemire & Kaser, 2014, https://arxiv.org/abs/1202.4961); the bits are spread first,
    because those of short numbers end in zeros.
    """
    values = array.reshape(len(array), -1)
    width = values.shape[1]
    pairs = (width + 1) // 2
    factors = _mix(np.arange(1, pairs + 1, dtype=np.uint64) * _GOLDEN) | np.uint64(1)
    hashes = np.empty(len(values), np.uint64)
    step = min(max(1, _CHUNK_VALUES // max(width, 1)), max(len(values), 1))
    chunk = np.zeros((step, 2 * pairs), np.float32)
    for start in range(0, len(values), step):
        part = values[start : start + step]
        numbers = chunk[: len(part)]
        numbers[:, :width] = part
        numbers += np.float32(0)  # -0.0 is 0.0
        bits = numbers.view(np.uint64)
        bits = bits ^ (bits >> np.uint64(32))
        bits ^= bits >> np.uint64(16)
        hashes[start : start + step] = bits @ factors
    return hashes


def _mix(x: np.ndarray) -> np.ndarray:
    """Let each bit depend on every other: the last step of SplitMix64 (Steele, Lea & Flood, 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = x ^ (x >> np.uint64(31))
    return mixed
