"""What a search may change: the parameters of the config's `tune.space`, checked against the config itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from nnlab.config.components import NOTHING, Component, plain, value_at
from nnlab.config.load import LoadedConfig, change_config
from nnlab.config.nodes import Mark, from_plain, place
from nnlab.config.overrides import Override, parse_path
from nnlab.config.penalties import penalties
from nnlab.config.tune import ParameterConfig, TuneConfig
from nnlab.config.window import WindowConfig
from nnlab.errors import ConfigError, ConfigPath, NnlabError, Problem, did_you_mean, format_path
from nnlab.wording import listed, named, number_text, one_of, show, value_text

NOT_SEARCHED = {
    "seed": "seeds are no hyperparameters: `executions_per_trial` trains each trial with several",
    "name": "the trials are named by their numbers",
    "tune": "search a value of the experiment itself",
    "compare": "search a value of the experiment itself",
    "extends": "search a value of the experiment itself",
}
SEARCHED_OF_DATA = ("scale", "target_scaling", "features", "class_weight", "limit")
"""What may be searched of the data; anything else would change the rows that decide."""

OF_LOSSES = "data.target_scaling"
"""What of it changes the units of losses."""

LOSSES = ("loss", "val_loss")
"""The objective that is the whole loss, penalties included."""


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One dimension of the space.

    Args:
        path: where its value stands in the config, as written.
        config: its range or choices.
        marks: where they stand in the file: of a choice one for each value, else one.
        base: the config's own value as the number of a choice, or a number; `None` if it has none.
        own: the config's own value as it stands there.
    """

    path: str
    config: ParameterConfig
    marks: tuple[Mark, ...]
    base: int | float | None = None
    own: Any = None

    @property
    def parents(self) -> Mapping[str, tuple[Any, ...]]:
        """The parameters whose values decide whether it takes part."""
        return self.config.when or {}

    @property
    def first(self) -> int | float:
        """The config's own value; of one that has none the first or smallest."""
        if self.base is not None:
            return self.base
        return 0 if self.config.choices else self.config.ends[0]

    @property
    def ends(self) -> Sequence[int | float]:
        """All choices, or the smallest and the largest number."""
        return range(len(self.config.choices)) if self.config.choices else self.config.ends

    def value(self, code: int | float) -> Any:
        """Return the value of a code: the number of a choice, or the number itself."""
        if self.config.choices:
            return self.config.choices[int(code)]
        return int(code) if self.config.int_ else float(f"{code:.12g}")

    def override(self, code: int | float) -> Override:
        """Return the change of the config that gives it a value."""
        origin = f"tune.space.{self.path}"
        mark = self.marks[int(code)] if self.config.choices else self.marks[0]
        value = copy.deepcopy(self.value(code))
        return Override(parse_path(self.path, origin), from_plain(value, mark), origin)


@dataclass(frozen=True, slots=True)
class Space:
    """The parameters, those that others depend on first.

    Args:
        config: the experiment that is searched.
        parameters: what is searched of it.
    """

    config: LoadedConfig
    parameters: tuple[Hyperparameter, ...]

    @property
    def base(self) -> dict[str, int | float]:
        """The codes of the config's own values."""
        return self.active({parameter.path: parameter.first for parameter in self.parameters})

    @property
    def base_values(self) -> dict[str, Any]:
        """The config's own values as they stand there."""
        return {parameter.path: parameter.own for parameter in self.parameters if parameter.path in self.base}

    def active(self, codes: Mapping[str, int | float]) -> dict[str, int | float]:
        """Return the codes of those parameters that take part."""
        taken: dict[str, int | float] = {}
        for parameter in self.parameters:
            if parameter.path in codes and self.takes_part(parameter, taken):
                taken[parameter.path] = codes[parameter.path]
        return taken

    def takes_part(self, parameter: Hyperparameter, codes: Mapping[str, int | float]) -> bool:
        """Return whether a parameter has a value where those before it have these codes."""
        by_path = {each.path: each for each in self.parameters if each.path in parameter.parents}
        return all(
            path in codes and any(_same(by_path[path].value(codes[path]), value) for value in wanted)
            for path, wanted in parameter.parents.items()
        )

    def values(self, codes: Mapping[str, int | float]) -> dict[str, Any]:
        """Return the values of codes."""
        return {each.path: each.value(codes[each.path]) for each in self.parameters if each.path in codes}

    def overrides(self, codes: Mapping[str, int | float]) -> list[Override]:
        """Return the changes of the config that codes mean."""
        return [each.override(codes[each.path]) for each in self.parameters if each.path in codes]


