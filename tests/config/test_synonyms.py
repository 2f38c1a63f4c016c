"""The table of synonyms: whatever it says to write holds here, and says what the other library's word says."""

import re

import pytest
import yaml

from nnlab import catalog
from nnlab.config.components import OneOf
from nnlab.config.remedies import unknown_name_remedy, unknown_parameter_remedy
from nnlab.config.schema import Experiment
from nnlab.config.section import Section
from nnlab.config.synonyms import KEYS, NAMES, NO_PARAMETERS, PARAMETERS, Meant, name_meant

ALL_NAMES = [
    (kind, word, meant) for kind, names in NAMES.items() for words, meant in names.items() for word in words.split()
]
ALL_PARAMETERS = [
    (kind, word, targets)
    for kind, parameters in PARAMETERS.items()
    for words, targets in parameters.items()
    for word in words.split()
]


@pytest.mark.parametrize(
    ("kind", "word", "meant"), ALL_NAMES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_a_name_elsewhere_is_called_here_can_be_written(kind: str, word: str, meant: Meant):
    assert catalog.find(kind, word) is None, "the word has a meaning of its own"
    assert name_meant(kind, word) == meant, "the word stands in the table twice"
    if meant.write is None:
        assert meant.note
        return
    if isinstance(meant.write, str):
        assert catalog.find(kind, meant.write) is not None
    else:
        OneOf(kind).read(meant.write)
    hint = unknown_name_remedy(kind, word, [*catalog.names(kind)], all_allowed=True)
    written = re.match(r"write `(.*?)`", hint)[1]
    assert yaml.safe_load(written if isinstance(meant.write, str) else f"{{{written}}}") == meant.write


@pytest.mark.parametrize(("kind", "word", "targets"), ALL_PARAMETERS)
def test_what_a_parameter_elsewhere_is_called_here_is_a_parameter(kind, word, targets):
    for target in (each.write if isinstance(each, Meant) else each for each in targets):
        owners = [entry for entry in catalog.entries(kind).values() if target in entry.parameters]
        assert owners, f"no object has `{target}`"
        entry = next(each for each in owners if word not in each.parameters)
        known = [target]
        assert unknown_parameter_remedy(entry, word, known, value=1).startswith(f"write `{target}`")


def test_a_word_means_one_thing():
    for table in (PARAMETERS, NO_PARAMETERS, NAMES, {"": KEYS}):
        for kind, meanings in table.items():
            words = [word for words in meanings for word in words.split()]
            assert len({word.casefold().replace("_", "") for word in words}) == len(words), kind


def test_what_other_keys_are_called_here_are_keys():
    fragments = [text for hint in KEYS.values() for text in re.findall(r"`(\w+: .*?)`", hint)]
    assert len(fragments) > 20
    for text in fragments:
        _hold(Experiment, yaml.safe_load(text.replace("...", "a")))


def _hold(section: type[Section], plain: dict) -> None:
    for name, value in plain.items():
        known = section.keys()
        assert name in known, f"no key `{name}`"
        inside = getattr(known[name].shape, "section", None)
        if inside is not None and isinstance(value, dict):
            _hold(inside, value)


@pytest.mark.parametrize(
    ("kind", "name", "parameter", "default"),
    [
        ("losses", "smooth_l1", "beta", 1.0),
        ("losses", "huber", "delta", 1.0),
        ("layers", "RandomizedLeakyReLU", "lower", 1 / 8),
        ("layers", "RandomizedLeakyReLU", "upper", 1 / 3),
        ("optimizers", "Adagrad", "initial_accumulator_value", 0.1),
        ("schedules", "performance", "factor", 0.1),
        ("schedules", "performance", "patience", 10),
        ("schedules", "polynomial", "end_learning_rate", 0.0001),
    ],
)
def test_what_is_said_to_be_equal_without_parameters_has_the_default_of_the_other(kind, name, parameter, default):
    assert catalog.find(kind, name).parameters[parameter].default == default
