"""Ctrl-C where it must not be lost."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def no_interrupts() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the end: what their handlers raise gets lost in code that is not Python.

    Handlers are those of the main thread; in others nothing is to be held.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    before: dict[signal.Signals, Any] = {}
    for each in (signal.SIGINT, signal.SIGTERM):
        if callable(signal.getsignal(each)):  # others raise nothing
            before[each] = signal.signal(each, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number, frame in held[:1]:
            before[signal.Signals(number)](number, frame)
