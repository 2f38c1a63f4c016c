"""Columns of text and of embedded classes: the numbers of their words, in the order of training rows."""

from __future__ import annotations

import json
import random

import numpy as np
import pandas as pd
import pytest

from nnlab.config.components import Component
from nnlab.data import generated_tables
from nnlab.data.encoding.encoder import Fitting
from nnlab.data.encoding.encoding import TableEncoding
from nnlab.data.encoding.text import Text
from nnlab.data.splits import DataSpec
from nnlab.errors import DataError

WORDS = ["The", "film,", "was", "good!", "bad", "Ärger", "don't", "naïve", "été", "a-b", "x", "(so)", "10.5", "e\u0301"]


def rows_of(texts) -> np.ndarray:
    return np.array(texts, dtype=object)


def fitted(texts, **parameters) -> Text:
    return Text.fit(rows_of(texts), Fitting("note", Component("columns", "text", parameters), None))


def sentences(count: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 12))) for _ in range(count)]


def reviews(rows: int = 100) -> pd.DataFrame:
    draw = random.Random(1)
    return pd.DataFrame(
        {
            "note": [f"{text} and it was number {row}" for row, text in enumerate(sentences(rows))],
            "city": [draw.choice(["Oslo", "Rome", "Lima", "Bonn", None]) for _ in range(rows)],
            "age": [draw.uniform(0, 9) for _ in range(rows)],
            "y": [draw.choice(["no", "yes"]) for _ in range(rows)],
        }
    )


def test_words_stand_by_count_and_ties_in_reverse_order_and_the_rest_is_unknown():
    text = fitted(["b a", "a c!", "D"], length=4)
    assert text.words == ("a", "d", "c", "b")
    assert text.encode(rows_of(["A b zebra", "d " * 9])).tolist() == [[2, 5, 1, 0], [3, 3, 3, 3]]


def test_what_has_no_word_is_one_unknown_word_so_that_an_average_has_a_value():
    assert fitted(["a b", None, ""], length=2).encode(rows_of([None, "", "!!", "b"])).tolist() == [
        [1, 0], [1, 0], [1, 0], [2, 0],
    ]  # fmt: skip


def test_so_many_words_are_kept_as_19_of_20_training_rows_have():
    texts = ["a " * (row + 1) for row in range(40)]
    assert fitted(texts).length == np.percentile(range(1, 41), 95, method="higher") == 39
    assert fitted(texts, length=7).length == 7
    assert list(fitted(texts).notes("note")) == [
        "`note` is text of 1 known word; the first 39 words of a row are kept, of 40 in the longest (`length`)"
    ]


@pytest.mark.tf
@pytest.mark.parametrize(
    ("standardize", "split", "most"),
    [
        ("lower_and_strip_punctuation", "whitespace", 10_000),
        ("lower_and_strip_punctuation", "whitespace", 7),
        ("lower", "character", 9),
        ("strip_punctuation", "whitespace", 8),
        ("none", "character", 10_000),
    ],
)
def test_numbers_are_those_of_text_vectorization(standardize, split, most):
    import keras

    train, others = sentences(80), ["\tnew  words\u00a0and\u2003é\x0b\x1c ", *sentences(40, seed=1), "[UNK] x"]
    layer = keras.layers.TextVectorization(
        max_tokens=most,
        standardize=None if standardize == "none" else standardize,
        split=split,
        output_sequence_length=20,
    )
    layer.adapt(train)
    text = fitted(train, standardize=standardize, split=split, max_tokens=most, length=20)
    assert ["", "[UNK]", *text.words] == layer.get_vocabulary()
    np.testing.assert_array_equal(text.encode(rows_of(train + others)), layer(train + others).numpy())


def test_only_training_rows_decide_words_places_and_length(table):
    frame = reviews()
    before = table(frame)
    others = np.concatenate([before.record.rows[split]["row"] for split in ("validation", "test")])
    poisoned = frame.copy()
    poisoned.loc[others, "note"] = "poison " * 50
    poisoned.loc[others, "city"] = "Poison"
    after = table(poisoned, features={"note": "text", "city": {"category": {"encoding": "embedding"}}})
    frame_kinds = table(frame, features={"note": "text", "city": {"category": {"encoding": "embedding"}}})
    assert after.spec.encoding.to_json() == frame_kinds.spec.encoding.to_json()
    assert "poison" not in after.spec.encoding.columns["note"].encoder.words
    assert (after.test.x["note"][:, 0] == 1).all()
    assert (after.test.x["city"] == 0).all()


def test_sentences_are_text_and_it_is_said_and_written_down(table):
    spec = table(reviews()).spec
    assert spec.encoding.columns["note"].kind.name == "text"
    assert spec.encoding.columns["note"].settled.get("length") == spec.input_shapes["note"][0]
    assert any(note.startswith("`note` is text of ") for note in spec.notes)


@pytest.mark.parametrize(
    "values",
    [
        [f"Braund, Mr. Owen {chr(65 + row % 26)}{row}" for row in range(60)],
        [f"{row} Main Street, {row % 9}0{row} Springfield, US" for row in range(60)],
        [f"a{row} b{row} c{row} d{row} e{row} f{row}" for row in range(60)],
        ["the same few sentences again and again", "and another one that comes very often"] * 30,
    ],
)
def test_names_addresses_codes_and_few_sentences_are_no_text(table, values):
    frame = pd.DataFrame({"note": values, "x": np.linspace(0, 1, 60), "y": ["a", "b"] * 30})
    encoding = table(frame).spec.encoding
    assert encoding is None or encoding.columns["note"].kind.name == "category"


