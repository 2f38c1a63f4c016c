"""What TensorBoard shows of a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from nnlab.config.components import plain
from nnlab.config.schema import Experiment
from nnlab.config.training import TensorBoardConfig
from nnlab.engine.batches import for_keras
from nnlab.engine.built import Built
from nnlab.engine.reuse import Programs, program_key
from nnlab.run import Run


def tensorboard_callback(
    config: TensorBoardConfig,
    built: Built,
    run: Run,
    *,
    hyperparameters: Mapping[str, Any],
    programs: Programs | None = None,
) -> keras.callbacks.Callback:
    """Write the run's row of the HPARAMS page and its graph; return the callback that writes the rest.

    Keras's own callback cannot find the graph of its training step any more (Keras 3 wraps it), and TensorBoard cannot
    read the layers that it writes instead.

    Args:
        config: what to write.
        built: what is trained; metrics stand beside its hyperparameters, those of validation if there are such rows.
        run: where to write it.
        hyperparameters: values by path, of a trial of a search.
        programs: keeps the graphs of earlier trainings, one of which may do.
    """
    # TensorBoard shows the metrics of the directory that holds the hyperparameters
    folder = run.tensorboard_path / ("train" if built.splits.validation is None else "validation")
    with tf.summary.create_file_writer(str(folder)).as_default():
        searched = {name: _scalar(value) for name, value in hyperparameters.items()}
        hparams.hparams({**_hyperparameters(built.experiment), **searched}, trial_id=run.label)
    if config.write_graph:
        graph = partial(_forward_graph, built.model, for_keras(built.splits.train.take(slice(1)))[0])
        kept = graph() if programs is None else programs.graph(program_key(built.experiment, built.splits), graph)
        with tf.summary.create_file_writer(str(run.tensorboard_path / "train")).as_default():
            tf.summary.graph(kept)
    return _TensorBoard(
        str(run.tensorboard_path),
        histogram_freq=config.histogram_freq,
        write_graph=False,
        profile_batch=config.profile_batch or 0,
    )


class _TensorBoard(keras.callbacks.TensorBoard):
    """Keras's callback, but for scalars: those of an epoch are written at once, not by an operation for each."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Let Keras profile; it writes the values of steps nowhere, but takes its time for it."""
        super().on_train_batch_end(batch)

    def on_test_end(self, logs: Any = None) -> None:
        """Write nothing: Keras writes the values of `epoch_...` here once more, by step instead of epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the values of the epoch, and histograms if they are asked for."""
        super().on_epoch_end(epoch)
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        validation = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        training = {name: value for name, value in (logs or {}).items() if name not in validation}
        _write_scalars(self._train_writer, {**training, "learning_rate": rate}, epoch)
        if validation:
            _write_scalars(self._val_writer, {name[4:]: value for name, value in validation.items()}, epoch)


def _write_scalars(writer: Any, values: dict[str, float], epoch: int) -> None:
    summary = Summary()
    for name, value in values.items():
        summary.MergeFrom(scalar_pb(f"epoch_{name}", value))
    with writer.as_default():
        tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=epoch)


def _forward_graph(model: keras.Model, x: Any) -> Any:
    """Return the graph of a model's forward pass on rows such as `x`."""
    forward = tf.function(lambda x: model(x, training=False))
    specs = keras.tree.map_structure(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), x)
    return forward.get_concrete_function(specs).graph.as_graph_def()


def _hyperparameters(experiment: Experiment) -> dict[str, str | int | float]:
    """Return what a row of TensorBoard's HPARAMS page shows."""
    model, training = experiment.model, experiment.training
    defaults = ("activation", "initializer", "normalization", "regularizer", "dropout")
    named = {name: getattr(model, name, None) for name in defaults}
    rate = experiment.optimizer.get("learning_rate")
    return {
        "optimizer": experiment.optimizer.name,
        **({"learning_rate": rate} if isinstance(rate, (int, float)) else {}),
        "schedule": "constant" if experiment.schedule is None else _short(experiment.schedule.plain()),
        "batch_size": training.batch_size
        if isinstance(training.batch_size, int)
        else _short(plain(training.batch_size)),
        "epochs": training.epochs,
        "seed": experiment.seed,
        **{name: _short(component.plain()) for name, component in named.items() if component is not None},
    }


def _scalar(value: Any) -> str | int | float | bool:
    """Return what the HPARAMS page can show of a value: numbers as they are, anything else as text."""
    return value if isinstance(value, (bool, int, float)) else "none" if value is None else _short(value)


def _short(plain: Any) -> str:
    if isinstance(plain, dict):
        return ", ".join(f"{name} {_short(value)}" for name, value in plain.items())
    return str(plain)
