"""Who is at work in a run directory: a lock of the operating system, which ends with its owner whatever ended that.

`flock` holds on one machine, and on many network file systems on others, too. Where another machine's lock cannot be
seen, the time of the file says whether somebody is there: its owner touches it again and again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import time
import weakref
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Event, Thread

from nnlab.errors import NnlabError

SECONDS_BETWEEN_BEATS = 10.0
SECONDS_TO_BE_MISSED = 120.0
"""How old the last beat of another machine may be; clocks differ, and a network may be slow."""

SECONDS_TO_TRY = 0.5
"""How long to try: somebody who only looks holds the lock for a moment, too."""

_held: set[int] = set()
"""The open files that this process holds locks with."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who is at work, as far as the lock's file says.

    Args:
        pid: its process.
        host: the name of its machine.
        machine: what tells its kernel from every other.
        since: when it began, as ISO 8601.
    """

    pid: int
    host: str
    machine: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on `{self.host}`, since {self.since}" if self.pid else "another process"


class Lock:
    """Holds the lock of a file until it is released, this object is gone, or this process; then the file is, too.

    Args:
        path: of the file, which is made; its folder is there.

    Raises:
        NnlabError: somebody else holds it; nothing was touched.
    """

    def __init__(self, path: Path) -> None:
        file, stop = _acquire(path), Event()
        _held.add(file)
        Thread(target=_beat, args=(path, stop), daemon=True).start()
        self.release = weakref.finalize(self, _release, path, file, stop)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def _release(path: Path, file: int, stop: Event) -> None:
    stop.set()
    if file in _held:  # in a process that was forked it is not
        with contextlib.suppress(OSError):  # the folder may be gone
            path.unlink()
        _held.discard(file)
        os.close(file)


def owner_of(path: Path) -> Owner | None:
    """Return who holds the lock of a file; `None` if nobody does."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        owner = _read(file)
        is_free = _lock(file, fcntl.LOCK_SH)
        if is_free:
            fcntl.flock(file, fcntl.LOCK_UN)
        return owner if is_free is False or _beats_unseen(file, owner, is_seen=is_free is not None) else None
    finally:
        os.close(file)


def refuse_if_held(path: Path) -> None:
    """Raise if somebody holds the lock of a file.

    Raises:
        NnlabError: somebody does.
    """
    owner = owner_of(path)
    if owner is not None:
        hint = "wait until it ends" + (f", or end it: `kill {owner.pid}` on `{owner.host}`" if owner.pid else "")
        raise NnlabError(f"`{path.parent}` is at work already: {owner}", hint=hint)


def _acquire(path: Path) -> int:
    deadline = time.monotonic() + SECONDS_TO_TRY
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            is_ours = _lock(file, fcntl.LOCK_EX)
            is_free = is_ours is not False and not _beats_unseen(file, _read(file), is_seen=is_ours is not None)
            if is_free and _is_still(path, file):
                _write(file)
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        if not is_free and time.monotonic() > deadline:
            refuse_if_held(path)
        time.sleep(0.02)


def _lock(file: int, kind: int) -> bool | None:
    """Take the lock; `False` if somebody else has it, `None` if the file system has no locks."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_still(path: Path, file: int) -> bool:
    """Return whether the file is the one that stands there: its last owner may just have taken it away."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _beats_unseen(file: int, owner: Owner, *, is_seen: bool) -> bool:
    """Return whether somebody whose lock cannot be seen from here has been at work of late.

    Args:
        file: the lock's.
        owner: who has written it.
        is_seen: whether the file system has locks; those of this machine are seen then.
    """
    is_elsewhere = owner.machine not in ("", _machine())
    if not owner.pid or (is_seen and not is_elsewhere):
        return False
    if not is_elsewhere and not Path(f"/proc/{owner.pid}").exists() and Path("/proc/self").exists():
        return False
    return time.time() - os.fstat(file).st_mtime < SECONDS_TO_BE_MISSED


def _beat(path: Path, stop: Event) -> None:
    while not stop.wait(SECONDS_BETWEEN_BEATS):
        with contextlib.suppress(OSError):  # a network that is away for a while
            os.utime(path)


def _write(file: int) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "machine": _machine(), "since": since}
    os.ftruncate(file, 0)
    os.pwrite(file, (json.dumps(owner) + "\n").encode(), 0)


def _read(file: int) -> Owner:
    """Read who has written the file; of one that is empty or damaged, nothing is known."""
    try:
        content = json.loads(os.pread(file, 10_000, 0))
        return Owner(int(content["pid"]), *(str(content[key]) for key in ("host", "machine", "since")))
    except (OSError, ValueError, TypeError, KeyError):
        return Owner(0, "", "", "")


@cache
def _machine() -> str:
    """Return what no other running kernel has: containers of one machine share it, and see each other's locks."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _let_go() -> None:
    """Close, in a process that was forked, what only its parent holds: a lock lives as long as any copy is open."""
    for file in _held:
        os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)
