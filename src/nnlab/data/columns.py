"""Which columns are features and which are targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from nnlab.config.by_name import only
from nnlab.config.data import OTHERS, DataConfig
from nnlab.data.registry import RawData
from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean
from nnlab.wording import listed, one_of

_MOST_UNKNOWN = 4

AUTOENCODER = ("inputs",)
"""The `target` that means: what comes in shall come out."""


class Columns(NamedTuple):
    """What columns are for, by their numbers.

    Args:
        features: what is predicted from.
        targets: what is predicted, of each of `config.sections`.
        split: what the rows are split by; `None` if no column says it.
        series: the column of times that orders the rows, and that of the series that they belong to.
        weight: what the rows weigh, likewise.
    """

    features: list[int]
    targets: dict[str, list[int]]
    split: int | None
    series: tuple[int | None, int | None] = (None, None)
    weight: int | None = None


def choose_columns(config: DataConfig, names: Sequence[str]) -> Columns:
    """Return which columns are features, which targets, and which say how rows are split, follow one another or weigh.

    Those that say it are no features, unless they are named, and weights are none at all; of windows over rows that
    come before it a target is one. A whole number in the config is a column's number, from 0 (-1 for the last), unless
    a column is called so. An output that gives back the inputs has no target columns.

    Raises:
        DataError: with every name that is not there and every column that stands twice.
    """
    problems: list[Problem] = []
    targets: dict[str, list[int]] = {}
    for output, section in config.sections.items():
        assert section.target is not None, "the schema requires `target` here"
        if section.target == AUTOENCODER and "inputs" not in names:
            continue
        path: ConfigPath = ("data", "target", output) if output else ("data", "target")
        found = len(problems)
        targets[output] = _find_all(section.target, names, problems, path=path)
        if not targets[output] and len(problems) == found:
            problems.append(Problem("`target` names no column", one_of(names), path=path))
    taken = {column for columns in targets.values() for column in columns}
    named: list[int] = []
    if config.features is not None:
        named = _find_all(config.features, names, problems, path=("data", "features"))
        problems += _both(named, taken, names) if not sees_the_past(config) else ()
    features = named
    if config.features is None or (isinstance(config.features, Mapping) and config.ignore != OTHERS):
        features = [column for column in range(len(names)) if column not in taken or sees_the_past(config)]
    split = None if config.split is None else _find_one(config.split.column, names, problems, ("split", "column"))
    window = config.window
    series = (
        None if window is None else _find_one(window.order, names, problems, ("window", "order")),
        None if window is None else _find_one(window.by, names, problems, ("window", "by")),
    )
    features = [column for column in features if column not in (split, *series) or column in named]
    weight = _find_one(config.weight, names, problems, ("weight",))
    if weight is not None and weight in {*named, *taken}:
        what = "the target" if weight in taken else "a feature"
        message = f"column `{names[weight]}` is {what} and the weight of rows too"
        problems.append(Problem(message, "keep one", path=("data", "weight")))
    features = [column for column in features if column != weight]
    if config.ignore is not None and config.ignore != OTHERS:
        ignored = set(_find_all(config.ignore, names, problems, path=("data", "ignore")))
        problems += [
            Problem(f"column `{names[column]}` is ignored and named too", "keep one", path=("data", "ignore"))
            for column in sorted(ignored & {*named, *taken, *([] if weight is None else [weight])})
        ]
        features = [column for column in features if column not in ignored]
    if not features and not problems:
        message = f"no column is left as a feature: all are targets{' or ignored' * (config.ignore is not None)}"
        problems.append(Problem(message, path=("data", "target" if config.ignore is None else "ignore")))
    DataError.raise_any(problems)
    return Columns(features, targets, split, series, weight)


def sees_the_past(config: DataConfig) -> bool:
    """Whether targets may be features, too, as the rows that are predicted come behind those that are seen."""
    return config.window is not None and config.window.horizon > 0


def _find_one(
    name: str | int | None, names: Sequence[str], problems: list[Problem], path: tuple[str, ...]
) -> int | None:
    return None if name is None else next(iter(_find_all([name], names, problems, path=("data", *path))), None)


def select_features(raw: RawData, wanted: Sequence[str | int]) -> RawData:
    """Keep some columns of the only array, whose rows are no images.

    Raises:
        DataError: when the rows have no columns, or a wanted one is not there.
    """
    x = only(raw.x)
    if x.ndim != 2:
        message = f"rows of shape {x.shape[1:]} have no columns to choose"
        raise DataError(Problem(message, "remove `features`", path=("data", "features")))
    problems: list[Problem] = []
    names = raw.feature_names or [str(column) for column in range(x.shape[1])]
    columns = _find_all(wanted, names, problems, path=("data", "features"))
    DataError.raise_any(problems)
    return replace(
        raw,
        x={name: array[:, columns] for name, array in raw.x.items()},
        stored={name: array.columns(columns) for name, array in raw.stored.items()},
        x_test=None if raw.x_test is None else {name: array[:, columns] for name, array in raw.x_test.items()},
        picture_shape=None,
        feature_names=tuple(raw.feature_names[column] for column in columns) if raw.feature_names else (),
    )


def _find_all(
    wanted: Iterable[str | int], names: Sequence[str], problems: list[Problem], *, path: ConfigPath
) -> list[int]:
    columns: dict[int, None] = {}
    positions = {name: position for position, name in reversed([*enumerate(names)])}
    wanted, parts = list(wanted), wanted if isinstance(wanted, Mapping) else range(len(list(wanted)))
    unknown = [name for name in wanted if _find(name, positions, len(names)) is None]
    if len(unknown) > _MOST_UNKNOWN:
        message = f"{len(unknown)} of the {len(wanted)} columns are not there: {listed(map(str, unknown), most=6)}"
        problems.append(Problem(message, f"the data have {listed(names)}", path=path))
    for part, name in zip(parts, wanted, strict=True):
        found = _find(name, positions, len(names))
        if found is None and len(unknown) <= _MOST_UNKNOWN:
            is_list = path[1] not in ("split", "window", "weight")
            problems.append(_unknown(name, names, path=(*path, part) if is_list else path))
        elif found is None:
            continue
        elif found in columns:
            message = f"column `{names[found]}` stands twice in `{path[1]}`"
            problems.append(Problem(message, "remove one of them", path=(*path, part)))
        else:
            columns[found] = None
    return [*columns]


def _find(name: str | int, positions: Mapping[str, int], count: int) -> int | None:
    found = positions.get(str(name))
    return name % count if found is None and isinstance(name, int) and -count <= name < count else found


def _unknown(name: str | int, names: Sequence[str], *, path: tuple[str | int, ...]) -> Problem:
    if isinstance(name, int):
        hint = f"columns count from 0 to {len(names) - 1}"
        return Problem(f"there is no column {name}", hint, path=path)
    return Problem(f"unknown column `{name}`", did_you_mean(name, names) or one_of(names), path=path)


def _both(features: Iterable[int], targets: Iterable[int], names: Sequence[str]) -> Iterator[Problem]:
    for column in set(features) & set(targets):
        message = f"column `{names[column]}` is the target and a feature too"
        yield Problem(message, "remove it from `features`", path=("data", "features"))
