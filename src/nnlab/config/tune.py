"""The `tune` section: which values of the config are searched, how, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from nnlab.config.checks import check
from nnlab.config.data import FOLDS
from nnlab.config.faults import Fault, Report
from nnlab.config.remedies import type_remedy
from nnlab.config.section import Nested, Section, key, required
from nnlab.config.shapes import ANYTHING, Checked, Choice, ListOf, MapOf
from nnlab.config.values import SWITCH, TEXT, is_finite_number, number, whole, whole_number
from nnlab.wording import number_text, one_of, show

Algorithm: TypeAlias = Literal["random", "grid", "hyperband", "bayesian"]
Sampling: TypeAlias = Literal["linear", "log", "reverse_log"]
ALGORITHMS = get_args(Algorithm)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "hyperband": ("max_epochs", "factor", "hyperband_iterations"),
    "bayesian": ("num_initial_points", "alpha", "beta"),
}
"""The keys that go with one algorithm alone."""

KINDS = ("int", "float", "choice", "boolean")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _whole_range(value: Any, report: Report) -> Any:
    ends = [whole_number(end) for end in value] if isinstance(value, (list, tuple)) else value
    return _range(ends, report, type_="int", words="whole numbers", example="`int: [16, 256]`")


def _number_range(value: Any, report: Report) -> Any:
    ends = _range(value, report, type_="float", words="numbers", example="`float: [0.0001, 0.01]`")
    return None if ends is None else tuple(map(float, ends))


def _range(ends: Any, report: Report, *, type_: str, words: str, example: str) -> Any:
    if not isinstance(ends, (list, tuple)) or len(ends) != 2:
        return report.fault(f"expected the smallest and the largest value, received {show(ends)}", f"write {example}")
    for end in ends:
        if not is_finite_number(end) or (type_ == "int" and not isinstance(end, int)):
            hint = type_remedy(end, ["float"]) or f"write {example}"
            return report.fault(f"expected two {words}, received {show(end)}", hint)
    if ends[0] > ends[1]:
        low, high = number_text(ends[1]), number_text(ends[0])
        hint = f"write the smaller one first: `[{low}, {high}]`"
        return report.fault(f"the range from {high} to {low} is empty", hint)
    return tuple(ends)


def _choices(value: Any, report: Report) -> Any:
    values = ListOf(ANYTHING, "a list of values", "write `choice: [relu, gelu]`", least=1).parse(value, report)
    seen = set()
    for item in values or ():
        if repr(item) in seen:  # 1, 1.0 and true are equal, and not the same
            return report.fault(f"{show(item)} stands here twice", "leave one out")
        seen.add(repr(item))
    return values


def _wanted(value: Any, report: Report) -> Any:
    if value == []:
        return report.fault("expected at least one value, received an empty list")
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def seconds(value: Any) -> float:
    """Read a time: `90` and `90s` are seconds, `30m` minutes, `2h` hours, `1d` a day.

    Raises:
        ValueError: it is none, or not above 0.
    """
    if is_finite_number(value) and value > 0:
        return float(value)
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([smhd]?)\s*", value) if isinstance(value, str) else None
    if match is None or float(match[1]) <= 0:
        raise ValueError
    return float(match[1]) * _UNITS[match[2] or "s"]


def _max_time(value: Any, report: Report) -> Any:
    try:
        return seconds(value)
    except ValueError:
        hint = "write seconds, or a text such as `30m` or `2h`"
        return report.fault(f"expected a time above 0, received {show(value)}", hint)


def _space_hint(value: Any) -> str:
    example = "name the values to search: `space: {optimizer.learning_rate: {float: [0.0001, 0.01], sampling: log}}`"
    return type_remedy(value, ["dict"]) or example


DURATION = Checked(
    _max_time,
    {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": r"^\s*\d*\.?\d+\s*[smhd]?\s*$"},
        ]
    },
)
WHEN = MapOf(Checked(_wanted, {}), "values of other parameters", "write `when: {optimizer: [sgd]}`")


def _pair(type_: str) -> Mapping[str, Any]:
    return {"type": "array", "items": {"type": type_}, "minItems": 2, "maxItems": 2}


@dataclass(frozen=True, kw_only=True)
class ParameterConfig(Section):
    """One value of the config that is searched; `when` says at which values of others it takes part."""

    also = ({"const": "boolean"},)

    int_: tuple[int, int] | None = key(
        Checked(_whole_range, _pair("integer")), "a whole number between the two, both included"
    )
    float_: tuple[float, float] | None = key(
        Checked(_number_range, _pair("number")), "a number between the two, both included"
    )
    choice: tuple[Any, ...] | None = key(
        Checked(_choices, {"type": "array", "minItems": 1}), "one of these, whatever may stand there"
    )
    boolean: Literal[True] | None = key(Checked(Choice((True,)).parse, {"enum": [True, {}, []]}), "`true` or `false`")
    sampling: Sampling | None = key(
        Choice(get_args(Sampling)), "`log`: as many values between 1 and 10 as between 10 and 100"
    )
    step: float | None = key(
        number(exclusive_minimum=0), "only every so many-th value; with `log` each is `step` times the one before"
    )
    when: Mapping[str, tuple[Any, ...]] | None = key(WHEN, "takes part only where another value is one of these")

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """`boolean` needs nothing besides its name."""
        if raw == "boolean":
            return {"boolean": True}
        if isinstance(raw, dict) and "boolean" in raw and raw["boolean"] in (None, {}, []):
            return {**raw, "boolean": True}
        return raw

    @property
    def kind(self) -> str:
        """Which of `KINDS` it is."""
        values = {"int": self.int_, "float": self.float_, "choice": self.choice, "boolean": self.boolean}
        return next(kind for kind, value in values.items() if value is not None)

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value of a number."""
        ends = self.int_ or self.float_
        assert ends is not None
        return ends

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a choice."""
        return (False, True) if self.boolean else self.choice or ()


@check("kind-of-a-parameter", ParameterConfig)
def kind_of_a_parameter(given: Mapping[str, Any]) -> Iterator[Fault]:
    """It is of one kind, and sampling and step fit to it."""
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        received = "none of them" if not kinds else " and ".join(f"`{kind}`" for kind in kinds)
        hint = "write `{int: [16, 256]}`, `{float: [0.0001, 0.01], sampling: log}`, `{choice: [a, b]}` or `boolean`"
        yield Fault((), f"expected one of `int`, `float`, `choice` and `boolean`, received {received}", hint)
        return
    kind = kinds[0]
    if kind in ("choice", "boolean"):
        for name in ("sampling", "step"):
            if name in given:
                yield Fault((name,), f"`{name}` goes with `int` and `float`", "remove it", at_key=True)
        return
    ends = given[kind]
    if isinstance(ends, (list, tuple)) and len(ends) == 2 and all(is_finite_number(end) for end in ends):
        yield from _scale_faults(kind, ends, given.get("sampling", "linear"), given.get("step"))


def _scale_faults(kind: str, ends: Any, sampling: Any, step: Any) -> Iterator[Fault]:
    low, high = ends
    is_log = sampling in ("log", "reverse_log")
    if is_log and low <= 0:
        message = f"`sampling: {sampling}` needs a range above 0, received one from {show(low)}"
        yield Fault((kind,), message, "raise its lower end, such as to 0.0001, or remove `sampling`")
    if not is_finite_number(step):
        return
    if kind == "int" and step != int(step):
        yield Fault(("step",), f"expected a whole number, received {show(step)}", "a whole range has whole steps")
    elif is_log and step <= 1:
        message = f"must be more than 1, received {show(step)}"
        yield Fault(("step",), message, f"with `sampling: {sampling}` each value is `step` times the one before")
    elif (step > high - low) if not is_log else (low > 0 and step > high / low):
        yield Fault(("step",), f"the step {number_text(step)} is longer than the range", "lower it, or widen the range")


@dataclass(frozen=True, kw_only=True)
class MedianConfig(Section):
    """When a trial is stopped that is worse than half of those before it at the same epoch (Golovin et al. 2017)."""

    after_epochs: int = key(whole(minimum=1), "epochs that every trial gets", default=1)
    after_trials: int = key(whole(minimum=1), "trials that are never stopped", default=5)


_MANY = whole(minimum=1, maximum=1000)


@dataclass(frozen=True, kw_only=True)
class TuneConfig(Section):
    """A search for the best values."""

    algorithm: Algorithm = key(Choice(ALGORITHMS), "how the values are chosen", default="random")
    objective: str | None = key(
        TEXT, "what decides, on validation rows; the first metric, else the loss, if it is left out"
    )
    max_trials: int | None = key(
        whole(minimum=1, maximum=100_000),
        "trials, the config's own values included; `10`, of a grid and Hyperband all, if it is left out",
    )
    max_time: float | None = key(DURATION, "no trial begins after it: `90` or `90s`, `30m`, `2h`, `1d`")
    default_trial: bool = key(SWITCH, "try the config's own values first", default=True)
    ahead: int = key(
        _MANY,
        "trials that are proposed before the outcome of the first of them is known, where outcomes decide",
        default=4,
    )
    folds: int | None = key(FOLDS, "folds of a cross-validation, over which a trial's score is the mean")
    executions_per_trial: int = key(
        _MANY, "seeds that each trial is trained with; with `folds`, each with folds of its own", default=1
    )
    seeds: int = key(whole(minimum=0, maximum=1000), "fresh seeds that the best is trained with at the end", default=5)
    keep_models: int = key(
        whole(minimum=0, maximum=1000), "of how many of the best trials the models are kept", default=1
    )
    median_stopping: MedianConfig | Literal[False] = key(
        Nested(MedianConfig, switch=True), "end hopeless trials early", default=False
    )
    max_epochs: int | None = key(
        whole(minimum=1), "of Hyperband: epochs of the longest trials; the config's if it is left out"
    )
    factor: int | None = key(whole(minimum=2), "of Hyperband: one in so many goes on; `3`")
    hyperband_iterations: int | None = key(_MANY, "of Hyperband: how often all of it is done; `1`")
    num_initial_points: int | None = key(whole(minimum=1), "of Bayesian optimization: random trials at first")
    alpha: float | None = key(number(exclusive_minimum=0), "of Bayesian optimization: noise of the scores; `0.0001`")
    beta: float | None = key(number(minimum=0), "of Bayesian optimization: how much the unknown is sought; `2.6`")
    space: Mapping[str, ParameterConfig] = required(
        MapOf(Nested(ParameterConfig), hint=_space_hint), "what is searched, by path", missing=_space_hint(None)
    )

    @property
    def is_led(self) -> bool:
        """Whether outcomes decide what is tried next, or when a trial is stopped."""
        return self.algorithm in ("bayesian", "hyperband") or bool(self.median_stopping)


@check("options-of-the-algorithm", TuneConfig)
def options_of_the_algorithm(given: Mapping[str, Any]) -> Iterator[Fault]:
    """The options are those of the algorithm."""
    algorithm = given.get("algorithm", "random")
    for owner, names in OPTIONS.items() if algorithm in ALGORITHMS else ():
        for name in names:
            if name in given and owner != algorithm:
                hint = f"remove it, or write `algorithm: {owner}`"
                yield Fault((name,), f"`{name}` goes with `{owner}`, not with `{algorithm}`", hint, at_key=True)


@check("medians-of-one-validation", TuneConfig)
def medians_of_one_validation(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Trainings that are validated on different rows are no measure of one another."""
    if given.get("folds") and given.get("median_stopping"):
        message = "`median_stopping` compares trainings on the same validation rows, and each fold has its own"
        yield Fault(("median_stopping",), message, "remove it, or `folds`", at_key=True)


@check("what-hyperband-does-itself", TuneConfig)
def what_hyperband_does_itself(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Hyperband stops trials and sets their epochs."""
    if given.get("algorithm") != "hyperband":
        return
    if given.get("median_stopping"):
        message = "Hyperband stops hopeless trials itself"
        yield Fault(("median_stopping",), message, f"remove it; it goes with {one_of(['random', 'bayesian'])}")
    space = given.get("space")
    if isinstance(space, Mapping) and "training.epochs" in space:
        message = "Hyperband sets the epochs itself"
        yield Fault(("space", "training.epochs"), message, "remove it, and set `max_epochs`", at_key=True)
