"""Many trainings: one after the other in this process, or several at once in worker processes or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nnlab.errors import NnlabError
from nnlab.executor.jobs import Executor, Job, Outcome, Watcher, check_threads
from nnlab.executor.processes import Workers, start_process, start_soon
from nnlab.executor.trainer import InProcess

__all__ = [
    "Executor",
    "InProcess",
    "Job",
    "Outcome",
    "Watcher",
    "Workers",
    "check_threads",
    "executor_for",
    "jobs_at_once",
    "start_process",
    "start_soon",
]


def executor_for(jobs: int | None, ray: str | None) -> Callable[[Watcher | None], Executor]:
    """Return what makes the executor that `--jobs` and `--ray` ask for; a Ray cluster is connected to at once.

    Raises:
        NnlabError: Ray is not installed, or the cluster cannot be reached.
    """
    if ray is None:
        return partial(Workers, jobs or 1)
    try:
        from nnlab.executor.cluster import RayWorkers, connect
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise NnlabError("`--ray` needs Ray, which is not installed", hint="`pip install 'nnlab[ray]'`") from None
    connect(ray, jobs)

    def make(watch: Watcher | None = None) -> Executor:
        connect(ray, jobs)  # again, after an executor before has left the cluster
        return RayWorkers(jobs, watch)

    return make


def jobs_at_once(jobs: int | None, ray: str | None) -> int:
    """Return how many jobs are done at once, once `executor_for` has connected to the cluster if there is one."""
    if jobs is not None or ray is None:
        return jobs or 1
    from nnlab.executor.cluster import cpus

    return cpus()
