"""The engines over the whole catalog: `exact` is Keras's own loop bit for bit, `fast` is it to rounding.

Many components share a model, each on a branch with an output and a loss of its own: no branch sees another one, and
what differs tells by its name where.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle

import numpy as np
import pytest

import test_conformance as conformance
from nnlab import catalog
from nnlab.config.load import LoadedConfig
from nnlab.data.splits import Split, Splits
from test_conformance import BROKEN, CLIPPING, EXCLUDED, SHAPES, TARGETS, answering, case_of, rows_of, with_metrics
from test_schedules import CASES as SCHEDULES

pytestmark = [pytest.mark.tf, pytest.mark.slow]

NUM_ROWS = 8
BATCH_SIZE = 3
EPOCHS = 2

ROUNDING = {"float32": 2e-5, "float64": 1e-10}
"""How far `fast` may be from `exact` after an epoch or two, relative to the largest number of a variable."""

GOES_WITHOUT_XLA = (
    *("Conv", "Pool", "RNN", "LSTM", "GRU", "Bidirectional", "Masking"),
    *("Random", "Dropout", "Noise", "NoisyReLU", "Mix", "RandAugment", "Solarization"),
)
"""Parts of the names of layers that are faster without XLA, which they share a model with, or random."""

ONLY_FLOAT32 = {
    "layers": {
        *("AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D", "AveragePooling3D", "MaxPooling3D"),
        *("MelSpectrogram", "Resizing"),
    },
    "regularizers": {"OrthogonalRegularizer"},
}
"""Components that do not compute in float64, or not all of the way."""

WITHOUT_XLA = {
    "layers": {
        *(
            "AugMix",
            "CategoryEncoding",
            "CutMix",
            "Hashing",
            "IntegerLookup",
            "MixUp",
            "RandAugment",
            "RandomElasticTransform",
        ),
        *("RandomPerspective", "RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"),
    },
}
"""Components that use an operation of TensorFlow's which XLA does not have."""

UNLIKE_KERAS = {"layers": {"Swish"}, "activations": {"approximate_gelu", "gelu", "silu", "Swish"}}
"""Components that Keras's own loop trains under `exact` (see `_is_computed_otherwise`)."""

DRAWN_WHILE_BUILDING = {"layers": {"AugMix"}}
"""Components that draw with Python's `random` while TensorFlow makes the program: another program, other numbers."""

BOTH = ("fast", "exact")
Layers = dict[str, str]
Numbers = Mapping[str, np.ndarray]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let garbage wait until a test is over, and XLA come to models however short its training."""
    import keras

    monkeypatch.setattr(keras.utils, "clear_session", partial(keras.utils.clear_session, free_memory=False))
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    monkeypatch.setattr(conformance, "NUM_ROWS", NUM_ROWS)
    gc.disable()
    yield
    gc.enable()
    gc.collect()


@pytest.fixture
def numbers(config: Callable[..., LoadedConfig]) -> Callable[..., Numbers]:
    """Train a model with an engine; return all its variables, its optimizer's, and its history."""

    def train(
        model: str, engine: str, *, takes: str, target: str = "numbers", more: str = "", dtype="float32"
    ) -> Numbers:
        import keras

        from nnlab.engine.built import build_seeded, make_loop
        from nnlab.gradients import float64

        changes = [f"training.engine={engine}", f"training.batch_size={BATCH_SIZE}", f"training.epochs={EPOCHS}"]
        experiment = config(f"{{data: iris, model: {model}{more or ', optimizer: SGD'}}}", *changes).experiment
        history: list[dict[str, float]] = []
        recorder = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: history.append(dict(logs)))
        with float64() if dtype == "float64" else contextlib.nullcontext():
            built = build_seeded(experiment, in_dtype(rows_of(takes, target), dtype))
            loop, choice = make_loop(built)
            # in float64 nothing is compared with Keras's loop, so that it may take silu from `exact`
            assert choice.xla == (engine == "fast"), choice.reason
            assert dtype == "float64" or choice.used == engine, choice.reason
            loop.fit(None, epochs=range(EPOCHS), callbacks=[recorder])
        variables = [*built.model.weights, *built.model.optimizer.variables]
        logs = {f"{name} in epoch {i}": np.array(row[name]) for i, row in enumerate(history) for name in row}
        return {variable.path: np.asarray(variable) for variable in variables} | logs

    return train