def test_an_embedded_class_has_the_place_that_one_hot_gives_it(table):
    frame = reviews()
    hot = table(frame, features={"city": {"category": {}}, "age": "numeric"}, ignore="others")
    own = table(frame, features={"city": {"category": {"encoding": "embedding"}}, "age": "numeric"}, ignore="others")
    assert own.spec.input_shapes == {"numbers": (1,), "city": (1,)}
    assert own.train.x["city"].dtype == np.int32
    (block,) = hot.train.x.values()
    places = block[:, list(hot.spec.features_of("city"))].argmax(axis=1)
    np.testing.assert_array_equal(own.train.x["city"][:, 0], places)
    assert own.spec.encoding.own["city"].dimension == round(1.6 * 6**0.56) == 4


@pytest.mark.tf
@pytest.mark.parametrize("most", [3, 100])
def test_embedded_classes_are_numbered_as_feature_space_does(table, most):
    import keras
    import tensorflow as tf

    frame = reviews().dropna()
    kinds = {"city": {"category": {"encoding": "embedding", "max_values": most}}}
    splits = table(frame, features=kinds, ignore=["note", "age"])
    rows = frame.iloc[splits.record.rows["train"]["row"]]
    feature = keras.utils.FeatureSpace.string_categorical(output_mode="int", max_tokens=most + 1)
    space = keras.utils.FeatureSpace({"city": feature}, output_mode="dict")
    space.adapt(tf.data.Dataset.from_tensor_slices({"city": list(rows["city"])}))
    np.testing.assert_array_equal(splits.train.x["city"], space({"city": list(rows["city"])})["city"].numpy())
    assert (splits.train.x["city"] == 0).any() == (most == 3)


def test_texts_that_take_more_memory_than_is_free_are_refused(monkeypatch):
    monkeypatch.setattr("nnlab.data.encoding.text.free_memory", lambda: 1000)
    with pytest.raises(DataError, match="texts of 999 words take 8"):
        fitted(["a b"], length=999).encode(rows_of(["a"]))


def test_what_a_run_keeps_encodes_as_before(table):
    splits = table(reviews(), features={"city": {"category": {"encoding": "embedding"}}})
    spec = DataSpec.from_json(json.loads(json.dumps(splits.spec.to_json())))
    assert spec == splits.spec or spec.to_json() == splits.spec.to_json()
    raw = {"note": rows_of(["a film", None]), "city": rows_of(["Oslo", "Nowhere"]), "age": np.array([1.0, np.nan])}
    for name, array in splits.spec.scaled(raw).items():
        np.testing.assert_array_equal(spec.scaled(raw)[name], array)


def test_a_column_of_the_name_of_the_numbers_leaves_them_another(table):
    frame = reviews().rename(columns={"note": "numbers"})
    assert set(table(frame).spec.input_shapes) == {"numbers_", "numbers"}
    encoding = table(frame).spec.encoding
    assert isinstance(encoding, TableEncoding)
    assert encoding.numbers == "numbers_"


def test_text_without_a_word_and_an_output_that_would_give_words_back_are_refused(table, error_text):
    frame = reviews()
    frame["note"] = "!!"
    assert "column `note` has no word in any training row" in error_text(table, frame=frame, features={"note": "text"})
    said = error_text(table, frame=reviews()[["note", "y"]], target="inputs", ignore=["y"])
    assert "`inputs` hold the numbers of words or classes here, which no output gives back: `note`" in said


def test_made_up_sentences_say_what_their_last_word_and_a_not_before_it_say():
    good = {
        "good",
        "lovely",
        "great",
        "exciting",
        "warm",
        "clean",
        "funny",
        "quick",
        "wonderful",
        "strong",
        "calm",
        "sweet",
    }
    frame = generated_tables.reviews(300, noise=0.0, seed=1)
    for text, opinion in frame.itertuples(index=False):
        clause = text.rpartition(" but ")[2].split()
        assert ((clause[-1] in good) != ("not" in clause)) == (opinion == "positive"), text
    wrong = generated_tables.reviews(300, noise=0.2, seed=1)
    assert list(wrong["review"]) == list(frame["review"])
    assert 0.1 < (wrong["opinion"] != frame["opinion"]).mean() < 0.3


def test_the_table_of_everything_has_everything(load):
    splits = load(source="bookings", features={"wish": "text", "city": {"category": {"encoding": "embedding"}}})
    spec = splits.spec
    assert {name: each.kind.name for name, each in spec.encoding.columns.items()} == {
        "arrival": "date", "city": "category", "room": "category", "age": "numeric", "price": "numeric",
        "member": "boolean", "wish": "text",
    }  # fmt: skip
    assert "`booking` is left out: whole numbers, all 4,000 different, as an id has them" in spec.notes
    assert {"age=missing", "price=missing", "member=missing"} <= set(spec.feature_names)
    pd.testing.assert_frame_equal(*(generated_tables.bookings(50, noise=1.0, seed=3) for _ in range(2)))
    assert load(source="bookings", target="price", ignore=["city"]).spec.targets[""].task == "regression"
