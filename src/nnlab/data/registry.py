"""What a data set is: a registered function that returns `RawData`. Its signature is the schema."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol, Self, get_args, get_type_hints

from annotated_types import Ge, Le

from nnlab import catalog
from nnlab.catalog import REQUIRED, Entry, Parameter
from nnlab.config.by_name import UNNAMED

if TYPE_CHECKING:
    import numpy as np

    from nnlab.config.components import Component
    from nnlab.config.data import DataConfig, Storage
    from nnlab.data.pictures.form import PictureInput
    from nnlab.data.series import Series
    from nnlab.data.splits import ByName
    from nnlab.data.stored import StoredArray

Setting = Literal[
    "path", "files", "columns", "target", "ignore", "missing", "split", "storage", "window", "object", "weight"
]


@dataclass(frozen=True, slots=True)
class RawData:
    """Rows as the source holds them: not yet split, encoded or scaled.

    Args:
        x: `[rows, ...]`, numbers of any type, by array; an only one may be `UNNAMED`.
        y: `[rows]`, or `[rows, targets]` for several targets: numbers, booleans or text. A source with a `target`
            setting has them by the output names of `DataConfig.sections`, without those that give back the inputs;
            others by the name of their own target.
        x_test: rows of the source's own test set.
        y_test: their targets.
        feature_names: names of the columns of `x`; empty for images.
        target_names: names of the columns of each `y`.
        class_names: names of the classes 0, 1, ... of a `y` of integers; empty if labels are their own names.
        task: what the data set is for; `None` to infer it from `y`.
        picture_shape: of rows that are flat and stand for pictures, such as `(8, 8)`.
        names_columns: whether the columns of a `y` of several have names of their own, rather than numbers.
        notes: what was understood of the values that the user may have meant otherwise, one sentence each.
        kinds: of each column, where `x` has columns `[rows]` of numbers or text by name, which are to be encoded.
        missing: what stands for a missing value in them, if the config says it.
        why: what each feature of a table was taken for its kind for.
        left_out: columns that nobody named and that are no features, and why.
        rows: numbers of these rows in the source, `[rows]`; `None` for all of them.
        split_values: what the column of `data.split` holds, `[rows]`: groups, times as numbers, or numbers of `SPLITS`;
            `None` if no column is named.
        split_values_test: the same of the own test set.
        weights: what the rows weigh in losses, float64 `[rows]`; `None` for equal ones.
        weights_test: the same of the own test set.
        weight_name: the column or array that they come from.
        pictures: what the rows of `x` are made of, where they are pictures in files.
        validates: whether each row validates, `[rows]`, where the source says it; else `None`.
        read_with: parameters of the source that were found out, and by which it is read so again.
        storage: where the rows of a file are kept while they are used; `None` for other sources.
        stored: the arrays of `x` in files of which rows are read, where they are kept on disk.
        series: which row follows which, where the config asks for windows.
    """

    x: ByName
    y: ByName
    x_test: ByName | None = None
    y_test: ByName | None = None
    feature_names: tuple[str, ...] = ()
    target_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    task: Literal["classification", "regression"] | None = None
    picture_shape: tuple[int, ...] | None = None
    names_columns: bool = False
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, Component] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    why: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    rows: np.ndarray | None = None
    split_values: np.ndarray | None = None
    split_values_test: np.ndarray | None = None
    weights: np.ndarray | None = None
    weights_test: np.ndarray | None = None
    weight_name: str | None = None
    pictures: PictureInput | None = None
    validates: np.ndarray | None = None
    read_with: Mapping[str, Any] = field(default_factory=dict)
    storage: Storage | None = None
    stored: Mapping[str, StoredArray] = field(default_factory=dict)
    series: Series | None = None

    @classmethod
    def of_one(
        cls,
        x: np.ndarray,
        y: np.ndarray,
        *,
        target: str,
        x_test: np.ndarray | None = None,
        y_test: np.ndarray | None = None,
        **more: Any,
    ) -> Self:
        """Return a data set of one array and one target, which has a name."""
        return cls(
            x={UNNAMED: x},
            y={target: y},
            x_test=None if x_test is None else {UNNAMED: x_test},
            y_test=None if y_test is None else {target: y_test},
            target_names={target: (target,)},
            **more,
        )


class Request(NamedTuple):
    """What a data set's function is called with, besides its own parameters.

    Args:
        config: the `data` section; files are read from its `path`, columns chosen by `features` and `target`.
        seed: the experiment's seed, for data sets that are generated.
    """

    config: DataConfig
    seed: int


class Loader(Protocol):
    """A data set's function: `load(request, **parameters)`."""

    __name__: str

    def __call__(self, request: Request, /, **parameters: Any) -> RawData:
        """Load or generate the rows."""


