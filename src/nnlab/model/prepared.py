"""An experiment and its data, checked as far as they can be before TensorFlow starts, and before anything trains."""

from __future__ import annotations

from dataclasses import dataclass

from nnlab.config.schema import Experiment
from nnlab.data.splits import Splits
from nnlab.model.inputs import model_splits
from nnlab.model.plan import Plan, plan_model, with_plan
from nnlab.model.values import check_indices, check_targets


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All that a model is built from.

    Args:
        plan: its layers, losses and metrics.
        splits: the data as the model takes and gives them.
        experiment: the config with what the data decided.
    """

    plan: Plan
    splits: Splits
    experiment: Experiment


def prepare_model(experiment: Experiment, splits: Splits) -> Prepared:
    """Plan a model, and check that its data fit it.

    Raises:
        ConfigError: no model can be planned, or a layer, a loss or a metric does not know values that the data hold.
    """
    plan = plan_model(experiment, splits.spec)
    check_targets(experiment.training, plan.outputs, splits)
    rows = model_splits(experiment, splits, plan.outputs)
    check_indices(plan, rows)
    return Prepared(plan, rows, with_plan(experiment, splits.spec, plan))
