"""From the config's `data` section to arrays: load, encode, split, limit, scale."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nnlab.config.data import DataConfig, FoldConfig
from nnlab.data.classes import check_every_class_is_trained, class_weights
from nnlab.data.columns import AUTOENCODER, select_features
from nnlab.data.files import reading
from nnlab.data.folds import Fold
from nnlab.data.precision import lost_in_float32
from nnlab.data.record import DataRecord, hashed_rows, make_record
from nnlab.data.registry import RawData, Request, Source
from nnlab.data.sources import SOURCES
from nnlab.data.splits import (
    DEFAULT_TEST,
    DataSpec,
    RowNumbers,
    Split,
    Splits,
    TargetSpec,
    choose_rows,
    each,
    fit_scaling,
    one_or_all,
    row_count,
    scaled,
)
from nnlab.data.targets import Target, encode_target, inputs_as_target
from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean, listed, one_of, show


@reading()
def load_data(config: DataConfig, *, seed: int) -> Splits:
    """Load the data that a config names, split and scaled.

    Nothing here imports TensorFlow, unless an image set has to be downloaded through Keras.

    Args:
        config: the `data` section; `path` absolute, or relative to the current folder.
        seed: the experiment's seed, 0 to 2**32 - 1: it splits, and it makes the generated data sets, unless the
            section has a `seed` of its own.

    Raises:
        DataError: with everything that is wrong, as far as it can be told at once.

    Example:
        >>> config = DataConfig.read({"source": "iris", "scale": "standardize"})
        >>> load_data(config, seed=0).spec.class_names
        ('setosa', 'versicolor', 'virginica')
    """
    raw = read_source(config, seed=seed)
    _check_scale(raw, config)
    targets = _encoded_targets(raw, config)
    numbers, numbers_test = _row_numbers(raw, targets)
    raw = _keep(raw, targets)
    if raw.x_test is not None and config.test is not None:
        message = f"`{config.source.name}` has a test set of its own, {row_count(raw.x_test)} rows"
        raise DataError(Problem(message, "remove `test`", path=("data", "test")))
    rows = split_rows(raw, targets, config, seed=seed)
    own_test = None if numbers_test is None else hashed_rows(numbers_test, raw.x_test, targets, own_test=True)
    record = make_record(config, hashed_rows(numbers, raw.x, targets), own_test, rows, targets)
    found = _assemble(raw, targets, rows, config, record)
    fold = _validation(targets, config, seed)
    taking_turns = np.setdiff1d(np.arange(row_count(raw.x)), [] if rows.test is None else rows.test)
    note = fold.note(taking_turns) if isinstance(fold, Fold) else None
    return found if note is None else replace(found, spec=replace(found.spec, notes=(*found.spec.notes, note)))


def read_source(config: DataConfig, *, seed: int) -> RawData:
    """Read what the source holds: features and targets as the config names them, neither encoded nor split.

    Raises:
        DataError: see `load_data`.
    """
    source = SOURCES[config.source.name]
    problems = list(_setting_problems(config, source))
    if problems:
        raise DataError(problems)
    raw = source.load(Request(config, seed if config.seed is None else config.seed), **config.source.parameters)
    if "target" not in source.takes:
        raw = _with_own_target(raw, config)
        if config.features is not None:
            raw = select_features(raw, config.features)
    return raw


def split_rows(raw: RawData, targets: Mapping[str, Target], config: DataConfig, *, seed: int) -> RowNumbers:
    """Choose the rows of each split among those that take part.

    Raises:
        DataError: a split would take every row, or the limit is above the rows left.
    """
    return choose_rows(
        row_count(raw.x),
        validation=_validation(targets, config, seed),
        test=0 if raw.x_test is not None else DEFAULT_TEST if config.test is None else config.test,
        limit=config.limit,
        last_rows=raw.image,
        seed=seed if config.seed is None else config.seed,
    )


def _validation(targets: Mapping[str, Target], config: DataConfig, seed: int) -> int | float | Fold:
    """Return how many rows validate, or which fold; folds of one target have equal shares of its classes."""
    given, target = config.validation, next(iter(targets.values()))
    if not isinstance(given, FoldConfig):
        return given
    seeds = (each for each in (given.seed, config.seed, seed) if each is not None)
    classes = target.y if len(targets) == 1 and target.has_classes else None
    return Fold(given.fold, given.of, next(seeds), classes, target.class_names)


def _setting_problems(config: DataConfig, source: Source) -> Iterator[Problem]:
    name = config.source.name
    if config.path is not None and "path" not in source.takes:
        hint = "remove it, or write `source: csv` for a file of your own"
        yield Problem(f"`{name}` takes no `path`, received {show(config.path)}", hint, path=("data", "path"))
    own = "target" not in source.takes and not isinstance(config.target, Mapping)
    if own and config.target not in (None, AUTOENCODER):
        message = f"`{name}` has a target of its own, received {', '.join(map(show, config.target or ()))}"
        yield Problem(message, "remove `target`", path=("data", "target"))
    if config.features == ():
        yield Problem("`features` names no column", "remove it for all columns", path=("data", "features"))


def _with_own_target(raw: RawData, config: DataConfig) -> RawData:
    """Give each output that names it the data set's own target.

    Raises:
        DataError: with every output that names something else.
    """
    if not isinstance(config.target, Mapping):
        return raw
    (own,) = raw.target_names
    named = {output: names for output, names in config.target.items() if names != AUTOENCODER}
    problems = [
        Problem(
            f"`{config.source.name}` has the target `{own}`, received {', '.join(map(show, names))}",
            f"write `{output}: {own}`, or `{output}: inputs` to give back what comes in",
            path=("data", "target", output),
        )
        for output, names in named.items()
        if names != (own,)
    ]
    if problems:
        raise DataError(problems)
    return replace(
        raw,
        y=dict.fromkeys(named, raw.y),
        y_test=None if raw.y_test is None else dict.fromkeys(named, raw.y_test),
        target_names=dict.fromkeys(named, raw.target_names),
    )


def _check_scale(raw: RawData, config: DataConfig) -> None:
    """Refuse scalings of arrays that are not there.

    Raises:
        DataError: with all of them.
    """
    names = tuple(raw.x) if isinstance(raw.x, Mapping) else ()
    if not isinstance(config.scale, Mapping):
        return
    problems = [
        Problem(
            f"there is no array `{name}` to scale",
            did_you_mean(name, names) or (one_of(names) if names else "the rows are one array: give one scaling"),
            path=("data", "scale", name),
        )
        for name in config.scale
        if name not in names
    ]
    if problems:
        raise DataError(problems)


def _encoded_targets(raw: RawData, config: DataConfig) -> dict[str, Target]:
    """Encode the target of each output; one that all share has no name.

    Raises:
        DataError: with what is wrong with the target of any output.
    """
    targets: dict[str, Target] = {}
    problems: list[Problem] = []
    for output, section in config.sections.items():
        try:
            targets[output] = _encoded_target(raw, output, section)
        except DataError as error:
            problems += [_at_output(problem, output) for problem in error.problems]
    if problems:
        raise DataError(problems)
    return targets


def _encoded_target(raw: RawData, output: str, config: DataConfig) -> Target:
    if not isinstance(raw.y, Mapping):
        return inputs_as_target(raw, config) if config.target == AUTOENCODER else encode_target(raw, config)
    if output not in raw.y:
        return inputs_as_target(raw, config)
    assert isinstance(raw.target_names, Mapping)
    y_test = None if raw.y_test is None else raw.y_test[output]
    return encode_target(replace(raw, y=raw.y[output], y_test=y_test, target_names=raw.target_names[output]), config)


def _at_output(problem: Problem, output: str) -> Problem:
    """Point at what the config says of this output."""
    return replace(problem, path=(*problem.path[:2], output, *problem.path[2:])) if output else problem


def _keep(raw: RawData, targets: Mapping[str, Target]) -> RawData:
    """Leave out the rows of classes that the config does not name."""
    target = next(iter(targets.values()))
    if target.kept is None:  # several targets have no `classes` to choose rows by
        return raw
    x_test = raw.x_test
    if x_test is not None:
        x_test = each(operator.getitem, x_test, target.kept_test)
        if row_count(x_test) == 0:
            message = "no row of the test set has one of the classes"
            raise DataError(Problem(message, "choose other classes", path=("data", "classes")))
    return replace(raw, x=each(operator.getitem, raw.x, target.kept), x_test=x_test)


def _row_numbers(raw: RawData, targets: Mapping[str, Target]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the numbers in the source of the rows that take part, and those in its own test set."""
    target = next(iter(targets.values()))

    def numbers(x: Any, kept: np.ndarray | None) -> np.ndarray:
        return np.arange(row_count(x)) if kept is None else np.flatnonzero(kept)

    test = None if raw.x_test is None else numbers(raw.x_test, target.kept_test if target.kept is not None else None)
    return numbers(raw.x, target.kept), test


