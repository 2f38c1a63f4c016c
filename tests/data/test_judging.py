"""A run is judged with what it was trained on: its columns, classes, scaling and rows, whatever became of its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from nnlab.config.load import dump_config, load_config
from nnlab.data.judging import JudgedRows, data_record, rows_of_file, rows_of_split, unseen_rows_of_source
from nnlab.data.loading import load_data
from nnlab.data.splits import Split, Splits
from nnlab.errors import NnlabError
from nnlab.model.plan import plan_model, with_plan
from nnlab.run import Run


@pytest.fixture
def kept(tmp_path):
    """Leave what a training leaves of its data: `run, splits = kept(source="iris", ...)`."""

    def kept(model=None, **section) -> tuple[Run, Splits]:
        text = yaml.safe_dump({"data": section, "model": model or {"hidden": [4]}})
        (tmp_path / "config.yaml").write_text(text)
        experiment = load_config(tmp_path / "config.yaml").experiment
        splits = load_data(experiment.data, seed=experiment.seed)
        settled = with_plan(experiment, splits.spec, plan_model(experiment, splits.spec))
        run = Run.new(tmp_path / "runs", "kept")
        run.create(config=dump_config(settled), source=text)
        run.write_data(splits.to_json())
        return run, splits

    return kept


@pytest.fixture
def flowers(tmp_path) -> Path:
    """A table of 60 rows in three classes."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(60, 3)).round(3), columns=["a", "b", "c"])
    frame.assign(y=random.permutation(["high", "low", "mid"] * 20)).to_csv(tmp_path / "flowers.csv", index=False)
    return tmp_path / "flowers.csv"


def changed(file: Path, change) -> pd.DataFrame:
    frame = change(pd.read_csv(file))
    frame.to_csv(file, index=False)
    return frame


def same_rows(judged: JudgedRows, split) -> None:
    for found, wanted in ((judged.rows.x, split.x), (judged.rows.y, split.y)):
        assert list(found) == list(wanted)
        for name in wanted:
            assert found[name].dtype == wanted[name].dtype
            np.testing.assert_array_equal(found[name], wanted[name])


def all_rows(run: Run, splits: Splits) -> Split:
    """Return the rows of all splits in the order of their file."""
    parts = [(data_record(run).rows[name]["row"], getattr(splits, name)) for name in ("train", "validation", "test")]
    order = np.argsort(np.concatenate([numbers for numbers, _ in parts]))

    def joined(*arrays: dict) -> dict:
        return {name: np.concatenate([some[name] for some in arrays])[order] for name in arrays[0]}

    return Split(joined(*(part.x for _, part in parts)), joined(*(part.y for _, part in parts)))


def refused(judge, *arguments) -> str:
    with pytest.raises(NnlabError) as error:
        judge(*arguments)
    return str(error.value)


def inline(**columns) -> dict:
    return {"source": "inline", "columns": columns}


NUMBERS = [float(number) for number in range(20)]
LABELS = [number % 2 for number in range(20)]
TABLES = {
    "numbers as classes": {**inline(x=NUMBERS, y=[number % 3 for number in range(20)]), "target": "y"},
    "booleans": {**inline(x=NUMBERS, y=[number % 2 == 0 for number in range(20)]), "target": "y"},
    "regression": {**inline(x=NUMBERS, z=NUMBERS[::-1], y=[x / 3 for x in NUMBERS]), "target": "y"},
    "several targets": {**inline(x=NUMBERS, a=[x / 3 for x in NUMBERS], b=NUMBERS), "target": ["a", "b"]},
    "several labels": {**inline(x=NUMBERS, a=LABELS, b=LABELS[::-1]), "target": ["a", "b"], "task": "multilabel"},
    "the inputs": {**inline(x=NUMBERS, z=NUMBERS[::-1]), "target": "inputs", "scale": "standardize"},
    "some classes": {"source": "iris", "classes": ["virginica", "setosa"], "scale": "minmax"},
    "classes by number": {"source": "digits", "classes": [7, 3, 1], "scale": 16},
    "one against the rest": {"source": "wine", "positive_class": "class_1", "scale": "standardize"},
    "chosen features": {"source": "iris", "features": [3, "sepal length (cm)"]},
    "a limit": {"source": "breast_cancer", "limit": 100, "validation": 0.3},
    "generated": {"source": "moons", "seed": 3},
    "no validation rows": {"source": "diabetes", "validation": 0},
}


