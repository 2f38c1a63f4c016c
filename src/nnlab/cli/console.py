"""What every command needs of the terminal: results to stdout, all else to stderr."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from nnlab.errors import LostError, NnlabError, Problem, first_line, is_out_of_memory
from nnlab.user_code import trust
from nnlab.wording import visible

if TYPE_CHECKING:
    from nnlab.cli.options import Given
    from nnlab.cli.screen import Screen
    from nnlab.config.load import LoadedConfig
    from nnlab.config.overrides import Override
    from nnlab.data.splits import Splits
    from nnlab.run import Run


MOST_PROGRAMS = 500
"""Programs of XLA that are kept on disk, of some 300 kB each."""


def results() -> Screen:
    """Return the screen of results (stdout)."""
    from nnlab.cli.screen import Screen

    return Screen(sys.stdout)


def messages() -> Screen:
    """Return the screen of everything else (stderr)."""
    from nnlab.cli.screen import Screen

    return Screen(sys.stderr)


def say(text: str, *, hint: str | None = None) -> None:
    """Write a line to stderr, and below it what to do."""
    write_lines(text, *([f"  hint: {hint}"] if hint else []))


def write_lines(*lines: str) -> None:
    """Write lines to stderr, on a terminal broken between words."""
    for line in lines:
        if sys.stderr.isatty():
            messages().say(line)
        else:
            sys.stderr.write(f"{visible(line)}\n")


def say_notes(notes: Iterable[str], *, quiet: bool) -> None:
    """Say what was understood of the data that the user may have meant otherwise (`DataSpec.notes`)."""
    for note in () if quiet else notes:
        say(f"note: {note}")


def say_written(*paths: Path | None) -> None:
    """Say which files were written."""
    say(f"written: {', '.join(str(path) for path in paths if path is not None)}")


def print_run(path: Path) -> None:
    """Print a run's directory, alone."""
    sys.stdout.write(f"{visible(str(path))}\n")


def print_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    from nnlab.writing import to_json

    sys.stdout.write(to_json(document))  # which escapes control characters


def show_results(document: Mapping[str, Any], run: Run, given: Given) -> None:
    """Print the results of a comparison or search, and where they are."""
    if given.json:
        print_json(document)
    elif given.quiet:
        print_run(run.path)
    else:
        from nnlab.report import page_of

        out = results()
        out.show_page(page_of(document))
        out.print(f"run: {run.path}")
        if run.best_path.exists():
            out.print(f"best config: {run.best_path}")


def print_problems(problems: Sequence[Problem]) -> None:
    """Write problems to stderr, one below the other."""
    for problem in problems:
        write_lines(*str(problem).splitlines())


def stopped(error: BaseException, run: Run, *, done: str) -> int:
    """Say what is left of a run that stopped before its end, and how it goes on; return the exit code.

    Args:
        error: what stopped it: an interrupt, or the loss of a process.
        run: its directory.
        done: what was done there, such as `trained`.
    """
    head, code = "interrupted", 130
    if isinstance(error, LostError):
        print_problems(error.problems)
        head, code = "trainings that had not ended are lost", error.exit_code
    say(f"{head}; what was {done} so far is in {run.path}", hint=f"`nnlab resume {run.path}`")
    return code


def say_interrupted(run: Run) -> None:
    """Say what is left of a training that was interrupted."""
    if not run.path.exists():
        say("interrupted before training began; nothing was kept")
        return
    hint = f"`nnlab train {run.config_path}` trains it again from the start"
    kept = "the weights and the history so far are" if run.model_path.exists() else "the history so far is"
    say(f"interrupted; {kept} in {run.path}", hint=hint)


def changes_by(values: Mapping[str, Any]) -> list[Override]:
    """Return what options change of a config: their values by path, `None` for an option that was not given."""
    from nnlab.config.overrides import override

    return [
        override(path, value, origin=f"--{path.rpartition('.')[2].replace('_', '-')} {value}")
        for path, value in values.items()
        if value is not None
    ]


def load(path: Path, given: Given, more: Sequence[Override | str] = ()) -> LoadedConfig:
    """Read a config with the changes that a command was given, and with what follows from its own options.

    Raises:
        ConfigError: with every problem of the file and of the changes.
    """
    from nnlab.config.load import load_config
    from nnlab.model.size import check_written_layers

    own = changes_by({"seed": given.seed, "name": given.name})
    loaded = load_config(path, [*(given.changes or ()), *more, *own])
    if given.trust_code:
        trust(loaded.named_code)
    with loaded.located():
        check_written_layers(loaded.experiment)
    return loaded


