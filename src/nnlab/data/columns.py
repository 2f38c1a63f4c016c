"""Which columns are features and which are targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from nnlab.config.schema import DataConfig
from nnlab.data.registry import RawData
from nnlab.errors import DataError, Problem, did_you_mean, one_of

AUTOENCODER = ("inputs",)
"""The `target` that means: what comes in shall come out."""


def choose_columns(config: DataConfig, names: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the numbers of the feature columns and of the target columns of a table.

    A whole number in the config is a column's number, from 0 (-1 for the last), unless a column is called so.

    Raises:
        DataError: with every name that is not there and every column that stands twice.
    """
    assert config.target is not None, "the schema requires `target` here"
    problems: list[Problem] = []
    if config.target == AUTOENCODER and "inputs" not in names:
        every = range(len(names))
        features = list(every) if config.features is None else _find_all("features", config.features, names, problems)
        if problems:
            raise DataError(problems)
        return features, features[:1]  # any column: `as_autoencoder` puts the inputs in its place
    targets = _find_all("target", config.target, names, problems)
    if config.features is None:
        features = [column for column in range(len(names)) if column not in targets]
    else:
        features = _find_all("features", config.features, names, problems)
        problems += _both(features, targets, names)
    if not targets and not problems:
        problems.append(Problem("`target` names no column", one_of(names), path=("data", "target")))
    if not features and not problems:
        message = "no column is left as a feature: all are targets"
        problems.append(Problem(message, path=("data", "target")))
    if problems:
        raise DataError(problems)
    return features, targets


def select_features(raw: RawData, wanted: Sequence[str | int]) -> RawData:
    """Keep some columns of rows that are not images.

    Raises:
        DataError: when the rows have no columns, or a wanted one is not there.
    """
    if raw.x.ndim != 2:
        message = f"rows of shape {raw.x.shape[1:]} have no columns to choose"
        raise DataError(Problem(message, "remove `features`", path=("data", "features")))
    problems: list[Problem] = []
    names = raw.feature_names or [str(column) for column in range(raw.x.shape[1])]
    columns = _find_all("features", wanted, names, problems)
    if problems:
        raise DataError(problems)
    return replace(
        raw,
        x=raw.x[:, columns],
        x_test=None if raw.x_test is None else raw.x_test[:, columns],
        feature_names=tuple(raw.feature_names[column] for column in columns) if raw.feature_names else (),
    )


def _find_all(
    setting: Literal["features", "target"],
    wanted: Iterable[str | int],
    names: Sequence[str],
    problems: list[Problem],
) -> list[int]:
    columns: list[int] = []
    for number, name in enumerate(wanted):
        found = _find(name, names)
        if found is None:
            problems.append(_unknown(name, names, path=("data", setting, number)))
        elif found in columns:
            message = f"column `{names[found]}` stands twice in `{setting}`"
            problems.append(Problem(message, "remove one of them", path=("data", setting, number)))
        else:
            columns.append(found)
    return columns


def _find(name: str | int, names: Sequence[str]) -> int | None:
    if str(name) in names:
        return names.index(str(name))
    if isinstance(name, int) and -len(names) <= name < len(names):
        return name % len(names)
    return None


def _unknown(name: str | int, names: Sequence[str], *, path: tuple[str | int, ...]) -> Problem:
    if isinstance(name, int):
        hint = f"columns count from 0 to {len(names) - 1}"
        return Problem(f"there is no column {name}", hint, path=path)
    return Problem(f"unknown column `{name}`", did_you_mean(name, names) or one_of(names), path=path)


def _both(features: Iterable[int], targets: Iterable[int], names: Sequence[str]) -> Iterator[Problem]:
    for column in set(features) & set(targets):
        message = f"column `{names[column]}` is the target and a feature too"
        yield Problem(message, "remove it from `features`", path=("data", "features"))
