"""`nnlab loss` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest

LOGITS = "[[2, .5, 6], [.1, 0, 3]]"
SPARSE = ("loss", "sparse_categorical_crossentropy", "--true", "[2, 1]", "--predicted", LOGITS)


@pytest.mark.tf
def test_each_row_the_sum_and_the_mean_are_shown(nnlab):
    done = nnlab(*SPARSE, "--from-logits")
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[3:5] == [["0", "2", "2", "0.5", "6", "0.022155158"], ["1", "1", "0.1", "0", "3", "3.0996735"]]
    assert lines[-2:] == [["sum", "3.1218287"], ["mean", "1.5609143"]]
    document = json.loads(nnlab(*SPARSE, "--from-logits", "--json").out)
    assert document["name"] == "sparse_categorical_crossentropy"
    assert [*document["rows"], document["sum"]] == pytest.approx([0.02215516, 3.0996735, 3.1218286], rel=2e-7)
    assert [document["mean"], document["value"]] == pytest.approx([document["sum"] / 2] * 2)


@pytest.mark.tf
def test_softmax_twice_is_shown_and_said(nnlab):
    done = nnlab(*SPARSE, "--activation", "softmax", "--from-logits", "--json")
    document = json.loads(done.out)
    assert document["rows"] == pytest.approx([0.56551915, 1.4743223], rel=2e-7)
    assert "softmax is applied once more" in document["notes"][0]
    assert json.loads(nnlab(*SPARSE, "--activation", "softmax", "--json").out)["notes"] == []
    assert "note: `sparse_categorical_crossentropy` expects probabilities" in nnlab(*SPARSE).err
    assert nnlab(*SPARSE, "-q").err == ""


@pytest.mark.tf
def test_parameters_files_and_metrics(nnlab, tmp_path):
    (tmp_path / "p.csv").write_text("a,b\n1,2\n3,7\n")
    np.save(tmp_path / "y.npy", np.array([[1.0, 2.0], [3.0, 3.0]]))
    arguments = ("huber", "--true", "y.npy", "--predicted", "p.csv", "-P", "delta=2", "-P", "reduction=sum")
    document = json.loads(nnlab("loss", *arguments, "--json").out)
    assert (document["rows"], document["value"]) == ([0.0, 3.0], 3.0)
    out = nnlab("loss", *arguments[:-2], "-P", "reduction=sum").out
    assert "all   3, as Keras reports" in out
    document = json.loads(nnlab("loss", "auc", "--true", "[0, 1]", "--predicted", "[.2, .7]", "--json").out)
    assert (document["rows"], document["sum"], document["mean"], document["value"]) == (None, None, None, 1.0)
    assert "one value for all rows together" in document["notes"][0]
    none = nnlab("loss", "pearson_correlation", "--true", "[1, 1]", "--predicted", "[1, 2]")
    assert "has no value for these numbers: it comes to nan" in none.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["crossentropi", "--true", "1", "--predicted", "1"], "unknown loss or metric `crossentropi`\n  hint: "),
        (["mse", "--true", "1", "--predicted", "1", "--from-logits"], "`mean_squared_error` takes no logits\n  hint: "),
        (["huber", "--true", "1", "--predicted", "1", "-P", "beta=2"], "huber.beta: `huber` has no parameter `beta`\n"),
        (["mse", "--true", "[1", "--predicted", "1"], "--true [1: "),
        (["mse", "--true", "y.csv", "--predicted", "1"], "there is no file `y.csv`\n"),
        (
            ["mse", "--true", "1e300", "--predicted", "1"],
            "the true values hold a number of the size 1e+300, and float32",
        ),
        (["mse", "--true", "text.csv", "--predicted", "1"], "text.csv:2: "),
        (
            ["mse", "--true", "1", "--predicted", "1", "--activation", "rellu"],
            "unknown activation `rellu`\n  hint: did",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused_before_tensorflow_starts(nnlab, tmp_path, arguments, message):
    (tmp_path / "text.csv").write_text("a\nblue\nred\n")
    done = nnlab("loss", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)