@pytest.mark.parametrize("section", TABLES.values(), ids=TABLES)
def test_the_rows_of_each_split_are_those_that_were_trained_validated_and_tested_on(kept, section):
    run, splits = kept(**section)
    for name in ("train", "validation", "test"):
        if getattr(splits, name) is None:
            assert f"the run has no {name} rows" in refused(rows_of_split, run, name)
        else:
            judged = rows_of_split(run, name)
            same_rows(judged, getattr(splits, name))
            assert judged.notes == ()
    same_rows(unseen_rows_of_source(run), splits.test)


def test_arrays_by_name_with_a_test_set_of_their_own_are_found_again(kept, tmp_path):
    random = np.random.default_rng(0)
    arrays = {
        f"{name}_{part}": random.normal(size=(rows, *shape)).astype(np.float32)
        for part, rows in (("train", 30), ("test", 8))
        for name, shape in (("image", (4, 4)), ("meta", (2,)))
    }
    labels = {"y_train": random.integers(0, 3, 30), "y_test": random.integers(0, 3, 8)}
    np.savez(tmp_path / "own.npz", **arrays, **labels)
    layers = {
        "flat": {"Flatten": {}, "from": "image"},
        "both": {"Concatenate": {}, "from": ["flat", "meta"]},
        "main": {"Dense": {"units": 3, "activation": "softmax"}, "from": "both"},
    }
    model = {"type": "functional", "inputs": ["image", "meta"], "layers": layers, "outputs": ["main"]}
    run, splits = kept(model, source="npz", path="own.npz", validation=6, scale={"meta": "standardize"})
    for name in ("train", "validation", "test"):
        same_rows(rows_of_split(run, name), getattr(splits, name))
    swapped = {name: array[::-1] for name, array in {**arrays, **labels}.items()}
    np.savez(tmp_path / "own.npz", **swapped)
    assert "the 38 rows are the same, in another order" in refused(rows_of_split, run, "test")
    same_rows(unseen_rows_of_source(run), splits.test)


def test_every_output_is_judged_by_its_own_target(kept, tmp_path):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(40, 2)), columns=["a", "b"])
    frame = frame.assign(
        who=random.choice(["ann", "bob", "cid"], 40), score=random.random(40), height=random.random(40)
    )
    frame.to_csv(tmp_path / "people.csv", index=False)
    layers = {
        "main": {"Dense": {"units": 3, "activation": "softmax"}, "from": "x"},
        "aux": {"Dense": 2, "from": "x"},
        "again": {"Dense": 2, "from": "x"},
    }
    model = {"type": "functional", "inputs": ["x"], "layers": layers, "outputs": ["main", "aux", "again"]}
    target = {"main": "who", "aux": ["score", "height"], "again": "inputs"}
    run, splits = kept(model, source="csv", path="people.csv", target=target, scale="standardize")
    same_rows(rows_of_split(run, "test"), splits.test)
    changed(tmp_path / "people.csv", lambda frame: frame.sort_values("a").iloc[:, ::-1])
    assert "the 40 rows are the same, in another order" in refused(rows_of_split, run, "test")
    same_rows(unseen_rows_of_source(run), splits.test)
    assert rows_of_file(run, tmp_path / "people.csv").counts["train"] == splits.train.count
    arrays = {name: frame[name].to_numpy(str if name == "who" else float) for name in ("who", "score", "height")}
    np.savez(tmp_path / "people.npz", x=frame[["a", "b"]].to_numpy(), **arrays)
    judged = rows_of_file(run, tmp_path / "people.npz")
    same_rows(judged, all_rows(run, splits))


def test_a_target_by_the_name_of_the_only_output_is_known_again(kept):
    model = {"type": "functional", "inputs": ["x"], "layers": {"main": {"Dense": 3, "from": "x"}}, "outputs": ["main"]}
    run, splits = kept(model, **TABLES["numbers as classes"] | {"target": {"main": "y"}})
    same_rows(rows_of_split(run, "test"), splits.test)
    same_rows(unseen_rows_of_source(run), splits.test)


