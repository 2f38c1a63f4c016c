"""Many trainings: one after the other in this process, or several at once in worker processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import resource
import shutil
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from nnlab.config.load import LoadedConfig
from nnlab.errors import NnlabError, Problem
from nnlab.run import Run, Status

ATTEMPTS = 2
"""How often a training is started when the process that it runs in dies."""

MOST_MEMORY_GROWTH = 1 << 30
"""Bytes by which a worker may outgrow its first training before a new one takes its place."""


@dataclass(frozen=True, slots=True)
class Job:
    """One training to do.

    Args:
        name: by which its outcome is known.
        config: the experiment.
        run: where to leave it.
        kind: jobs of one kind can probably share compiled programs, and had best be done by one worker.
        save_model: whether to keep the trained model.
        trust_code: whether the user's own Python code may run.
        options: what else `train` is given.
    """

    name: str
    config: LoadedConfig
    run: Run
    kind: str = ""
    save_model: bool = True
    trust_code: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Args:
        name: the job's.
        status: the run's.
        metrics: loss and metrics on each split; empty if the training failed.
        history: one row an epoch.
        problems: why it failed, if it did.
        diverged: whether it failed because its loss became NaN or infinite.
    """

    name: str
    status: Status
    metrics: Mapping[str, Mapping[str, float] | None]
    history: tuple[Mapping[str, Any], ...]
    problems: tuple[Problem, ...] = ()
    diverged: bool = False

    @classmethod
    def of(cls, run: Run, name: str) -> Outcome | None:
        """Read how a training that is over ended, `None` if it did not come to its end (or crashed)."""
        try:
            info = run.read_info()
            metrics, history = run.read_metrics(), tuple(run.read_history())
        except (NnlabError, ValueError):
            return None
        if info.get("status") == "completed":
            return cls(name, "completed", metrics, history)
        if info.get("diverged"):
            error = info["error"]
            return cls(name, "failed", {}, history, (Problem(error["message"], error["hint"]),), diverged=True)
        return None


Watcher = Callable[[str, Mapping[str, Any]], None]
"""Is told the name of a job and a row of its history, an epoch after the other."""


class Executor(Protocol):
    """Does jobs; to be closed at the end, or used in a `with` statement."""

    def submit(self, job: Job) -> None:
        """Put a job in the queue."""

    def next_outcome(self) -> Outcome | None:
        """Wait until a job ends; `None` when there is none left."""

    def close(self) -> None:
        """Stop what still runs."""

    def __enter__(self) -> Executor: ...

    def __exit__(self, *error: object) -> None: ...


class InProcess:
    """Does one job after the other in this process.

    Args:
        watch: is told how trainings go on.
    """

    def __init__(self, watch: Watcher | None = None) -> None:
        self._watch = watch
        self._queue: deque[Job] = deque()
        self._trainer: _Trainer | None = None

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        self._queue.append(job)

    def next_outcome(self) -> Outcome | None:
        """See `Executor`."""
        if not self._queue:
            return None
        self._trainer = self._trainer or _Trainer()
        job = self._queue.popleft()
        watch = self._watch
        return self._trainer.do(job, lambda row: watch(job.name, row) if watch is not None else None)

    def close(self) -> None:
        """See `Executor`."""
        self._queue.clear()

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Workers:
    """Does several jobs at once in processes of their own, which stay warm: TensorFlow started, programs compiled.

    A worker that dies, killed or out of memory, loses only its training, which another one starts again.

    Args:
        count: jobs at once.
        watch: is told how trainings go on.
    """

    def __init__(self, count: int, watch: Watcher | None = None) -> None:
        self._count = count
        self._watch = watch
        self._queue: deque[Job] = deque()
        self._lost: dict[str, int] = {}
        self._workers: list[_Worker] = []
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["nnlab.engine.preload"])
        multiprocessing.forkserver.ensure_running()  # TensorFlow starts there while jobs are still being made here

    def submit(self, job: Job) -> None:
        """See `Executor`."""
        self._queue.append(job)
        self._hand_out()

    def next_outcome(self) -> Outcome | None:
        """See `Executor`."""
        while any(worker.job is not None for worker in self._workers) or self._queue:
            self._hand_out()
            ready = wait([worker.connection for worker in self._workers])
            for worker in [worker for worker in self._workers if worker.connection in ready]:
                outcome = self._hear(worker)
                if outcome is not None:
                    self._hand_out()
                    return outcome
        return None

    def close(self) -> None:
        """See `Executor`."""
        self._queue.clear()
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _hand_out(self) -> None:
        """Give waiting jobs to idle workers, and start workers while there are fewer than there may be."""
        while self._queue:
            idle = next((worker for worker in self._workers if worker.job is None), None)
            if idle is None and len(self._workers) < self._count:
                idle = _Worker(self._context)
                self._workers.append(idle)
            if idle is None:
                return
            job = self._next_job(idle)
            self._queue.remove(job)
            idle.give(job)

    def _next_job(self, worker: _Worker) -> Job:
        """Choose a job of a kind that the worker has done, else one that is nobody's so far, else the next."""
        taken = {kind for other in self._workers for kind in other.kinds}
        known = next((job for job in self._queue if job.kind in worker.kinds), None)
        new = next((job for job in self._queue if job.kind not in taken), None)
        return known or new or self._queue[0]

    def _hear(self, worker: _Worker) -> Outcome | None:
        """Take one message of a worker; return the outcome if it tells of one."""
        try:
            kind, content = worker.connection.recv()
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

    def _bury(self, worker: _Worker) -> Outcome | None:
        """Put a dead worker's job back in the queue, or give it up."""
        self._workers.remove(worker)
        code = worker.stop()
        job = worker.job
        if job is None:
            return None
        self._lost[job.name] = self._lost.get(job.name, 0) + 1
        if self._lost[job.name] < ATTEMPTS:
            shutil.rmtree(job.run.path, ignore_errors=True)  # a run is never written into another
            self._queue.appendleft(job)
            return None
        problem = Problem(f"the process that trained it died {ATTEMPTS} times ({_how_it_died(code)})", _remedy(code))
        return Outcome(job.name, "failed", {}, (), (problem,))


