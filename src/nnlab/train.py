"""Train and evaluate an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from keras.callbacks import Callback

from nnlab.config.columns import SplitName
from nnlab.config.load import LoadedConfig, resolved, trust_run
from nnlab.data.judging import rows_of_split
from nnlab.data.loading import load_data
from nnlab.data.splits import Splits
from nnlab.engine.built import build_seeded
from nnlab.engine.callbacks import Observer
from nnlab.engine.checkpoint import load_checkpoint
from nnlab.engine.loops import Loop, in_order
from nnlab.engine.reuse import Programs
from nnlab.engine.trained import Trained
from nnlab.model.plan import history_columns
from nnlab.phases import Phases
from nnlab.recording import Recording, RunSummary
from nnlab.run import Run
from nnlab.training_options import TrainingOptions
from nnlab.user_code import check_trust, prints_apart

AS_CONFIGURED = TrainingOptions()


def train(
    config: LoadedConfig,
    run: Run,
    options: TrainingOptions = AS_CONFIGURED,
    *,
    splits: Splits | None = None,
    observer: Observer | None = None,
    programs: Programs | None = None,
) -> RunSummary:
    """Train the experiment of a config, evaluate the final model, and leave everything in the run's directory.

    The same config and seed give the same weights, bit for bit, on the same machine and versions.

    Args:
        config: the experiment.
        run: where to leave it; the directory is made once the model is built, so that a broken config leaves none.
        options: which part of it to do, and what to keep.
        splits: the experiment's data, if they are loaded already.
        observer: is told how the training goes on.
        programs: compiled programs of earlier trainings in this process, for this one to use and to add to.

    Returns:
        The summary; a training that diverged or crashed has the status `failed`.

    Raises:
        ConfigError: the model cannot be built.
        DataError: the data cannot be used.
        NnlabError: there is nothing to go on from.
        KeyboardInterrupt: after the run was saved as `interrupted`.
    """
    start = None if options.continues is None else load_checkpoint(options.continues)
    experiment = config.experiment
    check_trust(config.named_code, trusted=options.trust_code)
    built = build_seeded(
        experiment,
        splits if splits is not None else load_data(experiment.data, seed=experiment.seed),
        runs_dir=run.path.parent,
        trust_code=options.trust_code,
        keep_programs=bool(programs) and not options.trust_code,  # user's own code starts from a state wholly new
        trainings=options.trainings,
    )
    rows = () if start is None else start.rows
    recording = Recording(config, run, built, options, observer=observer, rows=rows)
    with prints_apart(resolved(built.experiment)), recording:
        phases = Phases(built, recording, options, start=start, programs=programs)
        loop = phases.fit()
        recording.keep_fit()
        if not recording.summary.diverged:
            seen = built.splits if options.evaluate_test else replace(built.splits, test=None)
            recording.complete(evaluate_splits(loop, seen, history_columns(built.plan.outputs), phases.own))
    return recording.summary


def evaluate_splits(
    loop: Loop, splits: Splits, columns: Iterable[str], callbacks: Sequence[Callback] = ()
) -> dict[str, dict[str, float] | None]:
    """Evaluate the loop's model on all splits, dropout off; `None` for a split without rows.

    Args:
        loop: the loop that has trained the model.
        splits: the rows.
        columns: the order of the figures.
        callbacks: are told of each evaluation.
    """
    return {
        name: None if part is None else in_order(loop.evaluate(part, callbacks), columns)
        for name, part in splits.named.items()
    }


def evaluate(run: Run, split: SplitName, *, trust_code: bool = False) -> dict[str, float]:
    """Evaluate a run's saved model on one of its splits, dropout off.

    Raises:
        NnlabError: the run has no such split or no model, or its data have changed.
    """
    if trust_code:
        trust_run(run)
    judged = rows_of_split(run, split)
    return Trained.load(run, trust_code=trust_code).evaluate(judged)
