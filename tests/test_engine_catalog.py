"""The engines over the whole catalog: `exact` is Keras's own loop bit for bit, `fast` is it to rounding.

Many components share a model, each on a branch with columns of the answer of its own: no branch sees another one, and
what differs tells by its name where. The long form lets every component meet a smaller last batch, too.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle, islice
from typing import Any

import numpy as np
import pytest

from nnlab import catalog
from nnlab.config.load import LoadedConfig
from nnlab.data.splits import Split, Splits
from test_conformance import BROKEN, CLIPPING, EXCLUDED, SHAPES, TARGETS, answering, case_of, rows_of, with_metrics
from test_schedules import CASES

pytestmark = [pytest.mark.tf, pytest.mark.slow]

NUM_ROWS = 9
ROWS_WITH_A_REST = 8
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
    monkeypatch.setattr("nnlab.engine.decision.STEPS_THAT_EARN_XLA", 0)
    gc.disable()
    yield
    gc.enable()
    gc.collect()


@pytest.fixture
def numbers(config: Callable[..., LoadedConfig], monkeypatch, proofs: bool) -> Callable[..., Numbers]:
    """Train a model with an engine; return all its variables, its optimizer's, and its history."""

    def train(
        model: str,
        engine: str,
        *,
        takes: str,
        target: str = "numbers",
        branches: int = 1,
        more: str = "",
        dtype: str = "float32",
    ) -> Numbers:
        import keras

        from nnlab.engine.built import build_seeded, make_loop
        from nnlab.engine.loops import Evaluation
        from nnlab.gradients import float64

        changes = [f"training.engine={engine}", f"training.batch_size={BATCH_SIZE}", f"training.epochs={EPOCHS}"]
        if not proofs:  # nothing is evaluated here
            monkeypatch.setattr(Evaluation, "build", _made_variables)
        experiment = config(f"{{data: iris, model: {model}{more or ', optimizer: SGD'}}}", *changes).experiment
        history: list[dict[str, float]] = []
        recorder = keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: history.append(dict(logs)))
        with float64() if dtype == "float64" else contextlib.nullcontext():
            rows = rows_of(takes, target, num_rows=ROWS_WITH_A_REST if proofs else NUM_ROWS, branches=branches)
            built = build_seeded(experiment, in_dtype(rows, dtype))
            loop, choice = make_loop(built)
            # in float64 nothing is compared with Keras's loop, so that it may take silu from `exact`
            assert choice.xla == (engine == "fast"), choice.reason
            assert dtype == "float64" or choice.used == engine, choice.reason
            loop.fit(None, epochs=range(EPOCHS), callbacks=[recorder])
        variables = [*built.model.weights, *built.model.optimizer.variables]
        logs = {f"{name} in epoch {i}": np.array(row[name]) for i, row in enumerate(history) for name in row}
        return {variable.path: np.asarray(variable) for variable in variables} | logs

    return train


def _made_variables(evaluation: Any, split: Split) -> None:
    evaluation._make_variables(evaluation._block(split.take(slice(1))))


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
    return {name.partition("/")[0].partition("_out")[0] for name in names}


def _alike(ours: np.ndarray, theirs: np.ndarray, rounding: float) -> bool:
    if not rounding or ours.dtype.kind != "f":
        return ours.tobytes() == theirs.tobytes()
    size = max(np.abs(theirs).max(initial=0), 1e-3)
    return bool(np.isfinite(ours).all() and np.abs(ours - theirs).max(initial=0) <= rounding * size)


def branches(layers: Layers, *, last: str = "Dense: 2", second: str = "", joined: bool = False) -> str:
    """Return a model with a branch for each layer: the layer, what makes a row flat, and a layer that answers.

    Every branch is an output, or they are `joined` into one: a loss takes longer to compile than many a layer. What is
    to be seen in the weights of a dense layer needs none behind it.
    """
    nodes = {"second": f"{{{second}, from: x}}"} if second else {}
    ends = []
    for name, layer in layers.items():
        if joined and layer.startswith("Dense: {units: ") and "," in layer:  # with a component
            nodes[name] = f"{{{layer}, from: x}}"
            ends.append(name)
            continue
        ends.append(f"{name}_out")
        flat = "GRU: 3" if name == "Masking" else "Flatten: {}"
        nodes[name] = f"{{{layer}, from: {'[x, second]' if second else 'x'}}}"
        nodes[f"{name}_flat"] = f"{{{flat}, from: {name}}}"
        nodes[f"{name}_out"] = f"{{{last}, from: {name}_flat}}"
    outputs = ", ".join(ends)
    if joined and len(layers) > 1:
        nodes["joined"] = f"{{Concatenate: {{}}, from: [{outputs}]}}"
        outputs = "joined"
    text = ", ".join(f"{name}: {node}" for name, node in nodes.items())
    return f"{{type: functional, inputs: [x], outputs: [{outputs}], layers: {{{text}}}}}"