def opened_run(name: str, given: Given) -> Run:
    """Find a run, whose code may run if the user has said so.

    Raises:
        NnlabError: there is none, or its code has changed.
    """
    from nnlab.run import open_run

    found = open_run(name, given.runs_dir)
    if given.trust_code and found.config_path.exists():
        from nnlab.config.load import trust_run

        trust_run(found)
    return found


def load_data(config: LoadedConfig, given: Given) -> Splits:
    """Load an experiment's data, and say what was understood of them."""
    from nnlab.data import loading

    splits = loading.load_data(config.experiment.data, seed=config.experiment.seed)
    say_notes(splits.spec.notes, quiet=given.silent)
    return splits


def check_fit(config: LoadedConfig) -> None:
    """Refuse losses and metrics that fit no data, or not what the config says of task and layers.

    Raises:
        ConfigError: with the places in the config.
    """
    from nnlab.model.plan import check_before_data

    with config.located():
        check_before_data(config.experiment)


def prepare_tensorflow(*, verbose: bool) -> None:
    """Set what TensorFlow reads when it is imported, here or in a worker process."""
    from nnlab.environment import remove_compiled, xla_cache

    os.environ["KERAS_BACKEND"] = "tensorflow"
    programs = xla_cache()
    if programs is not None:
        remove_compiled(but=MOST_PROGRAMS)
        os.environ.setdefault("TF_XLA_FLAGS", f"--tf_xla_persistent_cache_directory={programs}")
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def tensorflow(given: Given) -> Iterator[None]:
    """Start TensorFlow with a sign of life, and keep what libraries print off stdout."""
    from nnlab.environment import import_keras

    prepare_tensorflow(verbose=given.verbose)
    with contextlib.redirect_stdout(sys.stderr):
        waiting = contextlib.nullcontext() if given.silent else messages().status("starting TensorFlow")
        with waiting, _held_stderr(show=given.verbose):
            import_keras()
            import tensorflow as tf

            if not given.verbose:
                tf.get_logger().setLevel("ERROR")  # its warnings are of how Keras uses it
            else:
                tf.config.list_physical_devices()  # what TensorFlow says of missing GPUs, it says here
        with plain_errors():
            yield


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Say in a line what TensorFlow refuses to compute: the numbers it was given, or more than the memory holds."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.OpError, MemoryError) as error:
        hint = "memory ran out: give fewer rows, or make the model smaller" if is_out_of_memory(error) else None
        raise NnlabError(f"TensorFlow cannot compute this: {first_line(error)}", hint=hint) from error


@contextlib.contextmanager
def _held_stderr(*, show: bool) -> Iterator[None]:
    """Hold the process's stderr back: TensorFlow's libraries write to it before they read their log level.

    What was held back is shown if starting fails, and without needless alarms if that is asked for.
    """
    import tempfile

    with tempfile.TemporaryFile() as held:
        kept = os.dup(2)
        python_stderr, sys.stderr = sys.stderr, os.fdopen(os.dup(2), "w")  # the sign of life goes on
        os.dup2(held.fileno(), 2)
        try:
            yield
            if show:
                held.seek(0)
                os.write(kept, _without_alarms(held.read().decode(errors="replace")).encode())
        except Exception:  # whoever presses Ctrl-C knows why it has not started
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            ours, sys.stderr = sys.stderr, python_stderr
            _log_to(python_stderr, instead_of=ours)
            ours.close()


def _log_to(stream: Any, *, instead_of: Any) -> None:
    """Let what libraries set up to log into a stream go elsewhere before that is closed."""
    import logging

    for name in ("", *logging.Logger.manager.loggerDict):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is instead_of:
                handler.setStream(stream)


def _without_alarms(log: str) -> str:
    """Leave out what TensorFlow says of drivers for GPUs where there are none, which sounds like something broken."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return log
    lines = [line for line in log.splitlines() if not re.search("cuda|cuInit|tensorrt", line, re.IGNORECASE)]
    return "\n".join([*lines, "TensorFlow finds no GPU and computes on the CPU", ""])


def prepare_plots_soon() -> Thread:
    """Load what tables and plots need while trainings go on elsewhere, when this process has nothing else to do.

    Returns:
        What does so; plots have to wait for it.
    """

    def prepare_them() -> None:
        import scipy.stats  # noqa: F401

        from nnlab.report.plot import warm_up

        warm_up()

    thread = Thread(target=prepare_them, daemon=True)
    thread.start()
    return thread
