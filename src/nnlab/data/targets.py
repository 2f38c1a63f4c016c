"""From a source's targets to the numbers that a network learns: which task, and how they are encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.data.classes import (
    LARGEST_EXACT,
    Classes,
    choose_classes,
    count_classes,
    is_whole,
    number_classes,
    one_against_rest,
)
from nnlab.data.registry import RawData
from nnlab.data.target_scaling import TargetScaling
from nnlab.data.target_spec import TargetSpec, Task
from nnlab.errors import DataError, Problem
from nnlab.wording import counted, listed, plural, show

_MOST_INFERRED_CLASSES = 20
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Encoded targets, those of the source's own test set behind the others.

    Args:
        task: what is learned.
        y: class numbers `[rows]` (binary, multiclass), or numbers `[rows, num_outputs]`; `None` for the inputs.
        kept: which rows of the source these are, `[rows of the source]`; `None` for all.
        class_names: names of the classes in the order of their numbers, or of the labels.
        inferred: whether the task came from the target rather than from the config.
        codes: the number of each class that the source has, -1 for one whose rows are left out.
        notes: what was understood that the user may have meant otherwise, one sentence each.
        scaling: how a model learns the numbers.
    """

    task: Task
    y: np.ndarray | None
    inferred: bool
    kept: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    codes: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scaling: TargetScaling | None = None

    @property
    def has_classes(self) -> bool:
        """Whether every row has one of several classes."""
        return self.task in ("binary", "multiclass")

    def finished(self, y: np.ndarray) -> np.ndarray:
        """Return targets as `Split` has them."""
        if self.task == "multiclass":
            return y.astype(np.int32)
        # no digit is lost before they are scaled
        return y.astype(np.float32 if self.scaling is None else np.float64).reshape(len(y), -1)

    def class_counts(self, positions: np.ndarray) -> dict[str, int]:
        """Return how many of some rows have each class, or each label; nothing for numbers."""
        if self.y is None or not self.class_names:
            return {}
        y = self.y[positions]
        if self.task == "multilabel":
            counts = (y > 0.5).sum(axis=0)
        else:
            counts = np.bincount(y.reshape(-1).astype(np.int64), minlength=len(self.class_names))
        return dict(zip(self.class_names, counts.tolist(), strict=True))


def inputs_as_target(raw: RawData, config: DataConfig) -> Target:
    """Return the target of an output that gives back what comes in; `classes` may still choose rows of built-in sets.

    Raises:
        DataError: when the task is another than regression, or there are no classes to choose from.
    """
    if config.task not in (None, "regression"):
        raise _fault(f"`inputs` are numbers, and the task is {config.task}", "remove `task`", "task")
    target = Target("regression", None, inferred=True)
    if config.classes is None and config.positive_class is None:
        return target
    setting = "classes" if config.classes is not None else "positive_class"
    if not raw.y:
        message = f"`{setting}` chooses among classes, and the target is `inputs`"
        raise _fault(message, f"remove `{setting}`", setting)
    (own,) = raw.y
    rows = encode_target(raw, own, replace(config, task="classification"))
    return replace(target, kept=rows.kept)


def all_targets(raw: RawData, output: str) -> np.ndarray:
    """Return the targets of an output, `[rows]` or `[rows, targets]`, those of the own test set behind the others."""
    y = _without_needless_axis(raw.y[output])
    return y if raw.y_test is None else np.concatenate([y, _without_needless_axis(raw.y_test[output])])


def encode_target(raw: RawData, output: str, config: DataConfig) -> Target:
    """Decide the task of the target of an output, and encode it.

    The config's `task` decides, then the data set's own, then the target: text and booleans are classes, whole numbers
    are if they are few (see `infer_task`), and so are several columns with exactly one 1 in every row (one-hot); other
    columns of 0 and 1 are labels, and other numbers are for regression.

    Raises:
        DataError: when the target does not fit the task, or `classes` or `positive_class` names no class.
    """
    y = all_targets(raw, output)
    picks = config.classes is not None or config.positive_class is not None
    task = config.task or ("classification" if picks else raw.task)
    task = task or infer_task(_without_needless_axis(raw.y[output]), y)
    if picks and task in ("regression", "multilabel"):
        setting = "classes" if config.classes is not None else "positive_class"
        message = f"`{setting}` chooses among classes, but the task is {task}"
        raise _fault(message, f"remove `{setting}`, or write `task: classification`", setting)
    names = raw.target_names[output]
    if task in ("classification", "binary"):
        if is_one_hot(y):
            column_names = names if raw.names_columns else tuple(str(number) for number in range(y.shape[1]))
            return _encode_one_hot(y, column_names, config)
        return _encode_classes(y, raw.class_names, config)
    inferred = config.task is None
    if task == "regression":
        return Target("regression", _numbers(y), inferred)
    return Target("multilabel", _labels(y, names), inferred, class_names=names)