LAYERS = {
    "layers": "{}",
    "activations": "Dense: {{units: 2, activation: {{{}}}}}",
    "regularizers": "Dense: {{units: 2, kernel_regularizer: {{{}}}}}",
    "constraints": "Dense: {{units: 2, kernel_constraint: {{{}}}}}",
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
            by_input.setdefault(takes, {})[name] = text.replace("units: 2", "units: 4") if name == "glu" else text
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
    return branches(layers, second=second, joined=True)


@pytest.fixture
def engines(numbers: Callable[..., Numbers]) -> Callable[..., list[Numbers]]:
    """Train the model of a group with two engines."""

    def train(layers: Layers, takes: str, *names: str, dtype: str = "float32") -> list[Numbers]:
        model = model_of(layers, takes)
        return [numbers(model, name, takes=takes, branches=len(layers), dtype=dtype) for name in names]

    return train


@pytest.mark.proof
@each_group(like_keras)
def test_exact_gives_every_bit_of_keras_own_loop(engines, takes, layers):
    assert different(*engines(layers, takes, "exact", "keras")) == set()


@pytest.mark.proof
@each_group(in_float64)
def test_fast_is_exact_to_rounding(engines, takes, layers):
    assert different(*engines(layers, takes, *BOTH, dtype="float64"), ROUNDING["float64"]) == set()


@pytest.mark.proof
@each_group(only_float32)
def test_fast_is_exact_to_rounding_in_float32_too(engines, takes, layers):
    assert different(*engines(layers, takes, *BOTH), ROUNDING["float32"]) == set()


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


def sums(numbers: Numbers) -> Iterator[str]:
    """Yield the losses of an epoch that are sums over many outputs.

    On a busy machine they were apart by the last bit in one run of four, and alike in the others, while what they are
    made of was always the same: why is not known.
    """
    return (name for name in numbers if name.startswith("loss in epoch"))


def assert_engines_agree(trained: Callable[..., Numbers], *, dtype: str = "float64") -> None:
    exact, keras = trained("exact"), trained("keras")
    assert different(exact, keras) - {*sums(exact)} == set()
    assert different(exact, keras, ROUNDING["float32"]) == set()
    theirs = exact if dtype == "float32" else trained("exact", dtype=dtype)
    assert different(trained("fast", dtype=dtype), theirs, ROUNDING[dtype]) == set()


@pytest.mark.proof
@pytest.mark.parametrize("target", TARGETS)
def test_losses(numbers, target):
    model, more = losses_of(target)
    assert_engines_agree(partial(numbers, model, takes="table", target=target, more=more))


@pytest.mark.proof
@pytest.mark.parametrize("target", TARGETS)
def test_metrics(numbers, target):
    model, more = metrics_of(target)
    trained = partial(numbers, model, takes="table", target=target, more=more)
    assert_engines_agree(trained, dtype="float32")  # top_k_categorical_accuracy takes no float64


SCHEDULES = [*{case.strip("{").partition(":")[0]: case for case in CASES}.values()]
SCHEDULES[SCHEDULES.index("performance")] = "{performance: {monitor: loss}}"


def pairs() -> Iterator[tuple[str, str, str]]:
    """Yield optimizers, ways of clipping and schedules, each as often as those of which there are most need it."""
    names = [*catalog.entries("optimizers")]
    return islice(zip(cycle(names), cycle(CLIPPING), cycle(SCHEDULES)), max(len(names), len(SCHEDULES)))


@pytest.mark.proof
@pytest.mark.parametrize(("name", "clipping", "schedule"), [*pairs()])
def test_an_optimizer_with_all_common_parameters_and_a_schedule(numbers, proofs, name, clipping, schedule):
    given = f"weight_decay: 0.01, use_ema: true, ema_momentum: 0.5, gradient_accumulation_steps: 2, {clipping}"
    more = f", optimizer: {{{name}: {{{given}}}}}, schedule: {schedule}"
    assert_engines_agree(partial(numbers, "{hidden: [3]}" if proofs else "{hidden: []}", takes="table", more=more))


def test_the_lists_name_what_is_in_the_catalog():
    for table in (ONLY_FLOAT32, WITHOUT_XLA, UNLIKE_KERAS, DRAWN_WHILE_BUILDING):
        for kind, names in table.items():
            assert names <= set(catalog.entries(kind))
    assert {case.strip("{").partition(":")[0] for case in CASES} == set(catalog.entries("schedules"))