class _Worker:
    """A process that trains, as its parent sees it."""

    def __init__(self, context: Any) -> None:
        self.job: Job | None = None
        self.kinds: set[str] = set()
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def give(self, job: Job) -> None:
        self.job = job
        self.kinds.add(job.kind)
        self.connection.send(job)

    def stop(self) -> int | None:
        """End the process, and return its exit code."""
        self.process.terminate()
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()
        code: int | None = self.process.exitcode
        return code


class _Trainer:
    """Trains one job after the other, and keeps what the next may use: data and compiled programs."""

    def __init__(self) -> None:
        from nnlab.engine.reuse import Programs

        self._programs = Programs()
        self._data: tuple[Any, Any] = (None, None)

    def do(self, job: Job, watch: Callable[[Mapping[str, Any]], None]) -> Outcome:
        from nnlab.data.loading import load_data
        from nnlab.train import train

        experiment = job.config.experiment
        own_seed = experiment.data.seed
        wanted = (experiment.data, experiment.seed if own_seed is None else own_seed)
        try:
            if self._data[0] != wanted:
                self._data = wanted, load_data(experiment.data, seed=experiment.seed)
            summary = train(
                job.config,
                job.run,
                splits=self._data[1],
                observer=_Reporter(watch),
                programs=self._programs,
                trust_code=job.trust_code,
                **{"save_model": job.save_model, **job.options},
            )
        except NnlabError as error:
            problems = tuple(job.config.locate(problem) for problem in error.problems)
            return Outcome(job.name, "failed", {}, (), problems)
        problems = () if summary.problem is None else (summary.problem,)
        history = tuple(summary.history)
        return Outcome(job.name, summary.status, summary.metrics, history, problems, summary.diverged)


class _Reporter:
    """An observer that passes the rows of the history on."""

    def __init__(self, watch: Callable[[Mapping[str, Any]], None]) -> None:
        self.epoch_done = watch

    def engine_chosen(self, choice: Any) -> None: ...

    def training_began(self, model: Any, *, epochs: int, steps: int) -> None: ...

    def step_done(self, epoch: int, step: int, logs: Mapping[str, float]) -> None: ...


def _work(connection: Connection) -> None:
    """Do jobs until the parent is gone, sends no more, or ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then ends its workers
    signal.signal(signal.SIGTERM, _interrupted)  # a training that is ended leaves its run as interrupted
    with contextlib.suppress(KeyboardInterrupt, EOFError, ConnectionError):
        _do_jobs(connection)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending


def _do_jobs(connection: Connection) -> None:
    from nnlab.engine.threads import one_thread

    one_thread()
    trainer = _Trainer()
    most = None

    def tell(row: Mapping[str, Any]) -> None:
        try:
            connection.send(("epoch", row))
        except ConnectionError:  # the parent is gone
            raise KeyboardInterrupt from None

    while True:
        job = connection.recv()
        outcome = trainer.do(job, tell)
        used = _memory_used()
        most = most or used + MOST_MEMORY_GROWTH
        connection.send(("ended", (outcome, used > most)))


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def _memory_used() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _how_it_died(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _remedy(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "memory may have run out: use fewer jobs at once (`-j`), or lower `training.batch_size`"
    return "`nnlab train` of the same config shows what it says"
