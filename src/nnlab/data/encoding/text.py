"""Text as the numbers of its words, in order."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from nnlab.config.components import Component
from nnlab.data.encoding.encoder import Fitting, Lookup, shares
from nnlab.data.table import Fault, Table, texts
from nnlab.errors import DataError, Problem
from nnlab.memory import BYTES_OF_A_NUMBER, free_memory
from nnlab.wording import counted, named, size_text

PADDING, UNKNOWN = 0, 1
"""The numbers behind the end of a text, and of a word that is not known; Keras's `TextVectorization` has the same."""

SHARE_KEPT = 95
"""Of so many of a hundred training rows all words are kept, where the config gives no length."""

_SPECIAL = (b"", b"[UNK]")
_PUNCTUATION = string.punctuation.encode()


@dataclass(frozen=True, slots=True)
class Text:
    """Words as numbers: those of `keras.layers.TextVectorization`, adapted on the training rows.

    Words stand by falling count, those of one count in reverse alphabetical order. A text without a word is one unknown
    word: an average over none has no value.

    Args:
        words: those that have a number, from 2 on.
        length: how many of a row are kept, its first ones.
        standardize: what is done to a text before it is split.
        split: at what.
        dimension: numbers that stand for a word in front of `hidden`.
        longest: words in the longest training row.
        rare: how many words of the training rows have no number.
    """

    words: tuple[str, ...]
    length: int
    standardize: str
    split: str
    dimension: int
    longest: int
    rare: int = 0

    @classmethod
    def read(cls, table: Table, position: int, kind: Component) -> np.ndarray | Fault:  # noqa: ARG003
        """See `Encoder`."""
        return texts(table, position)

    @classmethod
    def fit(cls, values: np.ndarray, fitting: Fitting) -> Self:
        """See `Encoder`."""
        kind, name = fitting.kind, fitting.name
        standardize, split = kind.get("standardize"), kind.get("split")
        codes, found = shares(values)
        rows = np.bincount(codes[codes >= 0], minlength=len(found)).tolist()
        counts: Counter[bytes] = Counter()
        lengths = []
        for text, times in zip(found, rows, strict=True):
            words = split_text(text, standardize, split)
            lengths.append(len(words))
            if times == 1:  # most texts are, and this is faster
                counts.update(words)
            else:
                counts.update({word: times * count for word, count in Counter(words).items()})
        for special in _SPECIAL:
            counts.pop(special, None)
        if not counts:
            message = f"column `{name}` has no word in any training row"
            raise DataError(Problem(message, f"leave it out: `ignore: [{name}]`", path=("data", "features")))
        ranked = sorted(counts, key=lambda word: (counts[word], word), reverse=True)
        kept = ranked[: kind.get("max_tokens") - len(_SPECIAL)]
        of_rows = np.array([*lengths, 0])[codes]  # -1, a missing one, takes the last
        length = kind.get("length") or max(1, int(np.percentile(of_rows, SHARE_KEPT, method="higher")))
        return cls(
            words=tuple(word.decode() for word in kept),
            length=length,
            standardize=standardize,
            split=split,
            dimension=kind.get("dimension"),
            longest=max(lengths),
            rare=len(ranked) - len(kept),
        )

    @property
    def lookup(self) -> Lookup:
        """See `Encoder`."""
        names = ("", "(unknown)", *self.words)
        return Lookup(names, self.dimension, self.length, (self.standardize, self.split))

    def encode(self, values: np.ndarray) -> np.ndarray:
        """See `Encoder`."""
        codes, found = shares(values)
        self._require_memory(len(found) + len(values))
        number = {word.encode(): place for place, word in enumerate(self.words, len(_SPECIAL))}
        rows = np.full((len(found) + 1, self.length), PADDING, np.int32)
        for row, text in enumerate(found):
            words = split_text(text, self.standardize, self.split)[: self.length]
            rows[row, : len(words)] = [number.get(word, UNKNOWN) for word in words]
        rows[rows[:, 0] == PADDING, 0] = UNKNOWN
        return np.asarray(rows[codes])  # -1, a missing one, takes the last

    def _require_memory(self, rows: int) -> None:
        size, free = BYTES_OF_A_NUMBER * self.length * rows, free_memory()
        if free is not None and size > free:
            message = f"texts of {self.length:,} words take {size_text(size)} of memory, and {size_text(free)} are free"
            raise DataError(Problem(message, "keep fewer words: `length`", path=("data", "features")))

    def names(self, column: str) -> tuple[str, ...]:  # noqa: ARG002
        """See `Encoder`: it is no part of the numbers."""
        return ()

    def notes(self, column: str) -> Iterator[str]:
        """See `Encoder`."""
        what, one = ("characters", "character") if self.split == "character" else ("words", "word")
        known = f"{named(column)} is text of {counted(len(self.words), f'known {one}')}"
        if self.rare:
            known += f", {self.rare:,} rarer ones are unknown (`max_tokens`)"
        kept = f"the first {counted(self.length, one)} of a row are kept"
        if self.longest > self.length:
            kept += f", of {self.longest:,} in the longest (`length`)"
        elif self.longest < self.length:
            kept = f"a row has at most {counted(self.longest, one)}, and room for {self.length:,} {what}"
        yield f"{known}; {kept}"


def split_text(text: str, standardize: str, split: str) -> list[bytes]:
    """Return the words of a text as UTF-8, as Keras's `TextVectorization` has them.

    Only the letters A to Z become small ones, and only the punctuation of ASCII goes, as there.

    Args:
        text: of one row.
        standardize: `lower_and_strip_punctuation`, `lower`, `strip_punctuation` or `none`.
        split: `whitespace` or `character`.
    """
    raw = text.encode("utf-8", "replace")
    if standardize in ("lower", "lower_and_strip_punctuation"):
        raw = raw.lower()
    if standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
        raw = raw.translate(None, _PUNCTUATION)
    return raw.split() if split == "whitespace" else [letter.encode() for letter in raw.decode()]
