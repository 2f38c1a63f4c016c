"""A run's saved model, used as it was trained."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from nnlab.config.load import load_config, resolved
from nnlab.config.schema import Experiment
from nnlab.data.judging import JudgedRows
from nnlab.engine.decision import Decision, use_threads
from nnlab.engine.loops import Evaluation, evaluate_step_by_step, in_order
from nnlab.engine.user_callbacks import made_callbacks, why_step_by_step
from nnlab.model.inputs import model_rows
from nnlab.model.plan import history_columns, plan_model
from nnlab.model.saved import load_model
from nnlab.run import Run
from nnlab.user_code import prints_apart


@dataclass(frozen=True, slots=True)
class Trained:
    """A run's saved model, used as it was trained.

    Args:
        model: compiled, as it was saved.
        experiment: the run's config.
    """

    model: keras.Model
    experiment: Experiment

    @classmethod
    def load(cls, run: Run, *, trust_code: bool = False) -> Trained:
        """Load it, to compute with the threads of the run unless TensorFlow has begun with others.

        Args:
            run: the run.
            trust_code: whether Python code that the run keeps may be executed.

        Raises:
            NnlabError: the run keeps no model, Keras cannot read it, or it needs code that is not trusted.
        """
        experiment = load_config(run.config_path).experiment
        if experiment.training.threads != "auto":
            use_threads(experiment.training.threads)
        with prints_apart(resolved(experiment)):
            return cls(load_model(run, trust_code=trust_code), experiment)

    def evaluate(self, judged: JudgedRows) -> dict[str, float]:
        """Return loss and metrics on rows, dropout off."""
        experiment, spec = judged.experiment, judged.spec
        Decision(experiment, spec.num_train).choose_engine(self.model).set_rewriting()
        outputs, callbacks = plan_model(experiment, spec).outputs, made_callbacks(experiment)
        rows = judged.rows.changed(lambda rows: model_rows(experiment, spec, rows, outputs))
        with prints_apart(resolved(experiment)):
            if why_step_by_step(experiment) is not None:
                figures = evaluate_step_by_step(self.model, rows, callbacks)
            else:
                figures = Evaluation(self.model).evaluate(rows, callbacks)
        return in_order(figures, history_columns(outputs))