def in_dtype(splits: Splits, dtype: str) -> Splits:
    import keras

    def converted(array: np.ndarray) -> np.ndarray:
        return array.astype(dtype) if array.dtype == np.float32 else array

    rows = keras.tree.map_structure(converted, (splits.train.x, splits.train.y))
    return Splits(Split(*rows), None, None, splits.spec)


def different(ours: Numbers, theirs: Numbers, rounding: float = 0.0) -> set[str]:
    """Return the branches in which anything differs by more than rounding, or with no rounding at all in any bit."""
    assert ours.keys() == theirs.keys()
    names = [name for name in ours if not _alike(ours[name], theirs[name], rounding)]
    return {name.partition("/")[0].partition("_out")[0] for name in names if not name.startswith("loss ")}


def _alike(ours: np.ndarray, theirs: np.ndarray, rounding: float) -> bool:
    if not rounding or ours.dtype.kind != "f":
        return ours.tobytes() == theirs.tobytes()
    size = max(np.abs(theirs).max(initial=0), 1e-3)
    return bool(np.isfinite(ours).all() and np.abs(ours - theirs).max(initial=0) <= rounding * size)


def branches(layers: Layers, *, last: str = "Dense: 2", second: str = "") -> str:
    """Return a model with a branch for each layer: the layer, what makes a row flat, and a layer that answers."""
    nodes = {"second": f"{{{second}, from: x}}"} if second else {}
    for name, layer in layers.items():
        flat = "GRU: 3" if name == "Masking" else "Flatten: {}"
        nodes[name] = f"{{{layer}, from: {'[x, second]' if second else 'x'}}}"
        nodes[f"{name}_flat"] = f"{{{flat}, from: {name}}}"
        nodes[f"{name}_out"] = f"{{{last}, from: {name}_flat}}"
    text = ", ".join(f"{name}: {node}" for name, node in nodes.items())
    outputs = ", ".join(f"{name}_out" for name in layers)
    return f"{{type: functional, inputs: [x], outputs: [{outputs}], layers: {{{text}}}}}"


LAYERS = {
    "layers": "{}",
    "activations": "Dense: {{units: 4, activation: {{{}}}}}",
    "regularizers": "Dense: {{units: 4, kernel_regularizer: {{{}}}}}",
    "constraints": "Dense: {{units: 4, kernel_constraint: {{{}}}}}",
}
"""A layer with a component of each kind."""


def groups() -> Iterator[tuple[str, str, Layers]]:
    """Yield a kind, what it takes, and the layers to put side by side."""
    for kind, layer in LAYERS.items():
        by_input: dict[str, Layers] = {}
        for name in catalog.entries(kind):
            if f"{kind}.{name}" in (*EXCLUDED, *BROKEN):
                continue
            case = case_of(kind, name)
            text = f"RNN: {{cell: {{{case}}}}}" if case.takes == "cell" else layer.format(case)
            takes = {"cell": "sequence", "classes": "table"}.get(case.takes, case.takes)
            by_input.setdefault(takes, {})[name] = text
        for takes, layers in by_input.items():
            yield kind, takes, layers


def each_group(kept: Callable[[str, Layers], Layers]) -> pytest.MarkDecorator:
    """Parametrize a test with the groups, as far as their components are to be compared."""
    cases = [
        pytest.param(takes, chosen, id=f"{kind} of {takes}")
        for kind, takes, layers in groups()
        if (chosen := kept(kind, layers))
    ]
    return pytest.mark.parametrize(("takes", "layers"), cases)


def without(kind: str, layers: Layers, *left_out: Mapping[str, set[str]]) -> Layers:
    names = set().union(*(table.get(kind, set()) for table in left_out))
    return {name: layer for name, layer in layers.items() if name not in names}


def like_keras(kind: str, layers: Layers) -> Layers:
    return without(kind, layers, UNLIKE_KERAS, DRAWN_WHILE_BUILDING)


def in_float64(kind: str, layers: Layers) -> Layers:
    return with_xla(without(kind, layers, WITHOUT_XLA, ONLY_FLOAT32))


def only_float32(kind: str, layers: Layers) -> Layers:
    return with_xla({name: layer for name, layer in layers.items() if name in ONLY_FLOAT32.get(kind, set())})


