"""`nnlab doctor`: is everything there that nnlab needs?"""

from __future__ import annotations

import sys
from typing import Any

import typer

from nnlab.cli import console, options


def doctor(
    json: options.Json = False,
    verbose: options.Verbose = False,
    no_color: options.NoColor = False,  # noqa: ARG001
) -> None:
    """Check versions, devices and data caches; say what is missing and how to get it."""
    from nnlab.config.load import catalog_is_current
    from nnlab.data.downloads import availability
    from nnlab.environment import cache_folder, hardware, versions

    found = versions()
    missing = [name for name, version in found.items() if version is None]
    advice = [f"`{name}` is not installed: `pip install {name}`" for name in missing]
    if not missing and not catalog_is_current():
        advice.append(
            f"the catalog was read off another Keras than the installed {found['keras']}: some names or defaults may "
            "differ; `pip install --upgrade nnlab`"
        )
    devices, problem = _devices(verbose=verbose) if not missing else ([], "not looked at")
    if problem is not None and not missing:
        advice.append(f"TensorFlow does not start: {problem}")
    datasets = [{"name": name, "path": str(path) if path else None, "get": how} for name, path, how in availability()]
    cache = str(cache_folder() or "")
    if json:
        document = {
            "versions": found,
            "hardware": hardware(),
            "devices": devices,
            "datasets": datasets,
            "cache": cache or None,
        }
        console.print_json({**document, "problems": advice})
    else:
        _show(found, hardware(), devices, datasets, cache, advice)
    if advice:
        raise typer.Exit(1)


def _devices(*, verbose: bool) -> tuple[list[str], str | None]:
    try:
        with console.tensorflow(quiet=False, verbose=verbose):
            import tensorflow as tf

            return [device.name for device in tf.config.list_physical_devices()], None
    except Exception as error:  # whatever keeps TensorFlow from starting is what this command is asked to report
        return [], f"{type(error).__name__}: {error}"


def _show(
    versions: dict[str, Any],
    hardware: dict[str, Any],
    devices: list[str],
    datasets: list[dict[str, Any]],
    cache: str,
    advice: list[str],
) -> None:
    out = console.results()
    out.print("[bold]versions[/bold]")
    for name, version in versions.items():
        out.print(f"  {name:<14} {version or '[red]missing[/red]'}")
    out.print("[bold]machine[/bold]")
    memory = f"{hardware['memory_gib']} GiB" if hardware["memory_gib"] else "unknown"
    out.print(f"  {hardware['processor']}, {hardware['cores']} cores, {memory} of memory", markup=False)
    out.print(f"  TensorFlow sees: {', '.join(devices) or 'nothing'}", markup=False)
    out.print("[bold]data sets that are not part of a package[/bold]")
    for dataset in datasets:
        where = dataset["path"] or f"not here yet; {dataset['get']}"
        out.print(f"  {dataset['name']:<19} {where}", markup=False)
    out.print("[bold]cache of decoded data and compiled programs[/bold]")
    out.print(f"  {cache or 'switched off'} (`NNLAB_CACHE_DIR`)", markup=False)
    for line in advice:
        sys.stderr.write(f"problem: {line}\n")
    if not advice:
        out.print("[green]everything that nnlab needs is there[/green]")
