"""`nnlab data`: what the rows of a config are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.wording import counted, figure, shape_text

if TYPE_CHECKING:
    from nnlab.config.load import LoadedConfig
    from nnlab.data.description import DataDescription
    from nnlab.report.page import Column

MOST_COLUMNS = 30
FIRST_ROWS = 5
MOST_CELLS = 8


@options.shared("changes seed ... trust_code json quiet verbose")
def data(
    config: options.Config,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.svg", help="Draw them: pictures with their classes, points, or histograms of columns."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write pictures as PNG files, a folder a split and in it a folder a class."
        ),
    ] = None,
    *,
    given: options.Given,
) -> None:
    """Show what the rows are, before they are scaled: shapes, kinds, ranges, classes by split, first rows.

    What is said of columns holds for the training rows. Nothing is trained, and TensorFlow is not needed.
    """
    loaded = console.load(config, given)
    if plot is not None:
        from nnlab.report.svg import check_svg_path

        check_svg_path(plot)
    from nnlab.data.description import describe_data

    with loaded.located():
        described = describe_data(loaded.experiment.data, seed=loaded.experiment.seed)
    if plot is not None:
        from nnlab.outputs import write_output
        from nnlab.report.data_plots import draw_data

        write_output(plot, draw_data(described, name=_name(loaded)))
    if save is not None:
        from nnlab.report.picture_files import save_pictures

        written = save_pictures(described, save)
    if given.json:
        console.print_json(described.as_json())
    elif not (given.quiet and (plot is not None or save is not None)):
        _show(described, loaded)
        console.say_notes(described.notes, quiet=given.quiet)
    if plot is not None and not given.silent:
        console.say_written(plot)
    if save is not None and not given.silent:
        console.say(f"written: {counted(written, 'picture')} into {save}")


def _name(loaded: LoadedConfig) -> str:
    section = loaded.experiment.data
    if not section.paths:
        return section.source.name
    others = len(section.paths) - 1
    return Path(section.paths[0]).name + (f" and {counted(others, 'more file')}" if others else "")


def _show(described: DataDescription, loaded: LoadedConfig) -> None:
    out, scale = console.results(), loaded.experiment.data.scale
    out.say(f"{_name(loaded)}: {', '.join(f'{len(rows):,} {split}' for split, rows in described.rows.items())} rows")
    out.say(f"split: {_split_words(described, loaded)}")
    window = described.source.named_window
    if window is not None:
        counts = [f"{sum(described.windows(split).values()):,} {split}" for split in described.rows]
        out.say(f"windows: {', '.join(counts)}; {window.words}")
    if scale is not None:
        out.say("values as the source has them; the network gets them scaled")
    out.show_table(_columns(described), title="columns", whole="`--json`")
    if len(described.columns) > MOST_COLUMNS:
        out.say(f"the first {MOST_COLUMNS} of {counted(len(described.columns), 'column')}; `--json` has all")
    if window is not None and window.by is not None:
        out.show_table(_windows(described, str(window.by)), title=f"windows by {window.by}", whole="`--json`")
    for output in described.classes("train"):
        title = f"classes of {output}" if output and len(described.source.targets) > 1 else "classes"
        out.show_table(_classes(described, output), title=title, whole="`--json`")
    first = _first_rows(described)
    if len(first) > 1:
        out.show_table(first, title="first training rows", whole="the source")
        features = sum(column.role == "feature" for column in described.columns)
        if features > MOST_CELLS:
            out.say(f"with the first {MOST_CELLS} of {counted(features, 'feature')}")


def _split_words(described: DataDescription, loaded: LoadedConfig) -> str:
    said, by = loaded.experiment.data.split, loaded.experiment.data.split_column
    column = "" if by is None else f" `{by}`"
    return f"{described.chosen.by}{column}{' (the default)' * (said is None)}"


def _columns(described: DataDescription) -> list[Column]:
    from nnlab.report.page import Column

    columns = described.columns[:MOST_COLUMNS]
    if len(described.columns) > MOST_COLUMNS:  # what is learned is shown in any case
        targets = [column for column in described.columns if column.role == "target"][:4]
        columns = (*[each for each in columns if each.role != "target"][: MOST_COLUMNS - len(targets)], *targets)
    return [
        Column("name", [column.name for column in columns], left=True),
        Column("role", [column.role for column in columns], rank=2, left=True),
        Column("kind", [_kind(column) for column in columns], left=True),
        Column("type", [column.dtype for column in columns], rank=4, left=True),
        Column("missing", [f"{column.missing:,}" for column in columns], rank=1),
        Column("least", [figure(column.low) for column in columns]),
        Column("largest", [figure(column.high) for column in columns]),
        Column("mean", [figure(column.mean) for column in columns], rank=1),
        Column("std", [figure(column.std) for column in columns], rank=3),
        Column("different", ["" if c.distinct is None else f"{c.distinct:,}" for c in columns], rank=2),
    ]


def _kind(column: Any) -> str:
    return f"{column.kind} {shape_text(column.shape)}" if column.shape else str(column.kind)


def _windows(described: DataDescription, by: str) -> list[Column]:
    from nnlab.report.page import Column

    counts = {split: described.windows(split) for split in described.rows}
    names = list(counts["train"])[:MOST_COLUMNS]
    columns = [Column(split, [f"{found[name]:,}" for name in names]) for split, found in counts.items()]
    return [Column(by, names, left=True), *columns]


def _classes(described: DataDescription, output: str) -> list[Column]:
    from nnlab.report.page import Column

    counts = {split: described.classes(split)[output] for split in described.rows}
    shares = {split: sum(found.values()) or 1 for split, found in counts.items()}
    names = list(counts["train"])
    return [
        Column("class", names, left=True),
        *(Column(split, [f"{found[name]:,}" for name in names]) for split, found in counts.items()),
        Column("share of train", [f"{counts['train'][name] / shares['train']:.1%}" for name in names], rank=1),
    ]


def _first_rows(described: DataDescription) -> list[Column]:
    """Return the first training rows of a table; of arrays of other shapes there is nothing to read."""
    from nnlab.report.data_plots import labels_of
    from nnlab.report.page import Column

    train = described.rows["train"][:FIRST_ROWS]
    columns = [Column("row", [str(i) for i in range(len(train))])]
    names = iter(column.name for column in described.columns if column.role == "feature")
    for x in described.features("train", FIRST_ROWS).values():
        if x.ndim != 2 or described.source.raw.picture_shape is not None:
            next(names)
            continue
        for i in range(x.shape[1]):
            name = next(names)
            if len(columns) <= MOST_CELLS:
                columns.append(Column(name, [f"{value:.6g}" for value in x[:, i]], rank=1 + (i > 0)))
    for output, target in described.source.targets.items():
        if target.y is not None and len(columns) > 1:
            name = ", ".join(described.source.raw.target_names[output][:3])
            columns.append(Column(name, labels_of(target, train), left=target.has_classes))
    return columns
