"""Columns of tables of any kind: what they are taken for, and the numbers that come out."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnlab.config.by_name import only

CITIES = ["Oslo", "Rome", "Paris", "Rome", "Rome", "Oslo", "Lima"]
WHOLE = {"test": 0, "validation": 0}


def people(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return rows of every kind, of which some miss something."""
    draw = random.Random(seed)
    return pd.DataFrame(
        [
            {
                "id": row + 1000,
                "name": f"Person {row}",
                "sex": draw.choice(["male", "female"]),
                "age": draw.choice([None, round(draw.uniform(1, 80), 1), round(draw.uniform(1, 80), 1)]),
                "fare": round(draw.expovariate(0.05), 2),
                "city": draw.choice([*CITIES, None]),
                "day": f"20{draw.randint(10, 23)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}",
                "member": draw.choice(["true", "false", ""]),
                "y": draw.choice(["no", "yes"]),
            }
            for row in range(rows)
        ]
    )


def columns(splits, name: str, split: str = "train") -> np.ndarray:
    """Return what a column has become, `[rows, width]`."""
    return only(splits.named[split].x)[:, list(splits.spec.features_of(name))]


def rows_of(splits, frame: pd.DataFrame, split: str = "train") -> pd.DataFrame:
    return frame.iloc[splits.record.rows[split]["row"]]


def test_kinds_are_inferred_ids_and_names_left_out_and_all_of_it_said(table):
    spec = table(people()).spec
    assert {name: column.kind.name for name, column in spec.encoding.columns.items()} == {
        "sex": "category", "age": "numeric", "fare": "numeric", "city": "category", "day": "date", "member": "boolean",
    }  # fmt: skip
    assert "`id` is left out: whole numbers, all 60 different, as an id has them" in spec.notes
    assert "`name` is left out: text, all 60 different, as a name or an id has them" in spec.notes
    assert "missing values of `city` have a place of their own" in spec.notes


def test_an_id_that_the_config_names_stays(table):
    assert "id" in table(people(), features=["id", "age"]).spec.column_names
    assert "id" in table(people(), features={"id": "numeric"}).spec.column_names
    assert table(people(), features={"sex": "category", "age": "numeric"}, ignore="others").spec.column_names == (
        "sex", "age",
    )  # fmt: skip
    assert "city" not in table(people(), ignore=["city", "day"]).spec.column_names


def test_numbers_are_filled_and_scaled_as_scikit_learn_does(table):
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    frame = people()
    for missing, how in (("median", "median"), ("mean", "mean"), ("most_frequent", "most_frequent"), (7.0, "constant")):
        for scale, scaler in (("standardize", StandardScaler()), ("minmax", MinMaxScaler())):
            splits = table(frame, features={"age": {"numeric": {"missing": missing, "scale": scale}}})
            imputer = SimpleImputer(strategy=how, fill_value=7.0, add_indicator=True)
            train = imputer.fit_transform(rows_of(splits, frame)[["age"]])
            np.testing.assert_allclose(
                columns(splits, "age")[:, 0], scaler.fit_transform(train[:, :1])[:, 0], atol=1e-6
            )
            for split in ("validation", "test"):
                rows = imputer.transform(rows_of(splits, frame, split)[["age"]])
                expected = np.hstack([scaler.transform(rows[:, :1]), rows[:, 1:]])
                np.testing.assert_allclose(columns(splits, "age", split), expected, atol=1e-6)


def test_log_takes_the_logarithm_of_one_more_and_standardizes_it(table, error_text):
    frame = people()
    splits = table(frame, features={"fare": {"numeric": {"scale": "log"}}})
    logs = np.log1p(rows_of(splits, frame)["fare"])
    np.testing.assert_allclose(columns(splits, "fare")[:, 0], (logs - logs.mean()) / logs.std(ddof=0), atol=1e-6)
    frame["fare"] -= 50
    said = error_text(table, frame=frame, features={"fare": {"numeric": {"scale": "log"}}})
    assert "data.features: `log` takes log(1 + x) of numbers from 0 on, and a value of `fare` is -49" in said


