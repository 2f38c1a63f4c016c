"""The `tune` section: which values of the config are searched, how, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field

from nnlab.config.components import Fault, raise_faults
from nnlab.config.remedies import type_remedy
from nnlab.config.section import Parsed, Section, Whole, fail, is_finite_number, whole
from nnlab.errors import number_text, one_of, show

Algorithm: TypeAlias = Literal["random", "grid", "hyperband", "bayesian"]
ALGORITHMS = get_args(Algorithm)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "hyperband": ("max_epochs", "factor", "hyperband_iterations"),
    "bayesian": ("num_initial_points", "alpha", "beta"),
}
"""The keys that go with one algorithm alone."""

KINDS = ("int", "float", "choice", "boolean")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _range(value: Any, *, of_whole: bool) -> Any:
    if value is None:
        return None
    word = "whole numbers" if of_whole else "numbers"
    example = "`int: [16, 256]`" if of_whole else "`float: [0.0001, 0.01]`"
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        fail(f"expected the smallest and the largest value, received {show(value)}", f"write {example}", value=value)
    ends = [whole(end) if of_whole else end for end in value]
    for end in ends:
        if not is_finite_number(end) or (of_whole and not isinstance(end, int)):
            fail(f"expected two {word}, received {show(end)}", type_remedy(end, ["float"]) or f"write {example}")
    if ends[0] > ends[1]:
        low, high = number_text(ends[1]), number_text(ends[0])
        fail(f"the range from {high} to {low} is empty", f"write the smaller one first: `[{low}, {high}]`", value=value)
    return tuple(ends) if of_whole else (float(ends[0]), float(ends[1]))


def _choices(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not value:
        fail(f"expected a list of values, received {show(value)}", "write `choice: [relu, gelu]`", value=value)
    seen = set()
    for item in value:
        if repr(item) in seen:  # 1, 1.0 and true are equal, and not the same
            fail(f"{show(item)} stands here twice", "leave one out", value=value)
        seen.add(repr(item))
    return tuple(value)


def _when(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        hint = "write `when: {optimizer: [sgd]}`"
        fail(f"expected values of other parameters, received {show(value)}", hint, value=value)
    faults = [
        Fault((str(path),), "expected at least one value, received an empty list")
        for path, given in value.items()
        if given == []
    ]
    if faults:
        raise_faults(faults)
    return {str(path): tuple(given) if isinstance(given, (list, tuple)) else (given,) for path, given in value.items()}


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


def _max_time(value: Any) -> Any:
    if value is None:
        return None
    try:
        return seconds(value)
    except ValueError:
        hint = "write seconds, or a text such as `30m` or `2h`"
        return fail(f"expected a time above 0, received {show(value)}", hint, value=value)


class ParameterConfig(Section):
    """One value of the config that is searched; `when` says at which values of others it takes part."""

    int_: Annotated[tuple[int, int] | None, Parsed(lambda value: _range(value, of_whole=True))] = Field(
        default=None, alias="int"
    )
    float_: Annotated[tuple[float, float] | None, Parsed(lambda value: _range(value, of_whole=False))] = Field(
        default=None, alias="float"
    )
    choice: Annotated[tuple[Any, ...] | None, Parsed(_choices)] = None
    boolean: Literal[True] | None = None
    sampling: Literal["linear", "log", "reverse_log"] | None = None
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    when: Annotated[Mapping[str, tuple[Any, ...]] | None, Parsed(_when)] = None

    @classmethod
    def opened(cls, raw: Any) -> Any:
        """`boolean` needs nothing besides its name."""
        if raw == "boolean":
            return {"boolean": True}
        if isinstance(raw, dict) and "boolean" in raw and raw["boolean"] in (None, {}, []):
            return {**raw, "boolean": True}
        return raw

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """It is of one kind, and sampling and step fit to it."""
        kinds = [kind for kind in KINDS if kind in given]
        if len(kinds) != 1:
            received = "none of them" if not kinds else " and ".join(f"`{kind}`" for kind in kinds)
            hint = "write `{int: [16, 256]}`, `{float: [0.0001, 0.01], sampling: log}`, `{choice: [a, b]}` or `boolean`"
            yield Fault((), f"expected one of `int`, `float`, `choice` and `boolean`, received {received}", hint)
            return
        kind = kinds[0]
        if kind in ("choice", "boolean"):
            for key in ("sampling", "step"):
                if key in given:
                    yield Fault((key,), f"`{key}` goes with `int` and `float`", "remove it", at_key=True)
            return
        ends = given[kind]
        if isinstance(ends, (list, tuple)) and len(ends) == 2 and all(is_finite_number(end) for end in ends):
            yield from _scale_faults(kind, ends, given.get("sampling", "linear"), given.get("step"))

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


class MedianConfig(Section):
    """When a trial is stopped that is worse than half of those before it at the same epoch (Golovin et al. 2017)."""

    after_epochs: Annotated[Whole, Field(ge=1)] = 1
    after_trials: Annotated[Whole, Field(ge=1)] = 5


def _median(raw: Any) -> Any:
    if raw is None or raw is False or isinstance(raw, MedianConfig):
        return raw or False
    return MedianConfig.model_validate({} if raw is True else raw)


class TuneConfig(Section):
    """A search for the best values.

    `max_trials` is that of all trials, the config's own values included; without it a grid and Hyperband end by
    themselves, and the others after 10. `executions_per_trial` is the number of seeds of a trial, `seeds` that of the
    trainings of the best with fresh ones, and `keep_models` says of how many of the best trials the models are kept.
    `ahead` is how many trials are proposed before the outcome of the first of them is known, where outcomes decide.
    """

    algorithm: Algorithm = "random"
    objective: str | None = None
    max_trials: Annotated[Whole, Field(ge=1, le=100_000)] | None = None
    max_time: Annotated[float | None, Parsed(_max_time)] = None
    default_trial: bool = True
    ahead: Annotated[Whole, Field(ge=1, le=1000)] = 4
    executions_per_trial: Annotated[Whole, Field(ge=1, le=1000)] = 1
    seeds: Annotated[Whole, Field(ge=0, le=1000)] = 5
    keep_models: Annotated[Whole, Field(ge=0, le=1000)] = 1
    median_stopping: Annotated[MedianConfig | Literal[False], Parsed(_median)] = False
    max_epochs: Annotated[Whole, Field(ge=1)] | None = None
    factor: Annotated[Whole, Field(ge=2)] | None = None
    hyperband_iterations: Annotated[Whole, Field(ge=1, le=1000)] | None = None
    num_initial_points: Annotated[Whole, Field(ge=1)] | None = None
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    beta: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    space: Annotated[Mapping[str, ParameterConfig], Field(min_length=1)]

    @property
    def is_led(self) -> bool:
        """Whether outcomes decide what is tried next, or when a trial is stopped."""
        return self.algorithm in ("bayesian", "hyperband") or bool(self.median_stopping)

    @classmethod
    def faults_between(cls, given: Mapping[str, Any]) -> Iterator[Fault]:
        """The options are those of the algorithm."""
        algorithm = given.get("algorithm", "random")
        if algorithm not in ALGORITHMS:
            return
        for owner, keys in OPTIONS.items():
            for key in keys:
                if key in given and owner != algorithm:
                    hint = f"remove it, or write `algorithm: {owner}`"
                    yield Fault((key,), f"`{key}` goes with `{owner}`, not with `{algorithm}`", hint, at_key=True)
        if algorithm == "hyperband":
            if given.get("median_stopping"):
                message = "Hyperband stops hopeless trials itself"
                yield Fault(("median_stopping",), message, f"remove it; it goes with {one_of(['random', 'bayesian'])}")
            space = given.get("space")
            if isinstance(space, Mapping) and "training.epochs" in space:
                message = "Hyperband sets the epochs itself"
                yield Fault(("space", "training.epochs"), message, "remove it, and set `max_epochs`", at_key=True)
