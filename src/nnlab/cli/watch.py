"""`nnlab train --watch`: trains again whenever the config is saved, in one warm process."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nnlab.cli import console, options
from nnlab.cli.saves import SavedError, Saves, stamp
from nnlab.errors import NnlabError, format_path
from nnlab.wording import counted, cut, value_text

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.config.overrides import Override
    from nnlab.data.splits import Splits
    from nnlab.recording import RunSummary

PLAIN_TENSORBOARD = {"histogram_freq": 0, "write_graph": False}


def watch(config: Path, given: options.Given) -> None:
    """Train a config, and again whenever it or a file that it names is saved, until Ctrl-C.

    Raises:
        NnlabError: there is no such file, or the command line itself is wrong.
        typer.Exit: with 0 for Ctrl-C between trainings, its way to end; with 130 if a training was under way.
    """
    from nnlab.config.overrides import parse_override

    if given.json:
        raise NnlabError("`--json` prints one document, and `--watch` trains again and again", hint="give one of them")
    NnlabError.of_each(parse_override, given.changes or ())  # no save of the file would mend these
    if not config.is_file():
        console.load(config, given)  # which says why not
    watching = _Watch(config, given)
    try:
        with watching.stack:
            watching.run()
    except KeyboardInterrupt:
        raise typer.Exit(130 if watching.is_training else 0) from None


class _Watch:
    """What one training leaves for the next: data, compiled programs, and what to compare it with."""

    def __init__(self, config: Path, given: options.Given) -> None:
        self.is_training = False
        self.stack = ExitStack()
        """What holds TensorFlow's noise back, once it is started."""
        self._config, self._given = config, given
        self._out = console.results()  # stdout as it is before TensorFlow starts
        self._saves = Saves()
        self._saved: list[Path] = []
        self._programs: Any = None
        self._data: tuple[Any, Splits | None] = (None, None)
        self._loaded: LoadedConfig | None = None
        self._before: RunSummary | None = None

    def run(self) -> None:
        while True:
            try:
                self._train()
            except SavedError:
                self._saved = self._saves.settled()
                continue
            except NnlabError as error:
                console.print_problems(error.problems)
            if not self._given.quiet:
                console.say(f"waiting for {self._config} to be saved; Ctrl-C ends")
            self._saved = self._saves.wait()

    def _train(self) -> None:
        """Read the config and train it.

        Raises:
            NnlabError: the config or its data cannot be used.
            SavedError: something was saved meanwhile.
        """
        from nnlab.config.load import config_files

        self._saves.begin(config_files(self._config))
        loaded = console.load(self._config, self._given)
        self._saves.add(loaded.named_files)
        console.check_fit(loaded)
        self._say_what_changed(loaded)
        self._loaded = loaded
        adapted = _for_watching(loaded)
        with adapted.located():
            summary = self._trained(adapted, self._splits(adapted))
        self._show(summary)

    def _splits(self, config: LoadedConfig) -> Splits:
        """Load the data, unless they are those of the training before."""
        from nnlab.data.loading import load_data

        experiment = config.experiment
        wanted = experiment.data, experiment.data_seed, [stamp(file) for file in config.named_files]
        if self._data[1] is None or self._data[0] != wanted:
            self._data = wanted, load_data(experiment.data, seed=experiment.seed)
        splits = self._data[1]
        assert splits is not None
        return splits

    def _start(self, config: LoadedConfig, splits: Splits) -> None:
        """Start TensorFlow, behind what can be said without it."""
        from nnlab.model.prepared import prepare_model

        prepare_model(config.experiment, splits)
        if not self._given.quiet:
            console.say(
                "note: without XLA, and without histograms, graphs and profiles for TensorBoard, so that a training "
                "begins sooner; figures may differ from those of `nnlab train` in their last digits"
            )
        self.stack.enter_context(console.tensorflow(self._given))

    def _trained(self, config: LoadedConfig, splits: Splits) -> RunSummary:
        if self._programs is None:
            self._start(config, splits)
            from nnlab.engine.reuse import Programs

            self._programs = Programs()
        from nnlab.cli.watch_view import view_of
        from nnlab.run import Run
        from nnlab.train import train
        from nnlab.training_options import TrainingOptions

        run = Run.new(self._given.runs_dir, config.experiment.name)
        view = view_of(config, splits.spec, self._saves, quiet=self._given.quiet)
        how = TrainingOptions(command=["nnlab", *sys.argv[1:]], trust_code=self._given.trust_code)
        try:
            self.is_training = True
            with console.plain_errors():
                summary = train(config, run, how, splits=splits, observer=view, programs=self._programs)
            self.is_training = False
            view.stop(completed=summary.status == "completed", epochs=summary.epochs)
            return summary
        except SavedError:
            self.is_training = False
            view.stop()
            self._say_stopped(run, view.last)
            raise
        except KeyboardInterrupt:
            view.stop()
            console.say_interrupted(run)
            raise
        except NnlabError:
            self.is_training = False
            raise

    def _say_stopped(self, run: Any, epochs: int) -> None:
        """Say what is left of a training that a save has stopped."""
        if not epochs:
            run.discard()
        elif not self._given.quiet:
            console.say(f"saved: stopped after {counted(epochs, 'epoch')}, kept in {run.path}")

    def _say_what_changed(self, loaded: LoadedConfig) -> None:
        """Say in one line what is not as in the training before."""
        from nnlab.config.differences import differences

        if self._loaded is None or self._given.quiet:
            return
        changes = [
            f"{format_path(path)}: {_short(before)} -> {_short(after)}"
            for path, before, after in differences(self._loaded, loaded)
        ]
        others = [file.name for file in self._saved if file in loaded.named_files]
        text = "; ".join([*changes, *(f"`{name}` was saved" for name in others)])
        console.say(f"changed: {text or 'nothing'}")

    def _show(self, summary: RunSummary) -> None:
        """Print how a training ended, beside the one before."""
        if summary.problem is not None:
            console.print_problems([summary.problem])
        if self._given.quiet:
            self._out.print(str(summary.run.path))
            return
        if summary.metrics:
            from nnlab.cli.metrics import show_metrics

            show_metrics(self._out, summary.metrics, None if self._before is None else self._before.metrics)
            self._before = summary
        self._out.print(f"run: {summary.run.path}")


def _short(value: Any) -> str:
    return cut(value_text(value))


def _for_watching(config: LoadedConfig) -> LoadedConfig:
    """Return the config without what delays a training that is looked at, where it does not insist on it."""
    from nnlab.config.load import change_config
    from nnlab.config.overrides import override

    training = config.experiment.training
    wanted: dict[str, Any] = {}
    if training.engine == "fast" and training.jit_compile == "auto":
        wanted["training.jit_compile"] = False
    if training.tensorboard:
        wanted["training.tensorboard"] = PLAIN_TENSORBOARD
    changes: list[Override] = [override(path, value, origin="--watch") for path, value in wanted.items()]
    return change_config(config, changes)
