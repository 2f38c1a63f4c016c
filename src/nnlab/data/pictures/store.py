"""Pictures decoded, and kept in the cache: by what is in the files and what is made of them, not by their names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.checksums import content_hash, seal
from nnlab.data.cache import is_sound_once
from nnlab.data.pictures.form import PictureForm
from nnlab.data.pictures.listing import list_pictures
from nnlab.environment import cache_folder
from nnlab.errors import DataError, LostError, Problem
from nnlab.progress import tell
from nnlab.wording import size_text

VERSION = 1
"""Of what is made of pictures; another one is made again."""

_WORK = "decoding pictures"


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Pictures of files.

    Args:
        array: `[pictures, height, width, channels]`, read-only, mapped from a file where there is a cache.
        kept: which of the files they are, by their numbers.
        broken: why the others cannot be decoded, by their numbers.
    """

    array: np.ndarray
    kept: np.ndarray
    broken: Mapping[int, str]


def load_pictures(root: Path, names: Sequence[str], form: PictureForm) -> Pictures:
    """Return pictures as arrays: from the cache if they are there, else TensorFlow decodes them in another process.

    Args:
        root: the folder.
        names: of the files, relative to it.
        form: what is made of them.

    Raises:
        DataError: there is no room for them.
        LostError: the process that decodes them has died.
    """
    digests, unreadable = _digests(root, names)
    readable = sorted(digests)
    state = [VERSION, version("tensorflow"), form.to_json(), [digests[number] for number in readable]]
    key = hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]
    files = [str(root / names[number]) for number in readable]
    folder = cache_folder()
    place = None if folder is None else folder / "data" / f"pictures-{key}"
    found = None if place is None else _read(place, form)
    array, broken = _decoded(files, form, place) if found is None else found
    reasons = {**unreadable, **{readable[number]: reason for number, reason in broken.items()}}
    kept = np.array([number for number in readable if number not in reasons], np.int64)
    return Pictures(array, kept, dict(sorted(reasons.items())))


def folder_record(folder: Path) -> dict[str, Any] | None:
    """Return the path of a folder, and size and hash of its pictures with their names; `None` if it has none."""
    names = list_pictures(folder).pictures
    if not names:
        return None
    digests, _ = _digests(folder, names)
    content = [[name, digests.get(number)] for number, name in enumerate(names)]
    size = sum((folder / names[number]).stat().st_size for number in digests)
    digest = hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
    return {"path": str(folder), "bytes": size, "blake2b": digest}


def _digests(root: Path, names: Sequence[str]) -> tuple[dict[int, str], dict[int, str]]:
    """Return the digest of each file, or else why it cannot be read; files that have not changed are not read again."""
    folder = cache_folder()
    notes = (
        None if folder is None else folder / "data" / f"digests-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}"
    )
    known = _known(notes)
    found: dict[int, str] = {}
    unreadable: dict[int, str] = {}
    now: dict[str, list[Any]] = {}
    for number, name in enumerate(names):
        try:
            state = (root / name).stat()
            if not state.st_size:
                unreadable[number] = "the file is empty"
                continue
            mark = [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]
            *before, digest = known.get(name, [None])
            found[number] = digest if before == mark else content_hash(root / name)
            now[name] = [*mark, found[number]]
        except OSError as error:
            unreadable[number] = f"it cannot be read: {error.strerror}"
    if notes is not None and not now.items() <= known.items():
        _keep(notes, {**known, **now})
    return found, unreadable


def _known(notes: Path | None) -> dict[str, list[Any]]:
    try:
        return {} if notes is None else dict(json.loads(notes.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _keep(notes: Path, known: Mapping[str, Any]) -> None:
    try:
        notes.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=notes.parent, delete=False) as stream:
            json.dump(known, stream)
        Path(stream.name).replace(notes)
    except OSError:  # no room or no permission: they are read again
        return


def _read(place: Path, form: PictureForm) -> tuple[np.ndarray, dict[int, str]] | None:
    try:
        for name in ("about.json", "pictures"):
            if not is_sound_once(place / name):
                return None
        about = json.loads((place / "about.json").read_text())
        return _mapped(place / "pictures", form), {int(number): why for number, why in about["broken"].items()}
    except Exception:  # not there, or damaged in whatever way: it is made again
        return None


def _mapped(file: Path, form: PictureForm) -> np.ndarray:
    count = file.stat().st_size // form.bytes
    if not count:
        return np.empty((0, *form.shape), form.dtype)
    return np.memmap(file, form.dtype, mode="r", shape=(count, *form.shape))


def _decoded(files: list[str], form: PictureForm, place: Path | None) -> tuple[np.ndarray, dict[int, str]]:
    """Decode pictures into a folder beside `place`, which then takes its name; without one they are kept in memory."""
    if not files:
        return np.empty((0, *form.shape), form.dtype), {}
    parent = _writable(place)
    _require_room(parent, len(files) * form.bytes)
    with tempfile.TemporaryDirectory(dir=parent, prefix="decoding-") as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        broken = _run(files, form, made / "pictures")
        if place is None or parent is None:
            return np.fromfile(made / "pictures", form.dtype).reshape(-1, *form.shape), broken
        (made / "about.json").write_text(json.dumps({"broken": broken, "form": form.to_json()}))
        for file in list(made.iterdir()):
            seal(file)
        shutil.rmtree(place, ignore_errors=True)
        try:
            made.rename(place)
        except OSError:  # another process was faster
            return np.fromfile(made / "pictures", form.dtype).reshape(-1, *form.shape), broken
        return _mapped(place / "pictures", form), broken


def _writable(place: Path | None) -> Path | None:
    """Return the folder of a place if it can be written to."""
    if place is None:
        return None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return place.parent if os.access(place.parent, os.W_OK) else None


def _require_room(folder: Path | None, size: int) -> None:
    free = shutil.disk_usage(folder or tempfile.gettempdir()).free
    if size > free:
        where = f"`{folder or tempfile.gettempdir()}` has room for {size_text(free)}"
        message = f"the decoded pictures take {size_text(size)}, and {where}"
        hint = "make them smaller (`size`), or name another folder in the environment variable `NNLAB_CACHE_DIR`"
        raise DataError(Problem(message, hint, path=("data", "source")))


def _run(files: list[str], form: PictureForm, array: Path) -> dict[int, str]:
    """Let another process decode the pictures, and tell how far it is."""
    request = json.dumps({"files": files, "form": form.to_json(), "array": str(array)})
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    environment = {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-P", "-m", "nnlab.data.pictures.decoder"]
    said: Any = 0
    with tempfile.TemporaryFile() as noise:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=noise, text=True, env=environment
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with process.stdin as stream:
                stream.write(request)
            for line in process.stdout:
                said = json.loads(line)
                if isinstance(said, int):
                    tell(_WORK, said, len(files))
        except BrokenPipeError:  # it has died, of which its last words tell
            pass
        finally:
            process.stdout.close()
            if not isinstance(said, dict):
                process.kill()
            code = process.wait()
            tell(_WORK, len(files), len(files))
        noise.seek(0)
        words = noise.read().decode(errors="replace").strip().splitlines()
    if isinstance(said, dict):
        return {int(number): why for number, why in said["broken"].items()}
    last = words[-1] if words and code > 0 else "it was killed, perhaps because memory ran out"
    near = Path(files[min(said, len(files) - 1)]).name
    raise LostError(f"the process that decodes pictures has died near `{near}` ({said} of {len(files)} done): {last}")
