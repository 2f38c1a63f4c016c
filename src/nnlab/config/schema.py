"""The typed config: what may be written, and what holds when it is not."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, Field, ValidationError

from nnlab import catalog
from nnlab.config.columns import column_faults
from nnlab.config.compare import CompareConfig
from nnlab.config.components import Component, Fault, OneOf, named_object, raise_faults
from nnlab.config.model import ModelConfig
from nnlab.config.names import canonical
from nnlab.config.remedies import type_remedy
from nnlab.config.section import (
    ClassName,
    ClassNames,
    Names,
    NotBuiltYet,
    Parsed,
    Section,
    Whole,
    fail,
    is_finite_number,
    name_list,
    whole,
)
from nnlab.config.tune import TuneConfig
from nnlab.errors import ConfigPath, did_you_mean, one_of, show
from nnlab.names import MAX_NAME, MAX_NAME_BYTES, NAME_PATTERN

MAX_SEED = 2**32 - 1
EngineName: TypeAlias = Literal["fast", "exact", "keras"]
DEFAULT_OPTIMIZER = Component("optimizers", "Adam")


def _rows(value: Any) -> Any:
    value = whole(value) if isinstance(value, float) and value > 1 else value
    hint = type_remedy(value, ["float"]) or "write rows as a whole number (`5000`) or a fraction (`0.2`), `0` for none"
    if not is_finite_number(value):
        fail(f"expected a number of rows or a fraction, received {show(value)}", hint, value=value)
    if value < 0:
        fail(f"must be at least 0, received {show(value)}", value=value)
    if isinstance(value, float) and value >= 1:
        fail(f"a fraction must be below 1, received {show(value)}", hint, value=value)
    return value


def _scale(value: Any) -> Any:
    scalings = _one_or_by_name(value, _scale_of_one)
    if isinstance(scalings, Mapping):
        return {canonical(name): scaling for name, scaling in scalings.items()}
    return scalings


def _scale_of_one(value: Any) -> Any:
    words = ("standardize", "minmax")
    if value is None or (isinstance(value, str) and value in words) or (is_finite_number(value) and value > 0):
        return value
    hint = "divide by a number (`255`), or write `standardize` or `minmax`"
    if isinstance(value, str):
        hint = type_remedy(value, ["float", "null"]) or did_you_mean(value, words) or hint
    return fail(f"unknown scaling {show(value)}", hint, value=value)


def _class_weight(value: Any) -> Any:
    return _by_name(value, _weights_of_classes) if _is_weight_by_output(value) else _weights_of_classes(value)


def _is_weight_by_output(value: Any) -> bool:
    """Whether class weights go by output name, `{main: balanced}`, rather than by class, `{0: 1, 1: 5}`."""
    weights = value.values() if isinstance(value, Mapping) else ()
    return any(weight == "balanced" or isinstance(weight, Mapping) for weight in weights)


def _weights_of_classes(value: Any) -> Any:
    if value is None or value == "balanced":
        return value
    if not isinstance(value, dict) or not value:
        near = did_you_mean(value, ["balanced"]) if isinstance(value, str) else None
        hint = near or "write `balanced`, or a weight for each class: `{0: 1, 1: 5}`"
        fail(f"unknown class weight {show(value)}", hint, value=value)
    faults = [
        Fault((str(name),), f"expected a weight of at least 0, received {show(weight)}", type_remedy(weight, ["float"]))
        for name, weight in value.items()
        if not is_finite_number(weight) or weight < 0
    ]
    if faults:
        raise_faults(faults)
    weights = {canonical(str(whole(name))): weight for name, weight in value.items()}
    if len(weights) < len(value):
        fail("two classes differ only in blanks or in their Unicode form", "keep one of them", value=value)
    return weights


def _columns(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        hint = "write `columns: {x: [1.0, 2.0], y: [0.0, 1.0]}`"
        fail(f"expected columns by name, received {show(value)}", hint, value=value)
    faults = [
        Fault((str(name),), f"expected a list of values, received {show(column)}", type_remedy(column, ["list"]))
        for name, column in value.items()
        if not isinstance(column, (list, tuple))
    ]
    if faults:
        raise_faults(faults)
    columns = {canonical(str(name)): tuple(column) for name, column in value.items()}
    if len(columns) < len(value):
        fail(
            "two columns differ only in blanks or in their Unicode form", "give every column its own name", value=value
        )
    return columns


def _target(value: Any) -> Any:
    return None if value is None else _one_or_by_name(value, _columns_of_one)


def _columns_of_one(value: Any) -> Any:
    return fail("expected the name of a target, received nothing") if value is None else name_list(value)


def _task(value: Any) -> Any:
    return _one_or_by_name(value, _task_of_one)


def _task_of_one(value: Any) -> Any:
    if value is None or (isinstance(value, str) and value in TASKS):
        return value
    return fail(f"unknown value {show(value)}", did_you_mean(str(value), TASKS) or one_of(TASKS), value=value)


GOES_BY_OUTPUT = {"data": ("target", "task", "class_weight"), "training": ("loss", "metrics", "loss_weights")}
"""The keys that may go by output name, by section."""

Rows: TypeAlias = Annotated[int | float, Parsed(_rows)]
TaskName: TypeAlias = Literal["classification", "binary", "multilabel", "regression"]
TASKS = get_args(TaskName)
Scale: TypeAlias = int | float | Literal["standardize", "minmax"] | None
ClassWeight: TypeAlias = Mapping[str, float] | Literal["balanced"] | None


class DataConfig(Section):
    """Where the rows come from, what is predicted, and how they are split and scaled."""

    source: Annotated[Component, OneOf("datasets")]
    path: str | None = None
    columns: Annotated[Mapping[str, tuple[Any, ...]] | None, Parsed(_columns)] = None
    target: Annotated[tuple[str | int, ...] | Mapping[str, tuple[str | int, ...]] | None, Parsed(_target)] = None
    features: Names = None
    task: Annotated[TaskName | Mapping[str, TaskName] | None, Parsed(_task)] = None
    validation: Rows = 0.2
    test: Rows | None = None
    scale: Annotated[Scale | Mapping[str, Scale], Parsed(_scale)] = None
    limit: Annotated[Whole | None, Field(ge=1)] = None
    seed: Annotated[Whole | None, Field(ge=0, le=MAX_SEED)] = None
    classes: ClassNames = None
    positive_class: ClassName = None
    object: NotBuiltYet = None
    class_weight: Annotated[ClassWeight | Mapping[str, ClassWeight], Parsed(_class_weight)] = None

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """`data: digits` is short for the source alone."""
        return {"source": raw} if isinstance(raw, str) else raw

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """What a source needs, and what excludes one another."""
        source = named_object(given.get("source"))
        if source in ("csv", "npz", "parquet") and "path" not in given:
            yield Fault((), f"the source `{source}` needs `path`", f"write `path: data.{source}`", at_key=True)
        if source == "inline" and "columns" not in given:
            hint = "write `columns: {x: [1.0, 2.0], y: [0.0, 1.0]}`"
            yield Fault((), "the source `inline` needs `columns`", hint, at_key=True)
        is_other = source is not None and source != "inline" and catalog.find("datasets", source) is not None
        if is_other and "columns" in given:
            hint = "write `source: inline`, or remove `columns`"
            yield Fault(("columns",), f"`columns` goes with `inline`, not with `{source}`", hint, at_key=True)
        if source in ("csv", "parquet", "inline") and "target" not in given:
            yield Fault((), f"the source `{source}` needs `target`", "name the column to predict", at_key=True)
        if "classes" in given and "positive_class" in given:
            message = "`positive_class` and `classes` do not go together"
            yield Fault(("positive_class",), message, "keep one of them", at_key=True)
        by_output = isinstance(given.get("target"), Mapping)
        if isinstance(given.get("task"), Mapping) and not by_output:
            hint = "write one task, or `target: {OUTPUT: COLUMN, ...}` too"
            yield Fault(("task",), "`task` goes by output name, and `target` does not", hint, at_key=True)
        for key in ("classes", "positive_class"):
            if key in given and by_output:
                message = f"`{key}` goes with one target, and `target` goes by output name"
                yield Fault(
                    (key,), message, "remove it: the classes of each output are those of its column", at_key=True
                )

    @property
    def sections(self) -> Mapping[str, DataConfig]:
        """The section as each output's target sees it, by output name; itself, without a name, if they share one."""
        if not isinstance(self.target, Mapping):
            return {"": self}
        return {output: self._of_output(output) for output in self.target}

    def _of_output(self, output: str) -> DataConfig:
        values = {key: getattr(self, key) for key in GOES_BY_OUTPUT["data"]}
        own = {key: value.get(output) for key, value in values.items() if _is_by_output(key, value)}
        return self.model_copy(update=own)

    @property
    def weighs_by_output(self) -> bool:
        """Whether the outputs have class weights of their own."""
        return _is_weight_by_output(self.class_weight)


