"""Putting a learning rate into a config file."""

from __future__ import annotations

import pytest

from nnlab.config.edit import with_learning_rate, write_learning_rate
from nnlab.config.load import load_config
from nnlab.errors import NnlabError
from samples import CONFIGS

ODD = """\
# A comment at the top
name:   odd        # aligned with nothing
data: { source: digits,   scale: 16 }
model:
    hidden: [32,
             16]   # two lines
    transfer: null

optimizer:
  SGD:   # the plain one
      learning_rate: 1e-2   # too small?
      momentum: 0.9

training: {epochs: 3,  batch_size: 1_000}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("optimizer: adam  # why", "optimizer: {adam: {learning_rate: 0.012}}  # why"),
        ("optimizer: {SGD: 0.1}", "optimizer: {SGD: 0.012}"),
        (
            "optimizer: {SGD: {learning_rate: 1, momentum: 0.9}}",
            "optimizer: {SGD: {learning_rate: 0.012, momentum: 0.9}}",
        ),
        ("optimizer: {Adam: {beta_1: 0.8}}", "optimizer: {Adam: {learning_rate: 0.012, beta_1: 0.8}}"),
        ("optimizer: {Adam: {}}", "optimizer: {Adam: {learning_rate: 0.012}}"),
        ("optimizer:\n  Adam:  # why\n", "optimizer:\n  Adam: {learning_rate: 0.012}  # why\n"),
        (
            "optimizer:\n  Adam:\n    # why\n    beta_1: 0.8\n",
            "optimizer:\n  Adam:\n    # why\n    learning_rate: 0.012\n    beta_1: 0.8\n",
        ),
        ("optimizer: null\nseed: 1", "optimizer: {RMSprop: {learning_rate: 0.012}}\nseed: 1"),
        ("seed: 1", "seed: 1\noptimizer: {RMSprop: {learning_rate: 0.012}}\n"),
        ("seed: 1\r\nname: x\r\n", "seed: 1\r\nname: x\r\noptimizer: {RMSprop: {learning_rate: 0.012}}\r\n"),
        ("{seed: 1}", "{optimizer: {RMSprop: {learning_rate: 0.012}}, seed: 1}"),
    ],
)
def test_the_rate_is_put_where_it_belongs_and_all_else_stays(before, after):
    assert with_learning_rate(before, "RMSprop", 0.012) == after


def test_a_small_rate_is_a_number_for_every_yaml():
    assert with_learning_rate("optimizer: {SGD: 1}", "SGD", 1e-5) == "optimizer: {SGD: 1.0e-05}"


def test_a_file_keeps_its_comments_its_layout_and_its_mode(write_config):
    path = write_config(ODD)
    path.chmod(0o640)
    write_learning_rate(path, 0.05)
    assert path.read_text() == ODD.replace("1e-2", "0.05")
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_of_the_gallery_can_be_written(path):
    text = path.read_text()
    name = load_config(path).experiment.optimizer.name
    written = with_learning_rate(text, name, 0.0123)
    kept = [line for line in text.splitlines() if "optimizer:" not in line]
    assert [line for line in written.splitlines() if "optimizer:" not in line] == kept
    assert "learning_rate: 0.0123" in written


def test_what_is_extended_is_overridden_and_left_alone(write_config):
    base = write_config("data: digits\nmodel: {hidden: [8]}\noptimizer: {SGD: {learning_rate: 1, momentum: 0.9}}")
    text = base.read_text()
    path = write_config(f"extends: {base.name}\nseed: 3\n", "top.yaml")
    write_learning_rate(path, 0.2)
    assert path.read_text() == f"extends: {base.name}\nseed: 3\noptimizer: {{SGD: {{learning_rate: 0.2}}}}\n"
    assert load_config(path).experiment.optimizer.parameters == {"learning_rate": 0.2, "momentum": 0.9}
    assert base.read_text() == text


@pytest.mark.parametrize("optimizer", ["sgd", "{SGD: &rate 0.5}\ntraining: {early_stopping: {min_delta: *rate}}"])
def test_a_file_that_would_then_mean_something_else_is_left_as_it_is(write_config, optimizer):
    write_config("data: digits\nmodel: {hidden: [8]}\noptimizer: {SGD: {momentum: 0.9}}", "base.yaml")
    path = write_config(f"extends: base.yaml\noptimizer: {optimizer}\n", "top.yaml")
    before = path.read_text()
    with pytest.raises(NnlabError, match=r"cannot be put into .* without changing something else") as error:
        write_learning_rate(path, 0.2)
    assert error.value.problems[0].hint == "put `learning_rate: 0.2` there yourself"
    assert path.read_text() == before
    assert len(list(path.parent.iterdir())) == 2
