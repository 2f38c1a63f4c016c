"""What `run.json` says of a run: what it is, how it began, on what machine, how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nnlab.config.load import LoadedConfig
from nnlab.environment import git_commit, hardware, versions
from nnlab.run import Run, Status

KEPT = ("command", "overrides", "started", "search_seconds", "data_files", "code_files")
"""What a run that is carried on goes on saying of its beginning."""


class RunInfo:
    """Keeps `run.json` up to date; what becomes known later is put into `facts`.

    Args:
        run: whose `run.json` it is.
        facts: what the run is; `experiment_facts` gives what is said of a config.
        before: what `run.json` said when the run stopped, if it is carried on.
        more: facts that stand after the time when it started.
    """

    def __init__(self, run: Run, facts: Mapping[str, Any], before: Mapping[str, Any] = {}, **more: Any) -> None:
        self._run, self._began = run, datetime.now().astimezone()
        self._seconds_before = before.get("seconds", 0.0)
        self.facts: dict[str, Any] = {
            **facts,
            "started": self._began.isoformat(timespec="seconds"),
            **more,
            "versions": versions(),
            "git_commit": git_commit(Path.cwd()),
            "hardware": hardware(),
            **{name: before[name] for name in KEPT if name in before},
        }

    def write(self, **more: Any) -> None:
        """Write the facts, and more that hold only now."""
        self._run.write_info({**self.facts, **more})

    def end(self, status: Status, **more: Any) -> None:
        """Write how the run ended; the time of a run that was carried on is the sum of its parts."""
        finished = datetime.now().astimezone()
        seconds = round(self._seconds_before + (finished - self._began).total_seconds(), 3)
        self.write(status=status, finished=finished.isoformat(timespec="seconds"), seconds=seconds, **more)


def experiment_facts(config: LoadedConfig, command: Sequence[str]) -> dict[str, Any]:
    """Return what `run.json` says first of the run of a config."""
    return {
        "name": config.experiment.name,
        "status": "running",
        "command": list(command),
        "overrides": list(config.overrides),
        "seed": config.experiment.seed,
    }
