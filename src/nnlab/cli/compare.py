"""`nnlab compare` and `nnlab compare-optimizers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.studies import Prepare, carry_out
from nnlab.errors import NnlabError

if TYPE_CHECKING:
    from nnlab.run import Run

DEFAULT_BUDGET = 7
"""Learning rates that `compare-optimizers` tries for each optimizer: two a decade over three decades."""

Configs = Annotated[
    list[Path], typer.Argument(metavar="CONFIG", help="The YAML file of the experiment; several for several problems.")
]


@dataclass(frozen=True, kw_only=True)
class Given(options.Given):
    """What was given of the options that commands have in common, and of those of comparisons."""

    folds: options.Folds = None
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Trainings of each variant; default: 5. With `--folds` of each fold; default: 1."
        ),
    ] = None
    tuning_budget: Annotated[
        int | None, typer.Option(metavar="N", help="Learning rates to try for each variant, 0 for none.")
    ] = None
    tune_schedules: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Schedules to try with each learning rate, such as `constant,cosine`; default: the config's own.",
        ),
    ] = None
    tuned_only: Annotated[
        bool, typer.Option("--tuned-only", help="Leave out the trainings with the learning rates as configured.")
    ] = False
    metric: Annotated[
        str | None, typer.Option(help="What decides, on validation rows; default: the config's first metric.")
    ] = None
    target: Annotated[
        float | None, typer.Option(help="The value to which time is measured; default: the worst variant's best.")
    ] = None


SHARED = (
    "... folds seeds tuning_budget tune_schedules tuned_only metric target "
    "jobs ray changes seed name runs_dir trust_code json quiet verbose"
)


@options.shared(SHARED, Given)
def compare(
    configs: Configs,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=V1,V2", help="Values to compare: `--vary model.activation=relu,tanh`. Repeated, a grid."
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:PATH=V,...", help="A variant with several changes, by hand. Repeatable."),
    ] = None,
    *,
    given: Given,
) -> None:
    """Compare variants of an experiment fairly: paired seeds, intervals, tests, and a verdict in words."""
    from nnlab.compare.variants import from_options, from_section

    choose: Any = from_section
    if vary or variant:
        named = from_options(vary or [], variant or [])
        choose = lambda _: named  # noqa: E731
    carry_out(_prepares(configs, given, choose), given)


@options.shared(SHARED, Given)
def compare_optimizers(
    configs: Configs,
    optimizers: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Which ones, with parameters where you like: `adam,{SGD: {momentum: 0.8}}`; default: nine of them.",
        ),
    ] = None,
    *,
    given: Given,
) -> None:
    """Compare optimizers fairly: each with its own tuned learning rate, at equal cost, and as configured."""
    from nnlab.compare.variants import from_optimizers

    choose = partial(from_optimizers, optimizers=optimizers)
    carry_out(_prepares(configs, given, choose, tuning_budget=DEFAULT_BUDGET), given)


def _prepares(configs: list[Path], given: Given, choose: Callable[..., Any], **more: Any) -> list[Prepare]:
    base = _base(given, _own_name(configs, given.name))
    return [_prepare(config, base, given, choose=choose, **more) for config in configs]


def again(run: Run, given: options.Given, *, max_trials: int | None, max_time: str | None) -> Prepare:
    """Return what prepares the comparison of a run to be carried on."""
    if max_trials is not None or max_time is not None:
        hint = "leave them out: they go with `nnlab tune`"
        raise NnlabError("a comparison has no `--max-trials` or `--max-time`", hint=hint)
    return _prepare(run.config_path, [], given)


def _prepare(config: Path, base: list[Any], given: options.Given, **more: Any) -> Prepare:
    from nnlab.compare.study import prepare
    from nnlab.executor import start_soon

    on_valid = start_soon if given.ray is None else None
    more |= {"jobs": given.jobs, "runs_dir": given.runs_dir, "trust_code": given.trust_code, "on_valid": on_valid}
    return partial(prepare, config, base, **more)


def _own_name(configs: list[Path], name: str | None) -> str | None:
    """Return what `--name` names a config; of several it names none of them, only their common run."""
    if len(configs) == 1:
        return name
    if name is not None:
        console.load(configs[0], options.Given(name=name))  # says whether it can be a name
    return None


def _base(given: Given, name: str | None) -> list[Any]:
    """Return what the command line changes of the config, the `compare` section included."""
    from nnlab.config.nodes import read_text
    from nnlab.config.overrides import Override

    section = {
        "folds": given.folds,
        "seeds": given.seeds,
        "tuning_budget": given.tuning_budget,
        "tuned_only": given.tuned_only or None,
        "metric": given.metric,
        "target": given.target,
    }
    own = {"seed": given.seed, "name": name} | {f"compare.{key}": value for key, value in section.items()}
    base: list[Any] = [*(given.changes or ())]
    if given.tune_schedules is not None:
        origin = f"--tune-schedules {given.tune_schedules}"
        schedules = read_text(f"[{given.tune_schedules}]", origin, located=False)
        base.append(Override(("compare", "tune_schedules"), schedules, origin))
    return [*base, *console.changes_by(own)]