def read_space(config: LoadedConfig) -> Space:
    """Read the space of a config's `tune` section, and check everything that can be without training.

    Raises:
        ConfigError: a path leads nowhere, a value cannot stand there, the config's own lies outside, or a condition
            cannot hold; all of it at once.
    """
    section = config.experiment.tune
    if section is None:
        hint = "write `tune: {space: {optimizer.learning_rate: {float: [0.0001, 0.01], sampling: log}}}`"
        raise ConfigError(config.locate(Problem("the config has no `tune` section", hint, ("tune",))))
    with config.located():
        ConfigError.raise_any([*_forbidden(section, config.experiment.data.window), *_conditions(section)])
    parameters = tuple(_parameter(config, path, section.space[path]) for path in _ordered(section))
    space = Space(config, parameters)
    found: dict[Problem, None] = {}
    for _, codes in _probes(space):
        misfits = [config.locate(problem) for problem in _misfits(space, codes)]
        if misfits:
            found.update(dict.fromkeys(misfits))
            continue
        try:
            tried = change_config(config, space.overrides(codes))
            found.update(dict.fromkeys(_searched_penalties(config, tried)))
        except ConfigError as error:
            found.update(dict.fromkeys(_placed(problem, space) for problem in error.problems))
    ConfigError.raise_any(found)
    based = Space(config, tuple(_with_base(config, parameter) for parameter in parameters))
    if section.default_trial:
        with config.located():
            ConfigError.raise_any(_base_problems(based))
    return based


def check_trials(space: Space, check: Callable[[LoadedConfig], Any]) -> None:
    """Check each choice and each end of a range by what a trial with it would be.

    Args:
        space: what is searched.
        check: is called with the config of each such trial.

    Raises:
        ConfigError: with all that `check` raised, at the values that it comes from.
    """
    found: dict[Problem, None] = {}
    for parameter, codes in _probes(space):
        trial = change_config(space.config, space.overrides(codes))
        try:
            check(trial)
        except NnlabError as error:
            for problem in error.problems:
                placed = _placed(trial.locate(problem), space)
                if placed.file is None or placed.path[:1] != ("tune",):  # it stands elsewhere, and comes from here
                    value = show(plain(parameter.value(codes[parameter.path])))
                    message = f"with {value} for `{parameter.path}`: {placed.message}"
                    placed = space.config.locate(Problem(message, placed.hint, ("tune", "space", parameter.path)))
                found[placed] = None
    ConfigError.raise_any(found)


def _forbidden(section: TuneConfig, window: WindowConfig | None) -> Iterator[Problem]:
    for path in section.space:
        top, _, below = path.partition(".")
        where: ConfigPath = ("tune", "space", path)
        if path == "training.threads":
            yield Problem(f"`{path}` cannot be searched", "a search does all its trainings with the same", where)
        if top in NOT_SEARCHED:
            yield Problem(f"`{path}` cannot be searched", NOT_SEARCHED[top], where)
        elif path == "data.window.length" and window is not None:
            if window.longest is None:
                message = f"with `{path}` the trials would not be judged on the same rows"
                yield Problem(message, "write `data: {window: {longest: N}}`, the largest of these values", where)
        elif top == "data" and below.partition(".")[0] not in SEARCHED_OF_DATA:
            hint = f"of the data, {listed(f'data.{name}' for name in SEARCHED_OF_DATA)} can be searched"
            yield Problem(f"with `{path}` the trials would not be judged on the same rows", hint, where)
        elif path.startswith("training.loss") and section.objective in LOSSES:
            hint = "name a metric that all trials share as the `objective`"
            yield Problem("the values of different losses cannot be compared", hint, where)
        elif path.startswith(OF_LOSSES) and section.objective in LOSSES:
            hint = "name a metric as the `objective`: metrics have the units of the data"
            yield Problem(f"with another `{path}` the values of `{section.objective}` cannot be compared", hint, where)