def _assemble(
    raw: RawData, targets: Mapping[str, Target], rows: RowNumbers, config: DataConfig, record: DataRecord
) -> Splits:
    x_train = each(operator.getitem, raw.x, rows.train)
    scaling = each(fit_scaling, x_train, config.scale)
    for target in targets.values():
        _check_classes(target, rows.train, config)

    def split(x: Any, chosen: np.ndarray | None) -> Split:
        """Finish rows; `chosen` are their numbers, `None` for the source's own test set."""
        x = one_or_all(each(scaled, x, scaling))
        return Split(x, one_or_all({output: answers(target, x, chosen) for output, target in targets.items()}))

    def answers(target: Target, x: Any, chosen: np.ndarray | None) -> Any:
        if target.y is None:
            return x
        if chosen is not None:
            return target.finished(target.y[chosen])
        assert target.y_test is not None
        return target.finished(target.y_test)

    def part(chosen: np.ndarray | None) -> Split | None:
        return None if chosen is None else split(each(operator.getitem, raw.x, chosen), chosen)

    train, validation = split(x_train, rows.train), part(rows.validation)
    test = part(rows.test) if raw.x_test is None else split(raw.x_test, None)
    spec = DataSpec(
        input_shape=each(lambda x: x.shape[1:], train.x),
        feature_names=raw.feature_names,
        target=one_or_all({output: _target_spec(raw, output, target, train.x) for output, target in targets.items()}),
        num_train=train.num_rows,
        num_validation=0 if validation is None else validation.num_rows,
        num_test=0 if test is None else test.num_rows,
        class_weight=_class_weights(targets, rows.train, config),
        scaling=one_or_all(scaling),
        own_test_set=raw.x_test is not None,
        array_names=tuple(raw.x) if isinstance(raw.x, Mapping) else (),
        notes=tuple(_notes(raw, train, targets, rows.train)),
    )
    return Splits(train, validation, test, spec, record)


