"""Which kind a column is of, as its values suggest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from nnlab.config.components import Component
from nnlab.config.data import DataConfig
from nnlab.data.cells import Unfit, are_decimal_commas, looks_like_a_figure, unfit
from nnlab.data.encoding.date import are_mostly_dates, formats_of, moments
from nnlab.data.table import Fault, Table, nested
from nnlab.wording import counted

_MANY_ROWS = 20
"""Of less rows nobody can tell an id from a measure."""

_WORDS_OF_TEXT = 5
"""A column of text has so many words a row or more; names and addresses have less."""


_ENOUGH_VALUES = 10_000
"""So many values show whether they are sentences."""


class Guess(NamedTuple):
    """What a column is taken for.

    Args:
        kind: with the parameters that reading it again needs; `None` for a column without values.
        why: goes on after the column's name and kind.
        is_left_out: whether it is no feature unless the config names it.
    """

    kind: Component | None
    why: str
    is_left_out: bool = False


def guess(table: Table, position: int) -> Guess | Fault:
    """Say what a column is, by its values in all rows, or what is wrong with them."""
    import pandas as pd

    column = table.column(position)
    count = len(column)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":  # most columns of wide tables
        if np.isnan(column.to_numpy()).all():
            return Guess(None, "it has no value in any row", is_left_out=True)
        return Guess(Component("columns", "numeric"), "numbers")
    fault = nested(table, column, can_leave_out=True)
    if fault is not None:
        return fault
    if not column.notna().any():
        return Guess(None, "it has no value in any row", is_left_out=True)
    is_long = count >= _MANY_ROWS
    if pd.api.types.is_bool_dtype(column.dtype):
        return Guess(Component("columns", "boolean"), "true and false")
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return Guess(Component("columns", "date"), "dates")
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column.dtype):
        if is_long and pd.api.types.is_integer_dtype(column.dtype) and column.is_unique and not column.hasnans:
            why = f"whole numbers, all {count:,} different, as an id has them"
            return Guess(Component("columns", "numeric"), why, is_left_out=True)
        return Guess(Component("columns", "numeric"), "numbers")
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Guess(Component("columns", "category"), "categories")
    values = [value.strip() if isinstance(value, str) else value for value in column.dropna().unique()]
    values = [value for value in dict.fromkeys(values) if value != ""]
    if not values:
        return Guess(None, "it has no value in any row", is_left_out=True)
    return _of_text(table, position, values)


class Kinds(NamedTuple):
    """What the columns of a table are taken for.

    Args:
        features: the kind of each feature, and why.
        left_out: columns that are none, though the config does not leave them out, and why.
        faults: what is wrong with others.
    """

    features: dict[str, Guess]
    left_out: dict[str, Guess]
    faults: list[Fault]

    @property
    def components(self) -> dict[str, Component]:
        """The kinds of the features with their parameters."""
        return {name: guess.kind for name, guess in self.features.items() if guess.kind is not None}


def choose_kinds(table: Table, positions: Iterable[int], config: DataConfig) -> Kinds:
    """Say what each column is taken for.

    Args:
        table: the rows.
        positions: of the columns that may be features.
        config: names some of them, perhaps with their kinds.
    """
    said = config.features if isinstance(config.features, Mapping) else {}
    are_named = config.features is not None and not said
    features: dict[str, Guess] = {}
    left_out: dict[str, Guess] = {}
    faults: list[Fault] = []
    for position in positions:
        name = str(table.column(position).name)
        found = Guess(said[name], "as the config says") if name in said else guess(table, position)
        if isinstance(found, Fault):
            faults.append(found)
        elif found.is_left_out and not are_named:
            left_out[name] = found
        elif found.kind is not None:
            features[name] = found
        else:
            faults.append(
                Fault(
                    name,
                    0,
                    "nothing",
                    "has no value in any row",
                    "have no value in any row",
                    "remove it from `features`",
                )
            )
    if not features and not faults:  # what is alone is no id
        features = {name: found for name, found in left_out.items() if found.kind is not None}
        left_out = {name: found for name, found in left_out.items() if found.kind is None}
    return Kinds(features, left_out, faults)


def _of_text(table: Table, position: int, values: list[Any]) -> Guess | Fault:
    """Say what a column of text, or of values of any type, is by its different values."""
    column = table.column(position)
    if all(isinstance(value, (bool, np.bool_)) or str(value).lower() in ("true", "false") for value in values):
        return Guess(Component("columns", "boolean"), "true and false")
    there = [value for value in values if not table.is_missing(value)]
    bad = [value for value in there if table.number_in(value) is None]
    if there and not bad:
        return Guess(Component("columns", "numeric"), "numbers")
    if are_decimal_commas(there):
        return Guess(Component("columns", "numeric"), "numbers with decimal commas")
    bad = bad or values  # nothing but what may stand for a missing value
    what = unfit(values, bad, role="feature")
    if what.is_date:
        forms = formats_of([str(value) for value in bad])
        if len(bad) == len(there) and len(forms) == 1:
            return Guess(Component("columns", "date", {"format": forms[0]}), "dates")
        if len(bad) == len(there) and (forms or are_mostly_dates([str(value) for value in bad])):
            fault = moments(table, position, None)
            assert isinstance(fault, Fault), "the form cannot be told, or one of them is no date"
            return fault
    figures = sum(isinstance(value, str) and looks_like_a_figure(value) for value in bad)
    is_text = all(isinstance(value, (str, bytes)) for value in values)
    if what.is_known or not is_text or 2 * (len(there) - len(bad) + figures) >= len(there):
        return _refused(column, bad, what)
    words = [str(value).split() for value in values[:_ENOUGH_VALUES]]
    if len(column) >= _MANY_ROWS and 2 * len(values) > len(column) and _are_sentences(words):
        mean = sum(map(len, words)) / len(words)
        why = f"text, {counted(len(values), 'different value')} of {mean:.0f} words on average, which come again"
        return Guess(Component("columns", "text"), why)
    if len(values) == len(column):
        why = f"text, all {len(values):,} different, as a name or an id has them"
        if sum(map(len, words)) >= 3 * len(words):  # names have two
            why += f"; `features: {{{column.name}: text}}` takes its words"
        return Guess(Component("columns", "category"), why, is_left_out=True)
    return Guess(Component("columns", "category"), f"text, {counted(len(values), 'value')}")


def _are_sentences(words: list[list[str]]) -> bool:
    """Whether values of several words are sentences: most of their words begin small, and stand in others, too.

    Those of names and addresses begin with capitals or are numbers.

    Args:
        words: those of each different value.
    """
    count = sum(map(len, words))
    if count < _WORDS_OF_TEXT * len(words):
        return False
    values_with = Counter(word.lower() for value in words for word in {*value})
    is_common = [
        word[0].isalpha() and not word[0].isupper() and values_with[word.lower()] > 1
        for value in words
        for word in value
    ]
    return 2 * sum(is_common) > count


def _refused(column: Any, bad: list[Any], what: Unfit) -> Fault:
    """Say why a column is neither numbers nor a category."""
    row = next(i for i, value in enumerate(column) if (value.strip() if isinstance(value, str) else value) in bad)
    hint = what.hint
    if what.is_date or not what.is_known:
        hint = f"{hint}, or give it the kind `category` under `features`"
    return Fault.at(column, row, what.what, what.several, hint)
