"""Trainings on a Ray cluster: https://docs.ray.io.

Every node needs the same nnlab, but neither the data nor the folder of the runs: rows go to the nodes through Ray's
object store, once for all trainings that have the same ones, and the files of each run come back to this machine.
"""

from __future__ import annotations

import logging
import os
import queue
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from nnlab.errors import LostError, NnlabError, first_line
from nnlab.executor.jobs import Job, Watcher
from nnlab.executor.pool import Pool, Worker
from nnlab.executor.trainer import Trainer
from nnlab.private.ray import silence
from nnlab.run import Run
from nnlab.writing import write_bytes

SECONDS_TO_ANSWER = 5.0
SECONDS_BETWEEN_LOOKS = 5.0
"""How often the size of the cluster is looked up, which may grow and shrink."""

MOST_STARTS = 3
"""Workers in a row that may end before they have begun."""

MOST_DATA = 8
"""Different data that are kept in the object store."""

HTTP2_SETTINGS = b"\x04"
HTTP2_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0" + HTTP2_SETTINGS + b"\0" * 5
"""What a client says first and a server answers, here a Ray head (RFC 9113, 3.4)."""


def connect(address: str, jobs: int | None = None) -> None:
    """Connect to a cluster, unless that is done, for the `RayWorkers` that follow.

    Args:
        address: `HOST:PORT` of the head of a cluster that this machine belongs to, `auto` for the one that runs here,
            `local` to start one on this machine alone.
        jobs: of `local`: trainings at once; default: one a core.

    Raises:
        NnlabError: there is no such cluster.
    """
    if ray.is_initialized():
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # a cluster that nnlab starts reports to nobody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of what it is going to change
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    if address == "local":
        options |= {"num_cpus": jobs, "include_dashboard": False}
    elif address != "auto":
        _check_that_it_answers(address)
    try:
        ray.init(address=address, **options)
    except Exception as error:  # whatever Ray says: it has no error of its own for this
        hint = "`ray status` says whether a cluster runs here; `--ray local` starts one"
        raise NnlabError(f"cannot connect to the Ray cluster `{address}`: {first_line(error)}", hint=hint) from None
    silence()  # nnlab says itself that a node is lost


def _check_that_it_answers(address: str) -> None:
    """Find out at once what takes Ray half a minute."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host or int(port) > 65535:
        hint = "give `--ray HOST:PORT` of the cluster's head (as `ray start --head` prints it), `auto` or `local`"
        raise NnlabError(f"`{address}` is no address of a Ray cluster", hint=hint)
    hint = "is it the head's, and does its cluster run? `ray status` on that machine says so"
    try:
        with socket.create_connection((host, int(port)), SECONDS_TO_ANSWER) as connection:
            connection.sendall(HTTP2_GREETING)
            answer = connection.recv(9)
    except OSError as error:
        raise NnlabError(f"nothing answers at the Ray cluster `{address}`: {error}", hint=hint) from None
    if answer[3:4] != HTTP2_SETTINGS:
        raise NnlabError(f"what answers at `{address}` is no Ray cluster", hint=hint)


def cpus() -> int:
    """Return how many CPUs the cluster has."""
    return int(ray.cluster_resources().get("CPU", 0))


class RayWorkers(Pool):
    """Does several jobs at once on the cluster that `connect` has connected to, one on a CPU, and leaves it at the end.

    Args:
        count: jobs at once; default: as many as the cluster has CPUs, also when it grows or shrinks.
        watch: is told how trainings go on.
    """

    def __init__(self, count: int | None = None, watch: Watcher | None = None) -> None:
        super().__init__(watch)
        self._count = count
        self._cpus = 0
        self._looked = 0.0
        self._failed_starts = 0
        self._data: dict[str, Any] = {}
        self._actor = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(_Remote)

    def close(self) -> None:
        """Stop what still runs, and leave the cluster."""
        super().close()
        self._data.clear()
        ray.shutdown()

    def _most_workers(self) -> int:
        if time.monotonic() - self._looked > SECONDS_BETWEEN_LOOKS:
            self._cpus, self._looked = cpus(), time.monotonic()
        return self._cpus if self._count is None else min(self._count, self._cpus)

    def _start_worker(self) -> Worker:
        return _Actor(self._actor, self._ship)

    def _wait(self) -> Sequence[Worker]:
        waiting = [worker for worker in self._workers if worker.news is not None]
        news = [worker.news for worker in waiting]
        ready = ray.wait(news, timeout=SECONDS_BETWEEN_LOOKS)[0] if waiting else []
        if ready:  # all that there is: a worker that tells much must not keep the others from being heard
            ready, _ = ray.wait(news, num_returns=len(news), timeout=0)
        elif not self._most_workers():
            raise LostError("the Ray cluster has no CPU left")
        return [worker for worker in waiting if any(worker.news is each for each in ready)]

    def _hear(self, worker: Any) -> Any:
        if worker.is_ready or not worker.has_started():
            return super()._hear(worker)
        self._failed_starts = 0
        return None

    def _bury(self, worker: Any) -> Any:
        self._looked = 0.0  # the cluster may have become smaller
        if not worker.is_ready:
            self._failed_starts += 1
            if self._failed_starts == MOST_STARTS:
                hint = "does every node have the same versions of nnlab, Python and Ray?"
                raise LostError(f"no worker can be started on the Ray cluster: {worker.last_words}", hint=hint)
        return super()._bury(worker)

    def _ship(self, job: Job) -> Any:
        """Put a job's data into the object store, if they are not there, and return a reference to them."""
        from nnlab.data.loading import load_data

        experiment = job.config.experiment
        key = repr((experiment.data, experiment.data_seed))
        if key not in self._data:
            while len(self._data) >= MOST_DATA:
                del self._data[next(iter(self._data))]
            try:
                self._data[key] = ray.put(load_data(experiment.data, seed=experiment.seed))
            except NnlabError:  # the worker finds the same, and says it in its outcome
                return None
        return self._data[key]