class EarlyStopping(Section):
    """Stop when the monitored value no longer improves (Keras's EarlyStopping)."""

    monitor: str = "val_loss"
    min_delta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    patience: Annotated[Whole, Field(ge=0)] = 10
    mode: Literal["auto", "min", "max"] = "auto"
    baseline: Annotated[float | None, Field(allow_inf_nan=False)] = None
    restore_best_weights: bool = True
    start_from_epoch: Annotated[Whole, Field(ge=0)] = 0


class TensorBoardConfig(Section):
    """What goes to TensorBoard besides the scalars."""

    histogram_freq: Annotated[Whole, Field(ge=0)] = 0
    profile_batch: Annotated[tuple[int, int] | None, Parsed(lambda value: _profile_batch(value))] = None
    write_graph: bool = True


def _profile_batch(value: Any) -> Any:
    if value is None or value == 0:
        return None
    steps = (value, value) if isinstance(value, int) and not isinstance(value, bool) else value
    if (
        not isinstance(steps, (list, tuple))
        or len(steps) != 2
        or any(isinstance(step, bool) or not isinstance(step, int) or step < 1 for step in steps)
        or steps[0] > steps[1]
    ):
        hint = "write the first and the last step to profile, counted from 1, such as `[100, 200]`"
        received = ", ".join(show(step) for step in steps) if isinstance(steps, (list, tuple)) else show(value)
        fail(f"expected a step or a range of steps, received {received or 'an empty list'}", hint, value=value)
    return tuple(steps)


