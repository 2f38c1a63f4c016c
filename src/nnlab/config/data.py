"""The `data` section: where the rows come from, what is predicted, and how they are split and scaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self, TypeAlias, get_args

from nnlab import catalog
from nnlab.config.by_name import UNNAMED
from nnlab.config.checks import check
from nnlab.config.components import Component, OneOf, named_object
from nnlab.config.faults import Fault, Report
from nnlab.config.names import canonical
from nnlab.config.remedies import in_one_line, type_remedy
from nnlab.config.section import OrSection, Section, key, required
from nnlab.config.shapes import (
    ANYTHING,
    Checked,
    Choice,
    CountOrList,
    Either,
    ListOf,
    ListOrMap,
    MapOf,
    OneOrByName,
    TextOrList,
)
from nnlab.config.values import CLASS_NAME, NAME, NAMES, TEXT, is_finite_number, whole, whole_number
from nnlab.config.window import WindowConfig, window_faults
from nnlab.errors import did_you_mean
from nnlab.user_code import definition_of, is_reference, reading_problem
from nnlab.wording import listed, one_of, show

MAX_SEED = 2**32 - 1
TaskName: TypeAlias = Literal["classification", "binary", "multilabel", "regression"]
TASKS = get_args(TaskName)
SCALINGS = ("standardize", "minmax")
LOG: Final = "log"
"""The scaling of targets that takes log(1 + y), and standardizes it."""
Scale: TypeAlias = int | float | Literal["standardize", "minmax"] | None
TargetScale: TypeAlias = Scale | Literal["log"]
Storage: TypeAlias = Literal["memory", "disk"]
ClassWeight: TypeAlias = Mapping[str, float] | Literal["balanced"] | None


def _rows(value: Any, report: Report) -> Any:
    value = whole_number(value) if isinstance(value, float) and value > 1 else value
    hint = type_remedy(value, ["float"]) or "write rows as a whole number (`5000`) or a fraction (`0.2`), `0` for none"
    if not is_finite_number(value):
        return report.fault(f"expected a number of rows or a fraction, received {show(value)}", hint)
    if value < 0:
        return report.fault(f"must be at least 0, received {show(value)}")
    if isinstance(value, float) and value >= 1:
        return report.fault(f"a fraction must be below 1, received {show(value)}", hint)
    return value


def _scaling(value: Any, report: Report, names: tuple[str, ...] = SCALINGS) -> Any:
    if value is None or (isinstance(value, str) and value in names) or (is_finite_number(value) and value > 0):
        return value
    hint = f"divide by a number (`255`), or write {one_of(names)}"
    if isinstance(value, str):
        hint = type_remedy(value, ["float", "null"]) or did_you_mean(value, names) or hint
    return report.fault(f"unknown scaling {show(value)}", hint)


def _target_scaling(value: Any, report: Report) -> Any:
    return _scaling(value, report, (*SCALINGS, LOG))


def _weight(value: Any, report: Report) -> Any:
    if is_finite_number(value) and value >= 0:
        return value
    return report.fault(f"expected a weight of at least 0, received {show(value)}", type_remedy(value, ["float"]))


def _function(value: Any, report: Report) -> Any:
    """Return what names a function in a Python file, which is read but not run."""
    if not is_reference(value):
        return report.fault(f"expected a function in a file, received {show(value)}", "write `my_data.py:load`")
    problem = reading_problem(value)
    return value if problem is None else report.fault(*problem)


def _weights_hint(value: Any) -> str:
    near = did_you_mean(value, ["balanced"]) if isinstance(value, str) else None
    return near or "write `balanced`, or a weight for each class: `{0: 1, 1: 5}`"


def _class_weights(value: Any, report: Report) -> Any:
    if value is None or value == "balanced":
        return value
    if not isinstance(value, dict) or not value:
        return report.fault(f"unknown class weight {show(value)}", _weights_hint(value))
    return WEIGHTS_OF_CLASSES.parse(value, report)


def weighs_by_output(value: Any) -> bool:
    """Whether class weights go by output name, `{main: balanced}`, rather than by class, `{0: 1, 1: 5}`."""
    weights = value.values() if isinstance(value, Mapping) else ()
    return any(weight == "balanced" or isinstance(weight, Mapping) for weight in weights)


FOLDS = whole(minimum=2, maximum=1000)
ROWS = Checked(_rows, {"type": "number", "minimum": 0})
WEIGHT = Checked(_weight, {"type": "number", "minimum": 0})
WEIGHTS_OF_CLASSES = MapOf(
    WEIGHT,
    key=lambda name: canonical(str(whole_number(name))),
    clash=("two classes differ only in blanks or in their Unicode form", "keep one of them"),
)
CLASS_WEIGHTS = Checked(
    _class_weights,
    {"anyOf": [{"enum": ["balanced", None]}, {"type": "object", "additionalProperties": WEIGHT.schema}]},
)
CLASSES = CountOrList(
    whole(minimum=2),
    ListOf(
        CLASS_NAME,
        "a list of classes, or how many there are",
        lambda raw: f"write `positive_class: {raw}` for one against the rest" if isinstance(raw, str) else None,
    ),
)
COLUMNS = MapOf(
    ListOf(ANYTHING, "a list of values"),
    "columns by name",
    "write `columns: {x: [1.0, 2.0], y: [0.0, 1.0]}`",
    key=canonical,
    clash=("two columns differ only in blanks or in their Unicode form", "give every column its own name"),
)
FEATURES = ListOrMap(
    NAMES,
    MapOf(
        OneOf("columns"),
        key=canonical,
        clash=("two columns differ only in blanks or in their Unicode form", "give every column its own name"),
    ),
)
OTHERS: Final = "others"
"""What `ignore` says to leave out every column that `features` does not name."""
IGNORED = Either("`others`, a name or a list of names", (Choice((OTHERS,)), NAMES))
TASK = Choice((*TASKS, None))
PATHS = TextOrList(TEXT, ListOf(TEXT, "a list of files", least=1))
SCALING = Checked(_scaling, {"anyOf": [{"enum": [*SCALINGS, None]}, {"type": "number", "exclusiveMinimum": 0}]})
TARGET_SCALING = Checked(
    _target_scaling, {"anyOf": [{"enum": [*SCALINGS, LOG, None]}, {"type": "number", "exclusiveMinimum": 0}]}
)


@dataclass(frozen=True, kw_only=True)
class FoldConfig(Section):
    """One of several disjoint parts of the rows that the test rows leave: it validates, and the others train."""

    fold: int = required(whole(minimum=1), "which part validates, from 1", missing="write `{fold: 1, of: 5}`")
    of: int = required(FOLDS, "how many parts there are", missing="write `{fold: 1, of: 5}`")
    seed: int | None = key(whole(minimum=0, maximum=MAX_SEED), "deals the rows; that of `data` if it is left out")


@check("fold-among-its-parts", FoldConfig)
def fold_among_its_parts(given: Mapping[str, Any]) -> Iterator[Fault]:
    """There are as many folds as the config says."""
    fold, of = whole_number(given.get("fold")), whole_number(given.get("of"))
    if is_finite_number(fold) and is_finite_number(of) and fold > of >= 2:
        yield Fault(("fold",), f"there are {of} folds, received {show(fold)}", f"write a number from 1 to {of}")


SPLIT_COLUMNS: Final[Mapping[str, str]] = {
    "group": "the group of each row",
    "time": "when each row was",
    "column": "`train`, `validation` or `test` for each row",
}
"""What rows may be split by that a column says, and what stands in it."""


@dataclass(frozen=True, kw_only=True)
class SplitConfig(Section):
    """How the rows are dealt to training, validation and test."""

    short = "by"

    by: str = required(
        Choice(("random", "stratified", "order", *SPLIT_COLUMNS)),
        "`random`; `stratified`: equal shares of the classes; `order`: the last rows are test rows, those before them "
        "validate; `group`: no group in two splits; `time`: the latest rows are test rows; `column`: it says the split",
        missing="write `split: stratified`, or `split: {by: group, column: NAME}`",
    )
    column: str | int | None = key(NAME, "of `group`, `time` and `column`; no feature unless `features` names it")

    @classmethod
    def parse(cls, raw: Any, report: Report) -> Self | None:
        """See `Section`; shares, as other libraries take them here, stand elsewhere."""
        if isinstance(raw, (list, tuple, int, float)):
            message = f"expected by what rows are split, such as `random`, received {show(raw)}"
            report.fault(message, "write shares as `data: {validation: 0.2, test: 0.2}`")
            return None
        return super().parse(raw, report)


@check("split-by-a-column", SplitConfig)
def split_by_a_column(given: Mapping[str, Any]) -> Iterator[Fault]:
    """A column is named where rows are split by one, and nowhere else."""
    by = given.get("by")
    if not isinstance(by, str):
        return
    if by in SPLIT_COLUMNS and by != "time" and "column" not in given:
        yield _without_column(by, ())
    if "column" in given and by in ("random", "stratified", "order"):
        hint = "remove it, or write `by: group`, `by: time` or `by: column`"
        yield Fault(("column",), f"`by: {by}` goes by no column", hint, at_key=True)


def _without_column(by: str, path: tuple[str, ...]) -> Fault:
    message = f"`by: {by}` needs a column that says {SPLIT_COLUMNS[by]}"
    return Fault(path, message, f"write `split: {{by: {by}, column: NAME}}`", at_key=True)


@dataclass(frozen=True, kw_only=True)
class DataConfig(Section):
    """Where the rows come from, what is predicted, and how they are split and scaled."""

    short = "source"

    source: Component = required(
        OneOf("datasets"),
        "the data set: `nnlab list datasets`",
        missing="write `source: digits`; `nnlab list datasets` shows what there is",
    )
    path: str | tuple[str, ...] | None = key(
        PATHS,
        "the file, or the folder of an image set, relative to the config; of a table several files with the same "
        "columns, as a list or a pattern: `part-*.csv`",
    )
    columns: Mapping[str, tuple[Any, ...]] | None = key(COLUMNS, "the rows of `source: inline`, by column")
    target: tuple[str | int, ...] | Mapping[str, tuple[str | int, ...]] | None = key(
        OneOrByName(NAMES), "column to predict, or a list of them; `inputs` for autoencoders; by output name"
    )
    features: tuple[str | int, ...] | Mapping[str, Component] | None = key(
        FEATURES,
        "columns to predict from, by name or index, or their kinds by name, as `{age: numeric, sex: category}` (`nnlab "
        "list columns`; others are read as their values suggest); arrays of an NPZ file by name",
    )
    ignore: tuple[str | int, ...] | Literal["others"] | None = key(
        IGNORED, "columns to leave out, by name or index; `others`: all that `features` does not name"
    )
    missing: tuple[str, ...] | None = key(
        ListOf(TEXT, "a list of texts", lambda raw: f"write `missing: [{raw}]`" if isinstance(raw, str) else None),
        "what stands for a missing value in a table, in any column, besides an empty cell; if it is left out `NA`, "
        "`N/A`, `NaN`, `null` and `?` in columns of numbers",
    )
    task: TaskName | Mapping[str, TaskName] | None = key(
        OneOrByName(TASK), "what is predicted; inferred from the target if it is left out; by output name"
    )
    validation: int | float | FoldConfig | None = key(
        OrSection(ROWS, lambda: FoldConfig),
        "rows or fraction of what the test rows leave; `0` for none; `{fold: 1, of: 5}` for one of several folds; "
        "`0.2` if it is left out, of less than 10 rows none",
    )
    test: int | float | None = key(
        ROWS,
        "rows or fraction of all; if it is left out the data set's own test set, else `0.2`, of less than 10 rows none",
    )
    split: SplitConfig | None = key(
        SplitConfig,
        "how rows are dealt: `random`, `stratified`, `order`, or by the group, the time or the split that a column "
        "says; if left out `stratified` for classes of your own data, `order` for built-in pictures, `time` for "
        "windows, else `random`",
    )
    window: WindowConfig | None = key(
        WindowConfig,
        "rows follow one another in time: so many are an input, and a later one is predicted, whose past is an input, "
        "too",
    )
    scale: Scale | Mapping[str, Scale] = key(
        OneOrByName(SCALING, key=canonical, by_output=False),
        "divide by a number, or `standardize` or `minmax` by column; by array name",
    )
    target_scaling: TargetScale | Mapping[str, TargetScale] = key(
        OneOrByName(TARGET_SCALING, key=canonical, by_output=False),
        "scale what is predicted, as `scale` does, or `log`: log(1 + y), standardized; by column; metrics and "
        "predictions have the units of the data",
    )
    limit: int | None = key(whole(minimum=1), "use only the first so many training rows")
    storage: Storage | None = key(
        Choice((*get_args(Storage), None)),
        "where the rows of a file are while they are trained on: `memory`, or `disk` for more rows than it holds, "
        "which are shuffled by blocks; if it is left out `memory` where they fit",
    )
    seed: int | None = key(
        whole(minimum=0, maximum=MAX_SEED), "splits, and makes generated rows; the experiment's if it is left out"
    )
    classes: tuple[str | int, ...] | int | None = key(
        CLASSES, "keep these classes, numbered in this order; a number: there are so many, and not all need have rows"
    )
    positive_class: str | int | None = key(CLASS_NAME, "this class against the rest")
    object: str | None = key(
        Checked(_function, {"type": "string", "pattern": r"\.py:[A-Za-z_][A-Za-z_0-9]*$"}),
        "of `source: python`: the function that gives the rows, `my_data.py:load`",
    )
    arguments: Mapping[str, Any] | None = key(
        MapOf(ANYTHING, is_identifier=True, least=0), "what it is called with; an argument `seed` gets the experiment's"
    )
    weight: str | int | None = key(
        NAME, "column of what each row weighs in the losses, by name or index; an array of an NPZ file by name"
    )
    class_weight: ClassWeight | Mapping[str, ClassWeight] = key(
        OneOrByName(CLASS_WEIGHTS, weighs_by_output),
        "`balanced`, or the weight of each class in the training loss; by output name",
    )

    @classmethod
    def belongs_inside(cls, name: str, value: Any) -> tuple[str, str] | None:
        """See `Section`: parameters of a source stand in it."""
        having = [source for source, entry in catalog.entries("datasets").items() if name in entry.parameters]
        if not having:
            return None
        source = having[0] if len(having) == 1 else "NAME"
        return "source", f"it belongs to the source: `source: {{{source}: {{{in_one_line({name: value})}}}}}`"

    @property
    def paths(self) -> tuple[str, ...]:
        """All of `path`, as it is written."""
        return (self.path,) if isinstance(self.path, str) else self.path or ()

    @property
    def one_path(self) -> str | None:
        """The path of a source that takes no several."""
        return self.path if isinstance(self.path, str) else None

    @property
    def sections(self) -> Mapping[str, DataConfig]:
        """The section as each output's target sees it, by output name; itself, without a name, if they share one."""
        if not isinstance(self.target, Mapping):
            return {UNNAMED: self}
        return {output: self._of_output(output) for output in self.target}

    def _of_output(self, output: str) -> DataConfig:
        values = {name: getattr(self, name) for name in ("target", "task", "class_weight")}
        own = {name: value.get(output) for name, value in values.items() if any(outputs_in(DataConfig, name, value))}
        return replace(self, **own)

    @property
    def split_column(self) -> str | int | None:
        """The column that says how rows are split, if one does; that of windows where they are split by time."""
        if self.split is not None and self.split.column is not None:
            return self.split.column
        is_time = self.window is not None and (self.split is None or self.split.by == "time")
        return self.window.order if is_time and self.window is not None else None

    @property
    def named_features(self) -> tuple[str | int, ...] | None:
        """The features that the config names, whatever it says of them; `None` if it names none."""
        return None if self.features is None else tuple(self.features)

    @property
    def weighs_by_output(self) -> bool:
        """Whether the outputs have class weights of their own."""
        return weighs_by_output(self.class_weight)


