"""Broken configs and what is said about them: `corpus/NAME.yaml` with the messages expected in `corpus/NAME.txt`.

A first line `# overrides: a.b=1 | c=2` gives what `--set` gets. The data of a config that holds are loaded; the model
too is planned for names that start with `fit_`, and built for those that start with `model_`. Run this file to write
the expected messages anew, and read them.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from nnlab.config.load import load_config
from nnlab.data.loading import load_data
from nnlab.errors import NnlabError
from nnlab.model.plan import check_before_data
from nnlab.model.prepared import prepare_model

CORPUS = Path(__file__).resolve().with_name("corpus")
OVERRIDES = b"# overrides: "
CASES = [
    pytest.param(path.stem, marks=[pytest.mark.tf] if path.stem.startswith("model_") else [])
    for path in sorted(CORPUS.glob("*.yaml"))
]


@pytest.mark.parametrize("name", CASES)
def test_the_messages_for_a_broken_config_are_as_expected(name, monkeypatch):
    monkeypatch.chdir(CORPUS)
    assert messages(name) == (CORPUS / f"{name}.txt").read_text(encoding="utf-8")


def test_the_corpus_is_complete():
    names = {path.stem for path in CORPUS.glob("*.yaml")}
    assert len(names) >= 60
    assert {path.stem for path in CORPUS.glob("*.txt")} == names


def messages(name: str) -> str:
    """Return what the command line would write to stderr for a case, run in the corpus's folder."""
    with pytest.raises(NnlabError) as caught:
        use(Path(f"{name}.yaml"))
    text = "".join(f"{problem}\n" for problem in caught.value.problems)
    return text.replace(f"{CORPUS}{os.sep}", "")  # data files have absolute paths


def use(path: Path) -> None:
    """Do with a config what training it does before the first epoch."""
    config = load_config(path, given_overrides(path))
    try:
        splits = load_data(config.experiment.data, seed=config.experiment.seed)
        if path.stem.startswith("fit_"):
            check_before_data(config.experiment)
            prepare_model(config.experiment, splits)
        if path.stem.startswith("model_"):
            from nnlab.engine.built import build_seeded

            build_seeded(config.experiment, splits)
    except NnlabError as error:
        raise type(error)([config.locate(problem) for problem in error.problems]) from error


def given_overrides(path: Path) -> list[str]:
    first, _, _ = path.read_bytes().partition(b"\n")
    return first.removeprefix(OVERRIDES).decode().split(" | ") if first.startswith(OVERRIDES) else []


def rewrite() -> None:
    """Write every case's expected messages anew."""
    with contextlib.chdir(CORPUS):
        for path in sorted(Path().glob("*.yaml")):
            path.with_suffix(".txt").write_text(messages(path.stem), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
