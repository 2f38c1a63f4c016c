"""Parameters of metrics that Keras takes, and then counts or saves in another way than one may think."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = pytest.mark.tf

LABELS = """
data: {{source: csv, path: rows.csv, target: [one, two, three], features: [a, b], task: multilabel, test: 0.4}}
model: {{layers: [{{Dense: {{units: 3, activation: {end}}}}}]}}
training: {{epochs: 1, tensorboard: false, metrics: [{{auc: {{{parameters}}}}}]}}
"""

CLASSES = """
data: {{source: csv, path: rows.csv, target: kind, features: [a, b], test: 0.4}}
model: {{layers: [{{Dense: {{units: 3, activation: {end}}}}}]}}
training:
  epochs: 1
  batch_size: 7
  tensorboard: false
  loss: {{sparse_categorical_crossentropy: {{from_logits: {logits}, ignore_class: 1}}}}
  metrics: [accuracy, {{sparse_categorical_crossentropy: {{ignore_class: 1}}}}]
"""


@pytest.fixture(autouse=True)
def rows(tmp_path):
    """Write rows with three labels and three classes."""
    import pandas as pd

    rng = np.random.default_rng(3)
    x = rng.normal(size=(120, 2))
    frame = pd.DataFrame(x.round(3), columns=["a", "b"])
    for i, name in enumerate(("one", "two", "three")):
        frame[name] = (x @ rng.normal(size=2) + rng.normal(size=120) > 0.2 * i) * 1
    frame["kind"] = np.argmax(rng.normal(size=(120, 3)) + np.c_[x, np.zeros(120)], axis=1)
    frame.to_csv(tmp_path / "rows.csv", index=False)


def judged(nnlab, write_config, text):
    """Train, and return the metrics of the test rows with the answers and what the loaded model gives for them."""
    from nnlab.data.judging import rows_of_split
    from nnlab.model.saved import load_model
    from nnlab.run import Run

    done = nnlab("train", write_config(text), "--json")
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    run = Run(write_config("").parent / printed["run"])
    judged = rows_of_split(run, "test").rows
    return printed["metrics"]["test"], judged.y[""], load_model(run).predict(judged.x[""], verbose=0).astype(np.float64)


@pytest.mark.parametrize("end", ["sigmoid", "linear"])
def test_weights_of_labels_count_and_the_model_can_be_loaded_again(nnlab, write_config, end):
    from sklearn.metrics import roc_auc_score

    parameters = "multi_label: true, num_labels: 3, num_thresholds: 2000, label_weights: [1, 0, 3]"
    found, y, p = judged(nnlab, write_config, LABELS.format(end=end, parameters=parameters))
    each = roc_auc_score(y, p, average=None)
    assert found["auc"] == pytest.approx((each[0] + 3 * each[2]) / 4, abs=2e-3)


@pytest.mark.parametrize(
    ("parameters", "message", "hint"),
    [
        (
            "multi_label: true, num_labels: 2",
            "`num_labels` is for 2 columns, and an answer has 3 values",
            "write `num_labels: 3`",
        ),
        (
            "multi_label: true, num_labels: 3, label_weights: [1]",
            "`label_weights` is for 1 column, and an answer has 3 values",
            "write 3 weights",
        ),
    ],
)
def test_another_number_of_labels_is_refused_before_training(nnlab, write_config, parameters, message, hint):
    done = nnlab("train", write_config(LABELS.format(end="sigmoid", parameters=parameters)))
    assert done.code == 2
    assert f"training.metrics[0]: {message}\n  hint: {hint}\n" in done.err


@pytest.mark.parametrize(("end", "logits"), [("softmax", "false"), ("linear", "true")])
def test_rows_of_an_ignored_class_do_not_count_in_a_metric_either(nnlab, write_config, end, logits):
    found, y, raw = judged(nnlab, write_config, CLASSES.format(end=end, logits=logits))
    if end == "linear":
        raw = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    classes = y.ravel().astype(int)
    losses = -np.log(raw[np.arange(len(classes)), classes])
    expected = losses[classes != 1].mean()
    assert found["sparse_categorical_crossentropy"] == pytest.approx(expected, rel=1e-4)
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    assert found["accuracy"] == pytest.approx((raw.argmax(axis=1) == classes).mean(), abs=1e-6)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_the_hint_of_another_loss_keeps_the_logits(nnlab, write_config, loss):
    text = CLASSES.format(end="linear", logits="true").replace(", ignore_class: 1}}\n", "}}\n")
    text = text.replace("sparse_categorical_crossentropy: {from", loss + ": {from")
    done = nnlab("train", write_config(text[: text.index("  metrics")] + "  metrics: [precision]\n"))
    hint = "write `loss: {categorical_crossentropy: {from_logits: true}}`"
    assert (done.code, hint in done.err) == ((2, True) if loss.startswith("sparse") else (0, False))
