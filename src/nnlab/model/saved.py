"""Saved models and the user's own classes: what Keras needs to make them again."""

from __future__ import annotations

import importlib
import sys
import zipfile
from contextlib import AbstractContextManager, nullcontext
from types import ModuleType
from typing import Any

import keras

from nnlab.config.load import load_config
from nnlab.config.model import SubclassedConfig
from nnlab.errors import NnlabError, Problem, first_line
from nnlab.model.objects import run_user_code
from nnlab.run import Run
from nnlab.user_code import is_reference, object_named, split_reference


def load_model(run: Run, *, trust_code: bool = False) -> keras.Model:
    """Load a run's saved model; `trust_code` says whether Python code that the run keeps may be executed.

    Raises:
        NnlabError: the run keeps no model, Keras cannot read it, or it needs code that is not trusted.
    """
    run.require_model()
    config = load_config(run.config_path)
    run.check_code(config.code)
    run_user_code(config.experiment, trusted=trust_code)
    model = config.experiment.model
    scope: AbstractContextManager[Any] = nullcontext()
    if isinstance(model, SubclassedConfig) and model.is_user_code:
        class_ = user_class(model.class_, trust_code=trust_code)
        scope = keras.saving.custom_object_scope(_classes_in(sys.modules[class_.__module__]))
    try:
        with zipfile.ZipFile(run.model_path) as parts:
            damaged = parts.testzip()  # Keras reads weights on without looking at their checksum
        if damaged is not None:
            raise zipfile.BadZipFile(f"`{damaged}` in it is damaged")
        with scope:
            return keras.saving.load_model(run.model_path)
    except Exception as error:  # Keras reads with several libraries, each with errors of its own
        hint = f"`nnlab train {run.config_path}` trains it again"
        raise NnlabError(f"`{run.model_path}` cannot be loaded: {first_line(error)}", hint=hint) from error


def user_class(text: str, *, trust_code: bool) -> Any:
    """Return a class named as `file.py:Class`, whose file has run, or import one named as `module:Class`.

    Raises:
        NnlabError: the code is not trusted, does not run, or has no such class.
    """
    if is_reference(text):
        found = object_named(text)
    else:
        found = getattr(_module_of(text, trust_code=trust_code), split_reference(text)[1], None)
    if not (isinstance(found, type) and issubclass(found, keras.Model)):
        problem = Problem(
            f"`{text}` is no `keras.Model`", "write `class MyModel(keras.Model): ...`", ("model", "class")
        )
        raise NnlabError(problem)
    return found


def _module_of(text: str, *, trust_code: bool) -> ModuleType:
    place = split_reference(text)[0]
    path = ("model", "class")
    if not trust_code:
        message = f"`{place}` is Python code, which would run with all your rights"
        raise NnlabError(Problem(message, "read it, then add `--trust-code`", path))
    try:
        return importlib.import_module(place)
    except Exception as error:  # whatever the user's code raises is the user's to see
        message = f"`{place}` cannot be imported: {type(error).__name__}: {error}"
        raise NnlabError(Problem(message, "correct the code", path)) from error


def _classes_in(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in vars(module).items() if isinstance(value, type)}
