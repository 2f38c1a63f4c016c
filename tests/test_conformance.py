"""Every object of the catalog is built from YAML, trains a step, and survives saving and dumping.

The step is taken without a compiled program, which takes longer than all else; the tests of the engines compile one of
each object. The long form compiles it here, too.

A new entry of the catalog is tested without a change here, unless it needs parameters that no rule below knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab import catalog
from nnlab.catalog import Entry
from nnlab.config.by_name import only
from nnlab.config.load import LoadedConfig, dump_config, load_config
from nnlab.data.splits import DataSpec, Split, Splits
from nnlab.data.target_spec import TargetSpec, Task

pytestmark = pytest.mark.tf

NUM_ROWS = 6

REQUIRED = {
    "cell": "{GRUCell: 3}",
    "cells": "[{LSTMCell: 3}, {GRUCell: 2}]",
    "factor": "0.3",
    "filters": "4",
    "height": "4",
    "height_factor": "0.2",
    "kernel_size": "2",
    "layer": "{Dense: 4}",
    "num_bins": "4",
    "num_classes": "3",
    "output_size": "2",
    "pool_size": "2",
    "precision": "0.5",
    "rate": "0.3",
    "recall": "0.5",
    "sensitivity": "0.5",
    "specificity": "0.5",
    "stddev": "0.2",
    "target_class_ids": "[0, 1]",
    "units": "4",
    "width": "4",
    "width_factor": "0.2",
}
"""Required parameters that mean the same wherever they stand."""

SETTINGS: dict[str, dict[str, tuple[str, str]]] = {
    "layers": {
        "Activation": ("relu", "table"),
        "Bidirectional": ("{layer: {GRU: 3}, backward_layer: {GRU: {units: 3, go_backwards: true}}}", "sequence"),
        "CategoryEncoding": ("{num_tokens: 4}", "integers"),
        "ConvLSTM1D": ("{filters: 2, kernel_size: 2}", "sequences of rows"),
        "ConvLSTM2D": ("{filters: 2, kernel_size: 2}", "sequences of images"),
        "ConvLSTM3D": ("{filters: 2, kernel_size: 2}", "sequences of volumes"),
        "Discretization": ("{num_bins: 3}", "table"),
        "Dot": ("{axes: 1}", "two inputs"),
        "EinsumDense": ("{equation: 'abc,cd->abd', output_shape: [6, 4], bias_axes: d}", "sequence"),
        "Embedding": ("{input_dim: 4, output_dim: 3}", "integers"),
        "GroupNormalization": ("{groups: 2}", "table"),
        "GroupedQueryAttention": ("{head_dim: 2, num_query_heads: 4, num_key_value_heads: 2}", "two sequences"),
        "Masking": ("{mask_value: 0}", "masked sequence"),
        "MelSpectrogram": ("{fft_length: 16, sequence_stride: 8, num_mel_bins: 4}", "signal"),
        "MultiHeadAttention": ("{num_heads: 2, key_dim: 3}", "two sequences"),
        "Permute": ("{dims: [2, 1]}", "sequence"),
        "RandomPosterization": ("{factor: 4}", "image"),
        "RepeatVector": ("{n: 2}", "table"),
        "Rescaling": ("{scale: 0.5, offset: -1}", "table"),
        "Reshape": ("{target_shape: [2, -1]}", "table"),
        "ReversibleEmbedding": ("{input_dim: 4, output_dim: 3}", "integers"),
        "STFTSpectrogram": ("{frame_length: 16, frame_step: 8, fft_length: 16}", "waves"),
    },
    "activations": {"threshold": ("{threshold: 0.1, default_value: 0}", "table")},
    "initializers": {"stft": ("{side: real}", "waves")},
    "losses": {
        "categorical_hinge": ("{}", "class scores"),
        "dice": ("{}", "one-hot"),
        "hinge": ("{}", "scores"),
        "poisson": ("{}", "numbers"),
        "squared_hinge": ("{}", "scores"),
        "tversky": ("{}", "one-hot"),
    },
    "metrics": {
        "categorical_hinge": ("{}", "class scores"),
        "f1_score": ("{average: macro}", "one-hot"),
        "f_beta_score": ("{average: macro}", "one-hot"),
        "hinge": ("{}", "scores"),
        "io_u": ("{num_classes: 3, target_class_ids: [0, 1], sparse_y_pred: false}", "classes"),
        "mean_io_u": ("{num_classes: 3, sparse_y_pred: false}", "classes"),
        "pearson_correlation": ("{axis: 0}", "numbers"),
        "poisson": ("{}", "numbers"),
        "squared_hinge": ("{}", "scores"),
        "top_k_categorical_accuracy": ("{k: 2}", "one-hot"),
    },
}
"""What the rules do not give: the parameters, and what the layer takes (or the weight that an initializer fills)."""

EXCLUDED = {
    "layers.Backbone": "it takes pictures of 32 and more pixels, and has a file of its own",
    "layers.HashedCrossing": "it takes whole numbers or texts",
    "layers.MaxNumBoundingBoxes": "it takes bounding boxes",
    "layers.StringLookup": "it takes texts",
    "layers.TextVectorization": "it takes texts",
    "losses.circle": "it learns embeddings, which are no answer",
    "losses.ctc": "its targets are sequences of classes",
}
"""Entries that no small model of float rows can have, as `kind.name`, with the reason."""

BROKEN = {
    "layers.RandomCrop": "Keras crops in training only, and the layers behind it then get another shape",
}
"""Entries that ought to work and do not, as `kind.name`, with the reason."""

RANDOM = ("MCAlphaDropout", "MCDropout")
"""Layers that are random outside of training too."""

SHAPES = {
    "table": (6,),
    "integers": (5,),
    "sequence": (6, 4),
    "masked sequence": (6, 4),
    "two inputs": (6,),
    "two sequences": (6, 4),
    "image": (8, 8, 3),
    "volume": (6, 6, 6, 2),
    "signal": (64,),
    "waves": (64, 1),
    "sequences of rows": (2, 6, 2),
    "sequences of images": (2, 4, 4, 2),
    "sequences of volumes": (2, 4, 4, 4, 1),
}
"""The shape of a row of each kind of input."""

PAGES = {
    "merging_layers": "two inputs",
    "attention_layers": "two sequences",
    "image_augmentation": "image",
    "image_preprocessing": "image",
    "recurrent_layers": "sequence",
    "accuracy_metrics": "two classes",
    "classification_metrics": "two classes",
    "hinge_": "two classes",
    "probabilistic_": "one-hot",
    "segmentation_metrics": "one-hot",
}
"""What the objects of a page of Keras's documentation take."""

