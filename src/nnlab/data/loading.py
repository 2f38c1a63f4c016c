"""From the config's `data` section to arrays: load, encode, split, limit, scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from nnlab.config.by_name import UNNAMED, by_output, only, said_of, shared
from nnlab.config.data import DataConfig, SplitConfig, TargetScale
from nnlab.data.classes import check_every_class_is_trained, class_weights
from nnlab.data.columns import AUTOENCODER, select_features
from nnlab.data.encoding.encoding import TableEncoding
from nnlab.data.files import reading
from nnlab.data.fitting import fitted
from nnlab.data.folds import Fold
from nnlab.data.kept_splits import kept
from nnlab.data.precision import lost_in_float32, may_be_lost
from nnlab.data.record import DataRecord, file_record, make_record
from nnlab.data.registry import RawData, Request, Source
from nnlab.data.row_weights import check_some_weigh, digests_of_weights, note_of_weights
from nnlab.data.source_rows import PATH, SourceRows
from nnlab.data.sources import SOURCES
from nnlab.data.splits import ByName, DataSpec, Rows, Splits, row_count
from nnlab.data.splitting import Chosen
from nnlab.data.target_scaling import TargetScaling
from nnlab.data.target_spec import TargetSpec
from nnlab.data.targets import Target, encode_target, inputs_as_target
from nnlab.data.windows import of_steps
from nnlab.errors import ConfigPath, DataError, Problem, did_you_mean
from nnlab.wording import counted, listed, one_of, show


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
    return kept(config, seed, lambda: _load(config, seed))


def _load(config: DataConfig, seed: int) -> Splits:
    with ThreadPoolExecutor(1) as beside:
        file = beside.submit(file_record, config)
        source, chosen = load_source_rows(config, seed=seed)
        rows = chosen.rows
        classes = {output: target.codes for output, target in source.targets.items() if target.codes}
        hashed = None if source.raw.stored else source.hashed()
        record = make_record(file.result(), hashed, rows, classes)
    if source.weights is not None:
        check_some_weigh(source.weights, rows)
        record = replace(record, weights=digests_of_weights(source.weights, rows))
    found = _assemble(source, rows, config, record)
    fold = source.validation(config, seed=seed)
    of_fold = None
    if isinstance(fold, Fold):
        of_fold = fold.note(np.setdiff1d(np.arange(source.num_main), rows.get("test", [])))
    more = [note for note in (source.unsplit(config), of_fold) if note is not None]
    notes = tuple(dict.fromkeys([*found.spec.notes, *chosen.notes, *more]))
    return replace(found, spec=replace(found.spec, notes=notes, split=chosen.by))


@reading()
def load_source_rows(config: DataConfig, *, seed: int) -> tuple[SourceRows, Chosen]:
    """Load the rows that take part as the source has them, not scaled, and choose those of each split.

    Returns:
        The rows, and which positions among them each split takes.

    Raises:
        DataError: see `load_data`.
    """
    raw = read_source(config, seed=seed)
    _check_scale(raw, config)
    source = SourceRows.of(raw, encoded_targets(raw, config, partial(encode_target, raw)), config.window)
    _check_own_splits(source, config)
    return source, source.split(config, seed=seed)


def split_as_before(config: DataConfig) -> DataConfig:
    """Return the section of a run that keeps nothing of its rows: nothing was stratified when such runs were made."""
    if config.split is not None or SOURCES[config.source.name].split == "order":
        return config
    return replace(config, split=SplitConfig(by="random"))


def read_source(config: DataConfig, *, seed: int) -> RawData:
    """Read what the source holds: features and targets as the config names them, neither encoded nor split.

    Raises:
        DataError: see `load_data`.
    """
    source = SOURCES[config.source.name]
    DataError.raise_any(_setting_problems(config, source))
    raw = source.load(Request(config, seed if config.seed is None else config.seed), **config.source.parameters)
    if "target" not in source.takes:
        raw = _with_own_target(raw, config)
        if config.named_features is not None:
            raw = select_features(raw, config.named_features)
    return raw


def _setting_problems(config: DataConfig, source: Source) -> Iterator[Problem]:
    name = config.source.name
    if config.path is not None and "path" not in source.takes:
        hint = "remove it, or write `source: csv` for a file of your own"
        yield Problem(f"`{name}` takes no `path`, received {show(config.path)}", hint, path=("data", "path"))
    if isinstance(config.path, tuple) and "files" not in source.takes:
        message = f"`{name}` takes one `path`, received {counted(len(config.path), 'path')}"
        yield Problem(message, "name one", path=("data", "path"))
    own = "target" not in source.takes and not isinstance(config.target, Mapping)
    if own and config.target not in (None, AUTOENCODER):
        message = f"`{name}` has a target of its own, received {', '.join(map(show, config.target or ()))}"
        yield Problem(message, "remove `target`", path=("data", "target"))
    if config.features == ():
        yield Problem("`features` names no column", "remove it for all columns", path=("data", "features"))


def _with_own_target(raw: RawData, config: DataConfig) -> RawData:
    """Give each output the data set's own target, but for those that give back the inputs.

    Raises:
        DataError: with every output that names something else.
    """
    if config.target == AUTOENCODER:  # `classes` may still choose rows by the own target
        return raw
    (own,) = raw.y
    named = {output: section.target for output, section in config.sections.items() if section.target != AUTOENCODER}
    problems = [
        Problem(
            f"`{config.source.name}` has the target `{own}`, received {', '.join(map(show, names or ()))}",
            f"write `{output}: {own}`, or `{output}: inputs` to give back what comes in",
            path=("data", "target", output),
        )
        for output, names in named.items()
        if names not in (None, (own,))
    ]
    DataError.raise_any(problems)
    return replace(
        raw,
        y=dict.fromkeys(named, raw.y[own]),
        y_test=None if raw.y_test is None else dict.fromkeys(named, raw.y_test[own]),
        target_names=dict.fromkeys(named, (own,)),
    )


def _check_scale(raw: RawData, config: DataConfig) -> None:
    """Refuse scalings of arrays that are not there.

    Raises:
        DataError: with all of them.
    """
    if not isinstance(config.scale, Mapping):
        return
    names = [] if raw.kinds else [name for name in raw.x if name != UNNAMED]
    problems = [
        Problem(
            f"there is no array `{name}` to scale",
            did_you_mean(name, names) or (one_of(names) if names else "the rows are one array: give one scaling"),
            path=("data", "scale", name),
        )
        for name in config.scale
        if name not in names
    ]
    DataError.raise_any(problems)


def encoded_targets(raw: RawData, config: DataConfig, encode: Callable[[str, DataConfig], Target]) -> dict[str, Target]:
    """Return the target of each output as `encode` makes it, what comes in for those that give it back.

    Raises:
        DataError: with what is wrong with the target of any output.
    """
    targets: dict[str, Target] = {}
    problems: list[Problem] = []
    for output, section in config.sections.items():
        try:
            targets[output] = encode(output, section) if output in raw.y else inputs_as_target(raw, section)
        except DataError as error:
            problems += [_at_output(problem, output) for problem in error.problems]
    DataError.raise_any(problems)
    return targets


def _at_output(problem: Problem, output: str) -> Problem:
    """Point at what the config says of this output."""
    is_said = output and problem.path
    return replace(problem, path=(*problem.path[:2], output, *problem.path[2:])) if is_said else problem


def _check_own_splits(source: SourceRows, config: DataConfig) -> None:
    """Refuse splits of the source's own that have no rows of the chosen classes, or that are to be split off anew."""
    validates = source.raw.validates
    if validates is not None and config.validation is not None:
        message = f"`{config.source.name}` has validation rows of its own, {int(validates.sum())} of them"
        raise DataError(Problem(message, "remove `validation`", path=("data", "validation")))
    if source.raw.x_test is None:
        return
    count = row_count(source.raw.x_test)
    if count == 0:
        message = "no row of the test set has one of the classes"
        raise DataError(Problem(message, "choose other classes", path=("data", "classes")))
    if config.test is not None:
        message = f"`{config.source.name}` has a test set of its own, {count} rows"
        raise DataError(Problem(message, "remove `test`", path=("data", "test")))


