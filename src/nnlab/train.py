"""Train and evaluate: the only place that calls Keras's `fit`."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import keras
import tensorflow as tf

from nnlab.config.load import LoadedConfig, dump_config, load_config
from nnlab.config.schema import Experiment
from nnlab.data.batches import EpochBatches, evaluation_batches
from nnlab.data.loading import load_data
from nnlab.data.splits import DataSpec, Split, Splits
from nnlab.environment import git_commit, hardware, versions
from nnlab.errors import NnlabError, Problem, one_of
from nnlab.layers.callbacks import Observer, Recorder
from nnlab.layers.event_files import tensorboard_callback
from nnlab.model.build import build_model
from nnlab.model.inputs import model_splits
from nnlab.model.plan import Plan, plan_model, with_plan
from nnlab.run import Run, Status

SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Args:
        metrics: loss and metrics of the final model on each split; empty if the run failed.
        problem: why it failed, if it did.
        history: one row an epoch.
    """

    run: Run
    status: Status
    metrics: Mapping[str, Mapping[str, float] | None]
    history: Sequence[Mapping[str, Any]]
    problem: Problem | None = None


def train(
    config: LoadedConfig,
    run: Run,
    *,
    splits: Splits | None = None,
    command: Sequence[str] = (),
    observer: Observer | None = None,
) -> RunSummary:
    """Train the experiment of a config, evaluate the final model, and leave everything in the run's directory.

    The same config and seed give the same weights, bit for bit, on the same machine and versions.

    Args:
        config: the experiment.
        run: where to leave it; the directory is made once the model is built, so that a broken config leaves none.
        splits: the experiment's data, if they are loaded already.
        command: the command line, for `run.json`.
        observer: is told how the training goes on.

    Returns:
        The summary; a training that diverged or crashed has the status `failed`.

    Raises:
        ConfigError: the model cannot be built.
        DataError: the data cannot be used.
        KeyboardInterrupt: after the run was saved as `interrupted`.
    """
    experiment = config.experiment
    splits = splits if splits is not None else load_data(experiment.data, seed=experiment.seed)
    model, plan, splits = build_seeded(experiment, splits)
    experiment = with_plan(experiment, splits.spec, plan)
    run.create(config=dump_config(experiment), source=config.text)
    started = datetime.now().astimezone()
    info = {
        "name": experiment.name,
        "status": "running",
        "command": list(command),
        "overrides": list(config.overrides),
        "seed": experiment.seed,
        "started": started.isoformat(timespec="seconds"),
        "params": model.count_params(),
        "data": _data_info(splits.spec),
        "versions": versions(),
        "git_commit": git_commit(Path.cwd()),
        "hardware": {
            **hardware(),
            "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
        },
    }
    run.write_info(info)
    recorder = Recorder(run, observer)

    def end(status: Status, **more: Any) -> None:
        finished = datetime.now().astimezone()
        seconds = round((finished - started).total_seconds(), 3)
        ended = {"status": status, "finished": finished.isoformat(timespec="seconds"), "seconds": seconds}
        run.write_info({**info, **ended, "epochs": len(recorder.rows), **more})

    try:
        _fit(model, experiment, splits, run, recorder)
        _save(model, run)
        if recorder.divergence is not None:
            problem = recorder.divergence
            end("failed", error={"message": problem.message, "hint": problem.hint})
            return RunSummary(run, "failed", {}, recorder.rows, problem)
        metrics = evaluate_splits(model, splits)
        run.write_metrics(metrics)
    except KeyboardInterrupt:
        _save(model, run)
        end("interrupted")
        raise
    except Exception as error:
        problem = _crash(error)
        end(
            "failed",
            error={"message": problem.message, "hint": problem.hint, "traceback": traceback.format_exc()},
        )
        return RunSummary(run, "failed", {}, recorder.rows, problem)
    end("completed")
    return RunSummary(run, "completed", metrics, recorder.rows)


