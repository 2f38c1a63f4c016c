"""What a column of a table may be: kinds with parameters, each with a class that makes numbers of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from nnlab import catalog
from nnlab.catalog import Entry, Parameter

if TYPE_CHECKING:
    from nnlab.data.encoding.encoder import Encoder

MISSING_MARKS = ("NA", "N/A", "NaN", "null", "?")
"""What stands for a missing value in columns of numbers, in small letters, too, unless the config says otherwise."""


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """A kind of column.

    Args:
        name: by which configs name it.
        summary: one sentence.
        parameters: what may be given for it.
        encoder: module and name of the class that makes numbers of it, which imports NumPy.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    encoder: str

    @property
    def entry(self) -> Entry:
        """What the catalog shows."""
        return Entry(
            kind="columns",
            name=self.name,
            object=self.encoder.replace(":", "."),
            summary=self.summary,
            parameters={parameter.name: parameter for parameter in self.parameters},
        )

    def load(self) -> type[Encoder]:
        """Import the class."""
        module, name = self.encoder.split(":")
        found: type[Encoder] = getattr(import_module(module), name)
        return found


COLUMN_KINDS: dict[str, ColumnKind] = {}
"""Every kind by name."""


def column_kind(name: str, summary: str, *, encoder: str, parameters: Sequence[Parameter] = ()) -> None:
    """Register a kind; the arguments are those of `ColumnKind`."""
    kind = COLUMN_KINDS[name] = ColumnKind(name, summary, tuple(parameters), encoder)
    catalog.register("columns", name, lambda: kind.entry)


_INDICATOR = Parameter(
    "indicator",
    default=None,
    types=("bool", "null"),
    description="a column of 0 and 1 that tells where values are missing; where training rows miss some if left out",
)

column_kind(
    "numeric",
    "Numbers; missing ones are filled, and a further column tells where",
    encoder="nnlab.data.encoding.numeric:Numeric",
    parameters=[
        Parameter(
            "missing",
            default="median",
            types=("str", "float"),
            choices=("median", "mean", "most_frequent"),
            description="what stands for missing values: of the training rows, or a number",
        ),
        _INDICATOR,
        Parameter(
            "scale",
            default=None,
            types=("str", "float", "null"),
            choices=("standardize", "minmax", "log", "none"),
            exclusive_minimum=0,
            description="that of `data` if left out; `log`: log(1 + x), standardized; a number divides",
        ),
    ],
)
column_kind(
    "boolean",
    "True or false as 1 and 0; missing ones are filled with the more frequent, and a further column tells where",
    encoder="nnlab.data.encoding.numeric:Boolean",
    parameters=[_INDICATOR],
)
column_kind(
    "category",
    "Values as classes: a place for each, for unknown ones, and for missing ones if training rows miss some",
    encoder="nnlab.data.encoding.category:Category",
    parameters=[
        Parameter(
            "encoding",
            default="one_hot",
            types=("str",),
            choices=("one_hot", "codes", "embedding"),
            description="`one_hot`: a column of 0 and 1 for each place; `codes`: one column with the place's number; "
            "`embedding`: an input of its own, of which the model learns a vector for each place",
        ),
        Parameter(
            "dimension",
            default=None,
            types=("int", "null"),
            minimum=1,
            only_with=("encoding", "embedding"),
            description="of such a vector; min(600, 1.6 n^0.56) for n places if left out, fastai's rule of thumb",
        ),
        Parameter(
            "min_count",
            default=1,
            types=("int",),
            minimum=1,
            description="a value that less training rows have is unknown",
        ),
        Parameter(
            "max_values",
            default=None,
            types=("int", "null"),
            minimum=1,
            maximum=1_000_000,
            description="the most frequent so many values have places, others are unknown; 100 if left out, of "
            "`embedding` 10,000",
        ),
    ],
)
column_kind(
    "date",
    "Dates and times as days since the first training row, and sine and cosine of month, day of the week and hour",
    encoder="nnlab.data.encoding.date:Date",
    parameters=[
        Parameter(
            "parts",
            default=None,
            types=("list", "null"),
            items=("str",),
            choices=("days", "year", "month", "day", "weekday", "hour"),
            description="what is made of it; days, month, weekday and hour, as far as they differ, if left out",
        ),
        Parameter(
            "format",
            default=None,
            types=("str", "null"),
            description="as in Python's `strptime`, such as `%d.%m.%Y`; found if left out",
        ),
        _INDICATOR,
    ],
)
column_kind(
    "text",
    "Words as numbers, in order, as Keras's `TextVectorization` has them: an input of its own",
    encoder="nnlab.data.encoding.text:Text",
    parameters=[
        Parameter(
            "max_tokens",
            default=10_000,
            types=("int",),
            minimum=3,
            maximum=1_000_000,
            description="the most frequent words are known, so many less 2: 0 is behind the end, 1 an unknown word",
        ),
        Parameter(
            "length",
            default=None,
            types=("int", "null"),
            minimum=1,
            maximum=100_000,
            description="words of a row that are kept, the first ones; all of 95 % of the training rows if left out",
        ),
        Parameter(
            "standardize",
            default="lower_and_strip_punctuation",
            types=("str",),
            choices=("lower_and_strip_punctuation", "lower", "strip_punctuation", "none"),
            description="what is done to a text first",
        ),
        Parameter(
            "split",
            default="whitespace",
            types=("str",),
            choices=("whitespace", "character"),
            description="where a text is split: between words, or between all characters",
        ),
        Parameter(
            "dimension",
            default=16,
            types=("int",),
            minimum=1,
            description="of the vector that the model learns for each word, where its layers stand in a row",
        ),
    ],
)
