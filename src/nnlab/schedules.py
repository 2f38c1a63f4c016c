"""Learning-rate schedules: what a config may name, and the rate at every step, without TensorFlow.

A schedule is one function, registered by `schedule`. It gives the rate in float64 and is written with operators and the
few functions of `Ops` alone, so that the same formula runs in plain Python, for `nnlab schedule`, and inside the graph
of a training (`nnlab.layers.graph_schedules`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nnlab import catalog
from nnlab.catalog import REQUIRED, Entry, Parameter
from nnlab.user_code import definition_of, is_reference


class Ops(Protocol):
    """The functions that formulas may use besides operators."""

    def minimum(self, a: Any, b: Any, /) -> Any:
        """Return the smaller number."""

    def maximum(self, a: Any, b: Any, /) -> Any:
        """Return the larger number."""

    def where(self, condition: Any, a: Any, b: Any, /) -> Any:
        """Return `a` where the condition holds, else `b`."""

    def cos(self, a: Any, /) -> Any:
        """Return the cosine."""

    def log(self, a: Any, /) -> Any:
        """Return the natural logarithm."""

    def at(self, values: Sequence[float], place: Any, /) -> Any:
        """Return one of several numbers, by its place from 0."""


class PythonOps:
    """`Ops` on Python's numbers."""

    minimum = staticmethod(min)
    maximum = staticmethod(max)
    cos = staticmethod(math.cos)
    log = staticmethod(math.log)

    @staticmethod
    def at(values: Sequence[float], place: float) -> float:
        """Return one of several numbers, by its place from 0."""
        return values[int(place)]

    @staticmethod
    def where(condition: bool, a: float, b: float) -> float:
        """Return `a` if the condition holds, else `b`."""
        return a if condition else b


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time, or a list of moments, that a config gives as `NAME_steps` or as `NAME_epochs`.

    Args:
        name: what the formula calls it; there it is a number of steps.
        description: what it is, `{unit}` standing for steps or epochs; empty if a config cannot give it.
        default: `REQUIRED`, 0, or `WHOLE_RUN`.
        several: whether it is a list.
        values: of a list of moments, the parameter that holds a rate before each of them and one behind the last.
    """

    name: str
    description: str
    default: Any = REQUIRED
    several: bool = False
    values: str | None = None

    @property
    def keys(self) -> tuple[str, str]:
        """The parameters that give it."""
        return f"{self.name}_steps", f"{self.name}_epochs"

    def parameters(self) -> Iterator[Parameter]:
        """Yield what the catalog shows."""
        if not self.description:
            return
        for key, unit in zip(self.keys, ("steps", "epochs"), strict=True):
            types = ("list",) if self.several else ("int",) if unit == "steps" else ("float",)
            limits: dict[str, Any] = {} if self.several else {"exclusive_minimum": 0, "maximum": LONGEST}
            if self.default == 0:
                limits = {"minimum": 0, "maximum": LONGEST}
            text = self.description.format(unit=unit)
            yield Parameter(key, default=None, types=types, description=text, **limits)


WHOLE_RUN = "whole run"
LONGEST = 10**15
"""Steps or epochs: float64 counts as far, and nobody trains for longer."""

WARMUP = Duration("warmup", "{unit} in which the rate rises linearly from 0, before the schedule begins", default=0)


@dataclass(frozen=True, slots=True)
class ScheduleKind:
    """A registered schedule.

    Args:
        rate: the formula: `rate(ops, t, learning_rate, **parameters)`.
        durations: those of its parameters that are durations.
        tuned: the parameter that is tuned in place of the optimizer's learning rate; `None` if no single one is.
        watches: whether a callback lowers the rate when its `monitor` no longer improves.
    """

    rate: Callable[..., Any]
    durations: tuple[Duration, ...]
    tuned: str | None
    watches: bool


OPTIMIZERS_RATE = "learning_rate"
"""What is tuned of a schedule that starts from the optimizer's learning rate."""

SCHEDULES: dict[str, ScheduleKind] = {}
"""Every schedule by name, but the user's own."""

TABLE = "table"
"""What a schedule of the user's own becomes: a rate for each step, or each epoch."""

FIRST_RATE, LAST_RATE = "learning_rate", "lr"
"""Arguments by which a function of the user's gets the optimizer's rate, and that of the step or epoch before."""


