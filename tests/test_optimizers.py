"""Optimizers by their names in a config, held to the formulas of their papers in NumPy's float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from nnlab import catalog
from nnlab.config.components import OneOf
from nnlab.config.load import dump_config, load_config

pytestmark = pytest.mark.tf

Array = np.ndarray
EPS = 1e-7
RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=(3, 2)), RNG.normal(size=3)]
GRADIENTS = [[RNG.normal(size=weight.shape) for _ in range(4)] for weight in WEIGHTS]


@pytest.fixture(autouse=True)
def _float64():
    import keras

    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")


def stepped(plain: Any, weights: Sequence[Array] = WEIGHTS, gradients: Any = GRADIENTS) -> list[Array]:
    """Take a step with each gradient; return where the optimizer of a config then is."""
    import keras

    from nnlab.model.objects import make

    optimizer = make(OneOf("optimizers").read(plain))
    variables = [keras.Variable(weight) for weight in weights]
    optimizer.build(variables)
    for step in range(len(gradients[0])):
        optimizer.apply([keras.ops.convert_to_tensor(of_weight[step]) for of_weight in gradients])
    optimizer.finalize_variable_values(variables)  # as `fit` does at its end
    return [np.asarray(variable) for variable in variables]


def sgd(w: Array, gs: Sequence[Array], lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> Array:
    """Polyak 1964; Sutskever et al. 2013."""
    velocity = np.zeros_like(w)
    for g in gs:
        velocity = momentum * velocity - lr * g
        w = w + (momentum * velocity - lr * g if nesterov else velocity)
    return w


def adagrad(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """Duchi et al. 2011; Keras starts the sum at 0.1."""
    total = np.full_like(w, 0.1)
    for g in gs:
        total = total + g**2
        w = w - lr * g / np.sqrt(total + EPS)
    return w


def adadelta(w: Array, gs: Sequence[Array], lr: float, rho: float = 0.95) -> Array:
    """Zeiler 2012."""
    squares, changes = np.zeros_like(w), np.zeros_like(w)
    for g in gs:
        squares = rho * squares + (1 - rho) * g**2
        change = -np.sqrt(changes + EPS) / np.sqrt(squares + EPS) * g
        changes = rho * changes + (1 - rho) * change**2
        w = w + lr * change
    return w


def rmsprop(
    w: Array, gs: Sequence[Array], lr: float, rho: float = 0.9, momentum: float = 0.0, centered: bool = False
) -> Array:
    """Hinton 2012; centred: Graves 2013."""
    squares, mean, velocity = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for g in gs:
        squares = rho * squares + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g
        variance = squares - mean**2 if centered else squares
        velocity = momentum * velocity + lr * g / np.sqrt(variance + EPS)
        w = w - velocity
    return w


BETA_1, BETA_2 = 7 / 8, 127 / 128
"""Keras rounds these to float32, which 0.9 and 0.999 do not survive."""
BETAS = {"beta_1": BETA_1, "beta_2": BETA_2}


def moments(gs: Sequence[Array]) -> Any:
    """Yield t, the gradient, and the two moments of Adam before their bias is corrected."""
    m = v = np.zeros_like(gs[0])
    for t, g in enumerate(gs, 1):
        m = BETA_1 * m + (1 - BETA_1) * g
        v = BETA_2 * v + (1 - BETA_2) * g**2
        yield t, g, m, v


def adam(w: Array, gs: Sequence[Array], lr: float, decay: float = 0.0, amsgrad: bool = False) -> Array:
    """Kingma & Ba 2015, in the form at the end of section 2; AdamW: Loshchilov & Hutter 2019; Reddi et al. 2018."""
    highest = np.zeros_like(w)
    for t, _, m, v in moments(gs):
        highest = np.maximum(highest, v)
        rate = lr * np.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
        w = w - lr * decay * w
        w = w - rate * m / (np.sqrt(highest if amsgrad else v) + EPS)
    return w


def adamax(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """Kingma & Ba 2015, section 7.1."""
    largest = np.zeros_like(w)
    for t, g, m, _ in moments(gs):
        largest = np.maximum(BETA_2 * largest, abs(g))
        w = w - lr / (1 - BETA_1**t) * m / (largest + EPS)
    return w


def nadam(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """Dozat 2016, with its schedule of the momentum."""
    mu = [BETA_1 * (1 - 0.5 * 0.96**t) for t in range(len(gs) + 2)]
    for t, g, m, v in moments(gs):
        product = np.prod(mu[1 : t + 1])
        m_hat = mu[t + 1] * m / (1 - product * mu[t + 1]) + (1 - mu[t]) * g / (1 - product)
        w = w - lr * m_hat / (np.sqrt(v / (1 - BETA_2**t)) + EPS)
    return w


def lamb(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """You et al. 2020."""
    for t, _, m, v in moments(gs):
        update = m / (1 - BETA_1**t) / (np.sqrt(v / (1 - BETA_2**t)) + EPS)
        w = w - lr * np.linalg.norm(w) / np.linalg.norm(update) * update
    return w


def lion(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """Chen et al. 2023."""
    m = np.zeros_like(w)
    for g in gs:
        w = w - lr * np.sign(BETA_1 * m + (1 - BETA_1) * g)
        m = BETA_2 * m + (1 - BETA_2) * g
    return w


def adafactor(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """Shazeer & Stern 2018, algorithms 4 and 5."""

    def rms(x: Array) -> float:
        return float(np.sqrt(np.mean(x**2)))

    rows, columns, v = np.zeros(w.shape[:1]), np.zeros(w.shape[-1:]), np.zeros_like(w)
    for t, g in enumerate(gs, 1):
        beta = 1 - t**-0.8
        squares = g**2 + 1e-30
        if w.ndim == 2:
            rows = beta * rows + (1 - beta) * squares.mean(axis=1)
            columns = beta * columns + (1 - beta) * squares.mean(axis=0)
            v = np.outer(rows, columns) / rows.mean()
        else:
            v = beta * v + (1 - beta) * squares
        update = g / np.sqrt(v)
        w = w - max(1e-3, rms(w)) * min(lr, 1 / np.sqrt(t)) * update / max(1.0, rms(update))
    return w


def ftrl(w: Array, gs: Sequence[Array], lr: float, l1: float = 0.0, l2: float = 0.0) -> Array:
    """McMahan et al. 2013, algorithm 1; the penalty is `l2 * w^2`, and the sum starts at 0.1 as in Keras."""
    z, n = np.zeros_like(w), np.full_like(w, 0.1)
    for g in gs:
        sigma = (np.sqrt(n + g**2) - np.sqrt(n)) / lr
        z, n = z + g - sigma * w, n + g**2
        w = np.where(abs(z) <= l1, 0.0, -(z - np.sign(z) * l1) / (np.sqrt(n) / lr + 2 * l2))
    return w


def muon(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """Jordan 2024, with the size of steps and the weight decay of Liu et al. 2025; vectors have AdamW."""
    if w.ndim == 1:
        return adam(w, gs, lr, decay=0.004)
    velocity = np.zeros_like(w)
    for g in gs:
        velocity = 0.95 * velocity + g
        x = (g + 0.95 * velocity).T
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        w = w - lr * 0.004 * w
        w = w - lr * 0.2 * np.sqrt(max(w.shape)) * x.T
    return w


def schedule_free(w: Array, gs: Sequence[Array], lr: float) -> Array:
    """Defazio et al. 2024; what the model has is the point at which the next gradient is taken."""
    x = z = w
    for t, g, _, v in moments(gs):
        z = z - lr * g / (np.sqrt(v / (1 - BETA_2**t)) + 1e-8)
        x = x + (z - x) / t
        w = (1 - BETA_1) * z + BETA_1 * x
    return w


BROKEN = pytest.mark.xfail(
    strict=True, reason="Keras 3.15 takes the new auxiliary point where the paper has the old one"
)
FORMULAS = [
    ("sgd", sgd, {}),
    ({"SGD": {"learning_rate": 0.3, "momentum": 0.7}}, sgd, {"lr": 0.3, "momentum": 0.7}),
    ("momentum", sgd, {"momentum": 0.9}),
    ({"momentum": {"learning_rate": 0.3, "momentum": 0.5}}, sgd, {"lr": 0.3, "momentum": 0.5}),
    ({"momentum": 0.5}, sgd, {"momentum": 0.5}),
    ({"momentum": {"momentum": 0.0}}, sgd, {}),
    ("nesterov", sgd, {"momentum": 0.9, "nesterov": True}),
    ({"nesterov": 0.5}, sgd, {"momentum": 0.5, "nesterov": True}),
    ({"Adagrad": 0.3}, adagrad, {"lr": 0.3}),
    ({"Adadelta": 1.0}, adadelta, {"lr": 1.0}),
    ({"RMSprop": 0.1}, rmsprop, {"lr": 0.1}),
    ({"RMSprop": {"learning_rate": 0.1, "rho": 0.8, "momentum": 0.5, "centered": True}}, rmsprop,
     {"lr": 0.1, "rho": 0.8, "momentum": 0.5, "centered": True}),
    ({"Adam": {"learning_rate": 0.1, **BETAS}}, adam, {"lr": 0.1}),
    ({"Adam": {"learning_rate": 0.1, "amsgrad": True, **BETAS}}, adam, {"lr": 0.1, "amsgrad": True}),
    ({"AdamW": {"learning_rate": 0.1, "weight_decay": 0.05, **BETAS}}, adam, {"lr": 0.1, "decay": 0.05}),
    ({"Adamax": {"learning_rate": 0.1, **BETAS}}, adamax, {"lr": 0.1}),
    ({"Nadam": {"learning_rate": 0.1, **BETAS}}, nadam, {"lr": 0.1}),
    ({"Lamb": {"learning_rate": 0.1, **BETAS}}, lamb, {"lr": 0.1}),
    ({"Lion": {"learning_rate": 0.1, **BETAS}}, lion, {"lr": 0.1}),
    ({"Adafactor": 0.6}, adafactor, {"lr": 0.6}),
    ({"Ftrl": 0.1}, ftrl, {"lr": 0.1}),
    ({"Ftrl": {"learning_rate": 0.1, "l1_regularization_strength": 1.0, "l2_regularization_strength": 0.1}}, ftrl,
     {"lr": 0.1, "l1": 1.0, "l2": 0.1}),
    ({"Muon": {"learning_rate": 0.1, "adam_beta_1": BETA_1, "adam_beta_2": BETA_2}}, muon, {"lr": 0.1}),
    pytest.param({"ScheduleFreeAdamW": {"learning_rate": 0.1, **BETAS}}, schedule_free, {"lr": 0.1}, marks=BROKEN),
]  # fmt: skip


@pytest.mark.parametrize(
    ("plain", "formula", "parameters"), FORMULAS, ids=lambda value: getattr(value, "__name__", None) or str(value)[:60]
)
def test_four_steps_are_those_of_the_paper(plain, formula, parameters):
    expected = [formula(w, gs, **parameters) for w, gs in zip(WEIGHTS, GRADIENTS, strict=True)]
    for found, wanted in zip(stepped(plain), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-7)


def test_every_optimizer_is_held_to_a_formula():
    plains = [case.values[0] if hasattr(case, "values") else case[0] for case in FORMULAS]
    names = [OneOf("optimizers").read(plain).name for plain in plains]
    assert set(names) == set(catalog.entries("optimizers"))


def one_step(gradients: list[Any], **parameters: Any) -> list[Array]:
    """Return the gradients as clipping leaves them: plain descent at rate 1 from 0 takes them away."""
    plain = {"SGD": {"learning_rate": 1.0, **parameters}}
    zeros = [np.zeros(np.shape(gradient)) for gradient in gradients]
    return [-weight for weight in stepped(plain, zeros, [[np.asarray(gradient)] for gradient in gradients])]


def test_clipvalue_cuts_every_number_and_turns_the_gradient():
    (found,) = one_step([[0.9, 100.0]], clipvalue=1.0)
    np.testing.assert_allclose(found, [0.9, 1.0])


def test_clipnorm_shortens_each_weights_gradient_and_keeps_its_direction():
    first, second = one_step([[0.9, 100.0], [0.3]], clipnorm=1.0)
    np.testing.assert_allclose(first, [0.00899964, 0.9999595], rtol=1e-6)
    np.testing.assert_allclose(second, [0.3])


def test_global_clipnorm_shortens_all_gradients_alike():
    first, second = one_step([[3.0], [4.0]], global_clipnorm=1.0)
    np.testing.assert_allclose([first[0], second[0]], [0.6, 0.8])


def test_weight_decay_shrinks_weights_by_rate_times_decay():
    (found,) = stepped({"SGD": {"learning_rate": 0.1, "weight_decay": 0.5}}, [np.array([2.0])], [[np.zeros(1)]])
    np.testing.assert_allclose(found, [2.0 * (1 - 0.1 * 0.5)])


def test_the_moving_average_becomes_the_weights_at_the_end():
    gradients = [[np.array([1.0]), np.array([2.0])]]
    (found,) = stepped({"SGD": {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}}, [np.zeros(1)], gradients)
    np.testing.assert_allclose(found, [0.8 * -0.1 + 0.2 * -0.3])


def test_accumulated_gradients_are_averaged_into_one_step():
    gradients = [[np.array([value]) for value in (1.0, 2.0, 6.0)]]
    (found,) = stepped({"SGD": {"learning_rate": 0.1, "gradient_accumulation_steps": 3}}, [np.zeros(1)], gradients)
    np.testing.assert_allclose(found, [-0.3])


OPTIMIZER = "{{data: iris, model: {{hidden: [4]}}, optimizer: {}}}"


def test_momentum_keeps_its_name_in_the_resolved_config(config, tmp_path):
    experiment = config(OPTIMIZER.format("{nesterov: {learning_rate: 0.1}}")).experiment
    (tmp_path / "dump.yaml").write_text(dump_config(experiment))
    again = load_config(tmp_path / "dump.yaml").experiment
    assert again == experiment
    assert again.optimizer.name == "nesterov"


def test_momentum_replaces_an_sgd_that_it_is_laid_over(config, tmp_path):
    config(OPTIMIZER.format("{SGD: {learning_rate: 0.1, momentum: 0.5}}"))
    (tmp_path / "top.yaml").write_text("{extends: experiment.yaml, optimizer: {momentum: {clipnorm: 1.0}}}")
    optimizer = load_config(tmp_path / "top.yaml").experiment.optimizer
    assert (optimizer.get("momentum"), optimizer.get("learning_rate")) == (0.9, 0.01)


def test_parameters_of_momentum_can_be_set(config):
    optimizer = config(OPTIMIZER.format("momentum"), "optimizer.learning_rate=0.5").experiment.optimizer
    assert (optimizer.name, optimizer.get("learning_rate"), optimizer.get("momentum")) == ("momentum", 0.5, 0.9)