NAMES = {
    "1D(Transpose)?$": "sequence",
    "2D(Transpose)?$": "image",
    "3D(Transpose)?$": "volume",
    "Cells?$": "cell",
    "^binary_": "two classes",
    "^categorical_": "one-hot",
    "^sparse_": "classes",
}
"""What an object takes by its name; this goes before the page."""

TARGETS: dict[str, tuple[Task, int, str, str]] = {
    "numbers": ("regression", 2, "softplus", "mean_squared_error"),
    "two classes": ("binary", 1, "sigmoid", "binary_crossentropy"),
    "classes": ("multiclass", 3, "softmax", "sparse_categorical_crossentropy"),
    "one-hot": ("multiclass", 3, "softmax", "categorical_crossentropy"),
    "scores": ("binary", 1, "tanh", "hinge"),
    "class scores": ("multiclass", 3, "linear", "categorical_hinge"),
}
"""What losses and metrics take: the task, the columns of the answer, its activation, and a loss that wants the same."""


@dataclass(frozen=True)
class Case:
    """An entry as a config says it, and what it takes.

    Args:
        text: what stands behind its name.
    """

    entry: Entry
    text: str
    takes: str

    def __str__(self) -> str:
        return f"{self.entry.name}: {self.text}"


def case_of(kind: str, name: str) -> Case:
    entry = catalog.entries(kind)[name]
    text, takes = SETTINGS.get(kind, {}).get(name, ("", ""))
    required = [parameter.name for parameter in entry.parameters.values() if parameter.required]
    if not text:
        unknown = [parameter for parameter in required if parameter not in REQUIRED]
        assert not unknown, f"`{name}` needs {unknown}: add it to SETTINGS"
        text = f"{{{', '.join(f'{parameter}: {REQUIRED[parameter]}' for parameter in required)}}}"
    return Case(entry, text, takes or what_it_takes(entry))


def what_it_takes(entry: Entry) -> str:
    by_name = [takes for pattern, takes in NAMES.items() if re.search(pattern, entry.name)]
    by_page = [takes for page, takes in PAGES.items() if page in (entry.url or "")]
    return [*by_name, *by_page, "numbers" if entry.kind in ("losses", "metrics") else "table"][0]


def every(kind: str) -> pytest.MarkDecorator:
    """Parametrize a test with the names of a kind."""
    names = [name for name in catalog.entries(kind) if f"{kind}.{name}" not in EXCLUDED]
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=BROKEN[f"{kind}.{name}"]))
            if f"{kind}.{name}" in BROKEN
            else name
            for name in names
        ],
    )