def build_seeded(experiment: Experiment, splits: Splits) -> tuple[keras.Model, Plan, Splits]:
    """Build the experiment's model with the weights that its seed gives.

    Args:
        experiment: the typed config.
        splits: the data as loaded.

    Returns:
        The compiled model, its plan, and the data as the model takes and gives them.
    """
    plan = plan_model(experiment, splits.spec)
    splits = model_splits(experiment, splits, tuple(output.name for output in plan.outputs))
    keras.utils.clear_session()  # layer names count from the start again, whatever was built before
    keras.utils.set_random_seed(experiment.seed)
    tf.config.experimental.enable_op_determinism()
    return build_model(experiment, splits, plan), plan, splits


def evaluate(run: Run, split: SplitName) -> dict[str, float]:
    """Evaluate a run's saved model on one of its splits, dropout off.

    Raises:
        NnlabError: the run has no such split, or no model.
    """
    config = load_config(run.config_path)
    experiment = config.experiment
    splits = load_data(experiment.data, seed=experiment.seed)
    plan = plan_model(experiment, splits.spec)
    splits = model_splits(experiment, splits, tuple(output.name for output in plan.outputs))
    chosen: Split | None = getattr(splits, split)
    if chosen is None:
        there = [name for name in ("train", "validation", "test") if getattr(splits, name) is not None]
        raise NnlabError(f"the run has no {split} rows", hint=f"it has {one_of(there)}")
    return _evaluated(load_model(run), chosen)


def load_model(run: Run) -> keras.Model:
    """Load a run's saved model.

    Raises:
        NnlabError: there is none, or Keras cannot read it.
    """
    if not run.model_path.exists():
        hint = "the run did not get that far; `nnlab runs show` says how it ended"
        raise NnlabError(f"`{run.path}` has no `{run.model_path.name}`", hint=hint)
    try:
        return keras.saving.load_model(run.model_path)
    except (ValueError, TypeError, OSError) as error:
        raise NnlabError(f"`{run.model_path}` cannot be loaded: {error}") from error


def evaluate_splits(model: keras.Model, splits: Splits) -> dict[str, dict[str, float] | None]:
    """Evaluate a model on all splits, dropout off; `None` for a split without rows."""
    return {
        "train": _evaluated(model, splits.train),
        "validation": _evaluated(model, splits.validation) if splits.validation is not None else None,
        "test": _evaluated(model, splits.test) if splits.test is not None else None,
    }


def _evaluated(model: keras.Model, split: Split) -> dict[str, float]:
    results = model.evaluate(evaluation_batches(split), verbose=0, return_dict=True)
    names = sorted(results, key=lambda name: name != "loss")
    return {name: float(results[name]) for name in names}


def _fit(model: keras.Model, experiment: Experiment, splits: Splits, run: Run, recorder: Recorder) -> None:
    training = experiment.training
    batches = EpochBatches(splits.train, splits.spec, batch_size=training.batch_size, seed=experiment.seed)
    callbacks: list[keras.callbacks.Callback] = [batches]
    if training.tensorboard:
        callbacks.append(tensorboard_callback(training.tensorboard, experiment, run, model, splits.train.x))
    if training.early_stopping is not None:
        callbacks.append(keras.callbacks.EarlyStopping(**training.early_stopping.model_dump()))
    callbacks.append(recorder)
    model.fit(
        batches.dataset,
        epochs=training.epochs,
        validation_data=evaluation_batches(splits.validation) if splits.validation is not None else None,
        callbacks=callbacks,
        shuffle=False,  # the batches come shuffled
        verbose=0,
    )


def _save(model: keras.Model, run: Run) -> None:
    temporary = run.model_path.with_name(".model.tmp.keras")
    model.save(temporary)
    temporary.replace(run.model_path)


def _data_info(spec: DataSpec) -> dict[str, Any]:
    return {
        "task": spec.task,
        "input_shape": list(spec.input_shape),
        "train_rows": spec.num_train,
        "validation_rows": spec.num_validation,
        "test_rows": spec.num_test,
        "class_names": list(spec.class_names),
        "target_names": list(spec.target_names),
    }


def _crash(error: Exception) -> Problem:
    text = str(error).strip()
    first = text.splitlines()[0] if text else type(error).__name__
    hint = "`run.json` holds the whole traceback"
    if isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError)):
        hint = "memory ran out: lower `training.batch_size`, or make the model smaller"
    return Problem(f"training stopped with {type(error).__name__}: {first}", hint=hint)