def kind_of(name: str) -> ScheduleKind:
    """Return what there is to know of a schedule, also of the user's own, `my_code.py:name`."""
    if name in SCHEDULES:
        return SCHEDULES[name]
    definition = definition_of(name) if is_reference(name) else None
    given = {argument.name for argument in definition.arguments} if definition is not None else set()
    return ScheduleKind(_table, (), tuned=OPTIMIZERS_RATE if given & {FIRST_RATE, LAST_RATE} else None, watches=False)


def _table(ops: Ops, t: Any, learning_rate: Any, *, rates: Sequence[float], each: float) -> Any:  # noqa: ARG001
    """Return the rate of a step; each of them holds for as many steps as `each` says, the last one for good."""
    return ops.at(rates, ops.minimum(t // each, float(len(rates) - 1)))


def schedule(
    *parameters: Parameter | Duration,
    url: str | None = None,
    tuned: str | None = OPTIMIZERS_RATE,
    watches: bool = False,
) -> Callable[[Any], Any]:
    """Register a formula as the schedule of its name; its docstring is the summary.

    Args:
        parameters: what a config may give, besides warm-up.
        url: a page that describes it.
        tuned: the parameter to tune, if it does not start from the optimizer's learning rate; `None` for none.
        watches: whether a callback does the work, with all parameters but warm-up: `ReduceLROnPlateau`.
    """

    def register(rate: Callable[..., Any]) -> Callable[..., Any]:
        name = rate.__name__
        shown: list[Parameter] = []
        for parameter in (*parameters, WARMUP):
            shown += parameter.parameters() if isinstance(parameter, Duration) else [parameter]
        entry = Entry(
            kind="schedules",
            name=name,
            object=name,
            summary=" ".join((rate.__doc__ or "").split()),
            url=url,
            parameters={parameter.name: parameter for parameter in shown},
        )
        durations = tuple(parameter for parameter in parameters if isinstance(parameter, Duration))
        SCHEDULES[name] = ScheduleKind(rate, durations, tuned=tuned, watches=watches)
        catalog.register("schedules", name, lambda: entry)
        return rate

    return register


def _number(name: str, description: str, *, default: Any = REQUIRED, **limits: Any) -> Parameter:
    return Parameter(name, default=default, types=("float",), description=description, **limits)


_GAMMA = _number("gamma", "what the rate is multiplied by", default=0.1, exclusive_minimum=0)
_STAIRCASE = Parameter(
    "staircase", default=False, types=("bool",), description="fall in steps, each `decay` long, instead of smoothly"
)
_ALPHA = _number("alpha", "the lowest rate, as a fraction of the first", default=0.0, minimum=0, maximum=1)
_KERAS = "https://keras.io/api/optimizers/learning_rate_schedules/"


@schedule()
def constant(ops: Ops, t: Any, learning_rate: Any) -> Any:  # noqa: ARG001
    """The optimizer's `learning_rate` all the time."""
    return learning_rate


@schedule(
    Duration("decay", "{unit} after which the rate is a half, if `power` is 1; after twice as many it is a third"),
    _number("power", "how steep it falls", default=1.0, minimum=0),
    _STAIRCASE,
)
def power(
    ops: Ops,  # noqa: ARG001
    t: Any,
    learning_rate: Any,
    *,
    decay: float,
    power: float,
    staircase: bool = False,  # models that were saved before there was one do not say it
) -> Any:
    """Falls quickly, then ever more slowly: `learning_rate / (1 + t / decay)^power`."""
    return learning_rate / (1.0 + (t // decay if staircase else t / decay)) ** power


@schedule(
    Duration("decay", "{unit} in which the rate is multiplied by `decay_rate` once"),
    _number("decay_rate", "what the rate is multiplied by", exclusive_minimum=0),
    _STAIRCASE,
    url=f"{_KERAS}exponential_decay/",
)
def exponential(
    ops: Ops,  # noqa: ARG001
    t: Any,
    learning_rate: Any,
    *,
    decay: float,
    decay_rate: float,
    staircase: bool,
) -> Any:
    """Falls by the same factor again and again: `learning_rate * decay_rate^(t / decay)`."""
    exponent = t // decay if staircase else t / decay
    return learning_rate * decay_rate**exponent


@schedule(
    Duration("boundaries", "{unit} up to which each value but the last holds", several=True, values="values"),
    Parameter("values", types=("list",), description="learning rates, one more than there are boundaries"),
    url=f"{_KERAS}piecewise_constant_decay/",
    tuned=None,
)
def piecewise(
    ops: Ops,
    t: Any,
    learning_rate: Any,  # noqa: ARG001
    *,
    boundaries: Sequence[float],
    values: Sequence[float],
) -> Any:
    """The rates in `values`, each up to and including its boundary, whatever the optimizer's `learning_rate` is."""
    rate: Any = values[0]
    for boundary, value in zip(boundaries, values[1:], strict=True):
        rate = ops.where(t > boundary, value, rate)
    return rate


@schedule(Duration("step", "{unit} from one fall to the next"), _GAMMA)
def step(ops: Ops, t: Any, learning_rate: Any, *, step: float, gamma: float) -> Any:  # noqa: ARG001
    """Falls at regular intervals: `learning_rate * gamma^floor(t / step)`."""
    return learning_rate * gamma ** (t // step)


@schedule(Duration("milestones", "{unit} at which the rate falls", several=True), _GAMMA)
def multi_step(ops: Ops, t: Any, learning_rate: Any, *, milestones: Sequence[float], gamma: float) -> Any:
    """Falls at chosen moments: `learning_rate * gamma^n`, n the number of milestones that t has reached."""
    rate = learning_rate
    for number, milestone in enumerate(milestones, 1):
        rate = ops.where(t >= milestone, learning_rate * gamma**number, rate)
    return rate


@schedule(
    Parameter("monitor", default="val_loss", types=("str",), description="the column of the history to watch"),
    _number("factor", "what the rate is multiplied by", default=0.1, minimum=0),
    Parameter("patience", default=10, types=("int",), minimum=0, description="epochs without improvement before that"),
    Parameter("mode", default="auto", types=("str",), choices=("auto", "min", "max"), description="what is better"),
    _number("min_delta", "the least change that counts as an improvement", default=1e-4, minimum=0),
    Parameter("cooldown", default=0, types=("int",), minimum=0, description="epochs to wait after a fall"),
    _number("min_lr", "the lowest rate", default=0.0, minimum=0),
    url="https://keras.io/api/callbacks/reduce_lr_on_plateau/",
    watches=True,
)
def performance(ops: Ops, t: Any, learning_rate: Any) -> Any:  # noqa: ARG001
    """Falls when the validation loss no longer does: Keras's `ReduceLROnPlateau`."""
    return learning_rate


@schedule(
    _number("max_learning_rate", "the highest rate", exclusive_minimum=0),
    _number("start_learning_rate", "the first rate; default: a tenth of the highest", default=None, minimum=0),
    _number("last_learning_rate", "the last rate; default: a thousandth of the first", default=None, minimum=0),
    _number("last_fraction", "the share of the run that the last fall takes", default=0.1, minimum=0, maximum=1),
    Duration("run", "", default=WHOLE_RUN),
    url="https://arxiv.org/abs/1803.09820",
    tuned="max_learning_rate",
)
def one_cycle(
    ops: Ops,
    t: Any,
    learning_rate: Any,  # noqa: ARG001
    *,
    run: float,
    max_learning_rate: float,
    start_learning_rate: float | None,
    last_learning_rate: float | None,
    last_fraction: float,
) -> Any:
    """Rises linearly to `max_learning_rate`, falls back as fast, and nearly to 0 over the last tenth of the run."""
    start = max_learning_rate / 10 if start_learning_rate is None else start_learning_rate
    last = start / 1000 if last_learning_rate is None else last_learning_rate
    tail = max(run * last_fraction, 1e-9)  # 0 would be divided by
    half = max((run - tail) / 2, 1e-9)
    cycle = start + (max_learning_rate - start) * ops.minimum(t / half, 2.0 - t / half)
    fall = start + (last - start) * ops.minimum((t - 2 * half) / tail, 1.0)
    return ops.where(t < 2 * half, cycle, fall)


@schedule(
    Duration("decay", "{unit} of the fall; default: the whole run, less warm-up", default=WHOLE_RUN),
    _ALPHA,
    url="https://arxiv.org/abs/1608.03983",
)
def cosine(ops: Ops, t: Any, learning_rate: Any, *, decay: float, alpha: float) -> Any:
    """Falls along half a wave: `learning_rate * (alpha + (1 - alpha) * (1 + cos(pi * t / decay)) / 2)`."""
    return learning_rate * _half_wave(ops, ops.minimum(t / decay, 1.0), alpha)


def _half_wave(ops: Ops, progress: Any, alpha: float, height: Any = 1.0) -> Any:
    return alpha + (1.0 - alpha) * 0.5 * height * (1.0 + ops.cos(math.pi * progress))


@schedule(
    Duration("first_decay", "{unit} of the first fall"),
    _number("t_mul", "how many times longer each fall is than the one before", default=2.0, minimum=1),
    _number("m_mul", "what the rate at each restart is multiplied by", default=1.0, exclusive_minimum=0),
    _ALPHA,
    url="https://arxiv.org/abs/1608.03983",
)
def cosine_restarts(
    ops: Ops, t: Any, learning_rate: Any, *, first_decay: float, t_mul: float, m_mul: float, alpha: float
) -> Any:
    """Falls along half a wave, jumps back, and falls again, each time for `t_mul` times as long."""

    def beginning(number: Any) -> Any:
        return number if t_mul == 1 else (t_mul**number - 1.0) / (t_mul - 1.0)

    progress = t / first_decay
    number = progress // 1.0
    if t_mul != 1:  # a logarithm may fall short of the whole number that it ought to be, so that it is tried out
        number = (ops.log(1.0 + progress * (t_mul - 1.0)) / math.log(t_mul) + 1e-6) // 1.0
        number = ops.where(progress < beginning(number), number - 1.0, number)
    inside = ops.minimum((progress - beginning(number)) / t_mul**number, 1.0)
    return learning_rate * _half_wave(ops, inside, alpha, m_mul**number)


@schedule(
    Duration("decay", "{unit} of the fall; default: the whole run, less warm-up", default=WHOLE_RUN),
    _number("end_learning_rate", "the rate at the end", default=1e-4, minimum=0),
    _number("power", "1 for a straight line", default=1.0, exclusive_minimum=0),
    Parameter("cycle", default=False, types=("bool",), description="begin anew, longer each time, instead of staying"),
    url=f"{_KERAS}polynomial_decay/",
)
def polynomial(
    ops: Ops, t: Any, learning_rate: Any, *, decay: float, end_learning_rate: float, power: float, cycle: bool
) -> Any:
    """Falls to `end_learning_rate`: `(learning_rate - end) * (1 - t / decay)^power + end`."""
    length = decay * ops.maximum(-(-t // decay), 1.0) if cycle else decay
    return (learning_rate - end_learning_rate) * (1.0 - ops.minimum(t / length, 1.0)) ** power + end_learning_rate


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule with all durations in steps.

    Args:
        name: its name in the catalog.
        learning_rate: the optimizer's.
        parameters: what its formula takes.
        warmup_steps: steps in which the rate rises linearly from 0 to the first rate of the formula, whose time begins
            only then.
    """

    name: str
    learning_rate: float
    parameters: Mapping[str, Any] = field(default_factory=dict)
    warmup_steps: float = 0.0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step; the first is step 0."""
        try:
            return float(rate_at(PythonOps, float(step), **self.fields()))
        except OverflowError:
            return math.inf

    def fields(self) -> dict[str, Any]:
        """Return what it is made of, by name."""
        return {
            "name": self.name,
            "learning_rate": self.learning_rate,
            "parameters": dict(self.parameters),
            "warmup_steps": self.warmup_steps,
        }


def rate_at(
    ops: Any, t: Any, *, name: str, learning_rate: Any, parameters: Mapping[str, Any], warmup_steps: float
) -> Any:
    """Return the learning rate at a step, warm-up included.

    Args:
        ops: an `Ops`.
        t: the step, as float64.
        name: the schedule's.
        learning_rate: the optimizer's.
        parameters: what the schedule's formula takes.
        warmup_steps: steps of warm-up.
    """
    formula = kind_of(name).rate
    if not warmup_steps:
        return formula(ops, t, learning_rate, **parameters)
    rate = formula(ops, ops.maximum(t - warmup_steps, 0.0), learning_rate, **parameters)
    return rate * ops.minimum(t / warmup_steps, 1.0)
