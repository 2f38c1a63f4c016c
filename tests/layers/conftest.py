"""What the tests of the layers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def built(config) -> Callable[[str], Any]:
    """Build and compile the model of a `model:` section, for rows of four numbers in three classes."""

    def build(model: str, training: str = "{}") -> Any:
        from nnlab.data.splits import DataSpec, Split, Splits
        from nnlab.data.target_spec import TargetSpec
        from nnlab.model.build import build_model
        from nnlab.model.inputs import model_splits
        from nnlab.model.plan import plan_model

        spec = DataSpec(
            input_shapes={"": (4,)}, feature_names=(), num_train=10, num_validation=5, num_test=0,
            targets={"": TargetSpec("multiclass", (3,), class_names=(), names=(), inferred_task=False)},
        )  # fmt: skip
        experiment = config(f"{{data: iris, model: {model}, training: {training}}}").experiment
        rows = Split({"": np.zeros((10, 4), np.float32)}, {"": np.zeros(10, np.int32)})
        plan = plan_model(experiment, spec)
        splits = model_splits(experiment, Splits(rows, None, None, spec), plan.outputs)
        return build_model(experiment, splits, plan)[0]

    return build
