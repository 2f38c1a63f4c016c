"""The typed config: one experiment, all that a file says, defaults included."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.config.checks import check
from nnlab.config.columns import column_faults
from nnlab.config.compare import CompareConfig
from nnlab.config.components import Component, OneOf
from nnlab.config.data import MAX_SEED, DataConfig, outputs_in
from nnlab.config.faults import Fault, Report
from nnlab.config.model import MODEL, FunctionalConfig, SequentialConfig, SubclassedConfig, TransferConfig
from nnlab.config.section import Section, key, required
from nnlab.config.shapes import Checked
from nnlab.config.training import TrainingConfig
from nnlab.config.tune import TuneConfig
from nnlab.config.values import TEXT, whole
from nnlab.errors import ConfigPath, did_you_mean
from nnlab.names import MAX_NAME, MAX_NAME_BYTES, is_name
from nnlab.wording import one_of, show


def _schedule_faults(component: Component) -> Iterator[Fault]:
    from nnlab.config.durations import schedule_faults  # most configs have none

    return schedule_faults(component)


def _name(name: Any, report: Report) -> Any:
    """Compose letters and their marks, so that what looks the same is the same, and see whether it fits."""
    if not isinstance(name, str):
        return TEXT.parse(name, report)
    if not is_name(name):
        hint = "use letters and digits of any script, `.`, `_` and `-`, at most 100, starting with a letter or digit"
        return report.fault(f"{show(name)} cannot be a name", hint)
    name = unicodedata.normalize("NFC", name)
    if len(name.encode()) > MAX_NAME_BYTES:
        report.fault(f"{show(name)} cannot be a name", f"use at most {MAX_NAME_BYTES} bytes of UTF-8")
    return name


NAME = Checked(
    _name,
    # what JSON Schema's dialects of patterns have in common: no ASCII but letters, digits, `.`, `_` and `-`
    {"type": "string", "maxLength": MAX_NAME, "pattern": r"^[^\x00-/:-@\[-`{-\x7f\s][^\x00-,/:-@\[-^`{-\x7f\s]*$"},
)


@dataclass(frozen=True, kw_only=True)
class Experiment(Section):
    """One experiment: all that a config says, defaults included."""

    name: str = required(NAME, "name of the run; the file's if it is left out")
    seed: int = key(
        whole(minimum=0, maximum=MAX_SEED), "everything random: weights, splits, order of rows, dropout", default=0
    )
    data: DataConfig = required(
        DataConfig,
        "where the rows come from; `data: digits` is short for `data: {source: digits}`",
        missing="write `data: digits`; `nnlab list datasets` shows what there is",
    )
    model: SequentialConfig | FunctionalConfig | SubclassedConfig = required(
        MODEL, "the network", missing="write `model: {hidden: [300, 100]}`, or a list of layers"
    )
    optimizer: Component = key(
        OneOf("optimizers"), "any of Keras's: `nnlab list optimizers`", default=Component("optimizers", "Adam")
    )
    schedule: Component | None = key(
        OneOf("schedules", between=_schedule_faults), "how the learning rate changes from step to step"
    )
    training: TrainingConfig = key(TrainingConfig, "epochs, batches, loss, metrics", default=TrainingConfig())
    tune: TuneConfig | None = key(TuneConfig, "what `nnlab tune` searches")
    compare: CompareConfig | None = key(CompareConfig, "variants of the experiment, for `nnlab compare`")

    @property
    def transfer(self) -> TransferConfig | None:
        """What the model takes over from another run."""
        return getattr(self.model, "transfer", None)

    @property
    def data_seed(self) -> int:
        """The seed that splits the rows, and makes those of generated data sets."""
        return self.seed if self.data.seed is None else self.data.seed


BY_OUTPUT: Mapping[str, type[Section]] = {"data": DataConfig, "training": TrainingConfig}
"""The sections with keys that may go by output name."""


@check("one-learning-rate", Experiment)
def one_learning_rate(given: Mapping[str, Any]) -> Iterator[Fault]:
    """One thing sets the learning rate."""
    model = given.get("model")
    transfer = model.get("transfer") if isinstance(model, Mapping) else None
    after = transfer.get("learning_rate_after") if isinstance(transfer, Mapping) else None
    if after is not None and "schedule" in given:
        message = "`learning_rate_after` and `schedule` both set the learning rate"
        hint = "keep one of them; a schedule goes on when layers are freed"
        yield Fault(("model", "transfer", "learning_rate_after"), message, hint, at_key=True)


@check("epochs-of-equal-steps", Experiment)
def epochs_of_equal_steps(given: Mapping[str, Any]) -> Iterator[Fault]:
    """A schedule counts epochs only where all have as many steps."""
    size, schedule = _value(given, "training", "batch_size"), given.get("schedule")
    if not (isinstance(size, Mapping) and "grow" in size and isinstance(schedule, Mapping)):
        return
    for name, parameters in schedule.items():
        for key_ in parameters if isinstance(parameters, Mapping) else ():
            if str(key_).endswith("_epochs") and parameters[key_] is not None:
                steps = f"{str(key_).removesuffix('_epochs')}_steps"
                hint = f"write `{steps}`, or one batch size"
                message = f"`{key_}` is no number of steps where batches grow: later epochs have fewer"
                yield Fault(("schedule", str(name), str(key_)), message, hint, at_key=True)


@check("columns-named-once", Experiment)
def columns_named_once(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Every column of the history is one thing; the outputs of a class may stand under any key."""
    model, training = given.get("model"), given.get("training")
    if isinstance(model, Mapping) and model.get("type") == "subclassed":
        outputs: dict[str, ConfigPath] = {path[-1]: path for path in _outputs_written(given)}
    else:
        outputs = {name: ("model", "outputs", i) for i, name in enumerate(_output_names(given) or [])}
    given = training if isinstance(training, Mapping) else {}
    yield from column_faults(outputs, given.get("metrics"), given.get("weighted_metrics"))


