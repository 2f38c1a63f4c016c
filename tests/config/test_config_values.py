"""Values, places, anchors: what YAML text says."""

import math

import pytest

from nnlab.config.nodes import read_text, resolve_scalar
from nnlab.errors import ConfigError


def plain(text):
    return read_text(text, "file.yaml").plain()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("-2.5e+3", -2500.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("10_000", 10000),
        ("1_000.5", 1000.5),
        ("0x10", 16),
        ("0o17", 15),
        ("007", 7),
        ("+4", 4),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("1e400", math.inf),
        ("True", True),
        ("false", False),
        ("~", None),
        ("NULL", None),
        ("", None),
    ],
)
def test_a_plain_scalar_is_what_yaml_1_2_says(text, value):
    assert resolve_scalar(text) == value
    assert type(resolve_scalar(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    ["yes", "No", "on", "off", "y", "2026-01-31", "12:30", "1:2", "1,5", "0b1", "1e", "e5", "_1", "1.2.3", "0x", "nan"],
)
def test_what_is_no_number_stays_text(text):
    assert resolve_scalar(text) == text


def test_not_a_number_is_a_number():
    assert math.isnan(resolve_scalar(".NaN"))


@pytest.mark.parametrize("digits", [41, 5000])
def test_a_number_of_many_digits_is_only_inexact(digits):
    assert resolve_scalar("9" * digits) == float("9" * digits)


def test_a_number_in_quotes_is_text():
    assert plain("['1', \"2.5\", 'null', 'true']") == ["1", "2.5", "null", "true"]


def test_keys_are_text():
    assert plain("{1: a, true: b, null: c, 0.5: d}") == {"1": "a", "true": "b", "null": "c", "0.5": "d"}


def test_every_value_knows_its_place():
    root = read_text("data: digits\nmodel:\n  layers:\n    - Dense: {units: 10, activation: relu}\n", "file.yaml")
    mark = root.find(("model", "layers", 0, "Dense", "activation"))
    assert (mark.file, mark.line, mark.column) == ("file.yaml", 4, 38)


def test_every_key_knows_its_place():
    root = read_text("data: digits\nmodel:\n  activation: relu\n", "file.yaml")
    mark = root.find(("model", "activation"), key=True)
    assert (mark.line, mark.column) == (3, 3)


def test_what_is_missing_has_the_place_of_what_should_hold_it():
    root = read_text("data: digits\nmodel:\n  hidden: [3]\n", "file.yaml")
    mark = root.find(("model", "layers", 2))
    assert (mark.line, mark.column) == (2, 1)


def test_an_anchor_is_used_again_by_its_alias():
    assert plain("a: &x {b: [1, 2]}\nc: *x\n") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}


def test_changing_a_copy_leaves_its_anchor_alone():
    root = read_text("a: &x {b: 1}\nc: *x\n", "file.yaml")
    root.value["c"].value["b"].value = 2
    assert root.plain() == {"a": {"b": 1}, "c": {"b": 2}}


def test_a_copy_stands_at_its_alias_and_its_values_at_their_anchor():
    root = read_text("a: &x {b: 1}\nc: *x\n", "file.yaml")
    assert (root.find(("c",)).line, root.find(("c", "b")).line) == (2, 1)


def test_a_merge_key_gives_what_is_not_written():
    assert plain("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n")["d"] == {"b": 1, "c": 3}


def test_what_is_written_wins_whether_it_stands_before_or_after_the_merge_key():
    text = "a: &x {b: 1}\nbefore: {b: 2, <<: *x}\nafter: {<<: *x, b: 2}\n"
    assert plain(text)["before"] == plain(text)["after"] == {"b": 2}


def test_the_first_of_several_merged_mappings_wins():
    assert plain("- &x {a: 1}\n- &y {a: 2, b: 3}\n- {<<: [*x, *y]}\n")[2] == {"a": 1, "b": 3}


def test_a_key_beside_a_merge_key_may_not_stand_twice():
    with pytest.raises(ConfigError, match="the key `b` stands here a second time"):
        read_text("a: &x {b: 1}\nc: {<<: *x, b: 2, b: 3}\n", "file.yaml")


@pytest.mark.parametrize("nested", ["[" * 41 + "]" * 41, "{a: " * 41 + "}" * 41])
def test_nesting_ends_at_forty_levels(nested):
    assert read_text("[" * 40 + "]" * 40, "file.yaml").depth == 40
    with pytest.raises(ConfigError, match="nested deeper than 40 levels"):
        read_text(nested, "file.yaml")


def test_aliases_cannot_nest_deeper_than_what_is_written():
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
    with pytest.raises(ConfigError, match="nested deeper than 40 levels"):
        read_text(chain, "file.yaml")


def test_text_of_the_command_line_that_is_not_utf_8_is_refused():
    with pytest.raises(ConfigError, match="the value is not UTF-8 text"):
        read_text("a\udcff", "--set name=...", located=False)