def _assemble(source: SourceRows, rows: Mapping[str, np.ndarray], config: DataConfig, record: DataRecord) -> Splits:
    source = replace(source, targets=scaled_targets(source, rows["train"], config))
    raw, targets = source.raw, source.targets
    answered = {name: source.answered(own) for name, own in rows.items()}
    for target in targets.values():
        _check_classes(target, answered["train"], source.num_main, config)
    splits, scalings, encoding = fitted(source, rows, config)
    train, validation, test = (splits.get(name) for name in ("train", "validation", "test"))
    assert train is not None
    names, row = raw.feature_names if encoding is None else encoding.feature_names, train.take(slice(1)).x
    spec = DataSpec(
        input_shapes={name: x.shape[1:] for name, x in row.items()},
        feature_names=names,
        targets=shared({output: _target_spec(source, output, row, names) for output in targets}),
        num_train=train.count,
        num_validation=0 if validation is None else validation.count,
        num_test=0 if test is None else test.count,
        class_weights=_class_weights(targets, answered["train"], config),
        scalings=scalings,
        own_test_set=raw.x_test is not None,
        own_validation=raw.validates is not None,
        picture_shape=raw.picture_shape,
        notes=tuple(_notes(source, train, rows["train"], encoding)),
        encoding=encoding,
        missing=raw.missing,
        left_out=raw.left_out,
        class_rows={
            output: {name: list(target.class_counts(own).values()) for name, own in answered.items()}
            for output, target in targets.items()
            if target.class_names
        },
        pictures=raw.pictures,
        read_with=raw.read_with,
        storage=raw.storage,
        window=source.named_window,
        weight=raw.weight_name,
    )
    return Splits(train, validation, test, spec, record)


