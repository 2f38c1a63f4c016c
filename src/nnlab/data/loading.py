"""From the config's `data` section to arrays: load, encode, split, limit, scale."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from nnlab.config.schema import DataConfig
from nnlab.data.classes import check_every_class_is_trained, class_weights
from nnlab.data.columns import AUTOENCODER, select_features
from nnlab.data.registry import RawData, Request, Source
from nnlab.data.sources import SOURCES
from nnlab.data.splits import (
    DEFAULT_TEST,
    DataSpec,
    RowNumbers,
    Split,
    Splits,
    choose_rows,
    fit_scaling,
    scaled,
)
from nnlab.data.targets import Target, encode_target
from nnlab.errors import ConfigPath, DataError, Problem, show


def load_data(config: DataConfig, *, seed: int) -> Splits:
    """Load the data that a config names, split and scaled.

    Nothing here imports TensorFlow, unless an image set has to be downloaded through Keras.

    Args:
        config: the `data` section; `path` absolute, or relative to the current folder.
        seed: the experiment's seed, 0 to 2**32 - 1: it splits, and it makes the generated data sets.

    Raises:
        DataError: with everything that is wrong, as far as it can be told at once.

    Example:
        >>> config = DataConfig.model_validate({"source": "iris", "scale": "standardize"})
        >>> load_data(config, seed=0).spec.class_names
        ('setosa', 'versicolor', 'virginica')
    """
    source = SOURCES[config.source.name]
    problems = list(_setting_problems(config, source))
    if problems:
        raise DataError(problems)
    predicts_inputs = config.target == AUTOENCODER
    if predicts_inputs and "target" in source.takes:
        config = config.model_copy(update={"task": "regression"})
    raw = source.load(Request(config, seed), **config.source.parameters)
    if config.features is not None and "target" not in source.takes:
        raw = select_features(raw, config.features)
    if raw.x_test is not None and config.test is not None:
        message = f"`{config.source.name}` has a test set of its own, {len(raw.x_test)} rows"
        raise DataError(Problem(message, "remove `test`", path=("data", "test")))
    target = encode_target(raw, config)
    raw = _keep(raw, target)
    rows = choose_rows(
        len(raw.x),
        validation=config.validation,
        test=0 if raw.x_test is not None else DEFAULT_TEST if config.test is None else config.test,
        limit=config.limit,
        last_rows=raw.image,
        seed=seed,
    )
    splits = _assemble(raw, target, rows, config)
    return _as_autoencoder(splits) if predicts_inputs else splits


def _as_autoencoder(splits: Splits) -> Splits:
    """Put the scaled inputs in the place of the targets."""

    def mirrored(split: Split | None) -> Any:
        return None if split is None else Split(split.x, split.x)

    spec = replace(
        splits.spec,
        task="regression",
        num_outputs=math.prod(splits.spec.input_shape),
        num_classes=None,
        class_names=(),
        target_names=splits.spec.feature_names,
        class_weight=None,
        inferred_task=True,
        predicts_inputs=True,
    )
    return Splits(mirrored(splits.train), mirrored(splits.validation), mirrored(splits.test), spec)


def _setting_problems(config: DataConfig, source: Source) -> Iterator[Problem]:
    name = config.source.name
    if config.path is not None and "path" not in source.takes:
        hint = "remove it, or write `source: csv` for a file of your own"
        yield Problem(f"`{name}` takes no `path`, received {show(config.path)}", hint, path=("data", "path"))
    if config.target not in (None, AUTOENCODER) and "target" not in source.takes:
        assert config.target is not None
        message = f"`{name}` has a target of its own, received {', '.join(show(item) for item in config.target)}"
        yield Problem(message, "remove `target`", path=("data", "target"))
    if config.features == ():
        yield Problem("`features` names no column", "remove it for all columns", path=("data", "features"))


def _keep(raw: RawData, target: Target) -> RawData:
    """Leave out the rows of classes that the config does not name."""
    if target.kept is None:
        return raw
    x_test = raw.x_test
    if x_test is not None:
        x_test = x_test[target.kept_test]
        if len(x_test) == 0:
            message = "no row of the test set has one of the classes"
            raise DataError(Problem(message, "choose other classes", path=("data", "classes")))
    return replace(raw, x=raw.x[target.kept], x_test=x_test)


def _assemble(raw: RawData, target: Target, rows: RowNumbers, config: DataConfig) -> Splits:
    y_train = target.y[rows.train]
    if target.has_classes:
        path: ConfigPath = ("data", "limit" if config.limit is not None else "source")
        check_every_class_is_trained(target.class_names, y_train, y=target.y, path=path)
    weights = _class_weights(target, y_train, config)
    x_train = raw.x[rows.train]
    scaling = fit_scaling(x_train, config.scale)

    def split(x: np.ndarray, y: np.ndarray) -> Split:
        return Split(scaled(x, scaling), target.finished(y))

    validation = None if rows.validation is None else split(raw.x[rows.validation], target.y[rows.validation])
    if raw.x_test is not None and target.y_test is not None:
        test: Split | None = split(raw.x_test, target.y_test)
    else:
        test = None if rows.test is None else split(raw.x[rows.test], target.y[rows.test])
    spec = DataSpec(
        input_shape=raw.x.shape[1:],
        task=target.task,
        num_outputs=target.num_outputs,
        num_classes=len(target.class_names) or None,
        class_names=target.class_names,
        feature_names=raw.feature_names,
        target_names=raw.target_names,
        num_train=len(rows.train),
        num_validation=0 if validation is None else len(validation.x),
        num_test=0 if test is None else len(test.x),
        class_weight=weights,
        scaling=scaling,
        inferred_task=target.inferred,
        own_test_set=raw.x_test is not None,
        predicts_inputs=False,
    )
    return Splits(split(x_train, y_train), validation, test, spec)


def _class_weights(target: Target, y_train: np.ndarray, config: DataConfig) -> dict[int, float] | None:
    if config.class_weight is None:
        return None
    if not target.has_classes:
        message = f"`class_weight` needs classes, but the task is {target.task}"
        raise DataError(Problem(message, "remove `class_weight`", path=("data", "class_weight")))
    return class_weights(config.class_weight, target.class_names, y_train)