class Source(NamedTuple):
    """A registered data set.

    Args:
        load: the function.
        takes: the settings that this source understands and others refuse.
        needs: those of them that it cannot do without.
        url: a page that describes the data set.
        split: how its rows are dealt if the config does not say.
    """

    load: Loader
    takes: frozenset[Setting]
    needs: frozenset[Setting]
    url: str | None
    split: Literal["random", "stratified", "order"] = "random"

    @property
    def entry(self) -> Entry:
        """What the catalog shows."""
        name = self.load.__name__
        summary = inspect.getdoc(self.load) or ""
        return Entry(
            kind="datasets",
            name=name,
            object=f"{self.load.__module__}.{name}",
            summary=summary.split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip("."),
            url=self.url,
            parameters={parameter.name: parameter for parameter in _parameters(self.load)},
            settings=tuple(sorted(self.takes)),
            needs=tuple(sorted(self.needs)),
            split=self.split,
        )


SOURCES: dict[str, Source] = {}
"""Every data set by name."""


def dataset(
    *,
    url: str | None = None,
    takes: Iterable[Setting] = (),
    needs: Iterable[Setting] = (),
    split: Literal["random", "stratified", "order"] = "random",
) -> Callable[[Any], Any]:
    """Register a function as the data set of its name.

    The first sentence of the docstring is the summary; the keyword-only arguments are the parameters, with
    `Annotated[int, Ge(1), "description"]`, or with a `Parameter`, for what they accept.

    Args:
        url: a page that describes the data set.
        takes: the settings that it understands besides those that hold for every source.
        needs: the settings that it cannot do without.
        split: how its rows are dealt if the config does not say; `stratified` holds for classes alone, others are drawn
            at `random`.
    """

    def register(load: Loader) -> Loader:
        source = SOURCES[load.__name__] = Source(load, frozenset([*takes, *needs]), frozenset(needs), url, split)
        catalog.register("datasets", load.__name__, lambda: source.entry)
        return load

    return register


def _parameters(load: Loader) -> Iterable[Parameter]:
    hints = get_type_hints(load, include_extras=True)
    for argument in inspect.signature(load).parameters.values():
        if argument.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        annotation = hints[argument.name]
        is_annotated = hasattr(annotation, "__metadata__")
        type_, *notes = get_args(annotation) if is_annotated else (annotation,)
        default = REQUIRED if argument.default is inspect.Parameter.empty else argument.default
        told = next((note for note in notes if isinstance(note, Parameter)), None)
        if told is not None:
            yield told._replace(name=argument.name, default=default)
            continue
        yield Parameter(
            name=argument.name,
            default=default,
            types=(type_.__name__,),
            minimum=next((note.ge for note in notes if hasattr(note, "ge")), None),
            maximum=next((note.le for note in notes if hasattr(note, "le")), None),
            description=next((note for note in notes if isinstance(note, str)), ""),
        )


Samples = Annotated[int, Ge(10), Le(10_000_000), "points, half of them in each class"]
Made = Annotated[int, Ge(10), Le(10_000_000), "rows"]
Temperature = Annotated[float, Ge(0.0), Le(100.0), "how much is left to chance; 0 for nothing"]
WrongShare = Annotated[float, Ge(0.0), Le(1.0), "share of the rows with the wrong answer"]
Noise = Annotated[float, Ge(0.0), Le(10.0), "how far points are moved; 0 for a clean picture"]
Hours = Annotated[int, Ge(100), Le(10_000_000), "hours, one row each"]
Points = Annotated[int, Ge(10), Le(10_000_000), "points"]
Deviation = Annotated[float, Ge(0.0), Le(10.0), "standard deviation of what is added to y; 0 for the function itself"]
Encoding = Annotated[str, "of the text, as `cp1252`; `auto` finds it"]
Delimiter = Annotated[str, "what stands between values: `,`, `;`, `|` or a tab; `auto` finds it"]
Decimal = Annotated[str, "what stands before decimals, `.` or `,`; `auto` sees by the values of each column"]
