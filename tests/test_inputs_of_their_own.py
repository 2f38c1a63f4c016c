"""Columns of text and embedded classes on their way through a model: trained, asked again, padded, compared."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.tf

CITIES = ["Oslo", "Rome", "Lima", "Bonn"]
TABLE = "data: {source: csv, path: t.csv, target: y, features: {City name: {category: {encoding: embedding}}}}\n"
SHORT = "training: {epochs: 2, tensorboard: false}\noptimizer: {adam: {learning_rate: 0.05}}\n"
READING = """
  type: functional
  inputs: {numbers: {}, note: {}, place: {features: City name}}
  layers:
    words: {Embedding: {output_dim: 3, mask_zero: true}, from: note}
    mean: {GlobalAveragePooling1D: {}, from: words}
    lstm: {LSTM: 2, from: words}
    gru: {Bidirectional: {layer: {GRU: 2}}, from: words}
    simple: {SimpleRNN: 2, from: words}
    vector: {Embedding: {output_dim: 2}, from: place}
    flat: {Flatten: {}, from: vector}
    all: {Concatenate: {}, from: [numbers, flat, mean, lstm, gru, simple]}
    out: {Dense: {units: 1, activation: sigmoid}, from: all}
  outputs: [out]
"""
SHORTER = "".join(line for line in READING.splitlines(keepends=True) if not line.startswith(("    gru", "    simple")))
SHORTER = SHORTER.replace(", gru, simple", "")


def trips(rows: int = 80) -> pd.DataFrame:
    """Return sentences of one to six words, of which one decides, cities and numbers; some are missing."""
    draw = random.Random(3)
    frame = []
    for row in range(rows):
        word = draw.choice(["good", "bad"])
        text = " ".join(["it was very", "we had a", "such a", ""][row % 4].split() + [word, "trip"][: 1 + row % 2])
        city = draw.choice([*CITIES, None])
        frame.append([draw.gauss(0, 1), text if row % 9 else None, city, {"good": "yes", "bad": "no"}[word]])
    return pd.DataFrame(frame, columns=["age", "note", "City name", "y"])


@pytest.fixture(autouse=True)
def t_csv(tmp_path) -> None:
    trips().to_csv(tmp_path / "t.csv", index=False)


def loaded(write_config, model: str, *changes: str):
    from nnlab.config.load import load_config
    from nnlab.config.overrides import parse_override
    from nnlab.data.loading import load_data

    text = TABLE.replace("features: {", "features: {note: {text: {}}, ") + f"model: {model}\n" + SHORT
    config = load_config(write_config(text), [parse_override(change) for change in changes])
    return config, load_data(config.experiment.data, seed=config.experiment.seed)


def test_a_table_goes_in_as_people_have_it_and_gets_the_same_answers(nnlab):
    frame = trips()
    Path("t.yaml").write_text(
        TABLE.replace("features: {", "features: {note: text, ") + "model: {hidden: [4]}\n" + SHORT
    )
    trained = nnlab("train", "t.yaml")
    assert trained.code == 0
    assert "rows of 1 (`numbers`), 5 (`note`) and 1 (`City name`)" in trained.err
    (run,) = Path("runs").iterdir()
    assert nnlab("predict", run, "--split", "test", "-o", "own.csv").code == 0

    from nnlab.config.load import load_config
    from nnlab.data.loading import load_data

    kept = load_config(run / "config.yaml").experiment
    assert kept.data.features["note"].get("length") == 5
    assert kept.data.features["City name"].get("dimension") == 4
    rows = load_data(kept.data, seed=kept.seed).record.rows["test"]["row"]
    some = frame.iloc[rows][["y", "City name", "note", "age"]]  # in another order
    some.to_csv("new.csv", index=False)
    assert nnlab("predict", run, "new.csv", "-o", "new_p.csv").code == 0
    ours, own = pd.read_csv("new_p.csv"), pd.read_csv("own.csv")
    pd.testing.assert_frame_equal(ours[["p(no)", "p(yes)"]], own[["p(no)", "p(yes)"]])
    assert json.loads(nnlab("evaluate", run, "--input", "new.csv", "--json").out)
    pd.DataFrame({"age": [None], "City name": ["Atlantis"], "note": ["unheard-of"]}).to_csv("odd.csv", index=False)
    assert nnlab("predict", run, "odd.csv", "-o", "odd_p.csv").code == 0
    assert pd.read_csv("odd_p.csv").notna().all(axis=None)
    some.drop(columns="note").to_csv("less.csv", index=False)
    wrong = nnlab("predict", run, "less.csv")
    assert wrong.code == 2
    assert "note" in wrong.err

    looked = nnlab("inspect", run, "--rows", "0:2", "--activations").out
    assert "note: row 0, `note`: " in looked
    assert all(f"\n{name}  " in looked for name in ("note_embedding", "note_mean", "City_name_embedding", "joined"))


def test_engines_agree_on_words_and_classes(write_config, tmp_path):
    from nnlab.run import Run
    from nnlab.train import train

    histories = {}
    for engine in ("fast", "keras"):
        config, splits = loaded(write_config, SHORTER, f"training.engine={engine}")
        history = pd.DataFrame(train(config, Run.new(tmp_path / "runs", engine), splits=splits).history)
        histories[engine] = history[[name for name in history.columns if "loss" in name or "accuracy" in name]]
    pd.testing.assert_frame_equal(histories["fast"], histories["keras"], rtol=1e-6)


def test_padding_changes_nothing_in_any_layer_that_reads_words(write_config):
    from nnlab.engine.built import build_seeded

    answers = []
    for length in (5, 11):
        config, splits = loaded(write_config, READING, f"data.features.note.text.length={length}")
        built = build_seeded(config.experiment, splits)
        x = built.splits.test.x
        assert (x["note"][:, -1] == 0).any()
        answers.append(built.model.predict_on_batch([x[name] for name in config.experiment.model.inputs]))
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-6)


def test_words_before_hidden_layers_count_as_their_mean_without_the_padding(write_config):
    from nnlab.engine.built import build_seeded

    config, splits = loaded(write_config, "{hidden: [3], activation: relu}")
    built = build_seeded(config.experiment, splits)
    model, x = built.model, built.splits.test.x
    words, place = (model.get_layer(f"{name}_embedding").get_weights()[0] for name in ("note", "City_name"))
    assert words.shape == (splits.spec.encoding.own["note"].size, 16)
    mean = np.stack([words[row[row > 0]].mean(axis=0) for row in x["note"]])
    order = [tensor.name.split("_")[0] for tensor in model.inputs]
    parts = {"numbers": x["numbers"], "note": mean, "City": place[x["City_name"][:, 0]]}
    flat = np.concatenate([parts[name] for name in order], axis=1)
    (kernel, bias), (last, offset) = (layer.get_weights() for layer in model.layers if layer.name.startswith("dense"))
    expected = 1 / (1 + np.exp(-(np.maximum(flat @ kernel + bias, 0) @ last + offset)))
    np.testing.assert_allclose(model.predict_on_batch(list(x.values())), expected, rtol=1e-5)


def test_programs_are_for_a_number_of_words(write_config):
    from nnlab.engine.reuse import program_key

    keys = set()
    for most in (4, 5):
        config, splits = loaded(write_config, "{hidden: [3]}", f"data.features.note.text.max_tokens={most}")
        keys.add(program_key(config.experiment, splits))
    assert len(keys) == 2


def test_layers_that_looked_up_other_words_are_not_taken_over(write_config):
    from nnlab.engine.built import build_seeded
    from nnlab.errors import ConfigError
    from nnlab.model.transfer import check_numbers

    (config, ours), (_, theirs) = (
        loaded(write_config, READING, f"data.features.note.text.standardize={how}") for how in ("lower", "none")
    )
    model, inputs = build_seeded(config.experiment, ours).model, {"note": "note", "place": "City name"}
    check_numbers(model.layers, model, inputs, ours.spec, ours.spec)
    with pytest.raises(ConfigError, match="`words` of the run looks up other words or classes than `note` has here"):
        check_numbers(model.layers, model, inputs, ours.spec, theirs.spec)
    plain = replace(ours.spec, encoding=None)
    with pytest.raises(ConfigError, match=r"of the run looks up words or classes of .*, and no column here has any"):
        check_numbers(model.layers, model, inputs, plain, theirs.spec)


def test_a_search_over_encodings_is_checked_before_it_begins(nnlab):
    model = "model: {hidden: [2]}\n" + SHORT
    kinds = "[category, {category: {encoding: embedding}}, {category: {encoding: codes}}]"
    whole = f"tune: {{space: {{data.features.City name: {{choice: {kinds}}}}}}}\n"
    Path("t.yaml").write_text(TABLE + model + whole)
    assert nnlab("validate", "t.yaml").code == 0
    part = "tune: {space: {data.features.City name.category.encoding: {choice: [embedding, codes]}}}\n"
    Path("t.yaml").write_text(TABLE.replace("embedding}", "embedding, dimension: 3}") + model + part)
    refused = nnlab("validate", "t.yaml")
    assert refused.code == 2
    assert "`dimension` goes with `encoding: embedding`, and it is `codes`" in refused.err
