"""What TensorBoard shows of a run."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from nnlab.config.schema import Experiment, TensorBoardConfig
from nnlab.run import Run


def tensorboard_callback(
    config: TensorBoardConfig, experiment: Experiment, run: Run, model: keras.Model, x: Any
) -> keras.callbacks.Callback:
    """Write the run's row of the HPARAMS page and its graph; return the callback that writes the rest.

    The graph is that of the model's forward pass. Keras's own callback cannot find the graph of its training step any
    more (Keras 3 wraps it), and TensorBoard cannot read the layers that it writes instead.
    """
    with tf.summary.create_file_writer(str(run.tensorboard_path)).as_default():
        hparams.hparams(_hyperparameters(experiment), trial_id=run.path.name)
    if config.write_graph:
        with tf.summary.create_file_writer(str(run.tensorboard_path / "train")).as_default():
            tf.summary.graph(_forward_graph(model, x))
    return keras.callbacks.TensorBoard(
        str(run.tensorboard_path),
        histogram_freq=config.histogram_freq,
        write_graph=False,
        profile_batch=config.profile_batch or 0,
    )


def _forward_graph(model: keras.Model, x: Any) -> Any:
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
        "batch_size": training.batch_size,
        "epochs": training.epochs,
        "seed": experiment.seed,
        **{name: _short(component.plain()) for name, component in named.items() if component is not None},
    }


def _short(plain: Any) -> str:
    if isinstance(plain, dict):
        return ", ".join(f"{name} {_short(value)}" for name, value in plain.items())
    return str(plain)
