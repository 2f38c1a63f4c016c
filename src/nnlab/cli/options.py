"""The options that mean the same in every command."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from nnlab.cli.waiting import shown_waiting


def _no_color(value: bool) -> bool:
    if value:
        os.environ["NO_COLOR"] = "1"  # what rich and most other libraries look at
    return value


Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The YAML file of the experiment.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "-S",
        "--set",
        metavar="PATH=VALUE",
        help="Change a value of the config: `-S optimizer.learning_rate=0.1`. Repeatable.",
    ),
]
Seed = Annotated[int | None, typer.Option(help="The seed of everything random.")]
RunsDir = Annotated[Path, typer.Option(help="Where runs are kept.", envvar="NNLAB_RUNS_DIR")]
Name = Annotated[str | None, typer.Option(help="The name of the run.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say only what was asked for.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more: TensorFlow's log, tracebacks.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (also: NO_COLOR).", callback=_no_color)]
Jobs = Annotated[
    int | None,
    typer.Option(
        "-j",
        "--jobs",
        metavar="N",
        min=1,
        help="Trainings at once; default: one a core (of a cluster with `--ray`), if there are 1.5 GB of memory each. "
        "No result depends on it.",
    ),
]
Ray = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Train on a Ray cluster: `HOST:PORT` of its head, `auto` (the one here), `local` (starts one).",
    ),
]
MaxTrials = Annotated[int | None, typer.Option(metavar="N", help="Trials of a search, those done before included.")]
MaxTime = Annotated[
    str | None, typer.Option(metavar="TIME", help="No trial of a search begins after `90s`, `30m`, `2h`.")
]
Folds = Annotated[
    int | None,
    typer.Option(
        metavar="K", help="Cross-validation: train on each of K folds, in place of the config's validation rows."
    ),
]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Let the config import Python code of your own, which then runs.")
]
McSamples = Annotated[
    int | None,
    typer.Option(
        "--mc-samples",
        metavar="N",
        min=1,
        help="Predict N times with dropout on (Monte-Carlo dropout), for means and standard deviations.",
    ),
]
RunName = Annotated[
    str,
    typer.Argument(metavar="RUN", help="A run's directory, its name or the id at its end; `SEARCH/0003` is a trial."),
]
DEFAULT_RUNS_DIR = Path("runs")


@dataclass(frozen=True, kw_only=True)
class Given:
    """What was given of the options that commands have in common; what a command does not have keeps its default."""

    jobs: Jobs = None
    ray: Ray = None
    changes: Set = None
    seed: Seed = None
    name: Name = None
    runs_dir: RunsDir = DEFAULT_RUNS_DIR
    trust_code: TrustCode = False
    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False
    no_color: NoColor = False

    @property
    def silent(self) -> bool:
        """Whether nothing is to be said but what was asked for."""
        return self.quiet or self.json


def shared(names: str, kind: type[Given] = Given) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options of `Given`, and `--no-color`; its parameter `given` holds them.

    Args:
        names: of the options, in the order of the help; `...` stands for the command's own, which otherwise come first.
        kind: `Given`, or one with more options that several commands have.
    """
    order = [*(["..."] if "..." not in names else []), *names.split(), "no_color"]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(kind, include_extras=True) | get_type_hints(command, include_extras=True)
        own = [item for item in inspect.signature(command).parameters.values() if item.name != "given"]
        known = inspect.signature(kind).parameters
        parameters = [
            item.replace(annotation=hints[item.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for name in order
            for item in (own if name == "..." else [known[name]])
        ]

        @functools.wraps(command)
        def run(*arguments: Any, **values: Any) -> None:
            given = kind(**{name: values.pop(name) for name in order if name in values})
            with contextlib.nullcontext() if given.silent else shown_waiting():
                command(*arguments, **values, given=given)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {item.name: item.annotation for item in parameters}
        return run

    return decorate
