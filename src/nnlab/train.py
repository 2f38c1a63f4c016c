"""Train and evaluate: the only place that calls Keras's `fit`."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nnlab.built import Built, build_seeded
from nnlab.config.by_name import one_or_all, only
from nnlab.config.load import LoadedConfig, dump_config
from nnlab.config.model import SubclassedConfig
from nnlab.config.schema import Experiment
from nnlab.config.user_code import is_file, split_class
from nnlab.data.judging import JudgedRows, SplitName, rows_of_split
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec, Split, Splits, TargetSpec
from nnlab.engine.checkpoint import Checkpoint, Checkpointer, load_checkpoint
from nnlab.engine.choice import EngineChoice, choose_engine, make_loop, set_rewriting
from nnlab.engine.loops import Evaluation, Loop
from nnlab.engine.reuse import Programs, program_key
from nnlab.engine.threads import set_threads, threads_used
from nnlab.errors import NnlabError, Problem, first_line, is_out_of_memory, system_problem
from nnlab.layers.callbacks import MedianStopping, Observer, Recorder, in_order
from nnlab.layers.early_stopping import BestSoFar, EarlyStopping, averages_weights
from nnlab.layers.event_files import forward_graph, tensorboard_callback
from nnlab.layers.graph_schedules import schedule_callbacks
from nnlab.model.build import compile_model
from nnlab.model.inputs import model_rows
from nnlab.model.plan import history_columns, plan_model
from nnlab.model.saved import load_model
from nnlab.objective import directions
from nnlab.parts import KeepIf, Limits, Part
from nnlab.run import CODE_FOLDER, Run, Status
from nnlab.run_info import RunInfo, experiment_facts
from nnlab.writing import whole


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Args:
        metrics: loss and metrics of the final model on each split; empty if the run failed.
        problem: why it failed, if it did.
        history: one row an epoch.
        diverged: whether it failed because its loss became NaN or infinite.
        epochs: the best epoch, and whose weights the final model has, as `run.json` says it.
    """

    run: Run
    status: Status
    metrics: Mapping[str, Mapping[str, float] | None]
    history: Sequence[Mapping[str, Any]]
    problem: Problem | None = None
    diverged: bool = False
    epochs: Mapping[str, Any] = field(default_factory=dict)