def with_xla(layers: Layers) -> Layers:
    return {name: layer for name, layer in layers.items() if not any(part in name for part in GOES_WITHOUT_XLA)}


def model_of(layers: Layers, takes: str) -> str:
    second = f"Dense: {SHAPES[takes][-1]}" if takes.startswith("two ") else ""
    return branches(layers, second=second)


@each_group(like_keras)
def test_exact_gives_every_bit_of_keras_own_loop(numbers, takes, layers):
    model = model_of(layers, takes)
    assert different(numbers(model, "exact", takes=takes), numbers(model, "keras", takes=takes)) == set()


@each_group(in_float64)
def test_fast_is_exact_to_rounding(numbers, takes, layers):
    ours, theirs = (numbers(model_of(layers, takes), engine, takes=takes, dtype="float64") for engine in BOTH)
    assert different(ours, theirs, ROUNDING["float64"]) == set()


@each_group(only_float32)
def test_fast_is_exact_to_rounding_in_float32_too(numbers, takes, layers):
    ours, theirs = (numbers(model_of(layers, takes), engine, takes=takes) for engine in BOTH)
    assert different(ours, theirs, ROUNDING["float32"]) == set()


def answers(target: str) -> str:
    """Return a layer whose answer fits the target."""
    _, columns, activation, _ = TARGETS[target]
    return f"Dense: {{units: {columns}, activation: {activation}}}"


def losses_of(target: str) -> tuple[str, str]:
    """Return a model with a branch for each loss that takes the target, and the losses by output."""
    cases = {name: case_of("losses", name) for name in catalog.entries("losses") if f"losses.{name}" not in EXCLUDED}
    cases = {name: case for name, case in cases.items() if case.takes == target}
    losses = ", ".join(f"{name}_out: {{{case}}}" for name, case in cases.items())
    return branches(dict.fromkeys(cases, "Dense: 3"), last=answers(target)), f", training: {{loss: {{{losses}}}}}"


def metrics_of(target: str) -> tuple[str, str]:
    """Return a model, and all metrics that take the target."""
    cases = (case_of("metrics", name) for name in catalog.entries("metrics"))
    return answering(target), with_metrics(target, ", ".join(f"{{{case}}}" for case in cases if case.takes == target))


def assert_engines_agree(trained: Callable[..., Numbers], *, dtype: str = "float64") -> None:
    assert different(trained("exact"), trained("keras")) == set()
    ours, theirs = (trained(engine, dtype=dtype) for engine in BOTH)
    assert different(ours, theirs, ROUNDING[dtype]) == set()


@pytest.mark.parametrize("target", TARGETS)
def test_losses(numbers, target):
    model, more = losses_of(target)
    assert_engines_agree(partial(numbers, model, takes="table", target=target, more=more))


@pytest.mark.parametrize("target", TARGETS)
def test_metrics(numbers, target):
    model, more = metrics_of(target)
    trained = partial(numbers, model, takes="table", target=target, more=more)
    assert_engines_agree(trained, dtype="float32")  # top_k_categorical_accuracy takes no float64


@pytest.mark.parametrize(("name", "clipping"), [*zip(catalog.entries("optimizers"), cycle(CLIPPING), strict=False)])
def test_an_optimizer_with_all_common_parameters(numbers, name, clipping):
    given = f"weight_decay: 0.01, use_ema: true, ema_momentum: 0.5, gradient_accumulation_steps: 2, {clipping}"
    assert_engines_agree(partial(numbers, "{hidden: [3]}", takes="table", more=f", optimizer: {{{name}: {{{given}}}}}"))


@pytest.mark.parametrize("schedule", {case.strip("{").partition(":")[0]: case for case in SCHEDULES}.values())
def test_a_schedule(numbers, schedule):
    schedule = "{performance: {monitor: loss}}" if schedule == "performance" else schedule
    more = f", optimizer: adam, schedule: {schedule}"
    assert_engines_agree(partial(numbers, "{hidden: [3]}", takes="table", more=more))


def test_the_lists_name_what_is_in_the_catalog():
    for table in (ONLY_FLOAT32, WITHOUT_XLA, UNLIKE_KERAS, DRAWN_WHILE_BUILDING):
        for kind, names in table.items():
            assert names <= set(catalog.entries(kind))
    assert {case.strip("{").partition(":")[0] for case in SCHEDULES} == set(catalog.entries("schedules"))
