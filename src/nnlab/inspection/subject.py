"""What is looked at: the model of a config before its training or of a run behind it, and rows as it takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnlab.config.columns import SplitName
from nnlab.config.schema import Experiment
from nnlab.data.features import inputs_of, open_rows
from nnlab.data.judging import JudgedRows, RunData, rows_of_split, scored_rows
from nnlab.data.splits import DataSpec, Rows, Split, Splits
from nnlab.engine.built import Built
from nnlab.engine.trained import Trained
from nnlab.errors import NnlabError
from nnlab.inspection.look import Subject
from nnlab.model.inputs import model_inputs, model_rows, model_splits
from nnlab.model.plan import OutputPlan, plan_model
from nnlab.model.wiring import arrays_of_inputs
from nnlab.run import Run
from nnlab.wording import one_of


@dataclass(frozen=True, slots=True, eq=False)
class RowsOfInterest:
    """Rows as a model takes and gives them.

    Args:
        rows: without targets (`y` is empty) where there are none.
        notes: what has to be said of them.
    """

    rows: Rows
    notes: tuple[str, ...] = ()


def built_subject(built: Built) -> Subject:
    """Return a model with its first weights."""
    return Subject(
        built.model, built.plan.outputs, _scaled(built.splits.spec), _words(built.experiment, built.splits.spec)
    )


def trained_subject(trained: Trained, spec: DataSpec) -> Subject:
    """Return a run's model."""
    return Subject(
        trained.model, plan_model(trained.experiment, spec).outputs, _scaled(spec), _words(trained.experiment, spec)
    )


def _scaled(spec: DataSpec) -> tuple[str, ...]:
    return tuple(dict.fromkeys(target.note for target in spec.targets.values() if target.note is not None))


def _words(experiment: Experiment, spec: DataSpec) -> dict[str, tuple[str, ...]]:
    own = {} if spec.encoding is None else spec.encoding.own
    arrays = arrays_of_inputs(experiment.model, spec)
    return {name: own[array].names for name, array in arrays.items() if array in own}


def rows_of_built(built: Built, split: SplitName) -> RowsOfInterest:
    """Return the rows of a split of an experiment; training rows with the weights that they have in its loss.

    Raises:
        NnlabError: there are none.
    """
    there = built.splits.present
    if split not in there:
        raise NnlabError(f"the config has no {split} rows", hint=f"it has {one_of(there)}")
    return RowsOfInterest(there[split])


def rows_of_run(run: Run, split: SplitName) -> RowsOfInterest:
    """Return the rows of a split of a run, as `rows_of_built` does.

    Raises:
        NnlabError: the run has none, or its data have changed.
    """
    judged = rows_of_split(run, split)
    outputs = plan_model(judged.experiment, judged.spec).outputs
    if split != "train":
        return RowsOfInterest(_model_rows(judged, outputs), judged.notes)
    splits = model_splits(judged.experiment, Splits(judged.rows, None, None, judged.spec), outputs)
    return RowsOfInterest(splits.train, judged.notes)


def rows_of_file(file: Path, data: RunData) -> RowsOfInterest:
    """Return the rows of a file, with their targets if it has them.

    Args:
        file: CSV, Parquet, NPY or NPZ.
        data: what is known of the data that the model is made for.

    Raises:
        DataError: they are no such rows.
    """
    rows_file = open_rows(file, data.spec)
    x = rows_file.features()
    judged, why_not = scored_rows(data, rows_file, x)
    if judged is not None:
        return RowsOfInterest(_model_rows(judged, plan_model(data.experiment, data.spec).outputs), judged.notes)
    inputs = model_inputs(data.experiment, data.spec, inputs_of(rows_file, x).x)
    reason = why_not or "the file has no target"
    return RowsOfInterest(Split(inputs, {}), (f"no loss and no gradients: {reason}",))


def _model_rows(judged: JudgedRows, outputs: tuple[OutputPlan, ...]) -> Rows:
    return judged.rows.changed(lambda rows: model_rows(judged.experiment, judged.spec, rows, outputs))