def _searched_penalties(config: LoadedConfig, tried: LoadedConfig) -> Iterator[Problem]:
    """Yield the penalties in which a trial differs from the config, where the loss that holds them decides."""
    section = config.experiment.tune
    if section is None or section.objective not in LOSSES:
        return
    own, others = penalties(config.experiment.model), penalties(tried.experiment.model)
    for path in dict.fromkeys((*own, *others)):
        if own.get(path) != others.get(path):
            message = f"`val_loss` holds the penalty of `{format_path(path)}`, which is searched"
            hint = "name a metric as the `objective`: it holds no penalty"
            yield config.locate(Problem(message, hint, ("tune", "objective")))


def _conditions(section: TuneConfig) -> Iterator[Problem]:
    for path, parameter in section.space.items():
        for parent, values in (parameter.when or {}).items():
            where: ConfigPath = ("tune", "space", path, "when", parent)
            if parent not in section.space:
                known = [other for other in section.space if other != path]
                hint = did_you_mean(parent, known) or (one_of(known) if known else "remove `when`")
                yield Problem(f"the space has no parameter {named(parent)}", hint, where)
                continue
            for value in values:
                if not _can_be(section.space[parent], value):
                    hint = _range_text(section.space[parent])
                    yield Problem(f"`{parent}` is never {show(value)}", hint, where)
    try:
        _ordered(section)
    except CycleError as error:
        path = error.args[1][0]
        yield Problem(
            f"the condition of `{path}` depends on itself", "remove one of the conditions", ("tune", "space", path)
        )


def _can_be(parameter: ParameterConfig, value: Any) -> bool:
    if parameter.choices:
        return any(_same(choice, value) for choice in parameter.choices)
    low, high = parameter.ends
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and parameter.int_ is not None and low <= value <= high and value == int(value)


def _same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def _range_text(parameter: ParameterConfig) -> str:
    if parameter.choices:
        return one_of(value_text(choice) for choice in parameter.choices)
    if parameter.float_:
        return "conditions look at choices, switches and whole numbers"
    low, high = parameter.ends
    return f"it goes from {number_text(low)} to {number_text(high)}"


def _ordered(section: TuneConfig) -> list[str]:
    """Return the paths, those that others depend on first, else as in the file."""
    sorter = TopologicalSorter({
        path: [parent for parent in parameter.when or {} if parent in section.space]
        for path, parameter in section.space.items()
    })  # fmt: skip
    return list(sorter.static_order())


def _parameter(config: LoadedConfig, path: str, parameter: ParameterConfig) -> Hyperparameter:
    places: list[ConfigPath] = [(parameter.kind,)] * len(parameter.choices or [0])
    if parameter.choice:
        places = [("choice", i) for i in range(len(parameter.choice))]
    marks = tuple(config.root.find(("tune", "space", path, *place)) for place in places)
    return Hyperparameter(path, parameter, marks)


def _probes(space: Space) -> Iterator[tuple[Hyperparameter, dict[str, int | float]]]:
    """Yield sets of codes that together try each choice and each end of a range, besides the config's own values."""
    for parameter in space.parameters:
        for code in parameter.ends:
            codes = {other.path: other.first for other in space.parameters}
            codes[parameter.path] = code
            _fulfil(space, parameter, codes)
            yield parameter, space.active(codes)


