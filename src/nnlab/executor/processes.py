"""Several trainings at once in processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any

from nnlab.executor.jobs import Job, Watcher
from nnlab.executor.pool import Pool, Worker
from nnlab.executor.trainer import Trainer

SECONDS_TO_END = 10.0
"""How long a worker may take to end."""


def start_soon() -> Any:
    """Start what `Workers` come from, and TensorFlow in it, without waiting for it; return their context."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nnlab.preload"])
    forkserver.ensure_running()
    return context


def start_process(target: Callable[..., None], *arguments: Any) -> tuple[Any, Connection]:
    """Start a process in which TensorFlow is imported, which this waits for.

    Args:
        target: what it does; is called with its end of the connection first.
        arguments: what else that is called with.

    Returns:
        The process, which ends with this one, and this end of the connection.
    """
    context = start_soon()
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def how_it_ended(process: Any) -> str:
    """Say with which signal or exit code a process that is dead has ended."""
    process.join(1)
    code = process.exitcode
    return f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"


class Workers(Pool):
    """Does several jobs at once in processes of their own, which stay warm: TensorFlow started, programs compiled.

    Args:
        count: jobs at once.
        watch: is told how trainings go on.
        threads: that each computes with.
    """

    def __init__(self, count: int, watch: Watcher | None = None, *, threads: int = 1) -> None:
        super().__init__(watch)
        self._count = count
        self._threads = threads
        start_soon()

    def _most_workers(self) -> int:
        return self._count

    def _start_worker(self) -> Worker:
        return _Process(self._threads)

    def _wait(self) -> Sequence[Worker]:
        ready = wait([worker.connection for worker in self._workers])
        return [worker for worker in self._workers if worker.connection in ready]


class _Process(Worker):
    """A worker on this machine."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.process, self.connection = start_process(_work, threads)

    def send(self, job: Job) -> None:
        self.connection.send(job)

    def receive(self) -> tuple[str, Any]:
        kind, content = self.connection.recv()
        return kind, content

    def stop(self) -> None:
        self.process.terminate()
        self.process.join(SECONDS_TO_END)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()

    def cause_of_death(self) -> tuple[str, str]:
        if self.process.exitcode == -signal.SIGKILL:
            remedy = "memory may have run out: use fewer jobs at once (`-j`), or lower `training.batch_size`"
        else:
            remedy = "`nnlab train` of the same config shows what it says"
        return how_it_ended(self.process), remedy


def _work(connection: Connection, threads: int) -> None:
    """Do jobs until the parent is gone, sends no more, or ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then ends its workers
    signal.signal(signal.SIGTERM, _interrupted)  # a training that is ended leaves its run as interrupted
    Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, EOFError, ConnectionError):
        _do_jobs(connection, threads)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending


def _do_jobs(connection: Connection, threads: int) -> None:
    from nnlab.engine.decision import threads_for_good

    threads_for_good(threads)
    trainer = Trainer()

    def tell(row: Mapping[str, Any]) -> None:
        try:
            connection.send(("epoch", row))
        except ConnectionError:  # the parent is gone
            raise KeyboardInterrupt from None

    while True:
        job = connection.recv()
        outcome = trainer.do(job, tell)
        connection.send(("ended", (outcome, trainer.has_grown())))


def _end_with_parent() -> None:
    """Interrupt this process once its parent is gone, however it went: nobody waits for the training any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_END)
    os.kill(os.getpid(), signal.SIGKILL)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt
