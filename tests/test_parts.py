"""A training in parts gives bit for bit what it gives in one go."""

from __future__ import annotations

import numpy as np
import pytest

from nnlab.errors import NnlabError
from nnlab.objective import Objective
from nnlab.run import Run
from nnlab.training_options import KeepIf, Limits, TrainingOptions

pytestmark = pytest.mark.tf

BASE = """
seed: 3
data: {source: iris, scale: standardize, limit: 90}
model: {hidden: [8], activation: relu}
training: {epochs: 9, batch_size: 16, tensorboard: false}
"""
KINDS = {
    "momentum and a schedule": ["optimizer={SGD: {momentum: 0.9}}", "schedule={cosine: {warmup_epochs: 2}}"],
    "dropout and batch normalization": ["model.dropout=0.3", "model.normalization=BatchNormalization"],
    "a rate that is lowered": ["optimizer={SGD: {learning_rate: 5}}", "schedule={performance: {patience: 0}}"],
    "averaged weights": ["optimizer={Adam: {use_ema: true, ema_momentum: 0.9}}"],
    "early stopping": ["training.early_stopping={patience: 2}", "optimizer={Adam: {learning_rate: 0.5}}"],
    "early stopping by averaged weights": [
        "optimizer={Adam: {learning_rate: 0.5, use_ema: true, ema_momentum: 0.9}}",
        "training.early_stopping={patience: 2}",
    ],
    "Keras's own loop": ["training.engine=keras", "model.dropout=0.3"],
}


def timeless(rows):
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_three_epochs_and_six_more_are_nine(config, tmp_path, kept_programs, kind):
    """Whether the parts go through a program that is there already, as in a search, or through one of their own."""
    from nnlab.train import train

    loaded = config(BASE, *KINDS[kind])
    runs = {name: Run(tmp_path / name) for name in ("whole", "first", "second", "third")}
    whole = train(loaded, runs["whole"], programs=kept_programs)
    begun = TrainingOptions(last_epoch=3, keep_checkpoint=True)
    carried_on = TrainingOptions(last_epoch=6, continues=runs["first"], keep_checkpoint=True)
    train(loaded, runs["first"], begun, programs=kept_programs)
    train(loaded, runs["second"], carried_on, programs=kept_programs)
    third = train(loaded, runs["third"], TrainingOptions(continues=runs["second"]))
    assert timeless(third.history) == timeless(whole.history)
    assert third.metrics == whole.metrics
    assert weights(runs["third"]) == weights(runs["whole"])
    assert [row["epoch"] for row in runs["third"].read_history()] == list(range(1, len(whole.history) + 1))


def weights(run: Run) -> list[bytes]:
    import keras

    return [np.asarray(weight).tobytes() for weight in keras.saving.load_model(run.model_path).get_weights()]


@pytest.mark.proof
@pytest.mark.parametrize(
    ("frozen", "optimizer", "cuts"),
    [
        ("freeze_epochs: 3", "sgd", (2, 4)),
        ("freeze_epochs: 3", "{SGD: {use_ema: true, ema_momentum: 0.8}}", (3,)),
        ("thaw: {2: 1, 4: 2}", "momentum", (2, 3, 5)),
    ],
    ids=["sgd", "averages", "thaw"],
)
def test_a_training_with_frozen_layers_goes_on_in_each_phase(config, tmp_path, proofs, frozen, optimizer, cuts):
    from nnlab.train import train

    origin = config(BASE, "name=origin", "training.epochs=1", "model.hidden=[8, 6]")
    train(origin, Run(tmp_path / "origin"))
    model = f"{{transfer: {{from: {tmp_path / 'origin'}, {frozen}}}, hidden: []}}"
    loaded = config(BASE, f"model={model}", "training.epochs=6", f"optimizer={optimizer}")
    whole = train(loaded, Run(tmp_path / "whole"))
    for cut in range(1, 6) if proofs else cuts:
        first, second = Run(tmp_path / f"first{cut}"), Run(tmp_path / f"second{cut}")
        train(loaded, first, TrainingOptions(last_epoch=cut, keep_checkpoint=True))
        assert timeless(train(loaded, second, TrainingOptions(continues=first)).history) == timeless(whole.history)


def test_a_part_cannot_go_on_from_a_run_without_a_checkpoint(config, tmp_path):
    from nnlab.train import train

    with pytest.raises(NnlabError, match="cannot be read"):
        train(config(BASE), Run(tmp_path / "second"), TrainingOptions(continues=Run(tmp_path / "none")))


@pytest.mark.usefixtures("shared_programs")
def test_a_hopeless_training_is_stopped_and_says_why(config, tmp_path):
    from nnlab.train import train

    run, limits = Run(tmp_path / "run"), Limits(Objective("val_accuracy", "max"), (None, 2.0))
    summary = train(config(BASE), run, TrainingOptions(limits=limits))
    assert (summary.status, len(summary.history)) == ("completed", 2)
    assert run.read_info()["stopped"].startswith("hopeless after epoch 2: val_accuracy")


@pytest.mark.usefixtures("shared_programs")
def test_a_model_is_kept_only_if_it_is_better_and_test_rows_are_left_alone(config, tmp_path):
    from nnlab.train import train

    for name, other in (("kept", 0.0), ("dropped", 1.01)):
        run = Run(tmp_path / name)
        options = TrainingOptions(save_model=KeepIf(Objective("val_accuracy", "max"), other), evaluate_test=False)
        summary = train(config(BASE, "training.epochs=2"), run, options)
        assert run.model_path.exists() == (name == "kept")
        assert summary.metrics["test"] is None