def _misfits(space: Space, codes: Mapping[str, int | float]) -> Iterator[Problem]:
    """Yield parameters that go into another one's value, which is a list or a mapping where they need the other."""
    values = space.values(codes)
    for path in values:
        for above in values:
            if not path.startswith(f"{above}."):
                continue
            part, value = parse_path(path, path)[len(parse_path(above, above))], values[above]
            is_list = isinstance(value, (list, tuple))
            is_section = isinstance(value, Mapping) and len(value) > 1  # of one key it may be an object's name
            if (is_section and isinstance(part, int)) or (is_list and isinstance(part, str)):
                message = f"`{above}` is {'a list' if is_list else 'a mapping'} in one of its choices, without `{part}`"
                hint = f"`when: {{{above}: [...]}}` lets `{path}` take part where it fits"
                yield Problem(message, hint, ("tune", "space", path))


def _fulfil(space: Space, parameter: Hyperparameter, codes: dict[str, int | float]) -> None:
    """Set the parameters that this one depends on, so that it takes part."""
    by_path = {each.path: each for each in space.parameters}
    for path, wanted in parameter.parents.items():
        parent = by_path[path]
        if not any(_same(parent.value(codes[path]), value) for value in wanted):
            choices = parent.config.choices
            codes[path] = (
                next(i for i, choice in enumerate(choices) if _same(choice, wanted[0])) if choices else wanted[0]
            )
        _fulfil(space, parent, codes)


def _placed(problem: Problem, space: Space) -> Problem:
    """Give a problem with a path of the space its place in the file."""
    for parameter in space.parameters:
        if problem.file == f"tune.space.{parameter.path}":
            key = space.config.root.find(("tune", "space", parameter.path), key=True)
            above = [each.path for each in space.parameters if parameter.path.startswith(f"{each.path}.")]
            hint = f"`when: {{{above[0]}: [...]}}` lets it take part where it fits" if above else problem.hint
            return place(replace(problem, path=("tune", "space", parameter.path), hint=hint), key)
    return problem


def _with_base(config: LoadedConfig, parameter: Hyperparameter) -> Hyperparameter:
    """Find the config's own value among the parameter's."""
    path = parse_path(parameter.path, parameter.path)
    found = value_at(config.experiment, path)
    if found is NOTHING:
        return parameter
    if not parameter.config.choices:
        number = _number(found)
        low, high = parameter.config.ends
        is_inside = number is not None and low <= number <= high
        return replace(parameter, base=number if is_inside else None, own=plain(found if number is None else number))
    candidates = [value_at(change_config(config, [parameter.override(i)]).experiment, path) for i in parameter.ends]
    base = next((i for i, value in enumerate(candidates) if _same(value, found)), None)
    if base is None and isinstance(found, Component):  # `adam` stands for the config's own Adam
        named_so = (
            i for i, value in enumerate(candidates) if isinstance(value, Component) and value.name == found.name
        )
        base = next(named_so, None)
    return replace(parameter, base=base, own=plain(found))


def _base_problems(space: Space) -> Iterator[Problem]:
    for parameter in space.parameters:
        if parameter.base is None and parameter.path in space.base:
            where: ConfigPath = ("tune", "space", parameter.path, parameter.config.kind)
            is_choice = bool(parameter.config.choices)
            kind = "none of the choices" if is_choice else "outside of the range"
            add = "add it" if is_choice else "widen the range"
            hint = f"{add}, or change `{parameter.path}`; `default_trial: false` leaves the config's own values out"
            yield Problem(f"the config's own value, {show(parameter.own)}, is {kind}", hint, where)


def _number(value: Any) -> int | float | None:
    """Return a number, also that of an object that is written as one, such as `dropout: 0.2`."""
    if isinstance(value, Component) and value.entry.first_parameter is not None:
        value = value.get(value.entry.first_parameter)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