def encode_as_trained(
    y: np.ndarray,
    target: TargetSpec,
    codes: Mapping[str, int],
    *,
    names: Sequence[str] = (),
    others: int | None = None,
) -> Target:
    """Encode the targets of other rows as those that a run was trained on, with its classes and their numbers.

    Args:
        y: as a source has them, `[rows]` or `[rows, targets]`.
        target: what the run predicts.
        codes: the number of each class, -1 for one whose rows take no part (`DataRecord.classes`).
        names: names of the labels 0, 1, ..., if labels may be numbers that stand for names.
        others: the number of every class that is not in `codes`; without it, there may be none.

    Raises:
        DataError: there are classes that the run does not know, or the targets are others.
    """
    y = _without_needless_axis(y)
    if target.task in ("binary", "multiclass"):
        return _classes_as_trained(y, target, codes, names, others)
    width = 1 if y.ndim == 1 else y.shape[1]
    if width != target.num_outputs:
        message = f"the target has {counted(width, 'column')}, the run predicts {target.num_outputs}"
        raise DataError(Problem(message, f"it was trained on {listed(target.names)}"))
    encoded = _labels(y, target.names) if target.task == "multilabel" else _numbers(y)
    return Target(target.task, encoded, inferred=False, class_names=target.class_names, scaling=target.scaling)


def _classes_as_trained(
    y: np.ndarray, target: TargetSpec, codes: Mapping[str, int], names: Sequence[str], others: int | None
) -> Target:
    if y.ndim == 2 and not is_one_hot(y):
        raise DataError(Problem(*_not_one_hot(y)))
    if y.ndim == 2:
        are_columns = len(target.names) == y.shape[1] and any(name in codes for name in target.names)
        names = target.names if are_columns else tuple(str(number) for number in range(y.shape[1]))
        y = y.argmax(axis=1)
    is_number = y.dtype.kind in "iu" and y.min() >= 0 and y.max() < len(names)
    classes = number_classes(y, names if is_number else ())
    found = [codes.get(name, others) for name in classes.names]
    unknown = [number for number, code in enumerate(found) if code is None]
    if unknown:
        counts = np.bincount(classes.codes)[unknown]
        which = listed(classes.names[number] for number in unknown)
        word, count = plural(len(unknown), "class"), counts.sum()
        message = f"{count} row{'s have' if count != 1 else ' has'} the {word} {which}, which the run does not know"
        hint = f"it was trained on {listed(codes)}: rename the {word}, or leave these rows out"
        raise DataError(Problem(message, hint))
    encoded = np.array(found, np.int64)[classes.codes]
    kept = encoded >= 0
    return Target(
        target.task,
        encoded[kept],
        inferred=False,
        kept=None if kept.all() else kept,
        class_names=target.class_names,
    )


def infer_task(y: np.ndarray, every: np.ndarray | None = None) -> Literal["classification", "regression", "multilabel"]:
    """Infer the task from targets `[rows]` or `[rows, targets]`, and `every` with the source's own test set.

    Whole numbers, stored as integers or as floats, are classes if there are two different ones, or up to 20 that stand
    at least twice on average and either follow one another without a gap or are at most 5 % as many as the rows.
    """
    if y.ndim == 2:
        if is_one_hot(y if every is None else every):
            return "classification"
        return "multilabel" if _is_zeros_and_ones(y) else "regression"
    if y.dtype.kind in "bUO":
        return "classification"
    values = np.unique(y)
    if y.dtype.kind == "f" and not (is_whole(values) and float(np.abs(values).max()) <= LARGEST_EXACT):
        return "regression"
    many = len(values) > _MOST_INFERRED_CLASSES or 2 * len(values) > len(y)
    consecutive = int(values[-1]) - int(values[0]) + 1 == len(values)
    few = len(values) == 2 or (not many and (consecutive or 20 * len(values) <= len(y)))
    return "classification" if few else "regression"


def is_one_hot(y: np.ndarray) -> bool:
    """Tell whether targets have several columns with exactly one 1, and else 0, in every row."""
    is_wide = y.ndim == 2 and y.shape[1] > 1
    return is_wide and _is_zeros_and_ones(y) and bool((np.count_nonzero(y, axis=1) == 1).all())


def _is_zeros_and_ones(y: np.ndarray) -> bool:
    return y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all())


