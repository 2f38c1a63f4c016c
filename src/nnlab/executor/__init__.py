"""Many trainings: several at once in worker processes or on a Ray cluster, each of which trains one after the other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nnlab.errors import NnlabError
from nnlab.executor.capacity import most_workers
from nnlab.executor.jobs import Job, Outcome, Watcher, check_threads, threads_of
from nnlab.executor.pool import Pool
from nnlab.executor.processes import Workers, how_it_ended, start_process, start_soon
from nnlab.executor.trainer import Trainer

__all__ = [
    "Job",
    "Outcome",
    "Pool",
    "Trainer",
    "Watcher",
    "Workers",
    "check_threads",
    "executor_for",
    "how_it_ended",
    "jobs_at_once",
    "start_process",
    "start_soon",
    "threads_of",
]


def executor_for(jobs: int | None, ray: str | None, *, threads: int = 1) -> Callable[[Watcher | None], Pool]:
    """Return what makes the executor that `--jobs` and `--ray` ask for; a Ray cluster is connected to at once.

    Args:
        jobs: trainings at once; default: as many as there are cores and memory for.
        ray: the address of a cluster; default: this machine.
        threads: of each training; with more than one, one training is done after the other.

    Raises:
        NnlabError: Ray is not installed, the cluster cannot be reached, or its workers are to have several threads.
    """
    if ray is None:
        return partial(Workers, jobs_at_once(jobs, ray, threads=threads), threads=threads)
    if threads > 1:
        hint = "leave `training.threads` out, or `--ray`"
        raise NnlabError(f"trainings on a Ray cluster have one thread each, not {threads}", hint=hint)
    try:
        from nnlab.executor.cluster import RayWorkers, connect
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise NnlabError("`--ray` needs Ray, which is not installed", hint="`pip install 'nnlab[ray]'`") from None
    connect(ray, jobs)

    def make(watch: Watcher | None = None) -> Pool:
        connect(ray, jobs)  # again, after an executor before has left the cluster
        return RayWorkers(jobs, watch)

    return make


def jobs_at_once(jobs: int | None, ray: str | None, *, threads: int = 1) -> int:
    """Return how many jobs are done at once, once `executor_for` has connected to the cluster if there is one."""
    if jobs is not None:
        return jobs
    if ray is None:
        return 1 if threads > 1 else most_workers()
    from nnlab.executor.cluster import cpus

    return cpus()
