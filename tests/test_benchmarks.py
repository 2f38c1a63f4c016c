"""The benchmarks' tables: that they find their place in the document."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def rounds(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import rounds

    yield rounds
    del sys.modules["rounds"]


@pytest.mark.parametrize("name", ["epochs", "first_epoch", "many", "compare", "tune", "reading"])
def test_each_benchmark_has_its_place_in_docs_speed(rounds, name):
    document = (ROOT / "docs/speed.md").read_text()
    first = rounds.replaced(document, name, "| old |")
    second = rounds.replaced(first, name, "| new |")
    assert "| new |" in second
    assert "| old |" not in second
    assert second.replace("| new |", "| old |") == first


def test_a_document_without_the_place_is_refused(rounds):
    with pytest.raises(SystemExit, match="has no lines `<!-- many -->`"):
        rounds.replaced("# Speed", "many", "| new |")


def test_a_ratio_compares_within_a_round_and_tells_its_spread(rounds):
    results = {"plain": [{"s": 4.0}, {"s": 9.0}, {"s": 4.0}], "ours": [{"s": 2.0}, {"s": 3.0}, {"s": 1.0}]}
    assert rounds.ratio(results, "plain", "ours", "s") == "3.00 (2-4)"