def _without_needless_axis(y: np.ndarray) -> np.ndarray:
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _numbers(y: np.ndarray) -> np.ndarray:
    if y.dtype.kind in "UO":
        message = f"`regression` needs numbers, the target holds {show(y.flat[0])}"
        raise _fault(message, "write `task: classification`", "task")
    return y.reshape(len(y), -1)


def _labels(y: np.ndarray, names: Sequence[str]) -> np.ndarray:
    columns = y.reshape(len(y), -1)
    for name, column in zip(names, columns.T, strict=True):
        others = column[~np.isin(column, (0, 1))]
        if len(others):
            message = f"`multilabel` needs 0 or 1 in every row, the target `{name}` holds {show(others[0])}"
            raise _fault(message, "name columns of 0 and 1 in `target`", "task")
    return columns


def _encode_classes(y: np.ndarray, names: tuple[str, ...], config: DataConfig) -> Target:
    if y.ndim == 2:
        raise _fault(*_not_one_hot(y), "task" if config.task else "target")
    classes, codes = _chosen_classes(y, names, config)
    kept = classes.kept
    return Target(
        task=_binary_or_multiclass(classes.names, config),
        y=classes.codes[kept],
        inferred=config.task is None and config.positive_class is None,
        kept=None if kept.all() else kept,
        class_names=classes.names,
        codes=codes,
        notes=classes.notes,
    )


def _chosen_classes(y: np.ndarray, names: tuple[str, ...], config: DataConfig) -> tuple[Classes, dict[str, int]]:
    """Return the class of every row as the config asks, and the number of each class of the source."""
    if isinstance(config.classes, int):
        classes = count_classes(y, config.classes, names)
        return classes, {name: number for number, name in enumerate(classes.names)}
    classes = number_classes(y, names)
    if len(classes.names) < 2:
        message = f"the target has only the class `{classes.names[0]}`, two are needed"
        hint = "look at the target column"
        if y.dtype.kind in "iuf":
            hint += ", say how many classes there are (`classes: 2`), or write `task: regression`"
        raise _fault(message, hint, "target")
    known, first_rows = classes.names, np.unique(classes.codes, return_index=True)[1]
    if config.classes is not None:
        classes = choose_classes(classes, config.classes)
    if config.positive_class is not None:
        classes = one_against_rest(classes, config.positive_class)
    return classes, dict(zip(known, classes.codes[first_rows].tolist(), strict=True))


def _encode_one_hot(y: np.ndarray, names: tuple[str, ...], config: DataConfig) -> Target:
    """Encode targets `[rows, classes]` of one 1 a row; each class has an output, unless the config says other."""
    asks = config.task is not None or config.positive_class is not None
    asked = config if asks else replace(config, task="classification")
    target = _encode_classes(y.argmax(axis=1), names, asked)
    unused = [name for name, column in zip(names, y.T, strict=True) if not column.any()]
    never = [name for name in unused if name not in target.class_names]
    taken = f"every row of the target has exactly one 1: taken as classes, {len(target.class_names)} of them"
    notes = [f"{taken}; write `task: multilabel` if a row may have several labels"] * (not asks)
    notes += [f"no row has the {plural(len(never), 'class')} {listed(never)}, left out"] * bool(never)
    return replace(target, inferred=not asks, notes=(*target.notes, *notes))


def _not_one_hot(y: np.ndarray) -> tuple[str, str]:
    """Say why several target columns are no classes, and what to do."""
    if not _is_zeros_and_ones(y):
        message = f"a class for each row needs one target column, received {y.shape[1]}"
        return message, "name the column with the class of each row"
    ones = np.count_nonzero(y, axis=1)
    row = int(np.argmax(ones != 1))
    message = (
        f"a class for each row needs exactly one 1 in its {y.shape[1]} target columns, "
        f"row {row} (counted from 0) has {ones[row]}"
    )
    return message, "correct these rows, or write `task: multilabel` for rows with any number of labels"


def _binary_or_multiclass(names: Sequence[str], config: DataConfig) -> Task:
    """Learn two classes with one output, unless the config asks for `classification`."""
    if config.task == "binary" and len(names) != 2:
        listed = ", ".join(f"`{name}`" for name in names[:_MOST_NAMED]) + ", ..." * (len(names) > _MOST_NAMED)
        hint = "name one in `positive_class`, keep two with `classes`, or write `task: classification`"
        raise _fault(f"`binary` needs two classes, the target has {len(names)}: {listed}", hint, "task")
    wants_two_outputs = config.task == "classification" and config.positive_class is None
    return "binary" if len(names) == 2 and not wants_two_outputs else "multiclass"


def _fault(message: str, hint: str, setting: str) -> DataError:
    return DataError(Problem(message, hint, path=("data", setting)))
