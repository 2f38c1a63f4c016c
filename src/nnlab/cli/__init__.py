"""The command line: parse, call the library, print. The only place that prints and exits."""

from __future__ import annotations

import atexit
import gc
import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for plugins reads every installed package

import typer
import typer.core
import typer.main

from nnlab import __version__
from nnlab.errors import NnlabError, Problem, did_you_mean, first_line, system_problem

COMMANDS = {
    "train": "training:train",
    "evaluate": "training:evaluate",
    "predict": "predict:predict",
    "compare": "compare:compare",
    "compare-optimizers": "compare:compare_optimizers",
    "tune": "tune:tune",
    "resume": "studies:resume",
    "init": "init:init",
    "validate": "configs:validate",
    "summary": "configs:summary",
    "data": "data:data",
    "check-gradients": "gradients:check_gradients",
    "inspect": "inspect:inspect",
    "find-lr": "find_lr:find_lr",
    "list": "configs:list_",
    "schema": "configs:schema",
    "schedule": "schedule:schedule",
    "activations": "activations:activations",
    "loss": "loss:loss",
    "runs": "runs:app",
    "tensorboard": "runs:tensorboard",
    "doctor": "doctor:doctor",
}
"""Every command, in the order of the help: the module of `nnlab.cli` and what in it the command is."""


class _Commands(typer.core.TyperGroup):
    """Imports and makes only the command that is called: all of them take as long as checking a config does."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(f"nnlab.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        command = typer.Typer(add_completion=False)
        command.command(cmd_name)(found)
        return typer.main.get_command(command)


app = typer.Typer(
    name="nnlab",
    cls=_Commands,
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code: 0 done, 1 the run failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_verbose = bool({"-v", "--verbose"} & set(words))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to end is being interrupted
    if ("--no-color" in words or os.environ.get("NO_COLOR")) and (not words or {"-h", "--help"} & set(words)):
        from typer import rich_utils

        rich_utils.COLOR_SYSTEM = None  # nothing bold either
    gc.set_threshold(50_000, 5, 2)  # starting makes many objects and no garbage: look for it less often
    atexit.register(gc.freeze)  # and not at all at the end
    try:
        code = app(words, standalone_mode=False, prog_name="nnlab")
    except NnlabError as error:
        code = _fail(error, verbose=is_verbose, code=error.exit_code)
    except typer.TyperException as error:
        code = _usage(error, words)
    except BrokenPipeError:  # `nnlab list layers | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:  # a disk that is full, a folder that is gone
        problem = system_problem(error) or Problem(first_line(error))
        code = _fail(NnlabError(problem), verbose=is_verbose, cause=error, code=1)
    except typer.Abort as abort:
        if isinstance(abort.__cause__ or abort.__context__, EOFError):  # no Ctrl-C: something ended too early
            problem = Problem("nnlab stopped: what it read came to its end too early", "`-v` shows where")
            code = _fail(NnlabError(problem), verbose=is_verbose, cause=abort, code=1)
        else:
            code = 130
    sys.exit(code or 0)


def _fail(error: NnlabError, *, verbose: bool, code: int, cause: Exception | None = None) -> int:
    if verbose:
        import traceback

        traceback.print_exception(cause or error)
    else:
        from nnlab.cli.console import print_problems

        print_problems(error.problems)
    return code


def _usage(error: typer.TyperException, words: Sequence[str]) -> int:
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
    if context is not None and first.startswith("No such command"):
        word = first.split("`")[1]
        first = f"no such command `{word}`"
        hint = did_you_mean(word, context.command.list_commands(context)) or hint
    option = getattr(error, "option_name", None)
    if option is not None and context is not None and any(each.name == "changes" for each in context.command.params):
        hint = _value_of_the_config(option, words) or hint
    from nnlab.cli.console import say

    say(f"{place}: {first[0].lower()}{first[1:]}", hint=hint)
    return 2


def _value_of_the_config(option: str, words: Sequence[str]) -> str | None:
    """Say how to set what an option that does not exist seems to mean, such as `--epochs 3`."""
    from nnlab.config.schema import Experiment
    from nnlab.config.stray import path_of_option

    path = path_of_option(option, Experiment)
    if path is None:
        return None
    given = next((word for word in words if word.partition("=")[0] == option), option)
    following = words[words.index(given) + 1 :] if given in words else ()
    value = given.partition("=")[2] or next(iter(following), "...")
    return f"it is a value of the config: `-S {path}={value if not value.startswith('-') else '...'}`"
