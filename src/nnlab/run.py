"""A run: one training and all that it leaves behind. Only this module knows the file names of a run directory."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from nnlab.errors import NnlabError, did_you_mean

Status = Literal["running", "completed", "failed", "interrupted"]

CODE_FOLDER = "code"
"""Where a run keeps the user's own Python code that its model needs."""

_DIRECTORY_NAME = re.compile(r"(\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)_(.+)_([0-9a-f]{6})")


@dataclass(frozen=True, slots=True)
class Run:
    """The directory of one run. It need not exist yet: `create` makes it.

    Args:
        path: the directory.
    """

    path: Path

    @classmethod
    def new(cls, runs_dir: Path, name: str) -> Run:
        """Choose the directory of a new run: `<date>_<time>_<name>_<id>`, which no other run has."""
        started = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        return cls(runs_dir / f"{started}_{name}_{secrets.token_hex(3)}")

    @property
    def config_path(self) -> Path:
        """The config as resolved."""
        return self.path / "config.yaml"

    @property
    def data_path(self) -> Path:
        """What the model knows about its data: names, classes, scaling."""
        return self.path / "data.json"

    @property
    def history_path(self) -> Path:
        """One row an epoch."""
        return self.path / "history.csv"

    @property
    def model_path(self) -> Path:
        """The final model."""
        return self.path / "model.keras"

    @property
    def checkpoint_path(self) -> Path:
        """What a training needs to go on."""
        return self.path / "checkpoints" / "last.npz"

    @property
    def tensorboard_path(self) -> Path:
        """Event files, in `train/` and `validation/`."""
        return self.path / "tensorboard"

    @property
    def trials_path(self) -> Path:
        """Of a comparison or search: the folder of its trainings' runs."""
        return self.path / "trials"

    @property
    def problems_path(self) -> Path:
        """Of a comparison on several configs: the folder with a comparison's run for each."""
        return self.path / "problems"

    @property
    def best_path(self) -> Path:
        """Of a search: the config with the best values."""
        return self.path / "best.yaml"

    def plot_path(self, name: str) -> Path:
        """Of a comparison or search: where a plot of its results stands."""
        return self.path / f"{name}.svg"

    def create(self, *, config: str, source: str) -> None:
        """Make the directory with the resolved config and the config as written.

        Raises:
            NnlabError: the directory cannot be made.
        """
        try:
            self.path.mkdir(parents=True)
        except OSError as error:
            hint = "give another folder with `--runs-dir`"
            raise NnlabError(f"cannot make the run directory `{self.path}`: {error.strerror}", hint=hint) from None
        write_text(self.config_path, config)
        write_text(self.path / "source.yaml", source)

    def keep_code(self, file: Path) -> None:
        """Keep a copy of a Python file that the model needs."""
        folder = self.path / CODE_FOLDER
        folder.mkdir(exist_ok=True)
        write_text(folder / file.name, file.read_text(encoding="utf-8"))

    def write_data(self, record: Mapping[str, Any]) -> None:
        """Write `data.json`: what `DataSpec.to_json` gives."""
        write_text(self.data_path, to_json(record))

    def read_data(self) -> dict[str, Any]:
        """Return the content of `data.json`."""
        return self._read_json("data.json")

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Write `run.json`: status, command, seed, versions, hardware, times, error."""
        write_text(self.path / "run.json", to_json(info))

    def read_info(self) -> dict[str, Any]:
        """Return the content of `run.json`."""
        return self._read_json("run.json")

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics.json`: loss and metrics of the final model on each split."""
        write_text(self.path / "metrics.json", to_json(metrics))

    def read_metrics(self) -> dict[str, Any]:
        """Return the content of `metrics.json`; empty if the run did not get there."""
        return self._read_json("metrics.json") if (self.path / "metrics.json").exists() else {}

    def rewrite_config(self, config: str) -> None:
        """Of a search: replace the config as resolved, when it is to go on for longer."""
        write_text(self.config_path, config)

    def write_trial(self, id_: str, record: Mapping[str, Any]) -> None:
        """Of a search: write what is known of a trial."""
        write_text(self.trials_path / f"{id_}.json", to_json(record))

    def read_trials(self) -> list[dict[str, Any]]:
        """Of a search: return what is known of its trials, in their order."""
        files = sorted(self.trials_path.glob("[0-9]*.json"), key=lambda path: int(path.stem))
        return [self._read_json(f"trials/{path.name}") for path in files]

    def write_best(self, config: str) -> None:
        """Of a search: write the config with the best values."""
        write_text(self.best_path, config)

    def write_results(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Of a comparison or search: write `results.csv` with one row a training."""
        write_text(self.path / "results.csv", _csv(rows, list(dict.fromkeys(name for row in rows for name in row))))

    def write_summary(self, document: Mapping[str, Any], text: str) -> None:
        """Of a comparison or search: write `results.json`, and the same to read, `summary.md`."""
        write_text(self.path / "results.json", to_json(document))
        write_text(self.path / "summary.md", text)

    def read_summary(self) -> dict[str, Any]:
        """Of a comparison or search: return the content of `results.json`; empty if it did not get there."""
        return self._read_json("results.json") if (self.path / "results.json").exists() else {}

    def write_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write `history.csv` with one row an epoch."""
        text = _csv(rows, list(rows[0]) if rows else ["epoch"])
        write_bytes(self.history_path, text.encode("utf-8"), at_once=False)

    def read_history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`, numbers as floats; empty if there are none."""
        if not self.history_path.exists():
            return []
        with self.history_path.open(newline="") as file:
            return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            content = json.loads((self.path / name).read_text())
        except (OSError, ValueError) as error:
            raise NnlabError(f"`{self.path / name}` cannot be read: {error}", hint="is this a run directory?") from None
        if not isinstance(content, dict):
            raise NnlabError(f"`{self.path / name}` holds no mapping", hint="is this a run directory?")
        return content


def open_run(text: str, runs_dir: Path) -> Run:
    """Find a run by its path, its directory's name, the id at its end, or the latest of a name.

    Raises:
        NnlabError: there is no such run.
    """
    for path in (Path(text), runs_dir / text):
        if (path / "run.json").is_file():
            return Run(path)
    if Path(text).is_dir():
        hint = "give a directory that `nnlab train` made; `nnlab runs ls` lists them"
        raise NnlabError(f"`{text}` is no run directory: it has no `run.json`", hint=hint)
    runs = list_runs(runs_dir)
    for run in reversed(runs):
        match = _DIRECTORY_NAME.fullmatch(run.path.name)
        if match is not None and text in match.groups()[1:]:
            return run
    named = [match for run in runs if (match := _DIRECTORY_NAME.fullmatch(run.path.name)) is not None]
    choices = [name for match in named for name in (match[2], match[0], match[3])]
    hint = did_you_mean(text, choices) or f"`nnlab runs ls --runs-dir {runs_dir}` lists them"
    raise NnlabError(f"there is no run `{text}`", hint=hint)


def list_runs(runs_dir: Path) -> list[Run]:
    """Return the runs below a directory, oldest first."""
    return sorted(_find_runs(runs_dir), key=lambda run: run.path.name)


def _find_runs(runs_dir: Path) -> Iterator[Run]:
    if runs_dir.is_dir():
        for path in runs_dir.iterdir():
            if (path / "run.json").is_file():
                yield Run(path)


def _csv(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, as UTF-8."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes, *, at_once: bool = True) -> None:
    """Write a file whole: under another name first, then renamed, so that no reader ever sees half of it.

    Args:
        path: of the file.
        content: what it shall hold.
        at_once: wait until the disk has it; else a power cut may cost the last seconds, a killed process nothing.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(3)}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if at_once:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def to_json(value: Any) -> str:
    """Write JSON that any parser reads: NaN and infinities as `null`."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
