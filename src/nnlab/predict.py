"""Predict with a saved run; with Monte-Carlo dropout, also how sure the network is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nnlab.config.by_name import UNNAMED, by_output, one_or_all, only
from nnlab.config.load import resolved
from nnlab.data.judging import JudgedRows
from nnlab.data.splits import ByName, DataSpec, in_whole
from nnlab.data.target_spec import TargetSpec
from nnlab.engine.batches import EVALUATION_BATCH_SIZE
from nnlab.engine.trained import Trained
from nnlab.engine.user_callbacks import made_callbacks
from nnlab.errors import NnlabError
from nnlab.model.answers import answers
from nnlab.model.inputs import model_inputs
from nnlab.model.objects import role_of
from nnlab.model.plan import output_meanings
from nnlab.private.keras import layers_inside, seed_generators
from nnlab.user_code import prints_apart

_RATES = ("rate", "stddev", "dropout", "recurrent_dropout")


def predict(
    trained: Trained, x: ByName, *, spec: DataSpec, mc_samples: int | None = None, seed: int | None = None
) -> dict[str, np.ndarray]:
    """Predict rows with a run's saved model.

    Classification gives `class` and a probability `p(<class>)` for each class; several labels give 0 or 1 and a
    probability for each label; regression gives each target. With several outputs, names start with `<output>.`.

    With Monte-Carlo samples the probabilities are their means, and the class or label follows from these; besides there
    are `std(<class>)` and `entropy`, that of the mean in nats (for labels the sum over all). Regression keeps the
    prediction without dropout and adds `mean(<target>)` and `std(<target>)`.

    Args:
        trained: the run's model.
        x: rows as `nnlab.data.features.read_features` gives them, `[rows, *input_shape]` by array.
        spec: what the run knows about its data.
        mc_samples: how many times to predict with dropout on; `None` for once, with dropout off.
        seed: of the dropout; default: the run's.

    Returns:
        Columns by name, each `[rows]`.

    Raises:
        NnlabError: the model has no dropout to sample, or it gives no finite numbers.

    Example:
        >>> list(predict(Trained.load(run), x, spec=data_spec(run)))
        ['class', 'p(setosa)', 'p(versicolor)', 'p(virginica)']
    """
    inputs = one_or_all(model_inputs(trained.experiment, spec, x))
    samples, plain = {}, {}
    if mc_samples is not None:
        seed = trained.experiment.seed if seed is None else seed
        samples = _meant(trained, spec, monte_carlo(trained.model, inputs, samples=mc_samples, seed=seed))
    if not samples or any(target.num_classes is None for target in spec.targets.values()):
        callbacks = made_callbacks(trained.experiment)
        with prints_apart(resolved(trained.experiment)):
            values = trained.model.predict(inputs, batch_size=EVALUATION_BATCH_SIZE, verbose=0, callbacks=callbacks)
        plain = _meant(trained, spec, values)
    columns: dict[str, np.ndarray] = {}
    for output in samples or plain:
        target = spec.target_of(output)
        if target.num_classes:
            drawn = samples[output] if samples else plain[output][None]
            named = _class_columns(drawn, target, is_mc=bool(samples))
        else:
            named = _target_columns(plain[output], samples.get(output), target)
        columns |= {f"{output}.{name}" if output else name: column for name, column in named.items()}
    return columns


def evaluate_monte_carlo(trained: Trained, judged: JudgedRows, *, samples: int) -> dict[str, float]:
    """Evaluate the mean of a run's Monte-Carlo predictions on rows (`nnlab.data.judging`).

    Returns:
        The number of `samples`; `accuracy` (classes), `binary_accuracy` (labels) or `root_mean_squared_error` of the
        mean prediction; `std`, the standard deviation between the samples, averaged over rows and outputs; `entropy` of
        the mean prediction in nats, averaged over rows. With several outputs, names start with `<output>_`.

    Raises:
        NnlabError: the model has no dropout.
    """
    spec, rows = judged.spec, in_whole(judged.rows)
    inputs = one_or_all(model_inputs(judged.experiment, spec, rows.x))
    drawn = _meant(trained, spec, monte_carlo(trained.model, inputs, samples=samples, seed=judged.experiment.seed))
    results: dict[str, float] = {"samples": samples}
    for output, values in drawn.items():
        target, y = spec.target_of(output), by_output(rows.y, output)
        figures = _class_figures(values, y, target) if target.num_classes else _target_figures(values, y)
        results |= {f"{output}_{name}" if output else name: figure for name, figure in figures.items()}
    return results


def monte_carlo(model: keras.Model, x: Any, *, samples: int, seed: int) -> Any:
    """Predict the same rows several times with dropout on (Monte-Carlo dropout).

    Only the dropout family works as in training: `Dropout`, `SpatialDropout*`, `AlphaDropout`, `GaussianDropout`,
    `GaussianNoise`, what derives from them, and the dropout inside recurrent and attention layers. These layers alone
    are called with `training=True`, the model itself with `training=False`; so batch normalization uses its moving
    statistics and leaves them alone, and augmentation, power iterations or whatever else a layer does in training stay
    off, without a list of exceptions. The model is as before afterwards, its random state too.

    Args:
        model: a built model.
        x: rows `[rows, ...]`, or arrays by input name.
        samples: how many predictions to draw for each row.
        seed: the same seed gives the same samples, for the same rows.

    Returns:
        Predictions `[samples, rows, ...]`, or such arrays by output name.

    Raises:
        NnlabError: nothing in the model is random.

    Example:
        >>> monte_carlo(model, x, samples=100, seed=0).std(axis=0)

    References:
        - [Gal & Ghahramani, 2016](https://arxiv.org/abs/1506.02142)
    """
    layers = _dropout_layers(model)
    if not layers:
        hint = "train it with `model.dropout: 0.2` or `Dropout` layers, or predict without samples"
        raise NnlabError("the model has no dropout: all Monte-Carlo samples would be equal", hint=hint)
    rows = tf.nest.map_structure(tf.convert_to_tensor, x)
    signature = tf.nest.map_structure(lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), rows)

    def sample(batch: Any) -> Any:
        first = model(batch, training=False)
        if samples == 1:
            return tf.nest.map_structure(lambda one: one[None], first)
        others = tf.map_fn(
            lambda _: model(batch, training=False),
            tf.range(1, samples),
            fn_output_signature=tf.nest.map_structure(lambda tensor: tensor.dtype, first),
            parallel_iterations=1,  # or the random states would be drawn from in any order
        )
        return tf.nest.map_structure(lambda one, more: tf.concat([one[None], more], axis=0), first, others)

    sample_compiled = tf.function(sample, input_signature=[signature])
    with _random_states(model, seed), _dropout_on(layers):
        batches = [
            tf.nest.map_structure(lambda tensor: tensor.numpy(), sample_compiled(batch))
            for batch in tf.data.Dataset.from_tensor_slices(rows).batch(EVALUATION_BATCH_SIZE)
        ]
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts, axis=1), *batches)


def _dropout_layers(model: keras.Model) -> list[Any]:
    """Return the layers with dropout that has a rate above 0."""
    return [
        layer
        for layer in layers_inside(model, itself=False)
        if (role_of(layer) == "dropout" or hasattr(layer, "recurrent_dropout"))
        and any(isinstance(rate, float | int) and rate > 0 for rate in (getattr(layer, name, 0) for name in _RATES))
    ]


@contextlib.contextmanager
def _dropout_on(layers: Iterable[Any]) -> Iterator[None]:
    """Let some layers work as in training, whatever they are called with."""
    layers = list(layers)
    for layer in layers:
        # past Keras's own `__setattr__`: this is nothing for it to track or to save
        object.__setattr__(layer, "call", _in_training(layer.call))
    try:
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")


def _in_training(call: Callable[..., Any]) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        return call(*args, **{**kwargs, "training": True})

    return called


@contextlib.contextmanager
def _random_states(model: keras.Model, seed: int) -> Iterator[None]:
    """Start every random state of the model from the seed, each differently, and put them back afterwards."""
    found = [generator for layer in layers_inside(model) for generator in seed_generators(layer)]
    generators = list({id(generator): generator for generator in found}.values())
    before = [generator.state.numpy() for generator in generators]
    starts = np.random.SeedSequence(seed).generate_state(len(generators))
    try:
        for generator, start in zip(generators, starts, strict=True):
            generator.state.assign([int(start), 0])
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.state.assign(state)


def _meant(trained: Trained, spec: DataSpec, values: Any) -> dict[str, np.ndarray]:
    """Return what predictions stand for, finite probabilities or numbers, by output; one alone has no name."""
    if isinstance(values, (list, tuple)):
        values = dict(zip(trained.model.output_names, values, strict=True))
    outputs = dict(values) if isinstance(values, Mapping) else {UNNAMED: values}
    meanings = output_meanings(trained.experiment, spec)
    for output, array in outputs.items():
        if not np.isfinite(array).all():
            where = f"output `{output}` of the model" if output else "model"
            raise NnlabError(
                f"the {where} gives NaN or infinity", hint="the training diverged, or the rows lie far out"
            )
        target, link = spec.target_of(output), meanings.get(output, only(meanings)).link
        outputs[output] = answers(array, target, link)
    return outputs


def _class_columns(samples: np.ndarray, target: TargetSpec, *, is_mc: bool) -> dict[str, np.ndarray]:
    """Name the probabilities `[samples, rows, classes]` and what follows from them."""
    mean = samples.mean(axis=0)
    columns: dict[str, np.ndarray] = {}
    if target.task == "multilabel":
        columns |= {name: (mean[:, i] > 0.5).astype(np.int32) for i, name in enumerate(target.class_names)}
    else:
        columns["class"] = np.array(target.class_names, dtype=object)[mean.argmax(axis=-1)]
    columns |= {f"p({name})": mean[:, i] for i, name in enumerate(target.class_names)}
    if is_mc:
        deviation = samples.std(axis=0)
        columns |= {f"std({name})": deviation[:, i] for i, name in enumerate(target.class_names)}
        columns["entropy"] = _entropy(mean, target)
    return columns


def _entropy(p: np.ndarray, target: TargetSpec) -> np.ndarray:
    """Return the entropy of each row's probabilities in nats; labels are independent of one another."""
    if target.task == "multilabel":
        p = np.concatenate([p, 1.0 - p], axis=-1)
    return np.asarray(-(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1)) + 0.0


def _target_columns(values: np.ndarray, samples: np.ndarray | None, target: TargetSpec) -> dict[str, np.ndarray]:
    values = values.reshape(len(values), -1)
    names = target.names
    if len(names) != values.shape[1]:  # pictures
        names = tuple(f"y{i}" for i in range(values.shape[1]))
    columns = {name: values[:, i] for i, name in enumerate(names)}
    if samples is not None:
        drawn = samples.reshape(*samples.shape[:2], -1).astype(np.float64)
        mean, deviation = drawn.mean(axis=0), drawn.std(axis=0)
        columns |= {f"mean({name})": mean[:, i] for i, name in enumerate(names)}
        columns |= {f"std({name})": deviation[:, i] for i, name in enumerate(names)}
    return columns


def _class_figures(samples: np.ndarray, y: np.ndarray, target: TargetSpec) -> dict[str, float]:
    mean = samples.mean(axis=0)
    if target.task == "multilabel":
        hits = {"binary_accuracy": float(np.mean((mean > 0.5) == (y > 0.5)))}
    else:
        hits = {"accuracy": float(np.mean(mean.argmax(axis=-1) == y.reshape(-1)))}
    return {**hits, "std": float(samples.std(axis=0).mean()), "entropy": float(_entropy(mean, target).mean())}


def _target_figures(samples: np.ndarray, y: np.ndarray) -> dict[str, float]:
    drawn = samples.reshape(*samples.shape[:2], -1).astype(np.float64)
    error = np.sqrt(np.mean(np.square(drawn.mean(axis=0) - y.reshape(len(y), -1))))
    return {"root_mean_squared_error": float(error), "std": float(drawn.std(axis=0).mean())}