def _notes(raw: RawData, train: Split, targets: Mapping[str, Target], rows: np.ndarray) -> Iterator[str]:
    """Yield what was understood of the values, and what the network will not see of them."""
    yield from raw.notes
    yield from dict.fromkeys(note for target in targets.values() for note in target.notes)
    hint = "scale the column (`scale: standardize`), or leave it out with `features`"
    for name, x in raw.x.items() if isinstance(raw.x, Mapping) else [("x", raw.x)]:
        seen = train.x[name] if isinstance(train.x, Mapping) else train.x
        yield from lost_in_float32(x, rows, seen, raw.feature_names or (name,), hint)
    for output, target in targets.items():
        if target.task == "regression" and target.y is not None:
            names = raw.target_names[output] if isinstance(raw.target_names, Mapping) else raw.target_names
            seen = target.y[rows].astype(np.float32)
            yield from lost_in_float32(target.y, rows, seen, names, "write the target in a larger unit, or from 0 on")


def _target_spec(raw: RawData, output: str, target: Target, x: Any) -> TargetSpec:
    """Describe a target.

    Raises:
        DataError: several arrays shall be given back by one output.
    """
    if target.y is None:
        if isinstance(x, Mapping):
            message = f"`inputs` are several arrays here, and an output gives one: {listed(x)}"
            raise DataError(_at_output(Problem(message, "keep one in `features`", path=("data", "target")), output))
        return TargetSpec("regression", x.shape[1:], (), raw.feature_names, inferred_task=True, predicts_inputs=True)
    names = raw.target_names[output] if isinstance(raw.target_names, Mapping) else raw.target_names
    units = {"binary": 1, "multiclass": len(target.class_names)}.get(target.task) or target.y.shape[1]
    return TargetSpec(target.task, (units,), target.class_names, names, inferred_task=target.inferred)


def _check_classes(target: Target, train: np.ndarray, config: DataConfig) -> None:
    if target.y is not None and target.has_classes:
        path: ConfigPath = ("data", "limit" if config.limit is not None else "source")
        check_every_class_is_trained(target.class_names, target.y[train], y=target.y, path=path)


def _class_weights(targets: Mapping[str, Target], train: np.ndarray, config: DataConfig) -> Any:
    """Return the weights of the classes, by output unless the outputs share one target and its weights.

    Raises:
        DataError: with what is wrong with the weights of any output.
    """
    wanted = config.class_weight
    if wanted is None:
        return None
    by_output: Any = wanted if config.weighs_by_output else dict.fromkeys(targets, wanted)
    weights: dict[str, Any] = {}
    problems: list[Problem] = []
    for output, of_classes in by_output.items():
        target = targets[output] if output in targets else targets[""]
        hint = f"remove `{output or 'class_weight'}`"
        if output and not config.weighs_by_output:
            hint = "name the outputs that have classes: `class_weight: {OUTPUT: balanced}`"
        try:
            weights[output] = None if of_classes is None else _weights_of(target, train, of_classes, hint)
        except DataError as error:
            problems += [_at_output(problem, output) for problem in error.problems]
    if problems:
        raise DataError(problems)
    return weights.get("", weights)


def _weights_of(target: Target, train: np.ndarray, wanted: Any, hint: str) -> dict[int, float]:
    if target.y is None or not target.has_classes:
        message = f"`class_weight` needs classes, but the task is {target.task}"
        raise DataError(Problem(message, hint, path=("data", "class_weight")))
    return class_weights(wanted, target.class_names, target.y[train])
