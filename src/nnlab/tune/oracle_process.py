"""The oracle in a process of its own, which comes from where workers come from.

KerasTuner imports TensorFlow, which is there already; and an oracle may think for seconds, in which Ctrl-C is heard.
"""

from __future__ import annotations

import contextlib
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

from nnlab.config.tune import TuneConfig
from nnlab.environment import NOT_FOR_TRAINING, without
from nnlab.errors import LostError, first_line
from nnlab.executor import how_it_ended, start_process
from nnlab.tune.search import Codes, Proposal
from nnlab.tune.space import Space


class OracleProcess:
    """A `Proposer` elsewhere, from the first question on.

    Args:
        space: what is searched.
        section: the algorithm and its options.
        options: what else `Proposer` takes.

    Attributes:
        seconds: how long it has thought so far, its start apart.
    """

    def __init__(self, space: Space, section: TuneConfig, **options: Any) -> None:
        self.seconds = 0.0
        self._arguments = space, section, options
        self._process: Any = None

    def __enter__(self) -> OracleProcess:
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._connection.close()
            self._process.terminate()
            self._process.join()

    def ask(self, number: int, *, recorded: Codes | None = None) -> Proposal | None:
        """See `Proposer`."""
        proposal: Proposal | None = self._call("ask", number, recorded=recorded)
        return proposal

    def tell(self, number: int, score: float | None) -> None:
        """See `Proposer`."""
        self._call("tell", number, score)

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Let it do something.

        Raises:
            LostError: it has died, or the algorithm has come to nothing.
        """
        try:
            if self._process is None:
                self._process, self._connection = start_process(_answer, *self._arguments)
            self._connection.send((method, arguments, options))
            answer, seconds = self._connection.recv()
        except (EOFError, ConnectionError):
            how = "before it began" if self._process is None else how_it_ended(self._process)
            raise LostError(f"the process that proposes trials has died ({how})") from None
        self.seconds += seconds
        if isinstance(answer, Exception):
            what = f"{type(answer).__name__}: {first_line(answer)}"
            raise LostError(f"the next trial could not be proposed: {what}") from answer
        return answer


def _answer(connection: Connection, space: Space, section: TuneConfig, options: dict[str, Any]) -> None:
    """Do what is asked for until the parent is gone, or ends this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    learns = section.algorithm == "bayesian"
    with without(*(() if learns else (*NOT_FOR_TRAINING, "scipy"))):  # KerasTuner imports what is there
        from nnlab.tune.oracle import Proposer

    proposer = Proposer(space, section, **options)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            method, arguments, more = connection.recv()
            began = time.perf_counter()
            try:
                answer = getattr(proposer, method)(*arguments, **more)
            except Exception as error:
                answer = error
            connection.send((answer, time.perf_counter() - began))
