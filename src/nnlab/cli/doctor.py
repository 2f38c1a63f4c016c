"""`nnlab doctor`: is everything there that nnlab needs?"""

from __future__ import annotations

from typing import Any

import typer

from nnlab.cli import console, options
from nnlab.wording import counted


@options.shared("json verbose")
def doctor(
    *,
    given: options.Given,
) -> None:
    """Check versions, devices and data caches; say what is missing and how to get it."""
    from nnlab.catalog import keras_version
    from nnlab.data.downloads import availability
    from nnlab.environment import cache_folder, hardware, versions

    found = versions()
    missing = [name for name, version in found.items() if version is None]
    advice = [f"`{name}` is not installed: `pip install {name}`" for name in missing]
    if not missing and found["keras"] != keras_version():
        advice.append(
            f"the catalog was read off another Keras than the installed {found['keras']}: some names or defaults may "
            "differ; `pip install --upgrade nnlab`"
        )
    devices, problem = _devices(given) if not missing else ([], "not looked at")
    if problem is not None and not missing:
        advice.append(f"TensorFlow does not start: {problem}")
    datasets = [{"name": name, "path": str(path) if path else None, "get": how} for name, path, how in availability()]
    cache = cache_folder()
    document = {
        "versions": found,
        "hardware": hardware(),
        "devices": devices,
        "datasets": datasets,
        "cache": None if cache is None else str(cache),
        "problems": advice,
    }
    if given.json:
        console.print_json(document)
    else:
        _show(document)
    if advice:
        raise typer.Exit(1)


def _devices(given: options.Given) -> tuple[list[str], str | None]:
    try:
        with console.tensorflow(options.Given(verbose=given.verbose)):
            import tensorflow as tf

            return [device.name for device in tf.config.list_physical_devices()], None
    except Exception as error:  # whatever keeps TensorFlow from starting is what this command is asked to report
        return [], f"{type(error).__name__}: {error}"


def _show(found: dict[str, Any]) -> None:
    out, hardware = console.results(), found["hardware"]
    out.print("versions", style="bold")
    for name, version in found["versions"].items():
        out.print(f"  {name:<14} {version or 'missing'}", style=None if version else "red")
    out.print("machine", style="bold")
    memory = f"{hardware['memory_gib']} GiB" if hardware["memory_gib"] else "unknown"
    out.say(f"  {hardware['processor']}, {counted(hardware['cores'] or 0, 'core')}, {memory} of memory")
    out.say(f"  TensorFlow sees: {', '.join(found['devices']) or 'nothing'}")
    out.print("data sets that are not part of a package", style="bold")
    for dataset in found["datasets"]:
        where = dataset["path"] or f"not here yet; {dataset['get']}"
        out.say(f"  {dataset['name']:<19} {where}")
    out.print("cache of decoded data and compiled programs", style="bold")
    out.print(f"  {found['cache'] or 'switched off'} (`NNLAB_CACHE_DIR`)")
    for line in found["problems"]:
        console.say(f"problem: {line}")
    if not found["problems"]:
        out.print("everything that nnlab needs is there", style="green")