def test_categories_are_encoded_as_scikit_learn_does(table):
    from sklearn.preprocessing import OneHotEncoder

    frame = people()
    frame["city"] = [CITIES[row % 7] if row % 7 != 6 else f"Town {row}" for row in range(60)]
    splits = table(frame, features={"city": {"category": {"min_count": 2}}})
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    known = list(splits.spec.encoding.columns["city"].encoder.values)
    train = rows_of(splits, frame)["city"]
    encoder.fit(train[train.isin(known)].to_frame())
    order = [list(encoder.categories_[0]).index(value) for value in known]
    for split in ("train", "validation", "test"):
        expected = encoder.transform(rows_of(splits, frame, split)[["city"]])[:, order]
        found = columns(splits, "city", split)
        np.testing.assert_array_equal(found[:, 1:], expected)
        np.testing.assert_array_equal(found[:, 0], expected.sum(axis=1) == 0)  # the place of unknown ones


@pytest.mark.tf
def test_categories_and_numbers_are_those_of_a_feature_space_of_keras(table):
    import tensorflow as tf
    from keras.utils import FeatureSpace

    frame = people()
    frame["city"] = [CITIES[row % 7] for row in range(60)]
    for mode, encoding in (("one_hot", "one_hot"), ("int", "codes")):
        splits = table(
            frame[["city", "fare", "y"]], scale="standardize", features={"city": {"category": {"encoding": encoding}}}
        )
        space = FeatureSpace(
            features={
                "city": FeatureSpace.string_categorical(num_oov_indices=1, output_mode=mode),
                "fare": FeatureSpace.float_normalized(),
            },
            output_mode="dict",
        )
        train = rows_of(splits, frame)
        batches = tf.data.Dataset.from_tensor_slices({name: train[name].to_numpy() for name in ("city", "fare")})
        space.adapt(batches.batch(8))
        test = rows_of(splits, frame, "test")
        expected = space({name: tf.constant(test[name].to_numpy()) for name in ("city", "fare")})
        city = np.asarray(expected["city"], np.float32).reshape(len(test), -1)
        np.testing.assert_array_equal(columns(splits, "city", "test"), city)
        fare = np.asarray(expected["fare"]).reshape(-1)
        np.testing.assert_allclose(columns(splits, "fare", "test")[:, 0], fare, atol=1e-6)


def test_parts_of_dates_are_those_of_the_calendar(table):
    frame = people()
    splits = table(frame, features={"day": {"date": {"parts": ["days", "year", "month", "day", "weekday"]}}})
    moments = pd.to_datetime(rows_of(splits, frame)["day"])
    found = columns(splits, "day")
    for number, values in ((0, (moments - moments.min()).dt.days), (1, moments.dt.year), (4, moments.dt.day)):
        values = values.to_numpy(float)
        np.testing.assert_allclose(found[:, number], (values - values.mean()) / values.std(), atol=1e-5)
    share = (moments.dt.month - 1 + (moments.dt.day - 1) / moments.dt.days_in_month) / 12
    for first, part in ((2, share), (5, moments.dt.day_of_week / 7)):
        angles = 2 * np.pi * part.to_numpy(float)
        np.testing.assert_allclose(
            found[:, first : first + 2], np.stack([np.sin(angles), np.cos(angles)], 1), atol=1e-6
        )
    names = [splits.spec.feature_names[number] for number in splits.spec.features_of("day")]
    assert names == [
        "day.days", "day.year", "day.month_sin", "day.month_cos", "day.day", "day.weekday_sin", "day.weekday_cos",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["31.12.2020", "1.1.2021"], "%d.%m.%Y"),
        (["12/31/2020", "1/1/2021"], "%m/%d/%Y"),
        (["31/12/2020 8:30", "1/1/2021 17:00"], "%d/%m/%Y %H:%M"),
        (["2020-01-01 12:30", "2020-01-02T08:00:00Z"], "ISO8601"),
        (["5 May 2020", "7 May 2021"], "%d %b %Y"),
    ],
)
def test_the_form_of_dates_is_found_and_written_down(table, texts, form):
    frame = pd.DataFrame({"day": texts * 6, "y": [0.5, 1.5] * 6})
    splits = table(frame, **WHOLE)
    assert splits.spec.encoding.columns["day"].kind.parameters == {"format": form}
    expected = [pd.to_datetime(text, format=form, utc=True) for text in texts]
    days = np.array([(moment - min(expected)).total_seconds() for moment in expected] * 6)
    np.testing.assert_allclose(columns(splits, "day")[:, 0], (days - days.mean()) / days.std(), atol=1e-6)


