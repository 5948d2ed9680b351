"""The finder that Python asks first: it answers for `keras`, `tf_keras` and `tensorflow`."""

from __future__ import annotations

import importlib
import logging
import types
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

from minikeras.alias import table
from minikeras.alias.faces import Face
from minikeras.alias.tensorflow.names import LACKING

# What our classes can do besides while a root is imported.
GIVEN = {
    "keras": "minikeras.alias.keras2_methods",
    "tensorflow": "minikeras.alias.tensorflow.values",
}
_log = logging.getLogger("minikeras")


class Finder(MetaPathFinder):
    """Finds the modules of the table under the roots it was made for.

    Args:
        roots: Top-level packages that it answers for.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self.roots = tuple(roots)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> ModuleSpec | None:
        root = fullname.partition(".")[0]
        if root not in self.roots:
            return None
        if table.canonical(fullname) is None:
            if root == "tensorflow":
                raise ModuleNotFoundError(
                    f"No module named {fullname!r}: {LACKING}",
                    name=fullname,
                )
            return None
        return ModuleSpec(fullname, _FaceLoader(), is_package=True)


class _FaceLoader(Loader):
    """Makes a face; a second name of a module gets the face of the first."""

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        name = table.canonical(spec.name)
        assert name is not None
        if name != spec.name:
            return importlib.import_module(name)
        entry = table.entry(name)
        if entry.note is not None:
            _log.warning(entry.note)
        return Face(name, entry)

    def exec_module(self, module: types.ModuleType) -> None:
        # Python has just written the spec of the second name over that of the first.
        module.__spec__ = module.__dict__.setdefault("_own_spec", module.__spec__)
        if module.__name__ in GIVEN:
            importlib.import_module(GIVEN[module.__name__]).give()

    def get_source(self, fullname: str) -> None:
        """None: there is no file behind it (tools such as `linecache` ask)."""

    def is_package(self, fullname: str) -> bool:
        return True

    def get_code(self, fullname: str) -> Any:
        """None: nothing to run."""
