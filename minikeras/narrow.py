"""`numpy.dtype("bfloat16")` is known after `import minikeras`, which imports no NumPy.

`ml_dtypes` adds the name when it is imported, and it imports NumPy, which takes longer
than all of ours. So it waits until NumPy is there.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _AfterNumpy:
    """A finder that finds NumPy as the others do, once, and has `ml_dtypes` follow it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "numpy":
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                _follow(spec)
                return spec
        return None


def _follow(spec: ModuleSpec) -> None:
    loader: Any = spec.loader
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module  # the class's own again
        run(module)
        importlib.import_module("ml_dtypes")

    loader.exec_module = exec_module


def register() -> None:
    """Import `ml_dtypes` now if NumPy is there, else as soon as it is."""
    if "numpy" in sys.modules:
        importlib.import_module("ml_dtypes")
    else:
        sys.meta_path.insert(0, _AfterNumpy())