def test_numbers_of_another_type_in_an_npz_file_are_the_same_rows(kept, tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 5))
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(40) % 2)
    run, splits = kept(source="npz", path="data.npz", scale="standardize")
    np.savez(tmp_path / "data.npz", x=x.astype(np.float32), y=(np.arange(40) % 2).astype(np.uint8))
    judged = rows_of_split(run, "test")
    np.testing.assert_allclose(judged.rows.x["x"], splits.test.x["x"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(judged.rows.y[""], splits.test.y[""])
    assert "written anew, with the same rows" in judged.notes[0]
    assert unseen_rows_of_source(run).counts["new"] == 0


def test_columns_are_found_by_name_wherever_they_stand_and_new_ones_are_left_alone(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y", scale="standardize")
    changed(flowers, lambda frame: frame[["c", "y", "b", "a"]].assign(note="x"))
    judged = rows_of_split(run, "test")
    same_rows(judged, splits.test)
    assert judged.notes == (f"`{flowers}` has been written anew, with the same rows in the same order",)


def test_columns_that_a_config_calls_by_number_are_those_of_the_training(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target=-1, features=[0, 2])
    changed(flowers, lambda frame: frame[["y", "c", "b", "a"]].assign(z="high"))
    same_rows(rows_of_split(run, "test"), splits.test)
    same_rows(rows_of_file(run, flowers), all_rows(run, splits))


def test_windows_line_endings_are_the_same_rows(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y")
    flowers.write_bytes(flowers.read_bytes().replace(b"\n", b"\r\n"))
    same_rows(rows_of_split(run, "validation"), splits.validation)


CHANGES = {
    "sorted": (lambda frame: frame.sort_values("a"), "the 60 rows are the same, in another order"),
    "a value": (lambda frame: frame.assign(a=[9.0, *frame["a"][1:]]), "1 of 60 rows has changed, the first is row 0"),
    "a target": (
        lambda frame: frame.assign(y=[*frame["y"][:-1], {"low": "mid"}.get(frame["y"].iloc[-1], "low")]),
        "1 of 60 rows has another target, the first is row 59",
    ),
    "fewer rows": (lambda frame: frame[5:], "55 rows there, 60 then: 5 are gone"),
    "more rows": (
        lambda frame: pd.concat([frame, frame[:2].assign(a=[7.0, 8.0])]),
        "62 rows there, 60 then: 2 are new",
    ),
    "a class gone": (lambda frame: frame[frame["y"] != "mid"], "40 rows there, 60 then: 20 are gone"),
    "a class renamed": (
        lambda frame: frame.replace({"high": "top"}),
        "20 rows have the class `top`, which the run does not know",
    ),
    "a column renamed": (lambda frame: frame.rename(columns={"b": "bb"}), "unknown column `b`"),
    "no target": (lambda frame: frame.drop(columns="y"), "unknown column `y`"),
}


@pytest.mark.parametrize(("change", "what"), CHANGES.values(), ids=CHANGES)
def test_changed_data_are_refused_with_what_differs_and_two_ways_on(kept, flowers, change, what):
    run, _ = kept(source="csv", path=str(flowers), target="y")
    changed(flowers, change)
    message = refused(rows_of_split, run, "test")
    assert what in message
    assert "the file is not the one that the run was trained on" in message
    assert "`--changed-data`" in message
    assert "`--input FILE`" in message


def test_a_file_that_is_gone_points_to_where_it_is_and_to_other_labelled_files(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y", scale="standardize")
    moved = flowers.rename(flowers.with_name("moved.csv"))
    assert refused(rows_of_split, run, "test") == (
        f"the run's data are gone: there is no `{flowers}`\n"
        "  hint: `--input FILE --split test` evaluates the test rows if the file is elsewhere now, "
        "`--input FILE` all rows of a labelled file"
    )
    for name in ("train", "validation", "test"):
        same_rows(rows_of_split(run, name, moved_to=moved), getattr(splits, name))
    same_rows(unseen_rows_of_source(run, moved_to=moved), splits.test)
    changed(moved, lambda frame: frame.sort_values("a"))
    with pytest.raises(NnlabError, match="the 60 rows are the same, in another order"):
        rows_of_split(run, "test", moved_to=moved)


def test_data_that_are_no_file_have_not_moved(kept, flowers):
    run, _ = kept(source="iris")
    with pytest.raises(NnlabError, match="the run's data are `iris`, not a file that may have moved"):
        rows_of_split(run, "test", moved_to=flowers)


def test_rows_that_may_have_been_changed_rather_than_removed_are_said_not_to_be_surely_unseen(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y")
    changed(flowers, lambda frame: frame.round(1))
    judged = unseen_rows_of_source(run)
    gone = splits.train.count + splits.validation.count - judged.counts["train"] - judged.counts["validation"]
    assert gone > 0
    assert judged.notes[1].startswith(f"{gone} rows that were trained or validated on are not there any more")


@pytest.mark.parametrize("seed", range(3))
def test_changed_data_never_bring_training_rows_into_the_test_figure(kept, flowers, seed):
    run, splits = kept(source="csv", path=str(flowers), target="y", scale="standardize", seed=seed)
    new = pd.DataFrame({"a": [5.0, 6.0], "b": [1.0, 2.0], "c": [0.0, 0.5], "y": ["low", "mid"]})
    changed(flowers, lambda frame: pd.concat([new, frame]).sample(frac=1, random_state=seed))
    judged = unseen_rows_of_source(run)
    count = splits.test.count
    np.testing.assert_array_equal(judged.rows.x[""][:count], splits.test.x[""])
    np.testing.assert_array_equal(judged.rows.y[""][:count], splits.test.y[""])
    x_new = splits.spec.scaled({"": new[["a", "b", "c"]].to_numpy()})[""]
    assert sorted(judged.rows.x[""][count:].tolist()) == sorted(x_new.tolist())
    sizes = {"train": splits.train.count, "validation": splits.validation.count, "unused": 0}
    assert judged.counts == {"evaluated": count + 2, "test": count, "new": 2, **sizes}
    assert f"left out: {sizes['train']} trained on, {sizes['validation']} validated on" in judged.notes[0]


def test_rows_that_stand_several_times_count_as_trained_on_beyond_those_of_the_test_split(kept, tmp_path):
    x = [float(i % 10) for i in range(60)]  # each row six times, in training, validation and test
    pd.DataFrame({"x": x, "y": [2 * value for value in x]}).to_csv(tmp_path / "twins.csv", index=False)
    run, splits = kept(source="csv", path="twins.csv", target="y", task="regression")
    changed(tmp_path / "twins.csv", lambda frame: frame.sort_values("x"))
    same_rows(unseen_rows_of_source(run), splits.test)
    twins = pd.DataFrame({"x": [float(splits.train.x[""][0, 0])] * 2, "y": [2 * float(splits.train.x[""][0, 0]), 99.0]})
    changed(tmp_path / "twins.csv", lambda frame: pd.concat([twins, frame]))
    judged = unseen_rows_of_source(run)
    same_rows(judged, splits.test)
    left_out = judged.counts["train"] + judged.counts["validation"]
    assert left_out == 62 - splits.test.count  # and so is a row of the same features with another target


def test_rows_that_a_limit_left_out_are_no_test_rows(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y", limit=30)
    changed(flowers, lambda frame: frame.sort_values("c"))
    judged = unseen_rows_of_source(run)
    same_rows(judged, splits.test)
    assert judged.counts["unused"] == 60 - 30 - splits.validation.count - splits.test.count


def test_data_without_any_unseen_row_have_no_figure(kept, flowers):
    run, _ = kept(source="csv", path=str(flowers), target="y", test=0)
    assert "no row is left that the run was neither trained nor validated on" in refused(unseen_rows_of_source, run)


def test_a_class_that_takes_no_part_may_be_renamed_only_if_the_run_knows_it(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y", classes=["low", "high"])
    same_rows(rows_of_split(run, "test"), splits.test)
    changed(flowers, lambda frame: frame.replace({"mid": "middle"}))
    assert "20 rows have the class `middle`" in refused(rows_of_split, run, "test")


def test_a_renamed_positive_class_is_no_part_of_the_rest(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y", positive_class="low")
    same_rows(rows_of_split(run, "test"), splits.test)
    changed(flowers, lambda frame: frame.replace({"low": "Low"}))
    assert "20 rows have the class `Low`" in refused(rows_of_split, run, "test")
    assert "20 rows have the class `Low`" in refused(unseen_rows_of_source, run)


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_a_labelled_file_is_encoded_as_the_run_was_and_its_seen_rows_are_counted(kept, flowers, tmp_path, kind):
    run, splits = kept(source="csv", path=str(flowers), target="y", scale="standardize")
    frame = pd.read_csv(flowers)[:30].replace({"high": "low"})  # one class is not there: numbered anew, all would move
    file = tmp_path / f"rows.{kind}"
    if kind == "csv":
        frame[["y", "c", "a", "b"]].to_csv(file, index=False)
    elif kind == "parquet":
        pytest.importorskip("pyarrow")
        frame[["y", "c", "a", "b"]].to_parquet(file)
    else:
        np.savez(file, x=frame[["a", "b", "c"]].to_numpy(), y=frame["y"].to_numpy(str))
    judged = rows_of_file(run, file)
    np.testing.assert_array_equal(judged.rows.x[""], splits.spec.scaled({"": frame[["a", "b", "c"]].to_numpy()})[""])
    assert [splits.spec.targets[""].class_names[code] for code in judged.rows.y[""]] == frame["y"].tolist()
    record = data_record(run)
    trained = np.isin(np.arange(30), record.rows["train"]["row"]).sum()
    validated = np.isin(np.arange(30), record.rows["validation"]["row"]).sum()
    assert judged.counts == {"evaluated": 30, "train": trained, "validation": validated}
    assert f"{trained} of the 30 rows were trained on and {validated} validated on" in judged.notes[0]


def test_classes_of_built_in_sets_may_be_names_or_numbers(kept, tmp_path):
    from sklearn.datasets import load_iris

    run, splits = kept(source="iris", classes=["virginica", "setosa"])
    iris = load_iris(as_frame=True)
    iris.data.assign(species=iris.target).to_csv(tmp_path / "numbers.csv", index=False)
    iris.data.assign(species=iris.target_names[iris.target]).to_csv(tmp_path / "names.csv", index=False)
    by_number, by_name = rows_of_file(run, tmp_path / "numbers.csv"), rows_of_file(run, tmp_path / "names.csv")
    same_rows(by_number, by_name.rows)
    np.testing.assert_array_equal(by_name.rows.y[""].reshape(-1), 1 - iris.target[iris.target != 1] // 2)
    assert by_name.counts["train"] >= splits.train.count  # iris has two equal flowers
    assert by_name.notes[0] == "50 rows are of classes that the run was not trained on, and left out"


def test_a_file_without_the_target_is_for_predicting(kept, flowers, tmp_path):
    run, _ = kept(source="csv", path=str(flowers), target="y")
    pd.read_csv(flowers).drop(columns="y").to_csv(tmp_path / "rows.csv", index=False)
    assert "the file has no target: no `y`" in refused(rows_of_file, run, tmp_path / "rows.csv")
    np.save(tmp_path / "rows.npy", np.zeros((2, 3)))
    assert "the file has no target: no `y`" in refused(rows_of_file, run, tmp_path / "rows.npy")


def test_a_run_without_a_record_is_judged_by_its_columns_and_classes_and_says_so(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y", scale="standardize")
    record = json.loads(run.data_path.read_text())
    run.write_data({name: value for name, value in record.items() if name != "record"})
    changed(flowers, lambda frame: frame[["c", "b", "a", "y"]])
    judged = rows_of_split(run, "test")
    same_rows(judged, splits.test)
    assert "keeps no fingerprint of its data" in judged.notes[0]
    assert "keeps no fingerprint of its rows" in refused(unseen_rows_of_source, run)
    changed(flowers, lambda frame: frame.replace({"high": "top"}))
    assert "the class `top`" in refused(rows_of_split, run, "test")
    changed(flowers, lambda frame: frame.replace({"top": "high"})[1:])
    assert "not the one that the run was trained on" in refused(rows_of_split, run, "test")


@pytest.mark.parametrize("section", [TABLES["some classes"], TABLES["one against the rest"]])
def test_a_run_without_a_record_keeps_its_choice_of_classes(kept, section):
    run, splits = kept(**section)
    run.write_data(splits.spec.to_json())
    same_rows(rows_of_split(run, "test"), splits.test)


def test_a_damaged_record_is_named(kept):
    run, splits = kept(source="iris")
    for broken in (
        [],
        {"rows": {"train": "%"}, "classes": {}, "file": None},
        {"rows": {}, "classes": {}, "file": None},
    ):
        run.write_data({**splits.to_json(), "record": broken})
        assert "data.json` cannot be read" in refused(rows_of_split, run, "test")


def test_a_record_says_which_row_was_in_which_split(kept, flowers):
    run, splits = kept(source="csv", path=str(flowers), target="y")
    rows = data_record(run).rows
    frame = pd.read_csv(flowers)
    np.testing.assert_allclose(frame[["a", "b", "c"]].to_numpy()[rows["test"]["row"]], splits.test.x[""], rtol=1e-6)
    assert sorted(np.concatenate([part["row"] for part in rows.values()])) == list(range(60))


def test_hashing_sixty_thousand_pictures_takes_well_under_a_second():
    import time

    from nnlab.data.fingerprint import hash_rows

    pictures = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), np.uint8)
    pictures[1] = pictures[0]
    began = time.process_time()
    hashes = hash_rows([pictures])
    assert time.process_time() - began < 1.0
    assert len(np.unique(hashes)) == 59_999


def test_hashes_tell_small_whole_numbers_and_their_places_apart():
    from nnlab.data.fingerprint import hash_rows

    grid = np.stack(np.meshgrid(*[np.arange(30)] * 3), axis=-1).reshape(-1, 3)
    assert len(np.unique(hash_rows([grid]))) == len(grid)
    assert len(np.unique(hash_rows([grid[:, :1], grid[:, 1:]]))) == len(grid)
    np.testing.assert_array_equal(hash_rows([grid]), hash_rows([grid.astype(np.float64)]))
    np.testing.assert_array_equal(hash_rows([np.zeros((1, 2))]), hash_rows([-np.zeros((1, 2))]))
