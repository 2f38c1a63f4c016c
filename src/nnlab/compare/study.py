"""A comparison of an experiment's variants, checked before anything trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from nnlab.compare.agenda import ComparisonAgenda
from nnlab.compare.comparison import Comparison, Contender, Rules
from nnlab.compare.tuning import rate_center, rate_parameter, rate_path, tuned_schedules
from nnlab.compare.variants import Named, Variant, check_different, from_section, load_variants
from nnlab.config.compare import CompareConfig
from nnlab.config.data import FoldConfig
from nnlab.config.durations import steps_before
from nnlab.config.load import LoadedConfig, load_config
from nnlab.config.overrides import Override
from nnlab.errors import ConfigError, Problem
from nnlab.executor import check_threads, threads_of
from nnlab.studies.facts import Facts, Finder, objective_of
from nnlab.studies.study import Study
from nnlab.studies.trial import APART, Draw, every_fold, seeds_from
from nnlab.user_code import check_trust

ALONE = "as-it-is"
"""What the only variant of a cross-validation without others is called."""


def advice_on(variants: Sequence[Variant], metric: str | None) -> tuple[Problem, ...]:
    """Return advice on what variants are judged by.

    Args:
        variants: what is compared.
        metric: what decides, `None` for what decides where none is named.
    """
    from nnlab.model.comparable import penalized

    first = variants[0].config
    if all(variant.config.experiment.model == first.experiment.model for variant in variants):
        return ()
    advice = penalized(first.experiment, metric, key="compare.metric")
    return () if advice is None else (first.locate(advice),)


def prepare(
    path: Path,
    base: Sequence[Override | str],
    choose: Callable[[LoadedConfig], Sequence[Named]] = from_section,
    *,
    tuning_budget: int = 0,
    jobs: int | None = None,
    runs_dir: Path = Path("runs"),
    trust_code: bool = False,
    on_valid: Callable[[], Any] | None = None,
) -> Study[ComparisonAgenda]:
    """Check everything that can be checked before training.

    Args:
        path: the config file.
        base: changes that hold for every variant.
        choose: gives the variants of the loaded config.
        tuning_budget: learning rates to try, if the config does not say.
        jobs: trainings at once; `None` for as many as fit.
        runs_dir: where runs that layers are taken over from are looked for.
        trust_code: whether the user's own Python code may run.
        on_valid: is called when the configs hold, before their data are loaded.

    Raises:
        NnlabError: with the problems of all variants.
    """
    config = load_config(path, base)
    section = config.experiment.compare or CompareConfig()
    named_variants = choose(config) or ([(ALONE, ())] if section.folds else [])
    variants = load_variants(path, base, named_variants, fewest=1 if section.folds else 2)
    for variant in variants:
        check_threads(variant.config, jobs=jobs, threads=threads_of(config))
    check_trust([name for variant in variants for name in variant.config.named_code], trusted=trust_code)
    budget = tuning_budget if section.tuning_budget is None else section.tuning_budget
    if section.tuned_only and not budget:
        hint = "say how many learning rates to try: `--tuning-budget 7`"
        raise ConfigError(Problem("with a tuning budget of 0 nothing is tuned", hint))
    if on_valid is not None:
        on_valid()
    (draw, *_) = every_fold([config.experiment.seed], section.folds, config.experiment.data_seed)
    facts = _facts_of(variants, draw.fold)
    if section.folds:
        judged = [replace(variant, config=each.config) for variant, each in zip(variants, facts, strict=True)]
        check_different(judged, but=" but for the validation rows, which are those of the folds")
    objective = objective_of(
        facts, section.metric, missing="the variants have no metric {} in common", key="compare.metric"
    )
    schedules = tuned_schedules(config, [variant.config for variant in variants])
    if schedules and not budget:
        hint = "say how many learning rates to try with each: `--tuning-budget 7`"
        raise ConfigError(Problem("schedules are tuned together with learning rates, and none are tried", hint))
    seed = config.experiment.seed
    rules = Rules(
        objective,
        seeds_from(seed, section.repeats),
        seeds_from(seed + APART, 1)[0],
        budget,
        section.tuned_only,
        section.target,
        tuple(schedules),
        folds=section.folds,
        data_seed=config.experiment.data_seed,
    )
    contenders = [_contender(i, variant, facts[i], rules) for i, variant in enumerate(variants)]
    study = Study(
        config,
        ComparisonAgenda(config, variants, Comparison(contenders, rules), schedules),
        runs_dir,
        trust_code,
        notes=tuple(dict.fromkeys(note for each in facts for note in each.spec.notes)),
        advice=advice_on(variants, objective.metric),
    )
    if budget:
        _check_different_when_tuned(study)
    return study


def _facts_of(variants: Sequence[Variant], fold: FoldConfig | None) -> list[Facts]:
    """Load the data of all variants and plan their models, without TensorFlow."""
    find = Finder(fold=fold)

    def facts_of(variant: Variant) -> Facts:
        with variant.config.located():
            facts = find(variant.config)
            if not facts.spec.num_validation:
                raise ConfigError(Problem("a comparison needs validation rows", "say how many", ("data", "validation")))
            return facts

    found = ConfigError.of_each(facts_of, variants)
    for variant, facts in zip(variants, found, strict=True):
        if not _same_answers(facts.answers, found[0].answers):
            message = f"`{variants[0].name}` and `{variant.name}` would not be judged on the same validation rows"
            hint = "compare what uses the rows, such as `data.scale`, `data.features` or `data.limit`"
            windows = [each.config.experiment.data.window for each in (variants[0], variant)]
            if None not in windows and windows[0] != windows[1]:
                hint = "say the longest window, `data: {window: {longest: N}}`: all lengths are judged on its rows then"
            raise ConfigError(Problem(message, hint))
    return found


def _same_answers(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether the same is to be predicted of as many rows, in their order, by all outputs, but for rounding."""
    import numpy as np

    if a is b:  # most variants have their data in common
        return True
    return a.keys() == b.keys() and all(
        np.array_equal(a[output].astype(np.float32), b[output].astype(np.float32)) for output in a
    )


