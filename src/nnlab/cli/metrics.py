"""Loss and metrics of the splits as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnlab.report.page import Column
from nnlab.wording import metric_text

if TYPE_CHECKING:
    from nnlab.cli.screen import Screen

Metrics = Mapping[str, Mapping[str, float | None] | None]


def show_metrics(
    out: Screen,
    metrics: Metrics,
    before: Metrics | None = None,
) -> None:
    """Print one row a split, one column a metric; where that is too wide, one row a metric.

    Args:
        out: where to.
        metrics: by split.
        before: those of an earlier training, which stand beside them.
    """
    splits = {split: values for split, values in metrics.items() if values is not None}
    names = list(dict.fromkeys(name for values in splits.values() for name in values))

    def text(split: str, name: str) -> str:
        value = splits[split].get(name)
        return "nan" if value is None else metric_text(value)

    def earlier(split: str, name: str) -> str:
        value = ((before or {}).get(split) or {}).get(name)
        return "" if value is None else metric_text(value)

    across = [Column("", list(splits), left=True)]
    down = [Column("", names, left=True)]
    for name in names:
        across.append(Column(name, [text(split, name) for split in splits]))
        across += [Column("before", [earlier(split, name) for split in splits])] if before is not None else []
    for split in splits:
        down.append(Column(split, [text(split, name) for name in names]))
        down += [Column("before", [earlier(split, name) for name in names])] if before is not None else []
    out.show_table(across if out.fits(across) else down)