def train(
    config: LoadedConfig,
    run: Run,
    *,
    splits: Splits | None = None,
    command: Sequence[str] = (),
    observer: Observer | None = None,
    programs: Programs | None = None,
    save_model: bool | KeepIf = True,
    trust_code: bool = False,
    part: Part | None = None,
    limits: Limits | None = None,
    evaluate_test: bool = True,
    hyperparameters: Mapping[str, Any] | None = None,
    trainings: int = 1,
) -> RunSummary:
    """Train the experiment of a config, evaluate the final model, and leave everything in the run's directory.

    The same config and seed give the same weights, bit for bit, on the same machine and versions.

    Args:
        config: the experiment.
        run: where to leave it; the directory is made once the model is built, so that a broken config leaves none.
        splits: the experiment's data, if they are loaded already.
        command: the command line, for `run.json`.
        observer: is told how the training goes on.
        programs: compiled programs of earlier trainings in this process, for this one to use and to add to.
        save_model: whether to leave the trained model, not only its history and metrics.
        trust_code: whether the user's own Python code may run.
        part: which part of the training to do; default: all of it.
        limits: when to stop it as hopeless.
        evaluate_test: whether to look at the test rows.
        hyperparameters: values by path, of a trial of a search, for TensorBoard.
        trainings: how many, this one included, can share a compiled program.

    Returns:
        The summary; a training that diverged or crashed has the status `failed`.

    Raises:
        ConfigError: the model cannot be built.
        DataError: the data cannot be used.
        NnlabError: there is nothing to go on from.
        KeyboardInterrupt: after the run was saved as `interrupted`.
    """
    part = part or Part()
    start = None if part.continues is None else load_checkpoint(part.continues)
    experiment = config.experiment
    splits = splits if splits is not None else load_data(experiment.data, seed=experiment.seed)
    # the user's own code starts from a state that is wholly new
    keep_programs = bool(programs) and not trust_code
    build = partial(
        build_seeded, experiment, splits, runs_dir=run.path.parent, trust_code=trust_code, keep_programs=keep_programs
    )
    built = build()
    choice = choose_engine(built.model, built.experiment, built.splits.train.num_rows, trainings=trainings)
    built = replace(built, experiment=_settled(built.experiment, choice))
    model, splits, experiment = built.model, built.splits, built.experiment
    better = history_columns(built.plan.outputs)
    columns = list(better)
    known = {
        "params": model.count_params(),
        "data": _data_info(splits.spec),
        "directions": directions(better, has_validation=splits.validation is not None),
    }
    info = RunInfo(run, experiment_facts(config, command), **known)
    gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
    info.facts["hardware"] |= {"threads": experiment.training.threads, "gpus": gpus}
    try:
        run.create(config=dump_config(_with_kept_code(experiment)), source=config.text)
        lock = run.lock()
        run.write_data(splits.to_json())
        if isinstance(experiment.model, SubclassedConfig) and experiment.model.is_user_code:
            run.keep_code(Path(split_class(experiment.model.class_)[0]))
        info.write()
    except OSError as error:
        run.discard()  # without `run.json` nothing would find it
        raise NnlabError(system_problem(error) or Problem(first_line(error))) from error
    except KeyboardInterrupt:
        run.discard()
        raise
    rows = () if start is None else start.rows
    best = _best_so_far(experiment, splits)
    recorder = Recorder(run, observer, epochs=experiment.training.epochs, best=best, columns=columns, rows=rows)
    stopping = None if limits is None else MedianStopping(limits)

    def chosen(choice: EngineChoice) -> None:
        info.facts["engine"] = asdict(choice)
        info.write()
        if observer is not None:
            observer.engine_chosen(choice)

    def end(status: Status, **more: Any) -> None:
        with lock:
            try:
                recorder.write()
            finally:  # a disk with no room for the history may have some for this
                info.end(status, epochs=len(recorder.rows), **more)

    try:
        if start is not None and start.is_stopped and part.keep_checkpoint:
            start.save(run)
        loop = _fit(
            built,
            run,
            recorder,
            programs,
            lambda: build().model,
            choice,
            chosen,
            part=part,
            start=start,
            stopping=stopping,
            hyperparameters=hyperparameters,
            is_saved=save_model is not False,
        )
        if stopping is not None and stopping.stopped is not None:
            info.facts["stopped"] = stopping.stopped
        epochs = _best_and_kept(model, recorder)
        info.facts |= epochs
        if save_model is True:
            _save(model, run)
        if recorder.divergence is not None:
            problem = recorder.divergence
            end("failed", diverged=True, error={"message": problem.message, "hint": problem.hint})
            return RunSummary(run, "failed", {}, recorder.rows, problem, diverged=True, epochs=epochs)
        metrics = evaluate_splits(loop, splits if evaluate_test else replace(splits, test=None), columns)
        if isinstance(save_model, KeepIf) and save_model(metrics):
            _save(model, run)
        run.write_metrics(metrics)
        end("completed")
    except KeyboardInterrupt:
        with contextlib.suppress(Exception):  # what cannot be saved any more does not hide why the training ended
            if save_model is True:
                _save(model, run)
        with contextlib.suppress(OSError):
            end("interrupted")
        raise
    except Exception as error:
        problem = _crash(error)
        facts = {"message": problem.message, "hint": problem.hint, "traceback": traceback.format_exc()}
        with contextlib.suppress(OSError):  # the folder may be gone
            end("failed", error=facts)
        return RunSummary(run, "failed", {}, recorder.rows, problem)
    return RunSummary(run, "completed", metrics, recorder.rows, epochs=epochs)


def _best_so_far(experiment: Experiment, splits: Splits) -> BestSoFar:
    """Return what finds the best epoch, also of a first phase that nothing stops early."""
    early = experiment.training.early_stopping
    if early is not None:
        return BestSoFar(early.monitor, early.mode)
    return BestSoFar("loss" if splits.validation is None else "val_loss", "min")