@check("outputs-of-the-model", Experiment)
def outputs_of_the_model(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Outputs are named as the model has them, and every one has a target, if targets go by output."""
    names = _output_names(given)
    if names is None:
        return
    unknown = [path for path in _outputs_written(given) if path[-1] not in names]
    for path in unknown:
        hint = did_you_mean(path[-1], names) or (one_of(names) if names else "the model has one output")
        yield Fault(path, f"the model has no output `{path[-1]}`", hint, at_key=True)
    target = _value(given, "data", "target")
    if isinstance(target, Mapping) and target and not any(path[:2] == ("data", "target") for path in unknown):
        for name in names:
            if name not in target:
                hint = f"name its target too: `{name}: COLUMN`"
                yield Fault(("data", "target"), f"the output `{name}` has no target", hint, at_key=True)


@check("weights-of-losses", Experiment)
def weights_of_losses(given: Mapping[str, Any]) -> Iterator[Fault]:
    """At least one output's loss weighs something."""
    names, weights = _output_names(given), _value(given, "training", "loss_weights")
    if names is None or not isinstance(weights, Mapping) or not weights:
        return
    if not any(weights.get(name, 1) for name in names or weights):
        message = "every output's loss weighs 0, so that nothing would be learned"
        yield Fault(("training", "loss_weights"), message, "give at least one a weight above 0", at_key=True)


def _value(given: Mapping[str, Any], section: str, name: str) -> Any:
    values = given.get(section)
    return values.get(name) if isinstance(values, Mapping) else None


def _outputs_written(given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the paths of values that go by output name."""
    for part, section in BY_OUTPUT.items():
        for name in section.keys():  # noqa: SIM118
            for output in outputs_in(section, name, _value(given, part, name)):
                yield part, name, output


def _output_names(given: Mapping[str, Any]) -> list[str] | None:
    """Return the outputs that may be named; `None` for a class whose outputs only its code knows."""
    if _value(given, "model", "type") == "subclassed":
        target = _value(given, "data", "target")
        return list(map(str, target)) if isinstance(target, Mapping) else None
    outputs = _value(given, "model", "outputs")
    names = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [name for name in names if isinstance(name, str)]
