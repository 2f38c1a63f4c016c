"""Rows that a function of the user's own gives."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nnlab.config.data import DataConfig
from nnlab.data.arrays import Held, arrays_of
from nnlab.data.registry import RawData
from nnlab.data.tables import frame_table
from nnlab.errors import DataError, NnlabError, Problem
from nnlab.user_code import definition_of, error_place, object_named, prints_apart, split_reference

_PATH = ("data", "object")
_FORMS = "return `x, y`, `(x, y), (x_test, y_test)`, arrays by name, a DataFrame or a `tf.data.Dataset`"


def read_python(config: DataConfig, *, seed: int) -> RawData:
    """Call the function that `object` names, with `arguments`, and take what it returns for rows.

    An argument `seed` that is not given gets the experiment's.

    Raises:
        NnlabError: the code is not trusted.
        DataError: it fails, or returns something else than rows.
    """
    assert config.object is not None, "the schema requires `object` here"
    file, name = split_reference(config.object)
    arguments = dict(config.arguments or {})
    definition = definition_of(config.object)
    if definition is not None and any(argument.name == "seed" for argument in definition.arguments):
        arguments.setdefault("seed", seed)
    function = object_named(config.object)
    try:
        with prints_apart(config.object):
            found = function(**arguments)
            arrays = {} if _is_frame(found) else _arrays(found, name)
    except NnlabError:
        raise
    except Exception as error:  # whatever the user's code raises is the user's to see
        message = f"`{name}` fails: {type(error).__name__}: {error}"
        raise DataError(Problem(message, error_place(error, file) or "correct the code", path=_PATH)) from error
    if _is_frame(found):
        if config.target is None:
            raise DataError(
                Problem(f"`{name}` returns a table, whose target is not named", "write `target: COLUMN`", _PATH)
            )
        return frame_table(found, config, file)
    frames = [each for each in arrays.values() if _is_frame(each)]
    if frames:
        return _of_frame_and_target(arrays, config, file)
    return arrays_of(Held({key: _as_array(value) for key, value in arrays.items()}), Path(file), config)


def _is_frame(value: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _is_dataset(value: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(value, tensorflow.data.Dataset)


def _arrays(found: Any, name: str) -> dict[str, Any]:
    """Return arrays by the names that an NPZ file has for them.

    Raises:
        DataError: it is no rows.
    """
    if _is_dataset(found):
        return _rows_of(found, name)
    if isinstance(found, Mapping):
        return {str(key): value for key, value in found.items()}
    if isinstance(found, (tuple, list)) and len(found) == 2:
        parts = [part for part in found if isinstance(part, (tuple, list)) and len(part) == 2]
        if len(parts) == 2 and all(np.ndim(each) for part in parts for each in part):
            (x, y), (x_test, y_test) = parts
            return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}
        x, y = found
        return {**(x if isinstance(x, Mapping) else {"x": x}), "y": y}
    raise DataError(Problem(f"`{name}` returns {_kind(found)}, and no rows", _FORMS, path=_PATH))


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a `{type(value).__name__}`"


def _as_array(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype == object and all(isinstance(item, str) for item in array.flat):
        return array.astype(str)
    return array


def _of_frame_and_target(arrays: Mapping[str, Any], config: DataConfig, file: str) -> RawData:
    """Take a table of features and a target that stands beside it, as scikit-learn has them.

    Raises:
        DataError: there is more than that.
    """
    if set(arrays) != {"x", "y"} or not _is_frame(arrays["x"]) or np.ndim(arrays["y"]) != 1:
        hint = "return one DataFrame with the target among its columns"
        raise DataError(Problem("a DataFrame stands beside other arrays here", hint, path=_PATH))
    target = str(getattr(arrays["y"], "name", None) or "y")
    frame = arrays["x"].reset_index(drop=True).assign(**{target: list(arrays["y"])})
    return frame_table(frame, config if config.target is not None else replace(config, target=(target,)), file)


def _rows_of(dataset: Any, name: str) -> dict[str, Any]:
    """Put the rows of a `tf.data.Dataset` of `x, y` together.

    Raises:
        DataError: it does not say how many rows it has, or whether its elements are rows or batches.
    """
    count = int(dataset.cardinality())
    if count < 0:
        message = f"the `tf.data.Dataset` of `{name}` {'never ends' if count == -1 else 'does not say how long it is'}"
        hint = "write `.take(n)`" if count == -1 else "write `.apply(tf.data.experimental.assert_cardinality(n))`"
        raise DataError(Problem(message, hint, path=_PATH))
    spec = dataset.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise DataError(Problem(f"the `tf.data.Dataset` of `{name}` gives no pairs", "let it give `x, y`", path=_PATH))
    named = spec[0] if isinstance(spec[0], Mapping) else {"x": spec[0]}
    specs = [*named.values(), spec[1]]
    is_batched = all(each.shape.rank and each.shape[0] is None for each in specs)
    sizes = {each.shape[0] if each.shape.rank else () for each in specs}
    if not is_batched and len(sizes) == 1 and sizes != {()}:
        message = f"the elements of the `tf.data.Dataset` of `{name}` may be rows or batches"
        raise DataError(Problem(message, "give rows, or batches whose size is open: `.batch(32)`", path=_PATH))
    parts: dict[str, list[Any]] = {key: [] for key in (*named, "y")}
    for x, y in dataset.as_numpy_iterator():
        for key, value in (*(x.items() if isinstance(x, Mapping) else [("x", x)]), ("y", y)):
            parts[key].append(value)
    join = np.concatenate if is_batched else np.stack
    return {key: _decoded(join(values)) for key, values in parts.items()}


def _decoded(array: np.ndarray) -> np.ndarray:
    """Return text as text, which TensorFlow has as bytes."""
    if array.dtype != object:
        return array
    return np.array([item.decode() for item in array.flat]).reshape(array.shape)
