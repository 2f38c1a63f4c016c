"""What a run should remember about where it ran."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nnlab.checksums import is_sealed, is_sound, remove, seal

NOT_FOR_TRAINING = ("matplotlib", "pandas", "sklearn")
"""Packages that Keras imports if they are installed, and does without if they are not."""

PACKAGES = ("nnlab", "keras", "tensorflow", "numpy", "pandas", "scikit-learn", "tensorboard", "pydantic")


def cache_folder() -> Path | None:
    """Return where nnlab keeps what it can make again: `NNLAB_CACHE_DIR`, or the user's cache folder.

    `None` if `NNLAB_CACHE_DIR` is empty, which switches keeping off.
    """
    if "NNLAB_CACHE_DIR" in os.environ:
        folder = os.environ["NNLAB_CACHE_DIR"]
        return Path(folder).absolute() if folder else None
    usual = "~/Library/Caches" if sys.platform == "darwin" else os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(usual).expanduser() / "nnlab"


def xla_cache() -> Path | None:
    """Return the folder of XLA's compiled programs, made for this processor and TensorFlow; `None` if there is none."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        machine = f"{_processor()} {platform.machine()} {version('tensorflow')}"
        place = folder / "xla" / hashlib.sha256(machine.encode()).hexdigest()[:16]
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, PackageNotFoundError):
        return None
    return place if os.access(place, os.W_OK) else None


def remove_compiled(*, but: int = 0) -> None:
    """Delete XLA's kept programs: all that are not as `seal_compiled` has left them, and of the others the oldest.

    TensorFlow runs what it finds there without looking whether it is damaged.

    Args:
        but: how many of them may stay.
    """
    for number, file in enumerate(_compiled()):
        if number >= but or not is_sound(file):
            with contextlib.suppress(OSError):  # another process may be at it too
                remove(file)


def seal_compiled() -> None:
    """Keep the sums of the programs that XLA has compiled since."""
    place = xla_cache()
    if place is not None:
        with contextlib.suppress(OSError):
            _seal_all(place.stat().st_mtime_ns)


@cache
def _seal_all(_: int) -> None:
    """Seal the programs that are not, once for each time at which their folder was changed."""
    for file in _compiled():
        with contextlib.suppress(OSError):  # no room, or another process has deleted it
            if not is_sealed(file):
                seal(file)


def _compiled() -> list[Path]:
    """Return the files of the kept programs, the newest first."""
    place = xla_cache()
    try:
        files = list(place.glob("*.pb")) if place is not None else []
        return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    except OSError:  # another process has deleted one
        return []


@cache
def versions() -> dict[str, str | None]:
    """Return the versions of Python and of the packages that decide a result; `None` for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def import_keras() -> None:
    """Import Keras without what it imports for its plots and wrappers alone, which takes a third of the time.

    Whoever needs these packages afterwards imports them as ever; only Keras's own `wrappers` and plots of images do
    without, and say that the package is not installed.
    """
    if "keras" in sys.modules:
        return
    with without(*NOT_FOR_TRAINING), imports_that_stay():
        import keras  # noqa: F401


@contextlib.contextmanager
def without(*packages: str) -> Iterator[None]:
    """Let packages look as if they were not installed, unless they are imported already."""
    held_back = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(held_back))  # type: ignore[arg-type]  # `None` lets an import fail
    try:
        yield
    finally:
        for package in held_back:
            del sys.modules[package]


@contextlib.contextmanager
def imports_that_stay() -> Iterator[None]:
    """Import without Python's search for garbage, of which there is none, and keep what was made out of later ones."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


def hardware() -> dict[str, Any]:
    """Return processor, cores that this process may use, memory in GiB."""
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
    }


@cache
def git_commit(folder: Path) -> str | None:
    """Return the commit checked out in a folder, with `+changes` when files differ from it; `None` outside git.

    It is that of the first call: what a process runs is what it loaded then.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _memory_gib() -> float | None:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
    return float(round(size / 2**30, 1))
