"""A run: one training and all that it leaves behind. Only this module knows the file names of a run directory."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from nnlab.errors import NnlabError, Problem, did_you_mean, first_line
from nnlab.interrupts import no_interrupts
from nnlab.lock import Lock, Owner, owner_of, refuse_if_held
from nnlab.user_code import digest
from nnlab.wording import listed
from nnlab.writing import is_full, overwrite, records_text, to_json, write_bytes, write_text

Status = Literal["running", "completed", "failed", "interrupted"]

PARTS = ("trials", "problems")
"""Folders of a run that hold runs."""

CODE_FOLDER = "code"
"""Where a run keeps the user's own Python code that its model needs."""

SECONDS_TO_END = 30.0
"""How long a worker may take to end after the process that it works for."""

_DIRECTORY_NAME = re.compile(r"(\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)_(.+)_([0-9a-f]{6})")


def copies(files: Iterable[str]) -> dict[str, str]:
    """Return where in a run directory copies of files of code stand, by their paths; no two are called the same."""
    found: dict[str, str] = {}
    for file in files:
        name, number = Path(file).name, 2
        place = f"{CODE_FOLDER}/{name}"
        while place in found.values():
            place, number = f"{CODE_FOLDER}/{number}/{name}", number + 1
        found[file] = place
    return found


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
    def snapshots_path(self) -> Path:
        """What the network gave on a grid over its inputs, epoch by epoch, where there are one or two."""
        return self.path / "snapshots.npz"

    @property
    def checkpoint_path(self) -> Path:
        """What a training needs to go on."""
        return self.path / "checkpoints" / "last.npz"

    @property
    def tensorboard_path(self) -> Path:
        """Event files, in `train/` and `validation/`."""
        return self.path / "tensorboard"

    @property
    def lock_path(self) -> Path:
        """Who is at work here; there only while somebody is, or was killed."""
        return self.path / "lock"

    @property
    def enclosing(self) -> Run | None:
        """The comparison or search that this run is a part of."""
        return Run(self.path.parent.parent) if self.path.parent.name in PARTS else None

    @property
    def place(self) -> Path:
        """Where it stands in the folder of runs: `2026-...`, or `2026-.../trials/0003`."""
        outer = self.enclosing
        return Path(self.path.name) if outer is None else outer.place / self.path.parent.name / self.path.name

    @property
    def label(self) -> str:
        """What tells it from every other run, trials of different searches included: `2026-.../0003`."""
        outer = self.enclosing
        return self.path.name if outer is None else f"{outer.label}/{self.path.name}"

    def trainings(self) -> Iterator[Run]:
        """Yield the run, or of a comparison or search the runs of its trainings, in the order of their names."""
        parts = [Run(path) for folder in PARTS for path in sorted(self.path.glob(f"{folder}/[!.]*/"))]
        if not parts:
            yield self
        for part in parts:
            yield from part.trainings()

    def lock(self) -> Lock:
        """Be the one who is at work here, until the lock is released or this process ends, whatever ends it.

        Raises:
            NnlabError: somebody else is at work here; nothing was touched.
        """
        return Lock(self.lock_path)

    def refuse_if_at_work(self) -> None:
        """Raise if somebody is at work here.

        Raises:
            NnlabError: somebody is.
        """
        refuse_if_held(self.lock_path)

    @property
    def owner(self) -> Owner | None:
        """Who is at work here, or in the comparison or search that this run is a part of."""
        found = owner_of(self.lock_path)
        return found if found is not None or self.enclosing is None else self.enclosing.owner

    @property
    def trials_path(self) -> Path:
        """Of a comparison or search: the folder of its trainings' runs."""
        return self.path / PARTS[0]

    @property
    def problems_path(self) -> Path:
        """Of a comparison on several configs: the folder with a comparison's run for each."""
        return self.path / PARTS[1]

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

    def require_model(self) -> None:
        """Raise if there is no model, and say where one is.

        Raises:
            NnlabError: the run is a search or a comparison, keeps no model, or did not get that far.
        """
        if self.model_path.exists():
            return
        info = self.read_info()
        if "kind" in info:
            message = f"`{self.path}` is a {info['kind']}, and has no model of its own"
            hint = f"`nnlab train {self.best_path}` trains the best" if self.best_path.exists() else None
            trained = next((run.path for run in self.trainings() if run.model_path.exists()), None)
            if trained is not None:
                hint = f"name one of its trainings, such as `{trained}`" + (f"; {hint}" if hint else "")
            raise NnlabError(
                message, hint=hint or f"`nnlab train {self.trials_path}/NAME/config.yaml` trains one of it"
            )
        if info.get("status") == "completed":
            hint = f"`nnlab train {self.config_path}` trains it again, to the same model"
            raise NnlabError(f"`{self.path}` keeps no model, as most trainings of comparisons and searches", hint=hint)
        hint = "the run did not get that far; `nnlab runs show` says how it ended"
        raise NnlabError(f"`{self.path}` has no `{self.model_path.name}`", hint=hint)

    def remove(self) -> None:
        """Delete what a training that was interrupted has left, if it has left something.

        Raises:
            NnlabError: its process outlived the one that it worked for, and does not end.
        """
        deadline = time.monotonic() + SECONDS_TO_END
        while owner_of(self.lock_path) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
        self.refuse_if_at_work()
        shutil.rmtree(self.path, ignore_errors=True)

    def discard(self) -> None:
        """Delete what this process has begun to write here."""
        shutil.rmtree(self.path, ignore_errors=True)

    def keep_code(self, texts: Mapping[str, str]) -> None:
        """Keep copies of files of the user's Python code, given their texts."""
        for file, copy in copies(texts).items():
            (self.path / copy).parent.mkdir(exist_ok=True, parents=True)
            write_text(self.path / copy, texts[file])

    def check_code(self, texts: Mapping[str, str]) -> None:
        """Raise if the copies of the user's code are not what the run was trained with.

        Args:
            texts: what is in the files now.

        Raises:
            NnlabError: with each file that has changed.
        """
        trained_with = self.read_info().get("code", {})
        here = {os.path.realpath(self.path / copy): known for copy, known in trained_with.items()}
        problems = [
            Problem(f"`{file}` has changed since the run was trained with it", "restore it from a copy, or train again")
            for file, text in texts.items()
            if here.get(file, digest(text)) != digest(text)
        ]
        NnlabError.raise_any(problems)

    def write_data(self, record: Mapping[str, Any]) -> None:
        """Write `data.json`: what `DataSpec.to_json` gives."""
        write_text(self.data_path, to_json(record))

    def read_data(self) -> dict[str, Any]:
        """Return the content of `data.json`."""
        return self._read_json("data.json", "ANYTHING")

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Write `run.json`: status, command, seed, versions, hardware, times, error."""
        path = self.path / "run.json"
        try:
            write_text(path, to_json(info))
        except OSError as error:
            reason = {name: text for name, text in (info.get("error") or {}).items() if name != "traceback"}
            short = {**info, "error": reason} if reason else info
            if not is_full(error) or not overwrite(path, to_json(short).encode()):
                raise

    def read_info(self) -> dict[str, Any]:
        """Return the content of `run.json`; a run that nobody is at work in any more is not `running`."""
        info = self._read_json("run.json", "INFO")
        if info.get("status") == "running" and self.owner is None:
            info = self._read_json("run.json", "INFO")  # it may have ended meanwhile
            if info.get("status") == "running":
                info["status"] = "interrupted"
        return info

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics.json`: loss and metrics of the final model on each split."""
        write_text(self.path / "metrics.json", to_json(metrics))

    def read_metrics(self) -> dict[str, Any]:
        """Return the content of `metrics.json`; empty if the run did not get there."""
        return self._read_json("metrics.json", "METRICS") if self._has("metrics.json") else {}

    def rewrite_config(self, config: str) -> None:
        """Of a search: replace the config as resolved, when it is to go on for longer."""
        write_text(self.config_path, config)

    def write_trial(self, id_: str, record: Mapping[str, Any]) -> None:
        """Of a search: write what is known of a trial."""
        write_text(self.trials_path / f"{id_}.json", to_json(record))

    def read_trials(self) -> list[dict[str, Any]]:
        """Of a search: return what is known of its trials, in their order."""
        found = (path for path in self.trials_path.glob("*.json") if path.stem.isdecimal())
        files = sorted(found, key=lambda path: int(path.stem))
        return [self._read_json(f"{PARTS[0]}/{path.name}", "ANYTHING") for path in files]

    def write_best(self, config: str) -> None:
        """Of a search: write the config with the best values."""
        write_text(self.best_path, config)

    def write_results(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Of a comparison or search: write `results.csv` with one row a training."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        write_text(self.path / "results.csv", records_text(rows, names))

    def read_results(self) -> list[dict[str, str]]:
        """Of a comparison or search: return the rows of `results.csv`, as texts."""
        with self.reading("results.csv"), (self.path / "results.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file, strict=True))

    def write_summary(self, document: Mapping[str, Any], text: str) -> None:
        """Of a comparison or search: write `results.json`, and the same to read, `summary.md`."""
        write_text(self.path / "results.json", to_json(document))
        write_text(self.path / "summary.md", text)

    def read_summary(self) -> dict[str, Any]:
        """Of a comparison or search: return the content of `results.json`; empty if it did not get there."""
        return self._read_json("results.json", "ANYTHING") if self._has("results.json") else {}

    def write_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write `history.csv` with one row an epoch."""
        text = records_text(rows, list(rows[0]) if rows else ["epoch"])
        write_bytes(self.history_path, text.encode("utf-8"), at_once=False)

    def write_snapshots(self, content: bytes) -> None:
        """Write `snapshots.npz`; `nnlab.snapshots` says what it holds."""
        write_bytes(self.snapshots_path, content, at_once=False)

    def read_history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`, numbers as floats; empty if there are none."""
        if not self._has(self.history_path.name):
            return []
        with self.reading(self.history_path.name), self.history_path.open(newline="", encoding="utf-8") as file:
            rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file, strict=True)]
            if any("epoch" not in row for row in rows):
                raise ValueError("it has no column `epoch`")
            return rows

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Say which file of the run is damaged, and what to do, where reading it or making use of it fails.

        Args:
            name: of the file.

        Raises:
            NnlabError: it cannot be read, or holds something else than nnlab writes.
        """
        try:
            yield
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or first_line(error)
            if isinstance(error, (LookupError, TypeError, AttributeError)):
                reason = f"it holds something else than nnlab writes ({type(error).__name__}: {reason})"
            hint = "restore it from a copy, or run its `config.yaml` again; other runs do without it"
            raise NnlabError(f"`{self.path / name}` cannot be read: {reason}", hint=hint) from error

    def _has(self, name: str) -> bool:
        return os.path.lexists(self.path / name)

    def _read_json(self, name: str, shape: Literal["INFO", "METRICS", "ANYTHING"]) -> dict[str, Any]:
        with no_interrupts():  # pydantic swallows what is raised while it starts
            from nnlab import records  # and takes longer to import than all else here

        with self.reading(name):
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
            return records.checked(content, getattr(records, shape))


def open_run(text: str, runs_dir: Path) -> Run:
    """Find a run by its path, its directory's name, the id at its end, or the latest of a name.

    The beginning of an id or of a directory's name will do where it is that of one run alone; `RUN/0003` is a trial of
    a search, by the id that its table shows, or a training of a comparison.

    Raises:
        NnlabError: there is no such run.
    """
    for path in (Path(text), runs_dir / text):
        if _is_run(path):
            return Run(path)
    if os.path.isdir(text):  # noqa: PTH112  (takes any text)
        hint = "give a directory that `nnlab train` made; `nnlab runs ls` lists them"
        raise NnlabError(f"`{text}` is no run directory: it has no `run.json`", hint=hint)
    runs = list_runs(runs_dir)
    found = _named(text, runs)
    if found is not None:
        return found
    outer, _, part = text.rpartition("/")
    whole = _named(outer, runs) if outer else None
    if whole is not None:
        for folder in PARTS:
            if _is_run(whole.path / folder / part):
                return Run(whole.path / folder / part)
    named = [match for run in runs if (match := _DIRECTORY_NAME.fullmatch(run.path.name)) is not None]
    choices = [name for match in named for name in (match[2], match[0], match[3])]
    hint = did_you_mean(text, choices) or f"`nnlab runs ls --runs-dir {runs_dir}` lists them"
    raise NnlabError(f"there is no run `{text}`", hint=hint)


def _named(text: str, runs: Sequence[Run]) -> Run | None:
    """Return the latest run whose name or id is the text, else the one whose id or directory begins with it.

    Raises:
        NnlabError: several begin with it.
    """
    wanted = unicodedata.normalize("NFC", text)
    begun = []
    for run in reversed(runs):
        directory = unicodedata.normalize("NFC", run.path.name)
        match = _DIRECTORY_NAME.fullmatch(directory)
        name, id_ = (match[2], match[3]) if match is not None else (directory, "")
        if wanted in (directory, name, id_):
            return run
        if wanted and (id_.startswith(wanted) or directory.startswith(wanted)):
            begun.append(run)
    if len(begun) > 1:
        names = listed([run.path.name for run in begun], most=4)
        raise NnlabError(f"several runs begin with `{text}`: {names}", hint="give one more letter of the one you mean")
    return begun[0] if begun else None


def list_runs(runs_dir: Path) -> list[Run]:
    """Return the runs below a directory, oldest first; none if there is no such directory.

    Raises:
        NnlabError: it is no directory, or cannot be read.
    """
    try:
        return sorted((Run(path) for path in runs_dir.iterdir() if _is_run(path)), key=lambda run: run.path.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        hint = "give the folder that holds the runs with `--runs-dir`"
        raise NnlabError(f"there are no runs in `{runs_dir}`: {error.strerror}", hint=hint) from None


def _is_run(path: Path) -> bool:
    try:
        return (path / "run.json").is_file()
    except PermissionError:
        return _DIRECTORY_NAME.fullmatch(path.name) is not None
    except OSError:  # such as a name that is too long
        return False