def test_a_date_that_is_none_is_refused_with_its_line(table, error_text):
    frame = pd.DataFrame({"day": ["2020-01-01", "2020-02-30", "2020-03-01"] * 4, "y": [0.5, 1.5, 2.5] * 4})
    said = error_text(table, frame=frame, features={"day": "date"})
    assert ":3: column `day` holds `2020-02-30`, which is no date" in said
    assert ":3: column `day` holds `2020-02-30`" in error_text(table, frame=frame)


def test_a_category_without_two_rows_of_one_value_is_refused(table, error_text):
    said = error_text(table, frame=people(), features={"name": "category"})
    assert said.startswith("data.features: column `name` is a category, and no two training rows have the same value")
    assert said.endswith("hint: leave it out: `ignore: [name]`")


def test_nothing_is_fitted_on_rows_that_do_not_train(table):
    frame = people()
    clean = table(frame)
    others = np.setdiff1d(np.arange(60), clean.record.rows["train"]["row"])
    poisoned = frame.copy()
    poisoned.loc[others, ["age", "fare"]] = 1e6
    poisoned.loc[others, ["sex", "city"]] = "poison"
    poisoned.loc[others, "day"] = "1900-01-01"
    poisoned.loc[others, "member"] = "true"
    again = table(poisoned)
    assert again.spec.encoding.to_json() == clean.spec.encoding.to_json()
    np.testing.assert_array_equal(only(again.train.x), only(clean.train.x))


def test_marks_are_missing_among_numbers_and_values_among_text(table):
    frame = pd.DataFrame({"n": ["1.5", "?", "NA", "3.5"] * 3, "c": ["NA", "x", "NA", "x"] * 3, "y": [1.5, 2.5] * 6})
    splits = table(frame, **WHOLE)
    np.testing.assert_array_equal(columns(splits, "n"), [[1.5, 0], [2.5, 1], [2.5, 1], [3.5, 0]] * 3)
    assert set(splits.spec.encoding.columns["c"].encoder.values) == {"NA", "x"}
    assert "`?` is taken for a missing value (3 cells); `missing` says what else may be one" in splits.spec.notes
    splits = table(frame, **WHOLE, missing=["?", "NA"])
    assert splits.spec.encoding.columns["c"].encoder.values == ("x",)
    frame["n"] = [1.5, -999, -999, 3.5] * 3
    splits = table(frame, **WHOLE, missing=["-999"])
    np.testing.assert_array_equal(columns(splits, "n")[:4], [[1.5, 0], [2.5, 1], [2.5, 1], [3.5, 0]])


