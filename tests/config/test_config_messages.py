"""How problems read, and that what a hint says to write can be written."""

import pytest

from nnlab.errors import ConfigError, Problem, did_you_mean
from nnlab.wording import listed, number_text, one_of, show


def test_a_message_stays_in_its_line_and_cannot_command_the_terminal():
    problem = Problem("received `a\nb\x1b[31m`", path=("na\tme",), file="x.yaml", line=2, column=3)
    assert str(problem) == r"x.yaml:2:3: na\tme: received `a\nb\x1b[31m`"


@pytest.mark.parametrize(
    ("word", "choices", "hint"),
    [
        ("rellu", ["relu", "selu"], "did you mean `relu`?"),
        ("RELU", ["relu", "relu6"], "did you mean `relu`?"),
        ("Conv", ["Conv1D", "Conv2D", "Conv3D", "Dense"], "did you mean `Conv1D`, `Conv2D` or `Conv3D`?"),
        ("lr", ["learning_rate", "clipnorm"], "did you mean `learning_rate`?"),
        ("banana", ["relu", "selu"], None),
        ("", ["relu"], None),
    ],
)
def test_what_was_meant_is_what_comes_nearest(word, choices, hint):
    assert did_you_mean(word, choices) == hint


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "`true`"),
        (0.5, "`0.5`"),
        ("relu", "`relu`"),
        ("5", "`'5'`"),
        ("true", "`'true'`"),
        ("", "`''`"),
        ("2026-01-31", "`2026-01-31`"),
        ([], "an empty list"),
        ([1, 2], "a list of 2"),
        ({}, "an empty mapping"),
        (dict.fromkeys("abcdef"), "a mapping with `a`, `b`, `c`, `d` and 2 more"),
        ("x" * 100, f"`{'x' * 57}...`"),
    ],
)
def test_a_value_is_shown_as_yaml_would_write_it(value, text):
    assert show(value) == text


def test_lists_of_names_are_cut():
    assert listed("abc", most=2) == "`a`, `b` and 1 more"
    assert (one_of(["a", "b"]), one_of(["a"])) == ("one of `a`, `b`", "only `a`")


def test_limits_are_written_without_exponents():
    assert [number_text(number) for number in (1e7, 0.5, 2**32)] == ["10000000", "0.5", "4294967296"]


HIDDEN = "data: digits\nmodel: {hidden: [8]}\n"
LAYERS = "data: digits\nmodel: {layers: [%s]}\n"


@pytest.mark.parametrize(
    ("broken", "hint", "mended"),
    [
        (LAYERS % "relu", "`Activation: relu`", LAYERS % "{Activation: relu}"),
        (LAYERS % "{Dense: , units: 8}", "`Dense: {units: 8}`", LAYERS % "{Dense: {units: 8}}"),
        (LAYERS % "{type: Dense, units: 8}", "`Dense: {units: 8}`", LAYERS % "{Dense: {units: 8}}"),
        (LAYERS % "{repeat: 2, Dense: 8}", "`layers: [{Dense: 8}]`", LAYERS % "{repeat: 2, layers: [{Dense: 8}]}"),
        (LAYERS % "Dense()", "`Dense`", LAYERS % "{Dense: 8}"),
        (LAYERS % "8", "`Dense: 8`", LAYERS % "{Dense: 8}"),
        ("data: digits\nmodel: {hidden: 8}", "`[8]`", HIDDEN),
        ("data: digits\nmodel: {hidden: [8], activation: None}", "`null`", HIDDEN),
        (HIDDEN + "training: {early_stopping: true}", "`early_stopping: {}`", HIDDEN),
        (HIDDEN + "training: {metrics: accuracy}", "`[accuracy]`", HIDDEN + "training: {metrics: [accuracy]}"),
        (HIDDEN + "epochs: 3", "under `training`", HIDDEN + "training: {epochs: 3}"),
        (HIDDEN + "training: {seed: 3}", "at the top of the config", HIDDEN + "seed: 3"),
        (HIDDEN + "optimizer: {SGD: {lr: 3}}", "`learning_rate`", HIDDEN + "optimizer: {SGD: {learning_rate: 3}}"),
        (HIDDEN + "momentum: 0.9", "`optimizer: {SGD: {momentum: ...}}`", HIDDEN + "optimizer: {SGD: {momentum: 0.9}}"),
        (HIDDEN + "name: 2024", "`'2024'`", HIDDEN + "name: '2024'"),
        (HIDDEN + "seed: '3'", "remove the quotes", HIDDEN + "seed: 3"),
        (HIDDEN + "optimizer:\n  SGD: 0,5", "`0.5`", HIDDEN + "optimizer: {SGD: 0.5}"),
        (HIDDEN + "optimizer: {SGD: {nesterov: yes}}", "`true`", HIDDEN + "optimizer: {SGD: {nesterov: true}}"),
        ("data: {source: digits, test: 20%}\nmodel: {hidden: [8]}", "`0.2`", HIDDEN),
    ],
)  # fmt: skip
def test_what_a_hint_says_can_be_written(config, broken, hint, mended):
    with pytest.raises(ConfigError) as caught:
        config(broken)
    assert any(hint in (problem.hint or "") for problem in caught.value.problems)
    config(mended)
