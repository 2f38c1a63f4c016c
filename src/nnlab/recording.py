"""What a training leaves in its run directory, from its beginning to its end, whatever ends it."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import tensorflow as tf

from nnlab.config.by_name import one_or_all, only
from nnlab.config.load import LoadedConfig, code_of, dump_config
from nnlab.config.schema import Experiment
from nnlab.data.splits import DataSpec
from nnlab.data.target_spec import TargetSpec
from nnlab.engine.built import Built
from nnlab.engine.callbacks import MedianStopping, Observer, Recorder
from nnlab.engine.decision import EngineChoice
from nnlab.engine.early_stopping import BestSoFar, averages_weights
from nnlab.engine.snapshots import SnapshotRecorder
from nnlab.errors import NnlabError, Problem, first_line, is_out_of_memory, system_problem
from nnlab.model.plan import history_columns
from nnlab.objective import directions
from nnlab.run import Run, Status, copies
from nnlab.run_info import RunInfo, experiment_facts
from nnlab.snapshots import why_none
from nnlab.training_options import KeepIf, TrainingOptions
from nnlab.user_code import digest
from nnlab.writing import whole

Metrics = Mapping[str, Mapping[str, float] | None]


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
    metrics: Metrics
    history: Sequence[Mapping[str, Any]]
    problem: Problem | None = None
    diverged: bool = False
    epochs: Mapping[str, Any] = field(default_factory=dict)


class Recording:
    """Keeps a run directory while a training goes on; in a `with` statement, which ends it however the training ends.

    Args:
        config: the experiment as it was given.
        run: where to leave it; the directory is made here.
        built: what is trained.
        options: what to keep.
        observer: is told how the training goes on.
        rows: the history of the part before.

    Attributes:
        recorder: the callback that keeps the history.
        hopeless: the callback that stops a hopeless training, if there are limits.
        snapshots: the callback that looks at what the network gives, if it can be drawn; not of a trial of a study.
        summary: how it ended.

    Raises:
        NnlabError: the directory cannot be written; nothing is left of it.
    """

    def __init__(
        self,
        config: LoadedConfig,
        run: Run,
        built: Built,
        options: TrainingOptions,
        *,
        observer: Observer | None = None,
        rows: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.run = run
        self._built, self._options, self._observer = built, options, observer
        self._info = _info(config, run, built, options)
        self._begin(config)
        best, columns = _best_so_far(built), list(history_columns(built.plan.outputs))
        epochs = built.experiment.training.epochs
        self.recorder = Recorder(run, observer, epochs=epochs, best=best, columns=columns, rows=rows)
        self.hopeless = None if options.limits is None else MedianStopping(options.limits)
        self.snapshots: SnapshotRecorder | None = None
        if run.enclosing is None and why_none(built.splits.spec) is None:
            self.snapshots = SnapshotRecorder(
                run,
                built,
                best=lambda: self.recorder.best,
                last_epoch=options.last_epoch,
                before=options.continues,
                observer=observer,
            )
        self.summary = RunSummary(run, "running", {}, self.recorder.rows)

    def _begin(self, config: LoadedConfig) -> None:
        """Make the run directory, and be the one who is at work in it."""
        run = self.run
        try:
            run.create(config=_config_text(self._built.experiment), source=config.text)
            self._lock = run.lock()
            run.write_data(self._built.splits.to_json())
            run.keep_code(code_of(self._built.experiment))
            self._info.write()
        except OSError as error:
            run.discard()  # without `run.json` nothing would find it
            raise NnlabError(system_problem(error) or Problem(first_line(error))) from error
        except KeyboardInterrupt:
            run.discard()
            raise

    @property
    def is_over(self) -> bool:
        """Whether the training has diverged or is hopeless: no further phase shall follow."""
        return self.recorder.divergence is not None or (self.hopeless is not None and self.hopeless.stopped is not None)

    def engine_chosen(self, choice: EngineChoice) -> None:
        """Write down which loop trains; where XLA was refused, the config says so, too."""
        if choice.xla != self._built.choice.xla:
            self.run.rewrite_config(_config_text(choice.settle(self._built.experiment)))
        self._info.facts["engine"] = choice.facts()
        self._info.write()
        if self._observer is not None:
            self._observer.engine_chosen(choice)

    def keep_fit(self) -> None:
        """Keep what the phases have left: the best epoch, the model, and whether it diverged, which ends it."""
        if self.hopeless is not None and self.hopeless.stopped is not None:
            self._info.facts["stopped"] = self.hopeless.stopped
        epochs = _best_and_kept(self._built.model, self.recorder)
        self._info.facts |= epochs
        self.summary = replace(self.summary, epochs=epochs)
        if self.snapshots is not None:
            self.snapshots.finish(epochs.get("model_epoch"))
            if self.snapshots.failure is not None:
                self._info.facts["no_snapshots"] = self.snapshots.failure
        if self._options.save_model is True:
            self._save_model()
        problem = self.recorder.divergence
        if problem is not None:
            self._end("failed", diverged=True, error={"message": problem.message, "hint": problem.hint})
            self.summary = replace(self.summary, status="failed", problem=problem, diverged=True)

    def complete(self, metrics: Metrics) -> None:
        """Keep the metrics, and the model if they decide on that; the training has come to its end."""
        if isinstance(self._options.save_model, KeepIf) and self._options.save_model(metrics):
            self._save_model()
        self.run.write_metrics(metrics)
        self._end("completed")
        self.summary = replace(self.summary, status="completed", metrics=metrics)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Keep what is there of a training that was interrupted or crashed; a crash goes no further."""
        if isinstance(error, KeyboardInterrupt):
            with contextlib.suppress(Exception):  # what cannot be saved any more does not hide why the training ended
                if self._options.save_model is True:
                    self._save_model()
            with contextlib.suppress(Exception):
                if self.snapshots is not None:
                    self.snapshots.finish(None)
            with contextlib.suppress(OSError):
                self._end("interrupted")
        if not isinstance(error, Exception):
            return False
        problem = _crash(error)
        trace = "".join(traceback.format_exception(error))
        with contextlib.suppress(OSError):  # the folder may be gone
            self._end("failed", error={"message": problem.message, "hint": problem.hint, "traceback": trace})
        self.summary = RunSummary(self.run, "failed", {}, self.recorder.rows, problem)
        return True

    def _end(self, status: Status, **more: Any) -> None:
        with self._lock:
            try:
                self.recorder.write()
            finally:  # a disk with no room for the history may have some for this
                self._info.end(status, epochs=len(self.recorder.rows), **more)

    def _save_model(self) -> None:
        with whole(self.run.model_path) as temporary:
            self._built.model.save(temporary)


def _info(config: LoadedConfig, run: Run, built: Built, options: TrainingOptions) -> RunInfo:
    """Return what `run.json` says from the beginning."""
    has_validation = built.splits.validation is not None
    known = {
        "params": built.model.count_params(),
        "data": _data_info(built.splits.spec),
        "directions": directions(history_columns(built.plan.outputs), has_validation=has_validation),
    }
    code = code_of(built.experiment)
    if code:
        known["code"] = {copy: digest(code[file]) for file, copy in copies(code).items()}
    info = RunInfo(run, experiment_facts(config, options.command), **known)
    gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
    info.facts["hardware"] |= {"threads": built.experiment.training.threads, "gpus": gpus}
    return info


def _best_so_far(built: Built) -> BestSoFar:
    """Return what finds the best epoch, also of a first phase that nothing stops early."""
    early = built.experiment.training.early_stopping
    if early is not None:
        return BestSoFar(early.monitor, early.mode)
    return BestSoFar("loss" if built.splits.validation is None else "val_loss", "min")


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


def _config_text(experiment: Experiment) -> str:
    """Return the run's config; files of the user's code are named by their copies in the run directory."""
    return dump_config(experiment, copies(code_of(experiment)))


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
