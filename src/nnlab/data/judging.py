"""Rows with answers on which a run is judged, read as its training rows were: its columns, classes and scaling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from nnlab.config.by_name import one_or_all, only
from nnlab.config.columns import SplitName
from nnlab.config.data import OTHERS, DataConfig
from nnlab.config.load import load_config
from nnlab.config.schema import Experiment
from nnlab.data.changes import count_seen, differences, positions_of_splits, unseen_rows
from nnlab.data.features import RowsFile, data_spec, open_rows, series_of
from nnlab.data.loading import encoded_targets, read_source, split_as_before
from nnlab.data.pictures.inputs import PictureFile
from nnlab.data.record import DataRecord, file_record, split_digests
from nnlab.data.registry import RawData
from nnlab.data.row_weights import digests_of_weights
from nnlab.data.source_rows import SourceRows
from nnlab.data.sources import SOURCES
from nnlab.data.splits import ByName, DataSpec, Rows, row_count
from nnlab.data.targets import Target, all_targets, encode_as_trained
from nnlab.errors import DataError, NnlabError, Problem
from nnlab.run import Run
from nnlab.wording import listed, one_of

UNKNOWN_ROWS = "the run keeps no fingerprint of its rows: whether these were trained on cannot be told"
UNKNOWN_DATA = "the run keeps no fingerprint of its data: whether they are still the same cannot be told"


@dataclass(frozen=True, slots=True, eq=False)
class JudgedRows:
    """Rows to evaluate a run on.

    Args:
        experiment: the run's config.
        spec: what the run's model knows about its data.
        rows: encoded and scaled as the run's training rows were.
        notes: what has to be said about them.
        counts: how many rows there are of each kind, where rows are chosen or known again.
        of: of windows, which row each predicts: columns `[rows]` by name.
    """

    experiment: Experiment
    spec: DataSpec
    rows: Rows
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] | None = None
    of: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class RunData:
    """What a run keeps of its data, or a training that is about to begin would keep of them.

    Args:
        experiment: its config.
        spec: columns, classes and scaling.
        record: its rows; `None` if an nnlab made it that kept none.
    """

    experiment: Experiment
    spec: DataSpec
    record: DataRecord | None

    @classmethod
    def of(cls, run: Run, *, moved_to: Path | None = None) -> RunData:
        """Read it; `moved_to` is where the file of its data is now, if it is elsewhere.

        Raises:
            NnlabError: what the run keeps cannot be read, or its data are no file.
        """
        experiment = load_config(run.config_path).experiment
        if moved_to is not None:
            if experiment.data.path is None:
                message = f"the run's data are `{experiment.data.source.name}`, not a file that may have moved"
                raise NnlabError(
                    message, hint="leave `--split` and `--changed-data` out to evaluate all rows of a file"
                )
            data = replace(experiment.data, path=str(moved_to.absolute()))
            experiment = replace(experiment, data=data)
        return cls(experiment, data_spec(run), data_record(run))

    @property
    def config(self) -> DataConfig:
        """The `data` section, with the run's tasks, and its features and targets by name, in their order."""
        config, spec = self.experiment.data, self.spec
        targets = {output: spec.target_of(output).of_row for output in config.sections}

        def as_given(values: Mapping[str, Any]) -> Any:
            return values if isinstance(config.target, Mapping) else only(values)

        changes: dict[str, Any] = {"task": as_given({name: target.task_setting for name, target in targets.items()})}
        are_numbers = config.features is not None and all(isinstance(feature, int) for feature in config.features)
        if spec.encoding is not None:
            changes["features"] = {name: column.kind for name, column in spec.encoding.columns.items()}
            changes["ignore"] = OTHERS
        elif spec.feature_names:
            changes["features"] = spec.feature_names
        elif spec.array_names and not are_numbers:  # numbers choose columns of an only array
            changes["features"] = spec.array_names
        if spec.feature_names and "target" in SOURCES[config.source.name].takes:
            names = {
                output: section.target if targets[output].predicts_inputs else targets[output].names
                for output, section in config.sections.items()
            }
            changes["target"] = as_given(names)
        if spec.weight is not None:
            changes["weight"] = spec.weight
        if self.record is not None and self.record.splits is None:  # it knows the rows, whatever a column says now
            changes["split"] = None
        return replace(config, **changes)

    def encoded(self, y: np.ndarray, output: str, names: Sequence[str]) -> Target:
        """Encode the targets of an output as those that it was trained on; `names` are those of labels 0, 1, ....

        Raises:
            DataError: there are classes that the run does not know, or the targets are others.
        """
        target = self.spec.target_of(output).of_row
        if self.record is not None:
            return encode_as_trained(y, target, self.record.classes.get(output, {}), names=names)
        codes = {name: number for number, name in enumerate(target.class_names)}
        config = self.experiment.data
        if config.positive_class is not None:  # all others are its `not <class>`
            return encode_as_trained(y, target, {target.class_names[1]: 1}, names=names, others=0)
        return encode_as_trained(
            y, target, codes, names=names, others=-1 if isinstance(config.classes, tuple) else None
        )

    def class_names(self, output: str) -> tuple[str, ...]:
        """Return the names of the classes 0, 1, ... of a source of which they are numbers; empty for others."""
        if self.record is None or "target" in SOURCES[self.experiment.data.source.name].takes:
            return ()
        return tuple(self.record.classes.get(output, ()))