def test_decimal_commas_are_read_and_said(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b;y\n1,5;1;0,5\n2;2,25;1,5\n")
    splits = load(source="csv", path=str(path), target="y", **WHOLE)
    assert only(splits.train.x).tolist() == [[1.5, 1.0], [2.0, 2.25]]
    assert only(splits.train.y).tolist() == [[0.5], [1.5]]
    assert "decimal commas are read as points in `a`, `b`, `y`" in splits.spec.notes


def test_codes_of_a_category_keep_their_zeros_in_front(load, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("zip,y\n" + "01234,0.5\n1234,1.5\n" * 3)
    splits = load(source="csv", path=str(path), target="y", features={"zip": "category"}, **WHOLE)
    assert splits.spec.feature_names == ("zip=(unknown)", "zip=1234", "zip=01234")


def test_a_table_of_numbers_is_one_array_as_before(table):
    splits = table(people()[["fare", "y"]].assign(other=[row % 7 for row in range(60)]))
    assert splits.spec.encoding is None
    assert splits.spec.feature_names == ("fare", "other")


def test_what_a_run_keeps_of_an_encoding_reads_back_the_same(table):
    from nnlab.data.splits import DataSpec

    splits = table(people(), scale="standardize")
    import json

    again = DataSpec.from_json(json.loads(json.dumps(splits.spec.to_json())))
    assert again.to_json() == splits.spec.to_json()
    raw = {name: np.array(["x", None], object) for name in ("sex", "city")}
    raw |= {name: np.array([1.0, np.nan]) for name in ("age", "fare", "day", "member")}
    np.testing.assert_array_equal(only(again.scaled(raw)), only(splits.spec.scaled(raw)))


def test_kinds_are_refused_where_there_are_no_columns(load):
    from nnlab.errors import ConfigError

    with pytest.raises(ConfigError) as error:
        load(source="digits", features={"a": "numeric"})
    assert "goes with tables, not with `digits`" in str(error.value)


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.tf
def test_rows_go_in_as_people_have_them(nnlab, tmp_path, form):
    frame = people()
    if form == "parquet":
        pytest.importorskip("pyarrow")
        frame["day"] = pd.to_datetime(frame["day"])
        frame["member"] = frame["member"].map({"true": True, "false": False})
    file = tmp_path / f"t.{form}"
    write(frame, file)
    (tmp_path / "t.yaml").write_text(
        f"data: {{source: {form}, path: {file.name}, target: y, scale: standardize}}\n"
        "model: {hidden: [4]}\ntraining: {epochs: 1, tensorboard: false}\n"
    )
    assert nnlab("train", "t.yaml").code == 0
    (run,) = Path("runs").iterdir()
    assert nnlab("predict", run, "--split", "test", "-o", "p_test.csv").code == 0
    expected = pd.read_csv("p_test.csv")
    from nnlab.config.load import load_config
    from nnlab.data.loading import load_data

    kept = load_config(run / "config.yaml").experiment
    assert {name: kind.name for name, kind in kept.data.features.items()} == {
        "sex": "category", "age": "numeric", "fare": "numeric", "city": "category", "day": "date", "member": "boolean",
    }  # fmt: skip
    rows = load_data(kept.data, seed=kept.seed).record.rows["test"]["row"]
    some = frame.iloc[rows][["city", "member", "y", "day", "fare", "age", "sex", "name"]]  # another order
    write(some, tmp_path / f"new.{form}")
    assert nnlab("predict", run, f"new.{form}", "-o", "p_new.csv").code == 0
    wanted = [name for name in expected.columns if name.startswith("p")]
    pd.testing.assert_frame_equal(pd.read_csv("p_new.csv")[wanted], expected[wanted])
    assert nnlab("evaluate", run).code == 0
    assert nnlab("evaluate", run, "--input", f"new.{form}").code == 0

    strange = some.assign(city="Atlantis", age=None, day=None, member=None, sex="")
    write(strange, tmp_path / f"strange.{form}")
    assert nnlab("predict", run, f"strange.{form}", "-o", "p_strange.csv").code == 0
    assert pd.read_csv("p_strange.csv")[wanted].notna().all(axis=None)
    wrong = nnlab("predict", run, write(some.assign(fare="much"), tmp_path / f"wrong.{form}"), "-o", "p_wrong.csv")
    assert wrong.code == 2
    assert "column `fare` holds `much`, which is not a number" in wrong.err


def write(frame: pd.DataFrame, file: Path) -> Path:
    frame.to_csv(file, index=False) if file.suffix == ".csv" else frame.to_parquet(file)
    return file


def test_the_summary_says_the_kind_of_each_column_and_why(nnlab, tmp_path):
    import json

    people().to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "t.yaml").write_text("data: {source: csv, path: t.csv, target: y}\nmodel: {hidden: [4]}\n")
    columns = {column["name"]: column for column in json.loads(nnlab("data", "t.yaml", "--json").out)["columns"]}
    assert {name: column["kind"] for name, column in columns.items()} == {
        "id": "left out", "name": "left out", "sex": "category", "age": "numeric", "fare": "numeric",
        "city": "category", "day": "date", "member": "boolean", "y": "class",
    }  # fmt: skip
    assert columns["name"]["why"] == "text, all 60 different, as a name or an id has them"
    assert columns["age"]["missing"] > 0
    assert columns["city"]["distinct"] == 4