@pytest.fixture(autouse=True)
def _quick_clear_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the garbage of a model wait: collecting it takes longer than the model."""
    import keras

    monkeypatch.setattr(keras.utils, "clear_session", partial(keras.utils.clear_session, free_memory=False))


def rows_of(takes: str, target: str, *, num_rows: int = NUM_ROWS, branches: int = 1) -> Splits:
    """Make rows in memory, with columns of the target for each branch of a model."""
    shape = SHAPES[takes]
    task, columns, *_ = TARGETS[target]
    columns *= branches
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (num_rows, *shape)).astype(np.float32)
    if takes == "integers":
        x = rng.integers(0, 4, (num_rows, *shape)).astype(np.float32)
    y = rng.uniform(0, 1, (num_rows, columns)).astype(np.float32)
    if task == "binary":
        y = (np.arange(num_rows) % 2).astype(np.float32).reshape(-1, 1)
    if task == "multiclass":
        y = (np.arange(num_rows) % columns).astype(np.int32)
    spec = DataSpec(
        input_shapes={"": shape}, feature_names=(), num_train=num_rows, num_validation=0, num_test=0,
        targets={"": TargetSpec(task, (columns,), class_names=(), names=(), inferred_task=False)},
    )  # fmt: skip
    return Splits(Split({"": x}, {"": y}), None, None, spec)


@dataclass(frozen=True)
class Trained:
    """A model after its steps."""

    model: Any
    splits: Splits
    losses: list[float]

    def saved_and_loaded(self, folder: Path) -> Any:
        """Return the model as its file gives it back."""
        import keras

        self.model.save(folder / "model.keras")
        again = keras.saving.load_model(folder / "model.keras")
        again.run_eagerly = self.model.run_eagerly
        return again


@pytest.fixture
def trained(config: Callable[..., LoadedConfig], tmp_path: Path) -> Callable[..., Trained]:
    """Build a config, train it, and check all that every model must do."""

    def train(
        model: str,
        *,
        takes: str = "table",
        target: str = "numbers",
        more: str = "",
        steps: int = 1,
        eager: bool = False,
    ) -> Trained:
        from nnlab.engine.built import build_seeded

        experiment = config(f"{{data: iris, model: {model}{more or ', optimizer: SGD'}}}").experiment
        (tmp_path / "dump.yaml").write_text(dump_config(experiment))
        assert load_config(tmp_path / "dump.yaml").experiment == experiment
        built = build_seeded(experiment, rows_of(takes, target))
        built.model.run_eagerly = eager
        x, y = map(only, (built.splits.train.x, built.splits.train.y))
        losses = [float(built.model.train_on_batch(x, y, return_dict=True)["loss"]) for _ in range(steps)]
        assert np.isfinite(losses).all()
        return Trained(built.model, built.splits, losses)

    return train


def assert_equal_predictions(trained: Trained, folder: Path, *, random: bool = False) -> None:
    x = only(trained.splits.train.x)
    again = trained.saved_and_loaded(folder)
    expected, found = np.asarray(trained.model(x, training=False)), np.asarray(again(x, training=False))
    assert np.isfinite(expected).all()
    assert expected.shape == found.shape
    if not random:
        np.testing.assert_array_equal(expected, found)


def assert_equal_evaluation(trained: Trained, folder: Path) -> None:
    x, y = map(only, (trained.splits.train.x, trained.splits.train.y))
    again = trained.saved_and_loaded(folder)
    expected = trained.model.test_on_batch(x, y, return_dict=True)
    assert np.isfinite(list(expected.values())).all()
    assert again.test_on_batch(x, y, return_dict=True) == pytest.approx(expected)


def model_with(case: Case) -> str:
    """Return a model around a layer."""
    layer = f"RNN: {{cell: {{{case}}}}}" if case.takes == "cell" else str(case)
    if case.takes == "masked sequence":
        return f"{{layers: [{{{layer}}}, {{GRU: 3}}, {{Dense: 2}}]}}"
    if not case.takes.startswith("two "):
        return f"{{layers: [{{{layer}}}, Flatten, {{Dense: 2}}]}}"
    return f"""{{type: functional, inputs: [x], outputs: answer, layers: {{
        a: {{Dense: 4, from: x}}, b: {{Dense: 4, from: x}}, both: {{{layer}, from: [a, b]}},
        flat: {{Flatten: null, from: both}}, answer: {{Dense: 2, from: flat}}}}}}"""


def test_excluded_names_are_in_the_catalog():
    for name in (*EXCLUDED, *BROKEN, *(f"{kind}.{name}" for kind in SETTINGS for name in SETTINGS[kind])):
        assert name.partition(".")[2] in catalog.entries(name.partition(".")[0]), name


WITHOUT_KERAS_LOOP = ("AugMix", "Swish")
"""Layers that no test of the engines trains with Keras's own loop."""