def _tensorboard(raw: Any) -> Any:
    if raw is None or raw is True:
        return TensorBoardConfig()
    if raw is False or isinstance(raw, TensorBoardConfig):
        return raw
    return TensorBoardConfig.model_validate(raw)


def _is_loss_by_output(raw: Any) -> bool:
    """Whether a mapping gives losses by output name, `{main: mse}`, rather than one loss, `{Huber: {delta: 2}}`."""
    if not isinstance(raw, Mapping) or not raw:
        return False
    if any(catalog.find("losses", str(key)) is not None for key in raw):
        return False
    return len(raw) > 1 or any(catalog.find("losses", named_object(loss) or "") is not None for loss in raw.values())


def _is_by_output(key: str, value: Any) -> bool:
    """Whether the value of a key of the data or the training section goes by output name."""
    if key == "class_weight":
        return _is_weight_by_output(value)
    return _is_loss_by_output(value) if key == "loss" else isinstance(value, Mapping)


def _one_or_by_name(raw: Any, parse: Callable[[Any], Any]) -> Any:
    return _by_name(raw, parse) if isinstance(raw, Mapping) and raw else parse(raw)


def _by_name(raw: Mapping[Any, Any], parse: Callable[[Any], Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    errors: list[tuple[ConfigPath, ValidationError]] = []
    for name, value in raw.items():
        try:
            values[str(name)] = parse(value)
        except ValidationError as error:
            errors.append(((name,), error))
    if errors:
        raise_faults([], besides=errors)
    return values


def _loss(raw: Any) -> Any:
    if raw is None or isinstance(raw, Component):
        return raw
    parse = OneOf("losses").parse
    return _by_name(raw, parse) if _is_loss_by_output(raw) else parse(raw)


def _metric_list(raw: Any) -> Any:
    if not isinstance(raw, (list, tuple)):
        hint = f"write a list: `[{raw if isinstance(raw, str) else 'accuracy'}]`, `[]` for none"
        fail(f"expected a list of metrics, received {show(raw)}", hint, value=raw)
    parse = OneOf("metrics").parse
    items = _by_name(dict(enumerate(raw)), lambda item: item if isinstance(item, Component) else parse(item))
    return tuple(items.values())


def _metrics(raw: Any) -> Any:
    return _by_name(raw, _metric_list) if isinstance(raw, Mapping) else None if raw is None else _metric_list(raw)


def _loss_weights(raw: Any) -> Any:
    if raw is None:
        return None
    if not isinstance(raw, Mapping) or not raw:
        fail(f"expected a weight for each output, received {show(raw)}", "write `{main: 0.9, aux: 0.1}`", value=raw)
    faults = [
        Fault((name,), f"expected a weight of at least 0, received {show(weight)}", type_remedy(weight, ["float"]))
        for name, weight in raw.items()
        if not is_finite_number(weight) or weight < 0
    ]
    if faults:
        raise_faults(faults)
    return {str(name): float(weight) for name, weight in raw.items()}


class TrainingConfig(Section):
    """How long and on what batches, by which loss, watched by which metrics."""

    epochs: Annotated[Whole, Field(ge=1)] = 10
    batch_size: Annotated[Whole, Field(ge=1)] = 32
    loss: Annotated[Component | Mapping[str, Component] | None, OneOf("losses"), Parsed(_loss)] = None
    metrics: Annotated[
        tuple[Component, ...] | Mapping[str, tuple[Component, ...]] | None,
        Parsed(_metrics),
    ] = None
    loss_weights: Annotated[Mapping[str, float] | None, Parsed(_loss_weights)] = None
    early_stopping: EarlyStopping | None = None
    tensorboard: Annotated[TensorBoardConfig | Literal[False], Parsed(_tensorboard)] = TensorBoardConfig()
    engine: EngineName = "fast"
    jit_compile: Annotated[bool | Literal["auto"], Parsed(lambda value: _jit_compile(value))] = "auto"
    threads: Annotated[int | Literal["auto"], Parsed(lambda value: _threads(value))] = "auto"

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """What excludes one another."""
        engine = given.get("engine")
        if engine in ("exact", "keras") and given.get("jit_compile") is True:  # Keras refuses it for reproducible runs
            hint = "remove it, or write `engine: fast`"
            yield Fault(("jit_compile",), f"the engine `{engine}` goes without XLA", hint, at_key=True)

    def place(self, key: Literal["loss", "metrics"], output: str) -> ConfigPath:
        """Return where the config says, or would say, the loss or the metrics of an output."""
        by_output = isinstance(getattr(self, key), Mapping)
        return ("training", key, *((output,) if by_output else ()))


def _jit_compile(value: Any) -> Any:
    if not isinstance(value, bool) and value != "auto":
        fail(f"expected `true`, `false` or `auto`, received {show(value)}", value=value)
    return value


def _threads(value: Any) -> Any:
    count = whole(value)
    if count != "auto" and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        fail(f"expected a number of at least 1, or `auto`, received {show(value)}", value=value)
    return count


def _schedule_faults(component: Component) -> Iterator[Fault]:
    from nnlab.config.durations import schedule_faults  # most configs have none

    return schedule_faults(component)


def _run_name(name: str) -> str:
    """Compose letters and their marks, so that what looks the same is the same, and see whether it fits."""
    name = unicodedata.normalize("NFC", name)
    if len(name.encode()) > MAX_NAME_BYTES:
        fail(f"{show(name)} cannot be a name", f"use at most {MAX_NAME_BYTES} bytes of UTF-8", value=name)
    return name


class Experiment(Section):
    """One experiment: all that a config says, defaults included."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=NAME_PATTERN), AfterValidator(_run_name)]
    seed: Annotated[Whole, Field(ge=0, le=MAX_SEED)] = 0
    data: DataConfig
    model: ModelConfig
    optimizer: Annotated[Component, OneOf("optimizers")] = DEFAULT_OPTIMIZER
    schedule: Annotated[Component, OneOf("schedules", between=_schedule_faults)] | None = None
    training: TrainingConfig = TrainingConfig()
    tune: TuneConfig | None = None
    compare: CompareConfig | None = None

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """Outputs are named as the model has them, every one has a target, and one thing sets the learning rate."""
        model = given.get("model")
        transfer = model.get("transfer") if isinstance(model, Mapping) else None
        after = transfer.get("learning_rate_after") if isinstance(transfer, Mapping) else None
        if after is not None and "schedule" in given:
            message = "`learning_rate_after` and `schedule` both set the learning rate"
            hint = "keep one of them; a schedule goes on when layers are freed"
            yield Fault(("model", "transfer", "learning_rate_after"), message, hint, at_key=True)
        sections = {key: value for key in ("data", "training") if isinstance(value := given.get(key), Mapping)}
        yield from column_faults(_named_outputs(model, sections), sections.get("training", {}).get("metrics"))
        names = _output_names(model, given.get("data"))
        if names is None:
            return
        unknown = [
            (section, key, str(name))
            for section, values in sections.items()
            for key in GOES_BY_OUTPUT[section]
            if _is_by_output(key, values.get(key))
            for name in values[key]
            if name not in names
        ]
        for path in unknown:
            hint = did_you_mean(path[-1], names) or (one_of(names) if names else "the model has one output")
            yield Fault(path, f"the model has no output `{path[-1]}`", hint, at_key=True)
        weights = sections.get("training", {}).get("loss_weights")
        if isinstance(weights, Mapping) and weights and not any(weights.get(name, 1) for name in names or weights):
            message = "every output's loss weighs 0, so that nothing would be learned"
            yield Fault(("training", "loss_weights"), message, "give at least one a weight above 0", at_key=True)
        target = sections.get("data", {}).get("target")
        if isinstance(target, Mapping) and target and not any(path[:2] == ("data", "target") for path in unknown):
            for name in names:
                if name not in target:
                    hint = f"name its target too: `{name}: COLUMN`"
                    yield Fault(("data", "target"), f"the output `{name}` has no target", hint, at_key=True)


def _named_outputs(model: Any, sections: Mapping[str, Mapping[str, Any]]) -> dict[str, ConfigPath]:
    """Return the outputs that have names, with the places that give them; a class's may stand under any key."""
    if isinstance(model, Mapping) and model.get("type") == "subclassed":
        return {
            str(name): (section, key, name)
            for section, values in sections.items()
            for key in GOES_BY_OUTPUT[section]
            if _is_by_output(key, values.get(key))
            for name in values[key]
        }
    return {name: ("model", "outputs", i) for i, name in enumerate(_output_names(model, None) or [])}


def _output_names(model: Any, data: Any) -> list[str] | None:
    """Return the outputs that may be named; `None` for a class whose outputs only its code knows."""
    model = model if isinstance(model, Mapping) else {}
    if model.get("type") == "subclassed":
        target = data.get("target") if isinstance(data, Mapping) else None
        return list(map(str, target)) if isinstance(target, Mapping) else None
    outputs = model.get("outputs")
    names = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [name for name in names if isinstance(name, str)]