def outputs_in(section: type[Section], name: str, value: Any) -> list[str]:
    """Return the names of the model's outputs that a key of a section gives values for."""
    known = section.keys().get(name)
    return [] if known is None else list(known.shape.outputs(value))


@check("settings-of-the-source", DataConfig)
def settings_of_the_source(given: Mapping[str, Any]) -> Iterator[Fault]:
    """A source has what it needs, and no columns unless it takes them."""
    source = named_object(given.get("source"))
    entry = catalog.find("datasets", source) if source is not None else None
    if entry is None:
        return
    hints = {
        "path": f"write `path: data.{source}`",
        "columns": "write `columns: {x: [1.0, 2.0], y: [0.0, 1.0]}`",
        "target": "name the column to predict",
        "object": "write `object: my_data.py:load`",
    }
    for name, hint in hints.items():
        if name in entry.needs and name not in given:
            yield Fault((), f"the source `{source}` needs `{name}`", hint, at_key=True)
    for name in ("features", "ignore", "missing"):
        of_tables = name != "features" or isinstance(given.get(name), Mapping)
        if name in given and of_tables and "ignore" not in entry.settings:
            message = f"`{name}` of this form goes with tables, not with `{source}`"
            hint = "list the columns: `features: [0, 1]`" if name == "features" else "remove it"
            yield Fault((name,), message, hint, at_key=True)
    for name in ("object", "arguments"):
        if name in given and "object" not in entry.settings:
            message = f"`{name}` goes with `python`, not with `{source}`"
            yield Fault((name,), message, "write `source: python`, or remove it", at_key=True)
    if given.get("storage") is not None and "storage" not in entry.settings:
        message = f"`storage` goes with tables and arrays in files, not with `{source}`"
        yield Fault(("storage",), message, "remove it", at_key=True)
    if given.get("ignore") == OTHERS and not given.get("features"):
        yield Fault(("ignore",), "`ignore: others` needs `features` to name columns", "name them, or remove `ignore`")
    split = given.get("split")
    if isinstance(split, Mapping) and split.get("column") is not None and "split" not in entry.settings:
        message = f"`{source}` has no columns to split by"
        yield Fault(("split", "column"), message, "write `split: random` or `split: stratified`", at_key=True)
    if given.get("weight") is not None and "weight" not in entry.settings:
        hint = "weigh its classes with `class_weight`, or write `source: csv` or `npz` for rows with weights"
        yield Fault(("weight",), f"the rows of `{source}` have no weights", hint, at_key=True)
    if "columns" in given and "columns" not in entry.settings:
        message = f"`columns` goes with `inline`, not with `{source}`"
        yield Fault(("columns",), message, "write `source: inline`, or remove `columns`", at_key=True)


