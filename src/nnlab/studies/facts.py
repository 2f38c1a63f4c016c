"""What the data and the models of a study's configs decide, found without TensorFlow: whether all are judged alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nnlab.catalog import Direction
from nnlab.config.data import FoldConfig
from nnlab.config.load import LoadedConfig, change_config
from nnlab.config.overrides import override
from nnlab.errors import ConfigError, ConfigPath, Problem
from nnlab.objective import Objective, choose_objective
from nnlab.wording import named

if TYPE_CHECKING:
    from nnlab.data.splits import DataSpec, Splits
    from nnlab.model.plan import Plan


@dataclass(frozen=True, slots=True)
class Facts:
    """A config with its data and the plan of its model.

    Args:
        config: the experiment.
        spec: what is known of its data.
        plan: its model's.
        answers: what is to be predicted of the validation rows.
        overlap: see `Scale`.
    """

    config: LoadedConfig
    spec: DataSpec
    plan: Plan
    answers: Any
    overlap: float = 0.0

    @property
    def columns(self) -> dict[str, Direction | None]:
        """The columns of its history, with their directions."""
        from nnlab.model.plan import history_columns

        return history_columns(self.plan.outputs)


class Finder:
    """Finds facts; of the data that were loaded, the first and the latest are kept for other configs.

    Args:
        most: data sets to keep; `None` for all.
        fold: of a cross-validation, which validates in place of the config's own rows.
    """

    def __init__(self, most: int | None = None, fold: FoldConfig | None = None) -> None:
        self._most, self._fold = most, fold
        self._loaded: dict[str, Splits] = {}

    def __call__(self, config: LoadedConfig) -> Facts:
        """Load a config's data and plan its model.

        Raises:
            NnlabError: they do not hold.
        """
        from nnlab.data.loading import load_data
        from nnlab.data.splits import answers_of
        from nnlab.model.prepared import prepare_model

        if self._fold is not None:
            change = override("data.validation", self._fold.plain(), origin=f"--folds {self._fold.of}")
            config = change_config(config, [change])
        experiment = config.experiment
        key = repr((experiment.data, experiment.data_seed))
        if key not in self._loaded:
            splits = load_data(experiment.data, seed=experiment.seed)
            if len(self._loaded) == self._most:
                self._loaded.popitem()
            self._loaded[key] = splits
        found = self._loaded[key]
        plan = prepare_model(experiment, found).plan
        answers = None if found.validation is None else answers_of(found.validation)
        overlap = 0.0 if self._fold is None else found.spec.num_validation / found.spec.num_train
        return Facts(config, found.spec, plan, answers, overlap)


def objective_of(
    all_facts: Sequence[Facts], asked: str | None, *, missing: str, key: str, prefix: str = "", path: ConfigPath = ()
) -> Objective:
    """Return what decides: the metric that is asked for, or the first that decides and that all have.

    Args:
        all_facts: of the configs that are judged.
        asked: a metric's name; `None` for the first.
        missing: says that there is none of its name, which stands at `{}`.
        key: of the config, which names what decides.
        prefix: of columns in messages.
        path: where messages stand.

    Raises:
        ConfigError: not all are judged by the same, or nobody says which values are better.
    """
    from nnlab.model.plan import column_hint, column_scale, deciding_columns

    first, *others = all_facts
    outputs = first.plan.outputs
    shared = {
        name: better
        for name, better in first.columns.items()
        if all(facts.columns.get(name, "none") == better for facts in others)
    }
    if asked is None:
        asked = next(name for name in deciding_columns(outputs) if name in shared)
    metric = asked.removeprefix("val_")
    if metric not in shared:
        hint = column_hint(metric, outputs, shared=shared, prefix=prefix)
        raise ConfigError(Problem(missing.format(named(metric)), hint, path))
    check_alike(metric, all_facts, others=shared, key=key)
    scale = replace(column_scale(metric, first.plan, first.spec), overlap=first.overlap)
    return choose_objective(metric, shared, scale, path=path)


def check_alike(metric: str, all_facts: Sequence[Facts], *, others: Mapping[str, Direction | None], key: str) -> None:
    """Raise if a metric does not mean the same in all configs.

    Args:
        metric: a column that all have.
        all_facts: of the configs.
        others: columns that could decide instead.
        key: of the config, which names what decides.

    Raises:
        ConfigError: it does not.
    """
    from nnlab.model.comparable import column_contents, unlike

    contents = [column_contents(metric, facts.config.experiment, facts.plan.outputs) for facts in all_facts]
    problem = unlike(metric, contents, others=others, key=key)
    if problem is not None:
        raise ConfigError(problem)
