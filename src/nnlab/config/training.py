"""The `training` section: how long and on what batches, by which loss, watched by which metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from nnlab import catalog
from nnlab.config.checks import check
from nnlab.config.components import Component, OneOf, named_object
from nnlab.config.data import WEIGHT
from nnlab.config.faults import Fault, Report
from nnlab.config.section import Nested, OrSection, Section, key, required
from nnlab.config.shapes import Checked, Choice, Either, ListOf, MapOf, OneOrByName
from nnlab.config.values import SWITCH, TEXT, is_whole, number, whole
from nnlab.errors import ConfigPath
from nnlab.wording import show

EngineName: TypeAlias = Literal["fast", "exact", "keras"]
ImprovesWhen: TypeAlias = Literal["auto", "min", "max"]


@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Section):
    """Stop when the monitored value no longer improves (Keras's EarlyStopping)."""

    monitor: str = key(TEXT, "the column of the history that is watched", default="val_loss")
    min_delta: float = key(number(minimum=0), "the least change that counts as an improvement", default=0.0)
    patience: int = key(whole(minimum=0), "epochs without improvement before it stops", default=10)
    mode: ImprovesWhen = key(Choice(get_args(ImprovesWhen)), "what is better: less or more", default="auto")
    baseline: float | None = key(number(), "a value that must be reached within `patience` epochs")
    restore_best_weights: bool = key(SWITCH, "whether the weights of the best epoch are kept", default=True)
    start_from_epoch: int = key(whole(minimum=0), "epochs before it begins to watch", default=0)


def _profile_batch(value: Any, report: Report) -> Any:
    if value == 0:
        return None
    steps = (value, value) if is_whole(value) else value
    is_pair = isinstance(steps, (list, tuple)) and len(steps) == 2 and all(is_whole(step) for step in steps)
    if not is_pair or steps[0] < 1 or steps[0] > steps[1]:
        hint = "write the first and the last step to profile, counted from 1, such as `[100, 200]`"
        received = ", ".join(show(step) for step in steps) if isinstance(steps, (list, tuple)) else show(value)
        return report.fault(f"expected a step or a range of steps, received {received or 'an empty list'}", hint)
    return tuple(steps)


STEP: Mapping[str, Any] = {"type": "integer", "minimum": 1}
PROFILE_BATCH = Checked(
    _profile_batch, {"anyOf": [{"const": 0}, STEP, {"type": "array", "items": STEP, "minItems": 2, "maxItems": 2}]}
)


@dataclass(frozen=True, kw_only=True)
class TensorBoardConfig(Section):
    """What goes to TensorBoard besides the scalars."""

    histogram_freq: int = key(whole(minimum=0), "epochs from one histogram of the weights to the next", default=0)
    profile_batch: tuple[int, int] | None = key(
        PROFILE_BATCH, "the step to profile, or the first and the last one; `0` for none"
    )
    write_graph: bool = key(SWITCH, "whether the model's graph is written", default=True)


def _weight_of_loss(value: Any, report: Report) -> Any:
    weight = WEIGHT.parse(value, report)
    return None if weight is None else float(weight)


def loses_by_output(raw: Any) -> bool:
    """Whether a mapping gives losses by output name, `{main: mse}`, rather than one loss, `{Huber: {delta: 2}}`."""
    if not isinstance(raw, Mapping) or not raw:
        return False
    if any(catalog.find("losses", str(name)) is not None for name in raw):
        return False
    return len(raw) > 1 or any(catalog.find("losses", named_object(loss) or "") is not None for loss in raw.values())


@dataclass(frozen=True, kw_only=True)
class Growth(Section):
    """How batches grow."""

    factor: float = key(number(exclusive_minimum=1), "what the rows of a step are multiplied by", default=2.0)
    every_epochs: int = required(
        whole(minimum=1), "epochs from one size to the next", missing="write `{factor: 2, every_epochs: 5}`"
    )
    start: int = key(whole(minimum=1), "rows of a step at first", default=32)
    most: int | None = key(whole(minimum=1), "rows of a step at most; all training rows if it is left out")


@dataclass(frozen=True, kw_only=True)
class GrowingBatches(Section):
    """Batches that become larger from time to time."""

    grow: Growth = required(Growth, "how they grow", missing="write `{grow: {factor: 2, every_epochs: 5}}`")


AUTO = Choice(("auto",))
BATCH_SIZE = OrSection(
    Either("a number of rows of at least 1, or `all`", (whole(minimum=1), Choice(("all",)))), lambda: GrowingBatches
)
METRICS = ListOf(
    OneOf("metrics"),
    "a list of metrics",
    lambda raw: f"write a list: `[{raw if isinstance(raw, str) else 'accuracy'}]`, `[]` for none",
)
CALLBACKS = ListOf(
    OneOf("callbacks"),
    "a list of callbacks",
    lambda raw: f"write a list: `[{raw if isinstance(raw, str) else 'SwapEMAWeights'}]`",
)
LOSS_WEIGHTS = MapOf(
    Checked(_weight_of_loss, WEIGHT.schema),
    "a weight for each output",
    "write `{main: 0.9, aux: 0.1}`",
    by_output=True,
)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Section):
    """How long and on what batches, by which loss, watched by which metrics."""

    epochs: int = key(whole(minimum=1), "how often all training rows are gone through", default=10)
    batch_size: int | Literal["all"] | GrowingBatches = key(
        BATCH_SIZE,
        "rows a step; the last step of an epoch takes what is left; `all`: one step an epoch, of all training rows; "
        "`{grow: {factor: 2, every_epochs: 5}}`: twice as many every 5 epochs, from 32 on",
        default=32,
    )
    shuffle: bool = key(
        SWITCH,
        "whether the training rows are shuffled in every epoch; `false`: they go in the order of the source",
        default=True,
    )
    loss: Component | Mapping[str, Component] | None = key(
        OneOrByName(OneOf("losses"), loses_by_output),
        "one of Keras's losses; from the task and the output if it is left out; by output name",
    )
    metrics: tuple[Component, ...] | Mapping[str, tuple[Component, ...]] | None = key(
        OneOrByName(METRICS, lambda raw: isinstance(raw, Mapping)),
        "a list of Keras's metrics, `[]` for none; by output name",
    )
    weighted_metrics: tuple[Component, ...] | Mapping[str, tuple[Component, ...]] | None = key(
        OneOrByName(METRICS, lambda raw: isinstance(raw, Mapping)),
        "metrics of rows by their weights: those of `data.weight`, and in training of `class_weight`; each is called "
        "`weighted_...`; by output name",
    )
    loss_weights: Mapping[str, float] | None = key(LOSS_WEIGHTS, "how much each output's loss weighs")
    early_stopping: EarlyStopping | None = key(EarlyStopping, "stop when a value no longer improves")
    callbacks: tuple[Component, ...] = key(
        CALLBACKS, "Keras callbacks, or your own as `my_code.py:name`, that watch the training", default=()
    )
    tensorboard: TensorBoardConfig | Literal[False] = key(
        Nested(TensorBoardConfig, switch=True),
        "what goes to TensorBoard; `false` for nothing",
        default=TensorBoardConfig(),
    )
    engine: EngineName = key(
        Choice(get_args(EngineName)),
        "`fast`: one compiled program an epoch; `exact`: the same, bit for bit as Keras's `fit`; `keras`: `fit` itself",
        default="fast",
    )
    jit_compile: bool | Literal["auto"] = key(
        Either("`true`, `false` or `auto`", (SWITCH, AUTO)),
        "whether XLA compiles what `fast` runs; `auto` where that pays",
        default="auto",
    )
    threads: int | Literal["auto"] = key(
        Either("a number of at least 1, or `auto`", (whole(minimum=1), AUTO)),
        "threads that a step is computed with; `auto` as many as pay",
        default="auto",
    )

    def batch_sizes(self, num_train: int) -> Mapping[int, int]:
        """Return the rows of a step with so many training rows, by the first epoch, from 0, that takes them."""
        if not isinstance(self.batch_size, GrowingBatches):
            return {0: num_train if self.batch_size == "all" else self.batch_size}
        growth = self.batch_size.grow
        most = num_train if growth.most is None else min(growth.most, num_train)
        sizes, size = {0: min(growth.start, most)}, float(growth.start)
        for epoch in range(growth.every_epochs, self.epochs, growth.every_epochs):
            size = min(size * growth.factor, float(most))
            if int(size) != list(sizes.values())[-1]:
                sizes[epoch] = int(size)
        return sizes

    def place(self, name: Literal["loss", "metrics", "weighted_metrics"], output: str) -> ConfigPath:
        """Return where the config says, or would say, the loss or the metrics of an output."""
        by_output = isinstance(getattr(self, name), Mapping)
        return ("training", name, *((output,) if by_output else ()))


@check("engines-without-xla", TrainingConfig)
def engines_without_xla(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Only `fast` may be compiled by XLA; Keras refuses it for reproducible runs."""
    engine = given.get("engine")
    if engine in ("exact", "keras") and given.get("jit_compile") is True:
        hint = "remove it, or write `engine: fast`"
        yield Fault(("jit_compile",), f"the engine `{engine}` goes without XLA", hint, at_key=True)
