"""Ways to split rows, against scikit-learn, and what is said of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, StratifiedShuffleSplit

from nnlab.config.data import DataConfig
from nnlab.data.folds import Fold
from nnlab.data.loading import load_data
from nnlab.data.splitting import ByClass, ByGroup, choose_rows
from nnlab.errors import ConfigError, DataError

SEEDS = st.integers(0, 2**32 - 1)


def by_class(y, seed, **sizes):
    y = np.array(y)
    way = ByClass(seed, classes=y, names=[f"c{code}" for code in range(y.max() + 1)], parts=1 + len(sizes))
    return choose_rows(len(y), way, **{"validation": 0, "test": 0, **sizes}), way


def sklearns(y, size, seed):
    return next(iter(StratifiedShuffleSplit(1, test_size=size, random_state=seed).split(y, y)))


@given(st.lists(st.integers(0, 3), min_size=20, max_size=120), st.sampled_from([0.1, 0.2, 0.33, 9]), SEEDS)
def test_stratified_rows_are_scikit_learns_where_every_split_has_every_class(y, size, seed):
    y = np.unique(np.array(y), return_inverse=True)[1]
    ours, way = by_class(y, seed, test=size)
    counts = np.bincount(y)
    if counts.min() < 2:
        assert set(np.flatnonzero(counts[y] < 2)) <= set(ours["train"])
        return
    try:
        train, test = sklearns(y, size, seed)
    except ValueError:  # less rows than classes
        return
    assert len(ours["test"]) == len(test)
    if set(y[test]) == set(y[train]) == set(y):
        assert ours["test"].tolist() == test.tolist()
        assert ours["train"].tolist() == train.tolist()
    assert set(y[ours["test"]]) == set(y)
    assert way.notes == []


def test_validation_rows_are_stratified_among_those_that_the_test_rows_leave():
    y = np.random.default_rng(0).integers(0, 3, 100)
    ours, _ = by_class(y, 7, test=0.2, validation=0.25)
    rest, test = sklearns(y, 0.2, 7)
    train, validation = sklearns(y[rest], 0.25, 7)
    assert ours["test"].tolist() == test.tolist()
    assert (ours["train"].tolist(), ours["validation"].tolist()) == (rest[train].tolist(), rest[validation].tolist())


@given(st.integers(1, 4), st.lists(st.integers(0, 2), min_size=30, max_size=60), SEEDS)
def test_a_class_of_three_rows_is_in_each_split_and_one_of_less_is_trained_on(rare, others, seed):
    y = np.unique(np.array([*others, 1, 0, 0, 0, 1, 1, *[3] * rare]), return_inverse=True)[1]
    ours, way = by_class(y, seed, test=0.2, validation=0.2)
    assert sorted(np.concatenate(list(ours.values()))) == list(range(len(y)))
    for code, count in enumerate(np.bincount(y)):
        where = {name for name, rows in ours.items() if code in y[rows]}
        assert where == ({"train"} if count < 3 else {"train", "validation", "test"})
    assert bool(way.notes) == (np.bincount(y).min() < 3)


@given(st.lists(st.integers(0, 12), min_size=30, max_size=80), st.sampled_from([0.2, 0.4, 2]), SEEDS)
def test_groups_are_drawn_as_scikit_learn_draws_them_and_never_parted(groups, size, seed):
    groups = np.unique([*groups, *range(8)], return_inverse=True)[1]
    ours = choose_rows(len(groups), ByGroup(seed, groups=groups), validation=size, test=size)
    rest, test = next(iter(GroupShuffleSplit(1, test_size=size, random_state=seed).split(groups, groups=groups)))
    split = GroupShuffleSplit(1, test_size=size, random_state=seed)
    train, validation = next(iter(split.split(rest, groups=groups[rest])))
    assert ours["test"].tolist() == test.tolist()
    assert (ours["train"].tolist(), ours["validation"].tolist()) == (rest[train].tolist(), rest[validation].tolist())
    assert sum(len(set(groups[rows])) for rows in ours.values()) == len(set(groups))


@given(st.lists(st.integers(0, 12), min_size=10, max_size=40), st.integers(2, 4), SEEDS)
def test_folds_of_groups_are_scikit_learns(groups, of, seed):
    groups = np.array([*groups, 1, 2, 3, 4])
    held = [own for _, own in GroupKFold(of, shuffle=True, random_state=seed).split(groups, groups=groups)]
    codes = np.unique(groups, return_inverse=True)[1]
    for number in range(1, of + 1):
        _, own = Fold(number, of, seed, groups=codes).split_off(np.arange(len(groups)), shuffle=True)
        assert own.tolist() == held[number - 1].tolist()


@pytest.fixture
def table(tmp_path):
    """Write a CSV of 40 rows, patients of 4 rows, days and words of splits, and load it."""
    lines = [
        f"{i * 0.5},p{i % 10},2024-01-{1 + (i * 7) % 20:02},{'train' if i < 25 else 'VAL' if i < 32 else 'test'},"
        f"{'often' if i % 8 else 'rare'},{i * i}"
        for i in range(40)
    ]
    file = tmp_path / "t.csv"

    def load(lines=lines, **section):
        file.write_text("\n".join(["x,patient,day,part,kind,y", *lines]) + "\n")
        given = {"source": "csv", "path": str(file), "target": "kind", **section}
        return load_data(DataConfig.read(given), seed=3)

    load.lines = lines
    return load


def rows(splits):
    return {name: own["row"].tolist() for name, own in splits.record.rows.items()}


def test_classes_of_tables_are_stratified_and_others_drawn_at_random(table):
    stratified, random = table(), table(split="random")
    assert (stratified.spec.split, random.spec.split) == ("stratified", "random")
    assert [int(split.y[""].sum()) for split in stratified.present.values()] == [3, 1, 1]
    assert rows(stratified) == rows(table(split={"by": "stratified"})) != rows(random)
    order = np.random.RandomState(3).permutation(40)
    assert rows(random)["test"] == order[:8].tolist()
    assert table(target="y").spec.split == "random"
    iris = load_data(DataConfig.read({"source": "iris"}), seed=0)
    assert (iris.spec.split, rows(iris)["test"][:5]) == ("random", [114, 62, 33, 107, 7])


def test_groups_columns_times_and_orders_split_and_are_no_features(table):
    grouped = table(split={"by": "group", "column": "patient"})
    patients = {name: {row % 10 for row in own} for name, own in rows(grouped).items()}
    assert sorted(map(len, patients.values())) == [2, 2, 6]
    assert len(set().union(*patients.values())) == 10
    assert "groups of `patient`: 6 train, 2 validation, 2 test" in grouped.spec.notes
    assert "patient" not in grouped.spec.column_names
    assert "patient" in table(split={"by": "group", "column": "patient"}, features=["x", "patient"]).spec.column_names
    timed = rows(table(split={"by": "time", "column": "day"}))
    days = {name: [(row * 7) % 20 for row in own] for name, own in timed.items()}
    assert max(days["train"]) < min(days["validation"]) <= max(days["validation"]) < min(days["test"])
    assert (days["train"], days["test"]) == (sorted(days["train"]), sorted(days["test"]))
    assert rows(table(split={"by": "time", "column": "x"}))["test"] == list(range(32, 40))
    assert rows(table(split="order"))["test"] == list(range(32, 40))
    told = table(split={"by": "column", "column": "part"})
    assert {name: len(own) for name, own in rows(told).items()} == {"train": 25, "validation": 7, "test": 8}


def test_rows_of_one_time_stay_together_and_the_sizes_are_said(table):
    splits = table(split={"by": "time", "column": "day"}, test=7, validation=0)
    assert splits.spec.num_test in (6, 8)
    assert f"test takes {splits.spec.num_test} rows rather than 7: rows of one `day` stay together" in splits.spec.notes
    with pytest.raises(DataError, match="all 40 rows have the same `day`"):
        table(
            [line.replace(line.split(",")[2], "2024-01-01") for line in table.lines],
            split={"by": "time", "column": "day"},
        )


def test_rare_classes_are_trained_on_and_missing_ones_said(table):
    lines = [line.replace("often", "single") if i == 5 else line for i, line in enumerate(table.lines)]
    splits = table(lines)
    assert (
        "the class `single` has less than 3 rows, too few for 3 splits: all of them are trained on" in splits.spec.notes
    )
    assert 5 in rows(splits)["train"]
    grouped = table(lines, split={"by": "group", "column": "patient"}, test=1, seed=1)
    assert any("has the class `single`" in note for note in grouped.spec.notes)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"split": "group"}, "`by: group` needs a column that says the group of each row"),
        ({"split": {"by": "random", "column": "x"}}, "`by: random` goes by no column"),
        ({"split": {"by": "column", "column": "part"}, "test": 0.2}, "`test` and `split: {by: column}` both say"),
        ({"split": {"by": "time", "column": "x"}, "validation": {"fold": 1, "of": 3}}, "folds take turns"),
        ({"split": "sorted"}, "unknown value `sorted`"),
        (
            {"split": "stratified", "target": "y"},
            "`stratified` needs one target with classes, and the task is regression",
        ),
        ({"split": {"by": "group", "column": "pateint"}}, "unknown column `pateint`"),
        ({"split": {"by": "column", "column": "patient"}}, "column `patient` holds `p0`, which names no split"),
        ({"split": {"by": "time", "column": "patient"}}, "column `patient` holds `p0`, which is neither a date nor a"),
        ({"split": {"by": "group", "column": "kind"}, "validation": 0.9}, "takes 1 of 1 groups and leaves none"),
    ],
)
def test_what_cannot_be_is_refused(table, section, message):
    with pytest.raises((ConfigError, DataError)) as error:
        table(**section)
    assert message in str(error.value)


@pytest.mark.parametrize(("by", "column"), [("group", "patient"), ("time", "day"), ("column", "part")])
def test_a_missing_value_has_its_line(table, by, column):
    place = {"patient": 1, "day": 2, "part": 3}[column]
    cells = table.lines[4].split(",")
    line = ",".join("" if i == place else cell for i, cell in enumerate(cells))
    with pytest.raises(DataError) as error:
        table([*table.lines[:4], line, *table.lines[5:]], split={"by": by, "column": column})
    assert f"t.csv:6: column `{column}` has 1 missing value, and has to say " in str(error.value)


def test_arrays_say_groups_too_also_those_of_a_test_set(tmp_path):
    def load(by="group", **arrays):
        np.savez(tmp_path / "a.npz", **{"x": np.arange(40.0).reshape(20, 2), "y": np.arange(20.0) * 0.3, **arrays})
        given = {"source": "npz", "path": str(tmp_path / "a.npz"), "split": {"by": by, "column": "g"}}
        return load_data(DataConfig.read(given), seed=0)

    splits = load(g=np.arange(20) // 4)
    groups = {name: {row // 4 for row in own} for name, own in rows(splits).items()}
    assert (sum(map(len, groups.values())), list(splits.train.x)) == (5, ["x"])
    tested = {"x_test": np.ones((2, 2)), "y_test": np.ones(2), "g": np.arange(20) // 4}
    with pytest.raises(DataError, match="the group of `g` `4` stands in the test set and in the other rows"):
        load(g_test=np.array([4, 9]), **tested)
    assert load(g_test=np.array([8, 9]), **tested).spec.num_test == 2
    with pytest.raises(DataError, match=r"the file has no `g_test`"):
        load(**tested)
    with pytest.raises(DataError, match=r"`g` holds `dog` in row 1 \(counted from 0\), which names no split"):
        load("column", g=np.array(["train", "dog"] * 10))


def test_the_command_says_what_rows_are_split_by(table, nnlab, tmp_path):
    table()
    config = tmp_path / "c.yaml"
    config.write_text(
        "data: {source: csv, path: t.csv, target: kind, split: {by: group, column: patient}}\nmodel: {hidden: [2]}\n"
    )
    out = nnlab("data", config).out
    assert "split: group `patient`\n" in out
    document = json.loads(nnlab("data", config, "--json").out)
    assert document["split_by"] == "group"
    first = document["columns"][0]
    assert (first["name"], first["role"], first["distinct"]) == ("patient", "split", 6)
