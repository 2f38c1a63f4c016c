"""`nnlab validate`, `nnlab summary`, `nnlab schema` and `nnlab list`: what a config says and what it may say."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli import console, options
from nnlab.errors import NnlabError, Problem, did_you_mean
from nnlab.wording import one_of, visible


@options.shared("changes json quiet verbose")
def validate(
    configs: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="YAML files.")],
    *,
    given: options.Given,
) -> None:
    """Show every mistake in the files, without importing TensorFlow."""
    problems: list[Problem] = []
    for path in configs:
        try:
            advice = _check(path, given)
        except NnlabError as error:
            problems += error.problems
        else:
            if not given.silent:
                sys.stdout.write(f"{visible(str(path))}: ok\n")
            problems += advice
    if given.json:
        console.print_json({"problems": [_problem_json(problem) for problem in problems]})
    else:
        console.print_problems(problems)
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(2)


def _check(path: Path, given: options.Given) -> list[Problem]:
    """Load a config, each variant that its `compare` section makes of it, and the ends of what `tune` searches.

    What a search or a comparison makes of losses and metrics is its own; a config that stands for itself is looked at.

    Returns:
        What is no mistake but had better be known.
    """
    loaded = console.load(path, given)
    advice = loaded.advice()
    if loaded.experiment.tune is None and loaded.experiment.compare is None:
        console.check_fit(loaded)
    if loaded.experiment.tune is not None:
        from nnlab.tune.outlook import outlook
        from nnlab.tune.space import read_space

        advice += outlook(loaded, read_space(loaded))
    section = loaded.experiment.compare
    if section is not None:
        from nnlab.compare.study import advice_on
        from nnlab.compare.tuning import tuned_schedules
        from nnlab.compare.variants import from_section, load_variants

        tuned_schedules(loaded, [loaded])
        if section.vary or section.variants:
            variants = load_variants(path, given.changes or [], from_section(loaded))
            for variant in variants:
                console.check_fit(variant.config)
            advice += advice_on(variants, section.metric)
    return advice


def _problem_json(problem: Problem) -> dict[str, Any]:
    from nnlab.errors import format_path

    fields = asdict(problem)
    fields["path"] = format_path(problem.path)
    order = ("file", "line", "column", "path", "message", "hint", "severity", "rule")
    return {name: fields[name] for name in order}


@options.shared("changes ... runs_dir trust_code json quiet verbose")
def summary(
    config: options.Config,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the network.")] = None,
    *,
    given: options.Given,
) -> None:
    """Show the layers, their output shapes and their parameters."""
    loaded = console.load(config, given)
    if plot is not None:
        from nnlab.report.svg import check_svg_path

        check_svg_path(plot)
    with loaded.located():
        splits = console.load_data(loaded, given)
        with console.tensorflow(given):
            from nnlab.engine.built import build_seeded
            from nnlab.model.summary import summarize

            built = build_seeded(loaded.experiment, splits, runs_dir=given.runs_dir, trust_code=given.trust_code)
            described = summarize(built.model)
    if plot is not None:
        from nnlab.outputs import write_output
        from nnlab.report.diagram import network_svg

        write_output(plot, network_svg(described))
    if given.json:
        console.print_json(described.as_json())
    elif not given.quiet:
        _show_layers(described)
        console.results().print(
            f"{described.total_params:,} parameters: {described.trainable_params:,} trainable, "
            f"{described.non_trainable_params:,} not"
        )
    if plot is not None and not given.silent:
        console.say_written(plot)


def _show_layers(described: Any) -> None:
    from nnlab.report.page import Column
    from nnlab.wording import shape_text

    rows = described.rows
    frozen = ["frozen" if row.params and not row.trainable else "" for row in rows]
    parameters = ["" if row.role == "input" else f"{row.params:,}" for row in rows]

    def columns(write: Callable[[str], str]) -> list[Column]:
        return [
            Column("layer", [row.name for row in rows], left=True),
            Column("class", [row.class_name for row in rows], rank=3, left=True),
            Column("output", [shape_text(row.output_shape) for row in rows], left=True),
            Column("activation", [write(row.activation or "") for row in rows], rank=1, left=True),
            Column("initializer", [write(row.initializer or "") for row in rows], rank=2, left=True),
            Column("parameters", parameters),
            *([Column("", frozen, left=True)] if any(frozen) else []),
        ]

    out = console.results()
    whole = columns(str)
    out.show_table(whole if out.fits(whole) else columns(_without_parameters), whole="the drawing of `--plot`")


def _without_parameters(text: str) -> str:
    name, bracket, _ = text.partition("(")
    return f"{name}(...)" if bracket else text


@options.shared("")
def schema(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.json", help="Write here instead of to stdout.")
    ] = None,
    *,
    given: options.Given,  # noqa: ARG001
) -> None:
    """Print the JSON Schema of configs, for editors: every key, and every name with its parameters."""
    from nnlab.config.json_schema import schema_text

    text = schema_text()
    if output is None:
        sys.stdout.write(text)
        return
    from nnlab.outputs import write_output

    write_output(output, text)
    console.say_written(output)


@options.shared("json")
def list_(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="What to list.")] = "",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Show this one only.")] = "",
    *,
    given: options.Given,
) -> None:
    """List what a config may name: layers, activations, initializers, optimizers, losses, metrics, data sets ..."""
    from nnlab import catalog

    if not kind:
        counts = {kind: len(catalog.entries(kind)) for kind in catalog.KINDS}
        if given.json:
            console.print_json(counts)
        else:
            for each, count in counts.items():
                sys.stdout.write(f"{each:<14} {count:>4}\n")
        return
    if kind not in catalog.KINDS:
        hint = did_you_mean(kind, catalog.KINDS) or one_of(catalog.KINDS)
        raise NnlabError(f"nothing is listed as `{kind}`", hint=hint)
    if name:
        entry = catalog.find(kind, name)
        if entry is None:
            hint = did_you_mean(name, catalog.names(kind)) or f"`nnlab list {kind}` shows them all"
            raise NnlabError(f"unknown {catalog.KINDS[kind]} `{name}`", hint=hint)
        _show_entry(entry, json=given.json)
        return
    found = catalog.entries(kind)
    if given.json:
        console.print_json({key: _about(entry) for key, entry in found.items()})
        return
    _show_names({key: (_signature(entry), _about(entry)) for key, entry in found.items()})


def _about(entry: Any) -> str:
    """Say what an object is, or what to do in place of one that a config may not name."""
    return entry.summary if entry.instead is None else f"Not in a config: {entry.instead}."


LISTED_OF_A_PARAMETER = ("types", "items", "choices", "minimum", "maximum", "description")
"""What `--json` says of a parameter, each as the catalog has it."""

WIDEST_LIST = 160
"""Cells of a line of prose beside a name, also where there is no end to the lines."""


def _show_names(rows: dict[str, tuple[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = console.results()
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=1)
    for name, (signature, text) in rows.items():
        described = Text(visible(text), style="dim")
        table.add_row(name, Text("\n").join([Text(visible(signature)), described]) if signature else described)
    out.print(table, soft_wrap=False, width=min(out.width, WIDEST_LIST))


def _signature(entry: Any) -> str:
    """Return the first few parameters with their defaults, the way one writes them in a config."""
    shown = [
        parameter.name if parameter.required else f"{parameter.name}: {_default(parameter)}"
        for parameter in list(entry.parameters.values())[:4]
    ]
    return ", ".join(shown) + (", ..." if len(entry.parameters) > 4 else "")


def _default(parameter: Any) -> str:
    from nnlab.wording import show

    if isinstance(parameter.default, list):
        return str(parameter.default)
    return "null" if parameter.default is None else show(parameter.default).strip("`")


def _show_entry(entry: Any, *, json: bool) -> None:
    if json:
        parameters = {
            parameter.name: {
                "required": parameter.required,
                "default": None if parameter.required else parameter.default,
                "names": parameter.kind,
                **{name: getattr(parameter, name) for name in LISTED_OF_A_PARAMETER},
            }
            for parameter in entry.parameters.values()
        }
        document = {name: getattr(entry, name) for name in ("name", "kind", "aliases", "summary", "url")}
        console.print_json({**document, "parameters": parameters})
        return
    from rich.table import Table

    out = console.results()
    out.print(entry.name + (f"  (also {', '.join(entry.aliases)})" if entry.aliases else ""), style="bold")
    out.say(entry.summary)
    if entry.instead is not None:
        out.say(_about(entry))
    if entry.url:
        out.print(entry.url)
    if entry.parameters:
        table = Table("parameter", "default", "what", box=None, pad_edge=False, padding=(0, 2))
        for parameter in entry.parameters.values():
            default = "(required)" if parameter.required else _default(parameter)
            what = parameter.description
            if parameter.choices and parameter.file_in is None:
                every = one_of(map(str, parameter.choices), most=len(parameter.choices))
                what = (
                    f"{what.rstrip('.')}. {every[0].upper()}{every[1:]}." if what else f"{every[0].upper()}{every[1:]}."
                )
            elif parameter.kind is not None:
                what = f"{what} See `nnlab list {parameter.kind}`.".strip()
            table.add_row(parameter.name, default, what)
        out.print()
        out.print(table, soft_wrap=False, width=min(out.width, WIDEST_LIST))
