"""The order of rows that are not in memory, and the reading of them ahead of the steps.

Rows are shuffled by blocks: the blocks of an epoch are shuffled, dealt into groups, and the rows of a group are
shuffled among themselves. A group is what memory holds at a time. The order is a function of seed, epoch and the size
of a group, which is therefore the same on every machine. Rows that are one group have the order of rows in memory.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from nnlab.data.splits import ByName, Rows, Split

GROUP_BLOCKS = 64
"""Blocks of a group: rows of one stand side by side in the file, and are read at once."""

Group: TypeAlias = tuple[np.ndarray, np.ndarray]
"""The numbers of rows that are read together, rising, and the order in which steps take them, int64 `[rows]`."""

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """Rows of some steps that follow one another.

    Args:
        rows: in memory; behind those of the steps may be others.
        order: of the rows, int64: each step takes the next ones.
        first_step: the number of the first step in the epoch.
        steps: how many there are, of whole batches.
        rest: how many rows a smaller step behind them takes; 0 but where the epoch ends.
    """

    rows: Split
    order: np.ndarray
    first_step: int
    steps: int
    rest: int = 0


def groups(num_rows: int, size: int, seed: int, epoch: int, *, shuffle: bool) -> Iterator[Group]:
    """Yield the groups of an epoch, if there are several.

    Args:
        num_rows: training rows.
        size: rows of a group, a multiple of `GROUP_BLOCKS`.
        seed: the experiment's seed.
        epoch: from 0.
        shuffle: whether rows are shuffled, or go in their own order.
    """
    block = size // GROUP_BLOCKS
    count = -(-num_rows // block)
    blocks = np.random.default_rng([seed, epoch]).permutation(count) if shuffle else np.arange(count)
    for group, first in enumerate(range(0, count, GROUP_BLOCKS)):
        own = np.sort(blocks[first : first + GROUP_BLOCKS])
        numbers = (own[:, None] * block + np.arange(block)).reshape(-1)
        numbers = numbers[numbers < num_rows]
        inside = np.arange(len(numbers))
        yield numbers, np.random.default_rng([seed, epoch, group]).permutation(inside) if shuffle else inside


def capacity(rows: Rows, batch_size: int) -> int:
    """Return the most rows of a stretch: a group, and what is left of the one before."""
    return min(rows.count, rows.at_once + batch_size - 1)


def stretches(rows: Rows, order: Iterable[Group], batch_size: int, *, size: int | None = None) -> Iterator[Stretch]:
    """Yield the stretches of an epoch; what a group leaves of a batch goes before the next one.

    Args:
        rows: the training rows.
        order: their groups.
        batch_size: rows a step.
        size: rows that each stretch is filled up to.
    """
    left: Split | None = None
    first_step, read = 0, 0
    for numbers, inside in order:
        kept = 0 if left is None else left.count
        read += len(numbers)
        together = _joined([*([] if left is None else [left]), rows.take(numbers)], size)
        inside = np.concatenate([np.arange(kept), inside + kept])
        steps, rest = divmod(len(inside), batch_size)
        left = together.take(inside[steps * batch_size :]) if rest else None
        filled = inside if size is None else np.concatenate([inside, np.zeros(size - len(inside), np.int64)])
        made = [Stretch(together, filled, first_step, steps, rest if read == rows.count else 0)]
        del together  # whoever takes it decides how long it stays
        yield made.pop()
        first_step += steps


def _joined(parts: list[Split], size: int | None) -> Split:
    """Return rows one behind the other, filled up to a size."""
    count = sum(part.count for part in parts)
    if len(parts) == 1 and size in (None, count):
        return parts[0]

    def together(arrays: list[np.ndarray]) -> np.ndarray:
        found = np.zeros((count if size is None else size, *arrays[0].shape[1:]), arrays[0].dtype)
        np.concatenate(arrays, out=found[:count])
        return found

    def by_name(some: list[ByName]) -> ByName:
        return {name: together([arrays[name] for arrays in some]) for name in some[0]}

    return Split(*(by_name([getattr(part, name) for part in parts]) for name in ("x", "y", "weights", "row_weights")))


def read_ahead(items: Iterable[T], prepare: Callable[[T], S]) -> Generator[S]:
    """Yield what is prepared of each item, by a thread that is one ahead of whoever takes them, and no more.

    An error of the thread is raised where its item would come.
    """
    waiting: queue.SimpleQueue[tuple[bool, S | BaseException | None]] = queue.SimpleQueue()
    wanted, over = threading.Semaphore(), threading.Event()

    def work() -> None:
        try:
            prepared = map(prepare, items)
            while wanted.acquire() and not over.is_set():
                try:
                    waiting.put((True, next(prepared)))
                except StopIteration:
                    break
            waiting.put((False, None))
        except BaseException as error:
            waiting.put((False, error))

    thread = threading.Thread(target=work, name="reads rows ahead", daemon=True)
    thread.start()
    try:
        while True:
            is_item, what = waiting.get()
            wanted.release()
            if isinstance(what, BaseException):
                raise what
            if not is_item:
                return
            yield what  # type: ignore[misc]
    finally:
        over.set()
        wanted.release()
        thread.join()
