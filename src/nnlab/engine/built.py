"""An experiment ready to be trained: the model, with the first weights that its seed gives, and the loop for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from nnlab.config.load import resolved
from nnlab.config.model import SubclassedConfig
from nnlab.config.schema import Experiment
from nnlab.data.features import data_spec
from nnlab.data.splits import Splits
from nnlab.engine.batches import Batches
from nnlab.engine.decision import Decision, EngineChoice
from nnlab.engine.early_stopping import EarlyStopping
from nnlab.engine.growing import GrowingKerasLoop, GrowingLoop
from nnlab.engine.loops import CompiledLoop, KerasLoop, Loop
from nnlab.engine.reuse import LentLoop, Programs, has_plain_numbers, program_key, start_afresh, with_variables
from nnlab.engine.widths import wide_loop
from nnlab.environment import remove_compiled, seal_compiled
from nnlab.errors import ConfigError, ConfigPath, NnlabError, Problem, first_line
from nnlab.layers.backbone import Backbone
from nnlab.model.build import build_model, compile_model
from nnlab.model.objects import run_user_code
from nnlab.model.plan import Plan
from nnlab.model.prepared import prepare_model
from nnlab.model.saved import load_model
from nnlab.model.transfer import PATH as TRANSFER
from nnlab.model.transfer import check_numbers
from nnlab.model.wiring import arrays_of_inputs
from nnlab.private.keras import layers_inside
from nnlab.run import Run, open_run
from nnlab.user_code import prints_apart
from nnlab.wording import counted


@dataclass(frozen=True, slots=True)
class Phase:
    """Epochs in which the same layers are trained.

    Args:
        first_epoch: from 0.
        trained: of the layers that were taken over, how many are trained, the upper ones.
        learning_rate: the optimizer's; `None` for that of the config.
    """

    first_epoch: int
    trained: int
    learning_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """An experiment ready to be trained.

    Args:
        model: compiled, with its first weights.
        plan: its layers, losses and metrics.
        splits: the data as the model takes and gives them.
        taken: the layers that were taken over from another run.
        phases: what the training consists of, in order; a single one if nothing is ever frozen.
        experiment: the config with what the data decided, absolute in all that it names.
        choice: which loop is to train it.
    """

    model: keras.Model
    plan: Plan
    splits: Splits
    taken: Sequence[Any]
    phases: Sequence[Phase]
    experiment: Experiment
    choice: EngineChoice

    @property
    def batches(self) -> Batches:
        """The training rows as the steps of the first epoch take them."""
        return self.batches_by_epoch[0]

    @property
    def batches_by_epoch(self) -> Mapping[int, Batches]:
        """The training rows as steps take them, by the first epoch whose steps do."""
        training, train = self.experiment.training, self.splits.train
        order = None if training.shuffle else self.splits.order_in_source()
        return {
            epoch: Batches(train, size, seed=self.experiment.seed, fixed_order=order)
            for epoch, size in training.batch_sizes(train.count).items()
        }

    def enter(self, phase: Phase) -> None:
        """Freeze and free the layers that were taken over as a phase does, with an optimizer of its own.

        A single phase has all that it needs from the start.
        """
        if len(self.phases) == 1:
            return
        for i, layer in enumerate(self.taken):
            layer.trainable = i >= len(self.taken) - phase.trained
        compile_model(  # else Keras does not see it
            self.model,
            self.experiment,
            self.plan,
            num_train=self.splits.spec.num_train,
            learning_rate=phase.learning_rate,
            first_epoch=phase.first_epoch,
        )

    def early_stopping(self) -> EarlyStopping | None:
        """Return what may stop the last phase early."""
        config = self.experiment.training.early_stopping
        if config is None:
            return None
        return EarlyStopping(frozen_epochs=self.phases[-1].first_epoch, **dict(config.written()))

    def another_model(self) -> keras.Model:
        """Return one more model with the same first weights, of an experiment that has no model but its own."""
        start_afresh(self.experiment.seed, keep_programs=True)
        return build_model(self.experiment, self.splits, self.plan)[0]


def build_seeded(
    experiment: Experiment,
    splits: Splits,
    *,
    runs_dir: Path | None = None,
    trust_code: bool = False,
    keep_programs: bool = False,
    trainings: int = 1,
) -> Built:
    """Build the experiment's model with the weights that its seed gives, and decide how it is computed.

    Args:
        experiment: the typed config.
        splits: the data as loaded.
        runs_dir: where a run that layers are taken over from is looked for by its name.
        trust_code: whether the user's own Python code may run.
        keep_programs: whether programs of earlier trainings are to stay loaded.
        trainings: how many, this one included, can share a compiled program.

    Raises:
        ConfigError: the model cannot be built, or there is no run to take layers from.
        NnlabError: that run's model cannot be loaded.
    """
    run_user_code(experiment, trusted=trust_code)
    prepared = prepare_model(experiment, splits)
    plan, splits, experiment = prepared.plan, prepared.splits, prepared.experiment
    source = None
    transfer = experiment.transfer
    if transfer is not None:
        origin = _transfer_run(transfer.from_, runs_dir)
        source = load_model(origin, trust_code=trust_code)
        settled = replace(transfer, from_=str(origin.path.resolve()))
        assert not isinstance(experiment.model, SubclassedConfig), "its class says what it takes over"
        experiment = replace(experiment, model=replace(experiment.model, transfer=settled))
    decision = Decision(experiment, splits.train.count, trainings)
    decision.set_threads(plan, splits.train.take(slice(1)).x)
    start_afresh(experiment.seed, keep_programs=keep_programs)
    tf.config.experimental.enable_op_determinism()
    with prints_apart(resolved(experiment)):
        model, taken = build_model(experiment, splits, plan, source=source, trust_code=trust_code)
    if transfer is not None:
        check_numbers(taken, model, arrays_of_inputs(experiment.model, splits.spec), splits.spec, data_spec(origin))
    choice = decision.choose_engine(model)
    backbone = _thawed(model, experiment)
    taken = taken if backbone is None else backbone.network.layers
    return Built(model, plan, splits, taken, _phases(experiment, taken, backbone), choice.settle(experiment), choice)


def _phases(experiment: Experiment, taken: Sequence[Any], backbone: Backbone | None) -> Sequence[Phase]:
    """Return what a training consists of.

    Raises:
        ConfigError: more layers shall be trained than were taken over.
    """
    transfer = experiment.transfer
    thaw: Mapping[int, int | str] = {}
    place: ConfigPath
    after: float | None
    place, hint, after = (*TRANSFER, "thaw"), "write `all`", None
    if backbone is not None:
        place, hint, after = ("model",), "lower `thaw_layers`, or leave it out", backbone.learning_rate_after
        thaw = {backbone.freeze_epochs: backbone.thaw_layers or "all"}
    elif transfer is not None:
        thaw = transfer.thaw or ({transfer.freeze_epochs: "all"} if transfer.freeze_epochs else {})
        after = transfer.learning_rate_after
    if not thaw:
        return (Phase(0, len(taken)),)
    with_weights = [i for i, layer in enumerate(taken) if layer.weights]
    phases = [Phase(0, 0)]
    for epoch, layers in thaw.items():
        if layers in ("all", len(with_weights)):  # the others, too, as if they had never been frozen
            phases.append(Phase(epoch, len(taken), after))
        elif int(layers) > len(with_weights):
            there = counted(len(with_weights), "layer")
            message = f"{there} with weights were taken over, and {layers} shall be trained"
            raise ConfigError(Problem(message, hint, (*place, str(epoch)) if backbone is None else place))
        else:  # layers without weights between them go with those below, as nothing of them is trained
            phases.append(Phase(epoch, len(taken) - with_weights[-int(layers)], after))
    return phases


def _thawed(model: keras.Model, experiment: Experiment) -> Backbone | None:
    """Return the backbone that is frozen at first, and trained later.

    Raises:
        ConfigError: there are several, or layers of a run are frozen, too.
    """
    found = [layer for layer in layers_inside(model) if isinstance(layer, Backbone) and layer.freeze_epochs]
    if len(found) > 1 or (found and experiment.transfer is not None):
        message = "layers are frozen for some epochs in several places: one place can be"
        raise ConfigError(Problem(message, "keep one `freeze_epochs`", ("model",)))
    return found[0] if found else None


def _transfer_run(name: str, runs_dir: Path | None) -> Run:
    try:
        return open_run(name, runs_dir or Path("runs"))
    except NnlabError as error:
        raise ConfigError(
            [replace(problem, path=("model", "transfer", "from")) for problem in error.problems]
        ) from None


def make_loop(built: Built, programs: Programs | None = None) -> tuple[Loop, EngineChoice]:
    """Return the loop that was chosen, or another one if the model turns out not to go through it, and say which.

    Args:
        built: what is to be trained.
        programs: loops of earlier trainings, one of which may do.
    """
    choice = built.choice
    choice.set_rewriting()
    if choice.xla:
        try:
            return _with_sound_cache(partial(_compiled, built, programs, xla=True)), choice
        except Exception as error:  # whatever it is, TensorFlow alone may do without it
            choice = replace(choice, xla=False, reason=f"XLA cannot compile the model: {first_line(error)}")
            choice.set_rewriting()
    if choice.used != "keras":
        try:
            loop = _compiled(built, programs, xla=False)
            if choice.used == "fast" or loop.is_exact:
                return loop, choice
            reason = "TensorFlow computes silu, swish and gelu otherwise in Keras's own loop"
        except Exception as error:  # whatever it is, Keras's own loop may do without it, or says it to the user
            reason = f"TensorFlow cannot make one program of the model: {first_line(error)}"
        choice = replace(choice, used="keras", reason=reason)
    sizes = built.batches_by_epoch
    return GrowingKerasLoop(built.model, sizes) if len(sizes) > 1 else KerasLoop(built.model, built.batches), choice


def _compiled(built: Built, programs: Programs | None, *, xla: bool) -> CompiledLoop:
    model, batches = built.model, built.batches
    if len(built.batches_by_epoch) > 1:
        return GrowingLoop(model, built.batches_by_epoch, xla=xla)
    is_one = programs is not None and len(built.phases) == 1  # else what is trained changes
    key = program_key(built.experiment, built.splits) if is_one else None
    if programs is None or key is None:
        return CompiledLoop(model, batches, xla=xla)
    key, another = f"{xla} {built.choice.is_light} {key}", built.another_model
    if built.choice.is_light and not xla and batches.train.in_memory is not None:
        kind = f"any width {program_key(built.experiment, built.splits, of_any_width=True)}"
        wide = wide_loop(programs, (key, kind), model, batches, another)
        if wide is not None:
            return wide

    def make() -> LentLoop:
        # a model whose numbers turn into variables is not the one to be saved
        own = with_variables(another()) if has_plain_numbers(model) else model
        return LentLoop(own, batches, xla=xla, another=another)

    return programs.borrow(key, model, batches, make)


def _with_sound_cache(compile_loop: Callable[[], Loop]) -> Loop:
    """Compile again without the programs kept on disk if one of them is damaged; keep the sums of new ones."""
    try:
        loop = compile_loop()
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError, tf.errors.NotFoundError):
        remove_compiled()
        loop = compile_loop()
    seal_compiled()
    return loop
