"""The registry of rules: a mistake refuses a config, advice does not."""

from __future__ import annotations

import json

import pytest

from nnlab.config import checks
from nnlab.config.checks import CHECKS, check
from nnlab.config.faults import Fault
from nnlab.config.training import TrainingConfig

TEXT = "data: digits\nmodel: {hidden: [4]}\ntraining:\n  batch_size: 7\n"


@pytest.fixture
def own_rules(monkeypatch):
    """Forget the rules that a test registers."""
    monkeypatch.setattr(checks, "CHECKS", dict(CHECKS))


@pytest.mark.usefixtures("own_rules")
def test_advice_is_told_with_its_rule_and_place_and_refuses_nothing(nnlab, tmp_path):
    @check("odd-batches", TrainingConfig, severity="advice")
    def odd_batches(training):
        if training.batch_size % 2:
            yield Fault(("batch_size",), "rows a step are odd", "take an even number")

    (tmp_path / "a.yaml").write_text(TEXT)
    done = nnlab("validate", "a.yaml")
    assert (done.code, done.out) == (0, "a.yaml: ok\n")
    expected = (
        "a.yaml:4:15: training.batch_size: advice[odd-batches]: rows a step are odd\n  hint: take an even number\n"
    )
    assert done.err == expected


@pytest.mark.usefixtures("own_rules")
def test_all_mistakes_of_all_rules_are_told_at_once_with_their_names(nnlab, tmp_path):
    @check("no-sevens", TrainingConfig)
    def no_sevens(given):
        if given.get("batch_size") == 7:
            yield Fault(("batch_size",), "sevens are not taken")

    (tmp_path / "a.yaml").write_text(f"{TEXT}  epochs: 0\n  engine: exact\n  jit_compile: true\n")
    done = nnlab("validate", "a.yaml", "--json")
    problems = json.loads(done.out)["problems"]
    assert done.code == 2
    assert [(problem["path"], problem["rule"]) for problem in problems] == [
        ("training.batch_size", "no-sevens"),
        ("training.epochs", None),
        ("training.jit_compile", "engines-without-xla"),
    ]


def test_rules_have_names_of_their_own_and_say_what_they_are_for():
    for name, rule in CHECKS.items():
        assert name == rule.name
        assert rule.find.__doc__
