"""Which epoch is the best, and whose weights the saved model has: what is said, held against the weights."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.results import best_and_kept
from nnlab.run import Run
from nnlab.wording import metric_text

WINE = """
seed: 2
data: {source: wine, scale: standardize}
model: {hidden: [8], activation: relu}
optimizer: {Adam: 0.2}
training: {epochs: 7, batch_size: 16, tensorboard: false}
"""
AVERAGED = "optimizer={Adam: {learning_rate: 0.2, use_ema: true, ema_momentum: 0.9}}"
KINDS = {
    "no early stopping": [],
    "best accuracy": ["training.early_stopping={monitor: val_accuracy, patience: 50}"],
    "best training loss": ["training.early_stopping={monitor: loss, patience: 50}"],
    "mode of the user": ["training.early_stopping={monitor: val_loss, mode: max, patience: 50}"],
    "stopped early": ["training.early_stopping={patience: 1}"],
    "last weights kept": ["training.early_stopping={patience: 1, restore_best_weights: false}"],
    "late start": ["training.early_stopping={start_from_epoch: 4}"],
    "start after the end": ["training.early_stopping={start_from_epoch: 40}"],
    "large steps alone": ["training.early_stopping={min_delta: 0.3}"],
    "baseline": ["training.early_stopping={baseline: 0.001, patience: 4}"],
    "averages": [AVERAGED, "training.early_stopping={patience: 50}"],
    "averages by accuracy": [AVERAGED, "training.early_stopping={monitor: val_accuracy}", "training.engine=keras"],
    "averages by training loss": [AVERAGED, "training.early_stopping={monitor: loss}", "training.engine=exact"],
    "averages put into training": [
        "optimizer={SGD: {learning_rate: 2, use_ema: true, ema_momentum: 0.8, ema_overwrite_frequency: 5}}",
        "training.early_stopping={patience: 2}",
    ],
}


@pytest.mark.tf
@pytest.mark.usefixtures("shared_programs")
@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_that_of_the_epoch_that_is_named(config, tmp_path, kind):
    from nnlab.train import evaluate, train

    summary = train(config(WINE, *KINDS[kind]), Run(tmp_path / "run"))
    info = summary.run.read_info()
    judged = summary.history[info["model_epoch"] - 1]
    figures = evaluate(summary.run, "validation")
    assert figures["loss"] == pytest.approx(judged["val_loss"], rel=1e-5)
    assert figures["accuracy"] == pytest.approx(judged["val_accuracy"])
    if "best_epoch" in info:
        assert summary.history[info["best_epoch"] - 1][info["monitor"]] == pytest.approx(info["best_value"])
    assert info["averaged_weights"] == ("average" in kind)


@pytest.mark.tf
def test_without_early_stopping_the_averages_are_kept_and_said_to_be_others_than_were_judged(config, tmp_path):
    import keras

    from nnlab.train import train

    info = train(config(WINE, AVERAGED), Run(tmp_path / "run")).run.read_info()
    assert best_and_kept(info)[1] == "the model has the averaged weights of epoch 7"
    assert "(before averaging)" in best_and_kept(info)[0]
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    averages = [variable for variable in model.optimizer.variables if "average" in variable.path]
    assert len(averages) == 4
    for weight, average in zip(model.trainable_variables, averages, strict=True):
        np.testing.assert_array_equal(weight, average)


@pytest.mark.tf
def test_judging_averages_changes_no_step_of_the_training(config, tmp_path):
    from nnlab.train import train

    rows = [
        train(config(WINE, AVERAGED, *more), Run(tmp_path / name)).history
        for name, more in (("plain", ()), ("judged", ["training.early_stopping={patience: 50}"]))
    ]
    assert [row["loss"] for row in rows[0]] == [row["loss"] for row in rows[1]]
    assert [row["val_loss"] for row in rows[0]] != [row["val_loss"] for row in rows[1]]


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (
            {"best_epoch": 2, "monitor": "val_auc", "best_value": 0.9, "model_epoch": 2},
            ["best val_auc 0.9000 in epoch 2", "the model is that of epoch 2"],
        ),
        ({"model_epoch": 1}, ["the model is that of epoch 1"]),
        (
            {
                "best_epoch": 5,
                "monitor": "loss",
                "best_value": 1,
                "judged_from_epoch": 4,
                "averaged_weights": True,
                "averages_validated": True,
            },
            ["best loss 1.0000 (before averaging) in epoch 5 (judged from epoch 4 on)"],
        ),
        ({}, []),
    ],
)
def test_words_say_no_more_than_is_known(info, words):
    assert best_and_kept(info) == words


def test_figures_have_four_decimals_unless_they_are_very_large_or_small():
    numbers = [0.97222, 1, 99999.4, 23025422336.0, -1.5e-7, 0.0, float("nan"), float("-inf")]
    assert [metric_text(number) for number in numbers] == [
        "0.9722", "1.0000", "99999.4000", "2.303e+10", "-1.500e-07", "0.0000", "nan", "-inf",
    ]  # fmt: skip
