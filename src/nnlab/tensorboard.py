"""TensorBoard as a server of this machine only, on runs that are chosen.

It ticks none of more lines than `MOST_TICKED`, and shows empty charts then: a training has two of them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from nnlab.errors import NnlabError
from nnlab.run import Run, list_runs

HOST = "127.0.0.1"
TRIES = 50
SECONDS_TO_START = 60.0
SECONDS_BETWEEN_LOOKS = 5.0
LATEST = 20
MOST_TICKED = 40


def latest(runs_dir: Path) -> list[Run]:
    """Return the latest trainings of a folder of runs that left event files; those of searches are not among them."""
    return list(islice((run for run in reversed(list_runs(runs_dir)) if run.tensorboard_path.is_dir()), LATEST))


def trainings(runs: Sequence[Run]) -> list[Run]:
    """Return the trainings that left event files, those of comparisons and searches included."""
    return [each for run in runs for each in run.trainings() if each.tensorboard_path.is_dir()]


class LinkedRuns:
    """A folder whose links TensorBoard follows: `<run>/train`, `<run>/validation`, `<search>/<trial>/train` ...

    Args:
        choose: returns the runs to show now.
    """

    def __init__(self, choose: Callable[[], Sequence[Run]]) -> None:
        self._choose = choose
        self._folder = tempfile.TemporaryDirectory(prefix="nnlab-tensorboard-")
        self._links: dict[Path, Path] = {}
        self.update()

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self._folder.name)

    @property
    def lines(self) -> int:
        """How many lines TensorBoard lists."""
        return len(self._links)

    def update(self) -> None:
        """Link the runs that have come, and no more those that are not to be shown any more."""
        wanted = {self.path / run.label / part.name: part for run in self._choose() for part in _parts(run)}
        for link in self._links.keys() - wanted.keys():
            link.unlink(missing_ok=True)
        for link in wanted.keys() - self._links.keys():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(wanted[link])
        self._links = wanted

    def close(self) -> None:
        """Delete the links."""
        self._folder.cleanup()


def _parts(run: Run) -> Iterator[Path]:
    """Yield the folders of event files of a run."""
    return (part.resolve() for part in sorted(run.tensorboard_path.glob("*/")))


@dataclass(frozen=True, slots=True)
class Server:
    """A TensorBoard process; what it writes goes to `log`."""

    process: subprocess.Popen[bytes]
    port: int
    log: IO[bytes]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}/"

    def wait(self, look: Callable[[], None]) -> None:
        """Wait until it ends.

        Args:
            look: is called now and then.

        Raises:
            NnlabError: it ended by itself, with an error.
        """
        while self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(SECONDS_BETWEEN_LOOKS)
            look()
        if self.process.returncode:
            raise self._failure()

    def wait_until_it_answers(self) -> None:
        """Return as soon as it takes connections.

        Raises:
            NnlabError: it ended instead, or does not answer.
        """
        for _ in range(int(SECONDS_TO_START / 0.1)):
            if self.process.poll() is not None:
                raise self._failure()
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.1)
        self.stop()
        raise NnlabError(f"TensorBoard does not answer at {self.url}", hint="try again, or another `--port`")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _failure(self) -> NnlabError:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
        return NnlabError(f"TensorBoard stopped: {lines[-1]}", hint="`nnlab doctor` checks the installation")


def serve(folder: Path, port: int) -> Server:
    """Start TensorBoard on the first free port from `port` on, and wait until it answers.

    Raises:
        NnlabError: no port is free, or it does not start.
    """
    free = free_port(port)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", HOST, "--port", str(free)]
    log = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the server)
    # a group of its own: Ctrl-C reaches nnlab, which then ends it
    process = subprocess.Popen(
        command, stdout=log, stderr=log, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, start_new_session=True
    )
    server = Server(process, free, log)
    try:
        server.wait_until_it_answers()
    except BaseException:
        server.stop()
        raise
    return server


def free_port(first: int) -> int:
    """Return the first port from `first` on that nobody listens on."""
    for port in range(first, min(first + TRIES, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except (OSError, OverflowError):
                continue
            return port
    raise NnlabError(f"no port from {first} to {first + TRIES - 1} is free", hint="give another with `--port`")
