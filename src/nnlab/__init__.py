"""nnlab: the experiment lab for Keras.

`import nnlab` is all that Keras needs to load a saved model with nnlab's own layers. It imports no Keras itself: the
layers are registered when Keras is imported, so that commands which need no Keras start at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # every command pays for what is imported here
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__version__ = "0.1.0"

_LAYERS = "nnlab.layers"


class _RegisterLayersWithKeras:
    """Imports nnlab's layers, which registers them, right behind Keras."""

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        if fullname != "keras":
            return None
        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            __import__(_LAYERS)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if "keras" in sys.modules:
    __import__(_LAYERS)
else:
    sys.meta_path.insert(0, _RegisterLayersWithKeras())