@check("arguments-of-the-function", DataConfig)
def arguments_of_the_function(given: Mapping[str, Any]) -> Iterator[Fault]:
    """The function that gives the rows takes these arguments."""
    reference, arguments = given.get("object"), given.get("arguments") or {}
    definition = definition_of(str(reference)) if is_reference(reference) else None
    if definition is None or not isinstance(arguments, Mapping):
        return
    known = [argument.name for argument in definition.arguments]
    for name in arguments if not definition.takes_more else ():
        if name not in known:
            hint = did_you_mean(str(name), known) or (f"it takes {listed(known)}" if known else "remove it")
            yield Fault(("arguments", str(name)), f"`{definition.name}` has no argument `{name}`", hint, at_key=True)
    missing = [each.name for each in definition.arguments if each.required and each.name not in (*arguments, "seed")]
    if missing:
        message = f"`{definition.name}` needs {listed(missing)}"
        yield Fault(("object",), message, f"write `arguments: {{{missing[0]}: ...}}`")


@check("splits-said-once", DataConfig)
def splits_said_once(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Where a column says the splits nothing else does; later rows are not trained on to predict earlier ones."""
    split = given.get("split")
    by = split.get("by") if isinstance(split, Mapping) else None
    for name in ("validation", "test"):
        if by == "column" and name in given:
            message = f"`{name}` and `split: {{by: column}}` both say which rows are taken"
            yield Fault((name,), message, f"remove `{name}`, or split otherwise", at_key=True)
    if by == "time" and isinstance(given.get("validation"), Mapping) and "window" not in given:
        message = "folds take turns, so that later rows would be trained on to predict earlier ones"
        hint = "with `split: {by: time}` write rows or a fraction: `validation: 0.2`"
        yield Fault(("validation",), message, hint, at_key=True)


@check("windows-in-time", DataConfig)
def windows_in_time(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Windows have rows that follow one another, and are split in time; by time goes what has times."""
    split, window = given.get("split"), given.get("window")
    by = split if isinstance(split, str) else split.get("by") if isinstance(split, Mapping) else None
    has_column = isinstance(split, Mapping) and split.get("column") is not None
    if by == "time" and not has_column and not (isinstance(window, Mapping) and window.get("order") is not None):
        yield _without_column("time", ("split",))
    if window is None:
        return
    source = named_object(given.get("source"))
    entry = catalog.find("datasets", source) if source is not None else None
    if entry is not None and "window" not in entry.settings:
        message = f"the rows of `{source}` do not follow one another in time"
        yield Fault(("window",), message, "remove `window`, or read a table or an NPZ file", at_key=True)
    yield from window_faults(given)


@check("one-choice-of-classes", DataConfig)
def one_choice_of_classes(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Classes are chosen in one way, and of one target."""
    if "classes" in given and "positive_class" in given:
        message = "`positive_class` and `classes` do not go together"
        yield Fault(("positive_class",), message, "keep one of them", at_key=True)
    for name in ("classes", "positive_class"):
        if name in given and isinstance(given.get("target"), Mapping):
            message = f"`{name}` goes with one target, and `target` goes by output name"
            yield Fault((name,), message, "remove it: the classes of each output are those of its column", at_key=True)


@check("tasks-by-output", DataConfig)
def tasks_by_output(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Tasks go by output only if targets do."""
    if isinstance(given.get("task"), Mapping) and not isinstance(given.get("target"), Mapping):
        hint = "write one task, or `target: {OUTPUT: COLUMN, ...}` too"
        yield Fault(("task",), "`task` goes by output name, and `target` does not", hint, at_key=True)