def _contender(number: int, variant: Variant, facts: Facts, rules: Rules) -> Contender:
    experiment = variant.config.experiment
    part, parameter = rate_parameter(experiment)
    component = experiment.schedule if part == "schedule" else experiment.optimizer
    assert component is not None
    rate = component.get(parameter) if parameter is not None else None
    if rules.tuning_budget and not rules.schedules and not isinstance(rate, (int, float)):
        hint = "compare without tuning (`--tuning-budget 0`), or take a schedule that starts from the learning rate"
        message = f"the variant `{variant.name}` has no single learning rate to tune: its schedule gives them all"
        raise ConfigError(Problem(message, hint))
    own = float(rate) if isinstance(rate, (int, float)) else None
    center = own if part == "schedule" and own and not rules.schedules else rate_center(experiment)
    before = [steps_before(experiment, facts.spec.num_train, epoch) for epoch in range(experiment.training.epochs + 1)]
    each = [later - earlier for earlier, later in pairwise(before)]
    steps = each if len(set(each)) > 1 else each[0]
    return Contender(number, variant.name, steps, own, rate_path(experiment), center)


def _check_different_when_tuned(study: Study[ComparisonAgenda]) -> None:
    """Refuse variants that differ in nothing but what tuning sets."""
    agenda = study.agenda
    comparison, schedule = agenda.comparison, next(iter(agenda.schedules), None)
    configs = [
        study.job(comparison.trial(contender, 1.0, Draw(0), schedule), Path()).config
        for contender in comparison.contenders
    ]
    check_different(
        [replace(variant, config=config) for variant, config in zip(agenda.variants, configs, strict=True)],
        but=f" but for the learning rate{' and the schedule' * bool(schedule)}, which is tuned",
    )