class _Actor(Worker):
    """A worker somewhere on the cluster, as the driver sees it."""

    is_ready = False

    def __init__(self, actor: Any, ship: Any) -> None:
        super().__init__()
        self._ship = ship
        self._actor = actor.remote()
        self.news = self._actor.get_ready.remote()
        self.last_words = ""

    def has_started(self) -> bool:
        """Take the message that it is ready; `False` if it has died instead."""
        try:
            ray.get(self.news)
        except RayError as error:
            self.last_words = _reason(error)
            return False
        self.news, self.is_ready = None, True
        return True

    def send(self, job: Job) -> None:
        self.news = self._actor.do.options(num_returns="streaming").remote(job, self._ship(job), _checkpoint(job))

    def receive(self) -> tuple[str, Any]:
        if not self.is_ready:
            raise EOFError
        try:
            kind, content = ray.get(next(self.news))
        except RayTaskError:  # a mistake of nnlab's own
            raise
        except RayError as error:
            self.last_words = _reason(error)
            raise EOFError from None
        if kind == "ended":
            *content, files = content
            assert self.job is not None
            _unpack(files, self.job.run)
            self.news = None
        return kind, content

    def stop(self) -> None:
        ray.kill(self._actor)

    def cause_of_death(self) -> tuple[str, str]:
        remedy = "memory may have run out: use fewer jobs at once (`-j`), or lower `training.batch_size`"
        return self.last_words, remedy


class _Remote:
    """What runs on a node: trains, and sends back messages and, at the end, the files of the run."""

    def __init__(self) -> None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # one thread for all trainings: Keras has state that each thread has for itself
        self._thread = ThreadPoolExecutor(1)
        self._trainer = self._thread.submit(_start).result()

    def get_ready(self) -> None:
        """Return once TensorFlow has started."""

    def do(self, job: Job, splits: Any, checkpoint: bytes | None) -> Iterator[tuple[str, Any]]:
        """Yield messages as `Worker.receive` returns them, with the files by their paths in the run's directory.

        Args:
            job: what to do.
            splits: its data.
            checkpoint: what the run that it continues has left.
        """
        messages: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

        def tell(row: Mapping[str, Any]) -> None:
            messages.put(("epoch", row))

        def train() -> None:
            with tempfile.TemporaryDirectory(prefix="nnlab-") as folder:
                run = Run(Path(folder) / job.run.place)  # which is its name in TensorBoard, too
                here = replace(job, run=run)
                if checkpoint is not None:
                    here = _continued(here, Run(Path(folder) / "before"), checkpoint)
                outcome = self._trainer.do(here, tell, splits=splits)
                messages.put(("ended", (outcome, self._trainer.has_grown(), _pack(run))))

        done = self._thread.submit(train)
        done.add_done_callback(lambda _: messages.put(("over", None)))
        while (message := messages.get())[0] != "over":
            yield message
        done.result()  # raises what a mistake of nnlab's own has raised


def _checkpoint(job: Job) -> bytes | None:
    """Return what the run that a job continues has left for it."""
    path = None if job.options.continues is None else job.options.continues.checkpoint_path
    return path.read_bytes() if path is not None and path.exists() else None


def _continued(job: Job, before: Run, checkpoint: bytes) -> Job:
    """Let a job continue a run of this node."""
    before.checkpoint_path.parent.mkdir(parents=True)
    write_bytes(before.checkpoint_path, checkpoint)
    return replace(job, options=replace(job.options, continues=before))


def _start() -> Trainer:
    from nnlab.engine.decision import threads_for_good
    from nnlab.environment import import_keras

    import_keras()
    threads_for_good(1)
    return Trainer()


def _pack(run: Run) -> dict[str, bytes]:
    files = sorted(file for file in run.path.rglob("*") if file.is_file())
    return {file.relative_to(run.path).as_posix(): file.read_bytes() for file in files}


def _unpack(files: Mapping[str, bytes], run: Run) -> None:
    """Write a run's directory whole: under another name first."""
    if not files:  # it failed before it had one
        return
    run.path.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=".", suffix=".tmp", dir=run.path.parent))
    try:
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            write_bytes(place / name, content)
        place.chmod(0o755)
        place.rename(run.path)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _reason(error: RayError) -> str:
    """Return the line of Ray's message that says why, which is its last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__