def _best_and_kept(model: keras.Model, recorder: Recorder) -> dict[str, Any]:
    """Return what `run.json` says of the best epoch, and of that whose weights the model has after its training."""
    facts: dict[str, Any] = {}
    if recorder.best is not None:
        best = recorder.best
        facts |= {"best_epoch": best.epoch, "monitor": best.monitor, "best_value": best.value}
        if recorder.stopping is not None and recorder.stopping.judged_from > 1:
            facts |= {"judged_from_epoch": recorder.stopping.judged_from}
    if recorder.rows:
        stopping = recorder.stopping
        restored = None if stopping is None else stopping.restored_epoch
        facts |= {"model_epoch": restored or int(recorder.rows[-1]["epoch"])}
        facts |= {"averaged_weights": averages_weights(model)}
        facts |= {"averages_validated": stopping is not None and stopping.judges_averages}
    return facts


def _settled(experiment: Experiment, choice: EngineChoice) -> Experiment:
    """Write out what `auto` has come to, so that training the config again gives the same bits anywhere."""
    settled: dict[str, Any] = {"threads": threads_used()}
    if experiment.training.engine == "fast":
        settled["jit_compile"] = choice.xla
    return replace(experiment, training=replace(experiment.training, **settled))


def _with_kept_code(experiment: Experiment) -> Experiment:
    """Name the user's class by the copy of its file in the run directory."""
    model = experiment.model
    if not (isinstance(model, SubclassedConfig) and model.is_user_code and is_file(model.class_)):
        return experiment
    file, name = split_class(model.class_)
    kept = replace(model, class_=f"{CODE_FOLDER}/{Path(file).name}:{name}")
    return replace(experiment, model=kept)


def evaluate(run: Run, split: SplitName, *, trust_code: bool = False) -> dict[str, float]:
    """Evaluate a run's saved model on one of its splits, dropout off.

    Raises:
        NnlabError: the run has no such split or no model, or its data have changed.
    """
    return evaluate_rows(run, rows_of_split(run, split), trust_code=trust_code)


def evaluate_rows(run: Run, judged: JudgedRows, *, trust_code: bool = False) -> dict[str, float]:
    """Evaluate a run's saved model on rows, dropout off.

    Raises:
        NnlabError: the run has no model.
    """
    experiment, spec = judged.experiment, judged.spec
    plan = plan_model(experiment, spec)
    rows = model_rows(experiment, spec, judged.rows, plan.outputs)
    set_threads(experiment, plan, rows)
    model = load_model(run, trust_code=trust_code)
    set_rewriting(model, experiment, spec.num_train, choose_engine(model, experiment, spec.num_train))
    figures = Evaluation(model).evaluate(rows)
    return {name: figures[name] for name in in_order(figures, list(history_columns(plan.outputs)))}


def evaluate_splits(loop: Loop, splits: Splits, columns: Sequence[str]) -> dict[str, dict[str, float] | None]:
    """Evaluate the loop's model on all splits, dropout off; `None` for a split without rows.

    Args:
        loop: the loop that has trained the model.
        splits: the rows.
        columns: the order of the figures.
    """

    def evaluated(split: Split | None) -> dict[str, float] | None:
        if split is None:
            return None
        figures = loop.evaluate(split)
        return {name: figures[name] for name in in_order(figures, columns)}

    return {
        "train": evaluated(splits.train),
        "validation": evaluated(splits.validation),
        "test": evaluated(splits.test),
    }


