"""TensorBoard as a server of this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nnlab.errors import NnlabError

HOST = "127.0.0.1"
TRIES = 50
SECONDS_TO_START = 60.0


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

    def wait(self) -> None:
        """Wait until it ends.

        Raises:
            NnlabError: it ended by itself, with an error.
        """
        if self.process.wait():
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
