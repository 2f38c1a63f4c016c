"""An experiment ready to be trained: its model, with the first weights that its seed gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nnlab.config.schema import Experiment
from nnlab.data.splits import Splits
from nnlab.engine.reuse import start_afresh
from nnlab.engine.threads import set_threads
from nnlab.errors import ConfigError, NnlabError
from nnlab.model.build import build_model
from nnlab.model.plan import Plan
from nnlab.model.prepared import prepare_model
from nnlab.model.saved import load_model
from nnlab.run import Run, open_run


@dataclass(frozen=True, slots=True)
class Built:
    """An experiment ready to be trained.

    Args:
        model: compiled, with its first weights.
        splits: the data as the model takes and gives them.
        taken: the layers that were taken over from another run.
        experiment: the config with what the data decided, absolute in all that it names.
    """

    model: keras.Model
    plan: Plan
    splits: Splits
    taken: Sequence[Any]
    experiment: Experiment


def build_seeded(
    experiment: Experiment,
    splits: Splits,
    *,
    runs_dir: Path | None = None,
    trust_code: bool = False,
    keep_programs: bool = False,
) -> Built:
    """Build the experiment's model with the weights that its seed gives.

    Args:
        experiment: the typed config.
        splits: the data as loaded.
        runs_dir: where a run that layers are taken over from is looked for by its name.
        trust_code: whether the user's own Python code may run.
        keep_programs: whether programs of earlier trainings are to stay loaded.

    Raises:
        ConfigError: the model cannot be built, or there is no run to take layers from.
        NnlabError: that run's model cannot be loaded.
    """
    prepared = prepare_model(experiment, splits)
    plan, splits, experiment = prepared.plan, prepared.splits, prepared.experiment
    source = None
    transfer = getattr(experiment.model, "transfer", None)
    if transfer is not None:
        origin = _transfer_run(transfer.from_, runs_dir)
        source = load_model(origin, trust_code=trust_code)
        settled = replace(transfer, from_=str(origin.path.resolve()))
        model_config = replace(experiment.model, transfer=settled)
        experiment = replace(experiment, model=model_config)
    set_threads(experiment, plan, splits.train)
    start_afresh(experiment.seed, keep_programs=keep_programs)
    tf.config.experimental.enable_op_determinism()
    model, taken = build_model(experiment, splits, plan, source=source, trust_code=trust_code)
    return Built(model, plan, splits, taken, experiment)


def _transfer_run(name: str, runs_dir: Path | None) -> Run:
    try:
        return open_run(name, runs_dir or Path("runs"))
    except NnlabError as error:
        raise ConfigError(
            [replace(problem, path=("model", "transfer", "from")) for problem in error.problems]
        ) from None