def scaled_targets(source: SourceRows, train: np.ndarray, config: DataConfig) -> dict[str, Target]:
    """Return the targets with the scaling that the config asks for, fitted on training rows.

    Raises:
        DataError: what is to be scaled is no number, or not there; or there is no logarithm of it.
    """
    asked = config.target_scaling
    if asked is None:
        return dict(source.targets)
    names = {output: source.raw.target_names.get(output, ()) for output in source.targets}
    every = list(dict.fromkeys(name for own in names.values() for name in own))
    problems: list[Problem] = []
    if isinstance(asked, Mapping):
        problems += [
            Problem(
                f"there is no target `{name}` to scale", did_you_mean(name, every) or one_of(every), path=(*PATH, name)
            )
            for name in asked
            if name not in every
        ]
    found: dict[str, Target] = {}
    for output, target in source.targets.items():
        scales: list[TargetScale] = [said_of(name, asked) for name in names[output]]
        if target.y is None and not isinstance(asked, Mapping):
            scales = [asked]
        found[output] = target
        if all(scale is None for scale in scales):
            continue
        if target.task != "regression" or target.y is None:
            what = "the target is `inputs`" if target.y is None else f"the task is {target.task}"
            hint = (
                "remove it; `scale` scales the inputs" if target.y is None else "remove it, or write `task: regression`"
            )
            problems.append(Problem(f"`target_scaling` scales numbers, and {what}", hint, path=PATH))
            continue
        y = target.y[train]
        with np.errstate(invalid="ignore"):  # what has no logarithm is refused with its row
            found[output] = replace(target, scaling=TargetScaling.fit(y, scales))
    DataError.raise_any(problems)
    return found