@pytest.mark.proof
@every("layers")
def test_a_layer(trained, proofs, tmp_path, name):
    case = case_of("layers", name)
    takes = "sequence" if case.takes == "cell" else case.takes
    result = trained(model_with(case), takes=takes, eager=not proofs and name not in WITHOUT_KERAS_LOOP)
    assert_equal_predictions(result, tmp_path, random=name in RANDOM)


@every("activations")
def test_an_activation(trained, tmp_path, name):
    model = f"{{layers: [{{Dense: {{units: 4, activation: {{{case_of('activations', name)}}}}}}}, {{Dense: 2}}]}}"
    assert_equal_predictions(trained(model, eager=True), tmp_path)


def test_all_activations_in_one_graph(trained):
    cases = {name: case_of("activations", name) for name in catalog.entries("activations")}
    layers = ", ".join(
        f"{name}: {{Activation: {{activation: {{{case}}}}}, from: wide}}" for name, case in cases.items()
    )
    trained(f"""{{type: functional, inputs: [x], outputs: answer, layers: {{
        wide: {{Dense: 4, from: x}}, {layers},
        all: {{Concatenate: null, from: [{", ".join(cases)}]}}, answer: {{Dense: 2, from: all}}}}}}""")


@every("initializers")
def test_an_initializer(trained, tmp_path, name):
    case = case_of("initializers", name)
    layer = (
        "Conv1D: {filters: 9, kernel_size: 16, kernel_initializer"
        if case.takes == "waves"
        else "Dense: {units: 4, kernel_initializer"
    )
    layers = f"[{{{layer}: {{{case}}}}}}}, Flatten, {{Dense: 2}}]"
    assert_equal_predictions(trained(f"{{layers: {layers}}}", takes=case.takes, eager=True), tmp_path)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in ("regularizers", "constraints") for name in catalog.entries(kind)]
)
def test_a_regularizer_or_a_constraint(trained, tmp_path, kind, name):
    model = f"{{layers: [{{Dense: {{units: 4, kernel_{kind[:-1]}: {{{case_of(kind, name)}}}}}}}, {{Dense: 2}}]}}"
    assert_equal_predictions(trained(model, eager=True), tmp_path)


def answering(target: str) -> str:
    """Return a model whose answer fits the target."""
    _, columns, activation, _ = TARGETS[target]
    return f"{{layers: [{{Dense: {{units: {columns}, activation: {activation}}}}}]}}"


@every("losses")
def test_a_loss(trained, tmp_path, name):
    case = case_of("losses", name)
    result = trained(answering(case.takes), target=case.takes, more=f", training: {{loss: {{{case}}}}}", eager=True)
    assert_equal_evaluation(result, tmp_path)


def with_metrics(target: str, metrics: str) -> str:
    return f", training: {{loss: {TARGETS[target][-1]}, metrics: [{metrics}]}}"


@every("metrics")
def test_a_metric(trained, tmp_path, name):
    case = case_of("metrics", name)
    more = with_metrics(case.takes, f"{{{case}}}")
    result = trained(answering(case.takes), target=case.takes, more=more, eager=True)
    assert_equal_evaluation(result, tmp_path)


@pytest.mark.parametrize("target", list(TARGETS))
def test_all_metrics_in_one_graph(trained, target):
    cases = [case_of("metrics", name) for name in catalog.entries("metrics") if f"metrics.{name}" not in BROKEN]
    metrics = ", ".join(f"{{{case}}}" for case in cases if case.takes == target)
    trained(answering(target), target=target, more=with_metrics(target, metrics))


@every("models")
def test_a_model_class(trained, tmp_path, name):
    result = trained(f"{{type: subclassed, class: {name}, outputs: 2}}", more=", training: {loss: mean_squared_error}")
    assert_equal_predictions(result, tmp_path)


CLIPPING = ("clipnorm: 1", "clipvalue: 0.5", "global_clipnorm: 1")


@pytest.mark.proof
@pytest.mark.parametrize("clipping", CLIPPING)
@every("optimizers")
def test_an_optimizer_with_all_common_parameters(trained, proofs, tmp_path, name, clipping):
    given = f"weight_decay: 0.01, use_ema: true, ema_momentum: 0.5, gradient_accumulation_steps: 2, {clipping}"
    result = trained("{hidden: [3]}", more=f", optimizer: {{{name}: {{{given}}}}}", steps=2, eager=not proofs)
    assert_equal_predictions(result, tmp_path)
