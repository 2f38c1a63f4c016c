"""Evaluating or predicting with a run that keeps no model says where there is one."""

import json

import pytest

from nnlab.errors import NnlabError
from nnlab.run import Run


def made(folder, **info):
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("data: digits\nmodel: {hidden: [2]}\n")
    (folder / "run.json").write_text(json.dumps({"status": "completed", **info}))
    return Run(folder)


def refusal(run):
    with pytest.raises(NnlabError) as error:
        run.require_model()
    return str(error.value)


def test_a_search_names_one_of_its_trainings_and_its_best_config(tmp_path):
    search = made(tmp_path / "s", kind="search")
    made(tmp_path / "s" / "trials" / "0000")
    (made(tmp_path / "s" / "trials" / "0001").path / "model.keras").touch()
    search.write_best("data: digits\n")
    assert refusal(search) == (
        f"`{search.path}` is a search, and has no model of its own\n"
        f"  hint: name one of its trainings, such as `{search.path}/trials/0001`; "
        f"`nnlab train {search.path}/best.yaml` trains the best"
    )


def test_a_comparison_and_its_trainings_say_how_a_model_is_made(tmp_path):
    comparison = made(tmp_path / "c", kind="comparison")
    training = made(tmp_path / "c" / "trials" / "01_relu_seed0")
    assert refusal(comparison) == (
        f"`{comparison.path}` is a comparison, and has no model of its own\n"
        f"  hint: `nnlab train {comparison.path}/trials/NAME/config.yaml` trains one of it"
    )
    assert refusal(training) == (
        f"`{training.path}` keeps no model, as most trainings of comparisons and searches\n"
        f"  hint: `nnlab train {training.path}/config.yaml` trains it again, to the same model"
    )


def test_a_run_that_failed_has_none(tmp_path):
    assert "did not get that far" in refusal(made(tmp_path / "f", status="failed"))


def test_evaluate_and_predict_ask_for_the_model_before_they_read_data(nnlab, tmp_path):
    comparison = made(tmp_path / "c", kind="comparison")
    for command in (["evaluate", comparison.path], ["predict", comparison.path, "gone.csv"]):
        done = nnlab(*command)
        assert done.code == 2
        assert "is a comparison, and has no model of its own" in done.err
        assert "fingerprint" not in done.err
