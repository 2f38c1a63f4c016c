"""Data: a source -> `Splits(train, validation, test, spec)`.

Importing this package costs nothing; NumPy comes with the first name that is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlab.data.downloads import Availability as Availability
    from nnlab.data.downloads import availability as availability
    from nnlab.data.downloads import locate as locate
    from nnlab.data.loading import load_data as load_data
    from nnlab.data.splits import DataSpec as DataSpec
    from nnlab.data.splits import Scaling as Scaling
    from nnlab.data.splits import Split as Split
    from nnlab.data.splits import Splits as Splits
    from nnlab.data.splits import Task as Task

_MODULES = {
    "Availability": "downloads",
    "DataSpec": "splits",
    "Scaling": "splits",
    "Split": "splits",
    "Splits": "splits",
    "Task": "splits",
    "availability": "downloads",
    "load_data": "loading",
    "locate": "downloads",
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
