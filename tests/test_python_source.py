"""`source: python`: rows that a function of the user's own gives, with the checks of all other sources."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nnlab.config.load import load_config
from nnlab.data.loading import load_data
from nnlab.errors import ConfigError, DataError, NnlabError
from nnlab.run import Run
from nnlab.user_code import trust

CODE = """
from pathlib import Path

import numpy as np
import pandas as pd

Path(__file__).with_name("has_run").touch()
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(60, 3))
Y = X @ [1.0, 2.0, 3.0]


def pair(scale: float = 1.0):
    return scale * X, Y


def two_sets():
    return (X[:40], Y[:40]), (X[40:], Y[40:])


def named():
    return {"left": X[:, :2], "right": X[:, 2:], "y": Y}


def table(rows, seed=7):
    words = np.where(X[:rows, 0] > 0, "up", "down")
    return pd.DataFrame({"id": range(rows), "a": X[:rows, 1], "word": pd.Categorical(words), "y": Y[:rows] + seed})


def beside():
    frame = table(50)
    return frame[["a", "word"]], frame["y"].rename("price")


def nothing():
    return None


def fails():
    raise KeyError("no such year")


def uneven():
    return X, Y[:10]


def words():
    return X, np.where(Y > 0, "more", "less")


def from_tensorflow(batch=0, known=True):
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices((X.astype("float32"), (Y > 0).astype("int32")))
    rows = rows if known else rows.filter(lambda x, y: True)
    return rows.batch(batch) if batch else rows
"""

TEXT = """
name: own-rows
data: {source: python, object: my_data.py:FUNCTION, EXTRA}
model: {hidden: [3]}
training: {epochs: 1, tensorboard: false}
"""


@pytest.fixture
def loaded(tmp_path):
    """Load the rows of a function of the file."""
    (tmp_path / "my_data.py").write_text(CODE)

    def load(function: str, extra: str = "task: regression", **how):
        (tmp_path / "own.yaml").write_text(TEXT.replace("FUNCTION", function).replace("EXTRA", extra))
        config = load_config(tmp_path / "own.yaml")
        trust(config.named_code)
        return load_data(config.experiment.data, seed=how.get("seed", 0))

    return load


def all_rows(splits) -> np.ndarray:
    parts = [splits.train, splits.validation, splits.test]
    return np.concatenate([np.column_stack([*part.x.values(), *part.y.values()]) for part in parts])


def test_arrays_are_what_an_npz_file_of_them_is(loaded, tmp_path):
    own = loaded("pair")
    scope: dict = {"__file__": str(tmp_path / "my_data.py")}
    exec(CODE, scope)
    np.savez(tmp_path / "rows.npz", x=scope["X"], y=scope["Y"])
    (tmp_path / "npz.yaml").write_text("data: {source: npz, path: rows.npz, task: regression}\nmodel: {hidden: [3]}\n")
    same = load_data(load_config(tmp_path / "npz.yaml").experiment.data, seed=0)
    np.testing.assert_array_equal(all_rows(own), all_rows(same))
    assert {name: rows.tobytes() for name, rows in own.record.rows.items()} == {
        name: rows.tobytes() for name, rows in same.record.rows.items()
    }
    np.testing.assert_allclose(all_rows(loaded("pair", "arguments: {scale: 2.0}"))[:, :3], 2 * all_rows(own)[:, :3])


def test_a_table_is_encoded_as_tables_are(loaded):
    splits = loaded("table", "target: y, arguments: {rows: 50}", seed=3)
    assert splits.spec.feature_names == ("a", "word=(unknown)", "word=down", "word=up")
    assert any("`id`" in note for note in splits.spec.notes)
    assert loaded("beside").spec.targets[""].names == ("price",)
    first, other = (loaded("table", "target: y, arguments: {rows: 50}, split: order", seed=seed) for seed in (3, 4))
    assert np.allclose(other.train.y[""] - first.train.y[""], 1)  # an argument `seed` is the experiment's


def test_arrays_by_name_and_a_test_set_of_its_own(loaded):
    assert loaded("named", "target: y, task: regression").spec.input_shapes == {"left": (2,), "right": (1,)}
    assert loaded("two_sets").spec.num_test == 20
    assert loaded("words", "split: random").spec.targets[""].class_names == ("less", "more")


@pytest.mark.tf
def test_a_dataset_of_tensorflow_gives_its_rows_batched_or_not(loaded):
    one, other = (
        all_rows(loaded("from_tensorflow", extra)) for extra in ("arguments: {batch: 0}", "arguments: {batch: 7}")
    )
    np.testing.assert_array_equal(one, other)
    with pytest.raises(DataError, match=r"does not say how long it is\n.*assert_cardinality"):
        loaded("from_tensorflow", "arguments: {known: false}")


@pytest.mark.parametrize(
    ("function", "extra", "message"),
    [
        ("nothing", "task: regression", "`nothing` returns nothing, and no rows"),
        ("fails", "task: regression", "`fails` fails: KeyError: 'no such year'\n  hint: correct the code at line 40"),
        ("uneven", "task: regression", "`x` has 60 rows, `y` has 10"),
        ("table", "arguments: {rows: 9}", "`table` returns a table, whose target is not named"),
        ("table", "target: z, arguments: {rows: 9}", "`z`"),
    ],
)
def test_what_is_no_rows_is_said(loaded, function, extra, message):
    with pytest.raises(NnlabError) as caught:
        loaded(function, extra)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("function", "extra", "message"),
    [
        ("tabel", "target: y", "defines no function or class `tabel`"),
        ("table", "target: y", "`table` needs `rows`"),
        ("pair", "arguments: {scales: 2}", "`pair` has no argument `scales`"),
    ],
)
def test_what_the_file_does_not_have_is_said_without_running_it(loaded, tmp_path, function, extra, message):
    with pytest.raises(ConfigError, match=message):
        loaded(function, extra)
    assert not (tmp_path / "has_run").exists()


@pytest.mark.tf
def test_every_command_takes_it_and_runs_it_only_where_it_is_trusted(nnlab, tmp_path):
    (tmp_path / "my_data.py").write_text(CODE)
    extra = "target: y, arguments: {rows: 50}"
    (tmp_path / "own.yaml").write_text(TEXT.replace("FUNCTION", "table").replace("EXTRA", extra))
    commands = ("train", "data", "schedule", "summary", "find-lr", "check-gradients", "inspect")
    for command in commands:
        done = nnlab(command, "own.yaml")
        assert (done.code, (tmp_path / "has_run").exists()) == (2, False), command
        assert "my_data.py`, for `table`, is Python code" in done.err
    assert nnlab("data", "own.yaml", "--trust-code", "--json").code == 0
    run = Run(Path(json.loads(nnlab("train", "own.yaml", "--trust-code", "--json").out)["run"]))
    (tmp_path / "my_data.py").unlink()
    assert "object: code/my_data.py:table" in run.config_path.read_text()
    done = nnlab("evaluate", run.path, "--trust-code", "--json")
    assert json.loads(done.out)["metrics"] == run.read_metrics()["test"]
    frame = pd.DataFrame({"word": ["up", "sideways"], "a": [0.5, None]})
    frame.to_csv(tmp_path / "new.csv", index=False)
    assert nnlab("predict", run.path, "new.csv", "--trust-code", "-o", "out.csv").code == 0
    copy = run.path / "code" / "my_data.py"
    copy.write_text(CODE.replace("* [1.0", "* [9.0") + "\n")
    assert "has changed since the run was trained with it" in nnlab("evaluate", run.path, "--trust-code").err
