"""How far work is that takes long besides trainings: who does it tells, and who watches is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Watcher = Callable[[str, int, int], None]
"""Is told what is done, how many parts of it are, and of how many."""

_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let somebody be told of all work that is done meanwhile, in this thread."""
    before = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(before)


def tell(what: str, done: int, of: int) -> None:
    """Tell who watches that so many parts are done of work that is called so, such as `decoding pictures`."""
    watcher = _watcher.get()
    if watcher is not None:
        watcher(what, done, of)
