"""What a config says about its schedule: what its parameters must be to one another, and durations as steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nnlab.catalog import REQUIRED
from nnlab.config.components import Component
from nnlab.config.faults import Fault
from nnlab.config.values import is_finite_number
from nnlab.errors import ConfigError, Problem
from nnlab.schedules import (
    FIRST_RATE,
    LAST_RATE,
    LONGEST,
    TABLE,
    WARMUP,
    WHOLE_RUN,
    Duration,
    Schedule,
    kind_of,
)
from nnlab.user_code import definition_of, error_place, is_reference, object_named, prints_apart, split_reference
from nnlab.wording import number_text, show

if TYPE_CHECKING:
    from nnlab.config.schema import Experiment

EPOCH = "epoch"
"""What the first argument of a function of the epoch is called."""

MOST_RATES = 200_000
"""Steps for which a function of the user's is called before the training; their rates are saved with the model."""


def schedule_faults(component: Component) -> Iterator[Fault]:
    """Yield what is wrong with a schedule's parameters taken together, whatever is wrong with each."""
    given, name = component.parameters, component.name
    path = (name,) if given else ()
    for duration in (*kind_of(name).durations, WARMUP):
        steps, epochs = duration.keys
        both = [key for key in duration.keys if key in given]
        if len(both) > 1:
            hint = "keep one of them (`null` switches off what an extended file gives)"
            yield Fault((name, epochs), f"`{steps}` and `{epochs}` do not go together", hint, at_key=True)
        elif not both and duration.default is REQUIRED:
            example = "[1000, 2000]" if duration.several else "1000"
            hint = f"write `{name}: {{{steps}: {example}}}`, or `{epochs}`"
            yield Fault(path, f"`{name}` needs `{steps}` or `{epochs}`", hint)
        if duration.several:
            for key in both:
                yield from _moments_faults(given[key], (name, key), whole=key == steps)
        if duration.values is not None:
            yield from _values_faults(given, duration, (name, duration.values))
    factor = given.get("factor")
    if factor is not None and is_finite_number(factor) and factor >= 1:
        yield Fault((name, "factor"), f"must be below 1, received {show(factor)}")


def _moments_faults(moments: Any, path: tuple[str, str], *, whole: bool) -> Iterator[Fault]:
    if not isinstance(moments, (list, tuple)):
        return
    wanted = "a whole number above 0" if whole else "a number above 0"
    if not moments:
        yield Fault(path, f"expected at least one {wanted[2:]}, received an empty list")
    for i, moment in enumerate(moments):
        if not is_finite_number(moment) or not 0 < moment <= LONGEST or (whole and moment != int(moment)):
            yield Fault((*path, i), f"expected {wanted}, received {show(moment)}")
        elif i and is_finite_number(moments[i - 1]) and moment <= moments[i - 1]:
            message = f"must be more than the one before, {number_text(moments[i - 1])}; received {show(moment)}"
            yield Fault((*path, i), message)


def _values_faults(given: Mapping[str, Any], moments: Duration, path: tuple[str, str]) -> Iterator[Fault]:
    values = given.get(path[1])
    if not isinstance(values, (list, tuple)):
        return
    for i, value in enumerate(values):
        if not is_finite_number(value) or value < 0:
            yield Fault((*path, i), f"expected a learning rate of at least 0, received {show(value)}")
    for key in moments.keys:
        parts = given.get(key)
        if isinstance(parts, (list, tuple)) and len(values) != len(parts) + 1:
            message = f"{len(parts)} {moments.name} part {len(parts) + 1} values, received {len(values)}"
            yield Fault(path, message, f"give one more value than {moments.name}")


def depends_on_data(experiment: Experiment) -> bool:
    """Whether the schedule can only be told with the number of training rows: it counts epochs, or the whole run."""
    component = experiment.schedule
    if component is None:
        return False
    if is_reference(component.name):
        return True
    durations = kind_of(component.name).durations
    counts_epochs = any(duration.keys[1] in component.parameters for duration in (*durations, WARMUP))
    return counts_epochs or any(
        duration.default == WHOLE_RUN and duration.keys[0] not in component.parameters for duration in durations
    )


def steps_of_run(experiment: Experiment, num_train: int) -> tuple[int, int]:
    """Return the steps of the first epoch, and those of the whole run."""
    return steps_before(experiment, num_train, 1), steps_before(experiment, num_train, experiment.training.epochs)


