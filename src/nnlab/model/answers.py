"""What the values that a model gives stand for: the probability of each class, or the numbers themselves."""

from __future__ import annotations

import numpy as np

from nnlab.data.target_spec import TargetSpec
from nnlab.model.ending import Link


def answers(values: np.ndarray, target: TargetSpec, link: Link | None) -> np.ndarray:
    """Return what the values of an output stand for.

    Args:
        values: as the model gives them, `[..., rows, outputs]`.
        target: what the output predicts.
        link: what makes probabilities of logits or scores; `None` for values that are probabilities or numbers.

    Returns:
        The probability of each class or label, float64 `[..., rows, num_classes]`; of a regression the numbers, in the
        units of the data.
    """
    return _probabilities(values, target, link) if target.num_classes else target.in_own_units(_linked(values, link))


def _linked(values: np.ndarray, link: Link | None) -> np.ndarray:
    """Return the probabilities that logits or scores stand for, float64; other values as they are."""
    if link is None:
        return values
    values = values.astype(np.float64)
    if link == "sigmoid":
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)))
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _probabilities(values: np.ndarray, target: TargetSpec, link: Link | None) -> np.ndarray:
    """Return the probability of each class or label, float64 `[..., rows, num_classes]`."""
    p = np.clip(_linked(values.astype(np.float64), link), 0.0, 1.0)
    has_one_column = target.task == "binary" and values.shape[-1] != 2
    return np.concatenate([1.0 - p, p], axis=-1) if has_one_column else np.asarray(p)
