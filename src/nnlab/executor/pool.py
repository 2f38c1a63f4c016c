"""Workers that take jobs from one queue, whatever they are: processes of this machine, or of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Any

from nnlab.errors import Problem
from nnlab.executor.jobs import Job, Outcome, Watcher

ATTEMPTS = 2
"""How often a training is started when the process that it runs in dies."""


class Worker(ABC):
    """A process that trains one job after the other and stays warm, as its executor sees it.

    Attributes:
        job: what it does now.
        kinds: the kinds of jobs that it has done.
        is_ready: whether it can be given a job.
    """

    is_ready = True

    def __init__(self) -> None:
        self.job: Job | None = None
        self.kinds: set[str] = set()

    def give(self, job: Job) -> None:
        """Let it do a job."""
        self.job = job
        self.kinds.add(job.kind)
        self.send(job)

    @abstractmethod
    def send(self, job: Job) -> None:
        """Send it a job."""

    @abstractmethod
    def receive(self) -> tuple[str, Any]:
        """Return a message that waits: `epoch` and a row, or `ended`, the outcome and whether its memory has grown.

        Raises:
            EOFError, ConnectionError: it is dead.
        """

    @abstractmethod
    def stop(self) -> None:
        """End it."""

    @abstractmethod
    def cause_of_death(self) -> tuple[str, str]:
        """Return how it died, and what to do about it."""


class Pool(ABC):
    """Does several jobs at once in workers; to be closed at the end, or used in a `with` statement.

    A worker that dies, killed, out of memory or cut off, loses only its training, which another one starts again.

    Args:
        watch: is told how trainings go on.
    """

    def __init__(self, watch: Watcher | None = None) -> None:
        self._watch = watch
        self._queue: deque[Job] = deque()
        self._lost: dict[str, int] = {}
        self._workers: list[Any] = []

    def submit(self, job: Job) -> None:
        """Put a job in the queue; it is handed out when somebody waits, so that there are some to choose from."""
        self._queue.append(job)

    def next_outcome(self) -> Outcome | None:
        """Wait until a job ends, and return how; `None` when there is none left."""
        while any(worker.job is not None for worker in self._workers) or self._queue:
            self._hand_out()
            for worker in self._wait():
                outcome = self._hear(worker)
                if outcome is not None:
                    self._hand_out()
                    return outcome
        return None

    def close(self) -> None:
        """Stop what still runs."""
        self._queue.clear()
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @abstractmethod
    def _most_workers(self) -> int:
        """Return how many workers there may be now."""

    @abstractmethod
    def _start_worker(self) -> Worker:
        """Start one more."""

    @abstractmethod
    def _wait(self) -> Sequence[Worker]:
        """Wait for messages; return the workers that have sent one, or died."""

    def _hand_out(self) -> None:
        """Give waiting jobs to idle workers, and start workers while there are fewer than there may be."""
        while self._queue:
            idle = [worker for worker in self._workers if worker.job is None]
            ready = next((worker for worker in idle if worker.is_ready), None)
            if ready is not None:
                job = self._next_job(ready)
                self._queue.remove(job)
                ready.give(job)
            elif len(idle) < len(self._queue) and len(self._workers) < self._most_workers():
                self._workers.append(self._start_worker())
            else:
                return

    def _next_job(self, worker: Worker) -> Job:
        """Choose a job of a kind that the worker has done, else one that is nobody's so far, else the next."""
        taken = {kind for other in self._workers for kind in other.kinds}
        known = next((job for job in self._queue if job.kind in worker.kinds), None)
        new = next((job for job in self._queue if job.kind not in taken), None)
        return known or new or self._queue[0]

    def _hear(self, worker: Worker) -> Outcome | None:
        """Take one message of a worker; return the outcome if it tells of one."""
        try:
            kind, content = worker.receive()
        except (EOFError, ConnectionError):
            return self._bury(worker)
        if kind == "epoch":
            if self._watch is not None and worker.job is not None:
                self._watch(worker.job.name, content)
            return None
        outcome, has_grown = content
        worker.job = None
        if has_grown:
            self._workers.remove(worker)
            worker.stop()
        assert isinstance(outcome, Outcome)
        return outcome

    def _bury(self, worker: Worker) -> Outcome | None:
        """Put a dead worker's job back in the queue, or give it up."""
        self._workers.remove(worker)
        worker.stop()
        job = worker.job
        if job is None:
            return None
        self._lost[job.name] = self._lost.get(job.name, 0) + 1
        if self._lost[job.name] < ATTEMPTS:
            job.run.remove()  # a run is never written into another
            self._queue.appendleft(job)
            return None
        how, remedy = worker.cause_of_death()
        problem = Problem(f"the process that trained it died {ATTEMPTS} times ({how})", remedy)
        return Outcome(job.name, "failed", {}, (), (problem,))
