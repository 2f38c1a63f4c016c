"""The command line: parse, call the library, print. The only place that prints and exits."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins reads every installed package

import typer
import typer.models

from nnlab import __version__
from nnlab.cli import activations, configs, doctor, gradients, predict, runs, schedule, training
from nnlab.errors import NnlabError, did_you_mean

app = typer.Typer(
    name="nnlab",
    help="The experiment lab for Keras: a YAML file describes a network and its training, one command runs it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"nnlab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command()(training.train)
app.command()(training.evaluate)
app.command()(predict.predict)
app.command()(configs.validate)
app.command()(configs.summary)
app.command()(gradients.check_gradients)
app.command("list")(configs.list_)
app.command()(schedule.schedule)
app.command()(activations.activations)
app.add_typer(runs.app, name="runs")
app.command()(runs.tensorboard)
app.command()(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code: 0 done, 1 the run failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to end is being interrupted
    try:
        code = app(words, standalone_mode=False, prog_name="nnlab")
    except NnlabError as error:
        code = _fail(error, verbose=bool({"-v", "--verbose"} & set(words)))
    except typer.TyperException as error:
        code = _usage(error)
    except BrokenPipeError:  # `nnlab list layers | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except typer.Abort:
        code = 130
    sys.exit(code or 0)


def _names_below(place: str) -> list[str]:
    """Return the commands that may follow `nnlab`, or `nnlab runs`."""
    if place == "nnlab runs":
        return [command_name(command) for command in runs.app.registered_commands]
    names = [command_name(command) for command in app.registered_commands]
    return names + [group.name or "" for group in app.registered_groups]


def command_name(command: typer.models.CommandInfo) -> str:
    """Return what the user types for a command."""
    return str(command.name or getattr(command.callback, "__name__", "").replace("_", "-"))


def _fail(error: NnlabError, *, verbose: bool) -> int:
    if verbose:
        import traceback

        traceback.print_exception(error)
    else:
        from nnlab.cli.console import print_problems

        print_problems(error.problems)
    return 2


def _usage(error: typer.TyperException) -> int:
    """Show a mistake in the command line itself in the form of every other error."""
    text = error.format_message().strip()
    if not text:  # `nnlab` alone has shown the help
        return 2
    context = getattr(error, "ctx", None)
    place = context.command_path if context is not None else "nnlab"
    first, _, rest = text.partition("\n")
    first = first.rstrip(".").replace("'", "`").replace("Value error, ", "")
    first = re.sub(r"Input should be a valid (integer|number).*", "expected a whole number", first)
    hint = rest.strip() or f"`{place} --help` shows what it takes"
    if first.startswith("No such command"):
        word = first.split("`")[1]
        first = f"no such command `{word}`"
        hint = did_you_mean(word, _names_below(place)) or hint
    sys.stderr.write(f"{place}: {first[0].lower()}{first[1:]}\n  hint: {hint}\n")
    return 2
