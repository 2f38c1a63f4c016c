from __future__ import annotations

import json

import numpy as np
import pytest

from nnlab.cli import main
from nnlab.config.load import load_config
from nnlab.data.loading import load_data
from nnlab.errors import NnlabError
from samples import DIGITS

pytestmark = pytest.mark.tf

WEIGHTED = """
data: {source: iris, class_weight: {0: 1, 1: 3, 2: 1}}
model: {hidden: [6], activation: tanh, regularizer: {L2: 0.1}, dropout: 0.2}
training: {batch_size: 16}
"""
TWO_OUTPUTS = """
data: {source: diabetes, scale: standardize}
model:
  type: functional
  inputs: {wide: {features: [0, 1, 2, 3]}, deep: {features: [4, 5, 6, 7, 8, 9]}}
  layers:
    hidden: {Dense: {units: 8, activation: relu}, from: deep}
    both: {Concatenate: {}, from: [wide, hidden]}
    main: {Dense: 1, from: both}
    aux: {Dense: 1, from: hidden}
  outputs: [main, aux]
training: {batch_size: 16, loss: {main: mse, aux: mae}, loss_weights: {main: 0.25, aux: 2}}
"""
WEIGHTED_OUTPUTS = """
data: {source: iris, class_weight: {0: 1, 1: 3, 2: 1}}
model:
  type: functional
  inputs: [x]
  layers:
    main: {Dense: {units: 3, activation: softmax}, from: x}
    aux: {Dense: {units: 3, activation: softmax}, from: x}
  outputs: [main, aux]
training: {batch_size: 16}
"""
PARABOLA = """
data: {source: npz, path: rows.npz, task: regression, validation: 0, test: 0}
model: {layers: [{Dense: {units: 1, use_bias: false, kernel_initializer: {Constant: 10.0}}}]}
training: {loss: mse, metrics: []}
"""


def run_test(loaded, *, lowest, highest, **options):
    from nnlab.find_lr import range_test

    experiment = loaded.experiment
    splits = load_data(experiment.data, seed=experiment.seed)
    return range_test(experiment, splits, between=(lowest, highest), **options)


@pytest.fixture
def find_lr(capfd, tmp_path, monkeypatch):
    """Run the command in an empty folder; return its code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            main(["find-lr", *map(str, arguments)])
        out, err = capfd.readouterr()
        return end.value.code, out, err

    return run


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_parabola_turns_where_theory_says_that_gradient_descent_diverges(config, tmp_path, momentum):
    # x is 1 or -1, so each batch's loss (x w - y)^2 has the curvature 2: stable below 2 (1 + momentum) / 2
    random = np.random.default_rng(0)
    x = random.choice([-1.0, 1.0], size=(320, 1))
    np.savez(tmp_path / "rows.npz", x=x, y=random.normal(size=320))
    loaded = config(PARABOLA, f"optimizer={{SGD: {{momentum: {momentum}}}}}")
    result = run_test(loaded, lowest=1e-4, highest=10.0, steps=1000)
    assert 1 + momentum < result.turning_point < 1.35 * (1 + momentum)  # growing takes a while
    assert result.diverged
    assert result.steepest < result.suggestion < result.turning_point


@pytest.mark.parametrize(
    "text",
    [WEIGHTED, TWO_OUTPUTS, WEIGHTED_OUTPUTS],
    ids=["weights_and_penalty", "two_outputs", "weights_of_two_outputs"],
)
def test_the_losses_are_those_of_kerass_own_steps_with_these_rates(config, text):
    import keras

    from nnlab.engine.batches import epoch_permutation, for_training
    from nnlab.engine.built import build_seeded

    loaded = config(text)
    result = run_test(loaded, lowest=1e-3, highest=0.1, steps=60)
    experiment = loaded.experiment
    built = build_seeded(experiment, load_data(experiment.data, seed=experiment.seed))
    rows, number = for_training(built.splits.train, built.model), built.splits.train.count
    assert len(rows) == (3 if "class_weight" in text else 2)
    whole = number // 16
    for step, (rate, loss) in enumerate(zip(result.rates, result.losses, strict=True)):
        order = epoch_permutation(experiment.seed, step // whole, number)[step % whole * 16 :][:16]
        built.model.reset_metrics()
        built.model.optimizer.learning_rate = rate
        batch = keras.tree.map_structure(lambda array, order=order: array[order], rows)
        assert built.model.train_on_batch(*batch, return_dict=True)["loss"] == pytest.approx(loss, rel=1e-4)


def test_layers_that_training_freezes_at_first_stay_frozen(config, digits_run):
    text = f"""
    data: {{source: digits, scale: 16}}
    model: {{transfer: {{from: {digits_run.run.path}, freeze_epochs: %d}}, hidden: []}}
    """
    frozen, free = (run_test(config(text % epochs), lowest=0.01, highest=1.0, steps=60) for epochs in (1, 0))
    assert frozen.losses[0] == free.losses[0]
    assert max(frozen.losses) < max(free.losses)


OWN_MODEL = """
import keras
class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = keras.layers.Dense(3, activation="softmax")
    def call(self, x):
        return self.last(x / {divisor})
    {more}
"""


@pytest.fixture
def own_model(config, tmp_path):
    """Write a class of the user's own, and load a config that names it."""

    def load(divisor="8", more=""):
        (tmp_path / "mine.py").write_text(OWN_MODEL.format(divisor=divisor, more=more))
        return config(
            "data: iris\nmodel: {type: subclassed, class: mine.py:Mine}\n"
            "training: {loss: sparse_categorical_crossentropy}"
        )

    return load


