"""The columns of a run's history, as far as a config decides them: every name stands for one thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Literal, NamedTuple

from nnlab import catalog
from nnlab.config.components import Component, named_object
from nnlab.config.faults import Fault
from nnlab.errors import ConfigPath
from nnlab.wording import named, rows_word

SplitName = Literal["train", "validation", "test"]
"""What the parts are called that the rows are split into."""

OWN_COLUMNS = ("epoch", "learning_rate", "seconds", "val_seconds")
"""The columns that are no loss and no metric."""

_SPLITS: Mapping[str, SplitName] = {"val": "validation", "test": "test", "train": "train"}
"""The split whose loss or metric a name is that has this before it, as in `val_loss`."""


def split_and_metric(name: str) -> tuple[SplitName, str]:
    """Return the split and the loss or metric that a name stands for; without a word before it, of training rows.

    >>> split_and_metric("val_loss"), split_and_metric("loss"), split_and_metric("test_accuracy")
    (('validation', 'loss'), ('train', 'loss'), ('test', 'accuracy'))
    """
    word, _, rest = name.partition("_")
    return (_SPLITS[word], rest) if rest and word in _SPLITS else ("train", name)


def metric_name(metric: Component) -> str:
    """Return the name of the metric's column in the history of a model with one output."""
    return str(metric.parameters.get("name") or metric.called)


def weighted_name(metric: Component) -> str:
    """Return the name of a metric's column where it goes by the weights of rows."""
    return _weighted(metric.entry, metric.parameters.get("name"))


def _weighted(entry: catalog.Entry, said: Any) -> str:
    default = entry.parameters["name"].default if "name" in entry.parameters else None
    return str(said) if said not in (None, "", entry.name, default) else f"weighted_{entry.name}"


class _Column(NamedTuple):
    """A column that training rows fill.

    Args:
        name: the name in the history.
        what: what it holds, in words.
        path: the place of the config that decides the name.
        hint: how to give it another name.
        output: the output that it is of, if there are several.
        is_loss: whether the output's name alone decides it.
    """

    name: str
    what: str
    path: ConfigPath
    hint: str
    output: str = ""
    is_loss: bool = False


def column_faults(outputs: Mapping[str, ConfigPath], metrics: Any, weighted: Any = None) -> Iterator[Fault]:
    """Yield every metric and output whose column has a name that stands for something else.

    Args:
        outputs: where each output gets its name; empty for a model whose output has none.
        metrics: the metrics as written, or by output.
        weighted: those that go by the weights of rows.
    """
    renamed: set[str] = set()  # an output's metrics get other names with it
    taken = {"loss": "the loss", **dict.fromkeys(OWN_COLUMNS, "a column of every history")}
    for column in _columns(outputs, {"metrics": metrics, "weighted_metrics": weighted}):
        split, rest = split_and_metric(column.name)
        rows = rows_word(split)
        clash = taken.get(column.name) or (f"`{rest}` of the {rows} rows" if rest != column.name else None)
        if clash is None:
            taken[column.name] = column.what
        elif column.output not in renamed:
            renamed |= {column.output} if column.output and column.is_loss else set()
            message = f"the column {named(column.name)} would be {column.what}, and is {clash}"
            if clash == column.what:
                message = f"{clash} stands here twice, and both would be the column {named(column.name)}"
            yield Fault(column.path, message, column.hint)


def _columns(outputs: Mapping[str, ConfigPath], written: Mapping[str, Any]) -> Iterator[_Column]:
    several = len(outputs) > 1
    for output, path in outputs.items() if several else ():
        what, hint = f"the loss of the output `{output}`", f"rename the output `{output}`"
        yield _Column(f"{output}_loss", what, path, hint, output=output, is_loss=True)
    for output, (key, metrics) in product(outputs or [""], written.items()):
        path = ("training", key)
        own = metrics
        if isinstance(metrics, Mapping):
            name = output or next(iter(metrics), "")
            own, path = metrics.get(name), (*path, name)
        for i, raw in enumerate(own if isinstance(own, (list, tuple)) else ()):
            entry, name = _named(raw, is_weighted=key == "weighted_metrics")
            if entry is not None:
                metric = entry.name
                what = f"`{metric}`" + (f" of the output `{output}`" if several else "")
                hint = f"write `name: ...` to give it a name of its own: `{entry.written}: {{name: ...}}`"
                if "name" not in entry.parameters:  # of `accuracy` Keras chooses the class, and the name with it
                    hint = "remove one of them"
                yield _Column(
                    f"{output}_{name}" if several else name, what, (*path, i), hint, output if several else ""
                )


def _named(raw: Any, *, is_weighted: bool) -> tuple[catalog.Entry | None, str]:
    """Return a metric as the catalog has it, `None` if it does not, and the name of its column."""
    written = named_object(raw)
    entry = catalog.find("metrics", written) if written is not None else None
    if entry is None:
        return None, ""
    given = raw.parameters if isinstance(raw, Component) else raw[written] if isinstance(raw, Mapping) else None
    said = given.get("name") if isinstance(given, Mapping) else None
    if is_weighted:
        return entry, _weighted(entry, said)
    return entry, said if isinstance(said, str) and said else entry.name