def _notes(source: SourceRows, train: Rows, rows: np.ndarray, encoding: TableEncoding | None) -> Iterator[str]:
    """Yield what was understood of the values, and what the network will not see of them; `rows` are trained on."""
    raw, targets = source.raw, source.targets
    yield from raw.notes
    if raw.weights is not None and raw.weight_name is not None:
        yield from note_of_weights(raw.weight_name, raw.weights[rows])
    yield from encoding.notes() if encoding is not None else ()
    yield from dict.fromkeys(note for target in targets.values() for note in target.notes)
    hint = "scale the column (`scale: standardize`), or leave it out with `features`"
    places = {} if encoding is None else encoding.places
    numbers = UNNAMED if encoding is None else encoding.numbers
    arrays = {} if train.in_memory is None else train.in_memory.x
    if source.window is not None:  # of which each row but the first few is a last one
        arrays, rows = {name: x[:, -1] for name, x in arrays.items()}, rows[source.windows(rows).last_inputs()]
    for name, x in raw.x.items() if arrays else ():
        if encoding is None:
            yield from lost_in_float32(x, rows, arrays[name], raw.feature_names or (name or "x",), hint)
        elif raw.kinds[name].name == "numeric" and may_be_lost(x):
            seen = arrays[numbers][:, places[name].start]
            yield from lost_in_float32(np.nan_to_num(x), rows, seen, (name,), hint)
    for output, target in targets.items():
        if target.scaling is not None:
            yield target.scaling.note(raw.target_names[output])
        if target.task == "regression" and target.y is not None:
            seen, hint = target.y[rows].astype(np.float32), "write the target in a larger unit, or from 0 on"
            if target.scaling is not None:
                seen = target.scaling.apply(target.y[rows])
            yield from lost_in_float32(target.y, rows, seen, raw.target_names[output], hint)


def _target_spec(source: SourceRows, output: str, x: ByName, feature_names: tuple[str, ...]) -> TargetSpec:
    """Describe a target.

    Raises:
        DataError: several arrays shall be given back by one output.
    """
    target, names = source.targets[output], source.raw.target_names.get(output, ())
    if target.y is None:
        own = [name for name, array in x.items() if array.dtype.kind == "i"]
        if own:
            message = f"`inputs` hold the numbers of words or classes here, which no output gives back: {listed(own)}"
            hint = "leave such columns out with `ignore`, or choose another `encoding` for classes"
            raise DataError(_at_output(Problem(message, hint, path=("data", "target")), output))
        if len(x) > 1:
            message = f"`inputs` are several arrays here, and an output gives one: {listed(x)}"
            raise DataError(_at_output(Problem(message, "keep one in `features`", path=("data", "target")), output))
        shape = only(x).shape[1:]
        return TargetSpec("regression", shape, (), feature_names, inferred_task=True, predicts_inputs=True)
    units = {"binary": 1, "multiclass": len(target.class_names)}.get(target.task) or target.y.shape[1]
    found = TargetSpec(
        target.task, (units,), target.class_names, names, inferred_task=target.inferred, scaling=target.scaling
    )
    return found if source.window is None else of_steps(found, source.window)


def _check_classes(target: Target, train: np.ndarray, num_main: int, config: DataConfig) -> None:
    if target.y is not None and target.has_classes:
        path: ConfigPath = ("data", "limit" if config.limit is not None else "source")
        y, may_be_absent = target.y[:num_main], isinstance(config.classes, int)
        names = target.class_names
        check_every_class_is_trained(names, target.y[train], y=y, may_be_absent=may_be_absent, path=path)


def _class_weights(
    targets: Mapping[str, Target], train: np.ndarray, config: DataConfig
) -> dict[str, Mapping[int, float] | None]:
    """Return the weights of the classes by output; `UNNAMED` where the outputs share one target and its weights.

    Raises:
        DataError: with what is wrong with the weights of any output.
    """
    wanted = config.class_weight
    if wanted is None:
        return {}
    given: Any = wanted if config.weighs_by_output else dict.fromkeys(targets, wanted)
    weights: dict[str, Mapping[int, float] | None] = {}
    problems: list[Problem] = []
    for output, of_classes in given.items():
        target = by_output(targets, output)
        hint = f"remove `{output or 'class_weight'}`"
        if output and not config.weighs_by_output:
            hint = "name the outputs that have classes: `class_weight: {OUTPUT: balanced}`"
        try:
            weights[output] = None if of_classes is None else _weights_of(target, train, of_classes, hint)
        except DataError as error:
            problems += [_at_output(problem, output) for problem in error.problems]
    DataError.raise_any(problems)
    return weights


def _weights_of(target: Target, train: np.ndarray, wanted: Any, hint: str) -> dict[int, float]:
    if target.y is None or not target.has_classes:
        message = f"`class_weight` needs classes, but the task is {target.task}"
        raise DataError(Problem(message, hint, path=("data", "class_weight")))
    return class_weights(wanted, target.class_names, target.y[train])
