"""`nnlab init --from`: a config that beats linear models without an edit, of any table."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge

from nnlab.config.by_name import only
from nnlab.config.load import load_config
from nnlab.data.loading import load_data
from nnlab.model.plan import plan_model


def built_in(name):
    data = getattr(datasets, f"load_{name}")()
    classes = getattr(data, "target_names", None)
    answers = data.target if classes is None else classes[data.target]
    return pd.DataFrame(data.data, columns=list(data.feature_names)).assign(answer=answers)


def with_holes(frame, random, **shares):
    for column, share in shares.items():
        frame.loc[random.random(len(frame)) < share, column] = np.nan
    return frame


def people():
    """Who leaves, of four plans, in twelve cities, by season, age and income, some of which nobody knows."""
    random, n = np.random.default_rng(1), 400
    joined = pd.Timestamp("2021-01-01") + pd.to_timedelta(random.integers(0, 1000, n), "D")
    plan = random.choice(["free", "basic", "team", "firm"], n, p=[0.4, 0.3, 0.2, 0.1])
    age, income = random.normal(40, 12, n).round(), np.exp(random.normal(10, 0.8, n)).round()
    score = pd.Series(plan).map({"free": 1.2, "basic": 0.3, "team": -0.6, "firm": -1.5}).to_numpy()
    score = score + 0.6 * np.sin(2 * np.pi * joined.day_of_year / 365) + 0.05 * (age - 40) - 0.8 * (np.log(income) - 10)
    frame = pd.DataFrame({
        "joined": joined.strftime("%d.%m.%Y"), "plan": plan, "city": [f"city {i}" for i in random.integers(0, 12, n)],
        "age": age, "income": income, "answer": np.where(score + random.logistic(0, 0.7, n) > 0, "left", "stayed"),
    })  # fmt: skip
    return with_holes(frame, random, age=0.1, income=0.15, plan=0.05)


def rents():
    """Rents by part of a town, heating, size, floor and lift, that rise with the years and in winter."""
    random, n = np.random.default_rng(2), 400
    day = pd.Timestamp("2022-01-01") + pd.to_timedelta(random.integers(0, 730, n), "D")
    part = random.choice(["north", "east", "south", "west", "centre"], n)
    size, floor = random.gamma(6, 12, n).round(1), random.integers(0, 6, n)
    of_part = {"north": 0, "east": -40, "south": 80, "west": 30, "centre": 250}
    rent = 150 + 9 * size + pd.Series(part).map(of_part).to_numpy()
    rent = rent + 60 * np.cos(2 * np.pi * day.day_of_year / 365) + 0.1 * (day - day.min()).days - 15 * floor
    frame = pd.DataFrame({
        "day": day.strftime("%Y-%m-%d"), "part": part, "heating": random.choice(["gas", "oil", "wood"], n),
        "size": size, "floor": floor, "lift": random.choice(["true", "false"], n),
        "answer": (rent + random.normal(0, 70, n)).round(2),
    })  # fmt: skip
    return with_holes(frame, random, size=0.1, heating=0.2)


TABLES = {name: lambda name=name: built_in(name) for name in ("iris", "wine", "breast_cancer", "diabetes")}
TABLES |= {"people": people, "rents": rents}


@pytest.fixture
def init(nnlab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(frame, *words, target="answer"):
        frame.to_csv("table.csv", index=False)
        done = nnlab("init", "--from", "table.csv", "--target", target, *words)
        assert done.code == 0, done.err
        return done

    return write


@pytest.mark.tf
@pytest.mark.usefixtures("shared_programs")
@pytest.mark.parametrize("name", TABLES)
def test_the_config_is_as_good_as_linear_models_without_an_edit(name, init, nnlab):
    init(TABLES[name]())
    experiment = load_config(Path("table.yaml")).experiment
    splits = load_data(experiment.data, seed=experiment.seed)
    (train_x, train_y), (test_x, test_y) = (
        (only(split.x), np.ravel(only(split.y))) for split in (splits.train, splits.test)
    )
    is_regression = splits.spec.target_of("").task == "regression"
    linear = Ridge() if is_regression else LogisticRegression(max_iter=5000)
    linear.fit(train_x, train_y)
    done = nnlab("train", "table.yaml", "--json")
    found = json.loads(done.out)["metrics"]["test"]["r2_score" if is_regression else "accuracy"]
    print(name, found, linear.score(test_x, test_y))
    assert found >= linear.score(test_x, test_y) - 0.02


def odd():
    """Names that YAML would read as something else, an id, a constant, patients, and who is in which split."""
    random, n = np.random.default_rng(3), 120
    return pd.DataFrame({
        "id": np.arange(n), "yes": random.normal(size=n), "a: b": random.integers(0, 3, n), "#": random.normal(size=n),
        "it's": [f"p{i}" for i in random.integers(0, 30, n)], "same": 1.0, "seen": "2024-01-01",
        "part": ["train"] * 80 + ["val"] * 20 + ["test"] * 20,
        "answer": np.where(random.random(n) < 0.2, "rare", "often"),
    })  # fmt: skip


def loaded():
    experiment = load_config(Path("table.yaml")).experiment
    return experiment, load_data(experiment.data, seed=experiment.seed).spec


def test_columns_that_say_the_split_ids_and_constants_are_known(init):
    init(odd())
    experiment, spec = loaded()
    assert (experiment.data.split.by, experiment.data.split.column) == ("column", "part")
    assert (spec.num_train, spec.num_validation, spec.num_test) == (80, 20, 20)
    assert {"yes", "a: b", "#", "it's"} <= set(spec.column_names)
    assert not {"id", "same", "seen", "part"} & set(spec.column_names)
    text = Path("table.yaml").read_text()
    assert re.search("    - id +# whole numbers, all 120 different, as an id has them\n", text)
    assert re.search("    'a: b': numeric +# numbers, 0 to 2, 3 different; `category` if they are codes\n", text)
    assert "# class_weight: balanced" in text


def test_ways_to_split_that_only_a_person_can_choose_are_told_of(init):
    init(odd().drop(columns="part").assign(seen=lambda frame: pd.date_range("2024-01-01", periods=len(frame)).date))
    text = Path("table.yaml").read_text()
    assert "\n  split: stratified " in text
    for said, by in (("# split: {by: time, column: seen}", "time"), ("# split: {by: group, column: it's}", "group")):
        assert said in text
        chosen = text.replace("  split: stratified", "  # split: stratified").replace(said, said[2:])
        Path("table.yaml").write_text(chosen)
        assert loaded()[1].split == by


@pytest.mark.parametrize(
    ("target", "task"), [("answer", "binary"), ("it's", "multiclass"), ("yes", "regression"), ("x", "multilabel")]
)
def test_loss_and_end_are_those_that_the_task_has_by_default(init, target, task):
    frame = odd().assign(x=lambda frame: frame["yes"] > 0, z=lambda frame: frame["#"] > 0)
    more = ["--target", "z"] if target == "x" else []
    init(frame[["yes", "#", "it's", "x", "z", "answer"]], *more, target=target)
    experiment, spec = loaded()
    assert spec.target_of("").task == task
    plan = plan_model(experiment, spec)
    by_default = plan_model(replace(experiment, training=replace(experiment.training, loss=None)), spec)
    assert plan.outputs == by_default.outputs


def test_wide_tables_many_categories_and_few_rows(init):
    random = np.random.default_rng(4)
    wide = pd.DataFrame(random.normal(size=(30, 150))).add_prefix("f").assign(answer=random.normal(size=30))
    init(wide)
    assert loaded()[0].data.features is None
    assert "# features: 150 numeric; their kinds are read off their values" in Path("table.yaml").read_text()
    Path("table.yaml").unlink()
    init(pd.DataFrame({"place": [f"p{i % 400}" for i in range(900)], "answer": ["a", "b", "b"] * 300}))
    assert loaded()[0].data.features["place"].parameters["encoding"] == "embedding"
    Path("table.yaml").unlink()
    init(wide[["f1", "answer"]].head(6))
    experiment, spec = loaded()
    assert (spec.num_train, spec.num_validation, spec.num_test) == (6, 0, 0)
    assert experiment.training.early_stopping is None


def test_what_is_wrong_names_the_option_and_nothing_is_overwritten(init, nnlab):
    done = init(odd(), "--json", "--ignore", "yes")
    assert json.loads(done.out)["config"] == "table.yaml"
    assert "yes" not in loaded()[1].column_names
    before = Path("table.yaml").read_text()
    for words, message in [
        (["--from", "table.csv", "--target", "answer"], "`table.yaml` is there already"),
        (
            ["--from", "table.csv", "--target", "answr", "-o", "b.yaml"],
            "--target: unknown column `answr`\n  hint: did you mean",
        ),
        (["--from", "tabel.csv", "--target", "answer", "-o", "b.yaml"], "--from: there is no file `tabel.csv`"),
        (["--from", ".", "--target", "answer", "-o", "b.yaml"], "`.` is a folder, and a table is a file"),
        (["--from", "table.csv", "--target", "inputs", "-o", "b.yaml"], "--target: `inputs` means that what comes in"),
    ]:
        done = nnlab("init", *words)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    assert not Path("b.yaml").exists()
    assert Path("table.yaml").read_text() == before


def test_a_column_that_cannot_be_read_may_be_left_out(nnlab):
    odd().assign(share=lambda frame: [f"{i} %" for i in range(len(frame))]).to_csv("messy.csv", index=False)
    done = nnlab("init", "--from", "messy.csv", "--target", "answer")
    assert done.code == 2
    assert "`--ignore COLUMN` leaves a column out" in done.err
    assert nnlab("init", "--from", "messy.csv", "--target", "answer", "--ignore", "share", "-q").code == 0
    assert Path("messy.yaml").exists()