def data_record(run: Run) -> DataRecord | None:
    """Return what a run keeps of its rows, `None` if it keeps nothing.

    Raises:
        NnlabError: it cannot be read.
    """
    record = run.read_data().get("record") if run.data_path.exists() else None
    if record is None:
        return None
    try:
        return DataRecord.from_json(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "train the run's `config.yaml` again"
        raise NnlabError(f"`{run.data_path}` cannot be read: {error}", hint=hint) from error


def rows_of_split(run: Run, split: SplitName, *, moved_to: Path | None = None) -> JudgedRows:
    """Return the rows of a split of a run, if they are still there as they were; `moved_to` as for `RunData.of`.

    Raises:
        NnlabError: the run has no such rows.
        DataError: its data have changed, with what differs; or they cannot be read any more.
    """
    data = RunData.of(run, moved_to=moved_to)
    sizes = {name: getattr(data.spec, f"num_{name}") for name in get_args(SplitName)}
    if not sizes[split]:
        hint = f"it has {one_of(name for name, size in sizes.items() if size)}"
        raise NnlabError(f"the run has no {split} rows", hint=hint)
    source = _read(data)
    own_test = data.spec.own_test_set
    if data.record is None:
        own = _positions_without_record(data, source)[split]
        rows = source.take(data.spec, own)
        return JudgedRows(data.experiment, data.spec, rows, (UNKNOWN_DATA,), of=source.predicted(own))
    if data.record.splits is not None:
        return JudgedRows(data.experiment, data.spec, source.take(data.spec, _same_positions(data, source)[split]))
    hashed = source.hashed()
    positions = positions_of_splits(data.record, hashed, own_test=own_test)
    if positions is None:
        have_places = data.spec.window is not None
        raise _changed(data, differences(data.record, hashed, own_test=own_test, have_places=have_places))
    if source.weights is not None:
        now = digests_of_weights(source.weights, positions)
        if now[split] != data.record.weights.get(split):
            raise _changed(data, f"its {split} rows weigh something else in `{data.spec.weight}`")
    rows, of = source.take(data.spec, positions[split]), source.predicted(positions[split])
    return JudgedRows(data.experiment, data.spec, rows, tuple(_same_rows_note(data)), of=of)


def _same_positions(data: RunData, source: SourceRows) -> dict[str, np.ndarray]:
    """Split rows as for training, of a run that keeps none of them, but knows its file and its splits.

    Raises:
        DataError: they are not the same.
    """
    assert data.record is not None
    if _other_file(data) is not None:
        raise _changed(data, "its bytes are others, and of so many rows the run keeps no fingerprints")
    positions = source.split(data.experiment.data, seed=data.experiment.seed).rows
    if split_digests(positions) != data.record.splits:
        raise _changed(data, "its rows are split otherwise now")
    return positions


def unseen_rows_of_source(run: Run, *, moved_to: Path | None = None) -> JudgedRows:
    """Return the rows of a run's data, which may have changed, that it was neither trained nor validated on.

    `moved_to` is as for `RunData.of`.

    Raises:
        DataError: there are none, or the data cannot be encoded as the run's were.
        NnlabError: the run does not know its rows.
    """
    data = RunData.of(run, moved_to=moved_to)
    if data.record is None or data.record.splits is not None:
        hint = "evaluate a file with rows that it has never seen: `--input FILE`"
        raise NnlabError("the run keeps no fingerprint of its rows, so those it was trained on are unknown", hint=hint)
    source = _read(data)
    chosen = unseen_rows(data.record, source.hashed())
    evaluated = len(chosen.positions)
    left_out = {
        "trained on": chosen.counts["train"],
        "validated on": chosen.counts["validation"],
        "left out by `limit` before": chosen.counts["unused"],
    }
    listed = ", ".join(f"{count} {why}" for why, count in left_out.items() if count) or "none"
    if not evaluated:
        message = f"no row is left that the run was neither trained nor validated on: {listed}"
        raise DataError(
            Problem(message, "evaluate other rows: `--input FILE`", file=", ".join(data.experiment.data.paths) or None)
        )
    rows = source.take(data.spec, chosen.positions)
    note = (
        f"evaluated: {evaluated} of {len(source.numbers)} rows, {chosen.counts['test']} of the test split and "
        f"{chosen.counts['new']} new; left out: {listed}"
    )
    counts = {"evaluated": rows.count, **chosen.counts}
    notes = (note, *_gone_note(data.record, chosen.counts))
    return JudgedRows(data.experiment, data.spec, rows, notes, counts)


def _gone_note(record: DataRecord, counts: Mapping[str, int]) -> Iterator[str]:
    """Say so where rows that were seen are gone, and others are new: they may be the same, with other values."""
    then = sum(len(record.rows.get(name, ())) for name in ("train", "validation"))
    gone = then - counts["train"] - counts["validation"]
    if gone > 0 and counts["new"]:
        yield (
            f"{gone} rows that were trained or validated on are not there any more: "
            "if they were changed rather than removed, some of the new rows are the same, and not unseen"
        )


def rows_of_file(run: Run, file: Path) -> JudgedRows:
    """Return the rows of a labelled CSV, Parquet or NPZ file.

    Raises:
        DataError: the file has no target, or cannot be encoded as the run's data were.
    """
    data = RunData.of(run)
    rows_file = open_rows(file, data.spec)
    x = rows_file.features()
    judged = labelled_rows(data, rows_file, x)
    if judged is None:
        names = listed(rows_file.missing_targets(data.experiment.data))
        message, hint = f"the file has no target: no {names}", "`nnlab predict` predicts rows without a target"
        if isinstance(rows_file, PictureFile) and rows_file.table is None:
            message = f"nothing says the {names} of each picture"
            hint = "put those of each class into a folder of its own, or name a table of names and labels"
        raise DataError(Problem(message, hint, file=str(file)))
    return replace(judged, notes=(*rows_file.notes, *judged.notes))


def scored_rows(data: RunData, file: RowsFile | PictureFile, x: ByName) -> tuple[JudgedRows | None, str | None]:
    """Return what a file that is predicted can be scored on, or else why a target that it has cannot be used."""
    try:
        return labelled_rows(data, file, x), None
    except DataError as error:
        return None, error.problems[0].message


def labelled_rows(data: RunData, file: RowsFile | PictureFile, x: ByName) -> JudgedRows | None:
    """Return the rows of a file with their targets, `None` if it has none; `x` are its features as read.

    Raises:
        DataError: the targets are not like those of the run.
    """
    config, spec, count = data.experiment.data, data.spec, row_count(x)
    answers = file.targets(config)
    if answers is None:
        return None
    targets: dict[str, Target] = {}
    for output in config.sections:
        if output not in answers:
            targets[output] = Target("regression", None, inferred=False)
            continue
        if len(answers[output]) != count:
            message = f"there are {count} rows of features, and {len(answers[output])} of the target"
            raise DataError(Problem(message, "every row needs both", file=str(file.file)))
        try:
            targets[output] = data.encoded(answers[output], output, data.class_names(output))
        except DataError as error:
            raise DataError(
                [replace(problem, file=problem.file or str(file.file)) for problem in error.problems]
            ) from error
    weights = file.weights() if isinstance(file, RowsFile) else None
    if weights is not None and len(weights) != count:
        message = f"there are {count} rows of features, and {len(weights)} weights"
        raise DataError(Problem(message, "every row needs both", file=str(file.file)))
    raw = RawData(x, answers, series=series_of(file, count), weights=weights)
    source = SourceRows.of(raw, targets, spec.window)
    left = source.num_main
    if not left:
        message = f"no row has one of the classes {listed(only(spec.targets).class_names)}"
        raise DataError(Problem(message, "the run was trained on these alone", file=str(file.file)))
    if source.weights is not None and not source.weights.any():
        raise DataError(Problem(f"all rows weigh 0 in `{spec.weight}`", "evaluate others", file=str(file.file)))
    notes, counts = _seen_note(data, source.hashed()["features"], dropped=count - left)
    rows = source.take(spec, np.arange(left))
    return JudgedRows(data.experiment, spec, rows, notes, counts | {"evaluated": rows.count})


def _seen_note(data: RunData, features: np.ndarray, *, dropped: int) -> tuple[tuple[str, ...], dict[str, int]]:
    """Say how many rows of a file the run has seen before, and return the counts."""
    counts = {"evaluated": len(features)}
    notes = []
    if dropped:
        notes.append(f"{dropped} rows are of classes that the run was not trained on, and left out")
    if data.record is None or data.record.splits is not None:
        return (*notes, UNKNOWN_ROWS), counts
    counts |= count_seen(data.record, features)
    if counts["train"] or counts["validation"]:
        notes.append(
            f"{counts['train']} of the {len(features)} rows were trained on and {counts['validation']} validated on: "
            "their score says little about new rows"
        )
    return tuple(notes), counts


def _read(data: RunData) -> SourceRows:
    """Read the run's source as it is now.

    Raises:
        DataError: it cannot be read, or not be encoded as it was.
    """
    config, experiment = data.config, data.experiment
    try:
        raw = read_source(config, seed=experiment.seed)
        targets = encoded_targets(
            raw, config, lambda output, _: data.encoded(all_targets(raw, output), output, raw.class_names)
        )
        _check_shapes(data.spec, raw)
        return SourceRows.of(raw, targets, config.window)
    except DataError as error:
        raise _unreadable(data, error) from error


def _check_shapes(spec: DataSpec, raw: RawData) -> None:
    """Raise if rows have another shape than the model takes.

    Raises:
        DataError: with each array of which this is so.
    """
    if spec.encoding is not None:  # its columns were found by their names
        return
    now, then = one_or_all({name: x.shape[1:] for name, x in raw.x.items()}), one_or_all(spec.row_shapes)
    if now != then:
        raise DataError(Problem(f"rows have the shape {now}, the model takes {then}"))


def _positions_without_record(data: RunData, source: SourceRows) -> dict[str, np.ndarray]:
    """Split the rows as for training, for a run that does not know them.

    Raises:
        DataError: there are not as many rows as there were.
    """
    chosen = source.split(split_as_before(data.experiment.data), seed=data.experiment.seed).rows
    for name in get_args(SplitName):
        now, then = len(chosen.get(name, ())), getattr(data.spec, f"num_{name}")
        if now != then:
            raise _changed(data, f"{now} {name} rows, {then} then")
    return chosen


def _same_rows_note(data: RunData) -> Iterator[str]:
    """Say so where the file is another, byte by byte, and its rows are the same."""
    if (now := _other_file(data)) is not None:
        yield f"`{now}` has been written anew, with the same rows in the same order"


def _other_file(data: RunData) -> str | None:
    """Return the path of the run's file if it holds other bytes than it did."""
    then, now = (None if data.record is None else data.record.file), file_record(data.experiment.data)
    return now["path"] if then is not None and now is not None and then["blake2b"] != now["blake2b"] else None


def _changed(data: RunData, what: str) -> DataError:
    """Return the error for data that have changed."""
    config = data.experiment.data
    subject = "the file is" if config.path else f"`{config.source.name}` is"
    message = f"{subject} not the one that the run was trained on: {what}"
    return DataError(Problem(message, _ways_on(data), file=", ".join(config.paths) or None))


def _ways_on(data: RunData) -> str:
    of_file = "`--input FILE` evaluates those of a labelled file"
    if data.record is None:
        return of_file
    unseen = "`--changed-data` evaluates the rows that it was neither trained nor validated on"
    return f"with the run's columns and classes, {unseen}, {of_file}"


def _unreadable(data: RunData, error: DataError) -> DataError:
    """Return the error for data that cannot be read as they were."""
    paths = data.experiment.data.paths
    if not paths:
        return error
    file = ", ".join(paths)
    if not any(Path(path).exists() for path in paths):
        hint = (
            "`--input FILE --split test` evaluates the test rows if the file is elsewhere now, "
            "`--input FILE` all rows of a labelled file"
        )
        return DataError(Problem(f"the run's data are gone: there is no `{file}`", hint))
    problems = [replace(problem, path=(), file=problem.file or file) for problem in error.problems]
    if _other_file(data) is not None:
        problems.append(Problem("the file is not the one that the run was trained on", _ways_on(data), file=file))
    return DataError(problems)