def steps_before(experiment: Experiment, num_train: int, epoch: int) -> int:
    """Return the steps before an epoch, counted from 0."""
    sizes = experiment.training.batch_sizes(num_train)
    lasting = zip(sizes.items(), [*list(sizes)[1:], epoch], strict=True)
    return sum(max(0, min(stop, epoch) - first) * -(-num_train // size) for (first, size), stop in lasting)


def schedule_in_steps(experiment: Experiment, num_train: int | None) -> Schedule:
    """Return the experiment's schedule with all durations in steps; the constant one if it has none.

    Args:
        experiment: gives schedule, learning rate, batch size and epochs.
        num_train: training rows; may be `None` unless `depends_on_data`.
    """
    component = experiment.schedule or Component("schedules", "constant")
    if is_reference(component.name):
        assert num_train is not None, "`depends_on_data` says so"
        return own_schedule(experiment, component, num_train)
    per_epoch, run = steps_of_run(experiment, num_train) if num_train is not None else (0, 0)
    warmup = _steps(component, WARMUP, per_epoch) or 0.0
    schedule = kind_of(component.name)
    parameters = {} if schedule.watches else _without_durations(component)  # they are its callback's
    for duration in schedule.durations:
        given = _steps(component, duration, per_epoch)
        # a run that ends with its warm-up, as when somebody tries one epoch, never comes to what follows it
        parameters[duration.name] = max(run - warmup, 1.0) if given is None else given
    return Schedule(component.name, float(experiment.optimizer.get("learning_rate")), parameters, warmup)


def own_schedule(experiment: Experiment, component: Component, num_train: int) -> Schedule:
    """Return a schedule of the user's own as the rates of the whole run.

    Its first argument is called `step` or `epoch`, both from 0.

    Raises:
        NnlabError: the code is not trusted.
        ConfigError: it fails, or gives something else than rates.
    """
    definition, function = definition_of(component.name), object_named(component.name)
    assert definition is not None
    names = [argument.name for argument in definition.arguments]
    rate = first = float(experiment.optimizer.get("learning_rate"))
    epochs, starts = experiment.training.epochs, steps_before
    steps = starts(experiment, num_train, epochs)
    count = epochs if names[0] == EPOCH else steps
    if count > MOST_RATES:
        message = f"{count:,} steps are more than {MOST_RATES:,}, for which a function of the step is called in advance"
        raise ConfigError(Problem(message, "let it take an `epoch` instead of a `step`", ("schedule",)))
    rates = []
    for moment in range(count):
        known = {FIRST_RATE: first, LAST_RATE: rate}
        given = {name: known[name] for name in names[1:] if name in known}
        try:
            with prints_apart(component.name):
                rate = float(function(moment, **given, **component.parameters))
        except Exception as error:  # whatever the user's code raises is the user's to see
            message = f"`{component.called}` fails at {names[0]} {moment}: {type(error).__name__}: {error}"
            hint = error_place(error, split_reference(component.name)[0]) or "correct the code"
            raise ConfigError(Problem(message, hint, ("schedule",))) from error
        if not (math.isfinite(rate) and rate >= 0):
            message = f"`{component.called}` gives {rate} at {names[0]} {moment}, and no learning rate"
            raise ConfigError(Problem(message, "a rate is a number of at least 0", ("schedule",)))
        rates.append(rate)
    each = float(steps // epochs) if names[0] == EPOCH else 1.0
    if names[0] == EPOCH and len(experiment.training.batch_sizes(num_train)) > 1:
        lengths = [starts(experiment, num_train, e + 1) - starts(experiment, num_train, e) for e in range(epochs)]
        rates, each = [rate for rate, length in zip(rates, lengths, strict=True) for _ in range(length)], 1.0
    return Schedule(TABLE, first, {"rates": rates, "each": each})


def _without_durations(component: Component) -> dict[str, Any]:
    durations = (*kind_of(component.name).durations, WARMUP)
    keys = {key for duration in durations for key in duration.keys}
    return {name: component.get(name) for name in component.entry.parameters if name not in keys}


def _steps(component: Component, duration: Duration, per_epoch: int) -> Any:
    """Return a duration, or a list of moments, as floats; `None` if it is not given."""
    in_steps, in_epochs = (component.parameters.get(key) for key in duration.keys)
    if in_epochs is None:
        given = in_steps
    else:  # 0.1 of 30 steps shall be 3, not 3.0000000000000004, at which the third step would be too early
        given = [round(x * per_epoch, 6) for x in in_epochs] if duration.several else round(in_epochs * per_epoch, 6)
    if given is None:
        return None
    return [float(moment) for moment in given] if duration.several else float(given)