def test_a_model_that_cannot_be_compiled_is_tested_step_by_step_with_the_same_losses(own_model):
    options = {"lowest": 1e-3, "highest": 10.0, "steps": 60, "trust_code": True}
    compiled = run_test(own_model(), **options)
    by_step = run_test(own_model(divisor="float(max(x.numpy().max(), 8))"), **options)
    assert by_step.losses == pytest.approx(compiled.losses, rel=1e-4)
    assert min(compiled.losses) < 0.9 * compiled.losses[0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return {}", "the `train_step` of `Mine` gives no `loss`"),
        ("raise ValueError('no\\nway')", "the range test stopped with ValueError: no"),
    ],
)
def test_what_is_wrong_with_a_step_of_the_users_own_is_said(own_model, body, message):
    loaded = own_model(more=f"def train_step(self, data): {body}")
    with pytest.raises(NnlabError, match=f"^{message}$"):
        run_test(loaded, lowest=1e-3, highest=10.0, steps=60, trust_code=True)


def test_the_command_shows_both_rules_and_leaves_nothing_but_the_plot(find_lr, write_config):
    path = write_config(DIGITS)
    code, out, _ = find_lr(path, "--plot", "curve.svg")
    assert code == 0
    assert "⠉" in out
    assert "steepest descent  0.00" in out
    assert "(a tenth of it: 0.0" in out
    assert "half-way between the two on a logarithmic scale" in out
    assert path.read_text().strip() == DIGITS.strip()
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["curve.svg", path.name]


def test_json_is_one_document_and_write_puts_the_suggestion_into_the_file(find_lr, write_config):
    path = write_config(DIGITS.replace("0.005}}", "0.005}}  # a guess"))
    code, out, _ = find_lr(path, "--json", "--write")
    document = json.loads(out)
    assert code == 0
    assert list(document)[:3] == ["suggestion", "rates", "losses"]
    assert len(document["rates"]) == len(document["losses"]) == len(document["smoothed"])
    assert 0.001 < document["suggestion"] < 0.1
    assert f"{{learning_rate: {document['suggestion']}}}}}  # a guess" in path.read_text()
    assert load_config(path).experiment.optimizer.parameters == {"learning_rate": document["suggestion"]}


def test_without_a_suggestion_the_reason_is_said_and_nothing_written(find_lr, write_config):
    path = write_config(DIGITS)
    before = path.read_text()
    code, out, err = find_lr(path, "-S", "model.initializer=zeros", "--write", "-q")
    assert (code, path.read_text()) == (1, before)
    assert out.startswith("no suggestion: the loss never falls clearly below where it starts (2.3")
    assert "nothing was written, since there is no suggestion" in err


def test_bad_rates_and_another_optimizer_are_refused_before_anything_is_trained(find_lr, write_config):
    path = write_config(DIGITS)
    assert find_lr(path, "--min", "1", "--max", "0.1")[::2] == (
        2,
        "the rates from 1 to 0.1 are no range\n"
        "  hint: give two positive numbers, the smaller one first: `--min 1e-6 --max 10`\n",
    )
    code, _, err = find_lr(path, "--write", "-S", "optimizer=sgd")
    assert code == 2
    assert "a rate that was tested with another optimizer than its own" in err


RATES = np.geomspace(1e-4, 1.0, 400)


def read(losses):
    from nnlab.find_lr import read_curve

    return read_curve(RATES, losses)


def valley(rates, *, begins=3e-3, ends=0.3):
    return 2 - 1.5 / (1 + begins / rates) + (rates / ends) ** 4


def test_a_clean_valley_is_read_exactly():
    result = read(valley(RATES))
    assert result.steepest == pytest.approx(3e-3, rel=0.1)
    assert result.turning_point == pytest.approx(0.3 * 0.75**0.25, rel=0.1)  # 0.75 is half of the fall
    assert result.suggestion == pytest.approx((result.steepest * result.turning_point) ** 0.5, rel=0.05)


def test_noise_alone_is_no_fall():
    result = read(np.random.default_rng(0).normal(5, 2, size=400))
    assert result.suggestion is None
    assert "never falls clearly" in result.reason


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        (valley(RATES, ends=30.0), "the loss has not risen again by 1: raise `--max`"),
        (valley(RATES, begins=1e-4), "the loss falls from the first rate on, 0.0001: lower `--min`"),
        (np.geomspace(2, 1e30, 20), "the loss runs away within 20 steps: lower `--min`, or take more `--steps`"),
        ([2.0, np.nan], "the loss runs away within 1 step: lower `--min`, or take more `--steps`"),
    ],
)
def test_a_curve_that_ends_too_early_says_which_way_to_go(losses, reason):
    result = read(losses)
    assert result.suggestion is None
    assert result.reason == reason


def test_losses_below_zero_and_a_sudden_end_are_read_like_any_other():
    losses = valley(RATES)[:330] - 3
    losses[-1] = np.inf
    result = read(losses)
    assert result.diverged
    assert result.turning_point == pytest.approx(RATES[328], rel=0.15)


def test_a_schedule_is_left_out_with_a_note(find_lr, write_config):
    plain, scheduled = write_config(DIGITS, "a.yaml"), write_config(DIGITS + "schedule: cosine\n", "b.yaml")
    code, out, err = find_lr(scheduled)
    assert code == 0
    assert "the schedule is left out" in err
    assert out == find_lr(plain)[1]