def _fit(
    built: Built,
    run: Run,
    recorder: Recorder,
    programs: Programs | None,
    rebuild: Callable[[], keras.Model],
    choice: EngineChoice,
    chosen: Callable[[EngineChoice], None],
    *,
    part: Part,
    start: Checkpoint | None,
    stopping: MedianStopping | None,
    hyperparameters: Mapping[str, Any] | None,
    is_saved: bool,
) -> Loop:
    """Train, in two phases if layers that were taken over are frozen at first; return the loop that trained last."""
    experiment, training = built.experiment, built.experiment.training
    last = training.epochs if part.last_epoch is None else min(part.last_epoch, training.epochs)
    first = 0 if start is None else last if start.is_stopped else min(start.epoch, last)
    callbacks: list[keras.callbacks.Callback] = []
    if training.tensorboard:
        graph = partial(forward_graph, built.model, one_or_all(built.splits.train.x))
        if programs is not None:
            graph = partial(programs.graph, program_key(experiment, built.splits), graph)
        has_validation = built.splits.validation is not None
        callbacks.append(
            tensorboard_callback(
                training.tensorboard, experiment, run, graph, hyperparameters, has_validation=has_validation
            )
        )
    if stopping is not None:
        callbacks.append(stopping)
    lowering = schedule_callbacks(experiment.schedule)

    def fit(first_epoch: int, last_epoch: int, *more: keras.callbacks.Callback) -> Loop:
        loop, used = make_loop(built.model, experiment, built.splits, choice, programs=programs, rebuild=rebuild)
        chosen(used)
        # the rate is lowered last: what is recorded is what the epoch was trained with
        every = [*callbacks, *more, recorder, *lowering]
        kept = last if part.keep_checkpoint else None
        if start is not None or kept is not None:
            every.append(Checkpointer(run, every, recorder.rows, last_epoch=kept, start=start))
        try:
            loop.fit(
                built.splits.validation,
                first_epoch=first_epoch,
                last_epoch=last_epoch,
                callbacks=every,
            )
        finally:
            if is_saved:
                loop.finish()
        return loop

    frozen = _freeze_epochs(built)
    if frozen:
        if first < frozen:
            _set_trainable(built, trainable=False)
            if start is not None:
                start.restore(built.model)
            loop = fit(first, min(frozen, last))
            is_hopeless = stopping is not None and stopping.stopped is not None
            if frozen >= last or recorder.divergence is not None or is_hopeless:
                return loop
            first = frozen
        if start is not None and start.epoch == frozen:  # the part before has not ended its phase, but for the steps
            _set_trainable(built, trainable=False)
            start.restore(built.model)
            built.model.optimizer.finalize_variable_values(built.model.trainable_weights)
        transfer = getattr(experiment.model, "transfer", None)
        assert transfer is not None
        _set_trainable(built, trainable=True, learning_rate=transfer.learning_rate_after, first_epoch=frozen)
    if start is not None and (start.epoch > frozen or not frozen):
        start.restore(built.model)
    if training.early_stopping is None:
        return fit(first, last)
    recorder.stopping = EarlyStopping(frozen_epochs=frozen, **dict(training.early_stopping.written()))
    return fit(first, last, recorder.stopping)


def _freeze_epochs(built: Built) -> int:
    transfer = getattr(built.experiment.model, "transfer", None)
    return 0 if transfer is None else min(transfer.freeze_epochs, built.experiment.training.epochs)


def _set_trainable(built: Built, *, trainable: bool, learning_rate: float | None = None, first_epoch: int = 0) -> None:
    """Freeze or free the layers that were taken over; Keras sees it once the model is compiled again."""
    for layer in built.taken:
        layer.trainable = trainable
    compile_model(
        built.model,
        built.experiment,
        built.plan,
        num_train=built.splits.spec.num_train,
        learning_rate=learning_rate,
        first_epoch=first_epoch,
    )


def _save(model: keras.Model, run: Run) -> None:
    with whole(run.model_path) as temporary:
        model.save(temporary)


def _data_info(spec: DataSpec) -> dict[str, Any]:
    targets = {output: _target_info(target) for output, target in spec.targets.items()}
    return {
        "input_shape": one_or_all({name: list(shape) for name, shape in spec.input_shapes.items()}),
        "train_rows": spec.num_train,
        "validation_rows": spec.num_validation,
        "test_rows": spec.num_test,
        **({"targets": targets} if len(targets) > 1 else only(targets)),
    }


def _target_info(target: TargetSpec) -> dict[str, Any]:
    return {"task": target.task, "class_names": list(target.class_names), "target_names": list(target.names)}


def _crash(error: Exception) -> Problem:
    refused = system_problem(error)
    if refused is not None:
        return replace(refused, message=f"training stopped: {refused.message}")
    hint = "`run.json` holds the whole traceback"
    if is_out_of_memory(error):
        hint = "memory ran out: lower `training.batch_size`, or make the model smaller"
    return Problem(f"training stopped with {type(error).__name__}: {first_line(error)}", hint=hint)
